//! Every cause comes out of the whole judge, and none masks another.

use rcgen::{CustomExtension, ExtendedKeyUsagePurpose::ClientAuth};

use super::{Expectation, Issuers, Severity, Trust, diagnose};
use crate::{
    certificate::Certificate,
    clock::Timestamp,
    endpoint::Host,
    lab::pki::{Issued, KeyType, Pki, Recipe},
    observation::{Chain, Handshake, Observation, Outcome, Possession, Tls},
};

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().expect("a timestamp")
}

/// The codes that are found of a chain for `a.example`, with their severities.
fn found(presented: &[&Issued], roots: &[&Issued], stapled: Option<bool>) -> Vec<(&'static str, Severity)> {
    let read = |issued: &&Issued| Certificate::from_der(&issued.der());
    let handshake = Handshake {
        chain: Chain::new(presented.iter().map(read).collect()).expect("a leaf"),
        tls: Tls { stapled, ..Tls::default() }.into(),
        possession: Possession::Proven,
        wants_client_certificate: false,
        broken_off: None,
    };
    let observation = Observation::new(None, now(), Outcome::Handshake(handshake));
    let expectation = Expectation { host: Some(Host::Name("a.example".into())), ..Expectation::default() };
    let diagnosis = diagnose(&observation, &expectation, &Trust::new(roots.iter().map(read)), &Issuers::default(), now());
    diagnosis.findings.iter().map(|found| (found.finding.code(), found.severity())).collect()
}

#[test]
fn each_cause_is_found_beside_the_others() {
    let pki = Pki::new(now()).expect("P-256");
    let said = |recipe: Recipe, stapled| {
        let leaf = recipe.signed_by(&pki.intermediate).expect("sound");
        found(&[&leaf, &pki.intermediate], &[&pki.root], stapled)
    };
    let leaf = || pki.leaf(["a.example"]);
    let staple = || CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 24], vec![0x30, 3, 2, 1, 5]);
    let (critical, warning, info) = (Severity::Critical, Severity::Warning, Severity::Info);
    assert_eq!(said(leaf(), None), []);
    assert_eq!(said(leaf().no_san(), None), [("missing_san", warning)]);
    assert_eq!(said(leaf().extended_key_usages([ClientAuth]), None), [("missing_server_auth", critical)]);
    assert_eq!(said(leaf().path_length(0), None), [("ca_as_leaf", warning)]);
    assert_eq!(said(leaf().no_san().path_length(0), None), [("ca_as_leaf", warning)]);
    assert_eq!(said(leaf().key(KeyType::Ed25519), None), [("unusual_key", info)]);
    assert_eq!(said(pki.leaf(["a.example", "*.co.uk"]), None), [("broad_wildcard", info)]);
    assert_eq!(said(leaf().extension(staple()), None), [("must_staple", info)]);
    assert_eq!(said(leaf().extension(staple()), Some(true)), [("must_staple", info)]);
    assert_eq!(said(leaf().extension(staple()), Some(false)), [("must_staple", warning)]);
    assert_eq!(said(leaf().common_name("TRAEFIK DEFAULT CERT"), None), [("default_certificate", warning)]);
    assert_eq!(said(leaf().days(-30, 2000), None), [("outlives_issuer", info)]);
    let worst =
        leaf().no_san().common_name("TRAEFIK DEFAULT CERT").days(-300, -1).extended_key_usages([ClientAuth]).path_length(0);
    assert_eq!(
        said(worst.extension(staple()), Some(false)),
        [
            ("expired", critical),
            ("hostname_mismatch", critical),
            ("missing_server_auth", critical),
            ("must_staple", warning),
            ("ca_as_leaf", warning),
            ("default_certificate", warning),
        ]
    );
}

#[test]
fn a_self_signed_ca_as_openssl_makes_it_is_no_alarm_of_its_own() {
    let lone = Recipe::leaf(now(), ["a.example"]).path_length(0).self_signed().expect("P-256");
    assert_eq!(found(&[&lone], &[], None), [("self_signed", Severity::Critical), ("ca_as_leaf", Severity::Info)]);
    assert_eq!(found(&[&lone], &[&lone], None), [("ca_as_leaf", Severity::Info)]);
}
