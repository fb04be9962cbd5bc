//! One GET over plain http, as a stranger's certificate asks for it: capped in octets, its addresses guarded, its redirects few.

use core::net::SocketAddr;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{
    Request, Response, StatusCode, Uri,
    body::{Bytes, Incoming},
    client::conn::http1,
    header,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// The body at `url`, at most `max_bytes` of it, by way of a few redirects; the error is a fragment that follows the address:
/// `answered 404`. Every address that is connected to, redirected or not, must be `allowed`.
///
/// There is no deadline here; the caller has it.
pub(super) async fn get(url: &str, max_bytes: usize, allowed: impl Fn(SocketAddr) -> bool) -> Result<Bytes, String> {
    let mut visited = vec![url.to_owned()];
    loop {
        match one(visited.last().expect("it began with one"), max_bytes, &allowed).await? {
            Reply::Body(octets) => return Ok(octets),
            Reply::Moved(to) if visited.contains(&to) => return Err("redirects in a circle".into()),
            Reply::Moved(_) if visited.len() > MAX_REDIRECTS => return Err(format!("redirects more than {MAX_REDIRECTS} times")),
            Reply::Moved(to) => visited.push(to),
        }
    }
}

pub(super) enum Reply {
    Body(Bytes),
    Moved(String),
}

async fn one(url: &str, max_bytes: usize, allowed: impl Fn(SocketAddr) -> bool) -> Result<Reply, String> {
    let uri: Uri = url.parse().map_err(|_| "is no address".to_owned())?;
    if uri.scheme_str() != Some("http") {
        return Err("is not http".into());
    }
    let authority = uri.authority().filter(|a| !a.as_str().contains('@')).ok_or("names no host")?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let stream = connect(host, authority.port_u16().unwrap_or(80), allowed).await?;
    exchange(stream, &uri, authority.as_str(), max_bytes).await
}

/// One request over a connection that stands, and what is answered.
pub(super) async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    uri: &Uri,
    authority: &str,
    max_bytes: usize,
) -> Result<Reply, String> {
    let handshake = http1::Builder::new().max_buf_size(MAX_HEAD).handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|_| "does not speak http".to_owned())?;
    // The connection is driven by this very task, so that it ends with it and needs no owner.
    let exchange = async {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::get(path)
            .header(header::HOST, authority)
            .header(header::USER_AGENT, concat!("certvigil/", env!("CARGO_PKG_VERSION")))
            .header(header::CONNECTION, "close")
            .body(Empty::<Bytes>::new())
            .map_err(|_| "is no address".to_owned())?;
        let response = sender.send_request(request).await.map_err(|_| "broke the connection off".to_owned())?;
        read(response, authority, max_bytes).await
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

async fn read(response: Response<Incoming>, authority: &str, max_bytes: usize) -> Result<Reply, String> {
    let header = |name| response.headers().get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    if response.status().is_redirection() {
        let to = header(header::LOCATION).ok_or("redirects to nowhere")?;
        return Ok(Reply::Moved(if to.starts_with('/') { format!("http://{authority}{to}") } else { to.to_owned() }));
    }
    if response.status() != StatusCode::OK {
        return Err(format!("answered {}", response.status().as_u16()));
    }
    if header(header::CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Err("answered compressed, which was not asked for".into());
    }
    let body = Limited::new(response.into_body(), max_bytes).collect().await;
    body.map(|body| Reply::Body(body.to_bytes())).map_err(|_| format!("sent more than {max_bytes} octets, or broke off"))
}

/// The address is checked at the moment of connecting: a name that resolves to something else a second later gains nothing.
async fn connect(host: &str, port: u16, allowed: impl Fn(SocketAddr) -> bool) -> Result<TcpStream, String> {
    let resolved = tokio::net::lookup_host((host, port)).await.map_err(|_| "does not resolve".to_owned())?;
    let addresses: Vec<SocketAddr> = resolved.take(MAX_ADDRESSES).filter(|address| allowed(*address)).collect();
    if addresses.is_empty() {
        let hint = "allow it by fetch.allow_private or --allow-private-fetch";
        return Err(format!("leads to a private address, which is refused ({hint})"));
    }
    TcpStream::connect(&addresses[..]).await.map_err(|_| "cannot be reached".to_owned())
}

const MAX_REDIRECTS: usize = 3;
const MAX_ADDRESSES: usize = 8;
/// Octets of a response's head.
const MAX_HEAD: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;
    use crate::fetch::tests::{Server, http, server};

    async fn fetch(url: &str) -> Result<Bytes, String> {
        get(url, 1000, |_| true).await
    }

    #[tokio::test]
    async fn trouble_is_told() {
        let compressed = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\n\x1f\x8b\x08".to_vec();
        let endless_head = [b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'x'; 100_000]].concat();
        let cases = [
            (http("404 Not Found", b""), "answered 404"),
            (http("200 OK", &[0x30; 1001]), "sent more than 1000 octets, or broke off"),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort".to_vec(), "sent more than 1000 octets, or broke off"),
            (http("302 Found\r\nlocation: https://a.example/", b""), "is not http"),
            (http("302 Found\r\nlocation: file:///etc/passwd", b""), "is no address"),
            (http("302 Found", b""), "redirects to nowhere"),
            (http("302 Found\r\nlocation: /again", b""), "redirects in a circle"),
            (compressed, "answered compressed, which was not asked for"),
            (endless_head, "broke the connection off"),
            (b"220 smtp ready\r\n".to_vec(), "broke the connection off"),
        ];
        for (reply, expected) in cases {
            let server = server(reply).await;
            assert_eq!(fetch(&server.url).await.expect_err("trouble"), expected);
        }
        for (url, expected) in [
            ("ldap://a/b", "is not http"),
            ("https://a.example/", "is not http"),
            ("http://user@127.0.0.1/", "names no host"),
            ("/a", "is not http"),
            ("http://a b/", "is no address"),
        ] {
            assert_eq!(fetch(url).await.expect_err("trouble"), expected, "{url}");
        }
    }

    #[tokio::test]
    async fn a_body_without_end_is_cut() {
        let server = Server::start(|mut stream| async move {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while stream.write_all(&[0x30; 512]).await.is_ok() {}
        })
        .await;
        assert_eq!(fetch(&server.url).await.expect_err("trouble"), "sent more than 1000 octets, or broke off");
    }

    #[tokio::test]
    async fn redirects_are_followed_a_few_times() {
        let mut servers = vec![server(http("200 OK", b"here")).await];
        for hops in 1..=5 {
            let location = format!("302 Found\r\nlocation: {}", servers[hops - 1].url);
            servers.push(server(http(&location, b"")).await);
            let expected = if hops <= MAX_REDIRECTS { Ok("here".into()) } else { Err("redirects more than 3 times".to_owned()) };
            assert_eq!(fetch(&servers[hops].url).await, expected, "{hops}");
        }
    }

    #[tokio::test]
    async fn a_redirect_leads_to_no_address_that_is_not_allowed() {
        let inside = server(http("200 OK", b"secret")).await;
        let outside = server(http(&format!("302 Found\r\nlocation: {}", inside.url), b"")).await;
        let refused = get(&outside.url, 1000, |address| address == outside.address).await.expect_err("refused");
        assert!(refused.starts_with("leads to a private address"), "{refused}");
        assert_eq!((outside.requests(), inside.requests()), (1, 0));
    }
}
