//! The durable state: last observations, incidents, outbox. SQLite, one writer.
//!
//! What is kept is what was seen and who was told what; what it means is worked out anew after a restart. Two files lie in the
//! directory besides SQLite's own: `certvigil.db` and `certvigil.lock`, which keeps a second daemon out.

mod codec;
mod database;
mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
mod read;
mod write;
mod writer;

#[cfg(test)]
mod tests;

use core::net::IpAddr;
use std::{path::PathBuf, sync::Arc};

use crate::{
    clock::Timestamp,
    diagnosis::Issuers,
    incident::{Incident, Member},
    monitor::{NoticeKind, Record},
    observation::Observation,
};

use tracing::warn;

pub use error::{Reason, StoreError};

/// Where the state is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The directory; it must exist and be writable.
    pub directory: PathBuf,
}

/// A handle to the writer. When the last one is dropped the writer finishes what it was given, and ends.
#[derive(Clone, Debug)]
pub struct Store {
    writer: writer::Handle,
}

/// A mail, composed and ready for SMTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The notice's id, unique.
    pub id: String,
    /// Its kind.
    pub kind: NoticeKind,
    /// The recipient's mail address.
    pub recipient: String,
    /// When it was decided.
    pub at: Timestamp,
    /// The whole message, headers included (RFC 5322).
    pub message: Arc<[u8]>,
}

/// What a restart finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// The last observations, by endpoint and address.
    pub addresses: Vec<StoredAddress>,
    /// Every incident, by topic and cause.
    pub incidents: Vec<Incident>,
    /// The endpoints' parts in them, by endpoint, topic and cause.
    pub members: Vec<Member>,
    /// The mails that wait, oldest first.
    pub mails: Vec<Mail>,
    /// The first sweep after the installation is over.
    pub first_sweep_done: bool,
}

/// What was last seen at one address of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAddress {
    /// The endpoint's name.
    pub endpoint: Arc<str>,
    /// `None`: the name did not resolve.
    pub address: Option<IpAddr>,
    /// The endpoint's place at the last visit.
    pub place: Arc<str>,
    /// The last visit that saw a certificate, and the issuers that it was judged with: it can be judged again without fetching.
    pub known: Option<(Observation, Issuers)>,
    /// The last visit, where it saw no certificate.
    pub failed: Option<Observation>,
    /// When the last visit was made, whatever came of it.
    pub last_probe: Timestamp,
    /// When a visit last saw a certificate.
    pub last_success: Option<Timestamp>,
}

impl Store {
    /// Opens the state (makes it, where the directory is empty), reads it whole and starts the writer. Blocks: some seconds
    /// for hundreds of thousands of certificates.
    ///
    /// Entries that this version cannot understand are left out with a warning; a file that cannot be trusted is an error.
    pub fn open(settings: &Settings) -> Result<(Store, Stored), StoreError> {
        let mut database = database::Database::open(&settings.directory)?;
        match database.prune() {
            Err(error @ StoreError::Corrupted { .. }) => return Err(error),
            // A disk that is full or failing is told with the first change; what is known is of use all the same.
            Err(error) => warn!(error = &error as &dyn std::error::Error, "{UNPRUNED}"),
            Ok(()) => {}
        }
        let stored = read::everything(&database)?;
        Ok((Store::start(database)?, stored))
    }

    fn start(database: database::Database) -> Result<Store, StoreError> {
        Ok(Store { writer: writer::start(database)? })
    }

    /// Writes all of it or nothing; when it returns `Ok`, mails and incidents survive a power cut (observations alone may lose
    /// the last moments, never their consistency). Commits that wait at the same time share one transaction.
    pub async fn commit(&self, records: Vec<Record>, mails: Vec<Mail>) -> Result<(), StoreError> {
        self.writer.commit(records, mails).await
    }

    /// Writes what still waits, and lets go of the directory.
    pub async fn close(self) {
        self.writer.close().await;
    }
}

const UNPRUNED: &str = "cannot forget certificates that nobody presents any more";
