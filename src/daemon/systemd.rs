//! systemd's notification protocol, sd_notify(3): works from 252 (`Type=notify`) on, and does nothing elsewhere.

use std::time::{Duration, Instant};

use sd_notify::NotifyState;
use tracing::warn;

/// Speaks to the service manager, where there is one.
pub(super) struct Systemd {
    watchdog: Option<Duration>,
    fed: Instant,
    status: String,
}

impl Systemd {
    pub(super) fn new() -> Self {
        let watchdog = sd_notify::watchdog_enabled().map(|every| every / 3);
        Systemd { watchdog, fed: Instant::now(), status: String::new() }
    }

    /// The configuration is loaded and the loop turns.
    pub(super) fn ready(&mut self, status: &str) {
        status.clone_into(&mut self.status);
        tell(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    /// A reload begins; `ready` ends it.
    pub(super) fn reloading() {
        match NotifyState::monotonic_usec_now() {
            Ok(since) => tell(&[NotifyState::Reloading, since]),
            Err(_) => tell(&[NotifyState::Reloading]),
        }
    }

    /// Feeds the watchdog. Called by the loop itself and by nothing else, so that a stuck loop starves it.
    pub(super) fn alive(&mut self, status: &str) {
        if self.watchdog.is_some_and(|every| self.fed.elapsed() >= every) {
            self.fed = Instant::now();
            tell(&[NotifyState::Watchdog]);
        }
        if self.status != status {
            status.clone_into(&mut self.status);
            tell(&[NotifyState::Status(status)]);
        }
    }

    pub(super) fn stopping() {
        tell(&[NotifyState::Stopping]);
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(problem) = sd_notify::notify(states) {
        warn!("systemd could not be told: {problem}");
    }
}
