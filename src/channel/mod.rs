//! Other ways out than mail: each a small file over the one outbox.
//!
//! What lies in the outbox are the facts of a notice ([`compose`]); each way makes of them what its receiver takes, at the moment
//! of delivery, so that neither secrets nor moments are stored.

mod alertmanager;
mod chat;
mod command;
mod http;
mod pagerduty;
mod payload;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
mod webhook;

use std::{collections::HashMap, sync::Arc, time::Duration};

use crate::{
    clock::Timestamp,
    incident::Audience,
    mail::Secret,
    monitor::{MailResult, Notice, Snapshot},
};
use http::Client;
use payload::Payload;
pub(crate) use payload::{Part, Place};

pub use alertmanager::Alertmanager;
pub use chat::{Chat, Dialect};
pub use command::Command;
pub use http::{Ask, Server, Url, ask};
pub use pagerduty::Pagerduty;
pub use webhook::Webhook;

/// One channel, as configured.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Unique.
    pub name: Arc<str>,
    /// What it is.
    pub way: Way,
    /// Of one attempt.
    pub deadline: Duration,
    /// Trust for the server's certificate instead of the machine's store: DER certificates.
    pub roots: Option<Vec<Vec<u8>>>,
}

/// What a channel is.
#[derive(Clone, Debug)]
pub enum Way {
    /// JSON, signed.
    Webhook(Webhook),
    /// Alertmanagers, API v2.
    Alertmanager(Alertmanager),
    /// A message to a chat.
    Chat(Chat),
    /// PagerDuty, Events API v2.
    Pagerduty(Pagerduty),
    /// A program on this machine.
    Command(Command),
}

impl Way {
    /// Who is behind it.
    pub fn audience(&self) -> Audience {
        match self {
            Way::Chat(_) => Audience::Room,
            Way::Webhook(_) | Way::Alertmanager(_) | Way::Pagerduty(_) | Way::Command(_) => Audience::System,
        }
    }

    /// What nobody may be told, whatever an answer repeats of it.
    fn secrets(&self) -> Vec<Secret> {
        match self {
            Way::Webhook(hook) => vec![hook.secret.clone()],
            Way::Chat(chat) => vec![chat.url.secret()],
            Way::Pagerduty(to) => vec![to.routing_key.clone()],
            Way::Alertmanager(_) | Way::Command(_) => Vec::new(),
        }
    }
}

/// Why a channel cannot be had of these settings.
#[derive(Debug, thiserror::Error)]
#[error("the channel {name}: its ca_files cannot be used")]
pub struct ChannelError {
    name: Arc<str>,
    source: rustls::Error,
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it is over, and how.
    pub result: MailResult,
    /// What went wrong; safe to print, without a secret, empty when delivered.
    pub detail: String,
    /// How long the server wants to be left alone.
    pub after: Option<Duration>,
}

impl Outcome {
    const DELIVERED: Outcome = Outcome { result: MailResult::Delivered, detail: String::new(), after: None };

    fn deferred(detail: String) -> Self {
        Outcome { result: MailResult::Deferred, detail, after: None }
    }

    fn refused(detail: &str) -> Self {
        Outcome { result: MailResult::Refused, detail: detail.into(), after: None }
    }
}

/// All channels. Cheap to clone: what is under way goes on with what it began with.
#[derive(Clone, Default)]
pub struct Channels(Arc<HashMap<Arc<str>, (Settings, Client)>>);

/// The facts of a notice, for the outbox. Deterministic.
pub fn compose(notice: &Notice) -> Vec<u8> {
    payload::compose(notice)
}

impl Channels {
    /// Reads the machine's trust store where a channel brings no roots of its own.
    pub fn new(channels: &[Settings]) -> Result<Self, ChannelError> {
        let each = channels.iter().map(|settings| {
            let client = Client::new(settings.roots.as_deref(), settings.deadline, settings.way.secrets());
            let client = client.map_err(|source| ChannelError { name: Arc::clone(&settings.name), source })?;
            Ok((Arc::clone(&settings.name), (settings.clone(), client)))
        });
        Ok(Channels(Arc::new(each.collect::<Result<_, _>>()?)))
    }

    /// Tries once to deliver what [`compose`] made. Never longer than the channel's deadline for each of its addresses.
    pub async fn deliver(&self, channel: &str, id: &str, body: &[u8], now: Timestamp) -> Outcome {
        let Some((settings, client)) = self.0.get(channel) else {
            return Outcome::refused("it is no longer configured");
        };
        let Ok(payload) = serde_json::from_slice::<Payload>(body) else {
            return Outcome::refused("what lies in the outbox is of a version that is not known here");
        };
        match &settings.way {
            Way::Webhook(hook) => webhook::deliver(hook, client, id, body, now).await,
            Way::Alertmanager(to) => alertmanager::deliver(to, client, &payload, now).await,
            Way::Chat(to) => chat::deliver(to, client, &payload, now).await,
            Way::Pagerduty(to) => pagerduty::deliver(to, client, &payload, now).await,
            Way::Command(to) => command::deliver(to, settings.deadline, id, body).await,
        }
    }

    /// The channels that want to be told again and again what is open, and how often.
    pub fn resenders(&self) -> Vec<(Arc<str>, Duration)> {
        let resend = |(name, (settings, _)): (&Arc<str>, &(Settings, Client))| match &settings.way {
            Way::Alertmanager(to) => Some((Arc::clone(name), to.resend)),
            Way::Webhook(_) | Way::Chat(_) | Way::Pagerduty(_) | Way::Command(_) => None,
        };
        self.0.iter().filter_map(resend).collect()
    }

    /// Tells such a channel again what is open, as of the snapshot.
    pub async fn resend(&self, channel: &str, snapshot: &Snapshot) -> Outcome {
        match self.0.get(channel) {
            Some((Settings { way: Way::Alertmanager(to), .. }, client)) => {
                alertmanager::resend(channel, to, client, snapshot).await
            }
            _ => Outcome::DELIVERED,
        }
    }
}
