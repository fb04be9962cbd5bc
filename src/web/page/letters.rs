//! The letters about an endpoint as they would go out now.

use serde::Serialize;

use super::parts::handle;
use crate::{
    mail,
    monitor::{Notice, Snapshot},
};

/// A letter to be read.
#[derive(Debug, Serialize)]
pub(super) struct Letter {
    to: String,
    role: &'static str,
    subject: String,
    text: String,
    attachments: Vec<String>,
}

/// At most so many.
const MOST: usize = 6;

/// Each of them; people are named by what stands before the @ of their addresses. The links by which a mail is answered are its
/// recipient's alone.
pub(super) fn letters(snapshot: &Snapshot, endpoint: &str, settings: &mail::Settings) -> Vec<Letter> {
    let settings = mail::Settings { links: None, ..settings.clone() };
    snapshot.letters(endpoint).iter().take(MOST).map(|notice| letter(notice, &settings)).collect()
}

fn letter(notice: &Notice, settings: &mail::Settings) -> Letter {
    let letter = mail::letter(notice, settings);
    let policies = notice.cases.iter().map(|case| &case.watch.policy);
    let people = policies.flat_map(|policy| policy.owners.iter().chain(&policy.admins)).chain(&settings.to);
    let mut addresses: Vec<&String> = people.chain([&notice.recipient]).filter(|address| address.contains('@')).collect();
    // The longest first: one may be part of another.
    addresses.sort_by_key(|address| std::cmp::Reverse(address.len()));
    addresses.dedup();
    let nameless = |text: &str| {
        addresses.iter().fold(text.to_owned(), |text, address| text.replace(address.as_str(), &format!("{}@…", handle(address))))
    };
    Letter {
        to: handle(&notice.recipient).to_owned(),
        role: notice.audience.name(),
        subject: nameless(&letter.subject),
        text: nameless(&letter.text),
        attachments: letter.attachments.into_iter().map(|attachment| attachment.name).collect(),
    }
}
