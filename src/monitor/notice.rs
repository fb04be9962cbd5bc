//! A notice: what somebody is to be told, as facts. `mail::compose` finds the words.

use std::sync::Arc;

use super::Watch;
use crate::{
    clock::Timestamp,
    diagnosis::Judged,
    incident::{Audience, Incident},
};

/// One message to one recipient.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Unique and derived from what it says, so that a repeat after a crash has the same Message-ID. `[a-z0-9.-]` only.
    pub id: String,
    /// What it is.
    pub kind: NoticeKind,
    /// The recipient's mail address.
    pub recipient: String,
    /// In which role.
    pub audience: Audience,
    /// Where replies go when not to the sender: the owner, for a letter to an admin.
    pub reply_to: Vec<String>,
    /// The first mail this recipient got about it: its notice id, for the thread. `None` when this is the first.
    pub thread: Option<String>,
    /// When it was decided.
    pub at: Timestamp,
    /// What it is about: one case, or all of a summary.
    pub cases: Vec<Case>,
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
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [NoticeKind; 5] =
        [NoticeKind::Expiry, NoticeKind::Chain, NoticeKind::Problem, NoticeKind::Resolved, NoticeKind::Summary];

    /// The stable name, for labels and the store.
    pub fn name(self) -> &'static str {
        match self {
            NoticeKind::Expiry => "expiry",
            NoticeKind::Chain => "chain",
            NoticeKind::Problem => "problem",
            NoticeKind::Resolved => "resolved",
            NoticeKind::Summary => "summary",
        }
    }
}

/// One incident within a notice, with the evidence.
#[derive(Clone, Debug)]
pub struct Case {
    /// The incident as of the notice; for an all-clear, as it was last.
    pub incident: Incident,
    /// The endpoint and its policy.
    pub watch: Arc<Watch>,
    /// The latest visit to each address that is (or, for an all-clear, was) at fault: worst first, at least one.
    pub seen: Vec<Arc<Judged>>,
}
