//! Typed reading of nodes. Each reader tells what is wrong, and then answers `None`.

use std::{
    fmt::Write as _,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use lettre::{Address, message::Mailbox};

use super::{
    duration,
    fault::{Report, nearest, shorten},
    tree::{Entry, Node, Value},
};
use crate::{
    certificate::printable_cut,
    endpoint::{Host, Target, TargetError},
};

/// A node and the way to it. The way is only written out when there is something to say.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    node: &'a Node,
    parent: Option<&'a At<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Key(&'a str),
    Item(usize),
}

impl<'a> At<'a> {
    pub(super) fn root(node: &'a Node) -> Self {
        At { node, parent: None, step: Step::Root }
    }

    pub(super) fn line(&self) -> usize {
        self.node.line
    }

    /// `endpoints[3].interval`
    pub(super) fn key(&self) -> String {
        let mut out = self.parent.map(At::key).unwrap_or_default();
        match self.step {
            Step::Root => {}
            Step::Key(key) if out.is_empty() => out.push_str(&printable_cut(key, 40)),
            Step::Key(key) => {
                let _ = write!(out, ".{}", printable_cut(key, 40));
            }
            Step::Item(index) => {
                let _ = write!(out, "[{index}]");
            }
        }
        out
    }

    pub(super) fn value(&self) -> &'a Value {
        &self.node.value
    }

    /// The value for a message.
    pub(super) fn shown(&self) -> String {
        match self.value() {
            Value::Null => "an empty value".into(),
            Value::Bool(value) => value.to_string(),
            Value::Number(number) => shorten(number),
            Value::Text(text) => format!("\"{}\"", shorten(text)),
            Value::List(_) => "a list".into(),
            Value::Map(_) => "a mapping".into(),
            Value::Tagged(tag) => format!("a value tagged !{}", printable_cut(tag, 40)),
        }
    }

    fn entry<'b>(&'b self, entry: &'b Entry) -> At<'b> {
        At { node: &entry.value, parent: Some(self), step: Step::Key(&entry.key) }
    }

    /// The entries of a mapping whose keys may be any.
    pub(super) fn entries<'b>(&'b self, entries: &'b [Entry]) -> impl Iterator<Item = (At<'b>, &'b Entry)> {
        entries.iter().map(|entry| (self.entry(entry), entry))
    }

    /// The elements of a list.
    pub(super) fn items<'b>(&'b self, items: &'b [Node]) -> impl Iterator<Item = At<'b>> {
        items.iter().enumerate().map(|(i, node)| At { node, parent: Some(self), step: Step::Item(i) })
    }
}

/// The entries of a mapping whose keys are known.
pub(super) struct Fields<'a> {
    at: &'a At<'a>,
    entries: &'a [Entry],
}

impl<'a> Fields<'a> {
    /// Tells unknown keys and keys written twice. Nothing at all (`trust:`, everything below commented out) is an empty mapping.
    pub(super) fn read(at: &'a At<'a>, known: &[&'static str], report: &mut Report) -> Option<Self> {
        let entries = match at.value() {
            Value::Null => &[][..],
            Value::Map(entries) => &entries[..],
            _ => {
                let remedy = format!("write its keys below it: {}", known.join(", "));
                report.fault(at, format!("{} is no mapping", at.shown()), remedy);
                return None;
            }
        };
        let mut first_lines = vec![None; known.len()];
        for entry in entries {
            let here = at.entry(entry);
            match known.iter().position(|key| *key == &*entry.key) {
                Some(position) => match first_lines[position] {
                    None => first_lines[position] = Some(entry.line),
                    Some(first) => report.fault(&here, format!("is written twice, first on line {first}"), "keep one of them"),
                },
                None => report.fault(&here, "unknown key", known_keys(&entry.key, known)),
            }
        }
        Some(Fields { at, entries })
    }

    pub(super) fn get(&self, key: &str) -> Option<At<'a>> {
        self.entries.iter().find(|entry| &*entry.key == key).map(|entry| self.at.entry(entry))
    }

    /// The same, and told when it is not there.
    pub(super) fn required(&self, key: &str, example: &str, report: &mut Report) -> Option<At<'a>> {
        let found = self.get(key);
        if found.is_none() {
            report.fault(self.at, format!("{key} is missing"), format!("write {key}: {example}"));
        }
        found
    }

    /// Replaces `slot` where the key is there and sound.
    pub(super) fn set<T>(
        &self,
        key: &str,
        slot: &mut T,
        report: &mut Report,
        read: impl FnOnce(&At<'a>, &mut Report) -> Option<T>,
    ) {
        if let Some(value) = self.get(key).and_then(|at| read(&at, report)) {
            *slot = value;
        }
    }
}

fn known_keys(key: &str, known: &[&'static str]) -> String {
    match nearest(key, known.iter().copied()) {
        Some(meant) => format!("did you mean {meant}?"),
        None => format!("known here: {}", known.join(", ")),
    }
}

/// Text that is not empty.
pub(super) fn text<'a>(at: &At<'a>, report: &mut Report) -> Option<&'a str> {
    match at.value() {
        Value::Text(text) if !text.trim().is_empty() => Some(text.trim()),
        Value::Text(_) => refuse(at, "is empty", "write a text, or remove the key", report),
        Value::Number(_) | Value::Bool(_) => {
            refuse(at, format!("{} is no text", at.shown()), format!("write it in quotes: \"{}\"", at.shown()), report)
        }
        _ => refuse(at, format!("{} is no text", at.shown()), "write a text", report),
    }
}

pub(super) fn boolean(at: &At<'_>, report: &mut Report) -> Option<bool> {
    let meant = match at.value() {
        Value::Bool(value) => return Some(*value),
        Value::Text(text) => match text.to_ascii_lowercase().as_str() {
            "yes" | "on" | "true" | "y" => "true",
            "no" | "off" | "false" | "n" => "false",
            _ => "true or false",
        },
        _ => "true or false",
    };
    refuse(at, format!("{} is neither true nor false", at.shown()), format!("write {meant}"), report)
}

/// A whole number within the bounds.
pub(super) fn number(at: &At<'_>, bounds: RangeInclusive<usize>, report: &mut Report) -> Option<usize> {
    if let Value::Number(number) = at.value()
        && let Some(number) = number.parse().ok().filter(|number| bounds.contains(number))
    {
        return Some(number);
    }
    let remedy = format!("write a whole number from {} to {}", bounds.start(), bounds.end());
    refuse(at, format!("{} does not fit", at.shown()), remedy, report)
}

/// A duration within the bounds.
pub(super) fn duration(at: &At<'_>, bounds: RangeInclusive<Duration>, report: &mut Report) -> Option<Duration> {
    let written = match at.value() {
        Value::Text(text) => text.trim(),
        _ => "",
    };
    let Some(duration) = duration::parse(written) else {
        let remedy = match duration::meant(written) {
            Some(meant) => format!("write {meant}"),
            None => "write a number with its unit, such as 30s, 5m, 1h or 30d".into(),
        };
        return refuse(at, format!("{} is no duration", at.shown()), remedy, report);
    };
    if duration < *bounds.start() {
        let remedy = format!("write at least {}", duration::format(*bounds.start()));
        return refuse(at, format!("{} is too short", at.shown()), remedy, report);
    }
    if duration > *bounds.end() {
        let remedy = format!("write at most {}", duration::format(*bounds.end()));
        return refuse(at, format!("{} is too long", at.shown()), remedy, report);
    }
    Some(duration)
}

/// `25%`: 1 to 100.
pub(super) fn percent(at: &At<'_>, report: &mut Report) -> Option<u8> {
    let share = |digits: &str| digits.trim().parse::<u8>().ok().filter(|share| (1..=100).contains(share));
    let remedy = match at.value() {
        Value::Text(text) => match text.trim().strip_suffix('%').and_then(share) {
            Some(share) => return Some(share),
            None => "write a share from 1% to 100%".into(),
        },
        Value::Number(number) if share(number).is_some() => format!("write {number}%"),
        _ => "write a share from 1% to 100%".into(),
    };
    refuse(at, format!("{} is no share of the lifetime", at.shown()), remedy, report)
}

/// One of a few words.
pub(super) fn choice<T: Copy>(at: &At<'_>, options: &[(&'static str, T)], report: &mut Report) -> Option<T> {
    let written = match at.value() {
        Value::Text(text) => text.trim(),
        Value::Number(number) => number,
        _ => "",
    };
    if let Some((_, option)) = options.iter().find(|(word, _)| *word == written) {
        return Some(*option);
    }
    let words: Vec<_> = options.iter().map(|(word, _)| *word).collect();
    refuse(at, format!("{} is no choice here", at.shown()), format!("write {}", words.join(" or ")), report)
}

/// The elements of a list; a single text stands for a list of one.
pub(super) fn list<'a>(at: &'a At<'a>, report: &mut Report) -> Option<Vec<At<'a>>> {
    match at.value() {
        Value::List(items) => Some(at.items(items).collect()),
        Value::Text(_) => Some(vec![*at]),
        _ => refuse(at, format!("{} is no list", at.shown()), "write one text, or a list such as [a, b]", report),
    }
}

/// Reads every element, so that every fault is told; `None` when one was bad.
pub(super) fn each<T>(
    at: &At<'_>,
    report: &mut Report,
    mut read: impl FnMut(&At<'_>, &mut Report) -> Option<T>,
) -> Option<Vec<T>> {
    let items = list(at, report)?;
    let read: Vec<Option<T>> = items.iter().map(|item| read(item, report)).collect();
    read.into_iter().collect()
}

/// A DNS name or an address.
pub(super) fn host(at: &At<'_>, report: &mut Report) -> Option<Host> {
    text(at, report)?.parse().map_err(|error| refuse_target(at, error, report)).ok()
}

/// What to connect to.
pub(super) fn target(at: &At<'_>, report: &mut Report) -> Option<Target> {
    text(at, report)?.parse().map_err(|error| refuse_target(at, error, report)).ok()
}

fn refuse_target(at: &At<'_>, error: TargetError, report: &mut Report) {
    let tamed = match error {
        TargetError::Scheme(text) => TargetError::Scheme(shorten(&text)),
        TargetError::Host(text) => TargetError::Host(shorten(&text)),
        TargetError::NotAscii(text) => TargetError::NotAscii(shorten(&text)),
        TargetError::Port(text) => TargetError::Port(shorten(&text)),
        TargetError::UserInfo => TargetError::UserInfo,
    };
    let sentence = tamed.to_string();
    let (problem, remedy) = sentence.rsplit_once("; ").unwrap_or((&sentence, "write host or host:port"));
    report.fault(at, problem, remedy);
}

/// A bare mail address.
pub(super) fn address(at: &At<'_>, report: &mut Report) -> Option<String> {
    let text = text(at, report)?;
    if let Ok(address) = text.parse::<Address>() {
        return Some(address.to_string());
    }
    let remedy = match text.parse::<Mailbox>() {
        Ok(mailbox) => format!("write only the address, {}", shorten(mailbox.email.as_ref())),
        Err(_) => "write an address such as ops@example.com".into(),
    };
    refuse(at, format!("{} is no bare mail address", at.shown()), remedy, report)
}

/// A mail address with or without a name.
pub(super) fn mailbox(at: &At<'_>, report: &mut Report) -> Option<String> {
    let text = text(at, report)?;
    if text.parse::<Mailbox>().is_ok() {
        return Some(text.to_owned());
    }
    let remedy = "write \"name <alerts@example.com>\" or alerts@example.com";
    refuse(at, format!("{} is no mail address", at.shown()), remedy, report)
}

/// A path; a relative one is relative to the configuration's own directory.
pub(super) fn path(at: &At<'_>, directory: &Path, report: &mut Report) -> Option<PathBuf> {
    let text = text(at, report)?;
    if text.contains('\0') {
        return refuse(at, format!("{} is no path", at.shown()), "write the path of a file", report);
    }
    Some(directory.join(text))
}

/// Tells the fault and answers `None`, so that a reader can end with it.
pub(super) fn refuse<T>(at: &At<'_>, problem: impl Into<String>, remedy: impl Into<String>, report: &mut Report) -> Option<T> {
    report.fault(at, problem, remedy);
    None
}
