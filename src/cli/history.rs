//! `certvigil history`: what an endpoint has shown, change by change.

use std::{fmt::Write as _, process::ExitCode};

use anyhow::bail;
use clap::Args;
use serde_json::Value;

use super::{
    output,
    run::environment,
    source::{Asked, Source},
};
use crate::{
    certificate::printable,
    clock::date,
    config, store,
    web::{self, ChapterLine},
};

/// Show what an endpoint has shown, change by change: headline, findings, certificate
///
/// The last 200 changes of two years are kept. The state directory is read by the user of the daemon or
/// root, whether the daemon runs or not; everybody else asks the daemon that runs, here or by --url.
///
/// Exit status: 0 shown, 1 not.
#[derive(Args)]
#[command(after_help = "Examples:
  certvigil history --config /etc/certvigil/config.yaml mail
  certvigil history --config /etc/certvigil/config.yaml mail --json
  certvigil history --url https://certs.example.com mail")]
pub(super) struct History {
    #[command(flatten)]
    asked: Asked,
    /// The endpoint's name
    #[arg(value_name = "NAME")]
    name: String,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

impl History {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let changes = self.changes()?;
        let line = if self.json { Value::to_string } else { text_line };
        output::say(changes.iter().rev().map(line).collect::<Vec<_>>().join("\n").trim_end())?;
        Ok(ExitCode::SUCCESS)
    }

    /// The latest first: from the state, or from a daemon where that is asked for, or the state is not ours to read.
    fn changes(&self) -> anyhow::Result<Vec<Value>> {
        let Some(config) = &self.asked.config else { return self.asked_for() };
        let loaded = config::load(config, &environment())?;
        let chapters = match store::history(&loaded.config.store, &self.name) {
            Ok(chapters) => chapters,
            Err(problem) => return self.asked_for().map_err(|_| super::silence::told(problem)),
        };
        if chapters.is_empty() {
            let is_known = loaded.config.watches.iter().any(|watch| *watch.endpoint.name == *self.name);
            let why = if is_known { "it has not been visited yet" } else { "the configuration has no endpoint of this name" };
            bail!("nothing is remembered of {:?}: {why}", printable(&self.name));
        }
        let changes = chapters.iter().map(|chapter| serde_json::to_value(ChapterLine::of(&self.name, chapter)));
        Ok(changes.collect::<Result<_, _>>()?)
    }

    fn asked_for(&self) -> anyhow::Result<Vec<Value>> {
        let daemon = Source::running(&self.asked)?.map_err(anyhow::Error::msg)?;
        let name = web::encode(&self.name);
        let mut list = daemon.get(&format!("/endpoints/{name}/history?limit=1000"))?;
        match list["items"].take() {
            Value::Array(changes) if !changes.is_empty() => Ok(changes),
            _ => bail!("nothing is remembered of {:?}: it has not been visited yet", printable(&self.name)),
        }
    }
}

fn text_line(change: &Value) -> String {
    let text = |key: &str| change[key].as_str().map(printable);
    let moment = |key: &str| change[key].as_str()?.parse().ok().map(date);
    let address = text("address").unwrap_or_else(|| "unresolved".to_owned());
    let (since, severity) = (moment("since").unwrap_or_default(), text("severity").unwrap_or_default());
    let mut line = format!("{since}  {address:<15}  {severity:<8}");
    if let Some(fingerprint) = text("fingerprint_sha256") {
        let _ = write!(line, "  {}", fingerprint.chars().take(16).collect::<String>());
        if let Some(end) = moment("not_after") {
            let _ = write!(line, " ends {end}");
        }
    }
    let findings: Vec<_> = change["findings"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !findings.is_empty() {
        let _ = write!(line, "  {}", printable(&findings.join(", ")));
    }
    line
}
