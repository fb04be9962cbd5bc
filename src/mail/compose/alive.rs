//! The facts of the letter that tells the operators that certvigil watches.

use serde::Serialize;

use super::{
    Draft, Fitting,
    layout::{safe, sentence},
};
use crate::{
    clock::Timestamp,
    diagnosis::Severity,
    mail::{Language, Settings},
    monitor::{Alive, End, Standing},
};

/// What it is made of. Everything is safe to print.
#[derive(Debug, Serialize)]
struct Facts {
    endpoints: usize,
    /// How many incidents are open.
    open: usize,
    /// How many of each severity that there is, the worst first.
    severities: Vec<Count>,
    worst: Vec<Worst>,
    /// How many are not among these.
    more: usize,
    visits: u64,
    /// Mails that arrived, and that were refused for good.
    sent: u64,
    refused: u64,
    /// From when on visits and mails are counted.
    since: String,
    waiting: usize,
    silences: usize,
    ends: Vec<Ends>,
    /// What is wrong with certvigil itself: sentences, in English.
    troubles: Vec<String>,
    version: &'static str,
    /// When the next one is due.
    next: String,
}

#[derive(Debug, Serialize)]
struct Count {
    severity_word: &'static str,
    count: usize,
}

#[derive(Debug, Serialize)]
struct Worst {
    endpoint: String,
    others: usize,
    title: String,
    severity: &'static str,
    severity_word: &'static str,
    since: String,
}

#[derive(Debug, Serialize)]
struct Ends {
    endpoint: String,
    others: usize,
    date: String,
    /// How far it is from now: `6 days`.
    span: String,
}

impl Fitting for Facts {}

pub(super) fn draft(alive: &Alive, at: Timestamp, settings: &Settings, language: Language) -> Draft {
    let count = |(severity, count): (&Severity, &usize)| Count { severity_word: language.severity(*severity), count: *count };
    let worst = |it: &Standing| Worst {
        endpoint: safe(&it.endpoint),
        others: it.others,
        title: language.title(&it.code),
        severity: it.severity.name(),
        severity_word: language.severity(it.severity),
        since: language.date(it.since),
    };
    let ends = |it: &End| Ends {
        endpoint: safe(&it.endpoint),
        others: it.others,
        date: language.date(it.at),
        span: language.span(at, it.at),
    };
    let open = alive.open.values().sum();
    let mut facts = Facts {
        endpoints: alive.endpoints,
        open,
        severities: alive.open.iter().rev().map(count).collect(),
        worst: alive.worst.iter().map(worst).collect(),
        more: open.saturating_sub(alive.worst.len()),
        visits: alive.visits,
        sent: alive.mails.0,
        refused: alive.mails.1,
        since: language.date(alive.since),
        waiting: alive.waiting,
        silences: alive.silences,
        ends: alive.ends.iter().map(ends).collect(),
        troubles: alive.troubles.iter().map(|trouble| sentence(trouble)).collect(),
        version: env!("CARGO_PKG_VERSION"),
        next: language.date(alive.next),
    };
    let tone = Some(if alive.troubles.is_empty() { "ok" } else { "warning" });
    Draft { tone, ..Draft::written(settings, language, "alive.txt", &mut facts) }
}
