//! Long lists, piece by piece: no answer holds more than 1,000 items, however many there are.

use schemars::JsonSchema;
use serde::Serialize;

use super::asked::{Asked, Kind, Parameter};
use crate::web::page::encode;

/// A piece of a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}List")]
pub(super) struct List<T> {
    /// How many there are in all.
    pub(super) total: usize,
    pub(super) items: Vec<T>,
    /// Where the list goes on, relative to this request; null at its end.
    pub(super) next: Option<String>,
}

/// Which piece is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    offset: usize,
    limit: usize,
}

/// The parameters of every list.
pub(super) const LIMIT: Parameter =
    Parameter { name: "limit", about: "At most so many items; 100 where nothing is said.", kind: Kind::Number(1, MOST) };
pub(super) const OFFSET: Parameter = Parameter {
    name: "offset",
    about: "So many items of the list come before the first of the answer.",
    kind: Kind::Number(0, FARTHEST),
};

impl Window {
    pub(super) fn of(asked: &Asked) -> Self {
        Window { offset: asked.number("offset").unwrap_or(0), limit: asked.number("limit").unwrap_or(100) }
    }

    /// Nothing from here on is in it.
    pub(super) fn end(self) -> usize {
        self.offset.saturating_add(self.limit)
    }

    /// The piece of it; only what is in it is rendered.
    pub(super) fn list<T, R>(self, asked: &Asked, all: impl Iterator<Item = T>, mut row: impl FnMut(T) -> R) -> List<R> {
        let (mut total, mut items) = (0, Vec::new());
        for item in all {
            if total >= self.offset && items.len() < self.limit {
                items.push(row(item));
            }
            total += 1;
        }
        let end = self.offset.saturating_add(items.len());
        let next = (end < total && !items.is_empty()).then(|| {
            let kept = asked.pairs().filter(|(name, _)| !["offset", "limit"].contains(name));
            let kept = kept.fold(String::new(), |kept, (name, value)| kept + name + "=" + &encode(value) + "&");
            format!("?{kept}limit={}&offset={end}", self.limit)
        });
        List { total, items, next }
    }
}

/// So many items of a list fit into an answer.
const MOST: usize = 1000;
/// No inventory is larger.
const FARTHEST: usize = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [Parameter; 3] = [LIMIT, OFFSET, Parameter { name: "q", about: "", kind: Kind::Text(9) }];

    fn page(query: &str) -> (usize, Vec<u32>, Option<String>) {
        let asked = Asked::parse(query, &KNOWN).expect(query);
        let List { total, items, next } = Window::of(&asked).list(&asked, 0..250, |number| number);
        (total, items, next)
    }

    #[test]
    fn next_leads_through_the_whole_list() {
        let (mut query, mut seen) = ("q=%C3%BC%26&limit=70".to_owned(), Vec::new());
        loop {
            let (total, items, next) = page(&query);
            assert_eq!(total, 250);
            seen.extend(items);
            let Some(next) = next else { break };
            assert!(next.starts_with("?q=%C3%BC%26&limit=70&offset="), "{next}");
            query = next[1..].to_owned();
        }
        assert_eq!(seen, (0..250).collect::<Vec<_>>());
        assert_eq!(page("").1.len(), 100);
        assert_eq!(page("offset=1000000000"), (250, Vec::new(), None));
        assert_eq!(page("offset=249&limit=1000"), (250, vec![249], None));
    }
}
