//! The dead-man's mail: tells the operators at fixed times that certvigil watches. Where it does not come, something is wrong with
//! certvigil, its machine or its mail, of which nobody would hear otherwise.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{Digest, IncidentView, MailResult, Monitor, Notice, NoticeKind, Own, Record, Turn, notice};
use crate::{
    certificate::Fingerprint,
    clock::{Now, Timestamp},
    diagnosis::Severity,
};

/// What the operators read: what is watched, what is wrong, and when they hear of it next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alive {
    /// How many endpoints are watched.
    pub endpoints: usize,
    /// How many incidents are open, by severity; those that are silenced too.
    pub open: BTreeMap<Severity, usize>,
    /// The worst of these, the worst first.
    pub worst: Vec<Standing>,
    /// Visits that have come back since `since`.
    pub visits: u64,
    /// Mails that were delivered since then, and that were refused for good.
    pub mails: (u64, u64),
    /// When this recipient was last told, or when the process started, if that is later.
    pub since: Timestamp,
    /// How many mails and notices to channels wait.
    pub waiting: usize,
    /// How many silences are not over.
    pub silences: usize,
    /// The next certificates to end, the first one first.
    pub ends: Vec<End>,
    /// What is wrong with certvigil itself, as sentences.
    pub troubles: Vec<String>,
    /// When the next one is due.
    pub next: Timestamp,
}

/// An incident that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The code of the finding where it is worst.
    pub code: String,
    /// Its severity.
    pub severity: Severity,
    /// Where it is worst: the endpoint's name.
    pub endpoint: Arc<str>,
    /// At how many other endpoints it is open.
    pub others: usize,
    /// When it began.
    pub since: Timestamp,
}

/// A certificate that ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// When: its `notAfter`.
    pub at: Timestamp,
    /// Where it is served: the first endpoint's name, by the alphabet.
    pub endpoint: Arc<str>,
    /// At how many other endpoints.
    pub others: usize,
}

/// What is known of these mails, and what is counted for the next ones.
#[derive(Debug, Default)]
pub(super) struct LifeSigns {
    /// How often they are wanted; `None`: not at all.
    rhythm: Option<Digest>,
    /// Whatever was due until then has been sent. Kept, so that neither a restart nor a crash doubles or loses one.
    told: Option<Timestamp>,
    /// The first that is due, by the civil clock, and when to look at that clock again, in uptime.
    next: Option<(Timestamp, Duration)>,
    visits: u64,
    /// By recipient, what had been counted when they were told last.
    marks: BTreeMap<String, Mark>,
}

/// Counts since the start.
#[derive(Clone, Copy, Debug)]
struct Mark {
    at: Timestamp,
    visits: u64,
    mails: (u64, u64),
}

impl LifeSigns {
    pub(super) fn restore(&mut self, told: Option<Timestamp>) {
        self.told = told;
    }

    /// They are wanted so often from now on, or at other hours.
    pub(super) fn want(&mut self, rhythm: Option<Digest>) {
        self.rhythm = rhythm;
        self.plan_anew();
    }

    /// People's wishes have changed.
    pub(super) fn plan_anew(&mut self) {
        self.next = None;
    }

    /// A visit has come back.
    pub(super) fn count_visit(&mut self) {
        self.visits += 1;
    }

    pub(super) fn next_wake(&self) -> Option<Duration> {
        self.next.map(|(_, wake)| wake)
    }
}

impl Monitor {
    /// Sends what is due.
    pub(super) fn show_life(&mut self, now: Now, turn: &mut Turn) {
        let Some(rhythm) = self.life.rhythm.filter(|_| self.settings.mail && !self.operators.is_empty()) else {
            self.life.next = None;
            return;
        };
        // The first one comes when it is due for the first time after the installation. A clock that was wrong then shall not put
        // it off for years.
        let told = match self.life.told.filter(|told| *told <= now.wall) {
            Some(told) => told,
            None => self.life_shown(now.wall, turn),
        };
        let due = match self.life.next {
            Some((due, _)) => due,
            None => self.operators.iter().map(|operator| self.desk.next_sign(operator, rhythm, told)).min().unwrap_or(told),
        };
        if due <= now.wall {
            for operator in self.operators.clone() {
                if self.desk.next_sign(&operator, rhythm, told) <= now.wall {
                    self.post_sign(&operator, rhythm, now, turn);
                }
            }
            self.life_shown(now.wall, turn);
            return self.show_life(now, turn);
        }
        if self.life.next.is_none_or(|(_, wake)| wake <= now.uptime) {
            let left = Duration::try_from(due.duration_since(now.wall)).unwrap_or(Duration::ZERO);
            self.life.next = Some((due, now.uptime.saturating_add(left)));
        }
    }

    /// All that was due until now has been sent.
    fn life_shown(&mut self, now: Timestamp, turn: &mut Turn) -> Timestamp {
        self.life.told = Some(now);
        self.life.next = None;
        turn.records.push(Record::ShownAlive(now));
        now
    }

    /// It is no news, so that it neither counts as one of the mails of a day nor waits with those. One that still waits for the mail
    /// server is replaced.
    fn post_sign(&mut self, recipient: &str, rhythm: Digest, now: Now, turn: &mut Turn) {
        let withdrawn = self.outbox.withdraw(notice::ALIVE, recipient, now.uptime);
        turn.records.extend(withdrawn.into_iter().map(Record::MailGone));
        let alive = self.alive(recipient, self.desk.next_sign(recipient, rhythm, now.wall), now.wall);
        let id = notice::alive_id(self.desk.day_of(recipient, now.wall), recipient);
        let own = Own::Alive(Arc::new(alive));
        self.post_own(Notice::of_own(id, NoticeKind::Alive, recipient, None, now.wall, own), None, now, turn);
    }

    fn alive(&mut self, recipient: &str, next: Timestamp, now: Timestamp) -> Alive {
        let outbox = self.outbox.view();
        let sent = |wanted| outbox.sent.iter().filter(|(_, result, _)| *result == wanted).map(|(_, _, count)| count).sum();
        let mark = Mark { at: now, visits: self.life.visits, mails: (sent(MailResult::Delivered), sent(MailResult::Refused)) };
        let start = Mark { at: self.started, visits: 0, mails: (0, 0) };
        let before = self.life.marks.insert(recipient.to_owned(), mark).unwrap_or(start);
        let mut standing = self.standing();
        let mut open: BTreeMap<Severity, usize> = BTreeMap::new();
        for incident in &standing {
            *open.entry(incident.severity).or_default() += 1;
        }
        standing.truncate(NAMED);
        Alive {
            endpoints: self.endpoints().count(),
            open,
            worst: standing,
            visits: mark.visits - before.visits,
            mails: (mark.mails.0 - before.mails.0, mark.mails.1 - before.mails.1),
            since: before.at,
            waiting: outbox.length,
            silences: self.silences.active().len(),
            ends: self.ends(now),
            troubles: self.troubles(),
            next,
        }
    }

    /// What is open, the worst first.
    fn standing(&self) -> Vec<Standing> {
        let mut open: Vec<_> = self.ledger.entries().map(|entry| self.view(entry)).filter(IncidentView::is_open).collect();
        open.sort_by_key(|view| (Reverse(view.worst().map(|worst| worst.weight())), view.incident.since));
        let standing = open.iter().filter_map(|view| {
            let worst = view.worst()?;
            Some(Standing {
                code: worst.code.clone(),
                severity: worst.severity,
                endpoint: Arc::clone(&worst.endpoint),
                others: view.members.iter().filter(|member| member.is_open()).count().saturating_sub(1),
                since: view.incident.since,
            })
        });
        standing.collect()
    }

    /// The certificates that end next. What has ended is an incident.
    fn ends(&self, now: Timestamp) -> Vec<End> {
        let mut ends: BTreeMap<(Timestamp, Fingerprint), BTreeSet<Arc<str>>> = BTreeMap::new();
        for dossier in self.endpoints() {
            let known = dossier.view.addresses.iter().filter_map(|address| address.known.as_ref());
            for leaf in known.filter_map(|judged| judged.observation.chain()).map(|chain| &chain.leaf) {
                if let Some(facts) = leaf.facts().filter(|facts| facts.not_after > now) {
                    ends.entry((facts.not_after, leaf.fingerprint)).or_default().insert(dossier.name().clone());
                }
            }
        }
        let first = ends
            .into_iter()
            .take(NAMED)
            .filter_map(|((at, _), names)| Some(End { at, endpoint: names.first()?.clone(), others: names.len() - 1 }));
        first.collect()
    }
}

/// So many incidents, and so many ends, are named.
const NAMED: usize = 5;
