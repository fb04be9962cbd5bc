//! The truth, as the generator knows it: what is wrong where, from when until when, and by when somebody has to know.
//!
//! Nothing here has heard of the brain: the words are the user's, the numbers those of the documentation.

/// Seconds since the year began; before it they are negative.
pub(crate) type Moment = i64;

pub(crate) const MINUTE: Moment = 60;
pub(crate) const HOUR: Moment = 60 * MINUTE;
pub(crate) const DAY: Moment = 24 * HOUR;

/// From a moment until just before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) from: Moment,
    pub(crate) to: Moment,
}

impl Span {
    pub(crate) fn holds(self, at: Moment) -> bool {
        self.from <= at && at < self.to
    }

    /// At some time between the two, both included.
    pub(crate) fn holds_within(self, from: Moment, to: Moment) -> bool {
        self.from <= to && from < self.to
    }
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A certificate is shown though it is time to renew it, or past.
    Expiry,
    /// The intermediate is not sent.
    Chain,
    /// The certificate is for another name.
    Name,
    /// An intermediate is sent that ends soon, or has ended.
    Intermediate,
    /// Nobody gets through to the server.
    Network,
    /// Some addresses, or some visits, still see the former certificate.
    Rollout,
}

impl Kind {
    pub(crate) const ALL: [Kind; 6] = [Kind::Expiry, Kind::Chain, Kind::Name, Kind::Intermediate, Kind::Network, Kind::Rollout];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Expiry => "expiry",
            Kind::Chain => "broken chain",
            Kind::Name => "wrong name",
            Kind::Intermediate => "intermediate",
            Kind::Network => "network",
            Kind::Rollout => "roll-out",
        }
    }

    /// What a finding of this code is about; `None` for what never happens in this world.
    pub(crate) fn of_code(code: &str) -> Option<Kind> {
        match code {
            "expires_soon" | "expired" => Some(Kind::Expiry),
            "missing_intermediate" => Some(Kind::Chain),
            "hostname_mismatch" => Some(Kind::Name),
            "intermediate_expires_soon" | "intermediate_expired" => Some(Kind::Intermediate),
            "unreachable" | "handshake_failed" => Some(Kind::Network),
            "addresses_disagree" | "not_deployed" | "rollout_incomplete" => Some(Kind::Rollout),
            _ => None,
        }
    }
}

/// By when somebody has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deadline {
    /// Before this moment.
    Moment(Moment),
    /// With the visit that is the so-manieth to meet it.
    Visits(usize),
    /// It may be told, and need not be.
    Never,
}

/// Something that is wrong at an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) kind: Kind,
    /// Its number in the fleet.
    pub(crate) endpoint: usize,
    /// What is to be mended: the number of a certificate, of an intermediate or, for the network, of the flap. Troubles of one
    /// kind and cause are one incident.
    pub(crate) cause: usize,
    pub(crate) span: Span,
    pub(crate) deadline: Deadline,
}

/// When people should hear of an end that comes near: the fewer of so many days and such a share of the lifetime before it.
pub(crate) fn threshold(begins: Moment, ends: Moment, days: i64, percent: i64) -> Moment {
    ends - (days * DAY).min((ends - begins) * percent / 100)
}

pub(crate) fn warning(begins: Moment, ends: Moment) -> Moment {
    threshold(begins, ends, 21, 25)
}

pub(crate) fn critical(begins: Moment, ends: Moment) -> Moment {
    threshold(begins, ends, 7, 10)
}
