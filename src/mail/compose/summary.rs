//! The facts of the summary and the digest: everything that the first sweep found, or that was held back, in one letter.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    Attachment, Fitting, evidence,
    facts::{Found, repair},
    forward,
    layout::safe,
};
use crate::{
    diagnosis::Severity,
    mail::{Language, Settings},
    monitor::{Case, Mended, Notice, NoticeKind},
};

/// How many ready chains are attached.
const ATTACHED: usize = 20;
/// How many letters are attached.
const LETTERS: usize = 10;
/// How many findings with a remedy of their own are shown.
const GROUPS: usize = 100;
/// How many endpoints are listed under one finding.
const LISTED: usize = 50;

/// What a summary is made of. Everything is safe to print.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    /// Of the first sweep; otherwise of what was held back, or meant for somebody else.
    first_sweep: bool,
    /// It was meant for somebody else.
    in_place: bool,
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
    /// How many full chains go with it.
    attached: usize,
    /// How many letters to those who run a server go with it.
    letters: usize,
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
    pub(super) fn of(notice: &Notice, settings: &Settings, language: Language) -> Self {
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
            in_place: notice.in_place_of.is_some(),
            mended: notice.mended.iter().map(over).collect(),
            findings: notice.cases.len(),
            endpoints: notice.cases.iter().map(|case| &case.watch.endpoint.name).collect::<BTreeSet<_>>().len(),
            critical: notice.cases.iter().filter(|case| case.member.severity == Severity::Critical).count(),
            groups: groups.collect(),
            more,
            attached: chains(&notice.cases).len(),
            letters: letters(notice, settings).len(),
        }
    }
}

impl Fitting for Summary {}

/// What goes with it: the ready chains, and the letters to those who run the servers that lack them.
pub(super) fn attachments(notice: &Notice, settings: &Settings) -> Vec<Attachment> {
    [chains(&notice.cases), letters(notice, settings)].concat()
}

/// `fullchain-NAME.pem` for each case that has a ready chain.
fn chains(cases: &[Case]) -> Vec<Attachment> {
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
        let name = unique(&mut taken, &format!("fullchain-{}", file_name(endpoint)), "pem");
        attachments.push(Attachment { name, text: repair.to_pem() });
    }
    attachments
}

/// `letter-NAME.eml` for each broken chain whose admin is not written to: ready to be sent on.
fn letters(notice: &Notice, settings: &Settings) -> Vec<Attachment> {
    let mut taken = BTreeSet::new();
    let named = |(case, letter): (&Case, Attachment)| {
        let name = unique(&mut taken, &format!("letter-{}", file_name(&case.watch.endpoint.name)), "eml");
        Attachment { name, ..letter }
    };
    forward::drafts(notice, settings).take(LETTERS).map(named).collect()
}

/// `STEM.KIND`, or with a number where that is taken.
fn unique(taken: &mut BTreeSet<String>, stem: &str, kind: &str) -> String {
    let mut name = format!("{stem}.{kind}");
    for number in 2.. {
        if taken.insert(name.clone()) {
            break;
        }
        name = format!("{stem}-{number}.{kind}");
    }
    name
}

/// Letters, digits, dots and dashes of a name; neither a leading dot nor anything that a shell or a file system reads otherwise.
fn file_name(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._".contains(c);
    let name = safe(name);
    let words: Vec<&str> = name.split(|c| !plain(c)).map(|word| word.trim_matches('.')).filter(|word| !word.is_empty()).collect();
    let plain: String = words.join("-").chars().take(60).collect();
    if plain.is_empty() { "endpoint".into() } else { plain }
}
