//! The labels that nearly every series begins with, written and escaped once for a whole scrape.

use std::fmt::Write as _;

use super::text::push_label;
use crate::monitor::{AddressView, EndpointView};

/// `endpoint="…"` of every endpoint, and `endpoint="…",address="…"` of each of its addresses, one behind the other.
pub(super) struct Book {
    text: String,
    /// Where each begins, and where the last ends.
    bounds: Vec<usize>,
    /// Addresses that are not shown.
    pub(super) addresses_cut: usize,
}

impl Book {
    pub(super) fn of<'a>(endpoints: impl Iterator<Item = &'a EndpointView>) -> Self {
        let mut book = Book { text: String::new(), bounds: vec![0], addresses_cut: 0 };
        for view in endpoints {
            let begin = book.text.len();
            push_label(&mut book.text, "endpoint", &view.watch.endpoint.name);
            let end = book.text.len();
            book.bounds.push(end);
            book.addresses_cut += view.addresses.len() - shown(view).len();
            for address in shown(view) {
                book.text.extend_from_within(begin..end);
                book.text.push_str(",address=\"");
                if let Some(ip) = address.address {
                    let _ = write!(book.text, "{ip}");
                }
                book.text.push('"');
                book.bounds.push(book.text.len());
            }
        }
        book
    }

    /// Those of an endpoint, whose own stand at `entry`.
    pub(super) fn at(&self, entry: usize, view: &EndpointView) -> Labels<'_> {
        Labels { text: &self.text, bounds: &self.bounds[entry..=entry + entries(view)] }
    }
}

/// How many entries an endpoint takes.
pub(super) fn entries(view: &EndpointView) -> usize {
    1 + shown(view).len()
}

/// The addresses that are shown: a name whose addresses change with every answer must not fill the scrape.
fn shown(view: &EndpointView) -> &[AddressView] {
    &view.addresses[..view.addresses.len().min(ADDRESSES)]
}

const ADDRESSES: usize = 32;

/// Those of one endpoint.
pub(super) struct Labels<'a> {
    text: &'a str,
    bounds: &'a [usize],
}

impl<'a> Labels<'a> {
    pub(super) fn endpoint(&self) -> &'a str {
        &self.text[self.bounds[0]..self.bounds[1]]
    }

    /// Every address that is shown, with its labels.
    pub(super) fn addresses<'v>(&self, view: &'v EndpointView) -> impl Iterator<Item = (&'v AddressView, &'a str)> {
        let texts = self.bounds[1..].windows(2).map(|bounds| &self.text[bounds[0]..bounds[1]]);
        view.addresses.iter().zip(texts)
    }
}
