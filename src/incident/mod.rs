//! An incident: one thing that is wrong with one endpoint, from the first suspicion to the proof of its end.

mod lifecycle;

use std::{fmt, sync::Arc};

use crate::{
    clock::Timestamp,
    diagnosis::{Severity, Topic},
};

pub use lifecycle::{Held, LOOKS, Sighting, sightings};

/// What makes two findings the same incident.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IncidentKey {
    /// The endpoint's name.
    pub endpoint: Arc<str>,
    /// What it is about.
    pub topic: Topic,
}

/// From the first bad visit to the visit that proves the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Unique and stable: part of the Message-ID of every mail about it.
    pub id: String,
    /// What it is about.
    pub key: IncidentKey,
    /// The finding's code as of the last bad visit (`expires_soon` becomes `expired`).
    pub code: String,
    /// The worst that was seen so far; what people were told last is `told`.
    pub severity: Severity,
    /// Suspected or open.
    pub state: State,
    /// The finding's sentence as of the last bad visit; safe to print.
    pub summary: String,
    /// The addresses at fault as of the last bad visit, as text; empty when the name did not resolve. Of a network failure
    /// those that are confirmed, and while it is only suspected, those with the most failures in a row.
    pub addresses: Vec<String>,
    /// When it was first seen.
    pub since: Timestamp,
    /// When it was last seen.
    pub last_seen: Timestamp,
    /// Who was told what, last first seen wins: one entry a recipient.
    pub told: Vec<Told>,
}

/// Where an incident stands. `quiet` and `resolved` are no incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not yet told: a network failure awaits the third look at the same address. So often in a row was it seen at the
    /// incident's addresses.
    Suspected(u8),
    /// Real: at one address at least. It stays until no address is at fault any more, confirmed or not.
    Open,
}

/// What a recipient has heard of an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// A mail address.
    pub recipient: String,
    /// Owner or admin.
    pub audience: Audience,
    /// The stage that was told: the finding's code and its severity, `expires_soon/warning`.
    pub stage: String,
    /// The notice id of the first mail about it, the root of the thread; empty when it was refused for good.
    pub thread: String,
}

/// In which role somebody is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Audience {
    /// Answers for the endpoint.
    Owner,
    /// Runs the server; may never have heard of us.
    Admin,
}

impl Audience {
    /// `owner`, `admin`.
    pub fn name(self) -> &'static str {
        match self {
            Audience::Owner => "owner",
            Audience::Admin => "admin",
        }
    }
}

impl fmt::Display for IncidentKey {
    /// `NAME/TOPIC`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.endpoint, self.topic.name())
    }
}

/// The same number for the same texts on every machine and in every version: part of ids that must not change (FNV-1a, 64 bits).
pub fn stable_hash(texts: &[&str]) -> u64 {
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0xff]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
