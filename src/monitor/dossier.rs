//! What is remembered of one endpoint: its addresses, its part in incidents, and what a visit changes in both.

use core::net::IpAddr;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{
    AddressView, EndpointView, Record, Rollout, Visited, Watch, aging, evidence::concerns, looks::Looks, proof::Proving,
};
use crate::{
    clock::{Timestamp, earlier},
    diagnosis::{ChainStatus, Diagnosis, Finding, Found, Issuers, Judged, Severity, Topic},
    incident::{Cause, Held, IncidentKey, LOOKS, Member, Mending, Sighting, State, is_of_time, next_step, sightings},
    observation::{Failure, FailureKind, Observation, Outcome, Stage},
};

/// One endpoint, as the brain knows it.
#[derive(Debug)]
pub(super) struct Dossier {
    /// Entry and addresses; shared with the snapshots, copied when it changes.
    pub(super) view: Arc<EndpointView>,
    /// It bears witness, and nobody hears of it.
    pub(super) is_canary: bool,
    /// Its part in incidents: suspected, open, and mended where somebody is yet to be told.
    pub(super) members: BTreeMap<IncidentKey, Arc<Member>>,
    /// What awaits another look; for most endpoints nothing does.
    doubts: Option<Box<Doubts>>,
    /// Everything that is known was judged as of then, or later.
    judged_at: Timestamp,
}

/// What one look at an endpoint is not enough for.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    /// Successful resolutions in a row that lacked the address.
    absences: BTreeMap<IpAddr, u8>,
    /// What seems to be over.
    pub(super) proofs: Proving,
    /// Visits in a row that failed.
    pub(super) looks: Looks,
}

impl Doubts {
    const NONE: Doubts = Doubts { absences: BTreeMap::new(), proofs: Proving::NONE, looks: Looks::NONE };

    fn is_empty(&self) -> bool {
        self.absences.is_empty() && self.proofs.is_empty() && self.looks.is_empty()
    }
}

/// What a visit made of the endpoint's part in incidents.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    /// Begun, or seen again.
    pub(super) changed: BTreeSet<IncidentKey>,
    /// Proven to be mended.
    pub(super) mended: Vec<IncidentKey>,
    /// Ended because the owner accepts it now: nobody is told that it is mended.
    pub(super) accepted: Vec<Arc<Member>>,
    /// The cause has been replaced by another one, and nothing is better.
    pub(super) passed_on: Vec<PassedOn>,
}

/// An incident that goes on at the endpoint with another cause.
#[derive(Debug)]
pub(super) struct PassedOn {
    pub(super) from: IncidentKey,
    pub(super) to: IncidentKey,
    /// Those who know of it here.
    pub(super) heard: Vec<String>,
}

impl Dossier {
    /// Nothing is known yet; what will be restored is judged as of `now`.
    pub(super) fn new(watch: Arc<Watch>, now: Timestamp) -> Self {
        let view = Arc::new(EndpointView { watch, addresses: Vec::new(), renewals: Vec::new() });
        Dossier { view, is_canary: false, members: BTreeMap::new(), doubts: None, judged_at: now }
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.view.watch.endpoint.name
    }

    /// What awaits another look.
    pub(super) fn doubts(&self) -> &Doubts {
        static NONE: Doubts = Doubts::NONE;
        self.doubts.as_deref().unwrap_or(&NONE)
    }

    /// The same, to add to.
    pub(super) fn doubts_mut(&mut self) -> &mut Doubts {
        self.doubts.get_or_insert_default()
    }

    /// What failed at these addresses said nothing, unless it is believed already; whether there was anything.
    pub(super) fn forgive(&mut self, of: impl Fn(Option<IpAddr>) -> bool) -> bool {
        self.doubts.as_mut().is_some_and(|doubts| doubts.looks.forgive(of))
    }

    /// Takes back what a restart found of an address.
    pub(super) fn restore(&mut self, row: AddressView) {
        let rows = &mut Arc::make_mut(&mut self.view).addresses;
        rows.reserve_exact(1);
        rows.push(row);
        rows.sort_by_key(|row| row.address);
    }

    /// Takes back its part in an incident. Of the failures in a row only those of the addresses it lists are remembered.
    pub(super) fn restore_member(&mut self, member: Member) {
        if member.key.topic == Topic::Reachability {
            let failures = if let State::Suspected(looks) = member.state { looks } else { LOOKS };
            let fails =
                |row: &&AddressView| row.failed.as_ref().or(row.known.as_ref()).is_some_and(|last| awaits_confirmation(last));
            let at_fault = self.view.addresses.iter().filter(|row| concerns(&member, row)).filter(fails);
            let looks = &mut self.doubts.get_or_insert_default().looks;
            at_fault.for_each(|row| looks.restore(row.address, failures));
        }
        self.members.insert(member.key.clone(), Arc::new(member));
    }

    /// The entry is judged or told of differently now; what is known of the addresses stays.
    pub(super) fn rewrite(&mut self, watch: Arc<Watch>) {
        Arc::make_mut(&mut self.view).watch = watch;
    }

    /// The endpoint is another place now: what is known of its addresses is of no use.
    pub(super) fn forget_addresses(&mut self, records: &mut Vec<Record>) {
        let endpoint = self.name().clone();
        if let Some(doubts) = &mut self.doubts {
            doubts.absences.clear();
            doubts.looks = Looks::default();
        }
        let view = Arc::make_mut(&mut self.view);
        view.renewals.clear();
        let gone = std::mem::take(&mut view.addresses);
        records.extend(gone.into_iter().map(|row| Record::AddressGone { endpoint: endpoint.clone(), address: row.address }));
    }

    /// Moves the addresses on, by a visit that was begun then. Where no certificate was seen, the one last known is judged as of
    /// now; where a failure says nothing about the server, it does not count.
    pub(super) fn observe(
        &mut self,
        report: &Visited,
        begun: Duration,
        counts: impl Fn(Option<IpAddr>) -> bool,
        now: Timestamp,
        records: &mut Vec<Record>,
    ) {
        if report.seen.iter().all(|judged| judged.observation.address.is_some()) {
            self.forget_absent(report, records);
        }
        let place: Arc<str> = self.view.watch.endpoint.place().into();
        let doubts = self.doubts.get_or_insert_default();
        let EndpointView { watch, addresses: rows, .. } = Arc::make_mut(&mut self.view);
        for judged in &report.seen {
            let address = judged.observation.address;
            let at = rows.iter().position(|row| row.address == address).unwrap_or_else(|| {
                rows.reserve_exact(1);
                rows.push(AddressView { address, known: None, failed: None });
                rows.len() - 1
            });
            take(&mut rows[at], judged);
            if awaits_confirmation(judged) {
                doubts.looks.failed(address, begun, counts(address));
            } else {
                doubts.looks.good(address);
            }
            records.push(Record::Observed { endpoint: report.endpoint.clone(), place: place.clone(), judged: judged.clone() });
        }
        let unseen = rows.iter_mut().filter_map(|row| row.known.as_mut()).filter(|known| !is_of(report, known));
        unseen.for_each(|known| aging::age(known, watch, self.judged_at, now));
        // What this visit saw is judged as of its beginning.
        self.judged_at = report.seen.iter().map(|judged| judged.observation.at).fold(now, Timestamp::min);
        rows.sort_by_key(|row| row.address);
        doubts.looks.retain(|address| rows.iter().any(|row| row.address == address));
        self.doubts.take_if(|doubts| doubts.is_empty());
    }

    /// Without a visit: what is known is judged as of now. Time alone mends nothing.
    pub(super) fn age(&mut self, now: Timestamp) -> Judgement {
        let EndpointView { watch, addresses: rows, .. } = Arc::make_mut(&mut self.view);
        let known = rows.iter_mut().filter_map(|row| row.known.as_mut());
        known.for_each(|known| aging::age(known, watch, self.judged_at, now));
        self.judged_at = now;
        let nothing = Visited { endpoint: self.name().clone(), generation: 0, seen: Vec::new(), resolved: Vec::new() };
        self.judge(&nothing, |_| true, now)
    }

    /// After a resolution that succeeded: no unresolved row any more, and an address leaves when it was missing three times.
    fn forget_absent(&mut self, report: &Visited, records: &mut Vec<Record>) {
        let is_there =
            |ip: IpAddr| report.resolved.contains(&ip) || report.seen.iter().any(|judged| judged.observation.address == Some(ip));
        let absences = &mut self.doubts.get_or_insert_default().absences;
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

    /// Moves its part in incidents on, after `observe` of the same report.
    ///
    /// What holds is what this visit saw, and where it saw no certificate, what is last known. So an unreachable server
    /// mends nothing: only a visit that sees a certificate ends an incident, and only when each address at fault has
    /// shown one without the finding, or has left. It keeps nothing from expiring either: what is last known begins an
    /// incident about expiry, or makes it worse.
    ///
    /// What does not count, since our clock or our trust is in doubt, neither begins nor ends.
    pub(super) fn judge(&mut self, report: &Visited, counts: impl Fn(Topic) -> bool, now: Timestamp) -> Judgement {
        let mut judgement = Judgement::default();
        let held = self.view.findings().map(|(row, judged, found)| Held {
            address: row.address,
            fresh: is_of(report, judged),
            looks: self.doubts().looks.at(row.address),
            judged,
            found,
        });
        // A failure that does not count says nothing about the server.
        let held = held.filter(|held| held.looks > 0 || !held.found.finding.needs_confirmation());
        let held = held.filter(|held| counts(held.found.finding.topic()));
        let standing = sightings(self.name(), held, now);
        if report.seen.iter().any(|judged| judged.observation.chain().is_some()) {
            let is_quiet =
                |member: &&Arc<Member>| member.is_standing() && counts(member.key.topic) && !standing.contains_key(&member.key);
            let quiet: Vec<_> = self.members.values().filter(is_quiet).map(|member| member.key.clone()).collect();
            for key in quiet {
                if self.view.findings().any(|(_, _, found)| found.accepted && found.finding.topic() == key.topic) {
                    judgement.accepted.extend(self.members.remove(&key));
                } else if let Some(heir) = heir(&key, &standing) {
                    judgement.passed_on.extend(self.pass_on(key, heir.clone()));
                } else if let Some(how) = self.mending(&key)
                    && self.doubts_mut().proofs.good(&key, matches!(how, Mending::Renewed { .. }), now)
                {
                    self.members.entry(key.clone()).and_modify(|member| Arc::make_mut(member).state = State::Mended(now, how));
                    judgement.mended.push(key);
                }
            }
        }
        for (key, mut sighting) in standing {
            let is_outgrown =
                || self.members.get(&key).is_none_or(|member| !member.is_standing() || member.is_outgrown_by(&sighting));
            let is_news = sighting.fresh || (is_of_time(key.topic) && is_outgrown());
            if let Some(doubts) = self.doubts.as_mut().filter(|_| sighting.fresh) {
                doubts.proofs.bad(&key);
            }
            if let Some(rollout) = self.rollout(&key) {
                sighting.summary = format!("{}; {rollout}", sighting.summary);
            }
            if !is_news {
                continue;
            }
            if let Some(member) = self.members.get_mut(&key) {
                Arc::make_mut(member).seen_again(sighting, now);
            } else {
                let member = Member::begin(self.name(), key.clone(), sighting, now);
                self.members.insert(key.clone(), Arc::new(member));
            }
            judgement.changed.insert(key);
        }
        if let Some(doubts) = &mut self.doubts {
            doubts.proofs.retain(|key| self.members.get(key).is_some_and(|member| member.is_standing()));
        }
        self.doubts.take_if(|doubts| doubts.is_empty());
        judgement
    }

    /// The same trouble with another certificate: it goes on under that one's name.
    fn pass_on(&mut self, from: IncidentKey, to: IncidentKey) -> Option<PassedOn> {
        let old = self.members.remove(&from)?;
        let heard = old.heard.clone();
        match self.members.get_mut(&to) {
            Some(member) => {
                let member = Arc::make_mut(member);
                let more: Vec<_> = heard.iter().filter(|known| !member.is_known_to(known)).cloned().collect();
                member.heard.extend(more);
            }
            None => drop(self.members.insert(to.clone(), Arc::new(Member { key: to.clone(), ..Arc::unwrap_or_clone(old) }))),
        }
        Some(PassedOn { from, to, heard })
    }

    /// What there is instead, once every address at fault shows a certificate again, or has left. (That the finding is gone is
    /// known already: by the certificate, or by time alone where the address fails.)
    fn mending(&self, key: &IncidentKey) -> Option<Mending> {
        let member = self.members.get(key)?;
        let rows: Vec<_> = self.view.addresses.iter().filter(|row| concerns(member, row)).collect();
        if rows.iter().any(|row| row.known.is_none() || row.failed.is_some()) {
            return None;
        }
        let mut shown = rows.iter().filter_map(|row| row.known.as_ref()).peekable();
        let leaf = shown.peek().and_then(|judged| judged.observation.chain()).map(|chain| &chain.leaf);
        let is_still_there = shown.any(|judged| key.cause.certificate(judged).is_some());
        Some(match (key.topic, &key.cause, leaf) {
            (Topic::Reachability, ..) => Mending::Reached,
            (_, _, None) => Mending::Left,
            (_, Cause::Certificate(_), Some(leaf)) if !is_still_there => {
                Mending::Renewed { fingerprint: leaf.fingerprint, not_after: leaf.facts().map(|facts| facts.not_after) }
            }
            (Topic::Code("missing_intermediate"), ..) => Mending::Completed,
            _ => Mending::Gone,
        })
    }

    /// How far the certificate has come that replaces the one at fault, where it has not come everywhere.
    pub(super) fn rollout(&self, key: &IncidentKey) -> Option<Rollout> {
        Rollout::of(&self.view, &key.cause, self.doubts().proofs.alternates(key))
    }

    /// This visit failed at an address that awaits another look soon, whatever is open of the endpoint already.
    pub(super) fn is_suspected(&self, report: &Visited, is_hushed: impl Fn(Option<IpAddr>) -> bool) -> bool {
        let failed = report.seen.iter().filter(|judged| awaits_confirmation(judged)).map(|judged| judged.observation.address);
        failed.into_iter().any(|address| self.doubts().looks.at(address) < LOOKS && !is_hushed(address))
    }

    /// How long until a certificate takes its next step, of those that the visit begun `ago` could not see; one second is
    /// added, so that the next visit can.
    pub(super) fn next_threshold(&self, ago: Duration, now: Timestamp) -> Option<Duration> {
        let left = Duration::try_from(self.next_step(earlier(now, ago))?.duration_since(now)).unwrap_or(Duration::ZERO);
        Some(left.saturating_add(Duration::from_secs(1)))
    }

    /// The first moment after `then` at which a known certificate, presented or fetched, takes its next step.
    fn next_step(&self, then: Timestamp) -> Option<Timestamp> {
        let expiry = &self.view.watch.expectation.rules.expiry;
        let known = self.view.addresses.iter().filter_map(|row| row.known.as_ref());
        known.flat_map(|judged| aging::certificates(judged)).map(|facts| next_step(facts, expiry, then)).min()
    }
}

/// The report of a visit of which nothing came back: nothing is known of the peer, and that is said.
pub(super) fn lost(now: Timestamp) -> Arc<Judged> {
    let detail = "the visit ended without a result, by a fault of certvigil".to_owned();
    let failure = Failure { stage: Stage::Resolve, kind: FailureKind::Internal, detail };
    let findings = vec![Found { finding: Finding::of_failure(&failure), accepted: false }];
    Arc::new(Judged {
        observation: Observation::new(None, now, Outcome::Failure(failure)),
        diagnosis: Arc::new(Diagnosis {
            verdict: None,
            chain_status: ChainStatus::None,
            findings,
            repair: None,
            borrowed: Issuers::default(),
        }),
    })
}

fn take(row: &mut AddressView, judged: &Arc<Judged>) {
    if judged.observation.chain().is_some() {
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

/// What takes the place of an incident whose cause is no longer there, though its trouble is: another certificate with the same
/// flaw, or the same gap, of which more is known, or less. Expiry is of one certificate alone; only where it was put down to the
/// endpoint, as it once was, it has an heir.
fn heir<'a>(key: &IncidentKey, standing: &'a BTreeMap<IncidentKey, Sighting>) -> Option<&'a IncidentKey> {
    let may_pass = key.topic != Topic::Expiry || matches!(key.cause, Cause::Endpoint(_));
    let is_same = |other: Topic| other == key.topic || is_known_better(key.topic, other) || is_known_better(other, key.topic);
    let mut heirs = standing.iter().filter(|(other, sighting)| is_same(other.topic) && sighting.fresh);
    heirs.next().filter(|_| may_pass).map(|(heir, _)| heir)
}

/// Whether an issuer could be had makes the one of the other, while the server does as before.
fn is_known_better(topic: Topic, other: Topic) -> bool {
    topic == Topic::Code("issuer_unknown") && [Topic::Code("missing_intermediate"), Topic::Code("unknown_ca")].contains(&other)
}

/// It failed in a way that may be gone at the next look.
fn awaits_confirmation(judged: &Judged) -> bool {
    judged.diagnosis.findings.iter().any(|found| found.severity() >= Severity::Warning && found.finding.needs_confirmation())
}

/// So many successful resolutions without it, and an address has left.
const ABSENCES: u8 = 3;
