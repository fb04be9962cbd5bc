//! Silences: what somebody wants to hear nothing of for a while, and why. What is silenced stays open and is to be seen.

use std::{fmt, sync::Arc, time::Duration};

use super::{Monitor, Record, Selector, Turn, Watch};
use crate::{
    certificate::{printable, printable_cut},
    clock::{Now, Timestamp, later, rfc3339},
    diagnosis::{Finding, Topic},
    incident::{Member, Step},
};

/// Nobody is told of these findings at these endpoints until it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// Unique.
    pub id: String,
    /// Where.
    pub selector: Selector,
    /// Codes of findings, or topics (`expiry`); none: whatever it is.
    pub findings: Vec<String>,
    /// When it was made.
    pub since: Timestamp,
    /// When it is over.
    pub until: Timestamp,
    /// The last day of a certificate, and all that comes after, is told all the same.
    pub but_last_day: bool,
    /// Who made it; safe to print.
    pub by: String,
    /// Why; safe to print.
    pub reason: String,
}

impl Silence {
    /// One that begins now, where it says what it is about and why, and ends within a year; otherwise what is wrong.
    pub fn begin(self, now: Timestamp) -> Result<Self, String> {
        let Silence { selector, findings, until, .. } = &self;
        if selector.endpoints.is_empty() && selector.labels.is_empty() && findings.is_empty() {
            return Err("it would silence everything; name endpoints, labels or findings".into());
        }
        findings.iter().try_for_each(|finding| Silence::check_finding(finding))?;
        if *until <= now {
            return Err(format!("{} is over already; write a moment that is to come", rfc3339(*until)));
        }
        if *until > later(now, LONGEST) {
            return Err("a silence lasts a year at most; accept: in the configuration mutes a finding for good".into());
        }
        let text = |text: &str| printable_cut(text.trim(), 200);
        let reason = text(&self.reason);
        if reason.is_empty() {
            return Err("the reason is empty; whoever sees the silence shall know why".into());
        }
        Ok(Silence { since: now, by: text(&self.by), reason, ..self })
    }

    /// Whether it can be silenced: the code of a finding, or `expiry` or `reachability`.
    pub fn check_finding(text: &str) -> Result<(), String> {
        let topics = [Topic::Expiry, Topic::Reachability].map(Topic::name);
        if topics.contains(&text) || Finding::CODES.contains(&text) {
            return Ok(());
        }
        let text = printable(text);
        Err(format!("{text:?} is no finding; write one such as expiry, reachability or unknown_ca (docs/findings.md has all)"))
    }

    /// Whether nobody is to hear of this.
    pub fn covers(&self, watch: &Watch, member: &Member) -> bool {
        let is_of = |finding: &String| *finding == member.code || *finding == member.key.topic.name();
        let is_meant = self.findings.is_empty() || self.findings.iter().any(is_of);
        let is_too_late = self.but_last_day && member.step >= Step::LastDay;
        is_meant && !is_too_late && self.selector.matches(&watch.endpoint.name, &watch.policy.labels)
    }

    /// Nothing is silenced by it any more.
    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.until
    }
}

impl fmt::Display for Silence {
    /// What is silenced: `expired, unreachable at *.example.com with team=mail`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let any = |words: String, otherwise: &str| if words.is_empty() { otherwise.to_owned() } else { words };
        let names: Vec<_> = self.selector.endpoints.iter().map(ToString::to_string).collect();
        write!(f, "{} at {}", any(self.findings.join(", "), "everything"), any(names.join(", "), "every endpoint"))?;
        for (at, (label, globs)) in self.selector.labels.iter().enumerate() {
            let globs: Vec<_> = globs.iter().map(ToString::to_string).collect();
            write!(f, "{} {label}={}", if at == 0 { " with" } else { " and" }, globs.join("|"))?;
        }
        if self.but_last_day { f.write_str(", but for the last day") } else { Ok(()) }
    }
}

/// Those that are not over.
#[derive(Debug, Default)]
pub(super) struct Silences {
    active: Vec<Arc<Silence>>,
    /// When the first of them is over, in uptime.
    next: Option<Duration>,
}

impl Silences {
    pub(super) fn active(&self) -> &[Arc<Silence>] {
        &self.active
    }

    /// The one that lasts longest.
    pub(super) fn of(&self, watch: &Watch, member: &Member) -> Option<&Arc<Silence>> {
        self.active.iter().filter(|silence| silence.covers(watch, member)).max_by_key(|silence| silence.until)
    }

    pub(super) fn next_wake(&self) -> Option<Duration> {
        self.next
    }

    /// Whether they differ from those before.
    pub(super) fn set(&mut self, silences: Vec<Silence>, now: Now) -> bool {
        let before = std::mem::replace(&mut self.active, silences.into_iter().map(Arc::new).collect());
        self.end(now);
        self.active != before
    }

    /// One more.
    pub(super) fn add(&mut self, silence: Silence, now: Now) {
        self.active.push(Arc::new(silence));
        self.end(now);
    }

    /// This one no more. Whether it was there.
    pub(super) fn remove(&mut self, id: &str, now: Now) -> bool {
        let before = self.active.len();
        self.active.retain(|silence| silence.id != id);
        let is_gone = self.active.len() < before;
        self.end(now);
        is_gone
    }

    /// Forgets those that are over. Whether there were any.
    fn end(&mut self, now: Now) -> bool {
        let before = self.active.len();
        self.active.retain(|silence| !silence.is_over(now.wall));
        let first = self.active.iter().map(|silence| silence.until).min();
        let left = first.map(|until| Duration::try_from(until.duration_since(now.wall)).unwrap_or(Duration::ZERO));
        self.next = left.map(|left| now.uptime.saturating_add(left));
        before != self.active.len()
    }
}

impl Monitor {
    /// The silences are these from now on. Whether that is a change.
    pub(super) fn silence(&mut self, silences: Vec<Silence>, now: Now, turn: &mut Turn) -> bool {
        let is_change = self.silences.set(silences, now);
        if is_change {
            self.outbox.review_all();
            self.tell_everywhere(now, turn);
        }
        is_change
    }

    /// One silence more.
    pub(super) fn silence_more(&mut self, silence: Silence, now: Now, turn: &mut Turn) -> bool {
        turn.records.push(Record::Silenced(silence.clone()));
        self.silences.add(silence, now);
        self.outbox.review_all();
        true
    }

    /// The silence of this id is taken back: what still holds is told. Whether there was one.
    pub(super) fn unsilence(&mut self, id: String, now: Now, turn: &mut Turn) -> bool {
        let was_there = self.silences.remove(&id, now);
        if was_there {
            turn.records.push(Record::SilencedNoMore(id));
            self.outbox.review_all();
            self.tell_everywhere(now, turn);
        }
        was_there
    }

    /// Tells what still holds of what was silenced until now. Whether a silence has ended.
    pub(super) fn end_silences(&mut self, now: Now, turn: &mut Turn) -> bool {
        let has_ended = self.silences.end(now);
        if has_ended {
            self.tell_everywhere(now, turn);
        }
        has_ended
    }

    /// What is news anywhere.
    pub(super) fn tell_everywhere(&mut self, now: Now, turn: &mut Turn) {
        for place in 0..self.dossiers.len() {
            if self.dossiers[place].members.values().any(|member| member.is_open()) {
                self.tell(place, now, turn);
            }
        }
    }
}

/// No silence lasts longer.
const LONGEST: Duration = Duration::from_hours(366 * 24);
