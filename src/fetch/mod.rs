//! Issuers by the AIA addresses that strangers' certificates name: capped, guarded, cached.

mod answer;
mod cache;
mod guard;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
mod http;
mod issuer;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use answer::has_issued;
pub use guard::is_public;
pub use issuer::{Fetcher, Found, Search};

/// What may be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Fetch at all.
    pub enabled: bool,
    /// Private, loopback and link-local addresses too.
    pub allow_private: bool,
    /// The largest answer taken, in octets.
    pub max_bytes: usize,
    /// The deadline of one fetch.
    pub timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { enabled: true, allow_private: false, max_bytes: 64 * 1024, timeout: Duration::from_secs(5) }
    }
}
