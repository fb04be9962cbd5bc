//! Who is told what: each stage of an incident once to each who should know, and its end to each who was told.

use std::{collections::BTreeMap, sync::Arc};

use super::{Case, Notice, NoticeKind, Watch, dossier::Dossier, notice};
use crate::{
    clock::Timestamp,
    diagnosis::Topic,
    incident::{Audience, Incident, Told, stable_hash},
};

/// Somebody, in one role.
type Recipient = (String, Audience);

/// What is to be told of this endpoint now: every open incident, to everybody to whom its stage is news.
pub(super) fn news(dossier: &Dossier, at: Timestamp) -> Vec<Notice> {
    pending(dossier).into_iter().map(|(recipient, case)| single(recipient, case, at)).collect()
}

/// What is to be told of all these endpoints at once: one notice to each, a summary where there is more than one case.
pub(super) fn summaries<'a>(dossiers: impl Iterator<Item = &'a Dossier>, at: Timestamp) -> Vec<Notice> {
    let mut mailbags: BTreeMap<Recipient, Vec<Case>> = BTreeMap::new();
    for (recipient, case) in dossiers.flat_map(pending) {
        mailbags.entry(recipient).or_default().push(case);
    }
    let each = mailbags.into_iter().map(|(recipient, mut cases)| match cases.pop() {
        Some(case) if cases.is_empty() => single(recipient, case, at),
        last => {
            cases.extend(last);
            summary(recipient, cases, at)
        }
    });
    each.collect()
}

/// The all-clear, to everybody who was told and in the same role; not to those whom nothing has reached.
pub(super) fn all_clear(dossier: &Dossier, incident: &Incident, at: Timestamp) -> Vec<Notice> {
    let Some(case) = case(dossier, incident) else { return Vec::new() };
    let heard = incident.told.iter().filter(|told| !told.thread.is_empty());
    let each = heard.map(|told| Notice {
        id: notice::id(incident, "resolved", told.audience, &told.recipient),
        kind: NoticeKind::Resolved,
        recipient: told.recipient.clone(),
        audience: told.audience,
        reply_to: reply_to(told.audience, &case.watch),
        thread: Some(told.thread.clone()),
        at,
        cases: vec![case.clone()],
    });
    each.collect()
}

/// Notes that `notice` has told its recipient where the incident stands.
pub(super) fn note(incident: &mut Incident, notice: &Notice) {
    let stage = incident.stage();
    match incident.told.iter_mut().find(|told| told.recipient == notice.recipient) {
        Some(told) => {
            told.stage = stage;
            if notice.thread.is_none() {
                told.thread.clone_from(&notice.id);
            }
        }
        None => incident.told.push(Told {
            recipient: notice.recipient.clone(),
            audience: notice.audience,
            stage,
            thread: notice.id.clone(),
        }),
    }
}

fn pending(dossier: &Dossier) -> Vec<(Recipient, Case)> {
    let mut pending = Vec::new();
    for incident in dossier.incidents.values() {
        let mut recipients = recipients(&dossier.view.watch, incident);
        recipients.retain(|(address, _)| incident.is_news_to(address));
        if recipients.is_empty() {
            continue;
        }
        let Some(case) = case(dossier, incident) else { continue };
        pending.extend(recipients.into_iter().map(|recipient| (recipient, case.clone())));
    }
    pending
}

/// The owners; the admins of a server with a broken chain too, where they are to be written to. Nobody twice.
fn recipients(watch: &Watch, incident: &Incident) -> Vec<Recipient> {
    let policy = &watch.policy;
    let is_letter = policy.write_to_admin && kind(incident) == NoticeKind::Chain;
    let admins = policy.admins.iter().filter(|_| is_letter).map(|admin| (admin, Audience::Admin));
    let mut recipients: Vec<Recipient> = Vec::new();
    for (address, audience) in policy.owners.iter().map(|owner| (owner, Audience::Owner)).chain(admins) {
        if !recipients.iter().any(|(known, _)| known == address) {
            recipients.push((address.clone(), audience));
        }
    }
    recipients
}

fn kind(incident: &Incident) -> NoticeKind {
    match incident.key.topic {
        Topic::Expiry => NoticeKind::Expiry,
        Topic::Code("missing_intermediate") => NoticeKind::Chain,
        _ => NoticeKind::Problem,
    }
}

fn case(dossier: &Dossier, incident: &Incident) -> Option<Case> {
    let seen = dossier.evidence(incident);
    (!seen.is_empty()).then(|| Case { incident: incident.clone(), watch: dossier.view.watch.clone(), seen })
}

fn single((recipient, audience): Recipient, case: Case, at: Timestamp) -> Notice {
    let incident = &case.incident;
    Notice {
        id: notice::id(incident, &incident.stage(), audience, &recipient),
        kind: kind(incident),
        thread: thread(incident, &recipient),
        reply_to: reply_to(audience, &case.watch),
        recipient,
        audience,
        at,
        cases: vec![case],
    }
}

/// The first mail about it that has reached the recipient, or still may.
pub(super) fn thread(incident: &Incident, recipient: &str) -> Option<String> {
    let told = incident.told.iter().find(|told| told.recipient == recipient)?;
    Some(told.thread.clone()).filter(|thread| !thread.is_empty())
}

/// The worst cases first, otherwise in the order of the inventory.
fn summary((recipient, audience): Recipient, mut cases: Vec<Case>, at: Timestamp) -> Notice {
    let stages: Vec<String> = cases.iter().map(|case| format!("{} {}", case.incident.id, case.incident.stage())).collect();
    let digest = stable_hash(&stages.iter().map(String::as_str).collect::<Vec<_>>());
    cases.sort_by_key(|case| std::cmp::Reverse(case.incident.severity));
    let mut replies: Vec<String> = cases.iter().flat_map(|case| reply_to(audience, &case.watch)).collect();
    replies.sort();
    replies.dedup();
    Notice {
        id: notice::summary_id(digest, audience, &recipient),
        kind: NoticeKind::Summary,
        recipient,
        audience,
        reply_to: replies,
        thread: None,
        at,
        cases,
    }
}

/// A letter to an admin is answered to the owners.
fn reply_to(audience: Audience, watch: &Arc<Watch>) -> Vec<String> {
    match audience {
        Audience::Owner => Vec::new(),
        Audience::Admin => watch.policy.owners.clone(),
    }
}
