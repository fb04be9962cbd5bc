//! Files that the configuration consists of or names: itself, secrets, certificates.

use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// Why a file is of no use, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unusable {
    pub(super) problem: String,
    pub(super) remedy: &'static str,
}

impl Unusable {
    pub(super) fn new(problem: impl Into<String>, remedy: &'static str) -> Self {
        Unusable { problem: problem.into(), remedy }
    }

    fn from_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Unusable::new("does not exist", "check the path"),
            io::ErrorKind::PermissionDenied => {
                Unusable::new("cannot be read: permission denied", "let the user that runs certvigil read it")
            }
            io::ErrorKind::IsADirectory => Unusable::new("is a directory", "name a file within it"),
            _ => Unusable::new(format!("cannot be read: {error}"), "check the path"),
        }
    }
}

/// A file that is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {problem}; {remedy}", path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl FileError {
    pub(super) fn of(path: &Path, unusable: Unusable) -> Self {
        FileError { path: path.to_owned(), problem: unusable.problem, remedy: unusable.remedy.into() }
    }
}

/// A whole file that the command line names, if it has no more than `limit` octets.
pub fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    read(path, limit).map_err(|unusable| FileError::of(path, unusable))
}

/// The whole file, if it has no more than `limit` octets.
pub(super) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Unusable> {
    let mut content = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limit + 1).read_to_end(&mut content))
        .map_err(|error| Unusable::from_io(&error))?;
    if content.len() as u64 > limit {
        let problem = format!("is larger than {} MB", limit / (1024 * 1024));
        return Err(Unusable::new(problem, "check that it is the right file"));
    }
    Ok(content)
}

/// A file that keeps a secret: one line, the newline at its end cut off.
pub(super) fn read_secret(path: &Path) -> Result<String, Unusable> {
    let content = read(path, 1024 * 1024)?;
    let text = String::from_utf8(content).map_err(|_| Unusable::new("is not UTF-8", "write the secret as text"))?;
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    if secret.is_empty() {
        return Err(Unusable::new("is empty", "write the secret into it"));
    }
    if secret.contains(char::is_control) {
        return Err(Unusable::new("holds more than one line of text", "write the secret alone into it"));
    }
    Ok(secret.to_owned())
}

/// Everybody on the machine may read it.
pub(super) fn is_world_readable(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}
