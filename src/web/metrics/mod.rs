//! `/metrics`: the snapshot as Prometheus's text format 0.0.4, family by family, endpoint by endpoint.
//!
//! A family has to stand in one piece, so the snapshot is walked once for each.

mod daemon;
mod endpoint;
mod own;
mod process;
#[cfg(test)]
pub(super) mod tests;
mod text;

use std::sync::Arc;

use super::body::{Render, Stream};
use crate::monitor::Snapshot;

pub use own::OwnMetrics;

/// One scrape.
pub(super) fn scrape(snapshot: Arc<Snapshot>, own: &OwnMetrics) -> Stream {
    let mut head = String::new();
    daemon::render(&mut head, &snapshot);
    own.render(&mut head);
    process::render(&mut head, &process::read(), snapshot.started);
    Stream::new(Scrape { snapshot, head: Some(head), family: 0, endpoint: 0 })
}

struct Scrape {
    snapshot: Arc<Snapshot>,
    /// The few series of the daemon itself, until they are out.
    head: Option<String>,
    family: usize,
    endpoint: usize,
}

impl Render for Scrape {
    fn step(&mut self, out: &mut String) -> bool {
        if let Some(head) = self.head.take() {
            out.push_str(&head);
            return true;
        }
        let Some(family) = endpoint::FAMILIES.get(self.family) else { return false };
        let mut lines = text::Lines::new(out, family.name);
        if self.endpoint == 0 {
            lines.head("gauge", family.help);
        }
        if let Some(view) = self.snapshot.endpoints.get(self.endpoint) {
            (family.write)(&mut lines, view);
            self.endpoint += 1;
        } else {
            self.family += 1;
            self.endpoint = 0;
        }
        true
    }
}
