//! The marks: what was told against what is true.

use std::collections::{BTreeMap, HashMap};

use crate::{
    fleet::Fleet,
    letter::{Item, Letter, OwnLetter, Says},
    truth::{DAY, Deadline, HOUR, Kind, MINUTE, Moment, Span, Trouble},
    witness::Witness,
    world::World,
};

/// All that counts about the letters of a year.
#[derive(Clone, Debug, Default)]
pub(crate) struct Score {
    /// Delivered.
    pub(crate) letters: usize,
    /// Alarms that say something true, and those that do not.
    pub(crate) right: usize,
    pub(crate) wrong: usize,
    /// Alarms that tell again what the recipient had heard within 20 hours, and no worse; and mails that came twice.
    pub(crate) duplicates: usize,
    /// All-clears while it goes on.
    pub(crate) premature: usize,
    /// Incidents that were told and have ended, without a word of that.
    pub(crate) unclosed: usize,
    /// Incidents that somebody had to hear of by a deadline; those that were told by it, later, never.
    pub(crate) due: usize,
    pub(crate) in_time: usize,
    pub(crate) late: usize,
    pub(crate) missed: usize,
    /// Outages of our own network, and those of which exactly what is true was told to the operators.
    pub(crate) outages: usize,
    pub(crate) outages_told: usize,
    /// From the beginning of each incident that was due to the first mail about it, in seconds, sorted.
    pub(crate) delays: BTreeMap<Kind, Vec<Moment>>,
    /// Of a person.
    pub(crate) mails_a_day: f64,
    pub(crate) most_a_day: usize,
    /// The first few faults, in words.
    pub(crate) faults: Vec<String>,
}

impl Score {
    pub(crate) fn precision(&self) -> f64 {
        share(self.right, self.right + self.wrong)
    }

    pub(crate) fn recall(&self) -> f64 {
        share(self.in_time, self.due)
    }

    fn fault(&mut self, says: impl FnOnce() -> String) {
        if self.faults.len() < 40 {
            self.faults.push(says());
        }
    }

    /// The marks of several years as one.
    pub(crate) fn add(&mut self, other: Score, years: f64) {
        self.letters += other.letters;
        self.right += other.right;
        self.wrong += other.wrong;
        self.duplicates += other.duplicates;
        self.premature += other.premature;
        self.unclosed += other.unclosed;
        self.due += other.due;
        self.in_time += other.in_time;
        self.late += other.late;
        self.missed += other.missed;
        self.outages += other.outages;
        self.outages_told += other.outages_told;
        self.mails_a_day += other.mails_a_day / years;
        self.most_a_day = self.most_a_day.max(other.most_a_day);
        self.faults.extend(other.faults);
        for (kind, delays) in other.delays {
            let all = self.delays.entry(kind).or_default();
            all.extend(delays);
            all.sort_unstable();
        }
    }
}

/// Troubles of one kind, cause and owner, without a pause between them: one incident to its owner.
struct Incident {
    owner: usize,
    kind: Kind,
    span: Span,
    troubles: Vec<usize>,
}

/// Marks the letters about this world, whose endpoints are visited so often.
pub(crate) fn score(world: &World, witness: &Witness, letters: &[Letter], own: &[OwnLetter], interval: Moment) -> Score {
    let truth = Truth::new(world, interval);
    let mut score = Score::default();
    alarms(&truth, letters, &mut score);
    all_clears(&truth, letters, &mut score);
    deadlines(&truth, witness, letters, &mut score);
    mails(world, letters, &mut score);
    own_outages(world, own, &mut score);
    score
}

struct Truth<'a> {
    world: &'a World,
    incidents: Vec<Incident>,
    /// Of a kind at an endpoint: troubles.
    at: HashMap<(usize, Kind), Vec<usize>>,
    /// Of a trouble.
    incident_of: Vec<usize>,
    /// From one visit to the next, at most, with a minute to spare.
    interval: Moment,
}

impl<'a> Truth<'a> {
    fn new(world: &'a World, interval: Moment) -> Self {
        let troubles = &world.fleet.troubles;
        let mut order: Vec<usize> = (0..troubles.len()).collect();
        order.sort_by_key(|number| troubles[*number].span);
        let mut open: HashMap<(usize, Kind, usize), usize> = HashMap::new();
        let mut incidents: Vec<Incident> = Vec::new();
        let mut incident_of = vec![0; troubles.len()];
        let mut at: HashMap<(usize, Kind), Vec<usize>> = HashMap::new();
        for number in order {
            let Trouble { kind, endpoint, cause, span, .. } = troubles[number];
            let owner = world.fleet.endpoints[endpoint].owner;
            at.entry((endpoint, kind)).or_default().push(number);
            let known = open.get(&(owner, kind, cause)).copied().filter(|known| span.from <= incidents[*known].span.to);
            let place = known.unwrap_or_else(|| {
                incidents.push(Incident { owner, kind, span, troubles: Vec::new() });
                incidents.len() - 1
            });
            open.insert((owner, kind, cause), place);
            incidents[place].span.to = incidents[place].span.to.max(span.to);
            incidents[place].troubles.push(number);
            incident_of[number] = place;
        }
        Truth { world, incidents, at, incident_of, interval: interval * 11 / 10 + 60 }
    }

    /// The trouble of this kind that was going on here at some time between the two.
    fn holding(&self, item: &Item, from: Moment, to: Moment) -> Option<usize> {
        self.like(item).rev().find(|number| self.world.fleet.troubles[*number].span.holds_within(from, to))
    }

    /// What the item may be about, whenever it was: of a certificate's end, that of this very one.
    fn like(&self, item: &Item) -> impl DoubleEndedIterator<Item = usize> {
        let kind = Kind::of_code(&item.code);
        let here = kind.and_then(|kind| self.at.get(&(item.endpoint, kind))).into_iter().flatten().copied();
        let ends = item.ends.filter(|_| kind == Some(Kind::Expiry));
        let Fleet { troubles, leaves, .. } = &self.world.fleet;
        here.filter(move |number| ends.is_none_or(|ends| leaves[troubles[*number].cause].ends == ends))
    }

    /// The incidents that a letter tells of, each with the worst rank: by what held at the last visit to each endpoint.
    fn told(&self, letter: &Letter) -> BTreeMap<usize, u8> {
        let mut told = BTreeMap::new();
        for item in &letter.items {
            if let Some(number) = self.holding(item, letter.decided - self.interval, letter.decided) {
                let rank = told.entry(self.incident_of[number]).or_insert(item.rank);
                *rank = item.rank.max(*rank);
            }
        }
        told
    }
}

/// Every alarm is true, was true when it came, and says something new.
fn alarms(truth: &Truth<'_>, letters: &[Letter], score: &mut Score) {
    let mut heard: HashMap<usize, (Moment, u8)> = HashMap::new();
    for letter in letters.iter().filter(|letter| letter.says == Says::Alarm) {
        let Some(delivered) = letter.delivered else { continue };
        let now = letter.decided;
        let is = |from, to| move |item: &&Item| truth.holding(item, from, to).is_some();
        let is_true = letter.items.iter().any(|item| is(now - 60, now)(&item))
            && letter.items.iter().all(|item| is(now - truth.interval, now)(&item));
        let is_stale = !letter.items.iter().any(|item| is(delivered - 2 * truth.interval, delivered)(&item));
        if !is_true || is_stale {
            score.wrong += 1;
            score.fault(|| format!("{} of {letter:?}", if is_true { "stale" } else { "false" }));
            continue;
        }
        score.right += 1;
        let told = truth.told(letter);
        let is_repeat = |(incident, rank): (&usize, &u8)| {
            heard.get(incident).is_some_and(|(at, before)| rank <= before && now < at + 20 * HOUR)
        };
        if told.iter().all(is_repeat) {
            score.duplicates += 1;
            score.fault(|| format!("told again {letter:?}"));
        }
        heard.extend(told.into_iter().map(|(incident, rank)| (incident, (now, rank))));
    }
}

/// Every all-clear is true, and there is one for everything that was told.
fn all_clears(truth: &Truth<'_>, letters: &[Letter], score: &mut Score) {
    let troubles = &truth.world.fleet.troubles;
    let mut cleared: HashMap<usize, Vec<Moment>> = HashMap::new();
    for letter in letters.iter().filter(|letter| letter.says == Says::AllClear && letter.delivered.is_some()) {
        let now = letter.decided;
        let goes_on = letter.items.iter().any(|item| {
            let number = truth.holding(item, now - 60, now);
            number.is_some_and(|number| troubles[number].span.from < now - 60 && troubles[number].span.holds(now))
        });
        if goes_on {
            score.premature += 1;
            score.fault(|| format!("not over yet {letter:?}"));
        }
        for item in &letter.items {
            for number in truth.like(item).filter(|number| troubles[*number].span.from < now) {
                cleared.entry(truth.incident_of[number]).or_default().push(now);
            }
        }
    }
    let mut told: BTreeMap<usize, &Letter> = BTreeMap::new();
    for letter in letters.iter().filter(|letter| letter.says == Says::Alarm && letter.delivered.is_some()) {
        for incident in truth.told(letter).into_keys() {
            told.entry(incident).or_insert(letter);
        }
    }
    for (number, letter) in told {
        let incident = &truth.incidents[number];
        let since = incident.span.to - 60;
        let is_closed = cleared.get(&number).is_some_and(|at| at.iter().any(|at| *at >= since));
        if !is_closed && incident.span.to < truth.world.fleet.horizon() - 3 * DAY {
            score.unclosed += 1;
            score.fault(|| format!("never closed, over at {}: {letter:?}", incident.span.to));
        }
    }
}

/// Every incident is told by its deadline, as far as the mail server lets it.
fn deadlines(truth: &Truth<'_>, witness: &Witness, letters: &[Letter], score: &mut Score) {
    let mut decided: HashMap<usize, Moment> = HashMap::new();
    let mut delivered: HashMap<usize, Moment> = HashMap::new();
    for letter in letters.iter().filter(|letter| letter.says == Says::Alarm) {
        for incident in truth.told(letter).into_keys() {
            decided.entry(incident).or_insert(letter.decided);
            if let Some(at) = letter.delivered {
                let first = delivered.entry(incident).or_insert(at);
                *first = at.min(*first);
            }
        }
    }
    for (number, incident) in truth.incidents.iter().enumerate() {
        let Some(by) = truth.deadline(incident, witness) else { continue };
        let arrives = decided.get(&number).map_or(by, |at| truth.world.mail_by(*at)).max(by);
        if incident.span.to <= arrives || truth.world.fleet.horizon() <= arrives {
            // Nobody need hear of what is over.
            continue;
        }
        score.due += 1;
        match delivered.get(&number) {
            Some(at) => {
                score.delays.entry(incident.kind).or_default().push(at - incident.span.from);
                let is_in_time = decided[&number] <= by && *at <= arrives;
                score.in_time += usize::from(is_in_time);
                score.late += usize::from(!is_in_time);
            }
            None => score.missed += 1,
        }
        if delivered.get(&number).is_none_or(|at| decided[&number] > by || *at > arrives) {
            let (decided, delivered) = (decided.get(&number), delivered.get(&number));
            let Incident { owner, kind, span, troubles } = incident;
            let first = truth.world.fleet.troubles[troubles[0]];
            score.fault(|| {
                format!("to owner {owner}: {kind:?} {span:?} by {by}, decided {decided:?}, delivered {delivered:?}, {first:?}")
            });
        }
    }
    score.delays.values_mut().for_each(|delays| delays.sort_unstable());
}

impl Truth<'_> {
    /// By when the owner has to know; a minute is granted from the visit to the decision.
    fn deadline(&self, incident: &Incident, witness: &Witness) -> Option<Moment> {
        let each = incident.troubles.iter().filter_map(|number| match self.world.fleet.troubles[*number].deadline {
            Deadline::Moment(at) => Some(at),
            Deadline::Visits(count) => self.met(*number, count, witness).map(|at| at + 60),
            Deadline::Never => None,
        });
        each.min()
    }

    /// When so many visits have met the trouble. A network failure is over before most would come again by themselves: whoever does
    /// not look again soon is not excused by that.
    fn met(&self, number: usize, count: usize, witness: &Witness) -> Option<Moment> {
        let met = &witness.met[number];
        let Fleet { troubles, outages, .. } = &self.world.fleet;
        if let (Kind::Network, Some(first)) = (troubles[number].kind, met.first()) {
            let by = first + PACE * Moment::try_from(count).ok()?;
            let is_disturbed = outages.iter().any(|(span, _)| span.holds_within(first - HOUR, by));
            return if is_disturbed { None } else { Some(met.get(count - 1).map_or(by, |at| by.min(*at))) };
        }
        met.get(count - 1).copied()
    }
}

/// One mail about each outage of our own that has lasted ten minutes, and one that says it is over; a single one where the first
/// could not leave before. None about anything else.
fn own_outages(world: &World, letters: &[OwnLetter], score: &mut Score) {
    let outages = &world.fleet.outages;
    score.outages = outages.len();
    for (span, how) in outages {
        let delivered = |is_over: bool| {
            let about = letters.iter().filter(|letter| letter.is_over == is_over && letter.delivered.is_some());
            about.filter(|letter| span.from < letter.decided && letter.decided < span.to + 10 * MINUTE).count()
        };
        let (begun, over) = (delivered(false), delivered(true));
        if begun <= 1 && over == 1 {
            score.outages_told += 1;
        } else {
            score.fault(|| format!("of the outage {how:?} {span:?} {begun} mails told the beginning, {over} the end"));
        }
    }
    for letter in letters {
        if !outages.iter().any(|(span, _)| span.from < letter.decided && letter.decided < span.to + 10 * MINUTE) {
            score.wrong += 1;
            score.fault(|| format!("it was not us: {letter:?}"));
        }
    }
}

fn mails(world: &World, letters: &[Letter], score: &mut Score) {
    let mut each_day: HashMap<(usize, Moment), usize> = HashMap::new();
    for letter in letters {
        if let Some(at) = letter.delivered {
            score.letters += 1;
            *each_day.entry((letter.recipient, at / DAY)).or_default() += 1;
        }
    }
    score.most_a_day = each_day.values().copied().max().unwrap_or_default();
    let Fleet { plan, .. } = &world.fleet;
    let days = usize::try_from(plan.days).unwrap_or_default();
    score.mails_a_day = share(score.letters, plan.owners * days);
}

/// From one look to the next where something is suspected: half a minute, and as long as a server may be silent.
const PACE: Moment = 45;

fn share(part: usize, of: usize) -> f64 {
    if of == 0 {
        return 1.0;
    }
    let number = |count| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    number(part) / number(of)
}
