//! Channels beside people: each hears of what it wants, and what it refuses for good goes to somebody.

use super::*;

fn channel(name: &str, audience: Audience) -> Subscription {
    Subscription {
        channel: name.into(),
        audience,
        least: Severity::Warning,
        kinds: vec![NoticeKind::Expiry, NoticeKind::Chain, NoticeKind::Problem],
        fallback: Vec::new(),
    }
}

fn heard_by(channels: &[Subscription], mut watch: Watch) -> Watch {
    Arc::make_mut(&mut watch.policy).channels = channels.into();
    watch
}

/// A server that is mended after a while.
fn mended_after(time: Duration) -> impl FnMut(&Watch, Now) -> Option<Reply> + 'static {
    move |_, now| only(if now.uptime < time { sees(1, now, vec![gap()]) } else { fine(1, now) })
}

#[test]
fn a_channel_hears_of_the_beginning_and_the_end_as_an_owner_does() {
    let hook = channel("hook", Audience::System);
    let mut world = World::new(vec![heard_by(&[hook], watch("a"))], Disk::used(), mended_after(HOUR));
    world.run(DAY);
    let stage = "a missing_intermediate/critical";
    let told = |kind: &str, to: &str| format!("{kind} {to} {stage}");
    let expected =
        [("chain", "owner@a.org"), ("chain", "channel:hook"), ("resolved", "owner@a.org"), ("resolved", "channel:hook")];
    assert_eq!(world.mails(), expected.map(|(kind, to)| told(kind, to)));
    let sent = world.brain.snapshot(world.now).outbox.channels;
    let delivered = |kind| ("hook".into(), kind, MailResult::Delivered, 1);
    assert_eq!(sent, [delivered(NoticeKind::Chain), delivered(NoticeKind::Resolved)]);
    assert!(world.disk.outbox.is_empty() && world.disk.incidents.is_empty());
}

#[test]
fn without_mail_channels_hear_and_people_do_not() {
    let settings = Settings { mail: false, ..settings() };
    let hook = channel("hook", Audience::System);
    let mut world = World::with(vec![heard_by(&[hook], watch("a"))], Disk::default(), settings, mended_after(HOUR));
    world.run(DAY);
    assert_eq!(world.posted.iter().map(|(_, notice)| &*notice.recipient).collect::<Vec<_>>(), ["channel:hook"; 2]);
    assert!(world.disk.first_sweep_done);
}

#[test]
fn a_channel_hears_of_what_it_wants() {
    let expiry = Subscription { kinds: vec![NoticeKind::Expiry], ..channel("expiry", Audience::System) };
    let worst = Subscription { least: Severity::Critical, ..channel("worst", Audience::System) };
    let site = |watch: &Watch, now: Now| {
        let finding = if &*watch.endpoint.name == "a" { gap() } else { Finding::WrongOrder };
        only(sees(1, now, vec![finding]))
    };
    let inventory = ["a", "b"].map(|name| heard_by(&[expiry.clone(), worst.clone()], watch(name)));
    let mut world = World::new(inventory.into(), Disk::used(), site);
    world.run(DAY);
    let mut channels = world.mails();
    channels.retain(|mail| mail.contains("channel:"));
    assert_eq!(channels, ["chain channel:worst a missing_intermediate/critical"]);
}

#[test]
fn the_first_sweep_is_a_summary_to_people_and_one_notice_an_incident_to_systems() {
    let channels = [channel("chat", Audience::Room), channel("hook", Audience::System)];
    let inventory = (0..3).map(|number| heard_by(&channels, apart(number)));
    let mut world = World::new(inventory.collect(), Disk::default(), |_, now| only(sees(1, now, vec![gap()])));
    world.run(HOUR);
    let mut told: Vec<_> = world.posted.iter().map(|(_, notice)| (&*notice.recipient, notice.kind, notice.cases.len())).collect();
    told.sort();
    let one_of_three = ("channel:hook", NoticeKind::Chain, 1);
    let all = |to| (to, NoticeKind::Summary, 3);
    assert_eq!(told, [all("channel:chat"), one_of_three, one_of_three, one_of_three, all("owner@a.org")]);
}

#[test]
fn what_the_mail_server_refuses_for_good_goes_to_the_fallback_once() {
    let mut inventory = vec![watch("a"), watch("b")];
    for watch in &mut inventory {
        Arc::make_mut(&mut watch.policy).fallback = ["owner@a.org".into(), "ops@a.org".into()].into();
    }
    let mut world = World::new(inventory, Disk::default(), mended_after(HOUR));
    world.refusing = Some("owner@a.org");
    world.run(MINUTE);
    let snapshot = world.brain.snapshot(world.now);
    let trouble = ["mail to owner@a.org was refused for good on 2026-11-22 00:00 UTC, and ops@a.org heard instead: 451 later"];
    assert_eq!(snapshot.troubles, trouble);
    let instead = world.posted[1].1.in_place_of.as_deref().cloned().expect("somebody else's");
    assert_eq!(instead, InPlaceOf { recipient: "owner@a.org".into(), why: "451 later".into() });
    world.begin_again();
    assert_eq!(world.brain.snapshot(world.now).troubles, trouble, "a restart mends nothing");
    world.run(DAY);
    let kinds: Vec<_> = world.posted.iter().map(|(_, notice)| (notice.kind.name(), &*notice.recipient)).collect();
    assert_eq!(
        kinds,
        [("summary", "owner@a.org"), ("digest", "ops@a.org"), ("resolved", "ops@a.org"), ("resolved", "ops@a.org")]
    );
    assert_eq!(world.brain.snapshot(world.now).troubles, trouble, "nobody has tried since");
}

#[test]
fn a_refusal_is_over_when_mail_is_taken_again_or_nobody_is_written_to() {
    let mut world = World::new(vec![watch("a")], Disk::used(), mended_after(5 * HOUR));
    world.refusing = Some("owner@a.org");
    world.run(MINUTE);
    assert_eq!(world.disk.refusals.keys().collect::<Vec<_>>(), ["owner@a.org"]);
    let other = |owner: &str| {
        let mut other = watch("a");
        Arc::make_mut(&mut other.policy).owners = vec![owner.into()];
        other
    };
    world.reload(vec![other("new@a.org")]);
    assert!(world.disk.refusals.is_empty() && world.brain.snapshot(world.now).troubles.is_empty(), "the owner has left");
    world.refusing = Some("new@a.org");
    world.run(2 * HOUR);
    assert_eq!(world.disk.refusals.len(), 1, "of the news to the new one");
    world.refusing = None;
    world.site = Box::new(|_, now| only(down(1, now)));
    world.run(2 * HOUR);
    assert!(world.disk.refusals.is_empty() && world.brain.snapshot(world.now).troubles.is_empty(), "mail is taken again");
}

#[test]
fn what_a_channel_refuses_for_good_goes_to_its_fallback_once() {
    let hook = Subscription { fallback: vec!["ops@a.org".into(), "owner@a.org".into()], ..channel("hook", Audience::System) };
    let mut world = World::new(vec![heard_by(&[hook], watch("a"))], Disk::used(), mended_after(HOUR));
    world.refusing = Some("channel:hook");
    world.run(MINUTE);
    let snapshot = world.brain.snapshot(world.now);
    assert_eq!(snapshot.troubles, ["the channel hook refused a notice for good: 451 later"]);
    world.run(DAY);
    let kinds: Vec<_> = world.posted.iter().map(|(_, notice)| (notice.kind.name(), &*notice.recipient)).collect();
    let begins = [("chain", "owner@a.org"), ("chain", "channel:hook"), ("chain", "ops@a.org")];
    assert_eq!(kinds, [&begins[..], &[("resolved", "owner@a.org"), ("resolved", "ops@a.org")]].concat());
}

#[test]
fn what_was_wrong_with_a_channel_leaves_with_it() {
    let hook = channel("hook", Audience::System);
    let mut world = World::new(vec![heard_by(&[hook], watch("a"))], Disk::used(), mended_after(5 * HOUR));
    world.post_office = Box::new(|_| MailResult::Deferred);
    world.run(HOUR);
    let troubles = world.brain.snapshot(world.now).troubles;
    assert!(troubles.iter().any(|trouble| trouble.starts_with("the channel hook takes nothing")), "{troubles:?}");
    world.reload(vec![watch("a")]);
    world.post_office = Box::new(|_| MailResult::Delivered);
    world.refusing = Some("channel:hook");
    world.run(DAY);
    assert!(world.brain.snapshot(world.now).troubles.is_empty() && world.disk.outbox.is_empty());
}
