//! The first sweep after an installation: everything that is found is held, and told at once when all have been seen.

use std::{collections::HashSet, sync::Arc, time::Duration};

/// Under way until every endpoint it began with has settled, or its time is up.
#[derive(Debug)]
pub(super) struct Sweep {
    /// Whose notices are held.
    members: HashSet<Arc<str>>,
    /// Not visited yet, or with a suspicion that awaits another look.
    unsettled: HashSet<Arc<str>>,
    /// In uptime.
    deadline: Duration,
}

impl Sweep {
    pub(super) fn new(inventory: impl Iterator<Item = Arc<str>>, deadline: Duration) -> Self {
        let members: HashSet<_> = inventory.collect();
        Sweep { unsettled: members.clone(), members, deadline }
    }

    /// Its notices wait for the end of the sweep.
    pub(super) fn holds(&self, name: &Arc<str>) -> bool {
        self.members.contains(name)
    }

    /// It has been visited, and nothing of it awaits another look.
    pub(super) fn settled(&mut self, name: &Arc<str>) {
        self.unsettled.remove(name);
    }

    /// It has changed and is visited anew.
    pub(super) fn unsettled(&mut self, name: &Arc<str>) {
        if self.holds(name) {
            self.unsettled.insert(name.clone());
        }
    }

    /// It has left the inventory.
    pub(super) fn forget(&mut self, name: &Arc<str>) {
        self.members.remove(name);
        self.unsettled.remove(name);
    }

    pub(super) fn is_over(&self, now: Duration) -> bool {
        self.unsettled.is_empty() || now >= self.deadline
    }

    pub(super) fn deadline(&self) -> Duration {
        self.deadline
    }
}
