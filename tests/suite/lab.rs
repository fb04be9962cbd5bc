//! The lab does what its table says: judged by the real openssl, and by plain clients.

use std::{collections::BTreeSet, fmt::Write as _, fs, io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use certvigil::{
    endpoint::{Protocol, Target},
    lab::{
        Lab, ROOT_FILE, Server,
        pki::Pki,
        serve::{Farm, Page},
    },
};
use jiff::Timestamp;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::support::{
    openssl::{self, Said},
    scratch::Scratch,
};

async fn lab() -> Lab {
    Lab::start(Timestamp::now()).await.expect("loopback has free ports")
}

fn server<'a>(lab: &'a Lab, name: &str) -> &'a Server {
    lab.server(name).expect("a server of the lab")
}

/// Asks the real openssl about each of these servers, and shows a line a server.
async fn ask_openssl(lab: &Lab, names: &[&str], show: fn(&Said) -> String) -> String {
    let scratch = Scratch::new();
    let root = scratch.file("root.pem", lab.root_pem());
    let mut asked = JoinSet::new();
    for (place, server) in names.iter().map(|name| server(lab, name).clone()).enumerate() {
        let root = root.clone();
        asked.spawn_blocking(move || {
            let said = openssl::s_client(&server.target, &server.server_name, &root);
            (place, server.name, said)
        });
    }
    let mut answers = asked.join_all().await;
    answers.sort_by_key(|(place, ..)| *place);
    answers.iter().fold(String::new(), |mut out, (_, name, said)| {
        writeln!(out, "{name}: {}", show(said)).expect("a string can be written");
        out
    })
}

#[tokio::test]
async fn openssl_says_what_the_table_says() {
    let lab = lab().await;
    // The stalling one would keep openssl until it is killed.
    let servers: Vec<&Server> = lab.servers().iter().filter(|server| server.name != "stalling").collect();
    let names: Vec<&str> = servers.iter().map(|server| server.name).collect();
    let said = ask_openssl(&lab, &names, |said| format!("{:?}", said.verify_code())).await;
    let table: Vec<String> = servers.iter().map(|server| format!("{}: {:?}", server.name, server.expected.verify_code)).collect();
    assert_eq!(said.lines().collect::<Vec<_>>(), table);
}

#[tokio::test]
async fn every_server_presents_what_it_should() {
    let names = |said: &Said| {
        let subjects = said.presented().into_iter().map(|certificate| certificate.facts().expect("readable").subject.to_string());
        let names: Vec<String> = subjects.map(|subject| subject.replace(",O=certvigil lab", "")).collect();
        names.join(" <- ")
    };
    let lab = lab().await;
    let silent = ["plain-http", "refused", "stalling"];
    let all: Vec<&str> = lab.servers().iter().map(|server| server.name).filter(|name| !silent.contains(name)).collect();
    insta::assert_snapshot!(ask_openssl(&lab, &all, names).await, @r"
    healthy: CN=healthy.lab.test <- CN=Example Company Issuing CA
    expired: CN=expired.lab.test <- CN=Example Company Issuing CA
    expiring: CN=expiring.lab.test <- CN=Example Company Issuing CA
    not-yet-valid: CN=not-yet-valid.lab.test <- CN=Example Company Issuing CA
    missing-intermediate: CN=missing-intermediate.lab.test
    missing-two: CN=missing-two.lab.test
    missing-pkcs7: CN=missing-pkcs7.lab.test
    missing-no-address: CN=missing-no-address.lab.test
    wrong-order: CN=wrong-order.lab.test <- CN=Example Company Policy CA <- CN=Example Company Department CA
    jumbled: CN=jumbled.lab.test <- CN=Example Company Policy CA <- CN=Example Company Issuing CA <- CN=Example Company Department CA
    root-included: CN=root-included.lab.test <- CN=Example Company Issuing CA <- CN=Example Company Root CA
    self-signed: CN=self-signed.lab.test
    unknown-ca: CN=unknown-ca.lab.test <- CN=Stranger Issuing CA
    wrong-host: CN=elsewhere.lab.test <- CN=Example Company Issuing CA
    ");
}

#[tokio::test]
async fn a_browser_is_shown_a_sentence() {
    let lab = lab().await;
    let healthy = server(&lab, "healthy");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(lab.root_pem().as_bytes()).expect("PEM")).expect("a root");
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(healthy.server_name.clone()).expect("a name");
    let tcp = TcpStream::connect(&healthy.target).await.expect("it listens");
    let mut tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.expect("rustls trusts it too");
    let answer = get(&mut tls, "/").await;
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", answer.escape_ascii());
    let sentence = b"This is healthy.lab.test. It presents a sound certificate and its intermediate.\n";
    assert!(answer.ends_with(sentence), "{}", answer.escape_ascii());
}

#[tokio::test]
async fn the_missing_intermediate_can_be_had() {
    let lab = lab().await;
    let broken = server(&lab, "missing-intermediate").clone();
    let scratch = Scratch::new();
    let root = scratch.file("root.pem", lab.root_pem());
    let said = tokio::task::spawn_blocking(move || openssl::s_client(&broken.target, &broken.server_name, &root));
    let leaf = said.await.expect("no panic").presented().remove(0);
    let [url] = &leaf.facts().expect("readable").ca_issuers()[..] else { panic!("one address: {leaf:?}") };
    let (authority, path) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("an http URL");

    let answer = get(&mut TcpStream::connect(authority).await.expect("it listens"), &format!("/{path}")).await;
    let body = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    let intermediate = CertificateDer::from_pem_slice(lab.intermediate_pem().as_bytes()).expect("PEM");
    assert_eq!(&answer[body..], &intermediate[..]);
    assert!(answer[..body].windows(21).any(|some| some == b"application/pkix-cert"), "{}", answer[..body].escape_ascii());

    let answer = get(&mut TcpStream::connect(authority).await.expect("it listens"), "/other").await;
    assert!(answer.starts_with(b"HTTP/1.1 404 "), "{}", answer.escape_ascii());
}

#[tokio::test]
async fn plain_http_answers_a_client_hello_in_plaintext() {
    let lab = lab().await;
    let plain = server(&lab, "plain-http");
    let mut tcp = TcpStream::connect(&plain.target).await.expect("it listens");
    // The beginning of a TLS 1.x record with a ClientHello; to an HTTP server it is noise.
    tcp.write_all(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00").await.expect("it reads");
    let mut answer = Vec::new();
    tcp.read_to_end(&mut answer).await.expect("it answers and closes");
    assert!(answer.starts_with(b"HTTP/1.1 400 Bad Request\r\n"), "{}", answer.escape_ascii());

    let answer = get(&mut TcpStream::connect(&plain.target).await.expect("it listens"), "/").await;
    assert!(answer.ends_with(b"This is plain-http.lab.test. It speaks HTTP without TLS.\n"), "{}", answer.escape_ascii());
}

#[tokio::test]
async fn refused_refuses_and_keeps_its_port() {
    let lab = lab().await;
    let refused = server(&lab, "refused");
    let error = TcpStream::connect(&refused.target).await.expect_err("nothing listens");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    let error = TcpListener::bind(&refused.target).await.expect_err("the lab holds the port");
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn stalling_says_nothing() {
    let lab = lab().await;
    let mut tcp = TcpStream::connect(&server(&lab, "stalling").target).await.expect("it accepts");
    tcp.write_all(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00").await.expect("it reads");
    let read = timeout(Duration::from_millis(50), tcp.read_u8()).await;
    assert!(read.is_err(), "{read:?}");
}

/// All the ports can be had again; but for one, which the kernel may have given to another test in the meantime.
async fn assert_free(servers: &[Server]) {
    let mut taken = Vec::new();
    for server in servers {
        if let Err(error) = TcpListener::bind(&server.target).await {
            taken.push(format!("{}: {error}", server.name));
        }
    }
    assert!(taken.len() <= 1, "{taken:?}");
}

#[tokio::test]
async fn stop_ends_conversations_and_frees_the_ports() {
    let lab = lab().await;
    let servers = lab.servers().to_vec();
    let mut held = TcpStream::connect(&server(&lab, "stalling").target).await.expect("it accepts");
    held.write_all(b"hello").await.expect("it reads");
    timeout(Duration::from_secs(2), lab.stop()).await.expect("within 2 seconds");
    assert_free(&servers).await;
    let end = timeout(Duration::from_secs(2), held.read_u8()).await.expect("the conversation is over");
    assert!(end.is_err(), "{end:?}");
}

#[tokio::test]
async fn a_lab_that_is_dropped_is_stopped() {
    let lab = lab().await;
    let servers = lab.servers().to_vec();
    let mut held = TcpStream::connect(&server(&lab, "stalling").target).await.expect("it accepts");
    drop(lab);
    let end = timeout(Duration::from_secs(2), held.read_u8()).await.expect("the conversation is over");
    assert!(end.is_err(), "{end:?}");
    assert_free(&servers).await;
}

#[tokio::test]
async fn a_farm_serves_any_chain_with_any_key() {
    let pki = Pki::new(Timestamp::now()).expect("P-256");
    let issue = || pki.leaf(["a.test"]).signed_by(&pki.intermediate).expect("a sound name");
    let (leaf, other) = (issue(), issue());
    let mut farm = Farm::new();
    let page = || Page::text("hello");
    let stolen = farm.tls(vec![leaf.der(), pki.intermediate.der()], other.key_der(), page()).await.expect("loopback");
    let garbage = farm.tls(vec![b"no certificate".to_vec().into()], leaf.key_der(), page()).await.expect("loopback");

    let scratch = Scratch::new();
    let root = scratch.file("root.pem", pki.root.pem());
    let ask = |address: SocketAddr| {
        let root = root.clone();
        tokio::task::spawn_blocking(move || openssl::s_client(&address.to_string(), "a.test", &root))
    };
    let (stolen, garbage) = (ask(stolen).await.expect("no panic"), ask(garbage).await.expect("no panic"));
    assert_eq!(stolen.presented().first().map(|first| first.der().to_vec()), Some(leaf.der().to_vec()));
    assert!(stolen.text.contains("bad signature"), "{}", stolen.text);
    assert!(garbage.presented().is_empty() && garbage.text.contains("asn1"), "{}", garbage.text);
    farm.stop().await;
}

#[tokio::test]
async fn two_labs_live_side_by_side() {
    let (one, other) = (lab().await, lab().await);
    let targets: BTreeSet<&str> = one.servers().iter().chain(other.servers()).map(|server| server.target.as_str()).collect();
    assert_eq!(targets.len(), one.servers().len() + other.servers().len());
    assert_ne!(one.root_pem(), other.root_pem());
    let said = ask_openssl(&one, &["healthy"], |said| format!("{:?}", said.verify_code())).await;
    one.stop().await;
    let still = ask_openssl(&other, &["healthy"], |said| format!("{:?}", said.verify_code())).await;
    assert_eq!((said.as_str(), still.as_str()), ("healthy: Some(0)\n", "healthy: Some(0)\n"));
}

#[tokio::test]
async fn the_configuration_watches_every_server() {
    let (lab, scratch) = (lab().await, Scratch::new());
    let text = lab.config_yaml(scratch.path(), 9843, ([127, 0, 0, 1], 2525).into());
    let yaml: serde_yaml::Value = serde_yaml::from_str(&text).expect("YAML");
    let root = scratch.file(ROOT_FILE, lab.root_pem());
    assert_eq!(yaml["trust"]["files"][0].as_str(), root.to_str());

    let entries = yaml["endpoints"].as_sequence().expect("a list");
    let text_of = |entry: &serde_yaml::Value, key: &str| entry[key].as_str().expect("a text").to_owned();
    let watched: Vec<_> = entries.iter().map(|e| ["name", "target", "server_name"].map(|key| text_of(e, key))).collect();
    let there: Vec<_> = lab.servers().iter().map(|s| [s.name.to_owned(), s.target.clone(), s.server_name.clone()]).collect();
    assert_eq!(watched, there);
    for server in lab.servers() {
        let target: Target = server.target.parse().expect("a target");
        assert_eq!((target.protocol, target.port), (Protocol::Tls, server.port));
    }
    let owners: BTreeSet<String> = entries.iter().map(|entry| text_of(entry, "owner")).collect();
    assert_eq!(owners.len(), entries.len(), "an owner each, or their first mails are merged: {owners:?}");
}

#[tokio::test]
async fn the_command_shown_is_the_one_that_was_asked() {
    let lab = lab().await;
    let shown = server(&lab, "wrong-host")
        .openssl_command(Path::new("/tmp/demo/root.pem"))
        .replace(&server(&lab, "wrong-host").target, "TARGET");
    insta::assert_snapshot!(shown, @"openssl s_client -connect TARGET -servername wrong-host.lab.test -verify_hostname wrong-host.lab.test -CAfile /tmp/demo/root.pem -no-CApath -no-CAstore </dev/null");
}

/// `docs/lab.md` tells of every server what the lab expects of it. To write the table anew, set `CERTVIGIL_WRITE_DOCS=1`.
#[tokio::test]
async fn the_documented_table_is_true() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/lab.md");
    let page = fs::read_to_string(&path).expect("docs/lab.md is there");
    let (head, rest) = page.split_once(TABLE_BEGINS).expect("docs/lab.md says where its table begins");
    let (_, tail) = rest.split_once(TABLE_ENDS).expect("docs/lab.md says where its table ends");
    let true_page = format!("{head}{TABLE_BEGINS}\n{}{TABLE_ENDS}{tail}", table(lab().await.servers()));
    if std::env::var_os("CERTVIGIL_WRITE_DOCS").is_some() {
        fs::write(&path, &true_page).expect("docs/lab.md can be written");
    } else {
        assert_eq!(page, true_page, "CERTVIGIL_WRITE_DOCS=1 writes the table anew");
    }
}

fn table(servers: &[Server]) -> String {
    let mut out = String::from(
        "| server | what it does | verify code | chain status | severity | findings | fault | repaired chain | mails |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    let codes = |codes: &[&str]| match codes {
        [] => "none".to_owned(),
        codes => codes.iter().map(|code| format!("`{code}`")).collect::<Vec<_>>().join(", "),
    };
    for Server { name, what, expected, .. } in servers {
        let code = expected.verify_code.map_or("null".to_owned(), |code| code.to_string());
        let fault = expected.fault.unwrap_or("none");
        writeln!(
            out,
            "| `{name}` | {what} | {code} | `{}` | {} | {} | {fault} | {} | {} |",
            expected.chain_status,
            expected.severity,
            codes(expected.findings),
            if expected.repairable { "given" } else { "none" },
            codes(expected.mails),
        )
        .expect("a string can be written");
    }
    out
}

/// One HTTP request; the whole answer.
async fn get(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), path: &str) -> Vec<u8> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: lab.test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = Vec::new();
    timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await.expect("within 5 seconds").expect("it answers");
    answer
}

const TABLE_BEGINS: &str = "<!-- table: begins -->";
const TABLE_ENDS: &str = "<!-- table: ends -->";
