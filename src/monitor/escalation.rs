//! What nobody mends is told to others too, after a while in which nothing has become better.

use std::{collections::BTreeSet, time::Duration};

use super::{Monitor, Turn, Watch};
use crate::{
    clock::{Now, Timestamp, later},
    incident::{IncidentKey, Member, Told},
};

/// From then on these hear of it too.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Escalation {
    /// So long after it was first told, last mended at one of the endpoints, or acknowledged.
    pub after: Duration,
    /// Mail addresses.
    pub to: Vec<String>,
}

impl Monitor {
    /// Those to whom it is escalated by then: their time has come, or they have heard of it already.
    pub(super) fn escalated<'a>(&self, watch: &'a Watch, member: &Member, at: Timestamp) -> Vec<&'a String> {
        let steps = &watch.policy.escalation;
        let Some(entry) = self.ledger.get(&member.key).filter(|_| !steps.is_empty()) else { return Vec::new() };
        let since = self.unchanged_since(watch, &member.key);
        let is_seen_to = entry.incident.is_acknowledged(member);
        let is_due = |after| !is_seen_to && since.is_some_and(|since| later(since, after) <= at);
        let people = steps.iter().flat_map(|step| step.to.iter().map(|to| (step.after, to)));
        people.filter(|(after, to)| is_due(*after) || entry.incident.told_to(to).is_some()).map(|(_, to)| to).collect()
    }

    /// Since when those know of it who hear of it first, and nothing has become better. `None`: none of them knows.
    fn unchanged_since(&self, watch: &Watch, key: &IncidentKey) -> Option<Timestamp> {
        let entry = self.ledger.get(key)?;
        let first = |told: &&Told| !told.is_over() && watch.policy.is_heard_first_by(&told.recipient);
        let told = entry.incident.told.iter().filter(first).map(|told| told.at).min()?;
        let mended = entry.mended.iter().filter_map(|name| {
            let dossier = &self.dossiers[*self.places.get(name)?];
            let is_same = dossier.view.watch.policy.escalation == watch.policy.escalation;
            dossier.members.get(key)?.mended_at().filter(|_| is_same)
        });
        let acknowledged = entry.incident.acknowledged.as_ref().map(|known| known.at);
        Some(mended.chain(acknowledged).fold(told, Timestamp::max))
    }

    /// Tells those whose time has come.
    pub(super) fn escalate(&mut self, now: Now, turn: &mut Turn) {
        let is_due = self.next_escalation.is_some_and(|at| at <= now.uptime);
        if !is_due && turn.incidents.is_empty() {
            return;
        }
        for place in self.escalations(now).0 {
            self.tell(place, now, turn);
        }
    }

    /// Looks when the next one is due, where that may have changed.
    pub(super) fn plan_escalations(&mut self, now: Now, turn: &Turn) {
        let is_past = self.next_escalation.is_some_and(|at| at <= now.uptime);
        if is_past || !turn.incidents.is_empty() {
            self.next_escalation = self.escalations(now).1;
        }
    }

    /// Where somebody is to be told now who does not know, and when that is so next, in uptime.
    fn escalations(&self, now: Now) -> (BTreeSet<usize>, Option<Duration>) {
        let (mut due, mut next) = (BTreeSet::new(), None::<Timestamp>);
        if !self.escalates {
            return (due, None);
        }
        for entry in self.ledger.entries() {
            for place in entry.standing.iter().filter_map(|name| self.places.get(name)) {
                let dossier = &self.dossiers[*place];
                let watch = &dossier.view.watch;
                let is_open = dossier.members.get(&entry.incident.key).is_some_and(|member| member.is_open());
                if watch.policy.escalation.is_empty() || !is_open {
                    continue;
                }
                let Some(since) = self.unchanged_since(watch, &entry.incident.key) else { continue };
                for step in &*watch.policy.escalation {
                    let at = later(since, step.after);
                    if at > now.wall {
                        next = Some(next.map_or(at, |next| next.min(at)));
                    } else if step.to.iter().any(|to| entry.incident.told_to(to).is_none()) {
                        due.insert(*place);
                    }
                }
            }
        }
        let left = next.map(|at| Duration::try_from(at.duration_since(now.wall)).unwrap_or(Duration::ZERO));
        (due, left.map(|left| now.uptime.saturating_add(left)))
    }
}
