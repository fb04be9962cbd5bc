//! Servers of raw octets on loopback, and what the fetcher makes of the worst of them.

use core::net::SocketAddr;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{Fetcher, Settings};
use crate::{
    certificate::Certificate,
    lab::pki::{Issued, Pki, Recipe, certs_only},
};

/// A server on loopback, until it is dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) url: String,
    requests: Arc<AtomicUsize>,
    _conversations: JoinSet<()>,
}

impl Server {
    /// One that reads each client's request, and then holds this conversation.
    pub(super) async fn start<F>(converse: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let address = listener.local_addr().expect("address");
        let (requests, mut conversations) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
        let count = Arc::clone(&requests);
        conversations.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 1024]).await;
                count.fetch_add(1, Ordering::Relaxed);
                converse(stream).await;
            }
        });
        Server { address, url: format!("http://{address}/ca"), requests, _conversations: conversations }
    }

    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

/// Answers every request with these octets.
pub(super) async fn server(reply: Vec<u8>) -> Server {
    let reply = Arc::new(reply);
    Server::start(move |mut stream| {
        let reply = Arc::clone(&reply);
        async move {
            let _ = stream.write_all(&reply).await;
        }
    })
    .await
}

pub(super) fn http(status: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

fn pki() -> Pki {
    Pki::new("2026-11-22T12:00:00Z".parse().expect("a timestamp")).expect("P-256")
}

fn leaf(pki: &Pki, urls: &[&str]) -> Arc<Certificate> {
    let recipe = urls.iter().fold(pki.leaf(["a.test"]), |recipe, url| recipe.aia(url));
    Certificate::from_der(&recipe.signed_by(&pki.intermediate).expect("sound").der())
}

fn fetcher() -> Fetcher {
    Fetcher::new(Settings { allow_private: true, ..Settings::default() })
}

fn certificates<'a>(issued: impl IntoIterator<Item = &'a Issued>) -> Vec<Arc<Certificate>> {
    issued.into_iter().map(|issued| Certificate::from_der(&issued.der())).collect()
}

#[tokio::test]
async fn addresses_are_asked_in_turn_and_every_attempt_is_told() {
    let pki = pki();
    let impostor = Recipe::ca(pki.now, "Lab Issuing CA").self_signed().expect("P-256");
    let gone = server(http("404 Not Found", b"")).await;
    let wrong = server(http("200 OK", &impostor.der())).await;
    let bundle = server(http("200 OK", &certs_only([&impostor, &pki.intermediate, &pki.root]))).await;
    let found = fetcher().search().issuer(&leaf(&pki, &["ldap://a.test/", &gone.url, &wrong.url, &bundle.url])).await;
    assert_eq!(found.certificates, certificates([&pki.intermediate, &pki.root]));
    let told = format!(
        "ldap://a.test/ is not http; {} answered 404; {} gave a certificate that did not sign it; {} gave it",
        gone.url, wrong.url, bundle.url
    );
    assert_eq!(found.tried, told);
}

#[tokio::test]
async fn of_many_addresses_only_the_first_few_are_asked() {
    let pki = pki();
    let [gone, last] = [server(http("404 Not Found", b"")).await, server(http("200 OK", &pki.intermediate.der())).await];
    let urls: Vec<String> = (0..4).map(|number| format!("{}/{number}", gone.url)).chain([last.url.clone()]).collect();
    let leaf = leaf(&pki, &urls.iter().map(String::as_str).collect::<Vec<_>>());
    let fetcher = fetcher();
    let mut search = fetcher.search();
    for (asked, not_asked) in [(4, "1 more was not asked"), (8, "1 more was not asked"), (8, "5 more were not asked")] {
        let found = search.issuer(&leaf).await;
        assert!(found.tried.ends_with(not_asked), "{}", found.tried);
        assert_eq!((search.asked(), last.requests(), found.certificates.len()), (asked, 0, 0));
    }
    assert_eq!(gone.requests(), 4, "what failed a moment ago is not asked again");
}

#[tokio::test]
async fn what_is_no_certificate_and_what_is_refused_is_told() {
    let pki = pki();
    let page = server(http("200 OK", b"<html>sign in</html>")).await;
    let leaf_of_page = leaf(&pki, &[&page.url]);
    let refused = async |settings| Fetcher::new(settings).search().issuer(&leaf_of_page).await.tried;
    let settings = Settings { allow_private: true, ..Settings::default() };
    assert_eq!(refused(settings).await, format!("{} gave no certificate", page.url));
    assert_eq!(refused(Settings { enabled: false, ..settings }).await, "fetching is switched off");
    let private = refused(Settings { allow_private: false, ..settings }).await;
    assert!(private.contains("leads to a private address, which is refused"), "{private}");
    assert_eq!(fetcher().search().issuer(&leaf(&pki, &[])).await.tried, "the certificate names no AIA address");
}

#[tokio::test]
async fn one_address_is_asked_once_however_many_want_it() {
    let pki = pki();
    let server = server(http("200 OK", &pki.intermediate.der())).await;
    let (fetcher, leaf) = (fetcher(), leaf(&pki, &[&server.url]));
    let (mut one, mut other) = (fetcher.search(), fetcher.search());
    let (first, second) = tokio::join!(one.issuer(&leaf), other.issuer(&leaf));
    assert_eq!(first.certificates, second.certificates);
    assert_eq!(one.issuer(&leaf).await.certificates, certificates([&pki.intermediate]));
    assert_eq!(server.requests(), 1);
}

/// The clock is paused: what drips for ever takes no time here.
#[tokio::test(start_paused = true)]
async fn a_server_that_drips_is_given_up() {
    let pki = pki();
    let dripping = Server::start(|mut stream| async move {
        for octet in b"HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n".iter().chain(std::iter::repeat(&0x30)) {
            if stream.write_all(&[*octet]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    let found = fetcher().search().issuer(&leaf(&pki, &[&dripping.url])).await;
    assert_eq!(found.tried, format!("{} did not answer within 5 s", dripping.url));
}
