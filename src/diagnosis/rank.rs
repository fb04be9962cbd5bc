//! What a finding is measured by: how much it matters, who must act, which story it belongs to.

use std::fmt;

use super::Finding;

/// How much it matters. Ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nobody is mailed.
    Info,
    /// Needs somebody soon.
    Warning,
    /// Clients fail, or will within the critical threshold.
    Critical,
}

/// The headline of an endpoint or a visit. Ordered as the worst counts: `critical > unknown > warning > info > ok`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Nothing to say.
    Ok,
    /// Only things worth knowing.
    Info,
    /// Needs somebody soon.
    Warning,
    /// Could not be judged.
    Unknown,
    /// Clients fail, or soon will.
    Critical,
}

/// Who must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Whoever runs the server.
    Server,
    /// Whoever runs the client, that is: this machine's trust store or clock.
    Client,
    /// Whoever runs what lies between.
    Network,
    /// It cannot be told.
    Unclear,
}

/// What an incident is about: findings that are stages of one story share a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// `expires_soon`, then `expired`.
    Expiry,
    /// The peer cannot be reached, or speaks no TLS.
    Reachability,
    /// Every other finding is a story of its own, named by its code.
    Code(&'static str),
}

impl Severity {
    /// Every one.
    pub const ALL: [Severity; 3] = [Severity::Info, Severity::Warning, Severity::Critical];

    /// `info`, `warning`, `critical`.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

impl Status {
    /// Every one, the most urgent first.
    pub const ALL: [Status; 5] = [Status::Critical, Status::Unknown, Status::Warning, Status::Info, Status::Ok];

    /// `ok`, `info`, `warning`, `critical`, `unknown`.
    pub fn name(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Info => "info",
            Status::Warning => "warning",
            Status::Unknown => "unknown",
            Status::Critical => "critical",
        }
    }
}

impl Fault {
    /// Every one.
    pub const ALL: [Fault; 4] = [Fault::Server, Fault::Client, Fault::Network, Fault::Unclear];

    /// `server`, `client`, `network`, `unclear`.
    pub fn name(self) -> &'static str {
        match self {
            Fault::Server => "server",
            Fault::Client => "client",
            Fault::Network => "network",
            Fault::Unclear => "unclear",
        }
    }
}

impl Topic {
    /// The stable name, part of an incident's key.
    pub fn name(self) -> &'static str {
        match self {
            Topic::Expiry => "expiry",
            Topic::Reachability => "reachability",
            Topic::Code(code) => code,
        }
    }

    /// The topic of a stored name; `None` when no finding of today has it.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "expiry" => Some(Topic::Expiry),
            "reachability" => Some(Topic::Reachability),
            code => Finding::CODES.iter().find(|known| **known == code).map(|known| Topic::Code(known)),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
