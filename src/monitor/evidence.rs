//! Which visits show what an incident says.

use std::sync::Arc;

use super::{AddressView, EndpointView};
use crate::{
    diagnosis::{Found, Judged, Severity},
    incident::{Cause, Member},
};

impl EndpointView {
    /// The latest visit to each address that is at fault, the worst first; once none is, to each that was, or to all.
    /// Empty only when nothing is known of any address.
    pub(super) fn evidence(&self, member: &Member) -> Vec<Arc<Judged>> {
        let mut at_fault: Vec<(Severity, &Arc<Judged>)> = Vec::new();
        let mut holding: Vec<_> = self.findings().filter(|(_, judged, found)| is_about(found, judged, member)).collect();
        if holding.iter().any(|(row, ..)| concerns(member, row)) {
            // A failure that is not confirmed is no evidence.
            holding.retain(|(row, ..)| concerns(member, row));
        }
        for (_, judged, found) in holding {
            match at_fault.iter_mut().find(|(_, known)| Arc::ptr_eq(known, judged)) {
                Some((severity, _)) => *severity = found.severity().max(*severity),
                None => at_fault.push((found.severity(), judged)),
            }
        }
        if !at_fault.is_empty() {
            at_fault.sort_by_key(|(severity, _)| std::cmp::Reverse(*severity));
            return at_fault.into_iter().map(|(_, judged)| judged.clone()).collect();
        }
        let latest = |row: &AddressView| row.failed.clone().or_else(|| row.known.clone());
        let rows = &self.addresses;
        let concerned: Vec<_> = rows.iter().filter(|row| concerns(member, row)).filter_map(latest).collect();
        if concerned.is_empty() { rows.iter().filter_map(latest).collect() } else { concerned }
    }

    /// Every finding that holds, with where and in which visit: of the failed visit, then of the last known certificate.
    pub(super) fn findings(&self) -> impl Iterator<Item = (&AddressView, &Arc<Judged>, &Found)> {
        self.addresses.iter().flat_map(|row| {
            let visits = row.failed.iter().chain(&row.known);
            visits.flat_map(move |judged| judged.diagnosis.findings.iter().map(move |found| (row, judged, found)))
        })
    }
}

/// The address is one that the incident is told of; the failed resolution of one that has no address.
pub(super) fn concerns(member: &Member, row: &AddressView) -> bool {
    row.address.map_or(member.addresses.is_empty(), |ip| member.addresses.contains(&ip.to_string()))
}

fn is_about(found: &Found, judged: &Judged, member: &Member) -> bool {
    let finding = &found.finding;
    let is_same = || Cause::of(&member.endpoint, judged, finding) == member.key.cause;
    finding.topic() == member.key.topic && found.severity() >= Severity::Warning && is_same()
}
