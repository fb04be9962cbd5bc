//! The mails that wait, and when each is tried: kept until the server takes them or refuses them for good.
//!
//! A few are under way at once, the oldest first. One that is deferred is tried again after 30 seconds, then twice as
//! long each time, up to an hour, give or take 10 %; there is no last time, so a day without a mail server loses nothing.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use super::{MailResult, NoticeKind, OutboxView, Waiting};
use crate::{clock::Timestamp, incident::stable_hash};

/// The waiting mails.
#[derive(Debug)]
pub(super) struct Outbox {
    mails: HashMap<String, Mail>,
    /// What is not under way, by the time of the next attempt; the number keeps the order of arrival.
    queue: BTreeMap<(Duration, u64), String>,
    under_way: usize,
    arrivals: u64,
    sent: BTreeMap<(NoticeKind, MailResult), u64>,
    seed: u64,
    /// Mail is configured; otherwise what a former configuration left waits on.
    open: bool,
}

#[derive(Debug)]
struct Mail {
    kind: NoticeKind,
    at: Timestamp,
    deferrals: u32,
    under_way: bool,
}

impl Outbox {
    pub(super) fn new(waiting: Vec<Waiting>, open: bool, seed: u64, now: Duration) -> Self {
        let mut outbox = Outbox {
            mails: HashMap::new(),
            queue: BTreeMap::new(),
            under_way: 0,
            arrivals: 0,
            sent: BTreeMap::new(),
            seed,
            open,
        };
        for mail in waiting {
            outbox.post(mail, now);
        }
        outbox
    }

    /// Takes a mail to be tried at once. `false`: it waits already.
    pub(super) fn post(&mut self, waiting: Waiting, now: Duration) -> bool {
        if self.mails.contains_key(&waiting.id) {
            return false;
        }
        self.enqueue(waiting.id.clone(), now);
        self.mails.insert(waiting.id, Mail { kind: waiting.kind, at: waiting.at, deferrals: 0, under_way: false });
        true
    }

    /// What is to be delivered now, while there is room.
    pub(super) fn take_due(&mut self, now: Duration) -> Vec<String> {
        let mut due = Vec::new();
        while self.has_room() && self.queue.first_key_value().is_some_and(|((at, _), _)| *at <= now) {
            let Some((_, id)) = self.queue.pop_first() else { break };
            if let Some(mail) = self.mails.get_mut(&id) {
                mail.under_way = true;
                self.under_way += 1;
                due.push(id);
            }
        }
        due
    }

    /// A delivery came back: whether the mail has left the outbox. `None`: no delivery of it was under way.
    pub(super) fn came_back(&mut self, id: &str, result: MailResult, now: Duration) -> Option<bool> {
        let mail = self.mails.get_mut(id).filter(|mail| mail.under_way)?;
        mail.under_way = false;
        self.under_way -= 1;
        *self.sent.entry((mail.kind, result)).or_default() += 1;
        if result != MailResult::Deferred {
            self.mails.remove(id);
            return Some(true);
        }
        mail.deferrals = mail.deferrals.saturating_add(1);
        let deferrals = mail.deferrals;
        let pause = FIRST_PAUSE.saturating_mul(1 << (deferrals - 1).min(16)).min(LONGEST_PAUSE);
        let dice = fastrand::Rng::with_seed(self.seed ^ stable_hash(&[id, &deferrals.to_string()])).f64();
        self.enqueue(id.to_owned(), now + pause.mul_f64(0.9 + 0.2 * dice));
        Some(false)
    }

    /// When the next is to be tried; `None` while there is no room, since a delivery comes back first.
    pub(super) fn next_wake(&self) -> Option<Duration> {
        self.queue.first_key_value().map(|((at, _), _)| *at).filter(|_| self.has_room())
    }

    pub(super) fn view(&self) -> OutboxView {
        OutboxView {
            length: self.mails.len(),
            oldest: self.mails.values().map(|mail| mail.at).min(),
            sent: self.sent.iter().map(|(&(kind, result), &count)| (kind, result, count)).collect(),
        }
    }

    fn has_room(&self) -> bool {
        self.open && self.under_way < AT_ONCE
    }

    fn enqueue(&mut self, id: String, at: Duration) {
        self.arrivals += 1;
        self.queue.insert((at, self.arrivals), id);
    }
}

const AT_ONCE: usize = 4;
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(id: &str) -> Waiting {
        Waiting { id: id.to_owned(), kind: NoticeKind::Problem, at: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn four_are_under_way_and_the_oldest_go_first() {
        let mut outbox = Outbox::new(["f", "e", "d", "c", "b", "a"].map(waiting).into(), true, 1, Duration::ZERO);
        assert!(!outbox.post(waiting("f"), Duration::ZERO), "the same mail twice");
        assert_eq!(outbox.take_due(Duration::ZERO), ["f", "e", "d", "c"]);
        assert_eq!(outbox.next_wake(), None);
        assert_eq!(outbox.came_back("d", MailResult::Delivered, Duration::ZERO), Some(true));
        assert_eq!(outbox.came_back("d", MailResult::Delivered, Duration::ZERO), None, "it comes back once");
        assert_eq!(outbox.came_back("a", MailResult::Delivered, Duration::ZERO), None, "it was not under way");
        assert_eq!(outbox.take_due(Duration::ZERO), ["b"]);
        assert_eq!(outbox.view().sent, [(NoticeKind::Problem, MailResult::Delivered, 1)]);
        assert_eq!(outbox.view().length, 5);
    }

    #[test]
    fn a_deferred_mail_is_tried_for_days_with_growing_pauses_of_at_most_an_hour() {
        let mut outbox = Outbox::new(vec![waiting("a")], true, 1, Duration::ZERO);
        let (mut now, mut pauses) = (Duration::ZERO, Vec::new());
        for _ in 0..60 {
            assert_eq!(outbox.take_due(now), ["a"]);
            assert_eq!(outbox.came_back("a", MailResult::Deferred, now), Some(false));
            let next = outbox.next_wake().expect("tried again");
            assert!(outbox.take_due(next.saturating_sub(Duration::from_millis(1))).is_empty());
            pauses.push(next.saturating_sub(now).as_secs_f64());
            now = next;
        }
        for (pause, expected) in pauses.iter().zip([30.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 3600.0, 3600.0]) {
            assert!((pause / expected - 1.0).abs() <= 0.1, "{pause} instead of {expected}");
        }
        assert!(now > Duration::from_hours(48));
        assert!(pauses[8..].iter().all(|pause| *pause <= 3960.0));
        assert_eq!(outbox.view().length, 1);
    }

    #[test]
    fn without_mail_what_waits_waits_on() {
        let mut outbox = Outbox::new(vec![waiting("a")], false, 1, Duration::ZERO);
        assert_eq!((outbox.next_wake(), outbox.take_due(Duration::MAX).len(), outbox.view().length), (None, 0, 1));
    }
}
