//! Endpoints, their addresses, the chains that they serve, what they have shown.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Call,
    lines::ChapterLine,
    paging::{List, Window},
    problem::Problem,
};
use crate::{
    clock::rfc3339,
    diagnosis::{ChainStatus, Repair, Status, Verdict},
    monitor::{AddressView, EndpointView},
    report::{self, CertificateLine, Subject},
    web::page::{Match, Query, Sort, handle, in_order},
};

/// An endpoint, as its worst address has it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Endpoint")]
pub(super) struct EndpointLine<'a> {
    /// Its name.
    endpoint: &'a str,
    /// What is visited, as in the configuration.
    target: String,
    /// The name that is asked for and matched.
    server_name: String,
    /// The headline.
    #[schemars(with = "Status")]
    severity: &'static str,
    /// The worst finding in one sentence; empty where there is none, or no visit yet.
    summary: String,
    /// The codes of all findings at any address.
    findings: BTreeSet<&'static str>,
    /// Null where no certificate was ever seen.
    #[schemars(with = "Option<ChainStatus>")]
    chain_status: Option<&'static str>,
    /// What `openssl s_client` says; null where no certificate was ever seen.
    verify_code: Option<u16>,
    /// When the first leaf of any address ends (RFC 3339).
    not_after: Option<String>,
    /// When it was last visited (RFC 3339); null before the first visit.
    checked_at: Option<String>,
    /// Every address that is known; none while the name does not resolve.
    addresses: Vec<String>,
    /// Who answers for it, by what stands before the @.
    owners: Vec<&'a str>,
    labels: &'a BTreeMap<String, String>,
    /// The ids of the incidents that it is part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    incidents: Option<Vec<&'a str>>,
    /// When it usually renews its certificate, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    habit: Option<String>,
}

impl<'a> EndpointLine<'a> {
    fn of(view: &'a EndpointView) -> Self {
        let endpoint = &view.watch.endpoint;
        let worst = view.addresses.iter().rev().max_by_key(|row| row.status());
        let first = worst.and_then(|row| row.findings().min_by_key(|found| (found.accepted, Reverse(found.severity()))));
        let known = worst.and_then(|row| row.known.as_ref()).map(|known| &known.diagnosis);
        EndpointLine {
            endpoint: &endpoint.name,
            target: endpoint.target.to_string(),
            server_name: endpoint.server_name.to_string(),
            severity: view.status().name(),
            summary: first.map(|found| found.finding.summary()).unwrap_or_default(),
            findings: view.addresses.iter().flat_map(AddressView::findings).map(|found| found.finding.code()).collect(),
            chain_status: known.map(|diagnosis| diagnosis.chain_status.name()),
            verify_code: known.and_then(|diagnosis| diagnosis.verdict.as_ref()).map(Verdict::code),
            not_after: view.not_after().map(rfc3339),
            checked_at: view.addresses.iter().map(AddressView::last_probe).max().map(rfc3339),
            addresses: view.addresses.iter().filter_map(|row| row.address).map(|address| address.to_string()).collect(),
            owners: view.watch.policy.owners.iter().map(|owner| handle(owner)).collect(),
            labels: &view.watch.policy.labels,
            incidents: None,
            habit: None,
        }
    }
}

/// One address of an endpoint.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Address")]
pub(super) struct AddressLine<'a> {
    /// Null while the name does not resolve.
    address: Option<String>,
    /// The headline.
    #[schemars(with = "Status")]
    severity: &'static str,
    /// When it was last visited (RFC 3339).
    last_probe: String,
    /// When a visit last saw a certificate (RFC 3339).
    last_success: Option<String>,
    /// The last visit that saw a certificate, as `certvigil check --json` has it; it stays when later visits fail.
    known: Option<report::Line<'a>>,
    /// The last visit, where it saw none.
    failed: Option<report::Line<'a>>,
}

/// What an address serves, and what it should.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Chain")]
pub(super) struct ChainLine<'a> {
    /// The endpoint's name.
    endpoint: &'a str,
    address: Option<String>,
    /// When that was seen (RFC 3339).
    checked_at: String,
    #[schemars(with = "ChainStatus")]
    chain_status: &'static str,
    /// As it was presented, the leaf first.
    chain: Vec<CertificateLine>,
    /// The chain to serve instead, as PEM; null where there is no better one.
    repaired_chain: Option<String>,
}

pub(super) fn list<'a>(call: &Call<'a>) -> List<EndpointLine<'a>> {
    let query = Query::asked(call.asked.pairs());
    let window = Window::of(&call.asked);
    if query.sort == Sort::Name {
        let found = call.snapshot.by_name().filter(|view| query.matches(view));
        let found = found.filter(|view| query.status.is_none_or(|wanted| wanted == view.status()));
        return window.list(&call.asked, found, |view| EndpointLine::of(view));
    }
    let matching = call.snapshot.endpoints.iter().filter(|view| query.matches(view)).map(Match::of);
    let mut found: Vec<_> = matching.filter(|found| query.status.is_none_or(|wanted| wanted == found.status)).collect();
    in_order(&mut found, query.sort, window.end());
    window.list(&call.asked, found.into_iter(), |found| EndpointLine::of(found.view))
}

pub(super) fn one<'a>(call: &Call<'a>) -> Result<EndpointLine<'a>, Problem> {
    let view = find(call)?;
    let is_here = |view: &&crate::monitor::IncidentView| {
        view.members.iter().any(|member| *member.endpoint == *call.names[0] && member.is_standing())
    };
    let incidents = call.snapshot.incidents.iter().filter(is_here).map(|view| &*view.incident.id);
    Ok(EndpointLine {
        incidents: Some(incidents.collect()),
        habit: view.habit().map(|habit| habit.sentence(call.snapshot.at)),
        ..EndpointLine::of(view)
    })
}

pub(super) fn addresses<'a>(call: &Call<'a>) -> Result<List<AddressLine<'a>>, Problem> {
    let view = find(call)?;
    let line = |row: &'a AddressView| {
        let report = |judged| report::report(Subject::Endpoint(&view.watch.endpoint), judged, None);
        AddressLine {
            address: row.address.map(|address| address.to_string()),
            severity: row.status().name(),
            last_probe: rfc3339(row.last_probe()),
            last_success: row.last_success().map(rfc3339),
            known: row.known.as_deref().map(report),
            failed: row.failed.as_deref().map(report),
        }
    };
    Ok(Window::of(&call.asked).list(&call.asked, view.addresses.iter(), line))
}

pub(super) fn chain<'a>(call: &Call<'a>) -> Result<ChainLine<'a>, Problem> {
    let view = find(call)?;
    let row = serving(call, view)?;
    let judged = row.known.as_ref().ok_or_else(unseen)?;
    let chain = judged.observation.chain().ok_or_else(unseen)?;
    Ok(ChainLine {
        endpoint: view.name(),
        address: row.address.map(|address| address.to_string()),
        checked_at: rfc3339(judged.observation.at),
        chain_status: judged.diagnosis.chain_status.name(),
        chain: chain.iter().map(|certificate| report::certificate(certificate)).collect(),
        repaired_chain: judged.diagnosis.repair.as_deref().map(Repair::to_pem),
    })
}

/// The chain as it was presented, as PEM.
pub(super) fn chain_pem(call: &Call<'_>) -> Result<String, Problem> {
    let view = find(call)?;
    let known = serving(call, view)?.known.as_ref().ok_or_else(unseen)?;
    let chain = known.observation.chain().ok_or_else(unseen)?;
    Ok(chain.iter().map(|certificate| certificate.to_pem()).collect())
}

pub(super) fn history<'a>(call: &Call<'a>) -> Result<List<ChapterLine<'a>>, Problem> {
    let view = find(call)?;
    let chapters = call.history.as_ref().map_err(|problem| {
        Problem::unavailable(format!("the history cannot be read from the state: {problem}; the log has more"))
    })?;
    let all = chapters.iter();
    Ok(Window::of(&call.asked).list(&call.asked, all, |chapter| ChapterLine::of(view.name(), chapter)))
}

fn find<'a>(call: &Call<'a>) -> Result<&'a Arc<EndpointView>, Problem> {
    call.snapshot
        .named(&call.names[0])
        .ok_or_else(|| Problem::missing("no endpoint of this name is in the configuration; /api/v1/endpoints has all of them"))
}

/// The address that is asked for, or the one that makes the headline.
fn serving<'a>(call: &Call<'a>, view: &'a EndpointView) -> Result<&'a AddressView, Problem> {
    let Some(asked) = call.asked.text("address") else {
        let seen = view.addresses.iter().rev().filter(|row| row.known.is_some());
        return seen.max_by_key(|row| row.status()).ok_or_else(unseen);
    };
    let is_it = |row: &&AddressView| row.address.is_some_and(|address| asked.parse() == Ok(address));
    view.addresses.iter().find(is_it).ok_or_else(|| Problem::missing("the endpoint has no such address"))
}

fn unseen() -> Problem {
    Problem::missing("no certificate has been seen there yet")
}
