//! What waits until its recipient wants to be written to. Nothing is kept of it but that nobody was told: when the time has come,
//! what still holds is told, all at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::civil::Date;

use super::{Case, Digest, Mended, Monitor, Notice, NoticeKind, People, Person, Record, Turn, tell};
use crate::{
    clock::{Now, Timestamp, later},
    incident::{Audience, Member, Step, channel_of},
};

/// What somebody was sent today, and what is to be told when they are written to next. Kept, so that a restart changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Their mail address.
    pub recipient: String,
    /// The day of the last mail, as it is for them: `2026-11-26`.
    pub day: String,
    /// How many mails on that day.
    pub mails: u32,
    /// When the last one was decided on.
    pub last: Timestamp,
    /// What they had heard of and was mended since.
    pub mended: Vec<Mended>,
}

/// By mail address.
#[derive(Debug, Default)]
pub(super) struct Desk {
    people: Arc<People>,
    tallies: BTreeMap<String, Tally>,
    /// Until when their news wait: in uptime, and by the civil clock.
    waiting: BTreeMap<String, (Duration, Timestamp)>,
}

impl Desk {
    /// Takes back what a restart found.
    pub(super) fn restore(&mut self, tallies: Vec<Tally>, now: Now) {
        self.tallies = tallies.into_iter().map(|tally| (tally.recipient.clone(), tally)).collect();
        self.owe(now);
    }

    /// Those wait who are to hear of something that is mended.
    fn owe(&mut self, now: Now) {
        let owed = self.tallies.values().filter(|tally| !tally.mended.is_empty());
        for recipient in owed.map(|tally| tally.recipient.clone()).collect::<Vec<_>>() {
            let until = self.held_until(&recipient, None, now.wall).unwrap_or(now.wall);
            self.wait(&recipient, until, now);
        }
    }

    pub(super) fn next_wake(&self) -> Option<Duration> {
        self.waiting.values().map(|(until, _)| *until).min()
    }

    /// For how many people news wait, and until when those of the first.
    pub(super) fn view(&self) -> (usize, Option<Timestamp>) {
        (self.waiting.len(), self.waiting.values().map(|(_, until)| *until).min())
    }

    fn person(&self, recipient: &str) -> &Person {
        self.people.of(recipient)
    }

    /// Which day it is for this one.
    pub(super) fn day_of(&self, recipient: &str, now: Timestamp) -> Date {
        self.person(recipient).day(now)
    }

    /// When this one, as an operator, is to be told next after `after` that certvigil watches: at the hour, and on the day, of
    /// their digest, whether they want one or not.
    pub(super) fn next_sign(&self, recipient: &str, rhythm: Digest, after: Timestamp) -> Timestamp {
        let person = self.person(recipient);
        let digest = match (rhythm, person.digest) {
            (Digest::Weekly(_), Some(theirs @ Digest::Weekly(_))) => theirs,
            _ => rhythm,
        };
        Person { digest: Some(digest), ..person.clone() }.next_digest(after).unwrap_or(Timestamp::MAX)
    }

    /// How many mails this one has had today.
    fn spent(&self, recipient: &str, now: Timestamp) -> u32 {
        let today = self.person(recipient).day(now).to_string();
        self.tallies.get(recipient).filter(|tally| tally.day == today).map_or(0, |tally| tally.mails)
    }

    /// From when on this one may be told, together with all else that is new by then; `None`: at once, and alone. `member` is what
    /// is to be told, where it is not the end of something.
    fn held_until(&self, recipient: &str, member: Option<&Member>, now: Timestamp) -> Option<Timestamp> {
        if channel_of(recipient).is_some() {
            return None;
        }
        let person = self.person(recipient);
        let is_last_day = member.is_some_and(|member| matches!(member.step, Step::LastDay | Step::Ended));
        let passes = is_last_day && !person.last_day_waits;
        let spent = self.spent(recipient, now).saturating_add(1);
        if spent > person.cap {
            let last = self.tallies.get(recipient).map_or(now, |tally| tally.last);
            return Some(if passes { later(last, HOUR).max(now) } else { person.awake(person.tomorrow(now)) });
        }
        if !passes && person.digest.is_some() {
            return person.next_digest(now);
        }
        let awake = if passes { now } else { person.awake(now) };
        // The last mail of the day tells all that is new.
        (awake > now || spent == person.cap).then_some(awake)
    }

    fn wait(&mut self, recipient: &str, until: Timestamp, now: Now) {
        let left = Duration::try_from(until.duration_since(now.wall)).unwrap_or(Duration::ZERO);
        let new = (now.uptime.saturating_add(left), until);
        let known = self.waiting.entry(recipient.to_owned()).or_insert(new);
        *known = (*known).min(new);
    }

    /// One mail more, on this day.
    pub(super) fn count(&mut self, recipient: &str, now: Timestamp) -> Record {
        let day = self.person(recipient).day(now).to_string();
        let tally = self.tally(recipient, now);
        tally.mails = if tally.day == day { tally.mails.saturating_add(1) } else { 1 };
        (tally.day, tally.last) = (day, now);
        Record::Tally(tally.clone())
    }

    fn tally(&mut self, recipient: &str, now: Timestamp) -> &mut Tally {
        let new = || Tally { recipient: recipient.to_owned(), day: String::new(), mails: 0, last: now, mended: Vec::new() };
        self.tallies.entry(recipient.to_owned()).or_insert_with(new)
    }
}

impl Monitor {
    /// These are people's wishes from now on.
    pub(super) fn respect(&mut self, people: Arc<People>, now: Now, turn: &mut Turn) {
        self.desk.people = people;
        self.desk.waiting.clear();
        self.life.plan_anew();
        self.desk.owe(now);
        self.tell_everywhere(now, turn);
    }

    /// Whether this notice is to wait. It is decided anew when the time has come.
    pub(super) fn waits(&mut self, notice: &Notice, now: Now) -> bool {
        let member = notice.cases.first().map(|case| &*case.member);
        let until = self.desk.held_until(&notice.recipient, member, now.wall);
        if let Some(until) = until {
            self.desk.wait(&notice.recipient, until, now);
        }
        until.is_some()
    }

    /// Whether this all-clear is to wait: then it is kept until then.
    pub(super) fn keeps(&mut self, notice: &Notice, now: Now, turn: &mut Turn) -> bool {
        let Some(until) = self.desk.held_until(&notice.recipient, None, now.wall) else { return false };
        self.desk.wait(&notice.recipient, until, now);
        let Some(case) = notice.cases.first() else { return true };
        let (code, endpoint) = (case.member.code.clone(), case.member.endpoint.to_string());
        let mended = Mended { code, endpoint, others: notice.cases.len().saturating_sub(1) };
        let tally = self.desk.tally(&notice.recipient, now.wall);
        if tally.mended.len() < MENDED {
            tally.mended.push(mended);
            turn.records.push(Record::Tally(tally.clone()));
        }
        true
    }

    /// Tells those whose time has come.
    pub(super) fn tell_those_who_waited(&mut self, now: Now, turn: &mut Turn) -> bool {
        let mut any = false;
        while let Some(recipient) =
            self.desk.waiting.iter().find(|(_, (until, _))| *until <= now.uptime).map(|(of, _)| of.clone())
        {
            self.desk.waiting.remove(&recipient);
            let notices = self.all_news_to(&recipient, now.wall, turn);
            self.post(notices, now, turn);
            any = true;
        }
        any
    }

    /// All that this one does not know yet; to one who wants a digest, all that is open.
    fn all_news_to(&mut self, recipient: &str, now: Timestamp, turn: &mut Turn) -> Vec<Notice> {
        let wants_all = self.desk.person(recipient).digest.is_some();
        let mut by_role: BTreeMap<Audience, (Vec<Case>, bool)> = BTreeMap::new();
        for place in (0..self.dossiers.len()).filter(|place| !self.is_swept(*place)) {
            for (case, audience) in self.cases_for(place, recipient, now) {
                let is_news = case.incident.is_news_to(recipient, &case.member);
                let (cases, any_news) = by_role.entry(audience).or_default();
                *any_news |= is_news;
                if is_news || wants_all || !case.member.is_known_to(recipient) {
                    cases.push(case);
                }
            }
        }
        let spent = self.desk.spent(recipient, now);
        let is_last = spent.saturating_add(1) >= self.desk.person(recipient).cap;
        let tally = self.desk.tally(recipient, now);
        let mended = std::mem::take(&mut tally.mended);
        if !mended.is_empty() {
            turn.records.push(Record::Tally(tally.clone()));
            by_role.entry(Audience::Owner).or_default();
        }
        let mut mended = Some(mended);
        let notices = by_role.into_iter().filter_map(|(audience, (cases, any_news))| {
            let mended = if audience == Audience::Owner { mended.take().unwrap_or_default() } else { Vec::new() };
            let incidents: BTreeSet<_> = cases.iter().map(|case| &case.incident.key).collect();
            if !any_news && mended.is_empty() {
                return None;
            }
            if incidents.len() == 1 && mended.is_empty() && !wants_all && !is_last {
                return tell::about_one((recipient.to_owned(), audience), cases, now);
            }
            // The same as an earlier one it may say, but not as one of the same day.
            let nonce = format!("{} {spent}", self.desk.person(recipient).day(now));
            Some(tell::of_many(NoticeKind::Digest, (recipient.to_owned(), audience), cases, mended, &nonce, now))
        });
        notices.collect()
    }
}

const HOUR: Duration = Duration::from_hours(1);

/// So much of what is mended is kept for one who does not want to hear of it yet.
const MENDED: usize = 100;
