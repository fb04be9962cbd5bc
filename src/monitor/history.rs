//! What an address has shown, change by change.

use core::net::IpAddr;

use crate::{
    certificate::Fingerprint,
    clock::Timestamp,
    diagnosis::{Judged, Status},
};

/// From this moment on an address of an endpoint has shown something else than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chapter {
    /// `None`: the name did not resolve.
    pub address: Option<IpAddr>,
    /// Since when, to the second.
    pub since: Timestamp,
    /// The headline.
    pub status: Status,
    /// The codes of all findings, each once, sorted.
    pub findings: Vec<String>,
    /// The leaf's fingerprint, and when it ends; `None` where no certificate was seen, or it cannot be read.
    pub leaf: Option<(Fingerprint, Option<Timestamp>)>,
}

impl Chapter {
    /// What this visit saw.
    pub fn of(judged: &Judged) -> Self {
        let (observation, diagnosis) = (&judged.observation, &judged.diagnosis);
        let mut findings: Vec<_> = diagnosis.findings.iter().map(|found| found.finding.code().to_owned()).collect();
        findings.sort_unstable();
        findings.dedup();
        let leaf = observation.chain().map(|chain| &chain.leaf);
        Chapter {
            address: observation.address,
            since: Timestamp::from_second(observation.at.as_second()).unwrap_or(observation.at),
            status: diagnosis.status(),
            findings,
            leaf: leaf.map(|leaf| (leaf.fingerprint, leaf.facts().map(|facts| facts.not_after))),
        }
    }

    /// Whether nothing has changed since `before`, but for the time.
    pub fn continues(&self, before: &Chapter) -> bool {
        let leaf = |chapter: &Chapter| chapter.leaf.map(|(fingerprint, _)| fingerprint);
        self.address == before.address
            && self.status == before.status
            && self.findings == before.findings
            && leaf(self) == leaf(before)
    }
}
