//! People are written to when they want to be, and as often.

use jiff::{civil::Time, tz::TimeZone};

use super::*;

/// The world begins at midnight, UTC, on a Sunday.
fn world(count: u16, person: Person, disk: Disk, site: impl FnMut(&Watch, Now) -> Option<Reply> + 'static) -> World {
    let mut world = World::new((0..count).map(apart).collect(), disk, site);
    world.people(person);
    world
}

fn time(hour: i8) -> Time {
    Time::constant(hour, 0, 0, 0)
}

/// Broken from this hour on, until that one.
fn broken(from: u32, until: u32) -> impl FnMut(&Watch, Now) -> Option<Reply> + 'static {
    move |_, now| only(if (HOUR * from..HOUR * until).contains(&now.uptime) { sees(1, now, vec![gap()]) } else { fine(1, now) })
}

/// In which hour each mail was decided on, its kind, how many cases and lines of mended it has.
fn hours(world: &World) -> Vec<(u64, &'static str, usize, usize)> {
    let of =
        |(at, notice): &(Duration, Notice)| (at.as_secs() / 3600, notice.kind.name(), notice.cases.len(), notice.mended.len());
    world.posted.iter().map(of).collect()
}

#[test]
fn above_the_cap_the_last_mail_of_the_day_tells_all_and_the_rest_waits_for_the_next_day() {
    let site = |watch: &Watch, now: Now| {
        let number: u32 = watch.endpoint.name[1..].parse().expect("a number");
        only(if now.uptime >= HOUR * (number + 1) { sees(1, now, vec![gap()]) } else { fine(1, now) })
    };
    let mut world = world(10, Person { cap: 4, ..Person::default() }, Disk::used(), site);
    world.run(3 * DAY);
    let told = hours(&world);
    assert_eq!(
        told.iter().map(|(_, kind, cases, _)| (*kind, *cases)).collect::<Vec<_>>(),
        [("chain", 1), ("chain", 1), ("chain", 1), ("digest", 1), ("digest", 6)]
    );
    assert_eq!(told[4].0, 24, "at midnight");
    let known = world.members().iter().filter(|member| member.is_known_to("owner@a.org")).count();
    assert_eq!(known, 10);
}

#[test]
fn the_count_and_what_was_mended_survive_restarts() {
    let mut world = world(6, Person { cap: 4, ..Person::default() }, Disk::used(), broken(1, 10));
    for _ in 0..40 {
        world.run(HOUR);
        world.begin_again();
    }
    let told = hours(&world);
    assert_eq!(told.iter().filter(|(hour, ..)| *hour < 24).count(), 4, "{told:?}");
    let (_, kind, cases, mended) = told[4];
    assert_eq!((kind, cases, told.len()), ("digest", 0, 5), "{told:?}");
    assert_eq!(mended, 4, "of those that were told: {:?}", world.posted[4].1.mended);
    assert!(world.disk.tallies.values().all(|tally| tally.mended.is_empty()));
}

#[test]
fn quiet_hours_hold_back_both_the_news_and_the_end_of_it() {
    let night = Person { quiet: Some((time(22), time(7))), zone: TimeZone::UTC, ..Person::default() };
    let mut gone = world(1, night.clone(), Disk::used(), broken(1, 5));
    gone.run(2 * DAY);
    assert_eq!(hours(&gone), [], "it was over before anybody wanted to hear of it");
    let mut stays = world(3, night.clone(), Disk::used(), broken(1, 200));
    stays.run(2 * DAY);
    assert_eq!(hours(&stays), [(7, "digest", 3, 0)]);
    let mut mended = world(1, night, Disk::used(), broken(8, 23));
    mended.run(2 * DAY);
    assert_eq!(hours(&mended).iter().map(|told| (told.1, told.3)).collect::<Vec<_>>(), [("chain", 0), ("digest", 1)]);
    assert_eq!(hours(&mended)[1].0, 31);
}

#[test]
fn the_last_day_and_the_end_are_told_at_night_too_unless_somebody_wants_it_otherwise() {
    let hours_of = |last_day_waits| {
        let site = |watch: &Watch, now: Now| {
            let [from, to] = ["2026-09-01T00:00:00Z", "2026-11-24T03:00:00Z"].map(|at| at.parse().expect("a date"));
            only(dated(1, now, watch, from, to))
        };
        let person = Person { quiet: Some((time(22), time(7))), last_day_waits, ..Person::default() };
        let mut world = world(1, person, Disk::used(), site);
        world.run(60 * HOUR);
        world.posted.iter().map(|(at, notice)| (at.as_secs() / 3600, notice.cases[0].member.stage())).collect::<Vec<_>>()
    };
    let stage = |hour: u64, stage: &str| (hour, stage.to_owned());
    let first = stage(7, "expires_soon/critical");
    assert_eq!(hours_of(false), [first.clone(), stage(27, "expires_soon/last-day"), stage(51, "expired/critical")]);
    assert_eq!(hours_of(true), [first, stage(31, "expires_soon/last-day"), stage(55, "expired/critical")]);
}

#[test]
fn a_digest_tells_all_that_is_open_once_a_day_and_is_not_sent_for_nothing() {
    let daily = Person { digest: Some(Digest::Daily), at: time(9), ..Person::default() };
    let site = |watch: &Watch, now: Now| {
        let from = if &*watch.endpoint.name == "e0" { 10 } else { 60 };
        only(if (HOUR * from..HOUR * 90).contains(&now.uptime) { sees(1, now, vec![gap()]) } else { fine(1, now) })
    };
    let mut world = world(2, daily, Disk::used(), site);
    world.run(10 * DAY);
    assert_eq!(hours(&world), [(33, "digest", 1, 0), (81, "digest", 2, 0), (105, "digest", 0, 2)]);
}

#[test]
fn what_people_wish_may_change_and_channels_wish_nothing() {
    let never = Person { quiet: Some((time(0), time(23))), ..Person::default() };
    let hook = Subscription {
        channel: "hook".into(),
        audience: Audience::System,
        least: Severity::Warning,
        kinds: vec![NoticeKind::Chain],
        fallback: Vec::new(),
    };
    let mut endpoint = watch("a");
    Arc::make_mut(&mut endpoint.policy).channels = [hook].into();
    let mut world = World::new(vec![endpoint], Disk::used(), broken(0, 200));
    world.people(never);
    world.run(2 * HOUR);
    assert_eq!(world.mails(), ["chain channel:hook a missing_intermediate/critical"]);
    let (held, until) = world.brain.snapshot(world.now).held;
    assert_eq!((held, until), (1, Some("2026-11-22T23:00:00Z".parse().expect("a date"))));
    world.people(Person::default());
    assert_eq!(world.mails()[1..], ["chain owner@a.org a missing_intermediate/critical"]);
    assert_eq!(world.brain.snapshot(world.now).held, (0, None));
}

#[test]
fn what_a_digest_could_not_tell_goes_to_the_fallback() {
    let site = |watch: &Watch, now: Now| {
        let [from, to] = ["2026-09-01T00:00:00Z", "2026-11-27T00:00:00Z"].map(|at| at.parse().expect("a date"));
        only(dated(1, now, watch, from, to))
    };
    let mut endpoint = watch("a");
    Arc::make_mut(&mut endpoint.policy).fallback = ["ops@a.org".into()].into();
    let mut world = World::new(vec![endpoint], Disk::used(), site);
    world.people(Person { digest: Some(Digest::Daily), at: time(9), last_day_waits: true, ..Person::default() });
    world.run(2 * DAY);
    assert_eq!(hours(&world), [(9, "digest", 1, 0)]);
    world.refusing = Some("owner@a.org");
    world.run(3 * DAY);
    assert_eq!(hours(&world)[1..], [(105, "digest", 1, 0), (105, "expiry", 1, 0)]);
    let instead = &world.posted[2].1;
    assert_eq!((&*instead.recipient, instead.in_place_of.is_some()), ("ops@a.org", true));
}
