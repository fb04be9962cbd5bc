//! A limit of visits at once for each address: a thousand names behind one load balancer are no reason to storm it.

use core::net::IpAddr;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Shared by all visits.
#[derive(Clone)]
pub(super) struct Gate {
    per_address: usize,
    addresses: Arc<Mutex<HashMap<IpAddr, Arc<Semaphore>>>>,
}

/// A place at an address, given back when dropped.
pub(super) struct Place {
    gate: Gate,
    address: IpAddr,
    permit: Option<OwnedSemaphorePermit>,
}

impl Gate {
    pub(super) fn new(per_address: usize) -> Self {
        Gate { per_address: per_address.max(1), addresses: Arc::default() }
    }

    /// Waits for a place. First come, first served.
    pub(super) async fn enter(&self, address: IpAddr) -> Place {
        let semaphore = {
            let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(addresses.entry(address).or_insert_with(|| Arc::new(Semaphore::new(self.per_address))))
        };
        let permit = semaphore.acquire_owned().await.ok();
        Place { gate: self.clone(), address, permit }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.permit = None;
        let mut addresses = self.gate.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody inside and nobody waiting: only the map itself still holds the semaphore.
        if addresses.get(&self.address).is_some_and(|semaphore| Arc::strong_count(semaphore) == 1) {
            addresses.remove(&self.address);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_address_is_visited_by_more_than_the_limit_and_the_map_empties() {
        let gate = Gate::new(3);
        let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut visits = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (gate, inside, most) = (gate.clone(), Arc::clone(&inside), Arc::clone(&most));
            visits.spawn(async move {
                let _place = gate.enter("192.0.2.1".parse().expect("address")).await;
                most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_secs(1)).await;
                inside.fetch_sub(1, Ordering::SeqCst);
            });
        }
        while visits.join_next().await.is_some() {}
        assert_eq!(most.load(Ordering::SeqCst), 3);
        assert!(gate.addresses.lock().expect("lock").is_empty());
    }
}
