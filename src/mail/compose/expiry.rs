//! The expiry letter, in its three stages: soon, very soon, too late.

use std::sync::Arc;

use super::{
    Draft, evidence,
    layout::{Body, full, list, sentence},
};
use crate::{
    certificate::{Certificate, Facts},
    clock::{Timestamp, date, day, span},
    diagnosis::{Judged, Severity},
    monitor::{Case, Notice},
};

/// How many different certificates are shown.
const SHOWN: usize = 5;

pub(super) fn letter(notice: &Notice, case: &Case) -> Draft {
    let now = notice.at;
    let at_fault = at_fault(case);
    let place = evidence::named_place(case);
    let mut text = Body::default();
    let end = at_fault.iter().filter_map(|group| group.leaf.facts()).map(|facts| facts.not_after).min();
    let (rest, action) = match end {
        Some(end) if case.member.code == "expired" => (
            format!("EXPIRED on {}", day(end)),
            format!(
                "Replace the certificate of {place} now: it expired {} ago, on {}, and clients refuse it.",
                span(end, now),
                date(end)
            ),
        ),
        Some(end) => {
            let urgency = if case.member.severity == Severity::Critical { " now" } else { "" };
            (
                format!("expires in {} ({})", span(now, end), day(end)),
                format!(
                    "Renew the certificate of {place}{urgency} and reload the server: it expires in {}, on {}.",
                    span(now, end),
                    date(end)
                ),
            )
        }
        None => (super::title(&case.member.code), full(&sentence(&case.member.summary))),
    };
    text.paragraph(&action);
    if end.is_some() {
        text.paragraph(if case.member.code == "expired" {
            "If it was renewed already, the server still has the old one loaded: reload it."
        } else {
            "See whether its automatic renewal still runs; a renewed certificate counts only when the server has loaded it."
        });
    }
    text.facts(&evidence::sightings(case));
    for group in at_fault.iter().take(SHOWN) {
        let mut rows = Vec::new();
        if at_fault.len() > 1 {
            rows.push(("Served at", list(&group.addresses, 16)));
        }
        rows.extend(evidence::certificate(group.leaf));
        text.facts(&rows);
    }
    if at_fault.len() > SHOWN {
        text.paragraph(&format!("And {} more certificates.", at_fault.len() - SHOWN));
    }
    text.paragraph("See it yourself:");
    text.verbatim([format!("{} 2>/dev/null | openssl x509 -noout -dates", evidence::s_client(case))]);
    Draft {
        subject: super::subject(case, &rest),
        attachments: evidence::attached(notice, case),
        body: text,
        tone: Some(super::tone(case.member.severity)),
        ..Draft::default()
    }
}

/// A certificate, and where it is served.
struct Group<'a> {
    leaf: &'a Arc<Certificate>,
    addresses: Vec<String>,
}

/// The certificates that end, the first end first; those of the visits that have the finding, or of all when none has.
fn at_fault(case: &Case) -> Vec<Group<'_>> {
    let has_it = |judged: &&Arc<Judged>| judged.diagnosis.finding(&case.member.code).is_some();
    let mut chosen: Vec<&Arc<Judged>> = case.seen.iter().filter(has_it).collect();
    if chosen.is_empty() {
        chosen = case.seen.iter().collect();
    }
    let mut groups: Vec<Group<'_>> = Vec::new();
    for judged in chosen {
        let Some(chain) = judged.observation.chain() else { continue };
        let address = judged.observation.address.map(|address| address.to_string());
        match groups.iter_mut().find(|group| group.leaf.fingerprint == chain.leaf.fingerprint) {
            Some(group) => group.addresses.extend(address),
            None => groups.push(Group { leaf: &chain.leaf, addresses: address.into_iter().collect() }),
        }
    }
    groups.sort_by_key(|group| group.leaf.facts().map_or(Timestamp::MAX, end));
    groups
}

fn end(facts: &Facts) -> Timestamp {
    facts.not_after
}
