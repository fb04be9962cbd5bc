//! Incidents: opened when they are real, told once a stage to each, cleared by proof alone.

use std::{cell::RefCell, rc::Rc};

use super::*;
use crate::{
    clock::earlier,
    incident::{Mending, State},
};

/// Days since the world began.
fn day(now: Now) -> u64 {
    now.uptime.as_secs() / 86_400
}

/// A server that answers as the script says, a visit a letter: `.` fine, `x` down, `g` with a gap, `?` unresolved;
/// the last letter goes on for ever.
fn script(letters: &'static str) -> impl FnMut(&Watch, Now) -> Option<Reply> {
    let mut visits = 0;
    move |_, now| {
        let letter = letters.as_bytes()[visits.min(letters.len() - 1)];
        visits += 1;
        match letter {
            b'.' => only(fine(1, now)),
            b'x' => only(down(1, now)),
            b'g' => only(sees(1, now, vec![gap()])),
            b'?' => unresolved(now),
            other => panic!("no such letter: {other}"),
        }
    }
}

#[test]
fn a_network_failure_is_told_at_the_third_look_half_a_minute_apart() {
    let mut world = World::new(vec![watch("a")], Disk::used(), script("x"));
    world.run(MINUTE / 4);
    assert_eq!(world.incidents(), ["a/reachability Suspected(1) unreachable/critical"]);
    world.run(MINUTE / 2);
    assert_eq!(world.incidents(), ["a/reachability Suspected(2) unreachable/critical"]);
    assert!(world.mails().is_empty());
    world.run(MINUTE / 2);
    assert_eq!(world.incidents(), ["a/reachability Open unreachable/critical"]);
    assert_eq!(world.mails(), ["problem owner@a.org a unreachable/critical"]);
    world.run(DAY);
    assert_eq!(world.mails().len(), 1);
    assert!(world.starts.len() < 3 + 28, "back to the usual interval once it is known");
}

#[test]
fn a_good_visit_ends_a_suspicion_and_nobody_hears_of_it() {
    let mut world = World::new(vec![watch("a")], Disk::used(), script("xx.x.xx."));
    world.run(DAY);
    assert!(world.starts.len() > 20);
    assert!(world.mails().is_empty() && world.incidents().is_empty() && world.disk.incidents.is_empty());
}

#[test]
fn an_incident_is_told_once_and_cleared_once_in_the_same_thread() {
    let mut world = World::new(vec![watch("a")], Disk::used(), script("ggg..."));
    world.run(DAY);
    assert_eq!(
        world.mails(),
        ["chain owner@a.org a missing_intermediate/critical", "resolved owner@a.org a missing_intermediate/critical"]
    );
    assert_eq!(world.posted[0].1.thread, None);
    assert_eq!(world.posted[1].1.thread.as_ref(), Some(&world.posted[0].1.id));
    assert!(world.disk.incidents.is_empty() && world.disk.outbox.is_empty());
    let seen = &world.posted[1].1.cases[0].seen;
    assert!(seen[0].diagnosis.findings.is_empty(), "the all-clear shows the good visit");
}

#[test]
fn a_server_that_flaps_is_a_new_incident_each_time_with_mails_of_its_own() {
    let mut world = World::new(vec![watch("a")], Disk::used(), script("g.g.g.xxx.xxx."));
    world.run(2 * DAY);
    let count = |kind: &str| world.mails().iter().filter(|mail| mail.starts_with(kind)).count();
    assert_eq!((count("chain"), count("problem"), count("resolved")), (3, 2, 5));
}

#[test]
fn a_year_of_an_expiring_certificate_is_a_ladder_of_mails_and_an_all_clear() {
    let start = World::new(vec![], Disk::used(), |_, _| None).now.wall;
    let mut world = World::new(vec![watch("a")], Disk::used(), move |watch, now| {
        let renewed = later(start, 92 * DAY);
        only(if now.wall < renewed {
            dated(1, now, watch, start, later(start, 90 * DAY))
        } else {
            dated(1, now, watch, renewed, later(renewed, 398 * DAY))
        })
    });
    world.run(365 * DAY);
    let told: Vec<_> =
        world.posted.iter().map(|(at, notice)| format!("day {}: {}", at.as_secs() / 86_400, line(notice))).collect();
    assert_eq!(
        told,
        [
            "day 69: expiry owner@a.org a expires_soon/warning",
            "day 83: expiry owner@a.org a expires_soon/critical",
            "day 89: expiry owner@a.org a expires_soon/last-day",
            "day 90: expiry owner@a.org a expired/critical",
            "day 91: expiry owner@a.org a expired/daily-1",
            "day 92: resolved owner@a.org a expired/daily-1",
        ]
    );
    let first = &world.posted[0].1.id;
    assert!(world.posted[1..].iter().all(|(_, notice)| notice.thread.as_ref() == Some(first)));
}

#[test]
fn an_unreachable_server_mends_nothing() {
    let mut world = World::new(vec![watch("a")], Disk::used(), script("gxxxx????g."));
    world.run(9 * HOUR / 2);
    assert_eq!(
        world.incidents(),
        ["a/reachability Open unreachable/critical", "a/missing_intermediate Open missing_intermediate/critical"]
    );
    let rows = world.addresses();
    assert_eq!(rows.iter().map(|row| row.address).collect::<Vec<_>>(), [None, Some(ip(1))]);
    assert!(rows[1].known.is_some() && rows[1].failed.is_some());
    world.run(DAY);
    assert_eq!(
        world.mails(),
        [
            "chain owner@a.org a missing_intermediate/critical",
            "problem owner@a.org a unreachable/critical",
            "resolved owner@a.org a unreachable/critical",
            "resolved owner@a.org a missing_intermediate/critical",
        ]
    );
    assert_eq!(world.addresses().len(), 1);
}

#[test]
fn one_good_address_does_not_clear_another() {
    let mended = Rc::new(RefCell::new(false));
    let site = {
        let mended = mended.clone();
        move |_: &Watch, now| {
            let second = if *mended.borrow() { fine(2, now) } else { down(2, now) };
            let second = if day(now) == 0 { sees(2, now, vec![gap()]) } else { second };
            Some((vec![fine(1, now), second], vec![ip(1), ip(2)]))
        }
    };
    let mut world = World::new(vec![watch("a")], Disk::used(), site);
    world.run(3 * DAY);
    assert_eq!(world.incidents().len(), 2);
    let case = &world.posted[0].1.cases[0];
    assert_eq!(case.member.addresses, ["192.0.2.2"]);
    assert_eq!(case.seen.iter().map(|judged| judged.observation.address).collect::<Vec<_>>(), [Some(ip(2))]);
    *mended.borrow_mut() = true;
    world.run(2 * HOUR);
    assert!(world.incidents().is_empty());
    assert_eq!(world.mails().len(), 4);
}

#[test]
fn an_address_leaves_after_three_resolutions_without_it_and_its_incidents_with_it() {
    let mut visits = 0;
    let mut world = World::new(vec![watch("a")], Disk::used(), move |_, now| {
        visits += 1;
        match visits {
            1 => Some((vec![fine(1, now), sees(2, now, vec![gap()])], vec![ip(1), ip(2)])),
            4 => Some((vec![fine(1, now)], vec![ip(1), ip(2)])),
            6 => unresolved(now),
            _ => only(fine(1, now)),
        }
    });
    while world.starts.len() < 7 {
        world.run(MINUTE / 2);
        assert!(world.addresses().iter().any(|row| row.address == Some(ip(2))), "after visit {}", world.starts.len());
    }
    assert_eq!(world.mails(), ["chain owner@a.org a missing_intermediate/critical"]);
    world.run(3 * HOUR);
    assert_eq!(world.addresses().len(), 1);
    assert_eq!(world.disk.addresses.len(), 1);
    assert_eq!(world.mails().len(), 2);
    assert!(world.incidents().is_empty());
}

#[test]
fn things_that_go_wrong_together_are_told_apart() {
    let mut world = World::new(vec![watch("a")], Disk::used(), |_, now| {
        let info = Finding::RootIncluded { root: "R".into() };
        only(sees(1, now, vec![gap(), Finding::KeyPossessionFailed, info]))
    });
    world.run(HOUR);
    assert_eq!(
        world.mails(),
        ["problem owner@a.org a key_possession_failed/critical", "chain owner@a.org a missing_intermediate/critical"]
    );
}

#[test]
fn the_letter_goes_to_the_admin_where_that_is_wanted_and_answers_go_to_the_owner() {
    let mut asked = watch("a");
    Arc::make_mut(&mut asked.policy).admins = vec!["admin@b.org".into(), "owner@a.org".into()];
    Arc::make_mut(&mut asked.policy).write_to_admin = true;
    let mut unasked = watch("b");
    Arc::make_mut(&mut unasked.policy).admins = vec!["admin@b.org".into()];
    let mut world = World::new(vec![asked, unasked], Disk::used(), |watch, now| {
        let finding = if &*watch.endpoint.name == "a" && now.uptime > HOUR * 9 / 10 { vec![] } else { vec![gap()] };
        only(sees(1, now, finding))
    });
    world.run(HOUR / 2);
    let mut mails = world.mails();
    mails.sort();
    assert_eq!(
        mails,
        [
            "chain admin@b.org a missing_intermediate/critical",
            "chain owner@a.org a missing_intermediate/critical",
            "chain owner@a.org b missing_intermediate/critical",
        ]
    );
    let (_, letter) = world.posted.iter().find(|(_, notice)| notice.audience == Audience::Admin).expect("a letter");
    assert_eq!((&*letter.recipient, letter.reply_to.clone()), ("admin@b.org", vec!["owner@a.org".to_owned()]));
    let told = letter.id.clone();
    world.run(HOUR);
    let (_, clear) = world.posted.last().expect("an all-clear");
    assert_eq!((clear.kind, clear.audience, clear.thread.clone()), (NoticeKind::Resolved, Audience::Admin, Some(told)));
    assert_eq!(clear.reply_to, ["owner@a.org"]);
    assert_eq!(world.mails().len(), 5);
}

#[test]
fn without_mail_incidents_are_kept_and_nobody_is_written_to() {
    let settings = Settings { mail: false, ..settings() };
    let mut world = World::with(vec![watch("a")], Disk::used(), settings, script("ggggg."));
    world.run(3 * HOUR);
    assert_eq!(world.incidents().len(), 1);
    assert!(world.disk.incidents.values().all(|incident| incident.told.is_empty()));
    world.settings.mail = true;
    world.restart();
    world.run(MINUTE);
    assert_eq!(world.mails(), ["chain owner@a.org a missing_intermediate/critical"]);
    world.run(DAY);
    assert_eq!(world.mails().len(), 2);
}

#[test]
fn an_address_that_is_not_seen_again_confirms_nothing() {
    let mut visits = 0;
    let mut world = World::new(vec![watch("a")], Disk::used(), move |_, now| {
        visits += 1;
        if visits == 1 { Some((vec![fine(1, now), down(2, now)], vec![ip(1), ip(2)])) } else { only(fine(1, now)) }
    });
    world.run(SECOND);
    assert_eq!(world.incidents(), ["a/reachability Suspected(1) unreachable/critical"]);
    world.run(DAY);
    assert!(world.mails().is_empty() && world.incidents().is_empty());
}

/// Addresses as the script says: a word a visit, a letter an address (`.` fine, `x` down, `-` left out though it is resolved);
/// the last word goes on for ever.
fn addresses(script: &'static str) -> impl FnMut(&Watch, Now) -> Option<Reply> {
    let mut visits = 0;
    move |_, now| {
        let words: Vec<_> = script.split(' ').collect();
        let letters = words[visits.min(words.len() - 1)];
        visits += 1;
        let seen = (1..).zip(letters.bytes()).filter(|(_, letter)| *letter != b'-');
        let seen = seen.map(|(address, letter)| if letter == b'x' { down(address, now) } else { fine(address, now) });
        Some((seen.collect(), (1..).map(ip).take(letters.len()).collect()))
    }
}

/// The addresses of the only incident.
fn at_fault(world: &World) -> Vec<String> {
    let members = world.members();
    assert_eq!(members.len(), 1, "{members:?}");
    members[0].addresses.clone()
}

#[test]
fn addresses_that_fail_once_each_are_no_incident() {
    let mut world = World::new(vec![watch("a")], Disk::used(), addresses("x.. .x. ..x x.. .x. ..x ..."));
    world.run(5 * MINUTE / 2);
    assert_eq!(world.starts.len(), 5, "a quick look after each");
    assert_eq!(world.incidents(), ["a/reachability Suspected(1) unreachable/critical"]);
    assert_eq!(at_fault(&world), ["192.0.2.2"]);
    world.run(DAY);
    assert!(world.mails().is_empty() && world.incidents().is_empty());
}

#[test]
fn an_address_is_confirmed_by_itself_and_others_join_when_they_are() {
    let mut world = World::new(vec![watch("a")], Disk::used(), addresses("xx. x.x x.x x.x ..x ..."));
    let courses = [
        (SECOND, "Suspected(1)", vec!["192.0.2.1", "192.0.2.2"]),
        (MINUTE / 2, "Suspected(2)", vec!["192.0.2.1"]),
        (MINUTE / 2 + SECOND, "Open", vec!["192.0.2.1"]),
        (MINUTE / 2 + SECOND, "Open", vec!["192.0.2.1", "192.0.2.3"]),
        (HOUR + 10 * MINUTE, "Open", vec!["192.0.2.3"]),
    ];
    for (time, state, addresses) in courses {
        world.run(time);
        assert_eq!(world.incidents(), [format!("a/reachability {state} unreachable/critical")]);
        assert_eq!(at_fault(&world), addresses);
    }
    let case = &world.posted[0].1.cases[0];
    assert_eq!(case.member.addresses, ["192.0.2.1"]);
    assert_eq!(case.seen.iter().map(|judged| judged.observation.address).collect::<Vec<_>>(), [Some(ip(1))]);
    world.run(DAY);
    assert_eq!(world.mails(), ["problem owner@a.org a unreachable/critical", "resolved owner@a.org a unreachable/critical"]);
}

#[test]
fn an_address_that_was_left_out_awaits_its_next_visit_without_hurry() {
    let mut world = World::new(vec![watch("a")], Disk::used(), addresses(".x .- .x .- .x .."));
    world.run(2 * MINUTE);
    assert_eq!(world.starts.len(), 2, "there is nothing to look at again");
    assert_eq!(world.incidents(), ["a/reachability Suspected(1) unreachable/critical"]);
    world.run(3 * HOUR);
    assert_eq!(world.mails().len(), 1, "its own third failure in a row");
    assert_eq!(world.posted[0].1.cases[0].member.addresses, ["192.0.2.2"]);
}

/// A certificate that is 100 days old and has ten days to go, seen at the first visit alone; from then on it is as `then` says.
fn ten_days_to_go(then: impl Fn(Now) -> Option<Reply> + 'static) -> World {
    let start = World::new(vec![], Disk::used(), |_, _| None).now.wall;
    let (not_before, not_after) = (crate::clock::earlier(start, 100 * DAY), later(start, 10 * DAY));
    let mut visits = 0;
    World::new(vec![watch("a")], Disk::used(), move |watch, now| {
        visits += 1;
        if visits == 1 { only(dated(1, now, watch, not_before, not_after)) } else { then(now) }
    })
}

#[test]
fn a_certificate_expires_while_its_server_is_down() {
    for then in [|now| only(down(1, now)), unresolved] {
        let mut world = ten_days_to_go(then);
        world.run(12 * DAY);
        let told: Vec<_> = world.posted.iter().map(|(at, n)| format!("day {}: {}", at.as_secs() / 86_400, line(n))).collect();
        assert_eq!(
            told,
            [
                "day 0: expiry owner@a.org a expires_soon/warning",
                "day 0: problem owner@a.org a unreachable/critical",
                "day 3: expiry owner@a.org a expires_soon/critical",
                "day 9: expiry owner@a.org a expires_soon/last-day",
                "day 10: expiry owner@a.org a expired/critical",
                "day 11: expiry owner@a.org a expired/daily-1",
            ]
        );
        assert!(world.posted[4].0 < 10 * DAY + MINUTE, "a visit that fails right after the end tells it");
        let rows = world.addresses();
        let known = rows.iter().find_map(|row| row.known.clone()).expect("the last certificate");
        assert!(known.diagnosis.finding("expired").is_some());
        assert_eq!(world.brain.snapshot(world.now).endpoints[0].status(), crate::diagnosis::Status::Critical);
        assert_eq!(world.disk.incidents.values().map(|incident| incident.told.len()).sum::<usize>(), 2);
    }
}

#[test]
fn a_certificate_that_ends_during_the_last_good_visit_is_told_by_the_next_one_that_fails() {
    let mut world = ten_days_to_go(|now| only(down(1, now)));
    world.now = world.now.after(Duration::from_secs(10 * 86_400 - 3));
    world.visit_takes = 5 * SECOND;
    world.restart();
    world.run(MINUTE / 4);
    assert_eq!(world.mails(), ["expiry owner@a.org a expires_soon/last-day", "expiry owner@a.org a expired/critical"]);
}

#[test]
fn a_certificate_that_expired_while_nobody_looked_is_told_though_its_server_is_down() {
    let mut world = ten_days_to_go(|now| only(down(1, now)));
    world.run(DAY);
    world.now = world.now.after(20 * DAY);
    // As a restart judges it.
    let not_after = crate::clock::earlier(world.now.wall, 11 * DAY);
    let expired = Arc::new(sees(1, world.now, vec![Finding::Expired { not_after, now: world.now.wall }]));
    world.disk.addresses.values_mut().for_each(|row| row.view.known = Some(expired.clone()));
    world.restart();
    world.run(MINUTE);
    assert_eq!(world.mails().last().map(String::as_str), Some("expiry owner@a.org a expired/daily-7"));
}

#[test]
fn time_mends_nothing() {
    let start = World::new(vec![], Disk::used(), |_, _| None).now.wall;
    let mut world = World::new(vec![watch("a")], Disk::used(), move |_, now| {
        let soon = certificate(crate::clock::earlier(start, DAY), later(start, DAY));
        let first = if now.wall < later(start, HOUR / 2) { presents(1, now, soon, vec![gap()]) } else { down(1, now) };
        Some((vec![first, fine(2, now)], vec![ip(1), ip(2)]))
    });
    world.run(3 * DAY);
    let known = world.addresses()[0].known.clone().expect("the last certificate");
    assert!(known.diagnosis.finding("missing_intermediate").is_none(), "judged anew, without what had been fetched");
    assert!(!world.mails().iter().any(|mail| mail.starts_with("resolved")), "{:?}", world.mails());
}

#[test]
fn an_unreachable_server_could_not_be_judged_and_its_last_certificate_speaks_for_itself() {
    use crate::diagnosis::{Severity, Status};
    let now = World::new(vec![], Disk::used(), |_, _| None).now;
    let soon = |severity| vec![Finding::ExpiresSoon { not_after: now.wall, now: now.wall, severity }];
    let row = |known: Option<Judged>, failed: Option<Judged>| AddressView {
        address: Some(ip(1)),
        known: known.map(Arc::new),
        failed: failed.map(Arc::new),
    };
    let cases = [
        (None, Status::Unknown),
        (Some(fine(1, now)), Status::Unknown),
        (Some(sees(1, now, soon(Severity::Warning))), Status::Unknown),
        (Some(sees(1, now, soon(Severity::Critical))), Status::Critical),
    ];
    for (known, expected) in cases {
        assert_eq!(row(known, Some(down(1, now))).status(), expected);
    }
    assert_eq!(row(Some(sees(1, now, soon(Severity::Warning))), None).status(), Status::Warning);
}

/// A balancer that shows the old certificate, whose end is near, at some visits and the new one at the others.
fn alternating(shows_old: impl Fn(usize) -> bool + 'static) -> impl FnMut(&Watch, Now) -> Option<Reply> {
    let start = World::new(vec![], Disk::used(), |_, _| None).now.wall;
    let mut visits = 0;
    move |watch, now| {
        visits += 1;
        let ends = if shows_old(visits) { later(start, 10 * DAY) } else { later(start, 398 * DAY) };
        only(dated(1, now, watch, earlier(start, 80 * DAY), ends))
    }
}

#[test]
fn a_certificate_that_takes_the_place_of_one_at_fault_is_looked_at_two_dozen_times_before_it_is_believed() {
    let mut world = World::new(vec![watch("a")], Disk::used(), alternating(|visit| visit <= 100));
    world.run(10 * DAY);
    assert_eq!(world.mails().len(), 3, "{:?}", world.mails());
    let all_clear = &world.posted[2];
    let first = world.starts_of("a")[100];
    assert!(all_clear.0 > first + 23 * 30 * SECOND && all_clear.0 < first + 14 * MINUTE, "{:?} after {first:?}", all_clear.0);
    let State::Mended(_, how) = all_clear.1.cases[0].member.state else { panic!("it says how it was mended") };
    let Mending::Renewed { not_after: Some(not_after), .. } = how else { panic!("by {how}") };
    assert_eq!(not_after, later(world.now.wall, 388 * DAY));
}

#[test]
fn a_balancer_that_alternates_ends_nothing_until_the_old_certificate_is_gone_for_longer_than_ever() {
    let mut world =
        World::new(vec![watch("a")], Disk::used(), alternating(|visit| visit <= 100 || (visit < 300 && visit % 4 == 0)));
    world.run(17 * DAY);
    assert!(world.mails().len() <= 3, "{:?}", world.mails());
    let all_clears: Vec<_> = world.posted.iter().filter(|(_, notice)| notice.kind == NoticeKind::Resolved).collect();
    assert_eq!(all_clears.len(), 1);
    let took = all_clears[0].0.checked_sub(world.starts_of("a")[300]).expect("not before the last of the old one");
    assert!((25 * MINUTE..HOUR).contains(&took), "a quarter was old: {took:?}");
}
