//! The `caIssuers` addresses of a certificate (RFC 5280, section 4.2.2.1): plain http, and whatever form the answer has.

use core::net::SocketAddr;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Request, StatusCode, Uri, body::Bytes, header};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    sync::{OnceCell, Semaphore},
    time::{Instant, timeout},
};

use super::{Settings, answer, guard};
use crate::certificate::{Certificate, printable_cut};

/// Fetches issuers; cheap to clone, and every clone shares the cache.
#[derive(Clone)]
pub struct Fetcher {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Settings,
    /// Strangers' servers may be slow: they shall not eat the file descriptors that visits need.
    slots: Semaphore,
    cache: Mutex<HashMap<String, Entry>>,
}

/// Empty while it is being fetched; held by others than the cache while it is in use.
type Entry = Arc<OnceCell<Kept>>;

struct Kept {
    until: Instant,
    answer: Answer,
}

/// What came of one address: certificates, or why none.
type Answer = Result<Vec<Arc<Certificate>>, String>;

/// What came of a search for an issuer.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Candidates; nothing is proven of them.
    pub certificates: Vec<Arc<Certificate>>,
    /// What was tried, as a fragment for a sentence: `http://a.example/ca.der answered 404`.
    pub tried: String,
}

impl Fetcher {
    /// A fetcher with an empty cache.
    pub fn new(settings: Settings) -> Self {
        let shared = Shared { settings, slots: Semaphore::new(CONCURRENT), cache: Mutex::default() };
        Fetcher { shared: Arc::new(shared) }
    }

    /// Asks the first few AIA addresses of `subject`, until one gives its issuer.
    pub async fn issuer(&self, subject: &Certificate) -> Found {
        let Some(facts) = subject.facts() else { return Found::default() };
        let urls = &facts.extensions.ca_issuers;
        if urls.is_empty() {
            return Found { tried: "the certificate names no AIA address".into(), ..Found::default() };
        }
        if !self.shared.settings.enabled {
            return Found { tried: "fetching is switched off".into(), ..Found::default() };
        }
        let mut tried = Vec::new();
        for url in urls.iter().take(MAX_URLS) {
            let fitting = match self.cached(url).await {
                Ok(certificates) => {
                    answer::for_subject(facts, &certificates).ok_or("gave a certificate that did not sign it".into())
                }
                Err(reason) => Err(reason),
            };
            match fitting {
                Ok(certificates) => {
                    tried.push(format!("{} gave it", shown(url)));
                    return Found { certificates, tried: tried.join("; ") };
                }
                Err(reason) => tried.push(format!("{} {reason}", shown(url))),
            }
        }
        Found { certificates: Vec::new(), tried: tried.join("; ") }
    }

    /// The answer of this URL. Whoever asks while it is being fetched waits for the same fetch.
    async fn cached(&self, url: &str) -> Answer {
        let entry = {
            let mut cache = self.shared.cache();
            if cache.get(url).is_some_and(|entry| entry.get().is_some_and(Kept::is_stale)) {
                cache.remove(url);
            }
            Arc::clone(cache.entry(url.to_owned()).or_default())
        };
        entry.get_or_init(|| self.shared.ask(url)).await.answer.clone()
    }
}

impl Shared {
    fn cache(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self, url: &str) -> Kept {
        let _slot = self.slots.acquire().await.expect("the semaphore is never closed");
        self.make_room();
        let answer = timeout(self.settings.timeout, fetch(url, self.settings))
            .await
            .unwrap_or_else(|_| Err(format!("did not answer within {} s", self.settings.timeout.as_secs())));
        let keep = if answer.is_ok() { KEEP_ANSWER } else { KEEP_FAILURE };
        Kept { until: Instant::now() + keep, answer }
    }

    /// Where the cache is full, what is stale goes, and if that is not enough, everything that is not in use.
    fn make_room(&self) {
        let mut cache = self.cache();
        let in_use = |entry: &Entry| Arc::strong_count(entry) > 1;
        let full = |cache: &HashMap<_, Entry>| {
            let octets: usize = cache.values().filter_map(|entry| entry.get()).map(Kept::octets).sum();
            cache.len() > MAX_CACHED || octets > MAX_CACHED_OCTETS
        };
        if full(&cache) {
            cache.retain(|_, entry| in_use(entry) || entry.get().is_some_and(|kept| !kept.is_stale()));
        }
        if full(&cache) {
            cache.retain(|_, entry| in_use(entry));
        }
    }
}

impl Kept {
    fn is_stale(&self) -> bool {
        self.until <= Instant::now()
    }

    fn octets(&self) -> usize {
        self.answer.iter().flatten().map(|certificate| certificate.der.len()).sum()
    }
}

/// Follows a few redirects; each hop is guarded anew.
async fn fetch(url: &str, settings: Settings) -> Answer {
    let mut url = url.to_owned();
    for _ in 0..MAX_HOPS {
        match get(&url, settings).await? {
            Reply::Moved(to) => url = to,
            Reply::Body(octets) => return read(&octets),
        }
    }
    Err("redirects in a circle".into())
}

enum Reply {
    Body(Bytes),
    Moved(String),
}

async fn get(url: &str, settings: Settings) -> Result<Reply, String> {
    let uri: Uri = url.parse().map_err(|_| "is no address".to_owned())?;
    if uri.scheme_str() != Some("http") {
        return Err("is not http".into());
    }
    let authority = uri.authority().filter(|a| !a.as_str().contains('@')).ok_or("names no host")?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let stream = connect(host, authority.port_u16().unwrap_or(80), settings.allow_private).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|_| "does not speak http".to_owned())?;
    // The connection is driven by this very task, so that it ends with it and needs no owner.
    let exchange = async {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::get(path)
            .header(header::HOST, authority.as_str())
            .header(header::USER_AGENT, concat!("certvigil/", env!("CARGO_PKG_VERSION")))
            .header(header::CONNECTION, "close")
            .body(Empty::<Bytes>::new())
            .map_err(|_| "is no address".to_owned())?;
        let response = sender.send_request(request).await.map_err(|_| "broke the connection off".to_owned())?;
        if response.status().is_redirection() {
            let to = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok()).ok_or("redirects to nowhere")?;
            let absolute = if to.starts_with('/') { format!("http://{authority}{to}") } else { to.to_owned() };
            return Ok(Reply::Moved(absolute));
        }
        if response.status() != StatusCode::OK {
            return Err(format!("answered {}", response.status().as_u16()));
        }
        let body = Limited::new(response.into_body(), settings.max_bytes).collect().await;
        body.map(|body| Reply::Body(body.to_bytes()))
            .map_err(|_| format!("sent more than {} octets, or broke off", settings.max_bytes))
    };
    tokio::pin!(exchange);
    tokio::pin!(connection);
    let mut connected = true;
    loop {
        tokio::select! {
            reply = &mut exchange => return reply,
            _ = &mut connection, if connected => connected = false,
        }
    }
}

/// The address is checked at the moment of connecting: a name that resolves to something else a second later gains nothing.
async fn connect(host: &str, port: u16, allow_private: bool) -> Result<TcpStream, String> {
    let addresses: Vec<SocketAddr> =
        tokio::net::lookup_host((host, port)).await.map_err(|_| "does not resolve".to_owned())?.take(MAX_ADDRESSES).collect();
    let allowed: Vec<SocketAddr> = addresses.iter().copied().filter(|a| allow_private || guard::is_public(a.ip())).collect();
    if allowed.is_empty() {
        let hint = "allow it by fetch.allow_private or --allow-private-fetch";
        return Err(format!("leads to a private address, which is refused ({hint})"));
    }
    TcpStream::connect(&allowed[..]).await.map_err(|_| "cannot be reached".to_owned())
}

fn read(octets: &[u8]) -> Answer {
    let certificates = answer::certificates(octets);
    if certificates.is_empty() { Err("gave no certificate".into()) } else { Ok(certificates) }
}

/// A URL out of a stranger's certificate, fit to print.
fn shown(url: &str) -> String {
    printable_cut(url, 200)
}

const CONCURRENT: usize = 8;
const MAX_URLS: usize = 3;
const MAX_HOPS: usize = 3;
const MAX_ADDRESSES: usize = 8;
const MAX_CACHED: usize = 4096;
/// Of DER, beside what the few fetches under way bring.
const MAX_CACHED_OCTETS: usize = 16 << 20;
const KEEP_ANSWER: Duration = Duration::from_hours(24);
const KEEP_FAILURE: Duration = Duration::from_mins(5);

#[cfg(test)]
mod tests {
    use std::{
        ops::Range,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    /// Answers every request with `reply`, raw.
    async fn server(reply: Vec<u8>) -> String {
        counting_server(reply, Arc::default()).await
    }

    async fn counting_server(reply: Vec<u8>, requests: Arc<AtomicUsize>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let url = format!("http://{}/ca.der", listener.local_addr().expect("address"));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await;
                requests.fetch_add(1, Ordering::Relaxed);
                let _ = stream.write_all(&reply).await;
            }
        });
        url
    }

    fn settings() -> Settings {
        Settings { allow_private: true, timeout: Duration::from_secs(2), ..Settings::default() }
    }

    fn http(status: &str, body: &[u8]) -> Vec<u8> {
        [format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
    }

    fn issuer_der() -> Vec<u8> {
        let key = rcgen::KeyPair::generate().expect("key");
        rcgen::CertificateParams::new(vec!["ca.example".into()]).expect("params").self_signed(&key).expect("sign").der().to_vec()
    }

    #[tokio::test]
    async fn der_and_pem_are_read() {
        let der = issuer_der();
        let pem = Certificate::from_der(&der).to_pem();
        for body in [der.clone(), pem.into_bytes()] {
            let url = server(http("200 OK", &body)).await;
            let got = fetch(&url, settings()).await.expect("certificate");
            assert_eq!(&got[0].der[..], &der[..]);
        }
    }

    #[tokio::test]
    async fn trouble_is_told() {
        let cases = [
            (http("404 Not Found", b""), "answered 404"),
            (http("200 OK", b"<html>"), "gave no certificate"),
            (http("200 OK", &vec![0x30; 70_000]), "sent more than 65536 octets, or broke off"),
            (http("302 Found\r\nlocation: https://a.example/", b""), "is not http"),
            (b"220 smtp ready\r\n".to_vec(), "broke the connection off"),
        ];
        for (reply, expected) in cases {
            let url = server(reply).await;
            assert_eq!(fetch(&url, settings()).await.expect_err("trouble"), expected);
        }
        let circle = server(http("302 Found\r\nlocation: /again", b"")).await;
        assert_eq!(fetch(&circle, settings()).await.expect_err("trouble"), "redirects in a circle");
        assert_eq!(fetch("ldap://a/b", settings()).await.expect_err("trouble"), "is not http");
    }

    #[tokio::test]
    async fn private_addresses_are_refused_unless_allowed() {
        let url = server(http("200 OK", &issuer_der())).await;
        let refused = fetch(&url, Settings { allow_private: false, ..settings() }).await.expect_err("refused");
        assert!(refused.starts_with("leads to a private address"), "{refused}");
    }

    #[tokio::test]
    async fn one_address_is_fetched_once_however_many_ask() {
        let requests = Arc::new(AtomicUsize::new(0));
        let url = counting_server(http("200 OK", &issuer_der()), Arc::clone(&requests)).await;
        let fetcher = Fetcher::new(settings());
        let (first, second) = tokio::join!(fetcher.cached(&url), fetcher.cached(&url));
        assert_eq!(first.expect("certificate")[0].fingerprint, second.expect("certificate")[0].fingerprint);
        fetcher.cached(&url).await.expect("certificate");
        assert_eq!(requests.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_cache_is_bounded_in_octets() {
        let shared = Fetcher::new(settings()).shared;
        let certificate = Certificate::from_der(&vec![0x30; 1 << 20]);
        let keep = |numbers: Range<u8>, hours: u64| {
            for number in numbers {
                let kept =
                    Kept { until: Instant::now() + Duration::from_hours(hours), answer: Ok(vec![Arc::clone(&certificate)]) };
                shared.cache().insert(format!("http://a.example/{number}"), Arc::new(OnceCell::from(kept)));
                shared.make_room();
            }
            shared.cache().len()
        };
        let under_way = Entry::default();
        shared.cache().insert("http://a.example/under-way".into(), Arc::clone(&under_way));
        assert_eq!(keep(0..16, 1), 17);
        assert_eq!(keep(16..17, 1), 1, "all but the one under way");
        assert_eq!((keep(0..8, 1), keep(8..16, 3)), (9, 17));
        tokio::time::advance(Duration::from_hours(2)).await;
        assert_eq!(keep(16..17, 1), 10, "the stale ones go first");
        drop(under_way);
        assert_eq!(keep(20..28, 1), 0, "the one that was given up goes too");
    }
}
