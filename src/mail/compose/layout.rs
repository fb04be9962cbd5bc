//! How a letter is laid out: wrapped prose, tables of facts, and lines that must stay whole.

use crate::certificate::printable_cut;

/// Where prose is wrapped.
const WIDTH: usize = 72;
/// Where the values of a table of facts begin.
const COLUMN: usize = 16;
/// How long a subject may be.
pub(super) const SUBJECT: usize = 68;
/// How much of a stranger's text is shown.
const SHOWN: usize = 200;

/// A letter's text in the making.
#[derive(Default)]
pub(super) struct Text(String);

impl Text {
    /// Prose, wrapped, with an empty line after it.
    pub(super) fn paragraph(&mut self, text: &str) {
        self.wrapped("", "", text);
        self.0.push('\n');
    }

    /// A heading; what follows stands directly below.
    pub(super) fn heading(&mut self, text: &str) {
        self.line(text);
        self.0.push('\n');
    }

    /// A line that opens what is indented below it.
    pub(super) fn lead(&mut self, text: &str) {
        self.wrapped("", "", text);
    }

    /// Prose behind a dash; the list is ended by [`Text::gap`].
    pub(super) fn item(&mut self, text: &str) {
        self.wrapped("- ", "  ", text);
    }

    /// Lines that stay whole (commands, diagnostic output), indented, with an empty line after them.
    pub(super) fn verbatim<T: AsRef<str>>(&mut self, lines: impl IntoIterator<Item = T>) {
        for line in lines {
            self.line(&format!("    {}", line.as_ref()));
        }
        self.0.push('\n');
    }

    /// Labels and values, aligned, with an empty line after them.
    pub(super) fn facts(&mut self, rows: &[(&str, String)]) {
        for (label, value) in rows {
            self.wrapped(&format!("{label:<COLUMN$}"), &" ".repeat(COLUMN), value);
        }
        self.0.push('\n');
    }

    /// An empty line.
    pub(super) fn gap(&mut self) {
        self.0.push('\n');
    }

    /// The whole text, without empty lines at its end.
    pub(super) fn finish(self) -> String {
        format!("{}\n", self.0.trim_end())
    }

    fn line(&mut self, text: &str) {
        self.0.push_str(text.trim_end());
        self.0.push('\n');
    }

    /// Fills lines with words; a word longer than a line stays whole.
    fn wrapped(&mut self, first: &str, rest: &str, text: &str) {
        let mut line = String::from(first);
        let mut empty = true;
        for word in text.split_whitespace() {
            if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.line(&line);
                line = String::from(rest);
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
        self.line(&line);
    }
}

/// A stranger's text: printable, and cut.
pub(super) fn safe(text: &str) -> String {
    printable_cut(text, SHOWN)
}

/// A sentence that quotes strangers: printable, and cut later than a name is.
pub(super) fn sentence(text: &str) -> String {
    printable_cut(text, 3 * SHOWN)
}

/// The first letter in upper case, a full stop at the end: a finding's fragment as a sentence.
pub(super) fn full(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{stop}", chars.as_str())
}

/// `a, b and 3 more`.
pub(super) fn list(items: &[String], limit: usize) -> String {
    let shown = items.iter().take(limit).map(|item| safe(item)).collect::<Vec<_>>().join(", ");
    match items.len().saturating_sub(limit) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// `1 thing`, `2 things`.
pub(super) fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}
