//! What a real rustls says of the lab's servers, beside what its view says that it would say.

use std::sync::Arc;

use certvigil::{
    certificate::Certificate,
    diagnosis::{Client, Expectation, Stores, Trust, views},
    endpoint::Endpoint,
    fetch,
    lab::{Lab, Server},
    probe,
    visit::{Visitor, When},
};
use jiff::Timestamp;
use rustls::{
    CertificateError, ClientConfig, Error, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// What ends the handshake, none where nothing does: the name of rustls' variant, with or without its context.
async fn rustls(server: &Server, config: &Arc<ClientConfig>) -> Option<String> {
    let name = ServerName::try_from(server.server_name.clone()).expect("a name");
    let tcp = TcpStream::connect(&server.target).await.expect("it listens");
    let error = TlsConnector::from(Arc::clone(config)).connect(name, tcp).await.err()?;
    let error = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()).expect("a fault that rustls finds");
    let Error::InvalidCertificate(fault) = error else { panic!("{error:?}") };
    let words = match fault {
        CertificateError::Other(other) => format!("{:?}", other.0),
        fault => format!("{fault:?}"),
    };
    let variant = words.split([' ', '(', '{']).next().unwrap_or_default();
    Some(variant.trim_end_matches("Context").to_owned())
}

#[tokio::test]
async fn rustls_says_what_its_view_says() {
    let lab = Lab::start(Timestamp::now()).await.expect("loopback has free ports");
    let root = CertificateDer::from_pem_slice(lab.root_pem().as_bytes()).expect("PEM");
    let trust = Arc::new(Trust::new([Certificate::from_der(&root)]));
    let stores = Stores { system: Arc::clone(&trust), mozilla: Arc::clone(&trust) };
    let mut roots = RootCertStore::empty();
    roots.add(root).expect("a root");
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let config = Arc::new(config);
    let fetch = fetch::Settings { enabled: false, ..fetch::Settings::default() };
    let visitor = Visitor::new(probe::Settings::default(), fetch, 8);
    let (mut compared, mut refused) = (0, 0);
    for server in lab.servers().iter().filter(|server| server.expected.verify_code.is_some()) {
        let mut endpoint = Endpoint::new(server.target.parse().expect("a target"));
        endpoint.server_name = server.server_name.parse().expect("a name");
        let expectation = Expectation { host: Some(endpoint.server_name.clone()), ..Expectation::default() };
        let now = Timestamp::now();
        let visit = visitor.visit(&endpoint, &expectation, &trust, When::now(now)).await;
        let views = views(&visit.seen[0], &expectation, &trust, &stores, now).expect("a chain");
        let view = views.clients.iter().find(|view| view.client == Client::Rustls).expect("it is there");
        let ours = view.answer.reason().strip_prefix("invalid peer certificate: ").map(str::to_owned);
        let theirs = rustls(server, &config).await;
        assert_eq!(ours, theirs, "{}: {:?}", server.name, view.answer);
        compared += 1;
        refused += usize::from(theirs.is_some());
    }
    assert!(refused >= 6 && compared > refused, "{refused} of {compared} are refused");
}
