//! Lints: where a certificate departs from RFC 5280, and a public one from the CA/Browser Forum's Baseline Requirements, though
//! clients may well accept it. A row a lint; each is tested both ways.

mod anatomy;
mod public;
mod rfc5280;
#[cfg(test)]
mod tests;

use super::{judge, path::Path, path::facts};
use anatomy::Anatomy;

/// One rule.
#[derive(Debug)]
pub struct Lint {
    /// The stable name.
    pub name: &'static str,
    /// Where it is written.
    pub section: &'static str,
    /// Whether a certificate breaks it.
    breaks: fn(&Anatomy<'_>) -> bool,
}

/// A rule that a certificate breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The lint's stable name.
    pub lint: &'static str,
    /// Where the rule is written.
    pub section: &'static str,
    /// The certificate's name, safe to print.
    pub subject: String,
}

/// Every lint: first those for all certificates, then those for public ones.
pub fn lints() -> impl Iterator<Item = &'static Lint> {
    rfc5280::LINTS.iter().chain(public::LINTS)
}

/// What the leaf and the CA certificates below the root break.
pub(super) fn of(path: &Path, is_public: bool) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (depth, certificate) in path.certificates.iter().enumerate() {
        let of = facts(certificate);
        if depth > 0 && of.is_self_signed() {
            continue;
        }
        let Some(anatomy) = Anatomy::of(of, depth == 0) else { continue };
        let measured = is_public && anatomy.is_leaf && !anatomy.is_ca() && of.not_before.as_second() >= PROFILES_SINCE;
        let public = public::LINTS.iter().filter(|_| measured);
        for lint in rfc5280::LINTS.iter().chain(public).filter(|lint| (lint.breaks)(&anatomy)) {
            let found = Broken { lint: lint.name, section: lint.section, subject: judge::name(certificate) };
            // Cross-signed certificates share their name: once is enough.
            if !broken.contains(&found) {
                broken.push(found);
            }
        }
    }
    broken
}

/// Since when the Baseline Requirements have the profiles that the lints for public certificates measure by: version 2.0.0, 2023-09-15.
const PROFILES_SINCE: i64 = 1_694_736_000;
