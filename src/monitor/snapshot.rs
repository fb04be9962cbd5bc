//! A reading of the brain's memory: what the page, the metrics and the API are views of.

use core::net::IpAddr;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{Index, NoticeKind, OwnFault, Renewal, Silence, Watch};
use crate::{
    clock::Timestamp,
    diagnosis::{Found, Judged, Status},
    endpoint::Target,
    incident::{Incident, Member},
    observation::Failure,
};

/// Everything there is to see, as of one moment. Cheap to clone: the parts are shared.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When it was taken.
    pub at: Timestamp,
    /// When the process started.
    pub started: Timestamp,
    /// Every endpoint of the inventory, in its order.
    pub endpoints: Vec<Arc<EndpointView>>,
    /// Where they stand there; the same for as long as the inventory is.
    pub index: Arc<Index>,
    /// The canaries that have been visited, and whether the last visit has reached them.
    pub canaries: Vec<(Target, bool)>,
    /// Every incident.
    pub incidents: Vec<IncidentView>,
    /// The silences that are not over.
    pub silences: Vec<Arc<Silence>>,
    /// For how many people news wait until they want to be written to, and until when those of the first.
    pub held: (usize, Option<Timestamp>),
    /// The mails that wait.
    pub outbox: OutboxView,
    /// How the last reload went.
    pub reload: ReloadView,
    /// Schedule lag: upper bounds in seconds with the number of visits at or below each, then count and sum.
    pub lag: Histogram,
    /// Visits that never came back and were given up, since the start.
    pub lost_visits: u64,
    /// What is wrong with our own surroundings.
    pub own_faults: Vec<OwnFault>,
    /// What is wrong with the daemon itself (state cannot be written, mail cannot be sent), as sentences.
    pub troubles: Vec<String>,
}

/// One incident.
#[derive(Clone, Debug)]
pub struct IncidentView {
    /// What is known of it as a whole.
    pub incident: Arc<Incident>,
    /// Where it is suspected or open, by the endpoint's name; where it is mended, while somebody waits for the end elsewhere.
    pub members: Vec<Arc<Member>>,
    /// Where it is open and silenced, by the endpoint's name.
    pub silenced: BTreeMap<Arc<str>, Arc<Silence>>,
}

impl IncidentView {
    /// The worst of where it is open; where it is nowhere, of where it is suspected. `None`: it is mended everywhere.
    pub fn worst(&self) -> Option<&Arc<Member>> {
        let standing = self.members.iter().rev().filter(|member| member.is_standing());
        standing.max_by_key(|member| (member.is_open(), member.weight()))
    }

    /// Nobody hears of it for now: the silence that ends first, of those at each endpoint where it is open.
    pub fn silence(&self) -> Option<&Arc<Silence>> {
        let mut open = self.members.iter().filter(|member| member.is_open());
        let is_silent = self.is_open() && open.all(|member| self.silenced.contains_key(&member.endpoint));
        self.silenced.values().filter(|_| is_silent).min_by_key(|silence| silence.until)
    }

    /// Real, somewhere.
    pub fn is_open(&self) -> bool {
        self.members.iter().any(|member| member.is_open())
    }
}

/// One endpoint.
#[derive(Clone, Debug)]
pub struct EndpointView {
    /// The endpoint and its policy.
    pub watch: Arc<Watch>,
    /// What is known of each address, by address; the one without an address (`None`) is there only while the name does not resolve.
    pub addresses: Vec<AddressView>,
    /// When it has renewed its certificate; the last ones, the oldest first.
    pub renewals: Vec<Renewal>,
}

/// One address of an endpoint.
#[derive(Clone, Debug)]
pub struct AddressView {
    /// `None` when the name did not resolve.
    pub address: Option<IpAddr>,
    /// The last visit that saw a certificate, judged; it stays when later visits fail.
    pub known: Option<Arc<Judged>>,
    /// The last visit, where it saw no certificate.
    pub failed: Option<Arc<Judged>>,
}

impl AddressView {
    /// The findings that hold: of the failed visit, then of the last known certificate.
    pub fn findings(&self) -> impl Iterator<Item = &Found> {
        self.failed.iter().chain(&self.known).flat_map(|judged| &judged.diagnosis.findings)
    }

    /// When the last visit was made, whatever came of it.
    pub fn last_probe(&self) -> Timestamp {
        self.last().map_or(Timestamp::UNIX_EPOCH, |last| last.observation.at)
    }

    /// When a visit last saw a certificate.
    pub fn last_success(&self) -> Option<Timestamp> {
        self.known.as_ref().map(|known| known.observation.at)
    }

    /// The last visit, whatever came of it.
    pub fn last(&self) -> Option<&Judged> {
        self.failed.as_deref().or(self.known.as_deref())
    }

    /// The failure that holds now.
    pub fn failure(&self) -> Option<&Failure> {
        self.last()?.observation.failure()
    }

    /// The headline: the worse of what the failed visit says, `Unknown`, and what the last known certificate is judged to be.
    pub fn status(&self) -> Status {
        let visits = self.failed.iter().chain(&self.known);
        visits.map(|judged| judged.diagnosis.status()).max().unwrap_or(Status::Unknown)
    }
}

impl EndpointView {
    /// What it is called.
    pub fn name(&self) -> &Arc<str> {
        &self.watch.endpoint.name
    }

    /// The worst of its addresses; `Unknown` before the first visit.
    pub fn status(&self) -> Status {
        self.addresses.iter().map(AddressView::status).max().unwrap_or(Status::Unknown)
    }

    /// The earliest `notAfter` of a leaf over its addresses.
    pub fn not_after(&self) -> Option<Timestamp> {
        let leaves = self.addresses.iter().filter_map(|a| a.known.as_ref()?.observation.chain()?.leaf.facts());
        leaves.map(|facts| facts.not_after).min()
    }
}

/// The mails, and the notices to channels, that wait.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboxView {
    /// How many.
    pub length: usize,
    /// When the oldest was decided.
    pub oldest: Option<Timestamp>,
    /// Mails delivered and given up since the start, by kind.
    pub sent: Vec<(NoticeKind, MailResult, u64)>,
    /// The same of each channel, by its name.
    pub channels: Vec<(Arc<str>, NoticeKind, MailResult, u64)>,
    /// Those that wait, the oldest first; of many the oldest alone.
    pub waiting: Vec<WaitingView>,
}

/// A mail, or a notice to a channel, that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingView {
    /// Its kind.
    pub kind: NoticeKind,
    /// To whom.
    pub recipient: String,
    /// When it was decided.
    pub at: Timestamp,
    /// How often it has been put off.
    pub deferrals: u32,
    /// When it is tried; `None` while it is under way, or waits for another.
    pub next: Option<Timestamp>,
    /// `waits`, `under way`, `waits for an earlier one`, `withdrawn`.
    pub state: &'static str,
}

/// What became of a mail, or of a notice to a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MailResult {
    /// The server took it.
    Delivered,
    /// It could not be sent now and will be tried again.
    Deferred,
    /// The server refused it for good.
    Refused,
}

impl MailResult {
    /// `delivered`, `deferred`, `refused`.
    pub fn name(self) -> &'static str {
        match self {
            MailResult::Delivered => "delivered",
            MailResult::Deferred => "deferred",
            MailResult::Refused => "refused",
        }
    }
}

/// How the last reload went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReloadView {
    /// The configuration in force is the one on disk.
    pub successful: bool,
    /// When a configuration was last taken.
    pub success_at: Timestamp,
}

/// Counts at or below fixed bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// Upper bounds in seconds, ascending; the last bucket, `+Inf`, is `count`.
    pub bounds: &'static [f64],
    /// Cumulative counts, one a bound.
    pub buckets: Vec<u64>,
    /// All.
    pub count: u64,
    /// Their sum in seconds.
    pub sum: f64,
}

impl Histogram {
    /// An empty one.
    pub fn new(bounds: &'static [f64]) -> Self {
        Histogram { bounds, buckets: vec![0; bounds.len()], count: 0, sum: 0.0 }
    }

    /// Counts one value.
    pub fn observe(&mut self, value: Duration) {
        let seconds = value.as_secs_f64();
        for (bound, bucket) in self.bounds.iter().zip(&mut self.buckets) {
            *bucket += u64::from(seconds <= *bound);
        }
        self.count += 1;
        self.sum += seconds;
    }
}
