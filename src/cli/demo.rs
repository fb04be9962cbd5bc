//! `certvigil demo`: the same daemon on a lab of faulty servers and a mailbox, all on loopback.

use std::{
    fmt::Write as _,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use clap::Args;
use tokio::{net::TcpListener, sync::watch};

use super::{
    log::{self, LogFormat},
    now, output,
    run::{Signals, environment, runtime},
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
    /// Where the mailbox, the configuration and the state go; no demo may have been there [default: a new directory for temporary files]
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// The page's port on 127.0.0.1 [default: 9843, or any if that is taken]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
}

impl Demo {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        log::start("warn,certvigil=info", LogFormat::Text)?;
        let runtime = runtime()?;
        let outcome = runtime.block_on(self.serve());
        runtime.shutdown_background();
        outcome.map(|()| ExitCode::SUCCESS)
    }

    async fn serve(self) -> anyhow::Result<()> {
        let mut signals = Signals::listen()?;
        let directory = self.directory()?;
        let lab = Lab::start(now().wall).await.context("cannot start the lab on 127.0.0.1")?;
        let smtp = TcpListener::bind("127.0.0.1:0").await.context("cannot open the mailbox's port")?;
        let mails = directory.join("mailbox");
        let config = self.write_config(&directory, &lab, smtp.local_addr()?).await?;

        let controls = Controls { listening: Some(watch::channel(None).0), ..Controls::default() };
        let stop = controls.stop.clone();
        let options = Options { config: config.clone(), environment: without_state_directory(), sockets: Vec::new(), seed: None };
        let outcome = tokio::select! {
            outcome = daemon::run(options, controls.clone()) => outcome.map_err(anyhow::Error::from),
            ended = mailbox::serve(smtp, mails.clone(), std::future::pending()) => ended.context("the mailbox ended"),
            () = signals.obey(&controls) => Ok(()),
            outcome = introduce(&controls, &lab, &config, &mails) => outcome,
        };
        stop.cancel();
        lab.stop().await;
        let told = output::say(&format!("\nThe mails and the configuration are still in {}", directory.display()));
        outcome.and(told)
    }

    fn directory(&self) -> anyhow::Result<PathBuf> {
        let directory = self.directory.clone().unwrap_or_else(|| {
            let unique = format!("certvigil-demo-{}-{:08x}", std::process::id(), fastrand::u32(..));
            std::env::temp_dir().join(unique)
        });
        claim(&directory)?;
        Ok(directory)
    }

    async fn write_config(&self, directory: &Path, lab: &Lab, smtp: SocketAddr) -> anyhow::Result<PathBuf> {
        let port = match self.port {
            Some(port) => port,
            None if TcpListener::bind(("127.0.0.1", USUAL_PORT)).await.is_ok() => USUAL_PORT,
            None => 0,
        };
        let config = directory.join("config.yaml");
        let write =
            |path: &PathBuf, text: &str| fs::write(path, text).with_context(|| format!("cannot write {}", path.display()));
        write(&directory.join(lab::ROOT_FILE), lab.root_pem())?;
        write(&config, &lab.config_yaml(directory, port, smtp))?;
        Ok(config)
    }
}

/// Makes the directory this demo's own. One that holds a demo is left alone: it may still run, and what its state remembers is
/// not mailed again.
fn claim(directory: &Path) -> anyhow::Result<()> {
    let cannot_make = || format!("cannot make {}", directory.display());
    fs::create_dir_all(directory).with_context(cannot_make)?;
    let held = ["config.yaml", lab::ROOT_FILE, "mailbox", "state"].into_iter().find(|name| directory.join(name).exists());
    // Of two that start at once, one makes it.
    match held.map_or_else(|| fs::create_dir(directory.join("state")), |_| Err(io::ErrorKind::AlreadyExists.into())) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            bail!("{} holds a demo already: choose an empty directory, or remove it", directory.display())
        }
        made => made.with_context(cannot_make),
    }
}

/// Says where everything is, once the page is served, and then waits for ever.
async fn introduce(controls: &Controls, lab: &Lab, config: &Path, mails: &Path) -> anyhow::Result<()> {
    let Some(mut listening) = controls.listening.as_ref().map(watch::Sender::subscribe) else { return Ok(()) };
    let address = loop {
        if let Some(address) = *listening.borrow_and_update() {
            break address;
        }
        if listening.changed().await.is_err() {
            return Ok(());
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
    output::say(&text)?;
    std::future::pending().await
}

/// A STATE_DIRECTORY of the surroundings is not meant for a demo.
fn without_state_directory() -> Environment {
    Environment { state_directory: None, ..environment() }
}

const USUAL_PORT: u16 = 9843;
