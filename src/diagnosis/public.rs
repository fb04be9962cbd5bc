//! The public web: chains that lead to a root of Mozilla's, and what the CA/Browser Forum and the browsers ask of them alone.

use std::sync::LazyLock;

use super::{
    Finding, Trust, names,
    path::{Path, facts, may_have_issued},
    signatures::Signatures,
};
use crate::{
    certificate::{Certificate, Facts},
    clock::Timestamp,
};

/// Mozilla's roots for servers, as evidence of what a chain leads to, whatever the effective trust is.
static ROOTS: LazyLock<Trust> =
    LazyLock::new(|| Trust::new(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|der| Certificate::from_der(der))));

/// The path ends at the key of a root that Mozilla knows, or at a certificate that such a root signed.
pub(super) fn is_public(path: &Path, signatures: &Signatures) -> bool {
    let top = path.top();
    let of = facts(top);
    let same_key = |root: &Facts| root.key.spki == of.key.spki;
    ROOTS.named(of).iter().any(|root| same_key(facts(root)))
        || ROOTS.issuers_of(of).iter().any(|root| may_have_issued(facts(root), of) && signatures.check(top, root).is_ok())
}

/// What the rules for public certificates say of this leaf.
pub(super) fn of_leaf(leaf: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let days = lifetime_days(leaf);
    if let Some(limit) = longest_lifetime(leaf.not_before).filter(|limit| days > *limit) {
        findings.push(Finding::LifetimeTooLong { days, limit });
    }
    let names = names::internal(leaf);
    if !names.is_empty() {
        findings.push(Finding::InternalNames { names });
    }
    let count = leaf.sct_logs().len();
    if let Some(least) = fewest_timestamps(leaf).filter(|least| count < *least) {
        findings.push(Finding::FewScts { count, least });
    }
    findings
}

/// How many timestamps Chrome and Safari want to see within a certificate (Chrome's and Apple's Certificate Transparency policies);
/// `None` from the time before they wanted any.
fn fewest_timestamps(leaf: &Facts) -> Option<usize> {
    const WANTED_FROM: i64 = 1_525_132_800; // 2018-05-01
    const BY_DAYS_FROM: i64 = 1_649_980_800; // 2022-04-15
    let (issued, days) = (leaf.not_before.as_second(), lifetime_days(leaf));
    match issued {
        ..WANTED_FROM => None,
        // Fifteen months, at the time.
        WANTED_FROM..BY_DAYS_FROM => Some(if days <= 456 { 2 } else { 3 }),
        BY_DAYS_FROM.. => Some(if days <= 180 { 2 } else { 3 }),
    }
}

/// The days of a validity period: both its first and its last second count, and a part of a day is a whole one (Baseline
/// Requirements, section 1.6.1, "Validity Period", and section 6.3.2).
pub(super) fn lifetime_days(leaf: &Facts) -> u64 {
    let seconds = (leaf.not_after.as_second() - leaf.not_before.as_second()).saturating_add(1);
    u64::try_from(seconds).unwrap_or(0).div_ceil(86_400)
}

/// The most days that a public certificate of this issue date may have (Baseline Requirements, section 6.3.2); `None` from the time
/// before there was a limit that counts today.
fn longest_lifetime(issued: Timestamp) -> Option<u64> {
    LIMITS.iter().rev().find(|(since, _)| issued.as_second() >= *since).map(|(_, days)| *days)
}

/// Since when (seconds of the Unix epoch), and how many days.
const LIMITS: &[(i64, u64)] = &[
    (1_427_846_400, 1188), // 2015-04-01: 39 months
    (1_519_862_400, 825),  // 2018-03-01
    (1_598_918_400, 398),  // 2020-09-01
    (1_773_532_800, 200),  // 2026-03-15
    (1_805_068_800, 100),  // 2027-03-15
    (1_868_227_200, 47),   // 2029-03-15
];

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        diagnosis::{Issuers, chain::complete},
        lab::pki::{Pki, Recipe},
    };

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    #[test]
    fn the_limit_is_that_of_the_day_of_issue() {
        for (issued, expected) in [
            ("2015-03-31T23:59:59Z", None),
            ("2018-02-28T23:59:59Z", Some(1188)),
            ("2018-03-01T00:00:00Z", Some(825)),
            ("2020-08-31T23:59:59Z", Some(825)),
            ("2020-09-01T00:00:00Z", Some(398)),
            ("2026-03-14T23:59:59Z", Some(398)),
            ("2026-03-15T00:00:00Z", Some(200)),
            ("2027-03-15T00:00:00Z", Some(100)),
            ("2029-03-15T00:00:00Z", Some(47)),
        ] {
            assert_eq!(longest_lifetime(at(issued)), expected, "{issued}");
        }
    }

    #[test]
    fn the_last_second_counts() {
        let issued = at("2026-11-22T12:00:00Z");
        let found = |seconds: i64| {
            let until = Timestamp::from_second(issued.as_second() + seconds).expect("near");
            let leaf = Recipe::leaf(issued, ["a.example"]).not_before(issued).not_after(until).self_signed().expect("P-256");
            of_leaf(Certificate::from_der(&leaf.der()).facts().expect("readable"))
        };
        let most = 200 * 86_400 - 1;
        let told = Finding::LifetimeTooLong { days: 201, limit: 200 };
        assert!(!found(most).contains(&told));
        assert!(found(most + 1).contains(&told));
    }

    #[test]
    fn timestamps_are_wanted_by_lifetime() {
        let leaf = |issued: &str, days| {
            let issued = at(issued);
            let made = Recipe::leaf(issued, ["mail.corp"]).days(0, days).self_signed().expect("P-256");
            Certificate::from_der(&made.der())
        };
        for (issued, days, expected) in [
            ("2018-04-30T00:00:00Z", 90, None),
            ("2018-05-01T00:00:00Z", 800, Some(3)),
            ("2022-04-14T00:00:00Z", 397, Some(2)),
            ("2022-04-15T00:00:00Z", 397, Some(3)),
            ("2026-11-22T12:00:00Z", 180, Some(3)),
            ("2026-11-22T12:00:00Z", 179, Some(2)),
        ] {
            let leaf = leaf(issued, days);
            assert_eq!(fewest_timestamps(facts(&leaf)), expected, "{issued} {days}");
        }
        let said = of_leaf(facts(&leaf("2026-11-22T12:00:00Z", 90)));
        assert_eq!(said, [Finding::InternalNames { names: vec!["mail.corp".into()] }, Finding::FewScts { count: 0, least: 2 }]);
    }

    #[test]
    fn a_chain_is_public_by_the_key_of_its_root() {
        let now = at("2026-11-22T12:00:00Z");
        let private = Pki::new(now).expect("P-256");
        let public = |certificate: &Arc<Certificate>| {
            let path = complete(std::slice::from_ref(certificate), &Trust::default(), &Issuers::default(), now);
            is_public(&path, &Signatures::default())
        };
        assert!(!public(&Certificate::from_der(&private.root.der())));
        let known = Certificate::from_der(&webpki_root_certs::TLS_SERVER_ROOT_CERTS[0]);
        assert!(public(&known));
        // The name alone is nobody's.
        let name = facts(&known).common_names().next().expect("a name");
        let pretender = Recipe::ca(now, &name).self_signed().expect("P-256");
        assert!(!public(&Certificate::from_der(&pretender.der())));
    }
}
