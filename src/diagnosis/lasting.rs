//! For how long a diagnosis stays true when nothing but time passes.

use super::{Diagnosis, Expectation, Finding, Trust};
use crate::{
    certificate::Facts,
    clock::{Timestamp, later},
    observation::{Chain, Observation},
};

/// The first moment after `now` at which the same observation could be judged otherwise: when a certificate that is presented, borrowed
/// or, of the store, may stand in the path begins, ends, or comes near its end. `None`: at once, since its words count the time.
pub fn lasts_until(
    observation: &Observation,
    diagnosis: &Diagnosis,
    expectation: &Expectation,
    trust: &Trust,
    now: Timestamp,
) -> Option<Timestamp> {
    if diagnosis.findings.iter().any(|found| counts_time(&found.finding)) {
        return None;
    }
    let presented = || observation.chain().into_iter().flat_map(Chain::iter);
    let known = || presented().chain(&diagnosis.borrowed.certificates).chain(trust.intermediates());
    // Of the store's roots only these can stand in a path, or in the place of a certificate of it.
    let of_store = known().filter_map(|certificate| certificate.facts());
    let of_store = of_store.flat_map(|facts| trust.named(facts).iter().chain(trust.issuers_of(facts)));
    let facts = known().chain(of_store).filter_map(|certificate| certificate.facts());
    let moments = facts.flat_map(|facts| turns(facts, expectation));
    // Some of the checks take the second itself for before, some for after.
    let moments = moments.flat_map(|moment| [moment, later(moment, core::time::Duration::from_secs(1))]);
    Some(moments.filter(|moment| *moment > now).min().unwrap_or(Timestamp::MAX))
}

/// The moments at which something else is said of a certificate than before.
fn turns(facts: &Facts, expectation: &Expectation) -> [Timestamp; 4] {
    let expiry = &expectation.rules.expiry;
    [facts.not_before, facts.not_after, expiry.warning.begins(facts), expiry.critical.begins(facts)]
}

/// Its words say how much time has passed or is left.
fn counts_time(finding: &Finding) -> bool {
    matches!(
        finding,
        Finding::Expired { .. }
            | Finding::ExpiresSoon { .. }
            | Finding::IntermediateExpired { .. }
            | Finding::IntermediateExpiresSoon { .. }
    )
}
