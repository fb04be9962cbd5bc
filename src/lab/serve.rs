//! Small servers on loopback, each on a port that the kernel chooses: TLS with any chain, plain HTTP, one that says nothing,
//! and a port where nothing listens.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::Full;
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HeaderValue, SERVER},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
    sign::{CertifiedKey, SingleCertAndKey},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

/// Servers that run until they are stopped or dropped.
#[derive(Default)]
pub struct Farm {
    servers: JoinSet<()>,
    /// Bound, so that nobody else gets the port, and not listening, so that the kernel refuses every connection.
    refusing: Vec<TcpSocket>,
}

impl Farm {
    /// No server yet.
    pub fn new() -> Self {
        Farm::default()
    }

    /// A TLS server (1.2 and 1.3) that presents exactly this chain with this key, fitting or not, and shows `page` to a browser.
    /// An error: nothing can be bound, or the key is of a kind that aws-lc-rs does not know.
    pub async fn tls(
        &mut self,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        page: Page,
    ) -> io::Result<SocketAddr> {
        let config = presenting(chain, key).map_err(io::Error::other)?;
        self.tls_with(config, page).await
    }

    /// A TLS server with any settings.
    pub async fn tls_with(&mut self, config: ServerConfig, page: Page) -> io::Result<SocketAddr> {
        let (acceptor, page) = (TlsAcceptor::from(Arc::new(config)), Arc::new(page));
        self.serve(move |stream| {
            let (acceptor, page) = (acceptor.clone(), page.clone());
            async move {
                // A client that dislikes what it is shown ends the handshake; that is what the lab is for.
                let conversation = async { converse(acceptor.accept(stream).await?, page).await };
                let _ = tokio::time::timeout(CONVERSATION, conversation).await;
            }
        })
        .await
    }

    /// A plain HTTP server.
    pub async fn http(&mut self, page: Page) -> io::Result<SocketAddr> {
        let page = Arc::new(page);
        self.serve(move |stream| {
            let page = page.clone();
            async move {
                let _ = tokio::time::timeout(CONVERSATION, converse(stream, page)).await;
            }
        })
        .await
    }

    /// A server that accepts, listens, and says nothing until the client hangs up.
    pub async fn stalling(&mut self) -> io::Result<SocketAddr> {
        self.serve(|mut stream| async move {
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        })
        .await
    }

    /// A port of ours where nothing listens: every connection is refused.
    pub fn refused(&mut self) -> io::Result<SocketAddr> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(LOOPBACK)?;
        let address = socket.local_addr()?;
        self.refusing.push(socket);
        Ok(address)
    }

    /// Stops every server, and waits until their ports are free.
    pub async fn stop(mut self) {
        self.servers.shutdown().await;
    }

    async fn serve<C, F>(&mut self, conversation: C) -> io::Result<SocketAddr>
    where
        C: Fn(TcpStream) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(LOOPBACK).await?;
        let address = listener.local_addr()?;
        self.servers.spawn(accept(listener, conversation));
        Ok(address)
    }
}

/// What a server shows to those who speak HTTP with it.
#[derive(Clone, Debug)]
pub struct Page {
    path: Option<&'static str>,
    content_type: &'static str,
    body: Bytes,
    /// What the server says it is.
    server: Option<&'static str>,
}

impl Page {
    /// A text, whatever the path.
    pub fn text(text: &str) -> Self {
        Page { path: None, content_type: TEXT, body: Bytes::from(format!("{text}\n")), server: None }
    }

    /// Octets at one path; every other is 404.
    pub fn file(path: &'static str, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Page { path: Some(path), content_type, body: Bytes::from(body.into()), server: None }
    }

    /// The same, shown by a server that says it is this.
    #[must_use]
    pub fn by(self, server: &'static str) -> Self {
        Page { server: Some(server), ..self }
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let (status, content_type, body) = match self.path {
            Some(path) if path != request.uri().path() => (StatusCode::NOT_FOUND, TEXT, Bytes::from_static(b"not here\n")),
            _ => (StatusCode::OK, self.content_type, self.body.clone()),
        };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response.headers_mut().extend(self.server.map(|server| (SERVER, HeaderValue::from_static(server))));
        response
    }
}

/// rustls settings that present exactly this chain with this key, without asking whether they fit.
pub fn presenting(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<ServerConfig, rustls::Error> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    // `with_single_cert` would refuse a leaf that does not parse or does not fit its key.
    let certified = CertifiedKey::new(chain, provider.key_provider.load_private_key(key)?);
    Ok(ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified))))
}

/// Accepts for ever. The conversations die with it.
async fn accept<C, F>(listener: TcpListener, conversation: C)
where
    C: Fn(TcpStream) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let mut conversations = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if conversations.len() < CONVERSATIONS => match accepted {
                Ok((stream, _)) => {
                    conversations.spawn(conversation(stream));
                }
                // Out of file descriptors, most likely: some will be free in a moment.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = conversations.join_next() => {}
        }
    }
}

/// One HTTP/1.1 request and its answer.
async fn converse<S>(stream: S, page: Arc<Page>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(|request| {
        let response = page.answer(&request);
        async { Ok::<_, Infallible>(response) }
    });
    http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(REQUEST)
        .serve_connection(TokioIo::new(stream), service)
        .await
        .map_err(io::Error::other)
}

const TEXT: &str = "text/plain; charset=utf-8";

/// Port 0: the kernel chooses a free one.
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// From the accept to the end of a conversation.
const CONVERSATION: Duration = Duration::from_secs(30);

/// At once, with one server; further ones wait in the kernel's queue.
const CONVERSATIONS: usize = 64;

/// The octets of a request that are kept; hyper wants at least 8192.
const REQUEST: usize = 16 * 1024;
