//! The durable state: last observations, incidents, outbox. SQLite, one writer.
//!
//! What is kept is what was seen and who was told what; what it means is worked out anew after a restart. Two files lie in the
//! directory besides SQLite's own: `certvigil.db` and `certvigil.lock`, which keeps a second daemon out.

mod codec;
mod cores;
mod database;
mod error;
mod history;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
mod read;
mod secret;
mod silences;
mod write;
mod writer;

#[cfg(test)]
mod tests;

use core::net::IpAddr;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    clock::Timestamp,
    diagnosis::Issuers,
    incident::{Incident, Member},
    monitor::{Chapter, NoticeKind, Record, Refusal, Renewals, Silence, Tally},
    observation::Observation,
};

pub(crate) use cores::on_every_core;
pub use error::{Reason, StoreError};
pub use history::history;
pub use secret::secret;
pub use silences::SilenceBook;

/// The version of the schema of the state that this program keeps.
pub fn schema() -> i64 {
    database::latest()
}

/// What the state of a daemon that has run before has to tell, whether it runs now or not. Blocks.
pub fn remembered(settings: &Settings) -> Result<Stored, StoreError> {
    let (connection, path) = database::Database::of_any_daemon(&settings.directory)?;
    read::everything(&connection, &path)
}

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
    /// Who was sent how much, by recipient.
    pub tallies: Vec<Tally>,
    /// Who refused mail for good, by recipient.
    pub refusals: Vec<Refusal>,
    /// When endpoints have renewed their certificates, by endpoint.
    pub renewals: Vec<Renewals>,
    /// The silences, oldest first.
    pub silences: Vec<Silence>,
    /// The mails that wait, oldest first.
    pub mails: Vec<Mail>,
    /// The first sweep after the installation is over.
    pub first_sweep_done: bool,
    /// Until when the operators have been told that certvigil watches.
    pub shown_alive: Option<Timestamp>,
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
    pub failed: Option<Box<Observation>>,
}

/// What the opening of the state has come to.
#[derive(Debug)]
pub struct Opened {
    /// To write to.
    pub store: Store,
    /// What could be read.
    pub stored: Stored,
    /// The former state was damaged: what it is called now.
    pub set_aside: Option<PathBuf>,
    /// Nothing can be written for now: why.
    pub unwritable: Option<StoreError>,
}

impl Store {
    /// Opens the state (makes it, where the directory is empty), reads it whole and starts the writer. Blocks: some seconds
    /// for hundreds of thousands of certificates.
    ///
    /// Entries that this version cannot understand are left out with a warning; a file that cannot be trusted is an error.
    pub fn open(settings: &Settings) -> Result<(Store, Stored), StoreError> {
        let database = database::Database::open(&settings.directory)?;
        let stored = read::everything(&database.connection, &database.path)?;
        Ok((Store { writer: writer::start(&settings.directory, Some(database))? }, stored))
    }

    /// Opens the state as [`Store::open`] does, and makes do with less where a disk has failed since it was last kept: a watch
    /// without memory is better than none. What is damaged is set aside, under a name that ends in `now`, in seconds. What
    /// cannot be written is read, as far as it can be, and every commit tries again to open it.
    ///
    /// An error is what a person has to decide: there is no such directory, somebody else's file is in it, another daemon or a
    /// newer version keeps its state there, or nothing could ever be written to it.
    pub fn open_as_can_be(settings: &Settings, now: Timestamp) -> Result<Opened, StoreError> {
        let directory = &settings.directory;
        let whole = |(store, stored)| Opened { store, stored, set_aside: None, unwritable: None };
        match Store::open(settings) {
            Ok(opened) => Ok(whole(opened)),
            Err(damaged @ StoreError::Corrupted { .. }) => {
                let opened = database::Database::set_aside(directory, now.as_second())
                    .and_then(|aside| Ok(Opened { set_aside: Some(aside), ..whole(Store::open(settings)?) }));
                opened.or_else(|_| Store::without(directory, Stored::default(), damaged))
            }
            Err(error) if error.is_of_the_disk() || database::Database::is_there(directory) && error.is_unwritable() => {
                let looked = database::Database::look(directory).and_then(|db| read::everything(&db, directory));
                Store::without(directory, looked.unwrap_or_default(), error)
            }
            Err(error) => Err(error),
        }
    }

    fn without(directory: &Path, stored: Stored, unwritable: StoreError) -> Result<Opened, StoreError> {
        let store = Store { writer: writer::start(directory, None)? };
        Ok(Opened { store, stored, set_aside: None, unwritable: Some(unwritable) })
    }

    /// Writes all of it or nothing; when it returns `Ok`, mails and incidents survive a power cut (observations alone may lose
    /// the last moments, never their consistency). Commits that wait at the same time share one transaction.
    pub async fn commit(&self, records: Vec<Record>, mails: Vec<Mail>) -> Result<(), StoreError> {
        self.writer.commit(records, mails).await
    }

    /// The silences, if somebody may have written to the state beside us since this was asked last; `None`: nobody has.
    pub async fn silences(&self) -> Result<Option<Vec<Silence>>, StoreError> {
        self.writer.silences().await
    }

    /// What is remembered of this endpoint, change by change, the latest first; of what was committed before.
    pub async fn history(&self, endpoint: &str) -> Result<Vec<Chapter>, StoreError> {
        self.writer.history(endpoint.to_owned()).await
    }

    /// Writes what still waits, and lets go of the directory.
    pub async fn close(self) {
        self.writer.close().await;
    }
}
