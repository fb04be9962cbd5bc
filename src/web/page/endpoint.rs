//! `/endpoint/NAME`: the verdict in a sentence, the chain as a picture, and everything behind it.

use std::{cmp::Reverse, collections::HashMap, sync::Arc};

use serde::Serialize;

use super::{
    Answer, Beside,
    detail::{Detail, detail},
    incidents,
    letters::{Letter, letters},
    missing,
    parts::{End, Frame, Moment, ago, capitalized, count, encode, end, kind, moment, owners, words},
    query::decoded,
    render::render,
    timeline::{Change, timeline},
};
use crate::{
    certificate::Fingerprint,
    clock::{Timestamp, elapsed, later},
    diagnosis::{ChainStatus, Judged, Severity, Status},
    monitor::{AddressView, EndpointView, Snapshot},
    report::{self, Subject},
};

#[derive(Debug, Serialize)]
struct One {
    frame: Frame,
    name: String,
    target: Option<String>,
    status: &'static str,
    sentence: String,
    /// When it usually renews, where that is known.
    habit: Option<String>,
    /// Each with the link to all that is theirs.
    owners: Vec<(String, String)>,
    labels: Vec<String>,
    every: String,
    incidents: Vec<incidents::Row>,
    addresses: Vec<Place>,
    /// Whether the addresses serve the same, where there are several.
    agreement: Option<String>,
    detail: Option<Detail>,
    letters: Vec<Letter>,
    history: Vec<Change>,
    unread: Option<String>,
}

/// One address beside the others.
#[derive(Debug, Serialize)]
struct Place {
    address: String,
    link: String,
    chosen: bool,
    status: &'static str,
    verdict: Option<String>,
    chain: Option<String>,
    fingerprint: Option<String>,
    /// It serves another certificate than most.
    differs: bool,
    end: Option<End>,
    tls: String,
    visited: Moment,
    ago: String,
    failed: Option<String>,
}

/// The page; `?address=` chooses the address that is told of at length, otherwise it is the one that makes the headline.
pub(super) fn page(snapshot: &Snapshot, beside: &Beside, name: &str, query: &str) -> Answer {
    let Some(view) = find(snapshot, name) else { return unknown(snapshot, "../") };
    let (now, watch) = (snapshot.at, &view.watch);
    let chosen = choose(view, query);
    let usual = usual_leaf(view);
    let target = watch.endpoint.target.to_string();
    let one = One {
        frame: Frame::of(snapshot, "../", "endpoint"),
        name: name.to_owned(),
        target: Some(target).filter(|target| target != name),
        status: view.status().name(),
        sentence: sentence(view, now),
        habit: view.habit().map(|habit| habit.sentence(now)),
        owners: owners(watch).map(|owner| (owner.to_owned(), format!("../?owner={}", encode(owner)))).collect(),
        labels: watch.policy.labels.iter().map(|(name, value)| format!("{name}: {value}")).collect(),
        every: elapsed(Timestamp::UNIX_EPOCH, later(Timestamp::UNIX_EPOCH, watch.policy.interval)),
        incidents: incidents_of(snapshot, name),
        addresses: view.addresses.iter().map(|row| place(row, view, chosen, usual, now)).collect(),
        agreement: agreement(view, usual),
        detail: chosen.map(|row| detail(view, row, now)),
        letters: beside.mail.as_ref().map_or_else(Vec::new, |settings| letters(snapshot, name, settings)),
        history: beside.history.as_ref().map_or_else(|_| Vec::new(), |chapters| timeline(chapters, now)),
        unread: beside.history.as_ref().err().cloned(),
    };
    Answer::Page(render("endpoint.html", &one))
}

/// What has been observed at the address, whole, as text.
pub(super) fn evidence(snapshot: &Snapshot, name: &str, query: &str) -> Answer {
    let Some(view) = find(snapshot, name) else { return unknown(snapshot, "../../") };
    match choose(view, query).and_then(last) {
        Some(judged) => {
            let text = report::evidence(Subject::Endpoint(&view.watch.endpoint), judged, snapshot.at);
            Answer::File { kind: "text/plain; charset=utf-8", disposition: "inline; filename=\"evidence.txt\"", text }
        }
        None => missing(snapshot, "../../", "Nothing has been observed there yet."),
    }
}

/// The chain that the server should serve, as PEM.
pub(super) fn fullchain(snapshot: &Snapshot, name: &str, query: &str) -> Answer {
    let Some(view) = find(snapshot, name) else { return unknown(snapshot, "../../") };
    let repair = choose(view, query).and_then(|row| row.known.as_ref()?.diagnosis.repair.as_ref());
    match repair {
        Some(repair) => {
            let disposition = "attachment; filename=\"fullchain.pem\"";
            Answer::File { kind: "application/x-pem-file", disposition, text: repair.to_pem() }
        }
        None => missing(snapshot, "../../", "There is no better chain to serve than the one that is served."),
    }
}

fn unknown(snapshot: &Snapshot, root: &'static str) -> Answer {
    missing(snapshot, root, "No endpoint of this name is in the configuration.")
}

fn find<'a>(snapshot: &'a Snapshot, name: &str) -> Option<&'a Arc<EndpointView>> {
    snapshot.named(name)
}

/// The address that is asked for, or the one that makes the headline.
fn choose<'a>(view: &'a EndpointView, query: &str) -> Option<&'a AddressView> {
    let asked = decoded(query, "address");
    let asked = view.addresses.iter().find(|row| asked.as_ref().is_some_and(|asked| shown(row) == *asked));
    asked.or_else(|| view.addresses.iter().rev().max_by_key(|row| row.status()))
}

/// The last visit that saw a certificate; where none did, the last.
pub(super) fn last(row: &AddressView) -> Option<&Arc<Judged>> {
    row.known.as_ref().or(row.failed.as_ref())
}

pub(super) fn shown(row: &AddressView) -> String {
    row.address.map_or_else(|| "unresolved".into(), |ip| ip.to_string())
}

/// What stands between a page of an endpoint and one of its addresses.
pub(super) fn address_query(row: &AddressView) -> String {
    format!("?address={}", encode(&shown(row)))
}

fn sentence(view: &EndpointView, now: Timestamp) -> String {
    let Some(worst) = view.addresses.iter().rev().max_by_key(|row| row.status()) else {
        return "It waits for its first visit.".to_owned();
    };
    let first = worst.findings().filter(|found| !found.accepted).min_by_key(|found| Reverse(found.severity()));
    match first {
        Some(found) if found.severity() > Severity::Info || worst.status() == Status::Unknown => {
            format!("{}.", capitalized(&found.finding.summary()))
        }
        _ => match view.not_after() {
            Some(at) => format!("All is well: what is served is trusted, and lasts {} more.", crate::clock::span(now, at)),
            None => "All is well.".to_owned(),
        },
    }
}

fn incidents_of(snapshot: &Snapshot, name: &str) -> Vec<incidents::Row> {
    let is_here = |view: &&crate::monitor::IncidentView| {
        view.members.iter().any(|member| &*member.endpoint == name && member.is_standing())
    };
    snapshot.incidents.iter().filter(is_here).filter_map(|view| incidents::row(view, "../", snapshot)).collect()
}

fn leaf(row: &AddressView) -> Option<Fingerprint> {
    Some(row.known.as_ref()?.observation.chain()?.leaf.fingerprint)
}

/// The leaf that most addresses serve; of several, the one of the first.
fn usual_leaf(view: &EndpointView) -> Option<Fingerprint> {
    let mut counts: HashMap<Fingerprint, usize> = HashMap::new();
    view.addresses.iter().filter_map(leaf).for_each(|leaf| *counts.entry(leaf).or_default() += 1);
    view.addresses.iter().rev().filter_map(leaf).max_by_key(|leaf| counts.get(leaf).copied())
}

fn agreement(view: &EndpointView, usual: Option<Fingerprint>) -> Option<String> {
    let leaves: Vec<_> = view.addresses.iter().filter_map(leaf).collect();
    let others = leaves.iter().filter(|leaf| Some(**leaf) != usual).count();
    match (leaves.len(), others) {
        (0 | 1, _) => None,
        (all, 0) => Some(format!("All {} serve the same certificate.", count(all, "address"))),
        (all, others) => Some(format!("{others} of {} serve another certificate than the rest.", count(all, "address"))),
    }
}

fn place(
    row: &AddressView,
    view: &EndpointView,
    chosen: Option<&AddressView>,
    usual: Option<Fingerprint>,
    now: Timestamp,
) -> Place {
    let known = row.known.as_ref();
    let handshake = known.and_then(|known| known.observation.handshake());
    let facts = handshake.and_then(|handshake| handshake.chain.leaf.facts());
    let chain = known.map(|known| known.diagnosis.chain_status).filter(|status| *status != ChainStatus::None);
    let tls = handshake.map(|handshake| [handshake.tls.version.as_str(), &handshake.tls.cipher, &handshake.tls.group]);
    let tls = tls.map(|parts| parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", "));
    Place {
        address: row.address.map_or_else(|| "the name does not resolve".into(), |ip| ip.to_string()),
        link: address_query(row),
        chosen: chosen.is_some_and(|chosen| chosen.address == row.address),
        status: row.status().name(),
        verdict: known.and_then(|known| known.diagnosis.verdict.as_ref()).map(super::parts::verdict),
        chain: chain.map(words),
        fingerprint: leaf(row).map(|leaf| leaf.to_string().chars().take(16).collect()),
        differs: leaf(row).is_some_and(|leaf| Some(leaf) != usual),
        end: facts.map(|facts| end(facts.not_after, view.watch.expectation.rules.expiry.reached(facts, now), now)),
        tls: tls.unwrap_or_default(),
        visited: moment(row.last_probe()),
        ago: ago(row.last_probe(), now),
        failed: row.failed.as_ref().and_then(|failed| failed.observation.failure()).map(kind),
    }
}
