//! The web door: metrics, health and the status page, all rendered from a snapshot.
//!
//! `/metrics`, `/probe`, `/healthz`, `/readyz`, and the pages (`page`) with their `/style.css`; nothing that changes anything, but for
//! `/answer/`, which takes what people answer to mails by their signed links. Who may look at all, and who may write, `locks` says;
//! `tls` and `listen` are the door itself.

mod answer;
mod api;
mod body;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
mod listen;
mod locks;
mod metrics;
mod negotiate;
mod page;
mod pulse;
mod routes;
#[cfg(test)]
mod sample;
mod server;
#[cfg(test)]
mod shipped;
mod strangers;
mod tls;
#[cfg(test)]
mod views;

use std::sync::Arc;

use tokio::sync::watch;

use crate::{mail, monitor::Snapshot, store::Store};

pub use answer::{Answers, Asked};
pub use api::{ChapterLine, Desk, SilenceLine, Wish, look_at};
pub use listen::{Inherited, Listen, Listener, Made};
pub use locks::{Denied, Locks, Pace, PasswordHash, Rules, Token, Writer};
pub use metrics::OwnMetrics;
pub use page::encode;
pub use pulse::Pulse;
pub use server::serve;
pub use strangers::{Strangers, Visiting};
pub use tls::{ClientAuth, Source, Tls, TlsSettings, Unservable};

/// Where the page and the metrics are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// At least one place.
    pub listen: Vec<Listen>,
    /// Where people who read mails find the page, without a `/` at its end; `None`: mails have no links to answer by.
    pub public_url: Option<Arc<str>>,
    /// Whether the certificate of the port is an endpoint, where it has one.
    pub watch_certificate: bool,
    /// Who may look, and who may write.
    pub rules: Rules,
}

/// What is shown.
#[derive(Clone, Debug)]
pub struct State {
    /// The brain's memory, as last published.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// What the daemon measures about itself.
    pub own: Arc<OwnMetrics>,
    /// The loop's sign of life, for `/readyz`.
    pub pulse: Arc<Pulse>,
    /// Takes answers to mails, where mails have links for that.
    pub answers: Option<Arc<Answers>>,
    /// Who may do what.
    pub locks: Arc<Locks>,
    /// Takes what those who may write want done.
    pub desk: Arc<Desk>,
    /// Visits targets of no inventory.
    pub strangers: Option<Arc<Strangers>>,
    /// Where the history of endpoints is read.
    pub archive: Option<Store>,
    /// How letters are written, where mail is configured.
    pub mail: watch::Receiver<Option<Arc<mail::Settings>>>,
}
