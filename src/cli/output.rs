//! What reaches the terminal.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use anyhow::Context as _;

use crate::{
    diagnosis::{Judged, Status, Views},
    report::{self, Subject},
};

use super::{UNKNOWN, judging::Judging, log};

/// One paragraph on standard output.
pub(super) fn say(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    printed(writeln!(out, "{text}").and_then(|()| out.flush()))
}

/// What came of writing to standard output. A reader that has gone away has seen enough; a full disk has not.
pub(super) fn printed(outcome: io::Result<()>) -> anyhow::Result<()> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome.context("cannot write to standard output"),
    }
}

/// One paragraph on standard error.
pub(super) fn warn(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// An error and its causes, in one line each.
pub(super) fn error(error: &anyhow::Error) {
    let level = if log::is_journal() { log::ERROR } else { "" };
    for line in lines(error).iter().flat_map(|line| line.lines()) {
        warn(&format!("{level}{line}"));
    }
}

/// Some errors quote their cause, which is then not said again.
fn lines(error: &anyhow::Error) -> Vec<String> {
    let mut lines = vec![format!("error: {error}")];
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !lines.last().is_some_and(|above| above.contains(&cause)) {
            lines.push(format!("  because: {cause}"));
        }
    }
    lines
}

/// One judged observation in the form that was asked for. `healthy_briefly`: where there is no finding, one line will do.
///
/// `views` is asked only where they are shown.
pub(super) fn show(
    subject: Subject<'_>,
    judged: &Judged,
    judging: &Judging,
    healthy_briefly: bool,
    views: impl FnOnce() -> Option<Views>,
) -> anyhow::Result<()> {
    let clients = |text: String, views: Option<Views>| text + &views.as_ref().map(report::clients).unwrap_or_default();
    let as_of = judging.at.unwrap_or(judged.observation.at);
    say(&if judging.json {
        report::json(subject, judged, views().as_ref())
    } else if judging.evidence {
        clients(report::evidence(subject, judged, as_of), views())
    } else if healthy_briefly && judged.diagnosis.findings.is_empty() {
        report::line(subject, judged, as_of)
    } else {
        clients(report::text(subject, judged, as_of), views())
    })
}

/// The monitoring plugins' exit status; the worst counts.
pub(super) fn exit_status(worst: Status) -> ExitCode {
    ExitCode::from(match worst {
        Status::Ok | Status::Info => 0,
        Status::Warning => 1,
        Status::Critical => 2,
        Status::Unknown => UNKNOWN,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_was_quoted_is_not_said_again() {
        let full = || io::Error::other("no space left");
        let quoting = anyhow::Error::new(full()).context("cannot write: no space left").context("cannot start");
        assert_eq!(lines(&quoting), ["error: cannot start", "  because: cannot write: no space left"]);
        assert_eq!(lines(&anyhow::Error::new(full()).context("it failed")), ["error: it failed", "  because: no space left"]);
    }
}
