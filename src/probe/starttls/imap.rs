//! IMAP (RFC 9051, section 6.2.1).

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Trouble, Wire};

pub(super) async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<'_, S>) -> Result<(), Trouble> {
    let greeting = wire.line().await?;
    match greeting.get(..4).map(str::to_ascii_uppercase).as_deref() {
        Some("* OK") => {}
        // PREAUTH: already logged in, and then STARTTLS is not allowed. BYE: not now.
        Some("* PR" | "* BY") => return Err(wire.refused(&greeting)),
        _ => return Err(wire.unexpected("imap", greeting.as_bytes())),
    }
    wire.send("c1 STARTTLS\r\n").await?;
    loop {
        let line = wire.line().await?;
        let Some((tag, rest)) = line.split_once(' ') else { return Err(wire.unexpected("imap", line.as_bytes())) };
        if tag.eq_ignore_ascii_case("c1") {
            let ok = rest.split(' ').next().is_some_and(|status| status.eq_ignore_ascii_case("OK"));
            return if ok { Ok(()) } else { Err(wire.refused(rest)) };
        }
        if tag != "*" {
            return Err(wire.unexpected("imap", line.as_bytes()));
        }
    }
}
