//! The cure: the shortest chain that the server could serve, built from what is at hand and judged before it is offered.

use std::{collections::HashSet, sync::Arc};

use super::{
    Expectation, Issuers, Trust, Verdict, checks,
    path::{Path, Store, facts, may_have_issued},
    signatures::Signatures,
    software::{Program, Software, likely},
};
use crate::{
    certificate::{Certificate, printable_cut},
    clock::Timestamp,
    endpoint::Protocol,
};

/// What the server should serve: leaf first, then the intermediates, no root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The whole chain.
    pub chain: Vec<Arc<Certificate>>,
    /// Those of it that the server left out.
    pub added: Vec<Arc<Certificate>>,
    /// Where `added` was had from, as a fragment for a sentence: `http://a.example/ca.der gave it`. Safe to print; empty when
    /// nothing was added.
    pub source: String,
    /// The verdict on what is served now, by a client with the roots alone: our own store may hold the very intermediate that
    /// others lack.
    pub served: Verdict,
    /// The judge's verdict on `chain`: 0, or only what the leaf itself is to blame for (its dates, its name).
    pub verdict: Verdict,
    /// What the server says it is, in what was said beside TLS.
    pub server: Option<Software>,
}

/// Where certificates that a server left out were had from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This address, which a certificate of the chain names (RFC 5280, section 4.2.2.1). Not safe to print.
    Address(String),
    /// Another server, which sends them.
    Server,
    /// The trust store.
    Store,
}

impl Repair {
    /// Where `added` was had from, each place once, in the order of the chain. An address is what a certificate names and `source` tells
    /// of.
    pub fn origins(&self) -> Vec<Origin> {
        let gave = |url: &String| self.source.contains(&format!("{} gave it", printable_cut(url, 200)));
        let named =
            self.chain.iter().filter_map(|certificate| certificate.facts()).flat_map(crate::certificate::Facts::ca_issuers);
        let addresses = named.filter(gave).map(Origin::Address);
        let learnt = self.source.contains("the chain of ").then_some(Origin::Server);
        let stored = self.source.contains(IN_STORE).then_some(Origin::Store);
        let mut origins: Vec<_> = addresses.chain(learnt).chain(stored).collect();
        origins.dedup();
        origins
    }

    /// The programs whose configuration is worth showing: the one that the server says it is, or those that are likely.
    pub fn programs(&self, protocol: Protocol) -> Vec<&'static Program> {
        self.server.as_ref().map_or_else(|| likely(protocol), |server| vec![server.program])
    }

    /// `fullchain.pem`.
    pub fn to_pem(&self) -> String {
        self.chain.iter().map(|certificate| certificate.to_pem()).collect()
    }
}

/// What a chain is judged by.
pub(super) struct Court<'a> {
    pub(super) expectation: &'a Expectation,
    pub(super) trust: &'a Trust,
    pub(super) signatures: &'a Signatures,
    pub(super) now: Timestamp,
}

impl Court<'_> {
    /// The cure of a chain that is not as it should be, made of `presented` (all readable), `issuers` and the store's own
    /// intermediates. Offered only when the judge, with the roots alone, finds nothing left to say against it but what the leaf
    /// itself is to blame for.
    pub(super) fn repair(&self, presented: &[Arc<Certificate>], issuers: &Issuers) -> Option<Repair> {
        let spare = issuers.certificates.iter().chain(self.trust.intermediates());
        let mut seen = HashSet::new();
        let at_hand: Vec<&Arc<Certificate>> =
            presented.iter().chain(spare).filter(|c| c.facts().is_some() && seen.insert(c.fingerprint)).collect();
        if !at_hand.iter().any(|certificate| self.leads_to_anchor(certificate)) {
            return None;
        }
        let leaf = leaf(presented);
        let (chain, verdict) = self.shortest(leaf, &at_hand)?;
        let holds = |certificates: &[Arc<Certificate>], one: &Certificate| {
            certificates.iter().any(|certificate| certificate.fingerprint == one.fingerprint)
        };
        // Where a CA came first, the chain must be the one that it belongs to.
        if chain == presented || !holds(&chain, &presented[0]) {
            return None;
        }
        let added: Vec<_> = chain.iter().filter(|certificate| !holds(presented, certificate)).cloned().collect();
        let mut sources = Vec::new();
        if added.iter().any(|certificate| holds(&issuers.certificates, certificate)) {
            sources.push(issuers.tried.as_str());
        }
        if added.iter().any(|certificate| !holds(&issuers.certificates, certificate)) {
            sources.push(IN_STORE);
        }
        let source = sources.join("; ");
        Some(Repair { served: self.by_roots_alone(presented).1, chain, added, source, verdict, server: None })
    }

    /// Breadth first, from the leaf up to an anchor: the first chain that the judge accepts.
    fn shortest(&self, leaf: &Arc<Certificate>, at_hand: &[&Arc<Certificate>]) -> Option<(Vec<Arc<Certificate>>, Verdict)> {
        let mut chains = vec![vec![Arc::clone(leaf)]];
        let mut steps = MAX_STEPS;
        while !chains.is_empty() {
            let proven = chains.iter().find_map(|chain| self.proven(chain).map(|verdict| (chain.clone(), verdict)));
            if proven.is_some() {
                return proven;
            }
            let mut longer = Vec::new();
            for chain in &chains {
                let top = chain.last().expect("it has its leaf");
                for candidate in at_hand {
                    let is_there = chain.iter().any(|below| below.fingerprint == candidate.fingerprint);
                    if is_there || !self.may_come_next(top, candidate) {
                        continue;
                    }
                    steps = steps.checked_sub(1)?;
                    if self.signatures.check(top, candidate).is_ok() {
                        longer.push(chain.iter().chain([*candidate]).cloned().collect());
                    }
                }
            }
            chains = longer;
        }
        None
    }

    fn may_come_next(&self, top: &Certificate, candidate: &Certificate) -> bool {
        let of = facts(candidate);
        let is_valid = of.not_before <= self.now && self.now < of.not_after;
        is_valid && !of.is_self_signed() && may_have_issued(of, facts(top))
    }

    fn leads_to_anchor(&self, certificate: &Certificate) -> bool {
        let subject = facts(certificate);
        self.trust.issuers_of(subject).iter().any(|issuer| issuer.anchors() && may_have_issued(facts(issuer), subject))
    }

    /// The verdict on this chain, where it leads to an anchor and only the leaf is to blame for what is left.
    fn proven(&self, chain: &[Arc<Certificate>]) -> Option<Verdict> {
        if !self.leads_to_anchor(chain.last()?) {
            return None;
        }
        let (anchored, verdict) = self.by_roots_alone(chain);
        let of_the_leaf = |code: u16| matches!(code, 9 | 10 | 62 | 64 | 66);
        let proven = anchored && verdict.errors.iter().all(|error| error.depth == 0 && of_the_leaf(error.code));
        proven.then_some(verdict)
    }

    fn by_roots_alone(&self, chain: &[Arc<Certificate>]) -> (bool, Verdict) {
        let path = Path::build(chain, self.trust, Store::Roots, self.now);
        let errors = checks::errors(&path, self.expectation, self.signatures, self.now);
        (path.anchored, Verdict { errors, path_length: path.length() })
    }
}

/// The certificate that the chain is for: the first, unless that is a CA and exactly one of the others is none.
fn leaf(presented: &[Arc<Certificate>]) -> &Arc<Certificate> {
    let is_ca = |certificate: &Arc<Certificate>| facts(certificate).extensions.basic_constraints.is_some_and(|bc| bc.ca);
    let mut others = presented.iter().filter(|certificate| !is_ca(certificate));
    match (is_ca(&presented[0]), others.next(), others.next()) {
        (true, Some(only), None) => only,
        _ => &presented[0],
    }
}

const IN_STORE: &str = "the local trust store has it";

/// Signatures that are looked at in the search of one chain: hundreds of certificates of one name shall not cost seconds.
const MAX_STEPS: usize = 50;

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use rcgen::ExtendedKeyUsagePurpose;

    use super::*;
    use crate::{
        diagnosis::{ChainStatus, Diagnosis, diagnose},
        lab::pki::{Issued, Recipe},
        observation::{Chain, Handshake, Observation, Outcome, Possession},
    };

    /// A root, four intermediates one under the other, a leaf under each of them, and a stranger.
    struct Family {
        now: Timestamp,
        root: Arc<Certificate>,
        intermediates: Vec<Arc<Certificate>>,
        leaves: Vec<Arc<Certificate>>,
        stranger: Arc<Certificate>,
    }

    static FAMILY: LazyLock<Family> = LazyLock::new(|| {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().expect("a timestamp");
        let read = |issued: &Issued| Certificate::from_der(&issued.der());
        let root = Recipe::ca(now, "Root").self_signed().expect("P-256");
        let mut line = vec![root];
        for number in 1..=4 {
            let issuer = line.last().expect("the root at least");
            line.push(Recipe::ca(now, &format!("Intermediate {number}")).signed_by(issuer).expect("sound"));
        }
        let leaf = |issuer: &Issued| read(&Recipe::leaf(now, ["a.test"]).signed_by(issuer).expect("sound"));
        Family {
            now,
            root: read(&line[0]),
            intermediates: line[1..].iter().map(read).collect(),
            leaves: line[1..].iter().map(leaf).collect(),
            stranger: read(&Recipe::ca(now, "Stranger").self_signed().expect("P-256")),
        }
    });

    impl Family {
        /// What is to be served with so many intermediates.
        fn chain(&self, intermediates: usize) -> Vec<Arc<Certificate>> {
            let upwards = self.intermediates[..intermediates].iter().rev();
            std::iter::once(&self.leaves[intermediates - 1]).chain(upwards).cloned().collect()
        }

        fn diagnose(&self, presented: Vec<Arc<Certificate>>, spare: &[Arc<Certificate>]) -> Diagnosis {
            let chain = Chain::new(presented).expect("a leaf");
            let (tls, possession) = (Arc::default(), Possession::Proven);
            let handshake = Handshake { chain, tls, possession, wants_client_certificate: false, broken_off: None };
            let outcome = Outcome::Handshake(handshake);
            let observation = Observation::new(None, self.now, outcome);
            let expectation = Expectation { host: Some("a.test".parse().expect("a name")), ..Expectation::default() };
            let issuers = Issuers { certificates: spare.to_vec(), tried: "a test had it".into() };
            diagnose(&observation, &expectation, &Trust::new([Arc::clone(&self.root)]), &issuers, self.now)
        }
    }

    /// Nothing is wrong with it, and there is nothing to repair.
    fn assert_is_sound(diagnosis: &Diagnosis) -> Result<(), TestCaseError> {
        prop_assert_eq!(diagnosis.verdict.as_ref().map(Verdict::code), Some(0));
        prop_assert_eq!(diagnosis.chain_status, ChainStatus::Complete);
        prop_assert_eq!((&diagnosis.repair, &diagnosis.findings[..]), (&None, &[][..]));
        Ok(())
    }

    proptest! {
        #[test]
        fn whatever_is_shuffled_dropped_or_doubled_is_served_again_exactly(
            (intermediates, kept, at_hand) in (1_usize..=4, prop::bits::u8::masked(0b1111), prop::bits::u8::masked(0b1111)),
            (doubled, with_root, with_stranger) in (0_usize..3, any::<bool>(), any::<bool>()),
            order in Just((0_usize..12).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let family = &*FAMILY;
            let right = family.chain(intermediates);
            let is_in = |mask: u8, number: usize| mask & 1 << number != 0;
            let mut rest: Vec<_> = (1..right.len()).filter(|at| is_in(kept, *at - 1)).map(|at| Arc::clone(&right[at])).collect();
            rest.extend(rest.clone().into_iter().take(doubled));
            rest.extend(with_root.then(|| Arc::clone(&family.root)));
            rest.extend(with_stranger.then(|| Arc::clone(&family.stranger)));
            let shuffled = order.iter().filter_map(|place| rest.get(*place));
            let presented: Vec<_> = std::iter::once(&right[0]).chain(shuffled).cloned().collect();
            let spare: Vec<_> = (1..right.len()).filter(|at| is_in(at_hand, *at - 1)).map(|at| Arc::clone(&right[at])).collect();

            let diagnosis = family.diagnose(presented.clone(), &spare);
            let can_be_had = right[1..].iter().all(|needed| presented.contains(needed) || spare.contains(needed));
            if presented == right {
                return assert_is_sound(&diagnosis);
            }
            let Some(repair) = diagnosis.repair else {
                prop_assert!(!can_be_had, "nothing is offered, and all is at hand");
                return Ok(());
            };
            prop_assert!(can_be_had);
            prop_assert_eq!(&repair.chain, &right);
            prop_assert_eq!(repair.verdict.code(), 0);
            let missing: Vec<_> = right.iter().filter(|needed| !presented.contains(needed)).cloned().collect();
            prop_assert_eq!(repair.source.is_empty(), missing.is_empty());
            prop_assert_eq!(repair.added, missing);
            assert_is_sound(&family.diagnose(repair.chain, &[]))?;
        }
    }

    #[test]
    fn an_address_that_gave_something_is_one_that_the_chain_names() {
        let now = FAMILY.now;
        let root = Recipe::ca(now, "Root").self_signed().expect("P-256");
        let upper = Recipe::ca(now, "Upper").signed_by(&root).expect("sound");
        let lower = Recipe::ca(now, "Lower").aia("http://a.test/upper").signed_by(&upper).expect("sound");
        let leaf = Recipe::leaf(now, ["a.test"]).aia("http://a.test/lower").signed_by(&lower).expect("sound");
        let chain: Vec<_> = [&leaf, &lower, &upper].map(|issued| Certificate::from_der(&issued.der())).to_vec();
        let origins = |source: &str| {
            let (verdict, served) = (Verdict::default(), Verdict::default());
            let (added, source) = (chain[1..].to_vec(), source.into());
            Repair { chain: chain.clone(), added, source, served, verdict, server: None }.origins()
        };
        let at = |url: &str| Origin::Address(url.into());
        let both = "http://a.test/lower gave it; http://a.test/upper gave it";
        assert_eq!(origins(both), [at("http://a.test/lower"), at("http://a.test/upper")]);
        let mixed = "http://a.test/lower answered 404; the chain of b.test has it; http://a.test/upper gave it";
        assert_eq!(origins(mixed), [at("http://a.test/upper"), Origin::Server]);
        assert_eq!(origins("http://c.test gave it; the local trust store has it"), [Origin::Store]);
        assert_eq!(origins(""), []);
    }

    #[test]
    fn a_leaf_behind_its_ca_comes_first_again() {
        let right = FAMILY.chain(2);
        let presented = [1, 0, 2].map(|at| Arc::clone(&right[at])).to_vec();
        assert_eq!(FAMILY.diagnose(presented, &[]).repair.expect("a repair").chain, right);
        let alone = vec![Arc::clone(&right[1])];
        assert_eq!(FAMILY.diagnose(alone, &[]).repair, None, "there is no leaf");
    }

    #[test]
    fn the_shortest_way_to_a_trusted_root_is_taken() {
        let now = FAMILY.now;
        let sound = |made: Result<Issued, _>| -> Issued { made.expect("P-256") };
        let (trusted, foreign) =
            (sound(Recipe::ca(now, "Trusted").self_signed()), sound(Recipe::ca(now, "Foreign").self_signed()));
        let issuing = sound(Recipe::ca(now, "Issuing").signed_by(&foreign));
        let cross = |issuer: &Issued| sound(Recipe::ca(now, "Issuing").key_of(&issuing).signed_by(issuer));
        let upper = sound(Recipe::ca(now, "Upper").signed_by(&trusted));
        let leaf = sound(Recipe::leaf(now, ["a.test"]).signed_by(&issuing));
        let [leaf, issuing, long, short, upper, root] =
            [leaf.der(), issuing.der(), cross(&upper).der(), cross(&trusted).der(), upper.der(), trusted.der()]
                .map(|der| Certificate::from_der(&der));
        let family = Family { now, root, intermediates: Vec::new(), leaves: Vec::new(), stranger: Arc::clone(&upper) };
        let presented = vec![Arc::clone(&leaf), issuing];
        let spare = [Arc::clone(&long), upper.clone(), Arc::clone(&short)];
        let chain = |spare: &[Arc<Certificate>]| family.diagnose(presented.clone(), spare).repair.map(|repair| repair.chain);
        assert_eq!(chain(&[]), None);
        assert_eq!(chain(&spare[..1]), None);
        assert_eq!(chain(&spare[..2]), Some(vec![Arc::clone(&leaf), long, upper]));
        assert_eq!(chain(&spare), Some(vec![leaf, short]));
    }

    #[test]
    fn a_way_that_fails_at_its_foot_does_not_close_what_is_above_it() {
        let now = FAMILY.now;
        let root = Recipe::ca(now, "Root").self_signed().expect("P-256");
        let upper = Recipe::ca(now, "Upper").signed_by(&root).expect("sound");
        // Both have one name and one key; the first may not stand above a server's certificate.
        let unfit = Recipe::ca(now, "Issuing").extended_key_usages([ExtendedKeyUsagePurpose::ClientAuth]).signed_by(&upper);
        let unfit = unfit.expect("sound");
        let fit = Recipe::ca(now, "Issuing").key_of(&unfit).signed_by(&upper).expect("sound");
        let leaf = Recipe::leaf(now, ["a.test"]).signed_by(&fit).expect("sound");
        let [root, upper, unfit, fit, leaf] =
            [&root, &upper, &unfit, &fit, &leaf].map(|issued| Certificate::from_der(&issued.der()));
        let family = Family { now, root, intermediates: Vec::new(), leaves: Vec::new(), stranger: Arc::clone(&upper) };
        let presented = vec![Arc::clone(&leaf), unfit, Arc::clone(&fit), Arc::clone(&upper)];
        let diagnosis = family.diagnose(presented, &[]);
        assert_eq!(diagnosis.verdict.map(|verdict| verdict.code()), Some(26));
        assert_eq!(diagnosis.repair.expect("a repair").chain, [leaf, fit, upper]);
    }

    #[test]
    fn hundreds_of_certificates_of_one_name_end_the_search() {
        let now = FAMILY.now;
        let ca = Recipe::ca(now, "One").self_signed().expect("P-256");
        let other = Recipe::ca(now, "Two").key_of(&ca).self_signed().expect("P-256");
        let issue =
            |name, issuer| Certificate::from_der(&Recipe::ca(now, name).key_of(&ca).signed_by(issuer).expect("sound").der());
        let presented: Vec<_> =
            (0..200).map(|number| if number % 2 == 0 { issue("One", &other) } else { issue("Two", &ca) }).collect();
        assert_eq!(FAMILY.diagnose(presented, &[]).repair, None);
    }
}
