//! The writer: one thread that owns the database. Commits that wait together become one transaction.

use std::{
    io,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};

use rusqlite::Connection;
use tokio::sync::oneshot;
use tracing::warn;

use super::{
    Mail, StoreError,
    database::{Database, Synchronous},
    history, silences, write,
};
use crate::monitor::{Chapter, Record, Silence};

/// The way to the writer.
#[derive(Clone, Debug)]
pub(super) struct Handle {
    jobs: Sender<Job>,
}

enum Job {
    Commit(Commit),
    Silences(oneshot::Sender<Result<Option<Vec<Silence>>, StoreError>>),
    History(String, oneshot::Sender<Result<Vec<Chapter>, StoreError>>),
    /// Answered when the directory is free again.
    Close(oneshot::Sender<()>),
}

struct Commit {
    records: Vec<Record>,
    mails: Vec<Mail>,
    done: oneshot::Sender<Result<(), StoreError>>,
}

impl Handle {
    pub(super) async fn commit(&self, records: Vec<Record>, mails: Vec<Mail>) -> Result<(), StoreError> {
        let (done, answer) = oneshot::channel();
        self.jobs.send(Job::Commit(Commit { records, mails, done })).map_err(|_| StoreError::Closed)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    pub(super) async fn silences(&self) -> Result<Option<Vec<Silence>>, StoreError> {
        let (done, answer) = oneshot::channel();
        self.jobs.send(Job::Silences(done)).map_err(|_| StoreError::Closed)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    pub(super) async fn history(&self, endpoint: String) -> Result<Vec<Chapter>, StoreError> {
        let (done, answer) = oneshot::channel();
        self.jobs.send(Job::History(endpoint, done)).map_err(|_| StoreError::Closed)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    pub(super) async fn close(self) {
        let (done, answer) = oneshot::channel();
        if self.jobs.send(Job::Close(done)).is_ok() {
            // An error only says that the writer has ended already.
            let _ = answer.await;
        }
    }
}

/// Starts the thread. Without a database, it opens that of the directory as soon as it can: every commit tries.
pub(super) fn start(directory: &Path, database: Option<Database>) -> Result<Handle, StoreError> {
    let path = directory.to_owned();
    let (jobs, waiting) = channel();
    let writer = Writer { directory: path.clone(), database, let_go: Dust::default(), visits: Dust::default() };
    let spawned = thread::Builder::new().name("store".into()).spawn(move || writer.run(&waiting));
    spawned.map_err(|source: io::Error| StoreError::Unwritable { path, source })?;
    Ok(Handle { jobs })
}

struct Writer {
    directory: PathBuf,
    database: Option<Database>,
    /// How many rows have let go of certificates since unused ones were looked for.
    let_go: Dust,
    /// How many visits were appended since former ones were.
    visits: Dust,
}

/// What gathers until it is swept.
#[derive(Default)]
struct Dust {
    grains: usize,
    /// After so many it is worth its while. At first at once: what gathered before the start was not counted.
    enough: usize,
}

impl Writer {
    fn run(mut self, waiting: &Receiver<Job>) {
        let mut closing = None;
        while closing.is_none()
            && let Ok(first) = waiting.recv()
        {
            let mut batch = Vec::new();
            let mut next = Some(first);
            while let Some(job) = next {
                match job {
                    Job::Commit(commit) => batch.push(commit),
                    Job::Silences(done) => {
                        // What waits may be a silence.
                        self.commit(std::mem::take(&mut batch));
                        drop(done.send(self.silences()));
                    }
                    Job::History(endpoint, done) => drop(done.send(self.history(&endpoint))),
                    Job::Close(done) => closing = Some(done),
                }
                next = if batch.len() < BATCH && closing.is_none() { waiting.try_recv().ok() } else { None };
            }
            self.commit(batch);
            self.prune_now_and_then();
        }
        drop(self);
        if let Some(done) = closing {
            let _ = done.send(());
        }
    }

    /// All in one transaction; if that fails, each alone, so that one that finds no room takes no other with it.
    fn commit(&mut self, batch: Vec<Commit>) {
        if batch.len() > 1 && self.transaction(&batch).is_ok() {
            for commit in batch {
                let _ = commit.done.send(Ok(()));
            }
            return;
        }
        for commit in batch {
            let result = self.transaction(std::slice::from_ref(&commit));
            let _ = commit.done.send(result);
        }
    }

    fn transaction(&mut self, batch: &[Commit]) -> Result<(), StoreError> {
        let mut records = batch.iter().flat_map(|commit| &commit.records);
        let only_observations = records.all(Record::may_be_lost) && batch.iter().all(|commit| commit.mails.is_empty());
        let database = match &mut self.database {
            Some(database) => database,
            none => none.insert(Database::open(&self.directory)?),
        };
        database.set_synchronous(if only_observations { Synchronous::Normal } else { Synchronous::Full })?;
        if batch
            .iter()
            .flat_map(|commit| &commit.records)
            .any(|record| matches!(record, Record::Silenced(_) | Record::SilencedNoMore(_)))
        {
            // Our own changes are not counted, and silences that were read before this one was written lack it.
            database.forget_what_was_seen();
        }
        let let_go = write_all(&mut database.connection, batch);
        self.let_go.grains += let_go.map_err(|error| StoreError::of(&database.path, &error))?;
        self.visits.grains += batch.iter().flat_map(|commit| &commit.records).filter(|record| record.may_be_lost()).count();
        Ok(())
    }

    fn silences(&mut self) -> Result<Option<Vec<Silence>>, StoreError> {
        let Some(database) = &mut self.database else { return Ok(None) };
        if !database.has_changed_beside()? {
            return Ok(None);
        }
        silences::read(&database.connection).map(Some).map_err(|error| StoreError::of(&database.path, &error))
    }

    fn history(&self, endpoint: &str) -> Result<Vec<Chapter>, StoreError> {
        let Some(database) = &self.database else { return Ok(Vec::new()) };
        history::of(&database.connection, endpoint).map_err(|error| StoreError::of(&database.path, &error))
    }

    fn prune_now_and_then(&mut self) {
        let Some(database) = self.database.as_mut() else { return };
        self.let_go.sweep(8, || database.prune_certificates());
        self.visits.sweep(1, || database.prune_visits());
    }
}

impl Dust {
    /// Sweeps where enough has gathered; enough is the `share`th of what is left then.
    fn sweep(&mut self, share: usize, sweep: impl FnOnce() -> Result<usize, StoreError>) {
        if self.grains < self.enough {
            return;
        }
        // Nobody waits for this; a disk that is full or failing is told with the next change.
        let left = sweep().inspect_err(|error| warn!(error = error as &dyn std::error::Error, "cannot tidy the state up"));
        *self = Dust { grains: 0, enough: SWEEP_AFTER.max(left.unwrap_or_default() / share) };
    }
}

/// All of it or nothing; says how many rows let go of certificates.
fn write_all(connection: &mut Connection, batch: &[Commit]) -> rusqlite::Result<usize> {
    let transaction = connection.transaction()?;
    let mut let_go = 0;
    for commit in batch {
        for record in &commit.records {
            let_go += write::record(&transaction, record)?;
        }
        for mail in &commit.mails {
            write::mail(&transaction, mail)?;
        }
    }
    transaction.commit()?;
    Ok(let_go)
}

/// Commits in one transaction, at most.
const BATCH: usize = 256;

/// At least so much gathers before it is swept, which reads every observation.
const SWEEP_AFTER: usize = 1000;
