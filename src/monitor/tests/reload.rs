//! Reloads: what is the same keeps its time and its incidents, what has changed is visited anew, what has gone vanishes.

use super::*;

fn broken(_: &Watch, now: Now) -> Option<Reply> {
    only(sees(1, now, vec![gap()]))
}

fn elsewhere(name: &str) -> Watch {
    let mut moved = watch(name);
    moved.endpoint.target = "192.0.2.1:8443".parse().expect("a target");
    moved
}

/// Some trust store, made anew at each call.
fn store() -> Arc<Trust> {
    let (from, to) = (Timestamp::UNIX_EPOCH, later(Timestamp::UNIX_EPOCH, DAY));
    Arc::new(Trust::new([certificate(from, to)]))
}

#[test]
fn what_is_the_same_keeps_its_due_time_and_its_incidents() {
    let same = || Watch { trust: store(), ..watch("a") };
    let mut world = World::new(vec![same()], Disk::used(), broken);
    world.run(10 * MINUTE);
    let due = world.brain.next_wake();
    let mut told_elsewhere = same();
    Arc::make_mut(&mut told_elsewhere.policy).labels.insert("team".into(), "mail".into());
    told_elsewhere.endpoint.timeout = MINUTE;
    world.reload(vec![same()]);
    world.reload(vec![told_elsewhere]);
    assert_eq!(world.brain.next_wake(), due);
    let snapshot = world.brain.snapshot(world.now);
    assert_eq!(snapshot.endpoints[0].watch.policy.labels.len(), 1);
    assert!(snapshot.reload.successful && snapshot.reload.success_at == world.now.wall);
    world.run(DAY);
    assert_eq!(world.mails().len(), 1);
}

#[test]
fn whoever_looks_finds_an_endpoint_by_its_name_and_its_place() {
    let mut world = World::new(vec![watch("c"), elsewhere("a"), watch("b")], Disk::used(), broken);
    let found = |snapshot: &Snapshot| {
        let names = |views: Vec<&Arc<EndpointView>>| views.iter().map(|view| view.name().to_string()).collect::<String>();
        let place = |port| names(snapshot.at_place(&"192.0.2.1".parse().expect("a host"), port).collect());
        let named = |name| snapshot.named(name).map(|view| view.name().to_string());
        assert_eq!(["", "a", "aa", "d"].map(named), [None, Some("a".into()), None, None]);
        (names(snapshot.by_name().collect()), place(443), place(8443))
    };
    let before = world.brain.snapshot(world.now);
    assert_eq!(found(&before), ("abc".into(), "cb".into(), "a".into()));
    // What is seen changes nothing of that.
    world.run(10 * MINUTE);
    assert!(Arc::ptr_eq(&before.index, &world.brain.snapshot(world.now).index));
    let mut moved = elsewhere("b");
    moved.endpoint.target = "ftps://192.0.2.1:8443".parse().expect("a target");
    world.reload(vec![moved, watch("e"), elsewhere("a")]);
    let after = world.brain.snapshot(world.now);
    assert_eq!(found(&after), ("abe".into(), "e".into(), "ba".into()));
    assert_eq!(found(&before), ("abc".into(), "cb".into(), "a".into()), "who looked before sees what was");
}

#[test]
fn another_measure_is_applied_at_once_and_what_is_known_stays() {
    let mut other_trust = watch("a");
    other_trust.trust = store();
    let mut other_name = watch("a");
    Arc::make_mut(&mut other_name.expectation.rules).security_level = 1;
    for changed in [other_trust, other_name] {
        let mut world = World::new(vec![watch("a")], Disk::used(), broken);
        world.run(10 * MINUTE);
        world.reload(vec![changed]);
        assert_eq!(world.addresses().len(), 1);
        world.run(SECOND);
        assert_eq!((world.starts.len(), world.mails().len()), (2, 1));
    }
}

#[test]
fn another_place_is_visited_at_once_and_judged_by_what_is_there() {
    let mut world = World::new(vec![watch("a")], Disk::used(), |watch, now| match watch.endpoint.target.port {
        443 => only(sees(1, now, vec![gap()])),
        _ => only(if now.uptime < HOUR { down(1, now) } else { fine(1, now) }),
    });
    world.run(10 * MINUTE);
    world.reload(vec![elsewhere("a")]);
    assert!(world.addresses().is_empty() && world.disk.addresses.is_empty());
    world.run(5 * MINUTE);
    assert_eq!(world.incidents().len(), 2, "a server that is down there proves nothing");
    world.run(2 * HOUR);
    assert!(world.incidents().is_empty());
    assert_eq!(world.mails().iter().filter(|mail| mail.starts_with("resolved")).count(), 2);
}

#[test]
fn an_address_that_was_at_fault_proves_the_end_itself() {
    let mut world = World::new(vec![watch("a")], Disk::used(), |watch, now| {
        let second = match watch.endpoint.target.port {
            443 => sees(2, now, vec![gap()]),
            _ if now.uptime < 10 * HOUR => down(2, now),
            _ => fine(2, now),
        };
        Some((vec![fine(1, now), second], vec![ip(1), ip(2)]))
    });
    world.run(10 * MINUTE);
    world.reload(vec![elsewhere("a")]);
    world.run(9 * HOUR);
    assert_eq!(world.incidents().len(), 2, "only the other address has shown a certificate");
    world.run(2 * HOUR);
    assert!(world.incidents().is_empty());
}

#[test]
fn a_late_report_is_dropped() {
    for after in [vec![elsewhere("a")], vec![]] {
        let mut world = World::new(vec![watch("a")], Disk::used(), |watch, now| match watch.endpoint.target.port {
            443 => only(sees(1, now, vec![gap()])),
            _ => only(fine(1, now)),
        });
        world.visit_takes = MINUTE;
        world.run(10 * SECOND);
        assert_eq!(world.in_flight, 1);
        world.reload(after);
        world.run(10 * MINUTE);
        assert!(world.mails().is_empty() && world.incidents().is_empty());
        assert_eq!(world.in_flight, 0);
    }
}

#[test]
fn what_has_gone_vanishes_without_a_mail_and_may_come_back() {
    let mut world = World::new(vec![watch("a"), watch("b")], Disk::used(), broken);
    world.run(10 * MINUTE);
    world.reload(vec![watch("b")]);
    assert_eq!(world.brain.snapshot(world.now).endpoints.len(), 1);
    assert_eq!((world.disk.incidents.len(), world.disk.addresses.len()), (1, 1));
    world.run(DAY);
    assert_eq!((world.mails().len(), world.starts_of("a").len()), (2, 1));
    world.reload(vec![watch("a"), watch("b")]);
    world.run(MINUTE);
    assert_eq!(world.mails().len(), 3);
    let order: Vec<_> = world.brain.snapshot(world.now).endpoints.iter().map(|view| view.watch.endpoint.name.clone()).collect();
    assert_eq!(order, ["a".into(), "b".into()]);
}

#[test]
fn a_shorter_interval_counts_at_once() {
    let mut world = World::new(vec![watch("a")], Disk::used(), |_, now| only(fine(1, now)));
    world.run(10 * MINUTE);
    let mut quick = watch("a");
    Arc::make_mut(&mut quick.policy).interval = MINUTE;
    world.reload(vec![quick]);
    world.run(10 * MINUTE);
    assert!((9..=13).contains(&world.starts.len()), "{}", world.starts.len());
}

#[test]
fn a_finding_that_is_accepted_ends_in_silence() {
    let mut world = World::new(vec![watch("a")], Disk::used(), |watch, now| {
        let mut judged = sees(1, now, vec![gap()]);
        Arc::make_mut(&mut judged.diagnosis).findings[0].accepted =
            watch.expectation.rules.accept.contains("missing_intermediate");
        only(judged)
    });
    world.run(MINUTE);
    let mut tolerant = watch("a");
    Arc::make_mut(&mut tolerant.expectation.rules).accept.insert("missing_intermediate".into());
    world.reload(vec![tolerant]);
    world.run(MINUTE);
    assert_eq!(world.mails(), ["chain owner@a.org a missing_intermediate/critical"]);
    assert!(world.incidents().is_empty() && world.disk.incidents.is_empty());
}

#[test]
fn a_new_owner_hears_of_what_is_open() {
    let mut world = World::new(vec![watch("a")], Disk::used(), broken);
    world.run(MINUTE);
    let mut handed_on = watch("a");
    Arc::make_mut(&mut handed_on.policy).owners = vec!["heir@a.org".into()];
    world.reload(vec![handed_on]);
    world.run(2 * HOUR);
    assert_eq!(world.mails()[1..], ["chain heir@a.org a missing_intermediate/critical"]);
}

#[test]
fn a_place_that_does_not_resolve_proves_nothing() {
    let mut world = World::new(vec![watch("a")], Disk::used(), |watch, now| match watch.endpoint.target.port {
        443 => only(sees(1, now, vec![gap()])),
        _ => unresolved(now),
    });
    world.run(10 * MINUTE);
    world.reload(vec![elsewhere("a")]);
    world.run(HOUR);
    assert_eq!(world.incidents().len(), 2);
    assert!(world.mails().iter().all(|mail| !mail.starts_with("resolved")));
}
