//! The rules of the Baseline Requirements (version 2) for the certificates of servers, beyond those of RFC 5280.

use super::{Lint, anatomy::Anatomy};
use crate::{
    certificate::{
        KeyKind, San,
        der::{self, Elements},
    },
    diagnosis::public::lifetime_days,
};

/// A row a rule.
pub(super) const LINTS: &[Lint] = &[
    Lint { name: "version_not_3", section: "Baseline Requirements, 7.1.1", breaks: |c| c.facts.version != 3 },
    Lint {
        name: "serial_entropy",
        section: "Baseline Requirements, 7.1.2.7",
        breaks: |c| c.facts.serial().iter().skip_while(|octet| **octet == 0).count() < 8,
    },
    Lint {
        name: "rsa_modulus_size",
        section: "Baseline Requirements, 6.1.5",
        breaks: |c| matches!(c.facts.key.kind, KeyKind::Rsa(bits) if bits % 8 != 0),
    },
    Lint {
        name: "common_name_not_among_alternative_names",
        section: "Baseline Requirements, 7.1.4.3",
        breaks: |c| {
            let is_there = |name: &str| {
                c.sans.iter().any(|san| match san {
                    San::Dns(dns) => dns.eq_ignore_ascii_case(name),
                    other => other.to_string().strip_prefix("ip:") == Some(name),
                })
            };
            c.facts.common_names().any(|name| !is_there(&name))
        },
    },
    Lint {
        name: "underscore_in_name",
        section: "Baseline Requirements, 7.1.2.7.12",
        breaks: |c| c.dns_names().any(|name| name.contains('_')),
    },
    Lint {
        name: "alternative_name_kind",
        section: "Baseline Requirements, 7.1.2.7.12",
        breaks: |c| c.sans.iter().any(|san| matches!(san, San::Other(_))),
    },
    Lint {
        name: "organizational_unit",
        section: "Baseline Requirements, 7.1.2.7",
        breaks: |c| c.values("2.5.4.11").next().is_some(),
    },
    Lint { name: "extended_key_usage_missing", section: "Baseline Requirements, 7.1.2.7.10", breaks: |c| c.uses.is_none() },
    Lint {
        name: "any_extended_key_usage",
        section: "Baseline Requirements, 7.1.2.7.10",
        breaks: |c| super::rfc5280::serves(c, "2.5.29.37.0"),
    },
    Lint {
        name: "key_usage_not_critical",
        section: "Baseline Requirements, 7.1.2.7.6",
        breaks: |c| c.extension("2.5.29.15").is_some_and(|extension| !extension.critical),
    },
    Lint {
        name: "policies_missing",
        section: "Baseline Requirements, 7.1.2.7.9",
        breaks: |c| c.extension("2.5.29.32").is_none(),
    },
    Lint {
        name: "issuer_address_missing",
        section: "Baseline Requirements, 7.1.2.7.7",
        breaks: |c| c.facts.ca_issuers().is_empty(),
    },
    Lint {
        name: "address_not_http",
        section: "Baseline Requirements, 7.1.2.7.7 and 7.1.2.11.2",
        breaks: |c| {
            let stated = c.facts.ca_issuers().into_iter().chain(c.facts.ocsp()).chain(revocation_lists(c));
            stated.into_iter().any(|url| !url.starts_with("http://"))
        },
    },
    Lint {
        name: "revocation_source_missing",
        section: "Baseline Requirements, 7.1.2.11.2",
        breaks: |c| {
            let short_lived = lifetime_days(c.facts) <= 7;
            !short_lived && c.facts.ocsp().is_empty() && c.extension(CRL_DISTRIBUTION_POINTS).is_none()
        },
    },
];

/// The addresses of the revocation lists: full names that are URIs (RFC 5280, section 4.2.1.13).
fn revocation_lists(c: &Anatomy<'_>) -> Vec<String> {
    let Some(extension) = c.extension(CRL_DISTRIBUTION_POINTS) else { return Vec::new() };
    let Some(points) = der::sequence(extension.value).and_then(Elements::all) else { return Vec::new() };
    let uris = |point: der::Element<'_>| {
        let mut name = Elements(Elements(point.content).optional(der::constructed(0))?);
        let names = Elements(name.optional(der::constructed(0))?).all()?;
        let uris = names.iter().filter(|name| name.tag == der::primitive(6));
        Some(uris.map(|uri| String::from_utf8_lossy(uri.content).into_owned()).collect::<Vec<_>>())
    };
    points.into_iter().filter_map(uris).flatten().collect()
}

const CRL_DISTRIBUTION_POINTS: &str = "2.5.29.31";
