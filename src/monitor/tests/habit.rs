//! What an endpoint usually does is learnt, and told when its certificate ends soon.

use super::*;

/// Certificates of 90 days, each replaced after 60 days, everywhere by the next morning, but for the third.
fn renews(addresses: u8) -> World {
    let start = World::new(vec![], Disk::used(), |_, _| None).now.wall;
    World::new(vec![watch("a")], Disk::used(), move |watch, now| {
        let seen = (1..=addresses).map(|address| {
            let delay = u32::from(address - 1) * DAY / 8;
            let age = Duration::try_from(now.wall.duration_since(start)).unwrap_or(Duration::ZERO).saturating_sub(delay);
            let number = u32::try_from(age.as_secs() / (60 * 86_400)).unwrap_or(u32::MAX).min(2);
            // Each server has one of its own.
            let begins = crate::clock::earlier(later(start, number * 60 * DAY), u32::from(address) * SECOND);
            dated(address, now, watch, begins, later(begins, 90 * DAY))
        });
        Some((seen.collect(), (1..=addresses).map(ip).collect()))
    })
}

fn of_the_only(world: &World) -> Arc<EndpointView> {
    world.brain.snapshot(world.now).endpoints[0].clone()
}

#[test]
fn what_is_learnt_survives_a_restart_and_is_told_in_the_letter() {
    let mut world = renews(3);
    world.run(100 * DAY);
    assert_eq!((of_the_only(&world).renewals.len(), of_the_only(&world).habit()), (1, None), "once is no habit");
    world.restart();
    world.run(50 * DAY);
    assert_eq!(of_the_only(&world).renewals.len(), 2, "three addresses, one renewal");
    let habit = of_the_only(&world).habit().expect("twice");
    assert_eq!(habit.sentence(world.now.wall), "It usually renews with 30 days left; now it has 59.");
    world.restart();
    assert_eq!(of_the_only(&world).habit(), Some(habit));
    assert!(world.posted.is_empty(), "nothing is told of it alone: {:?}", world.mails());
    world.run(41 * DAY);
    assert!(world.mails().iter().all(|mail| mail == "expiry owner@a.org a expires_soon/warning"), "{:?}", world.mails());
    let notice = &world.posted[0].1;
    let said = notice.cases[0].habit.map(|habit| habit.sentence(notice.at));
    assert_eq!(said.as_deref(), Some("It usually renews with 30 days left; now it has 20: overdue."));
}

#[test]
fn it_leaves_with_the_endpoint() {
    let mut world = renews(1);
    world.run(61 * DAY);
    assert_eq!(world.disk.renewals.len(), 1);
    let mut moved = watch("a");
    moved.endpoint.target.port += 1;
    world.reload(vec![moved]);
    assert!(of_the_only(&world).renewals.is_empty(), "elsewhere it may be another");
    world.restart();
    assert!(of_the_only(&world).renewals.is_empty());
    world.reload(vec![]);
    assert!(world.disk.renewals.is_empty());
}

#[test]
fn a_renewal_that_nobody_saw_is_no_renewal_and_neither_is_a_default_certificate() {
    let mut world = renews(1);
    world.run(59 * DAY);
    // The daemon was away for longer than a tenth of the lifetime.
    world.now.wall = later(world.now.wall, 12 * DAY);
    world.restart();
    world.run(DAY);
    assert!(of_the_only(&world).renewals.is_empty());

    let start = world.now.wall;
    let mut world = World::new(vec![watch("a")], Disk::used(), move |watch, now| {
        let is_default = now.uptime > 5 * DAY;
        let begins = if is_default { later(start, DAY) } else { start };
        let mut judged = dated(1, now, watch, begins, later(begins, 90 * DAY));
        if is_default {
            let finding =
                Finding::HostnameMismatch { asked: "a.org".into(), carries: Vec::new(), near: crate::diagnosis::NearMiss::Far };
            Arc::make_mut(&mut judged.diagnosis).findings.push(Found { finding, accepted: false });
        }
        only(judged)
    });
    world.run(10 * DAY);
    assert!(of_the_only(&world).renewals.is_empty());
}
