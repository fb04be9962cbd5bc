//! The brain's hands: every effect becomes a task that is owned here, and every task comes back as an event.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::oneshot,
    task::{AbortHandle, Id, JoinError, JoinSet},
};
use tracing::{debug, error, info, warn};

use super::{
    StartError,
    scribe::{Page, Scribe, Written},
    shown,
};
use crate::{
    channel::{self, Channels, Outcome},
    clock::{Now, Timestamp},
    config::{self, Config, Environment, Faults, Loaded},
    incident::{IncidentKey, Member, State, channel_of},
    mail::{self, Courier},
    monitor::{Effect, Event, MailResult, Record, Snapshot, Visited, Watch},
    store::{self, Store},
    visit::{Visitor, When},
    web::OwnMetrics,
};

/// What a task comes back with.
pub(super) enum Done {
    /// Something for the brain.
    Event(Event),
    /// Nothing of note.
    Nothing,
    /// A configuration was read; `None` when the reading itself failed.
    Config(Option<Box<Result<Loaded, Faults>>>),
}

pub(super) struct Hands {
    visitor: Visitor,
    courier: Option<Arc<Courier>>,
    mail: Option<mail::Settings>,
    channels: Channels,
    /// The posted mails that wait for the brain's word or for the server.
    mails: HashMap<String, store::Mail>,
    /// Posted, and not known to be written yet: delivered only after.
    unwritten: HashSet<String>,
    /// Wanted by the brain while unwritten.
    wanted: Vec<String>,
    own: Arc<OwnMetrics>,
    tasks: JoinSet<Done>,
    under_way: HashMap<Id, Task>,
    reading: Reading,
    scribe: Scribe,
    store: Store,
    /// When silences were asked for last, in uptime.
    silences_asked: Duration,
    /// The open incidents at each endpoint and the stage they were logged at: a log is read for what changes.
    logged: HashMap<(Arc<str>, IncidentKey), String>,
    /// When each channel that wants to was last told again what is open, in uptime.
    resent: HashMap<Arc<str>, Duration>,
    /// Endpoints that were told to have an address without a route.
    told_skipped: HashSet<Arc<str>>,
}

/// Whether the configuration is being read.
enum Reading {
    /// It is not.
    Idle,
    /// It is.
    UnderWay,
    /// It is, and has to be once more after that.
    Again(PathBuf, Environment),
}

/// What a task is about, for the day it panics.
enum Task {
    /// A visit of this endpoint, as of this generation; and the way to break it off.
    Visit(Arc<str>, u64, AbortHandle),
    /// The delivery of the mail of this id.
    Delivery(String),
    /// The configuration is being read.
    Reading,
    /// Whether there are other silences.
    Silences,
    /// The channel of this name is told again what is open.
    Resend(Arc<str>),
}

impl Hands {
    pub(super) fn new(
        config: &Config,
        store: Store,
        visitor: Visitor,
        waiting: Vec<store::Mail>,
        own: Arc<OwnMetrics>,
    ) -> Result<Self, StartError> {
        let courier = config.mail.as_ref().map(Courier::new).transpose()?.map(Arc::new);
        Ok(Hands {
            visitor,
            courier,
            mail: config.mail.clone(),
            channels: Channels::new(&config.channels)?,
            mails: waiting.into_iter().map(|mail| (mail.id.clone(), mail)).collect(),
            unwritten: HashSet::new(),
            wanted: Vec::new(),
            own,
            tasks: JoinSet::new(),
            under_way: HashMap::new(),
            reading: Reading::Idle,
            scribe: Scribe::start(store.clone()),
            store,
            silences_asked: Duration::ZERO,
            logged: HashMap::new(),
            resent: HashMap::new(),
            told_skipped: HashSet::new(),
        })
    }

    /// For visits that are no business of the brain.
    pub(super) fn visitor(&self) -> Visitor {
        self.visitor.clone()
    }

    /// Does what the brain wants. Returns at once; what comes of it comes back through [`Hands::next`].
    pub(super) fn carry_out(&mut self, effects: Vec<Effect>, now: Now) {
        self.obey(effects, None, now);
    }

    /// The same, and tells whether what is to be saved is on the disk.
    pub(super) fn carry_out_for(&mut self, effects: Vec<Effect>, done: oneshot::Sender<bool>, now: Now) {
        self.obey(effects, Some(done), now);
    }

    fn obey(&mut self, effects: Vec<Effect>, done: Option<oneshot::Sender<bool>>, now: Now) {
        let mut page = Page::default();
        let mut deliveries = Vec::new();
        for effect in effects {
            match effect {
                Effect::Visit { watch, generation } => self.visit(watch, generation, now),
                Effect::Save(records) => {
                    for record in &records {
                        self.note(record);
                    }
                    page.records.extend(records);
                }
                Effect::Post(notice) => {
                    let message = match (channel_of(&notice.recipient), &self.mail) {
                        (Some(_), _) => channel::compose(&notice).into(),
                        (None, Some(settings)) => {
                            let composed = mail::compose(&notice, settings);
                            if let Some(trouble) = composed.trouble {
                                warn!(to = notice.recipient, "the built-in template was used, as {trouble}");
                            }
                            composed.message.into()
                        }
                        (None, None) => continue,
                    };
                    info!(kind = notice.kind.name(), to = notice.recipient, "mail posted");
                    let mail =
                        store::Mail { id: notice.id, kind: notice.kind, recipient: notice.recipient, at: notice.at, message };
                    self.unwritten.insert(mail.id.clone());
                    self.mails.insert(mail.id.clone(), mail.clone());
                    page.mails.push(mail);
                }
                Effect::Deliver(id) => deliveries.push(id),
            }
        }
        match done {
            Some(done) => self.scribe.write_for(page, done),
            None if page.records.is_empty() && page.mails.is_empty() => {}
            None => self.scribe.write(page),
        }
        for id in deliveries {
            if self.unwritten.contains(&id) { self.wanted.push(id) } else { self.deliver(id) }
        }
    }

    /// The next task that came back. Never ends; cancel-safe.
    pub(super) async fn next(&mut self) -> Done {
        tokio::select! {
            Some(ended) = self.tasks.join_next_with_id() => self.ended(ended),
            Some(written) = self.scribe.written() => self.written(written),
            else => std::future::pending().await,
        }
    }

    /// Reads the configuration off the loop: a trust store on a slow disk shall not hold the visits up. One reading at a time, so
    /// that the last one asked for is the last one taken.
    pub(super) fn read_config(&mut self, path: PathBuf, environment: Environment) {
        if !matches!(self.reading, Reading::Idle) {
            self.reading = Reading::Again(path, environment);
            return;
        }
        info!("reading {} again", shown(&path));
        self.reading = Reading::UnderWay;
        let task = self.tasks.spawn_blocking(move || Done::Config(Some(Box::new(config::load(&path, &environment)))));
        self.under_way.insert(task.id(), Task::Reading);
    }

    /// A reading is over; whether another one follows, whose result is to be waited for.
    pub(super) fn config_read(&mut self) -> bool {
        match std::mem::replace(&mut self.reading, Reading::Idle) {
            Reading::Again(path, environment) => {
                self.read_config(path, environment);
                true
            }
            Reading::Idle | Reading::UnderWay => false,
        }
    }

    /// Takes the settings of the ways out of a new configuration; where they cannot be used, the old ones stay.
    pub(super) fn use_ways(&mut self, config: &Config) -> Result<(), StartError> {
        let channels = Channels::new(&config.channels)?;
        self.courier = config.mail.as_ref().map(Courier::new).transpose()?.map(Arc::new);
        self.channels = channels;
        self.mail.clone_from(&config.mail);
        Ok(())
    }

    /// Lets mails that are under way arrive and writes what is left, for at most `within`; visits are broken off.
    pub(super) async fn finish(mut self, within: Duration) {
        let deadline = tokio::time::Instant::now() + within;
        // A mail that was taken and not struck off would go out twice: deliveries get a moment, and their end is written.
        let grace = deadline - within / 2;
        while self.under_way.values().any(|task| matches!(task, Task::Delivery(_))) {
            let Ok(Some(ended)) = tokio::time::timeout_at(grace, self.tasks.join_next_with_id()).await else { break };
            if let Done::Event(Event::Mailed { id, result: MailResult::Delivered, .. }) = self.ended(ended) {
                self.scribe.write(Page { records: vec![Record::MailGone(id)], mails: Vec::new() });
            }
        }
        self.tasks.abort_all();
        if tokio::time::timeout_at(deadline, self.scribe.finish()).await.is_err() {
            warn!("the state was not written to its end before the stop");
        }
    }

    fn visit(&mut self, watch: Arc<Watch>, generation: u64, now: Now) {
        let (visitor, own, endpoint) = (self.visitor.clone(), Arc::clone(&self.own), Arc::clone(&watch.endpoint.name));
        for task in self.under_way.values() {
            if let Task::Visit(name, _, former) = task
                && *name == endpoint
            {
                warn!(%endpoint, "the visit before this one has not come back and is broken off");
                former.abort();
            }
        }
        let task = self.tasks.spawn(async move {
            let visit = visitor.visit(&watch.endpoint, &watch.expectation, &watch.trust, When::now(now.wall)).await;
            own.count_verdicts(visit.recalled, visit.seen.len());
            Done::Event(Event::Visited(Visited {
                endpoint: Arc::clone(&watch.endpoint.name),
                generation,
                seen: visit.seen.into_iter().map(Arc::new).collect(),
                resolved: visit.resolved,
            }))
        });
        self.under_way.insert(task.id(), Task::Visit(endpoint, generation, task));
    }

    fn deliver(&mut self, id: String) {
        let Some(mail) = self.mails.get(&id).cloned() else {
            // Every delivery comes back, or its place in the outbox would be lost.
            let detail = "it is no longer in the outbox".to_owned();
            self.tasks.spawn(async move { Done::Event(Event::Mailed { id, result: MailResult::Refused, detail, after: None }) });
            return;
        };
        let mine = id.clone();
        let (courier, channels) = (self.courier.clone(), self.channels.clone());
        let task = self.tasks.spawn(async move {
            let delivery = match (channel_of(&mail.recipient), courier) {
                (Some(channel), _) => channels.deliver(channel, &id, &mail.message, Timestamp::now()).await,
                (None, Some(courier)) => {
                    let mail::Delivery { result, detail } = courier.deliver(&mail.recipient, &mail.message).await;
                    Outcome { result, detail, after: None }
                }
                (None, None) => {
                    let detail = "mail is no longer configured".to_owned();
                    Outcome { result: MailResult::Refused, detail, after: None }
                }
            };
            match delivery.result {
                MailResult::Delivered => info!(kind = mail.kind.name(), to = mail.recipient, "mail delivered"),
                MailResult::Deferred => warn!(to = mail.recipient, "mail not delivered yet: {}", delivery.detail),
                MailResult::Refused => error!(to = mail.recipient, "mail refused: {}", delivery.detail),
            }
            Done::Event(Event::Mailed { id, result: delivery.result, detail: delivery.detail, after: delivery.after })
        });
        self.under_way.insert(task.id(), Task::Delivery(mine));
    }

    /// Tells what is open again to the channels that want it and for which it is time.
    pub(super) fn resend(&mut self, snapshot: &Arc<Snapshot>, now: Now) {
        for (channel, every) in self.channels.resenders() {
            let is_due = self.resent.get(&channel).is_none_or(|last| now.uptime.saturating_sub(*last) >= every);
            let is_busy = self.under_way.values().any(|task| matches!(task, Task::Resend(busy) if *busy == channel));
            if is_busy || !is_due {
                continue;
            }
            self.resent.insert(Arc::clone(&channel), now.uptime);
            let (channels, snapshot, mine) = (self.channels.clone(), Arc::clone(snapshot), Arc::clone(&channel));
            let task = self.tasks.spawn(async move {
                let Outcome { result, detail, .. } = channels.resend(&mine, &snapshot).await;
                Done::Event(Event::Resent { channel: mine, result, detail })
            });
            self.under_way.insert(task.id(), Task::Resend(channel));
        }
    }

    /// Looks whether the command line has written other silences, now and then.
    pub(super) fn look_for_silences(&mut self, now: Now) {
        let is_busy = self.under_way.values().any(|task| matches!(task, Task::Silences));
        if is_busy || now.uptime.saturating_sub(self.silences_asked) < SILENCES_EVERY {
            return;
        }
        self.silences_asked = now.uptime;
        let store = self.store.clone();
        let task = self.tasks.spawn(async move {
            match store.silences().await {
                Ok(Some(silences)) => Done::Event(Event::Silenced(silences)),
                Ok(None) => Done::Nothing,
                Err(problem) => {
                    debug!("the silences cannot be read: {problem}");
                    Done::Nothing
                }
            }
        });
        self.under_way.insert(task.id(), Task::Silences);
    }

    fn ended(&mut self, ended: Result<(Id, Done), tokio::task::JoinError>) -> Done {
        match ended {
            Ok((id, done)) => {
                self.under_way.remove(&id);
                self.observe(&done);
                done
            }
            Err(problem) => self.failed(&problem),
        }
    }

    /// A task that panicked comes back all the same: a visit as one without a result, a delivery as one to be tried again.
    fn failed(&mut self, problem: &JoinError) -> Done {
        match self.under_way.remove(&problem.id()) {
            Some(Task::Visit(endpoint, generation, _)) => {
                error!(%endpoint, "a visit failed unexpectedly: {problem}");
                Done::Event(Event::Visited(Visited { endpoint, generation, seen: Vec::new(), resolved: Vec::new() }))
            }
            Some(Task::Delivery(id)) => {
                error!(id, "a delivery failed unexpectedly: {problem}");
                let detail = "the delivery failed unexpectedly; the log has the place".to_owned();
                Done::Event(Event::Mailed { id, result: MailResult::Deferred, detail, after: None })
            }
            Some(Task::Resend(channel)) => {
                error!(%channel, "telling again what is open failed unexpectedly: {problem}");
                let detail = "it failed unexpectedly; the log has the place".to_owned();
                Done::Event(Event::Resent { channel, result: MailResult::Deferred, detail })
            }
            Some(Task::Silences) => {
                error!("the silences could not be read: {problem}");
                Done::Nothing
            }
            Some(Task::Reading) | None => {
                error!("the configuration could not be read: {problem}");
                Done::Config(None)
            }
        }
    }

    fn observe(&mut self, done: &Done) {
        let Done::Event(Event::Visited(visited)) = done else { return };
        for judged in &visited.seen {
            self.own.observe(&judged.observation);
            let code = judged.diagnosis.verdict.as_ref().map(crate::diagnosis::Verdict::code);
            debug!(endpoint = %visited.endpoint, address = ?judged.observation.address, code, status = %judged.diagnosis.status(), "visited");
        }
        if visited.seen.len() < visited.resolved.len() && self.told_skipped.insert(Arc::clone(&visited.endpoint)) {
            let seen = |address| visited.seen.iter().any(|judged| judged.observation.address == Some(address));
            let left_out: Vec<_> = visited.resolved.iter().filter(|address| !seen(**address)).collect();
            info!(endpoint = %visited.endpoint, ?left_out, "these addresses are left out: this machine has no route for them, or there are more than 16");
        }
    }

    fn written(&mut self, written: Written) -> Done {
        for id in written.mails {
            self.unwritten.remove(&id);
        }
        // Written or not: people shall hear. A save that failed is told, and tried again with the next change.
        for id in std::mem::take(&mut self.wanted) {
            if self.unwritten.contains(&id) { self.wanted.push(id) } else { self.deliver(id) }
        }
        Done::Event(Event::Saved(written.result))
    }

    /// Logs what people at a log want to see, and forgets mails that are done.
    fn note(&mut self, record: &Record) {
        match record {
            Record::Member(member) => {
                let at = (member.endpoint.clone(), member.key.clone());
                match member.state {
                    State::Open => {
                        let stage = member.stage();
                        if self.logged.insert(at, stage.clone()) != Some(stage) {
                            let Member { endpoint, code, severity, summary, .. } = &**member;
                            info!(%endpoint, code, %severity, "{summary}");
                        }
                    }
                    State::Mended(..) => self.note_over(&at),
                    State::Suspected(_) => {}
                }
            }
            Record::MemberGone { endpoint, key } => self.note_over(&(endpoint.clone(), key.clone())),
            Record::MailGone(id) => {
                self.mails.remove(id);
            }
            _ => {}
        }
    }

    fn note_over(&mut self, at: &(Arc<str>, IncidentKey)) {
        if self.logged.remove(at).is_some() {
            info!(endpoint = %at.0, topic = at.1.topic.name(), "over");
        }
    }
}

/// The command line's silences take effect within this.
const SILENCES_EVERY: Duration = Duration::from_secs(2);
