//! `/metrics` and `/probe`.
//!
//! `/metrics` is the snapshot as Prometheus's text format 0.0.4 or as OpenMetrics 1.0, family by family, endpoint by endpoint.
//!
//! A family has to stand in one piece, so the snapshot is walked once for each.

mod daemon;
mod endpoint;
mod own;
mod probe;
mod process;
mod rows;
#[cfg(test)]
pub(super) mod tests;
mod text;

use std::sync::Arc;

use endpoint::{FAMILIES, Family};
use rows::Rows;
use text::Lines;

use super::body::{Render, Stream};
use crate::monitor::Snapshot;

pub use own::OwnMetrics;
pub(super) use probe::{Asked, Refusal};
pub(super) use text::Format;

/// One scrape.
pub(super) fn scrape(snapshot: Arc<Snapshot>, own: &OwnMetrics, format: Format) -> Stream {
    let mut head = String::new();
    daemon::render(&mut head, format, &snapshot);
    own.render(&mut head, format);
    process::render(&mut head, format, &process::read(), snapshot.started);
    let rows = Rows::with_room(snapshot.endpoints.len());
    Stream::new(Scrape { snapshot, format, rows, cut: Cut::default(), next: Next::Daemon(head) })
}

struct Scrape {
    snapshot: Arc<Snapshot>,
    format: Format,
    /// Filled by the first family.
    rows: Rows,
    cut: Cut,
    next: Next,
}

/// What comes next.
enum Next {
    /// The few series of the daemon itself.
    Daemon(String),
    /// A family at one endpoint.
    Family {
        family: usize,
        endpoint: usize,
    },
    /// What was left out, and the end.
    Cut,
    End,
}

impl Render for Scrape {
    fn step(&mut self, out: &mut String) -> bool {
        self.next = match &self.next {
            Next::Daemon(head) => {
                out.push_str(head);
                Next::Family { family: 0, endpoint: 0 }
            }
            Next::Family { family, endpoint } => self.family(out, *family, *endpoint),
            Next::Cut => {
                self.cut.addresses = self.rows.addresses_cut;
                self.cut.render(out, self.format);
                out.push_str(self.format.end());
                Next::End
            }
            Next::End => return false,
        };
        true
    }
}

impl Scrape {
    /// A few endpoints of a family, from this one on.
    fn family(&mut self, out: &mut String, family: usize, mut endpoint: usize) -> Next {
        let Some(Family { name, help, write }) = FAMILIES.get(family) else { return Next::Cut };
        let enough = out.len() + STEP;
        let mut lines = Lines::new(out, self.format, name);
        if endpoint == 0 {
            lines.head("gauge", help);
        }
        let next = loop {
            let Some(view) = self.snapshot.endpoints.get(endpoint) else {
                break Next::Family { family: family + 1, endpoint: 0 };
            };
            if family == 0 {
                self.rows.push(view);
            }
            if let Some(one) = self.rows.one(endpoint, view) {
                write(&mut lines, &one);
            }
            endpoint += 1;
            if lines.length() >= enough {
                break Next::Family { family, endpoint };
            }
        };
        self.cut.texts += lines.texts_cut;
        self.cut.positions += lines.positions_cut;
        next
    }
}

/// So many octets, and an endpoint more, are written before it is asked whether a chunk is full.
const STEP: usize = 4096;

/// What a scrape leaves out, so that neither a stranger's certificate nor a stranger's DNS makes it grow without end.
#[derive(Default)]
struct Cut {
    addresses: usize,
    positions: usize,
    texts: usize,
}

impl Cut {
    fn render(&self, out: &mut String, format: Format) {
        let mut lines = Lines::new(out, format, "certvigil_scrape_cut");
        lines.head("gauge", "How many addresses and certificates this scrape leaves out, and label texts it cuts.");
        for (what, count) in [("address", self.addresses), ("certificate", self.positions), ("text", self.texts)] {
            lines.sample(&[("what", what)], count);
        }
    }
}
