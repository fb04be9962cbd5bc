//! The command line: a file a command. Only here is anything printed, and only here and in `daemon` is the clock read.

mod check;
mod demo;
mod mail;
mod output;
mod run;
mod validate;
mod verify;

use std::{process::ExitCode, time::Duration};

use clap::{Args, Parser, Subcommand};

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
    Validate(validate::Validate),
    Mail(mail::Mail),
}

/// What `check` and `verify` share: what is judged against, and how it is shown.
#[derive(Args)]
struct Judging {
    /// Trust the certificates of this file too (PEM or DER; may be given more than once)
    #[arg(long, value_name = "FILE")]
    ca_file: Vec<std::path::PathBuf>,
    /// Trust nothing but the --ca-file, neither the machine's store nor Mozilla's
    #[arg(long, requires = "ca_file")]
    only_ca_file: bool,
    /// The name or address the certificate must carry; for `check` also the SNI
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// Judge as of this moment, as 2027-01-31T12:00:00Z
    #[arg(long, value_name = "RFC3339")]
    at: Option<Timestamp>,
    /// Print one JSON object a line, one for each address
    #[arg(long)]
    json: bool,
    /// Print the whole audit, fit for a ticket
    #[arg(long, conflicts_with = "json")]
    evidence: bool,
    /// OpenSSL's security level: 2 as Debian ships it, or 1
    #[arg(long, value_name = "1|2", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=2))]
    security_level: u8,
}

/// Parses the arguments, runs the command, and turns what came of it into the exit status.
pub fn main() -> ExitCode {
    // The library takes the provider of the process only where it cannot be told otherwise (the mail client).
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let (outcome, failed) = match cli.command {
        Command::Run(run) => (run.run(), 1),
        Command::Demo(demo) => (demo.run(), 1),
        Command::Check(check) => (check.run(), USAGE),
        Command::Verify(verify) => (verify.run(), USAGE),
        Command::Validate(validate) => (Ok(validate.run()), 1),
        Command::Mail(mail) => (mail.run(), 1),
    };
    outcome.unwrap_or_else(|error| {
        output::error(&error);
        ExitCode::from(failed)
    })
}

/// The clock, read once; `--at` moves the wall.
fn now(at: Option<Timestamp>) -> Now {
    Now { wall: at.unwrap_or_else(Timestamp::now), uptime: Duration::ZERO }
}

/// The monitoring plugins' status for "could not be judged".
const USAGE: u8 = 3;
