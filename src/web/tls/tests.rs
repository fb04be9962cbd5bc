use std::{fs, net::SocketAddr};

use http_body_util::BodyExt as _;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{PrivateKeyDer, ServerName},
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::web::{Listen, Locks, OwnMetrics, Pulse, Rules, Settings, State, sample, serve};

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// A directory of its own, gone at the end, with a certificate to serve.
struct Scratch {
    directory: PathBuf,
    authority: Issuer,
}

fn authority(name: &str) -> Issuer {
    let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate")
}

/// Certificate and key, in PEM.
fn leaf(names: &[&str], issuer: &Issuer) -> (String, String) {
    let mut params = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).expect("names");
    params.subject_alt_names.push(SanType::URI("spiffe://a.example/b".try_into().expect("ASCII")));
    let key = KeyPair::generate().expect("a key");
    (params.signed_by(&key, issuer).expect("a certificate").pem(), key.serialize_pem())
}

impl Scratch {
    fn new() -> Self {
        let directory = std::env::temp_dir().join(format!("certvigil-tls-{:016x}", fastrand::u64(..)));
        fs::create_dir(&directory).expect("a directory");
        let scratch = Scratch { directory, authority: authority("authority") };
        scratch.renew("one.example");
        scratch
    }

    fn write(&self, name: &str, content: &str) -> Source {
        let (path, new) = (self.directory.join(name), self.directory.join("new"));
        fs::write(&new, content).expect("written");
        // Another file, as those who renew certificates do it: what was there is told apart even within a tick of the clock.
        fs::rename(&new, &path).expect("renamed");
        Source::File(path)
    }

    fn renew(&self, name: &str) {
        let (certificate, key) = leaf(&[name], &self.authority);
        self.write("cert.pem", &certificate);
        self.write("key.pem", &key);
    }

    fn settings(&self) -> TlsSettings {
        let file = |name| Source::File(self.directory.join(name));
        TlsSettings {
            certificate: file("cert.pem"),
            key: file("key.pem"),
            client_auth: ClientAuth::NoClientCert,
            client_ca: None,
            client_sans: Vec::new(),
            versions: vec![&TLS12, &TLS13],
            cipher_suites: Vec::new(),
            groups: Vec::new(),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

struct Server {
    address: SocketAddr,
    shutdown: CancellationToken,
    state: State,
    _held: watch::Sender<Arc<crate::monitor::Snapshot>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

async fn server(tls: &Arc<Tls>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let address = listener.local_addr().expect("address");
    let settings = settings(address, Some(tls));
    let (held, snapshots) = watch::channel(Arc::new(sample::small()));
    let (_, mail) = watch::channel(None);
    let (own, pulse, locks) = (Arc::new(OwnMetrics::new()), Arc::new(Pulse::new()), Arc::new(Locks::new(&settings)));
    let state = State {
        snapshots,
        own,
        pulse,
        answers: None,
        locks,
        desk: Arc::new(crate::web::Desk::new().0),
        strangers: None,
        archive: None,
        mail,
    };
    let shutdown = CancellationToken::new();
    tokio::spawn(serve(vec![listener.into()], state.clone(), shutdown.clone()));
    Server { address, shutdown, state, _held: held }
}

fn settings(address: SocketAddr, tls: Option<&Arc<Tls>>) -> Settings {
    let rules = Rules { tls: tls.cloned(), ..Rules::default() };
    Settings { listen: vec![Listen::Tcp(address)], public_url: None, watch_certificate: true, rules }
}

/// What a scrape says of the port's certificate.
async fn reloaded(server: &Server) -> String {
    let request = hyper::Request::get("/metrics").body(String::new()).expect("a request");
    let scrape = crate::web::routes::answer(&server.state, request).await.into_body().collect().await.expect("a scrape");
    let scrape = String::from_utf8(scrape.to_bytes().to_vec()).expect("text");
    let name = "certvigil_web_certificate_reload_successful ";
    scrape.lines().find_map(|line| line.strip_prefix(name)).expect("the series").to_owned()
}

/// The answer to `GET /healthz`, of a server that must have this name; or why there is none.
async fn ask(server: &Server, root: &Issuer, name: &str, identity: Option<&(String, String)>) -> Result<String, String> {
    let mut roots = RootCertStore::empty();
    roots.add(root.der().clone()).expect("a root");
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions").with_root_certificates(roots);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            use rustls::pki_types::{CertificateDer, pem::PemObject as _};
            let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).expect("PEM");
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM");
            builder.with_client_auth_cert(vec![certificate], key).expect("a pair")
        }
    };
    let stream = TcpStream::connect(server.address).await.expect("connected");
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let told = |error: std::io::Error| error.to_string();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(told)?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.map_err(told)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.map_err(told)?;
    Ok(answer)
}

#[tokio::test]
async fn what_is_renewed_on_disk_is_served_and_what_is_broken_is_not() {
    let scratch = Scratch::new();
    let tls = Arc::new(Tls::open(scratch.settings()).expect("sound"));
    let server = server(&tls).await;
    let served = |name: &'static str| ask(&server, &scratch.authority, name, None);
    assert!(served("one.example").await.expect("an answer").ends_with("alive\n"));
    scratch.renew("two.example");
    assert!(tls.look());
    assert!(served("two.example").await.is_ok());
    assert!(served("one.example").await.expect_err("no longer").contains("not valid for name"));
    // The key of another: what works goes on.
    let (_, another) = leaf(&["three.example"], &scratch.authority);
    scratch.write("key.pem", &another);
    assert!(!tls.look());
    assert!(served("two.example").await.is_ok());
    fs::remove_file(scratch.directory.join("cert.pem")).expect("removed");
    assert!(!tls.look() && !tls.look());
    assert!(served("two.example").await.is_ok());
    assert_eq!(reloaded(&server).await, "0");
    // A configuration without TLS has no certificate that could be wrong.
    server.state.locks.change(&settings(server.address, None));
    assert_eq!(reloaded(&server).await, "1");
    server.state.locks.change(&settings(server.address, Some(&tls)));
    assert_eq!(reloaded(&server).await, "0");
    scratch.renew("four.example");
    assert!(tls.look());
    assert!(served("four.example").await.is_ok());
    assert_eq!(reloaded(&server).await, "1");
}

#[tokio::test]
async fn plain_http_is_told_that_it_is_wrong() {
    let scratch = Scratch::new();
    let server = server(&Arc::new(Tls::open(scratch.settings()).expect("sound"))).await;
    let mut stream = TcpStream::connect(server.address).await.expect("connected");
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{head}");
    assert!(head.ends_with(&format!("content-length: {}", body.len())), "{head}");
    assert_eq!(body, "this port speaks TLS: ask for https:// instead of http\n");
    // What is neither ends without a word in plain text, and nobody else suffers.
    let mut stream = TcpStream::connect(server.address).await.expect("connected");
    stream.write_all(&[0; 100]).await.expect("written");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert!(ask(&server, &scratch.authority, "one.example", None).await.is_ok());
}

#[tokio::test]
async fn clients_show_what_is_asked_of_them() {
    let scratch = Scratch::new();
    let (ours, theirs) = (authority("clients"), authority("others"));
    let (good, foreign) = (leaf(&["prometheus.example"], &ours), leaf(&["prometheus.example"], &theirs));
    let ca = scratch.write("ca.pem", &ours.pem());
    let table = [
        // None shown, ours, another's.
        (ClientAuth::NoClientCert, [true, true, true]),
        (ClientAuth::RequestClientCert, [true, true, true]),
        (ClientAuth::RequireAnyClientCert, [false, true, true]),
        (ClientAuth::VerifyClientCertIfGiven, [true, true, false]),
        (ClientAuth::RequireAndVerifyClientCert, [false, true, false]),
    ];
    for (client_auth, expected) in table {
        let settings = TlsSettings { client_auth, client_ca: Some(ca.clone()), ..scratch.settings() };
        let server = server(&Arc::new(Tls::open(settings).expect("sound"))).await;
        for (identity, expected) in [None, Some(&good), Some(&foreign)].into_iter().zip(expected) {
            let answer = ask(&server, &scratch.authority, "one.example", identity).await;
            assert_eq!(answer.is_ok(), expected, "{client_auth:?} {identity:?} {answer:?}");
        }
    }
    for (san, expected) in [("prometheus.example", true), ("spiffe://a.example/b", true), ("grafana.example", false)] {
        let client_auth = ClientAuth::RequireAndVerifyClientCert;
        let settings =
            TlsSettings { client_auth, client_ca: Some(ca.clone()), client_sans: vec![san.into()], ..scratch.settings() };
        let server = server(&Arc::new(Tls::open(settings).expect("sound"))).await;
        let answer = ask(&server, &scratch.authority, "one.example", Some(&good)).await;
        assert_eq!(answer.is_ok(), expected, "{san} {answer:?}");
    }
}

#[test]
fn everything_that_is_wrong_is_told() {
    let scratch = Scratch::new();
    let told = |settings: TlsSettings| {
        let troubles = Tls::open(settings).expect_err("not to be served");
        let text = troubles.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        text.replace(&*scratch.directory.to_string_lossy(), "")
    };
    let missing = scratch.directory.join("missing.pem");
    let encrypted =
        scratch.write("encrypted.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
    let plain = scratch.settings();
    let wrong = TlsSettings { certificate: Source::File(missing), key: encrypted, ..scratch.settings() };
    insta::assert_snapshot!(told(wrong), @r#"
    certificate: "/missing.pem" does not exist; check the path, which begins at the directory of this file
    key: "/encrypted.pem" is encrypted; decrypt it: openssl pkey -in KEY -out PLAIN, with mode 0600
    "#);
    let wrong = TlsSettings { certificate: plain.key.clone(), key: plain.certificate.clone(), ..scratch.settings() };
    insta::assert_snapshot!(told(wrong), @r#"
    certificate: "/key.pem" holds no certificate in PEM; name the file of the certificates, leaf first
    key: "/cert.pem" holds no private key in PEM that can be used; name the leaf's key, in PKCS#8, PKCS#1 or SEC1
    "#);
    let (_, another) = leaf(&["a.example"], &scratch.authority);
    insta::assert_snapshot!(told(TlsSettings { key: Source::Text(another.into()), ..scratch.settings() }), @r#"key: does not belong to the first certificate; name the leaf's key, and write the leaf first into the file of certificates"#);
    let client_auth = ClientAuth::RequireAndVerifyClientCert;
    let wrong = TlsSettings { client_auth, client_ca: Some(plain.key), ..scratch.settings() };
    insta::assert_snapshot!(told(wrong), @r#"client_ca: "/key.pem" holds no certificate in PEM; name the file of the certificates, leaf first"#);
}

#[test]
fn nothing_shows_a_key() {
    let key = Source::Text("-----BEGIN PRIVATE KEY-----".into());
    let shown = format!("{:?}", TlsSettings { key, ..Scratch::new().settings() });
    assert!(shown.contains("***") && !shown.contains("BEGIN"), "{shown}");
}
