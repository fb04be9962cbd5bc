//! What is told reaches people in order, and only while it is true: who has not heard of something hears no more of it once
//! it is over, and nobody hears of its end before its beginning.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    InPlaceOf, MailResult, Monitor, Notice, NoticeKind, Record, Refusal, Turn, Waiting,
    dossier::Judgement,
    notice,
    outbox::{Before, Outcome},
    tell,
};
use crate::{
    clock::Now,
    incident::{IncidentKey, Told, channel_of},
};

impl Monitor {
    /// Posts a notice to an operator about certvigil itself, which no cap counts and no quiet hour holds.
    pub(super) fn post_own(&mut self, notice: Notice, before: Option<Before>, now: Now, turn: &mut Turn) {
        let Notice { id, kind, recipient, at, .. } = &notice;
        let waiting = Waiting { id: id.clone(), kind: *kind, recipient: recipient.clone(), at: *at };
        if self.outbox.post(waiting, before, now.uptime) {
            turn.posts.push(notice);
        }
    }

    /// A visit has moved the incidents of an endpoint on: people are told, of what is wrong before what is mended.
    pub(super) fn judged(&mut self, place: usize, judgement: Judgement, now: Now, turn: &mut Turn) {
        let name = self.dossiers[place].name().clone();
        for passed in judgement.passed_on {
            if self.ledger.passes_on(&passed.from, &passed.to, &name, &passed.heard, now.wall) {
                turn.incidents.remove(&passed.from);
                turn.records.push(Record::IncidentGone(passed.from.clone()));
            }
            turn.incidents.insert(passed.to);
            turn.records.push(Record::MemberGone { endpoint: name.clone(), key: passed.from.clone() });
            self.settle(&passed.from, &passed.heard, now, turn);
        }
        for key in judgement.changed {
            self.stands(place, key, now, turn);
        }
        for member in judgement.accepted {
            self.left(&name, &member.key, &member.heard, now, turn);
        }
        self.tell(place, now, turn);
        for key in judgement.mended {
            let heard = self.dossiers[place].members.get(&key).map(|member| member.heard.clone()).unwrap_or_default();
            self.ledger.mended(&key, &name);
            turn.members.insert((place, key.clone()));
            self.forget_unheard(place, &key, turn);
            self.settle(&key, &heard, now, turn);
        }
    }

    /// An incident holds at an endpoint, or has got worse there.
    pub(super) fn stands(&mut self, place: usize, key: IncidentKey, now: Now, turn: &mut Turn) {
        if self.ledger.stands(&key, self.dossiers[place].name(), now.wall) {
            turn.incidents.insert(key.clone());
        }
        turn.members.insert((place, key));
    }

    /// The news of one endpoint.
    pub(super) fn tell(&mut self, place: usize, now: Now, turn: &mut Turn) {
        self.tell_released(place, None, now, turn);
    }

    /// The news of one endpoint, of which those of `released` need not wait for other endpoints. What is told takes the place of what still waits to be delivered about the same incident; news
    /// to somebody to whom a delivery is under way wait until it is back.
    pub(super) fn tell_released(&mut self, place: usize, released: Option<&IncidentKey>, now: Now, turn: &mut Turn) {
        let name = self.dossiers[place].name().clone();
        let is_held = self.sweep.as_ref().is_some_and(|sweep| sweep.holds(&name));
        if is_held {
            return;
        }
        let mut notices = self.news(place, now.wall);
        notices.retain_mut(|notice| {
            let Some(case) = notice.cases.first() else { return false };
            let (incident, key) = (&case.incident.id, &case.incident.key);
            if self.waits(notice, now) {
                return false;
            }
            if released != Some(key) && self.is_held(key, place, now) {
                return false;
            }
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
        for (key, recipient) in self.silent_hearers(place, now.wall) {
            self.hears(&name, &key, &recipient, turn);
        }
    }

    /// An endpoint has to do with an incident no more, without having been seen mended.
    pub(super) fn left(&mut self, name: &Arc<str>, key: &IncidentKey, heard: &[String], now: Now, turn: &mut Turn) {
        self.ledger.leaves(key, name);
        turn.records.push(Record::MemberGone { endpoint: name.clone(), key: key.clone() });
        self.settle(key, heard, now, turn);
    }

    /// Something has ended at an endpoint of these people. Those for whom it holds nowhere else hear that it is mended, if
    /// anything about it has reached them, or still may; what was not delivered yet is withdrawn.
    pub(super) fn settle(&mut self, key: &IncidentKey, heard: &[String], now: Now, turn: &mut Turn) {
        for recipient in heard {
            self.settle_with(key, recipient, now, turn);
        }
        let Some(incident) = self.ledger.take_if_over(key) else { return };
        turn.incidents.remove(key);
        turn.records.push(Record::IncidentGone(key.clone()));
        for told in incident.told.iter().filter(|told| !told.is_over()) {
            self.withdraw(&incident.id, &told.recipient, now, turn);
        }
    }

    fn settle_with(&mut self, key: &IncidentKey, recipient: &str, now: Now, turn: &mut Turn) {
        let Some(entry) = self.ledger.get(key) else { return };
        let Some(told) = entry.incident.told_to(recipient).cloned() else { return };
        let knows = |name: &&Arc<str>| self.member(name, key).is_some_and(|member| member.is_known_to(recipient));
        let incident = entry.incident.clone();
        if entry.standing.iter().any(|name| knows(&name)) {
            self.outbox.review_about(&incident.id, recipient);
            self.outbox.review(&told.thread);
            return;
        }
        let mended: Vec<Arc<str>> = entry.mended.iter().filter(knows).cloned().collect();
        let withdrawn = self.withdraw(&incident.id, recipient, now, turn);
        let has_reached = !told.thread.is_empty() && !withdrawn.contains(&told.thread) && !self.leaves_out(&told, now, turn);
        if has_reached && (self.settings.mail || channel_of(recipient).is_some()) {
            let notice = self.all_clear(&incident, &told, &mended, now.wall);
            let at_once = notice.filter(|notice| !self.keeps(notice, now, turn));
            self.post(at_once.into_iter().collect(), now, turn);
        }
        if let Some(incident) = self.ledger.incident_mut(key) {
            incident.told.iter_mut().filter(|told| told.recipient == recipient).for_each(Told::end);
            turn.incidents.insert(key.clone());
        }
        for name in mended {
            self.forget_hearer(&name, key, recipient, turn);
        }
    }

    /// This one waits for no end of it at this endpoint.
    pub(super) fn forget_hearer(&mut self, name: &Arc<str>, key: &IncidentKey, recipient: &str, turn: &mut Turn) {
        let Some(&place) = self.places.get(name) else { return };
        let Some(member) = self.dossiers[place].members.get_mut(key) else { return };
        if member.is_known_to(recipient) {
            Arc::make_mut(member).heard.retain(|known| known != recipient);
            turn.members.insert((place, key.clone()));
        }
        self.forget_unheard(place, key, turn);
    }

    /// Nobody waits for the end of it any more: where it is mended it need not be remembered.
    pub(super) fn forget_unheard(&mut self, place: usize, key: &IncidentKey, turn: &mut Turn) {
        let dossier = &mut self.dossiers[place];
        let is_over = dossier.members.get(key).is_some_and(|member| !member.is_standing() && member.heard.is_empty());
        if is_over {
            let endpoint = dossier.name().clone();
            dossier.members.remove(key);
            self.ledger.leaves(key, &endpoint);
            turn.records.push(Record::MemberGone { endpoint, key: key.clone() });
        }
    }

    pub(super) fn withdraw(&mut self, incident: &str, recipient: &str, now: Now, turn: &mut Turn) -> Vec<String> {
        let withdrawn = self.outbox.withdraw(incident, recipient, now.uptime);
        turn.records.extend(withdrawn.iter().cloned().map(Record::MailGone));
        withdrawn
    }

    pub(super) fn post(&mut self, notices: Vec<Notice>, now: Now, turn: &mut Turn) {
        for notice in notices {
            let before = self.before(&notice);
            if notice.kind != NoticeKind::Resolved {
                self.note(&notice, turn);
            }
            let (id, recipient) = (notice.id.clone(), notice.recipient.clone());
            let is_mail = channel_of(&recipient).is_none();
            let waiting = Waiting { id, kind: notice.kind, recipient: recipient.clone(), at: notice.at };
            if self.outbox.post(waiting, before, now.uptime) {
                if is_mail {
                    turn.records.push(self.desk.count(&recipient, now.wall));
                }
                turn.posts.push(notice);
            }
        }
    }

    /// The recipient knows now.
    fn note(&mut self, notice: &Notice, turn: &mut Turn) {
        let keys: BTreeSet<_> = notice.cases.iter().map(|case| &case.incident.key).collect();
        for key in keys {
            if let Some(incident) = self.ledger.incident_mut(key) {
                tell::note(incident, notice);
                turn.incidents.insert(key.clone());
            }
        }
        for case in &notice.cases {
            self.hears(&case.member.endpoint, &case.incident.key, &notice.recipient, turn);
        }
    }

    fn hears(&mut self, name: &Arc<str>, key: &IncidentKey, recipient: &str, turn: &mut Turn) {
        let Some(&place) = self.places.get(name) else { return };
        let Some(member) = self.dossiers[place].members.get_mut(key) else { return };
        if !member.is_known_to(recipient) {
            Arc::make_mut(member).heard.push(recipient.to_owned());
            turn.members.insert((place, key.clone()));
        }
    }

    /// A delivery came back. `false`: it was unheard of.
    pub(super) fn mailed(&mut self, id: &str, outcome: Outcome, detail: &str, now: Now, turn: &mut Turn) -> bool {
        let Some(way) = self.outbox.lane(id).cloned() else { return false };
        let recipient = self.outbox.recipient(id).unwrap_or_default().to_owned();
        let Some(gone) = self.outbox.came_back(id, outcome, now.uptime) else { return false };
        self.way_is(&way, outcome.result, detail);
        turn.records.extend(gone.into_iter().map(Record::MailGone));
        let mut instead = Vec::new();
        if outcome.result == MailResult::Refused {
            let concerned = self.never_arrived(id, &recipient, turn);
            let refused = InPlaceOf { recipient: recipient.clone(), why: detail.to_owned() };
            let stand_ins = self.fallback(&concerned, &refused, now.wall);
            instead.extend(stand_ins.iter().map(|notice| notice.recipient.clone()));
            self.post(stand_ins, now, turn);
        }
        if way.is_empty() {
            let refusal = Refusal { recipient, at: now.wall, why: detail.to_owned(), instead };
            self.remember_refusal(refusal, outcome.result, turn);
        }
        for name in self.awaited.remove(id).unwrap_or_default() {
            if let Some(&place) = self.places.get(&name) {
                self.tell(place, now, turn);
            }
        }
        true
    }

    /// What has just come of a way out (mail is '') is trouble, or the end of it. Whether that is news.
    pub(super) fn way_is(&mut self, way: &Arc<str>, result: MailResult, detail: &str) -> bool {
        let trouble = match (result, &**way) {
            // A server that refuses one recipient takes mail for others.
            (MailResult::Delivered, _) | (MailResult::Refused, "") => None,
            (MailResult::Deferred, "") => Some(format!("mail cannot be sent and is tried again: {detail}")),
            (MailResult::Deferred, way) => Some(format!("the channel {way} takes nothing and is tried again: {detail}")),
            (MailResult::Refused, way) => Some(format!("the channel {way} refused a notice for good: {detail}")),
        };
        // What is still in the outbox for a channel that was removed is refused, and that is no trouble.
        let trouble = trouble.filter(|_| self.has_way(way));
        let is_news = self.way_troubles.get(way) != trouble.as_ref();
        match trouble {
            Some(trouble) => drop(self.way_troubles.insert(Arc::clone(way), trouble)),
            None => drop(self.way_troubles.remove(way)),
        }
        is_news
    }

    /// Forgets what was wrong with channels by which nobody is told any more.
    pub(super) fn forget_ways(&mut self) {
        let mut troubles = std::mem::take(&mut self.way_troubles);
        troubles.retain(|way, _| self.has_way(way));
        self.way_troubles = troubles;
    }

    fn has_way(&self, way: &Arc<str>) -> bool {
        let mut channels = self.dossiers.iter().flat_map(|dossier| &*dossier.view.watch.policy.channels);
        way.is_empty() || channels.any(|known| known.channel == *way)
    }

    /// The mail that must have left before this one: the latest to the same recipient about the same incident.
    fn before(&self, notice: &Notice) -> Option<Before> {
        let case = notice.cases.first().filter(|_| !notice.kind.is_of_many())?;
        let thread = notice.thread.as_ref();
        let own = self.outbox.latest(&case.incident.id, &notice.recipient);
        let id = own.or_else(|| thread.filter(|thread| self.outbox.holds(thread)))?;
        Some(Before { id: id.clone(), is_needed: notice.kind == NoticeKind::Resolved && Some(id) == thread })
    }

    /// A mail was refused for good: the incidents it told of; of one that told of many, all that its recipient was told of. Where it
    /// was the first about one, the next one is.
    fn never_arrived(&mut self, id: &str, recipient: &str, turn: &mut Turn) -> Vec<IncidentKey> {
        let is_of_many = notice::is_of_many(id);
        let mut concerned = Vec::new();
        for incident in self.ledger.incidents_mut() {
            let is_first = incident.told.iter().any(|told| told.thread == id);
            let may_be_in_it = is_of_many && incident.told_to(recipient).is_some();
            if is_first || may_be_in_it || incident.id == notice::subject(id) {
                concerned.push(incident.key.clone());
            }
            if !is_first {
                continue;
            }
            let incident = Arc::make_mut(incident);
            for told in incident.told.iter_mut().filter(|told| told.thread == id) {
                told.thread = self.outbox.latest(&incident.id, &told.recipient).cloned().unwrap_or_default();
            }
            turn.incidents.insert(incident.key.clone());
        }
        concerned
    }
}
