//! What people answer to a mail: they see to it, want to hear nothing of it for a week, or it is not theirs.

use std::{sync::Arc, time::Duration};

use super::{Glob, Monitor, Record, Selector, Silence, Turn, ledger::Entry};
use crate::{
    answer::{Action, Answer},
    certificate::printable,
    clock::{Now, later},
    incident::{Acknowledged, IncidentKey, Told, stable_hash},
};

impl Monitor {
    /// Does what is answered, where the incident is still open. Whether that changes anything.
    pub(super) fn answered(&mut self, answer: &Answer, now: Now, turn: &mut Turn) -> bool {
        let is_open = |entry: &&Entry| {
            let mut members = entry.standing.iter().filter_map(|name| self.member(name, &entry.incident.key));
            members.any(|member| member.is_open())
        };
        let meant = self.ledger.entries().find(|entry| entry.incident.id == answer.incident).filter(is_open);
        let Some(key) = meant.map(|entry| entry.incident.key.clone()) else { return false };
        match answer.action {
            Action::Acknowledge => self.acknowledge(&key, &answer.person, now, turn),
            Action::Snooze => self.snooze(&key, &answer.person, now, turn),
            Action::Decline => self.decline(&key, &answer.person, now, turn),
        }
    }

    fn acknowledge(&mut self, key: &IncidentKey, by: &str, now: Now, turn: &mut Turn) -> bool {
        let Some(entry) = self.ledger.get(key) else { return false };
        let open = entry.standing.iter().filter_map(|name| self.member(name, key)).filter(|member| member.is_open());
        let Some(worst) = open.max_by_key(|member| member.weight()) else { return false };
        if entry.incident.is_acknowledged(worst) {
            return false;
        }
        let acknowledged = Acknowledged { by: by.to_owned(), at: now.wall, stage: worst.stage() };
        if let Some(incident) = self.ledger.incident_mut(key) {
            incident.acknowledged = Some(acknowledged);
            turn.incidents.insert(key.clone());
        }
        true
    }

    /// Of what this one has heard; the endpoints of others are theirs to silence.
    fn snooze(&mut self, key: &IncidentKey, by: &str, now: Now, turn: &mut Turn) -> bool {
        let Some(entry) = self.ledger.get(key) else { return false };
        let knows = |name: &&Arc<str>| self.member(name, key).is_some_and(|member| member.is_open() && member.is_known_to(by));
        let endpoints: Vec<_> = entry.standing.iter().filter(knows).map(|name| Glob::new(name)).collect();
        let id = stable_hash(&["snooze", &entry.incident.id, by, &now.wall.to_string()]);
        let silence = Silence {
            id: format!("{:08x}", id >> 32),
            selector: Selector { endpoints, ..Selector::default() },
            findings: vec![key.topic.name().to_owned()],
            since: now.wall,
            until: later(now.wall, SNOOZE),
            but_last_day: true,
            by: printable(by),
            reason: SNOOZED.to_owned(),
        };
        let is_same = |known: &Silence| {
            (&known.by, &known.reason, &known.findings, &known.selector)
                == (&silence.by, &silence.reason, &silence.findings, &silence.selector)
        };
        if silence.selector.endpoints.is_empty() || self.silences.active().iter().any(|known| is_same(known)) {
            return false;
        }
        turn.records.push(Record::Silenced(silence.clone()));
        self.silences.add(silence, now);
        self.outbox.review_all();
        true
    }

    /// This one hears no more of it, and the operators hear of it instead. An operator cannot: nobody would be left.
    fn decline(&mut self, key: &IncidentKey, by: &str, now: Now, turn: &mut Turn) -> bool {
        if self.operators.iter().any(|operator| operator == by) {
            return false;
        }
        let Some(incident) = self.ledger.incident_mut(key) else { return false };
        if incident.declined.iter().any(|known| known == by) {
            return false;
        }
        incident.declined.push(by.to_owned());
        incident.told.iter_mut().filter(|told| told.recipient == by).for_each(Told::end);
        let id = incident.id.clone();
        turn.incidents.insert(key.clone());
        self.withdraw(&id, by, now, turn);
        let places: Vec<usize> = self.ledger.get(key).map(|entry| self.places_of(entry)).unwrap_or_default();
        for &place in &places {
            if let Some(member) = self.dossiers[place].members.get_mut(key).filter(|member| member.is_known_to(by)) {
                Arc::make_mut(member).heard.retain(|known| known != by);
                turn.members.insert((place, key.clone()));
            }
            self.forget_unheard(place, key, turn);
        }
        for place in places {
            self.tell(place, now, turn);
        }
        true
    }

    /// Where it holds, or held.
    fn places_of(&self, entry: &Entry) -> Vec<usize> {
        entry.standing.union(&entry.mended).filter_map(|name| self.places.get(name).copied()).collect()
    }
}

const SNOOZE: Duration = Duration::from_hours(7 * 24);
/// The reason that is shown.
const SNOOZED: &str = "snoozed by a link in a mail";
