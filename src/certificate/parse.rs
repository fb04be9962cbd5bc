//! DER to facts; bounded by the certificate's own length. The frame is read here, as strictly as OpenSSL reads it: x509-parser
//! passes over what it cannot decode within names and extensions.

use jiff::{civil, tz::TimeZone};
use x509_parser::{asn1_rs::FromDer as _, x509::AlgorithmIdentifier, x509::SubjectPublicKeyInfo};

use super::{
    Facts, Name, Octets, PublicKey, SignatureAlgorithm, Span, TrustSettings,
    der::{self, Elements},
    extensions::{self, Extension},
};
use crate::clock::Timestamp;

/// What a certificate says, or why it says nothing.
pub(super) fn facts(der: &Octets) -> Result<Facts, String> {
    let mut outer = Elements(der);
    let mut whole = Elements(outer.expect(der::SEQUENCE).ok_or_else(|| "is no DER sequence".to_owned())?);
    if outer.end().is_none() {
        return Err(format!("{} octets follow the certificate", outer.0.len()));
    }
    let tbs = whole.any().filter(|tbs| tbs.tag == der::SEQUENCE).ok_or_else(|| cannot("signed part"))?;
    let algorithm = algorithm(&mut whole).ok_or_else(|| cannot("signature algorithm"))?;
    let value = whole.expect(der::BIT_STRING).filter(|value| value.first().is_some_and(|unused| *unused < 8));
    let value = value.filter(|_| whole.end().is_some()).ok_or_else(|| cannot("signature"))?;

    let mut fields = Elements(tbs.content);
    let version = version(&mut fields).ok_or_else(|| cannot("version"))?;
    let serial = fields.expect(der::INTEGER).and_then(der::integer).ok_or_else(|| cannot("serial number"))?;
    let within = self::algorithm(&mut fields).ok_or_else(|| cannot("signature algorithm"))?;
    let issuer = fields.expect(der::SEQUENCE).and_then(Name::read).ok_or_else(|| cannot("issuer"))?;
    let (not_before, not_after) = validity(&mut fields).ok_or_else(|| cannot("validity"))?;
    let subject = fields.expect(der::SEQUENCE).and_then(Name::read).ok_or_else(|| cannot("subject"))?;
    let key = key(&mut fields, der).ok_or_else(|| cannot("public key"))?;
    let list = extension_list(&mut fields).ok_or_else(|| cannot("list of extensions"))?;

    debug_assert!(std::ptr::eq(key.spki.whole(), &raw const **der), "who holds the key holds the certificate");
    let extensions = extensions::read(&list, der);
    let signature = SignatureAlgorithm::read(&algorithm);
    let signature_is_sound = algorithm == within && value[0] == 0;
    Ok(Facts {
        version,
        serial: Span::of(serial, der).ok_or_else(|| cannot("serial number"))?,
        subject,
        issuer,
        not_before,
        not_after,
        key,
        signature_within: Some(SignatureAlgorithm::read(&within)).filter(|within| *within != signature).map(Box::new),
        signature,
        signature_is_sound,
        extensions,
    })
}

/// The first part of a certificate that has been read before.
pub(super) fn signed_part(der: &[u8]) -> Option<&[u8]> {
    Some(der::sequence(der)?.any()?.whole)
}

/// The content of the subject, of a certificate that has been read before.
pub(super) fn subject(der: &[u8]) -> Option<&[u8]> {
    let mut fields = der::sequence(signed_part(der)?)?;
    fields.optional(der::constructed(0));
    fields.any()?; // the serial number
    fields.any()?; // the signature's algorithm
    fields.any()?; // the issuer
    fields.any()?; // the dates
    fields.expect(der::SEQUENCE)
}

/// The signature's octets, of a certificate that has been read before.
pub(super) fn signature_value(der: &[u8]) -> Option<&[u8]> {
    let mut whole = der::sequence(der)?;
    whole.any()?;
    whole.any()?;
    whole.expect(der::BIT_STRING)?.get(1..)
}

fn cannot(part: &str) -> String {
    format!("its {part} cannot be decoded")
}

fn algorithm<'a>(fields: &mut Elements<'a>) -> Option<AlgorithmIdentifier<'a>> {
    let element = fields.any()?;
    is_algorithm(element)?;
    Some(AlgorithmIdentifier::from_der(element.whole).ok()?.1)
}

/// An identifier, at most one element of parameters, and nothing else.
fn is_algorithm(element: der::Element<'_>) -> Option<()> {
    let mut parts = Elements(Some(element.content).filter(|_| element.tag == der::SEQUENCE)?);
    der::oid(parts.expect(der::OID)?)?;
    if !parts.0.is_empty() {
        der::any_value(parts.any()?)?;
    }
    parts.end()
}

fn version(fields: &mut Elements<'_>) -> Option<u32> {
    let Some(explicit) = fields.optional(der::constructed(0)) else { return Some(1) };
    let mut inner = Elements(explicit);
    let number = der::integer(inner.expect(der::INTEGER)?)?;
    inner.end()?;
    // A negative one is none that there is, which OpenSSL does not mind.
    Some(der::unsigned(number).map_or(u32::MAX, |number| number.saturating_add(1)))
}

fn validity(fields: &mut Elements<'_>) -> Option<(Timestamp, Timestamp)> {
    let mut dates = Elements(fields.expect(der::SEQUENCE)?);
    let mut date = || moment(dates.any()?);
    let both = (date()?, date()?);
    dates.end()?;
    Some(both)
}

/// A moment in the one form that RFC 5280 (section 4.1.2.5) has for each of the two types, as OpenSSL's `X509_cmp_time` wants it.
fn moment(element: der::Element<'_>) -> Option<Timestamp> {
    const UTC_TIME: u8 = 0x17;
    const GENERALIZED_TIME: u8 = 0x18;
    let text = std::str::from_utf8(element.content).ok()?;
    let digits = text.strip_suffix('Z').filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))?;
    let (year, rest) = match (element.tag, digits.len()) {
        (UTC_TIME, 12) => {
            let year: i16 = digits[..2].parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, &digits[2..])
        }
        (GENERALIZED_TIME, 14) => (digits[..4].parse().ok()?, &digits[4..]),
        _ => return None,
    };
    let part = |at: usize| rest[at..at + 2].parse::<i8>().ok();
    let date = civil::DateTime::new(year, part(0)?, part(2)?, part(4)?, part(6)?, part(8)?, 0).ok()?;
    let seconds = date.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
    Some(seconds.unwrap_or(if year < 2000 { Timestamp::MIN } else { Timestamp::MAX }))
}

/// A key that stands within these octets.
pub(super) fn key(fields: &mut Elements<'_>, whole: &Octets) -> Option<PublicKey> {
    let element = fields.any()?;
    let mut parts = Elements(Some(element.content).filter(|_| element.tag == der::SEQUENCE)?);
    is_algorithm(parts.any()?)?;
    parts.expect(der::BIT_STRING)?;
    parts.end()?;
    Some(PublicKey::read(&SubjectPublicKeyInfo::from_der(element.whole).ok()?.1, whole))
}

/// The unique identifiers before it are passed over.
fn extension_list<'a>(fields: &mut Elements<'a>) -> Option<Vec<Extension<'a>>> {
    fields.optional(der::primitive(1));
    fields.optional(der::primitive(2));
    let list = fields.optional(der::constructed(3));
    fields.end()?;
    let Some(explicit) = list else { return Some(Vec::new()) };
    let mut inner = Elements(explicit);
    let list = inner.expect(der::SEQUENCE)?;
    inner.end()?;
    Elements(list).each().map(|element| extension(element?)).collect()
}

pub(super) fn extension(element: der::Element<'_>) -> Option<Extension<'_>> {
    let mut fields = Elements(Some(element.content).filter(|_| element.tag == der::SEQUENCE)?);
    let oid = der::oid(fields.expect(der::OID)?)?;
    let critical = match fields.optional(der::BOOLEAN) {
        Some(content) => der::boolean(content)?,
        None => false,
    };
    let value = fields.expect(der::OCTET_STRING)?;
    fields.end()?;
    Some(Extension { oid, critical, value })
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
    Elements(content).all()?.into_iter().map(|element| Some(der::oid(element.content)?.into_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_one_form_for_each_type() {
        let read = |tag, text: &str| {
            let element = [&[tag, u8::try_from(text.len()).expect("short")][..], text.as_bytes()].concat();
            moment(Elements(&element).any().expect("whole")).map(|moment| moment.to_string())
        };
        for (tag, text, expected) in [
            (0x17, "261122120000Z", Some("2026-11-22T12:00:00Z")),
            (0x17, "500101000000Z", Some("1950-01-01T00:00:00Z")),
            (0x18, "20491231235959Z", Some("2049-12-31T23:59:59Z")),
            (0x17, "2611221200Z", None),
            (0x17, "261122120000+0100", None),
            (0x17, "260230000000Z", None),
            (0x17, "20261122120000Z", None),
            (0x18, "20261122120000.5Z", None),
            (0x18, "261122120000Z", None),
            (0x16, "261122120000Z", None),
        ] {
            assert_eq!(read(tag, text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_version_that_there_is_not_is_no_fault_of_the_encoding() {
        let read = |octet| version(&mut Elements(&[0xa0, 3, 2, 1, octet]));
        assert_eq!([0, 2, 100, 0x80].map(read), [Some(1), Some(3), Some(101), Some(u32::MAX)]);
        assert_eq!(version(&mut Elements(&[0xa0, 2, 2, 0])), None);
    }
}
