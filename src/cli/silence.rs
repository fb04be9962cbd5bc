//! `certvigil silence`: hear nothing of something for a while, and why.

mod book;

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use anyhow::anyhow;
use clap::{ArgGroup, Args, Subcommand};

use super::{arguments, now, output, source::Asked};
use crate::{
    certificate::printable,
    clock::{Timestamp, date, later},
    monitor::{Glob, Selector, Silence},
    store::StoreError,
    web::SilenceLine,
};
use book::{Added, Book};

/// Hear nothing of something for a while: what is silenced stays open on the page and in the metrics, and is told when the silence
/// ends, if it still holds
///
/// With --config it is written into the state, by the user of the daemon or root: a daemon that runs notices within seconds, one
/// that does not, when it starts. Everybody else asks the daemon that runs, here or by --url, and shows the write token.
#[derive(Args)]
pub(super) struct SilenceCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Add(Add),
    List(List),
    Remove(Remove),
}

/// Silence what all of these options name, until a moment, for a reason
///
/// In names and values of labels `*` stands for any text. An option that is given several times wants one of its values.
#[derive(Args)]
#[command(
    group(ArgGroup::new("what").required(true).multiple(true).args(["endpoint", "label", "finding"])),
    group(ArgGroup::new("end").required(true).args(["for", "until"])),
    after_help = "Examples:
  certvigil silence add --config certvigil.yaml --endpoint 'shop*' --for 4h --reason 'moves to the new balancer'
  certvigil silence add --config certvigil.yaml --label team=mail --finding expiry --until 2027-01-07T08:00:00Z \\
      --reason 'the CA is on holiday' --but-last-day
  certvigil silence add --url https://certs.example.com --token-file write-token --endpoint mail --for 1h --reason 'restarts'"
)]
struct Add {
    #[command(flatten)]
    asked: Asked,
    /// The endpoint's name
    #[arg(long, value_name = "NAME")]
    endpoint: Vec<String>,
    /// One of the endpoint's labels
    #[arg(long, value_name = "LABEL=VALUE", value_parser = label)]
    label: Vec<(String, String)>,
    /// The finding's code, or `expiry` or `reachability`; by default every finding
    #[arg(long, value_name = "CODE", value_parser = finding)]
    finding: Vec<String>,
    /// How long, as 4h or 7d
    #[arg(long, value_name = "DURATION", value_parser = arguments::deadline)]
    r#for: Option<Duration>,
    /// Until when
    #[arg(long, value_name = "RFC3339", value_parser = arguments::moment)]
    until: Option<Timestamp>,
    /// Why: it is shown wherever the silence is
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who; by default the user
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
    /// The last day of a certificate, and what comes after, is told all the same
    #[arg(long)]
    but_last_day: bool,
}

/// List the silences that are not over
#[derive(Args)]
struct List {
    #[command(flatten)]
    asked: Asked,
    /// Those of the last 30 days that are over too
    #[arg(long)]
    all: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Take a silence back
#[derive(Args)]
struct Remove {
    #[command(flatten)]
    asked: Asked,
    /// As `silence list` and the page show it
    #[arg(value_name = "ID", required = true)]
    id: Vec<String>,
}

impl SilenceCommand {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Add(add) => add.run(),
            Command::List(list) => list.run(),
            Command::Remove(remove) => remove.run(),
        }
    }
}

impl Add {
    fn run(self) -> anyhow::Result<ExitCode> {
        let now = now().wall;
        let (silence, mut book) = (self.silence(now)?, Book::open(&self.asked)?);
        let Added { silence, named, endpoints } = book.add(silence, now)?;
        if named == 0 {
            output::warn("warning: no endpoint of the configuration is meant by it");
        }
        output::say(&format!(
            "{}\n{named} of {endpoints} endpoints; take it back with: certvigil silence remove {}",
            line(&silence),
            printable(&silence.id)
        ))?;
        Ok(ExitCode::SUCCESS)
    }

    fn silence(&self, now: Timestamp) -> anyhow::Result<Silence> {
        let mut labels: BTreeMap<String, Vec<Glob>> = BTreeMap::new();
        for (label, value) in &self.label {
            labels.entry(label.clone()).or_default().push(Glob::new(value));
        }
        let user = || ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
        let silence = Silence {
            id: format!("{:08x}", fastrand::u32(..)),
            selector: Selector { endpoints: self.endpoint.iter().map(|name| Glob::new(name)).collect(), labels },
            findings: self.finding.clone(),
            since: now,
            until: self.until.unwrap_or_else(|| later(now, self.r#for.unwrap_or_default())),
            but_last_day: self.but_last_day,
            by: self.by.clone().or_else(user).unwrap_or_else(|| "somebody".into()),
            reason: self.reason.clone(),
        };
        silence.begin(now).map_err(|problem| anyhow!(problem))
    }
}

impl List {
    fn run(self) -> anyhow::Result<ExitCode> {
        let silences = Book::open(&self.asked)?.all(self.all, now().wall)?;
        if silences.is_empty() && !self.json {
            output::say("nothing is silenced")?;
        }
        for silence in silences {
            let text = || format!("{} {}", printable(&silence.id), line(&silence));
            output::say(&if self.json { object(&silence) } else { text() })?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Remove {
    fn run(self) -> anyhow::Result<ExitCode> {
        let mut book = Book::open(&self.asked)?;
        self.id.iter().try_for_each(|id| book.remove(id))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The error with its causes and what to do.
pub(super) fn told(problem: StoreError) -> anyhow::Error {
    let hint = problem.hint().map_or_else(String::new, |hint| format!("\nhint: {hint}"));
    anyhow!("{:#}{hint}", anyhow::Error::new(problem))
}

fn line(silence: &Silence) -> String {
    printable(&format!("until {}: {silence}; {} ({})", date(silence.until), silence.reason, silence.by))
}

fn object(silence: &Silence) -> String {
    serde_json::to_string(&SilenceLine::from(silence)).unwrap_or_default()
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((label, value)) if !label.is_empty() && !value.is_empty() => Ok((label.to_owned(), value.to_owned())),
        _ => Err(format!("{text:?} is no label with its value; write one as team=mail")),
    }
}

fn finding(text: &str) -> Result<String, String> {
    Silence::check_finding(text).map(|()| text.to_owned())
}
