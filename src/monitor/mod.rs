//! The brain: `handle(event, now) -> effects` decides everything; `daemon` waits, asks and obeys.

mod aging;
mod alive;
mod answers;
mod crowd;
mod desk;
mod dossier;
mod escalation;
mod event;
mod evidence;
mod habit;
mod history;
mod hold;
mod index;
mod keeping;
mod ledger;
mod looks;
mod notice;
mod ours;
mod outbox;
mod person;
mod policy;
mod post;
mod preview;
mod proof;
mod refusal;
mod reload;
mod review;
mod rollout;
mod schedule;
mod select;
mod silence;
mod snapshot;
mod sweep;
mod tell;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use crate::{
    clock::{Now, Timestamp},
    incident::{Incident, IncidentKey, Member},
};
use alive::LifeSigns;
use crowd::Spot;
use desk::Desk;
use dossier::{Dossier, Judgement};
use hold::Holds;
use keeping::Failing;
use ledger::Ledger;
use ours::{Anchors, Clock, Episode, Ways, is_of_dates, is_of_trust, spot};
use outbox::{Outbox, Outcome};
use schedule::{Next, Schedule};
use silence::Silences;
use sweep::Sweep;

pub use alive::{Alive, End, Standing};
pub use desk::Tally;
pub use escalation::Escalation;
pub use event::{Effect, Event, Inventory, Record, Restored, RestoredAddress, Settings, Visited, Waiting};
pub use habit::{Habit, Renewal, Renewals};
pub use history::Chapter;
pub use index::Index;
pub use keeping::StateTrouble;
pub use notice::{Case, Mended, Notice, NoticeKind, Own};
pub use ours::{ClockEvidence, OwnFault, OwnKind};
pub use person::{Digest, People, Person};
pub use policy::{Limits, Policy, Subscription, Watch};
pub use refusal::{InPlaceOf, Refusal};
pub use rollout::Rollout;
pub use select::{Glob, Selector};
pub use silence::Silence;
pub use snapshot::{
    AddressView, EndpointView, Histogram, IncidentView, MailResult, OutboxView, ReloadView, Snapshot, WaitingView,
};

/// All that is known and wanted, and the only place where anything is decided. Never waits, never fails, reads no clock.
#[derive(Debug)]
pub struct Monitor {
    settings: Settings,
    started: Timestamp,
    /// In the order of the inventory, the canaries last.
    dossiers: Vec<Dossier>,
    /// Where in `dossiers` a name stands.
    places: HashMap<Arc<str>, usize>,
    /// The same for those who look at a snapshot.
    index: Arc<Index>,
    ledger: Ledger,
    schedule: Schedule,
    outbox: Outbox,
    /// Mails under way, by id, and the endpoints whose news wait for them.
    awaited: HashMap<String, BTreeSet<Arc<str>>>,
    holds: Holds,
    silences: Silences,
    ways: Ways,
    clock: Clock,
    anchors: Anchors,
    /// What is wrong with us.
    episodes: BTreeMap<OwnKind, Episode>,
    /// Who hears of that.
    operators: Vec<String>,
    desk: Desk,
    /// When somebody is to be told next of what nobody mends, in uptime.
    next_escalation: Option<Duration>,
    /// Somewhere there is a step of escalation.
    escalates: bool,
    life: LifeSigns,
    /// Under way; begun only where there is a way out, so that the first mail ever is the summary.
    sweep: Option<Sweep>,
    sweep_done: bool,
    /// Counts what was asked of endpoints, over all of them: a report that answers an older question is late.
    generations: u64,
    /// Visits that were given up since the start.
    lost: u64,
    reload: ReloadView,
    state_trouble: Option<String>,
    failing: Option<Failing>,
    /// Where the former state lies, which was damaged.
    set_aside: Option<String>,
    /// What is wrong with the ways out: mail is '', channels have their names.
    way_troubles: BTreeMap<Arc<str>, String>,
    /// Those to whom the last mail was refused for good, by mail address.
    refusals: BTreeMap<String, Refusal>,
    revision: u64,
}

/// What one event brings about, until it is put into order.
#[derive(Debug, Default)]
struct Turn {
    records: Vec<Record>,
    posts: Vec<Notice>,
    /// Incidents, and endpoints' parts in them, to be saved as they are at the end of the turn.
    incidents: BTreeSet<IncidentKey>,
    members: BTreeSet<(usize, IncidentKey)>,
}

impl Monitor {
    /// A brain that remembers what a former one had saved. What it remembers of endpoints that are gone is forgotten.
    pub fn new(inventory: impl Into<Inventory>, restored: Restored, settings: Settings, now: Now) -> (Self, Vec<Effect>) {
        let mut monitor = Monitor {
            settings,
            started: now.wall,
            dossiers: Vec::new(),
            places: HashMap::new(),
            index: Arc::default(),
            ledger: Ledger::default(),
            schedule: Schedule::new(settings.limits.visits, settings.limits.visits_per_address, settings.seed),
            outbox: Outbox::new(restored.outbox, settings.mail, settings.seed, now.uptime),
            awaited: HashMap::new(),
            holds: Holds::default(),
            silences: Silences::default(),
            ways: Ways::default(),
            clock: Clock::new(settings.built),
            anchors: Anchors::default(),
            episodes: BTreeMap::new(),
            operators: Vec::new(),
            desk: Desk::default(),
            next_escalation: None,
            escalates: false,
            life: LifeSigns::default(),
            sweep: None,
            sweep_done: restored.first_sweep_done,
            generations: 0,
            lost: 0,
            reload: ReloadView { successful: true, success_at: now.wall },
            state_trouble: None,
            failing: None,
            set_aside: None,
            way_troubles: BTreeMap::new(),
            refusals: restored.refusals.into_iter().map(|refusal| (refusal.recipient.clone(), refusal)).collect(),
            revision: 1,
        };
        let mut turn = Turn::default();
        monitor.silences.set(restored.silences, now);
        monitor.desk.restore(restored.tallies, now);
        monitor.life.restore(restored.shown_alive);
        monitor.reloaded(inventory.into(), now, &mut turn);
        let gone = monitor.recall(restored.renewals);
        turn.records.extend(gone.into_iter().map(Record::EndpointGone));
        monitor.remember(restored.addresses, restored.incidents, restored.members, now, &mut turn);
        monitor.take_stock();
        monitor.remember_clock(now);
        monitor.anchors.changed(now.uptime);
        monitor.review(now, &mut turn);
        let effects = monitor.effects(turn, now);
        (monitor, effects)
    }

    /// Takes what has happened and says what is to be done, in this order: save, post, deliver, visit.
    pub fn handle(&mut self, event: Event, now: Now) -> Vec<Effect> {
        let mut turn = Turn::default();
        self.mind_clock(false, now);
        self.mind_anchors(now);
        let has_ended = self.end_silences(now, &mut turn);
        let has_lost = self.give_up_lost(now, &mut turn);
        let is_visible = match event {
            Event::Woke => false,
            Event::Visited(report) => self.visited(report, now, &mut turn),
            Event::Reloaded(inventory) => {
                self.reloaded(inventory, now, &mut turn);
                self.take_stock();
                true
            }
            Event::People(people) => {
                self.respect(people, now, &mut turn);
                true
            }
            Event::Silenced(silences) => self.silence(silences, now, &mut turn),
            Event::SilencedMore(silence) => self.silence_more(silence, now, &mut turn),
            Event::SilencedNoMore(id) => self.unsilence(id, now, &mut turn),
            Event::Hastened(name) => {
                self.schedule.hasten(&name, now.uptime);
                false
            }
            Event::Answered(answer) => self.answered(&answer, now, &mut turn),
            Event::ReloadFailed => std::mem::replace(&mut self.reload.successful, false),
            Event::Mailed { id, result, detail, after } => {
                let outcome = Outcome { result, after };
                self.mailed(&id, outcome, &detail, now, &mut turn)
            }
            Event::Resent { channel, result, detail } => self.way_is(&channel, result, &detail),
            Event::SetAside(file) => self.set_aside(&file, now, &mut turn),
            Event::Saved(result) => self.saved(result, now),
        };
        self.end_sweep(now, &mut turn);
        self.release(None, now, &mut turn);
        let is_visible = self.mind_ourselves(now, &mut turn) || is_visible;
        self.escalate(now, &mut turn);
        let has_told = self.tell_those_who_waited(now, &mut turn);
        self.review(now, &mut turn);
        self.plan_escalations(now, &turn);
        self.mind_the_state(now, &mut turn);
        self.show_life(now, &mut turn);
        let effects = self.effects(turn, now);
        self.revision += u64::from(is_visible || has_lost || has_ended || has_told || !effects.is_empty());
        effects
    }

    /// When `Event::Woke` is wanted, in uptime; `None` when only another event can bring anything about.
    pub fn next_wake(&self) -> Option<Duration> {
        let sweep = self.sweep.as_ref().map(Sweep::deadline);
        let wakes = [
            self.schedule.next_wake(),
            self.outbox.next_wake(),
            sweep,
            self.holds.next_wake(),
            self.anchors.next_wake(),
            self.next_telling(),
            self.silences.next_wake(),
            self.desk.next_wake(),
            self.next_escalation,
            self.life.next_wake(),
            self.next_word_of_the_state(),
        ];
        wakes.into_iter().flatten().min()
    }

    /// Grows with everything that a snapshot would show differently (but for its own time).
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// What there is to see. One pointer is copied for each endpoint and incident.
    pub fn snapshot(&self, now: Now) -> Snapshot {
        Snapshot {
            at: now.wall,
            started: self.started,
            endpoints: self.endpoints().map(|dossier| dossier.view.clone()).collect(),
            index: Arc::clone(&self.index),
            canaries: self.canaries(),
            incidents: self.ledger.entries().map(|entry| self.view(entry)).collect(),
            silences: self.silences.active().to_vec(),
            held: self.desk.view(),
            outbox: OutboxView { waiting: self.outbox.waiting(now), ..self.outbox.view() },
            reload: self.reload.clone(),
            lag: self.schedule.lag.clone(),
            lost_visits: self.lost,
            own_faults: self.own_faults(),
            troubles: self.troubles(),
        }
    }

    /// What is wrong with the daemon itself, or its surroundings, as sentences.
    fn troubles(&self) -> Vec<String> {
        let own = self.own_faults().into_iter().map(|fault| fault.sentence());
        let refusals = self.refusals.values().map(Refusal::sentence);
        let told = self.state_trouble.iter().chain(&self.set_aside).chain(self.way_troubles.values()).cloned();
        told.chain(refusals).chain(own).collect()
    }

    /// Gives up visits that have not come back for long: they have brought nothing home, which is told of their endpoints, and what
    /// they may bring later is dropped.
    fn give_up_lost(&mut self, now: Now, turn: &mut Turn) -> bool {
        let mut is_visible = false;
        for (endpoint, generation) in self.schedule.lost(now.uptime) {
            self.lost += 1;
            self.generations += 1;
            let report = Visited { endpoint: endpoint.clone(), generation, seen: Vec::new(), resolved: Vec::new() };
            if self.visited(report, now, turn) {
                self.schedule.renumber(&endpoint, self.generations);
                is_visible = true;
            }
        }
        is_visible
    }

    /// A report: the addresses move on, then the incidents, then people are told, and the next visit is planned.
    /// `false`: it came late and is dropped.
    fn visited(&mut self, mut report: Visited, now: Now, turn: &mut Turn) -> bool {
        let Some(started) = self.schedule.came_back(&report.endpoint, report.generation) else { return false };
        let Some(&place) = self.places.get(&report.endpoint) else { return false };
        self.life.count_visit();
        if report.seen.is_empty() {
            report.seen.push(dossier::lost(now.wall));
        }
        self.bears_witness(place, &report, started, now);
        let host = self.dossiers[place].view.watch.endpoint.target.host.clone();
        let counts = |address| self.ways.counts(&spot(&host, address), started);
        let was_trusted = self.was_trusted(place);
        let renewal = habit::renewal(&self.dossiers[place].view, &report);
        let mut records = Vec::new();
        self.dossiers[place].observe(&report, started, counts, now.wall, &mut records);
        for record in &records {
            if let Record::AddressGone { address: Some(address), .. } = record {
                self.ways.left(&Spot::Address(*address), &report.endpoint);
            }
        }
        self.weigh(place, now);
        self.mind_clock_after(&report, now);
        self.mind_anchors_after(&report, was_trusted, now);
        let (dates_count, is_held) = (self.clock.counts(started), self.anchors.holds(&report.endpoint));
        if let Some(renewal) = renewal.filter(|_| dates_count && !self.dossiers[place].is_canary) {
            self.learn(place, renewal, turn);
        }
        let counts = |topic| (dates_count || !is_of_dates(topic)) && !(is_held && is_of_trust(topic));
        let dossier = &mut self.dossiers[place];
        let judgement = if dossier.is_canary {
            Judgement::default()
        } else {
            turn.records.extend(records);
            dossier.judge(&report, counts, now.wall)
        };

        let is_hushed = |address| self.ways.is_hushed(&spot(&host, address), &report.endpoint);
        let is_suspected = dossier.is_suspected(&report, is_hushed);
        let is_pending = dossier.doubts().proofs.is_pending();
        let next = Next {
            after: started,
            interval: dossier.view.watch.policy.interval,
            confirm: (is_suspected || is_pending).then_some(dossier.view.watch.policy.confirm),
            threshold: dossier.next_threshold(now.uptime.saturating_sub(started), now.wall).filter(|_| !dossier.is_canary),
        };
        self.schedule.again(&report.endpoint, next, now.uptime);
        if let Some(sweep) = self.sweep.as_mut().filter(|_| !is_suspected) {
            sweep.settled(&report.endpoint);
        }
        self.judged(place, judgement, now, turn);
        self.release(Some(&report.endpoint), now, turn);
        true
    }

    fn view(&self, entry: &ledger::Entry) -> IncidentView {
        let names = entry.standing.union(&entry.mended);
        let members: Vec<_> = names.filter_map(|name| self.member(name, &entry.incident.key).cloned()).collect();
        let silenced = members.iter().filter(|member| member.is_open()).filter_map(|member| {
            let watch = &self.dossiers[*self.places.get(&member.endpoint)?].view.watch;
            Some((member.endpoint.clone(), self.silences.of(watch, member)?.clone()))
        });
        IncidentView { incident: entry.incident.clone(), silenced: silenced.collect(), members }
    }

    fn begin_sweep(&mut self, now: Now) {
        if self.can_tell() && !self.sweep_done && self.sweep.is_none() && self.endpoints().next().is_some() {
            let names = self.endpoints().map(|dossier| dossier.name().clone());
            self.sweep = Some(Sweep::new(names, now.uptime.saturating_add(self.settings.first_sweep)));
        }
    }

    /// What is watched, without the canaries.
    fn endpoints(&self) -> impl Iterator<Item = &Dossier> {
        self.dossiers.iter().filter(|dossier| !dossier.is_canary)
    }

    fn can_tell(&self) -> bool {
        self.settings.mail || self.dossiers.iter().any(|dossier| !dossier.view.watch.policy.channels.is_empty())
    }

    /// Tells all that was held, once the first sweep is over.
    fn end_sweep(&mut self, now: Now, turn: &mut Turn) {
        let Some(sweep) = self.sweep.take_if(|sweep| sweep.is_over(now.uptime)) else { return };
        self.sweep_done = true;
        let notices = self.summaries(&sweep, now.wall);
        self.post(notices, now, turn);
        turn.records.push(Record::FirstSweepDone);
    }

    /// Takes back what was saved. What changed in the inventory meanwhile has the same effect as in a reload.
    fn remember(
        &mut self,
        addresses: Vec<RestoredAddress>,
        incidents: Vec<Incident>,
        members: Vec<Member>,
        now: Now,
        turn: &mut Turn,
    ) {
        let mut gone = BTreeSet::new();
        for RestoredAddress { endpoint, place, view } in addresses {
            match self.places.get(&endpoint).map(|at| &mut self.dossiers[*at]) {
                Some(dossier) if dossier.view.watch.endpoint.place() == *place => dossier.restore(view),
                Some(_) => turn.records.push(Record::AddressGone { endpoint, address: view.address }),
                None => drop(gone.insert(endpoint)),
            }
        }
        for incident in incidents {
            self.ledger.restore(incident);
        }
        let mut left = Vec::new();
        for member in members {
            let (key, name) = (member.key.clone(), member.endpoint.clone());
            let Some(&place) = self.places.get(&name) else {
                gone.insert(name);
                left.push(member);
                continue;
            };
            if self.ledger.stands(&key, &name, member.since) {
                turn.incidents.insert(key.clone());
            }
            if !member.is_standing() {
                self.ledger.mended(&key, &name);
            }
            self.dossiers[place].restore_member(member);
        }
        for member in left {
            self.settle(&member.key, &member.heard, now, turn);
        }
        for key in self.ledger.over() {
            self.settle(&key, &[], now, turn);
        }
        turn.records.extend(gone.into_iter().map(Record::EndpointGone));
    }

    /// Puts a turn into the order that loses nothing in a crash, and starts what is due.
    fn effects(&mut self, turn: Turn, now: Now) -> Vec<Effect> {
        let Turn { mut records, posts, incidents, members } = turn;
        let incidents = incidents.iter().filter_map(|key| self.ledger.get(key)).map(|entry| entry.incident.clone());
        let members = members.iter().filter_map(|(place, key)| self.dossiers[*place].members.get(key)).cloned();
        let changed: Vec<_> = incidents.map(Record::Incident).chain(members.map(Record::Member)).collect();
        records.splice(0..0, changed);
        let mut effects = Vec::new();
        if !records.is_empty() {
            effects.push(Effect::Save(records));
        }
        effects.extend(posts.into_iter().map(Effect::Post));
        effects.extend(self.outbox.take_due(now.uptime).into_iter().map(Effect::Deliver));
        let about = |name: &Arc<str>| {
            let view = &self.dossiers[*self.places.get(name)?].view;
            Some((Spot::of(view), view.watch.endpoint.timeout))
        };
        for (name, generation) in self.schedule.start_due(about, now.uptime) {
            if let Some(&place) = self.places.get(&name) {
                effects.push(Effect::Visit { watch: self.dossiers[place].view.watch.clone(), generation });
            }
        }
        effects
    }
}
