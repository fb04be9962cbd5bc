//! The facts of a letter to the operators: our own network, resolver, clock or trust store is the likely fault, or was.

use serde::Serialize;

use super::{Draft, Fitting, layout::safe};
use crate::{
    clock::{earlier, elapsed},
    mail::{Language, Settings},
    monitor::{ClockEvidence, OwnFault},
};

/// What it is made of. Everything is safe to print.
#[derive(Debug, Serialize)]
struct Own {
    /// `network`, `resolver`, `clock` or `trust`.
    kind: &'static str,
    /// How many addresses, names or certificates, of how many.
    lost: usize,
    all: usize,
    since: String,
    /// When it was over, and how long it had lasted; nothing while it lasts.
    until: Option<String>,
    lasted: Option<String>,
    /// The most frequent first.
    failures: Vec<Way>,
    /// What speaks against the clock: `before_build`, `went_back`, `not_yet_valid`, `ended`; nothing where it is not in doubt.
    evidence: Option<&'static str>,
    /// When the program was made, or what the clock showed before.
    before: Option<String>,
}

/// How visits failed, and at how many endpoints.
#[derive(Debug, Serialize)]
struct Way {
    how: String,
    count: usize,
}

impl Fitting for Own {}

pub(super) fn draft(fault: &OwnFault, settings: &Settings, language: Language) -> Draft {
    let (evidence, before) = match fault.clock {
        Some(ClockEvidence::BeforeBuild(built)) => (Some("before_build"), Some(built)),
        Some(ClockEvidence::WentBack(before)) => (Some("went_back"), Some(before)),
        Some(ClockEvidence::NotYetValid) => (Some("not_yet_valid"), None),
        Some(ClockEvidence::Ended(before)) => (Some("ended"), Some(before)),
        None => (None, None),
    };
    let mut facts = Own {
        kind: fault.kind.name(),
        lost: fault.lost,
        all: fault.of,
        since: language.date(fault.since),
        until: fault.until.map(|until| language.date(until)),
        lasted: fault.until.map(|until| elapsed(earlier(until, fault.lasted), until)),
        failures: fault.failures.iter().map(|(how, count)| Way { how: safe(how), count: *count }).collect(),
        evidence,
        before: before.map(|at| language.date(at)),
    };
    let tone = Some(if fault.until.is_some() { "ok" } else { "critical" });
    Draft { tone, ..Draft::written(settings, language, "own.txt", &mut facts) }
}
