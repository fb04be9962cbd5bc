//! Every incident, with the endpoints at which it holds: the view across endpoints, whose own part is in their dossiers.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    clock::Timestamp,
    incident::{Incident, IncidentKey},
};

/// By key.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: BTreeMap<IncidentKey, Entry>,
}

/// An incident and its members' endpoints.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) incident: Arc<Incident>,
    /// Where it is suspected or open.
    pub(super) standing: BTreeSet<Arc<str>>,
    /// Where it is mended, and somebody is yet to be told.
    pub(super) mended: BTreeSet<Arc<str>>,
}

impl Ledger {
    pub(super) fn get(&self, key: &IncidentKey) -> Option<&Entry> {
        self.entries.get(key)
    }

    pub(super) fn incident_mut(&mut self, key: &IncidentKey) -> Option<&mut Incident> {
        self.entries.get_mut(key).map(|entry| Arc::make_mut(&mut entry.incident))
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    pub(super) fn incidents_mut(&mut self) -> impl Iterator<Item = &mut Arc<Incident>> {
        self.entries.values_mut().map(|entry| &mut entry.incident)
    }

    /// Takes back what a restart found; its members come one by one.
    pub(super) fn restore(&mut self, incident: Incident) {
        self.entries.insert(incident.key.clone(), Entry::new(incident));
    }

    /// It holds at this endpoint. `true`: that is the first of it.
    pub(super) fn stands(&mut self, key: &IncidentKey, name: &Arc<str>, now: Timestamp) -> bool {
        let is_new = !self.entries.contains_key(key);
        let entry = self.entries.entry(key.clone()).or_insert_with(|| Entry::new(Incident::begin(key.clone(), name, now)));
        entry.mended.remove(name);
        entry.standing.insert(name.clone());
        is_new
    }

    /// It is mended at this endpoint.
    pub(super) fn mended(&mut self, key: &IncidentKey, name: &Arc<str>) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.standing.remove(name);
            entry.mended.insert(name.clone());
        }
    }

    /// The endpoint has to do with it no more.
    pub(super) fn leaves(&mut self, key: &IncidentKey, name: &Arc<str>) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.standing.remove(name);
            entry.mended.remove(name);
        }
    }

    /// What caused it at this endpoint has been replaced and nothing is better: the incident goes on with the new cause, as far
    /// as those who `heard` of it here are concerned. `true`: that was the last of the old one.
    pub(super) fn passes_on(
        &mut self,
        from: &IncidentKey,
        to: &IncidentKey,
        name: &Arc<str>,
        heard: &[String],
        now: Timestamp,
    ) -> bool {
        self.leaves(from, name);
        let Some(old) = self.entries.get(from) else { return false };
        let is_last = old.is_empty();
        let mut incident = Incident::clone(&old.incident);
        if is_last {
            self.entries.remove(from);
        }
        if is_last && !self.entries.contains_key(to) {
            incident.key = to.clone();
            self.restore(incident);
        } else {
            self.stands(to, name, now);
            incident.told.retain(|told| !told.is_over() && heard.contains(&told.recipient));
            if let Some(heir) = self.incident_mut(to) {
                incident.told.retain(|told| heir.told_to(&told.recipient).is_none());
                for new in &mut incident.told {
                    let before = heir.told.iter().find(|old| old.recipient == new.recipient);
                    new.round = before.map_or(new.round, |old| old.round + 1);
                }
                heir.told.retain(|old| !incident.told.iter().any(|new| new.recipient == old.recipient));
                heir.told.append(&mut incident.told);
            }
        }
        self.stands(to, name, now);
        is_last
    }

    /// Forgets it when no endpoint has to do with it any more.
    pub(super) fn take_if_over(&mut self, key: &IncidentKey) -> Option<Arc<Incident>> {
        let is_over = self.entries.get(key).is_some_and(Entry::is_empty);
        if is_over { self.entries.remove(key).map(|entry| entry.incident) } else { None }
    }

    /// Those of which nothing is known but that they once were.
    pub(super) fn over(&self) -> Vec<IncidentKey> {
        self.entries.values().filter(|entry| entry.is_empty()).map(|entry| entry.incident.key.clone()).collect()
    }
}

impl Entry {
    fn new(incident: Incident) -> Self {
        Entry { incident: Arc::new(incident), standing: BTreeSet::new(), mended: BTreeSet::new() }
    }

    fn is_empty(&self) -> bool {
        self.standing.is_empty() && self.mended.is_empty()
    }
}
