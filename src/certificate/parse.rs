//! DER to facts, with x509-parser; bounded by the certificate's own length.

use x509_parser::{certificate::X509CertificateParser, nom::Parser as _};

use super::{
    Facts, Name, PublicKey, SignatureAlgorithm, TrustSettings, Unreadable,
    der::{self, Elements},
    extensions,
};
use crate::clock::Timestamp;

pub(super) fn facts(der: &[u8]) -> Result<Facts, Unreadable> {
    let mut parser = X509CertificateParser::new().with_deep_parse_extensions(false);
    let (rest, cert) = parser.parse(der).map_err(|error| Unreadable(reason(&error)))?;
    if !rest.is_empty() {
        return Err(Unreadable(format!("{} octets follow the certificate", rest.len())));
    }
    let tbs = &cert.tbs_certificate;
    let (extensions, sans) = extensions::read(cert.extensions());
    let signature = SignatureAlgorithm::read(&cert.signature_algorithm);
    let signature_is_sound = cert.signature_algorithm == tbs.signature && cert.signature_value.unused_bits == 0;
    Ok(Facts {
        version: tbs.version.0.saturating_add(1),
        serial: tbs.raw_serial().to_vec(),
        subject: Name::read(&tbs.subject),
        issuer: Name::read(&tbs.issuer),
        not_before: moment(tbs.validity.not_before.timestamp()),
        not_after: moment(tbs.validity.not_after.timestamp()),
        sans,
        key: PublicKey::read(&tbs.subject_pki),
        signature_within: Some(SignatureAlgorithm::read(&tbs.signature)).filter(|within| *within != signature),
        signature,
        tbs: tbs.as_ref().to_vec(),
        signature_value: signature_is_sound.then(|| cert.signature_value.data.to_vec()),
        extensions,
    })
}

/// A certificate, and the settings that follow it: what it is trusted for, what it is rejected for.
pub(super) fn trusted(der: &[u8]) -> Option<(&[u8], TrustSettings)> {
    let mut elements = Elements(der);
    let certificate = elements.any()?.whole;
    let mut settings = TrustSettings::default();
    if elements.end().is_none() {
        let mut fields = Elements(elements.expect(der::SEQUENCE)?);
        if let Some(uses) = fields.optional(der::SEQUENCE) {
            settings.trusted = Some(oids(uses)?);
        }
        settings.rejected = fields.optional(der::constructed(0)).map_or(Some(Vec::new()), oids)?;
    }
    Some((certificate, settings))
}

fn oids(content: &[u8]) -> Option<Vec<String>> {
    Elements(content).all()?.into_iter().map(|element| der::oid(element.content)).collect()
}

fn reason(error: &impl std::fmt::Display) -> String {
    let text = super::printable(&error.to_string());
    text.chars().take(120).collect()
}

fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX })
}
