//! The facts of a notice as JSON: what a webhook and a command get as it is, and what the other channels are made of.
//!
//! `docs/webhook.schema.json` describes it. Within a version fields are only added.

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    certificate::printable_cut,
    clock::{Timestamp, rfc3339},
    diagnosis::{Fault, Finding, Judged, Severity},
    incident::{Incident, Member, State, stable_hash},
    monitor::{Case, Notice, NoticeKind, Watch},
};

/// A notice. What is written there may be read back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Payload {
    /// Of this format: 1.
    pub(super) version: u32,
    /// The notice's id: the same for a repeat, and for nothing else.
    pub(super) id: String,
    /// [`NoticeKind::name`].
    pub(super) kind: String,
    /// `open` or `resolved`.
    pub(super) status: String,
    /// When it was decided.
    pub(super) at: String,
    /// All of it in one line.
    pub(super) title: String,
    /// The worst of all.
    pub(super) severity: String,
    /// One, but for a summary.
    pub(super) incidents: Vec<Part>,
}

/// An incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Part {
    /// Of this incident alone.
    pub(crate) id: String,
    /// The same for the same cause, whoever sees it and when.
    pub(crate) key: String,
    pub(crate) topic: String,
    pub(crate) since: String,
    /// Where it holds, or held; worst first.
    pub(crate) members: Vec<Place>,
}

/// An incident at an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Place {
    pub(crate) endpoint: String,
    pub(crate) target: String,
    pub(crate) server_name: String,
    pub(crate) addresses: Vec<String>,
    pub(crate) code: String,
    #[schemars(with = "Severity")]
    pub(crate) severity: String,
    #[schemars(with = "Fault")]
    pub(crate) fault: String,
    pub(crate) summary: String,
    pub(crate) remedy: String,
    pub(crate) link: String,
    pub(crate) since: String,
    pub(crate) last_seen: String,
    /// When a visit has proven the end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) ended: Option<String>,
    /// What has proven it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) mended_by: Option<String>,
    /// Where it works and where it fails, where a client refuses it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) works_where: Option<String>,
    /// When the served certificate ends.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) not_after: Option<String>,
    pub(crate) labels: BTreeMap<String, String>,
}

/// A notice as it lies in the outbox.
pub(super) fn compose(notice: &Notice) -> Vec<u8> {
    serde_json::to_vec(&Payload::of(notice)).unwrap_or_default()
}

impl Payload {
    pub(super) fn of(notice: &Notice) -> Self {
        let is_over = notice.kind == NoticeKind::Resolved;
        let mut incidents: Vec<Part> = Vec::new();
        for case in &notice.cases {
            let place = place(case, notice.at, is_over);
            match incidents.iter_mut().find(|part| part.id == case.incident.id) {
                Some(part) => part.members.push(place),
                None => incidents.push(Part::new(&case.incident, vec![place])),
            }
        }
        let worst = notice.cases.iter().map(|case| case.member.severity).max().unwrap_or(Severity::Warning);
        Payload {
            version: 1,
            id: notice.id.clone(),
            kind: notice.kind.name().into(),
            status: if is_over { "resolved" } else { "open" }.into(),
            at: rfc3339(notice.at),
            title: title(&incidents, worst, is_over),
            severity: worst.name().into(),
            incidents,
        }
    }

    /// Every place of every incident.
    pub(super) fn places(&self) -> impl Iterator<Item = (&Part, &Place)> {
        self.incidents.iter().flat_map(|part| part.members.iter().map(move |place| (part, place)))
    }
}

impl Part {
    pub(crate) fn new(incident: &Incident, members: Vec<Place>) -> Self {
        let topic = incident.key.topic.name();
        Part {
            id: incident.id.clone(),
            key: format!("{}-{:016x}", topic.replace('_', "-"), stable_hash(&[topic, &incident.key.cause.to_string()])),
            topic: topic.into(),
            since: rfc3339(incident.since),
            members,
        }
    }
}

impl Place {
    /// `seen`: the visits that show it, the worst first. How clients see it is not asked here.
    pub(crate) fn new<'a>(member: &Member, watch: &Watch, seen: impl Iterator<Item = &'a Judged> + Clone) -> Self {
        let found = seen.clone().find_map(|judged| judged.diagnosis.finding(&member.code));
        let leaves = seen.filter_map(|judged| judged.observation.chain()?.leaf.facts());
        let endpoint = &watch.endpoint;
        Place {
            endpoint: endpoint.name.to_string(),
            target: endpoint.target.to_string(),
            server_name: endpoint.server_name.to_string(),
            addresses: member.addresses.clone(),
            code: member.code.clone(),
            severity: member.severity.name().into(),
            fault: found.map_or(Fault::Unclear, |found| found.finding.fault()).name().into(),
            summary: printable_cut(&member.summary, 1000),
            remedy: found.map_or_else(String::new, |found| printable_cut(&found.finding.hint(), 1000)),
            link: Finding::link(&member.code),
            since: rfc3339(member.since),
            last_seen: rfc3339(member.last_seen),
            ended: match member.state {
                State::Mended(at, _) => Some(rfc3339(at)),
                State::Open | State::Suspected(_) => None,
            },
            mended_by: match member.state {
                State::Mended(_, how) => Some(how.name().into()),
                State::Open | State::Suspected(_) => None,
            },
            works_where: None,
            not_after: leaves.map(|facts| facts.not_after).min().map(rfc3339),
            labels: watch.policy.labels.clone(),
        }
    }
}

fn place(case: &Case, at: Timestamp, is_over: bool) -> Place {
    let place = Place::new(&case.member, &case.watch, case.seen.iter().map(Arc::as_ref));
    let ended = place.ended.or_else(|| is_over.then(|| rfc3339(at)));
    Place { ended, works_where: works_where(case, at).filter(|_| !is_over), ..place }
}

/// As clients see what the worst visit saw; `None` where none of them refuses it.
fn works_where(case: &Case, at: Timestamp) -> Option<String> {
    let has_it = |judged: &&Arc<Judged>| judged.diagnosis.finding(&case.member.code).is_some();
    let views = case.watch.views(case.seen.iter().find(has_it)?, at)?;
    views.fault.map(|_| printable_cut(&views.works_where, 1000))
}

fn title(incidents: &[Part], worst: Severity, is_over: bool) -> String {
    let state = if is_over { "resolved" } else { worst.name() };
    let places: usize = incidents.iter().map(|part| part.members.len()).sum();
    match incidents {
        [Part { members, .. }] if !members.is_empty() => {
            let first = &members[0];
            let others = if places > 1 { format!(" (and {} more)", places - 1) } else { String::new() };
            format!("{state}: {}: {}{others}", printable_cut(&first.endpoint, 60), printable_cut(&first.summary, 300))
        }
        _ => format!("{state}: {} incidents at {places} endpoints", incidents.len()),
    }
}
