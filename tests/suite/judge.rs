//! The judge beside the real `openssl s_client`: chains made here, served on loopback, every error compared with its depth.

use std::{fmt::Write as _, sync::Arc};

use certvigil::{
    certificate::Certificate,
    diagnosis::{Expectation, Issuers, Trust, diagnose},
    endpoint::Host,
    lab::{
        pki::{Issued, KeyType, Pki, Recipe},
        serve::{Farm, Page},
    },
    observation::{Chain, Handshake, Observation, Outcome, Possession},
};
use jiff::Timestamp;
use rcgen::{CustomExtension, ExtendedKeyUsagePurpose::ClientAuth, KeyUsagePurpose};
use rustls::pki_types::CertificateDer;
use tokio::task::JoinSet;

use crate::support::{openssl, scratch::Scratch};

/// One server, one client's store, one question.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) leaf: Issued,
    /// What it presents, the leaf where it stands.
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) roots: Vec<CertificateDer<'static>>,
    pub(super) host: &'static str,
}

fn case<'a>(
    name: &'static str,
    leaf: Issued,
    rest: impl IntoIterator<Item = &'a Issued>,
    roots: impl IntoIterator<Item = &'a Issued>,
    host: &'static str,
) -> Case {
    let mut chain = vec![leaf.der()];
    chain.extend(rest.into_iter().map(Issued::der));
    Case { name, leaf, chain, roots: roots.into_iter().map(Issued::der).collect(), host }
}

/// A line a case: every error that both openssl and the judge find. They must be the same.
pub(super) async fn both(cases: Vec<Case>, now: Timestamp) -> String {
    let scratch = Scratch::new();
    let mut farm = Farm::new();
    let mut asked = JoinSet::new();
    for (place, case) in cases.into_iter().enumerate() {
        let address = farm.tls(case.chain.clone(), case.leaf.key_der(), Page::text("")).await.expect("loopback has free ports");
        let certificates = |ders: &[CertificateDer<'_>]| ders.iter().map(|der| Certificate::from_der(der)).collect::<Vec<_>>();
        let roots = certificates(&case.roots);
        let pem: String = roots.iter().map(|root| root.to_pem()).collect();
        let file = scratch.file(&format!("{place}.pem"), pem);
        let ours = judged(certificates(&case.chain), roots, case.host, now);
        asked.spawn_blocking(move || {
            let option = if case.host.parse::<std::net::IpAddr>().is_ok() { "-verify_ip" } else { "-verify_hostname" };
            let said = openssl::s_client_with(&address.to_string(), &file, &[option, case.host]);
            assert_eq!(said.presented().len(), case.chain.len(), "{}: {}", case.name, said.text);
            assert_eq!(ours, said.errors(), "{}: ours, and openssl's", case.name);
            assert_eq!(ours.last().map_or(0, |error| error.0), said.verify_code().expect("presented"), "{}", case.name);
            (place, case.name, ours)
        });
    }
    let mut answers = asked.join_all().await;
    answers.sort();
    answers.iter().fold(String::new(), |mut out, (_, name, errors)| {
        let errors: Vec<String> = errors.iter().map(|(code, depth)| format!("{code}@{depth}")).collect();
        writeln!(out, "{name}: {}", if errors.is_empty() { "ok".into() } else { errors.join(" ") }).expect("a string");
        out
    })
}

pub(super) fn judged(
    chain: Vec<Arc<Certificate>>,
    roots: Vec<Arc<Certificate>>,
    host: &str,
    now: Timestamp,
) -> Vec<(u16, usize)> {
    let chain = Chain::new(chain).expect("a leaf");
    let handshake = Handshake {
        chain,
        tls: Arc::default(),
        possession: Possession::Unchecked("".into()),
        wants_client_certificate: false,
        broken_off: None,
    };
    let observation = Observation::new(None, now, Outcome::Handshake(handshake));
    // As it is written: a host parsed from text has no trailing dot, but the judge may be asked.
    let host = host.parse().map_or_else(|_| Host::Name(host.into()), Host::Ip);
    let expectation = Expectation { host: Some(host), ..Expectation::default() };
    let diagnosis = diagnose(&observation, &expectation, &Trust::new(roots), &Issuers::default(), now);
    let errors = diagnosis.verdict.expect("readable").errors;
    errors.iter().map(|error| (error.code, error.depth)).collect()
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    assert!(content.len() < 0x80);
    [&[tag, u8::try_from(content.len()).expect("short")][..], content].concat()
}

/// Permitted and excluded subtrees, each a `GeneralName` (tag and content).
fn name_constraints(permitted: &[(u8, &[u8])], excluded: &[(u8, &[u8])]) -> CustomExtension {
    let subtrees = |tag, names: &[(u8, &[u8])]| match names {
        [] => Vec::new(),
        names => tlv(tag, &names.iter().flat_map(|(kind, name)| tlv(0x30, &tlv(*kind, name))).collect::<Vec<_>>()),
    };
    let value = tlv(0x30, &[subtrees(0xa0, permitted), subtrees(0xa1, excluded)].concat());
    let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, 30], value);
    extension.set_criticality(true);
    extension
}

fn subject_alternative_name(names: &[(u8, &[u8])]) -> CustomExtension {
    let names: Vec<u8> = names.iter().flat_map(|(kind, name)| tlv(*kind, name)).collect();
    CustomExtension::from_oid_content(&[2, 5, 29, 17], tlv(0x30, &names))
}

const EMAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const DIRECTORY: u8 = 0xa4;
const URI: u8 = 0x86;
const IP: u8 = 0x87;

#[tokio::test]
async fn chains_are_built_and_checked_as_by_openssl() {
    let now = Timestamp::now();
    let pki = Pki::new(now).expect("P-256");
    let other = Pki::named(now, "Other").expect("P-256");
    let (root, inter) = (&pki.root, &pki.intermediate);
    let leaf = || pki.leaf(["a.test"]);
    let sign = |recipe: Recipe, issuer: &Issued| recipe.signed_by(issuer).expect("sound");
    let ca = |name: &str| Recipe::ca(now, name);
    let upper = sign(ca("Upper"), root);
    let lower = sign(ca("Lower"), &upper);
    let namesake = sign(ca("Lab Issuing CA"), root);
    let cross = sign(ca("Lab Root CA").key_of(root), &other.root);
    let expired = sign(ca("Expired").days(-90, -1), root);
    let short = sign(ca("Short").path_length(0), root);
    let below_short = sign(ca("Below short"), &short);
    let no_ca = sign(ca("No CA").no_ca(), root);
    let no_sign = sign(ca("No certSign").key_usages([KeyUsagePurpose::CrlSign]), root);
    let for_clients = sign(ca("For clients").extended_key_usages([ClientAuth]), root);
    let lone = leaf().self_signed().expect("sound");
    let mut unknown = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
    unknown.set_criticality(true);
    let broken = CustomExtension::from_oid_content(&[2, 5, 29, 31], vec![0x30, 1]);
    // RFC 3820: a limit, where there is one, and the policy to inherit all.
    let proxy = |name: &str, limit: &[u8], issuer: &Issued| {
        let policy = tlv(0x30, &tlv(0x06, &[43, 6, 1, 5, 5, 7, 21, 1]));
        let information = tlv(0x30, &[limit, &policy].concat());
        let information = CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 14], information);
        sign(pki.leaf(["x"]).no_san().common_name(name).extension(information), issuer)
    };
    let user = sign(leaf(), inter);
    let last_proxy = proxy("Proxy", &[2, 1, 0], &user);
    let mut flipped = case("bad signature", sign(leaf(), inter), [inter], [root], "a.test");
    let mut der = flipped.chain[0].to_vec();
    *der.last_mut().expect("not empty") ^= 1;
    flipped.chain[0] = der.into();
    let mut reversed = case("intermediate first", sign(leaf(), inter), [inter], [root], "a.test");
    reversed.chain.reverse();
    // The server needs a key; the one of the certificate that stands first.
    reversed.leaf = sign(ca("Lab Issuing CA").key_of(inter), root);
    let cases = vec![
        case("healthy", sign(leaf(), inter), [inter], [root], "a.test"),
        case("intermediate left out", sign(leaf(), inter), [], [root], "a.test"),
        case("upper one left out", sign(leaf(), &lower), [&lower], [root], "a.test"),
        case("shuffled", sign(leaf(), &lower), [root, &upper, &lower], [root], "a.test"),
        case("twice", sign(leaf(), inter), [inter, inter], [root], "a.test"),
        case("stranger", sign(leaf(), inter), [&other.intermediate, inter], [root], "a.test"),
        reversed,
        case("cross-signed, either root", sign(leaf(), inter), [inter, &cross], [root, &other.root], "a.test"),
        case("cross-signed, other root", sign(leaf(), inter), [inter, &cross], [&other.root], "a.test"),
        case("namesake with another key", sign(leaf(), inter), [&namesake], [root], "a.test"),
        case("unknown root, not presented", sign(leaf(), inter), [inter], [&other.root], "a.test"),
        case("unknown root, presented", sign(leaf(), inter), [inter, root], [&other.root], "a.test"),
        case("intermediate in the store", sign(leaf(), inter), [], [inter], "a.test"),
        case("self-signed", lone, [], [root], "a.test"),
        flipped,
        case("leaf expired", sign(leaf().days(-90, -1), inter), [inter], [root], "a.test"),
        case("leaf to come", sign(leaf().days(1, 90), inter), [inter], [root], "a.test"),
        case("expired at depth 1", sign(leaf(), &expired), [&expired], [root], "a.test"),
        case("expired and another name", sign(leaf().days(-90, -1), inter), [inter], [root], "b.test"),
        case("path length", sign(leaf(), &below_short), [&below_short, &short], [root], "a.test"),
        case("issuer is no CA", sign(leaf(), &no_ca), [&no_ca], [root], "a.test"),
        case("issuer may not sign", sign(leaf(), &no_sign), [&no_sign], [root], "a.test"),
        case("leaf for clients", sign(leaf().extended_key_usages([ClientAuth]), inter), [inter], [root], "a.test"),
        case("CA for clients", sign(leaf(), &for_clients), [&for_clients], [root], "a.test"),
        case("critical and unknown", sign(leaf().extension(unknown), inter), [inter], [root], "a.test"),
        case("broken extension", sign(leaf().extension(broken), inter), [inter], [root], "a.test"),
        case("proxy of a last proxy", proxy("a.test", &[], &last_proxy), [&last_proxy, &user, inter], [root], "a.test"),
        case("RSA", sign(leaf().key(KeyType::Rsa2048), inter), [inter], [root], "a.test"),
        case("P-384", sign(leaf().key(KeyType::P384), inter), [inter], [root], "a.test"),
    ];
    insta::assert_snapshot!(both(cases, now).await, @r"
    healthy: ok
    intermediate left out: 20@0 21@0
    upper one left out: 20@1
    shuffled: ok
    twice: ok
    stranger: ok
    intermediate first: 26@0 62@0
    cross-signed, either root: ok
    cross-signed, other root: ok
    namesake with another key: 20@0 21@0
    unknown root, not presented: 20@1
    unknown root, presented: 19@2
    intermediate in the store: 2@1
    self-signed: 18@0
    bad signature: 7@0
    leaf expired: 10@0
    leaf to come: 9@0
    expired at depth 1: 10@1
    expired and another name: 62@0 10@0
    path length: 25@2
    issuer is no CA: 79@1 26@1
    issuer may not sign: 79@1 26@1 32@1
    leaf for clients: 26@0
    CA for clients: 26@1
    critical and unknown: 34@0
    broken extension: 20@0 21@0
    proxy of a last proxy: 40@0 40@1 38@1 25@3 72@1 72@0
    RSA: ok
    P-384: ok
    ");
}

#[tokio::test]
async fn names_match_as_in_openssl() {
    let now = Timestamp::now();
    let pki = Pki::new(now).expect("P-256");
    let mut cases = Vec::new();
    let mut add = |name, recipe: Recipe, host| {
        let leaf = recipe.signed_by(&pki.intermediate).expect("sound");
        cases.push(case(name, leaf, [&pki.intermediate], [&pki.root], host));
    };
    for (name, pattern, host) in [
        ("case", "A.Test.Example", "a.test.example"),
        ("wildcard", "*.test.example", "www.test.example"),
        ("wildcard, two labels", "*.test.example", "a.b.test.example"),
        ("wildcard, no label", "*.test.example", "test.example"),
        ("wildcard of a top-level domain", "*.example", "test.example"),
        ("label begun", "w*.test.example", "www.test.example"),
        ("label ended", "*w.test.example", "www.test.example"),
        ("star in the middle", "w*w.test.example", "www.test.example"),
        ("star in the second label", "www.*.example", "www.test.example"),
        ("IDNA, whole label", "*.test.example", "xn--bcher-kva.test.example"),
        ("IDNA, label begun", "x*.test.example", "xn--bcher-kva.test.example"),
        ("hyphen before the star", "a-*.test.example", "a-b.test.example"),
        ("dot asked", "a.test", "a.test."),
        ("dot carried", "a.test.", "a.test"),
        ("dot asked in front", "b.a.test", ".a.test"),
        ("dot asked in front of a whole name", "a.test", ".a.test"),
    ] {
        let san = subject_alternative_name(&[(DNS, pattern.as_bytes())]);
        add(name, pki.leaf(["x"]).no_san().extension(san), host);
    }
    add("CN alone", pki.leaf(["x"]).no_san().common_name("a.test"), "a.test");
    add("CN beside an address", pki.leaf(["192.0.2.1"]).common_name("a.test"), "a.test");
    add("CN beside a DNS name", pki.leaf(["b.test"]).common_name("a.test"), "a.test");
    add("address", pki.leaf(["192.0.2.1", "2001:db8::1"]), "192.0.2.1");
    add("address, version 6", pki.leaf(["192.0.2.1", "2001:db8::1"]), "2001:db8::1");
    add("another address", pki.leaf(["192.0.2.1"]), "192.0.2.2");
    add("address as DNS name", pki.leaf(["x"]).no_san().extension(subject_alternative_name(&[(DNS, b"192.0.2.1")])), "192.0.2.1");
    insta::assert_snapshot!(both(cases, now).await, @r"
    case: ok
    wildcard: ok
    wildcard, two labels: 62@0
    wildcard, no label: 62@0
    wildcard of a top-level domain: 62@0
    label begun: ok
    label ended: ok
    star in the middle: 62@0
    star in the second label: 62@0
    IDNA, whole label: ok
    IDNA, label begun: 62@0
    hyphen before the star: 62@0
    dot asked: 62@0
    dot carried: 62@0
    dot asked in front: ok
    dot asked in front of a whole name: 62@0
    CN alone: ok
    CN beside an address: ok
    CN beside a DNS name: 62@0
    address: ok
    address, version 6: ok
    another address: 64@0
    address as DNS name: 64@0
    ");
}

#[tokio::test]
async fn name_constraints_hold_as_in_openssl() {
    let now = Timestamp::now();
    let pki = Pki::new(now).expect("P-256");
    // The recipes' own organisation, as a name of one attribute; and another.
    let organisation = |name: &[u8]| {
        let attribute = tlv(0x30, &[&[0x06, 3, 0x55, 4, 10][..], &tlv(0x0c, name)].concat());
        tlv(0x30, &tlv(0x31, &attribute))
    };
    let (ours, theirs) = (organisation(b"CERTVIGIL  lab"), organisation(b"others"));
    let net: &[u8] = &[192, 0, 2, 0, 255, 255, 255, 0];
    let plain = |names: &[&'static str]| pki.leaf(names.iter().copied());
    let with = |names: &[(u8, &[u8])]| pki.leaf(["a.test"]).no_san().extension(subject_alternative_name(names));
    let nothing: &[(u8, &[u8])] = &[];
    let mut cases = Vec::new();
    let mut add = |name, permitted: &[(u8, &[u8])], excluded: &[(u8, &[u8])], leaf: Recipe| {
        let ca =
            Recipe::ca(now, "Constrained").extension(name_constraints(permitted, excluded)).signed_by(&pki.root).expect("CA");
        cases.push(case(name, leaf.signed_by(&ca).expect("sound"), [&ca], [&pki.root], "a.test"));
    };
    add("DNS permitted", &[(DNS, b"test")], nothing, plain(&["a.test"]));
    add("DNS below a dot", &[(DNS, b".test")], nothing, plain(&["a.test"]));
    add("DNS itself below a dot", &[(DNS, b".a.test")], nothing, plain(&["a.test"]));
    add("DNS not at a label", &[(DNS, b"test"), (DNS, b"est")], &[(DNS, b"est")], plain(&["a.test"]));
    add("DNS not permitted", &[(DNS, b"b.test")], nothing, plain(&["a.test"]));
    add("DNS excluded", nothing, &[(DNS, b"A.Test")], plain(&["a.test"]));
    add("DNS permitted and excluded", &[(DNS, b"test")], &[(DNS, b"")], plain(&["a.test"]));
    add("CN not permitted", &[(DNS, b"b.test")], nothing, plain(&[]).common_name("a.test"));
    add("CN that is no host name", &[(DNS, b"b.test")], nothing, plain(&["b.test"]).common_name("a. test"));
    add("CN of one label", &[(DNS, b"b.test")], nothing, plain(&[]).common_name("test"));
    add("address permitted", &[(IP, net)], nothing, plain(&["a.test", "192.0.2.7"]));
    add("address not permitted", &[(IP, net)], nothing, plain(&["a.test", "198.51.100.7"]));
    add("address excluded", nothing, &[(IP, net)], plain(&["a.test", "192.0.2.7"]));
    add("address of the other version", &[(IP, net)], nothing, plain(&["a.test", "2001:db8::1"]));
    add("address without mask", &[(IP, &net[..4])], nothing, plain(&["a.test", "192.0.2.7"]));
    add("directory permitted", &[(DIRECTORY, &ours)], nothing, plain(&["a.test"]));
    add("directory not permitted", &[(DIRECTORY, &theirs)], nothing, plain(&["a.test"]));
    add("directory excluded", nothing, &[(DIRECTORY, &ours)], plain(&["a.test"]));
    add("email at the host", &[(EMAIL, b"a.test")], nothing, with(&[(DNS, b"a.test"), (EMAIL, b"u@A.test")]));
    add("email below the host", &[(EMAIL, b"a.test")], nothing, with(&[(DNS, b"a.test"), (EMAIL, b"u@m.a.test")]));
    add("email below a dot", &[(EMAIL, b".a.test")], nothing, with(&[(DNS, b"a.test"), (EMAIL, b"u@m.a.test")]));
    add("one mailbox", &[(EMAIL, b"u@a.test")], nothing, with(&[(DNS, b"a.test"), (EMAIL, b"U@a.test")]));
    add("email without a host", nothing, &[(EMAIL, b"a.test")], with(&[(DNS, b"a.test"), (EMAIL, b"u")]));
    add("URI permitted", &[(URI, b"h.test")], nothing, with(&[(DNS, b"a.test"), (URI, b"https://H.test:8443/x")]));
    add("URI below a dot", nothing, &[(URI, b".test")], with(&[(DNS, b"a.test"), (URI, b"https://h.test/x")]));
    add("URI without a host", nothing, &[(URI, b"test")], with(&[(DNS, b"a.test"), (URI, b"urn:x")]));
    add("registered identifier", nothing, &[(0x88, &[42, 3])], with(&[(DNS, b"a.test"), (0x88, &[42, 3])]));
    insta::assert_snapshot!(both(cases, now).await, @r"
    DNS permitted: ok
    DNS below a dot: ok
    DNS itself below a dot: 47@0
    DNS not at a label: ok
    DNS not permitted: 47@0
    DNS excluded: 48@0
    DNS permitted and excluded: 48@0
    CN not permitted: 47@0
    CN that is no host name: 62@0
    CN of one label: 62@0
    address permitted: ok
    address not permitted: 47@0
    address excluded: 48@0
    address of the other version: 47@0
    address without mask: 53@0
    directory permitted: ok
    directory not permitted: 47@0
    directory excluded: 48@0
    email at the host: ok
    email below the host: 47@0
    email below a dot: ok
    one mailbox: 47@0
    email without a host: 53@0
    URI permitted: ok
    URI below a dot: 48@0
    URI without a host: 53@0
    registered identifier: 51@0
    ");
}
