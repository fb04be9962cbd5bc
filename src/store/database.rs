//! The file: lock, schema and its versions, durability.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};
use tracing::info;

use super::StoreError;

/// The open database, and the lock that keeps a second daemon out. Dropped in this order.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    synchronous: Option<Synchronous>,
    /// SQLite's count of the changes that others have committed, as far as they have been noticed.
    seen: Option<i64>,
    _lock: File,
}

/// When a commit is on the disk. In WAL mode both keep the file consistent through a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Synchronous {
    /// At once: for what somebody relies on, mails and incidents. One fsync a transaction.
    Full,
    /// At the next full commit or checkpoint: for observations, which the next visit brings again.
    Normal,
}

impl Database {
    /// Opens or makes the database in this directory, brought to the latest schema.
    pub(super) fn open(directory: &Path) -> Result<Self, StoreError> {
        if std::fs::metadata(directory).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Err(StoreError::DirectoryMissing { directory: directory.to_owned() });
        }
        let lock = locked(directory)?;
        let path = Database::path(directory);
        // Made by us rather than by SQLite, which would make it readable to all; its -wal and -shm inherit the mode.
        drop(private_file(&path)?);
        let connection = connect(&path)?;
        Ok(Database { connection, path, synchronous: None, seen: None, _lock: lock })
    }

    pub(super) fn path(directory: &Path) -> PathBuf {
        directory.join(FILE)
    }

    /// A connection to the state of a daemon that has run before, whether it runs now or not, and the state's path.
    pub(super) fn of_any_daemon(directory: &Path) -> Result<(Connection, PathBuf), StoreError> {
        let path = Database::path(directory);
        if !Database::is_there(directory) {
            return Err(StoreError::NeverRun { directory: directory.to_owned() });
        }
        match Database::open(directory) {
            // The lock goes at once: a daemon that starts meanwhile is not to fail for our sake.
            Ok(database) => Ok((database.connection, path)),
            Err(StoreError::InUse { .. }) => Ok((Database::beside(&path)?, path)),
            Err(problem) => Err(problem),
        }
    }

    /// A connection to the database of a daemon that runs. It leaves the schema alone.
    pub(super) fn beside(path: &Path) -> Result<Connection, StoreError> {
        let begun = begin(path, "NORMAL").and_then(|(connection, found)| {
            let owner: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
            Ok((connection, found, owner))
        });
        let (connection, found, owner) = begun.map_err(|e| StoreError::of(path, &e))?;
        let (path, known) = (path.to_owned(), latest());
        match (owner, found) {
            (APPLICATION_ID, found) if found == known => Ok(connection),
            (APPLICATION_ID, found) if found > known => Err(StoreError::Newer { path, found, known }),
            (APPLICATION_ID, _) => Err(StoreError::Older { path }),
            _ => Err(StoreError::Foreign { path }),
        }
    }

    /// What was noticed last may not be all that there is now.
    pub(super) fn forget_what_was_seen(&mut self) {
        self.seen = None;
    }

    /// Whether another process may have committed anything since this was asked last.
    pub(super) fn has_changed_beside(&mut self) -> Result<bool, StoreError> {
        // It grows with every change that another process commits, and with none of our own.
        let version = self.connection.pragma_query_value(None, "data_version", |row| row.get(0));
        let version = version.map_err(|e| StoreError::of(&self.path, &e))?;
        Ok(self.seen.replace(version) != Some(version))
    }

    /// Whether somebody has kept state here before.
    pub(super) fn is_there(directory: &Path) -> bool {
        std::fs::metadata(directory.join(FILE)).is_ok_and(|file| file.len() > 0)
    }

    /// A connection that only looks, where nothing can be written. What stands in SQLite's journal alone is not seen, and
    /// nothing is brought to a later schema.
    pub(super) fn look(directory: &Path) -> Result<Connection, StoreError> {
        let path = directory.join(FILE);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        // Without a journal there is nothing that a reader would have to write (https://sqlite.org/wal.html, "Read-Only Databases").
        let escaped = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
        let uri = format!("file:{escaped}?immutable=1");
        Connection::open_with_flags(uri, flags).map_err(|e| StoreError::of(&path, &e))
    }

    /// Gives a damaged database another name, so that a new one can begin; its name.
    pub(super) fn set_aside(directory: &Path, stamp: i64) -> Result<PathBuf, StoreError> {
        let _lock = locked(directory)?;
        let name = |suffix: &str| directory.join(format!("{FILE}{suffix}"));
        let aside = |suffix: &str| directory.join(format!("{FILE}.damaged-{stamp}{suffix}"));
        for suffix in ["-wal", "-shm", ""] {
            match std::fs::rename(name(suffix), aside(suffix)) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(StoreError::Unwritable { path: name(suffix), source });
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(aside(""))
    }

    /// Takes effect from the next transaction.
    pub(super) fn set_synchronous(&mut self, wanted: Synchronous) -> Result<(), StoreError> {
        if self.synchronous != Some(wanted) {
            let level = match wanted {
                Synchronous::Full => "FULL",
                Synchronous::Normal => "NORMAL",
            };
            self.connection.pragma_update(None, "synchronous", level).map_err(|e| StoreError::of(&self.path, &e))?;
            self.synchronous = Some(wanted);
        }
        Ok(())
    }

    /// Forgets certificates that no observation holds any more; how many are left.
    pub(super) fn prune_certificates(&mut self) -> Result<usize, StoreError> {
        self.prune(UNUSED_CERTIFICATES, "SELECT count(*) FROM certificate")
    }

    /// Forgets visits that were followed by another; how many are left.
    pub(super) fn prune_visits(&mut self) -> Result<usize, StoreError> {
        self.prune(FORMER_VISITS, "SELECT count(*) FROM visit")
    }

    fn prune(&mut self, sql: &str, count: &str) -> Result<usize, StoreError> {
        let pruned = self.connection.execute(sql, []);
        let left = pruned.and_then(|_| self.connection.query_row(count, [], |row| row.get::<_, i64>(0)));
        left.map(|left| usize::try_from(left).unwrap_or_default()).map_err(|e| StoreError::of(&self.path, &e))
    }
}

fn locked(directory: &Path) -> Result<File, StoreError> {
    let path = directory.join("certvigil.lock");
    let lock = private_file(&path)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { directory: directory.to_owned() }),
        Err(TryLockError::Error(source)) => Err(StoreError::Unwritable { path, source }),
    }
}

fn private_file(path: &Path) -> Result<File, StoreError> {
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    opened.map_err(|source| StoreError::Unwritable { path: path.to_owned(), source })
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let failed = |error: rusqlite::Error| StoreError::of(path, &error);
    let (mut connection, found) = match begin(path, "NORMAL") {
        // A full disk has no room even for the memory that SQLite shares between processes (-shm). Alone it needs none, and the
        // lock keeps others of our kind out; only the sqlite3 shell has to wait until the daemon ends.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) => begin(path, "EXCLUSIVE"),
        begun => begun,
    }
    .map_err(failed)?;

    let owner: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(failed)?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    if owner != APPLICATION_ID && (owner != 0 || found != 0 || tables != 0) {
        return Err(StoreError::Foreign { path: path.to_owned() });
    }
    let known = latest();
    if found > known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }

    connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
    if 0 < found && found < known {
        back_up(&connection, path, known)?;
    }
    if found < known {
        // All of it or nothing: the copy is of what a failure leaves.
        let transaction = connection.transaction().map_err(failed)?;
        for (_, migration) in (1i64..).zip(MIGRATIONS).filter(|(version, _)| *version > found) {
            transaction.execute_batch(migration).map_err(failed)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
        transaction.pragma_update(None, "user_version", known).map_err(failed)?;
        transaction.commit().map_err(failed)?;
    }
    Ok(connection)
}

/// Copies the database, with what SQLite's journal alone has, to `certvigil.db.before-vN` beside it: the way back to the version
/// of certvigil that wrote it. A copy of that name is whole, or is not there.
fn back_up(connection: &Connection, path: &Path, version: i64) -> Result<(), StoreError> {
    let beside = |suffix: &str| path.with_file_name(format!("{FILE}.before-v{version}{suffix}"));
    let (part, copy) = (beside(".part"), beside(""));
    let unwritable = |source| StoreError::Unwritable { path: part.clone(), source };
    // What an earlier try left is no copy. SQLite takes an empty file as it finds it, with its mode.
    let _ = std::fs::remove_file(&part);
    let file = private_file(&part)?;
    connection.execute("VACUUM INTO ?1", [part.to_string_lossy()]).map_err(|e| StoreError::of(&part, &e))?;
    file.sync_all().and_then(|()| std::fs::rename(&part, &copy)).map_err(unwritable)?;
    info!(copy = %copy.display(), "the state is brought to a new schema; a copy of the old one is kept");
    Ok(())
}

/// The schema of this version.
pub(super) fn latest() -> i64 {
    i64::try_from(MIGRATIONS.len()).expect("a handful of migrations")
}

/// A connection, and the version of the schema that it finds.
fn begin(path: &Path, locking_mode: &str) -> rusqlite::Result<(Connection, i64)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // Somebody who looks at the file with the sqlite3 shell must not make a commit fail.
    connection.busy_timeout(Duration::from_secs(5))?;
    // Without it a statement is planned anew each time it is used with other values.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "locking_mode", locking_mode)?;
    let found = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok((connection, found))
}

const FILE: &str = "certvigil.db";

/// "cvgl": tells file(1), and us, whose database it is.
pub(super) const APPLICATION_ID: i64 = 0x6376_676c;

/// Each brings the schema from its index to the next version; the last one's number is the `user_version`. Never edited once
/// released. Moments are RFC 3339 text, lists are JSON: legible in the sqlite3 shell, and exact.
pub(super) const MIGRATIONS: &[&str] = &["
    CREATE TABLE meta (
        key   TEXT NOT NULL PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE certificate (
        fingerprint TEXT NOT NULL PRIMARY KEY,  -- SHA-256 of der, lowercase hex
        der         BLOB NOT NULL
    ) STRICT;

    CREATE TABLE observation (
        endpoint   TEXT NOT NULL,
        address    TEXT NOT NULL,               -- '' when the name did not resolve
        what       TEXT NOT NULL,               -- known: a certificate was seen; failed: none was
        place      TEXT NOT NULL,               -- target|server name|addresses, as configured then
        at         TEXT NOT NULL,
        timing     TEXT NOT NULL,               -- [[stage, nanoseconds], ..]
        chain      TEXT NOT NULL,               -- fingerprints as presented, leaf first
        issuers    TEXT NOT NULL,               -- fingerprints of the issuers it was judged with, not presented
        tried      TEXT NOT NULL,               -- where issuers were looked for, in words
        version    TEXT NOT NULL,
        cipher     TEXT NOT NULL,
        key_group  TEXT NOT NULL,
        alpn       TEXT,
        possession TEXT,                        -- proven, failed, unchecked
        unchecked  TEXT,                        -- why it is unchecked
        wants_client INTEGER NOT NULL,          -- 1: the server asked for a client certificate
        stage      TEXT,                        -- of the failure, as the next three
        kind       TEXT,
        kind_word  TEXT,                        -- the alert's name, or the protocol that answered
        detail     TEXT,
        PRIMARY KEY (endpoint, address, what)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE incident (
        endpoint  TEXT NOT NULL,
        topic     TEXT NOT NULL,
        id        TEXT NOT NULL,
        code      TEXT NOT NULL,
        severity  TEXT NOT NULL,
        suspected INTEGER,                      -- how often seen; NULL once it is open
        summary   TEXT NOT NULL,
        addresses TEXT NOT NULL,
        since     TEXT NOT NULL,
        last_seen TEXT NOT NULL,
        told      TEXT NOT NULL,                -- [{recipient, audience, stage, thread}, ..]
        PRIMARY KEY (endpoint, topic)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE outbox (
        id        TEXT NOT NULL PRIMARY KEY,
        kind      TEXT NOT NULL,
        recipient TEXT NOT NULL,
        at        TEXT NOT NULL,
        message   BLOB NOT NULL
    ) STRICT;
", "
    -- An incident is no longer one endpoint's: what it is at each stands in member. Until the next visit has seen which certificate
    -- is at fault, each is put down to its endpoint.
    ALTER TABLE incident RENAME TO incident_1;
    CREATE TABLE incident (
        topic TEXT NOT NULL,
        cause TEXT NOT NULL,                    -- endpoint:NAME, certificate:FINGERPRINT, authority:NAME
        id    TEXT NOT NULL,
        since TEXT NOT NULL,
        told  TEXT NOT NULL,                    -- [{recipient, audience, stage, thread, round}, ..]
        PRIMARY KEY (topic, cause)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE member (
        endpoint  TEXT NOT NULL,
        topic     TEXT NOT NULL,
        cause     TEXT NOT NULL,
        code      TEXT NOT NULL,
        severity  TEXT NOT NULL,
        state     TEXT NOT NULL,                -- suspected N (seen so often), open, mended MOMENT
        summary   TEXT NOT NULL,
        addresses TEXT NOT NULL,
        since     TEXT NOT NULL,
        last_seen TEXT NOT NULL,
        heard     TEXT NOT NULL,                -- [recipient, ..]
        PRIMARY KEY (endpoint, topic, cause)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO incident SELECT topic, 'endpoint:' || endpoint, id, since, told FROM incident_1;
    INSERT INTO member
        SELECT endpoint, topic, 'endpoint:' || endpoint, code, severity,
               CASE WHEN suspected IS NULL THEN 'open' ELSE 'suspected ' || suspected END,
               summary, addresses, since, last_seen,
               (SELECT json_group_array(entry.value ->> 'recipient') FROM json_each(told) AS entry)
        FROM incident_1;
    DROP TABLE incident_1;
", "
    -- Written by the command line alone, also beside a daemon that runs and notices.
    CREATE TABLE silence (
        id           TEXT NOT NULL PRIMARY KEY,
        endpoints    TEXT NOT NULL,             -- [pattern, ..]: names; none: every endpoint
        labels       TEXT NOT NULL,             -- {label: [pattern, ..], ..}
        findings     TEXT NOT NULL,             -- [code or topic, ..]; none: all
        since        TEXT NOT NULL,
        until        TEXT NOT NULL,
        but_last_day INTEGER NOT NULL,          -- 1: the last day and the end are told all the same
        made_by      TEXT NOT NULL,
        reason       TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
", "
    CREATE TABLE tally (
        recipient TEXT NOT NULL PRIMARY KEY,    -- a mail address
        day       TEXT NOT NULL,                -- of the last mail, where the recipient lives
        mails     INTEGER NOT NULL,             -- on that day
        last      TEXT NOT NULL,
        mended    TEXT NOT NULL                 -- [[code, endpoint, others], ..]: to be told with the next mail
    ) STRICT, WITHOUT ROWID;
", "
    CREATE TABLE refusal (
        recipient TEXT NOT NULL PRIMARY KEY,    -- a mail address whose last mail was refused for good
        at        TEXT NOT NULL,
        why       TEXT NOT NULL,                -- the server's words
        instead   TEXT NOT NULL                 -- [recipient, ..]: who heard of it
    ) STRICT, WITHOUT ROWID;
", "
    -- {acknowledged: [by, moment, stage], declined: [recipient, ..]}: what people have answered to mails about it. Silences are
    -- written by the daemon too since, where a mail was answered so.
    ALTER TABLE incident ADD COLUMN answers TEXT NOT NULL DEFAULT '{}';
", "
    -- What an address has shown, change by change; the last of its rows holds still.
    CREATE TABLE history (
        endpoint  TEXT NOT NULL,
        address   TEXT NOT NULL,                -- '' when the name did not resolve
        since     TEXT NOT NULL,                -- to the second
        status    TEXT NOT NULL,
        findings  TEXT NOT NULL,                -- [code, ..], sorted
        leaf      TEXT,                         -- its fingerprint; NULL when no certificate was seen
        not_after TEXT,                         -- of the leaf
        PRIMARY KEY (endpoint, address, since)
    ) STRICT, WITHOUT ROWID;
", "
    CREATE TABLE renewals (
        endpoint TEXT NOT NULL PRIMARY KEY,
        place    TEXT NOT NULL,                 -- as in observation
        last     TEXT NOT NULL                  -- [[leaf, [at, not_before, not_after]], ..]: the new leaf, the old one's dates
    ) STRICT, WITHOUT ROWID;
", "
    -- The fingerprint of a certificate whose key was seen to have made this one's signature.
    ALTER TABLE certificate ADD COLUMN signed_by TEXT;
", "
    -- Every visit is appended, so that many of them share a page: most see what the one before saw, and then nothing else is
    -- written. Of those of the same endpoint, address and what, the last one holds, before what observation says.
    CREATE TABLE visit (
        id       INTEGER PRIMARY KEY,
        endpoint TEXT NOT NULL,                 -- these three as in observation
        address  TEXT NOT NULL,
        what     TEXT NOT NULL,
        at       TEXT NOT NULL,
        timing   TEXT NOT NULL                  -- [[stage, nanoseconds], ..]
    ) STRICT;
"];

const UNUSED_CERTIFICATES: &str = "
    DELETE FROM certificate WHERE fingerprint NOT IN (
        SELECT held.value FROM observation, json_each(observation.chain) AS held
        UNION
        SELECT held.value FROM observation, json_each(observation.issuers) AS held
    )";

const FORMER_VISITS: &str = "
    DELETE FROM visit WHERE id NOT IN (SELECT max(id) FROM visit GROUP BY endpoint, address, what)
        OR NOT EXISTS (
            SELECT 1 FROM observation AS held
            WHERE held.endpoint = visit.endpoint AND held.address = visit.address AND held.what = visit.what
        )";
