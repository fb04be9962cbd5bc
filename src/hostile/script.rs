//! Peers that say whatever they like, in pieces of whatever length.

use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A peer that has said it all already, and listens to nothing.
pub(crate) struct Script<'a> {
    pub(crate) octets: &'a [u8],
    /// How many come at a time.
    pub(crate) piece: usize,
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
pub(crate) fn at_once<T>(conversation: impl Future<Output = T>) -> T {
    match pin!(conversation).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("it waits for a peer that has said everything"),
    }
}
