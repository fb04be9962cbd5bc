//! SMTP and submission (RFC 3207); LMTP (RFC 2033), which says LHLO. FTP shares the form of the replies.

use core::net::IpAddr;

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Trouble, Wire};

/// A reply, perhaps of several lines (RFC 5321, section 4.2).
pub(super) struct Reply {
    pub(super) code: u16,
    /// The texts of its lines.
    pub(super) lines: Vec<String>,
}

impl Reply {
    /// In one line, for messages.
    pub(super) fn text(&self) -> String {
        format!("{} {}", self.code, self.lines.join(" / "))
    }
}

pub(super) async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<'_, S>,
    hello: &str,
    local: Option<IpAddr>,
) -> Result<(), Trouble> {
    let greeting = reply(wire, "smtp").await?;
    if greeting.code != 220 {
        return Err(wire.refused(&greeting.text()));
    }
    wire.send(format!("{hello} {}\r\n", address_literal(local))).await?;
    let abilities = reply(wire, "smtp").await?;
    if abilities.code != 250 {
        return Err(wire.refused(&abilities.text()));
    }
    // The first line is the server's name.
    if !abilities.lines.iter().skip(1).any(|line| line.trim().eq_ignore_ascii_case("STARTTLS")) {
        return Err(wire.not_offered());
    }
    wire.send("STARTTLS\r\n").await?;
    let answer = reply(wire, "smtp").await?;
    if answer.code == 220 { Ok(()) } else { Err(wire.refused(&answer.text())) }
}

/// Reads `code-text` lines up to the `code text` one. Lines in between need no code (FTP: RFC 959, section 4.2).
pub(super) async fn reply<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<'_, S>, protocol: &str) -> Result<Reply, Trouble> {
    let first = wire.line().await?;
    let Some((code, mut last, text)) = reply_line(&first) else { return Err(wire.unexpected(protocol, first.as_bytes())) };
    let mut lines = vec![text.to_owned()];
    while !last {
        let line = wire.line().await?;
        match reply_line(&line) {
            Some((same, is_last, text)) if same == code => {
                last = is_last;
                lines.push(text.to_owned());
            }
            Some(_) if protocol == "smtp" => return Err(wire.unexpected(protocol, line.as_bytes())),
            _ => lines.push(line),
        }
    }
    Ok(Reply { code, lines })
}

/// Code, whether it is the last line, text.
fn reply_line(line: &str) -> Option<(u16, bool, &str)> {
    let code = line.get(..3).filter(|code| code.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?;
    match line.as_bytes().get(3) {
        None => Some((code, true, "")),
        Some(b' ') => Some((code, true, &line[4..])),
        Some(b'-') => Some((code, false, &line[4..])),
        Some(_) => None,
    }
}

/// Who we are, for want of a name that resolves: our address (RFC 5321, section 4.1.3).
fn address_literal(local: Option<IpAddr>) -> String {
    match local.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => format!("[{address}]"),
        Some(IpAddr::V6(address)) => format!("[IPv6:{address}]"),
        None => "[127.0.0.1]".into(),
    }
}
