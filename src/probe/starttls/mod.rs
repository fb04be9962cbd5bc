//! The plaintext conversations that lead to TLS, a file a protocol. TLS is always required: a server that does not offer it,
//! or refuses it, is a failure.

mod ftp;
mod imap;
mod irc;
mod ldap;
mod mysql;
mod nntp;
mod pop3;
mod postgres;
mod sieve;
mod smtp;
#[cfg(test)]
mod tests;
mod wire;
mod xmpp;

use core::net::IpAddr;

use tokio::io::{AsyncRead, AsyncWrite};

use super::trouble::Trouble;
use crate::{
    endpoint::{Host, StartTls},
    observation::Said,
};
use wire::Wire;

/// What the conversations need to know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Talk<'a> {
    /// The other side, for messages.
    pub(super) peer: &'a str,
    /// The domain asked for, where the protocol says it before TLS (XMPP).
    pub(super) domain: &'a Host,
    /// Our own address, to introduce ourselves with (SMTP); `None` when the socket does not tell.
    pub(super) local: Option<IpAddr>,
}

/// Talks `protocol` until the next octets on `stream` are TLS. However it ends, `said` has the conversation, as far as it is text.
pub(super) async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(
    protocol: StartTls,
    stream: &mut S,
    talk: &Talk<'_>,
    said: &mut Vec<Said>,
) -> Result<(), Trouble> {
    let mut wire = Wire::new(stream, talk.peer, said);
    match protocol {
        StartTls::Smtp => smtp::upgrade(&mut wire, "EHLO", talk.local).await,
        StartTls::Lmtp => smtp::upgrade(&mut wire, "LHLO", talk.local).await,
        StartTls::Imap => imap::upgrade(&mut wire).await,
        StartTls::Pop3 => pop3::upgrade(&mut wire).await,
        StartTls::Sieve => sieve::upgrade(&mut wire).await,
        StartTls::Ftp => ftp::upgrade(&mut wire).await,
        StartTls::Ldap => ldap::upgrade(&mut wire).await,
        StartTls::Xmpp => xmpp::upgrade(&mut wire, "jabber:client", talk.domain).await,
        StartTls::XmppServer => xmpp::upgrade(&mut wire, "jabber:server", talk.domain).await,
        StartTls::Postgres => postgres::upgrade(&mut wire).await,
        StartTls::Mysql => mysql::upgrade(&mut wire).await,
        StartTls::Nntp => nntp::upgrade(&mut wire).await,
        StartTls::Irc => irc::upgrade(&mut wire).await,
    }?;
    wire.finish()
}
