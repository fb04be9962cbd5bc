//! How a letter is laid out: wrapped prose, tables of facts, and lines that must stay whole.

use serde::Serialize;

use crate::certificate::printable_cut;

/// Where prose is wrapped.
const WIDTH: usize = 72;
/// Where the values of a table of facts begin, unless a label is longer.
const COLUMN: usize = 16;
/// How long a subject may be.
pub(super) const SUBJECT: usize = 60;
/// How much of a stranger's text is shown.
const SHOWN: usize = 200;

/// A piece of a letter: the same for text and HTML.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Block {
    /// Prose.
    Paragraph { text: String },
    /// A heading.
    Heading { text: String },
    /// A list.
    Items { items: Vec<String> },
    /// Lines that stay whole: commands, diagnostic output.
    Verbatim { lines: Vec<String> },
    /// Labels and values.
    Facts { rows: Vec<(String, String)> },
    /// What follows is a letter of its own.
    Rule,
}

/// A letter in the making.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Body(pub(super) Vec<Block>);

impl Body {
    /// A paragraph after the first piece, which says what to do.
    pub(super) fn add_second(&mut self, text: String) {
        self.0.insert(self.0.len().min(1), Block::Paragraph { text });
    }

    /// As plain text: prose is wrapped, what must stay whole is indented, an empty line stands between pieces.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        for (i, block) in self.0.iter().enumerate() {
            match block {
                Block::Paragraph { text } => wrap(&mut out, "", "", text),
                Block::Heading { text } => line(&mut out, text),
                Block::Items { items } => {
                    for item in items {
                        wrap(&mut out, "- ", "  ", item);
                    }
                }
                Block::Verbatim { lines } => {
                    for it in lines {
                        line(&mut out, &format!("    {it}"));
                    }
                }
                Block::Facts { rows } => {
                    let longest = rows.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
                    let column = COLUMN.max(longest + 2);
                    for (label, value) in rows {
                        wrap(&mut out, &format!("{label:<column$}"), &" ".repeat(column), value);
                    }
                }
                Block::Rule => line(&mut out, "    - - -"),
            }
            let opens_a_list = matches!(block, Block::Paragraph { text } if text.ends_with(':'))
                && matches!(self.0.get(i + 1), Some(Block::Items { .. }));
            if !opens_a_list && i + 1 < self.0.len() {
                out.push('\n');
            }
        }
        out
    }
}

fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}

/// Fills lines with words; a word longer than a line stays whole.
fn wrap(out: &mut String, first: &str, rest: &str, text: &str) {
    let mut filled = String::from(first);
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && filled.chars().count() + 1 + word.chars().count() > WIDTH {
            line(out, &filled);
            filled = String::from(rest);
            is_empty = true;
        }
        if !is_empty {
            filled.push(' ');
        }
        filled.push_str(word);
        is_empty = false;
    }
    line(out, &filled);
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
