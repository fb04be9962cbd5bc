//! Why the state cannot be kept, in words for the person who has to act.

use std::{
    io,
    path::{Path, PathBuf},
};

use rusqlite::ErrorCode;

/// Why the state cannot be opened or written. The cause is the `source`, the remedy the [`hint`](StoreError::hint).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such directory.
    #[error("the state directory {} does not exist", directory.display())]
    DirectoryMissing {
        /// As configured.
        directory: PathBuf,
    },
    /// The directory or a file in it cannot be opened for writing.
    #[error("cannot write {}", path.display())]
    Unwritable {
        /// The file or directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file system, or the file, is read-only.
    #[error("cannot write {}", path.display())]
    ReadOnly {
        /// The database.
        path: PathBuf,
        /// SQLite's reason.
        source: Reason,
    },
    /// Another process holds it.
    #[error("the state directory {} is in use by another certvigil", directory.display())]
    InUse {
        /// As configured.
        directory: PathBuf,
    },
    /// Written by a version that came after this one.
    #[error("the state in {} was written by a newer certvigil (schema {found}, this one knows {known})", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The latest schema this program knows.
        known: i64,
    },
    /// The daemon has not been there yet.
    #[error("there is no state in {} yet", directory.display())]
    NeverRun {
        /// As configured.
        directory: PathBuf,
    },
    /// A daemon of an older version runs.
    #[error("the certvigil that runs on {} is of an older version than this one", path.display())]
    Older {
        /// The database.
        path: PathBuf,
    },
    /// A database of some other program.
    #[error("{} is a database, but not certvigil's", path.display())]
    Foreign {
        /// The database.
        path: PathBuf,
    },
    /// The file is damaged, or no database at all.
    #[error("the state in {} is damaged", path.display())]
    Corrupted {
        /// The database.
        path: PathBuf,
        /// SQLite's reason.
        source: Reason,
    },
    /// No room.
    #[error("no room to write {}", path.display())]
    DiskFull {
        /// The database.
        path: PathBuf,
        /// SQLite's reason.
        source: Reason,
    },
    /// Anything else that SQLite refuses.
    #[error("cannot keep the state in {}", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// SQLite's reason.
        source: Reason,
    },
    /// The writer has ended.
    #[error("the state is closed")]
    Closed,
}

/// SQLite's reason in its own words. rusqlite's error would repeat them as its own source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Reason(String);

impl StoreError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            StoreError::DirectoryMissing { .. } => {
                "create it, owned by the user that certvigil runs as; under systemd StateDirectory= does both"
            }
            StoreError::Unwritable { .. } | StoreError::ReadOnly { .. } => {
                "is it under ReadWritePaths= or StateDirectory= of the unit, and who owns it?"
            }
            StoreError::InUse { .. } => "stop the other one, or give this one a directory of its own (state.directory)",
            StoreError::Newer { .. } => {
                "run the newer certvigil again, or put the copy in its place that it made first (certvigil.db.before-vN beside it)"
            }
            StoreError::NeverRun { .. } => "is it the right directory? certvigil run makes the state when it starts first",
            StoreError::Older { .. } => "restart the daemon, so that it is of this version too",
            StoreError::Foreign { .. } => "give certvigil a directory of its own (state.directory)",
            StoreError::Corrupted { .. } => {
                "move the file away, with those of the same name ending in -wal and -shm; certvigil starts anew, and what is still wrong is told once more"
            }
            StoreError::DiskFull { .. } => "free some space on its file system; certvigil goes on by itself",
            StoreError::Database { .. } | StoreError::Closed => return None,
        })
    }

    /// A disk is full or failing: nobody has configured anything wrong.
    pub(super) fn is_of_the_disk(&self) -> bool {
        match self {
            StoreError::DiskFull { .. } | StoreError::Database { .. } => true,
            StoreError::Unwritable { source, .. } => source.kind() == io::ErrorKind::StorageFull,
            _ => false,
        }
    }

    /// It cannot be written; it may be possible to read it.
    pub(super) fn is_unwritable(&self) -> bool {
        matches!(self, StoreError::Unwritable { .. } | StoreError::ReadOnly { .. })
    }

    /// SQLite's error, sorted by what it means for the person who has to act.
    pub(super) fn of(path: &Path, error: &rusqlite::Error) -> Self {
        let (path, source) = (path.to_owned(), Reason(error.to_string()));
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupted { path, source },
            Some(ErrorCode::DiskFull) => StoreError::DiskFull { path, source },
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                StoreError::ReadOnly { path, source }
            }
            _ => StoreError::Database { path, source },
        }
    }
}
