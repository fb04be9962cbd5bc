//! The accept loop: few connections, none for ever, and an end within two seconds.

use std::{convert::Infallible, future::Future, io, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{State, routes};

/// Serves until `shutdown`; answers that are under way then have two seconds to end.
///
/// An error means that the listener itself is of no use.
pub async fn serve(listener: TcpListener, state: State, shutdown: CancellationToken) -> io::Result<()> {
    serve_within(listener, state, shutdown, Limits::default()).await
}

/// What one reader may ask of us.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// Connections at once; more wait in the kernel's queue.
    connections: usize,
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
            head: Duration::from_secs(15),
            lifetime: Duration::from_mins(1),
            last_answer: Duration::from_mins(1),
            shutdown: Duration::from_millis(1800),
        }
    }
}

async fn serve_within(listener: TcpListener, state: State, shutdown: CancellationToken, limits: Limits) -> io::Result<()> {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    let ended = loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break Ok(()),
            Some(ended) = connections.join_next() => {
                tell_of_panic(ended);
                continue;
            }
            accepted = accept(&listener, &slots) => accepted,
        };
        match accepted {
            Ok((stream, slot)) => {
                connections.spawn(connection(stream, slot, state.clone(), shutdown.clone(), limits));
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
async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.expect("the semaphore is never closed");
    let (stream, _) = listener.accept().await?;
    Ok((stream, slot))
}

async fn connection(stream: TcpStream, slot: OwnedSemaphorePermit, state: State, shutdown: CancellationToken, limits: Limits) {
    let _slot = slot;
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let state = state.clone();
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
