//! Whether the local clock can be right: while it is in doubt, no verdict on dates counts.
//!
//! The clock of a machine may be wrong until it is synchronised, or jump when it is. What speaks against it: a moment before this
//! program was made, or before one that it has shown; certificates that begin later; and after a leap, or a restart, certificates
//! that have come to their end and were not replaced, more of them than were issued meanwhile. As long as the time that passes is
//! the time that the clock shows, what ends has ended, however much of it.

use std::{collections::BTreeSet, time::Duration};

use super::super::{AddressView, Monitor, Visited, Watch, dossier::Dossier};
use crate::{
    certificate::{Facts, Fingerprint},
    clock::{Now, Timestamp, earlier, later},
    diagnosis::Topic,
    incident::is_of_time,
};

/// What speaks against the local clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockEvidence {
    /// It shows a moment before this program was made.
    BeforeBuild(Timestamp),
    /// It shows a moment before one that it has shown.
    WentBack(Timestamp),
    /// Certificates begin later.
    NotYetValid,
    /// Certificates were in order when it showed this, and have come near their end, or to it, all at once.
    Ended(Timestamp),
}

/// The clock, as far as it is believed.
#[derive(Debug)]
pub(in crate::monitor) struct Clock {
    /// No right clock shows less.
    built: Timestamp,
    /// Nothing before the first reading.
    last: Option<Now>,
    /// The latest that it has shown while it was believed.
    believed: Option<Timestamp>,
    doubt: Option<ClockDoubt>,
    /// In uptime: dates that were judged by visits begun before count for nothing.
    since: Duration,
}

/// From the first evidence on.
#[derive(Clone, Copy, Debug)]
pub(in crate::monitor) struct ClockDoubt {
    pub(super) begun: Now,
    pub(super) why: ClockEvidence,
    /// So many certificates speak against it, of how many that say anything.
    pub(super) against: usize,
    pub(super) of: usize,
}

/// What different leaves say of the clock.
#[derive(Debug, Default)]
struct Almanac {
    known: usize,
    not_yet_valid: usize,
    /// In order when the clock was last believed, and not any more.
    ended: usize,
    /// Issued since then, and in order.
    issued: usize,
}

impl Clock {
    pub(in crate::monitor) fn new(built: Timestamp) -> Self {
        Clock { built, last: None, believed: None, doubt: None, since: Duration::ZERO }
    }

    /// Whether a verdict on dates counts, of a visit that was begun then.
    pub(in crate::monitor) fn counts(&self, begun: Duration) -> bool {
        self.doubt.is_none() && self.since <= begun
    }

    pub(in crate::monitor) fn doubt(&self) -> Option<&ClockDoubt> {
        self.doubt.as_ref()
    }

    /// Takes a reading. `true`: it is the first one, or not what it would be if only time had passed.
    fn read(&mut self, now: Now) -> bool {
        let Some(last) = self.last.replace(now) else { return true };
        let expected = last.after(now.uptime.saturating_sub(last.uptime)).wall;
        now.wall.duration_since(expected).unsigned_abs() > LEAP
    }

    /// What speaks against it without any certificate.
    fn contradicts_itself(&self, now: Timestamp) -> Option<ClockEvidence> {
        if now < self.built {
            return Some(ClockEvidence::BeforeBuild(self.built));
        }
        let before = self.believed.filter(|before| now < earlier(*before, LEAP));
        before.map(ClockEvidence::WentBack)
    }
}

impl Monitor {
    /// The clock was right when a restart's certificates were seen, as far as they were good then.
    pub(in crate::monitor) fn remember_clock(&mut self, now: Now) {
        let rows = self.endpoints().flat_map(|dossier| &dossier.view.addresses);
        let good = rows.filter(|row| row.last_success().zip(leaf(row)).is_some_and(|(at, leaf)| is_valid(leaf.1, at)));
        self.clock.believed = good.filter_map(AddressView::last_success).max();
        self.mind_clock(false, now);
    }

    /// What a visit has just shown is a reason to ask the certificates.
    pub(in crate::monitor) fn mind_clock_after(&mut self, report: &Visited, now: Now) {
        let mut leaves = report.seen.iter().filter_map(|judged| judged.observation.chain()?.leaf.facts());
        if self.clock.doubt.is_some() || leaves.any(|facts| facts.not_before > later(now.wall, LEAP)) {
            self.mind_clock(true, now);
        }
    }

    /// Reads the clock, before anything is made of an event; asks the certificates too where it leaps.
    pub(in crate::monitor) fn mind_clock(&mut self, asks: bool, now: Now) {
        let asks = self.clock.read(now) || asks;
        let is_doubted = self.clock.doubt.is_some();
        let (mut against, mut of) = (0, 0);
        let why = self.clock.contradicts_itself(now.wall).or_else(|| {
            if !asks {
                return self.clock.doubt.map(|doubt| doubt.why).filter(|why| why.is_of_certificates());
            }
            let almanac = self.almanac(now.wall);
            (against, of) = almanac.count();
            almanac.why(self.clock.believed)
        });
        let begun = self.clock.doubt.map_or(now, |doubt| doubt.begun);
        let is_certain = matches!(why, Some(ClockEvidence::BeforeBuild(_) | ClockEvidence::NotYetValid));
        let is_outlived = begun.uptime + LONGEST <= now.uptime && !is_certain;
        let Some(why) = why.filter(|_| !is_outlived) else { return self.believe_clock(now) };
        let old = self.clock.doubt.filter(|old| old.why == why && old.against >= against);
        self.clock.doubt = Some(old.unwrap_or(ClockDoubt { begun, why, against, of }));
        if !is_doubted {
            self.look_at_dates(|row, watch, then| has_ended(row, watch, then, now.wall), now);
        }
    }

    /// Nothing speaks against it. After a doubt, what was said of dates is looked at anew.
    fn believe_clock(&mut self, now: Now) {
        let was_doubted = self.clock.doubt.take().is_some();
        let latest = self.clock.believed.filter(|before| !was_doubted && *before > now.wall);
        self.clock.believed = Some(latest.unwrap_or(now.wall));
        if was_doubted {
            self.clock.since = now.uptime;
            self.look_at_dates(|row, _, _| row.findings().any(|found| is_of_dates(found.finding.topic())), now);
        }
    }

    /// What is to be told of this topic waits until the clock is believed.
    pub(in crate::monitor) fn waits_for_clock(&self, topic: Topic) -> bool {
        self.clock.doubt.is_some() && is_of_dates(topic)
    }

    fn look_at_dates(&mut self, is_due: impl Fn(&AddressView, &Watch, Option<Timestamp>) -> bool, now: Now) {
        let then = self.clock.believed;
        let is_due = |dossier: &&Dossier| {
            let view = &dossier.view;
            let stands = dossier.members.values().any(|member| member.is_standing() && is_of_dates(member.key.topic));
            stands || view.addresses.iter().any(|row| is_due(row, &view.watch, then))
        };
        for dossier in self.dossiers.iter().filter(is_due) {
            self.schedule.hasten(dossier.name(), now.uptime);
        }
    }

    fn almanac(&self, now: Timestamp) -> Almanac {
        let then = self.clock.believed;
        // A clock that stood still for less than a day brings nothing to an end that would not end by itself.
        let long_before = then.filter(|then| later(*then, DAY) <= now);
        let mut seen: BTreeSet<Fingerprint> = BTreeSet::new();
        let mut almanac = Almanac::default();
        for dossier in self.endpoints() {
            let watch = &dossier.view.watch;
            for row in &dossier.view.addresses {
                let Some((fingerprint, facts)) = leaf(row) else { continue };
                if !seen.insert(fingerprint) {
                    continue;
                }
                almanac.known += 1;
                almanac.not_yet_valid += usize::from(facts.not_before > later(now, LEAP));
                almanac.ended += usize::from(has_ended(row, watch, long_before, now));
                almanac.issued += usize::from(then.is_some_and(|then| facts.not_before > then) && is_fresh(facts, watch, now));
            }
        }
        almanac
    }
}

impl ClockEvidence {
    fn is_of_certificates(self) -> bool {
        matches!(self, ClockEvidence::NotYetValid | ClockEvidence::Ended(_))
    }
}

impl Almanac {
    fn why(&self, believed: Option<Timestamp>) -> Option<ClockEvidence> {
        if self.not_yet_valid >= MANY && 10 * self.not_yet_valid >= self.known {
            return Some(ClockEvidence::NotYetValid);
        }
        believed.filter(|_| self.ended >= MANY && self.ended > self.issued).map(ClockEvidence::Ended)
    }

    fn count(&self) -> (usize, usize) {
        if self.not_yet_valid >= MANY { (self.not_yet_valid, self.known) } else { (self.ended, self.ended + self.issued) }
    }
}

/// Whether it is a matter of dates, so that it can be judged by a clock that is right alone.
pub(in crate::monitor) fn is_of_dates(topic: Topic) -> bool {
    is_of_time(topic) || topic == Topic::Code("not_yet_valid")
}

fn leaf(row: &AddressView) -> Option<(Fingerprint, &Facts)> {
    let leaf = &row.known.as_ref()?.observation.chain()?.leaf;
    Some((leaf.fingerprint, leaf.facts()?))
}

fn has_ended(row: &AddressView, watch: &Watch, then: Option<Timestamp>, now: Timestamp) -> bool {
    let was_fresh = |facts| then.is_some_and(|then| is_fresh(facts, watch, then));
    leaf(row).is_some_and(|(_, facts)| was_fresh(facts) && now >= watch.expectation.rules.expiry.warning.begins(facts))
}

/// It has begun, and nobody is to be warned of its end.
fn is_fresh(facts: &Facts, watch: &Watch, at: Timestamp) -> bool {
    facts.not_before <= at && at < watch.expectation.rules.expiry.warning.begins(facts)
}

fn is_valid(facts: &Facts, at: Timestamp) -> bool {
    facts.not_before <= at && at <= facts.not_after
}

/// A clock that is adjusted by less says nothing wrong.
const LEAP: Duration = Duration::from_mins(10);

/// Fewer different certificates than this say nothing of the clock.
const MANY: usize = 3;

const DAY: Duration = Duration::from_hours(24);

/// Where the certificates do not prove it wrong, the clock is believed all the same after so long a doubt: it must not silence
/// expiry for ever.
const LONGEST: Duration = DAY;
