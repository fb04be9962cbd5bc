//! What is in memory already: ten thousand chains share a handful of intermediates, most leaves are those of the visit before, and most
//! servers agree to the same version, cipher suite and group.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use crate::{
    certificate::{Certificate, Fingerprint, SharedNames},
    observation::Tls,
};

/// Reads certificates, each once for as long as somebody holds it. Cheap to clone; the clones share what is known.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownCertificates(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// By the first octets of the fingerprint, since there are many: of two that have those in common the last one is known.
    by_fingerprint: HashMap<u64, Weak<Certificate>>,
    names: SharedNames,
    /// What servers have agreed to: few things, as rustls knows few.
    agreed: HashSet<Arc<Tls>>,
    /// Above so many certificates, those that nobody holds are thrown out.
    room: usize,
}

impl KnownCertificates {
    /// The certificate of these bytes, as [`Certificate::from_der`] reads it.
    pub(super) fn read(&self, der: &[u8]) -> Arc<Certificate> {
        let fingerprint = Fingerprint::of(der);
        if let Some(known) = self.get(&fingerprint) {
            return known;
        }
        // Read outside the lock: a large one takes its time. Should two read the same at once, the last one stays.
        let mut certificate = Certificate::from_der(der);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.names.share(&mut certificate);
        known.add(&certificate);
        certificate
    }

    /// This one is in memory.
    pub(super) fn add(&self, certificate: &Arc<Certificate>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(certificate);
    }

    /// The same, shared.
    pub(super) fn agreed(&self, tls: Tls) -> Arc<Tls> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.agreed.get(&tls) {
            return Arc::clone(known);
        }
        if known.agreed.len() >= MOST_AGREED {
            known.agreed.clear();
        }
        let tls = Arc::new(tls);
        known.agreed.insert(Arc::clone(&tls));
        tls
    }

    fn get(&self, fingerprint: &Fingerprint) -> Option<Arc<Certificate>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.by_fingerprint.get(&fingerprint.first_octets())?.upgrade();
        found.filter(|certificate| certificate.fingerprint == *fingerprint)
    }
}

impl Known {
    fn add(&mut self, certificate: &Arc<Certificate>) {
        if self.by_fingerprint.len() >= self.room.max(LEAST_ROOM) {
            self.by_fingerprint.retain(|_, certificate| certificate.strong_count() > 0);
            self.names.forget_unused();
            // What is dead takes room too.
            self.room = self.by_fingerprint.len() + self.by_fingerprint.len() / 8;
        }
        self.by_fingerprint.insert(certificate.fingerprint.first_octets(), Arc::downgrade(certificate));
    }
}

const LEAST_ROOM: usize = 1024;
const MOST_AGREED: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_holds_is_read_once_and_what_nobody_holds_leaves_no_trace() {
        let known = KnownCertificates::default();
        let held = known.read(b"no certificate");
        assert!(Arc::ptr_eq(&held, &known.clone().read(b"no certificate")));
        assert_eq!(*held, *Certificate::from_der(b"no certificate"));
        for number in 0..5 * LEAST_ROOM {
            known.read(&number.to_be_bytes());
        }
        assert!(Arc::ptr_eq(&held, &known.read(b"no certificate")), "it is still held");
        assert!(known.0.lock().expect("no panic").by_fingerprint.len() <= LEAST_ROOM);
    }
}
