//! A certificate that was replaced at some addresses of an endpoint and not at all of them, or behind a balancer only now and then.

use std::fmt;

use super::EndpointView;
use crate::{clock::Timestamp, incident::Cause};

/// How far a new certificate has come. The same endpoint still shows the old one, which is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// At how many addresses only the new one is seen.
    pub renewed: usize,
    /// Of how many.
    pub of: usize,
    /// The addresses that still show the old one, or show it now and then; as text.
    pub old: Vec<String>,
    /// The old one comes and goes.
    pub alternates: bool,
}

impl Rollout {
    /// Of the certificate that is the cause of an incident, as it was last seen at each address; `alternates`: a newer one was seen
    /// in its place, and then the old one again. `None`: there is no newer one.
    pub fn of(view: &EndpointView, cause: &Cause, alternates: bool) -> Option<Rollout> {
        let Cause::Certificate(fingerprint) = cause else { return None };
        let shown = view.addresses.iter().filter_map(|row| {
            let leaf = &row.known.as_ref()?.observation.chain()?.leaf;
            Some((row.address?, leaf.fingerprint == *fingerprint, leaf.facts().map(|facts| facts.not_after)))
        });
        let shown: Vec<(_, bool, Option<Timestamp>)> = shown.collect();
        let end = shown.iter().filter(|(_, is_old, _)| *is_old).map(|(.., end)| *end).next()?;
        let renewed = shown.iter().filter(|(_, is_old, other)| !is_old && *other > end).count();
        let old = shown.iter().filter(|(_, is_old, _)| *is_old).map(|(address, ..)| address.to_string()).collect();
        (renewed > 0 || alternates).then_some(Rollout { renewed, of: shown.len(), old, alternates })
    }
}

impl fmt::Display for Rollout {
    /// `roll-out incomplete: 3 of 4 addresses have the new certificate, 192.0.2.4 still has the old one`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rollout { renewed, of, old, alternates } = self;
        let addresses = old.join(", ");
        let many = old.len() > 1;
        f.write_str("roll-out incomplete: ")?;
        if *renewed > 0 {
            write!(f, "{renewed} of {of} addresses have the new certificate, ")?;
        }
        match (alternates, many) {
            (true, false) => write!(f, "{addresses} shows now the old one, now the new one"),
            (true, true) => write!(f, "{addresses} show now the old one, now the new one"),
            (false, false) => write!(f, "{addresses} still has the old one"),
            (false, true) => write!(f, "{addresses} still have the old one"),
        }
    }
}
