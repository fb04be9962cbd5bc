//! One cause, one incident: a certificate at a hundred endpoints is told once to each of their owners.

use super::*;
use crate::diagnosis::Severity;

/// Endpoints that all serve the same certificates, a third of them another owner's.
fn fleet(count: u16) -> Vec<Watch> {
    let each = (0..count).map(|number| {
        let mut watch = apart(number);
        if number % 3 == 2 {
            Arc::make_mut(&mut watch.policy).owners = vec!["other@a.org".into()];
        }
        watch
    });
    each.collect()
}

fn number(watch: &Watch) -> u16 {
    watch.endpoint.name[1..].parse().expect("a number")
}

fn sharing(inventory: Vec<Watch>, site: impl FnMut(&Watch, Now) -> Option<Reply> + 'static) -> World {
    let mut world = World::new(inventory, Disk::used(), site);
    world.shared = true;
    world
}

/// Kind, recipient, worst stage and number of endpoints of each mail.
fn told(world: &World) -> Vec<(&'static str, &str, String, usize)> {
    let line = |notice: &Notice| notice.cases[0].member.stage();
    world.posted.iter().map(|(_, n)| (n.kind.name(), &n.recipient[..5], line(n), n.cases.len())).collect()
}

#[test]
fn a_gap_at_many_endpoints_is_one_mail_for_each_owner_and_one_all_clear() {
    let mut world = sharing(fleet(30), |watch, now| {
        let mended = now.uptime > 5 * HOUR + u32::from(number(watch)) * 10 * MINUTE;
        only(sees(1, now, if mended { vec![] } else { vec![gap()] }))
    });
    world.run(4 * HOUR);
    assert_eq!(world.brain.snapshot(world.now).incidents.len(), 1);
    assert_eq!(world.members().len(), 30);
    let stage = || "missing_intermediate/critical".to_owned();
    let first = told(&world);
    assert_eq!(first.iter().map(|(kind, to, ..)| (*kind, *to)).collect::<std::collections::BTreeSet<_>>().len(), 2);
    assert_eq!(first.len(), 2, "{first:?}");
    world.run(4 * HOUR);
    assert_eq!(world.mails().len(), 2, "some are mended, and nobody's are all");
    world.restart();
    world.run(DAY);
    let mut last = told(&world).split_off(2);
    last.sort();
    assert_eq!(last, [("resolved", "other", stage(), 10), ("resolved", "owner", stage(), 20)]);
    assert!(world.disk.incidents.is_empty() && world.disk.members.is_empty());
}

#[test]
fn an_owner_whose_endpoints_are_mended_need_not_wait_for_another() {
    let mut world = sharing(fleet(3), |watch, now| {
        let mended = now.uptime > 5 * HOUR && number(watch) == 2;
        only(sees(1, now, if mended { vec![] } else { vec![gap()] }))
    });
    world.run(DAY);
    assert_eq!(told(&world).last().map(|(kind, to, ..)| (*kind, *to)), Some(("resolved", "other")));
    assert_eq!((world.mails().len(), world.members().len()), (3, 2));
}

#[test]
fn what_comes_back_to_an_owner_is_told_again_in_a_thread_of_its_own() {
    let mut world = sharing(fleet(3), |watch, now| {
        let hour = now.uptime.as_secs() / 3600;
        let mended = number(watch) == 2 && (5..10).contains(&hour);
        only(sees(1, now, if mended { vec![] } else { vec![gap()] }))
    });
    world.run(DAY);
    let others: Vec<_> = world.posted.iter().map(|(_, notice)| notice).filter(|n| n.recipient == "other@a.org").collect();
    assert_eq!(others.iter().map(|n| n.kind.name()).collect::<Vec<_>>(), ["chain", "resolved", "chain"]);
    assert_eq!(others[2].thread, None);
    assert_eq!(world.mails().len(), 4);
}

#[test]
fn a_renewal_that_mends_nothing_is_no_news() {
    let mut world = World::new(vec![watch("a"), watch("b")], Disk::used(), |_, now| {
        let day = now.uptime.as_secs() / 86_400;
        let from = later("2026-01-01T00:00:00Z".parse().expect("a date"), DAY * u32::try_from(day).expect("few") / 2);
        let leaf = certificate(from, later(from, 900 * DAY));
        only(presents(1, now, leaf, vec![gap()]))
    });
    world.shared = true;
    world.run(10 * DAY);
    assert_eq!(world.mails().len(), 1, "{:?}", world.mails());
    assert_eq!(world.brain.snapshot(world.now).incidents.len(), 1);
}

#[test]
fn a_renewed_certificate_that_ends_soon_too_is_another_incident() {
    let start = World::new(vec![], Disk::used(), |_, _| None).now.wall;
    let mut world = World::new(vec![watch("a")], Disk::used(), move |watch, now| {
        let ends = if now.uptime < 2 * DAY { later(start, DAY) } else { later(start, 5 * DAY) };
        only(dated(1, now, watch, crate::clock::earlier(start, 100 * DAY), ends))
    });
    world.run(4 * DAY);
    assert_eq!(
        world.mails(),
        [
            "expiry owner@a.org a expires_soon/last-day",
            "expiry owner@a.org a expired/critical",
            "expiry owner@a.org a expires_soon/critical",
            "resolved owner@a.org a expired/critical",
        ]
    );
}

#[test]
fn an_issuer_that_can_be_had_now_and_now_not_is_no_news() {
    let nobody = || Finding::IssuerUnknown { issuer: "I".into(), tried: "http://a.org/i.der did not answer".into() };
    let mut world = sharing(fleet(2), move |_, now| {
        let hours = now.uptime.as_secs() / 3600;
        only(sees(1, now, if hours > 10 { vec![] } else { vec![if hours % 2 == 0 { nobody() } else { gap() }] }))
    });
    world.run(14 * HOUR);
    let told = told(&world);
    let kinds: Vec<_> = told.iter().map(|(kind, owner, ..)| (*kind, *owner)).collect();
    assert_eq!(kinds, [("problem", "owner"), ("resolved", "owner")], "{told:?}");
    assert_eq!(told[1].3, 2, "the end at both");
}

#[test]
fn an_owner_of_many_hears_of_the_worst() {
    let start = World::new(vec![], Disk::used(), |_, _| None).now.wall;
    let mut inventory = fleet(2);
    let critical = &mut Arc::make_mut(&mut inventory[1].expectation.rules).expiry.critical;
    (critical.before, critical.lifetime_percent) = (20 * DAY, 100);
    let mut world = sharing(inventory, move |watch, now| {
        only(dated(1, now, watch, crate::clock::earlier(start, 100 * DAY), later(start, 15 * DAY)))
    });
    world.run(HOUR / 2);
    let severities: Vec<_> = world.posted.iter().map(|(_, n)| n.cases[0].member.severity).collect();
    assert_eq!(severities.last(), Some(&Severity::Critical), "{:?}", world.mails());
}

#[test]
fn hundreds_of_endpoints_behind_one_ending_certificate_are_one_mail_for_each_owner_that_lists_all() {
    let start = World::new(vec![], Disk::used(), |_, _| None).now.wall;
    let inventory = (0..600_u16).map(|number| {
        let mut watch = apart(number);
        Arc::make_mut(&mut watch.policy).owners = vec![format!("owner{}@a.org", number % 7)];
        Arc::make_mut(&mut watch.policy).interval = 6 * HOUR;
        watch
    });
    let mut world = sharing(inventory.collect(), move |watch, now| {
        let reply = dated(1, now, watch, crate::clock::earlier(start, 100 * DAY), later(start, 8 * DAY));
        if number(watch) % 50 == 7 && now.uptime > DAY { only(down(1, now)) } else { only(reply) }
    });
    world.run(HOUR);
    world.posted.clear();
    world.run(22 * HOUR);
    assert!(world.posted.is_empty(), "{:?}", told(&world));
    world.run(90 * MINUTE);
    let expiry: Vec<_> = world.posted.iter().filter(|(_, notice)| notice.kind == NoticeKind::Expiry).collect();
    let mut owners: Vec<_> = expiry.iter().map(|(_, n)| (n.recipient.clone(), n.cases.len())).collect();
    owners.sort();
    let expected = (0..7).map(|owner| (format!("owner{owner}@a.org"), (owner..600).step_by(7).count()));
    assert_eq!(owners, expected.collect::<Vec<_>>());
    assert!(expiry.iter().all(|(at, _)| *at < DAY + 4 * MINUTE), "the critical step, a day after the start");
}
