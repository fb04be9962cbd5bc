//! The brain's hands: every effect becomes a task that is owned here, and every task comes back as an event.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::mpsc,
    task::{Id, JoinSet},
};
use tracing::{debug, error, info, warn};

use super::{StartError, because, shown};
use crate::{
    clock::Now,
    config::{self, Config, Environment, Faults, Loaded},
    incident::{IncidentKey, State},
    mail::{self, Courier},
    monitor::{Effect, Event, MailResult, Record, Visited, Watch},
    probe,
    store::{self, Store},
    visit::{Visitor, panicked, unseen},
    web::OwnMetrics,
};

/// What a task comes back with.
pub(super) enum Done {
    /// Something for the brain.
    Event(Event),
    /// A configuration was read.
    Config(Box<Result<Loaded, Faults>>),
    /// Nothing that anybody needs to know.
    Nothing,
}

pub(super) struct Hands {
    visitor: Visitor,
    courier: Option<Arc<Courier>>,
    mail: Option<mail::Settings>,
    /// The posted mails that wait for the brain's word or for the server.
    mails: HashMap<String, store::Mail>,
    /// Posted, and not known to be written yet: delivered only after.
    unwritten: HashSet<String>,
    /// Wanted by the brain while unwritten.
    wanted: Vec<String>,
    own: Arc<OwnMetrics>,
    tasks: JoinSet<Done>,
    /// The visits under way, for the day one of them panics.
    visits: HashMap<Id, (Arc<Watch>, u64)>,
    /// The deliveries under way, for the same.
    deliveries: HashMap<Id, String>,
    scribe: Scribe,
    /// The open incidents and the stage they were logged at: a log is read for what changes.
    logged: HashMap<IncidentKey, String>,
    /// Endpoints that were told to have an address without a route.
    told_skipped: HashSet<Arc<str>>,
}

/// One write: in the order given, several at once.
struct Page {
    records: Vec<Record>,
    mails: Vec<store::Mail>,
}

/// The task that writes; the loop itself never waits for a disk.
struct Scribe {
    pages: Option<mpsc::UnboundedSender<Page>>,
    written: mpsc::UnboundedReceiver<Written>,
    task: JoinSet<()>,
}

struct Written {
    mails: Vec<String>,
    result: Result<(), String>,
}

impl Hands {
    pub(super) fn new(
        config: &Config,
        store: Store,
        waiting: Vec<store::Mail>,
        own: Arc<OwnMetrics>,
    ) -> Result<Self, StartError> {
        let settings = probe::Settings { names: config.resolver, ..probe::Settings::default() };
        let courier = config.mail.as_ref().map(Courier::new).transpose()?.map(Arc::new);
        Ok(Hands {
            visitor: Visitor::new(settings, config.fetch, config.limits.visits_per_address),
            courier,
            mail: config.mail.clone(),
            mails: waiting.into_iter().map(|mail| (mail.id.clone(), mail)).collect(),
            unwritten: HashSet::new(),
            wanted: Vec::new(),
            own,
            tasks: JoinSet::new(),
            visits: HashMap::new(),
            deliveries: HashMap::new(),
            scribe: Scribe::start(store),
            logged: HashMap::new(),
            told_skipped: HashSet::new(),
        })
    }

    /// Does what the brain wants. Returns at once; what comes of it comes back through [`Hands::next`].
    pub(super) fn carry_out(&mut self, effects: Vec<Effect>, now: Now) {
        let mut page = Page { records: Vec::new(), mails: Vec::new() };
        let mut deliveries = Vec::new();
        for effect in effects {
            match effect {
                Effect::Visit { watch, generation } => self.visit(watch, generation, now),
                Effect::Save(records) => {
                    records.iter().for_each(|record| self.note(record));
                    page.records.extend(records);
                }
                Effect::Post(notice) => {
                    let Some(settings) = &self.mail else { continue };
                    info!(kind = notice.kind.name(), to = notice.recipient, "mail posted");
                    let message = mail::compose(&notice, settings).into();
                    let mail =
                        store::Mail { id: notice.id, kind: notice.kind, recipient: notice.recipient, at: notice.at, message };
                    self.unwritten.insert(mail.id.clone());
                    self.mails.insert(mail.id.clone(), mail.clone());
                    page.mails.push(mail);
                }
                Effect::Deliver(id) => deliveries.push(id),
            }
        }
        if !page.records.is_empty() || !page.mails.is_empty() {
            self.scribe.write(page);
        }
        for id in deliveries {
            if self.unwritten.contains(&id) { self.wanted.push(id) } else { self.deliver(id) }
        }
    }

    /// The next task that came back. Never ends; cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Done> {
        tokio::select! {
            Some(ended) = self.tasks.join_next_with_id() => Some(self.ended(ended)),
            Some(written) = self.scribe.written.recv() => Some(self.written(written)),
            else => std::future::pending().await,
        }
    }

    /// Reads the configuration off the loop: a trust store on a slow disk shall not hold the visits up.
    pub(super) fn read_config(&mut self, path: PathBuf, environment: Environment) {
        info!("reading {} again", shown(&path));
        self.tasks.spawn_blocking(move || Done::Config(Box::new(config::load(&path, &environment))));
    }

    /// Takes the mail settings of a new configuration; where they cannot be used, the old ones go on.
    pub(super) fn use_mail(&mut self, config: &Config) {
        match config.mail.as_ref().map(Courier::new).transpose() {
            Ok(courier) => {
                self.courier = courier.map(Arc::new);
                self.mail.clone_from(&config.mail);
            }
            Err(problem) => error!("mail goes on as before: {problem}"),
        }
    }

    /// Lets mails that are under way arrive and writes what is left, for at most `within`; visits are broken off.
    pub(super) async fn finish(mut self, within: Duration) {
        let deadline = tokio::time::Instant::now() + within;
        self.visitor_tasks_end(deadline).await;
        let store_closed = self.scribe.finish();
        if tokio::time::timeout_at(deadline, store_closed).await.is_err() {
            warn!("the state was not written to its end before the stop");
        }
    }

    /// A mail that was accepted and not struck off would go out twice: deliveries get a moment, and their end is written.
    async fn visitor_tasks_end(&mut self, deadline: tokio::time::Instant) {
        let grace = deadline - Duration::from_secs(2);
        while self.tasks.len() > self.visits.len() {
            match tokio::time::timeout_at(grace, self.tasks.join_next_with_id()).await {
                Ok(Some(ended)) => {
                    if let Done::Event(Event::Mailed { id, result: MailResult::Delivered, .. }) = self.ended(ended) {
                        self.scribe.write(Page { records: vec![Record::MailGone(id)], mails: Vec::new() });
                    }
                }
                Ok(None) | Err(_) => break,
            }
        }
        self.tasks.abort_all();
    }

    fn visit(&mut self, watch: Arc<Watch>, generation: u64, now: Now) {
        let (visitor, mine) = (self.visitor.clone(), Arc::clone(&watch));
        let task = self.tasks.spawn(async move {
            let visit = visitor.visit(&mine.endpoint, &mine.expectation, &mine.trust, now.wall).await;
            Done::Event(Event::Visited(Visited {
                endpoint: Arc::clone(&mine.endpoint.name),
                generation,
                seen: visit.seen.into_iter().map(Arc::new).collect(),
                resolved: visit.resolved,
            }))
        });
        self.visits.insert(task.id(), (watch, generation));
    }

    fn deliver(&mut self, id: String) {
        let (Some(mail), Some(courier)) = (self.mails.get(&id).cloned(), self.courier.clone()) else {
            warn!(id, "a mail was to be delivered that is not there, or mail is no longer configured");
            return;
        };
        let mine = id.clone();
        let task = self.tasks.spawn(async move {
            let delivery = courier.deliver(&mail.recipient, &mail.message).await;
            match delivery.result {
                MailResult::Delivered => info!(kind = mail.kind.name(), to = mail.recipient, "mail delivered"),
                MailResult::Deferred => warn!(to = mail.recipient, "mail not delivered yet: {}", delivery.detail),
                MailResult::Refused => error!(to = mail.recipient, "mail refused: {}", delivery.detail),
            }
            Done::Event(Event::Mailed { id, result: delivery.result, detail: delivery.detail })
        });
        self.deliveries.insert(task.id(), mine);
    }

    fn ended(&mut self, ended: Result<(Id, Done), tokio::task::JoinError>) -> Done {
        match ended {
            Ok((id, done)) => {
                self.deliveries.remove(&id);
                if self.visits.remove(&id).is_some() {
                    self.observe(&done);
                }
                done
            }
            Err(problem) => match self.visits.remove(&problem.id()) {
                Some((watch, generation)) => {
                    error!(endpoint = %watch.endpoint.name, "a visit failed unexpectedly: {problem}");
                    let seen = unseen(None, panicked(), &watch.expectation, &watch.trust, crate::clock::Timestamp::now());
                    let endpoint = Arc::clone(&watch.endpoint.name);
                    Done::Event(Event::Visited(Visited { endpoint, generation, seen: vec![Arc::new(seen)], resolved: vec![] }))
                }
                None => {
                    error!("a task failed unexpectedly: {problem}");
                    let detail = "the delivery failed unexpectedly; the log has the place".to_owned();
                    let mail = self.deliveries.remove(&problem.id());
                    mail.map_or(Done::Nothing, |id| Done::Event(Event::Mailed { id, result: MailResult::Deferred, detail }))
                }
            },
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
            info!(endpoint = %visited.endpoint, ?left_out, "this machine has no route for these addresses; they are left out");
        }
    }

    fn written(&mut self, written: Written) -> Done {
        for id in written.mails {
            self.unwritten.remove(&id);
        }
        // Written or not: people shall hear. A save that failed is told, and tried again with the next change.
        let (ready, waiting) = std::mem::take(&mut self.wanted).into_iter().partition(|id| !self.unwritten.contains(id));
        self.wanted = waiting;
        let ready: Vec<String> = ready;
        ready.into_iter().for_each(|id| self.deliver(id));
        Done::Event(Event::Saved(written.result))
    }

    /// Logs what people at a log want to see, and forgets mails that are done.
    fn note(&mut self, record: &Record) {
        match record {
            Record::Incident(incident) if incident.state == State::Open => {
                let stage = incident.stage();
                if self.logged.insert(incident.key.clone(), stage.clone()) != Some(stage) {
                    let (endpoint, code) = (&incident.key.endpoint, &incident.code);
                    info!(%endpoint, code, severity = %incident.severity, "{}", incident.summary);
                }
            }
            Record::IncidentGone(key) => {
                if self.logged.remove(key).is_some() {
                    info!(endpoint = %key.endpoint, topic = key.topic.name(), "over");
                }
            }
            Record::MailGone(id) => {
                self.mails.remove(id);
            }
            _ => {}
        }
    }
}

impl Scribe {
    fn start(store: Store) -> Self {
        let (pages, mut todo) = mpsc::unbounded_channel::<Page>();
        let (tell, written) = mpsc::unbounded_channel();
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut batch = Vec::new();
            while todo.recv_many(&mut batch, MAX_BATCH).await > 0 {
                let (mut records, mut mails) = (Vec::new(), Vec::new());
                for page in batch.drain(..) {
                    records.extend(page.records);
                    mails.extend(page.mails);
                }
                let ids = mails.iter().map(|mail: &store::Mail| mail.id.clone()).collect();
                let result = store.commit(records, mails).await;
                if let Err(problem) = &result {
                    let (cause, hint) = (because(problem), problem.hint().unwrap_or("see the system's log"));
                    error!("the state cannot be written: {problem}{cause}; hint: {hint}");
                }
                let result = result.map_err(|problem| format!("{problem}{}", because(&problem)));
                let _ = tell.send(Written { mails: ids, result });
            }
            store.close().await;
        });
        Scribe { pages: Some(pages), written, task }
    }

    fn write(&self, page: Page) {
        if let Some(pages) = &self.pages {
            let _ = pages.send(page);
        }
    }

    async fn finish(mut self) {
        self.pages = None;
        while self.task.join_next().await.is_some() {}
    }
}

const MAX_BATCH: usize = 1000;
