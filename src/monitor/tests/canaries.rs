//! Hosts that tell whether a failure is ours.

use super::*;

/// So many endpoints, 192.0.2.1 and on, and a canary, 192.0.2.200, of which `is_down` says when they cannot be reached.
fn world(count: u8, is_down: impl Fn(u8, Duration) -> bool + 'static) -> World {
    let number = |watch: &Watch| watch.endpoint.name[1..].parse().expect("a number");
    let endpoints = (1..=count).map(|number| watch(&format!("e{number}"))).collect();
    let mut world = World::new(endpoints, Disk::used(), move |watch, now| {
        let number = number(watch);
        let silent = || failed(Some(ip(number)), now, Stage::Connect, FailureKind::Timeout);
        // What a canary serves is nobody's business.
        let gap = Vec::from_iter((number == CANARY).then(gap));
        let judged = if is_down(number, now.uptime) { silent() } else { sees(number, now, gap) };
        Some((vec![judged], vec![ip(number)]))
    });
    let mut canary = watch(&format!("c{CANARY}"));
    canary.endpoint.target.host = Host::Ip(ip(CANARY));
    Arc::make_mut(&mut canary.policy).interval = 15 * MINUTE;
    world.canaries = vec![Arc::new(canary)];
    world.handle(Event::Reloaded(world.inventory()));
    world
}

fn count(world: &World, kind: &str) -> usize {
    world.mails().iter().filter(|mail| mail.starts_with(kind)).count()
}

#[test]
fn it_is_visited_and_nobody_hears_of_it() {
    let mut world = world(1, |number, at| number == CANARY && at > HOUR);
    world.run(HOUR);
    let snapshot = world.brain.snapshot(world.now);
    let ups: Vec<_> = snapshot.canaries.iter().map(|(target, is_up)| (target.to_string(), *is_up)).collect();
    assert_eq!((ups, snapshot.endpoints.len()), (vec![("192.0.2.200:443".to_owned(), true)], 1));
    world.run(5 * HOUR);
    let visits = world.starts_of("c200").len();
    assert!((22..40).contains(&visits), "every quarter of an hour, and two more looks: {visits}");
    let snapshot = world.brain.snapshot(world.now);
    assert!(!snapshot.canaries[0].1 && snapshot.incidents.is_empty() && snapshot.own_faults.is_empty());
    assert_eq!(world.mails(), [""; 0]);
    assert!(world.disk.addresses.keys().all(|(name, _)| **name == *"e1"), "it leaves no trace");
}

#[test]
fn who_is_alone_is_certain_when_it_is_reached() {
    let mut world = world(1, |number, at| number == 1 && at > HOUR);
    world.run(3 * HOUR);
    assert_eq!(world.mails(), ["problem owner@a.org e1 unreachable/critical"]);
    let looks: Vec<_> = world.starts_of("e1").into_iter().filter(|at| *at > HOUR && *at < world.posted[0].0).collect();
    assert_eq!(looks.len(), 3);
}

#[test]
fn who_is_alone_is_not_accused_when_it_is_not_reached_either() {
    let mut world = world(1, |_, at| at > HOUR && at < 3 * HOUR);
    world.run(2 * HOUR + 30 * MINUTE);
    assert_eq!(world.mails(), ["own_fault ops@a.org"]);
    world.run(3 * HOUR);
    assert_eq!((world.mails(), world.incidents()), (vec!["own_fault ops@a.org".to_owned(); 2], vec![]));
}

#[test]
fn when_it_is_reached_even_a_flood_is_the_servers_fault() {
    let mut world = world(40, |number, at| number <= 30 && at > HOUR);
    world.run(4 * HOUR);
    let open = world.members().iter().filter(|member| member.is_open()).count();
    assert_eq!((open, count(&world, "own_fault")), (30, 0));
}

#[test]
fn when_it_is_not_reached_most_is_enough() {
    let mut world = world(40, |number, at| (number <= 30 || number == CANARY) && at > HOUR && at < 4 * HOUR);
    world.run(4 * HOUR);
    let early = count(&world, "problem");
    assert!(early <= 2 && count(&world, "own_fault") == 1, "{:?}", world.mails());
    world.run(2 * HOUR);
    assert_eq!((count(&world, "problem"), count(&world, "own_fault")), (early, 2));
}

#[test]
fn one_that_is_down_for_long_is_no_witness() {
    let mut world = world(2, |number, at| number == CANARY || (number == 1 && at > 3 * HOUR) || (number == 2 && at > 6 * HOUR));
    world.run(9 * HOUR);
    assert_eq!((count(&world, "problem"), count(&world, "own_fault")), (2, 0), "{:?}", world.mails());
}

/// The number of the canary.
const CANARY: u8 = 200;
