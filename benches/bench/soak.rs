//! A hundred thousand endpoints, visited again and again while their certificates are renewed: what is held, and what is never let go.

use std::{
    fmt, fs,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use certvigil::{
    certificate::Certificate,
    clock::Timestamp,
    lab::pki::{Issued, Pki, Recipe},
};
use rustls::{
    ServerConfig,
    server::{ClientHello, ResolvesServerCert},
    sign::{CertifiedKey, SigningKey},
};
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_rustls::TlsAcceptor;

use crate::{
    daemon::{Daemon, to_f64},
    process::{cpu, memory, written},
    stage::{ROOT, Stage, name},
    table::Table,
};

pub(crate) const VERB: &str = "soak";
pub(crate) const HEADING: &str = "The daemon over many visits";

/// Lets the daemon make so many visits, all endpoints in turn. A first sweep is as many as there are endpoints.
pub(crate) fn measure(visits: usize, endpoints: usize) -> anyhow::Result<Vec<Table>> {
    // Without a leaf a file: they are made when they are asked for.
    let stage = Stage::build(0)?;
    let fleet = Fleet::of(&stage, endpoints)?;
    let runtime = Runtime::new()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let port = listener.local_addr()?.port();
    runtime.spawn(serve(listener, Arc::clone(&fleet))?);
    let round = Duration::from_secs_f64(to_f64(endpoints) / RATE).max(Duration::from_secs(10));
    configure(&stage, port, endpoints, round)?;

    let started = Instant::now();
    let daemon = Daemon::start(&stage)?;
    let pid = daemon.pid();
    let title = format!("{HEADING}: {endpoints} endpoints");
    let mut table = Table::new(&title, ["minute", "visits", "renewals", "VmRSS", "VmHWM", "CPU a visit", "written a visit"]);
    let mut row = |what: &str| -> anyhow::Result<()> {
        let ([resident, peak], made) = (memory(pid)?, fleet.visits());
        let each = |whole: f64| if made == 0 { 0.0 } else { whole / to_f64(made) };
        let cells = [
            what.to_owned(),
            made.to_string(),
            fleet.renewals.load(Ordering::Relaxed).to_string(),
            format!("{resident:.1} MiB"),
            format!("{peak:.1} MiB"),
            format!("{:.0} µs", each(cpu(pid)?.as_secs_f64() * 1e6)),
            format!("{:.2} KiB", each(to_f64(written(pid)? / 1024))),
        ];
        println!("{}", cells.join("  "));
        table.row(cells);
        Ok(())
    };
    row("the page is served")?;
    let ready = started.elapsed();
    let mut next = started + MINUTE;
    let mut wait_for = |wanted: usize, row: &mut dyn FnMut(&str) -> anyhow::Result<()>| -> anyhow::Result<()> {
        let (mut last, mut since) = (0, Instant::now());
        while fleet.visits() < wanted {
            sleep(Duration::from_millis(200));
            if fleet.visits() > last {
                (last, since) = (fleet.visits(), Instant::now());
            }
            anyhow::ensure!(since.elapsed() < 2 * MINUTE, "no visit for two minutes, after {last} of {wanted}");
            if Instant::now() >= next {
                row(&(started.elapsed().as_secs() / 60).to_string())?;
                next += MINUTE;
            }
        }
        Ok(())
    };
    wait_for(endpoints.min(visits), &mut row)?;
    row("the first sweep is over")?;
    let (since, mut scrapes) = (Instant::now(), 0);
    // The last visits are still under way.
    loop {
        let sound = daemon.reading()?.sound;
        scrapes += 1;
        if sound >= endpoints.min(visits) {
            break;
        }
        anyhow::ensure!(since.elapsed() < MINUTE / 4, "only {sound} of {endpoints} are sound");
        sleep(Duration::from_secs(1));
    }
    row("after a scrape")?;
    // Scraped again while the second visits are made.
    wait_for(endpoints.min(visits) + (endpoints / 20).min(visits.saturating_sub(endpoints) / 3), &mut row)?;
    let (before, most) = (daemon.reading()?, scrapes + SCRAPES);
    scrapes += 1;
    while fleet.visits() < visits && scrapes < most {
        daemon.reading()?;
        scrapes += 1;
    }
    let after = daemon.reading()?;
    row(&format!("after {} scrapes", scrapes + 1))?;
    wait_for(visits, &mut row)?;
    row("the end")?;
    let end = daemon.reading()?;
    let lag = if after.visits > before.visits {
        let within = after.percentile_since(&before);
        format!(" While it was scraped, 99 of 100 visits were started within {within} s after they were due.")
    } else {
        String::new()
    };
    let remembered = end.remembered;
    daemon.stop()?;
    let again = restart(&stage, &fleet)?;
    println!("{again}");
    table.remark(&format!(
        "{} certificates at once: a leaf each, and an issuer for every two. The page was served {} ms after the start; all are visited \
         within {} s. Every {RENEWED}th visit of an endpoint finds its leaf renewed. {:.1} % of the verdicts were remembered.{lag} {again} To \
         repeat: `make soak VISITS={visits} ENDPOINTS={endpoints}`, on {}.",
        endpoints + endpoints / 2,
        ready.as_millis(),
        round.as_secs(),
        100.0 * remembered,
        Timestamp::now().strftime("%Y-%m-%d %H:%M UTC"),
    ));
    Ok(vec![table])
}

/// Starts the daemon once more, on the state of all that it has seen; how that went, as a sentence.
fn restart(stage: &Stage, fleet: &Fleet) -> anyhow::Result<String> {
    let (before, started) = (fleet.visits(), Instant::now());
    let daemon = Daemon::start(stage)?;
    let served = started.elapsed();
    while fleet.visits() == before {
        anyhow::ensure!(started.elapsed() < MINUTE, "no visit within a minute of the start");
        sleep(Duration::from_millis(1));
    }
    let (visited, [_, peak]) = (started.elapsed(), memory(daemon.pid())?);
    daemon.stop()?;
    Ok(format!(
        "Started again with all that it knew, it served its page after {} ms and began its first visit after {} ms; its memory had \
         peaked at {peak:.1} MiB then.",
        served.as_millis(),
        visited.as_millis()
    ))
}

/// All servers, at one port.
pub(crate) struct Fleet {
    pki: Pki,
    key: Arc<dyn SigningKey>,
    /// Whose key is that of all.
    first: Issued,
    issuers: Vec<OnceLock<Issued>>,
    leaves: Vec<Mutex<Leaf>>,
    visits: AtomicUsize,
    renewals: AtomicUsize,
}

#[derive(Default)]
struct Leaf {
    shown: usize,
    chain: Option<Arc<CertifiedKey>>,
}

impl Fleet {
    pub(crate) fn of(stage: &Stage, endpoints: usize) -> anyhow::Result<Arc<Self>> {
        let pki = Pki::new(Timestamp::now())?;
        let first = pki.leaf([name(0).as_str()]).signed_by(&pki.intermediate)?;
        fs::write(stage.path(ROOT), pki.root.pem())?;
        Ok(Arc::new(Fleet {
            pki,
            key: rustls::crypto::aws_lc_rs::sign::any_supported_type(&first.key_der())?,
            first,
            issuers: (0..endpoints.div_ceil(2)).map(|_| OnceLock::new()).collect(),
            leaves: (0..endpoints).map(|_| Mutex::default()).collect(),
            visits: AtomicUsize::new(0),
            renewals: AtomicUsize::new(0),
        }))
    }

    pub(crate) fn root(&self) -> Arc<Certificate> {
        Certificate::from_der(&self.pki.root.der())
    }

    fn visits(&self) -> usize {
        self.visits.load(Ordering::Relaxed)
    }

    /// What this one shows now: the same for some visits, then another leaf.
    fn chain(&self, of: usize) -> Option<Arc<CertifiedKey>> {
        let mut leaf = self.leaves.get(of)?.lock().unwrap_or_else(PoisonError::into_inner);
        self.visits.fetch_add(1, Ordering::Relaxed);
        leaf.shown += 1;
        let is_due = leaf.shown > 1 && (leaf.shown + of).is_multiple_of(RENEWED);
        if is_due {
            self.renewals.fetch_add(1, Ordering::Relaxed);
        }
        if is_due || leaf.chain.is_none() {
            leaf.chain = self.issue(of).ok().map(Arc::new);
        }
        leaf.chain.clone()
    }

    /// A new leaf for this one, and its issuer.
    pub(crate) fn issue(&self, of: usize) -> anyhow::Result<CertifiedKey> {
        let slot = &self.issuers[of / 2];
        if slot.get().is_none() {
            let made =
                Recipe::ca(self.pki.now, &format!("Bench CA {:05}", of / 2)).key_of(&self.first).signed_by(&self.pki.root)?;
            // Somebody may have been faster.
            let _ = slot.set(made);
        }
        let issuer = slot.get().context("it was just set")?;
        let (name, www) = (name(of), format!("www.{}", name(of)));
        let recipe = self.pki.leaf([name.as_str(), &www]).aia("http://ca.bench.test/issuing.der").ocsp("http://ocsp.bench.test/");
        let leaf = recipe.key_of(&self.first).signed_by(issuer)?;
        Ok(CertifiedKey::new(vec![leaf.der(), issuer.der()], Arc::clone(&self.key)))
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fleet({} endpoints)", self.leaves.len())
    }
}

impl ResolvesServerCert for Fleet {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let digits = hello.server_name()?.strip_prefix("host-")?.split('.').next()?;
        self.chain(digits.parse().ok()?)
    }
}

/// Takes every connection, to the end of its handshake and until the client hangs up.
fn serve(listener: TcpListener, fleet: Arc<Fleet>) -> anyhow::Result<impl Future<Output = ()> + Send> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(fleet);
    config.send_tls13_tickets = 0;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Ok(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
                }
            });
        }
    })
}

pub(crate) fn configure(stage: &Stage, port: u16, endpoints: usize, round: Duration) -> anyhow::Result<()> {
    // The second visits, which come up to a tenth sooner, begin after the last of the first ones.
    let (seconds, interval) = (round.as_secs(), round.mul_f64(1.25).as_secs());
    let mut text = format!(
        "defaults: {{interval: {interval}s}}\ntrust: {{system: false, mozilla: true, files: [{ROOT}]}}\n\
         limits: {{visits: 64, visits_per_address: 64, spread: {seconds}s}}\n\
         web: {{listen: \"127.0.0.1:0\"}}\nstate: {{directory: state}}\nendpoints:\n"
    );
    let entry = |name: String| format!("  - {{target: \"127.0.0.1:{port}\", name: {name}, server_name: {name}}}\n");
    text.extend((0..endpoints).map(|i| entry(name(i))));
    fs::create_dir(stage.path("state"))?;
    Ok(fs::write(stage.path("config.yaml"), text)?)
}

/// Visits a second: what two cores can bear, server and client together.
const RATE: f64 = 500.0;
/// So many visits, and the leaf is another one.
const RENEWED: usize = 4;
const SCRAPES: usize = 5;
const MINUTE: Duration = Duration::from_mins(1);
