//! The loop: waits, asks the brain, obeys. Here the clock is read, once an event; here the doors are held open.

mod hands;
mod proof;
mod reload;
mod restore;
mod scribe;
mod strangers;
mod systemd;

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    answer::Key,
    certificate::printable,
    channel::ChannelError,
    clock::{self, Now, Timestamp},
    config::{self, Config, Environment, Faults, Loaded},
    mail::{self, CourierError},
    monitor::{Event, Inventory, Monitor, Settings, Snapshot, Watch},
    probe,
    store::{self, Store, StoreError},
    visit::Visitor,
    web::{self, OwnMetrics, Pulse},
};
use hands::{Done, Hands};
use systemd::Systemd;

/// What the daemon is started with.
#[derive(Debug)]
pub struct Options {
    /// The configuration.
    pub config: PathBuf,
    /// What systemd provides.
    pub environment: Environment,
    /// Sockets that take the place of `web.listen`.
    pub sockets: Vec<web::Inherited>,
    /// Makes the schedule repeatable; taken from the clock when absent.
    pub seed: Option<u64>,
}

/// How the outside speaks to a running daemon.
#[derive(Clone, Debug, Default)]
pub struct Controls {
    /// Ends it.
    pub stop: CancellationToken,
    /// Reads the configuration again.
    pub reload: Arc<tokio::sync::Notify>,
    /// Told the address of the page, once it is served.
    pub listening: Option<watch::Sender<Option<SocketAddr>>>,
}

/// Why the daemon cannot start, or go on.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration has faults.
    #[error("the configuration cannot be used\n{0}")]
    Config(Faults),
    /// The state cannot be opened.
    #[error("{}{}{}", .0, because(.0), hint(.0.hint()))]
    Store(StoreError),
    /// The page's port cannot be had.
    #[error("cannot listen on {listen}: {source}{}", hint(listen_hint(source)))]
    Listen {
        /// `web.listen`.
        listen: String,
        /// The system's reason.
        source: io::Error,
    },
    /// The page is no longer served.
    #[error("the page and the metrics are no longer served: {0}")]
    Web(String),
    /// The mail settings cannot be used.
    #[error("mail cannot be set up: {0}")]
    Mail(#[from] CourierError),
    /// The settings of a channel cannot be used.
    #[error("{}{}", .0, because(.0))]
    Channel(#[from] ChannelError),
}

/// Runs until `controls.stop`. Returns when everything is written and nothing is left running.
pub async fn run(mut options: Options, controls: Controls) -> Result<(), StartError> {
    let clock = Clock::start();
    let loaded = config::load(&options.config, &options.environment).map_err(StartError::Config)?;
    for warning in &loaded.warnings {
        warn!("{warning}");
    }
    let mut config = loaded.config;
    let opened = Store::open_as_can_be(&config.store, clock.now().wall).map_err(StartError::Store)?;
    let state_troubles = restore::troubles(&opened);
    let (store, stored) = (opened.store, opened.stored);
    let (proven, archive) = (store.clone(), Some(store.clone()));
    let links = links(&config);
    config.mail.iter_mut().for_each(|mail| mail.links.clone_from(&links));
    let listeners = listen(std::mem::take(&mut options.sockets), &config.web.listen).await?;
    let address = listeners.iter().find_map(web::Listener::address);

    let now = clock.now();
    let seed = options.seed.unwrap_or_else(|| now.wall.as_microsecond().unsigned_abs());
    let (mail, built) = (config.mail.is_some(), clock::built());
    let settings = Settings { limits: config.limits, mail, built, seed, first_sweep: FIRST_SWEEP };
    let resolving = probe::Settings { names: config.resolver, ..probe::Settings::default() };
    let visitor = Visitor::new(resolving, config.fetch, config.limits.visits_per_address);
    let (restored, mails) = restore::judged(stored, &config.watches, now.wall);
    let mut lesson = restore::teach(visitor.clone(), &restored);
    let own = Arc::new(OwnMetrics::new());
    let mut hands = Hands::new(&config, store, visitor, mails, Arc::clone(&own))?;
    let (mut monitor, effects) = Monitor::new(inventory(&config), restored, settings, now);
    // What it has not learnt, its visits teach it.
    while lesson.join_next().await.is_some() {}
    hands.carry_out(effects, now);
    for told in [Event::People(Arc::clone(&config.people))].into_iter().chain(state_troubles) {
        let effects = monitor.handle(told, now);
        hands.carry_out(effects, now);
    }

    let proof = proof::Proof { own: Arc::clone(&own), store: proven, mail: config.mail.clone() };
    let mut proofs = JoinSet::new();
    proofs.spawn(proof.repeat());

    let pulse = Arc::new(Pulse::new());
    let (publish, snapshots) = watch::channel(Arc::new(monitor.snapshot(now)));
    let web_stop = CancellationToken::new();
    let mut web = JoinSet::new();
    let (letters, mail) = watch::channel(config.mail.clone().map(Arc::new));
    let (answers, mut asked) = match links.as_ref().map(|links| web::Answers::new(links.key.clone())) {
        Some((answers, asked)) => (Some(Arc::new(answers)), asked),
        None => (None, mpsc::channel(1).1),
    };
    let locks = Arc::new(web::Locks::new(&config.web));
    let (desk, mut wished) = web::Desk::new();
    let (strangers, common) = watch::channel(Arc::clone(&config.strangers));
    let visiting = strangers::Strangers { visitor: hands.visitor(), common };
    let state = web::State {
        snapshots,
        own,
        pulse: Arc::clone(&pulse),
        answers,
        locks: Arc::clone(&locks),
        desk: Arc::new(desk),
        strangers: Some(Arc::new(web::Strangers::new(visiting))),
        archive,
        mail,
    };
    web.spawn(web::serve(listeners, state, web_stop.clone()));
    let scheme = if config.web.rules.tls.is_some() { "https" } else { "http" };
    let page = address.map_or_else(|| "on a socket".to_owned(), |address| format!("{scheme}://{address}/"));
    info!(endpoints = config.watches.len(), page, "watching");
    if let Some(listening) = &controls.listening {
        listening.send_replace(address);
    }

    let mut turn = Loop {
        clock,
        monitor,
        hands,
        publish,
        letters,
        strangers,
        locks,
        pulse,
        systemd: Systemd::new(),
        config,
        links,
        options,
        published: 0,
    };
    let ended = turn.until(&controls, &mut web, &mut asked, &mut wished).await;
    Systemd::stopping();
    web_stop.cancel();
    proofs.shutdown().await;
    turn.hands.finish(STOP_WITHIN).await;
    while web.join_next().await.is_some() {}
    info!("stopped");
    ended
}

/// What the state remembers, judged as of now: for those who ask while no daemon answers. Blocks.
pub fn remembered(config: &Config, now: Timestamp) -> Result<Snapshot, StoreError> {
    let (restored, _) = restore::judged(store::remembered(&config.store)?, &config.watches, now);
    let settings =
        Settings { limits: config.limits, mail: config.mail.is_some(), built: clock::built(), seed: 0, first_sweep: FIRST_SWEEP };
    let now = Now { wall: now, uptime: Duration::ZERO };
    let (monitor, _) = Monitor::new(inventory(config), restored, settings, now);
    Ok(monitor.snapshot(now))
}

/// Both clocks, from the start of the process.
#[derive(Clone, Copy, Debug)]
struct Clock {
    started: Instant,
}

impl Clock {
    fn start() -> Self {
        Clock { started: Instant::now() }
    }

    fn now(&self) -> Now {
        Now { wall: Timestamp::now(), uptime: self.started.elapsed() }
    }

    /// The moment of this uptime, to sleep until.
    fn at(&self, uptime: Duration) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.started + uptime)
    }
}

struct Loop {
    clock: Clock,
    monitor: Monitor,
    hands: Hands,
    publish: watch::Sender<Arc<crate::monitor::Snapshot>>,
    letters: watch::Sender<Option<Arc<crate::mail::Settings>>>,
    strangers: watch::Sender<Arc<Watch>>,
    locks: Arc<web::Locks>,
    pulse: Arc<Pulse>,
    systemd: Systemd,
    config: Config,
    links: Option<mail::Links>,
    options: Options,
    published: u64,
}

impl Loop {
    async fn until(
        &mut self,
        controls: &Controls,
        web: &mut JoinSet<io::Result<()>>,
        asked: &mut mpsc::Receiver<web::Asked>,
        wished: &mut mpsc::Receiver<web::Wish>,
    ) -> Result<(), StartError> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.systemd.ready(&self.summary());
        loop {
            let wake =
                self.clock.at(self.monitor.next_wake().unwrap_or(LONG_SLEEP).min(LONG_SLEEP + self.clock.started.elapsed()));
            let event = tokio::select! {
                () = controls.stop.cancelled() => return Ok(()),
                () = controls.reload.notified() => {
                    Systemd::reloading();
                    self.hands.read_config(self.options.config.clone(), self.options.environment.clone());
                    None
                }
                done = self.hands.next() => self.event(done),
                Some(web::Wish { event, done }) = wished.recv() => {
                    self.take_up(event, done);
                    None
                }
                Some(asked) = asked.recv() => {
                    self.answer(asked);
                    None
                }
                () = tokio::time::sleep_until(wake) => Some(Event::Woke),
                Some(ended) = web.join_next() => {
                    // Without metrics nobody would see that nobody watches: systemd starts us anew.
                    let reason = ended.map_or_else(|panic| panic.to_string(), |served| format!("{served:?}"));
                    return Err(StartError::Web(reason));
                }
                _ = tick.tick() => {
                    self.publish();
                    let snapshot = Arc::clone(&self.publish.borrow());
                    self.hands.resend(&snapshot, self.clock.now());
                    self.hands.look_for_silences(self.clock.now());
                    self.systemd.alive(&self.summary());
                    None
                }
            };
            self.pulse.beat();
            if let Some(event) = event {
                let now = self.clock.now();
                let effects = self.monitor.handle(event, now);
                self.hands.carry_out(effects, now);
            }
        }
    }

    /// Somebody has answered a mail; they are told when that is on the disk.
    fn answer(&mut self, asked: web::Asked) {
        let web::Asked { answer, done } = asked;
        info!(
            person = printable(&answer.person),
            action = answer.action.name(),
            incident = answer.incident,
            "a mail was answered"
        );
        self.take_up(Event::Answered(answer), done);
    }

    /// Somebody wants this; they are told when it is on the disk.
    fn take_up(&mut self, event: Event, done: oneshot::Sender<bool>) {
        let now = self.clock.now();
        let effects = self.monitor.handle(event, now);
        self.hands.carry_out_for(effects, done, now);
        self.publish();
    }

    /// What came back from a task, as an event of the brain.
    fn event(&mut self, done: Done) -> Option<Event> {
        match done {
            Done::Event(event) => Some(event),
            Done::Nothing => None,
            Done::Config(read) => {
                // Only the last word counts, where several were asked for.
                if self.hands.config_read() {
                    return None;
                }
                let event = self.take(read);
                self.systemd.ready(&self.summary());
                Some(event)
            }
        }
    }

    /// Takes a configuration that was read, or goes on with the old one, telling why.
    fn take(&mut self, read: Option<Box<Result<Loaded, Faults>>>) -> Event {
        let taken = read.ok_or_else(Vec::new).and_then(|loaded| reload::taken(*loaded, &self.config));
        let taken = taken.and_then(|mut config| {
            config.mail.iter_mut().for_each(|mail| mail.links.clone_from(&self.links));
            match self.hands.use_ways(&config) {
                Ok(()) => Ok(config),
                Err(problem) => Err(vec![problem.to_string()]),
            }
        });
        match taken {
            Ok(config) => {
                info!(endpoints = config.watches.len(), "configuration reloaded");
                self.config = config;
                self.locks.change(&self.config.web);
                self.strangers.send_replace(Arc::clone(&self.config.strangers));
                self.letters.send_replace(self.config.mail.clone().map(Arc::new));
                let now = self.clock.now();
                let effects = self.monitor.handle(Event::People(Arc::clone(&self.config.people)), now);
                self.hands.carry_out(effects, now);
                Event::Reloaded(inventory(&self.config))
            }
            Err(problems) => {
                for problem in problems {
                    error!("{problem}");
                }
                error!("the new configuration was not taken; the old one goes on");
                Event::ReloadFailed
            }
        }
    }

    /// The page and the metrics see what has changed since; the time of the snapshot moves on in any case.
    fn publish(&mut self) {
        let revision = self.monitor.revision();
        let now = self.clock.now();
        // A wall clock that was set back leaves a snapshot that is from the future.
        let age = now.wall.duration_since(self.publish.borrow().at).unsigned_abs();
        if revision != self.published || age.as_secs() >= 1 {
            self.published = revision;
            self.publish.send_replace(Arc::new(self.monitor.snapshot(now)));
        }
    }

    fn summary(&self) -> String {
        let snapshot = self.publish.borrow();
        format!("watching {} endpoints, {} incidents", snapshot.endpoints.len(), snapshot.incidents.len())
    }
}

fn inventory(config: &Config) -> Inventory {
    let mail = config.mail.as_ref();
    Inventory {
        watches: config.watches.clone(),
        canaries: config.canaries.clone(),
        operators: mail.map_or_else(Vec::new, |mail| mail.to.clone()),
        alive: mail.and_then(|mail| mail.alive),
    }
}

/// How mails can be answered: where the configuration says how people reach the page.
fn links(config: &Config) -> Option<mail::Links> {
    let url = config.web.public_url.clone()?;
    match store::secret(&config.store) {
        Ok(secret) => Some(mail::Links { url, key: Key::new(&secret) }),
        Err(problem) => {
            error!("mails have no links to answer by, as their key cannot be kept: {problem}{}", because(&problem));
            None
        }
    }
}

/// Begins to listen: at the sockets that are open already, or at all of these places.
async fn listen(sockets: Vec<web::Inherited>, places: &[web::Listen]) -> Result<Vec<web::Listener>, StartError> {
    let failed = |listen: String| move |source| StartError::Listen { listen, source };
    if !sockets.is_empty() {
        info!(sockets = sockets.len(), "listening on the sockets that systemd holds, instead of web.listen");
        return sockets
            .into_iter()
            .map(web::Inherited::listen)
            .collect::<io::Result<_>>()
            .map_err(failed("a socket of systemd's".into()));
    }
    let mut listeners = Vec::with_capacity(places.len());
    for place in places {
        listeners.push(web::Listener::bind(place).await.map_err(failed(printable(&place.to_string())))?);
    }
    Ok(listeners)
}

fn listen_hint(source: &io::Error) -> Option<&'static str> {
    match source.kind() {
        io::ErrorKind::AddrInUse => Some("something else has the port (ss -ltnp shows it); stop it, or change web.listen"),
        io::ErrorKind::PermissionDenied => Some("ports below 1024 need a privilege; choose a higher one for web.listen"),
        io::ErrorKind::AlreadyExists => {
            Some("certvigil replaces no file but its own old socket: remove it, or change web.listen")
        }
        io::ErrorKind::NotFound => {
            Some("the directory of the socket is missing: RuntimeDirectory=certvigil in the unit makes /run/certvigil")
        }
        io::ErrorKind::AddrNotAvailable => Some("this machine does not have the address; change web.listen"),
        _ => None,
    }
}

/// The causes of an error, in one line.
fn because(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(String::new(), |line, cause| format!("{line}: {cause}"))
}

fn hint(hint: Option<&'static str>) -> String {
    hint.map_or_else(String::new, |hint| format!("\nhint: {hint}"))
}

/// `config` as a path for messages.
fn shown(path: &Path) -> String {
    path.display().to_string()
}

const TICK: Duration = Duration::from_millis(250);
const LONG_SLEEP: Duration = Duration::from_hours(1);
const FIRST_SWEEP: Duration = Duration::from_mins(15);
const STOP_WITHIN: Duration = Duration::from_secs(4);
