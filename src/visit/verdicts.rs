//! Verdicts that were reached before: the same chain, asked for by the same name and trusted or not by the same store, is not judged
//! again before time alone could change what is said of it.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use crate::{
    certificate::Certificate,
    clock::Timestamp,
    diagnosis::{Diagnosis, Expectation, Issuers, Judged, Trust, lasts_until},
    observation::{Observation, Possession},
};

/// Shared by all visits. Nothing is kept alive for its sake: what nobody else holds any more is forgotten.
#[derive(Clone, Default)]
pub(super) struct Verdicts(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Two hashes with keys that no server knows: no chain can be made to pass for another.
    keys: [RandomState; 2],
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    verdicts: HashMap<Question, Verdict>,
    /// Above so many, those that nobody holds are thrown out.
    room: usize,
}

/// Everything that a diagnosis follows from, but for the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question([u64; 2]);

struct Verdict {
    leaf: Weak<Certificate>,
    /// One of a sound chain is shared by all that are, and nobody ever lets go of it.
    diagnosis: Weak<Diagnosis>,
    from: Timestamp,
    until: Timestamp,
}

impl Verdicts {
    /// What is asked of the judge. `None`: a handshake that did not end well is always judged.
    pub(super) fn question(&self, observation: &Observation, expectation: &Expectation, trust: &Trust) -> Option<Question> {
        let handshake = observation.handshake()?;
        if handshake.possession != Possession::Proven || handshake.broken_off.is_some() {
            return None;
        }
        let chain: Vec<_> = handshake.chain.iter().map(|certificate| certificate.fingerprint).collect();
        let served = (chain, handshake.tls.stapled, handshake.wants_client_certificate);
        let asked = (served, expectation, trust.fingerprint());
        Some(Question([0, 1].map(|key: usize| self.0.keys[key].hash_one(&asked))))
    }

    /// The diagnosis that was made of this, where it still holds as of `now`.
    pub(super) fn recall(&self, question: Option<Question>, now: Timestamp) -> Option<Arc<Diagnosis>> {
        let known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        let verdict = known.verdicts.get(&question?)?;
        (verdict.from <= now && now < verdict.until).then(|| verdict.diagnosis.upgrade()).flatten()
    }

    /// Remembers what was said without looking for any issuer: where one is missing, it may be found the next time.
    pub(super) fn keep(
        &self,
        question: Option<Question>,
        judged: &Judged,
        issuers: &Issuers,
        (expectation, trust): (&Expectation, &Trust),
        now: Timestamp,
    ) {
        let Some(question) = question.filter(|_| *issuers == Issuers::default()) else { return };
        let Judged { observation, diagnosis } = judged;
        let Some(until) = lasts_until(observation, diagnosis, expectation, trust, now) else { return };
        let Some(leaf) = observation.chain().map(|chain| Arc::downgrade(&chain.leaf)) else { return };
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.make_room();
        known.verdicts.insert(question, Verdict { leaf, diagnosis: Arc::downgrade(diagnosis), from: now, until });
    }
}

impl Known {
    fn make_room(&mut self) {
        if self.verdicts.len() >= self.room.max(LEAST_ROOM) {
            self.verdicts.retain(|_, verdict| verdict.leaf.strong_count() > 0 && verdict.diagnosis.strong_count() > 0);
            self.room = self.verdicts.len() + self.verdicts.len() / 8;
        }
    }
}

const LEAST_ROOM: usize = 1024;

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::{
        clock::{earlier, later},
        diagnosis::diagnose,
        lab::pki::{Issued, Pki, Recipe},
        observation::{Chain, Handshake, Outcome},
    };

    const SECOND: Duration = Duration::from_secs(1);
    const DAY: Duration = Duration::from_hours(24);

    fn read(issued: &Issued) -> Arc<Certificate> {
        Certificate::from_der(&issued.der())
    }

    fn presented(chain: Vec<Arc<Certificate>>, at: Timestamp) -> Observation {
        let (chain, tls, possession) = (Chain::new(chain).expect("a leaf"), Arc::default(), Possession::Proven);
        let handshake = Handshake { chain, tls, possession, wants_client_certificate: false, broken_off: None };
        Observation::new(None, at, Outcome::Handshake(handshake))
    }

    /// A leaf of 90 days with its intermediate, what is expected of it, and the root.
    fn sound() -> (Pki, Observation, Expectation, Trust) {
        let pki = Pki::new("2026-11-22T12:00:00Z".parse().expect("a timestamp")).expect("P-256");
        let leaf = pki.leaf(["a.test"]).days(-1, 89).signed_by(&pki.intermediate).expect("sound");
        let observation = presented(vec![read(&leaf), read(&pki.intermediate)], pki.now);
        let expectation = Expectation { host: Some("a.test".parse().expect("a name")), ..Expectation::default() };
        let trust = Trust::new([read(&pki.root)]);
        (pki, observation, expectation, trust)
    }

    /// Judges, and lets it be remembered. Whoever lets go of the result makes it forgotten.
    fn judge(
        verdicts: &Verdicts,
        observation: &Observation,
        expectation: &Expectation,
        trust: &Trust,
        now: Timestamp,
    ) -> Arc<Diagnosis> {
        let issuers = Issuers::default();
        let diagnosis = diagnose(observation, expectation, trust, &issuers, now).shared();
        let judged = Judged { observation: observation.clone(), diagnosis: Arc::clone(&diagnosis) };
        let question = verdicts.question(observation, expectation, trust);
        verdicts.keep(question, &judged, &issuers, (expectation, trust), now);
        diagnosis
    }

    #[test]
    fn what_is_unchanged_is_remembered_until_it_could_change() {
        let (pki, observation, expectation, trust) = sound();
        let verdicts = Verdicts::default();
        let said = judge(&verdicts, &observation, &expectation, &trust, pki.now);
        let question = verdicts.question(&observation, &expectation, &trust);
        let leaf = observation.chain().expect("seen").leaf.facts().expect("sound");
        let warned = expectation.rules.expiry.warning.begins(leaf);
        let mut moment = pki.now;
        let mut days = 0;
        while let Some(recalled) = verdicts.recall(question, moment) {
            let fresh = diagnose(&observation, &expectation, &trust, &Issuers::default(), moment);
            assert!(Arc::ptr_eq(&recalled, &said) && *recalled == fresh, "{moment}");
            moment = later(moment, DAY / 4);
            days += 1;
        }
        assert!(days > 4 * 60, "it was remembered for {days} quarters of a day");
        assert!(verdicts.recall(question, earlier(warned, SECOND)).is_some());
        assert!(verdicts.recall(question, warned).is_none(), "from here on it is said to expire soon");
        assert!(verdicts.recall(question, earlier(pki.now, SECOND)).is_none(), "a clock that was set back");
    }

    #[test]
    fn a_root_that_ends_first_is_looked_at_in_time() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().expect("a timestamp");
        let root = Recipe::ca(now, "Root").days(-300, 60).self_signed().expect("P-256");
        let leaf = read(&Recipe::leaf(now, ["a.test"]).days(-1, 400).signed_by(&root).expect("sound"));
        let (observation, expectation) = (presented(vec![leaf], now), Expectation::default());
        let trust = Trust::new([read(&root)]);
        let verdicts = Verdicts::default();
        let said = judge(&verdicts, &observation, &expectation, &trust, now);
        let question = verdicts.question(&observation, &expectation, &trust);
        for days in 0..60 {
            let moment = later(now, days * DAY);
            let fresh = diagnose(&observation, &expectation, &trust, &Issuers::default(), moment);
            assert!(verdicts.recall(question, moment).is_none_or(|recalled| *recalled == fresh), "{moment}");
        }
        assert!(verdicts.recall(question, now).is_some() && verdicts.recall(question, later(now, 60 * DAY)).is_none());
        drop(said);
    }

    #[test]
    fn whatever_is_changed_is_judged_again() {
        let (pki, observation, expectation, trust) = sound();
        let verdicts = Verdicts::default();
        let _said = judge(&verdicts, &observation, &expectation, &trust, pki.now);
        let renewed = read(&pki.leaf(["a.test"]).days(-1, 89).signed_by(&pki.intermediate).expect("sound"));
        let other_leaf = presented(vec![renewed, read(&pki.intermediate)], pki.now);
        let chain = || observation.chain().expect("seen").iter().cloned().collect::<Vec<_>>();
        let shorter = presented(chain()[..1].to_vec(), pki.now);
        let reversed = presented(chain().into_iter().rev().collect(), pki.now);
        let mut stapled = observation.clone();
        if let Outcome::Handshake(handshake) = &mut stapled.outcome {
            Arc::make_mut(&mut handshake.tls).stapled = Some(true);
        }
        let other_name = Expectation { host: Some("b.test".parse().expect("a name")), ..expectation.clone() };
        let other_level = Expectation::at_level(expectation.host.clone(), 1);
        let mut accepting = expectation.clone();
        Arc::make_mut(&mut accepting.rules).accept.insert("self_signed".to_owned());
        let other_root = Trust::new([read(&Pki::named(pki.now, "Other").expect("P-256").root)]);
        let more_roots =
            Trust::new(trust.candidates_for(&read(&pki.intermediate)).iter().chain([&read(&pki.intermediate)]).cloned());
        for (number, (observation, expectation, trust)) in [
            (&other_leaf, &expectation, &trust),
            (&shorter, &expectation, &trust),
            (&reversed, &expectation, &trust),
            (&stapled, &expectation, &trust),
            (&observation, &other_name, &trust),
            (&observation, &other_level, &trust),
            (&observation, &accepting, &trust),
            (&observation, &expectation, &other_root),
            (&observation, &expectation, &more_roots),
            (&observation, &expectation, &Trust::default()),
        ]
        .into_iter()
        .enumerate()
        {
            let question = verdicts.question(observation, expectation, trust);
            assert!(question.is_some() && verdicts.recall(question, pki.now).is_none(), "case {number}");
        }
        let same_store = Trust::new([read(&pki.root)]);
        assert!(verdicts.recall(verdicts.question(&observation, &expectation, &same_store), pki.now).is_some(), "a reload");
    }

    #[test]
    fn what_may_be_otherwise_at_the_next_visit_is_not_remembered() {
        let (pki, observation, expectation, trust) = sound();
        let verdicts = Verdicts::default();
        let chain: Vec<_> = observation.chain().expect("seen").iter().cloned().collect();
        let expired = pki.leaf(["a.test"]).days(-90, -1).signed_by(&pki.intermediate).expect("sound");
        let expired = presented(vec![read(&expired), read(&pki.intermediate)], pki.now);
        let _said = judge(&verdicts, &expired, &expectation, &trust, pki.now);
        assert!(verdicts.recall(verdicts.question(&expired, &expectation, &trust), pki.now).is_none(), "its words count days");
        let broken = presented(chain[..1].to_vec(), pki.now);
        let question = verdicts.question(&broken, &expectation, &trust);
        let tried = Issuers { tried: "http://a.test/ answered 404".into(), ..Issuers::default() };
        let diagnosis = Arc::new(diagnose(&broken, &expectation, &trust, &tried, pki.now));
        let judged = Judged { observation: broken.clone(), diagnosis };
        verdicts.keep(question, &judged, &tried, (&expectation, &trust), pki.now);
        assert!(verdicts.recall(question, pki.now).is_none(), "an issuer may be found the next time");
        let mut unproven = observation.clone();
        if let Outcome::Handshake(handshake) = &mut unproven.outcome {
            handshake.possession = Possession::Failed;
        }
        assert!(verdicts.question(&unproven, &expectation, &trust).is_none());
    }

    #[test]
    fn what_nobody_holds_leaves_no_trace() {
        let (pki, observation, expectation, trust) = sound();
        let verdicts = Verdicts::default();
        for number in 0..5 * LEAST_ROOM {
            let mut expectation = expectation.clone();
            if number % 2 == 0 {
                expectation.host = Some(format!("{number}.test").parse().expect("a name"));
            } else {
                Arc::make_mut(&mut expectation.rules).accept.insert(number.to_string());
            }
            // Read anew, so that nobody holds it afterwards.
            let leaf = Certificate::from_der(observation.chain().expect("seen").leaf.der());
            let observation = presented(vec![leaf, read(&pki.intermediate)], pki.now);
            judge(&verdicts, &observation, &expectation, &trust, pki.now);
        }
        let known = verdicts.0.known.lock().expect("no panic");
        assert!(known.verdicts.len() <= LEAST_ROOM, "{}", known.verdicts.len());
    }
}
