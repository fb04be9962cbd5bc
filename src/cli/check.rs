//! `certvigil check`: one visit to each target, judged and printed.

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinSet;

use super::{Judging, now, output, run::environment};
use crate::{
    clock::Timestamp,
    config::{self, trust::TrustSources},
    diagnosis::{Expectation, Status, Trust},
    endpoint::{Addresses, Endpoint, Protocol, Target},
    fetch,
    monitor::Limits,
    probe::{self, ClientIdentity, Proxy},
    report::Subject,
    visit::{Visit, Visitor},
};

/// Visit each target once, judge what it presents and print it
///
/// A TARGET is a host, host:port, or a URL whose scheme names the protocol and its usual port: https://, smtp:// (STARTTLS, 25),
/// submission:// (587), imaps://, ldap://, postgres://, ... IPv6 addresses stand in brackets.
///
/// Exit status: 0 ok, 1 warning, 2 critical, 3 could not be judged.
#[derive(Args)]
#[command(after_help = "Examples:
  certvigil check example.org
  certvigil check --json https://example.org submission://mail.example.org
  certvigil check --ca-file company-root.pem --only-ca-file --host shop.example 192.0.2.7:8443
  certvigil check --config /etc/certvigil/config.yaml")]
pub(super) struct Check {
    /// What to visit
    #[arg(value_name = "TARGET", required_unless_present = "config", conflicts_with = "config")]
    targets: Vec<String>,
    /// Sweep the whole inventory of this configuration
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ca_file", "only_ca_file", "host"])]
    config: Option<PathBuf>,
    #[command(flatten)]
    judging: Judging,
    /// The protocol whose STARTTLS leads to TLS: smtp, imap, pop3, ftp, ldap, xmpp, postgres, mysql, ...
    #[arg(long, value_name = "PROTO")]
    starttls: Option<String>,
    /// Connect to this address, whatever the name resolves to
    #[arg(long, value_name = "IP")]
    address: Option<core::net::IpAddr>,
    /// Present this client certificate (PEM, leaf first)
    #[arg(long, value_name = "FILE", requires = "client_key")]
    client_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    client_key: Option<PathBuf>,
    /// Go through this HTTP proxy (CONNECT)
    #[arg(long, value_name = "HOST:PORT")]
    proxy: Option<String>,
    /// The deadline of one visit, as 10s
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    timeout: Duration,
    /// Do not fetch missing issuers
    #[arg(long)]
    no_fetch: bool,
    /// Fetch issuers from private, loopback and link-local addresses too
    #[arg(long)]
    allow_private_fetch: bool,
}

/// One thing to visit.
struct Errand {
    endpoint: Endpoint,
    expectation: Expectation,
    trust: Arc<Trust>,
}

impl Check {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let now = now(self.judging.at).wall;
        let (errands, limits, names, fetch) = match &self.config {
            Some(path) => self.inventory(path)?,
            None => (self.errands()?, Limits::default(), probe::NameLookup::default(), fetch::Settings::default()),
        };
        let fetch = fetch::Settings {
            enabled: fetch.enabled && !self.no_fetch,
            allow_private: fetch.allow_private || self.allow_private_fetch,
            ..fetch
        };
        let settings = probe::Settings { names, identity: self.identity()?, proxy: self.proxy()?, ..probe::Settings::default() };
        let visitor = Visitor::new(settings, fetch, limits.visits_per_address);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
        let worst = runtime.block_on(self.sweep(errands, &visitor, limits.visits, now));
        Ok(output::exit_status(worst))
    }

    /// Visits all, some at once, and prints each when it comes back, in the order given.
    async fn sweep(&self, errands: Vec<Errand>, visitor: &Visitor, at_once: usize, now: Timestamp) -> Status {
        let progress = self.progress(errands.len());
        let errands: Arc<[Errand]> = errands.into();
        let mut visits: JoinSet<(usize, Visit)> = JoinSet::new();
        let mut done: Vec<Option<Visit>> = errands.iter().map(|_| None).collect();
        let (mut started, mut shown, mut worst) = (0, 0, Status::Ok);
        while shown < errands.len() {
            while started < errands.len() && visits.len() < at_once {
                let (errands, visitor, number) = (Arc::clone(&errands), visitor.clone(), started);
                visits.spawn(async move {
                    let errand = &errands[number];
                    (number, visitor.visit(&errand.endpoint, &errand.expectation, &errand.trust, now).await)
                });
                started += 1;
            }
            match visits.join_next().await {
                Some(Ok((number, visit))) => done[number] = Some(visit),
                Some(Err(_)) | None => return Status::Unknown,
            }
            progress.inc(1);
            while let Some(visit) = done.get_mut(shown).and_then(Option::take) {
                progress.suspend(|| {
                    for judged in &visit.seen {
                        output::show(Subject::Endpoint(&errands[shown].endpoint), judged, &self.judging, now);
                    }
                    for address in &visit.skipped {
                        output::warn(&format!("{address} left out: this machine has no route for its address family"));
                    }
                });
                worst = visit.seen.iter().map(|judged| judged.diagnosis.status()).fold(worst, Status::max);
                shown += 1;
            }
        }
        progress.finish_and_clear();
        worst
    }

    fn progress(&self, length: usize) -> ProgressBar {
        let bar = ProgressBar::new(length as u64);
        if self.config.is_none() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} endpoints, {elapsed}");
        bar.with_style(style.expect("the template is a constant"))
    }

    fn errands(&self) -> anyhow::Result<Vec<Errand>> {
        let trust = Arc::new(self.judging.trust()?);
        self.targets.iter().map(|text| self.errand(text, &trust)).collect()
    }

    fn errand(&self, text: &str, trust: &Arc<Trust>) -> anyhow::Result<Errand> {
        let mut target: Target = text.parse()?;
        if let Some(name) = &self.starttls {
            let protocol = Protocol::from_starttls(name)
                .with_context(|| format!("\"{name}\" has no STARTTLS that certvigil knows; write smtp, imap, ldap, .."))?;
            let port_was_written = target.port != target.protocol.port();
            target.port = if port_was_written { target.port } else { protocol.port() };
            target.protocol = protocol;
        }
        let mut endpoint = Endpoint::new(target);
        endpoint.name = text.into();
        endpoint.timeout = self.timeout;
        endpoint.addresses = self.address.map_or(Addresses::All, Addresses::Only);
        if let Some(host) = self.judging.host()? {
            endpoint.server_name = host;
        }
        let expectation = Expectation { host: Some(endpoint.server_name.clone()), ..self.judging.expectation()? };
        Ok(Errand { endpoint, expectation, trust: Arc::clone(trust) })
    }

    fn inventory(&self, path: &std::path::Path) -> anyhow::Result<(Vec<Errand>, Limits, probe::NameLookup, fetch::Settings)> {
        let loaded = config::load(path, &environment())?;
        for warning in &loaded.warnings {
            output::warn(&format!("warning: {warning}"));
        }
        let config = loaded.config;
        let errand = |watch: &Arc<crate::monitor::Watch>| Errand {
            endpoint: watch.endpoint.clone(),
            expectation: watch.expectation.clone(),
            trust: Arc::clone(&watch.trust),
        };
        Ok((config.watches.iter().map(errand).collect(), config.limits, config.resolver, config.fetch))
    }

    fn identity(&self) -> anyhow::Result<Option<ClientIdentity>> {
        let (Some(certificate), Some(key)) = (&self.client_cert, &self.client_key) else { return Ok(None) };
        let read = |path: &PathBuf| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
        Ok(Some(ClientIdentity::from_pem(&read(certificate)?, &read(key)?)?))
    }

    fn proxy(&self) -> anyhow::Result<Option<Proxy>> {
        let Some(text) = &self.proxy else { return Ok(None) };
        let bare = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
        let Some((host, port)) = bare.rsplit_once(':') else { bail!("\"{text}\" is no proxy; write HOST:PORT") };
        let port = port.parse().with_context(|| format!("\"{text}\" is no proxy; write HOST:PORT"))?;
        Ok(Some(Proxy { host: host.parse()?, port }))
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    config::parse_duration(text).ok_or_else(|| "is no duration; write 10s, 5m or 1h".to_owned())
}

impl Judging {
    /// The effective trust.
    pub(super) fn trust(&self) -> anyhow::Result<Trust> {
        let all = !self.only_ca_file;
        let loaded = config::trust::load(&TrustSources { system: all, mozilla: all, files: self.ca_file.clone() })?;
        for path in &loaded.empty {
            output::warn(&format!("warning: {} holds no certificate: nothing is trusted by it", path.display()));
        }
        Ok(loaded.trust)
    }

    /// `--host`, as a name or an address.
    pub(super) fn host(&self) -> anyhow::Result<Option<crate::endpoint::Host>> {
        Ok(self.host.as_deref().map(str::parse).transpose()?)
    }

    /// What is judged against, but for the host that `check` takes from its target.
    pub(super) fn expectation(&self) -> anyhow::Result<Expectation> {
        let mut host = self.host()?;
        // OpenSSL matches the name as it is written, and no certificate carries one with a trailing dot.
        if let (Some(crate::endpoint::Host::Name(name)), Some(true)) = (&mut host, self.host.as_deref().map(|h| h.ends_with('.')))
        {
            *name = format!("{name}.").into();
        }
        Ok(Expectation { host, security_level: self.security_level, ..Expectation::default() })
    }
}
