//! What every page has: its frame, moments, the ends of certificates, words.

use std::fmt::Write as _;

use serde::Serialize;

use crate::{
    clock::{self, Timestamp, elapsed, span},
    diagnosis::{ChainStatus, Severity, Verdict},
    monitor::{EndpointView, Snapshot, Watch},
    observation::Failure,
};

/// What stands around each page.
#[derive(Debug, Serialize)]
pub(super) struct Frame {
    /// From this page to `/`: empty, `../`, `../../`. All links are relative, so that a proxy may put a prefix before them.
    root: &'static str,
    /// The link to `/` itself.
    home: &'static str,
    /// The word in the navigation that stands for this page.
    here: &'static str,
    at: Moment,
    since: Moment,
    version: &'static str,
    /// What is wrong with the daemon itself comes before what is wrong elsewhere: it may be why nothing else is told.
    troubles: Vec<String>,
    incidents: usize,
    silences: usize,
    waiting: usize,
    /// Seconds until the browser asks again.
    refresh: Option<u32>,
}

impl Frame {
    pub(super) fn of(snapshot: &Snapshot, root: &'static str, here: &'static str) -> Self {
        let reload = (!snapshot.reload.successful).then(|| {
            format!(
                "The last reload was refused: the configuration of {} goes on. The log names every fault in the new one.",
                clock::date(snapshot.reload.success_at)
            )
        });
        Frame {
            root,
            home: if root.is_empty() { "./" } else { root },
            here,
            at: moment(snapshot.at),
            since: moment(snapshot.started),
            version: env!("CARGO_PKG_VERSION"),
            troubles: reload.into_iter().chain(snapshot.troubles.iter().map(|trouble| capitalized(trouble))).collect(),
            incidents: snapshot.incidents.iter().filter(|view| view.worst().is_some()).count(),
            silences: snapshot.silences.len(),
            waiting: snapshot.outbox.length,
            refresh: None,
        }
    }

    pub(super) fn refreshed(self, refresh: Option<u32>) -> Self {
        Frame { refresh, ..self }
    }
}

/// A moment, for people and for machines.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Moment {
    machine: String,
    shown: String,
}

pub(super) fn moment(at: Timestamp) -> Moment {
    Moment { machine: clock::rfc3339(at), shown: at.strftime("%Y-%m-%d %H:%M").to_string() }
}

/// When something ends, how long that is from now, and how that looks.
#[derive(Clone, Debug, Serialize)]
pub(super) struct End {
    at: Moment,
    left: String,
    tone: &'static str,
}

pub(super) fn end(at: Timestamp, tone: Option<Severity>, now: Timestamp) -> End {
    let over = at <= now;
    let left = if over { format!("ended {} ago", span(at, now)) } else { format!("{} left", span(now, at)) };
    End { at: moment(at), left, tone: if over { "critical" } else { tone.map_or("ok", Severity::name) } }
}

impl End {
    /// It has not even begun.
    pub(super) fn begins_later(&mut self, at: Timestamp, now: Timestamp) {
        self.left = format!("begins in {}", span(now, at));
        self.tone = "critical";
    }
}

/// When the first leaf of an endpoint ends.
pub(super) fn first_end(view: &EndpointView, now: Timestamp) -> Option<End> {
    let leaves = view.addresses.iter().filter_map(|row| row.known.as_ref()?.observation.chain()?.leaf.facts());
    let first = leaves.min_by_key(|facts| facts.not_after)?;
    Some(end(first.not_after, view.watch.expectation.rules.expiry.reached(first, now), now))
}

/// Which page of a list, and the ways to those beside it.
#[derive(Debug, Serialize)]
pub(super) struct Pager {
    page: usize,
    pages: usize,
    previous: Option<String>,
    next: Option<String>,
}

impl Pager {
    /// The page that was asked for, or the last one; `link` leads to another.
    pub(super) fn new(asked: usize, total: usize, rows: usize, link: impl Fn(usize) -> String) -> Self {
        let pages = total.div_ceil(rows).max(1);
        let page = asked.clamp(1, pages);
        let (previous, next) = ((page > 1).then(|| link(page - 1)), (page < pages).then(|| link(page + 1)));
        Pager { page, pages, previous, next }
    }

    /// Of a list that can be asked for nothing but a page.
    pub(super) fn of(asked: usize, total: usize, rows: usize) -> Self {
        Pager::new(asked, total, rows, |page| format!("?page={page}"))
    }

    /// So many rows stand on the pages before.
    pub(super) fn first(&self, rows: usize) -> usize {
        (self.page - 1) * rows
    }
}

/// How long ago, in one unit: `5 min`.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    let since = elapsed(at, now);
    since.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// Who answers for it, by what stands before the @: the page asks nobody who they are, so it tells nobody a mail address.
pub(super) fn owners(watch: &Watch) -> impl Iterator<Item = &str> {
    watch.policy.owners.iter().map(|owner| handle(owner))
}

/// What stands before the @ of a mail address.
pub(in crate::web) fn handle(address: &str) -> &str {
    address.split('@').next().unwrap_or_default()
}

/// OpenSSL's number and words, short: `21 (unable to verify the first certificate)`.
pub(super) fn verdict(verdict: &Verdict) -> String {
    let line = verdict.line();
    line.strip_prefix("Verify return code: ").map_or(line.clone(), str::to_owned)
}

/// `missing_intermediate` as it is read.
pub(super) fn spaced(name: &str) -> String {
    name.replace('_', " ")
}

pub(super) fn words(status: ChainStatus) -> String {
    spaced(status.name())
}

pub(super) fn kind(failure: &Failure) -> String {
    spaced(failure.kind.name())
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

/// `application/x-www-form-urlencoded`, and a segment of a path: safe in a quoted attribute.
pub fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, octet| {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            out.push(char::from(octet));
        } else {
            let _ = write!(out, "%{octet:02X}");
        }
        out
    })
}

/// A name as a segment of a path. Browsers follow `.` and `..` even where they are escaped (WHATWG URL, 4.1): such a name has a `~` in
/// front, as has one that begins with it.
pub(in crate::web) fn segment(name: &str) -> String {
    let mark = if matches!(name, "." | "..") || name.starts_with('~') { "~" } else { "" };
    format!("{mark}{}", encode(name))
}

/// The name that [`segment`] made this of; a `~` in front of any other is no part of it either, so that whoever makes links without
/// looking at the name (Grafana) writes one before each.
pub(super) fn name_of(segment: &str) -> String {
    let name = decode(segment, false);
    name.strip_prefix('~').map_or_else(|| name.clone(), str::to_owned)
}

/// The octets of a path or, with `plus` as a space, a query; broken escapes stand for themselves.
pub(in crate::web) fn decode(text: &str, plus: bool) -> String {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        let escaped = after.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let escaped = escaped.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match (first, escaped) {
            (b'%', Some(octet)) => {
                octets.push(octet);
                rest = &after[2..];
            }
            (b'+', _) if plus => octets.push(b' '),
            (octet, _) => octets.push(*octet),
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_begin_with_a_capital_and_hosts_do_not() {
        assert_eq!(capitalized("the key"), "The key");
        assert_eq!(capitalized("gone.example does not exist"), "gone.example does not exist");
        assert_eq!(capitalized(""), "");
    }

    #[test]
    fn counts_read_as_words() {
        assert_eq!([count(1, "address"), count(2, "address"), count(0, "mail")], ["1 address", "2 addresses", "0 mails"]);
    }

    #[test]
    fn names_survive_the_way_through_an_address() {
        for name in ["a/b", "..", "smtp://[::1]:25", "Ü \"'<&%2F+", ""] {
            assert_eq!(decode(&encode(name), false), name);
            assert_eq!(decode(&encode(name), true), name);
        }
        for name in [".", "..", "~", "~.", "~~..", "~a", "...", "a/b", "%", "%2E", "?", "#", " ", &"x".repeat(200)] {
            let segment = segment(name);
            assert_eq!(name_of(&segment), name);
            assert_eq!(name_of(&format!("~{}", encode(name))), name, "as Grafana links to it");
            assert!(!matches!(&*segment, "." | "..") && !segment.contains(['/', '?', '#', ' ']), "a browser keeps {segment}");
        }
        assert_eq!((decode("a+b%2", true), decode("a+b%+1", false)), ("a b%2".into(), "a+b%+1".into()));
    }
}
