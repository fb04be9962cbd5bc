//! LDAP, the StartTLS extended operation (RFC 4511, section 4.14).

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Trouble, Wire};

pub(super) async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<'_, S>) -> Result<(), Trouble> {
    let mut request = vec![0x30, 0x1d, 0x02, 0x01, MESSAGE_ID, EXTENDED_REQUEST, 0x18, 0x80, 0x16];
    request.extend(START_TLS.as_bytes());
    wire.send(request).await?;
    let mut head = wire.exactly(2).await?;
    if head[0] != SEQUENCE {
        return Err(wire.unexpected("ldap", &head));
    }
    // BER: a length below 128 is itself, otherwise 0x80 plus the number of its octets.
    let length = match head[1] {
        short @ 0..=0x7f => usize::from(short),
        long @ 0x81..=0x84 => {
            let octets = wire.exactly(usize::from(long - 0x80)).await?;
            head.extend(&octets);
            octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet))
        }
        _ => return Err(wire.unexpected("ldap", &head)),
    };
    let body = wire.exactly(length).await?;
    match read_response(&body) {
        Some((_, 0, _)) => Ok(()),
        Some((_, code, text)) => Err(wire.refused(format!("{} {text}", result_name(code)).trim())),
        None => Err(wire.violation("answered with an LDAP message that is no extended response")),
    }
}

/// Message id, result code, diagnostic message. Id 0 is the server's own notice that it disconnects (section 4.4.1).
fn read_response(body: &[u8]) -> Option<(u8, u8, String)> {
    let (id, rest) = element(body, 0x02)?;
    let (response, _) = element(rest, EXTENDED_RESPONSE)?;
    let (code, rest) = element(response, 0x0a)?;
    let (_matched_dn, rest) = element(rest, 0x04)?;
    let (text, _) = element(rest, 0x04)?;
    let (&[id], &[code]) = (id, code) else { return None };
    (id == MESSAGE_ID || id == 0 && code != 0).then(|| (id, code, String::from_utf8_lossy(text).into_owned()))
}

/// The content of the BER element with this tag, and what follows it.
fn element(input: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = input.split_first_chunk::<2>()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (octets, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)), rest)
        }
        _ => return None,
    };
    if found == tag { rest.split_at_checked(length) } else { None }
}

/// Section 4.1.9, those that a StartTLS meets.
fn result_name(code: u8) -> String {
    match code {
        1 => "operationsError".into(),
        2 => "protocolError".into(),
        8 => "strongerAuthRequired".into(),
        13 => "confidentialityRequired".into(),
        50 => "insufficientAccessRights".into(),
        51 => "busy".into(),
        52 => "unavailable".into(),
        53 => "unwillingToPerform".into(),
        other => format!("result code {other}"),
    }
}

const SEQUENCE: u8 = 0x30;
const EXTENDED_REQUEST: u8 = 0x77;
const EXTENDED_RESPONSE: u8 = 0x78;
const MESSAGE_ID: u8 = 1;
const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
