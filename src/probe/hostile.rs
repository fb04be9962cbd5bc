//! Peers that say whatever they like, in pieces of whatever length.

use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use super::{
    connect,
    handshake::{Groups, Handshaker},
    session::Limits,
    starttls::{Talk, upgrade},
    trouble::Trouble,
};
use crate::{
    endpoint::{Host, StartTls},
    hostile::assert_safe,
    observation::Outcome,
};

/// A peer that has said it all already, and listens to nothing.
struct Script<'a> {
    octets: &'a [u8],
    /// How many come at a time.
    piece: usize,
}

impl AsyncRead for Script<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (piece, rest) = self.octets.split_at(self.piece.min(into.remaining()).min(self.octets.len()));
        into.put_slice(piece);
        self.octets = rest;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script<'_> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(octets.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The answer of a conversation that never waits.
fn at_once<T>(conversation: impl Future<Output = T>) -> T {
    match pin!(conversation).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("it waits for a peer that has said everything"),
    }
}

fn assert_told(result: Result<(), Trouble>) {
    if let Err(trouble) = result {
        assert!(!trouble.detail.is_empty() && trouble.detail.chars().count() < 1000, "{}", trouble.detail);
        assert_safe(&trouble.detail);
    }
}

/// A conversation before TLS: the protocol, the length of the pieces, what the server says.
pub(crate) fn starttls(octets: &[u8]) {
    let [protocol, piece, octets @ ..] = octets else { return };
    let protocol = ALL[usize::from(*protocol) % ALL.len()];
    let domain = Host::Name("a.example".into());
    let talk = Talk { peer: "192.0.2.1:25", domain: &domain, local: None };
    assert_told(at_once(upgrade(protocol, &mut Script { octets, piece: 1 + usize::from(*piece) }, &talk)));
}

/// A proxy's answer.
pub(crate) fn proxy(octets: &[u8]) {
    let proxy = ([192, 0, 2, 1], 3128).into();
    assert_told(at_once(connect::ask_proxy(&mut Script { octets, piece: 100 }, proxy, "a.example:443")));
}

/// A TLS server: the length of the pieces, what the server says.
pub(crate) fn tls(octets: &[u8]) {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        static HANDSHAKER: Handshaker = Handshaker::new(None);
    }
    let [piece, octets @ ..] = octets else { return };
    let host = Host::Name("a.example".into());
    let outcome = HANDSHAKER.with(|handshaker| {
        RUNTIME.with(|runtime| {
            runtime.block_on(async {
                let total = Duration::from_mins(1);
                let deadline = Instant::now() + total;
                let limits = Limits { total, deadline, first_octet_by: deadline, max_octets: 64 * 1024 };
                let mut script = Script { octets, piece: 1 + usize::from(*piece) * 16 };
                handshaker.shake(Groups::Classic, &host, &mut script, "192.0.2.1:443", limits).await.outcome
            })
        })
    });
    match outcome {
        Outcome::Handshake(handshake) => assert!(handshake.chain.iter().count() > 0),
        Outcome::Failure(failure) => assert_safe(&failure.detail),
    }
}

const ALL: [StartTls; 13] = [
    StartTls::Smtp,
    StartTls::Lmtp,
    StartTls::Imap,
    StartTls::Pop3,
    StartTls::Sieve,
    StartTls::Ftp,
    StartTls::Ldap,
    StartTls::Xmpp,
    StartTls::XmppServer,
    StartTls::Postgres,
    StartTls::Mysql,
    StartTls::Nntp,
    StartTls::Irc,
];
