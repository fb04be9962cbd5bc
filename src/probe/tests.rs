//! Visits to servers in this process, sound and unsound.

mod introduction;

use core::net::SocketAddr;
use std::{sync::Arc, time::Duration};

use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::observation::{FailureKind, Handshake, Outcome, Possession};

/// A CA, and a leaf of it for a.example.
struct Pki {
    ca: CertificateDer<'static>,
    leaf: CertificateDer<'static>,
    leaf_key: KeyPair,
}

fn pki() -> Pki {
    let ca_key = KeyPair::generate().expect("key");
    let mut params = CertificateParams::new(vec![]).expect("params");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = params.self_signed(&ca_key).expect("ca").der().clone();
    let leaf_key = KeyPair::generate().expect("key");
    let issuer = Issuer::new(params, ca_key);
    let leaf = CertificateParams::new(vec!["a.example".into()]).expect("params").signed_by(&leaf_key, &issuer).expect("leaf");
    Pki { ca, leaf: leaf.der().clone(), leaf_key }
}

#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

/// Serves these octets as a chain, whatever they are, and signs with this key, whether or not it is the leaf's.
fn config(
    versions: &[&'static SupportedProtocolVersion],
    chain: Vec<CertificateDer<'static>>,
    key: &KeyPair,
    client_roots: Option<&CertificateDer<'static>>,
) -> ServerConfig {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("key");
    let key = provider.key_provider.load_private_key(key).expect("key");
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions).expect("versions");
    let builder = match client_roots {
        None => builder.with_no_client_auth(),
        Some(root) => {
            let mut roots = RootCertStore::empty();
            roots.add(root.clone()).expect("root");
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().expect("verifier");
            builder.with_client_cert_verifier(verifier)
        }
    };
    builder.with_cert_resolver(Arc::new(Always(Arc::new(CertifiedKey::new(chain, key)))))
}

/// Gives every connection to `serve`.
async fn server<F: Future<Output = ()> + Send + 'static>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let address = listener.local_addr().expect("address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

async fn tls_server(config: ServerConfig) -> SocketAddr {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    server(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.read(&mut [0; 64]).await;
            }
        }
    })
    .await
}

/// Knows no group but P-521, and serves nobody else.
fn p521_only(version: &'static SupportedProtocolVersion, pki: &Pki) -> ServerConfig {
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = vec![p521::SECP521R1];
    let key = PrivateKeyDer::try_from(pki.leaf_key.serialize_der()).expect("key");
    ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[version])
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![pki.leaf.clone()], key)
        .expect("config")
}

fn endpoint(address: SocketAddr) -> Endpoint {
    let target = address.to_string().parse().expect("target");
    Endpoint { server_name: "a.example".parse().expect("name"), ..Endpoint::new(target) }
}

async fn visit_with(settings: Settings, address: SocketAddr, timeout: Duration) -> Observation {
    let endpoint = Endpoint { timeout, ..endpoint(address) };
    Prober::new(settings).probe(&endpoint, address.ip(), Timestamp::UNIX_EPOCH).await
}

async fn visit(address: SocketAddr) -> Observation {
    visit_with(Settings::default(), address, Duration::from_secs(10)).await
}

async fn handshake(config: ServerConfig) -> Handshake {
    match visit(tls_server(config).await).await.outcome {
        Outcome::Handshake(handshake) => handshake,
        Outcome::Failure(failure) => panic!("no chain: {failure:?}"),
    }
}

async fn failure(address: SocketAddr, timeout: Duration) -> Failure {
    match visit_with(Settings::default(), address, timeout).await.outcome {
        Outcome::Failure(failure) => failure,
        Outcome::Handshake(handshake) => panic!("a chain: {handshake:?}"),
    }
}

fn ders(handshake: &Handshake) -> Vec<Vec<u8>> {
    handshake.chain.iter().map(|certificate| certificate.der().to_vec()).collect()
}

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_stapled_answer_is_noticed() {
    let pki = pki();
    let provider = aws_lc_rs::default_provider();
    let key = PrivateKeyDer::try_from(pki.leaf_key.serialize_der()).expect("key");
    let mut certified = CertifiedKey::new(vec![pki.leaf.clone()], provider.key_provider.load_private_key(key).expect("key"));
    for staple in [None, Some(b"an answer".to_vec())] {
        certified.ocsp.clone_from(&staple);
        for version in [&TLS12, &TLS13] {
            let mut config = config(&[version], Vec::new(), &pki.leaf_key, None);
            config.cert_resolver = Arc::new(Always(Arc::new(certified.clone())));
            assert_eq!(handshake(config).await.tls.stapled, Some(staple.is_some()), "{version:?}");
        }
    }
}

#[tokio::test]
async fn the_whole_chain_comes_home_with_the_facts_of_the_session() {
    let pki = pki();
    let chain = vec![pki.leaf.clone(), pki.ca.clone()];
    let observation = visit(tls_server(config(&[&TLS13, &TLS12], chain, &pki.leaf_key, None)).await).await;
    let stages: Vec<Stage> = observation.timing.iter().map(|(stage, _)| stage).collect();
    assert_eq!(stages, [Stage::Connect, Stage::Handshake]);
    let seen = observation.handshake().expect("handshake");
    assert_eq!(ders(seen), [pki.leaf.to_vec(), pki.ca.to_vec()]);
    assert_eq!(seen.possession, Possession::Proven);
    assert_eq!((seen.wants_client_certificate, &seen.broken_off), (false, &None));
    assert_eq!((seen.tls.version.as_str(), seen.tls.cipher.as_str()), ("TLSv1.3", "TLS_AES_256_GCM_SHA384"));
    assert_eq!((seen.tls.group.as_str(), &seen.tls.alpn), ("X25519MLKEM768", &None));

    let old = handshake(config(&[&TLS12], vec![pki.leaf.clone()], &pki.leaf_key, None)).await;
    assert_eq!(old.possession, Possession::Proven);
    assert_eq!((old.tls.version.as_str(), old.tls.cipher.as_str()), ("TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"));
    assert_eq!(old.tls.group, "x25519");

    for version in [&TLS12, &TLS13] {
        let rare = handshake(p521_only(version, &pki)).await;
        assert_eq!((rare.tls.group.as_str(), &rare.possession, &rare.broken_off), ("secp521r1", &Possession::Proven, &None));
    }
}

#[tokio::test]
async fn a_chain_of_garbage_is_captured_all_the_same() {
    let key = KeyPair::generate().expect("key");
    for version in [&TLS12, &TLS13] {
        let chain = vec![CertificateDer::from(&b"no certificate"[..]), CertificateDer::from(&b"\x30\x03\x02\x01"[..])];
        let seen = handshake(config(&[version], chain, &key, None)).await;
        assert_eq!(ders(&seen), [b"no certificate".to_vec(), b"\x30\x03\x02\x01".to_vec()]);
        assert_eq!(seen.possession, Possession::Unchecked("the certificate cannot be read".into()));
        assert_eq!(seen.broken_off, None);
    }
}

#[tokio::test]
async fn a_server_that_signs_with_another_key_is_found_out() {
    let pki = pki();
    for version in [&TLS12, &TLS13] {
        let seen = handshake(config(&[version], vec![pki.leaf.clone()], &KeyPair::generate().expect("key"), None)).await;
        assert_eq!(seen.possession, Possession::Failed);
        let rsa_like = KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("key");
        let seen = handshake(config(&[version], vec![pki.leaf.clone()], &rsa_like, None)).await;
        assert_eq!(seen.possession, Possession::Failed, "a key of another kind");
    }
}

#[tokio::test]
async fn a_server_that_insists_on_a_client_certificate_shows_its_own_first() {
    let pki = pki();
    for version in [&TLS12, &TLS13] {
        let config = config(&[version], vec![pki.leaf.clone()], &pki.leaf_key, Some(&pki.ca));
        let address = tls_server(config).await;
        let observation = visit(address).await;
        let seen = observation.handshake().expect("handshake");
        assert_eq!(ders(seen), [pki.leaf.to_vec()]);
        assert_eq!(seen.possession, Possession::Proven);
        assert!(!seen.tls.version.is_empty() && !seen.tls.cipher.is_empty(), "{:?}", seen.tls);
        let broken_off = seen.broken_off.as_ref().expect("broken off");
        assert_eq!(broken_off.kind, FailureKind::Alert("certificate_required".into()));
        assert_eq!(broken_off.detail, "the server ended the handshake with alert certificate_required (116)");
        assert!(seen.wants_client_certificate);

        let pem = pem::encode(&pem::Pem::new("CERTIFICATE", pki.leaf.to_vec()));
        let identity = ClientIdentity::from_pem(pem.as_bytes(), pki.leaf_key.serialize_pem().as_bytes()).expect("identity");
        let settings = Settings { identity: Some(identity), ..Settings::default() };
        let observation = visit_with(settings, address, LONG).await;
        assert_eq!(observation.handshake().expect("handshake").broken_off, None);
    }
}

#[tokio::test]
async fn plaintext_servers_are_recognised_by_what_they_say() {
    let table: &[(&'static [u8], &str)] = &[
        (b"220 mail.example ESMTP\r\n", "smtp"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "ssh"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n<html>", "http"),
        (b"who goes there?\n", "unknown"),
    ];
    for (banner, name) in table {
        let address = server(move |mut stream| async move {
            let (first, rest) = banner.split_at(2);
            stream.write_all(first).await.expect("write");
            tokio::task::yield_now().await;
            stream.write_all(rest).await.expect("write");
            // Waits for ever, as such servers do.
            while let Ok(1..) = stream.read(&mut [0; 4096]).await {}
        })
        .await;
        assert_eq!(failure(address, LONG).await.kind, FailureKind::Plaintext((*name).into()));
    }
}

#[tokio::test]
async fn refused_reset_closed_and_silent_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let nobody = listener.local_addr().expect("address");
    drop(listener);
    let refused = failure(nobody, LONG).await;
    assert_eq!((refused.stage, refused.kind), (Stage::Connect, FailureKind::Refused));
    assert_eq!(refused.detail, format!("connection refused by {nobody}"));

    let closing = server(|mut stream| async move { drop(stream.read(&mut [0; 4096]).await) }).await;
    let closed = failure(closing, LONG).await;
    assert_eq!((closed.stage, closed.kind), (Stage::Handshake, FailureKind::ClosedEarly));
    assert_eq!(
        closed.detail,
        format!("{closing} closed the connection in answer to the ClientHello (also with a smaller ClientHello)")
    );

    // Closing with the ClientHello unread makes the kernel send a reset.
    let resetting = server(|stream| async move {
        stream.readable().await.expect("readable");
        drop(stream);
    })
    .await;
    let reset = failure(resetting, LONG).await;
    assert_eq!((reset.stage, reset.kind), (Stage::Handshake, FailureKind::Reset));

    let stalling = server(|mut stream| async move { while let Ok(1..) = stream.read(&mut [0; 4096]).await {} }).await;
    let silent = failure(stalling, SHORT).await;
    assert_eq!((silent.stage, silent.kind), (Stage::Handshake, FailureKind::Timeout));
    assert_eq!(
        silent.detail,
        format!("{stalling} took the connection and said nothing within 300ms (also with a smaller ClientHello)")
    );
}

#[tokio::test]
async fn a_slow_drip_ends_at_the_deadline() {
    let dripping = server(|mut stream| async move {
        // A record of 16 KiB that never ends.
        let mut octet = [0x16, 0x03, 0x03, 0x40, 0x00].into_iter().chain(std::iter::repeat(0x02));
        while stream.write_all(&[octet.next().expect("endless")]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let started = std::time::Instant::now();
    let failure = failure(dripping, SHORT).await;
    assert_eq!(failure.kind, FailureKind::Timeout);
    assert!(failure.detail.contains("did not finish the handshake within 300ms ("), "{}", failure.detail);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_flood_is_cut_off() {
    // A ServerHello of nearly 64 KiB in records of one octet each.
    let flooding = server(|mut stream| async move {
        let message = [0x02, 0x00, 0xff, 0xf0].into_iter().chain(std::iter::repeat(0x03));
        let records: Vec<u8> = message.take(0xfff0).flat_map(|octet| [0x16, 0x03, 0x03, 0x00, 0x01, octet]).collect();
        while stream.write_all(&records).await.is_ok() {}
    })
    .await;
    let cut = failure(flooding, LONG).await;
    assert_eq!(cut.kind, FailureKind::TooMuchData);
    let settings = Settings { max_handshake_bytes: 10_000, ..Settings::default() };
    let cut = visit_with(settings, flooding, LONG).await;
    let detail = format!("{flooding} sent more than 10000 octets of handshake");
    let failure_of = Failure { stage: Stage::Handshake, kind: FailureKind::TooMuchData, detail };
    assert_eq!(cut.failure(), Some(&failure_of));

    // Ten megabytes announced in one message.
    let flooding = server(|mut stream| async move {
        let mut octets = vec![0x16, 0x03, 0x03, 0x40, 0x00, 0x0b, 0x9f, 0xff, 0xff];
        octets.resize(10_000_000, 0);
        let _ = stream.write_all(&octets).await;
    })
    .await;
    assert_eq!(failure(flooding, LONG).await.kind, FailureKind::TooMuchData);

    let text = server(|mut stream| async move { while stream.write_all(&vec![b'x'; 65536]).await.is_ok() {} }).await;
    assert_eq!(failure(text, LONG).await.kind, FailureKind::Plaintext("unknown".into()));
}

#[tokio::test]
async fn alerts_are_named() {
    for (alert, kind) in [
        (40, FailureKind::Alert("handshake_failure".into())),
        (112, FailureKind::Alert("unrecognized_name".into())),
        (70, FailureKind::NoCommonVersion),
    ] {
        let address = server(move |mut stream| async move {
            let _ = stream.read(&mut [0; 4096]).await;
            stream.write_all(&[0x15, 0x03, 0x01, 0x00, 0x02, 0x02, alert]).await.expect("write");
        })
        .await;
        assert_eq!(failure(address, LONG).await.kind, kind);
    }
}

/// Does not answer a ClientHello that is larger than a packet, as some middleboxes do.
async fn small_hellos_only(config: ServerConfig) -> SocketAddr {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    server(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut hello = [0; 1300];
            loop {
                match stream.peek(&mut hello).await {
                    Ok(1300..) => return,
                    Ok(6..) => break,
                    _ => {}
                }
            }
            drop(acceptor.accept(stream).await);
        }
    })
    .await
}

#[tokio::test]
async fn a_server_that_drops_large_hellos_gets_a_small_one() {
    let pki = pki();
    let address = small_hellos_only(config(&[&TLS13], vec![pki.leaf.clone()], &pki.leaf_key, None)).await;
    let observation = visit(address).await;
    let seen = observation.handshake().expect("handshake");
    assert_eq!(seen.tls.group, "x25519");
    assert_eq!(seen.broken_off, None);
}

#[tokio::test]
async fn addresses_are_resolved_as_the_endpoint_wants_them() {
    let prober = Prober::new(Settings::default());
    let mut endpoint = endpoint("127.0.0.1:443".parse().expect("address"));
    endpoint.target.host = "localhost".parse().expect("name");
    let all = prober.resolve(&endpoint).await.expect("addresses").addresses;
    assert!(!all.is_empty() && all.iter().all(IpAddr::is_loopback), "{all:?}");
    endpoint.addresses = Addresses::First;
    assert_eq!(prober.resolve(&endpoint).await.expect("addresses").addresses, all[..1]);
    let only = "192.0.2.9".parse().expect("ip");
    endpoint.addresses = Addresses::Only(only);
    assert_eq!(prober.resolve(&endpoint).await.expect("addresses").addresses, [only]);
}

#[tokio::test]
async fn starttls_leads_to_the_handshake_under_the_same_deadline() {
    let pki = pki();
    let acceptor = TlsAcceptor::from(Arc::new(config(&[&TLS13], vec![pki.leaf.clone()], &pki.leaf_key, None)));
    let address = server(move |mut stream| {
        let acceptor = acceptor.clone();
        async move {
            stream.write_all(b"+OK ready\r\n").await.expect("write");
            stream.read_exact(&mut [0; 6]).await.expect("STLS");
            stream.write_all(b"+OK begin\r\n").await.expect("write");
            drop(acceptor.accept(stream).await);
        }
    })
    .await;
    let pop3 = |address: SocketAddr, timeout| {
        let target = format!("pop3://{address}").parse().expect("target");
        Endpoint { timeout, ..Endpoint::new(target) }
    };
    let prober = Prober::new(Settings::default());
    let seen = prober.probe(&pop3(address, LONG), address.ip(), Timestamp::UNIX_EPOCH).await;
    assert_eq!(ders(seen.handshake().expect("handshake")), [pki.leaf.to_vec()]);
    assert_eq!(seen.timing.iter().map(|(stage, _)| stage).collect::<Vec<_>>(), Stage::ALL[1..]);

    let silent = server(|mut stream| async move { while let Ok(1..) = stream.read(&mut [0; 64]).await {} }).await;
    let seen = prober.probe(&pop3(silent, SHORT), silent.ip(), Timestamp::UNIX_EPOCH).await;
    let failure = seen.failure().expect("failure");
    assert_eq!((failure.stage, &failure.kind), (Stage::Starttls, &FailureKind::Timeout));
    assert_eq!(failure.detail, format!("{silent} did not come to STARTTLS within 300ms"));
}

#[tokio::test]
async fn a_proxy_gets_the_name_and_resolves_it() {
    let pki = pki();
    let acceptor = TlsAcceptor::from(Arc::new(config(&[&TLS13], vec![pki.leaf.clone()], &pki.leaf_key, None)));
    let proxy = server(move |mut stream| {
        let acceptor = acceptor.clone();
        async move {
            let expected = b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n";
            let mut request = vec![0; expected.len()];
            stream.read_exact(&mut request).await.expect("request");
            assert_eq!(request, expected);
            stream.write_all(b"HTTP/1.0 200 ok\r\n\r\n").await.expect("write");
            drop(acceptor.accept(stream).await);
        }
    })
    .await;
    let proxy_setting = Proxy { host: Host::Ip(proxy.ip()), port: proxy.port() };
    let prober = Prober::new(Settings { proxy: Some(proxy_setting), ..Settings::default() });
    let endpoint = Endpoint::new("a.example".parse().expect("target"));
    let addresses = prober.resolve(&endpoint).await.expect("addresses").addresses;
    assert_eq!(addresses, [proxy.ip()]);
    let seen = prober.probe(&endpoint, addresses[0], Timestamp::UNIX_EPOCH).await;
    assert_eq!(ders(seen.handshake().expect("handshake")), [pki.leaf.to_vec()]);
}
