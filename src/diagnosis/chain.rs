//! The shape of what was presented: order, gaps, strangers. Our own comparison: OpenSSL shrugs at all but the gap.

/// Exactly one holds, the first in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChainStatus {
    /// No certificate was seen.
    None,
    /// One of the certificates cannot be read.
    UnreadableCertificate,
    /// A lone self-signed leaf that the store lacks.
    SelfSigned,
    /// An intermediate is left out, and we hold it.
    MissingIntermediate,
    /// An issuer is not there, and could not be had.
    IssuerUnknown,
    /// Complete up to a root that the store lacks.
    UnknownCa,
    /// The path needs a CA certificate that is outside its validity.
    IntermediateExpired,
    /// All there, out of order.
    WrongOrder,
    /// The anchor itself is presented.
    RootIncluded,
    /// Something is presented that no path needs.
    ExtraCertificates,
    /// Leaf first, each followed by its issuer, nothing more.
    Complete,
}

impl ChainStatus {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            ChainStatus::None => "none",
            ChainStatus::UnreadableCertificate => "unreadable_certificate",
            ChainStatus::SelfSigned => "self_signed",
            ChainStatus::MissingIntermediate => "missing_intermediate",
            ChainStatus::IssuerUnknown => "issuer_unknown",
            ChainStatus::UnknownCa => "unknown_ca",
            ChainStatus::IntermediateExpired => "intermediate_expired",
            ChainStatus::WrongOrder => "wrong_order",
            ChainStatus::RootIncluded => "root_included",
            ChainStatus::ExtraCertificates => "extra_certificates",
            ChainStatus::Complete => "complete",
        }
    }

    /// Whether the server sends all that a strict client needs; `None` when no certificate was seen.
    pub fn is_complete(self) -> Option<bool> {
        match self {
            ChainStatus::None => None,
            ChainStatus::UnreadableCertificate | ChainStatus::MissingIntermediate | ChainStatus::IssuerUnknown => Some(false),
            _ => Some(true),
        }
    }
}
