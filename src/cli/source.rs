//! Where the answers come from: a daemon that runs, or the state that one has left.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::{
    fmt, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail};
use clap::{ArgGroup, Args};
use serde_json::Value;

use crate::{
    certificate::printable_cut,
    channel::{self, Ask, Server, Url},
    cli::{now, run::environment, silence::told},
    config::{self, Config},
    daemon,
    mail::Secret,
    monitor::Snapshot,
    web::{self, Listen},
};

/// Who is to be asked.
#[derive(Args)]
#[command(group(ArgGroup::new("where").required(true).args(["config", "url"])))]
pub(super) struct Asked {
    /// The configuration, which names the daemon's address and the state directory
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Where the daemon's page is
    #[arg(long, value_name = "URL", value_parser = url)]
    url: Option<Url>,
    /// A file that holds the token by which the daemon lets us in
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Roots for the daemon's certificate, PEM, instead of the machine's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// Who is asked.
pub(super) enum Source {
    /// A daemon, with the token that lets us in.
    Daemon(Server, Option<Secret>),
    /// The state, as it is now; where it lies, and why no daemon is asked.
    State(Box<Snapshot>, String),
}

impl Source {
    /// The daemon at the URL, or where the configuration has it; where that one does not answer, its state.
    pub(super) fn find(asked: &Asked) -> anyhow::Result<Self> {
        let silent = match Source::running(asked)? {
            Ok(daemon) => return Ok(daemon),
            Err(silent) => silent,
        };
        let config = load(asked)?;
        let directory = printable_cut(&config.store.directory.display().to_string(), 200);
        let left = daemon::remembered(&config, now().wall).map_err(told).context(silent.clone())?;
        Ok(Source::State(Box::new(left), format!("from the state in {directory}, as {silent}")))
    }

    /// The daemon that answers, or why none does.
    pub(super) fn running(asked: &Asked) -> anyhow::Result<Result<Self, String>> {
        let token = asked.token_file.as_deref().map(read).transpose()?.map(|text| Secret(text.trim().to_owned()));
        let roots = asked.ca_file.as_deref().map(|path| Ok::<_, anyhow::Error>(pem::parse_many(read(path)?)?)).transpose()?;
        let roots = roots.map(|blocks| blocks.into_iter().map(pem::Pem::into_contents).collect());
        if let Some(url) = &asked.url {
            return Ok(Ok(Source::Daemon(Server::At(url.clone(), roots), token)));
        }
        let mut silent = "the configuration has no way to a daemon".to_owned();
        for server in ways_to(&load(asked)?.web, roots.as_ref()) {
            let daemon = Source::Daemon(server, token.clone());
            match daemon.get("/status") {
                Ok(_) => return Ok(Ok(daemon)),
                Err(problem) => silent = problem.to_string(),
            }
        }
        Ok(Err(silent))
    }

    /// The document at this path of the API.
    pub(super) fn get(&self, path: &str) -> anyhow::Result<Value> {
        match self {
            Source::State(snapshot, _) => {
                let text = web::look_at(snapshot, &format!("{API}{path}")).map_err(|problem| anyhow!(problem))?;
                Ok(serde_json::from_str(&text)?)
            }
            Source::Daemon(..) => self.ask(Ask::Get, path),
        }
    }

    /// What the daemon answers; null where it does what is asked without a word.
    pub(super) fn ask(&self, ask: Ask<'_>, path: &str) -> anyhow::Result<Value> {
        let Source::Daemon(server, token) = self else { bail!("nobody can be asked for a change {self}") };
        let path = format!("{API}{path}");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let answer = runtime.block_on(channel::ask(server, ask, &path, token.as_ref(), PATIENCE));
        let text = match answer.map_err(|trouble| anyhow!("{} {trouble}", place(server)))? {
            (204, _) => return Ok(Value::Null),
            (200..=299, text) => text,
            (401, text) if token.is_none() => {
                bail!("{} does not let us in: {}\nhint: --token-file names a file that holds it", place(server), detail(&text))
            }
            (401 | 403, text) => bail!("{} does not let us in: {}", place(server), detail(&text)),
            (status, text) => bail!("{} answers {status}: {}", place(server), detail(&text)),
        };
        serde_json::from_str(&text).with_context(|| format!("{self}: what is at {path} is none of certvigil's answers"))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Daemon(server, _) => write!(f, "at {}", place(server)),
            Source::State(_, words) => f.write_str(words),
        }
    }
}

fn load(asked: &Asked) -> anyhow::Result<Config> {
    let path = asked.config.as_deref().context("neither --config nor --url is there")?;
    Ok(config::load(path, &environment())?.config)
}

fn url(text: &str) -> Result<Url, String> {
    text.parse().map_err(|problem| format!("{text:?} {problem}; write one as http://127.0.0.1:9843"))
}

fn place(server: &Server) -> String {
    match server {
        Server::At(url, _) => url.place(),
        Server::Socket(path) => format!("unix:{}", printable_cut(&path.display().to_string(), 200)),
    }
}

/// How this machine reaches what listens there: by sockets first, which no certificate stands before.
fn ways_to(web: &web::Settings, roots: Option<&Vec<Vec<u8>>>) -> Vec<Server> {
    let sockets = web.listen.iter().filter_map(|listen| match listen {
        Listen::Unix(path) => Some(Server::Socket(path.clone())),
        Listen::Tcp(_) => None,
    });
    let by_name = web.public_url.as_deref().filter(|_| web.rules.tls.is_some()).map(str::to_owned);
    let scheme = if web.rules.tls.is_some() { "https" } else { "http" };
    let addresses = web.listen.iter().filter_map(|listen| match listen {
        Listen::Tcp(address) => Some(format!("{scheme}://{}", reached(*address))),
        Listen::Unix(_) => None,
    });
    let urls = by_name.into_iter().chain(addresses).filter_map(|url| url.parse().ok());
    sockets.chain(urls.map(|url| Server::At(url, roots.cloned()))).collect()
}

/// What listens everywhere listens here.
fn reached(listen: SocketAddr) -> SocketAddr {
    let here: IpAddr = if listen.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
    SocketAddr::new(if listen.ip().is_unspecified() { here } else { listen.ip() }, listen.port())
}

/// What a problem says, or the beginning of another answer.
fn detail(text: &str) -> String {
    let problem: Option<Value> = serde_json::from_str(text).ok();
    let detail = problem.as_ref().and_then(|problem| problem["detail"].as_str());
    printable_cut(detail.unwrap_or(text).trim(), 300)
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

const API: &str = "/api/v1";
/// For each question.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_listens_is_reached() {
        let at = |listen: &[&str]| {
            let listen = listen.iter().map(|place| place.parse().expect("a place")).collect();
            let settings = web::Settings { listen, public_url: None, watch_certificate: true, rules: web::Rules::default() };
            ways_to(&settings, None).iter().map(place).collect::<Vec<_>>()
        };
        assert_eq!(at(&["0.0.0.0:9843", "[::]:1"]), ["http://127.0.0.1:9843", "http://[::1]:1"]);
        assert_eq!(at(&["192.0.2.1:80", "unix:/run/a.sock"]), ["unix:/run/a.sock", "http://192.0.2.1:80"]);
    }

    #[test]
    fn a_problem_is_told_by_its_words() {
        assert_eq!(detail(r#"{"detail": "no\u202e", "status": 404}"#), "no\\E2\\80\\AE");
        assert_eq!(detail("  bad gateway\n"), "bad gateway");
    }
}
