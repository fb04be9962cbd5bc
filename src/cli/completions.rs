//! `certvigil completions` and `certvigil man`: what packages install beside the program, made from the same words as `--help`.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Args;
use clap_complete::Shell;

use super::output;

/// Print the completions for a shell
#[derive(Args)]
#[command(after_help = "Examples:
  certvigil completions bash > /etc/bash_completion.d/certvigil
  certvigil completions zsh > ~/.zfunc/_certvigil
  certvigil completions fish > ~/.config/fish/completions/certvigil.fish")]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

/// Write the manual pages, one for each command, into a directory
#[derive(Args)]
#[command(after_help = "Example:
  certvigil man ~/.local/share/man/man1")]
pub(super) struct Man {
    /// Where; it is made where it is missing
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl Completions {
    pub(super) fn run(self, mut command: clap::Command) -> anyhow::Result<ExitCode> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "certvigil", &mut script);
        output::say(String::from_utf8_lossy(&script).trim_end())?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Man {
    pub(super) fn run(self, command: clap::Command) -> anyhow::Result<ExitCode> {
        let directory = &self.directory;
        fs::create_dir_all(directory)
            .and_then(|()| clap_mangen::generate_to(command, directory))
            .with_context(|| format!("cannot write the manual pages to {}", directory.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}
