//! Is it us? When our own network, resolver, clock or trust store is the likely fault, one mail says so, and the flood waits.

mod anchors;
mod clock;
mod fault;
mod ways;

use core::net::IpAddr;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{AddressView, Monitor, Visited, crowd::Spot, dossier::Dossier};
use crate::{
    clock::Now,
    endpoint::{Host, Target},
    incident::LOOKS,
    observation::{FailureKind, Observation},
};
use ways::{Opinion, Relief, Stock, has_reached};

pub(super) use anchors::{Anchors, is_of_trust};
pub use clock::ClockEvidence;
pub(super) use clock::{Clock, is_of_dates};
pub(super) use fault::Episode;
pub use fault::{OwnFault, OwnKind};
pub(super) use ways::{Way, Ways};

impl Monitor {
    /// Takes down what a visit that was begun then has proven about the ways it took. What was in doubt and is no more is looked
    /// at again before anybody hears of it.
    pub(super) fn bears_witness(&mut self, place: usize, report: &Visited, begun: Duration, now: Now) {
        let dossier = &self.dossiers[place];
        let (host, is_canary) = (&dossier.view.watch.endpoint.target.host, dossier.is_canary);
        let mut proofs: BTreeMap<Spot, bool> = BTreeMap::new();
        if let (Host::Name(name), false) = (host, report.resolved.is_empty()) {
            proofs.insert(Spot::Name(name.clone()), true);
        }
        for judged in report.seen.iter().filter(|judged| !is_our_own(&judged.observation)) {
            let spot = spot(host, judged.observation.address);
            *proofs.entry(spot).or_default() |= has_reached(&judged.observation);
        }
        for (spot, is_reached) in proofs {
            self.ways.met(&spot, &report.endpoint, is_canary);
            if is_reached {
                match self.ways.reached(&spot, &report.endpoint, begun, now.uptime) {
                    Some(Relief::Over(way)) => self.forgives(way, now),
                    Some(Relief::LookAgain(way)) => self.look_again(way, now),
                    None => {}
                }
            } else {
                self.ways.failed(&spot, &report.endpoint, begun);
            }
        }
    }

    /// What failed at the endpoint often enough to be told of is believed, or somebody else is asked first.
    pub(super) fn weigh(&mut self, place: usize, now: Now) {
        let dossier = &self.dossiers[place];
        let (name, host) = (dossier.name().clone(), dossier.view.watch.endpoint.target.host.clone());
        let own: Vec<Spot> = dossier.view.addresses.iter().map(|row| spot(&host, row.address)).collect();
        for (address, before) in dossier.doubts().looks.unproven() {
            let spot = spot(&host, address);
            match self.ways.opinion(&spot, &own, &name, before, now) {
                Opinion::Believed(others) => {
                    if self.dossiers[place].doubts_mut().looks.believe(address, !others.is_empty()) {
                        self.ways.is_down(&spot, now.uptime);
                    } else {
                        for other in &others {
                            self.schedule.hasten(other, now.uptime);
                        }
                    }
                }
                Opinion::Doubted => {}
            }
        }
    }

    /// Everything that can be reached, or not, as the inventory and the dossiers have it now.
    pub(super) fn take_stock(&mut self) {
        let posts = self.dossiers.iter().flat_map(|dossier| {
            let host = &dossier.view.watch.endpoint.target.host;
            let by_name = matches!(host, Host::Name(_)).then_some(None);
            let rows = dossier.view.addresses.iter().filter_map(|row| row.address.map(Some));
            let addresses = by_name.into_iter().chain(rows);
            addresses.map(|address| Stock {
                spot: spot(host, address),
                endpoint: dossier.name().clone(),
                is_canary: dossier.is_canary,
                is_down: dossier.doubts().looks.at(address) >= LOOKS,
            })
        });
        self.ways.are(posts);
    }

    /// What canaries say, once they have been visited.
    pub(super) fn canaries(&self) -> Vec<(Target, bool)> {
        let asked = self.dossiers.iter().filter(|dossier| dossier.is_canary && !dossier.view.addresses.is_empty());
        let is_up = |row: &AddressView| row.failed.as_ref().is_none_or(|judged| has_reached(&judged.observation));
        let say = asked.map(|dossier| (&dossier.view.watch.endpoint.target, dossier.view.addresses.iter().any(is_up)));
        say.map(|(target, is_up)| (target.clone(), is_up)).collect()
    }

    /// The way is open again: what failed there meanwhile said nothing, and is looked at anew.
    fn forgives(&mut self, way: Way, now: Now) {
        for dossier in &mut self.dossiers {
            let host = dossier.view.watch.endpoint.target.host.clone();
            if dossier.forgive(|address| Way::of(&spot(&host, address)) == way) {
                self.schedule.hasten(&dossier.name().clone(), now.uptime);
            }
        }
    }

    fn look_again(&mut self, way: Way, now: Now) {
        let is_there = |dossier: &&Dossier| {
            let host = &dossier.view.watch.endpoint.target.host;
            let mut lost = dossier.view.addresses.iter().filter(|row| row.failed.is_some());
            lost.any(|row| Way::of(&spot(host, row.address)) == way)
        };
        for dossier in self.dossiers.iter().filter(is_there) {
            self.schedule.hasten(dossier.name(), now.uptime);
        }
    }
}

/// What a visit to this address of the host tells about; without one, it ended at its name.
pub(super) fn spot(host: &Host, address: Option<IpAddr>) -> Spot {
    match (address, host) {
        (Some(address), _) => Spot::Address(address),
        (None, Host::Ip(address)) => Spot::Address(*address),
        (None, Host::Name(name)) => Spot::Name(Arc::clone(name)),
    }
}

/// Nothing is known of the peer: certvigil itself was at fault.
fn is_our_own(observation: &Observation) -> bool {
    observation.failure().is_some_and(|failure| failure.kind == FailureKind::Internal)
}
