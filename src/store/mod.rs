//! The durable state: last observations, incidents, outbox. SQLite, one writer.

use std::path::PathBuf;

/// Where the state is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The directory; it must exist and be writable.
    pub directory: PathBuf,
}
