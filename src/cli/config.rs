//! `certvigil config`: the configuration as it works.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};

use super::{output, run::environment};
use crate::{config, monitor::Glob};

/// Show the configuration as it works
#[derive(Args)]
pub(super) struct ConfigCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Show(Show),
}

/// Show what is in force after defaults, routes and files, as YAML; secrets are masked
///
/// Every key is there, with its default where nothing is written. Warnings go to standard error.
///
/// Exit status: 0 shown, 1 the configuration has faults.
#[derive(Args)]
#[command(after_help = "Examples:
  certvigil config show --config /etc/certvigil/config.yaml
  certvigil config show --config /etc/certvigil/config.yaml --endpoint 'shop*'")]
struct Show {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Only endpoints of this name, in which `*` stands for any text; can be given several times
    #[arg(long, value_name = "NAME")]
    endpoint: Vec<String>,
}

impl ConfigCommand {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Command::Show(show) = self.command;
        match config::load(&show.config, &environment()) {
            Ok(loaded) => {
                for warning in &loaded.warnings {
                    output::warn(&format!("warning: {warning}"));
                }
                let names: Vec<Glob> = show.endpoint.iter().map(|name| Glob::new(name)).collect();
                output::say(config::effective(&loaded.config, &names).trim_end())?;
                Ok(ExitCode::SUCCESS)
            }
            Err(faults) => {
                output::warn(&faults.to_string());
                Ok(ExitCode::FAILURE)
            }
        }
    }
}
