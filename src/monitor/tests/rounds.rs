//! Visits: spread, limited, repeatable, and timed by what certificates will do.

use std::collections::HashMap;

use super::*;

#[test]
fn a_large_inventory_starts_without_a_storm_and_goes_round_evenly() {
    let watches = (0..10_000).map(apart).collect();
    let mut world = World::new(watches, Disk::used(), |_, now| only(fine(1, now)));
    world.visit_takes = SECOND;
    world.run(70 * MINUTE);
    assert!(world.most_in_flight <= 64, "{} at once", world.most_in_flight);
    let mut each_second = HashMap::<u64, u32>::new();
    world.starts.iter().for_each(|(at, _)| *each_second.entry(at.as_secs()).or_default() += 1);
    let busiest = each_second.values().max().copied().expect("visits");
    assert!(busiest <= 66, "{busiest} started in one second");
    let first: std::collections::HashSet<_> =
        world.starts.iter().take_while(|(at, _)| *at < 205 * SECOND).map(|(_, n)| n).collect();
    assert_eq!(first.len(), 10_000);
    assert_eq!(world.starts.len(), 20_000);
    assert_eq!(world.brain.snapshot(world.now).lag.count, world.starts.len() as u64);
}

#[test]
fn the_same_seed_makes_the_same_life() {
    let life = |seed| {
        let watches = (0..50).map(|i| watch(&format!("e{i}"))).collect();
        let settings = Settings { seed, ..settings() };
        let mut world = World::with(watches, Disk::used(), settings, |watch, now| {
            only(if watch.endpoint.name.ends_with('7') { down(1, now) } else { fine(1, now) })
        });
        world.run(DAY);
        (world.starts.clone(), world.mails())
    };
    assert_eq!(life(1), life(1));
    assert_ne!(life(1).0, life(2).0);
}

#[test]
fn a_visit_that_hangs_is_given_up_after_half_an_hour_and_holds_nobody_up() {
    let mut world = World::new(vec![watch("a"), watch("b")], Disk::used(), |watch, now| {
        if &*watch.endpoint.name == "a" { None } else { only(fine(1, now)) }
    });
    world.run(10 * HOUR);
    let starts = world.starts_of("a");
    assert!(starts.len() > 10, "{starts:?}");
    assert!(starts.windows(2).all(|pair| pair[1].saturating_sub(pair[0]) >= 30 * MINUTE), "{starts:?}");
    assert!(world.starts_of("b").len() >= 9);
    assert_eq!(world.mails(), ["problem owner@a.org a unreachable/critical"]);
    let under_way = (starts.len() as u64).checked_sub(world.brain.snapshot(world.now).lost_visits);
    assert!(under_way.is_some_and(|count| count <= 1), "{under_way:?}");
}

#[test]
fn what_a_visit_brings_home_after_it_was_given_up_is_dropped() {
    let mut world = World::new(vec![watch("a")], Disk::used(), |_, now| only(fine(1, now)));
    world.stalls = Some((ip(1), 45 * MINUTE));
    world.run(30 * MINUTE + 10 * SECOND);
    world.stalls = None;
    assert_eq!((world.brain.snapshot(world.now).lost_visits, world.starts.len()), (1, 1));
    world.run(5 * MINUTE);
    assert_eq!(world.starts.len(), 2, "it is looked at again soon");
    let last_probe = world.addresses()[0].last_probe();
    world.run(12 * MINUTE);
    assert_eq!(world.addresses()[0].last_probe(), last_probe, "the late report came, and says nothing");
    world.run(5 * HOUR);
    assert!((5..=8).contains(&world.starts.len()), "once an hour: {:?}", world.starts);
    assert!(world.posted.is_empty(), "{:?}", world.mails());
}

#[test]
fn a_visit_of_which_nothing_comes_back_is_told_as_such() {
    let mut world = World::new(vec![watch("a")], Disk::used(), |_, _| Some((Vec::new(), Vec::new())));
    world.run(5 * MINUTE);
    assert_eq!(world.mails(), ["problem owner@a.org a unreachable/critical"]);
    let failure = world.addresses()[0].failure().cloned().expect("a failure");
    assert_eq!(failure.kind, FailureKind::Internal);
}

#[test]
fn a_threshold_is_met_by_a_visit_right_after_it() {
    // A daily visit, and a certificate that enters its last weeks 10 hours after the start.
    let mut daily = watch("a");
    Arc::make_mut(&mut daily.policy).interval = DAY;
    let start = World::new(vec![], Disk::used(), |_, _| None).now.wall;
    let (not_before, not_after) = (crate::clock::earlier(start, 100 * DAY), later(start, 21 * DAY + 10 * HOUR));
    let mut world = World::new(vec![daily], Disk::used(), move |watch, now| only(dated(1, now, watch, not_before, not_after)));
    world.run(22 * DAY);
    let told: Vec<_> = world.posted.iter().map(|(at, notice)| (line(notice), at.saturating_sub(10 * HOUR))).collect();
    assert_eq!(told.len(), 4);
    for ((_, at), (stage, begins)) in told.iter().zip([("warning", 0), ("critical", 14), ("last day", 20), ("expired", 21)]) {
        let late = at.checked_sub(begins * DAY).expect("not early");
        assert!((SECOND..2 * SECOND).contains(&late), "{stage} is told {late:?} late");
    }
}

#[test]
fn a_threshold_that_passes_during_a_visit_is_met_by_another_one_at_once() {
    let start = World::new(vec![], Disk::used(), |_, _| None).now.wall;
    let (not_before, not_after) = (crate::clock::earlier(start, 100 * DAY), later(start, 3 * SECOND));
    let mut world =
        World::new(vec![watch("a")], Disk::used(), move |watch, now| only(dated(1, now, watch, not_before, not_after)));
    world.visit_takes = 5 * SECOND;
    world.run(MINUTE);
    assert_eq!(world.mails(), ["expiry owner@a.org a expires_soon/last-day", "expiry owner@a.org a expired/critical"]);
    assert_eq!(world.starts.len(), 2);
}

#[test]
fn a_snapshot_shares_what_has_not_changed() {
    let mut world = World::new(vec![watch("a"), watch("b")], Disk::used(), |_, now| only(fine(1, now)));
    world.run(MINUTE);
    let (before, revision) = (world.brain.snapshot(world.now), world.brain.revision());
    world.handle(Event::Woke);
    world.handle(Event::Saved(Ok(())));
    assert_eq!(world.brain.revision(), revision, "nothing has happened");
    while world.starts_of("a").len() + world.starts_of("b").len() < 3 {
        world.run(SECOND);
    }
    world.run(SECOND);
    let after = world.brain.snapshot(world.now);
    let moved = usize::from(world.starts_of("b").len() == 2);
    assert!(!Arc::ptr_eq(&before.endpoints[moved], &after.endpoints[moved]));
    assert!(Arc::ptr_eq(&before.endpoints[1 - moved], &after.endpoints[1 - moved]));
    assert!(world.brain.revision() > revision);
}

#[test]
fn what_is_wrong_with_the_daemon_itself_is_told_until_it_is_mended() {
    let mut world = World::new(vec![watch("a")], Disk::used(), |_, now| only(sees(1, now, vec![gap()])));
    world.handle(Event::Saved(Err("disk full".into())));
    assert_eq!(world.brain.snapshot(world.now).troubles, ["the state cannot be written: disk full"]);
    world.handle(Event::Saved(Ok(())));
    assert!(world.brain.snapshot(world.now).troubles.is_empty());

    world.post_office = Box::new(|_| MailResult::Refused);
    world.run(MINUTE);
    let snapshot = world.brain.snapshot(world.now);
    assert_eq!(snapshot.troubles, ["mail to owner@a.org was refused for good on 2026-11-22 00:00 UTC: 451 later"]);
    assert_eq!((snapshot.outbox.length, world.disk.outbox.len()), (0, 0));
    assert_eq!(snapshot.outbox.sent, [(NoticeKind::Chain, MailResult::Refused, 1)]);

    world.handle(Event::ReloadFailed);
    assert!(!world.brain.snapshot(world.now).reload.successful);
}
