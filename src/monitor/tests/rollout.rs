//! A new certificate that has not come everywhere is one incident, which says so.

use super::*;
use crate::clock::earlier;

/// Addresses that show the old certificate, whose end is near, at these visits and the new one at the others.
fn shows(addresses: u8, is_old: impl Fn(usize, u8) -> bool + 'static) -> World {
    let start = World::new(vec![], Disk::used(), |_, _| None).now.wall;
    let mut visits = 0;
    World::new(vec![watch("a")], Disk::used(), move |watch, now| {
        visits += 1;
        let seen = (1..=addresses).map(|address| {
            let ends = if is_old(visits, address) { later(start, 10 * DAY) } else { later(start, 398 * DAY) };
            dated(address, now, watch, earlier(start, 80 * DAY), ends)
        });
        Some((seen.collect(), (1..=addresses).map(ip).collect()))
    })
}

#[test]
fn a_certificate_that_was_forgotten_at_one_address_is_told_with_how_far_the_new_one_has_come() {
    let mut world = shows(4, |visit, address| visit < 10 || address == 4);
    world.run(5 * DAY);
    assert_eq!(world.mails().len(), 2, "{:?}", world.mails());
    assert_eq!(world.posted[0].1.cases[0].rollout, None, "nobody has begun");
    let rollout = Rollout { renewed: 3, of: 4, old: vec!["192.0.2.4".into()], alternates: false };
    assert_eq!(world.posted[1].1.cases[0].rollout.as_ref(), Some(&rollout));
    let says = "roll-out incomplete: 3 of 4 addresses have the new certificate, 192.0.2.4 still has the old one";
    assert_eq!(rollout.to_string(), says);
    let members = world.members();
    assert_eq!(members.len(), 1);
    assert!(members[0].summary.ends_with(&format!("; {says}")), "{}", members[0].summary);
}

#[test]
fn a_balancer_that_shows_both_is_one_incident_that_says_so() {
    let mut world = shows(1, |visit, _| visit < 10 || visit % 3 == 0);
    world.run(6 * DAY);
    assert_eq!(world.mails().len(), 2, "{:?}", world.mails());
    let rollout = world.posted[1].1.cases[0].rollout.as_ref().expect("both were seen");
    assert_eq!(rollout.to_string(), "roll-out incomplete: 192.0.2.1 shows now the old one, now the new one");
}

#[test]
fn what_was_replaced_by_an_older_one_is_no_roll_out() {
    let mut world = shows(2, |_, address| address == 2);
    world.run(HOUR);
    let newer =
        world.addresses()[0].known.as_ref().and_then(|known| known.observation.chain()).map(|chain| chain.leaf.fingerprint);
    let view = world.brain.snapshot(world.now).endpoints[0].clone();
    let cause = crate::incident::Cause::Certificate(newer.expect("seen"));
    assert_eq!(Rollout::of(&view, &cause, false), None);
    assert_eq!(Rollout::of(&view, &crate::incident::Cause::Endpoint("a".into()), true), None);
}

#[test]
fn the_end_of_a_roll_out_says_nothing_of_one() {
    let mut world = shows(4, |visit, address| visit < 200 && address == 4);
    world.run(12 * DAY);
    let (_, last) = world.posted.last().expect("told");
    assert_eq!((last.kind, &last.cases[0].rollout), (NoticeKind::Resolved, &None));
}
