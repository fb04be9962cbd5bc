//! Restarts and mail: nothing is forgotten, nothing is repeated.

use std::{cell::Cell, rc::Rc};

use super::*;

#[test]
fn a_restart_a_day_changes_nothing_of_what_is_told() {
    let start = World::new(vec![], Disk::used(), |_, _| None).now.wall;
    let site = move |watch: &Watch, now: Now| {
        let days = crate::clock::days_between(start, now.wall);
        only(match &*watch.endpoint.name {
            "expiring" if days < 70 => dated(1, now, watch, start, later(start, 60 * DAY)),
            "broken" if (5..30).contains(&days) => sees(1, now, vec![gap()]),
            "down" if (40..50).contains(&days) => down(1, now),
            _ => fine(1, now),
        })
    };
    let inventory = || vec![watch("expiring"), watch("broken"), watch("down")];
    let mut steady = World::new(inventory(), Disk::used(), site);
    steady.run(80 * DAY);
    let mut restless = World::new(inventory(), Disk::used(), site);
    for _ in 0..80 {
        restless.run(DAY);
        restless.restart();
    }
    assert_eq!(steady.mails().len(), (4 + 7) + 1 + 2 + 2);
    assert_eq!(steady.mails(), restless.mails());
    assert_eq!(restless.delivered.len(), 16);
}

#[test]
fn a_suspicion_goes_on_after_a_restart() {
    let mut world = World::new(vec![watch("a")], Disk::used(), |_, now| only(down(1, now)));
    world.run(SECOND);
    world.restart();
    world.run(SECOND);
    world.restart();
    assert!(world.mails().is_empty());
    world.run(SECOND);
    assert_eq!(world.mails().len(), 1);
}

#[test]
fn a_restart_confirms_no_address_that_has_not_failed_three_times() {
    let mut visits = 0;
    let mut world = World::new(vec![watch("a")], Disk::used(), move |_, now| {
        visits += 1;
        let first = if visits < 3 { down(1, now) } else { fine(1, now) };
        let second = if visits == 1 || visits > 4 { fine(2, now) } else { down(2, now) };
        Some((vec![first, second], vec![ip(1), ip(2)]))
    });
    world.run(MINUTE * 3 / 4);
    assert_eq!(world.incidents(), ["a/reachability Suspected(2) unreachable/critical"]);
    world.restart();
    world.run(DAY);
    assert!(world.mails().is_empty() && world.incidents().is_empty());
}

#[test]
fn what_was_last_known_is_there_before_the_first_visit() {
    let mut world = World::new(vec![watch("a")], Disk::used(), |_, now| only(sees(1, now, vec![gap()])));
    world.run(HOUR);
    world.site = Box::new(|_, _| None);
    world.restart();
    assert_eq!(world.addresses().len(), 1);
    assert!(world.addresses()[0].known.is_some());
    assert_eq!(world.incidents().len(), 1);
    world.run(HOUR);
    assert_eq!(world.mails().len(), 1);
}

#[test]
fn what_left_the_inventory_while_nobody_looked_is_forgotten() {
    let mut world = World::new(vec![watch("a"), watch("b")], Disk::used(), |_, now| only(sees(1, now, vec![gap()])));
    world.run(HOUR / 2);
    world.inventory.pop();
    world.restart();
    assert!(world.disk.addresses.keys().all(|(name, _)| &**name == "a"));
    assert!(world.disk.members.keys().all(|(endpoint, _)| &**endpoint == "a"));
    assert_eq!((world.disk.addresses.len(), world.disk.incidents.len(), world.mails().len()), (1, 1, 2));
}

#[test]
fn another_place_after_a_restart_is_as_after_a_reload() {
    let moved = || {
        let mut moved = watch("a");
        moved.endpoint.target = "192.0.2.1:8443".parse().expect("a target");
        moved
    };
    let mut worlds = [false, true].map(|is_reload| {
        let mut world = World::new(vec![watch("a")], Disk::used(), |watch, now| match watch.endpoint.target.port {
            443 => Some((vec![sees(1, now, vec![gap()]), sees(2, now, vec![gap()])], vec![ip(1), ip(2)])),
            _ => only(fine(1, now)),
        });
        world.run(10 * MINUTE);
        if is_reload {
            world.reload(vec![moved()]);
        } else {
            world.inventory = vec![Arc::new(moved())];
            world.restart();
        }
        world
    });
    for world in &mut worlds {
        assert!(world.addresses().is_empty() && world.disk.addresses.is_empty());
        assert_eq!((world.incidents().len(), world.disk.incidents.len()), (1, 1), "until somebody has looked there");
        world.run(HOUR);
        assert!(world.incidents().is_empty() && world.disk.incidents.is_empty());
        assert_eq!((world.addresses().len(), world.disk.addresses.len()), (1, 1));
        world.restart();
        assert_eq!(world.addresses().len(), 1);
    }
    assert_eq!(worlds[0].mails(), worlds[1].mails());
}

#[test]
fn the_outbox_survives_a_day_without_a_mail_server_and_a_restart() {
    let is_up = Rc::new(Cell::new(false));
    let watches = (0..9).map(|i| watch(&format!("e{i}"))).collect();
    let mut world = World::new(watches, Disk::used(), |_, now| only(sees(1, now, vec![gap()])));
    let answer = is_up.clone();
    world.post_office = Box::new(move |_| if answer.get() { MailResult::Delivered } else { MailResult::Deferred });
    world.run(DAY / 2);
    world.restart();
    world.run(DAY / 2);
    let snapshot = world.brain.snapshot(world.now);
    assert_eq!((snapshot.outbox.length, world.disk.outbox.len(), world.delivered.len()), (9, 9, 0));
    assert_eq!(snapshot.outbox.oldest, world.posted.first().map(|(_, notice)| notice.at));
    assert_eq!(snapshot.troubles, ["mail cannot be sent and is tried again: 451 later"]);
    is_up.set(true);
    world.run(2 * HOUR);
    assert_eq!((world.disk.outbox.len(), world.delivered.len(), world.posted.len()), (0, 9, 9));
    assert!(world.brain.snapshot(world.now).troubles.is_empty());
}

#[test]
fn mails_that_wait_go_out_after_a_start_the_oldest_first() {
    let mut disk = Disk::used();
    let waiting =
        |id: &str| Waiting { id: id.into(), kind: NoticeKind::Expiry, recipient: "o@a.org".into(), at: Timestamp::UNIX_EPOCH };
    disk.outbox = ["z", "y", "x", "w", "v", "u"].map(waiting).into();
    let mut world = World::new(Vec::new(), disk, |_, _| None);
    world.run(MINUTE);
    assert_eq!(world.delivered, ["z", "y", "x", "w", "v", "u"]);
    assert!(world.disk.outbox.is_empty());
}
