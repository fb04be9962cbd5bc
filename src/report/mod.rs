//! A diagnosis as text, as JSON, and as the evidence of an audit. All safe to print.

mod clients;
mod commands;
mod evidence;
mod json;
mod text;
mod words;

pub use clients::{client, clients, takers};
pub use commands::s_client;
pub(crate) use commands::word;
pub use evidence::evidence;
pub use json::json;
pub(crate) use json::{CertificateLine, Line, certificate, report};
pub use text::{line, text, verdict};
pub(crate) use words::words;

use crate::{
    endpoint::{Addresses, Endpoint, Host, HostPort, Protocol},
    observation::Observation,
};

/// What a report is about: an endpoint that was visited, or a chain from a file.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// A visited endpoint.
    Endpoint(&'a Endpoint),
    /// An endpoint that was visited through this HTTP proxy, `host:port`. Asked for a name, the proxy resolves it: the address of
    /// the observation is then its own.
    Proxied(&'a Endpoint, &'a str),
    /// A chain from a file: its path, and the options with which `openssl verify` judges by the same name, trust and time.
    File(&'a str, &'a str),
}

impl<'a> Subject<'a> {
    /// What it is called, in a message too.
    pub fn name(&self) -> &'a str {
        match self {
            Subject::Endpoint(endpoint) | Subject::Proxied(endpoint, _) => &endpoint.name,
            Subject::File(path, _) => path,
        }
    }

    fn target(&self) -> String {
        match self {
            Subject::Endpoint(endpoint) | Subject::Proxied(endpoint, _) => endpoint.target.to_string(),
            Subject::File(path, _) => (*path).to_owned(),
        }
    }

    /// What was connected to in the end, by whomever; `None` when nothing was.
    fn connected_to(&self, observation: &Observation) -> Option<Host> {
        match self {
            Subject::File(..) => None,
            Subject::Proxied(endpoint, _) if !matches!(endpoint.addresses, Addresses::Only(_)) => {
                Some(endpoint.target.host.clone())
            }
            Subject::Endpoint(_) | Subject::Proxied(..) => observation.address.map(Host::Ip),
        }
    }

    /// Where the connection went: `192.0.2.1:443`, `example.org:443 by the proxy 192.0.2.9:3128`.
    fn place(&self, observation: &Observation) -> String {
        let (Subject::Endpoint(endpoint) | Subject::Proxied(endpoint, _)) = self else { return String::new() };
        let place = self.connected_to(observation).map(|host| HostPort(&host, endpoint.target.port).to_string());
        match (self, place) {
            (Subject::Proxied(_, proxy), Some(place)) => format!("{place} by the proxy {proxy}"),
            (_, place) => place.unwrap_or_default(),
        }
    }

    /// What is spoken there; for a file nothing is known, which is what TLS alone says.
    fn protocol(&self) -> Protocol {
        match self {
            Subject::Endpoint(endpoint) | Subject::Proxied(endpoint, _) => endpoint.target.protocol,
            Subject::File(..) => Protocol::Tls,
        }
    }

    /// `name (192.0.2.1:443)`, `name (example.org:443 by the proxy 192.0.2.9:3128)`, `chain.pem`.
    fn headline(&self, observation: &Observation) -> String {
        let (endpoint, by) = match self {
            Subject::Endpoint(endpoint) => (endpoint, String::new()),
            Subject::Proxied(endpoint, proxy) => (endpoint, format!(" by the proxy {proxy}")),
            Subject::File(path, _) => return (*path).to_owned(),
        };
        match self.connected_to(observation).map(|host| HostPort(&host, endpoint.target.port).to_string()) {
            Some(place) if by.is_empty() && place == *endpoint.name => place,
            Some(place) => format!("{} ({place}{by})", endpoint.name),
            None => endpoint.name.to_string(),
        }
    }
}
