//! The whole daemon with ten thousand endpoints: memory, CPU a visit, CPU of a scrape, whether it keeps its schedule.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::Context as _;

use crate::{
    nginx,
    process::{cpu, cpu_fine, memory},
    stage::{ROOT, Stage, name},
    table::{Table, median},
};

/// Starts it, lets it sweep, leaves it idle, scrapes it, makes it sweep again by a reload, and stops it.
pub(crate) fn measure(stage: &Stage) -> anyhow::Result<Vec<Table>> {
    let title = format!("The daemon with {} endpoints", stage.endpoints);
    let mut table = Table::new(&title, ["phase", "CPU", "of one core", "visits", "CPU a visit", "VmRSS", "VmHWM"]);
    let nginx = nginx::start(stage, None)?;
    configure(stage, nginx.port, "1h")?;
    let start = Instant::now();
    let daemon = Daemon::start(stage)?;
    let pid = daemon.child.id();
    let ready = start.elapsed();
    let begin = Span { pid, cpu: Duration::ZERO, at: start };
    let swept = Span::start(pid)?;
    table.row(begin.until(&swept)?.row("start, until the page is served", 0));

    let server = cpu(nginx.pid())?;
    let (first, used) = daemon.wait_for(stage.endpoints, SPREAD, &swept)?;
    table.row(used.row("first sweep", first.visits));
    let server = cpu(nginx.pid())?.saturating_sub(server);
    anyhow::ensure!(first.sound == stage.endpoints, "only {} of {} visits were sound", first.sound, stage.endpoints);

    let idle = Span::start(pid)?;
    sleep(IDLE);
    table.row(idle.until(&Span::start(pid)?)?.row("idle", 0));

    let scrapes = scrapes(&daemon)?;
    let pages = pages(&daemon)?;
    configure(stage, nginx.port, &format!("{}s", AGAIN.as_secs()))?;
    let reload = Span::start(pid)?;
    daemon.reload()?;
    let swept = Span::start(pid)?;
    table.row(reload.until(&swept)?.row(&format!("reload with another interval (after {SCRAPES} scrapes)"), 0));
    let (both, used) = daemon.wait_for(first.visits + stage.endpoints, AGAIN.mul_f64(0.8), &swept)?;
    table.row(used.row("second sweep", both.visits - first.visits));

    let state = fs::read_dir(stage.path("state"))?.filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len()));
    let state: u64 = state.sum();
    let stop = Instant::now();
    daemon.stop()?;
    table.remark(&format!(
        "The page was served {} ms after the start. First visits were spread over {} s, at most {VISITS} at once; nginx, beside \
         it, took {:.0} µs of CPU for each. The state on disk had {} KiB. The daemon stopped within {} ms.",
        ready.as_millis(),
        SPREAD.as_secs(),
        micros_each(server, first.visits),
        state / 1024,
        stop.elapsed().as_millis()
    ));
    Ok(vec![table, scrapes, pages, lag(&first, &both)])
}

fn scrapes(daemon: &Daemon) -> anyhow::Result<Table> {
    let pid = daemon.child.id();
    let (mut costs, mut times, mut text) = (Vec::new(), Vec::new(), String::new());
    for _ in 0..SCRAPES {
        let (before, started) = (cpu_fine(pid)?, Instant::now());
        text = daemon.scrape()?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
        // The threads go to sleep, and are counted to the end.
        sleep(Duration::from_millis(10));
        costs.push(cpu_fine(pid)?.saturating_sub(before).as_secs_f64() * 1e3);
    }
    let mut table = Table::new("A scrape of /metrics", ["series", "MiB", "CPU, ms", "took, ms", "CPU a series, ns"]);
    let series = text.lines().filter(|line| !line.starts_with('#')).count();
    let cost = median(costs);
    table.row([
        series.to_string(),
        format!("{:.2}", to_f64(text.len()) / 1_048_576.0),
        format!("{cost:.1}"),
        format!("{:.1}", median(times)),
        format!("{:.0}", cost * 1e6 / to_f64(series)),
    ]);
    table.remark(&format!("Medians of {SCRAPES}, the reader on the same machine; the daemon idle otherwise. Not compressed."));
    Ok(table)
}

/// Of every kind of view of the fleet, and of one endpoint.
fn pages(daemon: &Daemon) -> anyhow::Result<Table> {
    let columns = ["page", "first byte, ms", "slowest, ms", "KiB"];
    let mut table = Table::new("The page: from the request to its first byte", columns);
    let endpoint = format!("/endpoint/{}", name(7));
    for path in ["/", "/?sort=ends&page=100", "/?status=ok&q=ou=", "/?owner=nobody", "/incidents", &endpoint] {
        let (mut times, mut size) = (Vec::new(), 0);
        for _ in 0..SCRAPES {
            let (first, text) = daemon.ask(path)?;
            times.push(first.as_secs_f64() * 1e3);
            size = text.len();
        }
        let slowest = times.iter().copied().fold(0.0, f64::max);
        table.row([
            format!("`{path}`"),
            format!("{:.1}", median(times)),
            format!("{slowest:.1}"),
            format!("{:.0}", to_f64(size) / 1024.0),
        ]);
    }
    table.remark(&format!(
        "Medians and the slowest of {SCRAPES}, each with a connection of its own; a search reads every certificate."
    ));
    Ok(table)
}

fn lag(first: &Reading, both: &Reading) -> Table {
    let title = "Whether the schedule was kept: share of the visits that were started within so long after they were due";
    let mut table = Table::new(title, ["within", "first sweep", "both sweeps"]);
    for ((bound, of_first), (_, of_both)) in first.lag.iter().zip(&both.lag) {
        let percent = |count: usize, of: usize| format!("{:.2} %", 100.0 * to_f64(count) / to_f64(of));
        table.row([format!("{bound} s"), percent(*of_first, first.visits), percent(*of_both, both.visits)]);
    }
    table
}

/// A moment in the life of a process.
struct Span {
    pid: u32,
    cpu: Duration,
    at: Instant,
}

/// What it has used from one moment to another, and what it holds then.
struct Used {
    cpu: Duration,
    wall: Duration,
    resident: f64,
    peak: f64,
}

impl Span {
    fn start(pid: u32) -> anyhow::Result<Self> {
        Ok(Span { pid, cpu: cpu(pid)?, at: Instant::now() })
    }

    fn until(&self, end: &Span) -> anyhow::Result<Used> {
        let [resident, peak] = memory(self.pid)?;
        Ok(Used { cpu: end.cpu.saturating_sub(self.cpu), wall: end.at.duration_since(self.at), resident, peak })
    }
}

impl Used {
    fn row(&self, phase: &str, visits: usize) -> [String; 7] {
        let (cpu, wall) = (self.cpu.as_secs_f64(), self.wall.as_secs_f64());
        let or_none = |text: String| if visits == 0 { String::new() } else { text };
        [
            phase.to_owned(),
            format!("{cpu:.2} s in {wall:.1} s"),
            format!("{:.1} %", 100.0 * cpu / wall),
            or_none(visits.to_string()),
            or_none(format!("{:.0} µs", micros_each(self.cpu, visits))),
            format!("{:.1} MiB", self.resident),
            format!("{:.1} MiB", self.peak),
        ]
    }
}

/// What a scrape says at the end of a sweep.
pub(crate) struct Reading {
    pub(crate) visits: usize,
    /// Endpoints whose chain verifies.
    pub(crate) sound: usize,
    /// Upper bound in seconds, and how many visits were started within it.
    lag: Vec<(String, usize)>,
    /// The share of the verdicts that were remembered.
    pub(crate) remembered: f64,
}

impl Reading {
    fn of(scrape: &str) -> anyhow::Result<Self> {
        let bucket = |line: &str| {
            let (bound, count) = line.strip_prefix("certvigil_schedule_lag_seconds_bucket{le=\"")?.split_once("\"} ")?;
            Some((bound.to_owned(), count.parse().ok()?))
        };
        let lag: Vec<(String, usize)> = scrape.lines().filter_map(bucket).collect();
        let (_, visits) = lag.last().context("the scrape has no schedule lag")?;
        let sound = |line: &&str| line.starts_with("certvigil_verify_code{") && line.ends_with("} 0");
        let verdicts = |source: &str| {
            let line = format!("certvigil_verdicts_total{{source=\"{source}\"}} ");
            scrape.lines().find_map(|text| text.strip_prefix(&line)?.parse::<f64>().ok()).unwrap_or_default()
        };
        let (judged, remembered) = (verdicts("judged"), verdicts("remembered"));
        let remembered = if remembered > 0.0 { remembered / (judged + remembered) } else { 0.0 };
        Ok(Reading { visits: *visits, sound: scrape.lines().filter(sound).count(), lag, remembered })
    }

    /// The bound within which 99 of 100 visits since then were started.
    pub(crate) fn percentile_since(&self, before: &Reading) -> String {
        let all = self.visits - before.visits;
        let within = self.lag.iter().zip(&before.lag).find(|((_, now), (_, then))| 100 * (now - then) >= 99 * all);
        within.map_or_else(|| "+Inf".to_owned(), |((bound, _), _)| bound.clone())
    }
}

/// The running daemon; killed when dropped.
pub(crate) struct Daemon {
    child: Child,
    log: std::path::PathBuf,
    page: SocketAddr,
}

impl Daemon {
    /// Starts it and waits until its page is served.
    pub(crate) fn start(stage: &Stage) -> anyhow::Result<Self> {
        let log = stage.path("daemon.log");
        let child = Command::new(env!("CARGO_BIN_EXE_certvigil"))
            .args(["run", "--config"])
            .arg(stage.path("config.yaml"))
            .env("CERTVIGIL_LOG", "info")
            .stdin(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()?;
        let mut daemon = Daemon { child, log, page: SocketAddr::from(([127, 0, 0, 1], 0)) };
        daemon.wait_for_log("http://127.0.0.1:")?;
        let text = fs::read_to_string(&daemon.log)?;
        let page = text.split("http://").nth(1).and_then(|rest| rest.split('/').next());
        daemon.page = page.context("the page's address is not in the log")?.parse()?;
        Ok(daemon)
    }

    /// Reads the configuration again, and waits until it has.
    fn reload(&self) -> anyhow::Result<()> {
        self.signal("HUP")?;
        self.wait_for_log("configuration reloaded")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it says of itself.
    pub(crate) fn reading(&self) -> anyhow::Result<Reading> {
        Reading::of(&self.scrape()?)
    }

    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        self.signal("TERM")?;
        let status = self.child.wait()?;
        anyhow::ensure!(status.success(), "the daemon ended with {status}");
        Ok(())
    }

    /// Lets it visit for so long and until it has made so many visits in all; the CPU is that until before the last scrape.
    fn wait_for(&self, visits: usize, at_least: Duration, since: &Span) -> anyhow::Result<(Reading, Used)> {
        sleep(at_least.saturating_sub(since.at.elapsed()));
        loop {
            sleep(Duration::from_secs(1));
            let used = since.until(&Span::start(since.pid)?)?;
            let reading = Reading::of(&self.scrape()?)?;
            if reading.visits >= visits {
                return Ok((reading, used));
            }
            anyhow::ensure!(
                since.at.elapsed() < 3 * SPREAD,
                "only {} of {visits} visits in {:?}",
                reading.visits,
                since.at.elapsed()
            );
        }
    }

    fn scrape(&self) -> anyhow::Result<String> {
        Ok(self.ask("/metrics")?.1)
    }

    /// How long the first byte of an answer took, and what was answered.
    fn ask(&self, path: &str) -> anyhow::Result<(Duration, String)> {
        let started = Instant::now();
        let mut stream = TcpStream::connect(self.page)?;
        // By HTTP/1.0, so that the answer is not chunked.
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes())?;
        let mut answer = vec![0];
        stream.read_exact(&mut answer)?;
        let first = started.elapsed();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8(answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
        anyhow::ensure!(head.starts_with("HTTP/1") && head.contains(" 200 "), "{path}: {head}");
        Ok((first, body.to_owned()))
    }

    fn wait_for_log(&self, words: &str) -> anyhow::Result<()> {
        let started = Instant::now();
        while !fs::read_to_string(&self.log)?.contains(words) {
            let log = || fs::read_to_string(&self.log).unwrap_or_default();
            anyhow::ensure!(started.elapsed() < Duration::from_secs(30), "the daemon does not say {words:?}:\n{}", log());
            sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// By the shell's own `kill`.
    fn signal(&self, name: &str) -> anyhow::Result<()> {
        let status = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status()?;
        anyhow::ensure!(status.success(), "cannot signal the daemon");
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes the configuration: every endpoint is a name of the one nginx.
fn configure(stage: &Stage, port: u16, interval: &str) -> anyhow::Result<()> {
    let mut text = format!(
        "defaults: {{interval: {interval}}}\ntrust: {{system: false, mozilla: true, files: [{ROOT}]}}\n\
         limits: {{visits: {VISITS}, visits_per_address: {VISITS}, spread: {}s}}\n\
         web: {{listen: \"127.0.0.1:0\"}}\nstate: {{directory: state}}\nendpoints:\n",
        SPREAD.as_secs()
    );
    let entry = |name: String| format!("  - {{target: \"127.0.0.1:{port}\", name: {name}, server_name: {name}}}\n");
    text.extend((0..stage.endpoints).map(|i| entry(name(i))));
    let state = stage.path("state");
    if !state.exists() {
        fs::create_dir(state)?;
    }
    Ok(fs::write(stage.path("config.yaml"), text)?)
}

fn micros_each(cpu: Duration, visits: usize) -> f64 {
    cpu.as_secs_f64() * 1e6 / to_f64(visits)
}

/// Counts here are far below 2^32.
pub(crate) fn to_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

const VISITS: usize = 64;
const SPREAD: Duration = Duration::from_secs(40);
/// The interval after the reload: so long that the second sweep keeps the distances of the first, and begins at once.
const AGAIN: Duration = Duration::from_secs(70);
const IDLE: Duration = Duration::from_secs(20);
const SCRAPES: usize = 15;
