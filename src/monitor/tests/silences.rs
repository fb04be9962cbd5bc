//! What is silenced is open and told to nobody; when the silence ends it is told, if it still holds.

use super::*;

fn silence(endpoints: &[&str], findings: &[&str], hours: u32) -> Silence {
    let now: Timestamp = "2026-11-22T00:00:00Z".parse().expect("a date");
    Silence {
        id: "s1".into(),
        selector: Selector { endpoints: endpoints.iter().map(|name| Glob::new(name)).collect(), ..Selector::default() },
        findings: findings.iter().map(|code| (*code).to_owned()).collect(),
        since: now,
        until: later(now, HOUR * hours),
        but_last_day: false,
        by: "ada".into(),
        reason: "moves house".into(),
    }
}

fn broken(inventory: &[&str], silences: Vec<Silence>) -> World {
    let disk = Disk { silences, ..Disk::used() };
    World::new(inventory.iter().map(|name| watch(name)).collect(), disk, |_, now| only(sees(1, now, vec![gap()])))
}

const TOLD: &str = "chain owner@a.org a missing_intermediate/critical";

#[test]
fn a_silence_is_kept_until_its_end_and_what_holds_then_is_told() {
    let mut world = broken(&["a"], vec![silence(&["a"], &[], 30)]);
    world.run(29 * HOUR);
    assert!(world.posted.is_empty(), "{:?}", world.mails());
    assert_eq!(world.incidents(), ["a/missing_intermediate Open missing_intermediate/critical"], "it is open all the same");
    let snapshot = world.brain.snapshot(world.now);
    let shown = snapshot.incidents[0].silence().expect("silenced everywhere");
    assert_eq!((&*shown.reason, snapshot.silences.len()), ("moves house", 1));
    world.run(HOUR + SECOND);
    assert_eq!(world.mails(), [TOLD]);
    let snapshot = world.brain.snapshot(world.now);
    assert_eq!((snapshot.incidents[0].silence(), snapshot.silences.len()), (None, 0));
}

#[test]
fn a_restart_keeps_it() {
    let mut world = broken(&["a"], vec![silence(&["*"], &["missing_intermediate"], 30)]);
    for _ in 0..10 {
        world.run(2 * HOUR);
        world.restart();
    }
    assert!(world.posted.is_empty(), "{:?}", world.mails());
    world.run(DAY);
    assert_eq!(world.mails(), [TOLD]);
}

#[test]
fn what_is_mended_meanwhile_is_told_to_those_alone_who_knew_of_it() {
    let site = |_: &Watch, now: Now| only(if now.uptime < 10 * HOUR { sees(1, now, vec![gap()]) } else { fine(1, now) });
    let mut unheard = World::new(vec![watch("a")], Disk { silences: vec![silence(&[], &[], 30)], ..Disk::used() }, site);
    unheard.run(2 * DAY);
    assert!(unheard.posted.is_empty() && unheard.disk.incidents.is_empty(), "{:?}", unheard.mails());
    let mut heard = World::new(vec![watch("a")], Disk::used(), site);
    heard.run(HOUR);
    heard.handle(Event::Silenced(vec![silence(&[], &[], 30)]));
    heard.run(2 * DAY);
    assert_eq!(heard.mails(), [TOLD, "resolved owner@a.org a missing_intermediate/critical"]);
}

#[test]
fn it_covers_what_it_names_alone() {
    let about = |silence: Silence| {
        let mut world = broken(&["a", "b"], vec![silence]);
        world.run(HOUR);
        world.mails()
    };
    let b = "chain owner@a.org b missing_intermediate/critical";
    assert_eq!(about(silence(&["a"], &[], 30)), [b]);
    assert_eq!(about(silence(&["a"], &["expired"], 30)).len(), 2);
    assert_eq!(about(silence(&["a"], &["expired", "missing_intermediate"], 30)), [b]);
    assert_eq!(about(silence(&["c", "*"], &[], 30)), [""; 0]);
    let mut of_label = silence(&[], &[], 30);
    of_label.selector.labels.insert("team".into(), vec![Glob::new("mail")]);
    assert_eq!(about(of_label).len(), 2, "neither has the label");
}

#[test]
fn one_that_is_taken_back_is_over() {
    let mut world = broken(&["a"], vec![silence(&["a"], &[], 30)]);
    world.run(HOUR);
    assert!(world.posted.is_empty(), "{:?}", world.mails());
    world.handle(Event::Silenced(Vec::new()));
    assert_eq!(world.mails(), [TOLD]);
}

#[test]
fn the_last_day_is_covered_unless_the_silence_says_otherwise() {
    let mails = |but_last_day| {
        let site = |watch: &Watch, now: Now| {
            let [from, to] = ["2026-09-01T00:00:00Z", "2026-11-27T00:00:00Z"].map(|at| at.parse().expect("a date"));
            only(dated(1, now, watch, from, to))
        };
        let silence = Silence { but_last_day, ..silence(&["a"], &["expiry"], 7 * 24) };
        let mut world = World::new(vec![watch("a")], Disk { silences: vec![silence], ..Disk::used() }, site);
        world.run(6 * DAY);
        world.mails()
    };
    assert_eq!(mails(false), [""; 0]);
    let told =
        ["expires_soon/last-day", "expired/critical", "expired/daily-1"].map(|stage| format!("expiry owner@a.org a {stage}"));
    assert_eq!(mails(true)[..2], told[..2]);
}

#[test]
fn it_says_what_it_silences() {
    let mut silence = Silence { but_last_day: true, ..silence(&["*.org", "b"], &["expired"], 1) };
    silence.selector.labels.insert("team".into(), vec![Glob::new("mail"), Glob::new("web*")]);
    silence.selector.labels.insert("site".into(), vec![Glob::new("eu")]);
    assert_eq!(silence.to_string(), "expired at *.org, b with site=eu and team=mail|web*, but for the last day");
    assert_eq!(self::silence(&[], &[], 1).to_string(), "everything at every endpoint");
}

#[test]
fn a_silence_that_is_made_while_nobody_watches_holds_back_what_still_waits() {
    let mut world = broken(&["a"], Vec::new());
    world.post_office = Box::new(|_| MailResult::Deferred);
    world.run(HOUR);
    assert_eq!(world.mails(), [TOLD]);
    world.disk.silences.push(silence(&["a"], &[], 30));
    world.post_office = Box::new(|_| MailResult::Delivered);
    world.begin_again();
    world.run(28 * HOUR);
    assert!(world.delivered.is_empty() && world.disk.outbox.is_empty(), "{:?}", world.delivered);
    world.run(2 * HOUR);
    assert_eq!(world.delivered.len(), 1);
}
