//! NNTP (RFC 4642).

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Trouble, Wire};

pub(super) async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<'_, S>) -> Result<(), Trouble> {
    // 200 and 201: posting allowed, or not.
    expect(wire, &["200", "201"]).await?;
    wire.send("STARTTLS\r\n").await?;
    expect(wire, &["382"]).await
}

async fn expect<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<'_, S>, wanted: &[&str]) -> Result<(), Trouble> {
    let line = wire.line().await?;
    let code = line.split(' ').next().unwrap_or_default();
    if wanted.contains(&code) {
        return Ok(());
    }
    let is_refusal = code.len() == 3 && code.starts_with(['4', '5']) && code.bytes().all(|b| b.is_ascii_digit());
    Err(if is_refusal { wire.refused(&line) } else { wire.unexpected("nntp", line.as_bytes()) })
}
