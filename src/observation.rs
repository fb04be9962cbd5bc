//! What a visit to one address brought home: a handshake with its chain, or a failure. A failed visit is data.

use core::net::IpAddr;
use std::{fmt, sync::Arc, time::Duration};

use crate::{
    certificate::{Certificate, printable_cut},
    clock::Timestamp,
};

/// One visit to one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The address visited; `None` when the name did not resolve.
    pub address: Option<IpAddr>,
    /// When it was made.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: Outcome,
    /// How long each stage took.
    pub timing: Timing,
    /// What was said beside the handshake: the conversation before STARTTLS, and where the chain needs a repair, what the server says it
    /// is, perhaps an hour ago. Not remembered over a restart.
    pub said: Box<[Said]>,
}

/// A line of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Who said it.
    pub by: Party,
    /// Safe to print, at most 200 characters.
    pub text: String,
}

/// The two sides of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// certvigil.
    Client,
    /// Whoever is visited.
    Server,
}

impl Said {
    /// A line of any text.
    pub fn new(by: Party, text: &str) -> Self {
        Said { by, text: printable_cut(text.trim(), MAX_LINE) }
    }
}

/// What came of a visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The peer presented a certificate, good or bad.
    Handshake(Handshake),
    /// No certificate was seen.
    Failure(Failure),
}

/// A handshake that came at least as far as the peer's Certificate message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// What the peer presented.
    pub chain: Chain,
    /// What was negotiated, as far as it came; most servers agree to the same, and share it.
    pub tls: Arc<Tls>,
    /// Whether the peer showed that it holds the leaf's key.
    pub possession: Possession,
    /// The server asked for a client certificate (RFC 8446, section 4.3.2; RFC 5246, section 7.4.4).
    pub wants_client_certificate: bool,
    /// How it ended after the Certificate message, when not well: a peer that insists on a client certificate ends here.
    pub broken_off: Option<Box<Failure>>,
}

/// The presented certificates: a leaf and what followed it, as sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The first certificate of the message.
    pub leaf: Arc<Certificate>,
    /// The others, in the order sent.
    pub rest: Box<[Arc<Certificate>]>,
}

impl Chain {
    /// A chain from certificates as sent, leaf first; `None` when there is none.
    pub fn new(mut certificates: Vec<Arc<Certificate>>) -> Option<Self> {
        if certificates.is_empty() {
            return None;
        }
        let leaf = certificates.remove(0);
        Some(Chain { leaf, rest: certificates.into() })
    }

    /// All of them, leaf first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Certificate>> {
        std::iter::once(&self.leaf).chain(&self.rest)
    }

    /// How many, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a chain is never empty")]
    pub fn len(&self) -> usize {
        1 + self.rest.len()
    }
}

/// What was negotiated. Empty strings where the handshake ended before it was known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tls {
    /// `TLSv1.2`, `TLSv1.3`, as OpenSSL writes them.
    pub version: String,
    /// The IANA name of the cipher suite, `TLS_AES_256_GCM_SHA384`.
    pub cipher: String,
    /// The IANA name of the key exchange group, `X25519MLKEM768`.
    pub group: String,
    /// The protocol agreed by ALPN, where one was offered.
    pub alpn: Option<String>,
    /// Whether the server stapled an OCSP answer (RFC 6066, section 8); `None` when the handshake did not come so far, or when it is
    /// not remembered.
    pub stapled: Option<bool>,
}

/// Proof of possession of the leaf's private key: the handshake's own signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Possession {
    /// The signature verifies with the leaf's key.
    Proven,
    /// It does not: whoever answers does not hold the key.
    Failed,
    /// It could not be checked: the algorithm is not supported, or the handshake ended before it. The reason.
    Unchecked(Box<str>),
}

/// A visit that saw no certificate, or ended badly after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// How far it came.
    pub stage: Stage,
    /// What went wrong.
    pub kind: FailureKind,
    /// One sentence fragment for people, safe to print: `connection refused by 192.0.2.1:443`.
    pub detail: String,
}

/// The stages of a visit, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// From name to addresses.
    Resolve,
    /// TCP, and a proxy if there is one.
    Connect,
    /// The plaintext conversation that leads to TLS.
    Starttls,
    /// TLS itself.
    Handshake,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Stage; 4] = [Stage::Resolve, Stage::Connect, Stage::Starttls, Stage::Handshake];

    /// The stable name, for labels and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Resolve => "resolve",
            Stage::Connect => "connect",
            Stage::Starttls => "starttls",
            Stage::Handshake => "handshake",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How long each stage of a visit took, to the microsecond and at most 71 minutes; a stage that was not reached is absent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Timing([u32; Stage::ALL.len()]);

impl Timing {
    const ABSENT: u32 = u32::MAX;

    /// The stage took so long, or so much longer.
    pub fn add(&mut self, stage: Stage, took: Duration) {
        let before = self.took(stage).unwrap_or_default();
        let micros = u32::try_from(before.saturating_add(took).as_micros()).unwrap_or(Self::ABSENT);
        self.0[stage as usize] = micros.min(Self::ABSENT - 1);
    }

    /// How long this one took; `None` where it was not reached.
    pub fn took(&self, stage: Stage) -> Option<Duration> {
        let micros = self.0[stage as usize];
        (micros != Self::ABSENT).then(|| Duration::from_micros(micros.into()))
    }

    /// The stages that were reached, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (Stage, Duration)> {
        Stage::ALL.into_iter().filter_map(|stage| Some((stage, self.took(stage)?)))
    }

    /// Of all stages together; `None` where none is known.
    pub fn total(&self) -> Option<Duration> {
        self.iter().map(|(_, took)| took).reduce(|sum, took| sum + took)
    }
}

impl Default for Timing {
    /// Nothing is known.
    fn default() -> Self {
        Timing([Self::ABSENT; Stage::ALL.len()])
    }
}

impl fmt::Debug for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl FromIterator<(Stage, Duration)> for Timing {
    fn from_iter<I: IntoIterator<Item = (Stage, Duration)>>(stages: I) -> Self {
        let mut timing = Timing::default();
        stages.into_iter().for_each(|(stage, took)| timing.add(stage, took));
        timing
    }
}

/// What went wrong, enumerated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The name does not exist, or has no address (NXDOMAIN, no A or AAAA record).
    NameNotFound,
    /// The resolver did not answer, or answered with an error.
    DnsFailure,
    /// TCP reset in answer to SYN.
    Refused,
    /// No route, host or network unreachable.
    Unreachable,
    /// The stage's deadline passed.
    Timeout,
    /// TCP reset in the middle.
    Reset,
    /// The peer closed before it had to.
    ClosedEarly,
    /// The peer sent a fatal alert: its name in RFC 8446, section 6.
    Alert(String),
    /// No TLS version in common.
    NoCommonVersion,
    /// No cipher suite, group or signature scheme in common.
    NoCommonCipher,
    /// The peer speaks plaintext where TLS was expected: which protocol answered (`http`, `smtp`, `unknown`, ..).
    Plaintext(String),
    /// More octets than any sane handshake has.
    TooMuchData,
    /// Octets that are no TLS.
    ProtocolViolation,
    /// The server has no STARTTLS, or refused it.
    StarttlsRefused,
    /// The proxy refused the connection, refused to connect, or did not speak HTTP.
    ProxyRefused,
    /// Our own fault: out of file descriptors, or a visit that panicked. Nothing is known of the peer.
    Internal,
}

impl FailureKind {
    /// The stable name, for labels and JSON.
    pub fn name(&self) -> &'static str {
        match self {
            FailureKind::NameNotFound => "name_not_found",
            FailureKind::DnsFailure => "dns_failure",
            FailureKind::Refused => "refused",
            FailureKind::Unreachable => "unreachable",
            FailureKind::Timeout => "timeout",
            FailureKind::Reset => "reset",
            FailureKind::ClosedEarly => "closed_early",
            FailureKind::Alert(_) => "alert",
            FailureKind::NoCommonVersion => "no_common_version",
            FailureKind::NoCommonCipher => "no_common_cipher",
            FailureKind::Plaintext(_) => "plaintext",
            FailureKind::TooMuchData => "too_much_data",
            FailureKind::ProtocolViolation => "protocol_violation",
            FailureKind::StarttlsRefused => "starttls_refused",
            FailureKind::ProxyRefused => "proxy_refused",
            FailureKind::Internal => "internal",
        }
    }
}

impl Observation {
    /// An observation of which neither timing nor conversation is known.
    pub fn new(address: Option<IpAddr>, at: Timestamp, outcome: Outcome) -> Self {
        Observation { address, at, outcome, timing: Timing::default(), said: [].into() }
    }

    /// The presented chain, where there is one.
    pub fn chain(&self) -> Option<&Chain> {
        match &self.outcome {
            Outcome::Handshake(handshake) => Some(&handshake.chain),
            Outcome::Failure(_) => None,
        }
    }

    /// The handshake, where there is one.
    pub fn handshake(&self) -> Option<&Handshake> {
        match &self.outcome {
            Outcome::Handshake(handshake) => Some(handshake),
            Outcome::Failure(_) => None,
        }
    }

    /// The failure: of the visit, or of the handshake after the chain was seen.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.outcome {
            Outcome::Handshake(handshake) => handshake.broken_off.as_deref(),
            Outcome::Failure(failure) => Some(failure),
        }
    }
}

/// In characters.
const MAX_LINE: usize = 200;
