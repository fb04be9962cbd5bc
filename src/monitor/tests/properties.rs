//! Whatever happens in whatever order, some things always hold.

use proptest::prelude::*;

use super::*;
use crate::{
    diagnosis::Severity::{Critical, Warning},
    incident::State,
};

/// One thing that may happen next.
#[derive(Clone, Debug)]
enum Step {
    Pass(u16),
    Report { which: usize, what: u8 },
    Stray { generation: u64 },
    Mail { which: usize, result: MailResult },
    StrayMail,
    Reload { members: u8, moved: u8 },
    Restart,
    Saved(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let result = prop_oneof![Just(MailResult::Delivered), Just(MailResult::Deferred), Just(MailResult::Refused)];
    prop_oneof![
        4 => any::<u16>().prop_map(Step::Pass),
        12 => (any::<usize>(), any::<u8>()).prop_map(|(which, what)| Step::Report { which, what }),
        1 => (0..20_u64).prop_map(|generation| Step::Stray { generation }),
        4 => (any::<usize>(), result).prop_map(|(which, result)| Step::Mail { which, result }),
        1 => Just(Step::StrayMail),
        1 => any::<(u8, u8)>().prop_map(|(members, moved)| Step::Reload { members, moved }),
        1 => Just(Step::Restart),
        1 => any::<bool>().prop_map(Step::Saved),
    ]
}

/// A world in which nothing comes back by itself.
struct Chaos {
    world: World,
    visits: Vec<(Arc<str>, u64)>,
    /// When each of them was begun, and those that have been given up since.
    begun: BTreeMap<u64, Duration>,
    lost: Vec<(Arc<str>, u64)>,
    mails: Vec<String>,
}

const LIMIT: usize = 3;

impl Chaos {
    fn new(seed: u64, shared: bool) -> Self {
        let mut settings = Settings { seed, ..settings() };
        settings.limits.visits = LIMIT;
        let mut world = World::with(Vec::new(), Disk::default(), settings, |_, _| None);
        world.shared = shared;
        Chaos { world, visits: Vec::new(), begun: BTreeMap::new(), lost: Vec::new(), mails: Vec::new() }
    }

    fn inventory(members: u8, moved: u8) -> Vec<Arc<Watch>> {
        let there = (0..8).filter(|bit| members >> bit & 1 == 1);
        let each = there.map(|bit| {
            let mut watch = watch(&format!("e{bit}"));
            watch.endpoint.target.port = if moved >> bit & 1 == 1 { 8443 } else { 443 };
            Arc::make_mut(&mut watch.policy).write_to_admin = bit % 2 == 0;
            Arc::make_mut(&mut watch.policy).admins = vec!["admin@b.org".into()];
            Arc::new(watch)
        });
        each.collect()
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Pass(seconds) => {
                self.world.now = self.world.now.after(Duration::from_secs((*seconds).into()));
                self.handle(Event::Woke);
            }
            Step::Report { which, what } if !self.visits.is_empty() => {
                let (endpoint, generation) = self.visits.swap_remove(which % self.visits.len());
                let report = self.report(endpoint, generation, *what);
                self.handle(Event::Visited(report));
            }
            Step::Stray { .. } if !self.lost.is_empty() => {
                let (endpoint, generation) = self.lost.remove(0);
                let report = self.report(endpoint, generation, 3);
                self.handle(Event::Visited(report));
            }
            Step::Stray { generation } => {
                let taken = self.visits.iter().any(|(name, known)| &**name == "e1" && known == generation);
                if !taken {
                    let report = self.report("e1".into(), *generation, 1);
                    self.handle(Event::Visited(report));
                }
            }
            Step::Mail { which, result } if !self.mails.is_empty() => {
                let id = self.mails.swap_remove(which % self.mails.len());
                if *result == MailResult::Delivered {
                    self.world.delivered.push(id.clone());
                }
                self.handle(Event::Mailed { id, result: *result, detail: String::new(), after: None });
            }
            Step::StrayMail => {
                self.handle(Event::Mailed {
                    id: "no-such".into(),
                    result: MailResult::Delivered,
                    detail: String::new(),
                    after: None,
                });
            }
            Step::Reload { members, moved } => {
                self.world.inventory = Chaos::inventory(*members, *moved);
                self.handle(Event::Reloaded(self.world.inventory.clone().into()));
            }
            Step::Restart => {
                (self.visits, self.lost, self.mails) = (Vec::new(), Vec::new(), Vec::new());
                let world = &mut self.world;
                let (brain, effects) = Monitor::new(world.inventory.clone(), world.disk.restored(), world.settings, world.now);
                world.brain = brain;
                self.obey(effects);
            }
            Step::Saved(true) => self.handle(Event::Saved(Ok(()))),
            Step::Saved(false) => self.handle(Event::Saved(Err("full".into()))),
            Step::Report { .. } | Step::Mail { .. } => {}
        }
    }

    fn report(&self, endpoint: Arc<str>, generation: u64, what: u8) -> Visited {
        let mut report = report(endpoint, generation, what, self.world.now);
        let watch = watch(&report.endpoint);
        for judged in &mut report.seen {
            *judged = Arc::new(self.world.owned(&watch, (**judged).clone()));
        }
        report
    }

    fn handle(&mut self, event: Event) {
        let effects = self.world.brain.handle(event, self.world.now);
        self.obey(effects);
    }

    fn obey(&mut self, effects: Vec<Effect>) {
        let mut rest = Vec::new();
        let now = self.world.now.uptime;
        let is_lost = |(_, generation): &mut (Arc<str>, u64)| self.begun[generation] + 30 * MINUTE <= now;
        self.lost.extend(self.visits.extract_if(.., is_lost));
        for effect in effects {
            match effect {
                Effect::Visit { watch, generation } => {
                    self.begun.insert(generation, now);
                    self.visits.push((watch.endpoint.name.clone(), generation));
                }
                Effect::Deliver(id) => {
                    assert!(self.world.disk.outbox.iter().any(|mail| mail.id == id) || rest.iter().any(|e| posts(e, &id)));
                    assert!(!self.mails.contains(&id), "one delivery of a mail at a time");
                    self.mails.push(id);
                }
                other => rest.push(other),
            }
        }
        self.world.obey(rest);
        self.check();
    }

    fn check(&self) {
        assert!(self.visits.len() <= LIMIT, "more visits than allowed");
        let mut under_way: Vec<_> = self.visits.iter().collect();
        under_way.sort();
        under_way.dedup();
        assert_eq!(under_way.len(), self.visits.len(), "a visit is started twice");
        assert!(self.mails.len() <= 4, "more deliveries than allowed");
        let snapshot = self.world.brain.snapshot(self.world.now);
        assert_eq!(snapshot.endpoints.len(), self.world.inventory.len());
        assert_eq!(snapshot.outbox.length, self.world.disk.outbox.len());
        let saved: Vec<_> = self.world.disk.incidents.values().cloned().collect();
        let known: Vec<_> = snapshot.incidents.iter().map(|view| (*view.incident).clone()).collect();
        assert_eq!(known, saved, "the disk knows what the brain knows");
        let mut members: Vec<_> = self.world.members().iter().map(|member| (**member).clone()).collect();
        members.sort_by(|a, b| (&a.endpoint, &a.key).cmp(&(&b.endpoint, &b.key)));
        assert_eq!(members, self.world.disk.members.values().cloned().collect::<Vec<_>>());
        let rows: usize = snapshot.endpoints.iter().map(|endpoint| endpoint.addresses.len()).sum();
        assert_eq!(rows, self.world.disk.addresses.len());
        for incident in &snapshot.incidents {
            assert!(!incident.members.is_empty(), "{} holds nowhere", incident.incident.key);
        }
        for member in self.world.members() {
            assert!(member.state != State::Suspected(0) && (member.is_standing() || !member.heard.is_empty()));
            let is_held = !self.world.disk.first_sweep_done;
            // Where an endpoint has moved, there is nothing to show until it has been visited anew; what was held back when the
            // process ended is told by the next visit.
            let is_blank = snapshot.endpoints.iter().any(|view| {
                view.watch.endpoint.name == member.endpoint
                    && view.addresses.iter().all(|row| row.last_probe() <= snapshot.started)
            });
            // Where it ended and came back while the last word is still under way, the next one waits for that.
            let is_told =
                !member.heard.is_empty() || self.world.brain.awaited.values().any(|names| names.contains(&member.endpoint));
            // Others that serve the same certificate are looked at first.
            let is_held = is_held || self.world.brain.holds.has(&member.key, &member.endpoint);
            // Who has had the last mail of the day waits for the next one.
            let is_held = is_held || snapshot.held.0 > 0;
            assert!(
                !member.is_open() || is_held || is_blank || is_told,
                "{} is open at {} and untold",
                member.key,
                member.endpoint
            );
        }
        assert!(self.world.brain.next_wake().is_none_or(|wake| wake > self.world.now.uptime));
    }

    /// An all-clear comes to those who have heard, and is the last word.
    fn check_order(&self) {
        let delivered = &self.world.delivered;
        for (place, id) in delivered.iter().enumerate().filter(|(_, id)| id.contains(".resolved.")) {
            let (subject, to) = (notice::subject(id), id.rsplit('.').next());
            let is_heard = |other: &&String| {
                other.rsplit('.').next() == to
                    && (notice::subject(other) == subject
                        || ["summary-", "digest-"].iter().any(|of_many| other.starts_with(of_many)))
            };
            assert!(delivered[..place].iter().any(|other| is_heard(&other)), "{id} comes out of the blue");
            let is_same = |other: &&String| other.rsplit('.').next() == to && notice::subject(other) == subject;
            let round = |id: &str| id.split('.').nth(1).and_then(|stage| stage.rsplit('-').next()?.parse().ok()).unwrap_or(1_u32);
            let is_late = |other: &&String| is_same(other) && round(other) <= round(id);
            assert_eq!(delivered[place + 1..].iter().find(is_late), None, "{id} is the last word");
        }
    }

    /// The servers mend, the mail server answers, and a day goes by.
    fn calm_down(&mut self) {
        for _ in 0..500 {
            while let Some((endpoint, generation)) = self.visits.pop() {
                let report = self.report(endpoint, generation, 0);
                self.handle(Event::Visited(report));
            }
            while let Some(id) = self.mails.pop() {
                self.world.delivered.push(id.clone());
                self.handle(Event::Mailed { id, result: MailResult::Delivered, detail: String::new(), after: None });
            }
            self.world.now = self.world.now.after(5 * MINUTE);
            self.handle(Event::Woke);
        }
        let snapshot = self.world.brain.snapshot(self.world.now);
        assert_eq!(snapshot.outbox.length, 0, "the outbox drains");
        assert!(snapshot.incidents.is_empty(), "all is well again: {:?}", self.world.incidents());
        assert!(self.world.inventory.is_empty() || self.world.disk.first_sweep_done);
        self.check_order();
        let mut told = std::collections::BTreeSet::new();
        for (_, notice) in self.world.posted.iter().filter(|(_, notice)| notice.kind != NoticeKind::Resolved) {
            let mut worst = BTreeMap::new();
            for case in notice.cases.iter().rev() {
                worst.insert(&case.incident.id, case);
            }
            for (id, case) in worst {
                let stage = case.member.stage();
                let first = notice::id(&case.incident, &stage, 1, notice.audience, &notice.recipient);
                let is_again = notice.kind != NoticeKind::Summary && notice.id != first;
                assert!(is_again || told.insert((id, stage, &notice.recipient)), "{id} is told twice: {}", line(notice));
            }
        }
    }
}

fn posts(effect: &Effect, id: &str) -> bool {
    matches!(effect, Effect::Post(notice) if notice.id == id)
}

fn report(endpoint: Arc<str>, generation: u64, what: u8, now: Now) -> Visited {
    let soon = |severity| Finding::ExpiresSoon { not_after: later(now.wall, DAY), now: now.wall, severity };
    let first = match what % 8 {
        0 | 1 => fine(1, now),
        2 => down(1, now),
        3 => sees(1, now, vec![gap()]),
        4 => sees(1, now, vec![soon(Warning)]),
        5 => sees(1, now, vec![soon(Critical), gap()]),
        6 => sees(1, now, vec![Finding::Expired { not_after: now.wall, now: now.wall }]),
        _ => failed(None, now, Stage::Resolve, FailureKind::DnsFailure),
    };
    let second = match what / 8 % 4 {
        _ if first.observation.address.is_none() => None,
        1 => Some(down(2, now)),
        2 => Some(sees(2, now, vec![gap()])),
        3 => Some(fine(2, now)),
        _ => None,
    };
    let mut seen: Vec<_> = [Some(first), second].into_iter().flatten().map(Arc::new).collect();
    let resolved = seen.iter().filter_map(|judged| judged.observation.address).collect();
    if what == 255 {
        seen.clear();
    }
    Visited { endpoint, generation, seen, resolved }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_invariants_hold(seed: u64, shared: bool, members in 1..=255_u8, steps in prop::collection::vec(step(), 1..200)) {
        let mut chaos = Chaos::new(seed, shared);
        chaos.take(&Step::Reload { members, moved: 0 });
        for step in &steps {
            chaos.take(step);
        }
        chaos.calm_down();
    }
}
