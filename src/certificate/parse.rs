//! DER to facts, with x509-parser; bounded by the certificate's own length.

use x509_parser::{
    asn1_rs::{FromDer as _, Oid},
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension, X509Extension},
    public_key::{PublicKey as ParsedKey, RSAPublicKey},
    x509::SubjectPublicKeyInfo,
};

use super::{BasicConstraints, Extensions, Facts, KeyKind, Name, PublicKey, San, SignatureAlgorithm, Unreadable, hex, name};
use crate::clock::Timestamp;

pub(super) fn facts(der: &[u8]) -> Result<Facts, Unreadable> {
    let (rest, cert) = X509Certificate::from_der(der).map_err(|error| Unreadable(reason(&error)))?;
    if !rest.is_empty() {
        return Err(Unreadable(format!("{} octets follow the certificate", rest.len())));
    }
    let tbs = &cert.tbs_certificate;
    let (extensions, sans) = extensions(cert.extensions());
    Ok(Facts {
        version: tbs.version.0.saturating_add(1),
        serial: tbs.raw_serial().to_vec(),
        subject: Name::read(&tbs.subject),
        issuer: Name::read(&tbs.issuer),
        not_before: moment(tbs.validity.not_before.timestamp()),
        not_after: moment(tbs.validity.not_after.timestamp()),
        sans,
        key: public_key(&tbs.subject_pki),
        signature: SignatureAlgorithm::read(&cert.signature_algorithm),
        tbs: tbs.as_ref().to_vec(),
        signature_value: cert.signature_value.data.to_vec(),
        extensions,
    })
}

fn reason(error: &impl std::fmt::Display) -> String {
    super::printable_cut(&error.to_string(), 120)
}

fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

fn public_key(spki: &SubjectPublicKeyInfo<'_>) -> PublicKey {
    let algorithm = spki.algorithm.algorithm.to_id_string();
    let kind = match algorithm.as_str() {
        "1.2.840.113549.1.1.1" => KeyKind::Rsa(rsa_bits(spki)),
        "1.2.840.113549.1.1.10" => KeyKind::RsaPss(rsa_bits(spki)),
        "1.2.840.10040.4.1" => KeyKind::Dsa(match spki.parsed() {
            Ok(ParsedKey::DSA(y)) => y.iter().skip_while(|b| **b == 0).count() * 8,
            _ => 0,
        }),
        "1.2.840.10045.2.1" => KeyKind::Ec(curve(spki)),
        "1.3.101.112" => KeyKind::Ed25519,
        "1.3.101.113" => KeyKind::Ed448,
        "2.16.840.1.101.3.4.3.17" => KeyKind::MlDsa(44),
        "2.16.840.1.101.3.4.3.18" => KeyKind::MlDsa(65),
        "2.16.840.1.101.3.4.3.19" => KeyKind::MlDsa(87),
        _ => KeyKind::Other(algorithm),
    };
    PublicKey { kind, spki: spki.raw.to_vec(), bits: spki.subject_public_key.data.to_vec() }
}

fn rsa_bits(spki: &SubjectPublicKeyInfo<'_>) -> usize {
    // By hand, since `parsed` knows the key of rsaEncryption only, and an RSASSA-PSS one has the same form (RFC 4055).
    match RSAPublicKey::from_der(&spki.subject_public_key.data) {
        Ok((_, key)) => {
            let modulus: Vec<u8> = key.modulus.iter().copied().skip_while(|b| *b == 0).collect();
            modulus.first().map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize)
        }
        Err(_) => 0,
    }
}

fn curve(spki: &SubjectPublicKeyInfo<'_>) -> String {
    let Some(oid) = spki.algorithm.parameters.as_ref().and_then(|p| Oid::try_from(p.clone()).ok()) else {
        return "explicit parameters".into();
    };
    match oid.to_id_string().as_str() {
        "1.2.840.10045.3.1.1" => "P-192".into(),
        "1.3.132.0.33" => "P-224".into(),
        "1.2.840.10045.3.1.7" => "P-256".into(),
        "1.3.132.0.34" => "P-384".into(),
        "1.3.132.0.35" => "P-521".into(),
        "1.3.132.0.10" => "secp256k1".into(),
        "1.3.36.3.3.2.8.1.1.7" => "brainpoolP256r1".into(),
        "1.3.36.3.3.2.8.1.1.11" => "brainpoolP384r1".into(),
        "1.3.36.3.3.2.8.1.1.13" => "brainpoolP512r1".into(),
        other => other.to_owned(),
    }
}

fn extensions(list: &[X509Extension<'_>]) -> (Extensions, Option<Vec<San>>) {
    let mut out = Extensions::default();
    let mut sans = None;
    for extension in list {
        let oid = extension.oid.to_id_string();
        match extension.parsed_extension() {
            ParsedExtension::BasicConstraints(bc) => {
                out.basic_constraints = Some(BasicConstraints { ca: bc.ca, path_length: bc.path_len_constraint });
            }
            ParsedExtension::KeyUsage(usage) => out.key_usage = Some(usage.flags),
            ParsedExtension::ExtendedKeyUsage(_) => out.extended_key_usage = Some(extended_key_usage(extension.value)),
            ParsedExtension::SubjectKeyIdentifier(id) => out.subject_key_id = Some(id.0.to_vec()),
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                out.authority_key_id = id.key_identifier.as_ref().map(|key| key.0.to_vec());
                let issuer = id.authority_cert_issuer.iter().flatten().find_map(|name| match name {
                    GeneralName::DirectoryName(name) => Some(name::canonical(name)),
                    _ => None,
                });
                out.authority_issuer_serial = issuer.zip(id.authority_cert_serial.map(<[u8]>::to_vec));
            }
            ParsedExtension::SubjectAlternativeName(list) => {
                sans = Some(list.general_names.iter().map(san).collect());
            }
            ParsedExtension::AuthorityInfoAccess(access) => {
                for description in access.iter() {
                    let GeneralName::URI(url) = &description.access_location else { continue };
                    match description.access_method.to_id_string().as_str() {
                        "1.3.6.1.5.5.7.48.2" => out.ca_issuers.push((*url).to_owned()),
                        "1.3.6.1.5.5.7.48.1" => out.ocsp.push((*url).to_owned()),
                        _ => {}
                    }
                }
            }
            ParsedExtension::NSCertType(_) => out.netscape_type = extension.value.get(3).copied(),
            ParsedExtension::SCT(list) => out.sct_count = list.len(),
            ParsedExtension::ParseError { .. } => out.undecodable.push(oid.clone()),
            _ if oid == "1.3.6.1.5.5.7.1.14" => out.proxy = true,
            _ if oid == "1.3.6.1.5.5.7.1.24" => out.must_staple = true,
            _ => {}
        }
        if extension.critical && !HANDLED.contains(&oid.as_str()) {
            out.unhandled_critical.push(oid);
        }
    }
    (out, sans)
}

/// The purposes, as dotted OIDs: x509-parser folds the known ones into flags, and we want them as they stand.
fn extended_key_usage(value: &[u8]) -> Vec<String> {
    <Vec<Oid<'_>>>::from_der(value).map_or_else(|_| Vec::new(), |(_, oids)| oids.iter().map(Oid::to_id_string).collect())
}

fn san(name: &GeneralName<'_>) -> San {
    match name {
        GeneralName::DNSName(dns) => San::Dns((*dns).to_owned()),
        GeneralName::IPAddress(octets) => San::Ip(octets.to_vec()),
        GeneralName::RFC822Name(mail) => San::Other(format!("email:{mail}")),
        GeneralName::URI(uri) => San::Other(format!("uri:{uri}")),
        GeneralName::DirectoryName(name) => San::Other(format!("dirname:{}", Name::read(name))),
        GeneralName::RegisteredID(oid) => San::Other(format!("rid:{oid}")),
        GeneralName::OtherName(oid, value) => San::Other(format!("othername:{oid}:#{}", hex(value))),
        other => San::Other(format!("other:{other:?}").chars().take(80).collect()),
    }
}

/// Critical extensions that OpenSSL handles (`X509_supported_extension` in crypto/x509/v3_purp.c).
const HANDLED: &[&str] = &[
    "2.16.840.1.113730.1.1", // Netscape certificate type
    "2.5.29.15",             // key usage
    "2.5.29.17",             // subject alternative name
    "2.5.29.19",             // basic constraints
    "2.5.29.32",             // certificate policies
    "2.5.29.31",             // CRL distribution points
    "2.5.29.37",             // extended key usage
    "1.3.6.1.5.5.7.1.7",     // RFC 3779 addresses
    "1.3.6.1.5.5.7.1.8",     // RFC 3779 AS numbers
    "1.3.6.1.5.5.7.1.14",    // proxy certificates
    "2.5.29.36",             // policy constraints
    "2.5.29.33",             // policy mappings
    "2.5.29.30",             // name constraints
    "2.5.29.54",             // inhibit any policy
];
