//! What is wrong with what a server presents, whose fault it is and what to do: pure, total, and the same for daemon and CLI.

#[cfg(test)]
mod bombs;
#[cfg(test)]
mod causes;
mod chain;
mod checks;
mod constraints;
mod defaults;
mod ends;
mod finding;
mod identity;
mod judge;
mod keys;
mod lasting;
mod lineage;
mod lints;
mod names;
mod path;
mod public;
mod rank;
mod repair;
mod signatures;
mod software;
mod strangers;
mod tally;
mod trust;
mod validity;
mod verdict;
mod views;
mod words;

use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock},
};

use crate::{
    certificate::Certificate,
    clock::Timestamp,
    endpoint::Host,
    observation::{Chain, Observation, Outcome},
};

pub use chain::ChainStatus;
pub use defaults::{Maker, makers};
pub use finding::{Finding, Found};
pub use lasting::lasts_until;
pub use lineage::{Lineage, Link, Stranger, Top, lineage};
pub use lints::{Broken, Lint, lints};
pub use names::NearMiss;
pub use rank::{Fault, Severity, Status, Topic};
pub use repair::{Origin, Repair};
pub use software::{Program, Software, directives, introduced, likely, recognise};
pub use strangers::{Extra, ExtraKind};
pub use trust::Trust;
pub use validity::{Expiry, Threshold};
pub use verdict::{Verdict, VerifyError, verify_text};
pub use views::{Answer, Client, Stores, TrustPath, View, Views, views};

/// What a visit is judged against.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Expectation {
    /// The name or address the leaf must carry; `None` matches nothing and asks nothing (a chain from a file).
    pub host: Option<Host>,
    /// All else; shared by endpoints with the same.
    pub rules: Arc<Rules>,
}

/// What an endpoint's owner, or `defaults`, has chosen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rules {
    /// When expiry becomes a warning, and when critical.
    pub expiry: Expiry,
    /// Finding codes that the owner has accepted: shown, never alarming. Expiry cannot be accepted.
    pub accept: BTreeSet<String>,
    /// OpenSSL's security level: 2 as Debian ships it, or 1.
    pub security_level: u8,
}

impl Expectation {
    /// What is expected where nothing is chosen but the security level.
    pub fn at_level(host: Option<Host>, security_level: u8) -> Self {
        Expectation { host, rules: Rules { security_level, ..Rules::default() }.into() }
    }
}

impl Default for Expectation {
    /// No name is asked for, and nothing is chosen.
    fn default() -> Self {
        Expectation { host: None, rules: Arc::default() }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Rules { expiry: Expiry::default(), accept: BTreeSet::new(), security_level: 2 }
    }
}

/// The judgement of one observation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// What `openssl s_client` would say; `None` when no certificate was seen.
    pub verdict: Option<Verdict>,
    /// The shape of what was presented.
    pub chain_status: ChainStatus,
    /// Everything found, the worst first; none masks another.
    pub findings: Vec<Found>,
    /// The chain the server should serve, proven to verify; only where it serves another.
    pub repair: Option<Box<Repair>>,
    /// Of the issuers, those that took part: with them the same observation can be judged again, and nothing need be fetched.
    pub borrowed: Issuers,
}

/// An observation and what it means. What travels between visit, brain, store, page and mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What was seen.
    pub observation: Observation,
    /// What it means.
    pub diagnosis: Arc<Diagnosis>,
}

impl Diagnosis {
    /// The headline: the worst finding that is not accepted; `Unknown` when no certificate was seen.
    pub fn status(&self) -> Status {
        if self.chain_status == ChainStatus::None {
            return Status::Unknown;
        }
        self.findings.iter().map(Found::status).max().unwrap_or(Status::Ok)
    }

    /// The same, once for all that say no more than that all is well: most do.
    pub fn shared(self) -> Arc<Self> {
        static SOUND: [OnceLock<Arc<Diagnosis>>; 6] = [const { OnceLock::new() }; 6];
        let path_length = self.verdict.as_ref().map_or(0, |verdict| verdict.path_length);
        let sound = || Diagnosis {
            verdict: Some(Verdict { errors: Vec::new(), path_length }),
            chain_status: ChainStatus::Complete,
            findings: Vec::new(),
            repair: None,
            borrowed: Issuers::default(),
        };
        let known = SOUND.get(path_length).map(|known| known.get_or_init(|| sound().into()));
        known.filter(|known| ***known == self).cloned().unwrap_or_else(|| self.into())
    }

    /// The finding of this code, where there is one.
    pub fn finding(&self, code: &str) -> Option<&Found> {
        self.findings.iter().find(|found| found.finding.code() == code)
    }
}

/// What fetching (or a file, or another endpoint) brought: candidates for a missing issuer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Issuers {
    /// Certificates that may fill the gap; nothing is believed of them that does not verify.
    pub certificates: Vec<Arc<Certificate>>,
    /// What was tried, for the sentence that says why no issuer could be had: `no AIA address`, `http://... answered 404`.
    pub tried: String,
}

/// Judges one observation as of `now`. Pure and total: the same answer for the same arguments, whatever the octets.
pub fn diagnose(
    observation: &Observation,
    expectation: &Expectation,
    trust: &Trust,
    issuers: &Issuers,
    now: Timestamp,
) -> Diagnosis {
    match &observation.outcome {
        Outcome::Handshake(handshake) => {
            let mut diagnosis = judge::handshake(handshake, expectation, trust, issuers, now);
            if let Some(repair) = &mut diagnosis.repair {
                repair.server = introduced(&observation.said);
            }
            diagnosis
        }
        Outcome::Failure(failure) => Diagnosis {
            verdict: None,
            chain_status: ChainStatus::None,
            findings: judge::ranked(vec![Finding::of_failure(failure)], expectation),
            repair: None,
            borrowed: Issuers::default(),
        },
    }
}

/// The path from the leaf to an anchor of the store, as OpenSSL builds it of what was presented; whether it verifies is the verdict's
/// to say. `None` when it ends at no anchor, or when a certificate cannot be read.
pub fn path(chain: &Chain, trust: &Trust, now: Timestamp) -> Option<Vec<Arc<Certificate>>> {
    let presented: Vec<_> = chain.iter().cloned().collect();
    if presented.iter().any(|certificate| certificate.facts().is_none()) {
        return None;
    }
    let path = path::Path::build(&presented, trust, path::Store::Whole, now);
    path.anchored.then_some(path.certificates)
}

/// The certificate whose issuer is neither presented nor trusted: where a fetch for an issuer has to start. `None` when there
/// is no gap, or when a certificate cannot be read.
pub fn gap(chain: &Chain, trust: &Trust, issuers: &Issuers, now: Timestamp) -> Option<Arc<Certificate>> {
    let presented: Vec<_> = chain.iter().cloned().collect();
    if presented.iter().any(|certificate| certificate.facts().is_none()) {
        return None;
    }
    let completed = chain::complete(&presented, trust, issuers, now);
    let open = !completed.anchored && !path::facts(completed.top()).is_self_signed();
    open.then(|| Arc::clone(completed.top()))
}
