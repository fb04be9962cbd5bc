//! Where the endpoints of a snapshot stand: in the order of their names, and by the place where they are visited.

use std::sync::{Arc, OnceLock};

use super::{EndpointView, Snapshot};
use crate::endpoint::Host;

/// Made when somebody first asks, and kept for as long as the inventory stays as it is: the snapshots between share it.
#[derive(Debug, Default)]
pub struct Index(OnceLock<Orders>);

/// Where they stand in the inventory.
#[derive(Debug)]
struct Orders {
    by_name: Box<[usize]>,
    /// By host and port; of several there in the order of the inventory.
    by_place: Box<[usize]>,
}

impl Snapshot {
    /// The endpoint of this name.
    pub fn named(&self, name: &str) -> Option<&Arc<EndpointView>> {
        let by_name = &self.orders().by_name;
        let found = by_name.binary_search_by(|&at| (**self.endpoints[at].name()).cmp(name)).ok()?;
        Some(&self.endpoints[by_name[found]])
    }

    /// Those that are visited there, whatever is spoken, in the order of the inventory.
    pub fn at_place(&self, host: &Host, port: u16) -> impl Iterator<Item = &Arc<EndpointView>> {
        let by_place = &self.orders().by_place;
        let begin = by_place.partition_point(|&at| place(&self.endpoints[at]) < (host, port));
        let behind = by_place[begin..].iter().map(|&at| &self.endpoints[at]);
        behind.take_while(move |view| place(view) == (host, port))
    }

    /// All of them, in the order of their names.
    pub fn by_name(&self) -> impl ExactSizeIterator<Item = &Arc<EndpointView>> {
        self.orders().by_name.iter().map(|&at| &self.endpoints[at])
    }

    fn orders(&self) -> &Orders {
        self.index.0.get_or_init(|| {
            let mut by_name: Box<[usize]> = (0..self.endpoints.len()).collect();
            let mut by_place = by_name.clone();
            by_name.sort_by_key(|&at| self.endpoints[at].name());
            by_place.sort_by_key(|&at| place(&self.endpoints[at]));
            Orders { by_name, by_place }
        })
    }
}

fn place(view: &EndpointView) -> (&Host, u16) {
    let target = &view.watch.endpoint.target;
    (&target.host, target.port)
}
