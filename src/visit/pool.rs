//! Intermediates that have been part of a chain which verified, wherever that was: what one server leaves out, another sends.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    certificate::{Certificate, printable_cut},
    diagnosis::{ChainStatus, Judged, Verdict},
    fetch::has_issued,
};

/// Shared by all visits; bounded, and filled again from what is remembered after a restart.
#[derive(Clone, Default)]
pub(super) struct Pool(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// By the subject's canonical name.
    by_name: HashMap<Box<[u8]>, Namesakes>,
    /// Counts the uses: the order of what was used last.
    uses: u64,
}

/// Certificates of one name: of several keys, or cross-signed.
#[derive(Default)]
struct Namesakes {
    used: u64,
    /// The one learnt last at the end.
    learnt: Vec<Learnt>,
}

/// An intermediate, and how it was learnt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Learnt {
    pub(super) certificate: Arc<Certificate>,
    /// A fragment for a sentence, safe to print: `the chain of mail.example has it`, `http://a.example/ca.der gave it`.
    pub(super) told: Arc<str>,
}

impl Pool {
    /// Remembers the intermediates of `endpoint`, where its chain verified, as presented or as repaired.
    pub(super) fn learn(&self, endpoint: &Arc<str>, judged: &Judged) {
        let diagnosis = &judged.diagnosis;
        let verified = |verdict: &Verdict| verdict.code() == 0;
        let repaired = diagnosis.repair.as_ref().filter(|repair| verified(&repair.verdict));
        let presented = judged
            .observation
            .chain()
            .filter(|_| diagnosis.chain_status == ChainStatus::Complete && diagnosis.verdict.as_ref().is_some_and(verified));
        let intermediates = match (repaired, presented) {
            (Some(repair), _) => repair.chain.get(1..).unwrap_or_default(),
            (None, Some(chain)) => &chain.rest,
            (None, None) => &[],
        };
        if intermediates.is_empty() {
            return;
        }
        let sent: Arc<str> = format!("the chain of {} has it", printable_cut(endpoint, 200)).into();
        let mut known = self.lock();
        for certificate in intermediates {
            // What this server leaves out was had elsewhere.
            match repaired.filter(|repair| repair.added.iter().any(|added| added.fingerprint == certificate.fingerprint)) {
                Some(repair) => known.learn(certificate, &repair.source.as_str().into()),
                None => known.learn(certificate, &sent),
            }
        }
    }

    /// Those that have issued `subject`.
    pub(super) fn issuers(&self, subject: &Certificate) -> Vec<Learnt> {
        let Some(subject) = subject.facts() else { return Vec::new() };
        let mut known = self.lock();
        known.uses += 1;
        let used = known.uses;
        let Some(namesakes) = known.by_name.get_mut(subject.issuer.canonical()) else { return Vec::new() };
        namesakes.used = used;
        let issuers =
            namesakes.learnt.iter().filter(|learnt| learnt.certificate.facts().is_some_and(|of| has_issued(of, subject)));
        issuers.cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn learn(&mut self, certificate: &Arc<Certificate>, told: &Arc<str>) {
        let Some(facts) = certificate.facts() else { return };
        self.uses += 1;
        if let Some(namesakes) = self.by_name.get_mut(facts.subject.canonical()) {
            namesakes.used = self.uses;
            if namesakes.learnt.iter().any(|learnt| learnt.certificate.fingerprint == certificate.fingerprint) {
                return;
            }
        }
        self.make_room();
        let namesakes = self.by_name.entry(facts.subject.canonical().into()).or_default();
        namesakes.used = self.uses;
        if namesakes.learnt.len() >= MAX_NAMESAKES {
            namesakes.learnt.remove(0);
        }
        namesakes.learnt.push(Learnt { certificate: Arc::clone(certificate), told: Arc::clone(told) });
    }

    /// Where it is full, the quarter that was used least recently goes.
    fn make_room(&mut self) {
        if self.by_name.len() < MAX_NAMES {
            return;
        }
        let mut uses: Vec<u64> = self.by_name.values().map(|namesakes| namesakes.used).collect();
        uses.sort_unstable();
        let first_kept = uses[MAX_NAMES / 4];
        self.by_name.retain(|_, namesakes| namesakes.used >= first_kept);
    }
}

/// There are some thousand intermediates of public CAs in use.
const MAX_NAMES: usize = 2048;
const MAX_NAMESAKES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Timestamp,
        diagnosis::{Expectation, Issuers, Trust, diagnose},
        lab::pki::{Issued, Pki, Recipe},
        observation::{Chain, Handshake, Observation, Outcome, Possession},
    };

    fn pki() -> Pki {
        Pki::new("2026-11-22T12:00:00Z".parse().expect("a timestamp")).expect("P-256")
    }

    fn read(issued: &Issued) -> Arc<Certificate> {
        Certificate::from_der(&issued.der())
    }

    fn judged(presented: Vec<Arc<Certificate>>, roots: &[&Issued], now: Timestamp) -> Judged {
        let chain = Chain::new(presented).expect("a leaf");
        let (tls, possession) = (Arc::default(), Possession::Proven);
        let handshake = Handshake { chain, tls, possession, wants_client_certificate: false, broken_off: None };
        let observation = Observation::new(None, now, Outcome::Handshake(handshake));
        let trust = Trust::new(roots.iter().map(|root| read(root)));
        let diagnosis = diagnose(&observation, &Expectation::default(), &trust, &Issuers::default(), now);
        Judged { observation, diagnosis: diagnosis.into() }
    }

    #[test]
    fn only_what_verified_is_learnt() {
        let pki = pki();
        let (leaf, end) = (pki.leaf(["a.test"]), pki.leaf(["b.test"]).days(-90, -1));
        let sign = |recipe: Recipe| read(&recipe.signed_by(&pki.intermediate).expect("sound"));
        let (leaf, expired, intermediate, root) = (sign(leaf), sign(end), read(&pki.intermediate), read(&pki.root));
        let cases = [
            (vec![&leaf, &intermediate], &[&pki.root][..], 1),
            (vec![&leaf, &intermediate, &root], &[&pki.root], 1),
            (vec![&leaf, &intermediate], &[], 0),
            (vec![&expired, &intermediate], &[&pki.root], 0),
            (vec![&leaf], &[&pki.root], 0),
        ];
        for (number, (presented, roots, learnt)) in cases.into_iter().enumerate() {
            let pool = Pool::default();
            let presented = presented.into_iter().cloned().collect();
            pool.learn(&"first".into(), &judged(presented, roots, pki.now));
            let issuers = pool.issuers(&leaf);
            assert_eq!(issuers.len(), learnt, "case {number}");
            assert!(
                issuers.iter().all(|learnt| learnt.certificate == intermediate && &*learnt.told == "the chain of first has it")
            );
            assert_eq!(pool.issuers(&intermediate), [], "roots are not learnt");
        }
    }

    #[test]
    fn what_a_server_leaves_out_is_not_learnt_from_it() {
        let pki = pki();
        let leaf = read(&pki.leaf(["a.test"]).signed_by(&pki.intermediate).expect("sound"));
        let mut judged = judged(vec![Arc::clone(&leaf)], &[&pki.root], pki.now);
        let trust = Trust::new([read(&pki.root)]);
        let fetched = Issuers { certificates: vec![read(&pki.intermediate)], tried: "http://a.test/ gave it".into() };
        judged.diagnosis = diagnose(&judged.observation, &Expectation::default(), &trust, &fetched, pki.now).into();
        let pool = Pool::default();
        pool.learn(&"first".into(), &judged);
        assert_eq!(pool.issuers(&leaf)[0].told, "http://a.test/ gave it".into());
    }

    #[test]
    fn a_namesake_of_another_key_is_no_issuer() {
        let pki = pki();
        let namesake = Recipe::ca(pki.now, "Lab Issuing CA").signed_by(&pki.root).expect("sound");
        let leaf = read(&pki.leaf(["a.test"]).signed_by(&pki.intermediate).expect("sound"));
        let pool = Pool::default();
        pool.lock().learn(&read(&namesake), &"first".into());
        assert_eq!(pool.issuers(&leaf), []);
        for _ in 0..2 {
            pool.lock().learn(&read(&pki.intermediate), &"second".into());
        }
        let learnt = Learnt { certificate: read(&pki.intermediate), told: "second".into() };
        assert_eq!(pool.issuers(&leaf), [learnt]);
    }

    #[test]
    fn it_is_bounded_and_forgets_what_was_used_least_recently() {
        let pki = pki();
        let pool = Pool::default();
        let first = read(&pki.intermediate);
        let leaf = read(&pki.leaf(["a.test"]).signed_by(&pki.intermediate).expect("sound"));
        pool.lock().learn(&first, &"first".into());
        for number in 0..MAX_NAMES {
            if number == MAX_NAMES / 2 {
                assert_eq!(pool.issuers(&leaf).len(), 1);
            }
            let mut known = pool.lock();
            known.make_room();
            known.uses += 1;
            let used = known.uses;
            known.by_name.insert(number.to_be_bytes().into(), Namesakes { used, learnt: Vec::new() });
        }
        assert_eq!(pool.lock().by_name.len(), MAX_NAMES - MAX_NAMES / 4 + 1);
        assert_eq!(pool.issuers(&leaf).len(), 1, "it was used meanwhile");
        for _ in 0..2 * MAX_NAMESAKES {
            let more = Recipe::ca(pki.now, "Lab Issuing CA").key_of(&pki.intermediate).signed_by(&pki.root).expect("sound");
            pool.lock().learn(&read(&more), &"more".into());
        }
        assert_eq!(pool.issuers(&leaf).len(), MAX_NAMESAKES);
    }
}
