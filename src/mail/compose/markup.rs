//! What templates are written in: a subject line, then pieces that empty lines part. Text and HTML are both made of it.
//!
//! ```text
//! Subject: shop.example: expires in 6 days
//!
//! # A heading
//!
//! A paragraph, on as many lines as one likes.
//!
//! - an item
//!
//! A label:: its value
//!
//!     a line that stays whole
//!
//! ---
//! ```
//!
//! Only the template can write it. Whatever a value holds is text: each is marked where it begins ([`VALUE`]), and a mark within a
//! line's own signs makes a paragraph of it.

use super::layout::{Block, Body};

/// Stands before each value. No text of anybody's holds it: control characters are made printable before they come here.
pub(super) const VALUE: char = '\u{1}';

/// A rendered template; an empty subject where it has none.
pub(super) fn parse(rendered: &str) -> (String, Body) {
    let rendered = rendered.trim_start();
    let (subject, rest) = match rendered.strip_prefix("Subject:") {
        Some(rest) => rest.split_once('\n').unwrap_or((rest, "")),
        None => ("", rendered),
    };
    (words(subject), body(rest))
}

/// A rendered template, or a part of one, without a subject.
pub(super) fn body(rendered: &str) -> Body {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open = false;
    for line in rendered.lines().map(str::trim_end) {
        if line.is_empty() {
            is_open = false;
            continue;
        }
        let open = blocks.last_mut().filter(|_| is_open);
        is_open = true;
        if let Some(verbatim) = line.strip_prefix("    ") {
            let verbatim = plain(verbatim);
            match open {
                Some(Block::Verbatim { lines }) => lines.push(verbatim),
                _ => blocks.push(Block::Verbatim { lines: vec![verbatim] }),
            }
        } else if line == "---" {
            blocks.push(Block::Rule);
        } else if let Some(heading) = line.strip_prefix("# ") {
            blocks.push(Block::Heading { text: words(heading) });
        } else if let Some(item) = line.strip_prefix("- ") {
            match open {
                Some(Block::Items { items }) => items.push(words(item)),
                _ => blocks.push(Block::Items { items: vec![words(item)] }),
            }
        } else if let Some((label, value)) = row(line) {
            let row = (words(label), words(value));
            match open {
                Some(Block::Facts { rows }) => rows.push(row),
                _ => blocks.push(Block::Facts { rows: vec![row] }),
            }
        } else {
            match open {
                Some(Block::Paragraph { text }) => further(text, line),
                Some(Block::Items { items }) => items.last_mut().into_iter().for_each(|item| further(item, line)),
                Some(Block::Facts { rows }) => rows.last_mut().into_iter().for_each(|(_, value)| further(value, line)),
                _ => blocks.push(Block::Paragraph { text: words(line) }),
            }
        }
    }
    Body(blocks)
}

/// `Label:: value`, the label being the template's own.
fn row(line: &str) -> Option<(&str, &str)> {
    let (label, value) = line.split_once("::")?;
    let is_label = !label.is_empty() && !label.contains([VALUE, ':']) && (value.is_empty() || value.starts_with(' '));
    is_label.then_some((label, value))
}

fn further(text: &mut String, line: &str) {
    let line = words(line);
    if !text.is_empty() && !line.is_empty() {
        text.push(' ');
    }
    text.push_str(&line);
}

fn words(text: &str) -> String {
    plain(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn plain(text: &str) -> String {
    text.replace(VALUE, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_piece_is_known_by_its_signs() {
        let (subject, body) = parse(
            "\nSubject: a \u{1}b\n\n# Heading\n\nOne\ntwo.\n- an item\n  goes on\n- another\n\nLabel:: its\n  value\nOther:: 2001:db8::1\n\n    kept  whole\n      so\n---\nlast",
        );
        assert_eq!(subject, "a b");
        insta::assert_snapshot!(body.text(), @r"
        Heading

        One two.

        - an item goes on
        - another

        Label           its value
        Other           2001:db8::1

            kept  whole
              so

            - - -

        last
        ");
    }

    #[test]
    fn a_value_writes_no_markup() {
        for value in ["# big", "- item", "---", "    code", "a:: b", "Subject: x"] {
            let (subject, body) = parse(&format!("{VALUE}{value}"));
            assert_eq!(subject, "");
            let text = value.trim().to_owned();
            assert_eq!(body.0, [Block::Paragraph { text }], "{value}");
        }
        assert_eq!(body("the address 2001:db8:: is ours").0.len(), 1);
        let (subject, body) = parse("Subject: only");
        assert_eq!((&*subject, body.0.len()), ("only", 0));
    }
}
