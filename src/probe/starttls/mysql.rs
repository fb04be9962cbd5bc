//! MySQL and MariaDB: the initial handshake packet, then an SSLRequest (client/server protocol, "Connection Phase").

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Trouble, Wire};
use crate::observation::Party;

pub(super) async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<'_, S>) -> Result<(), Trouble> {
    let header = wire.exactly(4).await?;
    let length = usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
    // A greeting is some hundred octets; more is another protocol's text read as a length.
    if header[3] != 0 || !(1..=MAX_GREETING).contains(&length) {
        return Err(wire.unexpected("mysql", &header));
    }
    let packet = wire.exactly(length).await?;
    match packet[0] {
        10 => {}
        // An error in place of a greeting ("too many connections", "host is blocked"): code, then text.
        0xff => return Err(wire.refused(&String::from_utf8_lossy(packet.get(3..).unwrap_or_default()))),
        _ => return Err(wire.unexpected("mysql", &[&header[..], &packet].concat())),
    }
    let Some(abilities) = abilities(&packet) else { return Err(wire.violation("sent a mysql greeting that is cut short")) };
    let version = version(&packet);
    wire.note(Party::Server, &version);
    if abilities & CLIENT_SSL == 0 {
        return Err(wire.not_offered());
    }
    let mut request = vec![32, 0, 0, 1];
    request.extend((CLIENT_PROTOCOL_41 | CLIENT_SSL | CLIENT_SECURE_CONNECTION).to_le_bytes());
    request.extend(MAX_PACKET.to_le_bytes());
    request.push(UTF8);
    request.resize(4 + 32, 0);
    wire.send(request).await
}

/// The server's version, behind its maker where it names one. MariaDB puts a version of MySQL before its own, for old replicas.
fn version(greeting: &[u8]) -> String {
    let text = greeting[1..].split(|octet| *octet == 0).next().unwrap_or_default();
    let text = String::from_utf8_lossy(text);
    if text.contains("MariaDB") { format!("MariaDB {}", text.trim_start_matches("5.5.5-")) } else { text.into_owned() }
}

/// The lower 16 capability flags: behind the version's text, thread id (4), the first part of the challenge (8) and a filler (1).
fn abilities(greeting: &[u8]) -> Option<u32> {
    let version_end = 1 + greeting.get(1..)?.iter().position(|octet| *octet == 0)?;
    let flags = greeting.get(version_end + 1 + 4 + 8 + 1..)?;
    Some(u32::from(*flags.first()?) | u32::from(*flags.get(1)?) << 8)
}

const MAX_GREETING: usize = 1024;
const CLIENT_PROTOCOL_41: u32 = 0x0200;
const CLIENT_SSL: u32 = 0x0800;
const CLIENT_SECURE_CONNECTION: u32 = 0x8000;
const MAX_PACKET: u32 = 1 << 24;

/// utf8_general_ci, which every version knows.
const UTF8: u8 = 33;
