//! An incident: one cause that makes something go wrong, at one endpoint or at hundreds, from the first suspicion to the proof
//! of its end.

mod cause;
mod ladder;
mod lifecycle;
mod mending;

use std::{fmt, sync::Arc};

use crate::{
    clock::Timestamp,
    diagnosis::{Severity, Topic},
};

pub use cause::Cause;
pub use ladder::{Step, is_of_time, next_step};
pub use lifecycle::{Held, LOOKS, Sighting, rank_of, sightings};
pub use mending::Mending;

/// What makes two findings the same incident.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IncidentKey {
    /// What it is about.
    pub topic: Topic,
    /// What is to be mended.
    pub cause: Cause,
}

/// What is known of it as a whole. Where it holds, and how badly, is told by its [`Member`]s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Unique and stable: part of the Message-ID of every mail about it.
    pub id: String,
    /// What it is about.
    pub key: IncidentKey,
    /// When it was first seen.
    pub since: Timestamp,
    /// Who was told what: one entry a recipient.
    pub told: Vec<Told>,
    /// Somebody sees to it.
    pub acknowledged: Option<Acknowledged>,
    /// Those who have said that it is not theirs: mail addresses.
    pub declined: Vec<String>,
}

/// Somebody sees to an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// Their mail address.
    pub by: String,
    /// When they said so.
    pub at: Timestamp,
    /// Where it stood then, as in [`Told::stage`].
    pub stage: String,
}

/// An incident at one endpoint: from the first bad visit to the visit that proves the end, and on until everybody who has heard
/// of it knows that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The endpoint's name.
    pub endpoint: Arc<str>,
    /// The incident's.
    pub key: IncidentKey,
    /// The finding's code as of the last bad visit (`expires_soon` becomes `expired`).
    pub code: String,
    /// The worst that was seen so far; what people were told last is `told`.
    pub severity: Severity,
    /// How far an end has come, where it is about one, as of the last bad visit or the last reminder.
    pub step: Step,
    /// Where it stands.
    pub state: State,
    /// The finding's sentence as of the last bad visit; safe to print.
    pub summary: String,
    /// The addresses at fault as of the last bad visit, as text; empty when the name did not resolve. Of a network failure
    /// those that are confirmed, and while it is only suspected, those with the most failures in a row.
    pub addresses: Vec<String>,
    /// When it was first seen here.
    pub since: Timestamp,
    /// When it was last seen here.
    pub last_seen: Timestamp,
    /// Those who know that it holds here, or held: recipients, as in [`Told`]. They hear of the end when it holds nowhere else of theirs.
    pub heard: Vec<String>,
}

/// Where an incident stands at an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not yet told: a network failure awaits the third look at the same address. So often in a row was it seen at the
    /// member's addresses.
    Suspected(u8),
    /// Real: at one address at least. It stays until no address is at fault any more, confirmed or not.
    Open,
    /// A visit has proven the end, then and by that; somebody who has heard of it waits for the end elsewhere.
    Mended(Timestamp, Mending),
}

impl State {
    /// `suspected`, `open` or `mended`.
    pub fn name(self) -> &'static str {
        match self {
            State::Suspected(_) => "suspected",
            State::Open => "open",
            State::Mended(..) => "mended",
        }
    }
}

/// What a recipient has heard of an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// A mail address, or a [channel](channel_of).
    pub recipient: String,
    /// In which role.
    pub audience: Audience,
    /// The stage that was told: the finding's code and its severity, or its step on the ladder of an end:
    /// `expires_soon/warning`, `expired/daily-3`; empty when its end was told.
    pub stage: String,
    /// The notice id of the first mail about it, the root of the thread; empty when it was refused for good.
    pub thread: String,
    /// When that mail was decided on.
    pub at: Timestamp,
    /// How often it has begun for this recipient: 1, or more where it ended at all of their endpoints and came back.
    pub round: u32,
}

/// In which role somebody is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Audience {
    /// Answers for the endpoint.
    Owner,
    /// Runs the server; may never have heard of us.
    Admin,
    /// People who read along in a channel.
    Room,
    /// A program behind a channel, which keeps incidents of its own: one notice for each.
    System,
}

impl Audience {
    /// All of them.
    pub const ALL: [Audience; 4] = [Audience::Owner, Audience::Admin, Audience::Room, Audience::System];

    /// `owner`, `admin`, `room`, `system`.
    pub fn name(self) -> &'static str {
        match self {
            Audience::Owner => "owner",
            Audience::Admin => "admin",
            Audience::Room => "room",
            Audience::System => "system",
        }
    }
}

impl fmt::Display for IncidentKey {
    /// `TOPIC of CAUSE`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.topic.name(), self.cause)
    }
}

/// The recipient that is the channel of this name; no mail address looks like it.
pub fn channel_recipient(name: &str) -> String {
    format!("{CHANNEL}{name}")
}

/// The name of the channel, where the recipient is one and no mail address.
pub fn channel_of(recipient: &str) -> Option<&str> {
    recipient.strip_prefix(CHANNEL)
}

const CHANNEL: &str = "channel:";

/// The same number for the same texts on every machine and in every version: part of ids that must not change (FNV-1a, 64 bits).
pub fn stable_hash(texts: &[&str]) -> u64 {
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0xff]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
