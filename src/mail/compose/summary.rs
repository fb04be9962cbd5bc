//! The facts of the summary and the digest: everything that the first sweep found, or that was held back, in one letter.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    Attachment, Fitting, evidence,
    facts::{Found, repair},
    layout::safe,
};
use crate::{
    diagnosis::Severity,
    mail::Language,
    monitor::{Case, Mended, Notice, NoticeKind},
};

/// How many ready chains are attached.
const ATTACHED: usize = 20;
/// How many findings with a remedy of their own are shown.
const GROUPS: usize = 100;
/// How many endpoints are listed under one finding.
const LISTED: usize = 50;

/// What a summary is made of. Everything is safe to print.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    /// Of the first sweep; otherwise of what was held back.
    first_sweep: bool,
    /// How many there are, at how many endpoints, and how many of them critical.
    findings: usize,
    endpoints: usize,
    critical: usize,
    /// One for each finding and remedy, the worst first.
    groups: Vec<Group>,
    /// The findings for which there was no room.
    more: usize,
    /// What is mended, of what the reader had heard of.
    mended: Vec<Over>,
    /// How many files go with it.
    attached: usize,
}

/// One finding with one remedy, and where it holds.
#[derive(Debug, Serialize)]
struct Group {
    code: String,
    title: String,
    severity: &'static str,
    severity_word: &'static str,
    /// What to do: a sentence.
    hint: Option<String>,
    /// Where it holds: no more than are listed.
    cases: Vec<Row>,
    /// How many these are in all.
    count: usize,
}

#[derive(Debug, Serialize)]
struct Over {
    endpoint: String,
    title: String,
    /// At how many other endpoints.
    others: usize,
}

#[derive(Debug, Serialize)]
struct Row {
    endpoint: String,
    summary: String,
}

impl Summary {
    pub(super) fn of(notice: &Notice, language: Language) -> Self {
        // The same finding may want different things done: a refused port and a lost route are both "unreachable".
        let mut groups: BTreeMap<_, Vec<(&Case, Found)>> = BTreeMap::new();
        for case in &notice.cases {
            let found = Found::of(case, evidence::witness(case), language);
            groups.entry((found.code.clone(), found.hint.clone())).or_default().push((case, found));
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        let worst = |cases: &[(&Case, Found)]| cases.iter().map(|(case, _)| case.member.severity).max();
        groups.sort_by_key(|(_, cases)| (std::cmp::Reverse(worst(cases)), std::cmp::Reverse(cases.len())));
        let more = groups.iter().skip(GROUPS).map(|(_, cases)| cases.len()).sum();
        let groups = groups.into_iter().take(GROUPS).map(|((code, hint), cases)| {
            let worst = worst(&cases).unwrap_or(Severity::Info);
            let row =
                |(case, found): &(&Case, Found)| Row { endpoint: evidence::named_place(case), summary: found.summary.clone() };
            Group {
                title: language.title(&code),
                code,
                severity: worst.name(),
                severity_word: language.severity(worst),
                hint,
                count: cases.len(),
                cases: cases.iter().take(LISTED).map(row).collect(),
            }
        });
        let over = |of: &Mended| Over { endpoint: safe(&of.endpoint), title: language.title(&of.code), others: of.others };
        Summary {
            first_sweep: notice.kind == NoticeKind::Summary,
            mended: notice.mended.iter().map(over).collect(),
            findings: notice.cases.len(),
            endpoints: notice.cases.iter().map(|case| &case.watch.endpoint.name).collect::<BTreeSet<_>>().len(),
            critical: notice.cases.iter().filter(|case| case.member.severity == Severity::Critical).count(),
            groups: groups.collect(),
            more,
            attached: attachments(&notice.cases).len(),
        }
    }
}

impl Fitting for Summary {}

/// `fullchain-NAME.pem` for each case that has a ready chain; names are made unique.
pub(super) fn attachments(cases: &[Case]) -> Vec<Attachment> {
    let mut taken = BTreeSet::new();
    let repaired = cases.iter().filter_map(|case| Some((&case.watch.endpoint.name, repair(case)?)));
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
