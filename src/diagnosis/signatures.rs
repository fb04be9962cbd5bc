//! The signatures of one diagnosis, each checked once: several paths, and several clients, share most of them.

use std::{cell::RefCell, collections::HashMap};

use crate::certificate::{Certificate, Fingerprint, SignatureFault};

use super::{path::facts, tally};

/// What is known of signatures so far: subject and issuer, and what came of it.
#[derive(Default)]
pub(super) struct Signatures(RefCell<HashMap<(Fingerprint, Fingerprint), Result<(), SignatureFault>>>);

impl Signatures {
    /// Whether the issuer's key made the subject's signature. Both are readable. A yes stays with the subject, for the diagnoses to
    /// come.
    pub(super) fn check(&self, subject: &Certificate, issuer: &Certificate) -> Result<(), SignatureFault> {
        if subject.signed_by() == Some(issuer.fingerprint) {
            return Ok(());
        }
        let verify = || {
            tally::count(tally::Work::Signature, 1);
            let made = facts(subject).verify_signature(&facts(issuer).key);
            made.inspect(|()| subject.note_signer(issuer))
        };
        *self.0.borrow_mut().entry((subject.fingerprint, issuer.fingerprint)).or_insert_with(verify)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::pki::Pki;

    #[test]
    fn a_signature_is_checked_once() {
        let pki = Pki::new("2026-11-22T12:00:00Z".parse().expect("a timestamp")).expect("P-256");
        let [root, intermediate] = [&pki.root, &pki.intermediate].map(|issued| Certificate::from_der(&issued.der()));
        let signatures = Signatures::default();
        let ((), work) = tally::of(|| {
            for _ in 0..2 {
                assert_eq!(signatures.check(&intermediate, &root), Ok(()));
                assert_eq!(signatures.check(&root, &intermediate), Err(SignatureFault::Bad));
            }
        });
        assert_eq!(work.signatures, 2);
        let ((), work) = tally::of(|| {
            let signatures = Signatures::default();
            assert_eq!(signatures.check(&intermediate, &root), Ok(()));
            assert_eq!(signatures.check(&root, &intermediate), Err(SignatureFault::Bad));
        });
        assert_eq!(work.signatures, 1, "what was proven once is known");
    }
}
