//! Failed visits in a row, address by address, until they are enough to be told of and believed to be the server's.

use core::net::IpAddr;
use std::{collections::BTreeMap, time::Duration};

use crate::incident::LOOKS;

/// Of one endpoint; `None` is the resolution of its name. A visit that left an address out changes nothing.
#[derive(Debug, Default)]
pub(super) struct Looks(BTreeMap<Option<IpAddr>, Failures>);

#[derive(Clone, Copy, Debug, Default)]
struct Failures {
    count: u8,
    /// When the second of them was begun, in uptime: whoever was reached since then bears witness.
    second: Duration,
    is_believed: bool,
}

impl Looks {
    pub(super) const NONE: Looks = Looks(BTreeMap::new());

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The visit that was begun then failed. Where that says nothing about the server, it is not counted.
    pub(super) fn failed(&mut self, address: Option<IpAddr>, begun: Duration, counts: bool) {
        let failures = self.0.entry(address).or_default();
        if counts {
            failures.count = failures.count.saturating_add(1);
            if failures.count == 2 {
                failures.second = begun;
            }
        }
    }

    /// It did not fail.
    pub(super) fn good(&mut self, address: Option<IpAddr>) {
        self.0.remove(&address);
    }

    /// So many failures are remembered; [`LOOKS`] were believed.
    pub(super) fn restore(&mut self, address: Option<IpAddr>, count: u8) {
        self.0.insert(address, Failures { count, is_believed: count >= LOOKS, ..Failures::default() });
    }

    /// How many count, up to [`LOOKS`], which takes that they are believed.
    pub(super) fn at(&self, address: Option<IpAddr>) -> u8 {
        self.0.get(&address).map_or(0, |failures| if failures.is_believed { LOOKS } else { failures.count.min(LOOKS - 1) })
    }

    /// Where enough has failed to ask others, with the moment since when they bear witness.
    pub(super) fn unproven(&self) -> Vec<(Option<IpAddr>, Duration)> {
        let open = self.0.iter().filter(|(_, failures)| failures.count >= 2 && !failures.is_believed);
        open.map(|(address, failures)| (*address, failures.second)).collect()
    }

    /// Nobody contradicts that it is the server's fault: that is believed with the last look, or, as long as others that were
    /// asked have not answered, some looks later. Whether it is.
    pub(super) fn believe(&mut self, address: Option<IpAddr>, others_are_asked: bool) -> bool {
        let enough = if others_are_asked { LOOKS + PATIENCE } else { LOOKS };
        self.0.get_mut(&address).is_some_and(|failures| {
            failures.is_believed |= failures.count >= enough;
            failures.is_believed
        })
    }

    /// Forgets what is not believed at these addresses; whether there was anything.
    pub(super) fn forgive(&mut self, of: impl Fn(Option<IpAddr>) -> bool) -> bool {
        let before = self.0.len();
        self.0.retain(|address, failures| failures.is_believed || !of(*address));
        self.0.len() < before
    }

    /// Forgets addresses that have left.
    pub(super) fn retain(&mut self, stays: impl Fn(Option<IpAddr>) -> bool) {
        self.0.retain(|address, _| stays(*address));
    }
}

/// So many looks more are taken while others that were asked have not come back.
const PATIENCE: u8 = 3;
