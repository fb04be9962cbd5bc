//! The mails that wait, and when each is tried: kept until the server takes them or refuses them for good.
//!
//! Each way out, mail and every channel, has a lane of its own, so that none waits for another. In each
//! a few are under way at once, the oldest first; a server that asks to be left alone for a while is. One that is deferred is tried again after 30 seconds, then twice as
//! long each time, up to an hour, give or take 10 %; there is no last time, so a day without a mail server loses nothing.
//!
//! A mail may have to come after another one about the same: then it is not tried before that one has left. What is no
//! longer true is withdrawn; where its delivery is under way it is withdrawn when that fails.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use super::{
    MailResult, NoticeKind, OutboxView, Waiting, WaitingView,
    notice::{is_to, subject},
};
use crate::{
    clock::{Now, Timestamp},
    incident::{channel_of, stable_hash},
};

/// The waiting mails.
#[derive(Debug)]
pub(super) struct Outbox {
    /// By id, so that those about one incident stand together.
    mails: BTreeMap<String, Mail>,
    /// By the channel's name; '' is mail.
    lanes: BTreeMap<Arc<str>, Lane>,
    /// What waits for a mail to leave.
    followers: HashMap<String, Vec<String>>,
    arrivals: u64,
    seed: u64,
    /// Mail is configured; otherwise what a former configuration left waits on.
    open: bool,
}

/// One way out.
#[derive(Debug, Default)]
struct Lane {
    /// What may be tried and is not under way, by the time of the next attempt; the number keeps the order of arrival.
    queue: BTreeMap<(Duration, u64), String>,
    under_way: usize,
    /// The server wants to be left alone until then.
    closed_until: Duration,
    sent: BTreeMap<(NoticeKind, MailResult), u64>,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    pub(super) result: MailResult,
    /// How long the server wants to be left alone.
    pub(super) after: Option<Duration>,
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
    recipient: String,
    lane: Arc<str>,
    at: Timestamp,
    deferrals: u32,
    state: State,
    /// No longer true: not tried again.
    outdated: bool,
    /// Maybe no longer true: judged again before it is tried.
    review: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// At this place in the queue.
    Queued(Duration, u64),
    After(Before),
    UnderWay,
}

impl Mail {
    /// Only what tells that something is wrong, and of nothing that is mended, is judged again.
    fn review(&mut self) {
        use NoticeKind::{Chain, Expiry, Problem, Summary};
        self.review = matches!(self.kind, Expiry | Chain | Problem | Summary);
    }
}

impl Outbox {
    /// With what a restart finds, oldest first. Which comes after which is told by the ids.
    pub(super) fn new(waiting: Vec<Waiting>, open: bool, seed: u64, now: Duration) -> Self {
        let mut outbox =
            Outbox { mails: BTreeMap::new(), lanes: BTreeMap::new(), followers: HashMap::new(), arrivals: 0, seed, open };
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
            if mail.kind.is_of_many() {
                summaries.insert(to, mail.id.clone());
            }
            outbox.post(mail, before, now);
        }
        outbox.review_all();
        outbox
    }

    /// Takes a mail to be tried at once, or as soon as the one `before` it has left. `false`: it waits already.
    pub(super) fn post(&mut self, waiting: Waiting, before: Option<Before>, now: Duration) -> bool {
        let Waiting { id, kind, recipient, at } = waiting;
        let lane: Arc<str> = channel_of(&recipient).unwrap_or_default().into();
        if self.mails.contains_key(&id) {
            return false;
        }
        let state = match before.filter(|before| self.holds(&before.id)) {
            Some(before) => {
                self.followers.entry(before.id.clone()).or_default().push(id.clone());
                State::After(before)
            }
            None => self.enqueue(id.clone(), &lane, now),
        };
        self.mails.insert(id, Mail { kind, recipient, lane, at, deferrals: 0, state, outdated: false, review: false });
        true
    }

    /// What is to be delivered now, while there is room.
    pub(super) fn take_due(&mut self, now: Duration) -> Vec<String> {
        let mut due = Vec::new();
        for lane in self.lanes.iter_mut().filter(|(name, _)| self.open || !name.is_empty()).map(|(_, lane)| lane) {
            while lane.next_wake().is_some_and(|at| at <= now) {
                let Some((_, id)) = lane.queue.pop_first() else { break };
                if let Some(mail) = self.mails.get_mut(&id) {
                    mail.state = State::UnderWay;
                    lane.under_way += 1;
                    due.push(id);
                }
            }
        }
        due
    }

    /// A delivery came back: the mails that have left the outbox by that, maybe none. `None`: no delivery of it was under way.
    pub(super) fn came_back(&mut self, id: &str, outcome: Outcome, now: Duration) -> Option<Vec<String>> {
        let Outcome { result, after } = outcome;
        let mail = self.mails.get_mut(id).filter(|mail| mail.state == State::UnderWay)?;
        let name = Arc::clone(&mail.lane);
        let lane = self.lanes.entry(Arc::clone(&name)).or_default();
        lane.under_way = lane.under_way.saturating_sub(1);
        *lane.sent.entry((mail.kind, result)).or_default() += 1;
        let asked = after.unwrap_or_default().min(LONGEST_PAUSE);
        lane.closed_until = lane.closed_until.max(now.saturating_add(asked));
        if result != MailResult::Deferred || mail.outdated {
            return Some(self.leave(id, result == MailResult::Delivered, now));
        }
        mail.deferrals = mail.deferrals.saturating_add(1);
        let deferrals = mail.deferrals;
        let pause = FIRST_PAUSE.saturating_mul(1 << (deferrals - 1).min(16)).min(LONGEST_PAUSE);
        let dice = fastrand::Rng::with_seed(self.seed ^ stable_hash(&[id, &deferrals.to_string()])).f64();
        let state = self.enqueue(id.to_owned(), &name, now + pause.mul_f64(0.9 + 0.2 * dice));
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

    /// Takes this one back, whatever it tells of: what has left the outbox by that.
    pub(super) fn withdraw_one(&mut self, id: &str, now: Duration) -> Vec<String> {
        if self.is_queued(id) { self.leave(id, false, now) } else { Vec::new() }
    }

    /// Every mail that tells that something is wrong is judged again before it is tried.
    pub(super) fn review_all(&mut self) {
        self.mails.values_mut().for_each(Mail::review);
    }

    /// This one is.
    pub(super) fn review(&mut self, id: &str) {
        self.mails.get_mut(id).into_iter().for_each(Mail::review);
    }

    /// Those about this incident alone to this recipient are.
    pub(super) fn review_about(&mut self, incident: &str, recipient: &str) {
        let about: Vec<String> = self.about(incident, recipient).map(|(id, _)| id.clone()).collect();
        for id in &about {
            self.review(id);
        }
    }

    /// Those that are to be tried now and judged again before.
    pub(super) fn take_reviews(&mut self, now: Duration) -> Vec<Waiting> {
        let is_due = |mail: &Mail| matches!(mail.state, State::Queued(at, _) if at <= now);
        let due = self.mails.iter_mut().filter(|(_, mail)| mail.review && is_due(mail));
        due.map(|(id, mail)| {
            mail.review = false;
            Waiting { id: id.clone(), kind: mail.kind, recipient: mail.recipient.clone(), at: mail.at }
        })
        .collect()
    }

    /// It tells of many incidents, and nobody has tried to deliver it since the last attempt failed.
    pub(super) fn is_waiting_summary(&self, id: &str) -> bool {
        self.is_queued(id) && self.mails.get(id).is_some_and(|mail| mail.kind == NoticeKind::Summary)
    }

    fn is_queued(&self, id: &str) -> bool {
        self.mails.get(id).is_some_and(|mail| mail.state != State::UnderWay)
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

    /// To whom the mail of this id goes.
    pub(super) fn recipient(&self, id: &str) -> Option<&str> {
        self.mails.get(id).map(|mail| &*mail.recipient)
    }

    /// The channel by which this one goes; '' for mail. `None`: it does not wait.
    pub(super) fn lane(&self, id: &str) -> Option<&Arc<str>> {
        self.mails.get(id).map(|mail| &mail.lane)
    }

    /// When the next is to be tried; `None` while there is no room, since a delivery comes back first.
    pub(super) fn next_wake(&self) -> Option<Duration> {
        let open = self.lanes.iter().filter(|(name, _)| self.open || !name.is_empty());
        open.filter_map(|(_, lane)| lane.next_wake()).min()
    }

    pub(super) fn view(&self) -> OutboxView {
        let mut view = OutboxView {
            length: self.mails.len(),
            oldest: self.mails.values().map(|mail| mail.at).min(),
            ..OutboxView::default()
        };
        for (name, lane) in &self.lanes {
            for (&(kind, result), &count) in &lane.sent {
                if name.is_empty() {
                    view.sent.push((kind, result, count));
                } else {
                    view.channels.push((Arc::clone(name), kind, result, count));
                }
            }
        }
        view
    }

    /// The oldest that wait.
    pub(super) fn waiting(&self, now: Now) -> Vec<WaitingView> {
        let mut oldest: Vec<&Mail> = self.mails.values().collect();
        if oldest.len() > SHOWN {
            oldest.select_nth_unstable_by_key(SHOWN, |mail| mail.at);
            oldest.truncate(SHOWN);
        }
        oldest.sort_by_key(|mail| mail.at);
        oldest.into_iter().map(|mail| mail.view(now)).collect()
    }

    fn about(&self, incident: &str, recipient: &str) -> impl Iterator<Item = (&String, &Mail)> {
        let mails = self.mails.range(format!("{incident}.")..).take_while(move |(id, _)| subject(id) == incident);
        mails.filter(move |(id, _)| is_to(id, recipient))
    }

    /// A mail leaves, and what waited for it may be tried; where that needed it and it was not delivered, it leaves as well.
    fn leave(&mut self, id: &str, is_delivered: bool, now: Duration) -> Vec<String> {
        let mut gone = Vec::new();
        if let Some(Mail { lane, state: State::Queued(at, arrival), .. }) = self.mails.remove(id)
            && let Some(lane) = self.lanes.get_mut(&lane)
        {
            lane.queue.remove(&(at, arrival));
        }
        gone.push(id.to_owned());
        for follower in self.followers.remove(id).unwrap_or_default() {
            let Some(mail) = self.mails.get(&follower) else { continue };
            match &mail.state {
                State::After(before) if before.id != id => {}
                State::After(before) if before.is_needed && !is_delivered => {
                    gone.extend(self.leave(&follower, false, now));
                }
                State::After(_) => {
                    let lane = Arc::clone(&mail.lane);
                    let state = self.enqueue(follower.clone(), &lane, now);
                    self.mails.entry(follower).and_modify(|mail| mail.state = state);
                }
                State::Queued(..) | State::UnderWay => {}
            }
        }
        gone
    }

    fn enqueue(&mut self, id: String, lane: &Arc<str>, at: Duration) -> State {
        self.arrivals += 1;
        self.lanes.entry(Arc::clone(lane)).or_default().queue.insert((at, self.arrivals), id);
        State::Queued(at, self.arrivals)
    }
}

impl Mail {
    fn view(&self, now: Now) -> WaitingView {
        let (next, state) = match self.state {
            _ if self.outdated => (None, "withdrawn"),
            State::Queued(at, _) => (Some(now.after(at.saturating_sub(now.uptime)).wall), "waits"),
            State::After(_) => (None, "waits for an earlier one"),
            State::UnderWay => (None, "under way"),
        };
        let Mail { kind, at, deferrals, .. } = *self;
        WaitingView { kind, recipient: self.recipient.clone(), at, deferrals, next, state }
    }
}

impl Lane {
    /// When the next is to be tried, while there is room.
    fn next_wake(&self) -> Option<Duration> {
        let (&(at, _), _) = self.queue.first_key_value().filter(|_| self.under_way < AT_ONCE)?;
        Some(at.max(self.closed_until))
    }
}

/// So many of those that wait are shown.
const SHOWN: usize = 200;
const AT_ONCE: usize = 4;
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(id: &str) -> Waiting {
        Waiting { id: id.to_owned(), kind: NoticeKind::Problem, recipient: "ops@example.org".into(), at: Timestamp::UNIX_EPOCH }
    }

    fn moment() -> Now {
        Now { wall: Timestamp::UNIX_EPOCH, uptime: Duration::ZERO }
    }

    fn outcome(result: MailResult) -> Outcome {
        Outcome { result, after: None }
    }

    #[test]
    fn four_are_under_way_and_the_oldest_go_first() {
        let mut outbox = Outbox::new(["f", "e", "d", "c", "b", "a"].map(waiting).into(), true, 1, Duration::ZERO);
        assert!(!outbox.post(waiting("f"), None, Duration::ZERO), "the same mail twice");
        assert_eq!(outbox.take_due(Duration::ZERO), ["f", "e", "d", "c"]);
        assert_eq!(outbox.next_wake(), None);
        assert_eq!(outbox.came_back("d", outcome(MailResult::Delivered), Duration::ZERO), Some(vec!["d".into()]));
        assert_eq!(outbox.came_back("d", outcome(MailResult::Delivered), Duration::ZERO), None, "it comes back once");
        assert_eq!(outbox.came_back("a", outcome(MailResult::Delivered), Duration::ZERO), None, "it was not under way");
        assert_eq!(outbox.take_due(Duration::ZERO), ["b"]);
        assert_eq!(outbox.view().sent, [(NoticeKind::Problem, MailResult::Delivered, 1)]);
        assert_eq!(outbox.view().length, 5);
        let states: Vec<_> = outbox.waiting(moment()).iter().map(|waiting| waiting.state).collect();
        assert_eq!(states, ["waits", "under way", "under way", "under way", "under way"]);
    }

    #[test]
    fn a_deferred_mail_is_tried_for_days_with_growing_pauses_of_at_most_an_hour() {
        let mut outbox = Outbox::new(vec![waiting("a")], true, 1, Duration::ZERO);
        let (mut now, mut pauses) = (Duration::ZERO, Vec::new());
        for _ in 0..60 {
            assert_eq!(outbox.take_due(now), ["a"]);
            assert_eq!(outbox.came_back("a", outcome(MailResult::Deferred), now), Some(Vec::new()));
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

    #[test]
    fn no_way_out_waits_for_another() {
        let to = |id: &str, recipient: &str| Waiting { recipient: recipient.into(), ..waiting(id) };
        let hooks = ["a", "b", "c", "d", "e"].map(|id| to(id, "channel:hook"));
        let mut outbox = Outbox::new(hooks.into_iter().chain([to("f", "ops@example.org")]).collect(), true, 1, Duration::ZERO);
        assert_eq!(outbox.take_due(Duration::ZERO), ["f", "a", "b", "c", "d"]);
        let busy = Outcome { result: MailResult::Deferred, after: Some(Duration::from_mins(10)) };
        assert_eq!(outbox.came_back("a", busy, Duration::ZERO), Some(Vec::new()));
        assert!(outbox.post(waiting("g"), None, Duration::ZERO));
        assert_eq!(outbox.take_due(Duration::from_mins(9)), ["g"], "the hook wants to be left alone, mail does not");
        assert_eq!(outbox.next_wake(), Some(Duration::from_mins(10)));
        assert_eq!(outbox.take_due(Duration::from_mins(10)), ["e"]);
        let view = outbox.view();
        assert_eq!((view.sent.len(), view.channels), (0, vec![("hook".into(), NoticeKind::Problem, MailResult::Deferred, 1)]));
    }

    #[test]
    fn a_channel_that_wants_a_year_is_left_alone_for_an_hour() {
        let mut outbox = Outbox::new(vec![waiting("a"), waiting("b")], true, 1, Duration::ZERO);
        assert_eq!(outbox.take_due(Duration::ZERO), ["a", "b"]);
        let busy = Outcome { result: MailResult::Deferred, after: Some(Duration::MAX) };
        assert_eq!(outbox.came_back("a", busy, Duration::ZERO), Some(Vec::new()));
        assert_eq!(outbox.next_wake(), Some(LONGEST_PAUSE));
    }
}
