mod properties;

use super::*;
use crate::{
    diagnosis::{Issuers, Status, diagnose},
    lab::pki::{Issued, Pki, Recipe},
    observation::{Chain, Handshake, Observation, Outcome, Possession},
};

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().expect("a timestamp")
}

/// What every client says of a chain; `own` is trusted beside the other two stores, as a configured file is.
#[derive(Clone)]
struct Case<'a> {
    chain: Vec<&'a Issued>,
    fetched: Vec<&'a Issued>,
    system: Vec<&'a Issued>,
    mozilla: Vec<&'a Issued>,
    own: Vec<&'a Issued>,
    host: &'a str,
}

impl Case<'_> {
    /// Everybody knows the root.
    fn public<'a>(chain: impl IntoIterator<Item = &'a Issued>, root: &'a Issued) -> Case<'a> {
        let chain = chain.into_iter().collect();
        Case { chain, fetched: vec![], system: vec![root], mozilla: vec![root], own: vec![], host: "a.test" }
    }

    fn views(&self) -> (Views, Judged) {
        let certificates = |of: &[&Issued]| of.iter().map(|issued| Certificate::from_der(&issued.der())).collect::<Vec<_>>();
        let stores = Stores {
            system: Arc::new(Trust::new(certificates(&self.system))),
            mozilla: Arc::new(Trust::new(certificates(&self.mozilla))),
        };
        let all = [&self.system[..], &self.mozilla, &self.own].concat();
        let trust = Trust::new(certificates(&all));
        let handshake = Handshake {
            chain: Chain::new(certificates(&self.chain)).expect("a leaf"),
            tls: Arc::default(),
            possession: Possession::Unchecked("".into()),
            wants_client_certificate: false,
            broken_off: None,
        };
        let observation = Observation::new(None, now(), Outcome::Handshake(handshake));
        let expectation = Expectation { host: Some(self.host.parse().expect("a host")), ..Expectation::default() };
        let issuers = Issuers { certificates: certificates(&self.fetched), tried: String::new() };
        let diagnosis = diagnose(&observation, &expectation, &trust, &issuers, now());
        let judged = Judged { observation, diagnosis: diagnosis.into() };
        let views = views(&judged, &expectation, &trust, &stores, now()).expect("readable");
        // The conclusion never contradicts the diagnosis: where that accuses somebody, it is among the accused.
        let findings = &judged.diagnosis.findings;
        let grave = findings.iter().filter(|found| found.finding.severity() > crate::diagnosis::Severity::Info);
        let faults: Vec<_> = grave.map(|found| found.finding.fault()).collect();
        let agrees = views.fault.is_none_or(|fault| faults.is_empty() || faults.contains(&fault));
        assert!(agrees, "{}: {:?} is not among {faults:?}", views.works_where, views.fault);
        (views, judged)
    }

    /// A line a client, the sentence, a line a path.
    fn told(&self) -> String {
        let (views, _) = self.views();
        let line = |view: &View| format!("{}: {} {}", view.client.name(), view.answer.name(), view.answer.reason()).trim().into();
        let path = |path: &TrustPath| {
            let used_by: Vec<_> = path.used_by.iter().map(|client| client.name()).collect();
            format!("{} until {}: {}", path.subjects.join(" < "), crate::clock::day(path.not_after), used_by.join(" "))
        };
        let mut lines: Vec<String> = views.clients.iter().map(line).collect();
        lines.push(format!("=> {}", views.works_where));
        lines.extend(views.paths.iter().map(path));
        lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
    }
}

fn pki() -> Pki {
    Pki::new(now()).expect("P-256")
}

fn sign(recipe: &Recipe, issuer: &Issued) -> Issued {
    recipe.signed_by(issuer).expect("sound")
}

#[test]
fn a_sound_chain_works_everywhere() {
    let pki = pki();
    let leaf = sign(&pki.leaf(["a.test"]), &pki.intermediate);
    insta::assert_snapshot!(Case::public([&leaf, &pki.intermediate], &pki.root).told(), @r"
    curl: accepts
    python: accepts
    browser: accepts
    rustls: accepts
    => works everywhere
    a.test < Lab Issuing CA < Lab Root CA until 2027-01-21: curl python browser rustls
    ");
}

#[test]
fn a_missing_intermediate_is_hidden_by_browsers() {
    let pki = pki();
    let leaf = sign(&pki.leaf(["a.test"]).aia("http://ca.test/i.der"), &pki.intermediate);
    let case = Case { fetched: vec![&pki.intermediate], ..Case::public([&leaf], &pki.root) };
    insta::assert_snapshot!(case.told(), @r"
    curl: refuses SSL certificate problem: unable to get local issuer certificate
    python: refuses certificate verify failed: unable to get local issuer certificate
    browser: accepts
    rustls: refuses invalid peer certificate: UnknownIssuer
    => works in browsers, fails in Python, curl and Java: the server leaves out the intermediate
    a.test < Lab Issuing CA < Lab Root CA until 2027-01-21: browser
    ");
    // Of several it says so.
    let upper = sign(&Recipe::ca(now(), "Lab Upper CA"), &pki.root);
    let lower = sign(&Recipe::ca(now(), "Lab Lower CA").aia("http://ca.test/upper.der"), &upper);
    let leaf_of_lower = sign(&pki.leaf(["a.test"]).aia("http://ca.test/lower.der"), &lower);
    let two = Case { fetched: vec![&lower, &upper], ..Case::public([&leaf_of_lower], &pki.root) };
    let sentence = "works in browsers, fails in Python, curl and Java: the server leaves out the intermediates";
    assert_eq!(two.views().0.works_where, sentence);
    let unfetched = Case::public([&leaf], &pki.root);
    insta::assert_snapshot!(unfetched.told(), @r"
    curl: refuses SSL certificate problem: unable to get local issuer certificate
    python: refuses certificate verify failed: unable to get local issuer certificate
    browser: cannot_tell it would fetch the missing issuer by AIA, which could not be had here
    rustls: refuses invalid peer certificate: UnknownIssuer
    => fails in curl, Python and rustls: whose fault it is cannot be told from here
    ");
}

#[test]
fn a_private_root_works_where_it_is_configured() {
    let (pki, public) = (pki(), Pki::named(now(), "Public").expect("P-256"));
    let leaf = sign(&pki.leaf(["a.test"]), &pki.intermediate);
    let configured = Case { own: vec![&pki.root], ..Case::public([&leaf, &pki.intermediate], &public.root) };
    insta::assert_snapshot!(configured.told(), @r"
    curl: refuses SSL certificate problem: unable to get local issuer certificate
    python: refuses certificate verify failed: unable to get local issuer certificate
    company: accepts
    browser: accepts
    rustls: refuses invalid peer certificate: UnknownIssuer
    => works where the configured CA is trusted, and nowhere else but in browsers that have it: a private CA, or one the others do not know
    a.test < Lab Issuing CA < Lab Root CA until 2027-01-21: company browser
    ");
    let gap = Case { chain: vec![&leaf], fetched: vec![&pki.intermediate], ..configured };
    insta::assert_snapshot!(gap.told(), @r"
    curl: refuses SSL certificate problem: unable to get local issuer certificate
    python: refuses certificate verify failed: unable to get local issuer certificate
    company: refuses certificate verify failed: unable to get local issuer certificate
    browser: accepts
    rustls: refuses invalid peer certificate: UnknownIssuer
    => works in browsers, fails in Python, curl and Java: the server leaves out the intermediate
    a.test < Lab Issuing CA < Lab Root CA until 2027-01-21: browser
    ");
    insta::assert_snapshot!(Case::public([&leaf, &pki.intermediate], &public.root).told(), @r"
    curl: refuses SSL certificate problem: unable to get local issuer certificate
    python: refuses certificate verify failed: unable to get local issuer certificate
    browser: refuses net::ERR_CERT_AUTHORITY_INVALID
    rustls: refuses invalid peer certificate: UnknownIssuer
    => fails everywhere: whose fault it is cannot be told from here
    ");
}

#[test]
fn an_intermediate_in_the_machines_store_is_enough_for_curl_alone() {
    let (pki, public) = (pki(), Pki::named(now(), "Public").expect("P-256"));
    let leaf = sign(&pki.leaf(["a.test"]), &pki.intermediate);
    let case = Case { system: vec![&pki.intermediate], ..Case::public([&leaf], &public.root) };
    insta::assert_snapshot!(case.told(), @r"
    curl: accepts
    python: refuses certificate verify failed: unable to get local issuer certificate
    browser: refuses net::ERR_CERT_AUTHORITY_INVALID
    rustls: refuses invalid peer certificate: UnknownIssuer
    => works in curl, fails in Python, browsers and rustls: the system's store has an intermediate, which is enough for curl alone
    ");
    // Nor is the path any longer because more is served.
    let longer = Case { chain: vec![&leaf, &pki.intermediate, &pki.root], ..case };
    assert_eq!(longer.views().0.clients[0].answer, Answer::Accepts);
}

#[test]
fn a_root_may_be_in_one_store_only() {
    let (pki, public) = (pki(), Pki::named(now(), "Public").expect("P-256"));
    let leaf = sign(&pki.leaf(["a.test"]), &pki.intermediate);
    let case = Case { system: vec![&public.root], ..Case::public([&leaf, &pki.intermediate], &pki.root) };
    insta::assert_snapshot!(case.told(), @r"
    curl: refuses SSL certificate problem: unable to get local issuer certificate
    python: accepts
    browser: accepts
    rustls: accepts
    => works with Mozilla's store, but not with the system's: the root is missing from that store
    a.test < Lab Issuing CA < Lab Root CA until 2027-01-21: python browser rustls
    ");
    // Something else is configured beside it.
    let other = Case { system: vec![&pki.root], mozilla: vec![&public.root], own: vec![&pki.intermediate], ..case };
    insta::assert_snapshot!(other.told(), @r"
    curl: accepts
    python: refuses certificate verify failed: unable to get local issuer certificate
    company: accepts
    browser: accepts
    rustls: refuses invalid peer certificate: UnknownIssuer
    => works with the system's store, but not with Mozilla's: the root is missing from that store
    a.test < Lab Issuing CA < Lab Root CA until 2027-01-21: curl company browser
    ");
}

#[test]
fn a_cross_signed_root_has_two_paths_of_which_one_has_ended() {
    let pki = pki();
    let old = Recipe::ca(now(), "Old Root").days(-4000, -10).self_signed().expect("P-256");
    let cross = sign(&Recipe::ca(now(), "New Root").key_of(&pki.root), &old);
    let new = Recipe::ca(now(), "New Root").key_of(&pki.root).self_signed().expect("P-256");
    let inter = sign(&Recipe::ca(now(), "Intermediate"), &new);
    let leaf = sign(&Recipe::leaf(now(), ["a.test"]), &inter);
    let both = Case { system: vec![&old, &new], ..Case::public([&leaf, &inter, &cross], &new) };
    insta::assert_snapshot!(both.told(), @r"
    curl: accepts
    python: accepts
    browser: accepts
    rustls: accepts
    => works everywhere
    a.test < Intermediate < New Root until 2027-01-21: curl python browser rustls
    a.test < Intermediate < New Root < Old Root until 2026-11-12:
    ");
    // Nor is the ended root an alarm where the server sends it along.
    let served = Case { chain: vec![&leaf, &inter, &cross, &old], ..Case::public([], &new) };
    for case in [Case { system: vec![&old, &new], ..served.clone() }, served] {
        let (views, judged) = case.views();
        assert_eq!(views.works_where, "works everywhere");
        assert_eq!(judged.diagnosis.status(), Status::Info, "{:?}", judged.diagnosis.findings);
    }
    let old_only = Case { system: vec![&old], ..Case::public([&leaf, &inter, &cross], &new) };
    insta::assert_snapshot!(old_only.told(), @r"
    curl: refuses SSL certificate problem: certificate has expired
    python: accepts
    browser: accepts
    rustls: accepts
    => works with Mozilla's store, but not with the system's: the path by that store has ended
    a.test < Intermediate < New Root until 2027-01-21: python browser rustls
    a.test < Intermediate < New Root < Old Root until 2026-11-12:
    ");
}

#[test]
fn names_are_matched_by_each_clients_rule() {
    let pki = pki();
    let leaf = sign(&pki.leaf(["b.test"]), &pki.intermediate);
    insta::assert_snapshot!(Case::public([&leaf, &pki.intermediate], &pki.root).told(), @r"
    curl: refuses SSL: no alternative certificate subject name matches target host name 'a.test'
    python: refuses certificate verify failed: Hostname mismatch, certificate is not valid for 'a.test'.
    browser: refuses net::ERR_CERT_COMMON_NAME_INVALID
    rustls: refuses invalid peer certificate: NotValidForName
    => fails everywhere: it is the server, not the clients
    b.test < Lab Issuing CA < Lab Root CA until 2027-01-21:
    ");
    let common_name_only = sign(&pki.leaf(["a.test"]).common_name("a.test").no_san(), &pki.intermediate);
    insta::assert_snapshot!(Case::public([&common_name_only, &pki.intermediate], &pki.root).told(), @r"
    curl: accepts
    python: refuses certificate verify failed: Hostname mismatch, certificate is not valid for 'a.test'.
    browser: refuses net::ERR_CERT_COMMON_NAME_INVALID
    rustls: refuses invalid peer certificate: NotValidForName
    => works in curl, fails in Python, browsers and rustls: the certificate has its name in the common name only, where few still look
    a.test < Lab Issuing CA < Lab Root CA until 2027-01-21: curl
    ");
}

#[test]
fn an_ended_leaf_fails_everywhere() {
    let pki = pki();
    let leaf = sign(&pki.leaf(["a.test"]).days(-90, -1), &pki.intermediate);
    insta::assert_snapshot!(Case::public([&leaf, &pki.intermediate], &pki.root).told(), @r"
    curl: refuses SSL certificate problem: certificate has expired
    python: refuses certificate verify failed: certificate has expired
    browser: refuses net::ERR_CERT_DATE_INVALID
    rustls: refuses invalid peer certificate: Expired
    => fails everywhere: it is the server, not the clients
    a.test < Lab Issuing CA < Lab Root CA until 2026-11-21:
    ");
}

#[test]
fn without_a_store_a_client_cannot_be_told() {
    let pki = pki();
    let leaf = sign(&pki.leaf(["a.test"]), &pki.intermediate);
    let case = Case { system: vec![], ..Case::public([&leaf, &pki.intermediate], &pki.root) };
    assert_eq!(case.views().0.clients[0].answer, Answer::CannotTell("the system store is empty here".into()));
}
