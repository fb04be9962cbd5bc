//! The text format's grammar: heads, labels, escapes.

use std::fmt::{Display, Write as _};

use crate::certificate::printable_cut;

/// Writes the lines of one family.
pub(super) struct Lines<'a> {
    out: &'a mut String,
    name: &'static str,
}

impl<'a> Lines<'a> {
    pub(super) fn new(out: &'a mut String, name: &'static str) -> Self {
        Lines { out, name }
    }

    /// `# HELP` and `# TYPE`. The help is ours and needs no escape.
    pub(super) fn head(&mut self, kind: &str, help: &str) {
        debug_assert!(!help.contains(['\\', '\n']), "a help text is plain");
        let _ = writeln!(self.out, "# HELP {0} {help}\n# TYPE {0} {kind}", self.name);
    }

    /// One series. Values are finite by type: integers, or floats that the caller has looked at.
    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.suffixed("", labels, value);
    }

    /// One series of a histogram: `_bucket`, `_sum`, `_count`.
    pub(super) fn suffixed(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        self.out.push_str(self.name);
        self.out.push_str(suffix);
        for (i, (label, text)) in labels.iter().enumerate() {
            let _ = write!(self.out, "{}{label}=\"", if i == 0 { '{' } else { ',' });
            push_escaped(self.out, text);
            self.out.push('"');
        }
        if !labels.is_empty() {
            self.out.push('}');
        }
        let _ = writeln!(self.out, " {value}");
    }
}

fn push_escaped(out: &mut String, text: &str) {
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

const LONGEST: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        let mut out = String::new();
        let mut lines = Lines::new(&mut out, "m");
        lines.sample(&[("a", "C:\\x\n\"q\""), ("b", "")], 7);
        lines.suffixed("_count", &[], 1.5);
        assert_eq!(out, "m{a=\"C:\\\\x\\n\\\"q\\\"\",b=\"\"} 7\nm_count 1.5\n");
    }

    #[test]
    fn strangers_texts_are_printable_and_short() {
        assert_eq!(strangers("a\u{202e}b\r"), "a\\E2\\80\\AEb\\0D");
        assert_eq!(strangers(&"ü".repeat(300)).chars().count(), 200);
        assert_eq!(strangers(&"\u{202e}".repeat(300)).chars().count(), 200);
    }
}
