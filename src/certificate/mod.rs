//! A certificate as a peer sent it: the bytes, and the facts we show and judge. What cannot be read is a fact too.

pub(crate) mod der;
mod extensions;
pub(crate) mod general;
mod key;
mod name;
mod names;
mod octets;
mod parse;
pub mod pkcs7;
mod private;
mod request;
mod resources;
mod signature;

use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, OnceLock},
};

use aws_lc_rs::digest;

use crate::clock::Timestamp;

pub use key::{KeyKind, PublicKey};
pub(crate) use name::split;
pub use name::{Name, printable, printable_cut};
pub(crate) use names::SharedNames;
pub use octets::Octets;
pub(crate) use octets::Span;
pub use private::{KeyForm, PrivateKey};
pub use request::Request;
pub use signature::{HashAlgorithm, SignatureAlgorithm, SignatureFault, TlsSignature, verify_tls_signature};

/// SHA-256 over the DER.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The fingerprint of these bytes.
    pub fn of(der: &[u8]) -> Self {
        let mut out = [0; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, der).as_ref());
        Fingerprint(out)
    }

    /// The first octets as a number: enough to find one among many, and to know it again where nothing depends on it.
    pub fn first_octets(&self) -> u64 {
        self.0.iter().take(8).fold(0, |number, octet| number << 8 | u64::from(*octet))
    }

    /// The fingerprint that is written so, as [`fmt::Display`] writes it.
    pub fn from_hex(hex: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if hex.len() != 64 {
            return None;
        }
        let digit = |digit: u8| char::from(digit).to_digit(16);
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            *byte = u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok()?;
        }
        Some(Fingerprint(bytes))
    }
}

impl fmt::Display for Fingerprint {
    /// 64 lowercase hex digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One presented or stored certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-256 of the DER.
    pub fingerprint: Fingerprint,
    /// What the bytes say, or why they say nothing.
    pub facts: Result<Facts, Unreadable>,
    /// Whose key made its signature, once that was found.
    pub(crate) signer: Signer,
}

/// The certificate whose key is known to have made a signature. It says nothing that the octets of the two do not, so it counts for
/// nothing where certificates are compared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signer(OnceLock<Box<Fingerprint>>);

impl PartialEq for Signer {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Signer {}

/// The trust settings of OpenSSL's `TRUSTED CERTIFICATE` blocks: extended key usage OIDs, dotted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TrustSettings {
    /// What it is trusted for, and for nothing else.
    pub(crate) trusted: Option<Vec<String>>,
    /// What it is not trusted for.
    pub(crate) rejected: Vec<String>,
}

/// Why the bytes are no X.509 certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unreadable {
    reason: Box<str>,
    der: Octets,
}

impl Certificate {
    /// Reads a certificate; never fails and never panics, whatever the bytes.
    pub fn from_der(der: &[u8]) -> Arc<Self> {
        Certificate::signed(&der.into(), None)
    }

    /// The same, where [`Certificate::signed_by`] was known when its octets were put away.
    pub(crate) fn signed(der: &Octets, by: Option<Fingerprint>) -> Arc<Self> {
        let signer = Signer(by.map(Box::new).map_or_else(OnceLock::new, OnceLock::from));
        let facts = parse::facts(der).map_err(|reason| Unreadable { reason: reason.into(), der: der.clone() });
        Arc::new(Certificate { fingerprint: Fingerprint::of(der), facts, signer })
    }

    /// Reads what a `TRUSTED CERTIFICATE` block holds: a certificate, then settings (openssl-x509(1), "Trust Settings"). `None` when
    /// that is not what it is.
    pub(crate) fn from_trusted_der(der: &[u8]) -> Option<Arc<Self>> {
        let (certificate, settings) = parse::trusted(der)?;
        let mut certificate = Arc::unwrap_or_clone(Certificate::from_der(certificate));
        if let Ok(facts) = &mut certificate.facts {
            facts.extensions.rare_mut().settings = Some(settings);
        }
        Some(Arc::new(certificate))
    }

    /// What a trust store says of it, beyond having it.
    pub(crate) fn settings(&self) -> Option<&TrustSettings> {
        self.facts()?.extensions.rare().settings.as_ref()
    }

    /// The bytes as sent; the truth.
    pub fn der(&self) -> &[u8] {
        match &self.facts {
            Ok(facts) => facts.der(),
            Err(unreadable) => &unreadable.der,
        }
    }

    /// The facts, where the bytes could be read.
    pub fn facts(&self) -> Option<&Facts> {
        self.facts.as_ref().ok()
    }

    /// A certificate whose key is known to have made this one's signature.
    pub(crate) fn signed_by(&self) -> Option<Fingerprint> {
        self.signer.0.get().map(|signer| **signer)
    }

    /// This certificate's signature was seen to be made by the key of `issuer`: what octets prove they prove for ever.
    pub(crate) fn note_signer(&self, issuer: &Certificate) {
        // Where a cross certificate has the same key, the first that was seen is as good.
        let _ = self.signer.0.set(issuer.fingerprint.into());
    }

    /// The certificate as a PEM block (RFC 7468).
    pub fn to_pem(&self) -> String {
        pem::encode_config(
            &pem::Pem::new("CERTIFICATE", self.der()),
            pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF),
        )
    }
}

/// What a readable certificate says (RFC 5280, section 4.1).
#[derive(Clone, Debug)]
pub struct Facts {
    /// 1, 2 or 3.
    pub version: u32,
    serial: Span,
    /// Who it is for.
    pub subject: Name,
    /// Who signed it. What one CA has issued shares its name, where that has come about.
    pub issuer: Name,
    /// First second of validity.
    pub not_before: Timestamp,
    /// Last second of validity; OpenSSL already calls it expired at this very second.
    pub not_after: Timestamp,
    /// The subject's key. Its octets are part of the whole certificate, which it so holds: it cannot be exchanged alone.
    pub key: PublicKey,
    /// How it is signed.
    pub signature: SignatureAlgorithm,
    /// The algorithm as named within the signed part, where that is another one.
    pub(crate) signature_within: Option<Box<SignatureAlgorithm>>,
    /// The signature's octets can be one: the two places name the same algorithm, and no bits are unused.
    signature_is_sound: bool,
    /// Extensions that path building and verification look at.
    pub extensions: Extensions,
}

/// The extensions that verification looks at. An absent one is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// `cA` and `pathLenConstraint` (section 4.2.1.9).
    pub basic_constraints: Option<BasicConstraints>,
    /// Bits as in RFC 5280, bit 0 (digitalSignature) the lowest (section 4.2.1.3).
    pub key_usage: Option<u16>,
    /// The extended key usage, DER; sound (section 4.2.1.12).
    extended_key_usage: Option<Span>,
    /// Subject key identifier (section 4.2.1.2).
    subject_key_id: Option<Span>,
    /// Authority key identifier: key id (section 4.2.1.1).
    authority_key_id: Option<Span>,
    /// The subject alternative names, DER; sound (section 4.2.1.6).
    alternative_names: Option<Span>,
    /// The authority information access, DER; sound (section 4.2.2.1).
    authority_access: Option<Span>,
    /// The embedded signed certificate timestamps; sound (RFC 6962, section 3.3).
    timestamps: Option<Span>,
    /// Netscape certificate type: bit 0 of the extension the highest (`NS_SSL_CLIENT` 0x80).
    pub netscape_type: Option<u8>,
    /// A proxy certificate (RFC 3820).
    pub proxy: bool,
    /// The certificate asks for a stapled OCSP answer (RFC 7633).
    pub must_staple: bool,
    /// One that matters is undecodable or absurd: OpenSSL's `EXFLAG_INVALID`. Such a certificate takes part in no path.
    pub invalid: bool,
    /// What few certificates have.
    rare: Option<Box<Rare>>,
}

/// Extensions, and parts of them, that few certificates have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rare {
    /// Authority key identifier: the issuer certificate's own issuer, as names are compared.
    pub(crate) authority_issuer: Option<Box<[u8]>>,
    /// Authority key identifier: the issuer certificate's serial, as encoded.
    pub(crate) authority_serial: Option<Octets>,
    /// The name constraints, DER; sound (section 4.2.1.10).
    pub(crate) name_constraints: Option<Octets>,
    /// How many proxy certificates may follow a proxy certificate (RFC 3820, section 3.8). -1 is no limit, as OpenSSL has it; nor is
    /// what does not fit.
    pub(crate) proxy_limit: Option<i32>,
    /// Critical extensions that nobody here handles, dotted.
    pub(crate) unhandled_critical: Vec<String>,
    /// Extensions that could not be decoded, or came a second time, dotted.
    pub(crate) undecodable: Vec<String>,
    /// What a trust store says of the certificate, beyond having it; of one that cannot be read it says nothing.
    settings: Option<TrustSettings>,
}

impl Rare {
    const NONE: Rare = Rare {
        authority_issuer: None,
        authority_serial: None,
        name_constraints: None,
        proxy_limit: None,
        unhandled_critical: Vec::new(),
        undecodable: Vec::new(),
        settings: None,
    };
}

impl Extensions {
    /// What few certificates have, nothing of it where this one has none.
    pub(crate) fn rare(&self) -> &Rare {
        static NONE: Rare = Rare::NONE;
        self.rare.as_deref().unwrap_or(&NONE)
    }

    /// The same, to add to.
    pub(crate) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_with(|| Box::new(Rare::NONE))
    }
}

/// RFC 5280, section 4.2.1.9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BasicConstraints {
    /// The subject may sign certificates.
    pub ca: bool,
    /// How many intermediates may follow.
    pub path_length: Option<u32>,
}

/// A subject alternative name that we can show or match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum San<'a> {
    /// `dNSName`, as written.
    Dns(Cow<'a, str>),
    /// `iPAddress`: 4 or 16 octets (others are kept, and match nothing).
    Ip(&'a [u8]),
    /// Anything else: its kind and text (`email:a@b.org`, `uri:...`).
    Other(String),
}

impl fmt::Display for San<'_> {
    /// `dns:a.org`, `ip:192.0.2.1`, `email:...`; safe to print.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            San::Dns(name) => write!(f, "dns:{}", printable(name)),
            San::Ip(octets) => match (<[u8; 4]>::try_from(*octets), <[u8; 16]>::try_from(*octets)) {
                (Ok(v4), _) => write!(f, "ip:{}", core::net::IpAddr::from(v4)),
                (_, Ok(v6)) => write!(f, "ip:{}", core::net::IpAddr::from(v6)),
                _ => write!(f, "ip:#{}", hex(octets)),
            },
            San::Other(text) => f.write_str(&printable(text)),
        }
    }
}

impl PartialEq for Facts {
    /// The same octets say the same, but for what a trust store adds.
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der() && self.extensions.rare().settings == other.extensions.rare().settings
    }
}

impl Eq for Facts {}

impl Facts {
    /// Subject and issuer are the same name (RFC 5280, section 6.1: self-issued).
    pub fn is_self_issued(&self) -> bool {
        self.subject.canonical() == self.issuer.canonical()
    }

    /// Self-issued, and neither the authority key identifier nor the signature's algorithm speaks against its own key:
    /// OpenSSL's `EXFLAG_SS`. The signature itself is not looked at.
    pub fn is_self_signed(&self) -> bool {
        self.is_self_issued() && !self.extensions.invalid && self.authority_names(self) && self.may_be_signed_by(&self.key)
    }

    /// Whether the authority key identifier, where there is one, agrees with `issuer` (OpenSSL's `X509_check_akid`).
    pub fn authority_names(&self, issuer: &Facts) -> bool {
        let ext = &self.extensions;
        let keys = self.authority_key_id().zip(issuer.subject_key_id());
        keys.is_none_or(|(wanted, has)| wanted == has)
            && ext.rare().authority_serial.as_ref().is_none_or(|serial| **serial == *issuer.serial())
            && ext.rare().authority_issuer.as_ref().is_none_or(|name| **name == *issuer.issuer.canonical())
    }

    /// Whether `key` is of the kind that made this certificate's signature (OpenSSL's `check_sig_alg_match`).
    pub(crate) fn may_be_signed_by(&self, key: &PublicKey) -> bool {
        key.readable && signature::key_fits(&key.kind, self.signature_within.as_deref().unwrap_or(&self.signature))
    }

    /// Whether `issuer`'s key made this certificate's signature.
    pub fn verify_signature(&self, issuer: &PublicKey) -> Result<(), SignatureFault> {
        signature::verify_certificate(self, issuer)
    }

    /// Whether a signature by `issuer`'s key on this certificate is of a kind that we can check at all.
    pub fn can_check_signature(&self, issuer: &PublicKey) -> bool {
        signature::can_check(&self.signature, issuer)
    }

    /// The whole certificate.
    fn der(&self) -> &[u8] {
        self.key.spki.whole()
    }

    /// The signed part (`tbsCertificate`), whole.
    pub(crate) fn tbs(&self) -> &[u8] {
        parse::signed_part(self.der()).unwrap_or_default()
    }

    /// The signature's octets; `None` when they cannot be one.
    pub(crate) fn signature_value(&self) -> Option<&[u8]> {
        parse::signature_value(self.der()).filter(|_| self.signature_is_sound)
    }

    /// The serial number's content octets, as encoded.
    pub fn serial(&self) -> &[u8] {
        self.serial.within(self.der())
    }

    /// Subject key identifier (section 4.2.1.2).
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.octets(self.extensions.subject_key_id)
    }

    /// Authority key identifier: key id (section 4.2.1.1).
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.octets(self.extensions.authority_key_id)
    }

    /// Extended key usage OIDs in dotted form (section 4.2.1.12); `None` when the extension is absent.
    pub fn extended_key_usage(&self) -> Option<Vec<Cow<'static, str>>> {
        self.octets(self.extensions.extended_key_usage).and_then(extensions::purposes)
    }

    /// `caIssuers` URLs of the authority information access extension (section 4.2.2.1).
    pub fn ca_issuers(&self) -> Vec<String> {
        extensions::locations(self.octets(self.extensions.authority_access), extensions::CA_ISSUERS)
    }

    /// OCSP URLs of the same.
    pub fn ocsp(&self) -> Vec<String> {
        extensions::locations(self.octets(self.extensions.authority_access), extensions::OCSP)
    }

    /// Embedded signed certificate timestamps (RFC 6962): the log of each, SHA-256 over its key.
    pub fn sct_logs(&self) -> Vec<[u8; 32]> {
        self.octets(self.extensions.timestamps).and_then(extensions::timestamps).unwrap_or_default()
    }

    /// The subject alternative names, DER; sound (section 4.2.1.6).
    pub(crate) fn alternative_names(&self) -> Option<&[u8]> {
        self.octets(self.extensions.alternative_names)
    }

    /// The same, in order, read where they stand; none when the extension is absent.
    pub fn sans(&self) -> impl Iterator<Item = San<'_>> + Clone {
        general::sans(self.alternative_names())
    }

    /// The DNS names among them, as written.
    pub fn dns_names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.sans().filter_map(|san| if let San::Dns(name) = san { Some(name) } else { None })
    }

    /// The common names of the subject, as written.
    pub fn common_names(&self) -> impl Iterator<Item = String> {
        self.subject.common_names().into_iter()
    }

    /// The email addresses of the subject, as encoded; `None` for one that is no IA5String.
    pub(crate) fn subject_emails(&self) -> Vec<Option<&[u8]>> {
        parse::subject(self.der()).map(name::emails).unwrap_or_default()
    }

    /// The serial as lowercase hex, without leading zero octets (as OpenSSL prints it, in lowercase).
    pub fn serial_hex(&self) -> String {
        hex(self.serial_number())
    }

    /// The serial without leading zero octets.
    pub(crate) fn serial_number(&self) -> &[u8] {
        let serial = self.serial();
        let start = serial.iter().position(|b| *b != 0).unwrap_or(serial.len().saturating_sub(1));
        &serial[start..]
    }

    fn octets(&self, span: Option<Span>) -> Option<&[u8]> {
        span.map(|span| span.within(self.der()))
    }
}

/// Lowercase hex, no separators.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    push_hex(&mut text, bytes);
    text
}

/// The same, behind a text.
pub(crate) fn push_hex(out: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for part in bytes.chunks(32) {
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(part) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        out.push_str(str::from_utf8(&text[..2 * part.len()]).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_a_hundred_thousand_of_these() {
        assert!(size_of::<Certificate>() <= 304, "{}", size_of::<Certificate>());
        assert!(size_of::<Name>() <= 16, "{}", size_of::<Name>());
    }
}
