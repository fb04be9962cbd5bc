//! The rules of RFC 5280, for every certificate.

use super::{Lint, anatomy::Anatomy};

/// A row a rule.
pub(super) const LINTS: &[Lint] = &[
    Lint {
        name: "serial_not_positive",
        section: "RFC 5280, 4.1.2.2",
        breaks: |c| c.facts.serial()[0] >= 0x80 || c.facts.serial().iter().all(|octet| *octet == 0),
    },
    Lint { name: "serial_too_long", section: "RFC 5280, 4.1.2.2", breaks: |c| c.facts.serial().len() > 20 },
    Lint {
        name: "extensions_before_version_3",
        section: "RFC 5280, 4.1.2.1",
        breaks: |c| c.facts.version != 3 && !c.extensions.is_empty(),
    },
    Lint {
        name: "generalized_time_before_2050",
        section: "RFC 5280, 4.1.2.5",
        breaks: |c| c.dates.iter().any(|date| date.tag == GENERALIZED_TIME && date.content.get(..4) < Some(b"2050")),
    },
    Lint { name: "dates_reversed", section: "RFC 5280, 4.1.2.5", breaks: |c| c.facts.not_after < c.facts.not_before },
    Lint { name: "end_of_time", section: "RFC 5280, 4.1.2.5", breaks: |c| c.is_leaf && c.dates[1].content == b"99991231235959Z" },
    Lint {
        name: "extension_repeated",
        section: "RFC 5280, 4.2",
        breaks: |c| {
            let mut kinds: Vec<&str> = c.extensions.iter().map(|extension| &*extension.oid).collect();
            kinds.sort_unstable();
            kinds.windows(2).any(|pair| pair[0] == pair[1])
        },
    },
    Lint {
        name: "authority_key_identifier_missing",
        section: "RFC 5280, 4.2.1.1",
        breaks: |c| c.facts.authority_key_id().is_none() && !c.facts.is_self_issued(),
    },
    Lint {
        name: "subject_key_identifier_missing",
        section: "RFC 5280, 4.2.1.2",
        breaks: |c| c.issues() && c.extension(SUBJECT_KEY_ID).is_none(),
    },
    Lint {
        name: "key_identifier_critical",
        section: "RFC 5280, 4.2.1.1 and 4.2.1.2",
        breaks: |c| c.is_critical(AUTHORITY_KEY_ID) || c.is_critical(SUBJECT_KEY_ID),
    },
    Lint {
        name: "key_usage_missing",
        section: "RFC 5280, 4.2.1.3",
        breaks: |c| c.issues() && c.facts.extensions.key_usage.is_none(),
    },
    Lint {
        name: "certificate_signing_without_ca",
        section: "RFC 5280, 4.2.1.3",
        breaks: |c| !c.is_ca() && c.facts.extensions.key_usage.is_some_and(|usage| usage & KEY_CERT_SIGN != 0),
    },
    Lint {
        name: "basic_constraints_not_critical",
        section: "RFC 5280, 4.2.1.9",
        breaks: |c| c.issues() && !c.is_critical(BASIC_CONSTRAINTS),
    },
    Lint {
        name: "path_length_without_ca",
        section: "RFC 5280, 4.2.1.9",
        breaks: |c| c.facts.extensions.basic_constraints.is_some_and(|bc| !bc.ca && bc.path_length.is_some()),
    },
    Lint {
        name: "extended_key_usage_empty",
        section: "RFC 5280, 4.2.1.12",
        breaks: |c| c.uses.as_ref().is_some_and(Vec::is_empty),
    },
    Lint {
        name: "alternative_names_empty",
        section: "RFC 5280, 4.2.1.6",
        breaks: |c| c.facts.alternative_names().is_some() && c.sans.is_empty(),
    },
    Lint {
        name: "alternative_names_critical",
        section: "RFC 5280, 4.2.1.6",
        breaks: |c| c.is_critical(SUBJECT_ALT_NAME) && !c.subject.is_empty(),
    },
    Lint {
        name: "alternative_names_not_critical",
        section: "RFC 5280, 4.2.1.6",
        breaks: |c| c.subject.is_empty() && c.extension(SUBJECT_ALT_NAME).is_some_and(|extension| !extension.critical),
    },
    Lint {
        name: "address_as_dns_name",
        section: "RFC 5280, 4.2.1.6",
        breaks: |c| c.dns_names().any(|name| name.parse::<core::net::IpAddr>().is_ok()),
    },
    Lint { name: "dns_name_syntax", section: "RFC 5280, 4.2.1.6", breaks: |c| c.dns_names().any(|name| !is_dns_name(name)) },
    Lint { name: "wildcard_misplaced", section: "RFC 6125, 6.4.3", breaks: |c| c.dns_names().any(has_stray_star) },
    Lint {
        name: "country_code",
        section: "RFC 5280, A.1 (X520countryName)",
        breaks: |c| {
            c.values("2.5.4.6").any(|value| {
                value.tag != PRINTABLE_STRING || value.content.len() != 2 || !value.content.iter().all(u8::is_ascii_alphabetic)
            })
        },
    },
    Lint {
        name: "common_name_too_long",
        section: "RFC 5280, A.1 (ub-common-name)",
        // A name that is short as a whole need not be taken apart.
        breaks: |c| c.facts.subject.text().len() > 64 && c.facts.common_names().any(|name| name.chars().count() > 64),
    },
];

/// Labels of letters, digits, hyphens and, as the wild has it, underscores; stars are another lint's, addresses too.
fn is_dns_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'*'))
    };
    name.parse::<core::net::IpAddr>().is_ok() || (name.len() <= 253 && name.split('.').all(is_label))
}

/// A star that is not the whole of the first label.
fn has_stray_star(name: &str) -> bool {
    name.strip_prefix("*.").unwrap_or(name).contains('*')
}

/// The rules for public certificates ask the same of these.
pub(super) fn serves(c: &Anatomy<'_>, purpose: &str) -> bool {
    c.uses.iter().flatten().any(|oid| oid == purpose)
}

const GENERALIZED_TIME: u8 = 0x18;
const PRINTABLE_STRING: u8 = 0x13;
const KEY_CERT_SIGN: u16 = 1 << 5;
const SUBJECT_KEY_ID: &str = "2.5.29.14";
const SUBJECT_ALT_NAME: &str = "2.5.29.17";
const BASIC_CONSTRAINTS: &str = "2.5.29.19";
const AUTHORITY_KEY_ID: &str = "2.5.29.35";
