//! `/outbox`: the mails and notices that wait, and what became of the others since the start.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    parts::{Frame, Moment, ago, count, handle, moment, spaced},
    render::render,
};
use crate::{
    incident::channel_of,
    monitor::{MailResult, NoticeKind, Snapshot},
};

#[derive(Debug, Serialize)]
struct Outbox {
    frame: Frame,
    length: String,
    rows: Vec<Row>,
    more: usize,
    sent: Vec<Sent>,
    held: Option<(String, Moment)>,
}

/// What waits.
#[derive(Debug, Serialize)]
struct Row {
    kind: String,
    /// By what stands before the @, or the channel.
    to: String,
    since: Moment,
    ago: String,
    tries: u32,
    /// When it is tried again; empty while it is under way, or waits for another.
    next: Option<Moment>,
    state: &'static str,
}

/// What became of one kind of notice by one way.
#[derive(Debug, Serialize)]
struct Sent {
    way: String,
    kind: String,
    delivered: u64,
    deferred: u64,
    refused: u64,
}

/// The page.
pub(super) fn page(snapshot: &Snapshot) -> String {
    let outbox = &snapshot.outbox;
    let rows = outbox.waiting.iter().map(|waiting| Row {
        kind: spaced(waiting.kind.name()),
        to: channel_of(&waiting.recipient)
            .map_or_else(|| handle(&waiting.recipient).to_owned(), |name| format!("channel {name}")),
        since: moment(waiting.at),
        ago: ago(waiting.at, snapshot.at),
        tries: waiting.deferrals,
        next: waiting.next.map(moment),
        state: waiting.state,
    });
    let rows = rows.collect::<Vec<_>>();
    let mail = outbox.sent.iter().map(|(kind, result, number)| ("mail".to_owned(), *kind, *result, *number));
    let channels =
        outbox.channels.iter().map(|(name, kind, result, number)| (format!("channel {name}"), *kind, *result, *number));
    let mut sent: BTreeMap<(String, NoticeKind), Sent> = BTreeMap::new();
    for (way, kind, result, number) in mail.chain(channels) {
        let new = || Sent { way: way.clone(), kind: spaced(kind.name()), delivered: 0, deferred: 0, refused: 0 };
        let row = sent.entry((way.clone(), kind)).or_insert_with(new);
        match result {
            MailResult::Delivered => row.delivered += number,
            MailResult::Deferred => row.deferred += number,
            MailResult::Refused => row.refused += number,
        }
    }
    let (people, until) = snapshot.held;
    let whom = if people == 1 { "1 person".to_owned() } else { format!("{people} people") };
    let page = Outbox {
        frame: Frame::of(snapshot, "", "outbox"),
        length: count(outbox.length, "notice"),
        more: outbox.length.saturating_sub(rows.len()),
        rows,
        sent: sent.into_values().collect(),
        held: until.map(|until| (whom, moment(until))),
    };
    render("outbox.html", &page)
}
