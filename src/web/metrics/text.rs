//! The grammar of the two text formats: heads, series, labels, escapes.
//!
//! Prometheus's text format 0.0.4 and OpenMetrics 1.0 differ in their heads, in how a bound is written, and in the last line.

use std::{
    fmt::{Display, Write as _},
    time::Duration,
};

use crate::certificate::{hex, printable_cut, push_hex};

/// How a scrape is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::web) enum Format {
    /// Prometheus's text format 0.0.4.
    #[default]
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// What follows the last family.
    pub(super) fn end(self) -> &'static str {
        match self {
            Format::Text => "",
            Format::OpenMetrics => "# EOF\n",
        }
    }
}

/// Writes the lines of one family.
pub(super) struct Lines<'a> {
    out: &'a mut String,
    format: Format,
    name: &'a str,
    /// Certificates that were left out, for their position.
    pub(super) positions_cut: usize,
    /// Texts of strangers that were cut.
    pub(super) texts_cut: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(out: &'a mut String, format: Format, name: &'a str) -> Self {
        Lines { out, format, name, positions_cut: 0, texts_cut: 0 }
    }

    /// How much is written, what came before included, in octets.
    pub(super) fn length(&self) -> usize {
        self.out.len()
    }

    /// What the family is. The help is ours and needs no escape.
    pub(super) fn head(&mut self, kind: &str, help: &str) {
        debug_assert!(!help.contains(['\\', '"', '\n']), "a help text is plain");
        let _ = match self.format {
            Format::Text => writeln!(self.out, "# HELP {0} {help}\n# TYPE {0} {kind}", self.name),
            Format::OpenMetrics => {
                // There a family is named without the suffix of its series.
                let (family, kind) = match kind {
                    "counter" => (self.name.trim_end_matches("_total"), kind),
                    "gauge" if self.name.ends_with("_info") => (self.name.trim_end_matches("_info"), "info"),
                    _ => (self.name, kind),
                };
                let _ = writeln!(self.out, "# TYPE {family} {kind}");
                if let Some(unit) = ["seconds", "bytes"].into_iter().find(|unit| family.ends_with(unit)) {
                    let _ = writeln!(self.out, "# UNIT {family} {unit}");
                }
                writeln!(self.out, "# HELP {family} {help}")
            }
        };
    }

    /// One series with labels of ours. Values are finite by type: integers, or floats that the caller has looked at.
    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.suffixed("", labels, value);
    }

    /// One series of a histogram: `_bucket`, `_sum`, `_count`.
    pub(super) fn suffixed(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        let mut series = self.begin(suffix);
        for (label, text) in labels {
            series.label(label, text);
        }
        series.close();
        let _ = writeln!(self.out, " {value}");
    }

    /// A bucket's bound as the value of `le`; OpenMetrics wants to see that it is a float.
    pub(super) fn bound(&self, bound: f64) -> String {
        match self.format {
            Format::OpenMetrics => format!("{bound:?}"),
            Format::Text => bound.to_string(),
        }
    }

    /// One series that begins with these labels, already written.
    pub(super) fn of(&mut self, labels: &str) -> Series<'_, 'a> {
        // And what mostly follows.
        self.out.reserve(self.name.len() + labels.len() + 32);
        let mut series = self.series();
        series.push("{");
        series.push(labels);
        series.begun = true;
        series
    }

    /// One series without a label yet.
    pub(super) fn series(&mut self) -> Series<'_, 'a> {
        self.begin("")
    }

    fn begin(&mut self, suffix: &str) -> Series<'_, 'a> {
        self.out.push_str(self.name);
        self.out.push_str(suffix);
        Series { lines: self, begun: false }
    }
}

/// A series under way: more labels, then its value.
pub(super) struct Series<'l, 'a> {
    lines: &'l mut Lines<'a>,
    begun: bool,
}

impl Series<'_, '_> {
    /// A label whose text is ours, or the configuration's.
    pub(super) fn label(&mut self, label: &str, text: &str) -> &mut Self {
        self.open(label, text.len());
        push_escaped(self.lines.out, text);
        self.push("\"");
        self
    }

    /// A label whose text needs no look: a number, or a name of ours.
    pub(super) fn plain(&mut self, label: &str, text: &str) -> &mut Self {
        self.open(label, text.len());
        self.push(text);
        self.push("\"");
        self
    }

    /// Begins a label whose text takes so many octets.
    fn open(&mut self, label: &str, length: usize) {
        self.lines.out.reserve(label.len() + length + 4);
        self.push(if self.begun { "," } else { "{" });
        self.begun = true;
        self.push(label);
        self.push("=\"");
    }

    /// A label whose text is octets that a stranger chose, in hex.
    pub(super) fn octets(&mut self, label: &str, octets: &[u8]) -> &mut Self {
        if 2 * octets.len() > LONGEST {
            return self.strangers(label, &hex(octets));
        }
        self.open(label, 2 * octets.len());
        push_hex(self.lines.out, octets);
        self.push("\"");
        self
    }

    /// A label whose text a stranger chose: printable, at most 200 characters.
    pub(super) fn strangers(&mut self, label: &str, text: &str) -> &mut Self {
        if is_tame(text) {
            return self.plain(label, text);
        }
        let tame = strangers(text);
        self.lines.texts_cut += usize::from(text.chars().nth(LONGEST).is_some());
        self.label(label, &tame)
    }

    /// The end of the line.
    pub(super) fn is(&mut self, value: impl itoa::Integer) {
        self.close();
        self.push(" ");
        self.push(itoa::Buffer::new().format(value));
        self.push("\n");
    }

    /// The end of the line: a duration, in seconds and to the nanosecond.
    pub(super) fn is_seconds(&mut self, value: Duration) {
        self.close();
        self.push(" ");
        let mut number = itoa::Buffer::new();
        self.push(number.format(value.as_secs()));
        // A billion more, so that no leading zero is lost.
        let fraction = number.format(1_000_000_000 + value.subsec_nanos()).trim_end_matches('0');
        if let Some(fraction) = fraction.get(1..).filter(|fraction| !fraction.is_empty()) {
            self.push(".");
            self.push(fraction);
        }
        self.push("\n");
    }

    fn close(&mut self) {
        if self.begun {
            self.push("}");
        }
    }

    #[inline]
    fn push(&mut self, text: &str) {
        self.lines.out.push_str(text);
    }
}

/// `label="text"`.
pub(super) fn push_label(out: &mut String, label: &str, text: &str) {
    out.push_str(label);
    out.push_str("=\"");
    push_escaped(out, text);
    out.push('"');
}

fn push_escaped(out: &mut String, text: &str) {
    if text.bytes().filter(|b| matches!(b, b'\\' | b'"' | b'\n')).count() == 0 {
        out.push_str(text);
        return;
    }
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}

/// A stranger's text as a label value: printable, at most 200 characters.
pub(super) fn strangers(text: &str) -> String {
    printable_cut(text, LONGEST)
}

/// Whether there is nothing to do about it: short, of printable ASCII, without what has to be escaped.
fn is_tame(text: &str) -> bool {
    // Counted without a branch an octet, which is faster than to look for the first: nearly every text is tame.
    text.len() <= LONGEST && text.bytes().filter(|b| !matches!(b, b' '..=b'~') || matches!(b, b'"' | b'\\')).count() == 0
}

const LONGEST: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format, name: &str, write: impl FnOnce(&mut Lines<'_>)) -> String {
        let mut out = String::new();
        write(&mut Lines::new(&mut out, format, name));
        out
    }

    #[test]
    fn labels_are_escaped() {
        let text = written(Format::Text, "m", |lines| {
            lines.sample(&[("a", "C:\\x\n\"q\""), ("b", "")], 7);
            lines.suffixed("_count", &[], 1.5);
            lines.of("e=\"1\"").label("a", "\"").strangers("b", "x").is(-3);
            lines.of("e=\"1\"").is(0_u8);
        });
        let wanted = "m{a=\"C:\\\\x\\n\\\"q\\\"\",b=\"\"} 7\nm_count 1.5\nm{e=\"1\",a=\"\\\"\",b=\"x\"} -3\nm{e=\"1\"} 0\n";
        assert_eq!(text, wanted);
    }

    #[test]
    fn strangers_texts_are_printable_and_short_and_cuts_are_counted() {
        assert_eq!(strangers("a\u{202e}b\r"), "a\\E2\\80\\AEb\\0D");
        assert_eq!(strangers(&"ü".repeat(300)).chars().count(), 200);
        assert_eq!(strangers(&"\u{202e}".repeat(300)).chars().count(), 200);
        let mut out = String::new();
        let mut lines = Lines::new(&mut out, Format::Text, "m");
        for text in ["a\u{202e}b\\", &"ü".repeat(200), &"ü".repeat(201), &"x".repeat(60_000)] {
            lines.of("").strangers("s", text);
        }
        assert_eq!(lines.texts_cut, 2);
        assert!(out.starts_with("m{,s=\"a\\\\E2\\\\80\\\\AEb\\\\\""), "{out}");
    }

    #[test]
    fn heads_are_as_each_format_has_them() {
        let head = |format, name, kind| written(format, name, |lines| lines.head(kind, "Help."));
        assert_eq!(
            head(Format::Text, "a_seconds_total", "counter"),
            "# HELP a_seconds_total Help.\n# TYPE a_seconds_total counter\n"
        );
        let open = |name, kind| head(Format::OpenMetrics, name, kind);
        assert_eq!(
            open("a_seconds_total", "counter"),
            "# TYPE a_seconds counter\n# UNIT a_seconds seconds\n# HELP a_seconds Help.\n"
        );
        assert_eq!(open("a_info", "gauge"), "# TYPE a info\n# HELP a Help.\n");
        assert_eq!(open("a_bytes", "gauge"), "# TYPE a_bytes gauge\n# UNIT a_bytes bytes\n# HELP a_bytes Help.\n");
        assert_eq!(open("a", "gauge"), "# TYPE a gauge\n# HELP a Help.\n");
        let bounds = |format| written(format, "m", |lines| assert_eq!(lines.bound(0.005), "0.005"));
        assert_eq!((bounds(Format::Text), bounds(Format::OpenMetrics)), (String::new(), String::new()));
        let mut out = String::new();
        assert_eq!(Lines::new(&mut out, Format::Text, "m").bound(1.0), "1");
        assert_eq!(Lines::new(&mut out, Format::OpenMetrics, "m").bound(1.0), "1.0");
    }
}
