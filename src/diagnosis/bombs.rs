//! Certificates that are made to cost time or memory. Work is counted, not timed; and where something is cut, that is told.

use std::sync::Arc;

use rcgen::CustomExtension;

use super::{
    Diagnosis, Expectation, Issuers, Judged, Stores, Trust, Views, diagnose,
    tally::{self, Tally},
    views,
};
use crate::{
    certificate::{Certificate, der},
    clock::Timestamp,
    endpoint::Host,
    hostile::tlv,
    lab::pki::{Issued, Pki, Recipe},
    observation::{Chain, Handshake, Observation, Outcome, Possession},
};

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().expect("a timestamp")
}

fn pki() -> Pki {
    Pki::new(now()).expect("P-256")
}

fn certificate(issued: &Issued) -> Arc<Certificate> {
    Certificate::from_der(&issued.der())
}

fn seen(chain: Vec<Arc<Certificate>>) -> Observation {
    let handshake = Handshake {
        chain: Chain::new(chain).expect("a leaf"),
        tls: Arc::default(),
        possession: Possession::Proven,
        wants_client_certificate: false,
        broken_off: None,
    };
    Observation::new(None, now(), Outcome::Handshake(handshake))
}

/// What is said of a chain whose leaf should be `a.example`, and what that took.
fn judge(chain: Vec<Arc<Certificate>>, trust: &Trust) -> (Diagnosis, Tally) {
    let observation = seen(chain);
    let expectation = Expectation { host: Some(Host::Name("a.example".into())), ..Expectation::default() };
    tally::of(|| diagnose(&observation, &expectation, trust, &Issuers::default(), now()))
}

/// What every client says of it, and what that took.
fn eyes(chain: Vec<Arc<Certificate>>, trust: &Trust) -> (Views, Tally) {
    let observation = seen(chain);
    let expectation = Expectation { host: Some(Host::Name("a.example".into())), ..Expectation::default() };
    let diagnosis = diagnose(&observation, &expectation, trust, &Issuers::default(), now());
    let judged = Judged { observation, diagnosis: diagnosis.into() };
    let (views, work) = tally::of(|| views(&judged, &expectation, trust, &Stores::default(), now()));
    (views.expect("a readable chain"), work)
}

fn codes(diagnosis: &Diagnosis) -> Vec<(u16, usize)> {
    diagnosis.verdict.iter().flat_map(|verdict| &verdict.errors).map(|error| (error.code, error.depth)).collect()
}

fn summary(diagnosis: &Diagnosis, code: &str) -> String {
    diagnosis.finding(code).unwrap_or_else(|| panic!("{code} is not in {:?}", diagnosis.findings)).finding.summary()
}

/// How many pairs are compared at most: a path has 102 certificates, a handful of paths are built, and each step asks all.
fn most_comparisons(certificates: usize) -> usize {
    10 * 102 * certificates
}

/// A certificate with a key and a signature of zeros.
fn raw(serial: &[u8], subject: &[u8], algorithm: &[u8], extensions: &[u8]) -> Vec<u8> {
    let ed25519 = tlv(der::SEQUENCE, &[der::OID, 3, 0x2b, 0x65, 0x70]);
    let key = tlv(der::SEQUENCE, &[&ed25519[..], &tlv(der::BIT_STRING, &[0; 33])].concat());
    let validity = tlv(der::SEQUENCE, &[tlv(0x17, b"260101000000Z"), tlv(0x17, b"270101000000Z")].concat());
    let name = tlv(der::SEQUENCE, subject);
    let list = tlv(der::constructed(3), &tlv(der::SEQUENCE, extensions));
    let version = [0xa0, 3, der::INTEGER, 1, 2];
    let fields = [&version[..], &tlv(der::INTEGER, serial), algorithm, &name, &validity, &name, &key, &list].concat();
    let signature = tlv(der::BIT_STRING, &[0; 65]);
    tlv(der::SEQUENCE, &[&tlv(der::SEQUENCE, &fields)[..], algorithm, &signature].concat())
}

fn extension(oid: &[u8], value: &[u8]) -> Vec<u8> {
    tlv(der::SEQUENCE, &[tlv(der::OID, oid), tlv(der::OCTET_STRING, value)].concat())
}

/// `a.example`'s certificate but for one part.
fn odd(serial: &[u8], subject: &[u8], algorithm: &[u8], extensions: &[u8]) -> Arc<Certificate> {
    let names = extension(&[0x55, 0x1d, 0x11], &tlv(der::SEQUENCE, &tlv(der::primitive(2), b"a.example")));
    Certificate::from_der(&raw(serial, subject, algorithm, &[&names[..], extensions].concat()))
}

const ED25519: [u8; 7] = [0x30, 5, 0x06, 3, 0x2b, 0x65, 0x70];

#[test]
fn a_path_of_a_hundred_certificates_is_followed_and_checked_once() {
    let root = Recipe::ca(now(), "CA 0").self_signed().expect("P-256");
    let mut cas = vec![root];
    for number in 1..99 {
        let ca = Recipe::ca(now(), &format!("CA {number}")).signed_by(&cas[number - 1]).expect("sound");
        cas.push(ca);
    }
    let leaf = Recipe::leaf(now(), ["a.example"]).signed_by(&cas[98]).expect("sound");
    let chain: Vec<_> = std::iter::once(&leaf).chain(cas[1..].iter().rev()).map(certificate).collect();
    let trust = Trust::new([certificate(&cas[0])]);
    let (diagnosis, work) = judge(chain, &trust);
    assert_eq!((codes(&diagnosis), diagnosis.findings.len()), (Vec::new(), 0), "{:?}", diagnosis.findings);
    assert_eq!(work.signatures, 99);
    assert!(work.issuers <= most_comparisons(100), "{work:?}");
}

#[test]
fn two_hundred_strangers_are_counted() {
    let pki = pki();
    let leaf = pki.leaf(["a.example"]).signed_by(&pki.intermediate).expect("sound");
    let mut chain = vec![certificate(&leaf), certificate(&pki.intermediate)];
    for number in 0..200 {
        chain.push(certificate(&Recipe::ca(now(), &format!("Stranger {number}")).self_signed().expect("P-256")));
    }
    let (diagnosis, work) = judge(chain, &Trust::new([certificate(&pki.root)]));
    assert_eq!(codes(&diagnosis), []);
    let said = summary(&diagnosis, "extra_certificates");
    assert!(said.contains("\"Stranger 9\", which belongs to no path and 190 more"), "{said}");
    assert_eq!(work.signatures, 2);
    assert!(work.issuers <= most_comparisons(202), "{work:?}");
}

/// As BetterTLS has it: every certificate of one name could have issued every one of the other, by one and the same key, so that
/// there are more paths than can be walked. None of them leads anywhere.
#[test]
fn of_countless_paths_one_is_followed() {
    let one = Recipe::ca(now(), "One").self_signed().expect("P-256");
    let two = Recipe::ca(now(), "Two").key_of(&one).self_signed().expect("P-256");
    let cross = |number: usize| {
        let (name, issuer) = if number.is_multiple_of(2) { ("One", &two) } else { ("Two", &one) };
        certificate(&Recipe::ca(now(), name).key_of(&one).signed_by(issuer).expect("sound"))
    };
    let leaf = certificate(&Recipe::leaf(now(), ["a.example"]).signed_by(&one).expect("sound"));
    let presented: Vec<_> = std::iter::once(leaf).chain((0..200).map(cross)).collect();

    let (diagnosis, work) = judge(presented.clone(), &Trust::default());
    assert_eq!(codes(&diagnosis), [(22, 101), (20, 101)]);
    assert_eq!(
        summary(&diagnosis, "verification_refused"),
        "OpenSSL refuses the certificate at depth 101: certificate chain too long"
    );
    assert!(work.signatures <= 101 && work.issuers <= most_comparisons(201), "{work:?}");

    // And through the eyes of every client, who may try more than one.
    let (views, work) = eyes(presented.clone(), &Trust::default());
    assert!(views.clients.iter().all(|view| view.answer.name() != "accepts") && views.paths.is_empty(), "{views:?}");
    assert!(work.signatures <= 1000 + 3 * 101, "{work:?}");

    // The same from a bundle of intermediates.
    let (diagnosis, work) = judge(presented[..1].to_vec(), &Trust::new(presented[1..].iter().cloned()));
    assert_eq!(codes(&diagnosis), [(22, 101), (2, 101)]);
    assert!(work.signatures <= 101 && work.issuers <= most_comparisons(201), "{work:?}");
}

#[test]
fn ten_thousand_names_are_looked_through_and_counted() {
    let pki = pki();
    let names: Vec<String> = (0..10_000).map(|number| format!("n{number}.example")).collect();
    let leaf = pki.leaf(names.iter().map(String::as_str)).signed_by(&pki.intermediate).expect("sound");
    let trust = Trust::new([certificate(&pki.root)]);
    let (diagnosis, work) = judge(vec![certificate(&leaf), certificate(&pki.intermediate)], &trust);
    assert_eq!(codes(&diagnosis), [(62, 0)]);
    let said = summary(&diagnosis, "hostname_mismatch");
    assert!(said.ends_with("n9.example and 9990 more, not for a.example"), "{said}");
    assert_eq!((work.signatures, work.names), (2, 0));
}

/// Excluded names that no name of the leaf lies below.
fn constrained(pki: &Pki, subtrees: usize) -> Issued {
    let dns = |number| tlv(der::SEQUENCE, &tlv(der::primitive(2), format!("x{number}.test").as_bytes()));
    let excluded = tlv(der::constructed(1), &(0..subtrees).flat_map(dns).collect::<Vec<_>>());
    let constraints = CustomExtension::from_oid_content(&[2, 5, 29, 30], tlv(der::SEQUENCE, &excluded));
    Recipe::ca(now(), "Constrained CA").extension(constraints).signed_by(&pki.root).expect("sound")
}

#[test]
fn too_many_constraints_for_too_many_names_are_refused_uncompared() {
    let pki = pki();
    let trust = Trust::new([certificate(&pki.root)]);
    let mut names = vec!["a.example".to_owned()];
    names.extend((1..1000).map(|number| format!("n{number}.example")));
    let judged = |subtrees| {
        let ca = constrained(&pki, subtrees);
        let leaf = pki.leaf(names.iter().map(String::as_str)).signed_by(&ca).expect("sound");
        judge(vec![certificate(&leaf), certificate(&ca)], &trust)
    };
    let (diagnosis, work) = judged(10);
    assert_eq!(codes(&diagnosis), []);
    assert!(work.names > 0);
    let (diagnosis, work) = judged(2000);
    assert_eq!((codes(&diagnosis), work.names), (vec![(1, 0)], 0));
    assert_eq!(
        summary(&diagnosis, "verification_refused"),
        "OpenSSL refuses the certificate at depth 0: unspecified certificate verification error"
    );
}

#[test]
fn certificates_of_64_kib_are_read_whole() {
    let filler = |length| extension(&[0x2a, 3], &vec![0; length]);
    // No element within another is ever entered but where it must be.
    let nested = (0..16_000).fold(Vec::new(), |inner: Vec<u8>, _| {
        let head = u16::try_from(inner.len()).expect("below 64 KiB").to_be_bytes();
        if inner.len() < 60_000 { [&[0x30, 0x82, head[0], head[1]][..], &inner].concat() } else { inner }
    });
    let long_oid = [&vec![0xff; 60_000][..], &[1]].concat();
    let many_arcs = vec![1; 60_000];
    let many_extensions: Vec<u8> =
        (0..50).flat_map(|high| (0..80).flat_map(move |low| extension(&[0x2a, 0x80 | (high + 1), low], &[]))).collect();
    let attribute = tlv(der::SEQUENCE, &[&tlv(der::OID, &[0x55, 4, 3])[..], &tlv(0x0c, b"a.example")].concat());
    let many_names = tlv(der::SET, &attribute).repeat(1500);
    let deep_parameters = tlv(der::SEQUENCE, &[&[der::OID, 3, 0x2b, 0x65, 0x70][..], &nested].concat());
    for (what, certificate) in [
        ("a filler", odd(&[1], &[], &ED25519, &filler(64_000))),
        ("a serial", odd(&vec![1; 60_000], &[], &ED25519, &[])),
        ("a long arc", odd(&[1], &[], &ED25519, &extension(&long_oid, &[]))),
        ("many arcs", odd(&[1], &[], &ED25519, &extension(&many_arcs, &[]))),
        ("many extensions", odd(&[1], &[], &ED25519, &many_extensions)),
        ("the same one often", odd(&[1], &[], &ED25519, &filler(1).repeat(2500))),
        ("names", odd(&[1], &many_names, &ED25519, &[])),
        ("one name of many parts", odd(&[1], &tlv(der::SET, &attribute.repeat(1500)), &ED25519, &[])),
        ("nested constraints", odd(&[1], &[], &ED25519, &extension(&[0x55, 0x1d, 0x1e], &nested))),
        ("nested nonsense", odd(&[1], &[], &ED25519, &extension(&[0x2a, 3], &nested))),
        ("nested parameters", odd(&[1], &[], &deep_parameters, &[])),
    ] {
        assert!(certificate.der().len() > 40_000, "{what}: {}", certificate.der().len());
        let facts = certificate.facts.as_ref().unwrap_or_else(|reason| panic!("{what}: {reason}"));
        assert_eq!(facts.sans().count(), 1, "{what}");
        let (diagnosis, work) = judge(vec![Arc::clone(&certificate)], &Trust::new([Arc::clone(&certificate)]));
        assert!(work.signatures <= 1 && work.issuers <= 20, "{what}: {work:?}");
        for found in &diagnosis.findings {
            assert!(found.finding.summary().chars().count() <= 3000, "{what}: {}", found.finding.code());
        }
    }
    let (diagnosis, _) = judge(vec![Certificate::from_der(&nested)], &Trust::default());
    assert_eq!(
        summary(&diagnosis, "unreadable_certificate"),
        "the server's own certificate cannot be read: its signature algorithm cannot be decoded"
    );
}

#[test]
fn tens_of_thousands_of_nothings_are_one_finding() {
    let (diagnosis, work) = judge(vec![Certificate::from_der(&[]); 20_000], &Trust::default());
    assert_eq!(summary(&diagnosis, "unreadable_certificate"), "the server's own certificate cannot be read: is no DER sequence");
    assert_eq!(work, Tally::default());
}
