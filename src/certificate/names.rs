//! Names that certificates have in common, held once: those of issuers.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Weak},
};

use super::{Certificate, Name};

/// The names of CAs, as subjects and as issuers. No certificate is kept alive for its sake; of a name that nobody holds any more the
/// octets stay until it is forgotten, so that long ones have no part in it.
#[derive(Debug, Default)]
pub(crate) struct SharedNames {
    keys: RandomState,
    /// By their hash, since there are many: of two that have it in common the last one is known.
    known: HashMap<u64, Weak<[u8]>>,
}

impl SharedNames {
    /// Lets the certificate have its issuer's name, and where it is a CA's its own, in common with those that came before. Nobody else
    /// may hold it yet.
    pub(crate) fn share(&mut self, certificate: &mut Arc<Certificate>) {
        let Some(Ok(facts)) = Arc::get_mut(certificate).map(|certificate| &mut certificate.facts) else { return };
        self.one(&mut facts.issuer);
        if facts.extensions.basic_constraints.is_some_and(|constraints| constraints.ca) {
            self.one(&mut facts.subject);
        }
    }

    /// Those that nobody holds any more.
    pub(crate) fn forget_unused(&mut self) {
        self.known.retain(|_, name| name.strong_count() > 0);
    }

    fn one(&mut self, name: &mut Name) {
        if name.length() > LONGEST {
            return;
        }
        let key = self.keys.hash_one(name.canonical());
        match self.known.get(&key).and_then(Name::upgrade).filter(|known| known == name) {
            Some(known) => *name = known,
            None => drop(self.known.insert(key, name.downgrade())),
        }
    }
}

/// In octets. Honest names have some dozens.
const LONGEST: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::pki::Pki;

    #[test]
    fn an_issuer_and_what_it_has_issued_have_one_name_in_common() {
        let pki = Pki::new("2026-11-22T12:00:00Z".parse().expect("a timestamp")).expect("P-256");
        let leaf = pki.leaf(["a.test"]).signed_by(&pki.intermediate).expect("sound");
        for order in [[&leaf, &pki.intermediate], [&pki.intermediate, &leaf]] {
            let mut names = SharedNames::default();
            let [first, second] = order.map(|issued| {
                let mut certificate = Certificate::from_der(&issued.der());
                names.share(&mut certificate);
                certificate
            });
            let [first, second] = [&first, &second].map(|certificate| certificate.facts().expect("sound"));
            assert!(first.issuer.is_shared_with(&second.subject) || first.subject.is_shared_with(&second.issuer));
            assert_eq!(names.known.len(), 2, "of the intermediate and the root");
        }
        let mut names = SharedNames::default();
        names.share(&mut Certificate::from_der(&leaf.der()));
        names.forget_unused();
        assert!(names.known.is_empty());
    }
}
