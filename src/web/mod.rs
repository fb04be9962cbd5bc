//! The web door: metrics, health and the status page, all rendered from a snapshot.
//!
//! `/metrics`, `/probe`, `/healthz`, `/readyz`, and the pages (`page`) with their `/style.css`; nothing that changes anything.

mod body;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
mod metrics;
mod negotiate;
mod page;
mod pulse;
mod routes;
#[cfg(test)]
mod sample;
mod server;
#[cfg(test)]
mod shipped;

use core::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;

use crate::monitor::Snapshot;

pub use metrics::OwnMetrics;
pub use pulse::Pulse;
pub use server::serve;

/// Where the page and the metrics are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Address and port.
    pub listen: SocketAddr,
}

/// What is shown.
#[derive(Clone, Debug)]
pub struct State {
    /// The brain's memory, as last published.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// What the daemon measures about itself.
    pub own: Arc<OwnMetrics>,
    /// The loop's sign of life, for `/readyz`.
    pub pulse: Arc<Pulse>,
}
