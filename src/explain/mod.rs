//! Error messages that users meet in the wild, decoded: which diagnosis, who must act, what to do. Pure.
//!
//! The messages and the diagnoses are data (`messages`, `causes`); `docs/errors.md` shows the same tables, and a finding's own code
//! is answered from its section of `docs/findings.md`.

mod causes;
mod messages;
mod render;
mod section;

pub use causes::{CAUSES, Cause};
pub use messages::{Message, messages};
pub use render::{json, list, text};
pub use section::Section;

use std::sync::LazyLock;

use crate::diagnosis::Finding;

/// What a text was found to say.
#[derive(Debug)]
pub enum Answer {
    /// It is the code of a finding.
    Finding(Section<'static>),
    /// It holds messages that are known.
    Messages(Decoded),
}

/// The messages within a text, and what they stand for.
#[derive(Debug)]
pub struct Decoded {
    /// The most telling first; at least one.
    pub messages: Vec<Message>,
    /// The likeliest first; at least one.
    pub causes: Vec<&'static Cause>,
}

/// Nothing within the text is known.
#[derive(Debug)]
pub struct Unknown {
    /// The known messages that are most like it, at most three.
    pub nearest: Vec<Message>,
}

/// Decodes a message, pasted with whatever stands around it: log lines, a stack trace, a number of OpenSSL's, a finding's code.
pub fn explain(text: &str) -> Result<Answer, Unknown> {
    if let Some(section) = code_of(text.trim()) {
        return Ok(Answer::Finding(section));
    }
    let said = normal(text);
    let number = number(&said);
    let is_there = |known: &&Known| number.is_some() && known.message.code == number || says(&said, &known.parts);
    if let Some(decoded) = decoded(KNOWN.iter().filter(is_there).collect()) {
        return Ok(Answer::Messages(decoded));
    }
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    let pasted = words.filter(|word| word.contains('_')).find_map(code_of);
    pasted.map(Answer::Finding).ok_or_else(|| Unknown { nearest: nearest(&said) })
}

fn code_of(word: &str) -> Option<Section<'static>> {
    Finding::CODES.iter().find(|code| code.eq_ignore_ascii_case(word)).and_then(|code| Section::of(code))
}

/// Ranks what was found: what says more comes first.
fn decoded(mut found: Vec<&Known>) -> Option<Decoded> {
    found.sort_by_key(|known| (known.message.vague, std::cmp::Reverse(known.parts.concat().len())));
    let is_vague = found.first()?.message.vague;
    let mut messages: Vec<Message> = Vec::new();
    let mut causes: Vec<&'static Cause> = Vec::new();
    for message in found.into_iter().map(|known| known.message).filter(|message| message.vague == is_vague) {
        // One that shares a diagnosis with those before it says the same in other words, and less exactly.
        if messages.is_empty() || !message.causes.iter().any(|cause| causes.contains(cause)) {
            causes.extend(message.causes);
            messages.push(message);
        }
    }
    Some(Decoded { messages, causes })
}

/// In lowercase, with one space around each word; whatever is no letter and no digit parts words, colours of a terminal too.
fn normal(text: &str) -> String {
    let mut out = String::from(" ");
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
            continue;
        }
        if c == '\u{1b}' {
            chars.find(char::is_ascii_alphabetic);
        }
        if !out.ends_with(' ') {
            out.push(' ');
        }
    }
    if !out.ends_with(' ') {
        out.push(' ');
    }
    out
}

/// A message, ready to be looked for.
struct Known {
    message: Message,
    /// What stands between the places where it varies, each [`normal`].
    parts: Vec<String>,
}

static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let parts = |text: &str| text.split('…').map(normal).filter(|part| part.trim() != "").collect();
    messages().map(|message| Known { message, parts: parts(message.text) }).collect()
});

/// Whether these parts of a message stand in what was said (which is [`normal`]), in their order and not far apart.
fn says(said: &str, parts: &[String]) -> bool {
    let Some((first, rest)) = parts.split_first() else { return false };
    said.match_indices(first.as_str()).any(|(at, _)| follow(&said[at + first.len() - 1..], rest))
}

fn follow(mut said: &str, parts: &[String]) -> bool {
    parts.iter().all(|part| {
        let end = said.char_indices().nth(FAR).map_or(said.len(), |(at, _)| at);
        let at = said[..end].find(part.as_str());
        if let Some(at) = at {
            said = &said[at + part.len() - 1..];
        }
        at.is_some()
    })
}

/// Characters within which the next part of a message has to stand.
const FAR: usize = 400;

/// The number of a verification error: alone, or as openssl and its users write it.
fn number(said: &str) -> Option<u16> {
    let words: Vec<&str> = said.split_whitespace().collect();
    if let [alone] = words[..] {
        return alone.parse().ok();
    }
    let marks: [(&[&str], &[&str]); 4] =
        [(&["verify", "error", "num"], &[]), (&["return", "code"], &[]), (&["verify", "error"], &[]), (&["error"], &["at"])];
    words.iter().enumerate().find_map(|(at, word)| {
        let fits = |(before, after): &(&[&str], &[&str])| words[..at].ends_with(before) && words[at + 1..].starts_with(after);
        word.parse().ok().filter(|number| *number != 0 && marks.iter().any(fits))
    })
}

/// The messages whose three-letter pieces are found here most completely.
fn nearest(said: &str) -> Vec<Message> {
    let pieces = |text: &str| text.as_bytes().windows(3).map(<[u8]>::to_vec).collect::<std::collections::HashSet<_>>();
    let here = pieces(said);
    let mut likely: Vec<(usize, &Known)> = Vec::new();
    for known in KNOWN.iter() {
        let wanted = pieces(&known.parts.concat());
        let per_mille = wanted.intersection(&here).count() * 1000 / wanted.len().max(1);
        if per_mille >= 500 {
            likely.push((per_mille, known));
        }
    }
    likely.sort_by_key(|(per_mille, known)| (known.message.vague, std::cmp::Reverse(*per_mille)));
    likely.dedup_by(|(_, one), (_, other)| one.parts == other.parts);
    likely.into_iter().take(3).map(|(_, known)| known.message).collect()
}

#[cfg(test)]
mod tests;
