//! Whether a server is down, or we are cut off.

use std::{cell::Cell, rc::Rc};

use super::*;

/// The number in `e1`, which is its address too.
fn number(watch: &Watch) -> u8 {
    watch.endpoint.name[1..].parse().expect("a number")
}

/// So many, each at an address of its own.
fn fleet(count: u8) -> Vec<Watch> {
    (1..=count).map(|number| watch(&format!("e{number}"))).collect()
}

/// Servers that are down when `is_down` says so.
fn servers(is_down: impl Fn(u8, Duration) -> bool + 'static) -> impl FnMut(&Watch, Now) -> Option<Reply> {
    move |watch, now| {
        let number = number(watch);
        let judged = if is_down(number, now.uptime) { silent(number, now) } else { fine(number, now) };
        Some((vec![judged], vec![ip(number)]))
    }
}

fn silent(address: u8, now: Now) -> Judged {
    failed(Some(ip(address)), now, Stage::Connect, FailureKind::Timeout)
}

fn kinds(world: &World) -> Vec<String> {
    world
        .brain
        .snapshot(world.now)
        .own_faults
        .iter()
        .map(|fault| format!("{} {}/{}", fault.kind.name(), fault.lost, fault.of))
        .collect()
}

#[test]
fn a_server_that_is_down_is_told_of_at_the_third_look_when_others_can_be_reached() {
    let mut world = World::new(fleet(5), Disk::used(), servers(|number, at| number == 1 && at > HOUR));
    world.run(3 * HOUR);
    assert_eq!(world.mails(), ["problem owner@a.org e1 unreachable/critical"]);
    let (told, _) = world.posted[0];
    let looks: Vec<_> = world.starts_of("e1").into_iter().filter(|at| *at > HOUR && *at < told).collect();
    assert_eq!(looks.len(), 3, "{looks:?} before {told:?}");
    assert!(told < looks[0] + 70 * SECOND);
    for other in ["e2", "e3", "e4", "e5"] {
        let asked = world.starts_of(other).into_iter().filter(|at| *at > looks[0] && *at < told).count();
        assert!(asked <= 2, "{other} was asked {asked} times");
    }
    assert_eq!(kinds(&world), [""; 0]);
}

#[test]
fn where_nobody_can_be_reached_it_is_us_and_two_mails_say_all() {
    let mut world = World::new(fleet(9), Disk::used(), servers(|_, at| at > HOUR && at < 3 * HOUR));
    world.run(2 * HOUR + 30 * MINUTE);
    assert_eq!(world.mails(), ["own_fault ops@a.org"]);
    assert_eq!(kinds(&world), ["network 9/9"]);
    let Some(Own::Fault(fault)) = world.posted[0].1.own.clone() else { panic!("it is about us") };
    assert_eq!((fault.kind, fault.until), (OwnKind::Network, None));
    assert!(world.brain.snapshot(world.now).troubles[0].contains("9 of 9 addresses could not be reached"));
    world.run(10 * HOUR);
    assert_eq!(world.mails(), ["own_fault ops@a.org"; 2]);
    let (over, last) = &world.posted[1];
    assert!(
        matches!(&last.own, Some(Own::Fault(fault)) if fault.until.is_some())
            && last.thread.as_ref() == Some(&world.posted[0].1.id)
    );
    assert!(*over < 3 * HOUR + 2 * MINUTE, "it is noticed soon: {over:?}");
    assert_eq!((kinds(&world), world.incidents()), (vec![], vec![]));
}

#[test]
fn a_mail_that_could_not_leave_before_the_end_gives_way_to_the_one_that_says_all() {
    let mut world = World::new(fleet(4), Disk::used(), servers(|_, at| at > HOUR && at < 2 * HOUR));
    world.post_office =
        Box::new(|now| if now.uptime > HOUR && now.uptime < 2 * HOUR { MailResult::Deferred } else { MailResult::Delivered });
    world.run(5 * HOUR);
    assert_eq!((world.posted.len(), world.delivered.len()), (2, 1));
    assert_eq!((&world.delivered[0], &world.posted[1].1.thread), (&world.posted[1].1.id, &None));
    assert!(world.disk.outbox.is_empty());
}

#[test]
fn what_is_still_down_when_the_way_is_open_again_is_told_then() {
    let is_down = |number, at| at > HOUR && (at < 2 * HOUR || number == 2);
    let mut world = World::new(fleet(6), Disk::used(), servers(is_down));
    world.run(2 * HOUR);
    assert_eq!(world.mails(), ["own_fault ops@a.org"]);
    world.run(5 * MINUTE);
    assert_eq!(world.mails()[1..], ["own_fault ops@a.org", "problem owner@a.org e2 unreachable/critical"]);
    assert!(world.posted[2].0 > world.posted[1].0 + 59 * SECOND, "three looks of its own");
}

#[test]
fn what_was_down_before_is_no_witness_and_stays_told() {
    let is_down = |number, at| number <= 2 || (at > 5 * HOUR && number == 3);
    let mut world = World::new(fleet(4), Disk::used(), servers(is_down));
    world.run(10 * HOUR);
    let told = |name: &str| format!("problem owner@a.org {name} unreachable/critical");
    assert_eq!(world.mails().iter().filter(|mail| mail.starts_with("problem")).count(), 3, "{:?}", world.mails());
    assert_eq!(world.mails()[2], told("e3"));
    assert_eq!(kinds(&world), [""; 0]);
}

#[test]
fn a_short_gap_is_not_worth_a_mail() {
    let mut world = World::new(fleet(5), Disk::used(), servers(|_, at| at > HOUR && at < HOUR + 2 * MINUTE));
    world.run(5 * HOUR);
    assert_eq!(world.mails(), [""; 0]);
}

#[test]
fn when_more_than_half_are_lost_it_is_us_although_some_can_be_reached() {
    let is_lost = |number: u8, at| at > HOUR && at < 4 * HOUR && number <= 30;
    let mut world = World::new(fleet(40), Disk::used(), servers(is_lost));
    world.run(4 * HOUR);
    let count = |world: &World, kind: &str| world.mails().iter().filter(|mail| mail.starts_with(kind)).count();
    assert_eq!(count(&world, "own_fault"), 1, "{:?}", world.mails());
    let early = count(&world, "problem");
    assert!(early <= 2, "{early} of 30 were told of before enough had failed");
    world.run(3 * HOUR);
    assert_eq!((count(&world, "own_fault"), count(&world, "problem"), count(&world, "resolved")), (2, early, early));
    assert_eq!((kinds(&world), world.incidents()), (vec![], vec![]));
}

#[test]
fn an_endpoint_that_is_alone_has_nobody_to_ask_and_is_told_of() {
    let both = |_: &Watch, now: Now| Some((vec![silent(1, now), silent(2, now)], vec![ip(1), ip(2)]));
    let mut world = World::new(vec![watch("e1")], Disk::used(), both);
    world.run(HOUR);
    assert_eq!(world.mails(), ["problem owner@a.org e1 unreachable/critical"]);
}

/// An endpoint that is looked up by a name of its own.
fn named(number: u8) -> Watch {
    let mut watch = watch(&format!("e{number}"));
    watch.endpoint.target.host = Host::Name(format!("host-{number}.a.org").into());
    watch
}

#[test]
fn a_name_that_was_gone_before_a_restart_is_no_witness_after_it() {
    let are_both_gone = Rc::new(Cell::new(false));
    let seen = Rc::clone(&are_both_gone);
    let mut world = World::new(vec![named(1), named(2)], Disk::used(), move |watch, now| {
        let number = number(watch);
        if number == 1 || seen.get() { unresolved(now) } else { Some((vec![fine(number, now)], vec![ip(number)])) }
    });
    world.run(HOUR);
    world.restart();
    are_both_gone.set(true);
    world.run(2 * HOUR);
    let told: Vec<_> = world.mails().iter().map(|mail| mail.split(' ').take(3).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!((told, kinds(&world)), (["e1", "e2"].map(|name| format!("problem owner@a.org {name}")).into(), vec![]));
}

#[test]
fn where_no_name_resolves_it_is_our_resolver() {
    let mut world = World::new((1..=5).map(named).collect(), Disk::used(), |watch, now| {
        let number = number(watch);
        if now.uptime > HOUR { unresolved(now) } else { Some((vec![fine(number, now)], vec![ip(number)])) }
    });
    world.run(3 * HOUR);
    assert_eq!((world.mails(), kinds(&world)), (vec!["own_fault ops@a.org".to_owned()], vec!["resolver 5/5".to_owned()]));
}

#[test]
fn a_start_without_a_network_is_no_different() {
    let mut world = World::new(fleet(5), Disk::default(), servers(|_, at| at < HOUR));
    world.run(2 * HOUR);
    assert_eq!(world.mails(), ["own_fault ops@a.org"; 2]);
}

#[test]
fn a_certificate_that_ends_meanwhile_is_told_of_all_the_same() {
    let ends: Timestamp = "2026-11-22T02:00:00Z".parse().expect("a date");
    let mut world = World::new(fleet(3), Disk::used(), move |watch, now| {
        let number = number(watch);
        let from = "2020-01-01T00:00:00Z".parse().expect("a date");
        let judged = if now.uptime > HOUR { silent(number, now) } else { dated(number, now, watch, from, ends) };
        Some((vec![judged], vec![ip(number)]))
    });
    world.run(3 * HOUR);
    assert!(world.mails().iter().any(|mail| mail.contains("expired/critical")), "{:?}", world.mails());
    assert!(!world.mails().iter().any(|mail| mail.contains("unreachable")), "{:?}", world.mails());
}
