//! The accept loop: few connections, none for ever, and an end within two seconds.

use std::{convert::Infallible, future::Future, io, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{JoinSet, spawn_blocking},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    State,
    listen::{Listener, Stream},
    locks::Peer,
    routes, tls,
};
use crate::certificate::printable_cut;

/// Serves until `shutdown`; answers that are under way then have two seconds to end.
///
/// An error means that a listener itself is of no use.
pub async fn serve(listeners: Vec<Listener>, state: State, shutdown: CancellationToken) -> io::Result<()> {
    serve_within(listeners, state, shutdown, Limits::default()).await
}

async fn serve_within(listeners: Vec<Listener>, state: State, shutdown: CancellationToken, limits: Limits) -> io::Result<()> {
    // All of them share the places.
    let slots = Arc::new(Semaphore::new(limits.connections));
    let mut loops = JoinSet::new();
    for listener in listeners {
        loops.spawn(accept_loop(listener, Arc::clone(&slots), state.clone(), shutdown.clone(), limits));
    }
    while let Some(ended) = loops.join_next().await {
        ended.map_err(io::Error::other)??;
    }
    Ok(())
}

/// What one reader may ask of us.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// Connections at once; more wait in the kernel's queue.
    connections: usize,
    /// The longest TLS handshake.
    handshake: Duration,
    /// From the start of a connection, or the end of an answer, to the end of the next request's head.
    head: Duration,
    /// After this the answer under way is the last.
    lifetime: Duration,
    /// How long that last answer may take: a reader slower than this is cut off.
    last_answer: Duration,
    /// The same, once we are told to end.
    shutdown: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 256,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(15),
            lifetime: Duration::from_mins(1),
            last_answer: Duration::from_mins(1),
            shutdown: Duration::from_millis(1800),
        }
    }
}

async fn accept_loop(
    listener: Listener,
    slots: Arc<Semaphore>,
    state: State,
    shutdown: CancellationToken,
    limits: Limits,
) -> io::Result<()> {
    let mut connections = JoinSet::new();
    let ended = loop {
        let accepted = tokio::select! {
            // Who comes now is left in the queue: where systemd holds the socket, the next process answers.
            biased;
            () = shutdown.cancelled() => break Ok(()),
            Some(ended) = connections.join_next() => {
                tell_of_panic(ended);
                continue;
            }
            accepted = accept(&listener, &slots) => accepted,
        };
        match accepted {
            Ok((stream, peer, slot)) => {
                connections.spawn(connection(stream, peer, slot, state.clone(), shutdown.clone(), limits));
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => break Err(error),
            // The peer has gone again, or we are out of file descriptors: neither is a reason to end.
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(Duration::from_millis(100)).await;
            }
        }
    };
    drop(listener);
    while let Some(ended) = connections.join_next().await {
        tell_of_panic(ended);
    }
    ended
}

/// The next connection, once there is a slot for it.
async fn accept(listener: &Listener, slots: &Arc<Semaphore>) -> io::Result<(Stream, Peer, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.expect("the semaphore is never closed");
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, slot))
}

async fn connection(
    stream: Stream,
    peer: Peer,
    slot: OwnedSemaphorePermit,
    state: State,
    shutdown: CancellationToken,
    limits: Limits,
) {
    let _slot = slot;
    let (stream, tls) = match (stream, state.locks.tls()) {
        (Stream::Unix(stream), _) => return answer(stream, peer, state, shutdown, limits).await,
        (Stream::Tcp(stream), None) => return answer(stream, peer, state, shutdown, limits).await,
        (Stream::Tcp(stream), Some(tls)) => (stream, tls),
    };
    if tls.is_due() {
        let looking = Arc::clone(&tls);
        let _ = spawn_blocking(move || looking.look()).await;
    }
    let shaken = tokio::select! {
        shaken = timeout(limits.handshake, tls::accept(stream, tls.config())) => shaken,
        () = shutdown.cancelled() => return,
    };
    match shaken {
        Ok(Ok(Some(stream))) => answer(stream, peer, state, shutdown, limits).await,
        Ok(Ok(None)) => {}
        Ok(Err(error)) => {
            tracing::debug!(from = ?peer.0, "a TLS handshake broke off: {}", printable_cut(&error.to_string(), 200));
        }
        Err(_) => tracing::debug!(from = ?peer.0, "a TLS handshake took too long"),
    }
}

/// Answers requests until the connection is over.
async fn answer<S>(stream: S, peer: Peer, state: State, shutdown: CancellationToken, limits: Limits)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        let state = state.clone();
        request.extensions_mut().insert(peer);
        async move { Ok::<_, Infallible>(routes::answer(&state, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(HEAD_AND_BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let over = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = sleep(limits.lifetime) => None,
        () = shutdown.cancelled() => None,
    };
    let ended = if over.is_some() {
        over
    } else {
        connection.as_mut().graceful_shutdown();
        last_answer(connection, &shutdown, limits).await
    };
    match ended {
        Some(Ok(())) => {}
        Some(Err(error)) => tracing::debug!(%error, "a connection ended badly"),
        None => tracing::debug!("a slow reader was cut off"),
    }
}

/// Waits for the answer under way; `None` when it took too long.
async fn last_answer<T>(connection: impl Future<Output = T>, shutdown: &CancellationToken, limits: Limits) -> Option<T> {
    let patience = async {
        tokio::select! {
            () = sleep(limits.last_answer) => {}
            () = async {
                shutdown.cancelled().await;
                sleep(limits.shutdown).await;
            } => {}
        }
    };
    tokio::select! {
        ended = connection => Some(ended),
        () = patience => None,
    }
}

fn tell_of_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a web request failed inside");
    }
}

/// The longest request head, and how much of an answer waits for a slow reader, besides one chunk.
const HEAD_AND_BUFFER: usize = 16 * 1024;

#[cfg(test)]
mod tests;
