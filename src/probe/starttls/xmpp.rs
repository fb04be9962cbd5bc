//! XMPP, for clients and between servers (RFC 6120, section 5).

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Trouble, Wire};
use crate::endpoint::Host;

pub(super) async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<'_, S>,
    namespace: &str,
    domain: &Host,
) -> Result<(), Trouble> {
    // A Host has no character that XML would mind.
    let open = format!(
        "<?xml version='1.0'?><stream:stream to='{domain}' xmlns='{namespace}' \
         xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
    );
    wire.send(open).await?;
    let mut header = wire.take_until(&[">"]).await?;
    if header.trim_start().starts_with("<?xml") {
        header = wire.take_until(&[">"]).await?;
    }
    if !header.trim_start().starts_with("<stream") {
        return Err(wire.unexpected("xmpp", header.as_bytes()));
    }
    let features = wire.take_until(&["</stream:features>", "</features>", "features/>", STREAM_ERROR, STREAM_END]).await?;
    if !features.ends_with("features>") && !features.ends_with("features/>") {
        return Err(wire.refused(&features));
    }
    if !features.contains("<starttls") {
        return Err(wire.not_offered());
    }
    wire.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await?;
    let answer = wire.take_until(&["/>", "</proceed>", "</failure>", STREAM_ERROR, STREAM_END]).await?;
    if answer.contains("<proceed") { Ok(()) } else { Err(wire.refused(&answer)) }
}

const STREAM_ERROR: &str = "</stream:error>";
const STREAM_END: &str = "</stream:stream>";
