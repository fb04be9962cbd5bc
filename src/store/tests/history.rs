//! What an address has shown is remembered change by change, within bounds.

use super::{
    Place,
    made::{certificate, failure, handshake, moment, observed},
};
use crate::{
    certificate::Certificate,
    clock::{later, rfc3339},
    monitor::{Chapter, Record},
    observation::FailureKind,
    store::{Settings, history},
};

fn written(place: &Place, endpoint: &str) -> Vec<Chapter> {
    history(&Settings { directory: place.0.clone() }, endpoint).expect("readable beside a daemon that runs")
}

#[tokio::test]
async fn a_change_is_noted_once() {
    let place = Place::new();
    let (store, _) = place.open().expect("a new store");
    let (old, new) = (certificate("a.example"), certificate("a.example"));
    let seen = |at: &str, leaf: &std::sync::Arc<Certificate>| observed("a", &handshake("192.0.2.1", at, vec![leaf.clone()]));
    let records = vec![
        seen("2026-11-01T00:00:00Z", &old),
        seen("2026-11-01T01:00:00.5Z", &old),
        observed("a", &failure(Some("192.0.2.1"), "2026-11-01T02:00:00Z", FailureKind::Refused)),
        seen("2026-11-01T03:00:00.9Z", &new),
        seen("2026-11-01T04:00:00Z", &new),
        observed("a", &failure(None, "2026-11-01T05:00:00Z", FailureKind::NameNotFound)),
        observed("b", &failure(Some("192.0.2.1"), "2026-11-01T02:00:00Z", FailureKind::Refused)),
    ];
    store.commit(records, Vec::new()).await.expect("written");
    let told = store.history("a").await.expect("read");
    let short: Vec<_> = told.iter().map(|chapter| (rfc3339(chapter.since), chapter.leaf.map(|(leaf, _)| leaf))).collect();
    let wanted = [
        ("2026-11-01T05:00:00Z", None),
        ("2026-11-01T03:00:00Z", Some(new.fingerprint)),
        ("2026-11-01T02:00:00Z", None),
        ("2026-11-01T00:00:00Z", Some(old.fingerprint)),
    ];
    assert_eq!(short, wanted.map(|(since, leaf)| (since.to_owned(), leaf)));
    assert_eq!(told[1].leaf.and_then(|(_, end)| end), new.facts().map(|facts| facts.not_after));
    assert_eq!(written(&place, "a"), told);
    store.commit(vec![Record::EndpointGone("a".into())], Vec::new()).await.expect("written");
    assert_eq!((written(&place, "a").len(), written(&place, "b").len()), (0, 1));
    store.close().await;
}

#[tokio::test]
async fn it_stays_within_two_hundred_changes_and_two_years() {
    let place = Place::new();
    let (store, _) = place.open().expect("a new store");
    let leaves = [certificate("a.example"), certificate("b.example")];
    let begin = moment("2026-01-01T00:00:00Z");
    let at = |hour: usize| rfc3339(later(begin, std::time::Duration::from_hours(hour as u64)));
    let change = |hour: usize| observed("a", &handshake("192.0.2.1", &at(hour), vec![leaves[hour % 2].clone()]));
    store.commit((0..250).map(change).collect(), Vec::new()).await.expect("written");
    let told = store.history("a").await.expect("read");
    assert_eq!((told.len(), rfc3339(told[0].since), rfc3339(told[199].since)), (200, at(249), at(50)));
    let much_later = 3 * 365 * 24;
    store.commit(vec![change(much_later)], Vec::new()).await.expect("written");
    let told = store.history("a").await.expect("read");
    assert_eq!((told.len(), rfc3339(told[0].since)), (1, at(much_later)));
    store.close().await;
}
