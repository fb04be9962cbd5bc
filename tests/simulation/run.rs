//! The brain in the world, in virtual time: the clock jumps from one event to the next.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use certvigil::{
    clock::Now,
    diagnosis::{Expectation, Severity},
    endpoint::Endpoint,
    incident::Step,
    monitor::{
        Case, Effect, Event, Inventory, Limits, MailResult, Monitor, Notice, NoticeKind, Own, Policy, Restored, Settings,
        Visited, Watch,
    },
};

use crate::{
    fleet::{Fleet, Plan},
    letter::{Item, Letter, OwnLetter, Says},
    mint::{Mint, moment, wall},
    score::{Score, score},
    straw::Crier,
    truth::Moment,
    witness::Witness,
    world::World,
};

/// The three who watched the same year.
#[derive(Clone, Default)]
pub(crate) struct Outcome {
    pub(crate) certvigil: Score,
    pub(crate) silent: Score,
    pub(crate) crier: Score,
    pub(crate) visits: u64,
}

impl Outcome {
    /// Of several years, as one.
    pub(crate) fn total(outcomes: Vec<Outcome>) -> Outcome {
        let years = f64::from(u32::try_from(outcomes.len()).unwrap_or(u32::MAX));
        let mut total = Outcome::default();
        for outcome in outcomes {
            total.certvigil.add(outcome.certvigil, years);
            total.silent.add(outcome.silent, years);
            total.crier.add(outcome.crier, years);
            total.visits += outcome.visits;
        }
        total
    }

    /// Where marks are given away: what is always silent, or always loud, has to score badly.
    pub(crate) fn straw_faults(&self) -> Vec<String> {
        let (silent, crier) = (&self.silent, &self.crier);
        let bad = [
            ("who is silent tells nothing", silent.recall() == 0.0 && silent.missed == silent.due && silent.due > 0),
            ("who is silent writes nothing", silent.letters == 0),
            ("who mails on every finding tells all", crier.missed == 0),
            ("who mails on every finding cries wolf", crier.precision() < 0.9),
            ("who mails on every finding repeats it", crier.duplicates > 10 * self.certvigil.due),
            ("who mails on every finding floods people", crier.most_a_day > 20),
        ];
        bad.into_iter().filter(|(_, holds)| !holds).map(|(what, _)| format!("no longer true: {what}")).collect()
    }
}

/// A year with certvigil, visiting each endpoint so often.
pub(crate) fn run(plan: Plan, interval: Duration) -> anyhow::Result<Outcome> {
    let fleet = Fleet::generate(plan);
    let world = World::new(fleet, |fleet, at, mint| watch(fleet, at, mint, interval).expect("a sound target"))?;
    let mut run = Run::new(world, plan.seed);
    run.live()?;
    let interval = Moment::try_from(interval.as_secs())?;
    let judge = |letters: &[Letter], own: &[OwnLetter]| score(&run.world, &run.witness, letters, own, interval);
    let certvigil = judge(&run.letters, &run.own);
    let (silent, crier) = (judge(&[], &[]), judge(&run.crier.letters, &[]));
    Ok(Outcome { certvigil, silent, crier, visits: run.visits })
}

fn watch(fleet: &Fleet, at: usize, mint: &Mint, interval: Duration) -> anyhow::Result<Arc<Watch>> {
    let of = &fleet.endpoints[at];
    let endpoint = Endpoint::new(format!("{}:443", of.name).parse()?);
    let expectation = Expectation { host: Some(endpoint.server_name.clone()), ..Expectation::default() };
    let policy = Policy { interval, owners: vec![mail_address(of.owner)], ..Policy::default() };
    Ok(Arc::new(Watch { endpoint, expectation, trust: Arc::clone(&mint.trust), stores: Arc::default(), policy: policy.into() }))
}

struct Run {
    world: World,
    monitor: Monitor,
    numbers: HashMap<Arc<str>, usize>,
    uptime: Duration,
    /// Reports and deliveries on their way.
    coming: BTreeMap<(Duration, u64), Event>,
    events: u64,
    visits: u64,
    letters: Vec<Letter>,
    /// Those to the operators.
    own: Vec<OwnLetter>,
    /// The last letter of each id.
    places: HashMap<String, usize>,
    /// Of incidents about an end, when that is.
    ends: HashMap<String, Moment>,
    witness: Witness,
    crier: Crier,
}

impl Run {
    fn new(world: World, seed: u64) -> Self {
        let settings =
            Settings { limits: Limits::default(), mail: true, built: wall(0), seed, first_sweep: Duration::from_mins(15) };
        let now = Now { wall: wall(0), uptime: Duration::ZERO };
        let inventory =
            Inventory { watches: world.watches.clone(), operators: vec![OPERATOR.to_owned()], ..Inventory::default() };
        let (monitor, effects) = Monitor::new(inventory, Restored::default(), settings, now);
        assert!(effects.iter().all(|effect| !matches!(effect, Effect::Visit { .. })), "first visits are spread");
        let numbers = world.watches.iter().enumerate().map(|(at, watch)| (Arc::clone(&watch.endpoint.name), at)).collect();
        let witness = Witness::new(&world.fleet);
        Run {
            world,
            monitor,
            numbers,
            uptime: Duration::ZERO,
            coming: BTreeMap::new(),
            events: 0,
            visits: 0,
            letters: Vec::new(),
            own: Vec::new(),
            places: HashMap::new(),
            ends: HashMap::new(),
            witness,
            crier: Crier::default(),
        }
    }

    fn live(&mut self) -> anyhow::Result<()> {
        let end = Duration::from_secs(u64::try_from(self.world.fleet.horizon())?);
        loop {
            let coming = self.coming.first_key_value().map(|((at, _), _)| *at);
            let Some(next) = self.monitor.next_wake().into_iter().chain(coming).min().filter(|next| *next < end) else {
                return Ok(());
            };
            self.uptime = next.max(self.uptime);
            let event = match self.coming.first_entry() {
                Some(first) if first.key().0 <= self.uptime => first.remove(),
                _ => Event::Woke,
            };
            let now = self.now();
            if let Event::Mailed { id, result: MailResult::Delivered, .. } = &event {
                let at = self.moment();
                if let Some(place) = self.places.get(id) {
                    self.letters[*place].delivered = Some(at);
                }
                self.own.iter_mut().filter(|letter| letter.id == *id).for_each(|letter| letter.delivered = Some(at));
            }
            for effect in self.monitor.handle(event, now) {
                self.carry_out(effect)?;
            }
        }
    }

    fn carry_out(&mut self, effect: Effect) -> anyhow::Result<()> {
        let at = self.moment();
        match effect {
            Effect::Visit { watch, generation } => {
                self.visits += 1;
                let number = self.numbers[&watch.endpoint.name];
                let seen = self.world.visit(number, at)?;
                let back = at + Moment::try_from(seen.takes.as_secs())?;
                self.witness.visited(&self.world.fleet, number, at, back, &seen);
                self.crier.visited(&self.world, number, back, &seen);
                let endpoint = Arc::clone(&watch.endpoint.name);
                let report = Visited { endpoint, generation, seen: seen.judged, resolved: seen.resolved };
                self.later(seen.takes, Event::Visited(report));
            }
            Effect::Post(Notice { id, own: Some(own), .. }) => {
                let is_over = matches!(own, Own::Fault(fault) if fault.until.is_some());
                self.own.push(OwnLetter { id, is_over, decided: at, delivered: None });
            }
            Effect::Post(notice) => {
                let letter = self.letter(&notice, at);
                self.places.insert(letter.id.clone(), self.letters.len());
                self.letters.push(letter);
            }
            Effect::Deliver(id) if self.world.mail_works(at) => {
                self.later(
                    Duration::from_secs(2),
                    Event::Mailed { id, result: MailResult::Delivered, detail: String::new(), after: None },
                );
            }
            Effect::Deliver(id) => {
                let detail = "451 come again".to_owned();
                self.later(Duration::from_secs(10), Event::Mailed { id, result: MailResult::Deferred, detail, after: None });
            }
            Effect::Save(_) => {}
        }
        Ok(())
    }

    fn letter(&mut self, notice: &Notice, decided: Moment) -> Letter {
        for case in &notice.cases {
            self.ends.extend(ends(case).map(|ends| (case.incident.id.clone(), ends)));
        }
        let item = |case: &Case| Item {
            endpoint: self.numbers[&case.watch.endpoint.name],
            code: case.member.code.clone(),
            ends: self.ends.get(&case.incident.id).copied(),
            rank: match case.member.severity {
                _ if case.member.code.ends_with("expired") => match case.member.step {
                    Step::Daily(days) => 4 + u8::try_from(days).unwrap_or(u8::MAX / 2),
                    Step::Weekly(weeks) => 12 + u8::try_from(weeks).unwrap_or(u8::MAX / 2),
                    _ => 4,
                },
                _ if case.member.step >= Step::LastDay => 3,
                Severity::Critical => 2,
                _ => 1,
            },
        };
        Letter {
            id: notice.id.clone(),
            recipient: number_of(&notice.recipient),
            says: if notice.kind == NoticeKind::Resolved { Says::AllClear } else { Says::Alarm },
            items: notice.cases.iter().map(item).collect(),
            decided,
            delivered: None,
        }
    }

    fn later(&mut self, by: Duration, event: Event) {
        self.events += 1;
        self.coming.insert((self.uptime + by, self.events), event);
    }

    fn now(&self) -> Now {
        Now { wall: certvigil::clock::later(wall(0), self.uptime), uptime: self.uptime }
    }

    fn moment(&self) -> Moment {
        Moment::try_from(self.uptime.as_secs()).unwrap_or(Moment::MAX)
    }
}

/// When the certificate that is at fault ends.
fn ends(case: &Case) -> Option<Moment> {
    let certificate = case.seen.iter().find_map(|judged| case.incident.key.cause.certificate(judged))?;
    Some(moment(certificate.facts()?.not_after))
}

/// Who answers for the machine that watches.
const OPERATOR: &str = "operator@example.test";

fn mail_address(owner: usize) -> String {
    format!("owner-{owner}@example.test")
}

fn number_of(address: &str) -> usize {
    let digits: String = address.chars().filter(char::is_ascii_digit).collect();
    digits.parse().expect("an owner's address")
}
