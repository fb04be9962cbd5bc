//! Findings: facts in the variant, the words in `words`.

use super::{Broken, Extra, Fault, Maker, NearMiss, Severity, Status, Topic};
use crate::{
    certificate::{Fingerprint, HashAlgorithm},
    clock::Timestamp,
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
        /// Each for what it is.
        extra: Vec<Extra>,
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
        /// What it carries: the names of the SAN, else the common names.
        carries: Vec<String>,
        /// How narrowly it misses.
        near: NearMiss,
    },
    /// A certificate above the leaf, which the path needs, has expired or is not yet valid.
    IntermediateExpired {
        /// Its name.
        subject: String,
        /// When it begins.
        not_before: Timestamp,
        /// When it ends.
        not_after: Timestamp,
        /// As of when it was judged.
        now: Timestamp,
        /// It is the anchor: ours to replace, not the server's.
        is_anchor: bool,
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
        /// The digest, where there is one.
        hash: Option<HashAlgorithm>,
    },
    /// A CA certificate of the path ends within a threshold, and no other path takes over.
    IntermediateExpiresSoon {
        /// Its name.
        subject: String,
        /// Which certificate.
        fingerprint: Fingerprint,
        /// When.
        not_after: Timestamp,
        /// As of when it was judged.
        now: Timestamp,
        /// `Warning` or `Critical`: which threshold.
        severity: Severity,
        /// It is the anchor: ours to replace, not the server's.
        is_anchor: bool,
    },
    /// A CA certificate of the path ends before the leaf does, and no other path takes over.
    OutlivesIssuer {
        /// Its name.
        subject: String,
        /// Which certificate.
        fingerprint: Fingerprint,
        /// When it ends.
        not_after: Timestamp,
        /// When the leaf ends.
        leaf_ends: Timestamp,
        /// It is the anchor: ours to replace, not the server's.
        is_anchor: bool,
    },
    /// A sound key of a kind that browsers do not accept.
    UnusualKey {
        /// Whose.
        subject: String,
        /// `EC secp256k1`.
        key: String,
    },
    /// The leaf has no alternative names that clients look at: only a CN.
    MissingSan {
        /// The CNs.
        common_names: Vec<String>,
    },
    /// A certificate of the path names its purposes, and a server's is not among them.
    MissingServerAuth {
        /// Whose.
        subject: String,
        /// What it names: `clientAuth`.
        uses: Vec<String>,
    },
    /// The server's own certificate is one of a CA.
    CaAsLeaf {
        /// Its name.
        subject: String,
        /// It signed itself: as `openssl req -x509` makes them.
        self_signed: bool,
    },
    /// A public certificate of more days than its day of issue allows.
    LifetimeTooLong {
        /// Its days, the last one counted whole.
        days: u64,
        /// The most there may be.
        limit: u64,
    },
    /// A public certificate with fewer embedded timestamps of Certificate Transparency than browsers want.
    FewScts {
        /// How many it has.
        count: usize,
        /// How many it should have.
        least: usize,
    },
    /// A public certificate for names or addresses that nobody can own in public.
    InternalNames {
        /// Which.
        names: Vec<String>,
    },
    /// Wildcards over everything that can be registered under a suffix.
    BroadWildcard {
        /// Which.
        names: Vec<String>,
    },
    /// The name that was asked for matches a wildcard within a label alone, as OpenSSL has it and few others.
    PartialWildcard {
        /// The name that was asked for.
        asked: String,
        /// The wildcards that match it.
        names: Vec<String>,
    },
    /// The certificate obliges the server to staple an OCSP answer.
    MustStaple {
        /// Whether it did; `None` when that was not seen.
        stapled: Option<bool>,
    },
    /// A certificate that the software made for itself.
    DefaultCertificate {
        /// Its name.
        subject: String,
        /// Which software, and what to do in it.
        maker: &'static Maker,
    },
    /// Rules that certificates of the path break, though clients may accept them.
    Lint {
        /// Which, and of which certificate.
        broken: Vec<Broken>,
    },
    /// A signature in the path is of a kind that we cannot check: nothing is said against it, and nothing for it.
    SignatureUnchecked {
        /// The certificate that carries it.
        subject: String,
        /// How it is signed, and by which kind of key.
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
        "intermediate_expires_soon",
        "outlives_issuer",
        "unusual_key",
        "missing_san",
        "missing_server_auth",
        "ca_as_leaf",
        "lifetime_too_long",
        "few_scts",
        "internal_names",
        "broad_wildcard",
        "partial_wildcard",
        "must_staple",
        "default_certificate",
        "lint",
        "signature_unchecked",
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
            Finding::IntermediateExpiresSoon { .. } => "intermediate_expires_soon",
            Finding::OutlivesIssuer { .. } => "outlives_issuer",
            Finding::UnusualKey { .. } => "unusual_key",
            Finding::MissingSan { .. } => "missing_san",
            Finding::MissingServerAuth { .. } => "missing_server_auth",
            Finding::CaAsLeaf { .. } => "ca_as_leaf",
            Finding::LifetimeTooLong { .. } => "lifetime_too_long",
            Finding::FewScts { .. } => "few_scts",
            Finding::InternalNames { .. } => "internal_names",
            Finding::PartialWildcard { .. } => "partial_wildcard",
            Finding::BroadWildcard { .. } => "broad_wildcard",
            Finding::MustStaple { .. } => "must_staple",
            Finding::DefaultCertificate { .. } => "default_certificate",
            Finding::Lint { .. } => "lint",
            Finding::SignatureUnchecked { .. } => "signature_unchecked",
            Finding::Refused { .. } => "verification_refused",
            Finding::HandshakeFailed { .. } => "handshake_failed",
            Finding::Unreachable { .. } => "unreachable",
            Finding::ClientCertificateWanted => "client_certificate_wanted",
        }
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        match self {
            Finding::ExpiresSoon { severity, .. } | Finding::IntermediateExpiresSoon { severity, .. } => *severity,
            Finding::WrongOrder
            | Finding::SignatureUnchecked { .. }
            | Finding::MissingSan { .. }
            | Finding::LifetimeTooLong { .. }
            | Finding::FewScts { .. }
            | Finding::InternalNames { .. }
            | Finding::PartialWildcard { .. }
            | Finding::MustStaple { stapled: Some(false) }
            | Finding::DefaultCertificate { maker: Maker { placeholder: true, .. }, .. }
            | Finding::CaAsLeaf { self_signed: false, .. } => Severity::Warning,
            Finding::ExtraCertificates { .. }
            | Finding::RootIncluded { .. }
            | Finding::ClientCertificateWanted
            | Finding::OutlivesIssuer { .. }
            | Finding::UnusualKey { .. }
            | Finding::BroadWildcard { .. }
            | Finding::MustStaple { .. }
            | Finding::DefaultCertificate { .. }
            | Finding::Lint { .. }
            | Finding::CaAsLeaf { self_signed: true, .. } => Severity::Info,
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
            | Finding::MissingServerAuth { .. }
            | Finding::Refused { .. }
            | Finding::HandshakeFailed { .. }
            | Finding::Unreachable { .. } => Severity::Critical,
        }
    }

    /// Who must act.
    pub fn fault(&self) -> Fault {
        match self {
            Finding::UnknownCa { .. }
            | Finding::IntermediateExpired { is_anchor: true, .. }
            | Finding::IntermediateExpiresSoon { is_anchor: true, .. }
            | Finding::OutlivesIssuer { is_anchor: true, .. } => Fault::Client,
            Finding::IssuerUnknown { .. } | Finding::Refused { .. } | Finding::SignatureUnchecked { .. } => Fault::Unclear,
            Finding::Unreachable { failure } => match (failure.stage, &failure.kind) {
                (_, FailureKind::Internal) => Fault::Client,
                (Stage::Connect, FailureKind::Refused) => Fault::Server,
                _ => Fault::Network,
            },
            Finding::HandshakeFailed { failure } => match failure.kind {
                FailureKind::NoCommonVersion | FailureKind::NoCommonCipher | FailureKind::Alert(_) | FailureKind::TooMuchData => {
                    Fault::Unclear
                }
                FailureKind::ProxyRefused => Fault::Network,
                FailureKind::Internal => Fault::Client,
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
            Finding::IntermediateExpiresSoon { .. } | Finding::IntermediateExpired { .. } => Topic::Code("intermediate_expired"),
            other => Topic::Code(other.code()),
        }
    }

    /// Network failures need a second and a third look before anybody hears of them; facts of a certificate don't.
    pub fn needs_confirmation(&self) -> bool {
        self.topic() == Topic::Reachability
    }
}
