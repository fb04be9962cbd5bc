//! The proof of an end: behind a balancer one good look may be luck, and the old certificate be there again with the next one.

use std::collections::BTreeMap;

use crate::incident::IncidentKey;

/// Good looks in a row, of one endpoint's incidents that seem to be over.
#[derive(Debug, Default)]
pub(super) struct Proving(BTreeMap<IncidentKey, Proof>);

#[derive(Clone, Copy, Debug, Default)]
struct Proof {
    looks: u8,
    /// It was gone, and came back.
    alternates: bool,
}

impl Proving {
    /// One more visit has not seen it. Whether that proves the end: at once where what was at fault is still there and mended,
    /// after [`LOOKS`] where another certificate has taken its place, and after [`MANY_LOOKS`] where that happened before.
    pub(super) fn good(&mut self, key: &IncidentKey, is_replaced: bool) -> bool {
        let proof = self.0.entry(key.clone()).or_default();
        proof.looks = proof.looks.saturating_add(1);
        let needed = match (proof.alternates, is_replaced) {
            (true, _) => MANY_LOOKS,
            (false, true) => LOOKS,
            (false, false) => 1,
        };
        proof.looks >= needed
    }

    /// It was seen again.
    pub(super) fn bad(&mut self, key: &IncidentKey) {
        if let Some(proof) = self.0.get_mut(key) {
            *proof = Proof { looks: 0, alternates: true };
        }
    }

    /// Forgets those that are over.
    pub(super) fn retain(&mut self, goes_on: impl Fn(&IncidentKey) -> bool) {
        self.0.retain(|key, _| goes_on(key));
    }

    /// The next look is wanted soon. Where a certificate is known to come and go, time proves more than haste.
    pub(super) fn is_pending(&self) -> bool {
        self.0.values().any(|proof| proof.looks > 0 && !proof.alternates)
    }
}

/// So many in a row hide a certificate that half of all visits see once in a thousand times.
const LOOKS: u8 = 10;

/// A day's worth, where an endpoint is visited every hour.
const MANY_LOOKS: u8 = 24;
