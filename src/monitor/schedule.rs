//! Which endpoint is visited when. Kept in uptime, so that a wall clock that jumps starts no storm and stops no visit.
//!
//! - First visits are spread evenly, in random order, over the shortest of `Limits::spread`, the endpoint's interval and
//!   20 ms for each newcomer: a dozen start within a quarter of a second, 10,000 within 200 seconds.
//! - Later ones follow an interval, give or take 10 %, after the start of the one before. Ticks that were missed are not
//!   made up for: a visit that outlasts its interval is followed by a whole interval.
//! - At most `Limits::visits` are under way; what is due then waits its turn, longest due first.
//! - At most `Limits::visits_per_address` of them are at one spot; what is due there is parked until one of those comes back,
//!   and takes no place from others meanwhile.
//! - A visit that does not come back is not started again before it is given up: that is when a hundred times its own deadline
//!   has passed, and half an hour at least. What it still may bring then is dropped.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use super::{
    Histogram,
    crowd::{Crowds, Spot},
};
use crate::incident::stable_hash;

/// The due times of an inventory.
#[derive(Debug)]
pub(super) struct Schedule {
    slots: HashMap<Arc<str>, Slot>,
    /// Every due time, soonest first; an endpoint under way has none, and one that is parked waits at its spot.
    queue: BTreeSet<(Duration, Arc<str>)>,
    /// Visits that have not come back, by endpoint and generation: those of an endpoint that has changed or gone count too.
    under_way: HashMap<(Arc<str>, u64), Flight>,
    crowds: Crowds,
    limit: usize,
    seed: u64,
    /// From due to started.
    pub(super) lag: Histogram,
}

/// What is to be planned of an endpoint.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) name: Arc<str>,
    pub(super) generation: u64,
    pub(super) interval: Duration,
}

/// When the next visit is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Next {
    /// When the last one was started.
    pub(super) after: Duration,
    /// The endpoint's, from one to the next.
    pub(super) interval: Duration,
    /// A suspicion is to be confirmed: so long from now.
    pub(super) confirm: Option<Duration>,
    /// A certificate reaches a threshold: so long from now.
    pub(super) threshold: Option<Duration>,
}

/// There is one for each endpoint: what its configuration says is asked for when it is needed.
#[derive(Debug)]
struct Slot {
    generation: u64,
    due: Option<Duration>,
    turn: Turn,
    started: Option<Duration>,
    /// How often dice were thrown.
    throws: u64,
}

/// Where an endpoint stands that is due, or will be.
#[derive(Debug)]
enum Turn {
    /// In the queue.
    Ordinary,
    /// Not in the queue: the spot is crowded.
    Parked(Box<Spot>),
    /// In the queue again: a place at the spot is kept for it.
    Called(Box<Spot>),
}

/// A visit under way.
#[derive(Debug)]
struct Flight {
    started: Duration,
    /// It is given up then.
    until: Duration,
    spot: Spot,
}

impl Schedule {
    pub(super) fn new(limit: usize, limit_at_spot: usize, seed: u64) -> Self {
        Schedule {
            slots: HashMap::new(),
            queue: BTreeSet::new(),
            under_way: HashMap::new(),
            crowds: Crowds::new(limit_at_spot),
            limit: limit.max(1),
            seed,
            lag: Histogram::new(LAG_BOUNDS),
        }
    }

    /// Plans first visits, of new endpoints and of those that are to be visited anew.
    pub(super) fn begin(&mut self, plans: Vec<Plan>, longest: Duration, now: Duration) {
        let count = u32::try_from(plans.len()).unwrap_or(u32::MAX);
        let spread = longest.min(BREATH.saturating_mul(count));
        let mut ranks: Vec<u32> = (0..count).collect();
        fastrand::Rng::with_seed(self.seed).shuffle(&mut ranks);
        self.slots.reserve(plans.len());
        let mut queue = Vec::with_capacity(plans.len());
        for (plan, rank) in plans.into_iter().zip(ranks) {
            self.remove(&plan.name);
            let Plan { name, generation, interval } = plan;
            let mut slot = Slot { generation, due: None, turn: Turn::Ordinary, started: None, throws: generation };
            let share = (f64::from(rank) + slot.dice(self.seed, &name)) / f64::from(count);
            let due = now + spread.min(interval).mul_f64(share);
            slot.due = Some(due);
            self.slots.insert(Arc::clone(&name), slot);
            queue.push((due, name));
        }
        // Sorted once, where there are many.
        self.queue.append(&mut queue.into_iter().collect());
    }

    /// Starts what is due while there is room, and room at its spot: names and generations. `about` knows an endpoint's spot, and the
    /// deadline of one address.
    pub(super) fn start_due(
        &mut self,
        about: impl Fn(&Arc<str>) -> Option<(Spot, Duration)>,
        now: Duration,
    ) -> Vec<(Arc<str>, u64)> {
        let mut starts = Vec::new();
        while self.under_way.len() < self.limit && self.queue.first().is_some_and(|(due, _)| *due <= now) {
            let Some((due, name)) = self.queue.pop_first() else { break };
            let Some(slot) = self.slots.get_mut(&name) else { continue };
            let (spot, timeout) = about(&name).unwrap_or_else(|| (Spot::Name(name.clone()), Duration::ZERO));
            let spot = match std::mem::replace(&mut slot.turn, Turn::Ordinary) {
                Turn::Called(spot) => {
                    self.crowds.enter_called(&spot);
                    *spot
                }
                Turn::Ordinary | Turn::Parked(_) => {
                    if !self.crowds.enter(&spot) {
                        self.crowds.park(&spot, due, name);
                        slot.turn = Turn::Parked(spot.into());
                        continue;
                    }
                    spot
                }
            };
            slot.due = None;
            slot.started = Some(now);
            self.lag.observe(now.saturating_sub(due));
            let patience = timeout.saturating_mul(TIMEOUTS).max(LEAST_PATIENCE);
            let flight = Flight { started: now, until: now.saturating_add(patience), spot };
            self.under_way.insert((name.clone(), slot.generation), flight);
            starts.push((name, slot.generation));
        }
        starts
    }

    /// A visit has come back: when it was started. `None` when it is late (the endpoint has changed or gone) or unheard of.
    pub(super) fn came_back(&mut self, name: &Arc<str>, generation: u64) -> Option<Duration> {
        let Flight { started, spot, .. } = self.under_way.remove(&(name.clone(), generation))?;
        let next = self.crowds.leave(&spot);
        self.call(next, spot);
        self.slots.get(name).is_some_and(|slot| slot.generation == generation).then_some(started)
    }

    /// Those that are to be given up now, the longest first: names and generations. They are under way until that is said of them.
    pub(super) fn lost(&self, now: Duration) -> Vec<(Arc<str>, u64)> {
        let mut lost: Vec<_> = self.under_way.iter().filter(|(_, flight)| flight.until <= now).collect();
        lost.sort_by_key(|(visit, flight)| (flight.started, *visit));
        lost.into_iter().map(|(visit, _)| visit.clone()).collect()
    }

    /// From now on reports of this number count, and no others.
    pub(super) fn renumber(&mut self, name: &Arc<str>, generation: u64) {
        if let Some(slot) = self.slots.get_mut(name) {
            slot.generation = generation;
        }
    }

    /// Plans the visit after one that came back: an interval after its start, or sooner where there is a reason.
    pub(super) fn again(&mut self, name: &Arc<str>, next: Next, now: Duration) {
        let regular = self.jittered(name, next.interval);
        let mut due = next.after + regular;
        if due <= now {
            due = now + regular;
        }
        if let Some(confirm) = next.confirm {
            due = due.min(now + confirm.mul_f64(1.0 + 0.05 * self.dice(name)));
        }
        if let Some(threshold) = next.threshold {
            due = due.min(now.saturating_add(threshold));
        }
        self.set_due(name, due.max(now + BREATH));
    }

    /// Wants the next visit now; one that is under way is as good.
    pub(super) fn hasten(&mut self, name: &Arc<str>, now: Duration) {
        if self.slots.get(name).is_some_and(|slot| slot.due.is_some_and(|due| due > now)) {
            self.set_due(name, now);
        }
    }

    /// Takes a new interval. A longer one counts from the next visit; a shorter one at once, without a storm.
    pub(super) fn set_interval(&mut self, name: &Arc<str>, interval: Duration, longest: Duration, now: Duration) {
        let Some(slot) = self.slots.get_mut(name) else { return };
        let (Some(due), started) = (slot.due, slot.started) else { return };
        let mut sooner = started.unwrap_or(now) + self.jittered(name, interval);
        if sooner <= now {
            sooner = now + interval.min(longest).mul_f64(self.dice(name));
        }
        if sooner < due {
            self.set_due(name, sooner);
        }
    }

    /// Forgets an endpoint; a visit under way keeps its place until it comes back.
    pub(super) fn remove(&mut self, name: &Arc<str>) {
        self.unplan(name);
        self.slots.remove(name);
    }

    /// The soonest due time, unless there is no room, since a report comes before anything can be started then; or when a visit is
    /// to be given up.
    pub(super) fn next_wake(&self) -> Option<Duration> {
        let due = self.queue.first().map(|(due, _)| *due).filter(|_| self.under_way.len() < self.limit);
        due.into_iter().chain(self.under_way.values().map(|flight| flight.until)).min()
    }

    fn set_due(&mut self, name: &Arc<str>, due: Duration) {
        self.unplan(name);
        let Some(slot) = self.slots.get_mut(name) else { return };
        slot.due = Some(due);
        self.queue.insert((due, name.clone()));
    }

    /// Takes it out of the queue, or from where it is parked.
    fn unplan(&mut self, name: &Arc<str>) {
        let Some(slot) = self.slots.get_mut(name) else { return };
        let Some(due) = slot.due.take() else { return };
        let turn = std::mem::replace(&mut slot.turn, Turn::Ordinary);
        if let Turn::Parked(spot) = turn {
            self.crowds.unpark(&spot, due, name);
            return;
        }
        self.queue.remove(&(due, name.clone()));
        if let Turn::Called(spot) = turn {
            let next = self.crowds.leave_called(&spot);
            self.call(next, *spot);
        }
    }

    /// Puts the next one of a spot back into the queue, where it stands by the time it was due.
    fn call(&mut self, next: Option<(Duration, Arc<str>)>, spot: Spot) {
        let Some((due, name)) = next else { return };
        if let Some(slot) = self.slots.get_mut(&name) {
            slot.turn = Turn::Called(spot.into());
            self.queue.insert((due, name));
        }
    }

    /// Give or take 10 %.
    fn jittered(&mut self, name: &Arc<str>, interval: Duration) -> Duration {
        interval.mul_f64(0.9 + 0.2 * self.dice(name))
    }

    fn dice(&mut self, name: &Arc<str>) -> f64 {
        self.slots.get_mut(name).map_or(0.0, |slot| slot.dice(self.seed, name))
    }
}

impl Slot {
    /// From 0 to 1: the same for the same seed, name and number of throws, whatever else happens in between.
    fn dice(&mut self, seed: u64, name: &str) -> f64 {
        self.throws += 1;
        fastrand::Rng::with_seed(seed ^ stable_hash(&[name, &self.throws.to_string()])).f64()
    }
}

/// Newcomers are this far apart where there is room; no two visits of one endpoint are closer.
const BREATH: Duration = Duration::from_millis(20);

/// A visit that takes so many times the deadline of one address is given up: it may have a dozen addresses, and wait its turn at each.
const TIMEOUTS: u32 = 100;

/// None is given up sooner.
const LEAST_PATIENCE: Duration = Duration::from_mins(30);

/// In seconds.
const LAG_BOUNDS: &[f64] = &[0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Each endpoint has a spot of its own.
    fn alone(_: &Arc<str>) -> Option<(Spot, Duration)> {
        None
    }

    fn plan(name: &str, interval: Duration) -> Plan {
        Plan { name: name.into(), generation: 1, interval }
    }

    /// One endpoint that has just been started.
    fn started(interval: Duration) -> (Schedule, Arc<str>) {
        let mut schedule = Schedule::new(4, 4, 7);
        schedule.begin(vec![plan("a", interval)], HOUR, Duration::ZERO);
        assert_eq!(schedule.start_due(alone, secs(1)), [("a".into(), 1)]);
        (schedule, "a".into())
    }

    fn regular(after: Duration, interval: Duration) -> Next {
        Next { after, interval, confirm: None, threshold: None }
    }

    #[test]
    fn a_dozen_newcomers_start_within_a_quarter_of_a_second_and_thousands_take_their_time() {
        for (count, interval, expected) in
            [(12_u128, HOUR, 240), (10_000, HOUR, 200_000), (50_000, HOUR, 300_000), (50_000, secs(60), 60_000)]
        {
            let mut schedule = Schedule::new(usize::MAX, 4, 1);
            schedule.begin((0..count).map(|i| plan(&format!("e{i}"), interval)).collect(), secs(300), Duration::ZERO);
            let last = schedule.queue.last().map(|(due, _)| due.as_millis()).expect("planned");
            assert!((expected * 9 / 10..=expected).contains(&last), "{count} take {last} ms");
            let mut each_second = HashMap::<u64, u64>::new();
            schedule.queue.iter().for_each(|(due, _)| *each_second.entry(due.as_secs()).or_default() += 1);
            let busiest = each_second.values().max().copied().expect("planned");
            assert!(u128::from(busiest) <= count * 1000 / expected + 2, "{count}: {busiest} in one second");
        }
    }

    #[test]
    fn later_visits_follow_an_interval_give_or_take_a_tenth() {
        let mut seen = BTreeSet::new();
        let (mut schedule, name) = started(secs(1000));
        let mut now = secs(1);
        for _ in 0..100 {
            assert_eq!(schedule.came_back(&name, 1), Some(now));
            schedule.again(&name, regular(now, secs(1000)), now + secs(5));
            let due = schedule.next_wake().expect("planned");
            let pause = due.saturating_sub(now);
            assert!((secs(900)..=secs(1100)).contains(&pause), "{pause:?} after {now:?}");
            seen.insert(pause);
            now = due;
            assert_eq!(schedule.start_due(alone, now).len(), 1);
        }
        assert!(seen.len() > 90);
    }

    #[test]
    fn ticks_that_were_missed_are_not_made_up_for() {
        let (mut schedule, name) = started(secs(10));
        schedule.came_back(&name, 1);
        schedule.again(&name, regular(secs(1), secs(10)), secs(35));
        let due = schedule.next_wake().expect("planned");
        assert!((secs(44)..=secs(46)).contains(&due), "{due:?}");
    }

    #[test]
    fn a_suspicion_or_a_threshold_comes_sooner_and_never_later() {
        let (mut schedule, name) = started(HOUR);
        schedule.again(&name, Next { after: secs(1), interval: HOUR, confirm: Some(secs(30)), threshold: None }, secs(2));
        assert!((secs(32)..=secs(34)).contains(&schedule.next_wake().expect("planned")));
        schedule.again(&name, Next { after: secs(1), interval: HOUR, confirm: None, threshold: Some(secs(77)) }, secs(2));
        assert_eq!(schedule.next_wake(), Some(secs(79)));
        schedule.again(
            &name,
            Next { after: secs(1), interval: HOUR, confirm: Some(2 * HOUR), threshold: Some(Duration::MAX) },
            secs(2),
        );
        assert!(schedule.next_wake().expect("planned") < secs(2) + HOUR * 11 / 10);
    }

    #[test]
    fn a_visit_that_does_not_come_back_keeps_its_place_until_it_is_given_up() {
        let mut schedule = Schedule::new(1, 4, 7);
        schedule.begin(vec![plan("a", HOUR), plan("b", HOUR)], HOUR, Duration::ZERO);
        let first = schedule.start_due(alone, secs(10));
        assert_eq!(first.len(), 1);
        assert_eq!((schedule.next_wake(), schedule.start_due(alone, secs(100_000)).len()), (Some(secs(1810)), 0));
        assert_eq!((schedule.lost(secs(1809)), schedule.lost(secs(1810))), (Vec::new(), first.clone()));
        assert_eq!(schedule.came_back(&first[0].0, 1), Some(secs(10)));
        assert_eq!(schedule.came_back(&first[0].0, 1), None, "it comes back once");
        let patient = |name: &Arc<str>| Some((Spot::Name(Arc::clone(name)), secs(60)));
        assert_eq!(schedule.start_due(patient, secs(100_000)).len(), 1);
        assert_eq!(schedule.next_wake(), Some(secs(106_000)), "a hundred times its own deadline");
        assert_eq!((schedule.lag.count, schedule.lag.buckets.last().copied()), (2, Some(1)));
    }

    #[test]
    fn a_late_report_frees_its_place_and_says_nothing() {
        let (mut schedule, name) = started(HOUR);
        schedule.begin(vec![Plan { generation: 2, ..plan("a", HOUR) }], HOUR, secs(2));
        assert_eq!(schedule.start_due(alone, secs(3)), [(name.clone(), 2)]);
        assert_eq!(schedule.under_way.len(), 2);
        assert_eq!(schedule.came_back(&name, 1), None);
        assert_eq!(schedule.came_back(&name, 2), Some(secs(3)));
        assert!(schedule.under_way.is_empty());
    }

    #[test]
    fn a_shorter_interval_counts_at_once_and_a_longer_one_from_the_next_visit() {
        let (mut schedule, name) = started(HOUR);
        schedule.came_back(&name, 1);
        schedule.again(&name, regular(secs(1), HOUR), secs(2));
        let hourly = schedule.next_wake();
        schedule.set_interval(&name, 2 * HOUR, HOUR, secs(3));
        assert_eq!(schedule.next_wake(), hourly);
        schedule.set_interval(&name, secs(100), HOUR, secs(3));
        assert!((secs(91)..=secs(111)).contains(&schedule.next_wake().expect("planned")));
        schedule.set_interval(&name, secs(10), HOUR, secs(50));
        assert!((secs(50)..=secs(60)).contains(&schedule.next_wake().expect("planned")));
        assert_eq!(schedule.queue.len(), 1);
    }

    #[test]
    fn whoever_is_called_and_leaves_passes_the_place_on() {
        let spot = |_: &Arc<str>| Some((Spot::Name("crowded".into()), secs(10)));
        let mut schedule = Schedule::new(2, 1, 7);
        schedule.begin(["a", "b", "c", "d"].map(|name| plan(name, HOUR)).into(), HOUR, Duration::ZERO);
        let first = schedule.start_due(spot, secs(1));
        assert_eq!((first.len(), schedule.queue.len()), (1, 0), "the others are parked");
        assert_eq!(schedule.next_wake(), Some(secs(1801)), "when the first is given up");
        schedule.came_back(&first[0].0, 1);
        let called = schedule.queue.first().cloned().expect("the one that is due longest");
        schedule.remove(&called.1);
        let second = schedule.start_due(spot, secs(2));
        assert_eq!(second.len(), 1);
        assert!(second[0].0 != called.1 && second[0].0 != first[0].0);
        schedule.came_back(&second[0].0, 1);
        let third = schedule.start_due(spot, secs(3));
        schedule.came_back(&third[0].0, 1);
        assert_eq!((third.len(), schedule.start_due(spot, secs(4)).len()), (1, 0));
        assert_eq!(schedule.lag.count, 3);
        assert!((5.0..6.0).contains(&schedule.lag.sum), "counted from when they were due: {}", schedule.lag.sum);
    }
}
