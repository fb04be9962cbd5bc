//! The ladder of an end: in time for every lifetime, none too early, each step once, before the end and long after it.

use super::*;
use crate::{clock::earlier, incident::next_step};

/// A certificate of so many days, seen from its first hour on, that nobody renews: hours before its end (negative: after it),
/// and stage, of each mail.
fn told(lifetime: u32, visits: impl Fn(Now) -> bool + 'static) -> Vec<(i64, String)> {
    let start = World::new(vec![], Disk::used(), |_, _| None).now.wall;
    let (from, to) = (earlier(start, HOUR), later(start, (24 * lifetime - 1) * HOUR));
    let mut often = watch("a");
    Arc::make_mut(&mut often.policy).interval = (lifetime * DAY / 20).min(6 * HOUR);
    let mut world = World::new(vec![often], Disk::used(), move |watch, now| {
        only(if visits(now) { dated(1, now, watch, from, to) } else { down(1, now) })
    });
    world.run(lifetime * DAY + 30 * DAY);
    let expiry = world.posted.iter().map(|(_, notice)| notice).filter(|notice| notice.kind == NoticeKind::Expiry);
    let hours = |at: Timestamp| (to.as_second() - at.as_second()).div_euclid(3600);
    expiry.map(|notice| (hours(notice.at), notice.cases[0].member.stage())).collect()
}

/// Days and weeks after the end.
fn afterwards() -> impl Iterator<Item = (i64, String)> {
    let days = (1..=7).map(|day| (-24 * day - 1, format!("expired/daily-{day}")));
    days.chain((2..=4).map(|week| (-168 * week - 1, format!("expired/weekly-{week}"))))
}

#[test]
fn certificates_of_every_lifetime_are_warned_of_in_time_and_none_too_early() {
    // Lifetime in days; hours before the end at which the warning, the critical word and the last one begin.
    for (lifetime, warning, critical, last) in
        [(1, 6, 2, 1), (6, 36, 14, 7), (47, 282, 112, 24), (90, 504, 168, 24), (398, 504, 168, 24)]
    {
        let told = told(lifetime, |_| true);
        let stages = [(warning, "warning"), (critical, "critical"), (last, "last-day")];
        let before = stages.map(|(hours, stage)| (hours, format!("expires_soon/{stage}")));
        assert!(told.iter().zip(&before).all(|(told, due)| told.1 == due.1), "{lifetime} days: {told:?}");
        for ((hours, stage), (due, _)) in told.iter().zip(&before) {
            assert!((due - 1..=*due).contains(hours), "{lifetime} days: {stage} {hours} hours before the end");
        }
        assert_eq!(told[3], (-1, "expired/critical".to_owned()), "{lifetime} days");
        assert_eq!(told[4..], afterwards().collect::<Vec<_>>(), "{lifetime} days");
    }
}

#[test]
fn the_ladder_goes_on_while_the_server_is_down() {
    let told = told(90, |now| now.uptime < DAY);
    assert_eq!(told.len(), 4 + afterwards().count(), "{told:?}");
    assert_eq!(told[4..], afterwards().collect::<Vec<_>>());
}

#[test]
fn who_was_away_hears_of_the_latest_step_alone() {
    let start = World::new(vec![], Disk::used(), |_, _| None).now.wall;
    let site = move |watch: &Watch, now| only(dated(1, now, watch, earlier(start, 80 * DAY), later(start, DAY)));
    let mut world = World::new(vec![watch("a")], Disk::used(), site);
    world.run(MINUTE);
    world.now = world.now.after(9 * DAY);
    world.restart();
    world.run(MINUTE);
    world.restart();
    world.run(MINUTE);
    assert_eq!(world.mails(), ["expiry owner@a.org a expires_soon/last-day", "expiry owner@a.org a expired/daily-7"]);
    assert_eq!(world.disk.members.values().map(Member::stage).collect::<Vec<_>>(), ["expired/daily-7"]);
}

#[test]
fn steps_follow_one_another_for_ever() {
    let leaf = certificate("2026-01-01T00:00:00Z".parse().expect("a date"), "2026-04-01T00:00:00Z".parse().expect("a date"));
    let (facts, expiry) = (leaf.facts().expect("readable"), Expectation::default().rules.expiry);
    let mut at = earlier(facts.not_before, DAY);
    let mut days = Vec::new();
    for _ in 0..15 {
        at = next_step(facts, &expiry, at);
        days.push((at.as_second() - facts.not_after.as_second()) / 86_400);
    }
    assert_eq!(days, [-90, -21, -7, -1, 0, 1, 2, 3, 4, 5, 6, 7, 14, 21, 28]);
}
