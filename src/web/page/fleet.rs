//! `/`: every endpoint, the most urgent first. Only what is shown is rendered.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::Serialize;

use super::{
    parts::{End, Frame, Moment, Pager, ago, capitalized, count, first_end, handle, kind, moment, segment, verdict, words},
    query::{Match, Query, Sort, in_order},
    render::render,
};
use crate::{
    clock::{Timestamp, span},
    diagnosis::{ChainStatus, Fault, Status},
    monitor::{AddressView, MailResult, Snapshot},
};

/// So many endpoints a page.
const ROWS: usize = 100;

/// So many choices in a list.
const CHOICES: usize = 300;

/// What the template `fleet.html` is made of.
#[derive(Debug, Serialize)]
struct Fleet {
    frame: Frame,
    /// The other way round.
    refresh: String,
    tiles: Vec<Tile>,
    all: usize,
    /// Where nothing is wrong: that it is so, and what comes next.
    calm: Option<String>,
    search: String,
    /// What the form has no field for.
    kept: Vec<(&'static str, String)>,
    choices: Vec<Choice>,
    narrow: bool,
    /// The link to everything.
    reset: String,
    range: String,
    columns: Vec<Column>,
    rows: Vec<Row>,
    pager: Pager,
    facts: Vec<(&'static str, String)>,
}

#[derive(Debug, Serialize)]
struct Tile {
    name: &'static str,
    total: usize,
    link: String,
    here: bool,
}

/// A list to choose from.
#[derive(Debug, Serialize)]
struct Choice {
    key: &'static str,
    label: &'static str,
    chosen: String,
    options: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Column {
    title: &'static str,
    /// Empty where it cannot be sorted by.
    link: String,
    here: bool,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    link: String,
    /// Where it differs from the name.
    target: Option<String>,
    status: &'static str,
    headline: String,
    more: usize,
    silenced: bool,
    ends: Option<End>,
    chain: Option<String>,
    /// OpenSSL's number and words, short.
    verdict: Option<String>,
    visited: Option<Moment>,
    ago: String,
    failed: Option<String>,
}

/// The page, as `query` asks for it.
pub(super) fn page(snapshot: &Snapshot, query: &str) -> String {
    let query = Query::parse(query);
    let mut totals = [0usize; Status::ALL.len()];
    let mut found: Vec<Match<'_>> = Vec::new();
    for view in snapshot.endpoints.iter().filter(|view| query.matches(view)) {
        let status = view.status();
        Status::ALL.iter().zip(&mut totals).for_each(|(known, total)| *total += usize::from(*known == status));
        if query.status.is_none_or(|wanted| wanted == status) {
            found.push(Match::of(view));
        }
    }
    let pager = Pager::new(query.page, found.len(), ROWS, |page| Query { page, ..query.clone() }.link());
    let first = pager.first(ROWS);
    in_order(&mut found, query.sort, first + ROWS);
    let shown: Vec<_> = found.iter().skip(first).take(ROWS).collect();
    let silenced: BTreeSet<&Arc<str>> = snapshot.incidents.iter().flat_map(|view| view.silenced.keys()).collect();
    let range = match (found.len(), shown.len()) {
        (0, _) => "No endpoint matches.".into(),
        (found, shown) if shown == found => count(found, "endpoint"),
        (found, shown) => format!("{} to {} of {}", first + 1, first + shown, count(found, "endpoint")),
    };
    let fleet = Fleet {
        frame: Frame::of(snapshot, "", "endpoints").refreshed(query.refresh),
        refresh: Query { refresh: if query.refresh.is_some() { None } else { Some(30) }, ..query.clone() }.link(),
        tiles: tiles(totals, &query),
        all: snapshot.endpoints.len(),
        calm: calm(&found, snapshot.at),
        search: query.search.clone(),
        kept: kept(&query),
        choices: choices(snapshot, &query),
        narrow: query.is_narrow(),
        reset: Query { status: query.status, sort: query.sort, refresh: query.refresh, page: 1, ..Query::default() }.link(),
        range,
        columns: columns(&query),
        rows: shown.into_iter().map(|found| row(found, silenced.contains(found.view.name()), snapshot.at)).collect(),
        pager,
        facts: facts(snapshot),
    };
    render("fleet.html", &fleet)
}

/// That nothing of what was asked for is wrong, and which certificate of it ends first.
fn calm(found: &[Match<'_>], now: Timestamp) -> Option<String> {
    let next = found.iter().min_by_key(|one| (one.ends, one.view.name())).filter(|one| one.ends != Timestamp::MAX)?;
    let is_well = found.iter().all(|one| one.status < Status::Warning);
    let left = span(now, next.ends);
    is_well.then(|| format!("All is well. The next certificate to end is that of {}, in {left}.", next.view.name()))
}

fn tiles(totals: [usize; Status::ALL.len()], query: &Query) -> Vec<Tile> {
    let all = (None, "all", totals.iter().sum());
    let each = Status::ALL.into_iter().zip(totals).map(|(status, total)| (Some(status), status.name(), total));
    let tile = |(status, name, total)| {
        let link = Query { status, page: 1, ..query.clone() }.link();
        Tile { name, total, link, here: query.status == status }
    };
    std::iter::once(all).chain(each).map(tile).collect()
}

fn kept(query: &Query) -> Vec<(&'static str, String)> {
    query.parts().into_iter().filter(|(name, _)| ["status", "sort", "refresh"].contains(name)).collect()
}

/// What there is to choose from, in the whole fleet.
fn choices(snapshot: &Snapshot, query: &Query) -> Vec<Choice> {
    let (mut owners, mut labels, mut codes) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for view in &snapshot.endpoints {
        let policy = &view.watch.policy;
        policy.owners.iter().for_each(|owner| *owners.entry(handle(owner).to_owned()).or_default() += 1);
        policy.labels.iter().for_each(|label| *labels.entry(label).or_default() += 1);
        let of_one = view.addresses.iter().flat_map(AddressView::findings).map(|found| found.finding.code());
        of_one.collect::<BTreeSet<_>>().into_iter().for_each(|code| *codes.entry(code.to_owned()).or_default() += 1);
    }
    let labels = labels.into_iter().map(|((name, value), uses)| (format!("{name}:{value}"), uses)).collect();
    let choice = |key, label, chosen: &str, options: Vec<String>| {
        let unknown = Some(chosen.to_owned()).filter(|chosen| !chosen.is_empty() && !options.contains(chosen));
        Choice { key, label, chosen: chosen.to_owned(), options: unknown.into_iter().chain(options).collect() }
    };
    let faults = Fault::ALL.map(|fault| fault.name().to_owned()).into();
    let fault = query.fault.map(Fault::name).unwrap_or_default();
    let choices = [
        choice("finding", "Finding", &query.finding, most_used(codes)),
        choice("fault", "Who must act", fault, faults),
        choice("owner", "Owner", &query.owner, most_used(owners)),
        choice("label", "Label", &query.label, most_used(labels)),
    ];
    choices.into_iter().filter(|choice| !choice.options.is_empty()).collect()
}

/// The most used, in the order of their names.
fn most_used(uses: BTreeMap<String, usize>) -> Vec<String> {
    let mut uses: Vec<_> = uses.into_iter().filter(|(name, _)| !name.is_empty()).collect();
    uses.sort_by_key(|(_, uses)| Reverse(*uses));
    let mut names: Vec<_> = uses.into_iter().take(CHOICES).map(|(name, _)| name).collect();
    names.sort_unstable();
    names
}

fn columns(query: &Query) -> Vec<Column> {
    let sorted = |title, sort| Column { title, link: Query { sort, page: 1, ..query.clone() }.link(), here: query.sort == sort };
    let plain = |title| Column { title, link: String::new(), here: false };
    vec![
        sorted("Status", Sort::Urgency),
        sorted("Endpoint", Sort::Name),
        plain("What"),
        sorted("Ends (UTC)", Sort::Ends),
        plain("Chain"),
        sorted("Visited", Sort::Visit),
    ]
}

fn row(found: &Match<'_>, silenced: bool, now: Timestamp) -> Row {
    let Match { status, view, .. } = found;
    let endpoint = &view.watch.endpoint;
    // The address that makes the headline speaks for all; the endpoint's own page tells of each.
    let worst = view.addresses.iter().rev().max_by_key(|address| address.status());
    let mut findings: Vec<_> = worst.into_iter().flat_map(AddressView::findings).collect();
    findings.sort_by_key(|found| Reverse(found.severity()));
    let headline = match (worst, findings.first()) {
        (None, _) => "Waits for its first visit".to_owned(),
        (Some(_), None) => String::new(),
        (Some(_), Some(found)) => capitalized(&found.finding.summary()),
    };
    let known = worst.and_then(|row| row.known.as_ref());
    let chain = known.map(|known| known.diagnosis.chain_status).filter(|status| *status != ChainStatus::None);
    let target = endpoint.target.to_string();
    Row {
        link: format!("endpoint/{}", segment(&endpoint.name)),
        target: Some(target).filter(|target| *target != *endpoint.name),
        name: endpoint.name.to_string(),
        status: status.name(),
        headline,
        more: findings.len().saturating_sub(1),
        silenced,
        ends: first_end(view, now),
        chain: chain.map(words),
        verdict: known.and_then(|known| known.diagnosis.verdict.as_ref()).map(verdict),
        visited: worst.map(|row| moment(row.last_probe())),
        ago: worst.map_or_else(String::new, |row| format!("{} ago", ago(row.last_probe(), now))),
        failed: worst.and_then(|row| row.failed.as_ref()?.observation.failure()).map(kind),
    }
}

/// How certvigil itself does.
fn facts(snapshot: &Snapshot) -> Vec<(&'static str, String)> {
    let outbox = &snapshot.outbox;
    let total = |wanted| outbox.sent.iter().filter(|(_, result, _)| *result == wanted).map(|(_, _, number)| number).sum::<u64>();
    let held = snapshot.held.1.map(|until| {
        let people = if snapshot.held.0 == 1 { "1 person".into() } else { format!("{} people", snapshot.held.0) };
        ("Held back", format!("news for {people}, until {} at first", crate::clock::date(until)))
    });
    let mail = format!(
        "{} waiting; since the start {} delivered, {} put off, {} refused",
        count(outbox.length, "mail"),
        total(MailResult::Delivered),
        total(MailResult::Deferred),
        total(MailResult::Refused)
    );
    let taken = format!("taken {}", crate::clock::date(snapshot.reload.success_at));
    held.into_iter().chain([("Mail", mail), ("Configuration", taken)]).collect()
}
