//! `certvigil mail`: what mails look like, and whether they arrive.

mod preview;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};

use super::{
    now, output,
    run::{environment, runtime},
};
use crate::{
    config,
    mail::{self, Courier, Settings},
    monitor::MailResult,
};

/// See what mails look like, and whether they arrive
#[derive(Args)]
pub(super) struct Mail {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Preview(preview::Preview),
    Test(Test),
}

/// Really send one mail to each recipient of the configuration's `mail.to`
///
/// Exit status: 0 the server took them all, 1 it did not.
#[derive(Args)]
#[command(after_help = "Examples:
  certvigil mail test --config /etc/certvigil/config.yaml
  certvigil mail test --config /etc/certvigil/config.yaml --to me@example.com")]
struct Test {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Send to this address instead
    #[arg(long, value_name = "ADDRESS")]
    to: Vec<String>,
}

impl Mail {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Preview(preview) => preview.run(),
            Command::Test(test) => test.run(),
        }
    }
}

impl Test {
    fn run(self) -> anyhow::Result<ExitCode> {
        let now = now().wall;
        let settings = settings(&self.config)?;
        let courier = Courier::new(&settings)?;
        let recipients = if self.to.is_empty() { settings.to.clone() } else { self.to };
        let mut all_taken = true;
        let runtime = runtime()?;
        for recipient in recipients {
            let mail::Composed { message, trouble } = mail::test_message(&settings, &recipient, now);
            if let Some(trouble) = trouble {
                output::warn(&format!("warning: the built-in template is used, as {trouble}"));
            }
            let delivery = runtime.block_on(courier.deliver(&recipient, &message));
            let server = format!("{}:{}", settings.server.host, settings.server.port);
            if delivery.result == MailResult::Delivered {
                output::say(&format!("{server} took the mail to {recipient}"))?;
            } else {
                all_taken = false;
                output::warn(&format!("error: {server} did not take the mail to {recipient}: {}", delivery.detail));
            }
        }
        // A lookup that hangs in getaddrinfo(3) shall not hold the answer's end up.
        runtime.shutdown_background();
        Ok(if all_taken { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// The configuration's section `mail`; what is hardly as it was meant is said.
fn settings(path: &Path) -> anyhow::Result<Settings> {
    let loaded = config::load(path, &environment())?;
    for warning in &loaded.warnings {
        output::warn(&format!("warning: {warning}"));
    }
    let Some(mut settings) = loaded.config.mail else {
        anyhow::bail!("{} has no mail: section; see config.example.yaml for one", path.display());
    };
    settings.links = loaded.config.web.public_url.map(mail::samples::links);
    Ok(settings)
}
