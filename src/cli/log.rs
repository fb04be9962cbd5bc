//! What is logged, and how it reaches standard error.

use std::{
    ffi::OsStr,
    fmt,
    io::{self, IsTerminal as _},
    os::unix::fs::MetadataExt as _,
};

use anyhow::Context as _;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{
    EnvFilter,
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{Format, Full, Writer},
    },
    registry::LookupSpan,
};

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// For people; where standard error leads to the journal, as the journal wants it
    #[default]
    Text,
    /// One JSON object a line: timestamp, level, message, target (the module), and the facts
    Json,
}

/// Logs go to standard error; what is logged is said by `CERTVIGIL_LOG`, by level and module, and otherwise by `default`.
pub(super) fn start(default: &str, format: LogFormat) -> anyhow::Result<()> {
    let wanted = std::env::var("CERTVIGIL_LOG").unwrap_or_else(|_| default.to_owned());
    let filter =
        EnvFilter::try_new(&wanted).with_context(|| format!("CERTVIGIL_LOG: \"{wanted}\" is no filter; write info or debug"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Json => builder.json().flatten_event(true).init(),
        LogFormat::Text if is_journal() => builder.with_ansi(false).event_format(Journal::new()).init(),
        LogFormat::Text => builder.with_target(false).with_ansi(io::stderr().is_terminal()).init(),
    }
    Ok(())
}

/// Whether standard error is the journal itself: `JOURNAL_STREAM` alone is inherited by whatever a unit starts, also where that has
/// another standard error (systemd.exec(5)).
pub(super) fn is_journal() -> bool {
    let named = std::env::var_os("JOURNAL_STREAM");
    let Ok(stream) = std::fs::metadata("/proc/self/fd/2") else { return false };
    named.is_some_and(|named| is_stream(&named, stream.dev(), stream.ino()))
}

fn is_stream(named: &OsStr, device: u64, inode: u64) -> bool {
    named.to_str().is_some_and(|named| named == format!("{device}:{inode}"))
}

/// A line for the journal: the level as the number before it (sd-daemon(3)), so that `journalctl -p warning` can choose; neither time
/// nor colour, which the journal has itself.
struct Journal(Format<Full, ()>);

impl Journal {
    fn new() -> Self {
        Journal(Format::default().without_time().with_target(false).with_level(false).with_ansi(false))
    }
}

impl<S, N> FormatEvent<S, N> for Journal
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        out.write_str(priority(*event.metadata().level()))?;
        self.0.format_event(context, out, event)
    }
}

/// syslog(3)'s number of a level, before a line.
fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => ERROR,
        Level::WARN => "<4>",
        Level::INFO => "<6>",
        _ => "<7>",
    }
}

/// What an error's line begins with in the journal.
pub(super) const ERROR: &str = "<3>";

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic while held").write(octets)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Lines {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn a_line_for_the_journal_begins_with_its_level() {
        let lines = Lines::default();
        let builder = tracing_subscriber::fmt().with_writer(lines.clone()).with_ansi(false).with_max_level(Level::DEBUG);
        tracing::subscriber::with_default(builder.event_format(Journal::new()).finish(), || {
            tracing::error!("an error");
            tracing::warn!(endpoint = "a.org", "a warning");
            tracing::info!("a word");
            tracing::debug!("a detail");
        });
        let written = String::from_utf8(lines.0.lock().expect("no panic while held").clone()).expect("UTF-8");
        assert_eq!(written, "<3>an error\n<4>a warning endpoint=\"a.org\"\n<6>a word\n<7>a detail\n");
    }

    #[test]
    fn only_the_stream_that_is_named_is_the_journal() {
        assert!(is_stream(OsStr::new("8:4711"), 8, 4711));
        assert!(!is_stream(OsStr::new("8:4711"), 8, 4712));
        assert!(!is_stream(OsStr::new(""), 8, 4711));
    }
}
