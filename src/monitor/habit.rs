//! When an endpoint usually renews: learnt from what it did, and told as information. Nothing is an alarm because of it.

use std::{sync::Arc, time::Duration};

use super::{EndpointView, Monitor, Record, Turn, Visited};
use crate::{
    certificate::{Facts, Fingerprint},
    clock::Timestamp,
    diagnosis::Judged,
    incident::Member,
};

/// A certificate was replaced by one that lasts longer. In time every endpoint has some of these, so they are small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// Of the new one: the [first octets](Fingerprint::first_octets) of its fingerprint.
    pub leaf: u64,
    /// When the new one was first seen. All moments are in seconds since 1970.
    pub at: i64,
    /// When the old one began.
    pub not_before: i64,
    /// When the old one would have ended.
    pub not_after: i64,
}

impl Renewal {
    /// At this moment the new one was first seen, in the place of an old one of this time.
    pub fn new(leaf: &Fingerprint, at: Timestamp, not_before: Timestamp, not_after: Timestamp) -> Self {
        let [at, not_before, not_after] = [at, not_before, not_after].map(Timestamp::as_second);
        Renewal { leaf: leaf.first_octets(), at, not_before, not_after }
    }
}

/// What an endpoint has done so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewals {
    /// The endpoint's name.
    pub endpoint: Arc<str>,
    /// [`Endpoint::place`](crate::endpoint::Endpoint::place) at the time.
    pub place: Arc<str>,
    /// The last ones, the oldest first.
    pub last: Vec<Renewal>,
}

/// How much an endpoint usually leaves of a certificate, and what is left of the one that it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habit {
    /// The median of what was left.
    pub usual: Duration,
    /// Less than this is less than ever before, by more than chance.
    late: Duration,
    /// From the beginning to the end of the one that it shows.
    pub lifetime: Duration,
    /// When that one ends.
    pub not_after: Timestamp,
}

impl Habit {
    /// The habit where there is one: of the last renewals at least two, of certificates that were to last about as long as this
    /// one. One that came after the end, or at the last moment, was forgotten and is no habit.
    pub fn of(renewals: &[Renewal], leaf: &Facts) -> Option<Habit> {
        let lifetime = between(leaf.not_before, leaf.not_after);
        let is_alike = |other: Duration| other.abs_diff(lifetime) <= lifetime / 5;
        let in_time = renewals.iter().filter_map(|renewal| {
            let left = seconds(renewal.at, renewal.not_after);
            let total = seconds(renewal.not_before, renewal.not_after);
            (is_alike(total) && left > last_day(total)).then_some(left)
        });
        let mut left: Vec<Duration> = in_time.collect();
        left.sort();
        let (least, usual) = (*left.first()?, left[(left.len() - 1) / 2]);
        let late = least.saturating_sub((least / 10).max(last_day(lifetime)));
        (left.len() >= ENOUGH).then_some(Habit { usual, late, lifetime, not_after: leaf.not_after })
    }

    /// What is left of the certificate that it shows.
    pub fn left(&self, now: Timestamp) -> Duration {
        between(now, self.not_after)
    }

    /// It would have been renewed by now.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.left(now) < self.late
    }

    /// What is usual and what is left, in days, or in hours where a certificate lasts no more than ten days (`false`). What is left
    /// is rounded down, as everywhere.
    pub fn numbers(&self, now: Timestamp) -> (u64, u64, bool) {
        let is_days = self.lifetime > 10 * DAY;
        let unit = if is_days { 86_400 } else { 3600 };
        ((self.usual.as_secs() + unit / 2) / unit, self.left(now).as_secs() / unit, is_days)
    }

    /// `It usually renews with 30 days left; now it has 24: overdue.`
    pub fn sentence(&self, now: Timestamp) -> String {
        let (usual, left, is_days) = self.numbers(now);
        let unit = if is_days { "day" } else { "hour" };
        let plural = if usual == 1 { "" } else { "s" };
        let overdue = if self.is_overdue(now) { ": overdue" } else { "" };
        format!("It usually renews with {usual} {unit}{plural} left; now it has {left}{overdue}.")
    }
}

impl EndpointView {
    /// When it usually renews, with the certificate that ends first.
    pub fn habit(&self) -> Option<Habit> {
        if self.renewals.is_empty() {
            return None;
        }
        let known = self.addresses.iter().filter_map(|row| row.known.as_deref());
        Habit::of(&self.renewals, known.filter_map(leaf).min_by_key(|facts| facts.not_after)?)
    }

    /// The same, where it is of use to those who hear of this.
    pub(super) fn habit_to_tell(&self, member: &Member) -> Option<Habit> {
        self.habit().filter(|_| member.is_open() && member.code == "expires_soon")
    }
}

impl Monitor {
    /// The renewal of the certificate of an endpoint is remembered.
    pub(super) fn learn(&mut self, place: usize, renewal: Renewal, turn: &mut Turn) {
        let view = Arc::make_mut(&mut self.dossiers[place].view);
        if view.renewals.len() == KEPT {
            view.renewals.remove(0);
        }
        view.renewals.reserve_exact(1);
        view.renewals.push(renewal);
        let (endpoint, last) = (view.watch.endpoint.name.clone(), view.renewals.clone());
        let place = view.watch.endpoint.place().into();
        turn.records.push(Record::Renewed(Renewals { endpoint, place, last }));
    }

    /// What a former run has learnt of endpoints; returns those that have left.
    pub(super) fn recall(&mut self, renewals: Vec<Renewals>) -> Vec<Arc<str>> {
        let mut gone = Vec::new();
        for Renewals { endpoint, place, last } in renewals {
            match self.places.get(&endpoint).map(|at| &mut self.dossiers[*at]) {
                Some(dossier) if dossier.view.watch.endpoint.place() == *place => {
                    Arc::make_mut(&mut dossier.view).renewals = last;
                }
                Some(_) => {}
                None => gone.push(endpoint),
            }
        }
        gone
    }
}

/// The renewal that this report shows, against what was known before it.
pub(super) fn renewal(view: &EndpointView, report: &Visited) -> Option<Renewal> {
    let seen = report.seen.iter().filter_map(|judged| {
        let row = view.addresses.iter().find(|row| row.address == judged.observation.address)?;
        replaced(row.known.as_deref()?, judged)
    });
    let is_new = |(renewal, begins): &(Renewal, Timestamp)| {
        // What was issued before the last renewal comes with it: to another address, or from another server behind the same one.
        view.renewals.last().is_none_or(|last| begins.as_second() > last.at)
            && view.renewals.iter().all(|known| known.leaf != renewal.leaf)
    };
    seen.filter(is_new).map(|(renewal, _)| renewal).min_by_key(|renewal| renewal.not_after)
}

/// The second of these visits to an address shows a renewal of what the first has shown; with when the new certificate begins.
fn replaced(before: &Judged, after: &Judged) -> Option<(Renewal, Timestamp)> {
    let (old, new, at) = (leaf(before)?, leaf(after)?, after.observation.at);
    let fingerprint = after.observation.chain()?.leaf.fingerprint;
    let is_longer = new.not_after > old.not_after && new.not_before > old.not_before;
    // After a long absence nobody knows when it was; and a server's default certificate renews nothing.
    let is_known = between(before.observation.at, at) <= between(old.not_before, old.not_after) / 10;
    let is_its_own = after.diagnosis.finding("hostname_mismatch").is_none();
    let renewal = Renewal::new(&fingerprint, at, old.not_before, old.not_after);
    (is_longer && is_known && is_its_own).then_some((renewal, new.not_before))
}

fn leaf(judged: &Judged) -> Option<&Facts> {
    judged.observation.chain()?.leaf.facts()
}

/// From one moment to a later one; none where it is not later.
fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

/// The same of moments in seconds.
fn seconds(from: i64, to: i64) -> Duration {
    Duration::from_secs(u64::try_from(to - from).unwrap_or(0))
}

/// How long the last day is: of a certificate of less than 20 days, the last twentieth of its lifetime.
fn last_day(lifetime: Duration) -> Duration {
    DAY.min(lifetime / 20)
}

const DAY: Duration = Duration::from_hours(24);

/// So many renewals are remembered.
const KEPT: usize = 5;

/// So many make a habit.
const ENOUGH: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{certificate::Certificate, clock::later};

    fn moment(days: u32) -> Timestamp {
        later("2026-01-01T00:00:00Z".parse().expect("a moment"), days * DAY)
    }

    /// Certificates that last so long, replaced while so much was left.
    fn renewals(lifetime: Duration, left: &[Duration]) -> Vec<Renewal> {
        let renewal = |(number, left): (u32, &Duration)| {
            let (not_before, not_after) = (moment(number * 60), later(moment(number * 60), lifetime));
            let leaf = Fingerprint::of(&number.to_be_bytes());
            Renewal::new(&leaf, crate::clock::earlier(not_after, *left), not_before, not_after)
        };
        (0..).zip(left).map(renewal).collect()
    }

    fn habit(lifetime: Duration, left: &[Duration], now: Duration) -> Option<Habit> {
        let made = rcgen::generate_simple_self_signed(vec!["a.org".to_owned()]).expect("a certificate");
        let mut facts = Certificate::from_der(made.cert.der()).facts().expect("readable").clone();
        (facts.not_before, facts.not_after) = (moment(1000), later(moment(1000), now));
        Habit::of(&renewals(lifetime, left), &facts)
    }

    fn days(days: &[u32]) -> Vec<Duration> {
        days.iter().map(|days| *days * DAY).collect()
    }

    #[test]
    fn two_renewals_in_time_of_certificates_that_last_as_long_make_a_habit() {
        let quarter = 90 * DAY;
        let usual = |left: &[u32]| habit(quarter, &days(left), quarter).map(|habit| habit.usual);
        assert_eq!(usual(&[]), None);
        assert_eq!(usual(&[30]), None);
        assert_eq!(usual(&[30, 28]), Some(28 * DAY));
        assert_eq!(usual(&[10, 30, 29, 28, 31]), Some(29 * DAY));
        assert_eq!(usual(&[30, 1, 0]), None, "on the last day it was forgotten");
        assert_eq!(habit(quarter, &days(&[30, 30]), 47 * DAY), None, "a shorter one is another thing");
        assert!(habit(quarter, &days(&[30, 30]), 89 * DAY).is_some());
    }

    #[test]
    fn it_is_overdue_when_less_is_left_than_ever_by_more_than_a_tenth_or_a_day() {
        let overdue = |habit: Habit, left: Duration| habit.is_overdue(crate::clock::earlier(habit.not_after, left));
        let habit_of = |left: &[u32]| habit(90 * DAY, &days(left), 90 * DAY).expect("two");
        let ten_percent = habit_of(&[40, 30]);
        assert_eq!([28, 27, 26].map(|left| overdue(ten_percent, left * DAY)), [false, false, true]);
        let a_day = habit_of(&[5, 5]);
        assert_eq!([5, 4, 3].map(|left| overdue(a_day, left * DAY)), [false, false, true]);
        assert!(overdue(a_day, Duration::ZERO));
        let hour = Duration::from_hours(1);
        let short = habit(6 * DAY, &[72 * hour, 70 * hour], 6 * DAY).expect("two");
        assert_eq!([63, 62].map(|left| overdue(short, left * hour)), [false, true]);
    }

    #[test]
    fn it_is_said_in_days_and_of_short_certificates_in_hours() {
        let hour = Duration::from_hours(1);
        let said = |habit: Habit, left: Duration| habit.sentence(crate::clock::earlier(habit.not_after, left));
        let quarter = habit(90 * DAY, &[29 * DAY + 23 * hour, 29 * DAY + 23 * hour], 90 * DAY).expect("two");
        assert_eq!(said(quarter, 24 * DAY + hour), "It usually renews with 30 days left; now it has 24: overdue.");
        assert_eq!(said(quarter, 29 * DAY), "It usually renews with 30 days left; now it has 29.");
        let short = habit(6 * DAY, &[72 * hour, 72 * hour], 6 * DAY).expect("two");
        assert_eq!(said(short, 50 * hour), "It usually renews with 72 hours left; now it has 50: overdue.");
    }
}
