//! A local clock that is wrong: verdicts on dates wait until it is believed.

use super::*;

/// So many endpoints. Uptime is the right time: by it they renew their certificates of 90 days when 30 are left, but for the first
/// one, which never does, and has 30 hours left at the beginning.
fn world(count: u8, disk: Disk) -> World {
    let watches = (1..=count).map(|number| watch(&format!("e{number}"))).collect();
    let settings = Settings { built: "2026-11-01T00:00:00Z".parse().expect("a date"), ..settings() };
    let start = start();
    World::with(watches, disk, settings, move |watch, now| {
        let number: u8 = watch.endpoint.name[1..].parse().expect("a number");
        let hours = i64::try_from(now.uptime.as_secs() / 3600).expect("not for ever");
        let issued = if number == 1 { 30 - 90 * 24 } else { hours - (hours + 17 * 24 * i64::from(number)).rem_euclid(60 * 24) };
        let begins = moved(start, issued);
        let is_down = number == 2 && now.uptime > 3 * HOUR && now.uptime < 6 * HOUR;
        let judged = if is_down { down(number, now) } else { dated(number, now, watch, begins, later(begins, 90 * DAY)) };
        Some((vec![judged], vec![ip(number)]))
    })
}

fn start() -> Timestamp {
    "2026-11-22T00:00:00Z".parse().expect("a date")
}

fn moved(at: Timestamp, hours: i64) -> Timestamp {
    Timestamp::from_second(at.as_second() + hours * 3600).expect("within the calendar")
}

impl World {
    /// The clock shows so much more, or less.
    fn leap(&mut self, hours: i64) {
        self.now.wall = moved(self.now.wall, hours);
    }

    fn doubts(&self) -> Vec<ClockEvidence> {
        let faults = self.brain.snapshot(self.now).own_faults;
        faults.into_iter().filter_map(|fault| fault.clock).collect()
    }

    /// All but what is told of the first and the second endpoint.
    fn false_alarms(&self) -> Vec<String> {
        self.mails().into_iter().filter(|mail| !mail.contains(" e1 ") && !mail.contains(" e2 ")).collect()
    }
}

const YEARS: i64 = 2 * 365 * 24;

#[test]
fn a_leap_ahead_is_told_once_and_nothing_else_until_it_is_over() {
    let mut world = world(9, Disk::used());
    world.run(2 * HOUR);
    let before = world.mails();
    assert_eq!(before, ["expiry owner@a.org e1 expires_soon/critical"]);
    world.leap(YEARS);
    world.run(HOUR);
    assert!(matches!(world.doubts()[..], [ClockEvidence::Ended(_)]), "{:?}", world.doubts());
    assert_eq!(world.mails()[1..], ["own_fault ops@a.org"]);
    assert!(world.brain.snapshot(world.now).troubles[0].contains("showed 2028-11-21 02:00 UTC, and 8 of 8 certificates"));
    assert!(world.posted[1].0 < 2 * HOUR + 13 * MINUTE);
    world.run(4 * HOUR);
    assert_eq!(
        world.mails()[2..],
        ["problem owner@a.org e2 unreachable/critical", "resolved owner@a.org e2 unreachable/critical"]
    );
    world.leap(-YEARS);
    world.run(HOUR);
    assert_eq!(world.doubts(), []);
    assert_eq!(world.mails()[4..], ["own_fault ops@a.org", "expiry owner@a.org e1 expires_soon/last-day"]);
    let Some(Own::Fault(over)) = world.posted[4].1.own.clone() else { panic!("it is about us") };
    assert!(over.until.is_some() && over.lasted > 4 * HOUR && over.lasted < 6 * HOUR, "{over:?}");
    world.run(DAY);
    assert_eq!(world.mails()[6..], ["expiry owner@a.org e1 expired/critical"]);
}

#[test]
fn what_ends_meanwhile_is_told_by_a_fresh_visit_afterwards() {
    let mut world = world(9, Disk::used());
    world.run(20 * HOUR);
    world.leap(-YEARS);
    world.run(15 * HOUR);
    assert!(matches!(world.doubts()[..], [ClockEvidence::BeforeBuild(_)]), "{:?}", world.doubts());
    let known = world.mails().len();
    world.leap(YEARS);
    world.run(5 * MINUTE);
    assert_eq!(world.mails()[known..], ["own_fault ops@a.org", "expiry owner@a.org e1 expired/critical"]);
    let visits = world.starts_of("e1");
    assert!(visits.iter().any(|at| *at >= 35 * HOUR && *at < world.posted[known + 1].0), "it was looked at again");
}

#[test]
fn a_restart_with_a_clock_that_is_not_set_yet_waits_for_it() {
    let mut world = world(9, Disk::used());
    world.run(DAY);
    let known = world.mails().len();
    world.leap(-19 * 24);
    world.begin_again();
    world.run(5 * MINUTE);
    assert!(matches!(world.doubts()[..], [ClockEvidence::WentBack(_)]), "{:?}", world.doubts());
    world.leap(19 * 24);
    world.run(HOUR);
    assert_eq!((world.doubts(), world.mails().len()), (vec![], known), "{:?}", world.mails());
}

#[test]
fn after_a_long_sleep_the_certificates_vouch_for_the_clock() {
    let mut world = world(12, Disk::used());
    world.run(HOUR);
    world.now = world.now.after(100 * DAY);
    world.begin_again();
    assert!(matches!(world.doubts()[..], [ClockEvidence::Ended(_)]), "{:?}", world.doubts());
    world.run(DAY);
    assert_eq!((world.doubts(), world.false_alarms()), (vec![], vec![]));
    assert!(world.mails().iter().any(|mail| mail.contains(" e1 expired/")), "{:?}", world.mails());
}

#[test]
fn a_first_start_with_a_clock_that_is_behind_accuses_nobody() {
    let mut world = world(12, Disk::default());
    world.leap(-20 * 24);
    world.begin_again();
    world.run(8 * HOUR);
    assert_eq!(world.doubts(), [ClockEvidence::NotYetValid]);
    world.leap(20 * 24);
    world.run(DAY);
    assert!(world.mails().contains(&"own_fault ops@a.org".to_owned()), "{:?}", world.mails());
    let problems: Vec<_> = world.false_alarms().into_iter().filter(|mail| !mail.starts_with("own_fault")).collect();
    assert_eq!((world.doubts(), problems), (vec![], vec![]));
}

#[test]
fn a_clock_that_is_right_though_everything_says_otherwise_is_believed_after_a_day() {
    let mut world = world(9, Disk::used());
    world.run(2 * HOUR);
    world.leap(YEARS);
    world.run(23 * HOUR);
    assert_eq!(world.doubts().len(), 1);
    world.run(4 * HOUR);
    assert_eq!(world.doubts(), []);
    assert!(world.mails().iter().any(|mail| mail.contains(" e5 expired/")), "{:?}", world.mails());
}

#[test]
fn where_time_has_passed_what_ends_has_ended_however_much_of_it() {
    let watches = (1..=9).map(|number| watch(&format!("e{number}"))).collect();
    let mut world = World::new(watches, Disk::used(), |watch, now| {
        let number: u8 = watch.endpoint.name[1..].parse().expect("a number");
        let ends = later(start(), 30 * HOUR);
        Some((vec![dated(number, now, watch, moved(ends, -90 * 24), ends)], vec![ip(number)]))
    });
    world.run(2 * DAY);
    let ended = world.members().iter().filter(|member| member.code == "expired" && member.is_open()).count();
    assert_eq!((ended, world.doubts()), (9, vec![]));
}

#[test]
fn a_clock_that_is_adjusted_is_believed() {
    let mut world = world(9, Disk::used());
    for minutes in [9, -9, 5, -8] {
        world.run(HOUR / 2);
        world.now.wall = Timestamp::from_second(world.now.wall.as_second() + minutes * 60).expect("within the calendar");
        world.run(MINUTE);
        assert_eq!(world.doubts(), []);
    }
}
