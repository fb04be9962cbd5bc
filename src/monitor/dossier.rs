//! What is remembered of one endpoint: its addresses, its incidents, and what a visit changes in both.

use core::net::IpAddr;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use super::{AddressView, EndpointView, Record, Visited, Watch};
use crate::{
    clock::{Timestamp, earlier},
    diagnosis::{ChainStatus, Diagnosis, Finding, Found, Issuers, Judged, Severity, Topic},
    incident::{Held, Incident, IncidentKey, State, sightings},
    observation::{Failure, FailureKind, Observation, Outcome, Stage},
};

/// One endpoint, as the brain knows it.
#[derive(Debug)]
pub(super) struct Dossier {
    /// Entry and addresses; shared with the snapshots, copied when it changes.
    pub(super) view: Arc<EndpointView>,
    /// Suspected and open.
    pub(super) incidents: BTreeMap<Topic, Arc<Incident>>,
    /// Successful resolutions in a row that lacked the address.
    absences: HashMap<IpAddr, u8>,
}

/// What a visit made of the incidents.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    /// Begun, or seen again.
    pub(super) changed: BTreeSet<Topic>,
    /// Ended, and proven to be mended.
    pub(super) mended: Vec<Arc<Incident>>,
    /// Ended because the owner accepts it now: nobody is told that it is mended.
    pub(super) accepted: Vec<Arc<Incident>>,
}

impl Dossier {
    pub(super) fn new(watch: Arc<Watch>) -> Self {
        let view = Arc::new(EndpointView { watch, addresses: Vec::new() });
        Dossier { view, incidents: BTreeMap::new(), absences: HashMap::new() }
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.view.watch.endpoint.name
    }

    /// Takes back what a restart found of an address.
    pub(super) fn restore(&mut self, row: AddressView) {
        let rows = &mut Arc::make_mut(&mut self.view).addresses;
        rows.push(row);
        rows.sort_by_key(|row| row.address);
    }

    /// The entry is judged or told of differently now; what is known of the addresses stays.
    pub(super) fn rewrite(&mut self, watch: Arc<Watch>) {
        Arc::make_mut(&mut self.view).watch = watch;
    }

    /// The endpoint is another place now: what is known of its addresses is of no use.
    pub(super) fn forget_addresses(&mut self, records: &mut Vec<Record>) {
        let endpoint = self.name().clone();
        self.absences.clear();
        let gone = std::mem::take(&mut Arc::make_mut(&mut self.view).addresses);
        records.extend(gone.into_iter().map(|row| Record::AddressGone { endpoint: endpoint.clone(), address: row.address }));
    }

    /// Moves the addresses on.
    pub(super) fn observe(&mut self, report: &Visited, records: &mut Vec<Record>) {
        if report.seen.iter().all(|judged| judged.observation.address.is_some()) {
            self.forget_absent(report, records);
        }
        let place: Arc<str> = self.view.watch.endpoint.place().into();
        let rows = &mut Arc::make_mut(&mut self.view).addresses;
        for judged in &report.seen {
            let address = judged.observation.address;
            let at = rows.iter().position(|row| row.address == address).unwrap_or_else(|| {
                let last_probe = judged.observation.at;
                rows.push(AddressView { address, known: None, failed: None, last_probe, last_success: None });
                rows.len() - 1
            });
            take(&mut rows[at], judged);
            records.push(Record::Observed { endpoint: report.endpoint.clone(), place: place.clone(), judged: judged.clone() });
        }
        rows.sort_by_key(|row| row.address);
    }

    /// After a resolution that succeeded: no unresolved row any more, and an address leaves when it was missing three times.
    fn forget_absent(&mut self, report: &Visited, records: &mut Vec<Record>) {
        let is_there =
            |ip: IpAddr| report.resolved.contains(&ip) || report.seen.iter().any(|judged| judged.observation.address == Some(ip));
        let absences = &mut self.absences;
        let mut has_left = |ip: IpAddr| {
            let missed = if is_there(ip) { 0 } else { absences.get(&ip).copied().unwrap_or(0) + 1 };
            if (1..ABSENCES).contains(&missed) {
                absences.insert(ip, missed)
            } else {
                absences.remove(&ip)
            };
            missed == ABSENCES
        };
        Arc::make_mut(&mut self.view).addresses.retain(|row| {
            let stays = row.address.is_some_and(|ip| !has_left(ip));
            if !stays {
                records.push(Record::AddressGone { endpoint: report.endpoint.clone(), address: row.address });
            }
            stays
        });
    }

    /// Moves the incidents on, after `observe` of the same report.
    ///
    /// What holds is what this visit saw, and where it saw no certificate, what is last known. So an unreachable server
    /// mends nothing: only a visit that sees a certificate ends an incident, and only when each address at fault has
    /// shown one without the finding, or has left.
    pub(super) fn judge(&mut self, report: &Visited, now: Timestamp) -> Judgement {
        let mut judgement = Judgement::default();
        let held = self.findings().map(|(row, judged, found)| Held {
            address: row.address,
            fresh: report.seen.iter().any(|seen| Arc::ptr_eq(seen, judged)),
            found,
        });
        let standing = sightings(held);
        if report.seen.iter().any(|judged| judged.observation.chain().is_some()) {
            let is_over = |topic: &&Topic| !standing.contains_key(topic) && self.is_cleared(**topic);
            let over: Vec<Topic> = self.incidents.keys().filter(is_over).copied().collect();
            for topic in over {
                let is_accepted = self.findings().any(|(_, _, found)| found.accepted && found.finding.topic() == topic);
                let ended = if is_accepted { &mut judgement.accepted } else { &mut judgement.mended };
                ended.extend(self.incidents.remove(&topic));
            }
        }
        for (topic, sighting) in standing.into_iter().filter(|(_, sighting)| sighting.fresh) {
            let key = IncidentKey { endpoint: report.endpoint.clone(), topic };
            match self.incidents.get_mut(&topic) {
                Some(incident) => Arc::make_mut(incident).seen_again(sighting, now),
                None => drop(self.incidents.insert(topic, Arc::new(Incident::begin(key, sighting, now)))),
            }
            judgement.changed.insert(topic);
        }
        judgement
    }

    /// Every address at fault has shown a certificate since, or has left. (That the finding is gone is known already.)
    fn is_cleared(&self, topic: Topic) -> bool {
        let Some(incident) = self.incidents.get(&topic) else { return false };
        !self.view.addresses.iter().any(|row| row.known.is_none() && concerns(incident, row))
    }

    /// A network failure awaits its next look.
    pub(super) fn is_suspected(&self) -> bool {
        self.incidents.values().any(|incident| matches!(incident.state, State::Suspected(_)))
    }

    /// How long until a certificate reaches a threshold, begins or ends, of those moments that the visit begun `ago` could
    /// not see; one second is added, so that the next one can.
    pub(super) fn next_threshold(&self, ago: Duration, now: Timestamp) -> Option<Duration> {
        let begun = earlier(now, ago);
        let expiry = &self.view.watch.expectation.expiry;
        let leaves = self.view.addresses.iter().filter_map(|row| row.known.as_ref()?.observation.chain()?.leaf.facts());
        let moments = leaves
            .flat_map(|facts| [expiry.warning.begins(facts), expiry.critical.begins(facts), facts.not_after, facts.not_before]);
        let next = moments.filter(|moment| *moment > begun).min()?;
        let left = Duration::try_from(next.duration_since(now)).unwrap_or(Duration::ZERO);
        Some(left.saturating_add(Duration::from_secs(1)))
    }

    /// The latest visit to each address that is at fault, the worst first; once none is, to each that was, or to all.
    /// Empty only when nothing is known of any address.
    pub(super) fn evidence(&self, incident: &Incident) -> Vec<Arc<Judged>> {
        let mut at_fault: Vec<(Severity, &Arc<Judged>)> = Vec::new();
        for (_, judged, found) in self.findings() {
            if found.finding.topic() != incident.key.topic || found.severity() < Severity::Warning {
                continue;
            }
            match at_fault.iter_mut().find(|(_, known)| Arc::ptr_eq(known, judged)) {
                Some((severity, _)) => *severity = found.severity().max(*severity),
                None => at_fault.push((found.severity(), judged)),
            }
        }
        if !at_fault.is_empty() {
            at_fault.sort_by_key(|(severity, _)| std::cmp::Reverse(*severity));
            return at_fault.into_iter().map(|(_, judged)| judged.clone()).collect();
        }
        let latest = |row: &AddressView| row.failed.clone().or_else(|| row.known.clone());
        let rows = &self.view.addresses;
        let concerned: Vec<_> = rows.iter().filter(|row| concerns(incident, row)).filter_map(latest).collect();
        if concerned.is_empty() { rows.iter().filter_map(latest).collect() } else { concerned }
    }

    /// Every finding that holds, with where and in which visit: of the failed visit, then of the last known certificate.
    fn findings(&self) -> impl Iterator<Item = (&AddressView, &Arc<Judged>, &Found)> {
        self.view.addresses.iter().flat_map(|row| {
            let visits = row.failed.iter().chain(&row.known);
            visits.flat_map(move |judged| judged.diagnosis.findings.iter().map(move |found| (row, judged, found)))
        })
    }
}

/// The report of a visit of which nothing came back: nothing is known of the peer, and that is said.
pub(super) fn lost(now: Timestamp) -> Arc<Judged> {
    let detail = "the visit ended without a result, by a fault of certvigil".to_owned();
    let failure = Failure { stage: Stage::Resolve, kind: FailureKind::Internal, detail };
    let findings = vec![Found { finding: Finding::of_failure(&failure), accepted: false }];
    Arc::new(Judged {
        observation: Observation { address: None, at: now, outcome: Outcome::Failure(failure), timing: Vec::new() },
        diagnosis: Diagnosis {
            verdict: None,
            chain_status: ChainStatus::None,
            findings,
            repair: None,
            borrowed: Issuers::default(),
        },
    })
}

fn take(row: &mut AddressView, judged: &Arc<Judged>) {
    row.last_probe = judged.observation.at;
    if judged.observation.chain().is_some() {
        row.last_success = Some(judged.observation.at);
        row.known = Some(judged.clone());
        row.failed = None;
    } else {
        row.failed = Some(judged.clone());
    }
}

fn concerns(incident: &Incident, row: &AddressView) -> bool {
    row.address.is_some_and(|ip| incident.addresses.contains(&ip.to_string()))
}

/// So many successful resolutions without it, and an address has left.
const ABSENCES: u8 = 3;
