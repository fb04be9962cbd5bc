//! One visit and its judgement: resolve, probe every address, fetch a missing issuer, diagnose. The same for daemon and CLI.

mod gate;
mod introductions;
mod pool;
mod verdicts;

use core::net::IpAddr;
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::join_all};

use crate::{
    certificate::Certificate,
    clock::Timestamp,
    diagnosis::{Expectation, Issuers, Judged, Trust, diagnose, gap, introduced},
    endpoint::Endpoint,
    fetch::{self, Fetcher},
    observation::{Chain, Failure, FailureKind, Observation, Outcome, Stage},
    probe::{self, Prober},
};
use gate::Gate;
use introductions::Introductions;
use pool::Pool;
use verdicts::Verdicts;

/// Makes visits. Cheap to clone; the clones share resolver, fetcher, what was learnt, and the limit for each address.
#[derive(Clone)]
pub struct Visitor {
    prober: Prober,
    fetcher: Fetcher,
    pool: Pool,
    verdicts: Verdicts,
    introductions: Introductions,
    gate: Gate,
    known_roots: Arc<Trust>,
}

/// The two moments of a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct When {
    /// When it is made: what is written down.
    pub at: Timestamp,
    /// As of when it is judged: the same, unless somebody wants to know what will be said by then.
    pub as_of: Timestamp,
}

impl When {
    /// Made and judged now.
    pub fn now(now: Timestamp) -> Self {
        When { at: now, as_of: now }
    }
}

/// What a visit brought home.
#[derive(Clone, Debug)]
pub struct Visit {
    /// One for each address visited, in the resolver's order; one without an address when the name did not resolve.
    pub seen: Vec<Judged>,
    /// Every address the name resolved to; empty when it did not.
    pub resolved: Vec<IpAddr>,
    /// Those of them that were left out, since this machine has no route for their family.
    pub skipped: Vec<IpAddr>,
    /// How many of `seen` were not judged again, since nothing had changed.
    pub recalled: usize,
}

impl Visitor {
    /// A visitor that keeps to `per_address` visits at once to any one address.
    pub fn new(probe: probe::Settings, fetch: fetch::Settings, per_address: usize) -> Self {
        Visitor {
            prober: Prober::new(probe),
            fetcher: Fetcher::new(fetch),
            pool: Pool::default(),
            verdicts: Verdicts::default(),
            introductions: Introductions::default(),
            gate: Gate::new(per_address),
            known_roots: Arc::new(well_known_roots()),
        }
    }

    /// Takes what an earlier process saw at this endpoint: the intermediates of its chain, as presented or as repaired.
    pub fn remember(&self, endpoint: &Arc<str>, judged: &Judged) {
        judged.observation.chain().into_iter().flat_map(Chain::iter).for_each(|certificate| self.prober.know(certificate));
        self.pool.learn(endpoint, judged);
    }

    /// Visits every address of the endpoint at once and judges what each presents. Never fails: what goes wrong is an observation.
    pub async fn visit(&self, endpoint: &Endpoint, expectation: &Expectation, trust: &Trust, when: When) -> Visit {
        let resolved = match self.prober.resolve(endpoint).await {
            Ok(resolved) => resolved,
            Err(failure) => {
                let seen = vec![unseen(None, failure, expectation, trust, when)];
                return Visit { seen, resolved: Vec::new(), skipped: Vec::new(), recalled: 0 };
            }
        };
        // What the resolver took is gone: the deadline is one, from the name to the end of the handshake.
        let endpoint = &Endpoint { timeout: remaining(endpoint.timeout, resolved.took), ..endpoint.clone() };
        // What a panic leaves behind is behind locks, and nobody minds one that is poisoned.
        let visits = resolved.addresses.iter().map(|address| {
            AssertUnwindSafe(self.visit_one(endpoint, *address, (expectation, trust), resolved.took, when)).catch_unwind()
        });
        let (mut seen, mut recalled) = (Vec::with_capacity(resolved.addresses.len()), 0);
        for (address, ended) in resolved.addresses.iter().zip(join_all(visits).await) {
            let failed = |_| (unseen(Some(*address), panicked(), expectation, trust, when), false);
            let (judged, was_recalled) = ended.unwrap_or_else(failed);
            recalled += usize::from(was_recalled);
            seen.push(judged);
        }
        let resolved_all = resolved.addresses.iter().chain(&resolved.skipped).copied().collect();
        Visit { seen, resolved: resolved_all, skipped: resolved.skipped, recalled }
    }

    /// Visits one address, once there is a place, and judges what it presents; whether that was judged before. The name took so long.
    async fn visit_one(
        &self,
        endpoint: &Endpoint,
        address: IpAddr,
        (expectation, trust): (&Expectation, &Trust),
        took: Duration,
        when: When,
    ) -> (Judged, bool) {
        let place = self.gate.enter(address).await;
        let mut observation = self.prober.probe(endpoint, address, when.at).await;
        // A fetch goes elsewhere: the next visit to this address need not wait for it.
        drop(place);
        let spent = observation.timing.total().unwrap_or_default();
        observation.timing.add(Stage::Resolve, took);
        let question = self.verdicts.question(&observation, expectation, trust);
        if let Some(diagnosis) = self.verdicts.recall(question, when.as_of) {
            return (Judged { observation, diagnosis }, true);
        }
        let mut issuers = Issuers::default();
        let fetching = self.issuers(observation.chain(), trust, when.as_of, &mut issuers);
        if tokio::time::timeout(FETCH_WITHIN, fetching).await.is_err() {
            tell(&mut issuers, "more was not to be had in time");
        }
        let diagnosis = diagnose(&observation, expectation, trust, &issuers, when.as_of);
        let mut judged = Judged { observation, diagnosis: diagnosis.shared() };
        self.introduce(endpoint, address, spent, &mut judged).await;
        self.pool.learn(&endpoint.name, &judged);
        self.verdicts.keep(question, &judged, &issuers, (expectation, trust), when.as_of);
        (judged, false)
    }

    /// Where there is something to repair and the server has not said what it is, asks it, in what the visit has left of its time.
    async fn introduce(&self, endpoint: &Endpoint, address: IpAddr, spent: Duration, judged: &mut Judged) {
        let Judged { observation, diagnosis } = judged;
        if diagnosis.repair.as_ref().is_none_or(|repair| repair.server.is_some()) {
            return;
        }
        let ask = async {
            let _place = self.gate.enter(address).await;
            let endpoint = Endpoint { timeout: remaining(endpoint.timeout, spent), ..endpoint.clone() };
            self.prober.introduction(&endpoint, address).await
        };
        let more = self.introductions.of(endpoint, address, ask).await;
        observation.said = observation.said.iter().cloned().chain(more).collect();
        if let Some(repair) = &mut Arc::make_mut(diagnosis).repair {
            repair.server = introduced(&observation.said);
        }
    }

    /// Candidates for an issuer that is missing, hop by hop: the well-known roots by name, what other endpoints have taught, and
    /// the certificates' AIA addresses. Whenever it is broken off, `issuers` has what was found and tried so far.
    async fn issuers(&self, chain: Option<&Chain>, trust: &Trust, now: Timestamp, issuers: &mut Issuers) {
        let Some(chain) = chain else { return };
        let mut search = self.fetcher.search();
        for _ in 0..MAX_HOPS {
            let Some(top) = gap(chain, trust, issuers, now) else { break };
            if add_new(issuers, known_issuers(&self.known_roots, &top)) {
                continue;
            }
            let learnt = self.pool.issuers(&top);
            if let Some(first) = learnt.first() {
                let told = first.told.clone();
                if add_new(issuers, learnt.into_iter().map(|learnt| learnt.certificate).collect()) {
                    tell(issuers, &told);
                    continue;
                }
            }
            let found = search.issuer(&top).await;
            tell(issuers, &found.tried);
            if !add_new(issuers, found.certificates) {
                break;
            }
        }
    }
}

/// Adds to what was tried, once.
fn tell(issuers: &mut Issuers, tried: &str) {
    if issuers.tried.contains(tried) {
        return;
    }
    if !issuers.tried.is_empty() {
        issuers.tried.push_str("; ");
    }
    issuers.tried.push_str(tried);
}

/// Candidates without any network: the well-known roots, as evidence of what a chain leads to, never as trust.
pub fn issuers_offline(chain: &Chain, trust: &Trust, known_roots: &Trust, now: Timestamp) -> Issuers {
    let mut issuers = Issuers { tried: "no network was used".into(), ..Issuers::default() };
    if let Some(top) = gap(chain, trust, &issuers, now) {
        add_new(&mut issuers, known_issuers(known_roots, &top));
    }
    issuers
}

/// Mozilla's roots, which everybody knows, whatever the effective trust is.
pub fn well_known_roots() -> Trust {
    Trust::new(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|der| Certificate::from_der(der)))
}

/// The judgement of a visit that did not come about.
fn unseen(address: Option<IpAddr>, failure: Failure, expectation: &Expectation, trust: &Trust, when: When) -> Judged {
    let observation = Observation::new(address, when.at, Outcome::Failure(failure));
    let diagnosis = diagnose(&observation, expectation, trust, &Issuers::default(), when.as_of);
    Judged { observation, diagnosis: diagnosis.shared() }
}

/// What is left of a deadline, in whole tenths of a second, since it is named in messages; never less than a tenth of it.
fn remaining(deadline: Duration, took: Duration) -> Duration {
    let tenths = deadline.saturating_sub(took).as_millis().div_ceil(100);
    let rounded = Duration::from_millis(u64::try_from(tenths * 100).unwrap_or(u64::MAX));
    rounded.min(deadline).max(deadline / 10)
}

/// The failure that the panic of a visit amounts to: our own fault, and no word about the server.
fn panicked() -> Failure {
    let detail = "certvigil's own visit failed unexpectedly; its log has the place".to_owned();
    Failure { stage: Stage::Connect, kind: FailureKind::Internal, detail }
}

fn known_issuers(known_roots: &Trust, top: &Certificate) -> Vec<Arc<Certificate>> {
    known_roots.candidates_for(top).to_vec()
}

/// Adds those that are not there yet; whether there were any.
fn add_new(issuers: &mut Issuers, candidates: Vec<Arc<Certificate>>) -> bool {
    let before = issuers.certificates.len();
    for candidate in candidates {
        if !issuers.certificates.iter().any(|known| known.fingerprint == candidate.fingerprint) {
            issuers.certificates.push(candidate);
        }
    }
    issuers.certificates.len() > before
}

/// More intermediates than any public CA has between a leaf and a root.
const MAX_HOPS: usize = 6;
/// All fetches of a visit together.
const FETCH_WITHIN: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_lookup_takes_nothing_and_a_slow_one_leaves_a_tenth() {
        let ms = Duration::from_millis;
        assert_eq!(remaining(ms(10_000), ms(3)), ms(10_000));
        assert_eq!(remaining(ms(10_000), ms(2_345)), ms(7_700));
        assert_eq!(remaining(ms(10_000), ms(12_000)), ms(1_000));
        assert_eq!(remaining(ms(300), Duration::ZERO), ms(300));
    }
}
