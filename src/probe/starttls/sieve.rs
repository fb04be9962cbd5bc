//! ManageSieve (RFC 5804, section 2.2).

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Trouble, Wire};

pub(super) async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<'_, S>) -> Result<(), Trouble> {
    let mut offered = false;
    // The greeting is the list of abilities, quoted, and then the status.
    loop {
        let line = wire.line().await?;
        if line.starts_with('"') {
            offered |= line.trim().eq_ignore_ascii_case("\"STARTTLS\"");
        } else if status(&line, wire)? {
            break;
        }
    }
    if !offered {
        return Err(wire.not_offered());
    }
    wire.send("STARTTLS\r\n").await?;
    let answer = wire.line().await?;
    if status(&answer, wire)? { Ok(()) } else { Err(wire.unexpected("sieve", answer.as_bytes())) }
}

/// Whether the line is OK; an `Err` when it is NO or BYE, or no status at all.
fn status<S: AsyncRead + AsyncWrite + Unpin>(line: &str, wire: &Wire<'_, S>) -> Result<bool, Trouble> {
    let word = line.split([' ', '(']).next().unwrap_or_default();
    match word.to_ascii_uppercase().as_str() {
        "OK" => Ok(true),
        "NO" | "BYE" => Err(wire.refused(line)),
        _ => Err(wire.unexpected("sieve", line.as_bytes())),
    }
}
