//! The letter to the admin, where nobody sends it to them: a message that the owner opens and sends.

use super::{Attachment, message};
use crate::{
    incident::Audience,
    mail::Settings,
    monitor::{Case, Notice},
};

/// The draft, for an owner whose admin is not written to.
pub(super) fn draft(notice: &Notice, case: &Case, settings: &Settings) -> Option<Attachment> {
    if notice.audience != Audience::Owner || is_sent(case) {
        return None;
    }
    let policy = &case.watch.policy;
    let letter = Notice {
        id: format!("{}.letter", notice.id),
        recipient: policy.admins.join(", "),
        audience: Audience::Admin,
        reply_to: policy.owners.clone(),
        thread: None,
        ..notice.clone()
    };
    let text = String::from_utf8(super::compose(&letter, settings).message).ok()?;
    // Outlook opens it as a draft then.
    Some(Attachment { name: message::LETTER.into(), text: format!("X-Unsent: 1\r\n{text}") })
}

/// The letter goes to an admin.
pub(super) fn is_sent(case: &Case) -> bool {
    case.watch.policy.write_to_admin && !case.watch.policy.admins.is_empty()
}
