//! What is known of a certificate ages while its server cannot be seen: time alone makes it expire.

use std::sync::Arc;

use super::Watch;
use crate::{
    certificate::Facts,
    clock::Timestamp,
    diagnosis::{Judged, diagnose},
    observation::Chain,
};

/// The certificates that a visit saw, and those that were fetched for it, as far as they can be read.
pub(super) fn certificates(known: &Judged) -> impl Iterator<Item = &Facts> {
    let presented = known.observation.chain().into_iter().flat_map(Chain::iter);
    presented.chain(&known.diagnosis.borrowed.certificates).filter_map(|certificate| certificate.facts())
}

/// What is known becomes what it is judged to be as of `now`.
pub(super) fn age(known: &mut Arc<Judged>, watch: &Watch, then: Timestamp, now: Timestamp) {
    if let Some(aged) = aged(known, watch, then, now) {
        *known = aged;
    }
}

/// The same observation judged as of `now`; `None` when no moment lies between `then`, as of when it was judged last, and `now`
/// at which one of the certificates, presented or borrowed, begins, ends, or reaches a threshold.
fn aged(known: &Judged, watch: &Watch, then: Timestamp, now: Timestamp) -> Option<Arc<Judged>> {
    let expiry = &watch.expectation.rules.expiry;
    let mut moments =
        certificates(known).flat_map(|of| [of.not_before, of.not_after, expiry.warning.begins(of), expiry.critical.begins(of)]);
    // A wall clock that is set back takes what it brought back again.
    if !moments.any(|moment| (moment <= then) != (moment <= now)) {
        return None;
    }
    let diagnosis = diagnose(&known.observation, &watch.expectation, &watch.trust, &known.diagnosis.borrowed, now);
    Some(Arc::new(Judged { observation: known.observation.clone(), diagnosis: diagnosis.shared() }))
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

    use super::*;
    use crate::{
        certificate::Certificate,
        clock::{earlier, later},
        diagnosis::{ChainStatus, Expectation, Issuers},
        endpoint::Endpoint,
        observation::{Chain, Handshake, Observation, Outcome, Possession},
    };

    const DAY: Duration = Duration::from_hours(24);

    fn watch() -> Watch {
        Watch {
            endpoint: Endpoint::new("192.0.2.1".parse().expect("a target")),
            expectation: Expectation::default(),
            trust: Arc::default(),
            stores: Arc::default(),
            policy: Arc::default(),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    /// A lone leaf that ends with November 2026, and the CA that issued it.
    fn leaf_and_ca() -> (Chain, Arc<Certificate>) {
        let key = || KeyPair::generate().expect("a key");
        let mut ca = CertificateParams::default();
        ca.distinguished_name.push(DnType::CommonName, "CA");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        (ca.not_before, ca.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2030, 1, 1));
        let ca_key = key();
        let ca_certificate = Certificate::from_der(ca.self_signed(&ca_key).expect("a CA").der());
        let mut leaf = CertificateParams::new(["a.org".to_owned()]).expect("a name");
        leaf.use_authority_key_identifier_extension = true;
        (leaf.not_before, leaf.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2026, 12, 1));
        let leaf = leaf.signed_by(&key(), &Issuer::new(ca, ca_key)).expect("a leaf");
        (Chain::new(vec![Certificate::from_der(leaf.der())]).expect("one"), ca_certificate)
    }

    fn seen(chain: Chain, issuers: &Issuers, now: Timestamp) -> Judged {
        let handshake = Handshake {
            chain,
            tls: Arc::default(),
            possession: Possession::Proven,
            wants_client_certificate: false,
            broken_off: None,
        };
        let address = Some("192.0.2.1".parse().expect("an address"));
        let observation = Observation::new(address, now, Outcome::Handshake(handshake));
        let diagnosis = diagnose(&observation, &watch().expectation, &watch().trust, issuers, now);
        Judged { observation, diagnosis: diagnosis.into() }
    }

    fn codes(judged: &Judged) -> Vec<&'static str> {
        judged.diagnosis.findings.iter().map(|found| found.finding.code()).collect()
    }

    #[test]
    fn it_is_judged_anew_when_a_moment_passes_in_either_direction() {
        let (chain, ca) = leaf_and_ca();
        let (then, end) = (at("2026-11-28T00:00:00Z"), at("2026-12-01T00:00:00Z"));
        let known = seen(chain, &Issuers { certificates: vec![ca], tried: String::new() }, then);
        assert_eq!(aged(&known, &watch(), then, earlier(end, DAY)), None, "nothing lies between");
        let ended = aged(&known, &watch(), earlier(end, DAY), end).expect("it has ended");
        assert_eq!(codes(&ended), ["expired", "unknown_ca"]);
        assert_eq!(ended.observation, known.observation);
        assert_eq!(aged(&ended, &watch(), end, later(end, 100 * DAY)), None);
        let again = aged(&ended, &watch(), later(end, DAY), then).expect("the clock was wrong");
        assert_eq!(codes(&again), ["expires_soon", "unknown_ca"]);
    }

    #[test]
    fn a_ca_certificate_that_nears_its_end_is_a_moment_too() {
        let (chain, ca) = leaf_and_ca();
        let then = at("2029-12-01T00:00:00Z");
        let known = seen(chain, &Issuers { certificates: vec![ca], tried: String::new() }, then);
        assert_eq!(aged(&known, &watch(), then, at("2029-12-10T00:00:00Z")), None);
        let nearer = aged(&known, &watch(), then, at("2029-12-12T00:00:00Z")).expect("21 days are left");
        assert!(codes(&nearer).contains(&"expired"), "{:?}", codes(&nearer));
    }

    #[test]
    fn what_had_been_fetched_stays_proven_and_what_could_not_be_had_keeps_its_reason() {
        let (chain, ca) = leaf_and_ca();
        let (then, end) = (at("2026-11-28T00:00:00Z"), at("2026-12-01T00:00:00Z"));
        let proven = seen(chain.clone(), &Issuers { certificates: vec![ca], tried: String::new() }, then);
        let ended = aged(&proven, &watch(), then, end).expect("it has ended");
        assert_eq!(ended.diagnosis.chain_status, ChainStatus::UnknownCa);
        let unclear = seen(chain, &Issuers { certificates: Vec::new(), tried: "no AIA address".into() }, then);
        let ended = aged(&unclear, &watch(), then, end).expect("it has ended");
        let issuer = ended.diagnosis.finding("issuer_unknown").expect("still unknown");
        assert_eq!(issuer, unclear.diagnosis.finding("issuer_unknown").expect("it was unknown"));
        assert_eq!(ended.diagnosis.verdict.as_ref().map(|verdict| verdict.errors.iter().any(|e| e.code == 10)), Some(true));
    }
}
