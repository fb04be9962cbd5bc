//! A small certification authority, made on the spot: [`Recipe`] says what a certificate is to be, [`Issued`] is the result.
//!
//! Everything that a recipe does not say is as a good public CA would do it, so that a test turns only the knob it is about:
//!
//! ```
//! # use certvigil::lab::pki::{KeyType, Pki};
//! # fn main() -> Result<(), rcgen::Error> {
//! # let now = "2026-11-22T12:00:00Z".parse().expect("a timestamp");
//! let pki = Pki::new(now)?; // a root, and an intermediate under it
//! let leaf = pki.leaf(["www.example.test"]).key(KeyType::P384).days(-80, 10).signed_by(&pki.intermediate)?;
//! let chain = [leaf.der(), pki.intermediate.der()];
//! # assert!(chain.iter().all(|der| !der.is_empty()));
//! # Ok(())
//! # }
//! ```

use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SerialNumber,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// The usual hierarchy: a root of ten years, and an intermediate of five that issues leaves.
pub struct Pki {
    /// As of when the certificates are valid.
    pub now: Timestamp,
    /// Self-signed, ten years, two of them over.
    pub root: Issued,
    /// Signed by the root, five years, one of them over; may issue leaves only.
    pub intermediate: Issued,
}

impl Pki {
    /// A root and an intermediate with names of their own.
    pub fn new(now: Timestamp) -> Result<Self, rcgen::Error> {
        Pki::named(now, "Lab")
    }

    /// The same with another name, for a second CA beside the first: `NAME Root CA`, `NAME Issuing CA`.
    pub fn named(now: Timestamp, name: &str) -> Result<Self, rcgen::Error> {
        let root = Recipe::ca(now, &format!("{name} Root CA")).days(-2 * YEAR, 8 * YEAR).self_signed()?;
        let intermediate =
            Recipe::ca(now, &format!("{name} Issuing CA")).days(-YEAR, 4 * YEAR).path_length(0).signed_by(&root)?;
        Ok(Pki { now, root, intermediate })
    }

    /// A leaf for these names and addresses, of 90 days, 30 of them over; to be signed by whom the caller likes.
    pub fn leaf<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Recipe {
        Recipe::leaf(self.now, names)
    }
}

/// What a certificate is to be: knobs, each with a sound position.
#[derive(Clone, Debug)]
pub struct Recipe {
    now: Timestamp,
    common_name: String,
    names: Vec<String>,
    not_before: Timestamp,
    not_after: Timestamp,
    key: KeyType,
    kept_key: Option<(&'static rcgen::SignatureAlgorithm, Vec<u8>)>,
    authority: IsCa,
    key_usages: Vec<KeyUsagePurpose>,
    extended_key_usages: Vec<ExtendedKeyUsagePurpose>,
    ca_issuers: Vec<String>,
    ocsp: Vec<String>,
    extensions: Vec<CustomExtension>,
}

impl Recipe {
    /// A leaf for a TLS server: names and addresses as SAN, the first also as CN, `serverAuth`, P-256, 90 days of which 30 are over.
    pub fn leaf<'a>(now: Timestamp, names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let mut recipe = Recipe::new(now, names.first().map_or("nameless", String::as_str));
        recipe.names = names;
        recipe.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        recipe.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        recipe.days(-30, 60)
    }

    /// A CA certificate without a limit of path length: P-256, ten years of which two are over.
    pub fn ca(now: Timestamp, common_name: &str) -> Self {
        let mut recipe = Recipe::new(now, common_name);
        recipe.authority = IsCa::Ca(BasicConstraints::Unconstrained);
        recipe.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        recipe.days(-2 * YEAR, 8 * YEAR)
    }

    fn new(now: Timestamp, common_name: &str) -> Self {
        Recipe {
            now,
            common_name: common_name.to_owned(),
            names: Vec::new(),
            not_before: now,
            not_after: now,
            key: KeyType::P256,
            kept_key: None,
            authority: IsCa::ExplicitNoCa,
            key_usages: Vec::new(),
            extended_key_usages: Vec::new(),
            ca_issuers: Vec::new(),
            ocsp: Vec::new(),
            extensions: Vec::new(),
        }
    }

    /// Valid from so many days after `now` until so many days after it; negative ones lie before it.
    #[must_use]
    pub fn days(self, from: i64, until: i64) -> Self {
        let (from, until) = (shifted(self.now, from), shifted(self.now, until));
        self.not_before(from).not_after(until)
    }

    /// The first second of validity.
    #[must_use]
    pub fn not_before(mut self, at: Timestamp) -> Self {
        self.not_before = at;
        self
    }

    /// The last second of validity.
    #[must_use]
    pub fn not_after(mut self, at: Timestamp) -> Self {
        self.not_after = at;
        self
    }

    /// Algorithm and size of the key that is made for it.
    #[must_use]
    pub fn key(mut self, key: KeyType) -> Self {
        self.key = key;
        self
    }

    /// Uses the key of another certificate instead of a new one: a renewal, or a cross-signed CA.
    #[must_use]
    pub fn key_of(mut self, other: &Issued) -> Self {
        self.kept_key = Some((other.key.algorithm(), other.key.serialized_der().to_vec()));
        self
    }

    /// The subject's CN.
    #[must_use]
    pub fn common_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.common_name);
        self
    }

    /// No subject alternative name: only the CN.
    #[must_use]
    pub fn no_san(mut self) -> Self {
        self.names.clear();
        self
    }

    /// How many intermediates may follow this CA.
    #[must_use]
    pub fn path_length(mut self, length: u8) -> Self {
        self.authority = IsCa::Ca(BasicConstraints::Constrained(length));
        self
    }

    /// No CA after all: a certificate that issues without the right to (OpenSSL's 79).
    #[must_use]
    pub fn no_ca(mut self) -> Self {
        self.authority = IsCa::ExplicitNoCa;
        self
    }

    /// The extended key usages instead of `serverAuth`; none leaves the extension out.
    #[must_use]
    pub fn extended_key_usages(mut self, usages: impl IntoIterator<Item = ExtendedKeyUsagePurpose>) -> Self {
        self.extended_key_usages = usages.into_iter().collect();
        self
    }

    /// The key usages instead of the usual ones; none leaves the extension out.
    #[must_use]
    pub fn key_usages(mut self, usages: impl IntoIterator<Item = KeyUsagePurpose>) -> Self {
        self.key_usages = usages.into_iter().collect();
        self
    }

    /// An address where the issuer's certificate can be had (RFC 5280, section 4.2.2.1, `caIssuers`). ASCII.
    #[must_use]
    pub fn aia(mut self, url: &str) -> Self {
        self.ca_issuers.push(url.to_owned());
        self
    }

    /// The address of an OCSP responder. ASCII.
    #[must_use]
    pub fn ocsp(mut self, url: &str) -> Self {
        self.ocsp.push(url.to_owned());
        self
    }

    /// Any further extension, as DER.
    #[must_use]
    pub fn extension(mut self, extension: CustomExtension) -> Self {
        self.extensions.push(extension);
        self
    }

    /// Makes it, signed by `issuer`, whether or not that one may sign. An error: a name that is no IA5String, a key that cannot be made.
    pub fn signed_by(&self, issuer: &Issued) -> Result<Issued, rcgen::Error> {
        let (params, key) = (self.params()?, self.make_key()?);
        let certificate = params.signed_by(&key, &Issuer::from_params(&issuer.params, &issuer.key))?;
        Ok(Issued { der: certificate.into(), params, key })
    }

    /// Makes it, signed by its own key.
    pub fn self_signed(&self) -> Result<Issued, rcgen::Error> {
        let (params, key) = (self.params()?, self.make_key()?);
        let certificate = params.self_signed(&key)?;
        Ok(Issued { der: certificate.into(), params, key })
    }

    fn params(&self) -> Result<CertificateParams, rcgen::Error> {
        // A closure, since the type that it returns is that of a crate we do not depend on.
        let on_the_calendar = |at: Timestamp| {
            let (epoch, distance) = (rcgen::date_time_ymd(1970, 1, 1), Duration::from_secs(at.as_second().unsigned_abs()));
            if at.as_second() < 0 { epoch - distance } else { epoch + distance }
        };
        let mut params = CertificateParams::new(self.names.clone())?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "certvigil lab");
        params.distinguished_name.push(DnType::CommonName, self.common_name.as_str());
        params.serial_number = Some(SerialNumber::from_slice(&fastrand::u128(1..).to_be_bytes()));
        params.not_before = on_the_calendar(self.not_before);
        params.not_after = on_the_calendar(self.not_after);
        params.is_ca = self.authority;
        params.key_usages.clone_from(&self.key_usages);
        params.extended_key_usages.clone_from(&self.extended_key_usages);
        params.use_authority_key_identifier_extension = true;
        params.custom_extensions.clone_from(&self.extensions);
        if !self.ca_issuers.is_empty() || !self.ocsp.is_empty() {
            params.custom_extensions.push(authority_information_access(&self.ca_issuers, &self.ocsp));
        }
        Ok(params)
    }

    fn make_key(&self) -> Result<KeyPair, rcgen::Error> {
        match &self.kept_key {
            Some((algorithm, der)) => KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(der.as_slice()), algorithm),
            None => self.key.generate(),
        }
    }
}

/// Algorithm and size of a key that [`Recipe`] can make. RSA takes a good part of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the key of its name")]
pub enum KeyType {
    P256,
    P384,
    P521,
    Ed25519,
    Rsa2048,
    Rsa3072,
}

impl KeyType {
    fn generate(self) -> Result<KeyPair, rcgen::Error> {
        match self {
            KeyType::P256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
            KeyType::P384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
            KeyType::P521 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512),
            KeyType::Ed25519 => KeyPair::generate_for(&rcgen::PKCS_ED25519),
            KeyType::Rsa2048 => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048),
            KeyType::Rsa3072 => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_3072),
        }
    }
}

/// A certificate with its private key: good to be served, and to sign others.
pub struct Issued {
    der: CertificateDer<'static>,
    params: CertificateParams,
    key: KeyPair,
}

impl Issued {
    /// The certificate.
    pub fn der(&self) -> CertificateDer<'static> {
        self.der.clone()
    }

    /// The certificate as a PEM block.
    pub fn pem(&self) -> String {
        crate::certificate::Certificate::from_der(&self.der).to_pem()
    }

    /// The private key, PKCS#8.
    pub fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialized_der().to_vec()).into()
    }

    /// The private key as a PEM block, for programs that want it in a file.
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }
}

/// These certificates as a "certs-only" PKCS#7 message (RFC 5652, section 5; the `.p7c` of RFC 5280, section 4.2.2.1).
pub fn certs_only<'a>(certificates: impl IntoIterator<Item = &'a Issued>) -> Vec<u8> {
    // The arcs 2 (signed data) and 1 (data) of PKCS#7, 1.2.840.113549.1.7.
    let content_type = |arc: u8| tlv(0x06, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, arc]);
    let certificates: Vec<u8> = certificates.into_iter().flat_map(|issued| issued.der.to_vec()).collect();
    let (version, nobody) = (tlv(0x02, &[1]), tlv(0x31, &[]));
    let signed = [version, nobody.clone(), tlv(0x30, &content_type(1)), tlv(0xa0, &certificates), nobody].concat();
    tlv(0x30, &[content_type(2), tlv(0xa0, &tlv(0x30, &signed))].concat())
}

/// RFC 5280, section 4.2.2.1: `SEQUENCE OF SEQUENCE { accessMethod OBJECT IDENTIFIER, accessLocation [6] IA5String }`.
fn authority_information_access(ca_issuers: &[String], ocsp: &[String]) -> CustomExtension {
    // id-ad is 1.3.6.1.5.5.7.48; its arc 1 is ocsp, its arc 2 caIssuers.
    let description = |arc: u8, url: &str| {
        let method = tlv(0x06, &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, arc]);
        tlv(0x30, &[method, tlv(0x86, url.as_bytes())].concat())
    };
    let descriptions =
        ocsp.iter().map(|url| description(1, url)).chain(ca_issuers.iter().map(|url| description(2, url))).collect::<Vec<_>>();
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], tlv(0x30, &descriptions.concat()))
}

/// One DER element: tag, definite length, content.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant = &length[length.iter().take_while(|octet| **octet == 0).count()..];
    let mut out = vec![tag];
    match significant {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        long => {
            out.push(0x80 | u8::try_from(long.len()).expect("a usize has at most 8 octets"));
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}

/// `days` later than `now`; earlier when negative.
fn shifted(now: Timestamp, days: i64) -> Timestamp {
    let distance = Duration::from_secs(days.unsigned_abs().saturating_mul(86_400));
    if days < 0 {
        now.checked_sub(distance).unwrap_or(Timestamp::MIN)
    } else {
        now.checked_add(distance).unwrap_or(Timestamp::MAX)
    }
}

const YEAR: i64 = 365;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::certificate::{BasicConstraints, Certificate, Facts, KeyKind};

    fn now() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().expect("a timestamp")
    }

    fn facts(issued: &Issued) -> Facts {
        let certificate = Arc::unwrap_or_clone(Certificate::from_der(&issued.der()));
        certificate.facts.expect("rcgen writes readable certificates")
    }

    #[test]
    fn the_usual_hierarchy_verifies_from_leaf_to_root() {
        let pki = Pki::new(now()).expect("P-256");
        let leaf = pki.leaf(["a.test", "192.0.2.1"]).signed_by(&pki.intermediate).expect("sound names");
        let (leaf, intermediate, root) = (facts(&leaf), facts(&pki.intermediate), facts(&pki.root));
        for (child, parent) in [(&leaf, &intermediate), (&intermediate, &root), (&root, &root)] {
            child.verify_signature(&parent.key).expect("signed by its issuer");
            assert!(child.authority_names(parent) && child.authority_key_id().is_some());
            assert_eq!(child.issuer.canonical(), parent.subject.canonical());
        }
        assert!(root.is_self_signed() && !intermediate.is_self_signed());
        assert_eq!(intermediate.extensions.basic_constraints, Some(BasicConstraints { ca: true, path_length: Some(0) }));
        assert_eq!(leaf.extensions.basic_constraints, Some(BasicConstraints { ca: false, path_length: None }));
        assert_eq!(leaf.extended_key_usage(), Some(vec!["1.3.6.1.5.5.7.3.1".into()]));
        assert_eq!((leaf.extensions.key_usage, root.extensions.key_usage), (Some(0b1), Some(0b110_0000)));
        let names: Vec<String> = leaf.sans().map(|san| san.to_string()).collect();
        assert_eq!(names, ["dns:a.test", "ip:192.0.2.1"]);
        assert_eq!(leaf.subject.to_string(), "CN=a.test,O=certvigil lab");
    }

    #[test]
    fn each_knob_does_what_it_says() {
        let pki = Pki::new(now()).expect("P-256");
        let issue = |recipe: Recipe| facts(&recipe.signed_by(&pki.intermediate).expect("sound"));
        let leaf = || pki.leaf(["a.test"]);

        let dated = issue(leaf().days(-93, -3));
        assert_eq!(dated.not_before.to_string(), "2026-08-21T12:00:00Z");
        assert_eq!(dated.not_after.to_string(), "2026-11-19T12:00:00Z");
        let ancient = "1969-12-31T23:59:58Z".parse().expect("a timestamp");
        assert_eq!(issue(leaf().not_before(ancient)).not_before, ancient);

        // Long enough that a length takes two octets.
        let url = format!("http://aia.test/{}", "x".repeat(300));
        let located = issue(leaf().aia(&url).aia("http://b.test/").ocsp("http://ocsp.test/"));
        assert_eq!(located.ca_issuers(), [url.as_str(), "http://b.test/"]);
        assert_eq!(located.ocsp(), ["http://ocsp.test/"]);
        assert!(located.extensions.rare().undecodable.is_empty());

        let named = issue(leaf().no_san().common_name("b.test"));
        assert_eq!((named.sans().next(), named.subject.to_string().as_str()), (None, "CN=b.test,O=certvigil lab"));

        assert_eq!(issue(leaf().extended_key_usages([])).extended_key_usage(), None);
        assert_eq!(
            issue(Recipe::ca(now(), "No CA").no_ca()).extensions.basic_constraints,
            Some(BasicConstraints { ca: false, path_length: None })
        );

        let first = leaf().signed_by(&pki.intermediate).expect("sound");
        let (again, other) = (issue(leaf().key_of(&first)), issue(leaf()));
        assert_eq!(again.key, facts(&first).key);
        assert_ne!(other.key, facts(&first).key);
        assert_ne!(again.serial(), facts(&first).serial());
    }

    #[test]
    fn keys_are_of_the_type_asked_for() {
        let kinds = [
            (KeyType::P256, KeyKind::Ec("P-256".into())),
            (KeyType::P384, KeyKind::Ec("P-384".into())),
            (KeyType::P521, KeyKind::Ec("P-521".into())),
            (KeyType::Ed25519, KeyKind::Ed25519),
            (KeyType::Rsa2048, KeyKind::Rsa(2048)),
            (KeyType::Rsa3072, KeyKind::Rsa(3072)),
        ];
        for (asked, kind) in kinds {
            let issued = Recipe::leaf(now(), ["a.test"]).key(asked).self_signed().expect("aws-lc-rs makes these");
            let facts = facts(&issued);
            assert_eq!(facts.key.kind, kind);
            facts.verify_signature(&facts.key).expect("signed by itself");
            rustls::crypto::aws_lc_rs::sign::any_supported_type(&issued.key_der()).expect("rustls can serve it");
        }
    }
}
