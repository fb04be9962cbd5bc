//! A secret of the installation's own, beside the database: made once, read by its owner alone.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use super::{Settings, StoreError};

/// So many octets that nobody else has: those of a former start, or new ones. What does not have this length is replaced.
/// Blocks.
pub fn secret<const LENGTH: usize>(settings: &Settings) -> Result<[u8; LENGTH], StoreError> {
    let path = settings.directory.join(FILE);
    let unwritable = |source: io::Error| StoreError::Unwritable { path: path.clone(), source };
    match fs::read(&path) {
        Ok(known) => {
            if let Ok(known) = known.try_into() {
                return Ok(known);
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(unwritable(error)),
    }
    let mut new = [0; LENGTH];
    aws_lc_rs::rand::fill(&mut new).map_err(|_| unwritable(io::Error::other("there are no random numbers")))?;
    write(&path, &new).map_err(unwritable)?;
    Ok(new)
}

/// All of it under its name, or nothing.
fn write(path: &Path, octets: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(octets)?;
    file.sync_all()?;
    fs::rename(&new, path)
}

const FILE: &str = "links.key";
