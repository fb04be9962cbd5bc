//! How soon a daemon that remembers a hundred thousand endpoints is of use again.

use std::{
    fs,
    net::TcpListener,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use certvigil::{
    certificate::Certificate,
    clock::{Timestamp, earlier},
    diagnosis::{Expectation, Issuers, Judged, Trust, diagnose},
    endpoint::{Endpoint, Host},
    monitor::Record,
    observation::{Chain, Handshake, Observation, Outcome, Possession},
    store::{Settings, Store},
};
use tokio::runtime::Runtime;

use crate::{
    daemon::Daemon,
    process::{cpu, memory},
    soak::{Fleet, configure},
    stage::{Stage, name},
    table::Table,
};

pub(crate) const VERB: &str = "start";
pub(crate) const HEADING: &str = "The start of a daemon that remembers";

/// Makes the state of a first sweep without visiting anybody, and starts the daemon on it, again and again.
pub(crate) fn measure(endpoints: usize) -> anyhow::Result<Vec<Table>> {
    let stage = Stage::build(0)?;
    let fleet = Fleet::of(&stage, endpoints)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    configure(&stage, port, endpoints, Duration::from_hours(1))?;
    Runtime::new()?.block_on(fill(&stage, &fleet, port, endpoints))?;
    let (kept, used) = (stage.path("full.db"), stage.path("state/certvigil.db"));
    fs::rename(&used, &kept)?;

    // Whoever comes is turned away.
    let (tell, arrivals) = mpsc::channel();
    thread::spawn(move || listener.incoming().try_for_each(|_| tell.send(Instant::now())));
    let title = format!("{HEADING}: {endpoints} endpoints");
    let mut table = Table::new(&title, ["start", "page served after", "first visit after", "CPU", "VmRSS", "VmHWM"]);
    for run in 1..=STARTS {
        for suffix in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(stage.path(&format!("state/certvigil.db{suffix}")));
        }
        fs::copy(&kept, &used)?;
        let started = Instant::now();
        let daemon = Daemon::start(&stage)?;
        let served = started.elapsed();
        let visited = arrivals.recv_timeout(Duration::from_mins(1)).context("no visit within a minute")?;
        let (used, [resident, peak]) = (cpu(daemon.pid())?, memory(daemon.pid())?);
        let cells = [
            run.to_string(),
            format!("{} ms", served.as_millis()),
            format!("{} ms", visited.duration_since(started).as_millis()),
            format!("{:.2} s", used.as_secs_f64()),
            format!("{resident:.1} MiB"),
            format!("{peak:.1} MiB"),
        ];
        println!("{}", cells.join("  "));
        table.row(cells);
        daemon.stop()?;
        while arrivals.try_recv().is_ok() {}
    }
    table.remark(&format!(
        "A leaf for each endpoint, and an issuer for every two; all was seen before the start, and is judged anew. To repeat: `cargo \
         bench --bench bench -- {VERB} {endpoints}`, on {}.",
        Timestamp::now().strftime("%Y-%m-%d %H:%M UTC"),
    ));
    Ok(vec![table])
}

/// What a first sweep would have written.
async fn fill(stage: &Stage, fleet: &Fleet, port: u16, endpoints: usize) -> anyhow::Result<()> {
    let trust = Arc::new(Trust::new([fleet.root()]));
    let (store, _) = Store::open(&Settings { directory: stage.path("state") })?;
    let now = Timestamp::now();
    let mut records = Vec::new();
    for i in 0..endpoints {
        let mut endpoint = Endpoint::new(format!("127.0.0.1:{port}").parse()?);
        endpoint.server_name = Host::Name(name(i).into());
        let shown = fleet.issue(i)?;
        let chain = Chain::new(shown.cert.iter().map(|der| Certificate::from_der(der)).collect()).context("a chain")?;
        let handshake = Handshake {
            chain,
            tls: Arc::default(),
            possession: Possession::Proven,
            wants_client_certificate: false,
            broken_off: None,
        };
        let at = earlier(now, Duration::from_secs(3600 - 3600 * i as u64 / endpoints as u64));
        let observation = Observation::new(Some([127, 0, 0, 1].into()), at, Outcome::Handshake(handshake));
        let expectation = Expectation { host: Some(endpoint.server_name.clone()), ..Expectation::default() };
        let diagnosis = diagnose(&observation, &expectation, &trust, &Issuers::default(), now);
        let judged = Arc::new(Judged { observation, diagnosis: diagnosis.into() });
        records.push(Record::Observed { endpoint: name(i).into(), place: endpoint.place().into(), judged });
        if records.len() == TOGETHER || i + 1 == endpoints {
            store.commit(std::mem::take(&mut records), Vec::new()).await?;
        }
    }
    store.commit(vec![Record::FirstSweepDone], Vec::new()).await?;
    store.close().await;
    Ok(())
}

const STARTS: usize = 5;
const TOGETHER: usize = 1000;
