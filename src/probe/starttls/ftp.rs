//! FTP, AUTH TLS (RFC 4217).

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Trouble, Wire, smtp::reply};

pub(super) async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<'_, S>) -> Result<(), Trouble> {
    let mut greeting = reply(wire, "ftp").await?;
    // 120: ready in some minutes; the greeting proper follows.
    while greeting.code == 120 {
        greeting = reply(wire, "ftp").await?;
    }
    if greeting.code != 220 {
        return Err(wire.refused(&greeting.text()));
    }
    wire.send("AUTH TLS\r\n").await?;
    let answer = reply(wire, "ftp").await?;
    if answer.code == 234 { Ok(()) } else { Err(wire.refused(&answer.text())) }
}
