//! POP3, STLS (RFC 2595, section 4).

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Trouble, Wire};

pub(super) async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<'_, S>) -> Result<(), Trouble> {
    answer(wire).await?;
    wire.send("STLS\r\n").await?;
    answer(wire).await
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<'_, S>) -> Result<(), Trouble> {
    let line = wire.line().await?;
    if line.starts_with("+OK") {
        Ok(())
    } else if line.starts_with("-ERR") {
        Err(wire.refused(&line))
    } else {
        Err(wire.unexpected("pop3", line.as_bytes()))
    }
}
