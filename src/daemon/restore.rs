//! What the store remembers, judged as of now.

use std::{collections::HashMap, sync::Arc};

use tokio::task::JoinSet;
use tracing::error;

use super::{because, shown};
use crate::{
    clock::Timestamp,
    diagnosis::{Issuers, Judged, diagnose},
    monitor::{AddressView, Event, Restored, RestoredAddress, Waiting, Watch},
    observation::Observation,
    store::{Mail, Opened, Stored, StoredAddress, on_every_core},
    visit::Visitor,
};

/// The brain's memory, and the mails that wait. What of it is out of date is for the brain to say.
pub(super) fn judged(stored: Stored, watches: &[Arc<Watch>], now: Timestamp) -> (Restored, Vec<Mail>) {
    let by_name: HashMap<&str, &Watch> = watches.iter().map(|watch| (&*watch.endpoint.name, &**watch)).collect();
    let restored = |address: StoredAddress| {
        let (endpoint, place) = (Arc::clone(&address.endpoint), Arc::clone(&address.place));
        RestoredAddress { endpoint, place, view: again(address, &by_name, now) }
    };
    let restored = Restored {
        addresses: on_every_core(stored.addresses, restored),
        incidents: stored.incidents,
        members: stored.members,
        silences: stored.silences,
        tallies: stored.tallies,
        refusals: stored.refusals,
        renewals: stored.renewals,
        outbox: stored.mails.iter().map(waiting).collect(),
        first_sweep_done: stored.first_sweep_done,
        shown_alive: stored.shown_alive,
    };
    (restored, stored.mails)
}

/// Lets visits know what is remembered, in its order, while the brain takes it in.
pub(super) fn teach(visitor: Visitor, restored: &Restored) -> JoinSet<()> {
    let known = |address: &RestoredAddress| Some((Arc::clone(&address.endpoint), Arc::clone(address.view.known.as_ref()?)));
    let known: Vec<_> = restored.addresses.iter().filter_map(known).collect();
    let mut lesson = JoinSet::new();
    lesson.spawn_blocking(move || known.iter().for_each(|(endpoint, judged)| visitor.remember(endpoint, judged)));
    lesson
}

/// What the opening of the state has to tell.
pub(super) fn troubles(opened: &Opened) -> Vec<Event> {
    let aside = opened.set_aside.as_ref().map(|aside| {
        let aside = shown(aside);
        error!("the state was damaged and lies in {aside} now; what is still wrong is told once more");
        Event::SetAside(aside)
    });
    // The first attempt to write logs it.
    let unwritable = opened.unwritable.as_ref().map(|problem| Event::Saved(Err(format!("{problem}{}", because(problem)))));
    aside.into_iter().chain(unwritable).collect()
}

fn waiting(mail: &Mail) -> Waiting {
    Waiting { id: mail.id.clone(), kind: mail.kind, recipient: mail.recipient.clone(), at: mail.at }
}

/// Without a judgement where the endpoint has left: there is nothing to judge it against.
fn again(address: StoredAddress, watches: &HashMap<&str, &Watch>, now: Timestamp) -> AddressView {
    let watch = watches.get(&*address.endpoint);
    let judge = |(observation, issuers): (Observation, Issuers)| {
        let watch = watch?;
        let diagnosis = diagnose(&observation, &watch.expectation, &watch.trust, &issuers, now);
        Some(Arc::new(Judged { observation, diagnosis: diagnosis.shared() }))
    };
    AddressView {
        address: address.address,
        known: address.known.and_then(judge),
        failed: address.failed.and_then(|observation| judge((*observation, Issuers::default()))),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

    use super::*;
    use crate::{
        certificate::Certificate,
        diagnosis::{Expectation, Trust},
        endpoint::Endpoint,
        monitor::{Policy, Record},
        observation::{Chain, Handshake, Outcome, Possession},
        store::{Settings, Store},
    };

    /// Leaf, intermediate (which ended with 2025) and root.
    fn hierarchy() -> [Arc<Certificate>; 3] {
        let ca = |name: &str, until| {
            let mut ca = CertificateParams::default();
            ca.distinguished_name.push(DnType::CommonName, name);
            ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            (ca.not_before, ca.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(until, 1, 1));
            (ca, KeyPair::generate().expect("a key"))
        };
        let ((root, root_key), (middle, middle_key)) = (ca("Root", 2040), ca("Intermediate", 2026));
        let root_certificate = root.self_signed(&root_key).expect("a root");
        let middle_certificate = middle.signed_by(&middle_key, &Issuer::new(root, root_key)).expect("an intermediate");
        let mut leaf = CertificateParams::new(["a.example".into()]).expect("a name");
        (leaf.not_before, leaf.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2028, 1, 1));
        let leaf_key = KeyPair::generate().expect("a key");
        let leaf = leaf.signed_by(&leaf_key, &Issuer::new(middle, middle_key)).expect("a leaf");
        [leaf, middle_certificate, root_certificate].map(|made| Certificate::from_der(made.der()))
    }

    fn watch(name: &str, trust: Trust) -> Arc<Watch> {
        let mut endpoint = Endpoint::new("a.example:443".parse().expect("a target"));
        endpoint.name = name.into();
        let (expectation, trust, policy) = (Expectation::default(), Arc::new(trust), Policy::default());
        Arc::new(Watch { endpoint, expectation, trust, stores: Arc::default(), policy: policy.into() })
    }

    fn presents(chain: &[&Arc<Certificate>], now: Timestamp) -> Observation {
        let handshake = Handshake {
            chain: Chain::new(cloned(chain)).expect("one or more"),
            tls: Arc::default(),
            possession: Possession::Proven,
            wants_client_certificate: false,
            broken_off: None,
        };
        let address = Some("192.0.2.1".parse().expect("an address"));
        Observation::new(address, now, Outcome::Handshake(handshake))
    }

    fn cloned(certificates: &[&Arc<Certificate>]) -> Vec<Arc<Certificate>> {
        certificates.iter().map(|certificate| Arc::clone(certificate)).collect()
    }

    #[tokio::test]
    async fn after_a_restart_everything_is_judged_as_it_was() {
        let now = "2026-11-22T12:00:00Z".parse().expect("a moment");
        let [leaf, middle, root] = hierarchy();
        let found =
            |certificates: &[&Arc<Certificate>], tried: &str| Issuers { certificates: cloned(certificates), tried: tried.into() };
        let anchored = || Trust::new([Arc::clone(&root)]);
        let cases = [
            ("unknown_ca", Trust::default(), vec![&leaf, &middle], found(&[&root], "")),
            ("missing_intermediate", anchored(), vec![&leaf], found(&[&root, &middle], "http://a.example/ca.der gave it")),
            ("issuer_unknown", anchored(), vec![&leaf], found(&[], "http://a.example/ca.der answered 404")),
        ];
        let directory = std::env::temp_dir().join(format!("certvigil-restore-{}", std::process::id()));
        std::fs::create_dir(&directory).expect("a fresh name");
        let settings = Settings { directory: directory.clone() };
        let (store, _) = Store::open(&settings).expect("fresh");
        let (mut watches, mut before) = (Vec::new(), Vec::new());
        for (code, trust, chain, issuers) in cases {
            let (watch, observation) = (watch(code, trust), presents(&chain, now));
            let diagnosis = diagnose(&observation, &watch.expectation, &watch.trust, &issuers, now);
            assert!(diagnosis.finding(code).is_some(), "{code}: {diagnosis:?}");
            assert_eq!(diagnosis.repair, None, "the intermediate has ended, so no repair is offered");
            let judged = Arc::new(Judged { observation, diagnosis: diagnosis.into() });
            let (endpoint, place) = (code.into(), watch.endpoint.place().into());
            store.commit(vec![Record::Observed { endpoint, place, judged: judged.clone() }], Vec::new()).await.expect("room");
            watches.push(watch);
            before.push(judged);
        }
        store.close().await;
        let (_store, stored) = Store::open(&settings).expect("closed before");
        let (restored, _) = super::judged(stored, &watches, now);
        for judged in before {
            let found = restored.addresses.iter().any(|address| address.view.known.as_ref() == Some(&judged));
            assert!(found, "{judged:?} is not among {restored:?}");
        }
        for address in restored.addresses {
            let known = address.view.known.expect("a handshake");
            let signer = known.observation.chain().expect("a leaf").leaf.signed_by();
            assert_eq!(signer, Some(middle.fingerprint), "a signature that was checked is not checked again");
        }
        std::fs::remove_dir_all(&directory).expect("it is there");
    }
}
