//! The world around the brain: what a visit brings home at a moment, and whether a mail gets through.

use core::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use certvigil::{
    clock::{Timestamp, later},
    diagnosis::{Diagnosis, Judged, diagnose},
    monitor::Watch,
    observation::{Failure, FailureKind, Handshake, Observation, Outcome, Possession, Stage},
};
use fastrand::Rng;

use crate::{
    fleet::{Face, Failing, Fleet},
    mint::{Mint, wall},
    truth::{DAY, Moment, Span},
};

pub(crate) struct World {
    pub(crate) fleet: Fleet,
    pub(crate) watches: Vec<Arc<Watch>>,
    mint: Mint,
    /// What was judged lately, of each endpoint.
    judged: Vec<Vec<Known>>,
    rng: Rng,
}

/// A face, as it is judged until something changes by time alone.
struct Known {
    face: Face,
    until: Timestamp,
    handshake: Handshake,
    diagnosis: Diagnosis,
}

/// What a visit brings home.
pub(crate) struct Seen {
    pub(crate) judged: Vec<Arc<Judged>>,
    pub(crate) resolved: Vec<IpAddr>,
    pub(crate) is_own_fault: bool,
    pub(crate) takes: std::time::Duration,
}

impl World {
    pub(crate) fn new(fleet: Fleet, watch: impl Fn(&Fleet, usize, &Mint) -> Arc<Watch>) -> Result<Self, rcgen::Error> {
        let mint = Mint::new(&fleet)?;
        let watches = (0..fleet.endpoints.len()).map(|at| watch(&fleet, at, &mint)).collect();
        let judged = fleet.endpoints.iter().map(|_| Vec::new()).collect();
        let rng = Rng::with_seed(fleet.plan.seed);
        Ok(World { fleet, watches, mint, judged, rng })
    }

    /// A visit that begins now.
    pub(crate) fn visit(&mut self, endpoint: usize, now: Moment) -> Result<Seen, rcgen::Error> {
        let addresses: Vec<IpAddr> = (0..self.fleet.endpoints[endpoint].addresses).map(|nth| address(endpoint, nth)).collect();
        let own = self.fleet.outages.iter().find(|(span, _)| span.holds(now)).map(|(_, how)| *how);
        let flap = self.fleet.endpoints[endpoint].flaps.iter().find(|flap| flap.span.holds(now));
        let flap = flap.map(|flap| (flap.address, flap.how));
        let failing = own.map(|how| (None, how)).or(flap);
        let takes = match failing {
            Some((_, Failing::Silence)) => std::time::Duration::from_secs(10),
            _ => std::time::Duration::from_millis(self.rng.u64(50..800)),
        };
        let mut seen = Seen { judged: Vec::new(), resolved: addresses.clone(), is_own_fault: own.is_some(), takes };
        if let Some((_, Failing::Nameless)) = failing {
            seen.resolved.clear();
            seen.judged.push(Arc::new(self.failure(endpoint, None, Failing::Nameless, now)));
            return Ok(seen);
        }
        for (nth, address) in addresses.into_iter().enumerate() {
            let how = failing.filter(|(which, _)| which.is_none_or(|which| which == nth));
            seen.judged.push(Arc::new(match how {
                Some((_, how)) => self.failure(endpoint, Some(address), how, now),
                None => self.handshake(endpoint, nth, address, now)?,
            }));
        }
        Ok(seen)
    }

    /// Whether a mail that is sent now arrives.
    pub(crate) fn mail_works(&self, now: Moment) -> bool {
        !self.fleet.mail_outages.iter().any(|span| span.holds(now)) && !self.fleet.outages.iter().any(|(span, _)| span.holds(now))
    }

    fn handshake(&mut self, endpoint: usize, nth: usize, address: IpAddr, now: Moment) -> Result<Judged, rcgen::Error> {
        let phases = &self.fleet.endpoints[endpoint].phases;
        let phase = &phases[phases.partition_point(|phase| phase.from <= now).saturating_sub(1)];
        let face = phase.other.filter(|_| self.rng.bool()).unwrap_or(phase.faces[nth]);
        let at = wall(now);
        let known = self.judged[endpoint].iter().position(|known| known.face == face && at < known.until);
        let place = if let Some(place) = known {
            place
        } else {
            let known = self.judge(endpoint, face, now)?;
            let all = &mut self.judged[endpoint];
            all.retain(|other| other.face != face);
            all.truncate(3);
            all.insert(0, known);
            0
        };
        let Known { handshake, diagnosis, .. } = &self.judged[endpoint][place];
        let outcome = Outcome::Handshake(handshake.clone());
        let observation = Observation::new(Some(address), at, outcome);
        Ok(Judged { observation, diagnosis: diagnosis.clone().into() })
    }

    /// What is bad is judged again every day, since its words count the days.
    fn judge(&mut self, endpoint: usize, face: Face, now: Moment) -> Result<Known, rcgen::Error> {
        let (chain, issuers) = self.mint.chain(&self.fleet, face, now)?;
        let watch = &self.watches[endpoint];
        let at = wall(now);
        let expiry = &watch.expectation.rules.expiry;
        let facts = chain.iter().filter_map(|certificate| certificate.facts());
        let moments = facts.flat_map(|of| [expiry.warning.begins(of), expiry.critical.begins(of), of.not_before, of.not_after]);
        // On the second itself a certificate is still good.
        let next = moments.flat_map(|moment| [moment, later(moment, SECOND)]).filter(|moment| *moment > at).min();
        let tls = Arc::default();
        let handshake =
            Handshake { chain, tls, possession: Possession::Proven, wants_client_certificate: false, broken_off: None };
        let observation = Observation::new(None, at, Outcome::Handshake(handshake.clone()));
        let diagnosis = diagnose(&observation, &watch.expectation, &watch.trust, &issuers, at);
        let mut until = next.unwrap_or(Timestamp::MAX);
        if !diagnosis.findings.is_empty() {
            until = until.min(wall(now + DAY));
        }
        Ok(Known { face, until, handshake, diagnosis })
    }

    fn failure(&self, endpoint: usize, address: Option<IpAddr>, how: Failing, now: Moment) -> Judged {
        let (stage, kind, what) = match how {
            Failing::Nameless => (Stage::Resolve, FailureKind::Timeout, "no answer about"),
            Failing::Silence => (Stage::Connect, FailureKind::Timeout, "no answer from"),
            Failing::Refusal => (Stage::Connect, FailureKind::Refused, "connection refused by"),
        };
        let failure = Failure { stage, kind, detail: format!("{what} {}", self.fleet.endpoints[endpoint].name) };
        let observation = Observation::new(address, wall(now), Outcome::Failure(failure));
        let watch = &self.watches[endpoint];
        let diagnosis =
            diagnose(&observation, &watch.expectation, &watch.trust, &certvigil::diagnosis::Issuers::default(), wall(now));
        Judged { observation, diagnosis: diagnosis.into() }
    }

    /// When a mail that cannot be sent now can be, at the latest: the longest pause between two attempts comes on top.
    pub(crate) fn mail_by(&self, decided: Moment) -> Moment {
        let mut outages: Vec<Span> =
            self.fleet.mail_outages.iter().copied().chain(self.fleet.outages.iter().map(|(span, _)| *span)).collect();
        outages.sort();
        outages
            .into_iter()
            .fold(decided + 120, |by, span| if span.holds_within(decided, by) { by.max(span.to + LONGEST_PAUSE) } else { by })
    }
}

fn address(endpoint: usize, nth: usize) -> IpAddr {
    let number = u32::try_from(endpoint * 8 + nth).unwrap_or(u32::MAX);
    IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + number))
}

const SECOND: std::time::Duration = std::time::Duration::from_secs(1);

/// An hour, give or take a tenth, and the attempt itself.
const LONGEST_PAUSE: Moment = 4200;
