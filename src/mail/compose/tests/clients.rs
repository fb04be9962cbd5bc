//! Where it works and where it fails, in the letters.

use super::*;
use crate::{
    diagnosis::{Stores, Trust, diagnose},
    lab::pki::{Issued, Pki, Recipe},
};

/// What is seen of shop.example where it presents this, everybody knows the root, and this was fetched.
fn seen(pki: &Pki, chain: &[&Issued], fetched: &[&Issued], own: &Pki) -> Case {
    let all = |of: &[&Issued]| of.iter().map(|issued| Certificate::from_der(&issued.der())).collect::<Vec<_>>();
    let mut watch = Watch::clone(&watch("shop.example", Policy::default()));
    watch.expectation.host = Some(watch.endpoint.server_name.clone());
    let roots = Arc::new(Trust::new(all(&[&pki.root])));
    watch.trust = Arc::new(Trust::new(all(&[&pki.root, &own.root])));
    watch.stores = Arc::new(Stores { system: Arc::clone(&roots), mozilla: roots });
    let observation = observed("192.0.2.10", all(chain));
    let issuers = Issuers { certificates: all(fetched), tried: String::new() };
    let diagnosis = diagnose(&observation, &watch.expectation, &watch.trust, &issuers, now());
    case(&Arc::new(watch), vec![Judged { observation, diagnosis: diagnosis.into() }])
}

fn prose(kind: NoticeKind, case: Case) -> String {
    letter(&notice(kind, vec![case]), &settings()).text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_broken_chain_works_in_browsers() {
    let pki = Pki::new(now()).unwrap();
    let leaf = pki.leaf(["shop.example"]).aia("http://ca.example/i.der").signed_by(&pki.intermediate).unwrap();
    let case = seen(&pki, &[&leaf], &[&pki.intermediate], &pki);
    let text = prose(NoticeKind::Chain, case);
    let wanted =
        "Works in browsers, fails in Python, curl and Java: the server leaves out the intermediate. Browsers hide this, since";
    assert!(text.contains(wanted), "{text}");
}

#[test]
fn several_intermediates_are_several() {
    let pki = Pki::new(now()).unwrap();
    let upper = Recipe::ca(now(), "Lab Upper CA").signed_by(&pki.root).unwrap();
    let lower = Recipe::ca(now(), "Lab Lower CA").aia("http://ca.example/upper.der").signed_by(&upper).unwrap();
    let told = |leaf: &Recipe| {
        let leaf = leaf.signed_by(&lower).unwrap();
        prose(NoticeKind::Chain, seen(&pki, &[&leaf], &[&lower, &upper], &pki))
    };
    let text = told(&pki.leaf(["shop.example"]).aia("http://ca.example/lower.der"));
    assert!(text.contains("curl and Java: the server leaves out the intermediates. Browsers hide this, since"), "{text}");
    let text = told(&pki.leaf(["shop.example"]));
    assert!(text.contains("Browsers may hide this, where they have the intermediates from an earlier visit."), "{text}");
}

#[test]
fn a_problem_is_told_as_clients_meet_it() {
    let pki = Pki::new(now()).unwrap();
    let told = |chain: &[&Issued], own: &Pki| prose(NoticeKind::Problem, seen(own, chain, &[], &pki));
    let elsewhere = pki.leaf(["other.example"]).signed_by(&pki.intermediate).unwrap();
    let text = told(&[&elsewhere, &pki.intermediate], &pki);
    assert!(text.contains("For clients Fails everywhere: it is the server, not the clients. Endpoint"), "{text}");
    let private = Pki::named(now(), "Public").unwrap();
    let text = told(&[&elsewhere, &pki.intermediate], &private);
    assert!(text.contains("For clients Fails everywhere"), "{text}");
    // What is wrong here no client minds.
    let sound = pki.leaf(["shop.example"]).signed_by(&pki.intermediate).unwrap();
    let text = told(&[&sound, &pki.intermediate, &pki.root], &pki);
    assert!(text.contains("Finding root_included") && !text.contains("For clients"), "{text}");
}
