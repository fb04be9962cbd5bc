//! What happens to the brain, and what it wants done.

use core::net::IpAddr;
use std::{sync::Arc, time::Duration};

use super::{AddressView, Digest, MailResult, Notice, NoticeKind, People, Refusal, Renewals, Silence, Tally, Watch};
use crate::{
    answer::Answer,
    clock::Timestamp,
    diagnosis::Judged,
    incident::{Incident, IncidentKey, Member},
};

/// Something happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The clock: `next_wake` has come, or something else is to be looked at.
    Woke,
    /// A visit came back.
    Visited(Visited),
    /// A new configuration was taken: the whole inventory as it is now.
    Reloaded(Inventory),
    /// What people wish, as the configuration has it: at the start, and with every new one.
    People(Arc<People>),
    /// Silences were made or taken back: all that there are, those that are over too.
    Silenced(Vec<Silence>),
    /// Somebody wants to hear nothing of something: one silence more.
    SilencedMore(Silence),
    /// The silence of this id is taken back.
    SilencedNoMore(String),
    /// Somebody wants the endpoint of this name to be visited now.
    Hastened(Arc<str>),
    /// Somebody has answered a mail, by a link in it.
    Answered(Answer),
    /// A new configuration was refused; the old one goes on.
    ReloadFailed,
    /// A delivery came back.
    Mailed {
        /// The notice's id.
        id: String,
        /// What became of it.
        result: MailResult,
        /// The server's words, safe to print; empty when delivered.
        detail: String,
        /// How long the server asks to be left alone, where it is deferred and the server says so.
        after: Option<Duration>,
    },
    /// A channel was told again what is open. What it has not taken is told the next time.
    Resent {
        /// The channel's name.
        channel: Arc<str>,
        /// What became of it.
        result: MailResult,
        /// The server's words, safe to print; empty when delivered.
        detail: String,
    },
    /// The former state was damaged; the file it lies in now, for people.
    SetAside(String),
    /// The state could be written, or not: why.
    Saved(Result<(), String>),
}

/// What is watched, and whom certvigil's own surroundings concern.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// The endpoints, each with its policy.
    pub watches: Vec<Arc<Watch>>,
    /// Well-known hosts that tell whether a failure is ours: visited as endpoints are, and never told of. Their names differ from
    /// those of the endpoints.
    pub canaries: Vec<Arc<Watch>>,
    /// Who is told when our own network is the likely fault: mail addresses.
    pub operators: Vec<String>,
    /// How often they are told that certvigil watches; `None`: never.
    pub alive: Option<Digest>,
}

impl From<Vec<Arc<Watch>>> for Inventory {
    fn from(watches: Vec<Arc<Watch>>) -> Self {
        Inventory { watches, ..Inventory::default() }
    }
}

/// A visit's report.
#[derive(Clone, Debug)]
pub struct Visited {
    /// The endpoint's name.
    pub endpoint: Arc<str>,
    /// As given with `Effect::Visit`: a late report for an older version of the endpoint is dropped.
    pub generation: u64,
    /// One for each address, or one without an address when the name did not resolve; empty when the visit panicked before.
    pub seen: Vec<Arc<Judged>>,
    /// Every address the name resolved to, visited or skipped; empty when it did not resolve.
    pub resolved: Vec<IpAddr>,
}

/// Something is to be done. In this order, so that after a crash people may hear twice, never not at all.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Visit it, and come back with `Event::Visited`.
    Visit {
        /// What to visit.
        watch: Arc<Watch>,
        /// To be given back.
        generation: u64,
    },
    /// Write these, together with the mails posted in the same breath, in one transaction.
    Save(Vec<Record>),
    /// Compose it and put it into the durable outbox, in the transaction of the `Save` before it.
    Post(Notice),
    /// Try to deliver the posted mail of this id, and come back with `Event::Mailed`.
    Deliver(String),
}

/// One change of the durable state.
#[derive(Clone, Debug)]
pub enum Record {
    /// The address's last visit (a certificate seen replaces the last known one, a failure stands beside it).
    Observed {
        /// The endpoint's name.
        endpoint: Arc<str>,
        /// [`Endpoint::place`](crate::endpoint::Endpoint::place) at the time of the visit.
        place: Arc<str>,
        /// The visit.
        judged: Arc<Judged>,
    },
    /// The address has left the endpoint.
    AddressGone {
        /// The endpoint's name.
        endpoint: Arc<str>,
        /// `None`: the failed resolution, now mended.
        address: Option<IpAddr>,
    },
    /// The endpoint has left the inventory.
    EndpointGone(Arc<str>),
    /// An incident as it is now.
    Incident(Arc<Incident>),
    /// An incident has ended, everywhere.
    IncidentGone(IncidentKey),
    /// An endpoint's part in an incident as it is now; the incident itself is saved before.
    Member(Arc<Member>),
    /// An endpoint has to do with an incident no more.
    MemberGone {
        /// The endpoint's name.
        endpoint: Arc<str>,
        /// The incident's.
        key: IncidentKey,
    },
    /// A mail has left the outbox: delivered, refused for good, or withdrawn.
    MailGone(String),
    /// What somebody was sent today.
    Tally(Tally),
    /// Mail to somebody was refused for good.
    Refused(Refusal),
    /// It is no longer so, or nobody writes to this address any more.
    RefusedNoMore(String),
    /// A silence was made by an answer to a mail, or through the API.
    Silenced(Silence),
    /// The silence of this id was taken back.
    SilencedNoMore(String),
    /// The endpoint has renewed its certificate: what it has done so far.
    Renewed(Renewals),
    /// The first sweep after the installation is over.
    FirstSweepDone,
    /// The operators were told that certvigil watches, as far as that was due until then.
    ShownAlive(Timestamp),
    /// The whole pipeline did what it should.
    Proven(Timestamp),
}

impl Record {
    /// It need not be on the disk at once: the next visit brings it again.
    pub fn may_be_lost(&self) -> bool {
        matches!(self, Record::Observed { .. })
    }
}

/// What a restart finds.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    /// The last observations, judged as of now; those of other places and of endpoints that have left are forgotten.
    pub addresses: Vec<RestoredAddress>,
    /// Every incident that somewhere is suspected or open.
    pub incidents: Vec<Incident>,
    /// The endpoints' parts in them.
    pub members: Vec<Member>,
    /// Who was sent how much.
    pub tallies: Vec<Tally>,
    /// The silences.
    pub silences: Vec<Silence>,
    /// Who refused mail for good.
    pub refusals: Vec<Refusal>,
    /// When endpoints have renewed their certificates.
    pub renewals: Vec<Renewals>,
    /// The mails that wait, oldest first.
    pub outbox: Vec<Waiting>,
    /// The first sweep after the installation is over.
    pub first_sweep_done: bool,
    /// Until when the operators have been told that certvigil watches.
    pub shown_alive: Option<Timestamp>,
}

/// What a restart finds of one address.
#[derive(Clone, Debug)]
pub struct RestoredAddress {
    /// The endpoint's name.
    pub endpoint: Arc<str>,
    /// The endpoint's place when it was last visited.
    pub place: Arc<str>,
    /// What is known.
    pub view: AddressView,
}

/// A mail that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The notice's id.
    pub id: String,
    /// Its kind.
    pub kind: NoticeKind,
    /// To whom.
    pub recipient: String,
    /// When it was decided.
    pub at: Timestamp,
}

/// What the brain is told about its surroundings, once.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// What the whole daemon keeps to.
    pub limits: super::Limits,
    /// Mail is configured; without it incidents are kept, and no more than channels hear of them.
    pub mail: bool,
    /// When the program was built: a clock that shows less is wrong.
    pub built: Timestamp,
    /// Makes spread and jitter repeatable.
    pub seed: u64,
    /// The longest that the first sweep's notices are held for the summary.
    pub first_sweep: Duration,
}
