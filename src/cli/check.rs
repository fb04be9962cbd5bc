//! `certvigil check`: one visit to each target, judged and printed.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::{ArgGroup, Args};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinSet;

use super::{
    arguments,
    judging::Judging,
    now, output,
    run::{environment, runtime},
};
use crate::{
    config::{self, trust},
    diagnosis::{Expectation, Status, Stores, Trust, views},
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
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ca_file", "only_ca_file", "host", "min_days", "starttls", "address"])]
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
        let runtime = runtime()?;
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
        let (progress, stores) = (self.progress(errands.len()), trust::of_clients());
        let errands: Arc<[Errand]> = errands.into();
        let visit = |number: usize| {
            let (errands, visitor, as_of) = (Arc::clone(&errands), visitor.clone(), self.judging.at);
            async move {
                let (errand, at) = (&errands[number], now().wall);
                let when = When { at, as_of: as_of.unwrap_or(at) };
                visitor.visit(&errand.endpoint, &errand.expectation, &errand.trust, when).await
            }
        };
        let mut worst = Status::Ok;
        in_order(errands.len(), at_once, visit, |number, visit| {
            progress.inc(1);
            let endpoint = &errands[number].endpoint;
            let subject = proxy.as_ref().map_or(Subject::Endpoint(endpoint), |proxy| Subject::Proxied(endpoint, proxy));
            worst = worst.max(progress.suspend(|| self.show(subject, &errands[number], &stores, visit.as_ref()))?);
            Ok(())
        })
        .await?;
        progress.finish_and_clear();
        Ok(worst)
    }

    /// Prints what a visit brought home, `None` where it panicked; says the worst of it.
    fn show(&self, subject: Subject<'_>, errand: &Errand, stores: &Stores, visit: Option<&Visit>) -> anyhow::Result<Status> {
        let Some(visit) = visit else {
            let name = subject.name();
            output::warn(&format!("error: {name} could not be judged: the visit failed by a fault of certvigil"));
            return Ok(Status::Unknown);
        };
        for judged in &visit.seen {
            let as_of = self.judging.at.unwrap_or(judged.observation.at);
            let eyes = || views(judged, &errand.expectation, &errand.trust, stores, as_of);
            output::show(subject, judged, &self.judging, self.config.is_some(), eyes)?;
        }
        for address in &visit.skipped {
            output::warn(&format!(
                "{address} left out: this machine has no route for its address family, or it is one of more than 16"
            ));
        }
        Ok(visit.seen.iter().map(|judged| judged.diagnosis.status()).max().unwrap_or(Status::Ok))
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
            if let Some(level) = self.judging.security_level {
                Arc::make_mut(&mut expectation.rules).security_level = level;
            }
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

/// Does the work of each number, some at once, and tells of each in the order of the numbers: of `None` where it panicked. What
/// cannot be told ends it all.
async fn in_order<T: Send + 'static, W: Future<Output = T> + Send + 'static>(
    count: usize,
    at_once: usize,
    work: impl Fn(usize) -> W,
    mut tell: impl FnMut(usize, Option<T>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    let mut numbers = HashMap::new();
    let mut done: BTreeMap<usize, Option<T>> = BTreeMap::new();
    let (mut started, mut told) = (0, 0);
    while told < count {
        while started < count && tasks.len() < at_once.max(1) {
            numbers.insert(tasks.spawn(work(started)).id(), started);
            started += 1;
        }
        let (id, result) = match tasks.join_next_with_id().await.expect("as long as not all is told, something is under way") {
            Ok((id, result)) => (id, Some(result)),
            Err(panicked) => (panicked.id(), None),
        };
        done.insert(numbers.remove(&id).expect("it was noted when it was started"), result);
        while let Some(result) = done.remove(&told) {
            tell(told, result)?;
            told += 1;
        }
    }
    Ok(())
}

/// Octets of a client certificate's file, and of its key's.
const MAX_IDENTITY: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_takes_no_other_with_it() {
        let work = |number| async move {
            tokio::time::sleep(Duration::from_millis(5 - number)).await;
            assert!(number != 1, "on purpose");
            number
        };
        for at_once in [0, 1, 2, 9] {
            let mut told = Vec::new();
            let tell = |number, result| {
                told.push((number, result));
                Ok(())
            };
            in_order(4, at_once, |number| work(number as u64), tell).await.expect("all is told");
            assert_eq!(told, [(0, Some(0)), (1, None), (2, Some(2)), (3, Some(3))], "{at_once} at once");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_told_ends_it() {
        let mut told = 0;
        let tell = |_, _| {
            told += 1;
            anyhow::bail!("a full disk")
        };
        let error = in_order(4, 1, std::future::ready, tell).await.expect_err("it cannot be told");
        assert_eq!((error.to_string().as_str(), told), ("a full disk", 1));
    }
}
