//! A notice: what somebody is to be told, as facts. `mail::compose` finds the words.

use std::sync::Arc;

use jiff::civil::Date;

use super::{Alive, Habit, InPlaceOf, OwnFault, Rollout, StateTrouble, Watch};
use crate::{
    clock::Timestamp,
    diagnosis::Judged,
    incident::{Audience, Incident, Member, stable_hash},
};

/// One message to one recipient.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Unique and derived from what it says, so that a repeat after a crash has the same Message-ID. `[a-z0-9.-]` only.
    pub id: String,
    /// What it is.
    pub kind: NoticeKind,
    /// The recipient: a mail address, or a [channel](crate::incident::channel_of).
    pub recipient: String,
    /// In which role.
    pub audience: Audience,
    /// Where replies go when not to the sender: the owner, for a letter to an admin.
    pub reply_to: Vec<String>,
    /// The first mail this recipient got about it: its notice id, for the thread. `None` when this is the first.
    pub thread: Option<String>,
    /// When it was decided.
    pub at: Timestamp,
    /// Where: every endpoint of the recipient's at which the incident holds (or, for an all-clear, held), worst first. They are
    /// cases of one incident, but for a summary and a digest.
    pub cases: Vec<Case>,
    /// What is to be told of certvigil itself, where it is about that, and about no endpoint.
    pub own: Option<Own>,
    /// In whose place the recipient reads it, where that is not their own.
    pub in_place_of: Option<Arc<InPlaceOf>>,
    /// Of a digest: what the recipient had heard of and is mended.
    pub mended: Vec<Mended>,
}

/// What is told of certvigil itself, to the operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Own {
    /// Something in its surroundings is the likely fault, or was.
    Fault(Arc<OwnFault>),
    /// Its state cannot be written, or was damaged, or can be written again.
    State(Arc<StateTrouble>),
    /// It watches.
    Alive(Arc<Alive>),
}

impl Notice {
    /// One to an operator about certvigil itself, and about no endpoint. `thread` is what it follows.
    pub(super) fn of_own(id: String, kind: NoticeKind, recipient: &str, thread: Option<String>, at: Timestamp, own: Own) -> Self {
        Notice {
            id,
            kind,
            recipient: recipient.to_owned(),
            audience: Audience::Owner,
            reply_to: Vec::new(),
            thread,
            at,
            cases: Vec::new(),
            own: Some(own),
            in_place_of: None,
            mended: Vec::new(),
        }
    }
}

/// The kinds of notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NoticeKind {
    /// A certificate ends soon, or has ended.
    Expiry,
    /// The broken-chain letter, to the admin, or to the owner to forward.
    Chain,
    /// Any other thing that is wrong.
    Problem,
    /// It is mended.
    Resolved,
    /// The first sweep after an installation: everything at once.
    Summary,
    /// Our own network, resolver or state is at fault, or was: to the operators.
    OwnFault,
    /// What was held back until the recipient wanted to be written to, and what several mails to somebody else told.
    Digest,
    /// That certvigil watches: to the operators, so that its absence is seen.
    Alive,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [NoticeKind; 8] = [
        NoticeKind::Expiry,
        NoticeKind::Chain,
        NoticeKind::Problem,
        NoticeKind::Resolved,
        NoticeKind::Summary,
        NoticeKind::OwnFault,
        NoticeKind::Digest,
        NoticeKind::Alive,
    ];

    /// It tells of several incidents at once.
    pub fn is_of_many(self) -> bool {
        matches!(self, NoticeKind::Summary | NoticeKind::Digest)
    }

    /// The stable name, for labels and the store.
    pub fn name(self) -> &'static str {
        match self {
            NoticeKind::Expiry => "expiry",
            NoticeKind::Chain => "chain",
            NoticeKind::Problem => "problem",
            NoticeKind::Resolved => "resolved",
            NoticeKind::Summary => "summary",
            NoticeKind::OwnFault => "own_fault",
            NoticeKind::Digest => "digest",
            NoticeKind::Alive => "alive",
        }
    }
}

/// What somebody had heard of, and is mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mended {
    /// The finding's code.
    pub code: String,
    /// Where it was worst: the endpoint's name.
    pub endpoint: String,
    /// At how many other endpoints.
    pub others: usize,
}

/// An incident at one endpoint within a notice, with the evidence.
#[derive(Clone, Debug)]
pub struct Case {
    /// What is to be mended; shared by the cases of a notice.
    pub incident: Arc<Incident>,
    /// What it is at this endpoint, as of the notice; for an all-clear, as it was last.
    pub member: Arc<Member>,
    /// The endpoint and its policy.
    pub watch: Arc<Watch>,
    /// The latest visit to each address that is (or, for an all-clear, was) at fault: worst first, at least one.
    pub seen: Vec<Arc<Judged>>,
    /// How far the new certificate has come, where the old one is at fault and is still shown.
    pub rollout: Option<Rollout>,
    /// When it usually renews, where its certificate ends soon.
    pub habit: Option<Habit>,
}

/// The id of the notice that an incident stands at `stage`, to this recipient, to whom it has begun so many times.
pub(super) fn id(incident: &Incident, stage: &str, round: u32, audience: Audience, recipient: &str) -> String {
    let stage = stage.replace(['_', '/'], "-");
    let again = if round > 1 { format!("-{round}") } else { String::new() };
    format!("{}.{stage}{again}.{}.{:016x}", incident.id, audience.name(), stable_hash(&[recipient]))
}

/// The id of a notice of many incidents that says what `says` stands for, to this recipient.
pub(super) fn id_of_many(kind: NoticeKind, says: u64, audience: Audience, recipient: &str) -> String {
    format!("{}-{says:016x}.{}.{:016x}", kind.name(), audience.name(), stable_hash(&[recipient]))
}

/// The notice of this id tells of several incidents at once.
pub(super) fn is_of_many(id: &str) -> bool {
    let kinds = NoticeKind::ALL.into_iter().filter(|kind| kind.is_of_many());
    kinds.filter_map(|kind| id.strip_prefix(kind.name())).any(|rest| rest.starts_with('-'))
}

/// What notices about a fault of our own have in common.
pub(super) fn own_subject(fault: &OwnFault) -> String {
    format!("own-{}-{}", fault.kind.name(), fault.since.as_second())
}

/// The id of the notice that it is there, or over, to this recipient.
pub(super) fn own_id(fault: &OwnFault, recipient: &str) -> String {
    let stage = if fault.until.is_some() { "over" } else { "begun" };
    format!("{}.{stage}.{}.{:016x}", own_subject(fault), Audience::Owner.name(), stable_hash(&[recipient]))
}

/// The id of the notice that trouble with the state has begun, or is over, to this recipient.
pub(super) fn state_id(subject: &str, stage: &str, recipient: &str) -> String {
    format!("{subject}.{stage}.{}.{:016x}", Audience::Owner.name(), stable_hash(&[recipient]))
}

/// What notices that certvigil watches have in common.
pub(super) const ALIVE: &str = "alive";

/// The id of the notice of that day, to this recipient.
pub(super) fn alive_id(day: Date, recipient: &str) -> String {
    format!("{ALIVE}.{}.{}.{:016x}", day.strftime("%Y%m%d"), Audience::Owner.name(), stable_hash(&[recipient]))
}

/// What the notice of this id is about: the incident's id, or a word of its own for a summary.
pub(super) fn subject(id: &str) -> &str {
    id.split_once('.').map_or(id, |(subject, _)| subject)
}

/// The notice of this id is to this recipient.
pub(super) fn is_to(id: &str, recipient: &str) -> bool {
    id.rsplit_once('.').is_some_and(|(_, to)| to == format!("{:016x}", stable_hash(&[recipient])))
}
