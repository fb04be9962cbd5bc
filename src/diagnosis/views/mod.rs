//! The same chain through the eyes of several clients: who accepts it, who refuses it and in which words, and what follows from
//! the differences. Made only when somebody asks; `docs/clients.md` says what each view models.

mod browser;
mod conclusion;
mod names;
mod openssl;
mod paths;
mod rustls;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::{Expectation, Fault, Judged, Trust, identity, signatures::Signatures};
use crate::{
    certificate::{Certificate, Facts},
    clock::Timestamp,
    endpoint::Host,
};

pub use paths::TrustPath;

/// The stores that clients bring along, as data.
#[derive(Clone, Debug, Default)]
pub struct Stores {
    /// The machine's.
    pub system: Arc<Trust>,
    /// Mozilla's roots.
    pub mozilla: Arc<Trust>,
}

/// Whose eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Client {
    /// curl over OpenSSL with the machine's store.
    Curl,
    /// Python's requests with certifi: OpenSSL with Mozilla's roots.
    Python,
    /// OpenSSL with the trust that the endpoint is judged by, where that has certificates of its own.
    Company,
    /// A browser with Mozilla's roots and what is configured beside them, which fetches issuers that are left out.
    Browser,
    /// rustls with Mozilla's roots: webpki itself is asked.
    Rustls,
}

impl Client {
    /// Every one, in the order of a table.
    pub const ALL: [Client; 5] = [Client::Curl, Client::Python, Client::Company, Client::Browser, Client::Rustls];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Client::Curl => "curl",
            Client::Python => "python",
            Client::Company => "company",
            Client::Browser => "browser",
            Client::Rustls => "rustls",
        }
    }

    /// What it brings along: `system`, `mozilla`, or `configured`.
    fn store(self) -> &'static str {
        match self {
            Client::Curl => "system",
            Client::Python | Client::Browser | Client::Rustls => "mozilla",
            Client::Company => "configured",
        }
    }
}

/// What a client does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It goes on.
    Accepts,
    /// It breaks off, with these words of its own, safe to print.
    Refuses(String),
    /// It depends on something that is not known here: on this.
    CannotTell(String),
}

impl Answer {
    /// `accepts`, `refuses`, `cannot_tell`.
    pub fn name(&self) -> &'static str {
        match self {
            Answer::Accepts => "accepts",
            Answer::Refuses(_) => "refuses",
            Answer::CannotTell(_) => "cannot_tell",
        }
    }

    /// The client's own words, or what is not known; empty where it accepts.
    pub fn reason(&self) -> &str {
        match self {
            Answer::Accepts => "",
            Answer::Refuses(reason) | Answer::CannotTell(reason) => reason,
        }
    }
}

/// One client's view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Whose.
    pub client: Client,
    /// What it trusts: `system`, `mozilla`, `configured`, or `mozilla+configured`.
    pub store: &'static str,
    /// What it does.
    pub answer: Answer,
    /// The first error of OpenSSL, where the client is OpenSSL: it stops there. 0 where it finds none.
    pub verify_code: Option<u16>,
    /// The path it takes, leaf first; empty where it has none.
    path: Vec<Arc<Certificate>>,
}

/// What all clients see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Views {
    /// One for each client, in a fixed order.
    pub clients: Vec<View>,
    /// The ways from the leaf to an anchor of any store, at most sixteen.
    pub paths: Vec<TrustPath>,
    /// What follows, in one sentence.
    pub works_where: String,
    /// Who must act by that; `None` where nobody must.
    pub fault: Option<Fault>,
}

/// What there is to look at.
struct Scene<'a> {
    presented: &'a [Arc<Certificate>],
    borrowed: &'a [Arc<Certificate>],
    expectation: &'a Expectation,
    signatures: &'a Signatures,
    now: Timestamp,
}

impl Scene<'_> {
    fn leaf(&self) -> &Facts {
        super::path::facts(&self.presented[0])
    }

    fn carries_name(&self) -> bool {
        match &self.expectation.host {
            Some(Host::Name(name)) => identity::matches_name(self.leaf(), name),
            Some(Host::Ip(ip)) => identity::matches_address(self.leaf(), *ip),
            None => true,
        }
    }

    /// By the rules of browsers and Python.
    fn carries_name_strictly(&self) -> bool {
        self.expectation.host.as_ref().is_none_or(|host| names::strict(self.leaf(), host))
    }
}

/// Looks at a judged chain through the eyes of every client; `trust` is what it was judged by. `None` where there is no chain, or
/// it cannot be read.
pub fn views(judged: &Judged, expectation: &Expectation, trust: &Trust, stores: &Stores, now: Timestamp) -> Option<Views> {
    let diagnosis = &judged.diagnosis;
    let is_readable = |certificate: &Arc<Certificate>| certificate.facts().is_some();
    let presented: Vec<_> = judged.observation.chain()?.iter().cloned().collect();
    if !presented.iter().all(is_readable) {
        return None;
    }
    let borrowed: Vec<_> = diagnosis.borrowed.certificates.iter().filter(|one| is_readable(one)).cloned().collect();
    let signatures = Signatures::default();
    let scene = Scene { presented: &presented, borrowed: &borrowed, expectation, signatures: &signatures, now };
    let mut clients = vec![openssl::curl(&scene, &stores.system), openssl::python(&scene, &stores.mozilla)];
    let is_own = |certificate: &Arc<Certificate>| !stores.system.contains(certificate) && !stores.mozilla.contains(certificate);
    let has_own = trust.iter().any(is_own);
    if has_own {
        clients.push(openssl::company(&scene, trust));
    }
    clients.push(browser::view(&scene, &stores.mozilla, has_own.then_some(trust)));
    clients.push(rustls::view(&scene, &stores.mozilla));
    let paths = paths::all(&scene, &[trust, &stores.system, &stores.mozilla], &clients);
    let (works_where, fault) = conclusion::of(&clients, &scene, diagnosis);
    Some(Views { clients, paths, works_where, fault })
}
