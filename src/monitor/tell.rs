//! Who is told what: each stage of an incident once to each who should know, with all of their endpoints, and its end to each
//! who was told.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Case, InPlaceOf, Mended, Monitor, Notice, NoticeKind, Watch, dossier::Dossier, notice, sweep::Sweep};
use crate::{
    clock::Timestamp,
    diagnosis::Topic,
    incident::{Audience, Incident, IncidentKey, Member, Told, channel_of, stable_hash},
};

/// Somebody, in one role.
type Recipient = (String, Audience);

impl Monitor {
    /// What is to be told now for the sake of this endpoint: each incident that is open there, to everybody to whom its stage is
    /// news, with all of their endpoints.
    pub(super) fn news(&self, place: usize, at: Timestamp) -> Vec<Notice> {
        let mut news = Vec::new();
        for (incident, member) in self.open_at(place) {
            let recipients = self.recipients(&self.dossiers[place].view.watch, member, at);
            for recipient in recipients.into_iter().filter(|(address, _)| incident.is_news_to(address, member)) {
                let notice = about_one(recipient.clone(), self.cases(&member.key, &recipient.0, at), at);
                // Of an endpoint that has moved there is nothing to show, and what the others have to say is known.
                news.extend(notice.filter(|notice| incident.is_news_to(&recipient.0, &notice.cases[0].member)));
            }
        }
        news
    }

    /// What the end of the first sweep has to tell of the endpoints it held: one notice to each, a summary where there is more
    /// than one incident.
    pub(super) fn summaries(&self, sweep: &Sweep, at: Timestamp) -> Vec<Notice> {
        let mut mailbags: BTreeMap<Recipient, Vec<Case>> = BTreeMap::new();
        let held = self.dossiers.iter().enumerate().filter(|(_, dossier)| sweep.holds(dossier.name()));
        for (place, dossier) in held {
            for (incident, member) in self.open_at(place) {
                for recipient in self.recipients(&dossier.view.watch, member, at) {
                    let is_unheard = incident.is_news_to(&recipient.0, member) || !member.is_known_to(&recipient.0);
                    let case = case(dossier, incident, member).filter(|_| is_unheard);
                    mailbags.entry(recipient).or_default().extend(case);
                }
            }
        }
        let each = mailbags.into_iter().flat_map(|(recipient, cases)| {
            let incidents: BTreeSet<_> = cases.iter().map(|case| case.incident.id.clone()).collect();
            if incidents.len() > 1 && recipient.1 != Audience::System {
                return vec![of_many(NoticeKind::Summary, recipient, cases, Vec::new(), "", at)];
            }
            let one_each = incidents.iter().filter_map(|id| {
                let cases = cases.iter().filter(|case| case.incident.id == *id).cloned().collect();
                about_one(recipient.clone(), cases, at)
            });
            one_each.collect()
        });
        each.collect()
    }

    /// The all-clear about these endpoints to somebody who was told, in the same role.
    pub(super) fn all_clear(&self, incident: &Arc<Incident>, told: &Told, at: &[Arc<str>], now: Timestamp) -> Option<Notice> {
        let cases = self.cases_at(incident, at.iter());
        let first = cases.first()?;
        Some(Notice {
            id: notice::id(incident, "resolved", told.round, told.audience, &told.recipient),
            kind: NoticeKind::Resolved,
            recipient: told.recipient.clone(),
            audience: told.audience,
            reply_to: reply_to(told.audience, &[first]),
            thread: Some(told.thread.clone()),
            at: now,
            cases,
            own: None,
            in_place_of: None,
            mended: Vec::new(),
        })
    }

    /// Those who are to know of everything that is open at this endpoint and have heard of it elsewhere: now it is theirs here
    /// too, and no news.
    pub(super) fn silent_hearers(&self, place: usize, at: Timestamp) -> Vec<(IncidentKey, String)> {
        let mut hearers = Vec::new();
        for (incident, member) in self.open_at(place) {
            let recipients = self.recipients(&self.dossiers[place].view.watch, member, at);
            let new = recipients.into_iter().filter(|(address, _)| !member.is_known_to(address));
            let told = new.filter(|(address, _)| incident.told_to(address).is_some());
            hearers.extend(told.map(|(address, _)| (member.key.clone(), address)));
        }
        hearers
    }

    pub(super) fn member(&self, name: &Arc<str>, key: &IncidentKey) -> Option<&Arc<Member>> {
        self.dossiers[*self.places.get(name)?].members.get(key)
    }

    /// The owners; the admins of a server with a broken chain too, where they are to be written to; the channels that want to
    /// hear of it; and, where nobody has mended it for a while, those to whom it is escalated by then; and, in place of
    /// those who have said that it is not theirs, the operators, behind whom stands nobody else. Nobody twice, and nobody at all
    /// while it is silenced.
    fn recipients(&self, watch: &Watch, member: &Member, at: Timestamp) -> Vec<Recipient> {
        if self.silences.of(watch, member).is_some() {
            return Vec::new();
        }
        let (policy, kind) = (&watch.policy, kind(&member.key));
        let is_letter = policy.write_to_admin && kind == NoticeKind::Chain;
        let admins = policy.admins.iter().filter(|_| is_letter).map(|admin| (admin, Audience::Admin));
        let escalated = self.escalated(watch, member, at).into_iter().map(|to| (to, Audience::Owner));
        let declined = self.ledger.get(&member.key).map_or(&[][..], |entry| &entry.incident.declined);
        let people = policy.owners.iter().map(|owner| (owner, Audience::Owner)).chain(admins).chain(escalated);
        let mut people: Vec<_> = people.collect();
        if people.iter().any(|(address, _)| declined.contains(address)) {
            people.extend(self.operators.iter().map(|to| (to, Audience::Owner)));
        }
        let mut recipients: Vec<Recipient> = Vec::new();
        for (address, audience) in people.into_iter().filter(|_| self.settings.mail) {
            let is_theirs = !declined.contains(address) || self.operators.contains(address);
            if is_theirs && !recipients.iter().any(|(known, _)| known == address) {
                recipients.push((address.clone(), audience));
            }
        }
        let channels = policy.channels.iter().filter(|channel| channel.wants(kind, member.severity));
        recipients.extend(channels.map(|channel| (channel.recipient(), channel.audience)));
        recipients
    }

    /// Once a channel or a mail server has refused somebody for good: what of these incidents is to be told to those who stand
    /// in, and do not know. One notice to each, a digest where there is more than one incident.
    pub(super) fn fallback(&self, keys: &[IncidentKey], refused: &InPlaceOf, at: Timestamp) -> Vec<Notice> {
        let recipient = &*refused.recipient;
        let mut mailbags: BTreeMap<&String, Vec<Case>> = BTreeMap::new();
        let cases: Vec<_> = keys.iter().map(|key| self.cases(key, recipient, at)).filter(|_| self.settings.mail).collect();
        for cases in &cases {
            let Some(worst) = cases.first() else { continue };
            let policy = &worst.watch.policy;
            let subscriptions = policy.channels.iter().filter(|subscription| subscription.recipient() == recipient);
            let of_mail = policy.fallback.iter().filter(|_| channel_of(recipient).is_none());
            let stand_ins = subscriptions.flat_map(|of| &of.fallback).chain(of_mail).filter(|to| *to != recipient);
            for to in stand_ins.filter(|to| worst.incident.is_news_to(to, &worst.member)) {
                mailbags.entry(to).or_default().extend(cases.iter().cloned());
            }
        }
        let notice = |(to, cases): (&String, Vec<Case>)| {
            let to = (to.clone(), Audience::Owner);
            let is_one = cases.iter().all(|case| case.incident.key == cases[0].incident.key);
            let of_many = |cases| of_many(NoticeKind::Digest, to.clone(), cases, Vec::new(), recipient, at);
            let notice = if is_one { about_one(to.clone(), cases, at) } else { Some(of_many(cases)) };
            Some(Notice { in_place_of: Some(Arc::new(refused.clone())), ..notice? })
        };
        mailbags.into_iter().filter_map(notice).collect()
    }

    /// Where it is open of what this one is to know of at an endpoint, and in which role.
    pub(super) fn cases_for(&self, place: usize, recipient: &str, at: Timestamp) -> Vec<(Case, Audience)> {
        let dossier = &self.dossiers[place];
        let cases = self.open_at(place).filter_map(|(incident, member)| {
            let recipients = self.recipients(&dossier.view.watch, member, at);
            let (_, audience) = recipients.into_iter().find(|(address, _)| address == recipient)?;
            Some((case(dossier, incident, member)?, audience))
        });
        cases.collect()
    }

    /// What is found there waits for the end of the first sweep.
    pub(super) fn is_swept(&self, place: usize) -> bool {
        self.sweep.as_ref().is_some_and(|sweep| sweep.holds(self.dossiers[place].name()))
    }

    fn open_at(&self, place: usize) -> impl Iterator<Item = (&Arc<Incident>, &Arc<Member>)> {
        let members = self.dossiers[place].members.values();
        let open = members.filter(|member| member.is_open() && !self.waits_for_clock(member.key.topic));
        open.filter_map(|member| Some((&self.ledger.get(&member.key)?.incident, member)))
    }

    /// Where it is open, of the recipient's endpoints.
    pub(super) fn cases(&self, key: &IncidentKey, recipient: &str, at: Timestamp) -> Vec<Case> {
        let Some(entry) = self.ledger.get(key) else { return Vec::new() };
        let is_held = |name: &&Arc<str>| self.sweep.as_ref().is_some_and(|sweep| sweep.holds(name));
        let is_theirs = |name: &&Arc<str>| {
            let watch = self.places.get(*name).map(|place| &self.dossiers[*place].view.watch);
            let recipients = watch.zip(self.member(name, key)).map(|(watch, member)| self.recipients(watch, member, at));
            recipients.is_some_and(|recipients| recipients.iter().any(|(address, _)| address == recipient))
        };
        let is_open = |name: &&Arc<str>| self.member(name, key).is_some_and(|member| member.is_open());
        let theirs = entry.standing.iter().filter(|name| !is_held(name)).filter(is_open).filter(is_theirs);
        self.cases_at(&entry.incident, theirs)
    }

    pub(super) fn cases_at<'a>(&self, incident: &Arc<Incident>, names: impl Iterator<Item = &'a Arc<str>>) -> Vec<Case> {
        let dossiers = names.filter_map(|name| Some(&self.dossiers[*self.places.get(name)?]));
        let cases = dossiers.filter_map(|dossier| case(dossier, incident, dossier.members.get(&incident.key)?));
        let mut cases: Vec<_> = cases.collect();
        cases.sort_by_key(|case| Reverse(case.member.weight()));
        cases
    }
}

/// Notes that `notice`, with these cases of the incident, has told its recipient where it stands.
pub(super) fn note(incident: &mut Incident, notice: &Notice) {
    let cases = notice.cases.iter().filter(|case| case.incident.key == incident.key);
    let Some(worst) = cases.max_by_key(|case| case.member.weight()) else { return };
    let stage = worst.member.stage();
    let is_worse = incident.is_news_to(&notice.recipient, &worst.member);
    let (recipient, audience, thread, at) = (notice.recipient.clone(), notice.audience, notice.id.clone(), notice.at);
    match incident.told.iter_mut().find(|told| told.recipient == recipient) {
        Some(told) if told.is_over() => {
            let round = told.round + 1;
            *told = Told { recipient, audience, stage, thread, at, round };
        }
        Some(told) => {
            if is_worse {
                told.stage = stage;
            }
            if notice.thread.is_none() && !notice.kind.is_of_many() {
                told.thread.clone_from(&notice.id);
            }
        }
        None => incident.told.push(Told { recipient, audience, stage, thread, at, round: 1 }),
    }
}

pub(super) fn kind(key: &IncidentKey) -> NoticeKind {
    match key.topic {
        Topic::Expiry => NoticeKind::Expiry,
        Topic::Code("missing_intermediate") => NoticeKind::Chain,
        _ => NoticeKind::Problem,
    }
}

fn case(dossier: &Dossier, incident: &Arc<Incident>, member: &Arc<Member>) -> Option<Case> {
    let seen = dossier.view.evidence(member);
    let rollout = dossier.rollout(&member.key).filter(|_| member.is_open());
    let habit = dossier.view.habit_to_tell(member);
    let (incident, member, watch) = (Arc::clone(incident), Arc::clone(member), dossier.view.watch.clone());
    (!seen.is_empty()).then_some(Case { incident, member, watch, seen, rollout, habit })
}

/// The notice where an incident stands; `None` when there is nothing to show.
pub(super) fn about_one((recipient, audience): Recipient, mut cases: Vec<Case>, at: Timestamp) -> Option<Notice> {
    cases.sort_by_key(|case| Reverse(case.member.weight()));
    let worst = cases.first()?;
    let incident = &worst.incident;
    let told = incident.told_to(&recipient);
    let before = incident.told.iter().find(|told| told.recipient == recipient);
    let round = before.map_or(1, |before| before.round + u32::from(before.is_over()));
    let audience = told.map_or(audience, |told| told.audience);
    Some(Notice {
        id: notice::id(incident, &worst.member.stage(), round, audience, &recipient),
        kind: kind(&incident.key),
        thread: told.map(|told| told.thread.clone()).filter(|thread| !thread.is_empty()),
        reply_to: reply_to(audience, &cases.iter().collect::<Vec<_>>()),
        recipient,
        audience,
        at,
        cases,
        own: None,
        in_place_of: None,
        mended: Vec::new(),
    })
}

/// The worst cases first, otherwise in the order of the inventory. Two that say the same differ by the nonce.
pub(super) fn of_many(
    kind: NoticeKind,
    (recipient, audience): Recipient,
    mut cases: Vec<Case>,
    mended: Vec<Mended>,
    nonce: &str,
    at: Timestamp,
) -> Notice {
    let stages = cases.iter().map(|case| format!("{} {} {}", case.incident.id, case.member.endpoint, case.member.stage()));
    let says: Vec<String> = stages.chain(mended.iter().map(|it| format!("{it:?}"))).chain([nonce.to_owned()]).collect();
    let says = stable_hash(&says.iter().map(String::as_str).collect::<Vec<_>>());
    cases.sort_by_key(|case| Reverse(case.member.severity));
    Notice {
        id: notice::id_of_many(kind, says, audience, &recipient),
        kind,
        reply_to: reply_to(audience, &cases.iter().collect::<Vec<_>>()),
        recipient,
        audience,
        thread: None,
        at,
        cases,
        own: None,
        in_place_of: None,
        mended,
    }
}

/// A letter to an admin is answered to the owners.
fn reply_to(audience: Audience, cases: &[&Case]) -> Vec<String> {
    let mut owners: Vec<String> = Vec::new();
    for owner in cases.iter().filter(|_| audience == Audience::Admin).flat_map(|case| &case.watch.policy.owners) {
        if !owners.contains(owner) {
            owners.push(owner.clone());
        }
    }
    owners
}
