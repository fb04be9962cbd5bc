//! Silences are written beside a daemon that runs, and it notices.

use super::{
    Place,
    made::{moment, observed},
};
use crate::{
    monitor::{Glob, Record, Selector, Silence},
    observation::FailureKind,
    store::{Settings, SilenceBook, StoreError, database::MIGRATIONS, tests::made::failure},
};

fn silence(id: &str, since: &str) -> Silence {
    let globs = |patterns: &[&str]| patterns.iter().map(|pattern| Glob::new(pattern)).collect::<Vec<_>>();
    Silence {
        id: id.into(),
        selector: Selector {
            endpoints: globs(&["*.org", "\u{e4}"]),
            labels: [("team".to_owned(), globs(&["mail", "web"]))].into(),
        },
        findings: vec!["expired".into()],
        since: moment(since),
        until: moment("2026-12-01T00:00:00Z"),
        but_last_day: id == "a",
        by: "ada".into(),
        reason: "moves \"house\"".into(),
    }
}

fn book(place: &Place) -> Result<SilenceBook, StoreError> {
    SilenceBook::open(&Settings { directory: place.0.clone() })
}

#[tokio::test]
async fn the_daemon_notices_what_is_written_beside_it_and_nothing_else() {
    let place = Place::new();
    let (store, _) = place.open().expect("fresh");
    assert_eq!(store.silences().await.expect("readable"), Some(Vec::new()), "the first time it looks in any case");
    assert_eq!(store.silences().await.expect("readable"), None);
    let (a, b) = (silence("a", "2026-11-22T10:00:00.5Z"), silence("b", "2026-11-22T10:00:00Z"));
    let mut beside = book(&place).expect("the daemon lets others write silences");
    for one in [&a, &b] {
        beside.add(one, moment("2026-11-01T00:00:00Z")).expect("room");
    }
    assert_eq!(store.silences().await.expect("readable"), Some(vec![b.clone(), a.clone()]));
    let seen = failure(None, "2026-11-22T09:00:00Z", FailureKind::NameNotFound);
    store.commit(vec![observed("a:443", &seen)], Vec::new()).await.expect("room");
    assert_eq!(store.silences().await.expect("readable"), None, "its own writing is no news");
    assert!(beside.remove("b").expect("room"));
    assert!(!beside.remove("b").expect("room"));
    assert_eq!(store.silences().await.expect("readable"), Some(vec![a.clone()]));
    store.close().await;
    let (_store, stored) = place.open().expect("closed before");
    assert_eq!(stored.silences, [a]);
}

#[tokio::test]
async fn one_that_the_daemon_writes_is_read_back_and_seen_by_others() {
    let place = Place::new();
    let (store, _) = place.open().expect("fresh");
    assert_eq!(store.silences().await.expect("readable"), Some(Vec::new()));
    let a = silence("a", "2026-11-22T10:00:00Z");
    for _ in 0..2 {
        store.commit(vec![Record::Silenced(a.clone())], Vec::new()).await.expect("room");
    }
    assert_eq!(store.silences().await.expect("readable"), Some(vec![a.clone()]), "what was read before it may lack it");
    assert_eq!(store.silences().await.expect("readable"), None);
    let mut beside = book(&place).expect("the daemon lets others write silences");
    assert_eq!(beside.all().expect("readable"), [a]);
    assert!(beside.remove("a").expect("room"));
    assert_eq!(store.silences().await.expect("readable"), Some(Vec::new()));
}

#[test]
fn without_a_daemon_they_are_written_for_its_next_start_and_the_old_ones_go() {
    let place = Place::new();
    drop(place.open().expect("fresh"));
    let mut book = book(&place).expect("nobody runs");
    book.add(&silence("a", "2026-11-22T10:00:00Z"), moment("2026-11-01T00:00:00Z")).expect("room");
    book.add(&silence("b", "2027-01-10T10:00:00Z"), moment("2026-12-11T00:00:00Z")).expect("room");
    let ids: Vec<_> = book.all().expect("readable").into_iter().map(|silence| silence.id).collect();
    assert_eq!(ids, ["b"]);
}

#[test]
fn a_state_that_is_not_there_and_one_of_an_older_daemon_are_told() {
    let place = Place::new();
    assert!(matches!(book(&place).expect_err("empty"), StoreError::NeverRun { .. }));
    let (store, _) = place.open().expect("fresh");
    let version = |version: usize| {
        let version = i64::try_from(version).expect("a handful");
        let beside = rusqlite::Connection::open(place.database()).expect("writable");
        beside.pragma_update(None, "user_version", version).expect("a number");
    };
    version(MIGRATIONS.len() - 1);
    assert!(matches!(book(&place).expect_err("of an older daemon"), StoreError::Older { .. }));
    version(MIGRATIONS.len() + 1);
    assert!(matches!(book(&place).expect_err("of a newer daemon"), StoreError::Newer { .. }));
    drop(store);
}
