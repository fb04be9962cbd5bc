//! `certvigil history`: what an endpoint has shown, change by change.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

use anyhow::bail;
use clap::Args;

use super::{output, run::environment};
use crate::{certificate::printable, clock::date, config, monitor::Chapter, store, web::ChapterLine};

/// Show what an endpoint has shown, change by change: headline, findings, certificate
///
/// The last 200 changes of two years are kept. Run it as the user of the daemon, or as root; the daemon may run or not.
///
/// Exit status: 0 shown, 1 not.
#[derive(Args)]
#[command(after_help = "Examples:
  certvigil history --config /etc/certvigil/config.yaml mail
  certvigil history --config /etc/certvigil/config.yaml mail --json")]
pub(super) struct History {
    /// The configuration, which names the state directory
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The endpoint's name
    #[arg(value_name = "NAME")]
    name: String,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

impl History {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let loaded = config::load(&self.config, &environment())?;
        let chapters = store::history(&loaded.config.store, &self.name).map_err(super::silence::told)?;
        if chapters.is_empty() {
            let is_known = loaded.config.watches.iter().any(|watch| *watch.endpoint.name == *self.name);
            let why = if is_known { "it has not been visited yet" } else { "the configuration has no endpoint of this name" };
            bail!("nothing is remembered of {:?}: {why}", printable(&self.name));
        }
        let line = if self.json { json_line } else { text_line };
        let lines = chapters.iter().rev().map(|chapter| line(&self.name, chapter));
        output::say(lines.collect::<Vec<_>>().join("\n").trim_end())?;
        Ok(ExitCode::SUCCESS)
    }
}

fn json_line(name: &str, chapter: &Chapter) -> String {
    serde_json::to_string(&ChapterLine::of(name, chapter)).unwrap_or_default()
}

fn text_line(_: &str, chapter: &Chapter) -> String {
    let Chapter { address, since, status, findings, leaf } = chapter;
    let address = address.map_or_else(|| "unresolved".to_owned(), |ip| ip.to_string());
    let mut line = format!("{}  {:<15}  {:<8}", date(*since), address, status.name());
    if let Some((fingerprint, end)) = leaf {
        let _ = write!(line, "  {}", &fingerprint.to_string()[..16]);
        if let Some(end) = end {
            let _ = write!(line, " ends {}", date(*end));
        }
    }
    if !findings.is_empty() {
        let _ = write!(line, "  {}", printable(&findings.join(", ")));
    }
    line
}
