//! A chain as a picture has it: every certificate that is there or should be, and how it holds on to the next.

use std::sync::Arc;

use super::{
    ExtraKind, Judged, Trust,
    chain::{Gap, Shape},
    judge::short,
    path::facts,
    signatures::Signatures,
    strangers,
};
use crate::{certificate::Certificate, clock::Timestamp};

/// The path that a client with the roots alone needs, and what else is presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lineage {
    /// From the leaf upwards; never empty.
    pub path: Vec<Link>,
    /// How it ends above.
    pub top: Top,
    /// Presented, and not needed.
    pub strangers: Vec<Stranger>,
}

/// A certificate of the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The certificate.
    pub certificate: Arc<Certificate>,
    /// Where it stands in what was presented, from 0; `None`: it was not.
    pub sent: Option<usize>,
    /// What OpenSSL has against it, the gap and the missing anchor aside.
    pub errors: Vec<&'static str>,
}

/// How a path ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Top {
    /// The last certificate of the path is in the trust store.
    Anchored,
    /// It is a root that the trust store lacks.
    Untrusted,
    /// Its issuer, of this name, is nowhere to be had. Safe to print.
    Open(String),
}

/// A certificate that the path does without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stranger {
    /// The certificate.
    pub certificate: Arc<Certificate>,
    /// Where it stands in what was presented, from 0.
    pub sent: usize,
    /// What it is.
    pub kind: ExtraKind,
}

/// The lineage of a judged chain; `trust` is what it was judged by. `None` where there is no chain, or it cannot be read.
pub fn lineage(judged: &Judged, trust: &Trust, now: Timestamp) -> Option<Lineage> {
    let presented: Vec<_> = judged.observation.chain()?.iter().cloned().collect();
    if presented.iter().any(|certificate| certificate.facts().is_none()) {
        return None;
    }
    let shape = Shape::of(&presented, trust, &judged.diagnosis.borrowed, &Signatures::default(), now);
    let position = |certificate: &Arc<Certificate>| presented.iter().position(|one| one.fingerprint == certificate.fingerprint);
    let is_of_path = |at: usize| shape.path.certificates.iter().any(|of_path| position(of_path) == Some(at));
    // The second copy of a certificate is told of, not the first.
    let mut unused = (0..presented.len()).filter(|at| !is_of_path(*at));
    let told = strangers::of(&shape, &presented, now).into_iter().zip(&shape.extra);
    let strangers = told.filter_map(|(told, certificate)| {
        let sent = unused.find(|at| presented[*at].fingerprint == certificate.fingerprint)?;
        Some(Stranger { certificate: Arc::clone(certificate), sent, kind: told.kind })
    });
    let strangers = strangers.collect();
    let errors = judged.diagnosis.verdict.as_ref().map(|verdict| &verdict.errors[..]).unwrap_or_default();
    let errors_at = |depth| {
        let of_it = errors.iter().filter(move |error| error.depth == depth && !OF_THE_TOP.contains(&error.code));
        of_it.map(super::VerifyError::text).collect()
    };
    let link = |(depth, certificate): (usize, &Arc<Certificate>)| Link {
        certificate: Arc::clone(certificate),
        sent: position(certificate),
        errors: errors_at(depth),
    };
    let top = match shape.gap {
        Gap::None | Gap::Missing(_) => Top::Anchored,
        Gap::SelfSigned | Gap::UnknownCa { .. } => Top::Untrusted,
        Gap::IssuerUnknown => Top::Open(short(&facts(shape.path.top()).issuer.short())),
    };
    Some(Lineage { path: shape.path.certificates.iter().enumerate().map(link).collect(), top, strangers })
}

/// `X509_V_ERR_*` of a path that does not reach an anchor, which the top of the picture shows.
const OF_THE_TOP: [u16; 5] = [2, 18, 19, 20, 21];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnosis::{Expectation, Issuers, diagnose},
        lab::pki::{Issued, Pki},
        observation::{Chain, Handshake, Observation, Outcome, Possession},
    };

    fn now() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().expect("a timestamp")
    }

    fn drawn(presented: &[&Issued], roots: &[&Issued], borrowed: &[&Issued]) -> Lineage {
        let der = |issued: &[&Issued]| issued.iter().map(|one| Certificate::from_der(&one.der())).collect::<Vec<_>>();
        let handshake = Handshake {
            chain: Chain::new(der(presented)).expect("a chain"),
            tls: Arc::default(),
            possession: Possession::Proven,
            wants_client_certificate: false,
            broken_off: None,
        };
        let observation = Observation::new(None, now(), Outcome::Handshake(handshake));
        let (trust, issuers) = (Trust::new(der(roots)), Issuers { certificates: der(borrowed), ..Issuers::default() });
        let diagnosis = diagnose(&observation, &Expectation::default(), &trust, &issuers, now());
        lineage(&Judged { observation, diagnosis: diagnosis.into() }, &trust, now()).expect("a chain")
    }

    fn sent(lineage: &Lineage) -> Vec<Option<usize>> {
        lineage.path.iter().map(|link| link.sent).collect()
    }

    #[test]
    fn a_gap_is_filled_with_what_is_not_sent() {
        let pki = Pki::new(now()).expect("P-256");
        let leaf = pki.leaf(["a.example"]).signed_by(&pki.intermediate).expect("sound");
        let whole = drawn(&[&leaf, &pki.intermediate], &[&pki.root], &[]);
        assert_eq!((sent(&whole), &whole.top), (vec![Some(0), Some(1), None], &Top::Anchored));
        let gap = drawn(&[&leaf], &[&pki.root], &[&pki.intermediate]);
        assert_eq!((sent(&gap), &gap.top), (vec![Some(0), None, None], &Top::Anchored));
        assert!(gap.path.iter().all(|link| link.errors.is_empty()), "the gap is seen already: {gap:?}");
        let open = drawn(&[&leaf], &[&pki.root], &[]);
        assert_eq!((sent(&open), &open.top), (vec![Some(0)], &Top::Open("Lab Issuing CA".into())));
        let untrusted = drawn(&[&leaf, &pki.intermediate, &pki.root], &[], &[]);
        assert_eq!((sent(&untrusted), &untrusted.top), (vec![Some(0), Some(1), Some(2)], &Top::Untrusted));
    }

    #[test]
    fn order_strangers_and_dates_are_seen() {
        let pki = Pki::new(now()).expect("P-256");
        let other = Pki::named(now(), "Other").expect("P-256");
        let leaf = pki.leaf(["a.example"]).days(-30, -1).signed_by(&pki.intermediate).expect("sound");
        let presented = [&leaf, &pki.root, &pki.intermediate, &leaf, &other.root];
        let drawn = drawn(&presented, &[&pki.root], &[]);
        assert_eq!(sent(&drawn), [Some(0), Some(2), Some(1)]);
        assert_eq!(drawn.path[0].errors, ["certificate has expired"]);
        let strangers: Vec<_> = drawn.strangers.iter().map(|stranger| (stranger.sent, stranger.kind.clone())).collect();
        assert_eq!(strangers, [(3, ExtraKind::Copy), (4, ExtraKind::Unrelated)]);
    }
}
