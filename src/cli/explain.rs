//! `certvigil explain`: decodes an error message.

use std::{
    io::{self, Read as _},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use clap::Args;

use super::output;
use crate::explain::{self, Unknown};

/// Decode an error message: what it means, who must act, what to do
///
/// TEXT is what a client or a server said: of OpenSSL, Python, Java, Go, Node.js, .NET, curl, a browser, ... A whole log line or
/// stack trace will do. It may also be a number of OpenSSL's verification (21), or the code of a finding (wrong_order).
///
/// Exit status: 0 known, 3 unknown.
#[derive(Args)]
#[command(after_help = "Examples:
  certvigil explain \"unable to get local issuer certificate\"
  certvigil explain 21
  certvigil explain missing_intermediate
  journalctl -u myservice -n 20 | certvigil explain -")]
pub(super) struct Explain {
    /// The message; - reads it from standard input
    #[arg(value_name = "TEXT", required_unless_present = "list", allow_hyphen_values = true)]
    text: Vec<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// List every message that is known, in Markdown
    #[arg(long, conflicts_with_all = ["text", "json"])]
    list: bool,
}

impl Explain {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        if self.list {
            output::say(explain::list().trim_end())?;
            return Ok(ExitCode::SUCCESS);
        }
        let text = if self.text == ["-"] { standard_input()? } else { self.text.join(" ") };
        match explain::explain(&text) {
            Ok(answer) if self.json => output::say(&explain::json(text.trim(), &answer))?,
            Ok(answer) => output::say(explain::text(&answer).trim_end())?,
            Err(unknown) => bail!("{}", words(&unknown)),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn words(unknown: &Unknown) -> String {
    let nearest: Vec<String> = unknown.nearest.iter().map(|message| format!("\n  {}", message.text)).collect();
    let nearest = if nearest.is_empty() { String::new() } else { format!("; perhaps you mean{}", nearest.concat()) };
    let remedy = "look at the server itself with certvigil check HOST, or list what is known with certvigil explain --list";
    format!("this message is not known{nearest}\nhint: {remedy}")
}

fn standard_input() -> anyhow::Result<String> {
    let mut octets = Vec::new();
    io::stdin().lock().take(MAX_TEXT + 1).read_to_end(&mut octets).context("cannot read standard input")?;
    if octets.len() as u64 > MAX_TEXT {
        bail!("standard input holds more than 1 MB; give the lines around the message only");
    }
    Ok(String::from_utf8_lossy(&octets).into_owned())
}

/// Octets; far more than any stack trace has.
const MAX_TEXT: u64 = 1024 * 1024;
