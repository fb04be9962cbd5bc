//! What is remembered of one endpoint: its addresses, its incidents, and what a visit changes in both.

use core::net::IpAddr;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use super::{AddressView, EndpointView, Record, Visited, Watch, aging};
use crate::{
    clock::{Timestamp, earlier},
    diagnosis::{ChainStatus, Diagnosis, Finding, Found, Issuers, Judged, Severity, Topic},
    incident::{Held, Incident, IncidentKey, LOOKS, State, sightings},
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
    /// Visits in a row that failed at the address (`None`: resolutions), up to [`LOOKS`]. A visit that left it out changes nothing.
    failures: HashMap<Option<IpAddr>, u8>,
    /// Everything that is known was judged as of then, or later.
    judged_at: Timestamp,
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
    /// Nothing is known yet; what will be restored is judged as of `now`.
    pub(super) fn new(watch: Arc<Watch>, now: Timestamp) -> Self {
        let view = Arc::new(EndpointView { watch, addresses: Vec::new() });
        let (absences, failures) = (HashMap::new(), HashMap::new());
        Dossier { view, incidents: BTreeMap::new(), absences, failures, judged_at: now }
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

    /// Takes back an incident. Of the failures in a row only those of the addresses it lists are remembered.
    pub(super) fn restore_incident(&mut self, incident: Incident) {
        if incident.key.topic == Topic::Reachability {
            let failures = if let State::Suspected(looks) = incident.state { looks } else { LOOKS };
            let fails =
                |row: &&AddressView| row.failed.as_ref().or(row.known.as_ref()).is_some_and(|last| awaits_confirmation(last));
            let at_fault = self.view.addresses.iter().filter(|row| concerns(&incident, row)).filter(fails);
            self.failures.extend(at_fault.map(|row| (row.address, failures)));
        }
        self.incidents.insert(incident.key.topic, Arc::new(incident));
    }

    /// The entry is judged or told of differently now; what is known of the addresses stays.
    pub(super) fn rewrite(&mut self, watch: Arc<Watch>) {
        Arc::make_mut(&mut self.view).watch = watch;
    }

    /// The endpoint is another place now: what is known of its addresses is of no use.
    pub(super) fn forget_addresses(&mut self, records: &mut Vec<Record>) {
        let endpoint = self.name().clone();
        self.absences.clear();
        self.failures.clear();
        let gone = std::mem::take(&mut Arc::make_mut(&mut self.view).addresses);
        records.extend(gone.into_iter().map(|row| Record::AddressGone { endpoint: endpoint.clone(), address: row.address }));
    }

    /// Moves the addresses on. Where no certificate was seen, the one last known is judged as of now.
    pub(super) fn observe(&mut self, report: &Visited, now: Timestamp, records: &mut Vec<Record>) {
        if report.seen.iter().all(|judged| judged.observation.address.is_some()) {
            self.forget_absent(report, records);
        }
        let place: Arc<str> = self.view.watch.endpoint.place().into();
        let EndpointView { watch, addresses: rows } = Arc::make_mut(&mut self.view);
        for judged in &report.seen {
            let address = judged.observation.address;
            let at = rows.iter().position(|row| row.address == address).unwrap_or_else(|| {
                let last_probe = judged.observation.at;
                rows.push(AddressView { address, known: None, failed: None, last_probe, last_success: None });
                rows.len() - 1
            });
            take(&mut rows[at], judged);
            if awaits_confirmation(judged) {
                let failures = self.failures.entry(address).or_default();
                *failures = LOOKS.min(*failures + 1);
            } else {
                self.failures.remove(&address);
            }
            records.push(Record::Observed { endpoint: report.endpoint.clone(), place: place.clone(), judged: judged.clone() });
        }
        for known in rows.iter_mut().filter_map(|row| row.known.as_mut()).filter(|known| !is_of(report, known)) {
            if let Some(aged) = aging::aged(known, watch, self.judged_at, now) {
                *known = aged;
            }
        }
        // What this visit saw is judged as of its beginning.
        self.judged_at = report.seen.iter().map(|judged| judged.observation.at).fold(now, Timestamp::min);
        rows.sort_by_key(|row| row.address);
        self.failures.retain(|address, _| rows.iter().any(|row| row.address == *address));
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
    /// shown one without the finding, or has left. It keeps nothing from expiring either: what is last known begins an
    /// incident about expiry, or makes it worse.
    pub(super) fn judge(&mut self, report: &Visited, now: Timestamp) -> Judgement {
        let mut judgement = Judgement::default();
        let held = self.findings().map(|(row, judged, found)| Held {
            address: row.address,
            fresh: is_of(report, judged),
            looks: self.failures_at(row.address),
            found,
        });
        let standing = sightings(held);
        if report.seen.iter().any(|judged| judged.observation.chain().is_some()) {
            let quiet: Vec<Topic> = self.incidents.keys().filter(|topic| !standing.contains_key(topic)).copied().collect();
            for topic in quiet {
                if self.findings().any(|(_, _, found)| found.accepted && found.finding.topic() == topic) {
                    judgement.accepted.extend(self.incidents.remove(&topic));
                } else if self.is_cleared(topic) {
                    judgement.mended.extend(self.incidents.remove(&topic));
                }
            }
        }
        for (topic, sighting) in standing {
            let is_outgrown = || self.incidents.get(&topic).is_none_or(|incident| incident.is_outgrown_by(&sighting));
            let is_news = sighting.fresh || (topic == Topic::Expiry && is_outgrown());
            if !is_news {
                continue;
            }
            let key = IncidentKey { endpoint: report.endpoint.clone(), topic };
            match self.incidents.get_mut(&topic) {
                Some(incident) => Arc::make_mut(incident).seen_again(sighting, now),
                None => drop(self.incidents.insert(topic, Arc::new(Incident::begin(key, sighting, now)))),
            }
            judgement.changed.insert(topic);
        }
        judgement
    }

    /// Every address at fault shows a certificate again, or has left. (That the finding is gone is known already: by the
    /// certificate, or by time alone where the address fails.)
    fn is_cleared(&self, topic: Topic) -> bool {
        let Some(incident) = self.incidents.get(&topic) else { return false };
        !self.view.addresses.iter().any(|row| (row.known.is_none() || row.failed.is_some()) && concerns(incident, row))
    }

    /// This visit failed at an address that awaits another look, whatever is open of the endpoint already.
    pub(super) fn is_suspected(&self, report: &Visited) -> bool {
        let mut failed = report.seen.iter().filter(|judged| awaits_confirmation(judged));
        failed.any(|judged| self.failures_at(judged.observation.address) < LOOKS)
    }

    fn failures_at(&self, address: Option<IpAddr>) -> u8 {
        self.failures.get(&address).copied().unwrap_or(0)
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
        let mut holding: Vec<_> = self.findings().filter(|(_, _, found)| is_about(found, incident)).collect();
        if holding.iter().any(|(row, ..)| concerns(incident, row)) {
            // A failure that is not confirmed is no evidence.
            holding.retain(|(row, ..)| concerns(incident, row));
        }
        for (_, judged, found) in holding {
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

/// This very visit is one of the report's, not one that is remembered.
fn is_of(report: &Visited, judged: &Arc<Judged>) -> bool {
    report.seen.iter().any(|seen| Arc::ptr_eq(seen, judged))
}

/// The address is one that the incident is told of; the failed resolution of one that has no address.
fn concerns(incident: &Incident, row: &AddressView) -> bool {
    row.address.map_or(incident.addresses.is_empty(), |ip| incident.addresses.contains(&ip.to_string()))
}

fn is_about(found: &Found, incident: &Incident) -> bool {
    found.finding.topic() == incident.key.topic && found.severity() >= Severity::Warning
}

/// It failed in a way that may be gone at the next look.
fn awaits_confirmation(judged: &Judged) -> bool {
    judged.diagnosis.findings.iter().any(|found| found.severity() >= Severity::Warning && found.finding.needs_confirmation())
}

/// So many successful resolutions without it, and an address has left.
const ABSENCES: u8 = 3;
