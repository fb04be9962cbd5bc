//! `certvigil demo`: the same daemon on a lab of faulty servers and a mailbox, all on loopback.

use std::{fmt::Write as _, net::SocketAddr, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Args;
use tokio::{net::TcpListener, sync::watch};

use super::{
    now, output,
    run::{Signals, environment, log, runtime},
};
use crate::{
    config::Environment,
    daemon::{self, Controls, Options},
    lab::{self, Lab, mailbox},
};

/// Run the daemon on a built-in lab: faulty TLS servers and a mailbox, on loopback, with no settings
///
/// Within 15 seconds the page shows every fault and the mailbox holds the mails. Ctrl-C stops it.
#[derive(Args)]
#[command(after_help = "Examples:
  certvigil demo
  certvigil demo --directory /tmp/demo --port 9900")]
pub(super) struct Demo {
    /// Where the mailbox, the configuration and the state go [default: a new directory for temporary files]
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// The page's port on 127.0.0.1 [default: 9843, or any if that is taken]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
}

impl Demo {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        log("warn,certvigil=info")?;
        let runtime = runtime()?;
        let outcome = runtime.block_on(self.serve());
        runtime.shutdown_background();
        outcome.map(|()| ExitCode::SUCCESS)
    }

    async fn serve(self) -> anyhow::Result<()> {
        let mut signals = Signals::listen()?;
        let directory = self.directory()?;
        let lab = Lab::start(now(None).wall).await.context("cannot start the lab on 127.0.0.1")?;
        let smtp = TcpListener::bind("127.0.0.1:0").await.context("cannot open the mailbox's port")?;
        let mails = directory.join("mailbox");
        let config = self.write_config(&directory, &lab, smtp.local_addr()?).await?;

        let controls = Controls { listening: Some(watch::channel(None).0), ..Controls::default() };
        let stop = controls.stop.clone();
        let options = Options { config: config.clone(), environment: without_state_directory(), seed: None };
        let outcome = tokio::select! {
            outcome = daemon::run(options, controls.clone()) => outcome.map_err(anyhow::Error::from),
            ended = mailbox::serve(smtp, mails.clone(), std::future::pending()) => ended.context("the mailbox ended"),
            () = signals.obey(&controls) => Ok(()),
            () = introduce(&controls, &lab, &config, &mails) => Ok(()),
        };
        stop.cancel();
        lab.stop().await;
        output::say(&format!("\nThe mails and the configuration are still in {}", directory.display()));
        outcome
    }

    fn directory(&self) -> anyhow::Result<PathBuf> {
        let directory = self.directory.clone().unwrap_or_else(|| {
            let unique = format!("certvigil-demo-{}-{:08x}", std::process::id(), fastrand::u32(..));
            std::env::temp_dir().join(unique)
        });
        std::fs::create_dir_all(directory.join("state")).with_context(|| format!("cannot make {}", directory.display()))?;
        Ok(directory)
    }

    async fn write_config(&self, directory: &std::path::Path, lab: &Lab, smtp: SocketAddr) -> anyhow::Result<PathBuf> {
        let port = match self.port {
            Some(port) => port,
            None if TcpListener::bind(("127.0.0.1", USUAL_PORT)).await.is_ok() => USUAL_PORT,
            None => 0,
        };
        let config = directory.join("config.yaml");
        let write =
            |path: &PathBuf, text: &str| std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()));
        write(&directory.join(lab::ROOT_FILE), lab.root_pem())?;
        write(&config, &lab.config_yaml(directory, port, smtp))?;
        Ok(config)
    }
}

/// Says where everything is, once the page is served, and then waits for ever.
async fn introduce(controls: &Controls, lab: &Lab, config: &std::path::Path, mails: &std::path::Path) {
    let Some(mut listening) = controls.listening.as_ref().map(watch::Sender::subscribe) else { return };
    let address = loop {
        if let Some(address) = *listening.borrow_and_update() {
            break address;
        }
        if listening.changed().await.is_err() {
            return;
        }
    };
    let mut text = String::from("certvigil demo: faulty TLS servers on loopback, watched by the real daemon\n\n");
    let _ = writeln!(text, "  page      http://{address}/");
    let _ = writeln!(text, "  metrics   http://{address}/metrics");
    let _ = writeln!(text, "  mailbox   {}", mails.display());
    let _ = writeln!(text, "  settings  {}\n", config.display());
    for server in lab.servers() {
        let _ = writeln!(text, "  {:<21} {:<15}  {}", server.name, server.target, server.what);
    }
    text.push_str("\nWithin 15 seconds the page shows every fault and the mailbox holds the mails. Ctrl-C stops it.");
    output::say(&text);
    std::future::pending::<()>().await;
}

/// A STATE_DIRECTORY of the surroundings is not meant for a demo.
fn without_state_directory() -> Environment {
    Environment { state_directory: None, ..environment() }
}

const USUAL_PORT: u16 = 9843;
