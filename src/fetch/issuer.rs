//! The `caIssuers` addresses of a certificate (RFC 5280, section 4.2.2.1): plain http, and whatever form the answer has.

use std::sync::Arc;

use tokio::{sync::Semaphore, time::timeout};

use super::{
    Settings, answer,
    cache::{Answer, Cache},
    guard, http,
};
use crate::certificate::{Certificate, printable_cut};

/// Fetches issuers; cheap to clone, and every clone shares the cache.
#[derive(Clone)]
pub struct Fetcher {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Settings,
    /// Strangers' servers may be slow: they shall not eat the file descriptors that visits need.
    slots: Semaphore,
    cache: Cache,
}

/// What came of a search for an issuer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Issuers of the certificate, and what else the same answer held; no more is proven of them than the one signature.
    pub certificates: Vec<Arc<Certificate>>,
    /// Every attempt, as a fragment for a sentence: `http://a.example/ca.der answered 404; http://b.example/ca.der gave it`.
    pub tried: String,
}

impl Fetcher {
    /// A fetcher with an empty cache.
    pub fn new(settings: Settings) -> Self {
        let shared = Shared { settings, slots: Semaphore::new(CONCURRENT), cache: Cache::default() };
        Fetcher { shared: Arc::new(shared) }
    }

    /// The searches of one visit, which together ask a few addresses and no more.
    pub fn search(&self) -> Search<'_> {
        Search { shared: &self.shared, asked: 0 }
    }
}

/// Searches that belong together, as those of a chain with several certificates left out.
pub struct Search<'a> {
    shared: &'a Shared,
    asked: usize,
}

impl Search<'_> {
    /// Asks the AIA addresses of `subject` in turn, until one gives its issuer.
    pub async fn issuer(&mut self, subject: &Certificate) -> Found {
        let Some(facts) = subject.facts() else { return Found::default() };
        let urls = facts.ca_issuers();
        let nothing = |tried: &str| Found { certificates: Vec::new(), tried: tried.into() };
        if urls.is_empty() {
            return nothing("the certificate names no AIA address");
        }
        if !self.shared.settings.enabled {
            return nothing("fetching is switched off");
        }
        let mut tried = Vec::new();
        for url in urls.iter().take(MAX_URLS.min(MAX_ASKED - self.asked)) {
            self.asked += 1;
            let answer = self.shared.cache.answer(url, async || self.shared.ask(url).await).await;
            let fitting = answer.and_then(|certificates| {
                answer::for_subject(facts, &certificates).ok_or("gave a certificate that did not sign it".into())
            });
            let (certificates, outcome) = match fitting {
                Ok(certificates) => (certificates, "gave it".into()),
                Err(reason) => (Vec::new(), reason),
            };
            tried.push(format!("{} {outcome}", shown(url)));
            if !certificates.is_empty() {
                return Found { certificates, tried: tried.join("; ") };
            }
        }
        match urls.len() - tried.len() {
            0 => {}
            1 => tried.push("1 more was not asked".into()),
            more => tried.push(format!("{more} more were not asked")),
        }
        nothing(&tried.join("; "))
    }

    /// How many addresses were asked, or known from having been asked.
    #[cfg(test)]
    pub(super) fn asked(&self) -> usize {
        self.asked
    }
}

impl Shared {
    async fn ask(&self, url: &str) -> Answer {
        let _slot = self.slots.acquire().await.expect("the semaphore is never closed");
        let Settings { allow_private, max_bytes, timeout: deadline, .. } = self.settings;
        let get = http::get(url, max_bytes, |address| allow_private || guard::is_public(address.ip()));
        let body = timeout(deadline, get).await.map_err(|_| format!("did not answer within {} s", deadline.as_secs()))??;
        let certificates = answer::certificates(&body);
        if certificates.is_empty() { Err("gave no certificate".into()) } else { Ok(certificates) }
    }
}

/// A URL out of a stranger's certificate, fit to print.
fn shown(url: &str) -> String {
    printable_cut(url, 200)
}

const CONCURRENT: usize = 8;
/// For one certificate.
const MAX_URLS: usize = 4;
/// In one search: together they bring at most so many times the largest answer taken.
const MAX_ASKED: usize = 8;
