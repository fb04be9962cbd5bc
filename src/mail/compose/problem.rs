//! The letter about everything that is neither expiry nor a broken chain.

use super::{
    Draft, evidence,
    layout::{Body, full, sentence},
};
use crate::{
    diagnosis::{Fault, Finding, Judged},
    monitor::{Case, Notice},
    observation::Stage,
};

pub(super) fn letter(notice: &Notice, case: &Case) -> Draft {
    let witness = evidence::witness(case);
    let found = witness.and_then(|judged| judged.diagnosis.finding(&case.member.code));
    let mut text = Body::default();
    text.paragraph(&match found {
        Some(found) => full(&sentence(&found.finding.hint())),
        None => format!("Look at {}.", evidence::named_place(case)),
    });
    let mut rows = vec![
        ("What is wrong", full(&sentence(&case.member.summary))),
        ("Finding", format!("{} ({})", super::layout::safe(&case.member.code), case.member.severity)),
    ];
    if let Some(found) = found {
        rows.push(("Who must act", who(found.finding.fault()).into()));
    }
    if let Some(works_where) = evidence::works_where(notice, case) {
        rows.push(("For clients", full(&works_where)));
    }
    rows.extend(evidence::sightings(case));
    let link = Finding::link(&case.member.code);
    rows.push(("More about it", link.clone()));
    text.facts(&rows);
    if let Some(judged) = witness {
        facts_of_the_visit(&mut text, case, judged);
    }
    Draft {
        subject: super::subject(case, &super::title(&case.member.code)),
        body: text,
        attachments: evidence::attached(notice, case),
        tone: Some(super::tone(case.member.severity)),
        link: Some(link),
    }
}

fn facts_of_the_visit(text: &mut Body, case: &Case, judged: &Judged) {
    if let Some(failure) = judged.observation.failure() {
        text.facts(&[
            ("Failed at", format!("{} ({})", failure.stage, failure.kind.name())),
            ("In detail", full(&sentence(&failure.detail))),
        ]);
    }
    if let Some(chain) = judged.observation.chain() {
        text.facts(&evidence::certificate(&chain.leaf));
        evidence::diagnostic(text, judged);
    }
    text.paragraph("See it yourself:");
    let unresolved = judged.observation.failure().is_some_and(|failure| failure.stage == Stage::Resolve);
    text.verbatim([if unresolved {
        format!("getent ahosts {}", case.watch.endpoint.target.host)
    } else {
        evidence::s_client(case)
    }]);
}

fn who(fault: Fault) -> &'static str {
    match fault {
        Fault::Server => "whoever runs the server",
        Fault::Client => "whoever runs the clients: the trust store or the clock of this machine",
        Fault::Network => "whoever runs the network or the name service between here and the server",
        Fault::Unclear => "it cannot be told from here",
    }
}
