//! What an incident is put down to: the certificate that is at fault wherever it is served, or the endpoint alone.

use std::{fmt, sync::Arc};

use crate::{
    certificate::{Certificate, Fingerprint, printable_cut},
    clock::Timestamp,
    diagnosis::{Finding, Judged, Topic},
};

/// What is to be mended, once, for an incident to end everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// No certificate is at fault: the server, or the way to it. The endpoint's name.
    Endpoint(Arc<str>),
    /// This certificate, or the way in which it is served.
    Certificate(Fingerprint),
    /// An authority whose certificate is not at hand: its name, safe to print.
    Authority(Arc<str>),
}

impl Cause {
    /// What `finding`, which `judged` has at this endpoint, is put down to.
    pub fn of(endpoint: &Arc<str>, judged: &Judged, finding: &Finding) -> Self {
        let Some(chain) = judged.observation.chain() else { return Cause::Endpoint(Arc::clone(endpoint)) };
        let presented = || chain.iter().chain(&judged.diagnosis.borrowed.certificates);
        let named = |subject: &str, end: Option<Timestamp>| presented().find(|it| is_named(it, subject, end));
        let of = |certificate: &Arc<Certificate>| Cause::Certificate(certificate.fingerprint);
        let leaf = || of(&chain.leaf);
        match finding {
            _ if finding.topic() == Topic::Reachability => Cause::Endpoint(Arc::clone(endpoint)),
            Finding::KeyPossessionFailed => Cause::Endpoint(Arc::clone(endpoint)),
            Finding::UnknownCa { root: name, .. } | Finding::IssuerUnknown { issuer: name, .. } => {
                Cause::Authority(name.as_str().into())
            }
            Finding::IntermediateExpired { subject, not_after, .. } => {
                named(subject, Some(*not_after)).map_or_else(|| Cause::Authority(subject.as_str().into()), of)
            }
            Finding::IntermediateExpiresSoon { subject, not_after, is_anchor, fingerprint, .. } => {
                match named(subject, Some(*not_after)) {
                    None if *is_anchor => Cause::Authority(subject.as_str().into()),
                    _ => Cause::Certificate(*fingerprint),
                }
            }
            Finding::OutlivesIssuer { fingerprint, .. } => Cause::Certificate(*fingerprint),
            Finding::UnreadableCertificate { position, .. } => chain.iter().nth(*position).map_or_else(leaf, of),
            Finding::BadSignature { subject }
            | Finding::WeakKey { subject, .. }
            | Finding::WeakSignature { subject, .. }
            | Finding::SignatureUnchecked { subject, .. } => named(subject, None).map_or_else(leaf, of),
            _ => leaf(),
        }
    }

    /// The certificate that is at fault, as it was presented in this visit, or fetched for it.
    pub fn certificate<'a>(&self, judged: &'a Judged) -> Option<&'a Arc<Certificate>> {
        let Cause::Certificate(fingerprint) = self else { return None };
        let mut presented = judged.observation.chain()?.iter().chain(&judged.diagnosis.borrowed.certificates);
        presented.find(|certificate| certificate.fingerprint == *fingerprint)
    }

    /// The cause of this text, as [`fmt::Display`] writes it.
    pub fn from_text(text: &str) -> Option<Self> {
        let (kind, what) = text.split_once(':')?;
        match kind {
            "endpoint" => Some(Cause::Endpoint(what.into())),
            "certificate" => Fingerprint::from_hex(what).map(Cause::Certificate),
            "authority" => Some(Cause::Authority(what.into())),
            _ => None,
        }
    }
}

impl fmt::Display for Cause {
    /// `endpoint:NAME`, `certificate:FINGERPRINT` or `authority:NAME`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Endpoint(name) => write!(f, "endpoint:{name}"),
            Cause::Certificate(fingerprint) => write!(f, "certificate:{fingerprint}"),
            Cause::Authority(name) => write!(f, "authority:{name}"),
        }
    }
}

/// As findings write it: made printable and cut.
fn is_named(certificate: &Certificate, subject: &str, end: Option<Timestamp>) -> bool {
    certificate.facts().is_some_and(|facts| {
        end.is_none_or(|end| facts.not_after == end) && printable_cut(&facts.subject.short(), 200) == subject
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_read_back_as_it_was_written() {
        let causes =
            [Cause::Endpoint("a:443".into()), Cause::Certificate(Fingerprint::of(b"a")), Cause::Authority("Example: R1".into())];
        for cause in causes {
            assert_eq!(Cause::from_text(&cause.to_string()), Some(cause));
        }
        for text in ["", "a", "planet:x", "certificate:00", "certificate:\u{e4}"] {
            assert_eq!(Cause::from_text(text), None, "{text}");
        }
    }
}
