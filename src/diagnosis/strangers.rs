//! What a server sends beyond the path: each certificate told for what it is.

use std::sync::Arc;

use super::{
    chain::Shape,
    judge::{name, short},
    path::{facts, may_have_issued},
};
use crate::{certificate::Certificate, clock::Timestamp};

/// A certificate that the path does without. Names are safe to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extra {
    /// Its name.
    pub subject: String,
    /// What it is.
    pub kind: ExtraKind,
}

/// What a certificate is that the path does without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExtraKind {
    /// A second copy of another one.
    Copy,
    /// A self-signed certificate that has expired.
    ExpiredRoot,
    /// Part of another path, to this issuer: clients that lack our root may need it.
    Alternative(String),
    /// Part of another path to this issuer, which has expired.
    ExpiredAlternative(String),
    /// Nothing of the path has to do with it.
    Unrelated,
}

/// What the shape has of extra certificates.
pub(super) fn of(shape: &Shape, presented: &[Arc<Certificate>], now: Timestamp) -> Vec<Extra> {
    let alternatives = alternatives(shape);
    let mut told: Vec<Extra> = Vec::new();
    for certificate in &shape.extra {
        let of = facts(certificate);
        let expired = of.not_after <= now;
        let copies = presented.iter().filter(|other| other.fingerprint == certificate.fingerprint).count();
        let is_alternative = alternatives.iter().any(|other| other.fingerprint == certificate.fingerprint);
        let issuer = || short(&of.issuer.short());
        let kind = match (copies > 1, of.is_self_signed(), expired) {
            (true, ..) => ExtraKind::Copy,
            (_, true, true) => ExtraKind::ExpiredRoot,
            (_, _, false) if is_alternative => ExtraKind::Alternative(issuer()),
            (_, _, true) if is_alternative => ExtraKind::ExpiredAlternative(issuer()),
            _ => ExtraKind::Unrelated,
        };
        told.push(Extra { subject: name(certificate), kind });
    }
    told
}

/// The extra certificates that have name and key of one in the path, and those above them.
fn alternatives(shape: &Shape) -> Vec<&Arc<Certificate>> {
    let twin = |certificate: &Certificate| {
        let of = facts(certificate);
        let of_path = shape.path.certificates[1..].iter().map(|other| facts(other));
        of_path.into_iter().any(|other| other.subject.canonical() == of.subject.canonical() && other.key.spki == of.key.spki)
    };
    let mut found: Vec<&Arc<Certificate>> = shape.extra.iter().filter(|certificate| twin(certificate)).collect();
    let mut at = 0;
    while let Some(lower) = found.get(at).copied() {
        for upper in &shape.extra {
            let is_new = found.iter().all(|known| known.fingerprint != upper.fingerprint);
            if is_new && may_have_issued(facts(upper), facts(lower)) {
                found.push(upper);
            }
        }
        at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnosis::{Issuers, Trust, signatures::Signatures},
        lab::pki::{Issued, Pki, Recipe},
    };

    #[test]
    fn each_stranger_is_told_for_what_it_is() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().expect("a timestamp");
        let pki = Pki::new(now).expect("P-256");
        let other = Pki::named(now, "Other").expect("P-256");
        let leaf = pki.leaf(["a.example"]).signed_by(&pki.intermediate).expect("sound");
        let old_root = Recipe::ca(now, "Old Root").days(-3000, -1).self_signed().expect("P-256");
        let cross =
            |days| Recipe::ca(now, "Lab Root CA").key_of(&pki.root).days(-2000, days).signed_by(&old_root).expect("sound");
        let (cross, cross_over) = (cross(100), cross(-1));
        let presented: Vec<_> =
            [&leaf, &pki.intermediate, &cross, &cross_over, &old_root, &other.intermediate, &other.root, &pki.intermediate]
                .map(|issued: &Issued| Certificate::from_der(&issued.der()))
                .into();
        let trust = Trust::new([Certificate::from_der(&pki.root.der())]);
        let shape = Shape::of(&presented, &trust, &Issuers::default(), &Signatures::default(), now);
        let told = of(&shape, &presented, now);
        let expected = [
            ("Lab Root CA", ExtraKind::Alternative("Old Root".into())),
            ("Lab Root CA", ExtraKind::ExpiredAlternative("Old Root".into())),
            ("Old Root", ExtraKind::ExpiredRoot),
            ("Other Issuing CA", ExtraKind::Unrelated),
            ("Other Root CA", ExtraKind::Unrelated),
            ("Lab Issuing CA", ExtraKind::Copy),
        ]
        .map(|(subject, kind)| Extra { subject: subject.into(), kind });
        assert_eq!(told, expected);
    }
}
