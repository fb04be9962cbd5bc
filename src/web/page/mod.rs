//! The pages: what the brain's memory shows, in words and pictures; no script, no request to anywhere else. Each page is a
//! template and the facts that it is made of; only what is shown is rendered.

mod detail;
mod endpoint;
mod fleet;
mod incidents;
mod letters;
mod outbox;
mod parts;
mod picture;
mod query;
mod render;
mod silences;
#[cfg(test)]
mod tests;
mod timeline;

use std::sync::Arc;

use serde::Serialize;

use crate::{
    mail,
    monitor::{Chapter, Snapshot},
};
pub use parts::encode;
#[cfg(any(test, fuzzing))]
pub(super) use parts::segment;
use parts::{Frame, name_of};
pub(super) use parts::{decode, handle};
pub(super) use query::{Match, Query, Sort, in_order};

/// The style sheet of every page.
pub(super) const STYLE: &str = include_str!("style.css");

/// What stands before the title of a page in a browser.
pub(super) const ICON: &str = include_str!("icon.svg");

/// What is answered to a request for a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// This page.
    Page(String),
    /// A text to keep.
    File {
        /// Its media type.
        kind: &'static str,
        /// How it is to be shown or kept (RFC 6266).
        disposition: &'static str,
        /// What is in it.
        text: String,
    },
    /// There is no such thing: a page that says so.
    Missing(String),
}

#[cfg(test)]
impl Answer {
    /// What was rendered.
    pub(super) fn into_text(self) -> String {
        match self {
            Answer::Page(text) | Answer::Missing(text) | Answer::File { text, .. } => text,
        }
    }
}

/// Whether a page has this path, whatever is to be seen there.
pub(super) fn is_page(path: &str) -> bool {
    Place::of(path).is_some()
}

/// What the brain's memory does not hold.
#[derive(Debug)]
pub(super) struct Beside {
    /// Of the endpoint that is shown, the latest first; why it cannot be read.
    pub(super) history: Result<Vec<Chapter>, String>,
    /// How letters are written, where mail is configured.
    pub(super) mail: Option<Arc<mail::Settings>>,
}

impl Default for Beside {
    fn default() -> Self {
        Beside { history: Ok(Vec::new()), mail: None }
    }
}

/// The endpoint whose history is shown at this path.
pub(super) fn remembered(path: &str) -> Option<String> {
    if let Some(Place::Endpoint(name)) = Place::of(path) { Some(name) } else { None }
}

/// What is at this path, for this query.
pub(super) fn answer(snapshot: &Snapshot, beside: &Beside, path: &str, query: &str) -> Answer {
    match Place::of(path) {
        Some(Place::Fleet) => Answer::Page(fleet::page(snapshot, query)),
        Some(Place::Endpoint(name)) => endpoint::page(snapshot, beside, &name, query),
        Some(Place::Evidence(name)) => endpoint::evidence(snapshot, &name, query),
        Some(Place::Fullchain(name)) => endpoint::fullchain(snapshot, &name, query),
        Some(Place::Incidents) => Answer::Page(incidents::list(snapshot, query)),
        Some(Place::Incident(id)) => incidents::one(snapshot, &id, query),
        Some(Place::Silences) => Answer::Page(silences::page(snapshot, query)),
        Some(Place::Outbox) => Answer::Page(outbox::page(snapshot)),
        None => missing(snapshot, "", "No page has this address."),
    }
}

/// Which page, by its path.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Fleet,
    Endpoint(String),
    Evidence(String),
    Fullchain(String),
    Incidents,
    Incident(String),
    Silences,
    Outbox,
}

impl Place {
    fn of(path: &str) -> Option<Self> {
        let name = |segment: &str| Some(name_of(segment)).filter(|name| !name.is_empty());
        match path.strip_prefix('/')?.split('/').collect::<Vec<_>>()[..] {
            [""] => Some(Place::Fleet),
            ["endpoint", of] => name(of).map(Place::Endpoint),
            ["endpoint", of, "evidence.txt"] => name(of).map(Place::Evidence),
            ["endpoint", of, "fullchain.pem"] => name(of).map(Place::Fullchain),
            ["incidents"] => Some(Place::Incidents),
            ["incident", of] => name(of).map(Place::Incident),
            ["silences"] => Some(Place::Silences),
            ["outbox"] => Some(Place::Outbox),
            _ => None,
        }
    }
}

fn missing(snapshot: &Snapshot, root: &'static str, problem: &str) -> Answer {
    #[derive(Serialize)]
    struct Missing<'a> {
        frame: Frame,
        problem: &'a str,
    }
    Answer::Missing(render::render("missing.html", &Missing { frame: Frame::of(snapshot, root, ""), problem }))
}
