//! Incidents, in the words of the webhook.

use std::{cmp::Reverse, sync::Arc};

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Call,
    lines::{SilenceLine, whom},
    paging::{List, Window},
    problem::Problem,
};
use crate::{
    channel::{Part, Place},
    clock::{Timestamp, rfc3339},
    diagnosis::{Finding, Severity},
    incident::{Member, Mending, State},
    monitor::IncidentView,
    report::words,
};

/// One cause of trouble, as the worst of its endpoints has it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Incident")]
pub(super) struct IncidentLine<'a> {
    /// Of this incident alone.
    id: String,
    /// The same for the same cause, whoever sees it and when.
    key: String,
    /// What it is about: the code of its findings, or `expiry` or `reachability`.
    topic: String,
    /// When it was first seen (RFC 3339).
    since: String,
    #[schemars(with = "State")]
    state: &'static str,
    #[schemars(with = "Severity")]
    severity: &'static str,
    /// Of the worst finding.
    code: &'a str,
    summary: &'a str,
    /// Where it is explained.
    link: String,
    /// The endpoint that has it worst.
    endpoint: &'a str,
    /// At so many endpoints it is suspected or open.
    endpoints: usize,
    /// When it was last seen there (RFC 3339).
    last_seen: String,
    /// By what it is silenced everywhere; null where somebody hears of it.
    silenced: Option<SilenceLine<'a>>,
    /// Who sees to it; null where nobody does.
    acknowledged: Option<AcknowledgedLine>,
    /// Those who have said that it is not theirs.
    declined: Vec<String>,
}

/// Who sees to it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Acknowledged")]
pub(super) struct AcknowledgedLine {
    /// By what stands before the @.
    by: String,
    /// Since when (RFC 3339).
    at: String,
}

/// An incident with its endpoints.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "IncidentWithMembers")]
pub(super) struct OneLine<'a> {
    #[serde(flatten)]
    incident: IncidentLine<'a>,
    /// Where it holds, or held; worst first.
    pub(super) members: List<MemberLine<'a>>,
}

/// An incident at an endpoint.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Member")]
pub(super) struct MemberLine<'a> {
    #[schemars(with = "State")]
    state: &'static str,
    #[serde(flatten)]
    place: Place,
    silenced: Option<SilenceLine<'a>>,
}

impl<'a> IncidentLine<'a> {
    fn of(view: &'a IncidentView, worst: &'a Member) -> Self {
        let Part { id, key, topic, since, .. } = Part::new(&view.incident, Vec::new());
        let acknowledged = view.incident.acknowledged.as_ref();
        IncidentLine {
            id,
            key,
            topic,
            since,
            state: worst.state.name(),
            severity: worst.severity.name(),
            code: &worst.code,
            summary: &worst.summary,
            link: Finding::link(&worst.code),
            endpoint: &worst.endpoint,
            endpoints: view.members.iter().filter(|member| member.is_standing()).count(),
            last_seen: rfc3339(worst.last_seen),
            silenced: view.silence().map(|silence| (&**silence).into()),
            acknowledged: acknowledged.map(|known| AcknowledgedLine { by: whom(&known.by), at: rfc3339(known.at) }),
            declined: view.incident.declined.iter().map(|by| whom(by)).collect(),
        }
    }
}

/// What is open, then what is only suspected; the worst and the oldest first.
pub(super) fn list<'a>(call: &Call<'a>) -> List<IncidentLine<'a>> {
    let asked = &call.asked;
    let is_at =
        |view: &IncidentView, name: &str| view.members.iter().any(|member| *member.endpoint == *name && member.is_standing());
    let is_wanted = |(worst, view): &(&Arc<Member>, &IncidentView)| {
        asked.allows("state", worst.state.name())
            && asked.allows("severity", worst.severity.name())
            && asked.allows("code", &worst.code)
            && asked.text("endpoint").is_none_or(|name| is_at(view, name))
    };
    let standing = call.snapshot.incidents.iter().filter_map(|view| Some((view.worst()?, view)));
    let mut incidents: Vec<_> = standing.filter(is_wanted).collect();
    incidents.sort_by_key(|(worst, _)| (!worst.is_open(), Reverse(worst.severity), worst.since));
    Window::of(asked).list(asked, incidents.into_iter(), |(worst, view)| IncidentLine::of(view, worst))
}

pub(super) fn one<'a>(call: &Call<'a>) -> Result<OneLine<'a>, Problem> {
    let found = call.snapshot.incidents.iter().find(|view| view.incident.id == call.names[0]);
    let gone =
        || Problem::missing("no such incident is known: it has ended, or never was; /api/v1/incidents has those that stand");
    let view = found.ok_or_else(gone)?;
    let worst = view.worst().or(view.members.first()).ok_or_else(gone)?;
    let at = |member: &'a Arc<Member>| Some((member, call.snapshot.named(&member.endpoint)?));
    let mut members: Vec<_> = view.members.iter().filter_map(at).collect();
    members.sort_by_key(|(member, _)| (!member.is_open(), Reverse(member.weight())));
    let members = Window::of(&call.asked).list(&call.asked, members.into_iter(), |(member, endpoint)| {
        let seen = endpoint.addresses.iter().flat_map(|row| row.failed.iter().chain(&row.known));
        MemberLine {
            state: member.state.name(),
            place: Place::new(member, &endpoint.watch, seen.map(Arc::as_ref)),
            silenced: view.silenced.get(&member.endpoint).map(|silence| (&**silence).into()),
        }
    });
    Ok(OneLine { incident: IncidentLine::of(view, worst), members })
}

words!(
    State,
    "IncidentState",
    "Not yet told, real, or proven to have ended.",
    [State::Suspected(0), State::Open, State::Mended(Timestamp::UNIX_EPOCH, Mending::Reached)]
);
