//! The handshake, and a word to who speaks plain HTTP where TLS is served.

use std::{io, sync::Arc};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// Shakes hands. `None`: the peer has gone, or spoke plain HTTP and was told.
pub(in crate::web) async fn accept(mut stream: TcpStream, config: Arc<ServerConfig>) -> io::Result<Option<TlsStream<TcpStream>>> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 0 {
        return Ok(None);
    }
    // A method is a token (RFC 9110, section 9.1), and no record of TLS begins with a letter (RFC 8446, section 5.1).
    if first[0].is_ascii_alphabetic() {
        // What is left unread would end the connection before the answer is there.
        let _ = stream.read(&mut [0; 4096]).await?;
        stream.write_all(PLAIN_HTTP.as_bytes()).await?;
        stream.shutdown().await?;
        return Ok(None);
    }
    TlsAcceptor::from(config).accept(stream).await.map(Some)
}

const PLAIN_HTTP: &str = "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n\
    content-length: 55\r\n\r\nthis port speaks TLS: ask for https:// instead of http\n";
