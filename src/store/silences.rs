//! The silences: read by the daemon, written by the command line, beside a daemon that runs or without one.

use std::{collections::BTreeMap, path::PathBuf};

use rusqlite::{Connection, Result, params};

use super::{Settings, StoreError, codec, database::Database, read};
use crate::{
    clock::Timestamp,
    monitor::{Glob, Selector, Silence},
};

/// The silences of a state directory, to be changed.
#[derive(Debug)]
pub struct SilenceBook {
    connection: Connection,
    path: PathBuf,
}

impl SilenceBook {
    /// Opens the state of a daemon that has run before, whether it runs now or not. Blocks.
    pub fn open(settings: &Settings) -> std::result::Result<Self, StoreError> {
        let (connection, path) = Database::of_any_daemon(&settings.directory)?;
        Ok(SilenceBook { connection, path })
    }

    /// All of them, oldest first, those that are over too.
    pub fn all(&self) -> std::result::Result<Vec<Silence>, StoreError> {
        read(&self.connection).map_err(|error| self.failed(&error))
    }

    /// Writes one more, and forgets those that were over before `forgotten`.
    pub fn add(&mut self, silence: &Silence, forgotten: Timestamp) -> std::result::Result<(), StoreError> {
        add(&mut self.connection, silence, forgotten).map_err(|error| StoreError::of(&self.path, &error))
    }

    /// Takes this one back. `false`: there is none of this id.
    pub fn remove(&mut self, id: &str) -> std::result::Result<bool, StoreError> {
        let removed = self.connection.execute("DELETE FROM silence WHERE id = ?1", [id]);
        removed.map(|count| count > 0).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &rusqlite::Error) -> StoreError {
        StoreError::of(&self.path, error)
    }
}

fn add(db: &mut Connection, silence: &Silence, forgotten: Timestamp) -> Result<()> {
    let transaction = db.transaction()?;
    let over: Vec<_> = read(&transaction)?.into_iter().filter(|known| known.is_over(forgotten)).map(|known| known.id).collect();
    for id in over {
        transaction.execute("DELETE FROM silence WHERE id = ?1", [id])?;
    }
    insert(&transaction, silence)?;
    transaction.commit()
}

/// The same id again is the same silence.
pub(super) fn insert(db: &Connection, silence: &Silence) -> Result<()> {
    let texts = |globs: &[Glob]| globs.iter().map(ToString::to_string).collect::<Vec<_>>();
    let labels = silence.selector.labels.iter().map(|(label, globs)| (label.clone(), texts(globs))).collect();
    db.execute(
        "INSERT OR REPLACE INTO silence (id, endpoints, labels, findings, since, until, but_last_day, made_by, reason)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            silence.id,
            codec::strings_to_json(&texts(&silence.selector.endpoints)),
            codec::lists_to_json(&labels),
            codec::strings_to_json(&silence.findings),
            silence.since.to_string(),
            silence.until.to_string(),
            silence.but_last_day,
            silence.by,
            silence.reason,
        ],
    )?;
    Ok(())
}

/// Oldest first.
pub(super) fn read(db: &Connection) -> Result<Vec<Silence>> {
    let mut silences = read::rows(db, "SELECT * FROM silence ORDER BY id", "a silence", |row| {
        let text = |column: &str| row.get::<_, String>(column);
        let globs = |patterns: Vec<String>| patterns.iter().map(|pattern| Glob::new(pattern)).collect::<Vec<_>>();
        let (endpoints, labels, findings) = (text("endpoints")?, text("labels")?, text("findings")?);
        let (since, until) = (text("since")?, text("until")?);
        let (id, by, reason, but_last_day) = (text("id")?, text("made_by")?, text("reason")?, row.get("but_last_day")?);
        let understand = || {
            let labels = codec::lists_from_json(&labels)?.into_iter().map(|(label, patterns)| (label, globs(patterns)));
            let endpoints = globs(codec::strings_from_json(&endpoints)?);
            Some(Silence {
                id,
                selector: Selector { endpoints, labels: labels.collect::<BTreeMap<_, _>>() },
                findings: codec::strings_from_json(&findings)?,
                since: since.parse().ok()?,
                until: until.parse().ok()?,
                but_last_day,
                by,
                reason,
            })
        };
        Ok(understand())
    })?;
    silences.sort_by_key(|silence| silence.since);
    Ok(silences)
}
