//! Trust stores that lack what they are not meant to lack.

use super::*;

/// So many endpoints under three roots, of which `lacks` says, by number and time, whether the store lacks them.
fn world(count: u8, lacks: impl Fn(u8, Duration) -> bool + 'static) -> World {
    let watches = (1..=count).map(|number| watch(&format!("e{number}"))).collect();
    World::new(watches, Disk::used(), move |watch, now| {
        let number: u8 = watch.endpoint.name[1..].parse().expect("a number");
        let root = number % 3;
        let unknown = Finding::UnknownCa { root: format!("Root {root}"), presented: false };
        let findings = Vec::from_iter(lacks(root, now.uptime).then_some(unknown));
        Some((vec![sees(number, now, findings)], vec![ip(number)]))
    })
}

/// How many mails there are about ourselves, and at how many endpoints an incident is open.
fn told(world: &World) -> (usize, usize) {
    let own = world.mails().iter().filter(|mail| mail.starts_with("own_fault")).count();
    let open = world.members().into_iter().filter(|member| member.code == "unknown_ca" && member.is_open());
    (own, open.count())
}

#[test]
fn a_store_that_was_lost_is_told_once_and_nobody_is_accused() {
    let mut world = world(12, |root, at| root != 0 && at > HOUR && at < 6 * HOUR);
    world.run(HOUR);
    world.begin_again();
    world.run(4 * HOUR);
    assert_eq!((world.mails(), world.incidents()), (vec!["own_fault ops@a.org".to_owned()], vec![]));
    let fault = world.brain.snapshot(world.now).own_faults.remove(0);
    assert_eq!((fault.kind, fault.lost, fault.of), (OwnKind::Trust, 8, 12));
    let Some(Own::Fault(told)) = world.posted[0].1.own.clone() else { panic!("it is about us") };
    assert_eq!(told.failures, [("Root 1".to_owned(), 4), ("Root 2".to_owned(), 4)]);
    world.run(4 * HOUR);
    assert_eq!((world.mails(), world.incidents()), (vec!["own_fault ops@a.org".to_owned(); 2], vec![]));
    assert!(world.brain.snapshot(world.now).own_faults.is_empty());
}

#[test]
fn one_root_that_was_taken_out_is_told_as_usual() {
    let mut world = world(12, |root, at| root == 1 && at > HOUR);
    world.run(HOUR);
    world.begin_again();
    world.run(2 * HOUR);
    assert_eq!(told(&world), (0, 4), "{:?}", world.mails());
}

#[test]
fn without_a_change_of_ours_it_is_told_at_once() {
    let mut world = world(12, |root, at| root != 0 && at > 3 * HOUR);
    world.run(5 * HOUR);
    assert_eq!(told(&world), (0, 8), "{:?}", world.mails());
}

#[test]
fn a_few_are_no_flood_and_a_flood_is_told_after_a_day() {
    for (endpoints, own, open) in [(6, 0, 4), (12, 2, 8)] {
        let mut world = world(endpoints, |root, at| root != 0 && at > HOUR);
        world.run(HOUR);
        world.begin_again();
        world.run(2 * DAY);
        assert_eq!(told(&world), (own, open), "{:?}", world.mails());
    }
}
