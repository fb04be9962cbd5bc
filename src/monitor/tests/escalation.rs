//! What nobody mends comes to others too, once, after a while without improvement.

use super::*;

const TOLD: &str = "a missing_intermediate/critical";

fn escalating(name: &str, steps: &[(u32, &str)]) -> Watch {
    let mut watch = watch(name);
    let step = |(hours, to): &(u32, &str)| Escalation { after: HOUR * *hours, to: vec![(*to).to_owned()] };
    Arc::make_mut(&mut watch.policy).escalation = steps.iter().map(step).collect();
    watch
}

fn broken(watch: Watch) -> World {
    World::new(vec![watch], Disk::used(), |_, now| only(sees(1, now, vec![gap()])))
}

/// In which hour each mail was decided on, and what it says.
fn hours(world: &World) -> Vec<(u64, String)> {
    world.posted.iter().map(|(at, notice)| (at.as_secs() / 3600, line(notice))).collect()
}

fn told(kind: &str, to: &str) -> String {
    format!("{kind} {to}@a.org {TOLD}")
}

#[test]
fn each_step_is_told_once_and_to_the_minute_and_hears_of_the_end() {
    let mended = |_: &Watch, now: Now| only(if now.uptime < 5 * DAY { sees(1, now, vec![gap()]) } else { fine(1, now) });
    let steps = [(48, "boss@a.org"), (72, "chief@a.org"), (240, "board@a.org")];
    let mut world = World::new(vec![escalating("a", &steps)], Disk::used(), mended);
    world.run(20 * DAY);
    let [first, boss, chief, ..] = &world.posted[..] else { panic!("{:?}", world.mails()) };
    assert_eq!((boss.0, chief.0), (first.0 + 48 * HOUR, first.0 + 72 * HOUR));
    let [chain, resolved] = ["chain", "resolved"].map(|kind| move |to| told(kind, to));
    let mails = [chain("owner"), chain("boss"), chain("chief"), resolved("owner"), resolved("boss"), resolved("chief")];
    assert_eq!(world.mails(), mails);
    assert!(world.disk.incidents.is_empty() && world.disk.outbox.is_empty());
}

#[test]
fn a_restart_forgets_neither_the_time_nor_who_was_told() {
    let mut world = broken(escalating("a", &[(48, "boss@a.org")]));
    for _ in 0..20 {
        world.run(9 * HOUR);
        world.begin_again();
    }
    assert_eq!(hours(&world), [(0, told("chain", "owner")), (48, told("chain", "boss"))]);
}

#[test]
fn one_that_came_due_while_nobody_watched_is_told_at_once() {
    let mut world = broken(watch("a"));
    world.run(DAY);
    world.inventory = vec![Arc::new(escalating("a", &[(12, "boss@a.org")]))];
    world.begin_again();
    world.run(MINUTE);
    assert_eq!(hours(&world), [(0, told("chain", "owner")), (24, told("chain", "boss"))]);
    world.reload(vec![escalating("a", &[(12, "boss@a.org"), (20, "chief@a.org")])]);
    assert_eq!(hours(&world)[2..], [(24, told("chain", "chief"))], "a configuration may bring it about");
}

#[test]
fn what_is_mended_at_one_of_the_endpoints_is_an_improvement() {
    let site = |watch: &Watch, now: Now| {
        let is_mended = &*watch.endpoint.name == "b" && now.uptime > 40 * HOUR;
        only(if is_mended { fine(1, now) } else { sees(1, now, vec![gap()]) })
    };
    let mut world = World::new(["a", "b"].map(|name| escalating(name, &[(48, "boss@a.org")])).into(), Disk::used(), site);
    world.shared = true;
    world.run(6 * DAY);
    let last = world.posted.last().expect("a mail");
    assert_eq!(line(&last.1), told("chain", "boss"));
    assert!((88 * HOUR..90 * HOUR).contains(&last.0), "{:?}", last.0);
}

#[test]
fn those_who_came_to_hear_of_it_hear_when_it_gets_worse() {
    let site = |watch: &Watch, now: Now| {
        let [from, to] = ["2026-09-01T00:00:00Z", "2026-12-03T00:00:00Z"].map(|at| at.parse().expect("a date"));
        only(dated(1, now, watch, from, to))
    };
    let mut world = World::new(vec![escalating("a", &[(48, "boss@a.org")])], Disk::used(), site);
    world.run(12 * DAY + HOUR);
    let stages: Vec<_> =
        world.posted.iter().filter(|(_, n)| n.recipient == "boss@a.org").map(|(_, n)| n.cases[0].member.stage()).collect();
    assert_eq!(
        stages,
        ["expires_soon/warning", "expires_soon/critical", "expires_soon/last-day", "expired/critical", "expired/daily-1"]
    );
}

#[test]
fn a_silence_holds_it_back_and_wishes_are_respected() {
    let mut world = broken(escalating("a", &[(12, "boss@a.org")]));
    world.run(HOUR);
    let until = "2026-11-24T03:00:00Z".parse().expect("a date");
    let silence = Silence {
        id: "s".into(),
        selector: Selector::default(),
        findings: Vec::new(),
        since: world.now.wall,
        until,
        but_last_day: false,
        by: "ada".into(),
        reason: "moves".into(),
    };
    world.handle(Event::Silenced(vec![silence]));
    let night = Person { quiet: Some((jiff::civil::time(22, 0, 0, 0), jiff::civil::time(7, 0, 0, 0))), ..Person::default() };
    world.people(night);
    world.run(3 * DAY);
    assert_eq!(hours(&world), [(0, told("chain", "owner")), (55, told("chain", "boss"))]);
}

#[test]
fn without_a_step_nothing_wakes_for_it_and_an_owner_is_told_once() {
    let mut world = broken(escalating("a", &[(2, "owner@a.org")]));
    world.run(DAY);
    assert_eq!(world.mails(), [told("chain", "owner")]);
}
