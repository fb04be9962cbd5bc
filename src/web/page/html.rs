//! Text made safe for HTML. Everything that is not a literal of ours goes through here.

use std::fmt;

use crate::{
    certificate::printable_cut,
    clock::{self, Timestamp},
};

/// A text for an element or a quoted attribute: printable, escaped, at most 500 characters.
pub(super) fn esc(text: impl fmt::Display) -> Escaped {
    Escaped(printable_cut(&text.to_string(), LONGEST))
}

/// See [`esc`].
pub(super) struct Escaped(String);

impl fmt::Display for Escaped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            c => f.write_char(c),
        })
    }
}

/// A moment, for people and for machines.
pub(super) fn time(at: Timestamp) -> String {
    format!("<time datetime=\"{}\">{}</time>", clock::rfc3339(at), at.strftime("%Y-%m-%d %H:%M"))
}

/// `1 mail`, `2 mails`; for nouns that take an s, and addresses.
pub(super) fn count(number: usize, noun: &str) -> String {
    match (number, noun.ends_with('s')) {
        (1, _) => format!("1 {noun}"),
        (_, true) => format!("{number} {noun}es"),
        (_, false) => format!("{number} {noun}s"),
    }
}

/// A fragment as a sentence begins. A host name keeps its case, and so does what stands in quotes.
pub(super) fn capitalized(text: &str) -> String {
    let first_word = text.split(' ').next().unwrap_or_default();
    let mut chars = text.chars();
    match chars.next() {
        Some(first) if first_word.chars().all(char::is_alphabetic) => first.to_uppercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

/// The bounds elsewhere are tighter; this one holds for everything.
const LONGEST: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_through() {
        let hostile = "<script>alert(1)</script> \"q\" 'a' & \u{202e}x\r\n";
        let wanted = "&lt;script&gt;alert(1)&lt;/script&gt; &quot;q&quot; &#39;a&#39; &amp; \\E2\\80\\AEx\\0D\\0A";
        assert_eq!(esc(hostile).to_string(), wanted);
        assert_eq!(esc("ü".repeat(600)).to_string().chars().count(), LONGEST);
    }

    #[test]
    fn sentences_begin_with_a_capital_and_hosts_do_not() {
        assert_eq!(capitalized("the key"), "The key");
        assert_eq!(capitalized("gone.example does not exist"), "gone.example does not exist");
        assert_eq!(capitalized(""), "");
    }

    #[test]
    fn counts_read_as_words() {
        assert_eq!(
            (count(1, "address"), count(2, "address"), count(0, "mail")),
            ("1 address".into(), "2 addresses".into(), "0 mails".into())
        );
    }
}
