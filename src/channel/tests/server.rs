//! A server that gives every client the same answer, and keeps what it was asked.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use crate::lab::pki::Issued;

pub(super) struct Server {
    address: SocketAddr,
    scheme: &'static str,
    requests: Arc<Mutex<Vec<Request>>>,
    _task: JoinSet<()>,
}

#[derive(Clone)]
pub(super) struct Request {
    pub(super) line: String,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

impl Server {
    /// An empty reply: it says nothing, ever.
    pub(super) async fn start(reply: Vec<u8>) -> Self {
        Server::serve(reply, None).await
    }

    /// Behind TLS: this chain, and the key of its first certificate.
    pub(super) async fn start_with_tls(reply: Vec<u8>, chain: &[&Issued]) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let certificates = chain.iter().map(|issued| issued.der()).collect();
        let config = config.with_no_client_auth().with_single_cert(certificates, chain[0].key_der()).unwrap();
        Server::serve(reply, Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn serve(reply: Vec<u8>, tls: Option<TlsAcceptor>) -> Self {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let seen = Arc::clone(&requests);
        let mut task = JoinSet::new();
        task.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                match &tls {
                    None => answer(stream, &reply, &seen).await,
                    Some(tls) => {
                        // A client that does not trust us hangs up.
                        let Ok(stream) = tls.accept(stream).await else { continue };
                        answer(stream, &reply, &seen).await;
                    }
                }
            }
        });
        Server { address, scheme, requests, _task: task }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

pub(super) fn answers(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, reply: &[u8], seen: &Mutex<Vec<Request>>) {
    let Some(request) = read(&mut stream).await else { return };
    seen.lock().unwrap().push(request);
    if reply.is_empty() {
        std::future::pending::<()>().await;
    }
    let _ = stream.write_all(reply).await;
    let _ = stream.flush().await;
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Request> {
    let (mut octets, mut room) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut room).await.ok().filter(|count| *count > 0)?;
        octets.extend_from_slice(&room[..count]);
        let Some(end) = octets.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(octets[..end].to_vec()).ok()?;
        let mut lines = head.lines();
        let line = lines.next()?.to_owned();
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut request = Request { line, headers, body: Vec::new() };
        let length: usize = request.header("content-length").parse().ok()?;
        if octets.len() >= end + 4 + length {
            request.body = octets[end + 4..].to_vec();
            return Some(request);
        }
    }
}
