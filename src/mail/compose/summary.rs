//! The summary: everything that the first sweep found, in one letter.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Attachment, Draft, evidence,
    layout::{Body, SUBJECT, count, full, safe, sentence},
};
use crate::{
    certificate::printable_cut,
    diagnosis::Severity,
    monitor::{Case, Notice},
};

/// How many ready chains are attached.
const ATTACHED: usize = 20;
/// How many endpoints are listed under one finding.
const LISTED: usize = 50;

pub(super) fn letter(notice: &Notice) -> Draft {
    // The same finding may want different things done: a refused port and a lost route are both "unreachable".
    let mut groups: BTreeMap<(&str, Option<String>), Vec<&Case>> = BTreeMap::new();
    for case in &notice.cases {
        groups.entry((&case.member.code, hint(case))).or_default().push(case);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|((code, _), cases)| (std::cmp::Reverse(worst(cases)), std::cmp::Reverse(cases.len()), *code));

    let endpoints = notice.cases.iter().map(|case| &case.watch.endpoint.name).collect::<BTreeSet<_>>().len();
    let critical = notice.cases.iter().filter(|case| case.member.severity == Severity::Critical).count();
    let found = format!("{} at {}", count(notice.cases.len(), "finding"), count(endpoints, "endpoint"));
    let mut text = Body::default();
    text.paragraph(&match critical {
        0 if notice.cases.is_empty() => "Nothing is to be done: the sweep found nothing wrong.".to_owned(),
        0 => "Look through these in the next days: nothing is broken yet.".to_owned(),
        1 => "Look at the critical one first: clients fail there, or soon will.".to_owned(),
        _ => format!("Look at the {critical} critical ones first: clients fail there, or soon will."),
    });
    text.paragraph(&format!(
        "certvigil has looked at everything for the first time and has {found} for you. From now on it writes only when \
         something changes."
    ));
    let attachments = attachments(&notice.cases);
    for ((code, hint), cases) in &groups {
        group(&mut text, code, hint.as_deref(), cases);
    }
    if !attachments.is_empty() {
        text.paragraph(&format!(
            "Attached {}: the full chain for each server that leaves out an intermediate, leaf first, ready to be served. \
             They hold public certificates only.",
            if attachments.len() == 1 { "is 1 file".to_owned() } else { format!("are {} files", attachments.len()) }
        ));
    }
    Draft {
        subject: printable_cut(&format!("First sweep: {found}"), SUBJECT),
        body: text,
        tone: Some(super::tone(notice.cases.iter().map(|case| case.member.severity).max().unwrap_or(Severity::Info))),
        attachments,
        ..Draft::default()
    }
}

/// What is to be done about a case.
fn hint(case: &Case) -> Option<String> {
    Some(evidence::witness(case)?.diagnosis.finding(&case.member.code)?.finding.hint())
}

/// One finding with one remedy: what to do, once, and a line for each endpoint that has it.
fn group(text: &mut Body, code: &str, hint: Option<&str>, cases: &[&Case]) {
    text.heading(&format!("{} ({}, {})", full_title(code), worst(cases), count(cases.len(), "endpoint")));
    if let Some(hint) = hint {
        text.paragraph(&format!("What to do: {}", full(&sentence(hint))));
    }
    let shown = cases.iter().take(LISTED);
    let mut items: Vec<String> =
        shown.map(|case| format!("{}: {}", evidence::named_place(case), sentence(&case.member.summary))).collect();
    if cases.len() > LISTED {
        items.push(format!("and {} more, which the status page lists", cases.len() - LISTED));
    }
    text.items(items);
}

fn full_title(code: &str) -> String {
    full(&super::title(code)).trim_end_matches('.').to_owned()
}

fn worst(cases: &[&Case]) -> Severity {
    cases.iter().map(|case| case.member.severity).max().unwrap_or(Severity::Info)
}

/// `fullchain-NAME.pem` for each case that has a ready chain; names are made unique.
fn attachments(cases: &[Case]) -> Vec<Attachment> {
    let mut taken = BTreeSet::new();
    let repaired = cases.iter().filter_map(|case| {
        let repair = case.seen.iter().find_map(|judged| judged.diagnosis.repair.as_ref())?;
        Some((&case.watch.endpoint.name, repair))
    });
    let mut attachments = Vec::new();
    let mut seen = BTreeSet::new();
    for (endpoint, repair) in repaired {
        if attachments.len() == ATTACHED {
            break;
        }
        if !seen.insert(endpoint) {
            continue;
        }
        let stem = format!("fullchain-{}", file_name(endpoint));
        let mut name = format!("{stem}.pem");
        for number in 2.. {
            if taken.insert(name.clone()) {
                break;
            }
            name = format!("{stem}-{number}.pem");
        }
        attachments.push(Attachment { name, text: repair.to_pem() });
    }
    attachments
}

/// Letters, digits, dots and dashes of a name; neither a leading dot nor anything that a shell or a file system reads otherwise.
fn file_name(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._".contains(c);
    let name = safe(name);
    let words: Vec<&str> = name.split(|c| !plain(c)).map(|word| word.trim_matches('.')).filter(|word| !word.is_empty()).collect();
    let plain: String = words.join("-").chars().take(60).collect();
    if plain.is_empty() { "endpoint".into() } else { plain }
}
