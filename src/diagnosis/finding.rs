//! Findings: facts in the variant, words here and nowhere else.

use std::fmt;

use crate::{
    certificate::printable,
    clock::{Timestamp, days_between},
    observation::{Failure, FailureKind, Stage},
};

/// One thing that is worth saying about an observation.
///
/// Texts that come from certificates are made printable when the variant is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The leaf's `notAfter` has passed.
    Expired {
        /// When.
        not_after: Timestamp,
        /// As of when it was judged.
        now: Timestamp,
    },
    /// The leaf's `notBefore` has not come.
    NotYetValid {
        /// When it comes.
        not_before: Timestamp,
    },
    /// The leaf ends within a threshold.
    ExpiresSoon {
        /// When.
        not_after: Timestamp,
        /// As of when it was judged.
        now: Timestamp,
        /// `Warning` or `Critical`: which threshold.
        severity: Severity,
    },
    /// The server leaves out an intermediate that exists, verifies and completes the path.
    MissingIntermediate {
        /// The names of those left out, leaf's issuer first.
        missing: Vec<String>,
        /// The certificate whose issuer is not there.
        after: String,
    },
    /// The issuer is neither presented nor trusted, and cannot be had.
    IssuerUnknown {
        /// Its name.
        issuer: String,
        /// Why no issuer could be had: `no AIA address`, `http://... answered 404`.
        tried: String,
    },
    /// The presented certificates do not follow one another.
    WrongOrder,
    /// Certificates that no path needs.
    ExtraCertificates {
        /// Their names.
        extra: Vec<String>,
    },
    /// The trust anchor itself is presented.
    RootIncluded {
        /// Its name.
        root: String,
    },
    /// A lone self-signed leaf that the store lacks.
    SelfSigned {
        /// Its name.
        subject: String,
    },
    /// The chain is complete up to a root that the store lacks.
    UnknownCa {
        /// The root's name.
        root: String,
        /// The root itself was presented (19), or only named (20).
        presented: bool,
    },
    /// The leaf does not carry the name that was asked for.
    HostnameMismatch {
        /// What was asked for.
        asked: String,
        /// What it carries, at most ten.
        carries: Vec<String>,
    },
    /// A certificate above the leaf, which the path needs, has expired or is not yet valid.
    IntermediateExpired {
        /// Its name.
        subject: String,
        /// When it ended.
        not_after: Timestamp,
    },
    /// The peer does not hold the key of the leaf it presents.
    KeyPossessionFailed,
    /// A presented certificate cannot be read.
    UnreadableCertificate {
        /// 0 is the leaf.
        position: usize,
        /// Why not.
        reason: String,
    },
    /// A signature in the chain does not verify.
    BadSignature {
        /// The certificate that carries it.
        subject: String,
    },
    /// A key that is too short.
    WeakKey {
        /// Whose.
        subject: String,
        /// `RSA 1024`.
        key: String,
    },
    /// A digest that is broken.
    WeakSignature {
        /// Whose.
        subject: String,
        /// `sha1WithRSAEncryption`.
        algorithm: String,
    },
    /// OpenSSL refuses the chain for a reason that no other finding tells.
    Refused {
        /// OpenSSL's code.
        code: u16,
        /// 0 is the leaf.
        depth: usize,
    },
    /// No TLS came about, though the peer answered.
    HandshakeFailed {
        /// What happened.
        failure: Failure,
    },
    /// The peer could not be reached.
    Unreachable {
        /// What happened.
        failure: Failure,
    },
    /// The server asked for a client certificate and ended the handshake without one.
    ClientCertificateWanted,
}

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

/// A finding, and whether its owner has accepted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What was found.
    pub finding: Finding,
    /// Listed under `accept:`: shown, never alarming.
    pub accepted: bool,
}

impl Found {
    /// The severity that counts: `Info` when accepted.
    pub fn severity(&self) -> Severity {
        if self.accepted { Severity::Info } else { self.finding.severity() }
    }

    /// The same as a headline.
    pub fn status(&self) -> Status {
        match self.severity() {
            Severity::Info => Status::Info,
            Severity::Warning => Status::Warning,
            Severity::Critical => Status::Critical,
        }
    }
}

impl Finding {
    /// Every code there is, for documentation, `accept:` and the test that each has its words.
    pub const CODES: &'static [&'static str] = &[
        "expired",
        "not_yet_valid",
        "expires_soon",
        "missing_intermediate",
        "issuer_unknown",
        "wrong_order",
        "extra_certificates",
        "root_included",
        "self_signed",
        "unknown_ca",
        "hostname_mismatch",
        "intermediate_expired",
        "key_possession_failed",
        "unreadable_certificate",
        "bad_signature",
        "weak_key",
        "weak_signature",
        "verification_refused",
        "handshake_failed",
        "unreachable",
        "client_certificate_wanted",
    ];

    /// The finding that a visit without a certificate amounts to.
    pub fn of_failure(failure: &Failure) -> Self {
        let failure = failure.clone();
        match (failure.stage, &failure.kind) {
            (_, FailureKind::Timeout | FailureKind::Reset | FailureKind::Internal) | (Stage::Resolve | Stage::Connect, _) => {
                Finding::Unreachable { failure }
            }
            _ => Finding::HandshakeFailed { failure },
        }
    }

    /// The stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Finding::Expired { .. } => "expired",
            Finding::NotYetValid { .. } => "not_yet_valid",
            Finding::ExpiresSoon { .. } => "expires_soon",
            Finding::MissingIntermediate { .. } => "missing_intermediate",
            Finding::IssuerUnknown { .. } => "issuer_unknown",
            Finding::WrongOrder => "wrong_order",
            Finding::ExtraCertificates { .. } => "extra_certificates",
            Finding::RootIncluded { .. } => "root_included",
            Finding::SelfSigned { .. } => "self_signed",
            Finding::UnknownCa { .. } => "unknown_ca",
            Finding::HostnameMismatch { .. } => "hostname_mismatch",
            Finding::IntermediateExpired { .. } => "intermediate_expired",
            Finding::KeyPossessionFailed => "key_possession_failed",
            Finding::UnreadableCertificate { .. } => "unreadable_certificate",
            Finding::BadSignature { .. } => "bad_signature",
            Finding::WeakKey { .. } => "weak_key",
            Finding::WeakSignature { .. } => "weak_signature",
            Finding::Refused { .. } => "verification_refused",
            Finding::HandshakeFailed { .. } => "handshake_failed",
            Finding::Unreachable { .. } => "unreachable",
            Finding::ClientCertificateWanted => "client_certificate_wanted",
        }
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        match self {
            Finding::ExpiresSoon { severity, .. } => *severity,
            Finding::WrongOrder => Severity::Warning,
            Finding::ExtraCertificates { .. } | Finding::RootIncluded { .. } | Finding::ClientCertificateWanted => Severity::Info,
            Finding::Expired { .. }
            | Finding::NotYetValid { .. }
            | Finding::MissingIntermediate { .. }
            | Finding::IssuerUnknown { .. }
            | Finding::SelfSigned { .. }
            | Finding::UnknownCa { .. }
            | Finding::HostnameMismatch { .. }
            | Finding::IntermediateExpired { .. }
            | Finding::KeyPossessionFailed
            | Finding::UnreadableCertificate { .. }
            | Finding::BadSignature { .. }
            | Finding::WeakKey { .. }
            | Finding::WeakSignature { .. }
            | Finding::Refused { .. }
            | Finding::HandshakeFailed { .. }
            | Finding::Unreachable { .. } => Severity::Critical,
        }
    }

    /// Who must act.
    pub fn fault(&self) -> Fault {
        match self {
            Finding::UnknownCa { .. } => Fault::Client,
            Finding::IssuerUnknown { .. } | Finding::Refused { .. } => Fault::Unclear,
            Finding::Unreachable { failure } => match (failure.stage, &failure.kind) {
                (_, FailureKind::Internal) => Fault::Client,
                (Stage::Connect, FailureKind::Refused) => Fault::Server,
                _ => Fault::Network,
            },
            Finding::HandshakeFailed { failure } => match failure.kind {
                FailureKind::NoCommonVersion | FailureKind::NoCommonCipher | FailureKind::Alert(_) => Fault::Unclear,
                FailureKind::ProxyRefused => Fault::Network,
                _ => Fault::Server,
            },
            _ => Fault::Server,
        }
    }

    /// What it is a stage of.
    pub fn topic(&self) -> Topic {
        match self {
            Finding::Expired { .. } | Finding::ExpiresSoon { .. } => Topic::Expiry,
            Finding::Unreachable { .. } | Finding::HandshakeFailed { .. } => Topic::Reachability,
            other => Topic::Code(other.code()),
        }
    }

    /// Network failures need a second and a third look before anybody hears of them; facts of a certificate don't.
    pub fn needs_confirmation(&self) -> bool {
        self.topic() == Topic::Reachability
    }

    /// One sentence: what is the case. No full stop at its end; safe to print.
    pub fn summary(&self) -> String {
        match self {
            Finding::Expired { not_after, now } => {
                let days = days_between(*not_after, *now);
                format!("the certificate expired on {} ({})", date(*not_after), ago(days))
            }
            Finding::NotYetValid { not_before } => format!("the certificate is not valid before {}", date(*not_before)),
            Finding::ExpiresSoon { not_after, now, .. } => {
                format!("the certificate expires on {} ({})", date(*not_after), left(days_between(*now, *not_after)))
            }
            Finding::MissingIntermediate { missing, after } => {
                format!("the server does not send the intermediate {} that issued {after}", quoted(missing))
            }
            Finding::IssuerUnknown { issuer, tried } => {
                format!("the issuer \"{issuer}\" is neither presented nor in the trust store, and could not be had: {tried}")
            }
            Finding::WrongOrder => "the certificates are presented in the wrong order".into(),
            Finding::ExtraCertificates { extra } => format!("the server also sends {}, which no path needs", quoted(extra)),
            Finding::RootIncluded { root } => {
                format!("the server also sends the root \"{root}\", which clients have or do not trust")
            }
            Finding::SelfSigned { subject } => format!("the server presents a self-signed certificate, \"{subject}\""),
            Finding::UnknownCa { root, presented: true } => {
                format!("the chain ends at the root \"{root}\", which is presented but not in the trust store")
            }
            Finding::UnknownCa { root, presented: false } => {
                format!("the chain leads to the root \"{root}\", which is not in the trust store")
            }
            Finding::HostnameMismatch { asked, carries } if carries.is_empty() => {
                format!("the certificate carries no name that could match {asked}")
            }
            Finding::HostnameMismatch { asked, carries } => {
                format!("the certificate is for {}, not for {asked}", carries.join(", "))
            }
            Finding::IntermediateExpired { subject, not_after } => {
                format!("the CA certificate \"{subject}\" in the path is outside its validity, which ends {}", date(*not_after))
            }
            Finding::KeyPossessionFailed => "the server does not hold the private key of the certificate it presents".into(),
            Finding::UnreadableCertificate { position: 0, reason } => {
                format!("the server's own certificate cannot be read: {reason}")
            }
            Finding::UnreadableCertificate { position, reason } => {
                format!("certificate {position} of the chain cannot be read: {reason}")
            }
            Finding::BadSignature { subject } => format!("the signature on \"{subject}\" was not made by its issuer's key"),
            Finding::WeakKey { subject, key } => format!("the key of \"{subject}\" is too weak: {key}"),
            Finding::WeakSignature { subject, algorithm } => format!("\"{subject}\" is signed with {algorithm}, which is broken"),
            Finding::Refused { code, depth } => {
                format!("OpenSSL refuses the certificate at depth {depth}: {}", super::verify_text(*code))
            }
            Finding::HandshakeFailed { failure } | Finding::Unreachable { failure } => printable(&failure.detail),
            Finding::ClientCertificateWanted => {
                "the server asks for a client certificate and ended the handshake without one".into()
            }
        }
    }

    /// What to do about it, as one or two sentences.
    pub fn hint(&self) -> String {
        match self {
            Finding::Expired { .. } => "renew the certificate and reload the server; if it was renewed, the server still has the old one loaded".into(),
            Finding::NotYetValid { .. } => "check the clocks of the server's CA and of this machine; until then serve the previous certificate".into(),
            Finding::ExpiresSoon { .. } => "renew the certificate and reload the server; see whether its automatic renewal still runs".into(),
            Finding::MissingIntermediate { .. } => {
                "serve the full chain, the leaf first and then the intermediates (fullchain.pem, not cert.pem)".into()
            }
            Finding::IssuerUnknown { .. } => {
                "if the CA is public, the server leaves out an intermediate: ask its admin for the full chain; if it is your own, put its root under trust.files".into()
            }
            Finding::WrongOrder => "sort the chain file: the leaf first, then each certificate's issuer".into(),
            Finding::ExtraCertificates { .. } => "remove them from the chain file; they cost octets in every handshake".into(),
            Finding::RootIncluded { .. } => "remove the root from the chain file; it proves nothing and costs octets in every handshake".into(),
            Finding::SelfSigned { .. } => {
                "get a certificate from a CA; if this one is meant to be, put it under the endpoint's trust.files".into()
            }
            Finding::UnknownCa { .. } => {
                "if this CA is meant, put its root under trust.files and in the store of every client; if it is a public CA, the store is out of date".into()
            }
            Finding::HostnameMismatch { .. } => {
                "install a certificate that carries the name, or connect by a name that it carries (server_name)".into()
            }
            Finding::IntermediateExpired { .. } => "take the CA's current intermediate into the chain file and reload the server".into(),
            Finding::KeyPossessionFailed => "install the key that belongs to the certificate; if it is installed, somebody else answers".into(),
            Finding::UnreadableCertificate { .. } => "look at the chain file: it may be cut off or hold something that is no certificate".into(),
            Finding::BadSignature { .. } => "take the certificate and its issuer anew from the CA; one of them was altered or does not belong there".into(),
            Finding::WeakKey { .. } => "get a certificate with a key of at least RSA 2048 or EC P-256".into(),
            Finding::WeakSignature { .. } => "get a certificate signed with SHA-256 or better".into(),
            Finding::Refused { .. } => "see the code in openssl-verification-options(1), and ask the CA".into(),
            Finding::HandshakeFailed { failure } => match &failure.kind {
                FailureKind::Plaintext(protocol) if protocol == "unknown" => {
                    "the port speaks no TLS: correct the port, or name the protocol in the target (smtp://, imap://, ..)".into()
                }
                FailureKind::Plaintext(protocol) => {
                    format!("the port speaks {protocol} without TLS: correct the port, or name the protocol in the target ({protocol}://) if it has STARTTLS")
                }
                FailureKind::NoCommonVersion => "the server offers neither TLS 1.2 nor TLS 1.3: update it".into(),
                FailureKind::NoCommonCipher => "the server offers only ciphers that modern clients refuse: update its configuration".into(),
                FailureKind::StarttlsRefused => "switch STARTTLS on at the server, or correct the protocol of the target".into(),
                _ => "look at the server's own log of this moment".into(),
            },
            Finding::Unreachable { failure } => match &failure.kind {
                FailureKind::NameNotFound => "correct the name, or take the endpoint out of the inventory".into(),
                FailureKind::DnsFailure => "see whether this machine's resolver works".into(),
                FailureKind::Refused => "nothing listens there: start the server, or correct the port".into(),
                FailureKind::Internal => "certvigil could not make the visit: see its log".into(),
                _ => "see whether a firewall or the route between here and there drops the connection".into(),
            },
            Finding::ClientCertificateWanted => "nothing to do: the server's own certificate was seen and judged".into(),
        }
    }
}

impl Severity {
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

/// `2026-11-22 09:42 UTC`.
fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn left(days: i64) -> String {
    match days {
        ..1 => "less than a day left".into(),
        1 => "1 day left".into(),
        days => format!("{days} days left"),
    }
}

fn ago(days: i64) -> String {
    match days {
        ..1 => "less than a day ago".into(),
        1 => "1 day ago".into(),
        days => format!("{days} days ago"),
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}
