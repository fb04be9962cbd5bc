//! News about a certificate wait until the other endpoints that serve it have been looked at too, so that one mail lists them all.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{Monitor, Turn, dossier::Dossier};
use crate::{
    certificate::{Certificate, Fingerprint},
    clock::{Now, Timestamp, earlier},
    incident::{Cause, IncidentKey, is_of_time},
    observation::Chain,
};

/// By incident.
#[derive(Debug, Default)]
pub(super) struct Holds {
    holds: BTreeMap<IncidentKey, Hold>,
}

#[derive(Debug)]
struct Hold {
    /// The endpoints that have news about it.
    news: BTreeSet<Arc<str>>,
    /// Those that are yet to be looked at.
    awaited: BTreeSet<Arc<str>>,
    /// Whatever comes of that: in uptime.
    until: Duration,
}

impl Holds {
    /// A visit of this endpoint has come back.
    fn visited(&mut self, name: &Arc<str>) {
        for hold in self.holds.values_mut() {
            hold.awaited.remove(name);
        }
    }

    /// The next one that waits for nothing more.
    fn take_over(&mut self, now: Duration) -> Option<(IncidentKey, Hold)> {
        let is_over = |hold: &Hold| hold.awaited.is_empty() || hold.until <= now;
        let key = self.holds.iter().find(|(_, hold)| is_over(hold)).map(|(key, _)| key.clone())?;
        self.holds.remove_entry(&key)
    }

    /// News of it at this endpoint wait.
    #[cfg(test)]
    pub(super) fn has(&self, key: &IncidentKey, name: &Arc<str>) -> bool {
        self.holds.get(key).is_some_and(|hold| hold.news.contains(name))
    }

    pub(super) fn next_wake(&self) -> Option<Duration> {
        self.holds.values().map(|hold| hold.until).min()
    }
}

impl Monitor {
    /// Whether news of this incident at this endpoint are to wait. When others that serve the same certificate may be about to
    /// show the same, they are visited at once.
    pub(super) fn is_held(&mut self, key: &IncidentKey, place: usize, now: Now) -> bool {
        let Cause::Certificate(fingerprint) = key.cause else { return false };
        let name = self.dossiers[place].name().clone();
        if let Some(hold) = self.holds.holds.get_mut(key) {
            hold.news.insert(name);
            return true;
        }
        let Some(weight) = self.dossiers[place].members.get(key).map(|member| member.weight()) else { return false };
        // What time brings about, it brings about everywhere at once, since the last visit.
        let recently = if is_of_time(key.topic) { Timestamp::MAX } else { earlier(now.wall, LONGEST) };
        let knows = |dossier: &&Dossier| dossier.members.get(key).is_some_and(|m| m.is_standing() && m.weight() >= weight);
        let peers = self.dossiers.iter().filter(|dossier| serves(dossier, &fingerprint, recently) && !knows(dossier));
        let awaited: BTreeSet<_> = peers.map(|dossier| dossier.name().clone()).filter(|peer| *peer != name).collect();
        if awaited.is_empty() {
            return false;
        }
        for peer in &awaited {
            self.schedule.hasten(peer, now.uptime);
        }
        let hold = Hold { news: BTreeSet::from([name]), awaited, until: now.uptime.saturating_add(LONGEST) };
        self.holds.holds.insert(key.clone(), hold);
        true
    }

    /// Tells what need not wait any more. Those that could not be looked at are judged by what was seen there last.
    pub(super) fn release(&mut self, visited: Option<&Arc<str>>, now: Now, turn: &mut Turn) {
        if let Some(name) = visited {
            self.holds.visited(name);
        }
        while let Some((key, Hold { mut news, mut awaited, .. })) = self.holds.take_over(now.uptime) {
            if self.waits_for_clock(key.topic) {
                awaited.clear();
            }
            for name in awaited {
                let Some(&place) = self.places.get(&name) else { continue };
                for changed in self.dossiers[place].age(now.wall).changed {
                    self.stands(place, changed, now, turn);
                }
                news.insert(name);
            }
            for place in news.iter().filter_map(|name| self.places.get(name).copied()).collect::<Vec<_>>() {
                self.tell_released(place, Some(&key), now, turn);
            }
        }
    }
}

/// The certificate was seen there, or fetched for it, and nobody has looked since `recently`.
fn serves(dossier: &Dossier, fingerprint: &Fingerprint, recently: Timestamp) -> bool {
    let rows = &dossier.view.addresses;
    let known = || rows.iter().filter_map(|row| row.known.as_ref());
    let is_it = |of: &Arc<Certificate>| of.fingerprint == *fingerprint;
    rows.iter().all(|row| row.last_probe() < recently)
        && known().any(|known| {
            let presented = known.observation.chain().into_iter().flat_map(Chain::iter);
            presented.chain(&known.diagnosis.borrowed.certificates).any(is_it)
        })
}

/// News wait no longer than this; who was visited within it is not visited again for their sake.
const LONGEST: Duration = Duration::from_mins(3);
