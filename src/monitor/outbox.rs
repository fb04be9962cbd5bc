//! The mails that wait, and when each is tried: kept until the server takes them or refuses them for good.
//!
//! A few are under way at once, the oldest first. One that is deferred is tried again after 30 seconds, then twice as
//! long each time, up to an hour, give or take 10 %; there is no last time, so a day without a mail server loses nothing.
//!
//! A mail may have to come after another one about the same: then it is not tried before that one has left. What is no
//! longer true is withdrawn; where its delivery is under way it is withdrawn when that fails.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use super::{
    MailResult, NoticeKind, OutboxView, Waiting,
    notice::{is_to, subject},
};
use crate::{clock::Timestamp, incident::stable_hash};

/// The waiting mails.
#[derive(Debug)]
pub(super) struct Outbox {
    /// By id, so that those about one incident stand together.
    mails: BTreeMap<String, Mail>,
    /// What may be tried and is not under way, by the time of the next attempt; the number keeps the order of arrival.
    queue: BTreeMap<(Duration, u64), String>,
    /// What waits for a mail to leave.
    followers: HashMap<String, Vec<String>>,
    under_way: usize,
    arrivals: u64,
    sent: BTreeMap<(NoticeKind, MailResult), u64>,
    seed: u64,
    /// Mail is configured; otherwise what a former configuration left waits on.
    open: bool,
}

/// The mail that another one comes after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Before {
    pub(super) id: String,
    /// Without it the other one makes no sense: an all-clear to somebody who has heard of nothing.
    pub(super) is_needed: bool,
}

#[derive(Debug)]
struct Mail {
    kind: NoticeKind,
    at: Timestamp,
    deferrals: u32,
    state: State,
    /// No longer true: not tried again.
    outdated: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// At this place in the queue.
    Queued(Duration, u64),
    After(Before),
    UnderWay,
}

impl Outbox {
    /// With what a restart finds, oldest first. Which comes after which is told by the ids.
    pub(super) fn new(waiting: Vec<Waiting>, open: bool, seed: u64, now: Duration) -> Self {
        let mut outbox = Outbox {
            mails: BTreeMap::new(),
            queue: BTreeMap::new(),
            followers: HashMap::new(),
            under_way: 0,
            arrivals: 0,
            sent: BTreeMap::new(),
            seed,
            open,
        };
        // The last mail so far, by subject and recipient, and the summary of each recipient.
        let mut last: HashMap<(String, String), String> = HashMap::new();
        let mut summaries: HashMap<String, String> = HashMap::new();
        for mail in waiting {
            let (about, to) = (subject(&mail.id).to_owned(), mail.id.rsplit('.').next().unwrap_or_default().to_owned());
            let is_needed = mail.kind == NoticeKind::Resolved;
            let earlier = last.insert((about, to.clone()), mail.id.clone());
            if let Some(accusation) = earlier.as_ref().filter(|_| is_needed).and_then(|id| outbox.mails.get_mut(id)) {
                accusation.outdated = true;
            }
            let before = earlier.or_else(|| summaries.get(&to).cloned()).map(|id| Before { id, is_needed });
            if mail.kind == NoticeKind::Summary {
                summaries.insert(to, mail.id.clone());
            }
            outbox.post(mail, before, now);
        }
        outbox
    }

    /// Takes a mail to be tried at once, or as soon as the one `before` it has left. `false`: it waits already.
    pub(super) fn post(&mut self, waiting: Waiting, before: Option<Before>, now: Duration) -> bool {
        let Waiting { id, kind, at } = waiting;
        if self.mails.contains_key(&id) {
            return false;
        }
        let state = match before.filter(|before| self.holds(&before.id)) {
            Some(before) => {
                self.followers.entry(before.id.clone()).or_default().push(id.clone());
                State::After(before)
            }
            None => self.enqueue(id.clone(), now),
        };
        self.mails.insert(id, Mail { kind, at, deferrals: 0, state, outdated: false });
        true
    }

    /// What is to be delivered now, while there is room.
    pub(super) fn take_due(&mut self, now: Duration) -> Vec<String> {
        let mut due = Vec::new();
        while self.has_room() && self.queue.first_key_value().is_some_and(|((at, _), _)| *at <= now) {
            let Some((_, id)) = self.queue.pop_first() else { break };
            if let Some(mail) = self.mails.get_mut(&id) {
                mail.state = State::UnderWay;
                self.under_way += 1;
                due.push(id);
            }
        }
        due
    }

    /// A delivery came back: the mails that have left the outbox by that, maybe none. `None`: no delivery of it was under way.
    pub(super) fn came_back(&mut self, id: &str, result: MailResult, now: Duration) -> Option<Vec<String>> {
        let mail = self.mails.get_mut(id).filter(|mail| mail.state == State::UnderWay)?;
        self.under_way -= 1;
        *self.sent.entry((mail.kind, result)).or_default() += 1;
        if result != MailResult::Deferred || mail.outdated {
            return Some(self.leave(id, result == MailResult::Delivered, now));
        }
        mail.deferrals = mail.deferrals.saturating_add(1);
        let deferrals = mail.deferrals;
        let pause = FIRST_PAUSE.saturating_mul(1 << (deferrals - 1).min(16)).min(LONGEST_PAUSE);
        let dice = fastrand::Rng::with_seed(self.seed ^ stable_hash(&[id, &deferrals.to_string()])).f64();
        let state = self.enqueue(id.to_owned(), now + pause.mul_f64(0.9 + 0.2 * dice));
        self.mails.entry(id.to_owned()).and_modify(|mail| mail.state = state);
        Some(Vec::new())
    }

    /// What is said of this incident to this recipient and not delivered yet is no longer true: the mails that have left the
    /// outbox by that. One whose delivery is under way stays until that is back.
    pub(super) fn withdraw(&mut self, incident: &str, recipient: &str, now: Duration) -> Vec<String> {
        let about: Vec<String> = self.about(incident, recipient).map(|(id, _)| id.clone()).collect();
        let mut gone = Vec::new();
        for id in about {
            match self.mails.get_mut(&id) {
                Some(mail) if mail.state == State::UnderWay => mail.outdated = true,
                Some(_) => gone.extend(self.leave(&id, false, now)),
                None => {}
            }
        }
        gone
    }

    /// The mail about this incident to this recipient whose delivery is under way.
    pub(super) fn under_way(&self, incident: &str, recipient: &str) -> Option<&String> {
        self.about(incident, recipient).find(|(_, mail)| mail.state == State::UnderWay).map(|(id, _)| id)
    }

    /// The latest mail about this incident alone to this recipient.
    pub(super) fn latest(&self, incident: &str, recipient: &str) -> Option<&String> {
        self.about(incident, recipient).max_by_key(|(_, mail)| mail.at).map(|(id, _)| id)
    }

    pub(super) fn holds(&self, id: &str) -> bool {
        self.mails.contains_key(id)
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

    fn about(&self, incident: &str, recipient: &str) -> impl Iterator<Item = (&String, &Mail)> {
        let mails = self.mails.range(format!("{incident}.")..).take_while(move |(id, _)| subject(id) == incident);
        mails.filter(move |(id, _)| is_to(id, recipient))
    }

    /// A mail leaves, and what waited for it may be tried; where that needed it and it was not delivered, it leaves as well.
    fn leave(&mut self, id: &str, is_delivered: bool, now: Duration) -> Vec<String> {
        let mut gone = Vec::new();
        if let Some(State::Queued(at, arrival)) = self.mails.remove(id).map(|mail| mail.state) {
            self.queue.remove(&(at, arrival));
        }
        gone.push(id.to_owned());
        for follower in self.followers.remove(id).unwrap_or_default() {
            match self.mails.get(&follower).map(|mail| &mail.state) {
                Some(State::After(before)) if before.id != id => {}
                Some(State::After(before)) if before.is_needed && !is_delivered => {
                    gone.extend(self.leave(&follower, false, now));
                }
                Some(State::After(_)) => {
                    let state = self.enqueue(follower.clone(), now);
                    self.mails.entry(follower).and_modify(|mail| mail.state = state);
                }
                Some(State::Queued(..) | State::UnderWay) | None => {}
            }
        }
        gone
    }

    fn has_room(&self) -> bool {
        self.open && self.under_way < AT_ONCE
    }

    fn enqueue(&mut self, id: String, at: Duration) -> State {
        self.arrivals += 1;
        self.queue.insert((at, self.arrivals), id);
        State::Queued(at, self.arrivals)
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
        assert!(!outbox.post(waiting("f"), None, Duration::ZERO), "the same mail twice");
        assert_eq!(outbox.take_due(Duration::ZERO), ["f", "e", "d", "c"]);
        assert_eq!(outbox.next_wake(), None);
        assert_eq!(outbox.came_back("d", MailResult::Delivered, Duration::ZERO), Some(vec!["d".into()]));
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
            assert_eq!(outbox.came_back("a", MailResult::Deferred, now), Some(Vec::new()));
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
