//! TCP to an address, directly or through an HTTP proxy's CONNECT (RFC 9110, section 9.3.6).

use core::net::{IpAddr, SocketAddr};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    resolve::has_route,
    trouble::{Trouble, quoted},
};
use crate::observation::FailureKind;

/// Connects to `address`, which messages call `peer`.
pub(super) async fn direct(address: SocketAddr) -> Result<TcpStream, Trouble> {
    let peer = address.to_string();
    let stream = TcpStream::connect(address).await.map_err(|error| {
        let trouble = Trouble::of_connect(&error, &peer);
        // With a route there, "address not available" means that our own ports are used up.
        if error.kind() == std::io::ErrorKind::AddrNotAvailable && has_route(address.ip()) {
            return Trouble { kind: FailureKind::Internal, ..trouble };
        }
        trouble
    })?;
    // Small messages in turns are all we send; if the option is refused, they merely come later.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// Connects to `target` (`host:port`) through the HTTP proxy at one of `proxies`, the first that answers.
pub(super) async fn through_proxy(proxies: &[IpAddr], port: u16, target: &str) -> Result<TcpStream, Trouble> {
    let mut trouble = Trouble::new(FailureKind::NameNotFound, "the proxy's name has no address");
    for proxy in proxies {
        let address = SocketAddr::new(*proxy, port);
        match direct(address).await {
            Ok(mut stream) => return ask_proxy(&mut stream, address, target).await.map(|()| stream),
            Err(error) => {
                // The target itself has refused nothing.
                let kind = if error.kind == FailureKind::Refused { FailureKind::ProxyRefused } else { error.kind };
                trouble = Trouble { kind, detail: format!("the proxy: {}", error.detail) };
            }
        }
    }
    Err(trouble)
}

/// Asks the proxy at the other end of `stream`; afterwards the target is there.
pub(super) async fn ask_proxy<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    proxy: SocketAddr,
    target: &str,
) -> Result<(), Trouble> {
    let peer = format!("the proxy {proxy}");
    let broke = |error| Trouble::of_stream(&error, &peer);
    let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(broke)?;
    let mut head = Vec::with_capacity(256);
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= MAX_HEAD {
            return Err(Trouble::new(FailureKind::ProxyRefused, format!("{peer} answered with more than {MAX_HEAD} octets")));
        }
        // One octet at a time: what follows the blank line belongs to the target.
        let mut octet = [0];
        if stream.read(&mut octet).await.map_err(broke)? == 0 {
            return Err(Trouble::new(FailureKind::ProxyRefused, format!("{peer} closed the connection without connecting")));
        }
        head.push(octet[0]);
        if head.len() == 5 && head != b"HTTP/" {
            return Err(Trouble::new(FailureKind::ProxyRefused, format!("{peer} does not speak HTTP")));
        }
    }
    let head = String::from_utf8_lossy(&head);
    let status_line = head.lines().next().unwrap_or_default();
    if status_line.split(' ').nth(1).is_some_and(|code| code.len() == 3 && code.starts_with('2')) {
        return Ok(());
    }
    Err(Trouble::new(FailureKind::ProxyRefused, format!("{peer} refused to connect to {target}: {}", quoted(status_line))))
}

const MAX_HEAD: usize = 8192;

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn proxy(answer: &'static [u8]) -> Result<TcpStream, Trouble> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let port = listener.local_addr().expect("address").port();
        let server = async {
            let (mut stream, _) = listener.accept().await.expect("accept");
            let expected = b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n";
            let mut request = vec![0; expected.len()];
            stream.read_exact(&mut request).await.expect("request");
            assert_eq!(request, expected);
            stream.write_all(answer).await.expect("answer");
        };
        let proxies = ["127.0.0.1".parse().expect("ip")];
        tokio::join!(through_proxy(&proxies, port, "a.example:443"), server).0
    }

    #[tokio::test]
    async fn a_proxy_that_connects_leaves_the_targets_octets_alone() {
        let mut stream = proxy(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n220 hello").await.expect("connected");
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.expect("rest");
        assert_eq!(rest, "220 hello");
    }

    #[tokio::test]
    async fn a_proxy_that_refuses_is_quoted() {
        let trouble = proxy(b"HTTP/1.1 403 Forbid\x1bden\r\n\r\n").await.expect_err("refused");
        assert_eq!(trouble.kind, FailureKind::ProxyRefused);
        assert!(
            trouble.detail.ends_with("refused to connect to a.example:443: HTTP/1.1 403 Forbid\\1Bden"),
            "{}",
            trouble.detail
        );
        let trouble = proxy(b"SSH-2.0-x\r\n").await.expect_err("refused");
        assert!(trouble.detail.ends_with("does not speak HTTP"), "{}", trouble.detail);
        let trouble = proxy(b"HTTP/1.1 2").await.expect_err("refused");
        assert!(trouble.detail.ends_with("closed the connection without connecting"), "{}", trouble.detail);
    }

    #[tokio::test]
    async fn a_proxy_that_does_not_run_is_not_the_target() {
        let nobody = TcpListener::bind("127.0.0.1:0").await.expect("bind").local_addr().expect("address");
        let trouble = through_proxy(&[nobody.ip()], nobody.port(), "a.example:443").await.expect_err("refused");
        assert_eq!(trouble, Trouble::new(FailureKind::ProxyRefused, format!("the proxy: connection refused by {nobody}")));
    }
}
