//! The ends of the certificates above the leaf: a path is good for as long as every one of them is.

use std::sync::Arc;

use super::{
    Expectation, Finding, Issuers, Trust,
    chain::{self, Shape},
    path::{Path, facts},
};
use crate::{certificate::Certificate, clock::Timestamp};

/// CA certificates of the path that end soon, and the first that ends before the leaf; but not where another path takes over when
/// it does. What is outside its validity already is a finding of its own.
pub(super) fn of(
    shape: &Shape,
    presented: &[Arc<Certificate>],
    expectation: &Expectation,
    trust: &Trust,
    issuers: &Issuers,
    now: Timestamp,
) -> Vec<Finding> {
    let leaf_ends = facts(&shape.path.certificates[0]).not_after;
    let above = &shape.path.certificates[1..];
    let mut ending: Vec<_> = above
        .iter()
        .filter(|certificate| !shape.outside_validity.contains(certificate))
        // A root that the store lacks proves nothing, whenever it ends.
        .filter(|certificate| shape.path.anchored || !facts(certificate).is_self_signed())
        .map(|certificate| (certificate, expectation.rules.expiry.reached(facts(certificate), now)))
        .filter(|(certificate, soon)| soon.is_some() || facts(certificate).not_after < leaf_ends)
        .collect();
    ending.sort_by_key(|(certificate, _)| facts(certificate).not_after);
    let mut findings = Vec::new();
    let mut outlived = false;
    for (certificate, soon) in ending.into_iter().take(MOST) {
        let (subject, not_after) = (super::judge::name(certificate), facts(certificate).not_after);
        if is_replaced(&chain::complete(presented, trust, issuers, not_after), not_after) {
            continue;
        }
        let is_anchor = shape.path.anchored && certificate.fingerprint == shape.path.top().fingerprint;
        if let Some(severity) = soon {
            let (subject, fingerprint) = (subject.clone(), certificate.fingerprint);
            findings.push(Finding::IntermediateExpiresSoon { subject, fingerprint, not_after, now, severity, is_anchor });
        }
        if not_after < leaf_ends && leaf_ends > now && !outlived {
            outlived = true;
            let fingerprint = certificate.fingerprint;
            findings.push(Finding::OutlivesIssuer { subject, fingerprint, not_after, leaf_ends, is_anchor });
        }
    }
    findings
}

/// At this moment, there is a path whose CA certificates are all valid.
fn is_replaced(path: &Path, at: Timestamp) -> bool {
    path.anchored && path.certificates[1..].iter().all(|c| facts(c).not_before <= at && facts(c).not_after > at)
}

/// So many ends are looked at, the nearest first: each asks for a path.
const MOST: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnosis::{Severity, signatures::Signatures},
        lab::pki::{Issued, Pki, Recipe},
    };

    fn now() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().expect("a timestamp")
    }

    /// What is said of these, leaf first, under these roots.
    fn said(presented: &[&Issued], roots: &[&Issued]) -> Vec<Finding> {
        let read = |issued: &&Issued| Certificate::from_der(&issued.der());
        let presented: Vec<_> = presented.iter().map(read).collect();
        let (trust, issuers) = (Trust::new(roots.iter().map(read)), Issuers::default());
        let shape = Shape::of(&presented, &trust, &issuers, &Signatures::default(), now());
        of(&shape, &presented, &Expectation::default(), &trust, &issuers, now())
    }

    fn codes(findings: &[Finding]) -> Vec<(&'static str, Severity)> {
        findings.iter().map(|finding| (finding.code(), finding.severity())).collect()
    }

    #[test]
    fn an_intermediate_that_ends_is_told_by_the_leafs_thresholds() {
        let pki = Pki::new(now()).expect("P-256");
        for (left, expected) in [
            (70, &[][..]),
            (40, &[("outlives_issuer", Severity::Info)][..]),
            (20, &[("intermediate_expires_soon", Severity::Warning), ("outlives_issuer", Severity::Info)]),
            (6, &[("intermediate_expires_soon", Severity::Critical), ("outlives_issuer", Severity::Info)]),
            // Expired already: another finding's.
            (-1, &[]),
        ] {
            let intermediate = Recipe::ca(now(), "Ending CA").days(-1000, left).signed_by(&pki.root).expect("sound");
            let leaf = pki.leaf(["a.example"]).signed_by(&intermediate).expect("sound");
            assert_eq!(codes(&said(&[&leaf, &intermediate], &[&pki.root])), expected, "{left}");
        }
    }

    #[test]
    fn a_root_that_ends_is_the_clients() {
        let root = Recipe::ca(now(), "Ending Root").days(-1000, 20).self_signed().expect("P-256");
        let leaf = Recipe::leaf(now(), ["a.example"]).signed_by(&root).expect("sound");
        let findings = said(&[&leaf], &[&root]);
        assert_eq!(findings.len(), 2);
        assert!(findings.iter().all(|finding| finding.fault() == crate::diagnosis::Fault::Client));
        assert_eq!(said(&[&leaf, &root], &[]), []);
    }

    #[test]
    fn no_alarm_where_another_path_takes_over() {
        let pki = Pki::new(now()).expect("P-256");
        let ending = Recipe::ca(now(), "Twice CA").days(-1000, 5).signed_by(&pki.root).expect("sound");
        let lasting = Recipe::ca(now(), "Twice CA").key_of(&ending).signed_by(&pki.root).expect("sound");
        let leaf = pki.leaf(["a.example"]).signed_by(&ending).expect("sound");
        assert_eq!(said(&[&leaf, &ending, &lasting], &[&pki.root]), []);
        assert_eq!(codes(&said(&[&leaf, &ending], &[&pki.root])).len(), 2);
    }
}
