//! The web door: metrics, health and the status page, all rendered from a snapshot.

use core::net::SocketAddr;

/// Where the page and the metrics are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Address and port.
    pub listen: SocketAddr,
}
