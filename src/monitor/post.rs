//! What is told reaches people in order, and only while it is true: who has not heard of something hears no more of it once
//! it is over, and nobody hears of its end before its beginning.

use std::sync::Arc;

use super::{MailResult, Monitor, Notice, NoticeKind, Record, Turn, Waiting, outbox::Before, tell};
use crate::{clock::Now, incident::Incident};

impl Monitor {
    /// The news of one endpoint. What is told takes the place of what still waits to be delivered about the same incident; news
    /// to somebody to whom a delivery is under way wait until it is back.
    pub(super) fn tell(&mut self, place: usize, now: Now, turn: &mut Turn) {
        let dossier = &self.dossiers[place];
        let is_held = self.sweep.as_ref().is_some_and(|sweep| sweep.holds(dossier.name()));
        if !self.settings.mail || is_held {
            return;
        }
        let name = dossier.name().clone();
        let mut notices = tell::news(dossier, now.wall);
        notices.retain_mut(|notice| {
            let Some(case) = notice.cases.first() else { return false };
            let incident = &case.incident.id;
            if let Some(id) = self.outbox.under_way(incident, &notice.recipient) {
                self.awaited.entry(id.clone()).or_default().insert(name.clone());
                return false;
            }
            let withdrawn = self.outbox.withdraw(incident, &notice.recipient, now.uptime);
            notice.thread.take_if(|thread| withdrawn.contains(thread));
            turn.records.extend(withdrawn.into_iter().map(Record::MailGone));
            true
        });
        self.post(notices, now, turn);
    }

    /// An incident is over. What was not delivered yet is withdrawn: the ids of those mails.
    pub(super) fn ended(&mut self, incident: &Incident, now: Now, turn: &mut Turn) -> Vec<String> {
        turn.records.push(Record::IncidentGone(incident.key.clone()));
        let told = incident.told.iter();
        let withdrawn: Vec<_> = told.flat_map(|told| self.outbox.withdraw(&incident.id, &told.recipient, now.uptime)).collect();
        turn.records.extend(withdrawn.iter().cloned().map(Record::MailGone));
        withdrawn
    }

    /// An incident has ended well: those hear of it whom something about it has reached, or still may.
    pub(super) fn mended(&mut self, place: usize, mut incident: Arc<Incident>, now: Now, turn: &mut Turn) {
        let withdrawn = self.ended(&incident, now, turn);
        if self.settings.mail {
            Arc::make_mut(&mut incident).told.retain(|told| !withdrawn.contains(&told.thread));
            let notices = tell::all_clear(&self.dossiers[place], &incident, now.wall);
            self.post(notices, now, turn);
        }
    }

    pub(super) fn post(&mut self, notices: Vec<Notice>, now: Now, turn: &mut Turn) {
        for notice in notices {
            let before = self.before(&notice);
            for case in &notice.cases {
                let topic = case.incident.key.topic;
                let Some(&place) = self.places.get(&case.incident.key.endpoint) else { continue };
                // An incident that is mended is told of, and no longer there to note it.
                if let Some(incident) = self.dossiers[place].incidents.get_mut(&topic) {
                    tell::note(Arc::make_mut(incident), &notice);
                    turn.changed.insert((place, topic));
                }
            }
            let waiting = Waiting { id: notice.id.clone(), kind: notice.kind, at: notice.at };
            if self.outbox.post(waiting, before, now.uptime) {
                turn.posts.push(notice);
            }
        }
    }

    /// A delivery came back. `false`: it was unheard of.
    pub(super) fn mailed(&mut self, id: &str, result: MailResult, detail: &str, now: Now, turn: &mut Turn) -> bool {
        let Some(gone) = self.outbox.came_back(id, result, now.uptime) else { return false };
        self.mail_trouble = match result {
            MailResult::Delivered => None,
            MailResult::Deferred => Some(format!("mail cannot be sent and is tried again: {detail}")),
            MailResult::Refused => Some(format!("a mail was refused for good: {detail}")),
        };
        turn.records.extend(gone.into_iter().map(Record::MailGone));
        if result == MailResult::Refused {
            self.never_arrived(id, turn);
        }
        for name in self.awaited.remove(id).unwrap_or_default() {
            if let Some(&place) = self.places.get(&name) {
                self.tell(place, now, turn);
            }
        }
        true
    }

    /// The mail that must have left before this one: the latest to the same recipient about the same incident.
    fn before(&self, notice: &Notice) -> Option<Before> {
        let [case] = &notice.cases[..] else { return None };
        let thread = notice.thread.as_ref();
        let own = self.outbox.latest(&case.incident.id, &notice.recipient);
        let id = own.or_else(|| thread.filter(|thread| self.outbox.holds(thread)))?;
        Some(Before { id: id.clone(), is_needed: notice.kind == NoticeKind::Resolved && Some(id) == thread })
    }

    /// A mail was refused for good. Where it was the first about an incident, the next one is.
    fn never_arrived(&mut self, id: &str, turn: &mut Turn) {
        for (place, dossier) in self.dossiers.iter_mut().enumerate() {
            for (topic, incident) in &mut dossier.incidents {
                if !incident.told.iter().any(|told| told.thread == id) {
                    continue;
                }
                let incident = Arc::make_mut(incident);
                for told in incident.told.iter_mut().filter(|told| told.thread == id) {
                    told.thread = self.outbox.latest(&incident.id, &told.recipient).cloned().unwrap_or_default();
                }
                turn.changed.insert((place, *topic));
            }
        }
    }
}
