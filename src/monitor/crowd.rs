//! Who waits for whom at one place: a thousand names behind one server that stalls are no reason for all others to wait.

use core::net::IpAddr;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use super::EndpointView;
use crate::endpoint::Host;

/// Where an endpoint's visits are made, as far as it is known before the name is looked up.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Spot {
    Address(IpAddr),
    /// Never resolved so far.
    Name(Arc<str>),
}

impl Spot {
    /// The target's own address, or the first one its name is known to have.
    pub(super) fn of(view: &EndpointView) -> Spot {
        match &view.watch.endpoint.target.host {
            Host::Ip(address) => Spot::Address(*address),
            Host::Name(name) => {
                let known = view.addresses.iter().find_map(|row| row.address);
                known.map_or_else(|| Spot::Name(name.clone()), Spot::Address)
            }
        }
    }
}

/// The visits at each spot, and who waits there.
#[derive(Debug)]
pub(super) struct Crowds {
    spots: HashMap<Spot, Crowd>,
    limit: usize,
}

#[derive(Debug, Default)]
struct Crowd {
    under_way: usize,
    /// Called from among those who wait, and not started yet: they have a place here, not yet among all visits.
    called: usize,
    /// By the time they were due, longest first.
    parked: BTreeSet<(Duration, Arc<str>)>,
}

impl Crowds {
    pub(super) fn new(limit: usize) -> Self {
        Crowds { spots: HashMap::new(), limit: limit.max(1) }
    }

    /// A place here is taken. `false`: all are, and who comes has to be parked.
    pub(super) fn enter(&mut self, spot: &Spot) -> bool {
        let crowd = self.spots.entry(spot.clone()).or_default();
        let is_free = crowd.under_way + crowd.called < self.limit;
        crowd.under_way += usize::from(is_free);
        is_free
    }

    /// Somebody who was called takes the place.
    pub(super) fn enter_called(&mut self, spot: &Spot) {
        if let Some(crowd) = self.spots.get_mut(spot) {
            crowd.called -= 1;
            crowd.under_way += 1;
        }
    }

    pub(super) fn park(&mut self, spot: &Spot, due: Duration, name: Arc<str>) {
        self.spots.entry(spot.clone()).or_default().parked.insert((due, name));
    }

    /// Somebody who is parked is to wait no longer.
    pub(super) fn unpark(&mut self, spot: &Spot, due: Duration, name: &Arc<str>) {
        if let Some(crowd) = self.spots.get_mut(spot) {
            crowd.parked.remove(&(due, name.clone()));
        }
    }

    /// A visit here has come back: who is called instead.
    pub(super) fn leave(&mut self, spot: &Spot) -> Option<(Duration, Arc<str>)> {
        self.spots.get_mut(spot)?.under_way -= 1;
        self.call(spot)
    }

    /// Somebody who was called will not come: who is called instead.
    pub(super) fn leave_called(&mut self, spot: &Spot) -> Option<(Duration, Arc<str>)> {
        self.spots.get_mut(spot)?.called -= 1;
        self.call(spot)
    }

    /// One place has become free.
    fn call(&mut self, spot: &Spot) -> Option<(Duration, Arc<str>)> {
        let crowd = self.spots.get_mut(spot)?;
        let next = crowd.parked.pop_first();
        crowd.called += usize::from(next.is_some());
        if crowd.under_way + crowd.called == 0 {
            self.spots.remove(spot);
        }
        next
    }
}
