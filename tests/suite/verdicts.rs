//! What the program says of the lab's servers: the table of the documentation, and the real openssl.

use std::sync::Arc;

use certvigil::{
    config::trust::{self, TrustSources},
    diagnosis::{Expectation, Verdict},
    endpoint::Endpoint,
    fetch,
    lab::{
        Expected, Lab, ROOT_FILE, Server,
        pki::Pki,
        serve::{Farm, Page},
    },
    probe,
    visit::{Visitor, When},
};
use jiff::Timestamp;

use crate::support::{openssl, program::certvigil, scratch::Scratch};

/// What one visit brings, in the words of the lab's table.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    verify_code: Option<u16>,
    chain_status: &'static str,
    severity: &'static str,
    findings: Vec<&'static str>,
    fault: Option<&'static str>,
    repairable: bool,
}

async fn visit(visitor: &Visitor, server: &Server, root: &std::path::Path) -> Seen {
    let sources = TrustSources { system: false, mozilla: false, files: vec![root.to_owned()] };
    let trust = Arc::new(trust::load(&sources).expect("the lab's root").trust);
    let mut endpoint = Endpoint::new(server.target.parse().expect("a target"));
    endpoint.server_name = server.server_name.parse().expect("a name");
    endpoint.timeout = std::time::Duration::from_secs(3);
    let expectation = Expectation { host: Some(endpoint.server_name.clone()), ..Expectation::default() };
    let mut seen = visitor.visit(&endpoint, &expectation, &trust, When::now(Timestamp::now())).await.seen;
    assert_eq!(seen.len(), 1, "one address, one observation");
    let diagnosis = seen.remove(0).diagnosis;
    Seen {
        verify_code: diagnosis.verdict.as_ref().map(Verdict::code),
        chain_status: diagnosis.chain_status.name(),
        severity: diagnosis.status().name(),
        findings: diagnosis.findings.iter().map(|found| found.finding.code()).collect(),
        fault: diagnosis.findings.first().map(|found| found.finding.fault().name()),
        repairable: diagnosis.repair.is_some(),
    }
}

fn visitor() -> Visitor {
    let fetch = fetch::Settings { allow_private: true, ..fetch::Settings::default() };
    Visitor::new(probe::Settings::default(), fetch, 4)
}

#[tokio::test]
async fn every_server_of_the_lab_is_judged_as_documented() {
    let lab = Lab::start(Timestamp::now()).await.expect("loopback has free ports");
    let scratch = Scratch::new();
    let root = scratch.file("root.pem", lab.root_pem());
    let visitor = visitor();
    for server in lab.servers() {
        let seen = visit(&visitor, server, &root).await;
        let Expected { verify_code, chain_status, severity, findings, fault, repairable, .. } = server.expected;
        let seen_row = (seen.verify_code, seen.chain_status, seen.severity, &seen.findings[..], seen.fault, seen.repairable);
        assert_eq!(seen_row, (verify_code, chain_status, severity, findings, fault, repairable), "{}", server.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verdict_equals_that_of_openssl() {
    let lab = Lab::start(Timestamp::now()).await.expect("loopback has free ports");
    let scratch = Scratch::new();
    let root = scratch.file("root.pem", lab.root_pem());
    let visitor = visitor();
    let mut compared = 0;
    for server in lab.servers().iter().filter(|server| server.expected.verify_code.is_some()) {
        let seen = visit(&visitor, server, &root).await;
        let (target, name, root) = (server.target.clone(), server.server_name.clone(), root.clone());
        let said = tokio::task::spawn_blocking(move || openssl::s_client(&target, &name, &root)).await.expect("openssl runs");
        assert_eq!(seen.verify_code, said.verify_code(), "{}: {}", server.name, said.text);
        compared += 1;
    }
    assert_eq!(compared, 14, "every server that presents a certificate");
}

/// One after the other: what one server leaves out is learnt from another.
#[tokio::test(flavor = "multi_thread")]
async fn every_repaired_chain_is_accepted_by_openssl() {
    let lab = Lab::start(Timestamp::now()).await.expect("loopback has free ports");
    let scratch = Scratch::new();
    let root = scratch.file(ROOT_FILE, lab.root_pem());
    let config = lab.config_yaml(scratch.path(), 0, ([127, 0, 0, 1], 2525).into());
    let config = scratch.file("config.yaml", format!("{config}\nlimits:\n  visits: 1\n")).display().to_string();
    let said = tokio::task::block_in_place(|| certvigil(&["check", "--json", "--config", &config]));
    let seen: Vec<serde_json::Value> = said.out.lines().map(|line| serde_json::from_str(line).expect("a JSON object")).collect();
    assert_eq!(seen.len(), lab.servers().len(), "{}", said.err);

    let root_der = pem::parse(lab.root_pem()).expect("sound PEM").into_contents();
    let mut repaired = Vec::new();
    for line in &seen {
        let Some(pem) = line["repaired_chain"].as_str() else { continue };
        let server = line["endpoint"].as_str().and_then(|name| lab.server(name)).expect("a server of the lab");
        let blocks = pem::parse_many(pem).expect("sound PEM");
        let (leaf, rest) = blocks.split_first().expect("a leaf");
        let (leaf, rest) = (scratch.file("leaf.pem", leaf.to_string()), scratch.file("rest.pem", pem::encode_many(rest)));
        let said = openssl::verify(&leaf, &rest, &root, &server.server_name);
        assert!(said.contains("leaf.pem: OK"), "{}: {said}", server.name);
        assert!(blocks.iter().all(|block| block.contents() != root_der), "{}: no root is to be served", server.name);
        repaired.push(server.name);
    }
    let declared: Vec<&str> =
        lab.servers().iter().filter(|server| server.expected.repairable).map(|server| server.name).collect();
    assert_eq!(repaired, declared);
}

/// A server that names its program is told how that one is mended, and no other.
#[tokio::test(flavor = "multi_thread")]
async fn the_repair_is_for_the_program_that_the_server_names() {
    let pki = Pki::new(Timestamp::now()).expect("P-256");
    let mut farm = Farm::new();
    let issuer = farm.http(Page::file("/ca.der", "application/pkix-cert", pki.intermediate.der().to_vec())).await;
    let issuer = format!("http://{}/ca.der", issuer.expect("loopback"));
    let leaf = pki.leaf(["a.test"]).aia(&issuer).signed_by(&pki.intermediate).expect("a sound name");
    let page = Page::text("hello").by("nginx/1.22.1");
    let server = farm.tls(vec![leaf.der()], leaf.key_der(), page).await.expect("loopback");
    let scratch = Scratch::new();
    let root = scratch.file("root.pem", pki.root.pem()).display().to_string();
    let check = |scheme: &str, more: &[&str]| {
        let target = format!("{scheme}://{server}");
        let common = ["check", "--ca-file", &root, "--only-ca-file", "--allow-private-fetch", "--host", "a.test", &target];
        let arguments: Vec<&str> = common.into_iter().chain(more.iter().copied()).collect();
        tokio::task::block_in_place(|| certvigil(&arguments)).out
    };
    let json = |scheme: &str| -> serde_json::Value { serde_json::from_str(&check(scheme, &["--json"])).expect("a JSON object") };
    let named = json("https");
    assert_eq!(named["server_software"], "nginx/1.22.1");
    assert_eq!(named["how_to_fix"].as_array().map(Vec::len), Some(1));
    assert_eq!(named["how_to_fix"][0]["configure"][0], "ssl_certificate /path/to/fullchain.pem;");
    // Nothing says that it speaks HTTP: it is not asked.
    let unnamed = json("tls");
    assert!(
        unnamed["server_software"].is_null() && unnamed["how_to_fix"].as_array().is_some_and(|all| all.len() > 1),
        "{unnamed}"
    );
    let text = check("https", &[]);
    for part in ["by nginx/1.22.1 (so the server says of itself)", "ssl_certificate /path/to/fullchain.pem;", "nginx -s reload"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("Apache"), "{text}");
    let evidence = check("https", &["--evidence"]);
    assert!(evidence.contains("C: HEAD / HTTP/1.1\n    S: HTTP/1.1 200 OK\n    S: server: nginx/1.22.1\n"), "{evidence}");
}

/// The command line gives the same, with its exit statuses.
#[tokio::test(flavor = "multi_thread")]
async fn check_and_verify_say_it_with_their_exit_status() {
    let lab = Lab::start(Timestamp::now()).await.expect("loopback has free ports");
    let scratch = Scratch::new();
    let root = scratch.file("root.pem", lab.root_pem()).display().to_string();
    let check = |name: &str, more: &[&str]| {
        let server = lab.server(name).expect("a server of the lab");
        let common = ["check", "--ca-file", &root, "--only-ca-file", "--allow-private-fetch", "--timeout", "3s", "--host"];
        let arguments: Vec<&str> =
            common.into_iter().chain([&*server.server_name, &*server.target]).chain(more.iter().copied()).collect();
        tokio::task::block_in_place(|| certvigil(&arguments))
    };
    for (name, status) in [("healthy", 0), ("wrong-order", 1), ("missing-intermediate", 2), ("expired", 2), ("refused", 3)] {
        assert_eq!(check(name, &[]).status, status, "{name}");
    }
    let said = check("missing-intermediate", &[]).out;
    for part in ["Verify return code: 21 (unable to verify the first certificate)", "missing_intermediate", "fault: server"] {
        assert!(said.contains(part), "{said}");
    }
    let line: serde_json::Value = serde_json::from_str(&check("missing-intermediate", &["--json"]).out).expect("a JSON object");
    assert_eq!(line["verify_code"], 21);
    assert_eq!(line["findings"][0]["fault"], "server");
    assert_eq!(line["verify_errors"][0]["code"], 20);
    let repaired = scratch.file("repaired.pem", line["repaired_chain"].as_str().expect("a repaired chain"));

    let repaired = repaired.display().to_string();
    let verify = |more: &[&str]| {
        let common = ["verify", "--chain", &repaired, "--ca-file", &root, "--only-ca-file"];
        certvigil(&common.into_iter().chain(more.iter().copied()).collect::<Vec<_>>())
    };
    assert_eq!(verify(&["--host", "missing-intermediate.lab.test"]).status, 0);
    assert_eq!(verify(&["--host", "other.lab.test"]).status, 2);
    let later = verify(&["--at", "2036-01-01T00:00:00Z"]);
    assert_eq!(later.status, 2);
    assert!(later.out.contains("Verify return code: 10 (certificate has expired)"), "{}", later.out);
    // Judged as of then, and looked at now.
    let at = ["--json", "--at", "2036-01-01T00:00:00Z"];
    for said in [verify(&at), check("healthy", &at)] {
        let line: serde_json::Value = serde_json::from_str(&said.out).expect("a JSON object");
        assert_eq!(line["findings"][0]["code"], "expired");
        assert!(line["checked_at"].as_str().is_some_and(|at| at < "2036"), "{}", line["checked_at"]);
    }
    // Offline there is no proof, and so no accusation.
    let alone = check("missing-intermediate", &["--no-fetch"]).out;
    assert!(alone.contains("issuer_unknown (fault: unclear)"), "{alone}");
}
