//! A diagnosis as text, as JSON, and as the evidence of an audit. All safe to print.

mod evidence;
mod json;
mod text;

pub use evidence::{evidence, s_client};
pub use json::json;
pub use text::text;

use crate::{
    endpoint::{Endpoint, HostPort},
    observation::Observation,
};

/// What a report is about: an endpoint that was visited, or a chain from a file.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// A visited endpoint.
    Endpoint(&'a Endpoint),
    /// A chain from a file: its path.
    File(&'a str),
}

impl Subject<'_> {
    fn name(&self) -> &str {
        match self {
            Subject::Endpoint(endpoint) => &endpoint.name,
            Subject::File(path) => path,
        }
    }

    fn target(&self) -> String {
        match self {
            Subject::Endpoint(endpoint) => endpoint.target.to_string(),
            Subject::File(path) => (*path).to_owned(),
        }
    }

    /// `name (192.0.2.1:443)`, `chain.pem`.
    fn headline(&self, observation: &Observation) -> String {
        match (self, observation.address) {
            (Subject::Endpoint(endpoint), Some(address)) => {
                format!("{} ({})", endpoint.name, HostPort(&crate::endpoint::Host::Ip(address), endpoint.target.port))
            }
            _ => self.name().to_owned(),
        }
    }
}
