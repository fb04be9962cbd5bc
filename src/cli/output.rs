//! What reaches the terminal.

use std::{io::Write as _, process::ExitCode};

use crate::{
    clock::Timestamp,
    diagnosis::{Judged, Status},
    report::{self, Subject},
};

use super::{Judging, USAGE};

/// One paragraph on standard output. A reader that has gone away is no reason to panic.
pub(super) fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// One paragraph on standard error.
pub(super) fn warn(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// An error and its causes, in one line each.
pub(super) fn error(error: &anyhow::Error) {
    warn(&format!("error: {error}"));
    for cause in error.chain().skip(1) {
        warn(&format!("  because: {cause}"));
    }
}

/// One judged observation in the form that was asked for.
pub(super) fn show(subject: Subject<'_>, judged: &Judged, judging: &Judging, now: Timestamp) {
    let text = if judging.json {
        report::json(subject, judged)
    } else if judging.evidence {
        report::evidence(subject, judged, now)
    } else {
        report::text(subject, judged, now)
    };
    say(&text);
}

/// The monitoring plugins' exit status; the worst counts.
pub(super) fn exit_status(worst: Status) -> ExitCode {
    ExitCode::from(match worst {
        Status::Ok | Status::Info => 0,
        Status::Warning => 1,
        Status::Critical => 2,
        Status::Unknown => USAGE,
    })
}
