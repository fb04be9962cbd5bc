//! The proof of an end: behind a balancer one good look may be luck, and the old certificate be there again with the next one.
//!
//! How many good looks in a row it takes follows from how often the bad one was seen among them: so many that luck would bring
//! as many only once in ten million times. And luck that comes in spells (a balancer that keeps to one server for a while) has
//! to be outlasted: the last spell must be twice as long as any before it.

use std::{collections::BTreeMap, time::Duration};

use crate::{clock::Timestamp, incident::IncidentKey};

/// Good looks in a row, of one endpoint's incidents that seem to be over.
#[derive(Debug, Default)]
pub(super) struct Proving(BTreeMap<IncidentKey, Proof>);

#[derive(Clone, Copy, Debug)]
struct Proof {
    /// Good looks in a row.
    looks: u16,
    /// When the first and the last of them were taken.
    since: Timestamp,
    last: Timestamp,
    /// All good looks, and the bad ones since the first of them.
    good: u32,
    bad: u32,
    /// The longest spell of good looks that turned out to be luck.
    luck: Duration,
    /// Nothing hides what was at fault: it is there, and mended.
    is_plain: bool,
}

impl Proving {
    pub(super) const NONE: Proving = Proving(BTreeMap::new());

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One more visit has not seen it. Whether that proves the end: at once where what was at fault is still there and mended,
    /// and has never come back; otherwise after as many good looks as luck could not bring.
    pub(super) fn good(&mut self, key: &IncidentKey, is_replaced: bool, now: Timestamp) -> bool {
        let new = || Proof { looks: 0, since: now, last: now, good: 0, bad: 0, luck: Duration::ZERO, is_plain: false };
        let proof = self.0.entry(key.clone()).or_insert_with(new);
        if proof.looks == 0 {
            proof.since = now;
        }
        proof.last = now;
        proof.looks = proof.looks.saturating_add(1);
        proof.good = proof.good.saturating_add(1);
        proof.is_plain = !is_replaced && proof.bad == 0;
        proof.has_enough() && proof.spell() >= (2 * proof.luck).min(LONGEST_SPELL)
    }

    /// It was seen again.
    pub(super) fn bad(&mut self, key: &IncidentKey) {
        if let Some(proof) = self.0.get_mut(key) {
            proof.luck = proof.luck.max(proof.spell());
            proof.looks = 0;
            proof.bad = proof.bad.saturating_add(1);
        }
    }

    /// It was gone, and came back.
    pub(super) fn alternates(&self, key: &IncidentKey) -> bool {
        self.0.get(key).is_some_and(|proof| proof.bad > 0)
    }

    /// Forgets those that are over.
    pub(super) fn retain(&mut self, goes_on: impl Fn(&IncidentKey) -> bool) {
        self.0.retain(|key, _| goes_on(key));
    }

    /// The next look is wanted soon: there are good ones, and not enough of them yet. Where only time proves more, haste does not.
    pub(super) fn is_pending(&self) -> bool {
        self.0.values().any(|proof| proof.looks > 0 && !proof.has_enough())
    }
}

impl Proof {
    fn has_enough(&self) -> bool {
        self.is_plain || self.looks >= needed(self.good, self.bad)
    }

    fn spell(&self) -> Duration {
        if self.looks == 0 {
            Duration::ZERO
        } else {
            Duration::try_from(self.last.duration_since(self.since)).unwrap_or_default()
        }
    }
}

/// So many good looks in a row are not luck, where so many were good and bad so far. While little is known the bad ones are
/// taken to be rarer than they look; one that has never been seen among good ones is taken to be half of all.
fn needed(good: u32, bad: u32) -> u16 {
    let share = if bad == 0 { 0.5 } else { f64::from(bad) / (f64::from(good) + f64::from(bad) + CAUTION) };
    (1..MOST_LOOKS).find(|looks| (1.0 - share).powi(i32::from(*looks)) <= LUCK).unwrap_or(MOST_LOOKS).max(LOOKS)
}

/// What is taken to be no luck any more.
const LUCK: f64 = 1e-7;

/// So many in a row hide a certificate that half of all visits see once in ten million times.
const LOOKS: u16 = 24;

/// Two hours' worth, where the second look comes after half a minute.
const MOST_LOOKS: u16 = 240;

/// So many good looks are added to those that were counted.
const CAUTION: f64 = 5.0;

/// No spell need be longer.
const LONGEST_SPELL: Duration = Duration::from_hours(48);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::later,
        diagnosis::Topic,
        incident::{Cause, IncidentKey},
    };

    fn key() -> IncidentKey {
        IncidentKey { topic: Topic::Expiry, cause: Cause::Endpoint("a".into()) }
    }

    fn at(seconds: u64) -> Timestamp {
        later(Timestamp::UNIX_EPOCH, Duration::from_secs(seconds))
    }

    /// How many good looks, so many seconds apart, it takes from now on, and after how many haste is over.
    fn taken(proving: &mut Proving, from: u64, pace: u64) -> (u64, u64) {
        let mut hasty = 0;
        for look in 1..10_000 {
            let is_proven = proving.good(&key(), true, at(from + look * pace));
            hasty += u64::from(proving.is_pending());
            if is_proven {
                return (look, hasty);
            }
        }
        panic!("never proven");
    }

    #[test]
    fn what_is_still_there_and_mended_is_proven_at_once_and_what_was_replaced_after_many_looks() {
        assert!(Proving::default().good(&key(), false, at(0)));
        assert_eq!(taken(&mut Proving::default(), 0, 30), (24, 23));
    }

    #[test]
    fn the_rarer_the_bad_one_was_seen_the_more_looks_it_takes() {
        let needed_at = |share: u32| needed(100 * share, 100);
        let all: Vec<_> = [1, 2, 4, 9].map(needed_at).into();
        assert_eq!(all, [25, 41, 74, 154]);
        assert_eq!(needed(1, 1), 105, "once is not enough to know a share");
        assert_eq!(needed(1000, 1), MOST_LOOKS);
    }

    #[test]
    fn a_spell_of_luck_has_to_be_outlasted_without_haste() {
        let mut proving = Proving::default();
        for look in 0..13 {
            assert!(!proving.good(&key(), true, at(look * 600)));
        }
        proving.bad(&key());
        assert!(!proving.is_pending());
        let (looks, hasty) = taken(&mut proving, 8000, 30);
        assert_eq!(looks, 1 + 2 * 12 * 600 / 30, "twice two hours");
        assert!(hasty < 240, "{hasty}");
    }

    #[test]
    fn what_came_back_once_is_never_proven_by_a_single_look() {
        let mut proving = Proving::default();
        assert!(!proving.good(&key(), true, at(0)));
        proving.bad(&key());
        assert!(!proving.good(&key(), false, at(30)));
    }
}
