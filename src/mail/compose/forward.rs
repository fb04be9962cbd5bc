//! The letter to the admin, where nobody sends it to them: a message that the owner opens and sends.

use std::collections::BTreeSet;

use super::{Attachment, message};
use crate::{
    diagnosis::Topic,
    incident::Audience,
    mail::Settings,
    monitor::{Case, Notice, NoticeKind},
};

/// The draft, for an owner whose admin is not written to.
pub(super) fn draft(notice: &Notice, case: &Case, settings: &Settings) -> Option<Attachment> {
    if notice.audience != Audience::Owner || is_sent(notice, case) {
        return None;
    }
    let policy = &case.watch.policy;
    let letter = Notice {
        id: format!("{}.letter", notice.id),
        recipient: policy.admins.join(", "),
        audience: Audience::Admin,
        reply_to: policy.owners.clone(),
        thread: None,
        in_place_of: None,
        ..notice.clone()
    };
    let text = String::from_utf8(super::compose(&letter, settings).message).ok()?;
    // Outlook opens it as a draft then.
    Some(Attachment { name: message::LETTER.into(), text: format!("X-Unsent: 1\r\n{text}") })
}

/// The letter goes to an admin, and has not been refused there.
pub(super) fn is_sent(notice: &Notice, case: &Case) -> bool {
    let has_refused = |admin: &String| notice.in_place_of.as_ref().is_some_and(|refused| refused.recipient == *admin);
    case.watch.policy.write_to_admin && case.watch.policy.admins.iter().any(|admin| !has_refused(admin))
}

/// The drafts that go with a letter about many incidents: one for each broken chain.
pub(super) fn drafts<'a>(notice: &'a Notice, settings: &'a Settings) -> impl Iterator<Item = (&'a Case, Attachment)> {
    let mut incidents = BTreeSet::new();
    let chains = notice.cases.iter().filter(|case| case.incident.key.topic == Topic::Code("missing_intermediate"));
    let first = chains.filter(move |case| incidents.insert(case.incident.id.clone()));
    first.filter_map(|case| {
        let (kind, cases) = (NoticeKind::Chain, vec![case.clone()]);
        let about_one = Notice { id: format!("{}.{}", notice.id, case.incident.id), kind, cases, ..notice.clone() };
        Some((case, draft(&about_one, case, settings)?))
    })
}
