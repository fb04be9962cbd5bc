//! What is decided for each endpoint: how often, who hears of it, what it is judged against.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{Escalation, NoticeKind};
use crate::{
    clock::Timestamp,
    diagnosis::{Expectation, Judged, Severity, Stores, Trust, Views, views},
    endpoint::Endpoint,
    incident::{Audience, channel_of, channel_recipient},
};

/// An endpoint and its policy: one entry of the inventory, resolved.
#[derive(Clone, Debug)]
pub struct Watch {
    /// What is visited.
    pub endpoint: Endpoint,
    /// What it is judged against: identity, thresholds, accepted findings.
    pub expectation: Expectation,
    /// The anchors; shared between endpoints with the same trust.
    pub trust: Arc<Trust>,
    /// What the clients of others bring along; shared by all endpoints.
    pub stores: Arc<Stores>,
    /// How often, and who hears of it; shared by endpoints with the same policy.
    pub policy: Arc<Policy>,
}

impl Watch {
    /// How clients see a chain that was seen here, as of `now`. `None` where there is none, or it cannot be read. Every call
    /// verifies signatures: for what somebody reads, not for every visit.
    pub fn views(&self, judged: &Judged, now: Timestamp) -> Option<Views> {
        views(judged, &self.expectation, &self.trust, &self.stores, now)
    }
}

/// How often, and who hears of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    /// From one visit's start to the next, before jitter.
    pub interval: Duration,
    /// From a failed visit to the second look, and from that to the third.
    pub confirm: Duration,
    /// Who answers for the endpoint: mail addresses, one or more where mail is configured.
    pub owners: Vec<String>,
    /// Who is written to when the mail server refuses one of these for good; shared.
    pub fallback: Arc<[String]>,
    /// Who runs the server.
    pub admins: Vec<String>,
    /// The admin gets the broken-chain letter; otherwise the owner gets it, to forward.
    pub write_to_admin: bool,
    /// Who hears of it too when nobody mends it; shared.
    pub escalation: Arc<[Escalation]>,
    /// The endpoint's own labels, exported with the prefix `label_`.
    pub labels: BTreeMap<String, String>,
    /// The channels that hear of the endpoint, besides people; mostly those of all endpoints, and shared.
    pub channels: Arc<[Subscription]>,
}

/// What a channel wants to hear.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subscription {
    /// The channel's name.
    pub channel: Arc<str>,
    /// A room that people read, or a system.
    pub audience: Audience,
    /// From this severity on.
    pub least: Severity,
    /// Of these kinds; the end of what it has heard of it hears in any case.
    pub kinds: Vec<NoticeKind>,
    /// Mail addresses: who is written to when the channel refuses a notice for good.
    pub fallback: Vec<String>,
}

impl Subscription {
    /// The recipient that it is in notices.
    pub fn recipient(&self) -> String {
        channel_recipient(&self.channel)
    }

    fn is(&self, recipient: &str) -> bool {
        channel_of(recipient).is_some_and(|name| *name == *self.channel)
    }

    pub(super) fn wants(&self, kind: NoticeKind, severity: Severity) -> bool {
        severity >= self.least && self.kinds.contains(&kind)
    }
}

impl Policy {
    /// This one hears of it as soon as there is news, whoever else does.
    pub fn is_heard_first_by(&self, recipient: &str) -> bool {
        let channels = || self.channels.iter().any(|channel| channel.is(recipient));
        self.owners.iter().chain(&self.admins).any(|known| known == recipient) || channels()
    }

    /// This one hears of it because nobody has mended it.
    pub fn is_escalated_to(&self, recipient: &str) -> bool {
        !self.is_heard_first_by(recipient) && self.escalation.iter().any(|step| step.to.iter().any(|to| to == recipient))
    }
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            interval: Duration::from_hours(1),
            confirm: Duration::from_secs(30),
            owners: Vec::new(),
            fallback: Arc::default(),
            admins: Vec::new(),
            write_to_admin: false,
            escalation: Arc::default(),
            labels: BTreeMap::new(),
            channels: Arc::default(),
        }
    }
}

/// What the whole daemon keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Visits under way at once.
    pub visits: usize,
    /// Visits under way at once to one address: as far as it is known before the visit, no more are started; `visit`, which
    /// looks names up, keeps to it exactly.
    pub visits_per_address: usize,
    /// First visits after a start are spread over this, or over the endpoint's interval if that is shorter.
    pub spread: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { visits: 64, visits_per_address: 4, spread: Duration::from_mins(5) }
    }
}
