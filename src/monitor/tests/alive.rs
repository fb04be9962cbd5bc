//! The operators hear at fixed times that certvigil watches.

use jiff::{civil::Time, tz::TimeZone};

use super::*;

/// The world begins at midnight, UTC, on Sunday the 22nd. One certificate of three is to end, one server leaves out an intermediate.
fn world(rhythm: Option<Digest>, disk: Disk) -> World {
    let site = |watch: &Watch, now: Now| {
        let [from, soon, late] =
            ["2026-09-01T00:00:00Z", "2026-12-31T00:00:00Z", "2027-03-01T00:00:00Z"].map(|at| at.parse().expect("a date"));
        only(match &*watch.endpoint.name {
            "e0" => dated(1, now, watch, from, soon),
            "e1" => dated(1, now, watch, from, late),
            _ => sees(1, now, vec![gap()]),
        })
    };
    let mut world = World::new((0..3).map(apart).collect(), disk, site);
    world.alive = rhythm;
    world.handle(Event::Reloaded(world.inventory()));
    world
}

const WEEKLY: Option<Digest> = Some(Digest::Weekly(jiff::civil::Weekday::Monday));

/// When each sign of life was decided on, and what it says.
fn signs(world: &World) -> Vec<(String, Arc<Alive>)> {
    let sign = |(_, notice): &(Duration, Notice)| match &notice.own {
        Some(Own::Alive(alive)) => Some((notice.at.to_string(), alive.clone())),
        _ => None,
    };
    world.posted.iter().filter_map(sign).collect()
}

fn moments(world: &World) -> Vec<String> {
    signs(world).into_iter().map(|(at, _)| at).collect()
}

#[test]
fn once_a_week_it_tells_what_is_watched_what_is_open_and_what_ends_next() {
    let mut world = world(WEEKLY, Disk::used());
    world.run(9 * DAY);
    assert_eq!(moments(&world), ["2026-11-23T08:00:00Z", "2026-11-30T08:00:00Z"]);
    let (_, last) = signs(&world).pop().expect("the second one");
    assert_eq!((last.endpoints, last.open.clone()), (3, BTreeMap::from([(Severity::Critical, 1)])));
    let worst: Vec<_> = last.worst.iter().map(|it| (&*it.code, &*it.endpoint, it.others)).collect();
    assert_eq!(worst, [("missing_intermediate", "e2", 0)]);
    let ends: Vec<_> = last.ends.iter().map(|it| (&*it.endpoint, it.at.to_string(), it.others)).collect();
    assert_eq!(ends[..2], [("e0", "2026-12-31T00:00:00Z".into(), 0), ("e1", "2027-03-01T00:00:00Z".into(), 0)]);
    assert_eq!((last.since.to_string(), last.next.to_string()), ("2026-11-23T08:00:00Z".into(), "2026-12-07T08:00:00Z".into()));
    let week = 7 * 24 * 3;
    assert!((week - 20..week + 20).contains(&last.visits), "{} visits", last.visits);
    assert_eq!(last.mails, (1, 0), "the sign of the week before");
    assert_eq!(world.posted[1].1.recipient, "ops@a.org");
}

#[test]
fn the_hour_and_the_day_are_those_of_the_operators_digest_and_their_holidays_are_kept() {
    let zone = TimeZone::get("Europe/Berlin").expect("a zone that is bundled");
    let friday = Some(Digest::Weekly(jiff::civil::Weekday::Friday));
    let mut one = world(WEEKLY, Disk::used());
    one.people(Person { zone, digest: friday, at: Time::constant(9, 30, 0, 0), ..Person::default() });
    one.run(7 * DAY);
    assert_eq!(moments(&one), ["2026-11-27T08:30:00Z"]);
    let mut other = world(Some(Digest::Daily), Disk::used());
    let holidays = vec!["2026-11-24".parse().expect("a date")];
    let quiet = Some((Time::constant(22, 0, 0, 0), Time::constant(10, 0, 0, 0)));
    other.people(Person { holidays, quiet, cap: 1, ..Person::default() });
    other.run(95 * HOUR);
    let expected = ["2026-11-22T10:00:00Z", "2026-11-23T10:00:00Z", "2026-11-25T10:00:00Z"];
    assert_eq!(moments(&other), expected, "whatever else they were sent");
}

#[test]
fn neither_restarts_nor_crashes_double_or_lose_one() {
    let mut world = world(Some(Digest::Daily), Disk::used());
    for _ in 0..50 {
        world.run(179 * MINUTE);
        world.begin_again();
    }
    let days: Vec<_> = moments(&world).iter().map(|at| at[8..10].parse::<u32>().expect("a day")).collect();
    assert_eq!(days, [22, 23, 24, 25, 26, 27]);
    // The process was down when one was due: it comes at the start.
    world.now = world.now.after(3 * DAY);
    world.begin_again();
    let (at, last) = signs(&world).pop().expect("one more");
    assert_eq!((at, last.since), (world.now.wall.to_string(), world.now.wall));
}

#[test]
fn one_that_waits_for_the_mail_server_gives_way_to_the_next() {
    let mut world = world(Some(Digest::Daily), Disk::used());
    world.post_office = Box::new(|_| MailResult::Deferred);
    world.run(3 * DAY);
    assert_eq!(moments(&world).len(), 3);
    world.post_office = Box::new(|_| MailResult::Delivered);
    world.run(3 * HOUR);
    let delivered: Vec<_> = world.delivered.iter().filter(|id| id.starts_with("alive.")).map(|id| &id[..14]).collect();
    assert_eq!(delivered, ["alive.20261124"]);
}

#[test]
fn who_wants_none_gets_none_and_who_changes_their_mind_gets_the_next() {
    let mut world = world(None, Disk::used());
    world.run(3 * DAY);
    assert_eq!((moments(&world), world.disk.shown_alive), (Vec::new(), None));
    world.alive = Some(Digest::Daily);
    world.handle(Event::Reloaded(world.inventory()));
    world.run(DAY);
    assert_eq!(moments(&world), ["2026-11-25T08:00:00Z"]);
}

#[test]
fn a_clock_that_was_years_ahead_does_not_put_it_off_for_years() {
    let ahead = Disk { shown_alive: Some("2038-01-01T00:00:00Z".parse().expect("a date")), ..Disk::used() };
    let mut world = world(WEEKLY, ahead);
    world.run(2 * DAY);
    assert_eq!(moments(&world), ["2026-11-23T08:00:00Z"]);
}
