//! What people answer to a mail holds, for those it is meant for, over restarts, and until it gets worse.

use super::*;
use crate::answer::{Action, Answer};

const TOLD: &str = "chain owner@a.org a missing_intermediate/critical";

fn broken(inventory: &[&str]) -> World {
    let mut world =
        World::new(inventory.iter().map(|name| watch(name)).collect(), Disk::used(), |_, now| only(sees(1, now, vec![gap()])));
    world.shared = true;
    world
}

/// A certificate that ends on the 27th.
fn ending() -> World {
    let site = |watch: &Watch, now: Now| {
        let [from, to] = ["2026-09-01T00:00:00Z", "2026-11-27T00:00:00Z"].map(|at| at.parse().expect("a date"));
        only(dated(1, now, watch, from, to))
    };
    World::new(vec![watch("a")], Disk::used(), site)
}

/// About the only incident.
fn answer(world: &mut World, action: Action, person: &str) {
    let incident = world.disk.incidents.values().next().expect("an incident").id.clone();
    let answer = Answer { action, incident, person: person.into(), language: "en".into(), until: world.now.wall };
    world.handle(Event::Answered(answer));
}

fn stages(world: &World) -> Vec<String> {
    world.posted.iter().map(|(_, notice)| notice.cases[0].member.stage()).collect()
}

#[test]
fn what_somebody_sees_to_is_told_when_it_gets_worse_and_reminds_nobody() {
    let mut world = ending();
    world.run(HOUR);
    answer(&mut world, Action::Acknowledge, "owner@a.org");
    world.run(8 * DAY);
    let worse = ["expires_soon/critical", "expires_soon/last-day", "expired/critical"];
    let reminders = ["expired/daily-1", "expired/daily-2", "expired/daily-3"];
    assert_eq!(stages(&world), [&worse[..], &reminders[..]].concat(), "what has got worse is nobody's word any more");
    answer(&mut world, Action::Acknowledge, "owner@a.org");
    for _ in 0..40 {
        world.run(DAY);
        world.begin_again();
    }
    assert_eq!(stages(&world).len(), 6, "neither day nor week: {:?}", stages(&world));
    let snapshot = world.brain.snapshot(world.now);
    let known = snapshot.incidents[0].incident.acknowledged.clone().expect("it is to be seen");
    assert_eq!((&*known.by, &*known.stage), ("owner@a.org", "expired/daily-3"));
}

#[test]
fn what_somebody_sees_to_goes_to_nobody_else_until_it_gets_worse() {
    let escalation: Arc<[Escalation]> = [Escalation { after: 12 * HOUR, to: vec!["boss@a.org".into()] }].into();
    let mut world = ending();
    world.reload(vec![Watch { policy: Policy { escalation, ..Policy::clone(&watch("a").policy) }.into(), ..watch("a") }]);
    world.run(HOUR);
    answer(&mut world, Action::Acknowledge, "owner@a.org");
    world.run(70 * HOUR);
    assert!(world.posted.iter().all(|(_, notice)| notice.recipient == "owner@a.org"), "{:?}", world.mails());
    world.run(2 * DAY);
    let boss = |(_, notice): &&(Duration, Notice)| notice.recipient == "boss@a.org";
    assert_eq!(
        world.posted.iter().find(boss).map(|(_, notice)| notice.cases[0].member.stage()),
        Some("expires_soon/last-day".into())
    );
}

#[test]
fn a_week_of_silence_is_kept_by_the_disk_and_spares_others_and_last_days() {
    let mut world = broken(&["a", "b"]);
    let mut other = watch("b");
    Arc::make_mut(&mut other.policy).owners = vec!["other@a.org".into()];
    world.reload(vec![watch("a"), other]);
    world.run(HOUR);
    answer(&mut world, Action::Snooze, "owner@a.org");
    answer(&mut world, Action::Snooze, "owner@a.org");
    let [silence] = &world.disk.silences[..] else { panic!("{:?}", world.disk.silences) };
    assert_eq!(silence.to_string(), "missing_intermediate at a, but for the last day");
    assert_eq!((&*silence.by, silence.until), ("owner@a.org", later(world.now.wall, 7 * DAY)));
    world.begin_again();
    let silenced = |world: &World| {
        let snapshot = world.brain.snapshot(world.now);
        snapshot.incidents[0].silenced.keys().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(silenced(&world), ["a"]);
    world.run(7 * DAY + HOUR);
    assert_eq!(silenced(&world), [""; 0]);
}

#[test]
fn who_says_it_is_not_theirs_hears_no_more_and_the_operators_do() {
    let mut world = ending();
    world.run(HOUR);
    answer(&mut world, Action::Decline, "owner@a.org");
    answer(&mut world, Action::Decline, "owner@a.org");
    assert_eq!(world.mails()[1..], ["expiry ops@a.org a expires_soon/critical"]);
    world.begin_again();
    world.run(5 * DAY);
    world.site = Box::new(|_, now| only(fine(1, now)));
    world.run(2 * DAY);
    let mails = world.mails();
    assert!(mails[1..].iter().all(|mail| mail.contains(" ops@a.org ")), "{mails:?}");
    assert!(mails.last().is_some_and(|last| last.starts_with("resolved")), "{mails:?}");
    assert!(world.disk.incidents.is_empty() && world.disk.members.is_empty() && world.disk.outbox.is_empty());
}

#[test]
fn a_mail_that_waits_is_withdrawn_when_its_reader_says_it_is_not_theirs() {
    let mut world = broken(&["a"]);
    world.post_office = Box::new(|_| MailResult::Deferred);
    world.run(HOUR);
    assert_eq!(world.mails(), [TOLD]);
    answer(&mut world, Action::Decline, "owner@a.org");
    world.post_office = Box::new(|_| MailResult::Delivered);
    world.run(DAY);
    assert_eq!(world.delivered.len(), 1, "{:?}", world.delivered);
    assert_eq!(world.mails()[1..], ["chain ops@a.org a missing_intermediate/critical"]);
}

#[test]
fn an_answer_to_what_is_over_or_was_never_there_changes_nothing() {
    let mut world = World::new(vec![watch("a")], Disk::used(), |_, now| only(fine(1, now)));
    world.run(HOUR);
    let before = world.brain.revision();
    for action in Action::ALL {
        let answer = Answer {
            action,
            incident: "expiry-0".into(),
            person: "owner@a.org".into(),
            language: "en".into(),
            until: world.now.wall,
        };
        world.handle(Event::Answered(answer));
    }
    assert_eq!((world.brain.revision(), world.disk.silences.len(), world.posted.len()), (before, 0, 0));
}

#[test]
fn an_operator_stands_behind_everybody_and_cannot_say_that_it_is_not_theirs() {
    let mut world = ending();
    let mut theirs = watch("a");
    Arc::make_mut(&mut theirs.policy).owners = vec!["ops@a.org".into()];
    world.reload(vec![theirs]);
    world.run(HOUR);
    answer(&mut world, Action::Decline, "ops@a.org");
    world.run(6 * DAY);
    assert_eq!(stages(&world)[..3], ["expires_soon/critical", "expires_soon/last-day", "expired/critical"]);
}

#[test]
fn what_somebody_snoozes_is_not_told_to_those_whose_mail_still_waits() {
    let mut world = broken(&["a"]);
    let mut both = watch("a");
    Arc::make_mut(&mut both.policy).owners.push("other@a.org".into());
    world.reload(vec![both]);
    world.post_office = Box::new(|_| MailResult::Deferred);
    world.run(HOUR);
    assert_eq!((world.posted.len(), world.delivered.len()), (2, 0));
    answer(&mut world, Action::Snooze, "owner@a.org");
    world.post_office = Box::new(|_| MailResult::Delivered);
    world.run(6 * DAY);
    assert!(world.delivered.is_empty() && world.disk.outbox.is_empty(), "{:?}", world.delivered);
    world.run(2 * DAY);
    assert_eq!(world.delivered.len(), 2, "the week is over");
}
