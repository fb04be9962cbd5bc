//! Many endpoints at one address that stalls: they wait for each other, and nobody else waits for them.

use super::*;

const STALL: Duration = MINUTE;

/// Those whose name begins with `s` are at 192.0.2.1, by address or by name; the others are alone.
fn answer(watch: &Watch, now: Now) -> Option<Reply> {
    match (&watch.endpoint.target.host, watch.endpoint.name.starts_with('s')) {
        (_, true) => only(fine(1, now)),
        (Host::Ip(address), false) => Some((vec![fine(2, now)], vec![*address])),
        (Host::Name(_), false) => None,
    }
}

fn crowded(number: u16) -> Watch {
    watch(&format!("s{number}"))
}

fn healthy() -> impl Iterator<Item = Watch> {
    (0..60).map(|number| {
        let mut watch = apart(number);
        Arc::make_mut(&mut watch.policy).interval = MINUTE;
        watch
    })
}

/// A world of sixteen visits at once.
fn world(inventory: Vec<Watch>) -> World {
    let mut settings = settings();
    settings.limits.visits = 16;
    let mut world = World::with(inventory, Disk::used(), settings, answer);
    world.stalls = Some((ip(1), STALL));
    world
}

/// The most that were under way at once at the crowded address.
fn most_at_the_spot(world: &World, since: Duration) -> usize {
    let starts: Vec<_> =
        world.starts.iter().filter(|(at, name)| *at >= since && name.starts_with('s')).map(|(at, _)| *at).collect();
    let at_once = |at: &Duration| starts.iter().filter(|other| *other <= at && at.saturating_sub(**other) < STALL).count();
    starts.iter().map(at_once).max().unwrap_or(0)
}

#[test]
fn a_crowd_at_one_address_holds_nobody_else_up() {
    let mut world = world((0..60).map(crowded).chain(healthy()).collect());
    world.run(HOUR);
    assert_eq!(most_at_the_spot(&world, Duration::ZERO), 4);
    for number in 0..60 {
        let starts = world.starts_of(&format!("e{number}"));
        assert!(starts[0] <= 3 * SECOND, "e{number} begins at {:?}", starts[0]);
        let longest = starts.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).max().expect("many");
        assert!(longest <= 67 * SECOND, "e{number} waits for {longest:?}");
        assert!(!world.starts_of(&format!("s{number}")).is_empty(), "s{number} gets its turn");
    }
    let lag = world.brain.snapshot(world.now).lag;
    assert_eq!(lag.count, world.starts.len() as u64);
    assert!(lag.sum > 60.0 * 60.0 * 5.0, "who is parked is late: {}", lag.sum);
}

#[test]
fn names_that_are_known_to_lead_to_one_address_are_one_crowd() {
    let named = |number: u16| {
        let mut watch = crowded(number);
        watch.endpoint.target.host = Host::Name(format!("s{number}.example").into());
        watch
    };
    let mut world = world((0..60).map(named).chain(healthy()).collect());
    world.run(HOUR / 2);
    assert!(most_at_the_spot(&world, Duration::ZERO) > 4, "nobody knew");
    world.run(2 * HOUR);
    assert_eq!(most_at_the_spot(&world, HOUR / 2), 4);
    world.restart();
    let (before, began) = (world.starts.len(), world.now.uptime);
    world.run(HOUR / 2);
    world.starts.drain(..before);
    assert_eq!(most_at_the_spot(&world, began), 4, "what is known is known after a restart");
}

#[test]
fn who_is_parked_may_leave_or_move_away() {
    let mut world = world((0..12).map(crowded).collect());
    world.run(10 * SECOND);
    assert_eq!(world.starts.len(), 4);
    let parked: Vec<u16> = (0..12).filter(|number| world.starts_of(&format!("s{number}")).is_empty()).collect();
    let (gone, moved) = (parked[0], parked[1]);
    let mut inventory: Vec<_> = (0..12).filter(|number| *number != gone).map(crowded).collect();
    for watch in &mut inventory {
        if *watch.endpoint.name == *format!("s{moved}") {
            watch.endpoint.target.host = apart(1).endpoint.target.host;
        } else {
            Arc::make_mut(&mut watch.policy).interval = HOUR / 2;
        }
    }
    world.reload(inventory);
    world.run(10 * SECOND);
    assert_eq!(world.starts_of(&format!("s{moved}")).len(), 1, "it is elsewhere now");
    world.run(4 * MINUTE);
    assert!(world.starts_of(&format!("s{gone}")).is_empty());
    assert!(parked[1..].iter().all(|number| world.starts_of(&format!("s{number}")).len() == 1));
    world.reload(Vec::new());
    world.run(DAY);
    assert_eq!((world.starts.len(), world.in_flight), (11, 0));
}
