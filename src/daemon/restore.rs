//! What the store remembers, judged as of now.

use std::{collections::HashMap, sync::Arc};

use crate::{
    certificate::Certificate,
    clock::Timestamp,
    diagnosis::{Issuers, Judged, diagnose},
    monitor::{AddressView, Restored, Waiting, Watch},
    observation::Observation,
    store::{Mail, Stored, StoredAddress},
};

/// The brain's memory, and the mails that wait. What belongs to endpoints that are no longer in the inventory is left out.
pub(super) fn judged(stored: Stored, watches: &[Arc<Watch>], now: Timestamp) -> (Restored, Vec<Mail>) {
    let by_name: HashMap<&str, &Arc<Watch>> = watches.iter().map(|watch| (&*watch.endpoint.name, watch)).collect();
    let view = |address: StoredAddress| {
        let watch = by_name.get(&*address.endpoint)?;
        Some((Arc::clone(&address.endpoint), again(address, watch, now)))
    };
    let restored = Restored {
        addresses: stored.addresses.into_iter().filter_map(view).collect(),
        incidents: stored.incidents,
        outbox: stored.mails.iter().map(|mail| Waiting { id: mail.id.clone(), kind: mail.kind, at: mail.at }).collect(),
        first_sweep_done: stored.first_sweep_done,
    };
    (restored, stored.mails)
}

fn again(address: StoredAddress, watch: &Watch, now: Timestamp) -> AddressView {
    let judge = |observation: Observation, certificates: Vec<Arc<Certificate>>| {
        let issuers = Issuers { certificates, tried: "not looked for again yet".into() };
        let diagnosis = diagnose(&observation, &watch.expectation, &watch.trust, &issuers, now);
        Arc::new(Judged { observation, diagnosis })
    };
    AddressView {
        address: address.address,
        known: address.known.map(|(observation, issuers)| judge(observation, issuers)),
        failed: address.failed.map(|observation| judge(observation, Vec::new())),
        last_probe: address.last_probe,
        last_success: address.last_success,
    }
}
