//! The facts of a letter to the operators: the state cannot be written, or was damaged.

use serde::Serialize;

use super::{Draft, Fitting, layout::sentence};
use crate::{
    clock::elapsed,
    mail::{Language, Settings},
    monitor::StateTrouble,
};

/// What it is made of. Everything is safe to print.
#[derive(Debug, Serialize)]
struct Facts {
    /// The former state was damaged, and a new one begun.
    set_aside: bool,
    /// The system's words, or the file that the damaged state lies in.
    why: String,
    since: String,
    /// When it was over, and how long it had lasted; nothing while it lasts.
    until: Option<String>,
    lasted: Option<String>,
}

impl Fitting for Facts {}

pub(super) fn draft(trouble: &StateTrouble, settings: &Settings, language: Language) -> Draft {
    let mut facts = Facts {
        set_aside: trouble.is_set_aside,
        why: sentence(&trouble.why),
        since: language.date(trouble.since),
        until: trouble.until.map(|until| language.date(until)),
        lasted: trouble.until.map(|until| elapsed(trouble.since, until)),
    };
    let tone = Some(if trouble.until.is_some() { "ok" } else { "critical" });
    Draft { tone, ..Draft::written(settings, language, "state.txt", &mut facts) }
}
