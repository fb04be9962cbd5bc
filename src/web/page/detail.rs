//! What is known of one address of an endpoint, at length.

use std::{cmp::Reverse, sync::Arc};

use serde::Serialize;

use super::{
    endpoint::{address_query, last, shown},
    parts::{End, Moment, capitalized, end, kind, moment, segment, spaced},
    picture::{Picture, picture},
};
use crate::{
    certificate::{Certificate, Facts},
    clock::Timestamp,
    diagnosis::{Answer, Expiry, Fault, Finding, Found, Repair, Views, directives, lineage},
    endpoint::Protocol,
    monitor::{AddressView, EndpointView},
    report::{self, Subject},
};

/// So many certificates of one chain are shown, as in the metrics.
const POSITIONS: usize = 10;
/// A chain of thousands of certificates may have as many findings.
const FINDINGS: usize = 20;
/// A stranger may list thousands of names.
const NAMES: usize = 20;

#[derive(Debug, Serialize)]
pub(super) struct Detail {
    address: String,
    /// The last certificate seen is from an earlier visit: then.
    stale: Option<Moment>,
    failure: Option<String>,
    findings: Vec<Judgement>,
    more_findings: usize,
    picture: Option<Picture>,
    clients: Option<Clients>,
    repair: Option<Mending>,
    certificates: Vec<Item>,
    more_certificates: usize,
    evidence: String,
    evidence_link: String,
}

/// A finding.
#[derive(Debug, Serialize)]
struct Judgement {
    severity: &'static str,
    code: &'static str,
    link: String,
    summary: String,
    actor: &'static str,
    hint: String,
    accepted: bool,
}

/// How clients see the chain.
#[derive(Debug, Serialize)]
struct Clients {
    works_where: String,
    rows: Vec<ClientRow>,
    paths: Vec<PathRow>,
}

#[derive(Debug, Serialize)]
struct ClientRow {
    client: String,
    tone: &'static str,
    answer: String,
    reason: String,
}

#[derive(Debug, Serialize)]
struct PathRow {
    subjects: Vec<String>,
    ends: Moment,
    takers: String,
}

/// The chain to serve.
#[derive(Debug, Serialize)]
struct Mending {
    link: String,
    /// Name, and whether the server leaves it out.
    chain: Vec<(String, bool)>,
    source: String,
    verdict: String,
    /// What the server says it is.
    server: Option<String>,
    directives: String,
}

/// A certificate as presented.
#[derive(Debug, Serialize)]
struct Item {
    unreadable: Option<String>,
    subject: String,
    issuer: String,
    from: Option<Moment>,
    end: Option<End>,
    key: String,
    signature: String,
    serial: String,
    fingerprint: String,
    names: Vec<String>,
    more_names: usize,
}

pub(super) fn detail(view: &EndpointView, row: &AddressView, now: Timestamp) -> Detail {
    let watch = &view.watch;
    let (known, expiry) = (row.known.as_ref(), &watch.expectation.rules.expiry);
    let mut findings: Vec<&Found> = row.findings().collect();
    findings.sort_by_key(|found| Reverse(found.severity()));
    let chain = known.and_then(|known| known.observation.chain());
    let failure = row.failure().map(|failure| format!("{} ({}, {})", failure.detail, failure.stage.name(), kind(failure)));
    let drawn = known.and_then(|known| lineage(known, &watch.trust, now));
    let base = format!("{}/", segment(&watch.endpoint.name));
    let evidence = last(row).map(|judged| report::evidence(Subject::Endpoint(&watch.endpoint), judged, now));
    Detail {
        address: shown(row),
        stale: row.failed.as_ref().and(row.last_success()).map(moment),
        failure,
        more_findings: findings.len().saturating_sub(FINDINGS),
        findings: findings.into_iter().take(FINDINGS).map(judgement).collect(),
        picture: drawn.map(|drawn| picture(&drawn, expiry, now)),
        clients: known.and_then(|known| watch.views(known, now)).as_ref().map(clients),
        repair: known
            .and_then(|known| known.diagnosis.repair.as_ref())
            .map(|repair| mending(repair, format!("{base}fullchain.pem{}", address_query(row)), watch.endpoint.target.protocol)),
        certificates: chain.into_iter().flat_map(|chain| chain.iter().take(POSITIONS)).map(|it| item(it, expiry, now)).collect(),
        more_certificates: chain.map_or(0, |chain| chain.len().saturating_sub(POSITIONS)),
        evidence: evidence.unwrap_or_default(),
        evidence_link: format!("{base}evidence.txt{}", address_query(row)),
    }
}

fn judgement(found: &Found) -> Judgement {
    Judgement {
        severity: found.severity().name(),
        code: found.finding.code(),
        link: Finding::link(found.finding.code()),
        summary: capitalized(&found.finding.summary()),
        actor: actor(found.finding.fault()),
        hint: capitalized(&found.finding.hint()),
        accepted: found.accepted,
    }
}

fn actor(fault: Fault) -> &'static str {
    match fault {
        Fault::Server => "whoever runs the server",
        Fault::Client => "whoever runs this machine, its trust store or its clock",
        Fault::Network => "whoever runs the network in between",
        Fault::Unclear => "it cannot be told who",
    }
}

fn clients(views: &Views) -> Clients {
    let row = |view: &crate::diagnosis::View| ClientRow {
        client: report::client(view),
        tone: match view.answer {
            Answer::Accepts => "ok",
            Answer::Refuses(_) => "critical",
            Answer::CannotTell(_) => "unknown",
        },
        answer: spaced(view.answer.name()),
        reason: view.answer.reason().to_owned(),
    };
    let path = |path: &crate::diagnosis::TrustPath| PathRow {
        subjects: path.subjects.clone(),
        ends: moment(path.not_after),
        takers: report::takers(path),
    };
    let paths = if views.paths.len() > 1 { views.paths.iter().map(path).collect() } else { Vec::new() };
    Clients { works_where: capitalized(&views.works_where), rows: views.clients.iter().map(row).collect(), paths }
}

fn mending(repair: &Repair, link: String, protocol: Protocol) -> Mending {
    let name = |certificate: &Arc<Certificate>| certificate.facts().map_or_else(String::new, |facts| facts.subject.to_string());
    let is_added = |certificate: &Arc<Certificate>| repair.added.iter().any(|added| added.fingerprint == certificate.fingerprint);
    Mending {
        link,
        chain: repair.chain.iter().map(|certificate| (name(certificate), is_added(certificate))).collect(),
        source: repair.source.clone(),
        verdict: super::parts::verdict(&repair.verdict),
        server: repair.server.as_ref().map(|server| server.says.clone()),
        directives: directives(&repair.programs(protocol)).join("\n"),
    }
}

fn item(certificate: &Arc<Certificate>, expiry: &Expiry, now: Timestamp) -> Item {
    let facts = certificate.facts();
    let sans = || facts.into_iter().flat_map(Facts::sans);
    Item {
        unreadable: certificate.facts.as_ref().err().map(ToString::to_string),
        subject: facts.map_or_else(String::new, |facts| facts.subject.to_string()),
        issuer: facts.map_or_else(String::new, |facts| facts.issuer.to_string()),
        from: facts.map(|facts| moment(facts.not_before)),
        end: facts.map(|facts| end(facts.not_after, expiry.reached(facts, now), now)),
        key: facts.map_or_else(String::new, |facts| facts.key.kind.to_string()),
        signature: facts.map_or_else(String::new, |facts| facts.signature.to_string()),
        serial: facts.map_or_else(String::new, Facts::serial_hex),
        fingerprint: certificate.fingerprint.to_string(),
        names: sans().take(NAMES).map(|san| san.to_string()).collect(),
        more_names: sans().count().saturating_sub(NAMES),
    }
}
