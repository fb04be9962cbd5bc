//! What nearly every series needs, taken out of the snapshot once for a whole scrape.
//!
//! A family is a walk over every endpoint, and the snapshot's parts lie scattered over the memory: to look each of them up again for
//! every family would cost more than to write the text.

use std::{fmt::Write as _, ops::Range, time::Duration};

use super::text::push_label;
use crate::{
    certificate::Certificate,
    clock::Timestamp,
    diagnosis::{ChainStatus, Status, Verdict},
    monitor::{AddressView, EndpointView},
    observation::Chain,
};

/// All of them, in the order of the snapshot.
#[derive(Default)]
pub(super) struct Rows {
    /// `endpoint="…"` of every endpoint, and `endpoint="…",address="…"` of each of its addresses, one behind the other.
    labels: String,
    endpoints: Vec<EndpointRow>,
    addresses: Vec<AddressRow>,
    validities: Vec<Validity>,
    /// Addresses that are not shown.
    pub(super) addresses_cut: usize,
}

/// A part of a list. Nothing of what lies beyond four billion is shown.
#[derive(Clone, Copy)]
struct Part {
    start: u32,
    end: u32,
}

impl Part {
    fn new(start: usize, end: usize) -> Self {
        let [start, end] = [start, end].map(|at| u32::try_from(at).unwrap_or(u32::MAX));
        Part { start, end }
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    fn of<T>(self, list: &[T]) -> &[T] {
        list.get(self.range()).unwrap_or_default()
    }

    fn of_text(self, text: &str) -> &str {
        text.get(self.range()).unwrap_or_default()
    }
}

/// An endpoint.
pub(super) struct EndpointRow {
    labels: Part,
    addresses: Part,
    /// 0 ok, 1 info, 2 warning, 3 critical, 4 could not be judged.
    pub(super) severity: u8,
    /// Seconds since 1970.
    pub(super) not_after: Option<i64>,
    pub(super) usual_renewal: Option<Duration>,
    /// How many addresses are watched.
    pub(super) watched: usize,
    pub(super) interval: Duration,
}

/// One of its addresses.
pub(super) struct AddressRow {
    labels: Part,
    validities: Part,
    pub(super) is_success: bool,
    /// Moments, in seconds since 1970.
    pub(super) last_probe: i64,
    pub(super) last_success: Option<i64>,
    /// The last visit.
    pub(super) took: Option<Duration>,
    pub(super) verify_code: Option<u16>,
    pub(super) chain_status: ChainStatus,
    /// There is a finding, or a failure: worth a look at the snapshot.
    pub(super) is_at_fault: bool,
}

/// A certificate that can be read.
pub(super) struct Validity {
    /// Its place in the chain, as text.
    pub(super) position: &'static str,
    /// Seconds since 1970.
    pub(super) not_before: i64,
    pub(super) not_after: i64,
}

impl Rows {
    /// With room for so many endpoints, of which most have one address.
    pub(super) fn with_room(endpoints: usize) -> Self {
        Rows { endpoints: Vec::with_capacity(endpoints), addresses: Vec::with_capacity(endpoints), ..Rows::default() }
    }

    /// Takes what one more endpoint has.
    pub(super) fn push(&mut self, view: &EndpointView) {
        let begin = self.labels.len();
        push_label(&mut self.labels, "endpoint", &view.watch.endpoint.name);
        let labels = Part::new(begin, self.labels.len());
        let shown = &view.addresses[..view.addresses.len().min(ADDRESSES)];
        self.addresses_cut += view.addresses.len() - shown.len();
        let first = self.addresses.len();
        for address in shown {
            let row = self.address(address, labels);
            self.addresses.push(row);
        }
        let severity = match view.status() {
            Status::Ok => 0,
            Status::Info => 1,
            Status::Warning => 2,
            Status::Critical => 3,
            Status::Unknown => 4,
        };
        self.endpoints.push(EndpointRow {
            labels,
            addresses: Part::new(first, self.addresses.len()),
            severity,
            not_after: view.not_after().map(Timestamp::as_second),
            usual_renewal: view.habit().map(|habit| habit.usual),
            watched: view.addresses.iter().filter(|address| address.address.is_some()).count(),
            interval: view.watch.policy.interval,
        });
    }

    fn address(&mut self, view: &AddressView, of_endpoint: Part) -> AddressRow {
        let begin = self.labels.len();
        self.labels.extend_from_within(of_endpoint.range());
        self.labels.push_str(",address=\"");
        if let Some(ip) = view.address {
            let _ = write!(self.labels, "{ip}");
        }
        self.labels.push('"');
        let first = self.validities.len();
        self.validities.extend(certificates(view).filter_map(|(position, certificate)| {
            let facts = certificate.facts()?;
            Some(Validity { position, not_before: facts.not_before.as_second(), not_after: facts.not_after.as_second() })
        }));
        let diagnosis = view.known.as_ref().map(|known| &known.diagnosis);
        AddressRow {
            labels: Part::new(begin, self.labels.len()),
            validities: Part::new(first, self.validities.len()),
            is_success: view.failed.is_none() && view.known.is_some(),
            last_probe: view.last_probe().as_second(),
            last_success: view.last_success().map(Timestamp::as_second),
            took: view.last().and_then(|last| last.observation.timing.total()),
            verify_code: diagnosis.and_then(|diagnosis| diagnosis.verdict.as_ref()).map(Verdict::code),
            chain_status: diagnosis.map_or(ChainStatus::None, |diagnosis| diagnosis.chain_status),
            is_at_fault: view.failure().is_some() || view.findings().next().is_some(),
        }
    }

    /// What there is of the endpoint at this place.
    pub(super) fn one<'a>(&'a self, place: usize, view: &'a EndpointView) -> Option<One<'a>> {
        Some(One { row: self.endpoints.get(place)?, rows: self, view })
    }
}

/// One endpoint, as a family writes it. `view` is to be looked at only where the rows do not say enough.
pub(super) struct One<'a> {
    rows: &'a Rows,
    pub(super) row: &'a EndpointRow,
    pub(super) view: &'a EndpointView,
}

impl<'a> One<'a> {
    pub(super) fn labels(&self) -> &'a str {
        self.row.labels.of_text(&self.rows.labels)
    }

    /// Every address that is shown, with its labels.
    pub(super) fn addresses(&self) -> impl Iterator<Item = (&'a AddressRow, &'a str)> + use<'a> {
        let rows = self.rows;
        self.row.addresses.of(&rows.addresses).iter().map(|row| (row, row.labels.of_text(&rows.labels)))
    }

    /// The same, with what the snapshot has of each.
    pub(super) fn views(&self) -> impl Iterator<Item = (&'a AddressRow, &'a AddressView, &'a str)> + use<'a> {
        self.addresses().zip(&self.view.addresses).map(|((row, labels), view)| (row, view, labels))
    }

    /// The certificates that an address presented.
    pub(super) fn validities(&self, address: &AddressRow) -> &'a [Validity] {
        address.validities.of(&self.rows.validities)
    }
}

/// What a peer presented last.
pub(super) fn chain(address: &AddressView) -> Option<&Chain> {
    address.known.as_ref()?.observation.chain()
}

/// Each of it with its position.
pub(super) fn certificates(address: &AddressView) -> impl Iterator<Item = (&'static str, &Certificate)> {
    let all = chain(address).into_iter().flat_map(Chain::iter);
    POSITIONS.into_iter().zip(all.map(|certificate| &**certificate))
}

/// So many certificates of one chain are shown; a stranger may send thousands.
pub(super) const POSITIONS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// So many addresses of an endpoint: a name whose addresses change with every answer must not fill the scrape.
const ADDRESSES: usize = 32;
