//! The shape of what was presented: order, gaps, strangers. Our own comparison: OpenSSL shrugs at all but the gap.

use std::sync::Arc;

use super::{
    Issuers, Trust,
    path::{Path, Store, facts, may_have_issued},
    signatures::Signatures,
};
use crate::{
    certificate::{Certificate, Facts},
    clock::Timestamp,
};

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
    /// Every one, in the order in which they are tried.
    pub const ALL: [ChainStatus; 11] = [
        ChainStatus::None,
        ChainStatus::UnreadableCertificate,
        ChainStatus::SelfSigned,
        ChainStatus::MissingIntermediate,
        ChainStatus::IssuerUnknown,
        ChainStatus::UnknownCa,
        ChainStatus::IntermediateExpired,
        ChainStatus::WrongOrder,
        ChainStatus::RootIncluded,
        ChainStatus::ExtraCertificates,
        ChainStatus::Complete,
    ];

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

/// What the presented certificates are, measured against the path that a client with the roots alone needs.
pub(super) struct Shape {
    /// That path, filled up from `issuers` where the server left a gap.
    pub(super) path: Path,
    /// Whether and how the path is broken.
    pub(super) gap: Gap,
    /// CA certificates of the path that are outside their validity.
    pub(super) outside_validity: Vec<Arc<Certificate>>,
    /// What is presented does not follow the path.
    pub(super) wrong_order: bool,
    /// The anchor, where it is presented above a leaf.
    pub(super) root: Option<Arc<Certificate>>,
    /// Presented and not needed: strangers and second copies.
    pub(super) extra: Vec<Arc<Certificate>>,
}

/// Whether and how the path is broken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// It is not.
    None,
    /// A lone self-signed leaf.
    SelfSigned,
    /// These, not presented, complete it to an anchor: the proof.
    Missing(Vec<Arc<Certificate>>),
    /// The issuer of the path's end could not be had.
    IssuerUnknown,
    /// It ends at a root that the store lacks.
    UnknownCa {
        /// The root was presented.
        presented: bool,
    },
}

/// The path of what was presented with the roots alone, filled up with `issuers` and the store's own intermediates.
pub(super) fn complete(presented: &[Arc<Certificate>], trust: &Trust, issuers: &Issuers, now: Timestamp) -> Path {
    let spare = issuers.certificates.iter().chain(trust.intermediates());
    let pool: Vec<_> = presented.iter().chain(spare).filter(|certificate| certificate.facts().is_some()).cloned().collect();
    Path::build(&pool, trust, Store::Roots, now)
}

impl Shape {
    /// Measures presented certificates, all of them readable.
    pub(super) fn of(
        presented: &[Arc<Certificate>],
        trust: &Trust,
        issuers: &Issuers,
        signatures: &Signatures,
        now: Timestamp,
    ) -> Self {
        let path = complete(presented, trust, issuers, now);
        let once = without_copies(presented);
        let position = |certificate: &Arc<Certificate>| once.iter().position(|p| p.fingerprint == certificate.fingerprint);
        let used: Vec<usize> = path.certificates.iter().filter_map(position).collect();
        let ca_first = facts(once[0]).extensions.basic_constraints.is_some_and(|bc| bc.ca)
            && once[1..].iter().any(|other| may_have_issued(facts(once[0]), facts(other)) && !facts(other).is_self_issued());
        let is_root = |certificate: &&Arc<Certificate>| facts(certificate).is_self_signed() && trust.contains(certificate);
        let root = if ca_first {
            once.iter().copied().find(is_root).cloned()
        } else {
            Some(path.top()).filter(|top| path.certificates.len() > 1 && path.anchored && position(top).is_some()).cloned()
        };
        let gap = gap(&path, signatures, |certificate| position(certificate).is_some());
        // Where the link below is missing, a CA right under an anchor may well be the upper part of the path.
        let may_be_upper_part = |certificate: &Facts| {
            gap == Gap::IssuerUnknown
                && certificate.extensions.basic_constraints.is_some_and(|bc| bc.ca)
                && trust.issuers_of(certificate).iter().any(|issuer| may_have_issued(facts(issuer), certificate))
        };
        let mut extra: Vec<Arc<Certificate>> = Vec::new();
        for (i, certificate) in presented.iter().enumerate() {
            let second_copy = presented[..i].iter().any(|before| before.fingerprint == certificate.fingerprint);
            let needed = position(certificate).is_some_and(|at| used.contains(&at));
            if second_copy || (!needed && !ca_first && !may_be_upper_part(facts(certificate))) {
                extra.push(Arc::clone(certificate));
            }
        }
        let outside = |certificate: &&Arc<Certificate>| {
            let of = facts(certificate);
            of.not_before > now || of.not_after <= now
        };
        Shape {
            gap,
            outside_validity: path.certificates[1..].iter().filter(outside).cloned().collect(),
            wrong_order: ca_first || used.iter().enumerate().any(|(i, at)| i != *at),
            root,
            extra,
            path,
        }
    }

    /// The first status that holds.
    pub(super) fn status(&self) -> ChainStatus {
        match self.gap {
            Gap::SelfSigned => ChainStatus::SelfSigned,
            Gap::Missing(_) => ChainStatus::MissingIntermediate,
            Gap::IssuerUnknown => ChainStatus::IssuerUnknown,
            Gap::UnknownCa { .. } => ChainStatus::UnknownCa,
            Gap::None if !self.outside_validity.is_empty() => ChainStatus::IntermediateExpired,
            Gap::None if self.wrong_order => ChainStatus::WrongOrder,
            Gap::None if self.root.is_some() => ChainStatus::RootIncluded,
            Gap::None if !self.extra.is_empty() => ChainStatus::ExtraCertificates,
            Gap::None => ChainStatus::Complete,
        }
    }
}

fn gap(path: &Path, signatures: &Signatures, is_presented: impl Fn(&Arc<Certificate>) -> bool) -> Gap {
    let top_is_root = facts(path.top()).is_self_signed();
    let left_out = |(i, certificate): &(usize, &Arc<Certificate>)| {
        *i > 0 && !facts(certificate).is_self_signed() && !is_presented(certificate)
    };
    let added: Vec<_> =
        path.certificates.iter().enumerate().filter(left_out).map(|(_, certificate)| Arc::clone(certificate)).collect();
    if path.anchored {
        match added.is_empty() {
            true => Gap::None,
            false if signatures_hold(path, signatures) => Gap::Missing(added),
            false => Gap::IssuerUnknown,
        }
    } else if top_is_root && path.certificates.len() == 1 {
        Gap::SelfSigned
    } else if top_is_root && added.is_empty() && (is_presented(path.top()) || signatures_hold(path, signatures)) {
        Gap::UnknownCa { presented: is_presented(path.top()) }
    } else {
        Gap::IssuerUnknown
    }
}

/// Nothing is believed of a certificate that was not presented unless every signature of the path holds.
fn signatures_hold(path: &Path, signatures: &Signatures) -> bool {
    path.certificates.windows(2).all(|pair| signatures.check(&pair[0], &pair[1]).is_ok())
}

fn without_copies(presented: &[Arc<Certificate>]) -> Vec<&Arc<Certificate>> {
    let mut once: Vec<&Arc<Certificate>> = Vec::with_capacity(presented.len());
    for certificate in presented {
        if !once.iter().any(|before| before.fingerprint == certificate.fingerprint) {
            once.push(certificate);
        }
    }
    once
}
