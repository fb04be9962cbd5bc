//! What goes wrong with a disk, and the words for it.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{
    Place,
    made::{certificate, handshake, incident, mail, observed},
    open, words,
};
use crate::{
    diagnosis::Topic,
    monitor::{NoticeKind, Record},
    store::{
        Mail, Opened, Settings, Store, StoreError, Stored,
        database::{Database, MIGRATIONS},
        writer,
    },
};

fn refusal(opened: Result<(Store, Stored), StoreError>) -> StoreError {
    opened.map(|(_, stored)| stored).expect_err("refused")
}

#[test]
fn a_missing_directory() {
    let place = Place::new();
    let missing = place.0.join("nowhere");
    let error = refusal(open(&missing));
    assert_eq!(words(&error), format!("the state directory {} does not exist", missing.display()));
    assert!(error.hint().is_some_and(|hint| hint.contains("StateDirectory=")));
}

#[test]
fn directories_that_cannot_be_written() {
    let place = Place::new();
    let file = place.0.join("file");
    std::fs::write(&file, "").expect("writable");
    let error = refusal(open(&file));
    assert_eq!(words(&error), format!("cannot write {}/certvigil.lock: Not a directory (os error 20)", file.display()));

    // Even root makes no file in /proc.
    let error = refusal(open(Path::new("/proc/self")));
    assert!(words(&error).starts_with("cannot write /proc/self/certvigil.lock: "), "{}", words(&error));
    assert!(error.hint().is_some_and(|hint| hint.contains("ReadWritePaths=")));
}

#[tokio::test]
async fn two_daemons_do_not_share_a_directory() {
    let place = Place::new();
    let (first, _) = place.open().expect("fresh");
    let error = refusal(place.open());
    assert_eq!(words(&error), format!("the state directory {} is in use by another certvigil", place.0.display()));
    first.close().await;
    place.open().expect("free again");
}

#[test]
fn a_newer_schema_is_left_alone() {
    let place = Place::new();
    let known = i64::try_from(MIGRATIONS.len()).expect("a handful");
    let database = Database::open(&place.0).expect("fresh");
    database.connection.pragma_update(None, "user_version", known + 1).expect("a number");
    drop(database);
    let error = refusal(place.open());
    let path = place.database();
    let newer = known + 1;
    let expected =
        format!("the state in {} was written by a newer certvigil (schema {newer}, this one knows {known})", path.display());
    assert_eq!(words(&error), expected);
}

#[test]
fn somebody_elses_database_is_left_alone() {
    let place = Place::new();
    let other = rusqlite::Connection::open(place.database()).expect("writable");
    other.execute_batch("CREATE TABLE theirs (x); PRAGMA user_version = 1").expect("a table");
    drop(other);
    let error = refusal(place.open());
    assert_eq!(words(&error), format!("{} is a database, but not certvigil's", place.database().display()));
}

#[test]
fn a_file_that_is_no_database() {
    let place = Place::new();
    std::fs::write(place.database(), "once upon a time".repeat(100)).expect("writable");
    let error = refusal(place.open());
    assert_eq!(words(&error), format!("the state in {} is damaged: file is not a database", place.database().display()));
    assert!(error.hint().is_some_and(|hint| hint.contains("move the file away")));
}

#[tokio::test]
async fn a_damaged_database() {
    let place = Place::new();
    let (store, _) = place.open().expect("fresh");
    let many = (0..50).map(|i| observed("a", &handshake(&format!("192.0.2.{i}"), NOON, vec![certificate("a")])));
    store.commit(many.collect(), Vec::new()).await.expect("room");
    store.close().await;

    let mut bytes = std::fs::read(place.database()).expect("there");
    bytes[4096..].fill(0x55);
    std::fs::write(place.database(), bytes).expect("writable");
    let error = refusal(place.open());
    let expected = format!("the state in {} is damaged: database disk image is malformed", place.database().display());
    assert_eq!(words(&error), expected);
}

#[tokio::test]
async fn a_full_disk_is_told_and_the_small_still_goes_through() {
    let place = Place::new();
    let database = Database::open(&place.0).expect("fresh");
    // The journal takes what is written; the limit on the pages makes SQLite say "full" as a full disk would.
    let pages: i64 = database.connection.pragma_query_value(None, "page_count", |row| row.get(0)).expect("a number");
    database.connection.pragma_update(None, "max_page_count", pages).expect("a number");
    let store = Store { writer: writer::start(&place.0, Some(database)).expect("a thread") };

    let large = Mail { message: Arc::from(vec![b'x'; 100_000]), ..mail("large", NoticeKind::Chain, NOON) };
    let small = Record::Incident(Arc::new(incident(Topic::Expiry)));
    // Both wait for the same transaction, or follow one another: the small one goes through either way.
    let (large, small) = tokio::join!(store.commit(Vec::new(), vec![large]), store.commit(vec![small], Vec::new()));
    let error = large.expect_err("no room");
    assert_eq!(words(&error), format!("no room to write {}: database or disk is full", place.database().display()));
    assert!(matches!(error, StoreError::DiskFull { .. }));
    small.expect("room");
    let stored = place.after_power_cut();
    assert_eq!((stored.incidents.len(), stored.mails.len()), (1, 0), "all of a commit or nothing");
}

#[tokio::test]
async fn a_start_without_room_to_tidy_up_still_finds_everything() {
    let place = Place::new();
    let (store, _) = place.open().expect("fresh");
    for name in ["old", "new"] {
        store
            .commit(vec![observed("a", &handshake("192.0.2.1", NOON, vec![certificate(name)]))], Vec::new())
            .await
            .expect("room");
    }
    store.close().await;
    // Stands in for the full disk, on which a deletion finds no room for its journal.
    let database = Database::open(&place.0).expect("closed before");
    let refuse = "CREATE TRIGGER full BEFORE DELETE ON certificate BEGIN SELECT RAISE(ABORT, 'no room'); END";
    database.connection.execute_batch(refuse).expect("a trigger");
    drop(database);
    let (store, stored) = place.open().expect("the daemon shall start");
    assert_eq!(stored.addresses.len(), 1);
    store.commit(vec![Record::FirstSweepDone], Vec::new()).await.expect("what is not tidied up keeps nothing from being written");
    store.close().await;
}

fn open_as_can_be(place: &Place) -> Result<Opened, StoreError> {
    Store::open_as_can_be(&Settings { directory: place.0.clone() }, NOON.parse().expect("a moment"))
}

#[tokio::test]
async fn a_damaged_database_is_set_aside() {
    let place = Place::new();
    std::fs::write(place.database(), "once upon a time".repeat(100)).expect("writable");
    std::fs::write(place.0.join("certvigil.db-wal"), "once upon").expect("writable");
    let opened = open_as_can_be(&place).expect("a new one begins");
    let aside = opened.set_aside.expect("it is told");
    assert_eq!(aside, place.0.join("certvigil.db.damaged-1795348800"));
    assert!(std::fs::read(&aside).expect("nothing is lost").starts_with(b"once upon a time"));
    assert!(opened.unwritable.is_none());
    opened.store.commit(Vec::new(), vec![mail("m", NoticeKind::Expiry, NOON)]).await.expect("room");
    opened.store.close().await;
    assert_eq!(place.open().expect("closed before").1.mails.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_written_is_read_and_written_as_soon_as_it_can_be() {
    let place = Place::new();
    let (store, _) = place.open().expect("fresh");
    store.commit(Vec::new(), vec![mail("m", NoticeKind::Expiry, NOON)]).await.expect("room");
    store.close().await;
    // A directory where the lock should be: even root cannot open that for writing.
    let lock = place.0.join("certvigil.lock");
    std::fs::remove_file(&lock).expect("it is there");
    std::fs::create_dir(&lock).expect("a free name");

    let opened = open_as_can_be(&place).expect("the daemon shall start");
    assert!(opened.unwritable.is_some_and(|why| words(&why).starts_with("cannot write ")));
    assert_eq!(opened.stored.mails.len(), 1, "what is there is read");
    let again = || opened.store.commit(Vec::new(), vec![mail("n", NoticeKind::Expiry, NOON)]);
    again().await.expect_err("it still cannot be written");
    std::fs::remove_dir(&lock).expect("empty");
    again().await.expect("now it can");
    opened.store.close().await;
    assert_eq!(place.open().expect("closed before").1.mails.len(), 2);
}

#[tokio::test]
async fn what_a_person_has_to_decide_stays_an_error() {
    let place = Place::new();
    let (first, _) = place.open().expect("fresh");
    assert!(matches!(open_as_can_be(&place), Err(StoreError::InUse { .. })));
    first.close().await;
    let never_kept = Store::open_as_can_be(&Settings { directory: "/proc/self".into() }, NOON.parse().expect("a moment"));
    assert!(matches!(never_kept, Err(StoreError::Unwritable { .. })));
    let missing = Settings { directory: place.0.join("nowhere") };
    let missing = Store::open_as_can_be(&missing, NOON.parse().expect("a moment"));
    assert!(matches!(missing, Err(StoreError::DirectoryMissing { .. })));
}

#[test]
fn sqlite_errors_are_sorted() {
    let sorted = |code| StoreError::of(Path::new("x.db"), &rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None));
    assert!(matches!(sorted(rusqlite::ffi::SQLITE_READONLY), StoreError::ReadOnly { .. }));
    assert!(matches!(sorted(rusqlite::ffi::SQLITE_CANTOPEN), StoreError::ReadOnly { .. }));
    assert!(matches!(sorted(rusqlite::ffi::SQLITE_IOERR), StoreError::Database { .. }));
}

#[tokio::test]
async fn commits_that_wait_together_share_a_transaction() {
    let place = Place::new();
    let (store, _) = place.open().expect("fresh");
    // Somebody at the sqlite3 shell holds the database for a moment: the writer waits, and the commits pile up.
    let shell = rusqlite::Connection::open(place.database()).expect("readable");
    shell.execute_batch("BEGIN IMMEDIATE").expect("free");
    let handed_over = Arc::new(AtomicUsize::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for i in 0..100 {
        let (store, handed_over) = (store.clone(), Arc::clone(&handed_over));
        tasks.spawn(async move {
            handed_over.fetch_add(1, Ordering::Relaxed);
            store.commit(Vec::new(), vec![mail(&format!("m{i:04}"), NoticeKind::Expiry, NOON)]).await
        });
    }
    while handed_over.load(Ordering::Relaxed) < 100 {
        tokio::task::yield_now().await;
    }
    shell.execute_batch("COMMIT").expect("held");
    for result in tasks.join_all().await {
        result.expect("room");
    }
    assert_eq!(place.after_power_cut().mails.len(), 100);
    // Each transaction logs at least two pages of 4 KiB; a hundred of them would log over 800 KiB.
    let log = std::fs::metadata(place.0.join("certvigil.db-wal")).expect("there").len();
    assert!(log < 300_000, "{log} octets of log are too many for a few transactions");
}

#[tokio::test]
async fn what_was_handed_over_is_written_even_when_nobody_closes() {
    let place = Place::new();
    let (store, _) = place.open().expect("fresh");
    let commit = store.commit(Vec::new(), vec![mail("m", NoticeKind::Expiry, NOON)]);
    drop(store.clone());
    commit.await.expect("the writer still runs");
    let other = store.clone();
    store.close().await;
    let late = other.commit(vec![Record::FirstSweepDone], Vec::new()).await;
    assert!(matches!(late, Err(StoreError::Closed)));
    assert_eq!(place.open().expect("closed before").1.mails.len(), 1);
}

const NOON: &str = "2026-11-22T12:00:00Z";
