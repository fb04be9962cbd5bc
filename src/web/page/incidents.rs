//! `/incidents`, and `/incident/ID` with every endpoint of it.

use std::cmp::Reverse;

use serde::Serialize;

use super::{
    Answer, missing,
    parts::{Frame, Moment, Pager, ago, capitalized, encode, handle, moment, segment, spaced},
    query::Query,
    render::render,
};
use crate::{
    diagnosis::Finding,
    incident::{Cause, Member, State, channel_of},
    monitor::{IncidentView, Silence, Snapshot},
};

/// So many rows a page.
const ROWS: usize = 100;

#[derive(Debug, Serialize)]
struct List {
    frame: Frame,
    open: usize,
    suspected: usize,
    rows: Vec<Row>,
    pager: Pager,
}

/// One incident, as its worst endpoint has it.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    link: String,
    severity: &'static str,
    what: String,
    state: String,
    endpoint: String,
    more: usize,
    since: Moment,
    ago: String,
    silenced: Option<Silenced>,
    /// Who sees to it.
    seen_to: Option<String>,
}

#[derive(Debug, Serialize)]
struct Silenced {
    until: Moment,
    by: String,
    reason: String,
}

impl Silenced {
    fn of(silence: &Silence) -> Self {
        Silenced { until: moment(silence.until), by: silence.by.clone(), reason: silence.reason.clone() }
    }
}

/// The list: what is open, then what is only suspected; the worst and the oldest first.
pub(super) fn list(snapshot: &Snapshot, query: &str) -> String {
    let mut incidents: Vec<_> = snapshot.incidents.iter().filter_map(|view| Some((view.worst()?, view))).collect();
    incidents.sort_by_key(|(worst, _)| (!worst.is_open(), Reverse(worst.severity), worst.since));
    let open = incidents.iter().filter(|(worst, _)| worst.is_open()).count();
    let pager = Pager::of(Query::parse(query).page, incidents.len(), ROWS);
    let rows = incidents.iter().skip(pager.first(ROWS)).take(ROWS).filter_map(|(_, view)| row(view, "", snapshot));
    let rows = rows.collect();
    let frame = Frame::of(snapshot, "", "incidents");
    render("incidents.html", &List { frame, open, suspected: incidents.len() - open, rows, pager })
}

/// The row of an incident, on a page from which `root` leads to `/`; `None`: it is mended everywhere.
pub(super) fn row(view: &IncidentView, root: &str, snapshot: &Snapshot) -> Option<Row> {
    let worst = view.worst()?;
    let standing = view.members.iter().filter(|member| member.is_standing()).count();
    Some(Row {
        link: format!("{root}incident/{}", encode(&view.incident.id)),
        severity: worst.severity.name(),
        what: capitalized(&worst.summary),
        state: state(worst),
        endpoint: worst.endpoint.to_string(),
        more: standing.saturating_sub(1),
        since: moment(worst.since),
        ago: ago(worst.since, snapshot.at),
        silenced: view.silence().map(|silence| Silenced::of(silence)),
        seen_to: view.incident.acknowledged.as_ref().map(|known| handle(&known.by).to_owned()),
    })
}

#[derive(Debug, Serialize)]
struct One {
    frame: Frame,
    severity: &'static str,
    what: String,
    state: String,
    code: String,
    meaning: String,
    cause: String,
    since: Moment,
    told: Vec<String>,
    /// Who sees to it, and since when.
    seen_to: Option<(String, Moment)>,
    /// Those who have said that it is not theirs.
    declined: Vec<String>,
    members: Vec<Place>,
    all: usize,
    pager: Pager,
}

/// An endpoint of an incident.
#[derive(Debug, Serialize)]
struct Place {
    name: String,
    link: String,
    severity: &'static str,
    state: String,
    addresses: Vec<String>,
    since: Moment,
    last_seen: Moment,
    silenced: Option<Silenced>,
}

/// One incident.
pub(super) fn one(snapshot: &Snapshot, id: &str, query: &str) -> Answer {
    let Some(view) = snapshot.incidents.iter().find(|view| view.incident.id == id) else {
        return missing(snapshot, "../", "No such incident is known: it has ended, or never was.");
    };
    let Some(worst) = view.worst().or(view.members.first()) else {
        return missing(snapshot, "../", "The incident has ended everywhere.");
    };
    let mut members: Vec<_> = view.members.iter().collect();
    members.sort_by_key(|member| (!member.is_open(), Reverse(member.weight())));
    let pager = Pager::of(Query::parse(query).page, members.len(), ROWS);
    let place = |member: &&std::sync::Arc<Member>| Place {
        name: member.endpoint.to_string(),
        link: format!("../endpoint/{}", segment(&member.endpoint)),
        severity: member.severity.name(),
        state: state(member),
        addresses: member.addresses.clone(),
        since: moment(member.since),
        last_seen: moment(member.last_seen),
        silenced: view.silenced.get(&member.endpoint).map(|silence| Silenced::of(silence)),
    };
    let told = view.incident.told.iter().filter(|told| !told.is_over()).map(|told| {
        let whom = channel_of(&told.recipient).map_or_else(|| handle(&told.recipient).to_owned(), |it| format!("channel {it}"));
        format!("{whom} ({})", told.audience.name())
    });
    let one = One {
        frame: Frame::of(snapshot, "../", "incidents"),
        severity: worst.severity.name(),
        what: capitalized(&worst.summary),
        state: state(worst),
        meaning: Finding::link(&worst.code),
        code: worst.code.clone(),
        cause: cause(&view.incident.key.cause),
        since: moment(view.incident.since),
        told: told.collect(),
        seen_to: view.incident.acknowledged.as_ref().map(|known| (handle(&known.by).to_owned(), moment(known.at))),
        declined: view.incident.declined.iter().map(|by| handle(by).to_owned()).collect(),
        all: members.len(),
        members: members.iter().skip(pager.first(ROWS)).take(ROWS).map(place).collect(),
        pager,
    };
    Answer::Page(render("incident.html", &one))
}

fn cause(cause: &Cause) -> String {
    match cause {
        Cause::Endpoint(name) => format!("the endpoint {name}"),
        Cause::Certificate(fingerprint) => format!("the certificate {fingerprint}"),
        Cause::Authority(name) => format!("the authority {name}"),
    }
}

fn state(member: &Member) -> String {
    match member.state {
        State::Suspected(looks) => format!("suspected, seen {looks} of {} times", crate::incident::LOOKS),
        State::Open => "open".to_owned(),
        State::Mended(at, how) => format!("mended {}, {}", crate::clock::date(at), spaced(how.name())),
    }
}
