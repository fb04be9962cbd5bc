//! The daemon itself: what it watches, what waits, what troubles it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Call,
    lines::{SilenceLine, whom},
    paging::{List, Window},
    problem::Problem,
};
use crate::{
    clock::rfc3339,
    diagnosis::Status,
    monitor::{NoticeKind, WaitingView},
    report::words,
    store,
};

words!(NoticeKind, "NoticeKind", "What it tells of.", NoticeKind::ALL);

/// The fleet and its watchman.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Status")]
pub(super) struct StatusLine<'a> {
    /// Of this format: 1.
    schema: u8,
    /// The program's.
    version: &'static str,
    /// As of when (RFC 3339).
    at: String,
    /// When the daemon started (RFC 3339).
    started: String,
    /// How many are watched.
    endpoints: usize,
    /// How many addresses of them are known.
    addresses: usize,
    /// How many endpoints have each headline: `ok`, `info`, `warning`, `unknown`, `critical`.
    severities: BTreeMap<&'static str, usize>,
    incidents: IncidentCounts,
    /// How many silences are not over.
    silences: usize,
    /// The endpoint whose certificate is the first to end, of those that have not ended.
    next_expiry: Option<ExpiryLine<'a>>,
    outbox: OutboxCounts,
    reload: ReloadLine,
    /// What is wrong with the daemon and its surroundings, as sentences: state, mail, network, clock, trust store.
    troubles: &'a [String],
    /// Visits that never came back, since the start.
    lost_visits: u64,
    /// The version of the schema of the state.
    state_schema: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct IncidentCounts {
    /// Real, somewhere.
    open: usize,
    /// They await further looks.
    suspected: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ExpiryLine<'a> {
    endpoint: &'a str,
    /// RFC 3339.
    not_after: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct OutboxCounts {
    /// How many mails and notices wait.
    length: usize,
    /// When the oldest was decided (RFC 3339).
    oldest: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ReloadLine {
    /// The configuration in force is the one on the disk.
    successful: bool,
    /// When a configuration was last taken (RFC 3339).
    success_at: String,
}

/// A mail, or a notice to a channel, that waits.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Waiting")]
pub(super) struct WaitingLine {
    #[schemars(with = "NoticeKind")]
    kind: &'static str,
    /// A person, by what stands before the @, or a channel.
    recipient: String,
    /// When it was decided (RFC 3339).
    at: String,
    /// How often it has been put off.
    deferrals: u32,
    /// When it is tried (RFC 3339); null while it is under way, or waits for another.
    next_try: Option<String>,
    /// `waits`, `under way`, `waits for an earlier one` or `withdrawn`.
    state: &'static str,
}

pub(super) fn status<'a>(call: &Call<'a>) -> StatusLine<'a> {
    let snapshot = call.snapshot;
    let mut severities: BTreeMap<_, _> = Status::ALL.iter().map(|status| (status.name(), 0)).collect();
    snapshot.endpoints.iter().for_each(|view| *severities.entry(view.status().name()).or_default() += 1);
    let ends = snapshot.endpoints.iter().filter_map(|view| Some((view.not_after()?, view)));
    let next = ends.filter(|(at, _)| *at > snapshot.at).min_by_key(|(at, _)| *at);
    let standing = snapshot.incidents.iter().filter(|view| view.worst().is_some()).count();
    let open = snapshot.incidents.iter().filter(|view| view.is_open()).count();
    StatusLine {
        schema: 1,
        version: env!("CARGO_PKG_VERSION"),
        at: rfc3339(snapshot.at),
        started: rfc3339(snapshot.started),
        endpoints: snapshot.endpoints.len(),
        addresses: snapshot.endpoints.iter().flat_map(|view| &view.addresses).filter(|row| row.address.is_some()).count(),
        severities,
        incidents: IncidentCounts { open, suspected: standing.saturating_sub(open) },
        silences: snapshot.silences.len(),
        next_expiry: next.map(|(at, view)| ExpiryLine { endpoint: view.name(), not_after: rfc3339(at) }),
        outbox: OutboxCounts { length: snapshot.outbox.length, oldest: snapshot.outbox.oldest.map(rfc3339) },
        reload: ReloadLine { successful: snapshot.reload.successful, success_at: rfc3339(snapshot.reload.success_at) },
        troubles: &snapshot.troubles,
        lost_visits: snapshot.lost_visits,
        state_schema: store::schema(),
    }
}

/// Every silence, the one that ends first first.
pub(super) fn silences<'a>(call: &Call<'a>) -> List<SilenceLine<'a>> {
    let mut silences: Vec<_> = call.snapshot.silences.iter().collect();
    silences.sort_by_key(|silence| silence.until);
    Window::of(&call.asked).list(&call.asked, silences.into_iter(), |silence| (&**silence).into())
}

pub(super) fn silence<'a>(call: &Call<'a>) -> Result<SilenceLine<'a>, Problem> {
    let found = call.snapshot.silences.iter().find(|silence| silence.id == call.names[0]);
    let missing = || Problem::missing("there is no such silence; /api/v1/silences has all of them");
    found.map(|silence| (&**silence).into()).ok_or_else(missing)
}

/// The mails and notices that wait, the oldest first; of many the oldest alone.
pub(super) fn outbox(call: &Call<'_>) -> List<WaitingLine> {
    Window::of(&call.asked).list(&call.asked, call.snapshot.outbox.waiting.iter(), |waiting: &WaitingView| WaitingLine {
        kind: waiting.kind.name(),
        recipient: whom(&waiting.recipient),
        at: rfc3339(waiting.at),
        deferrals: waiting.deferrals,
        next_try: waiting.next.map(rfc3339),
        state: waiting.state,
    })
}
