//! An answer as text and as JSON, and the whole table as Markdown.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;

use super::{Answer, CAUSES, Cause, Decoded, Message, Section, messages};
use crate::diagnosis::{Fault, Finding};

/// Several lines, each ended.
pub fn text(answer: &Answer) -> String {
    match answer {
        Answer::Finding(section) => of_section(section),
        Answer::Messages(decoded) => of_messages(decoded),
    }
}

fn of_section(section: &Section<'_>) -> String {
    let Section { code, meaning, who, fix, see } = section;
    format!(
        "{code} is a finding of certvigil.\n\nWhat it means: {meaning}\n\nWho must act: {who}\n\nHow to fix it: {fix}\n\nSee it: {see}\n\n\
         More: {}\n",
        section.link()
    )
}

fn of_messages(decoded: &Decoded) -> String {
    let mut out = String::new();
    for Message { speaker, text, code, .. } in &decoded.messages {
        let code = code.map_or_else(String::new, |code| format!(", code {code}"));
        let _ = writeln!(out, "\"{text}\" ({speaker}{code})");
    }
    let alone = decoded.causes.len() == 1;
    let _ = writeln!(out, "\n{}", if alone { "It means:" } else { "It means one of these, the likeliest first:" });
    for (number, cause) in decoded.causes.iter().enumerate() {
        let number = if alone { String::new() } else { format!("{}. ", number + 1) };
        let _ = writeln!(out, "\n{number}{}: {}.", cause.name, cause.meaning);
        let _ = writeln!(out, "   who must act: {}", who(cause.liability));
        let _ = writeln!(out, "   what to do: {}.", cause.action);
        let _ = writeln!(out, "   more: {}", cause.link());
    }
    let _ = writeln!(out, "\n{}: {CHECK}", if alone { "To see whether it is so" } else { "To find out which it is" });
    out
}

/// One JSON object. `finding` where the text is a finding's code, else `messages` and `diagnoses`.
#[expect(clippy::missing_panics_doc, reason = "it cannot")]
pub fn json(asked: &str, answer: &Answer) -> String {
    let line = match answer {
        Answer::Finding(section) => Line {
            finding: Some(SectionLine {
                code: section.code,
                meaning: section.meaning,
                who: section.who,
                fix: section.fix,
                see: section.see,
                link: section.link(),
            }),
            ..Line::of(asked)
        },
        Answer::Messages(decoded) => Line {
            messages: decoded.messages.iter().map(|m| MessageLine { speaker: m.speaker, text: m.text, code: m.code }).collect(),
            diagnoses: decoded.causes.iter().map(|cause| CauseLine::of(cause)).collect(),
            ..Line::of(asked)
        },
    };
    serde_json::to_string(&line).expect("strings and numbers always serialize")
}

/// Every diagnosis and every message, in Markdown: the body of `docs/errors.md`.
pub fn list() -> String {
    let mut out = String::from("## The diagnoses\n");
    for cause in CAUSES {
        let more = cause.finding.map_or_else(String::new, |code| format!(" Finding: [{code}](findings.md#{code})."));
        let _ = writeln!(
            out,
            "\n### {}\n\n{}.\n\nWho must act: {}. What to do: {}.{more}",
            cause.name,
            capitalized(cause.meaning),
            who(cause.liability),
            cause.action
        );
    }
    let mut speakers: Vec<&str> = Vec::new();
    let mut rows: BTreeMap<&str, String> = BTreeMap::new();
    for message in messages() {
        let table = rows.entry(message.speaker).or_insert_with(|| {
            speakers.push(message.speaker);
            String::from("| message | likeliest first |\n| --- | --- |\n")
        });
        let code = message.code.map_or_else(String::new, |code| format!("{code}: "));
        let links: Vec<String> = message.causes.iter().map(|cause| format!("[{0}](#{0})", cause.name)).collect();
        let _ = writeln!(table, "| {code}{} | {} |", quoted(message.text), links.join(", "));
    }
    for speaker in speakers {
        let _ = write!(out, "\n## {speaker}\n\n{}", rows[speaker]);
    }
    out
}

/// As code, in backquotes that the text itself has not.
fn quoted(text: &str) -> String {
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn who(liability: Fault) -> &'static str {
    match liability {
        Fault::Server => "whoever runs the server",
        Fault::Client => "whoever runs the client",
        Fault::Network => "whoever runs the network in between",
        Fault::Unclear => "it cannot be told from the message alone",
    }
}

impl Cause {
    /// Where it can be read: the finding's section, or its own.
    pub fn link(&self) -> String {
        match self.finding {
            Some(code) => Finding::link(code),
            None => format!(concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/errors.md#{}"), self.name),
        }
    }
}

/// What shows the cause.
const CHECK: &str = "certvigil check HOST";

#[derive(Serialize)]
struct Line<'a> {
    schema: u8,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    finding: Option<SectionLine<'a>>,
    messages: Vec<MessageLine>,
    diagnoses: Vec<CauseLine>,
    check: &'static str,
}

impl<'a> Line<'a> {
    fn of(text: &'a str) -> Self {
        Line { schema: 1, text, finding: None, messages: Vec::new(), diagnoses: Vec::new(), check: CHECK }
    }
}

#[derive(Serialize)]
struct SectionLine<'a> {
    code: &'a str,
    meaning: &'a str,
    who: &'a str,
    fix: &'a str,
    see: &'a str,
    link: String,
}

#[derive(Serialize)]
struct MessageLine {
    speaker: &'static str,
    text: &'static str,
    code: Option<u16>,
}

#[derive(Serialize)]
struct CauseLine {
    name: &'static str,
    finding: Option<&'static str>,
    liability: &'static str,
    meaning: &'static str,
    action: &'static str,
    link: String,
}

impl CauseLine {
    fn of(cause: &Cause) -> Self {
        let Cause { name, finding, liability, meaning, action } = *cause;
        CauseLine { name, finding, liability: liability.name(), meaning, action, link: cause.link() }
    }
}
