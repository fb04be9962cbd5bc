//! A disk that refuses what is to be kept is told of, and so is its end.

use super::*;

fn world() -> World {
    World::new(vec![watch("a")], Disk::used(), |_, now| only(fine(1, now)))
}

/// When each mail about the state was decided on, in minutes, and whether it tells of the end.
fn told(world: &World) -> Vec<(u64, bool)> {
    let of = |(at, notice): &(Duration, Notice)| match &notice.own {
        Some(Own::State(trouble)) => Some((at.as_secs() / 60, trouble.until.is_some())),
        _ => None,
    };
    world.posted.iter().filter_map(of).collect()
}

fn full() -> Event {
    Event::Saved(Err("no room".into()))
}

#[test]
fn a_full_disk_is_told_once_and_so_is_its_end() {
    let mut world = world();
    world.run(MINUTE);
    for _ in 0..30 {
        world.handle(full());
        world.run(MINUTE);
    }
    assert_eq!(told(&world), [(2, false)]);
    world.handle(Event::Saved(Ok(())));
    world.run(HOUR);
    assert_eq!(told(&world), [(2, false), (33, true)]);
    let (first, last) = (&world.posted[0].1, &world.posted[1].1);
    assert_eq!((&*first.recipient, first.kind, last.thread.as_ref()), ("ops@a.org", NoticeKind::OwnFault, Some(&first.id)));
    let Some(Own::State(over)) = &last.own else { panic!("it is about the state") };
    assert_eq!(over.until.map(|until| until.to_string()), Some("2026-11-22T00:31:00Z".into()));
}

#[test]
fn what_is_over_at_once_is_not_told_and_a_disk_that_takes_this_and_refuses_that_is_told_once() {
    let mut world = world();
    world.handle(full());
    world.run(30 * SECOND);
    world.handle(Event::Saved(Ok(())));
    world.run(HOUR);
    assert_eq!(told(&world), []);
    world.handle(full());
    world.run(2 * MINUTE);
    for _ in 0..20 {
        world.handle(Event::Saved(Ok(())));
        world.run(MINUTE);
        world.handle(full());
        world.run(MINUTE);
    }
    world.handle(Event::Saved(Ok(())));
    world.run(HOUR);
    assert_eq!(told(&world).iter().map(|(_, is_over)| *is_over).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn where_the_mail_could_not_leave_before_the_end_one_says_it_all() {
    let mut world = world();
    world.post_office = Box::new(|now| if now.uptime < 20 * MINUTE { MailResult::Deferred } else { MailResult::Delivered });
    world.handle(full());
    world.run(5 * MINUTE);
    world.handle(Event::Saved(Ok(())));
    world.run(2 * HOUR);
    assert_eq!(told(&world).len(), 2);
    assert_eq!(world.delivered, [world.posted[1].1.id.clone()]);
    assert_eq!(world.posted[1].1.thread, None);
}

#[test]
fn a_damaged_state_is_told_at_once() {
    let mut world = world();
    world.handle(Event::SetAside("/var/lib/certvigil/certvigil.db.damaged-1".into()));
    world.run(DAY);
    assert_eq!(told(&world), [(0, false)]);
}
