//! The facts of a letter to the operators: our own network or resolver is the likely fault, or was.

use serde::Serialize;

use super::{Draft, Fitting, layout::safe};
use crate::{
    clock::elapsed,
    mail::{Language, Settings},
    monitor::OwnFault,
};

/// What it is made of. Everything is safe to print.
#[derive(Debug, Serialize)]
struct Own {
    /// `network` or `resolver`.
    kind: &'static str,
    /// How many addresses, or names, of how many.
    lost: usize,
    all: usize,
    since: String,
    /// When it was over, and how long it had lasted; nothing while it lasts.
    until: Option<String>,
    lasted: Option<String>,
    /// The most frequent first.
    failures: Vec<Way>,
}

/// How visits failed, and at how many endpoints.
#[derive(Debug, Serialize)]
struct Way {
    how: String,
    count: usize,
}

impl Fitting for Own {}

pub(super) fn draft(fault: &OwnFault, settings: &Settings, language: Language) -> Draft {
    let mut facts = Own {
        kind: fault.kind.name(),
        lost: fault.lost,
        all: fault.of,
        since: language.date(fault.since),
        until: fault.until.map(|until| language.date(until)),
        lasted: fault.until.map(|until| elapsed(fault.since, until)),
        failures: fault.failures.iter().map(|(how, count)| Way { how: safe(how), count: *count }).collect(),
    };
    let tone = Some(if fault.until.is_some() { "ok" } else { "critical" });
    Draft { tone, ..Draft::written(settings, language, "own.txt", &mut facts) }
}
