//! Building the path to an anchor, as OpenSSL's `build_chain` does with its defaults for a TLS client: the trust store is asked
//! first at every step, then the presented certificates; no partial chains, no alternative ones.

use std::sync::Arc;

use super::{Trust, VerifyError, tally, trust::Standing};
use crate::{
    certificate::{Certificate, Facts},
    clock::Timestamp,
};

/// A path from the leaf upwards.
#[derive(Clone, Debug)]
pub(super) struct Path {
    /// Leaf first.
    pub(super) certificates: Vec<Arc<Certificate>>,
    /// How many of them, from the leaf, were not taken from the store.
    pub(super) untrusted: usize,
    /// It ends at a certificate of the store that anchors: a self-signed one, unless its own settings say otherwise.
    pub(super) anchored: bool,
    /// OpenSSL stops building where the leaf's issuer is in the store and the leaf's own key cannot be read. Here the path goes on,
    /// for what else there is to say of it.
    pub(super) given_up: bool,
    /// Where the store's own settings reject a certificate.
    rejected: Vec<usize>,
}

/// What of the trust store takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Store {
    /// All of it, as OpenSSL has it: an intermediate in a bundle is a step of the path.
    Whole,
    /// Only the anchors: what a client needs who has the roots and nothing else.
    Roots,
    /// All of it, and whatever is in it ends the path (`X509_V_FLAG_PARTIAL_CHAIN`).
    Partial,
}

/// OpenSSL's default for `-verify_depth`.
const MAX_DEPTH: usize = 100;

impl Path {
    /// Grows the path of `presented[0]` as far as it goes. Unreadable certificates must have been sorted out before.
    pub(super) fn build(presented: &[Arc<Certificate>], trust: &Trust, store: Store, now: Timestamp) -> Self {
        let leaf = Arc::clone(&presented[0]);
        let mut path = Path { certificates: vec![leaf], untrusted: 1, anchored: false, given_up: false, rejected: Vec::new() };
        let mut unused: Vec<&Arc<Certificate>> = presented.iter().collect();
        let mut ask_presented = true;
        loop {
            let top = Arc::clone(path.top());
            let room = path.certificates.len() <= MAX_DEPTH + 1;
            let in_store = trust.issuers_of(facts(&top)).iter().filter(|issuer| store != Store::Roots || issuer.anchors());
            if let Some(issuer) = room.then(|| best(facts(&top), in_store, now)).flatten() {
                let top_is_root = facts(&top).is_self_signed();
                let mimic = top_is_root && issuer.fingerprint != top.fingerprint;
                if !mimic {
                    path.given_up |= !facts(&top).key.readable;
                    if top_is_root {
                        // The store's copy takes its place, with the settings that it may have.
                        path.untrusted = path.certificates.len() - 1;
                        path.certificates.pop();
                    }
                    path.certificates.push(Arc::clone(issuer));
                    ask_presented = false;
                    let is_rejected = issuer.standing() == Some(Standing::Rejected);
                    path.anchored = issuer.anchors() || (store == Store::Partial && !is_rejected);
                    if is_rejected {
                        path.rejected.push(path.certificates.len() - 1);
                    }
                    if path.anchored || facts(issuer).is_self_signed() {
                        return path;
                    }
                    continue;
                }
            }
            if !ask_presented || !room || facts(&top).is_self_signed() {
                return path;
            }
            let lone = path.certificates.len() == 1;
            let candidates = unused.iter().copied().filter(|candidate| {
                (lone && facts(&top).is_self_issued())
                    || path.certificates.iter().all(|used| used.fingerprint != candidate.fingerprint)
            });
            let Some(issuer) = best(facts(&top), candidates, now).map(Arc::clone) else { return path };
            if let Some(at) = unused.iter().position(|candidate| Arc::ptr_eq(candidate, &issuer)) {
                unused.remove(at);
            }
            path.certificates.push(issuer);
            path.untrusted += 1;
        }
    }

    /// How many certificates OpenSSL's path has.
    pub(super) fn length(&self) -> usize {
        if self.given_up { 1 } else { self.certificates.len() }
    }

    /// A path that is known to end at an anchor, which alone is taken from the store.
    pub(super) fn to_anchor(certificates: Vec<Arc<Certificate>>) -> Self {
        let untrusted = certificates.len().saturating_sub(1);
        Path { certificates, untrusted, anchored: true, rejected: Vec::new(), given_up: false }
    }

    pub(super) fn top(&self) -> &Arc<Certificate> {
        self.certificates.last().expect("a path has at least its leaf")
    }

    /// The errors of the building itself: rejections on the way, then what it ends with. `before` is what was said so far: OpenSSL
    /// then says that again instead of why the path has no anchor.
    pub(super) fn errors(&self, before: Option<u16>) -> Vec<VerifyError> {
        let mut errors: Vec<_> = self.rejected.iter().map(|&depth| VerifyError { code: 28, depth }).collect();
        if self.anchored {
            return errors;
        }
        let depth = self.certificates.len() - 1;
        if let Some(code) = errors.last().map(|error| error.code).or(before) {
            errors.push(VerifyError { code, depth });
            return errors;
        }
        if self.certificates.len() > MAX_DEPTH + 1 {
            errors.push(VerifyError { code: 22, depth });
        }
        let code = if facts(self.top()).is_self_signed() {
            if depth == 0 { 18 } else { 19 }
        } else if self.untrusted < self.certificates.len() {
            2
        } else {
            20
        };
        errors.push(VerifyError { code, depth });
        errors
    }
}

/// The facts of a certificate that is known to be readable.
pub(super) fn facts(certificate: &Certificate) -> &Facts {
    certificate.facts().expect("only readable certificates come into a path")
}

/// OpenSSL's choice among issuers of the same name: the first that is valid now, else the one that ends last.
fn best<'a>(
    subject: &Facts,
    candidates: impl Iterator<Item = &'a Arc<Certificate>>,
    now: Timestamp,
) -> Option<&'a Arc<Certificate>> {
    let mut nearest: Option<&Arc<Certificate>> = None;
    for candidate in candidates.filter(|candidate| may_have_issued(facts(candidate), subject)) {
        let of = facts(candidate);
        if of.not_before <= now && now < of.not_after {
            return Some(candidate);
        }
        if nearest.is_none_or(|so_far| of.not_after > facts(so_far).not_after) {
            nearest = Some(candidate);
        }
    }
    nearest
}

/// OpenSSL's `ossl_x509_likely_issued`: names, key identifiers and the kind of key agree, and both have sound extensions. The
/// signature is not looked at.
pub(super) fn may_have_issued(issuer: &Facts, subject: &Facts) -> bool {
    tally::count(tally::Work::Issuer, 1);
    issuer.subject.canonical() == subject.issuer.canonical()
        && !issuer.extensions.invalid
        && !subject.extensions.invalid
        && subject.authority_names(issuer)
        && subject.may_be_signed_by(&issuer.key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::pki::Recipe;

    #[test]
    fn a_ring_of_certificates_ends() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().expect("a timestamp");
        let one = Recipe::ca(now, "One").self_signed().expect("P-256");
        let two = Recipe::ca(now, "Two").key_of(&one).self_signed().expect("P-256");
        // Each of them could have issued every one of the other name.
        let presented: Vec<_> = (0..300)
            .map(|number| {
                let (name, issuer) = if number % 2 == 0 { ("One", &two) } else { ("Two", &one) };
                let issued = Recipe::ca(now, name).key_of(&one).signed_by(issuer).expect("sound");
                Certificate::from_der(&issued.der())
            })
            .collect();
        let path = Path::build(&presented, &Trust::default(), Store::Whole, now);
        assert_eq!(path.certificates.len(), MAX_DEPTH + 2);
        assert_eq!(path.errors(None), [22, 20].map(|code| VerifyError { code, depth: MAX_DEPTH + 1 }));
        // What was said before is said again in place of the reason.
        assert_eq!(path.errors(Some(66)), [VerifyError { code: 66, depth: MAX_DEPTH + 1 }]);
    }
}
