//! What is written is what the next start finds.

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;

use super::{
    Place,
    made::{PLACE, certificate, failure, handshake, incident, judged, mail, member, moment, observed},
};
use crate::{
    certificate::{Certificate, Fingerprint},
    clock::Timestamp,
    diagnosis::{Finding, Issuers, Topic},
    incident::{Mending, State},
    monitor::{Mended, NoticeKind, Record, Refusal, Renewal, Renewals, Tally},
    observation::{Chain, Failure, FailureKind, Handshake, Observation, Outcome, Possession, Stage, Tls},
    store::{StoredAddress, database::Database, read, write},
};

#[tokio::test]
async fn an_empty_directory_holds_nothing_and_gets_private_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let (store, stored) = place.open().expect("a fresh directory");
    assert_eq!(stored, crate::store::Stored::default());
    store.commit(vec![Record::FirstSweepDone], Vec::new()).await.expect("room");
    for entry in std::fs::read_dir(&place.0).expect("there") {
        let entry = entry.expect("readable");
        let mode = entry.metadata().expect("there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
}

#[tokio::test]
async fn the_last_count_of_somebodys_mails_is_kept() {
    let place = Place::new();
    let (store, _) = place.open().expect("fresh");
    let mended = vec![Mended { code: "expired".into(), endpoint: "a b".into(), others: 2 }];
    let tally = |mails| Tally {
        recipient: "o@a.org".into(),
        day: "2026-11-22".into(),
        mails,
        last: moment("2026-11-22T10:00:00.5Z"),
        mended: mended.clone(),
    };
    store.commit(vec![Record::Tally(tally(1)), Record::Tally(tally(2))], Vec::new()).await.expect("room");
    store.close().await;
    let (_store, stored) = place.open().expect("closed before");
    assert_eq!(stored.tallies, [tally(2)]);
}

#[tokio::test]
async fn who_refused_mail_for_good_is_remembered_until_that_is_over() {
    let place = Place::new();
    let (store, _) = place.open().expect("fresh");
    let refusal = |recipient: &str, why: &str| Refusal {
        recipient: recipient.into(),
        at: moment(NOON),
        why: why.into(),
        instead: vec!["ops@a.org".into()],
    };
    let refused = |recipient, why| Record::Refused(refusal(recipient, why));
    let records = vec![refused("a@a.org", "550 no"), refused("b@a.org", "550 no"), refused("b@a.org", "554 never")];
    store.commit(records, Vec::new()).await.expect("room");
    store.commit(vec![Record::RefusedNoMore("a@a.org".into())], Vec::new()).await.expect("room");
    store.close().await;
    let (_store, stored) = place.open().expect("closed before");
    assert_eq!(stored.refusals, [refusal("b@a.org", "554 never")]);
}

#[tokio::test]
async fn when_an_endpoint_has_renewed_is_kept_until_it_leaves() {
    let place = Place::new();
    let (store, _) = place.open().expect("fresh");
    let renewals = |endpoint: &str, times: u8| Renewals {
        endpoint: endpoint.into(),
        place: PLACE.into(),
        last: (1..=times)
            .map(|time| {
                let [begun, ended] = ["2026-09-22T10:00:00Z", "2026-12-22T10:00:00Z"].map(moment);
                Renewal::new(&Fingerprint([time; 32]), moment("2026-11-22T10:00:00.5Z"), begun, ended)
            })
            .collect(),
    };
    let records = [("a", 1), ("a", 2), ("b", 1)].map(|(endpoint, times)| Record::Renewed(renewals(endpoint, times)));
    store.commit(records.into(), Vec::new()).await.expect("room");
    store.commit(vec![Record::EndpointGone("b".into())], Vec::new()).await.expect("room");
    store.close().await;
    let (_store, stored) = place.open().expect("closed before");
    assert_eq!(stored.renewals, [renewals("a", 2)]);
}

#[tokio::test]
async fn a_restart_finds_everything() {
    let place = Place::new();
    let (leaf, intermediate) = (certificate("a.example"), certificate("ca.example"));
    let seen = handshake("2001:db8::1", "2026-11-22T10:00:00.5Z", vec![leaf.clone(), leaf.clone()]);
    let refused = failure(Some("2001:db8::1"), "2026-11-22T11:00:00Z", FailureKind::Refused);
    let unresolved = failure(None, "2026-11-22T09:00:00Z", FailureKind::NameNotFound);
    let incidents = vec![incident(Topic::Expiry), incident(Topic::Reachability), incident(Topic::Code("unknown_ca"))];
    let members = vec![
        member("a.example:443", Topic::Expiry, State::Open),
        member("a.example:443", Topic::Code("unknown_ca"), State::Mended(moment("2026-11-22T09:00:00Z"), Mending::Gone)),
        member("b.example:443", Topic::Reachability, State::Suspected(2)),
    ];
    // Not in the order of their ids, nor of their moments as text.
    let mails =
        vec![mail("z", NoticeKind::Chain, "2026-11-22T10:00:00Z"), mail("a", NoticeKind::Summary, "2026-11-22T10:00:00.5Z")];

    let (store, _) = place.open().expect("fresh");
    let borrowed = Issuers { certificates: vec![intermediate], tried: "http://a.example/ca.der gave it".into() };
    let judged = judged(seen.clone(), borrowed.clone());
    let mut records = vec![Record::Observed { endpoint: "a.example:443".into(), place: PLACE.into(), judged }];
    records.extend([observed("a.example:443", &refused), observed("b.example:443", &unresolved), Record::FirstSweepDone]);
    records.push(Record::ShownAlive(moment(NOON)));
    records.extend(incidents.iter().cloned().map(|incident| Record::Incident(Arc::new(incident))));
    records.extend(members.iter().cloned().map(|member| Record::Member(Arc::new(member))));
    store.commit(records, mails.clone()).await.expect("room");

    let expected = vec![
        StoredAddress {
            endpoint: "a.example:443".into(),
            address: seen.address,
            place: PLACE.into(),
            known: Some((seen.clone(), borrowed)),
            failed: Some(refused.clone().into()),
        },
        StoredAddress {
            endpoint: "b.example:443".into(),
            address: None,
            place: PLACE.into(),
            known: None,
            failed: Some(unresolved.clone().into()),
        },
    ];
    let check = |stored: crate::store::Stored| {
        assert_eq!(stored.addresses, expected);
        assert_eq!(stored.incidents, incidents);
        assert_eq!(stored.members, members);
        assert_eq!(stored.mails, mails);
        assert!(stored.first_sweep_done);
        assert_eq!(stored.shown_alive, Some(moment(NOON)));
    };
    check(place.after_power_cut());
    store.close().await;
    check(place.open().expect("closed before").1);
}

#[tokio::test]
async fn what_was_seen_at_another_place_goes_with_the_first_visit_there() {
    let place = Place::new();
    let (store, _) = place.open().expect("fresh");
    let (one, two) = (handshake("192.0.2.1", NOON, vec![certificate("a")]), handshake("192.0.2.2", NOON, vec![certificate("b")]));
    let refused = failure(Some("192.0.2.1"), "2026-11-22T13:00:00Z", FailureKind::Refused);
    let records = vec![observed("a", &one), observed("a", &two), observed("b", &two)];
    store.commit(records, Vec::new()).await.expect("room");
    let there = "192.0.2.1:8443|a.example|first";
    let judged = judged(refused.clone(), Issuers::default());
    let moved = Record::Observed { endpoint: "a".into(), place: there.into(), judged };
    store.commit(vec![moved], Vec::new()).await.expect("room");
    store.close().await;

    let (_store, stored) = place.open().expect("closed before");
    let left: Vec<_> = stored.addresses.iter().map(|a| (&*a.endpoint, &*a.place, a.address, a.known.is_some())).collect();
    assert_eq!(left, [("a", there, one.address, false), ("b", PLACE, two.address, true)]);
    assert_eq!(stored.addresses[0].failed.as_deref(), Some(&refused));
}

#[tokio::test]
async fn what_is_gone_is_gone() {
    let place = Place::new();
    let (store, _) = place.open().expect("fresh");
    let (one, two) = (handshake("192.0.2.1", NOON, vec![certificate("a")]), handshake("192.0.2.2", NOON, vec![certificate("b")]));
    let unresolved = failure(None, NOON, FailureKind::DnsFailure);
    let open = incident(Topic::Expiry);
    let mut records = vec![observed("a", &one), observed("a", &two), observed("a", &unresolved), observed("gone", &one)];
    records.push(Record::Incident(Arc::new(open.clone())));
    records.extend(["a", "gone"].map(|name| Record::Member(Arc::new(member(name, Topic::Expiry, State::Open)))));
    store.commit(records, vec![mail("m", NoticeKind::Expiry, NOON)]).await.expect("room");

    let gone = vec![
        Record::AddressGone { endpoint: "a".into(), address: two.address },
        Record::AddressGone { endpoint: "a".into(), address: None },
        Record::EndpointGone("gone".into()),
        Record::MemberGone { endpoint: "a".into(), key: open.key.clone() },
        Record::IncidentGone(open.key),
        Record::MailGone("m".into()),
    ];
    store.commit(gone, Vec::new()).await.expect("room");
    store.close().await;

    let (_store, stored) = place.open().expect("closed before");
    let left: Vec<_> = stored.addresses.iter().map(|address| (&*address.endpoint, address.address)).collect();
    assert_eq!(left, [("a", one.address)]);
    assert_eq!((stored.incidents.len(), stored.members.len(), stored.mails.len()), (0, 0, 0));
}

#[tokio::test]
async fn a_success_ends_a_failure_and_unused_certificates_are_forgotten() {
    let place = Place::new();
    let (store, _) = place.open().expect("fresh");
    let before = handshake("192.0.2.1", NOON, vec![certificate("old")]);
    let renewed = handshake("192.0.2.1", "2026-11-22T13:00:00Z", vec![certificate("new")]);
    let refused = failure(Some("192.0.2.1"), "2026-11-22T12:30:00Z", FailureKind::Refused);
    for observation in [&before, &refused, &renewed] {
        store.commit(vec![observed("a", observation)], Vec::new()).await.expect("room");
    }
    store.close().await;

    let (store, stored) = place.open().expect("closed before");
    assert_eq!(stored.addresses[0].known.as_ref().map(|(observation, _)| observation), Some(&renewed));
    assert_eq!(stored.addresses[0].failed, None);
    store.commit(vec![Record::FirstSweepDone], Vec::new()).await.expect("room");
    store.close().await;
    let database = Database::open(&place.0).expect("closed before");
    let count: i64 =
        database.connection.query_row("SELECT count(*) FROM certificate", [], |row| row.get(0)).expect("the table is there");
    assert_eq!(count, 1, "the old one was pruned with the first commit after the start");
}

#[tokio::test]
async fn of_visits_that_see_the_same_the_last_one_is_remembered_and_little_is_written() {
    let place = Place::new();
    let (store, _) = place.open().expect("fresh");
    let leaf = certificate("a.example");
    let names: Vec<String> = (0..300).map(|i| format!("{i:03}.example")).collect();
    let sweep = |at: &str, took: u64| -> Vec<Record> {
        let timing = [(Stage::Handshake, Duration::from_millis(took))].into_iter().collect();
        let seen = Observation { timing, ..handshake("192.0.2.1", at, vec![leaf.clone()]) };
        let refused = Observation { timing, ..failure(Some("192.0.2.2"), at, FailureKind::Refused) };
        names.iter().flat_map(|name| [observed(name, &seen), observed(name, &refused)]).collect()
    };
    let log = || std::fs::metadata(place.0.join("certvigil.db-wal")).expect("there").len();
    store.commit(sweep(NOON, 1), Vec::new()).await.expect("room");
    let before = log();
    store.commit(sweep("2026-11-22T13:00:00.5Z", 2), Vec::new()).await.expect("room");
    // Not begun anew meanwhile: SQLite does that after a thousand pages. The rows themselves take some 200 KiB.
    let grown = log().checked_sub(before).expect("a log that only grows");
    assert!((1..100_000).contains(&grown), "{grown} octets for 600 visits that saw nothing new");

    let check = |stored: &crate::store::Stored| {
        assert_eq!(stored.addresses.len(), 600);
        let (at, took) = (moment("2026-11-22T13:00:00.5Z"), Some(Duration::from_millis(2)));
        for pair in stored.addresses.chunks(2) {
            let known = pair[0].known.as_ref().map(|(observation, _)| observation).expect("the first has a certificate");
            let failed = pair[1].failed.as_ref().expect("the second refuses");
            assert_eq!([(known.at, known.timing.total()), (failed.at, failed.timing.total())], [(at, took); 2]);
        }
    };
    store.close().await;
    let count = || {
        let database = Database::open(&place.0).expect("closed before");
        database.connection.query_row("SELECT count(*) FROM visit", [], |row| row.get::<_, i64>(0)).expect("the table is there")
    };
    assert_eq!(count(), 1200);
    let (store, stored) = place.open().expect("closed before");
    check(&stored);
    let gone = [Record::AddressGone { endpoint: "000.example".into(), address: stored.addresses[0].address }];
    let gone = gone.into_iter().chain([Record::EndpointGone("001.example".into())]);
    store.commit(gone.collect(), Vec::new()).await.expect("room");
    store.close().await;
    assert_eq!(count(), 597, "the last one of each that is there");
    // What comes back begins anew, whenever that is.
    let (store, _) = place.open().expect("closed before");
    store.commit(sweep("2026-11-22T13:00:00.5Z", 2), Vec::new()).await.expect("room");
    store.close().await;
    check(&place.open().expect("closed before").1);
}

#[tokio::test]
async fn a_visit_that_sees_anything_else_is_remembered_whole() {
    let place = Place::new();
    let (store, _) = place.open().expect("fresh");
    let seen = handshake("192.0.2.1", NOON, vec![certificate("a")]);
    let other = |change: fn(&mut Handshake)| {
        let mut other = seen.clone();
        if let Outcome::Handshake(handshake) = &mut other.outcome {
            change(handshake);
        }
        other
    };
    let versions = [
        seen.clone(),
        other(|handshake| handshake.wants_client_certificate = true),
        other(|handshake| handshake.possession = Possession::Unchecked("TLS 1.0".into())),
        other(|handshake| handshake.possession = Possession::Unchecked("TLS 1.1".into())),
        other(|handshake| Arc::make_mut(&mut handshake.tls).alpn = None),
        other(|handshake| Arc::make_mut(&mut handshake.tls).group = "X25519".into()),
        seen,
    ];
    for version in versions {
        store.commit(vec![observed("a", &version)], Vec::new()).await.expect("room");
        let stored = place.after_power_cut();
        assert_eq!(stored.addresses[0].known.as_ref().map(|(observation, _)| observation), Some(&version));
    }
}

#[tokio::test]
async fn names_of_another_time_are_left_out_and_the_rest_stays() {
    let place = Place::new();
    let (store, _) = place.open().expect("fresh");
    let refused = failure(Some("192.0.2.1"), NOON, FailureKind::Refused);
    let incidents = [Topic::Expiry, Topic::Reachability].map(|topic| Arc::new(incident(topic)));
    let members = [Topic::Expiry, Topic::Reachability].map(|topic| Arc::new(member("a", topic, State::Open)));
    let mut records = vec![observed("a", &refused), observed("b", &refused)];
    records.extend(incidents.map(Record::Incident));
    records.extend(members.map(Record::Member));
    let mails = vec![mail("m", NoticeKind::Expiry, NOON), mail("n", NoticeKind::Chain, NOON)];
    store.commit(records, mails).await.expect("room");
    store.close().await;

    let database = Database::open(&place.0).expect("closed before");
    let strange = "UPDATE observation SET kind = 'quantum' WHERE endpoint = 'a';
                   UPDATE incident SET topic = 'tomorrow' WHERE topic = 'expiry';
                   UPDATE member SET cause = 'tomorrow' WHERE topic = 'expiry';
                   UPDATE outbox SET kind = 'telegram' WHERE id = 'm';";
    database.connection.execute_batch(strange).expect("three updates");
    drop(database);

    let (_store, stored) = place.open().expect("not fatal");
    assert_eq!(stored.addresses.iter().map(|address| &*address.endpoint).collect::<Vec<_>>(), ["b"]);
    assert_eq!(stored.incidents.iter().map(|incident| incident.key.topic).collect::<Vec<_>>(), [Topic::Reachability]);
    assert_eq!(stored.members.iter().map(|member| member.key.topic).collect::<Vec<_>>(), [Topic::Reachability]);
    assert_eq!(stored.mails.iter().map(|mail| &mail.id[..]).collect::<Vec<_>>(), ["n"]);
}

#[test]
fn every_topic_and_every_kind_of_failure_has_a_name_that_leads_back() {
    for code in Finding::CODES {
        assert_eq!(Topic::from_name(Topic::Code(code).name()), Some(Topic::Code(code)));
    }
    let mut kind = Some(FailureKind::NameNotFound);
    while let Some(this) = kind {
        let word = crate::store::codec::kind_word(&this).map(str::to_owned);
        let back = crate::store::codec::failure("connect", this.name(), word, String::new());
        assert_eq!(back.map(|failure| failure.kind).as_ref(), Some(&this));
        kind = next_kind(&this);
    }
}

/// Walks through every kind; a new one does not compile until it stands here.
fn next_kind(kind: &FailureKind) -> Option<FailureKind> {
    Some(match kind {
        FailureKind::NameNotFound => FailureKind::DnsFailure,
        FailureKind::DnsFailure => FailureKind::Refused,
        FailureKind::Refused => FailureKind::Unreachable,
        FailureKind::Unreachable => FailureKind::Timeout,
        FailureKind::Timeout => FailureKind::Reset,
        FailureKind::Reset => FailureKind::ClosedEarly,
        FailureKind::ClosedEarly => FailureKind::Alert("handshake_failure".into()),
        FailureKind::Alert(_) => FailureKind::NoCommonVersion,
        FailureKind::NoCommonVersion => FailureKind::NoCommonCipher,
        FailureKind::NoCommonCipher => FailureKind::Plaintext("smtp".into()),
        FailureKind::Plaintext(_) => FailureKind::TooMuchData,
        FailureKind::TooMuchData => FailureKind::ProtocolViolation,
        FailureKind::ProtocolViolation => FailureKind::StarttlsRefused,
        FailureKind::StarttlsRefused => FailureKind::ProxyRefused,
        FailureKind::ProxyRefused => FailureKind::Internal,
        FailureKind::Internal => return None,
    })
}

fn any_failure() -> impl Strategy<Value = Failure> {
    let kinds: Vec<_> = std::iter::successors(Some(FailureKind::NameNotFound), next_kind).collect();
    let kind = prop_oneof![
        prop::sample::select(kinds),
        any::<String>().prop_map(FailureKind::Alert),
        any::<String>().prop_map(FailureKind::Plaintext)
    ];
    (any_stage(), kind, any::<String>()).prop_map(|(stage, kind, detail)| Failure { stage, kind, detail })
}

fn any_stage() -> impl Strategy<Value = Stage> {
    prop::sample::select(Stage::ALL.to_vec())
}

fn any_handshake() -> impl Strategy<Value = Handshake> {
    let chain = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..5)
        .prop_map(|ders| Chain::new(ders.iter().map(|der| Certificate::from_der(der)).collect()).expect("at least one"));
    let tls = (any::<String>(), any::<String>(), any::<String>(), any::<Option<String>>())
        .prop_map(|(version, cipher, group, alpn)| Tls { version, cipher, group, alpn, stapled: None });
    let possession = prop_oneof![
        Just(Possession::Proven),
        Just(Possession::Failed),
        any::<String>().prop_map(|reason| Possession::Unchecked(reason.into()))
    ];
    (chain, tls, possession, any::<bool>(), prop::option::of(any_failure())).prop_map(
        |(chain, tls, possession, wants_client_certificate, broken_off)| Handshake {
            chain,
            tls: tls.into(),
            possession,
            wants_client_certificate,
            broken_off: broken_off.map(Box::new),
        },
    )
}

fn any_moment() -> impl Strategy<Value = Timestamp> {
    let (first, last) = (moment("1900-01-01T00:00:00Z"), Timestamp::MAX);
    (first.as_second()..=last.as_second(), 0..1_000_000_000i32)
        .prop_map(|(second, nano)| Timestamp::new(second, nano).unwrap_or(Timestamp::MAX))
}

fn any_observation() -> impl Strategy<Value = Observation> {
    let outcome = prop_oneof![any_handshake().prop_map(Outcome::Handshake), any_failure().prop_map(Outcome::Failure)];
    let timing = prop::collection::vec((any_stage(), any::<u64>().prop_map(Duration::from_nanos)), 0..5)
        .prop_map(|stages| stages.into_iter().collect());
    (any::<Option<core::net::IpAddr>>(), any_moment(), outcome, timing)
        .prop_map(|(address, at, outcome, timing)| Observation { timing, ..Observation::new(address, at, outcome) })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn any_observation_comes_back_as_it_was(observation in any_observation(), endpoint in "[^\0]{1,40}") {
        let place = Place::new();
        let database = Database::open(&place.0).expect("fresh");
        write::record(&database.connection, &observed(&endpoint, &observation)).expect("room");
        let stored = read::everything(&database.connection, &database.path).expect("just written");
        prop_assert_eq!(stored.addresses.len(), 1);
        let back = &stored.addresses[0];
        prop_assert_eq!(&*back.endpoint, endpoint.as_str());
        let known = back.known.as_ref().map(|(observation, _)| observation);
        prop_assert_eq!(known.or(back.failed.as_deref()), Some(&observation));
    }
}

const NOON: &str = "2026-11-22T12:00:00Z";
