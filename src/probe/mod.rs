//! The door to the servers we watch: one visit to one address, from TCP to the certificates, and never an `Err`.

mod attempt;
mod connect;
mod handshake;
mod hints;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
mod identity;
mod introduction;
mod known;
mod p521;
mod plaintext;
mod resolve;
mod session;
mod starttls;
#[cfg(test)]
mod tests;
mod tls_error;
mod trouble;

use core::net::IpAddr;
use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    certificate::Certificate,
    clock::Timestamp,
    endpoint::{Addresses, Endpoint, Host, HostPort},
    observation::{Failure, Observation, Said, Stage},
};
use attempt::{Attempt, Visit};
use handshake::Handshaker;

pub use identity::{ClientIdentity, IdentityError};
pub use resolve::NameLookup;

/// How visits are made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who turns names into addresses.
    pub names: NameLookup,
    /// More octets than this from the peer, from the first of TLS on, are no handshake any more.
    pub max_handshake_bytes: usize,
    /// Presented to servers that ask for a client certificate; by default they get none.
    pub identity: Option<ClientIdentity>,
    /// The HTTP proxy to go through.
    pub proxy: Option<Proxy>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { names: NameLookup::Dns, max_handshake_bytes: 256 * 1024, identity: None, proxy: None }
    }
}

/// An HTTP proxy that is asked to CONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Its name or address.
    pub host: Host,
    /// Its TCP port.
    pub port: u16,
}

impl fmt::Display for Proxy {
    /// `host:port`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        HostPort(&self.host, self.port).fmt(f)
    }
}

/// Visits servers. Cheap to clone; the clones share the resolver and its cache.
#[derive(Clone)]
pub struct Prober {
    inner: Arc<Inner>,
}

struct Inner {
    names: resolve::Names,
    handshaker: Handshaker,
    max_handshake_bytes: usize,
    proxy: Option<Proxy>,
}

impl fmt::Debug for Prober {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prober").field("proxy", &self.inner.proxy).finish_non_exhaustive()
    }
}

/// The addresses to visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// At least one and at most 16, without duplicates, in the resolver's order; of more than 16, the smallest, sorted.
    pub addresses: Vec<IpAddr>,
    /// Addresses that are left out: of a family that this machine has no route for, while the other family is there, and of more than
    /// 16 the rest.
    pub skipped: Vec<IpAddr>,
    /// How long it took.
    pub took: Duration,
}

impl Prober {
    /// Does nothing yet: files are read and sockets opened at the first visit.
    pub fn new(settings: Settings) -> Self {
        let inner = Inner {
            names: resolve::Names::new(settings.names),
            handshaker: Handshaker::new(settings.identity.as_ref()),
            max_handshake_bytes: settings.max_handshake_bytes,
            proxy: settings.proxy,
        };
        Prober { inner: Arc::new(inner) }
    }

    /// A certificate that is in memory already: whoever presents it again need not have it read again.
    pub fn know(&self, certificate: &Arc<Certificate>) {
        self.inner.handshaker.known.add(certificate);
    }

    /// The addresses of the endpoint's host, within its timeout; failures are of stage `Resolve`.
    ///
    /// Behind a proxy a name is the proxy's to resolve: the one address is then the proxy's own.
    pub async fn resolve(&self, endpoint: &Endpoint) -> Result<Resolved, Failure> {
        let started = Instant::now();
        let host = self.proxy_resolving(endpoint).map_or(&endpoint.target.host, |proxy| &proxy.host);
        let (mut addresses, mut skipped) = match (endpoint.addresses, host) {
            (Addresses::Only(address), _) => (vec![address], Vec::new()),
            (_, Host::Ip(address)) => (vec![*address], Vec::new()),
            (_, Host::Name(name)) => {
                let found = self.inner.names.addresses(name, endpoint.timeout).await;
                resolve::without_unroutable(found.map_err(|trouble| trouble.at(Stage::Resolve))?, resolve::has_route)
            }
        };
        let only_first = endpoint.addresses == Addresses::First || self.proxy_resolving(endpoint).is_some();
        if only_first {
            addresses.truncate(1);
        }
        skipped.extend(resolve::bound(&mut addresses, MAX_ADDRESSES));
        Ok(Resolved { addresses, skipped, took: started.elapsed() })
    }

    /// One visit to one address: TCP, STARTTLS, TLS, all within the endpoint's timeout. `at` is the moment to write down.
    ///
    /// A failure is part of the observation. Where a second attempt was made, the timing is of both together.
    pub async fn probe(&self, endpoint: &Endpoint, address: IpAddr, at: Timestamp) -> Observation {
        let visit = Visit::new(&self.inner, endpoint, address, self.proxy_resolving(endpoint).is_some());
        let Attempt { outcome, timing, said, .. } = visit.make().await;
        Observation { address: Some(address), at, outcome, timing, said: said.into() }
    }

    /// What the server at this address says it is, after TLS: its greeting, or the answer to `HEAD /`. By a connection of its own, within
    /// the endpoint's timeout. Nothing where it does not say, or cannot be asked; what it says before STARTTLS, a visit has heard.
    pub async fn introduction(&self, endpoint: &Endpoint, address: IpAddr) -> Vec<Said> {
        Visit::new(&self.inner, endpoint, address, self.proxy_resolving(endpoint).is_some()).introduction().await
    }

    /// The proxy, if it is asked for a name and not for an address.
    fn proxy_resolving(&self, endpoint: &Endpoint) -> Option<&Proxy> {
        let by_name = matches!(endpoint.target.host, Host::Name(_)) && !matches!(endpoint.addresses, Addresses::Only(_));
        self.inner.proxy.as_ref().filter(|_| by_name)
    }
}

const MAX_ADDRESSES: usize = 16;
