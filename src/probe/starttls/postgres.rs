//! PostgreSQL, SSLRequest (protocol 3.0, "SSL Session Encryption").

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Trouble, Wire};

pub(super) async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<'_, S>) -> Result<(), Trouble> {
    wire.send(SSL_REQUEST).await?;
    match wire.exactly(1).await?[0] {
        b'S' => Ok(()),
        b'N' => Err(wire.not_offered()),
        b'E' => {
            let length: [u8; 4] = wire.exactly(4).await?.try_into().expect("asked for 4 octets");
            let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
            let body = wire.exactly(length.saturating_sub(4)).await?;
            Err(wire.refused(&message(&body)))
        }
        other => Err(wire.unexpected("postgres", &[other])),
    }
}

/// The `M` field of an ErrorResponse; before 7.4 there were no fields, only the text.
fn message(body: &[u8]) -> String {
    let mut fields = body.split(|octet| *octet == 0);
    let field = fields.clone().find_map(|field| field.strip_prefix(b"M"));
    String::from_utf8_lossy(field.or_else(|| fields.next()).unwrap_or_default()).into_owned()
}

/// Length 8, code 80877103.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
