//! `certvigil validate`: every fault of the configuration at once.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::{output, run::environment};
use crate::config;

/// Check a configuration: every fault at once, each with file, line, key and what to write instead
///
/// Exit status: 0 sound (warnings may stand), 1 faults.
#[derive(Args)]
#[command(after_help = "Example:
  certvigil validate --config /etc/certvigil/config.yaml")]
pub(super) struct Validate {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl Validate {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match config::load(&self.config, &environment()) {
            Ok(loaded) => {
                output::say(&config::summary(&loaded))?;
                Ok(ExitCode::SUCCESS)
            }
            Err(faults) => {
                output::warn(&faults.to_string());
                Ok(ExitCode::FAILURE)
            }
        }
    }
}
