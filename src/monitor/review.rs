//! A mail that waits is judged again before the next attempt, where what it says may not hold any more: what has ended since, or
//! was silenced, is left out, and where nothing is left the mail is withdrawn. It was told to nobody then, and neither is its end.

use std::{collections::BTreeSet, sync::Arc};

use super::{Case, Monitor, Notice, NoticeKind, Record, Turn, Waiting, notice, tell};
use crate::{
    clock::Now,
    incident::{Incident, IncidentKey, Told},
};

impl Monitor {
    /// Judges those again that are to be tried now.
    pub(super) fn review(&mut self, now: Now, turn: &mut Turn) {
        for mail in self.outbox.take_reviews(now.uptime) {
            let Waiting { id, kind, recipient, .. } = &mail;
            let keys: Vec<IncidentKey> = self.told_by(id, *kind, recipient).map(|incident| incident.key.clone()).collect();
            let still_holds = keys.iter().any(|key| !self.still_told(key, recipient).is_empty());
            if !keys.is_empty() && !still_holds {
                let gone = self.outbox.withdraw_one(id, now.uptime);
                turn.records.extend(gone.into_iter().map(Record::MailGone));
                for key in &keys {
                    self.unsay(key, recipient, id, turn);
                }
            } else if let Some(notice) = self.said_anew(&mail, &keys) {
                let left: BTreeSet<_> = notice.cases.iter().map(|case| case.member.endpoint.clone()).collect();
                for key in keys {
                    if self.is_first(&key, recipient, id) {
                        self.unhear(&key, recipient, |endpoint| left.contains(endpoint), turn);
                    }
                }
                turn.posts.push(notice);
            }
        }
    }

    /// The incidents that this mail tells of.
    fn told_by<'a>(&'a self, id: &'a str, kind: NoticeKind, recipient: &'a str) -> impl Iterator<Item = &'a Incident> {
        let is_about = move |incident: &&Incident| match kind {
            NoticeKind::Summary => incident.told_to(recipient).is_some_and(|told| told.thread == id),
            _ => incident.id == notice::subject(id),
        };
        self.ledger.entries().map(|entry| &*entry.incident).filter(is_about)
    }

    /// Where it is open of what this one was told, and not silenced.
    fn still_told(&self, key: &IncidentKey, recipient: &str) -> Vec<&Arc<str>> {
        let Some(entry) = self.ledger.get(key) else { return Vec::new() };
        let holds = |name: &&Arc<str>| {
            let dossier = self.places.get(*name).map(|place| &self.dossiers[*place]);
            let part = dossier.and_then(|dossier| Some((&dossier.view.watch, dossier.members.get(key)?)));
            part.is_some_and(|(watch, member)| {
                member.is_open() && member.is_known_to(recipient) && self.silences.of(watch, member).is_none()
            })
        };
        entry.standing.iter().filter(holds).collect()
    }

    fn cases_of(&self, key: &IncidentKey, recipient: &str) -> Vec<Case> {
        let Some(entry) = self.ledger.get(key) else { return Vec::new() };
        self.cases_at(&entry.incident, self.still_told(key, recipient).into_iter())
    }

    /// The same mail, with what still holds.
    fn said_anew(&self, mail: &Waiting, keys: &[IncidentKey]) -> Option<Notice> {
        let Waiting { id, kind, recipient, at } = mail;
        let cases: Vec<_> = keys.iter().flat_map(|key| self.cases_of(key, recipient)).collect();
        let audience = cases.first()?.incident.told_to(recipient)?.audience;
        let to = (recipient.clone(), audience);
        let notice = match kind {
            NoticeKind::Summary => tell::of_many(*kind, to, cases, Vec::new(), "", *at),
            _ => tell::about_one(to, cases, *at)?,
        };
        Some(Notice { id: id.clone(), thread: notice.thread.filter(|thread| thread != id), ..notice })
    }

    fn is_first(&self, key: &IncidentKey, recipient: &str, id: &str) -> bool {
        let told = self.ledger.get(key).and_then(|entry| entry.incident.told_to(recipient));
        told.is_some_and(|told| told.thread == id)
    }

    /// The mail of this id has told them nothing.
    fn unsay(&mut self, key: &IncidentKey, recipient: &str, id: &str, turn: &mut Turn) {
        let is_first = self.is_first(key, recipient, id);
        let Some(incident) = self.ledger.incident_mut(key) else { return };
        match incident.told.iter_mut().find(|told| told.recipient == recipient) {
            Some(told) if is_first => told.end(),
            Some(told) => told.forget_stage(),
            None => {}
        }
        turn.incidents.insert(key.clone());
        if is_first {
            self.unhear(key, recipient, |_| false, turn);
        }
    }

    /// They know nothing of it at the endpoints that are not left.
    fn unhear(&mut self, key: &IncidentKey, recipient: &str, is_left: impl Fn(&Arc<str>) -> bool, turn: &mut Turn) {
        let Some(entry) = self.ledger.get(key) else { return };
        let names: Vec<_> = entry.standing.union(&entry.mended).filter(|name| !is_left(name)).cloned().collect();
        for name in names {
            self.forget_hearer(&name, key, recipient, turn);
        }
    }

    /// Something has ended for this one of which a mail still waits that tells of other things too: it is to leave that out. Whether
    /// there is such a mail; then they have not heard of it.
    pub(super) fn leaves_out(&mut self, told: &Told, now: Now, turn: &mut Turn) -> bool {
        if !self.outbox.is_waiting_summary(&told.thread) {
            return false;
        }
        let others = self.told_by(&told.thread, NoticeKind::Summary, &told.recipient);
        if others.count() > 1 {
            self.outbox.review(&told.thread);
        } else {
            let gone = self.outbox.withdraw_one(&told.thread, now.uptime);
            turn.records.extend(gone.into_iter().map(Record::MailGone));
        }
        true
    }
}
