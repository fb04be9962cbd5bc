//! The store against real files, each test in a directory of its own.

mod faults;
mod history;
mod made;
mod migration;
mod round_trip;
mod secret;
mod silences;

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use super::{Settings, Store, StoreError, Stored};

/// A directory that goes away with the test.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("certvigil-store-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("a fresh name");
        Place(path)
    }

    fn open(&self) -> Result<(Store, Stored), StoreError> {
        open(&self.0)
    }

    fn database(&self) -> PathBuf {
        self.0.join("certvigil.db")
    }

    /// What a power cut at this very moment would leave behind, opened.
    fn after_power_cut(&self) -> Stored {
        let copy = Place::new();
        for name in ["certvigil.db", "certvigil.db-wal"] {
            std::fs::copy(self.0.join(name), copy.0.join(name)).expect("both files are there");
        }
        copy.open().expect("consistent at every moment").1
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn open(directory: &Path) -> Result<(Store, Stored), StoreError> {
    Store::open(&Settings { directory: directory.to_owned() })
}

/// The error and its causes, as the command line prints them.
fn words(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
