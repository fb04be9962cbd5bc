use std::sync::Arc;

use super::*;
use crate::{
    certificate::{
        Certificate,
        der::{BIT_STRING, INTEGER, OCTET_STRING, OID, SEQUENCE, SET, constructed, primitive},
    },
    diagnosis::{Trust, path::Store},
};

/// A certificate in parts, each of them sound until a test turns it: what nobody's library would issue.
struct Parts {
    serial: Vec<u8>,
    /// The number that stands there: one less than is meant.
    version: Option<u8>,
    dates: [(u8, &'static [u8]); 2],
    /// Type, string type and text.
    subject: Vec<(&'static [u8], u8, Vec<u8>)>,
    modulus: Vec<u8>,
    /// Type, criticality and value.
    extensions: Vec<(&'static [u8], bool, Vec<u8>)>,
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("short").to_be_bytes();
    [&[tag, 0x84][..], &length, content].concat()
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(SEQUENCE, &parts.concat())
}

fn name(attributes: &[(&'static [u8], u8, Vec<u8>)]) -> Vec<u8> {
    let set = |(oid, tag, text): &(&'static [u8], u8, Vec<u8>)| tlv(SET, &sequence(&[tlv(OID, oid), tlv(*tag, text)]));
    sequence(&attributes.iter().map(set).collect::<Vec<_>>())
}

fn dns(names: &[&str]) -> Vec<u8> {
    sequence(&names.iter().map(|name| tlv(primitive(2), name.as_bytes())).collect::<Vec<_>>())
}

fn issuer_at(url: &str) -> Vec<u8> {
    let ca_issuers = [0x2b, 6, 1, 5, 5, 7, 0x30, 2];
    sequence(&[sequence(&[tlv(OID, &ca_issuers), tlv(primitive(6), url.as_bytes())])])
}

fn list_at(url: &str) -> Vec<u8> {
    sequence(&[sequence(&[tlv(constructed(0), &tlv(constructed(0), &tlv(primitive(6), url.as_bytes())))])])
}

impl Parts {
    /// A leaf against which no rule speaks.
    fn leaf() -> Self {
        Parts {
            serial: vec![0x5a; 16],
            version: Some(2),
            dates: [(UTC, b"261101000000Z"), (UTC, b"270101000000Z")],
            subject: vec![(COUNTRY, 0x13, b"DE".to_vec()), (COMMON_NAME, 0x0c, b"a.example".to_vec())],
            modulus: [&[0, 0xc0][..], &[0x55; 255]].concat(),
            extensions: vec![
                (AUTHORITY_KEY_ID, false, sequence(&[tlv(primitive(0), b"issuer")])),
                (SUBJECT_ALT_NAME, false, dns(&["a.example", "*.a.example"])),
                (KEY_USAGE, true, vec![BIT_STRING, 2, 7, 0x80]),
                (EXTENDED_KEY_USAGE, false, sequence(&[tlv(OID, SERVER_AUTH)])),
                (BASIC_CONSTRAINTS, true, sequence(&[])),
                (POLICIES, false, sequence(&[])),
                (AUTHORITY_INFO, false, issuer_at("http://ca.example/ca.cer")),
                (CRL_POINTS, false, list_at("http://ca.example/ca.crl")),
            ],
        }
    }

    /// A CA against which no rule speaks.
    fn ca() -> Self {
        let mut ca = Parts::leaf();
        ca.subject = vec![(COMMON_NAME, 0x0c, b"CA".to_vec())];
        ca.extensions.retain(|(oid, ..)| *oid == AUTHORITY_KEY_ID || *oid == AUTHORITY_INFO);
        ca.extensions.push((SUBJECT_KEY_ID, false, tlv(OCTET_STRING, b"ca")));
        ca.extensions.push((KEY_USAGE, true, vec![BIT_STRING, 2, 2, 0x04]));
        ca.extensions.push((BASIC_CONSTRAINTS, true, sequence(&[tlv(1, &[0xff])])));
        ca
    }

    /// The value of an extension, and whether it is critical.
    fn set(mut self, oid: &'static [u8], critical: bool, value: Vec<u8>) -> Self {
        let at = self.extensions.iter().position(|(known, ..)| *known == oid);
        match at {
            Some(at) => self.extensions[at] = (oid, critical, value),
            None => self.extensions.push((oid, critical, value)),
        }
        self
    }

    fn critical(mut self, oid: &'static [u8], critical: bool) -> Self {
        self.extensions.iter_mut().filter(|(known, ..)| *known == oid).for_each(|extension| extension.1 = critical);
        self
    }

    fn without(mut self, oid: &'static [u8]) -> Self {
        self.extensions.retain(|(known, ..)| *known != oid);
        self
    }

    fn names(self, names: &[&str]) -> Self {
        self.set(SUBJECT_ALT_NAME, false, dns(names))
    }

    fn with(mut self, turn: impl FnOnce(&mut Self)) -> Self {
        turn(&mut self);
        self
    }

    fn build(&self, issuer: &str) -> Arc<Certificate> {
        let algorithm = sequence(&[tlv(OID, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11]), vec![5, 0]]);
        let key_algorithm = sequence(&[tlv(OID, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]), vec![5, 0]]);
        let key = sequence(&[tlv(INTEGER, &self.modulus), tlv(INTEGER, &[1, 0, 1])]);
        let extension = |(oid, critical, value): &(&'static [u8], bool, Vec<u8>)| {
            let critical = if *critical { vec![1, 1, 0xff] } else { Vec::new() };
            sequence(&[tlv(OID, oid), critical, tlv(OCTET_STRING, value)])
        };
        let extensions: Vec<_> = self.extensions.iter().map(extension).collect();
        let tbs = sequence(&[
            self.version.map_or(Vec::new(), |version| tlv(constructed(0), &[INTEGER, 1, version])),
            tlv(INTEGER, &self.serial),
            algorithm.clone(),
            name(&[(COMMON_NAME, 0x0c, issuer.as_bytes().to_vec())]),
            sequence(&self.dates.map(|(tag, date)| tlv(tag, date))),
            name(&self.subject),
            sequence(&[key_algorithm, tlv(BIT_STRING, &[vec![0], key].concat())]),
            if extensions.is_empty() { Vec::new() } else { tlv(constructed(3), &sequence(&extensions)) },
        ]);
        Certificate::from_der(&sequence(&[tbs, algorithm, tlv(BIT_STRING, &[0, 1])]))
    }
}

/// What a path of these breaks, leaf first.
fn broken(presented: &[Arc<Certificate>], is_public: bool) -> Vec<&'static str> {
    for certificate in presented {
        assert_eq!(certificate.facts.as_ref().err(), None, "a lint is for what can be read");
    }
    let path = Path::build(presented, &Trust::default(), Store::Whole, crate::clock::Timestamp::UNIX_EPOCH);
    assert_eq!(path.certificates.len(), presented.len());
    of(&path, is_public).iter().map(|broken| broken.lint).collect()
}

/// Each lint, and a leaf that breaks it and no other.
fn bad_leaves() -> Vec<(&'static str, Parts)> {
    let leaf = Parts::leaf;
    let constraints = |fields: &[Vec<u8>]| leaf().set(BASIC_CONSTRAINTS, true, sequence(fields));
    vec![
        ("serial_not_positive", leaf().with(|p| p.serial = vec![0x85; 16])),
        ("serial_too_long", leaf().with(|p| p.serial = vec![0x5a; 21])),
        ("generalized_time_before_2050", leaf().with(|p| p.dates[1] = (GENERALIZED, b"20270101000000Z"))),
        ("dates_reversed", leaf().with(|p| p.dates.swap(0, 1))),
        ("end_of_time", leaf().with(|p| p.dates[1] = (GENERALIZED, b"99991231235959Z"))),
        ("extension_repeated", leaf().with(|p| p.extensions.push((POLICIES, false, sequence(&[]))))),
        ("authority_key_identifier_missing", leaf().without(AUTHORITY_KEY_ID)),
        ("key_identifier_critical", leaf().critical(AUTHORITY_KEY_ID, true)),
        ("certificate_signing_without_ca", leaf().set(KEY_USAGE, true, vec![BIT_STRING, 2, 2, 0x84])),
        ("path_length_without_ca", constraints(&[tlv(INTEGER, &[0])])),
        ("extended_key_usage_empty", leaf().set(EXTENDED_KEY_USAGE, false, sequence(&[]))),
        ("alternative_names_empty", leaf().names(&[]).with(|p| p.subject.truncate(1))),
        ("alternative_names_critical", leaf().critical(SUBJECT_ALT_NAME, true)),
        ("alternative_names_not_critical", leaf().with(|p| p.subject.clear())),
        ("address_as_dns_name", leaf().names(&["a.example", "192.0.2.1"])),
        ("dns_name_syntax", leaf().names(&["a.example", "a b.example"])),
        ("wildcard_misplaced", leaf().names(&["a.example", "a.*.example"])),
        ("country_code", leaf().with(|p| p.subject[0].2 = b"Germany".to_vec())),
        (
            "version_not_3",
            leaf().with(|p| {
                p.version = None;
                p.extensions.clear();
            }),
        ),
        ("serial_entropy", leaf().with(|p| p.serial = vec![0, 0x85, 1, 1])),
        ("rsa_modulus_size", leaf().with(|p| p.modulus = [&[0x60][..], &[0x55; 256]].concat())),
        ("common_name_not_among_alternative_names", leaf().names(&["b.example"])),
        ("underscore_in_name", leaf().names(&["a.example", "a_b.example"])),
        (
            "alternative_name_kind",
            leaf().set(SUBJECT_ALT_NAME, false, sequence(&[tlv(primitive(2), b"a.example"), tlv(primitive(1), b"a@b.example")])),
        ),
        ("organizational_unit", leaf().with(|p| p.subject.push((ORGANIZATIONAL_UNIT, 0x0c, b"IT".to_vec())))),
        ("extended_key_usage_missing", leaf().without(EXTENDED_KEY_USAGE)),
        ("any_extended_key_usage", leaf().set(EXTENDED_KEY_USAGE, false, sequence(&[tlv(OID, SERVER_AUTH), tlv(OID, ANY_USE)]))),
        ("key_usage_not_critical", leaf().critical(KEY_USAGE, false)),
        ("policies_missing", leaf().without(POLICIES)),
        ("issuer_address_missing", leaf().without(AUTHORITY_INFO)),
        ("address_not_http", leaf().set(AUTHORITY_INFO, false, issuer_at("ldap://ca.example/"))),
        ("address_not_http", leaf().set(CRL_POINTS, false, list_at("https://ca.example/ca.crl"))),
        ("revocation_source_missing", leaf().without(CRL_POINTS)),
    ]
}

/// The same of CAs.
fn bad_authorities() -> Vec<(&'static str, Parts)> {
    let ca = Parts::ca;
    vec![
        ("subject_key_identifier_missing", ca().without(SUBJECT_KEY_ID)),
        ("key_identifier_critical", ca().critical(SUBJECT_KEY_ID, true)),
        ("key_usage_missing", ca().without(KEY_USAGE)),
        ("basic_constraints_not_critical", ca().critical(BASIC_CONSTRAINTS, false)),
        ("authority_key_identifier_missing", ca().without(AUTHORITY_KEY_ID)),
    ]
}

#[test]
fn sound_certificates_break_nothing() {
    let leaf = Parts::leaf().set(AUTHORITY_KEY_ID, false, sequence(&[tlv(primitive(0), b"ca")]));
    assert_eq!(broken(&[leaf.build("CA"), Parts::ca().build("Root")], true), [""; 0]);
}

#[test]
fn each_rule_is_noticed_when_a_leaf_breaks_it_and_no_other() {
    for (lint, parts) in bad_leaves() {
        let found = broken(&[parts.build("CA")], true);
        assert!(found.contains(&lint), "{lint} was not noticed, but {found:?}");
        let also: Vec<_> = found.into_iter().filter(|other| *other != lint && !IMPLIED.contains(&(lint, other))).collect();
        assert_eq!(also, [""; 0], "beside {lint}");
    }
}

#[test]
fn each_rule_is_noticed_when_a_ca_breaks_it_and_no_other() {
    for (lint, parts) in bad_authorities() {
        let leaf = Parts::leaf().set(AUTHORITY_KEY_ID, false, sequence(&[tlv(primitive(0), b"ca")]));
        assert_eq!(broken(&[leaf.build("CA"), parts.build("Root")], true), [lint]);
    }
}

#[test]
fn extensions_need_version_3_and_common_names_have_an_end() {
    let old = Parts::leaf().with(|p| p.version = Some(1)).build("CA");
    assert!(broken(&[old], false).contains(&"extensions_before_version_3"));
    let long = |length| {
        let name = "x".repeat(length).into_bytes();
        Parts::leaf().with(|p| p.subject[1].2 = name).build("CA")
    };
    assert_eq!((broken(&[long(64)], false), broken(&[long(65)], false)), (Vec::new(), vec!["common_name_too_long"]));
}

#[test]
fn the_rules_for_public_certificates_are_for_them_alone_and_since_they_are_written() {
    let unit = |date| {
        Parts::leaf().with(|p| {
            p.subject.push((ORGANIZATIONAL_UNIT, 0x0c, b"IT".to_vec()));
            p.dates[0] = (UTC, date);
        })
    };
    let public = ["organizational_unit"];
    assert_eq!(broken(&[unit(b"230915000000Z").build("CA")], true), public);
    assert_eq!(broken(&[unit(b"230914235959Z").build("CA")], true), [""; 0]);
    assert_eq!(broken(&[unit(b"230915000000Z").build("CA")], false), [""; 0]);
    let authority = unit(b"230915000000Z").set(BASIC_CONSTRAINTS, true, sequence(&[tlv(1, &[0xff])]));
    assert_eq!(broken(&[authority.build("CA")], true), [""; 0], "a CA's, in the server's place");
}

#[test]
fn every_lint_has_a_certificate_that_breaks_it() {
    let alone = ["extensions_before_version_3", "common_name_too_long"];
    let tested: Vec<&str> = bad_leaves().iter().chain(&bad_authorities()).map(|(lint, _)| *lint).chain(alone).collect();
    for lint in lints() {
        assert!(tested.contains(&lint.name), "{} is never broken", lint.name);
        assert_eq!(lints().filter(|other| other.name == lint.name).count(), 1, "{}", lint.name);
    }
}

/// What breaking one rule means for another.
const IMPLIED: &[(&str, &str)] = &[
    ("version_not_3", "authority_key_identifier_missing"),
    ("version_not_3", "common_name_not_among_alternative_names"),
    ("version_not_3", "extended_key_usage_missing"),
    ("version_not_3", "policies_missing"),
    ("version_not_3", "issuer_address_missing"),
    ("version_not_3", "revocation_source_missing"),
];

const UTC: u8 = 0x17;
const GENERALIZED: u8 = 0x18;
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const COUNTRY: &[u8] = &[0x55, 4, 6];
const ORGANIZATIONAL_UNIT: &[u8] = &[0x55, 4, 11];
const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 14];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 17];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
const CRL_POINTS: &[u8] = &[0x55, 0x1d, 31];
const POLICIES: &[u8] = &[0x55, 0x1d, 32];
const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 35];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];
const ANY_USE: &[u8] = &[0x55, 0x1d, 37, 0];
const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
const AUTHORITY_INFO: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 1];
