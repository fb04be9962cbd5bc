//! The command line: a file a command. Only here is anything printed, and only here and in `daemon` is the clock read.

mod arguments;
mod check;
mod completions;
mod config;
mod demo;
mod explain;
mod history;
mod import;
mod inspect;
mod judging;
mod log;
mod mail;
mod output;
mod run;
mod silence;
mod source;
mod status;
mod validate;
mod verify;

use std::{ffi::OsStr, process::ExitCode, time::Duration};

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::clock::{Now, Timestamp};

/// Watches TLS certificates: expiry, broken chains, whose fault it is, and a letter to the person who can fix it.
#[derive(Parser)]
#[command(name = "certvigil", version, propagate_version = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Run),
    Demo(demo::Demo),
    Check(check::Check),
    Verify(verify::Verify),
    Inspect(inspect::Inspect),
    Explain(explain::Explain),
    Validate(validate::Validate),
    Import(import::Import),
    Mail(mail::Mail),
    Silence(silence::SilenceCommand),
    Status(status::Status),
    History(history::History),
    Config(config::ConfigCommand),
    Completions(completions::Completions),
    Man(completions::Man),
}

/// Parses the arguments, runs the command, and turns what came of it into the exit status.
pub fn main() -> ExitCode {
    // The library takes the provider of the process only where it cannot be told otherwise (the mail client).
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let failed = failed(std::env::args_os().nth(1).as_deref());
    let outcome = match Cli::try_parse() {
        Ok(cli) => run(cli.command),
        Err(misuse) if misuse.use_stderr() => {
            let _ = misuse.print();
            return ExitCode::from(failed);
        }
        // Help, or the version.
        Err(asked) => output::printed(asked.print()).map(|()| ExitCode::SUCCESS),
    };
    outcome.unwrap_or_else(|error| {
        output::error(&error);
        ExitCode::from(failed)
    })
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(run) => run.run(),
        Command::Demo(demo) => demo.run(),
        Command::Check(check) => check.run(),
        Command::Verify(verify) => verify.run(),
        Command::Inspect(inspect) => inspect.run(),
        Command::Explain(explain) => explain.run(),
        Command::Validate(validate) => validate.run(),
        Command::Import(import) => import.run(),
        Command::Mail(mail) => mail.run(),
        Command::Silence(silence) => silence.run(),
        Command::Status(status) => status.run(),
        Command::History(history) => history.run(),
        Command::Config(config) => config.run(),
        Command::Completions(completions) => completions.run(Cli::command()),
        Command::Man(man) => man.run(Cli::command()),
    }
}

/// The exit status of this command where it cannot do its work, misuse included. A word that is no command stands most likely
/// for a check, whose 1 would be a warning.
fn failed(command: Option<&OsStr>) -> u8 {
    match command.and_then(OsStr::to_str) {
        Some("run" | "demo" | "validate" | "import" | "mail" | "silence" | "history" | "config" | "completions" | "man") => 1,
        _ => UNKNOWN,
    }
}

/// The clock, read once.
fn now() -> Now {
    Now { wall: Timestamp::now(), uptime: Duration::ZERO }
}

/// The monitoring plugins' status for "could not be judged".
const UNKNOWN: u8 = 3;
