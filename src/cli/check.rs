//! `certvigil check`: one visit to each target, judged and printed.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::{ArgGroup, Args};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinSet;

use super::{arguments, judging::Judging, now, output, run::environment};
use crate::{
    config,
    diagnosis::{Expectation, Status, Trust},
    endpoint::{Addresses, Endpoint, Protocol, Target},
    fetch,
    monitor::{Limits, Watch},
    probe::{self, ClientIdentity, Proxy},
    report::Subject,
    visit::{Visit, Visitor, When},
};

/// Visit each target once, judge what it presents and print it
///
/// A TARGET is a host, host:port, or a URL whose scheme names the protocol and its usual port: https://, smtp:// (STARTTLS, 25),
/// submission:// (587), imaps://, ldap://, postgres://, ... IPv6 addresses stand in brackets.
///
/// Exit status: 0 ok, 1 warning, 2 critical, 3 could not be judged.
#[derive(Args)]
#[command(group = ArgGroup::new("what").required(true).args(["targets", "config"]), after_help = "Examples:
  certvigil check example.org
  certvigil check --json https://example.org submission://mail.example.org
  certvigil check --ca-file company-root.pem --only-ca-file --host shop.example 192.0.2.7:8443
  certvigil check --config /etc/certvigil/config.yaml")]
pub(super) struct Check {
    /// What to visit
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Sweep the whole inventory of this configuration; what is sound gets one line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ca_file", "only_ca_file", "host", "starttls", "address"])]
    config: Option<PathBuf>,
    #[command(flatten)]
    judging: Judging,
    /// The protocol whose STARTTLS leads to TLS: smtp, imap, pop3, ftp, ldap, xmpp, postgres, mysql, ...
    #[arg(long, value_name = "PROTO")]
    starttls: Option<String>,
    /// Connect to this address, whatever the name resolves to
    #[arg(long, value_name = "IP", value_parser = arguments::address)]
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
    /// The deadline of one visit, as 10s [default: 10s, or the configuration's]
    #[arg(long, value_name = "DURATION", value_parser = arguments::deadline)]
    timeout: Option<Duration>,
    /// Do not fetch missing issuers
    #[arg(long)]
    no_fetch: bool,
    /// Fetch issuers from private, loopback and link-local addresses too
    #[arg(long)]
    allow_private_fetch: bool,
}

/// What the configuration says of a sweep.
type Inventory = (Vec<Errand>, Limits, probe::NameLookup, fetch::Settings);

/// One thing to visit.
struct Errand {
    endpoint: Endpoint,
    expectation: Expectation,
    trust: Arc<Trust>,
}

impl Check {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let (errands, limits, names, fetch) = match &self.config {
            Some(path) => self.inventory(path)?,
            None => (self.errands()?, Limits::default(), probe::NameLookup::default(), fetch::Settings::default()),
        };
        let fetch = fetch::Settings {
            enabled: fetch.enabled && !self.no_fetch,
            allow_private: fetch.allow_private || self.allow_private_fetch,
            ..fetch
        };
        let proxy = self.proxy()?;
        let settings = probe::Settings { names, identity: self.identity()?, proxy: proxy.clone(), ..probe::Settings::default() };
        let visitor = Visitor::new(settings, fetch, limits.visits_per_address);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
        let worst = runtime.block_on(self.sweep(errands, &visitor, limits.visits, proxy.as_ref()));
        // A lookup that hangs in getaddrinfo(3) shall not hold the answer's end up.
        runtime.shutdown_background();
        Ok(output::exit_status(worst?))
    }

    /// Visits all, some at once, and prints each when it comes back, in the order given.
    async fn sweep(
        &self,
        errands: Vec<Errand>,
        visitor: &Visitor,
        at_once: usize,
        proxy: Option<&Proxy>,
    ) -> anyhow::Result<Status> {
        let proxy = proxy.map(ToString::to_string);
        let progress = self.progress(errands.len());
        let errands: Arc<[Errand]> = errands.into();
        let mut visits: JoinSet<(usize, Visit)> = JoinSet::new();
        let mut done: Vec<Option<Visit>> = errands.iter().map(|_| None).collect();
        let (mut started, mut shown, mut worst) = (0, 0, Status::Ok);
        while shown < errands.len() {
            while started < errands.len() && visits.len() < at_once {
                let (errands, visitor, number, as_of) = (Arc::clone(&errands), visitor.clone(), started, self.judging.at);
                visits.spawn(async move {
                    let errand = &errands[number];
                    let at = now().wall;
                    let when = When { at, as_of: as_of.unwrap_or(at) };
                    (number, visitor.visit(&errand.endpoint, &errand.expectation, &errand.trust, when).await)
                });
                started += 1;
            }
            match visits.join_next().await {
                Some(Ok((number, visit))) => done[number] = Some(visit),
                Some(Err(_)) | None => return Ok(Status::Unknown),
            }
            progress.inc(1);
            while let Some(visit) = done.get_mut(shown).and_then(Option::take) {
                let endpoint = &errands[shown].endpoint;
                let subject = proxy.as_ref().map_or(Subject::Endpoint(endpoint), |proxy| Subject::Proxied(endpoint, proxy));
                progress.suspend(|| self.show(subject, &visit))?;
                worst = visit.seen.iter().map(|judged| judged.diagnosis.status()).fold(worst, Status::max);
                shown += 1;
            }
        }
        progress.finish_and_clear();
        Ok(worst)
    }

    fn show(&self, subject: Subject<'_>, visit: &Visit) -> anyhow::Result<()> {
        for judged in &visit.seen {
            output::show(subject, judged, &self.judging, self.config.is_some())?;
        }
        for address in &visit.skipped {
            output::warn(&format!("{address} left out: this machine has no route for its address family"));
        }
        Ok(())
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
            if !text.contains("://") {
                target = format!("{}://{text}", protocol.scheme()).parse()?;
            } else if target.protocol.starttls() != protocol.starttls() {
                bail!("{text} says what is spoken there, and --starttls {name} says something else; leave one of the two out");
            }
        }
        let mut endpoint = Endpoint::new(target);
        endpoint.name = text.into();
        endpoint.timeout = self.timeout.unwrap_or(endpoint.timeout);
        endpoint.addresses = self.address.map_or(Addresses::All, Addresses::Only);
        if let Some(host) = self.judging.host()? {
            endpoint.server_name = host;
        }
        let expectation = Expectation { host: Some(endpoint.server_name.clone()), ..self.judging.expectation()? };
        Ok(Errand { endpoint, expectation, trust: Arc::clone(trust) })
    }

    /// What the configuration says, but for what the command line says otherwise of every endpoint.
    fn inventory(&self, path: &Path) -> anyhow::Result<Inventory> {
        let loaded = config::load(path, &environment())?;
        for warning in &loaded.warnings {
            output::warn(&format!("warning: {warning}"));
        }
        let config = loaded.config;
        let errand = |watch: &Arc<Watch>| {
            let (mut endpoint, mut expectation) = (watch.endpoint.clone(), watch.expectation.clone());
            endpoint.timeout = self.timeout.unwrap_or(endpoint.timeout);
            expectation.security_level = self.judging.security_level.unwrap_or(expectation.security_level);
            Errand { endpoint, expectation, trust: Arc::clone(&watch.trust) }
        };
        Ok((config.watches.iter().map(errand).collect(), config.limits, config.resolver, config.fetch))
    }

    fn identity(&self) -> anyhow::Result<Option<ClientIdentity>> {
        let (Some(certificate), Some(key)) = (&self.client_cert, &self.client_key) else { return Ok(None) };
        let (certificate, key) = (config::read_file(certificate, MAX_IDENTITY)?, config::read_file(key, MAX_IDENTITY)?);
        Ok(Some(ClientIdentity::from_pem(&certificate, &key)?))
    }

    fn proxy(&self) -> anyhow::Result<Option<Proxy>> {
        let Some(text) = &self.proxy else { return Ok(None) };
        let bare = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
        let Some((host, port)) = bare.rsplit_once(':') else { bail!("\"{text}\" is no proxy; write HOST:PORT") };
        let port = port.parse().with_context(|| format!("\"{text}\" is no proxy; write HOST:PORT"))?;
        Ok(Some(Proxy { host: host.parse()?, port }))
    }
}

/// Octets of a client certificate's file, and of its key's.
const MAX_IDENTITY: u64 = 1024 * 1024;
