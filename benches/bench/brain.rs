//! What one event costs the brain: `Monitor::handle` in virtual time, without any I/O.

use std::{collections::VecDeque, sync::Arc, time::Duration, time::Instant};

use anyhow::Context as _;
use certvigil::{
    certificate::Certificate,
    clock::{Now, Timestamp},
    diagnosis::{Expectation, Issuers, Judged, Trust, diagnose},
    endpoint::Endpoint,
    monitor::{Effect, Event, Limits, MailResult, Monitor, Policy, Restored, Settings, Visited, Watch},
    observation::{Chain, Handshake, Observation, Outcome, Possession, Stage as Step, Tls},
};

use crate::{
    stage::{Stage, name},
    table::Table,
};

/// With ten and a hundred thousand endpoints.
pub(crate) fn measure(stage: &Stage) -> anyhow::Result<Table> {
    let columns = ["endpoints", "event", "count", "median, µs", "p99, µs", "longest, µs"];
    let mut table = Table::new("One event of the brain, without I/O", columns);
    for count in [10_000, 100_000] {
        for (event, samples) in simulate(stage, count)?.rows() {
            let at = |share: usize| samples[(samples.len() - 1) * share / 100].as_secs_f64() * 1e6;
            table.row([
                count.to_string(),
                event.to_owned(),
                samples.len().to_string(),
                format!("{:.1}", at(50)),
                format!("{:.1}", at(99)),
                format!("{:.0}", at(100)),
            ]);
        }
    }
    table.remark(
        "A first sweep and the beginning of a second, in virtual time, with mail configured; every twentieth endpoint's certificate \
         ends soon. As in the daemon, a snapshot is taken every 250 ms and held until the next one, so that a visit's report finds \
         what it changes shared. A snapshot includes letting go of the one before.",
    );
    Ok(table)
}

#[derive(Default)]
struct Samples {
    woke: Vec<Duration>,
    visited: Vec<Duration>,
    snapshot: Vec<Duration>,
}

impl Samples {
    fn rows(self) -> [(&'static str, Vec<Duration>); 3] {
        [
            ("Woke: starts what is due", self.woke),
            ("Visited: a report", self.visited),
            ("(a snapshot, not an event)", self.snapshot),
        ]
        .map(|(event, mut samples)| {
            samples.sort();
            (event, samples)
        })
    }
}

fn simulate(stage: &Stage, count: usize) -> anyhow::Result<Samples> {
    let trust = Arc::new(Trust::new([Certificate::from_der(&stage.pki.root.der())]));
    let inventory = (0..count).map(|i| watch(&name(i), &trust)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut now = Now { wall: stage.pki.now, uptime: Duration::ZERO };
    let sound = visit(stage, 60, &inventory[0], now.wall)?;
    let ending = visit(stage, 10, &inventory[0], now.wall)?;
    anyhow::ensure!(sound.diagnosis.findings.is_empty() && ending.diagnosis.findings.len() == 1, "the stage is set wrongly");

    let settings =
        Settings { limits: Limits::default(), mail: true, built: now.wall, seed: 1, first_sweep: Duration::from_mins(15) };
    let (mut monitor, effects) = Monitor::new(inventory, Restored::default(), settings, now);
    let mut samples = Samples::default();
    let mut todo: VecDeque<Effect> = effects.into();
    let mut shown = (monitor.snapshot(now), now.uptime);
    let wanted = count + (count / 2).min(10_000);
    let mut reports = 0;
    while samples.visited.len() < wanted {
        let event = match todo.pop_front() {
            Some(Effect::Visit { watch, generation }) => {
                reports += 1;
                let mut judged = if reports % 20 == 0 { ending.clone() } else { sound.clone() };
                judged.observation.at = now.wall;
                let resolved = judged.observation.address.into_iter().collect();
                let endpoint = Arc::clone(&watch.endpoint.name);
                Event::Visited(Visited { endpoint, generation, seen: vec![Arc::new(judged)], resolved })
            }
            Some(Effect::Deliver(id)) => Event::Mailed { id, result: MailResult::Delivered, detail: String::new(), after: None },
            Some(Effect::Save(_) | Effect::Post(_)) => continue,
            None => {
                let wake = monitor.next_wake().context("there is always a next visit")?;
                now = now.after(wake.saturating_sub(now.uptime));
                Event::Woke
            }
        };
        let kind = match &event {
            Event::Woke => Some(&mut samples.woke),
            Event::Visited(_) => Some(&mut samples.visited),
            _ => None,
        };
        let started = Instant::now();
        let effects = monitor.handle(event, now);
        let took = started.elapsed();
        if let Some(samples) = kind {
            samples.push(took);
        }
        todo.extend(effects);
        if now.uptime >= shown.1 + TICK {
            let started = Instant::now();
            shown = (monitor.snapshot(now), now.uptime);
            samples.snapshot.push(started.elapsed());
        }
    }
    Ok(samples)
}

fn watch(name: &str, trust: &Arc<Trust>) -> anyhow::Result<Arc<Watch>> {
    let endpoint = Endpoint::new(format!("{name}:443").parse()?);
    let expectation = Expectation { host: Some(endpoint.server_name.clone()), ..Expectation::default() };
    let policy = Policy { owners: vec!["owner@bench.test".into()], ..Policy::default() };
    Ok(Arc::new(Watch { endpoint, expectation, trust: Arc::clone(trust), stores: Arc::default(), policy: policy.into() }))
}

/// What a visit brings home, judged, of a leaf that lasts so many days more.
fn visit(stage: &Stage, days: i64, watch: &Watch, now: Timestamp) -> anyhow::Result<Judged> {
    let host = watch.endpoint.server_name.to_string();
    let leaf = stage.pki.leaf([host.as_str()]).days(days - 90, days).signed_by(&stage.pki.intermediate)?;
    let chain = [leaf.der(), stage.pki.intermediate.der()].iter().map(|der| Certificate::from_der(der)).collect();
    let tls = Tls {
        version: "TLSv1.3".into(),
        cipher: "TLS_AES_256_GCM_SHA384".into(),
        group: "X25519MLKEM768".into(),
        alpn: None,
        stapled: None,
    };
    let chain = Chain::new(chain).context("two certificates")?;
    let handshake =
        Handshake { chain, tls: tls.into(), possession: Possession::Proven, wants_client_certificate: false, broken_off: None };
    let observation = Observation {
        timing: Step::ALL.map(|step| (step, Duration::from_millis(1))).into_iter().collect(),
        ..Observation::new(Some(core::net::Ipv4Addr::LOCALHOST.into()), now, Outcome::Handshake(handshake))
    };
    let diagnosis = diagnose(&observation, &watch.expectation, &watch.trust, &Issuers::default(), now);
    Ok(Judged { observation, diagnosis: diagnosis.into() })
}

const TICK: Duration = Duration::from_millis(250);
