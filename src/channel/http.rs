//! One POST over https (RFC 9110), and what its answer means for the notice: taken, later, or never.

use core::net::SocketAddr;
use std::{fmt, path::PathBuf, str::FromStr, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Collected, Full, Limited};
use hyper::{Method, Request, Response, StatusCode, Uri, body::Bytes, body::Incoming, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::Outcome;
use crate::{certificate::printable_cut, clock::Timestamp, endpoint::Host, mail::Secret, monitor::MailResult};

/// Where to post. It may be a secret as a whole (a chat's hook is): it shows no more of itself than the host.
#[derive(Clone, PartialEq, Eq)]
pub struct Url(Uri);

impl Url {
    /// `https://host:port`: what may be told of it.
    pub fn place(&self) -> String {
        format!("{}://{}", self.0.scheme_str().unwrap_or_default(), self.authority())
    }

    /// It begins with http:, and leads over a network.
    pub fn is_exposed(&self) -> bool {
        let is_here = match self.host().parse() {
            Ok(Host::Ip(ip)) => ip.to_canonical().is_loopback(),
            Ok(Host::Name(name)) => &*name == "localhost",
            Err(_) => false,
        };
        !self.is_https() && !is_here
    }

    /// The same with this path added.
    pub(super) fn join(&self, path: &str) -> Url {
        let base = self.0.path().trim_end_matches('/');
        let joined = format!("{}{base}{path}", self.place());
        joined.parse().unwrap_or_else(|_| self.clone())
    }

    /// Its path, where that is what lets us in.
    pub(super) fn secret(&self) -> Secret {
        let path = self.0.path_and_query().map_or("", |path| path.as_str());
        Secret(if path.len() > 1 { path.to_owned() } else { String::new() })
    }

    fn is_https(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }

    fn authority(&self) -> &str {
        self.0.authority().map_or("", |authority| authority.as_str())
    }

    fn host(&self) -> &str {
        self.0.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
    }

    fn port(&self) -> u16 {
        self.0.port_u16().unwrap_or(if self.is_https() { 443 } else { 80 })
    }
}

impl FromStr for Url {
    type Err = &'static str;

    /// `https://` or `http://`, a host, no user.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uri: Uri = text.parse().map_err(|_| "is no URL")?;
        let authority = uri.authority().ok_or("is no URL with a scheme and a host")?;
        match uri.scheme_str() {
            Some("https" | "http") => {}
            _ => return Err("is neither https nor http"),
        }
        if authority.as_str().contains('@') {
            return Err("names a user");
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        host.parse::<Host>().map_err(|_| "names no host")?;
        Ok(Url(uri))
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/***", self.place())
    }
}

/// Posts, with the trust and the deadline of one channel.
#[derive(Clone)]
pub(super) struct Client {
    tls: TlsConnector,
    deadline: Duration,
    /// Never told, whatever an answer repeats of it.
    secrets: Vec<Secret>,
}

/// Who can be asked.
#[derive(Clone, Debug)]
pub enum Server {
    /// At this URL, by these roots (DER) or those of the machine.
    At(Url, Option<Vec<Vec<u8>>>),
    /// At this socket of the file system.
    Socket(PathBuf),
}

/// What is asked for at a path.
#[derive(Clone, Copy, Debug)]
pub enum Ask<'a> {
    /// What is there.
    Get,
    /// That this be taken.
    Post(&'a serde_json::Value),
    /// That what is there go.
    Delete,
}

/// Asks once at this path: the status, and what is said. A trouble is a fragment for after the server's name.
pub async fn ask(
    server: &Server,
    ask: Ask<'_>,
    path: &str,
    token: Option<&Secret>,
    deadline: Duration,
) -> Result<(u16, String), String> {
    let (method, body) = match ask {
        Ask::Get => (Method::GET, Vec::new()),
        Ask::Post(value) => (Method::POST, value.to_string().into_bytes()),
        Ask::Delete => (Method::DELETE, Vec::new()),
    };
    let headers = token.map(|token| ("authorization", format!("Bearer {}", token.0))).into_iter().collect();
    let post = Post { headers, body };
    let asked = async {
        match server {
            Server::At(url, roots) => {
                let client = Client::new(roots.as_deref(), deadline, Vec::new());
                let client = client.map_err(|error| format!("cannot be asked: {error}"))?;
                let url = url.join(path);
                let path = url.0.path_and_query().map_or("/", |path| path.as_str());
                converse(client.connect(&url).await?, url.authority(), method, path, post, MAX_DOCUMENT).await
            }
            Server::Socket(socket) => {
                let stream = UnixStream::connect(socket).await.map_err(|error| format!("cannot be reached: {error}"))?;
                converse(Box::new(stream), "localhost", method, path, post, MAX_DOCUMENT).await
            }
        }
    };
    match timeout(deadline, asked).await {
        Err(_) => Err(format!("gives no answer within {} s", deadline.as_secs_f32())),
        Ok(answer) => answer.map(|answer| (answer.status.as_u16(), answer.body)),
    }
}

/// What is posted.
pub(super) struct Post {
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Post {
    /// A body of JSON.
    pub(super) fn json(value: &serde_json::Value) -> Self {
        Post { headers: Vec::new(), body: value.to_string().into_bytes() }
    }
}

impl Client {
    /// With these roots (DER), or those of the machine.
    pub(super) fn new(roots: Option<&[Vec<u8>]>, deadline: Duration, secrets: Vec<Secret>) -> Result<Self, rustls::Error> {
        let mut store = RootCertStore::empty();
        match roots {
            Some(roots) => roots.iter().try_for_each(|root| store.add(CertificateDer::from(root.as_slice())))?,
            None => drop(store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let config = config.with_root_certificates(store).with_no_client_auth();
        Ok(Client { tls: TlsConnector::from(Arc::new(config)), deadline, secrets })
    }

    /// Posts it once. Redirects are not followed: they would carry a secret to where nobody has configured it.
    pub(super) async fn post(&self, url: &Url, post: Post, now: Timestamp) -> Outcome {
        let answer = timeout(self.deadline, self.exchange(url, post)).await;
        let place = url.place();
        match answer {
            Err(_) => Outcome::deferred(format!("{place}: no answer within {} s", self.deadline.as_secs_f32())),
            Ok(Err(trouble)) => Outcome::deferred(format!("{place} {trouble}")),
            Ok(Ok(answer)) => self.outcome(&place, &answer, now),
        }
    }

    fn outcome(&self, place: &str, answer: &Answer, now: Timestamp) -> Outcome {
        let status = answer.status;
        if status.is_success() {
            return Outcome::DELIVERED;
        }
        let said = if answer.body.is_empty() { String::new() } else { format!(": {}", self.masked(&answer.body)) };
        let hint = if status.is_redirection() { "; redirects are not followed, see its url" } else { "" };
        let detail = format!("{place} answered {}{said}{hint}", status.as_u16());
        // Not ready for it yet (408, 425), or too much at once (429): the notice itself may be fine.
        let is_for_good = status.is_client_error() && !matches!(status.as_u16(), 408 | 425 | 429);
        if is_for_good {
            return Outcome { result: MailResult::Refused, detail, after: None };
        }
        let after = answer.retry_after.as_deref().and_then(|value| retry_after(value, now));
        Outcome { after, ..Outcome::deferred(detail) }
    }

    /// An answer as it may be told.
    fn masked(&self, text: &str) -> String {
        let hidden = self.secrets.iter().filter(|secret| !secret.0.is_empty());
        let text = hidden.fold(text.to_owned(), |text, secret| text.replace(&secret.0, "***"));
        printable_cut(text.trim(), WORDS)
    }

    async fn exchange(&self, url: &Url, post: Post) -> Result<Answer, String> {
        let path = url.0.path_and_query().map_or("/", |path| path.as_str());
        converse(self.connect(url).await?, url.authority(), Method::POST, path, post, MAX_BODY).await
    }

    async fn connect(&self, url: &Url) -> Result<Box<dyn Stream>, String> {
        let host = url.host();
        let resolved = tokio::net::lookup_host((host, url.port())).await.map_err(|_| "does not resolve".to_owned())?;
        let addresses: Vec<SocketAddr> = resolved.take(MAX_ADDRESSES).collect();
        let stream = TcpStream::connect(&addresses[..]).await.map_err(|error| format!("cannot be reached: {error}"))?;
        if !url.is_https() {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|_| "has a name that TLS cannot ask for".to_owned())?;
        let stream = self.tls.connect(name, stream).await.map_err(|error| format!("no TLS: {error}{}", tls_hint(&error)))?;
        Ok(Box::new(stream))
    }
}

/// One request and its answer, of whose body at most `most` octets are read.
async fn converse(
    stream: Box<dyn Stream>,
    host: &str,
    method: Method,
    path: &str,
    post: Post,
    most: usize,
) -> Result<Answer, String> {
    let handshake = http1::Builder::new().max_buf_size(MAX_HEAD).handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|_| "does not speak http".to_owned())?;
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, host)
        .header(header::USER_AGENT, concat!("certvigil/", env!("CARGO_PKG_VERSION")))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONNECTION, "close");
    for (name, value) in &post.headers {
        request = request.header(*name, value);
    }
    let request = request.body(Full::new(Bytes::from(post.body))).map_err(|_| "is no address".to_owned())?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(|_| "broke the connection off".to_owned())?;
        Ok(read(response, most).await)
    };
    // The connection is driven by this very task, so that it ends with it and needs no owner.
    tokio::pin!(exchange);
    tokio::pin!(connection);
    let mut is_connected = true;
    loop {
        tokio::select! {
            answer = &mut exchange => return answer,
            _ = &mut connection, if is_connected => is_connected = false,
        }
    }
}

fn tls_hint(error: &std::io::Error) -> &'static str {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer)) => {
            "; put the CA of its certificate under the channel's ca_files"
        }
        _ => "",
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

struct Answer {
    status: StatusCode,
    retry_after: Option<String>,
    /// The beginning, as it came.
    body: String,
}

async fn read(response: Response<Incoming>, most: usize) -> Answer {
    let status = response.status();
    let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    // The status says it all; what cannot be read of the rest changes nothing.
    let body = Limited::new(response.into_body(), most).collect().await.map(Collected::to_bytes).unwrap_or_default();
    Answer { status, retry_after, body: String::from_utf8_lossy(&body).into_owned() }
}

/// Seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value.trim()).ok()?.timestamp();
    Duration::try_from(date.duration_since(now)).ok()
}

const MAX_ADDRESSES: usize = 8;
/// Octets of a response's head.
const MAX_HEAD: usize = 16 * 1024;
/// Octets of an answer's body that are read at all.
const MAX_BODY: usize = 16 * 1024;
/// Octets of a document that is asked for.
const MAX_DOCUMENT: usize = 32 * 1024 * 1024;
/// How much of the server's words is kept, in characters.
const WORDS: usize = 200;
