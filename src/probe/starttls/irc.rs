//! IRC (the IRCv3 `tls` capability's STARTTLS command: 670 RPL_STARTTLS, 691 ERR_STARTTLS).

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Trouble, Wire};

pub(super) async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<'_, S>) -> Result<(), Trouble> {
    wire.send("STARTTLS\r\n").await?;
    loop {
        let line = wire.line().await?;
        let mut words = line.split(' ').filter(|word| !word.is_empty()).skip_while(|word| word.starts_with(':'));
        match words.next().unwrap_or_default() {
            "670" => return Ok(()),
            // The servers tell what they look up while we wait.
            "NOTICE" | "020" | "" => {}
            "PING" => wire.send(format!("PONG {}\r\n", words.next().unwrap_or_default())).await?,
            "ERROR" => return Err(wire.refused(&line)),
            numeric if numeric.len() == 3 && numeric.bytes().all(|b| b.is_ascii_digit()) && line.starts_with(':') => {
                return Err(wire.refused(&line));
            }
            _ => return Err(wire.unexpected("irc", line.as_bytes())),
        }
    }
}
