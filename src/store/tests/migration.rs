//! Databases of former versions are taken over with all that people were told.

use std::os::unix::fs::PermissionsExt as _;

use super::{Place, made::moment};
use crate::{
    diagnosis::{Severity, Topic},
    incident::{Audience, Cause, Incident, IncidentKey, Member, State, Step, Told},
    store::database::{APPLICATION_ID, MIGRATIONS},
};

#[test]
fn an_incident_of_an_endpoint_becomes_one_that_is_put_down_to_it() {
    let place = Place::new();
    let old = rusqlite::Connection::open(place.database()).expect("writable");
    old.execute_batch(MIGRATIONS[0]).expect("the first schema");
    old.pragma_update(None, "application_id", APPLICATION_ID).expect("a number");
    old.pragma_update(None, "user_version", 1).expect("a number");
    old.execute_batch(
        r#"INSERT INTO incident VALUES
            ('a:443', 'expiry', 'expiry-1', 'expired', 'critical', NULL, 'it expired', '["192.0.2.1"]',
             '2026-11-01T00:00:00Z', '2026-11-22T00:00:00Z',
             '[{"recipient":"o@a.org","audience":"owner","stage":"expires_soon/warning","thread":"t"},
               {"recipient":"p@a.org","audience":"admin","stage":"expired/critical","thread":""}]'),
            ('b:443', 'reachability', 'reachability-1', 'unreachable', 'critical', 2, 'refused', '[]',
             '2026-11-01T00:00:00Z', '2026-11-22T00:00:00Z', '[]');"#,
    )
    .expect("two rows");
    drop(old);

    let (_store, stored) = place.open().expect("taken over");
    let key = |topic, name: &str| IncidentKey { topic, cause: Cause::Endpoint(name.into()) };
    let since = moment("2026-11-01T00:00:00Z");
    let told = |recipient: &str, audience, stage: &str, thread: &str| Told {
        recipient: recipient.into(),
        audience,
        stage: stage.into(),
        thread: thread.into(),
        at: since,
        round: 1,
    };
    let incident = |id: &str, key, told| Incident { id: id.into(), key, since, told, acknowledged: None, declined: Vec::new() };
    assert_eq!(
        stored.incidents,
        [
            incident(
                "expiry-1",
                key(Topic::Expiry, "a:443"),
                vec![
                    told("o@a.org", Audience::Owner, "expires_soon/warning", "t"),
                    told("p@a.org", Audience::Admin, "expired/critical", ""),
                ],
            ),
            incident("reachability-1", key(Topic::Reachability, "b:443"), Vec::new()),
        ]
    );
    let first = Member {
        endpoint: "a:443".into(),
        key: key(Topic::Expiry, "a:443"),
        code: "expired".into(),
        severity: Severity::Critical,
        step: Step::Ended,
        state: State::Open,
        summary: "it expired".into(),
        addresses: vec!["192.0.2.1".into()],
        since,
        last_seen: moment("2026-11-22T00:00:00Z"),
        heard: vec!["o@a.org".into(), "p@a.org".into()],
    };
    assert_eq!(stored.members[0], first);
    assert_eq!((stored.members[1].state, stored.members[1].heard.len()), (State::Suspected(2), 0));
}

#[tokio::test]
async fn a_copy_is_made_before_the_schema_changes_and_is_the_way_back() {
    let place = Place::new();
    let old = rusqlite::Connection::open(place.database()).expect("writable");
    old.pragma_update(None, "journal_mode", "WAL").expect("a mode");
    old.execute_batch(MIGRATIONS[0]).expect("the first schema");
    old.pragma_update(None, "application_id", APPLICATION_ID).expect("a number");
    old.pragma_update(None, "user_version", 1).expect("a number");
    old.execute_batch("INSERT INTO meta VALUES ('told', 'yes')").expect("a row");
    // Left open: the row stands in SQLite's journal alone.
    let copy = place.0.join(format!("certvigil.db.before-v{}", MIGRATIONS.len()));
    std::fs::write(copy.with_extension(format!("before-v{}.part", MIGRATIONS.len())), "half a copy").expect("writable");

    place.open().expect("taken over").0.close().await;
    assert_eq!(std::fs::metadata(&copy).expect("a copy").permissions().mode() & 0o777, 0o600);
    let kept = rusqlite::Connection::open(&copy).expect("a database");
    let version: i64 = kept.pragma_query_value(None, "user_version", |row| row.get(0)).expect("a number");
    let owner: i64 = kept.pragma_query_value(None, "application_id", |row| row.get(0)).expect("a number");
    let told: String = kept.query_row("SELECT value FROM meta WHERE key = 'told'", [], |row| row.get(0)).expect("the row");
    assert_eq!((version, owner, told.as_str()), (1, APPLICATION_ID, "yes"));
    drop(kept);

    let before = std::fs::read(&copy).expect("a copy");
    place.open().expect("nothing to bring anywhere").0.close().await;
    assert_eq!(std::fs::read(&copy).expect("a copy"), before);
    let names = std::fs::read_dir(&place.0).expect("a directory").map(|entry| entry.expect("an entry").file_name());
    assert!(!names.into_iter().any(|name| name.to_string_lossy().ends_with(".part")));
}

#[test]
fn a_new_state_needs_no_copy() {
    let place = Place::new();
    drop(place.open().expect("made"));
    let names = std::fs::read_dir(&place.0).expect("a directory").map(|entry| entry.expect("an entry").file_name());
    assert!(!names.into_iter().any(|name| name.to_string_lossy().contains("before")));
}
