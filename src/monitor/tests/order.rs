//! Mails while the mail server is away: nobody is accused after the end, and nobody hears of an end without a beginning.

use std::{cell::Cell, rc::Rc};

use super::*;
use crate::diagnosis::Severity;

/// What the mail server says, to be changed while the world goes on.
type Desk = Rc<Cell<MailResult>>;

fn with_desk(mut world: World, first: MailResult) -> (World, Desk) {
    let desk = Rc::new(Cell::new(first));
    let answer = desk.clone();
    world.post_office = Box::new(move |_| answer.get());
    (world, desk)
}

/// An endpoint visited every ten minutes.
fn brisk(name: &str) -> Watch {
    let mut watch = watch(name);
    Arc::make_mut(&mut watch.policy).interval = 10 * MINUTE;
    watch
}

/// Broken for this long.
fn broken_for(time: Duration) -> impl FnMut(&Watch, Now) -> Option<Reply> {
    let start = World::new(vec![], Disk::used(), |_, _| None).now.wall;
    move |_, now| only(sees(1, now, if now.wall < later(start, time) { vec![gap()] } else { vec![] }))
}

/// The kinds and stages that were delivered, in this order: the middle of each id.
fn heard(world: &World) -> Vec<&str> {
    world.delivered.iter().map(|id| id.split('.').nth(1).unwrap_or(id)).collect()
}

#[test]
fn what_has_ended_before_anybody_heard_of_it_is_told_to_nobody() {
    for is_restarted in [false, true] {
        let world = World::new(vec![brisk("a")], Disk::used(), broken_for(HOUR));
        let (mut world, desk) = with_desk(world, MailResult::Deferred);
        world.run(HOUR / 2);
        if is_restarted {
            world.restart();
            world.run(SECOND * 30);
        }
        assert_eq!((world.posted.len(), world.disk.outbox.len()), (1, 1));
        world.run(HOUR);
        assert!(world.disk.incidents.is_empty() && world.disk.outbox.is_empty());
        desk.set(MailResult::Delivered);
        world.run(DAY);
        assert_eq!((world.delivered.len(), world.posted.len()), (0, 1), "restarted: {is_restarted}");
        let sent = world.brain.snapshot(world.now).outbox.sent;
        assert!(sent.iter().all(|(_, result, _)| *result == MailResult::Deferred), "{sent:?}");
    }
}

#[test]
fn what_leaves_the_inventory_is_told_to_nobody() {
    for is_restarted in [false, true] {
        let (mut world, desk) = with_desk(World::new(vec![brisk("a")], Disk::used(), broken_for(DAY)), MailResult::Deferred);
        world.run(HOUR);
        world.inventory.clear();
        if is_restarted {
            world.restart();
        } else {
            world.reload(vec![]);
        }
        assert!(world.disk.outbox.is_empty());
        desk.set(MailResult::Delivered);
        world.run(DAY);
        assert!(world.delivered.is_empty());
    }
}

/// The letter is under way while the incident ends, and comes back with `result` later.
fn ends_under_way(result: MailResult, is_restarted: bool) -> World {
    let mut world = World::new(vec![brisk("a")], Disk::used(), broken_for(5 * MINUTE));
    world.mail_takes = 20 * MINUTE;
    let (mut world, desk) = with_desk(world, result);
    world.run(15 * MINUTE);
    assert_eq!((world.mails().len(), world.disk.outbox.len()), (2, 2));
    world.mail_takes = SECOND;
    if is_restarted {
        // What was under way is not known to have arrived.
        world.delivered.clear();
        world.restart();
    }
    world.run(HOUR);
    desk.set(MailResult::Delivered);
    world.run(DAY);
    assert!(world.disk.outbox.is_empty());
    world
}

#[test]
fn an_all_clear_waits_for_the_letter_under_way_and_leaves_with_it() {
    for is_restarted in [false, true] {
        let course: [(_, &[&str]); 3] = [
            (MailResult::Delivered, &["missing-intermediate-critical", "resolved"]),
            (MailResult::Deferred, &[]),
            (MailResult::Refused, &[]),
        ];
        for (result, expected) in course {
            assert_eq!(heard(&ends_under_way(result, is_restarted)), expected, "{result:?}, restarted: {is_restarted}");
        }
    }
}

#[test]
fn who_refused_the_letter_gets_no_all_clear() {
    let (mut world, desk) = with_desk(World::new(vec![brisk("a")], Disk::used(), broken_for(HOUR)), MailResult::Refused);
    world.run(HOUR / 2);
    desk.set(MailResult::Delivered);
    world.restart();
    world.run(DAY);
    assert!(world.disk.incidents.is_empty());
    assert_eq!((world.delivered.len(), world.posted.len()), (0, 1));
}

/// A certificate enters its last weeks, its last week and its end, an hour each, and is then replaced.
fn ending(_: &Watch, now: Now) -> Option<Reply> {
    let soon = |severity| Finding::ExpiresSoon { not_after: later(now.wall, DAY), now: now.wall, severity };
    only(match now.uptime.as_secs() / 3600 {
        0 => sees(1, now, vec![soon(Severity::Warning)]),
        1 => sees(1, now, vec![soon(Severity::Critical)]),
        2 => sees(1, now, vec![Finding::Expired { not_after: now.wall, now: now.wall }]),
        _ => fine(1, now),
    })
}

#[test]
fn an_escalation_takes_the_place_of_what_still_waits() {
    let (mut world, desk) = with_desk(World::new(vec![brisk("a")], Disk::used(), ending), MailResult::Deferred);
    world.run(2 * HOUR + HOUR / 2);
    assert_eq!((world.mails().len(), world.disk.outbox.len()), (3, 1));
    assert!(world.posted.iter().all(|(_, notice)| notice.thread.is_none()), "each would be the first");
    desk.set(MailResult::Delivered);
    world.run(HOUR / 4);
    world.run(DAY);
    assert_eq!(heard(&world), ["expired-critical", "resolved"]);
    assert_eq!(world.posted[3].1.thread.as_ref(), Some(&world.posted[2].1.id));
}

#[test]
fn after_the_first_letter_only_the_thread_goes_on() {
    let (mut world, desk) = with_desk(World::new(vec![brisk("a")], Disk::used(), ending), MailResult::Delivered);
    world.run(HOUR / 2);
    desk.set(MailResult::Deferred);
    world.run(3 * HOUR);
    desk.set(MailResult::Delivered);
    world.run(DAY);
    assert_eq!(heard(&world), ["expires-soon-warning", "resolved"]);
    assert!(world.posted[1..].iter().all(|(_, notice)| notice.thread.as_ref() == Some(&world.posted[0].1.id)));
}

#[test]
fn an_escalation_waits_for_the_letter_under_way() {
    for (result, expected, threads) in [
        (MailResult::Delivered, vec!["expires-soon-warning", "expires-soon-critical"], [false, true]),
        (MailResult::Deferred, vec!["expires-soon-critical"], [false, false]),
    ] {
        let mut world = World::new(vec![brisk("a")], Disk::used(), ending);
        world.mail_takes = 90 * MINUTE;
        let (mut world, desk) = with_desk(world, result);
        world.run(80 * MINUTE);
        assert_eq!(world.mails().len(), 1);
        world.mail_takes = SECOND;
        desk.set(MailResult::Delivered);
        world.run(30 * MINUTE);
        assert_eq!(heard(&world), expected);
        assert_eq!(world.posted.iter().map(|(_, notice)| notice.thread.is_some()).collect::<Vec<_>>(), threads);
    }
}

/// Two endpoints, of which the first is broken for an hour and the second for months.
fn one_of_two(disk: Disk) -> World {
    let mut first = broken_for(HOUR);
    let mut second = broken_for(90 * DAY);
    let site = move |watch: &Watch, now| if &*watch.endpoint.name == "a" { first(watch, now) } else { second(watch, now) };
    World::new(vec![brisk("a"), brisk("b")], disk, site)
}

#[test]
fn a_summary_that_waits_leaves_out_what_has_ended_and_nobody_hears_of_that_end() {
    for is_restarted in [false, true] {
        for (result, expected) in [(MailResult::Delivered, 1), (MailResult::Refused, 0)] {
            let (mut world, desk) = with_desk(one_of_two(Disk::default()), MailResult::Deferred);
            world.run(HOUR / 2);
            assert_eq!(world.posted[0].1.cases.len(), 2);
            world.run(90 * MINUTE);
            if is_restarted {
                world.restart();
                world.run(MINUTE);
            }
            assert_eq!((world.posted.len(), world.disk.outbox.len(), world.delivered.len()), (1, 1, 0));
            desk.set(result);
            world.run(DAY);
            assert_eq!(world.mails(), ["summary owner@a.org b missing_intermediate/critical"]);
            assert_eq!(world.delivered.len(), expected, "{result:?}, restarted: {is_restarted}");
            assert!(world.disk.outbox.is_empty());
        }
    }
}

#[test]
fn a_letter_that_waits_leaves_out_where_it_has_ended() {
    for is_restarted in [false, true] {
        let (mut world, desk) = with_desk(one_of_two(Disk::used()), MailResult::Deferred);
        world.shared = true;
        world.run(HOUR / 2);
        assert_eq!((world.mails().len(), world.members().len()), (1, 2));
        world.run(90 * MINUTE);
        if is_restarted {
            world.restart();
        }
        desk.set(MailResult::Delivered);
        world.run(DAY);
        assert_eq!(world.mails(), ["chain owner@a.org b missing_intermediate/critical"], "restarted: {is_restarted}");
        assert_eq!((world.delivered.len(), world.members().len()), (1, 1), "nobody waits for the end at the other");
    }
}

/// Whatever it is, at this endpoint, for so many hours from now on.
fn hushed(world: &World, endpoint: &str, hours: u32) -> Event {
    let selector = Selector { endpoints: vec![Glob::new(endpoint)], ..Selector::default() };
    let (id, since, until) = ("s1".into(), world.now.wall, later(world.now.wall, HOUR * hours));
    let (by, reason) = ("ada".into(), "moves house".into());
    Event::Silenced(vec![Silence { id, selector, findings: Vec::new(), since, until, but_last_day: false, by, reason }])
}

#[test]
fn a_letter_that_waits_is_withdrawn_when_all_of_it_is_silenced_and_told_anew_when_the_silence_ends() {
    for is_restarted in [false, true] {
        let world = World::new(vec![brisk("a")], Disk::used(), broken_for(90 * DAY));
        let (mut world, desk) = with_desk(world, MailResult::Deferred);
        world.run(HOUR);
        let event = hushed(&world, "a", 10);
        if let (Event::Silenced(silences), true) = (&event, is_restarted) {
            world.disk.silences.clone_from(silences);
            world.restart();
        }
        world.handle(event);
        world.run(2 * HOUR);
        assert!(world.disk.outbox.is_empty(), "restarted: {is_restarted}");
        desk.set(MailResult::Delivered);
        world.run(7 * HOUR);
        assert!(world.delivered.is_empty());
        world.run(DAY);
        assert_eq!(heard(&world), ["missing-intermediate-critical-2"], "as one that nobody has seen before");
    }
}

#[test]
fn what_was_silenced_before_it_was_delivered_and_has_ended_is_told_to_nobody() {
    let world = World::new(vec![brisk("a")], Disk::used(), broken_for(5 * HOUR));
    let (mut world, desk) = with_desk(world, MailResult::Deferred);
    world.run(HOUR);
    world.handle(hushed(&world, "a", 10));
    world.run(2 * HOUR);
    desk.set(MailResult::Delivered);
    world.run(DAY);
    assert!(world.delivered.is_empty() && world.disk.incidents.is_empty() && world.disk.members.is_empty());
}

#[test]
fn a_letter_under_way_is_silenced_once_it_has_failed_and_counts_as_told_when_it_has_not() {
    for (result, expected) in
        [(MailResult::Deferred, vec![]), (MailResult::Delivered, vec!["missing-intermediate-critical", "resolved"])]
    {
        let mut world = World::new(vec![brisk("a")], Disk::used(), broken_for(5 * HOUR));
        world.mail_takes = 20 * MINUTE;
        let (mut world, desk) = with_desk(world, result);
        world.run(10 * MINUTE);
        world.handle(hushed(&world, "a", 3));
        world.run(3 * HOUR);
        world.mail_takes = SECOND;
        desk.set(MailResult::Delivered);
        world.handle(hushed(&world, "a", 10));
        world.run(DAY);
        assert_eq!(heard(&world), expected, "{result:?}");
    }
}

#[test]
fn after_a_step_that_was_silenced_before_it_was_delivered_the_step_is_told_later() {
    let site = |_: &Watch, now: Now| {
        let soon = |severity| Finding::ExpiresSoon { not_after: later(now.wall, DAY), now: now.wall, severity };
        only(sees(1, now, vec![soon(if now.uptime < HOUR { Severity::Warning } else { Severity::Critical })]))
    };
    let (mut world, desk) = with_desk(World::new(vec![brisk("a")], Disk::used(), site), MailResult::Delivered);
    world.run(HOUR / 2);
    desk.set(MailResult::Deferred);
    world.run(HOUR);
    assert_eq!(world.disk.outbox.len(), 1);
    world.handle(hushed(&world, "a", 5));
    world.run(2 * HOUR);
    assert!(world.disk.outbox.is_empty());
    desk.set(MailResult::Delivered);
    world.run(DAY);
    assert_eq!(heard(&world), ["expires-soon-warning", "expires-soon-critical"]);
}
