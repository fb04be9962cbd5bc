//! Which extensions OpenSSL decodes before it looks at a certificate, and what it takes for broken (`ossl_x509v3_cache_extensions`):
//! a certificate with one of these undecodable, or there twice, has issued nothing and was issued by nobody.

use std::{borrow::Cow, collections::BTreeMap, mem::replace};

use super::{
    BasicConstraints, Extensions, Name, Span,
    der::{self, Elements},
    general::{self, GeneralName},
    resources,
};

/// One extension as it stands in the certificate.
pub(super) struct Extension<'a> {
    /// Dotted.
    pub(super) oid: Cow<'static, str>,
    pub(super) critical: bool,
    pub(super) value: &'a [u8],
}

/// The extensions, which stand within `whole`.
pub(super) fn read(list: &[Extension<'_>], whole: &[u8]) -> Extensions {
    let mut out = Extensions::default();
    // One that is there twice says nothing, neither time (OpenSSL's `X509_get_ext_d2i`).
    let mut oids: Vec<&str> = list.iter().map(|extension| &*extension.oid).collect();
    oids.sort_unstable();
    // What is there more than once, and whether one of it was met.
    let repeated = oids.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| (pair[0], false));
    let mut repeated: BTreeMap<&str, bool> = repeated.collect();
    for extension in list {
        let oid = &*extension.oid;
        let is_told = match repeated.get_mut(oid) {
            None => decode(extension, whole, &mut out).is_none().then_some(true),
            // From the second on.
            Some(was_met) => Some(replace(was_met, true)),
        };
        if let Some(is_told) = is_told {
            out.invalid |= CACHED.contains(&oid);
            if is_told {
                out.rare_mut().undecodable.push(oid.into());
            }
        }
        if extension.critical && !HANDLED.contains(&oid) {
            out.rare_mut().unhandled_critical.push(oid.into());
        }
    }
    let has = |oid: &str| oids.binary_search(&oid).is_ok();
    let is_ca = out.basic_constraints.is_some_and(|bc| bc.ca);
    out.invalid |= out.proxy && (is_ca || has(SUBJECT_ALT_NAME) || has(ISSUER_ALT_NAME));
    out.invalid |= out.key_usage == Some(0);
    out
}

fn decode(extension: &Extension<'_>, whole: &[u8], out: &mut Extensions) -> Option<()> {
    let value = extension.value;
    match &*extension.oid {
        BASIC_CONSTRAINTS => out.basic_constraints = Some(basic_constraints(value, &mut out.invalid)?),
        KEY_USAGE => {
            let octets = der::bits(der::first(value, der::BIT_STRING)?)?;
            // RFC 5280 counts bits from the highest of the first octet.
            let bits = |at: usize| u16::from(octets.get(at).copied().unwrap_or(0).reverse_bits());
            out.key_usage = Some(bits(0) | bits(1) << 8);
        }
        EXTENDED_KEY_USAGE => {
            purposes(value)?;
            out.extended_key_usage = Some(Span::of(value, whole)?);
        }
        SUBJECT_KEY_ID => out.subject_key_id = Some(Span::of(der::first(value, der::OCTET_STRING)?, whole)?),
        AUTHORITY_KEY_ID => authority_key_id(value, whole, out)?,
        SUBJECT_ALT_NAME => {
            general::names(value)?;
            out.alternative_names = Some(Span::of(value, whole)?);
        }
        NAME_CONSTRAINTS => {
            general::constraints(value)?;
            out.rare_mut().name_constraints = Some(value.into());
        }
        CRL_DISTRIBUTION_POINTS => distribution_points(value)?,
        NETSCAPE_TYPE => {
            out.netscape_type = Some(der::bits(der::first(value, der::BIT_STRING)?)?.first().copied().unwrap_or(0));
        }
        PROXY => {
            let mut fields = der::sequence(value)?;
            if let Some(limit) = fields.optional(der::INTEGER) {
                out.rare_mut().proxy_limit = der::signed(der::integer(limit)?).filter(|limit| *limit != -1);
            }
            let mut policy = Elements(fields.expect(der::SEQUENCE)?);
            der::oid(policy.expect(der::OID)?)?;
            policy.optional(der::OCTET_STRING);
            policy.end()?;
            fields.end()?;
            out.proxy = true;
        }
        ADDRESS_BLOCKS => resources::address_blocks(value)?,
        AS_NUMBERS => resources::as_numbers(value)?,
        AUTHORITY_INFO_ACCESS => {
            authority_info_access(value)?;
            out.authority_access = Some(Span::of(value, whole)?);
        }
        TIMESTAMPS => {
            let list = der::first(value, der::OCTET_STRING)?;
            timestamps(list)?;
            out.timestamps = Some(Span::of(list, whole)?);
        }
        TLS_FEATURE => out.must_staple = true,
        _ => {}
    }
    Some(())
}

fn basic_constraints(value: &[u8], invalid: &mut bool) -> Option<BasicConstraints> {
    let mut fields = der::sequence(value)?;
    let ca = match fields.optional(der::BOOLEAN) {
        Some(content) => der::boolean(content)?,
        None => false,
    };
    let limit = match fields.optional(der::INTEGER) {
        Some(content) => Some(der::integer(content)?),
        None => None,
    };
    fields.end()?;
    let path_length = limit.and_then(der::unsigned);
    *invalid |= limit.is_some() && path_length.is_none();
    Some(BasicConstraints { ca, path_length })
}

fn authority_key_id(value: &[u8], whole: &[u8], out: &mut Extensions) -> Option<()> {
    let mut fields = der::sequence(value)?;
    let key = fields.optional(der::primitive(0));
    let issuer = fields.optional(der::constructed(1)).map_or(Some(Vec::new()), |names| general::each(Elements(names)))?;
    let serial = match fields.optional(der::primitive(2)) {
        Some(content) => Some(der::integer(content)?),
        None => None,
    };
    fields.end()?;
    out.authority_key_id = key.and_then(|key| Span::of(key, whole));
    if let Some(serial) = serial {
        out.rare_mut().authority_serial = Some(serial.into());
    }
    let issuer = issuer
        .into_iter()
        .find_map(|name| if let GeneralName::Directory(name) = name { Some(name.canonical().into()) } else { None });
    if let Some(issuer) = issuer {
        out.rare_mut().authority_issuer = Some(issuer);
    }
    Some(())
}

/// Only whether they can be decoded: revocation is not looked at.
fn distribution_points(value: &[u8]) -> Option<()> {
    for point in der::sequence(value)?.all()? {
        let mut fields = Elements(Some(point.content).filter(|_| point.tag == der::SEQUENCE)?);
        if let Some(content) = fields.optional(der::constructed(0)) {
            let mut choice = Elements(content);
            if let Some(names) = choice.optional(der::constructed(0)) {
                general::each(Elements(names))?;
            } else {
                Name::of_relative(choice.expect(der::constructed(1))?)?;
            }
            choice.end()?;
        }
        if let Some(reasons) = fields.optional(der::primitive(1)) {
            der::bits(reasons)?;
        }
        if let Some(issuer) = fields.optional(der::constructed(2)) {
            general::each(Elements(issuer))?;
        }
        fields.end()?;
    }
    Some(())
}

/// Methods (dotted), and the octets of those of their locations that are URIs.
fn authority_info_access(value: &[u8]) -> Option<Vec<(Cow<'static, str>, &[u8])>> {
    let mut uris = Vec::new();
    for description in der::sequence(value)?.all()? {
        let mut fields = Elements(Some(description.content).filter(|_| description.tag == der::SEQUENCE)?);
        let method = der::oid(fields.expect(der::OID)?)?;
        let location = fields.any()?;
        if location.tag == URI {
            uris.push((method, location.content));
        }
    }
    Some(uris)
}

/// The URIs of this method, of an extension that has been read before.
pub(super) fn locations(access: Option<&[u8]>, wanted: &str) -> Vec<String> {
    let uris = access.and_then(authority_info_access).unwrap_or_default();
    uris.into_iter().filter(|(method, _)| method == wanted).map(|(_, uri)| general::text(uri).into_owned()).collect()
}

/// The OIDs of an extended key usage, dotted.
pub(super) fn purposes(value: &[u8]) -> Option<Vec<Cow<'static, str>>> {
    let uses = der::sequence(value)?.all()?;
    uses.into_iter().map(|element| der::oid(Some(element.content).filter(|_| element.tag == der::OID)?)).collect()
}

/// The log of each (RFC 6962, sections 3.2 and 3.3): each has a length of two octets, as has the list; then the version, the log.
pub(super) fn timestamps(list: &[u8]) -> Option<Vec<[u8; 32]>> {
    let split = |octets: &[u8]| -> Option<(usize, usize)> {
        let length = usize::from(u16::from_be_bytes(octets.get(..2)?.try_into().ok()?));
        (octets.len() >= 2 + length).then_some((2, 2 + length))
    };
    let (start, end) = split(list)?;
    let mut rest = &list[start..end];
    let mut logs = Vec::new();
    while !rest.is_empty() {
        let (start, end) = split(rest)?;
        logs.push(rest[start..end].get(1..33)?.try_into().ok()?);
        rest = &rest[end..];
    }
    Some(logs)
}

const NETSCAPE_TYPE: &str = "2.16.840.1.113730.1.1";
const SUBJECT_KEY_ID: &str = "2.5.29.14";
const KEY_USAGE: &str = "2.5.29.15";
const SUBJECT_ALT_NAME: &str = "2.5.29.17";
const ISSUER_ALT_NAME: &str = "2.5.29.18";
const BASIC_CONSTRAINTS: &str = "2.5.29.19";
const NAME_CONSTRAINTS: &str = "2.5.29.30";
const CRL_DISTRIBUTION_POINTS: &str = "2.5.29.31";
const AUTHORITY_KEY_ID: &str = "2.5.29.35";
const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
const AUTHORITY_INFO_ACCESS: &str = "1.3.6.1.5.5.7.1.1";
const ADDRESS_BLOCKS: &str = "1.3.6.1.5.5.7.1.7"; // RFC 3779
const AS_NUMBERS: &str = "1.3.6.1.5.5.7.1.8"; // RFC 3779
const PROXY: &str = "1.3.6.1.5.5.7.1.14"; // RFC 3820
const TLS_FEATURE: &str = "1.3.6.1.5.5.7.1.24"; // RFC 7633
const TIMESTAMPS: &str = "1.3.6.1.4.1.11129.2.4.2"; // RFC 6962
pub(super) const OCSP: &str = "1.3.6.1.5.5.7.48.1";
pub(super) const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";
const URI: u8 = der::primitive(6);

/// Those that must be decodable, and there at most once.
const CACHED: &[&str] = &[
    BASIC_CONSTRAINTS,
    PROXY,
    KEY_USAGE,
    EXTENDED_KEY_USAGE,
    NETSCAPE_TYPE,
    SUBJECT_KEY_ID,
    AUTHORITY_KEY_ID,
    SUBJECT_ALT_NAME,
    NAME_CONSTRAINTS,
    CRL_DISTRIBUTION_POINTS,
    ADDRESS_BLOCKS,
    AS_NUMBERS,
];

/// Critical extensions that OpenSSL handles (`X509_supported_extension`).
const HANDLED: &[&str] = &[
    NETSCAPE_TYPE,
    KEY_USAGE,
    SUBJECT_ALT_NAME,
    BASIC_CONSTRAINTS,
    "2.5.29.32", // certificate policies
    CRL_DISTRIBUTION_POINTS,
    EXTENDED_KEY_USAGE,
    ADDRESS_BLOCKS,
    AS_NUMBERS,
    "1.3.6.1.5.5.7.48.1.5", // no OCSP for this responder (RFC 6960)
    "2.5.29.36",            // policy constraints
    PROXY,
    NAME_CONSTRAINTS,
    "2.5.29.33", // policy mappings
    "2.5.29.54", // inhibit any policy
];

#[cfg(test)]
mod tests {
    use super::*;

    fn extension<'a>(oid: &str, value: &'a [u8]) -> Extension<'a> {
        Extension { oid: oid.to_owned().into(), critical: false, value }
    }

    #[test]
    fn what_is_there_twice_says_nothing() {
        let value = [0x30, 3, 0x82, 1, b'a'];
        let name = || extension(SUBJECT_ALT_NAME, &value);
        let once = read(&[name()], &value);
        assert_eq!((once.invalid, once.alternative_names), (false, Span::of(&value, &value)));
        let twice = read(&[name(), name()], &value);
        assert_eq!((twice.invalid, &twice.alternative_names), (true, &None));
        assert_eq!(twice.rare().undecodable, [SUBJECT_ALT_NAME]);
    }

    #[test]
    fn a_proxy_certificate_names_a_policy() {
        fn read(value: &[u8]) -> Extensions {
            super::read(&[extension(PROXY, value)], value)
        }
        let named = read(&[0x30, 6, 0x30, 4, 0x06, 2, 0x2a, 3]);
        assert_eq!((named.proxy, named.invalid), (true, false));
        let unnamed = read(&[0x30, 2, 0x30, 0]);
        assert_eq!((unnamed.proxy, unnamed.invalid), (false, true));
        let limited = |limit| read(&[0x30, 9, 2, 1, limit, 0x30, 4, 0x06, 2, 0x2a, 3]).rare().proxy_limit;
        assert_eq!([limited(0), limited(5), limited(0xfe), limited(0xff)], [Some(0), Some(5), Some(-2), None]);
    }
}
