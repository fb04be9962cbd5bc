//! The first sweep: one summary instead of a hundred mails.

use super::*;

/// Ten endpoints: `e0` to `e4` with a gap, `e5` down, the others fine.
fn ten() -> Vec<Watch> {
    (0..10).map(|i| watch(&format!("e{i}"))).collect()
}

fn half_bad(watch: &Watch, now: Now) -> Option<Reply> {
    only(match watch.endpoint.name.as_bytes()[1] {
        b'0'..=b'4' => sees(1, now, vec![gap()]),
        b'5' => down(1, now),
        _ => fine(1, now),
    })
}

#[test]
fn everything_is_told_at_once_when_all_have_settled() {
    let mut world = World::new(ten(), Disk::default(), half_bad);
    world.run(MINUTE);
    assert!(world.mails().is_empty() && !world.disk.first_sweep_done, "one still awaits its third look");
    world.run(MINUTE);
    let [(_, summary)] = &world.posted[..] else { panic!("{:?}", world.mails()) };
    assert_eq!((summary.kind, summary.cases.len()), (NoticeKind::Summary, 6));
    assert!(world.disk.first_sweep_done);
    let told: Vec<_> = world.disk.incidents.values().flat_map(|incident| &incident.told).collect();
    assert_eq!(told.len(), 6);
    assert!(told.iter().all(|told| told.thread == summary.id));
    world.run(DAY);
    world.restart();
    world.run(DAY);
    assert_eq!(world.mails().len(), 1, "and never again");
}

#[test]
fn a_single_case_is_an_ordinary_mail_and_each_recipient_gets_their_own() {
    let mut inventory = ten();
    Arc::make_mut(&mut inventory[0].policy).owners = vec!["other@a.org".into()];
    for watch in &mut inventory[1..3] {
        Arc::make_mut(&mut watch.policy).admins = vec!["admin@b.org".into()];
        Arc::make_mut(&mut watch.policy).write_to_admin = true;
    }
    let mut world = World::new(inventory, Disk::default(), half_bad);
    world.run(5 * MINUTE);
    let mut mails: Vec<_> = world.posted.iter().map(|(_, n)| (&*n.recipient, n.kind, n.cases.len(), n.reply_to.len())).collect();
    mails.sort_unstable();
    assert_eq!(
        mails,
        [
            ("admin@b.org", NoticeKind::Summary, 2, 1),
            ("other@a.org", NoticeKind::Chain, 1, 0),
            ("owner@a.org", NoticeKind::Summary, 5, 0),
        ]
    );
}

#[test]
fn what_hangs_does_not_hold_the_summary_for_ever() {
    let mut world =
        World::new(ten(), Disk::default(), |watch, now| if &*watch.endpoint.name == "e9" { None } else { half_bad(watch, now) });
    world.run(9 * MINUTE);
    assert!(world.mails().is_empty());
    world.run(2 * MINUTE);
    assert_eq!(world.posted[0].0, 10 * MINUTE);
    assert_eq!(world.mails().len(), 1);
}

#[test]
fn what_is_mended_while_it_is_held_was_never_told() {
    let mut world = World::new(vec![watch("a"), watch("b")], Disk::default(), |watch, now| {
        if &*watch.endpoint.name == "b" {
            None
        } else {
            only(sees(1, now, if now.uptime < MINUTE { vec![gap()] } else { vec![] }))
        }
    });
    let mut quick = watch("a");
    Arc::make_mut(&mut quick.policy).interval = 2 * MINUTE;
    world.reload(vec![quick, watch("b")]);
    world.run(HOUR);
    assert!(world.mails().is_empty() && world.disk.first_sweep_done);
}

#[test]
fn a_restart_in_the_middle_goes_on_with_what_was_found() {
    let mut world = World::new(ten(), Disk::default(), half_bad);
    world.run(20 * SECOND);
    assert_eq!(world.disk.incidents.len(), 6);
    world.restart();
    world.run(5 * MINUTE);
    assert_eq!(world.posted.iter().map(|(_, notice)| notice.cases.len()).collect::<Vec<_>>(), [6]);
}

#[test]
fn without_mail_the_sweep_waits_for_the_day_that_mail_is_configured() {
    let settings = Settings { mail: false, ..settings() };
    let mut world = World::with(ten(), Disk::default(), settings, half_bad);
    world.run(DAY);
    assert!(!world.disk.first_sweep_done);
    world.settings.mail = true;
    world.restart();
    world.run(5 * MINUTE);
    assert_eq!(world.mails().len(), 1);
    assert_eq!(world.posted[0].1.cases.len(), 6);
}

#[test]
fn an_installation_begins_with_its_first_endpoint_and_what_comes_later_is_told_as_usual() {
    let mut world = World::new(Vec::new(), Disk::default(), half_bad);
    world.run(HOUR);
    assert!(!world.disk.first_sweep_done);
    world.reload(ten());
    world.run(HOUR);
    assert_eq!(world.mails().len(), 1);
    assert_eq!(world.posted[0].1.kind, NoticeKind::Summary);
    let more = (0..3).map(|i| watch(&format!("e{i}-more")));
    world.reload(ten().into_iter().chain(more).collect());
    world.run(HOUR);
    assert_eq!(world.mails()[1..].iter().filter(|mail| mail.starts_with("chain")).count(), 3);
}

#[test]
fn an_endpoint_that_leaves_is_not_waited_for() {
    let mut world =
        World::new(ten(), Disk::default(), |watch, now| if &*watch.endpoint.name == "e9" { None } else { half_bad(watch, now) });
    world.run(5 * MINUTE);
    world.reload(ten().into_iter().take(9).collect());
    assert_eq!(world.mails().len(), 1);
    assert!(world.disk.first_sweep_done);
}

#[test]
fn an_endpoint_that_moves_is_waited_for() {
    let mut world = World::new(vec![watch("e0"), watch("e5")], Disk::default(), half_bad);
    world.run(2 * SECOND);
    let mut moved = watch("e0");
    moved.endpoint.target.port = 8443;
    world.reload(vec![moved]);
    assert!(!world.disk.first_sweep_done, "what is there now is not known yet");
    world.run(2 * SECOND);
    assert!(world.disk.first_sweep_done);
    assert_eq!(world.mails(), ["chain owner@a.org e0 missing_intermediate/critical"]);
}
