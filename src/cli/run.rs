//! `certvigil run`: the daemon.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::log::{self, LogFormat};
use crate::{
    config::Environment,
    daemon::{self, Controls, Options},
    web::Inherited,
};

/// Run the daemon
///
/// SIGHUP reads the configuration again (a faulty one is refused, and the old one goes on); SIGTERM and SIGINT stop it.
/// CERTVIGIL_LOG sets what is logged, as `debug` or `info,certvigil::probe=trace`.
///
/// Exit status: 0 after an orderly stop, 1 when it cannot start.
#[derive(Args)]
#[command(after_help = "Example:
  certvigil run --config /etc/certvigil/config.yaml")]
pub(super) struct Run {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// How the log is written to standard error
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    log_format: LogFormat,
}

impl Run {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        log::start("info", self.log_format)?;
        let sockets = Inherited::take().context("the sockets that systemd hands over cannot be used")?;
        let options = Options { config: self.config, environment: environment(), sockets, seed: None };
        let runtime = runtime()?;
        let outcome = runtime.block_on(async {
            let controls = Controls::default();
            let mut signals = Signals::listen()?;
            tokio::select! {
                outcome = daemon::run(options, controls.clone()) => outcome.map_err(anyhow::Error::from),
                () = signals.obey(&controls) => Ok(()),
            }
        });
        // All is written. A lookup or a file that hangs in a thread of its own shall not hold the end up.
        runtime.shutdown_background();
        outcome.map(|()| ExitCode::SUCCESS)
    }
}

/// What systemd provides, from the environment.
pub(super) fn environment() -> Environment {
    Environment::new(std::env::var_os("CREDENTIALS_DIRECTORY"), std::env::var_os("STATE_DIRECTORY"))
}

/// The loop turns on this very thread; everything else shares the other cores, of which one is left even where there is no other.
pub(super) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let others = std::thread::available_parallelism().map_or(1, |cores| cores.get() - 1).max(1);
    tokio::runtime::Builder::new_multi_thread().worker_threads(others).enable_all().build().context("cannot start the runtime")
}

/// The signals that a daemon obeys. Listened for from the start: a SIGHUP during a slow start shall not kill.
pub(super) struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Within a runtime only.
    pub(super) fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Signals {
            hangup: listen(SignalKind::hangup())?,
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Turns them into controls, for ever: the daemon ends by itself once it is told to stop.
    pub(super) async fn obey(&mut self, controls: &Controls) {
        loop {
            tokio::select! {
                _ = self.hangup.recv() => controls.reload.notify_one(),
                _ = self.terminate.recv() => controls.stop.cancel(),
                _ = self.interrupt.recv() => controls.stop.cancel(),
            }
        }
    }
}
