//! A certificate as a peer sent it: the bytes, and the facts we show and judge. What cannot be read is a fact too.

mod name;
mod parse;
mod signature;

use std::{fmt, sync::Arc};

use aws_lc_rs::digest;

use crate::clock::Timestamp;

pub use name::{Name, printable, printable_cut};
pub(crate) use signature::key_fits;
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
    /// The bytes as sent; the truth.
    pub der: Arc<[u8]>,
    /// SHA-256 of `der`.
    pub fingerprint: Fingerprint,
    /// What the bytes say, or why they say nothing.
    pub facts: Result<Facts, Unreadable>,
}

/// Why the bytes are no X.509 certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

impl Certificate {
    /// Reads a certificate; never fails and never panics, whatever the bytes.
    pub fn from_der(der: &[u8]) -> Arc<Self> {
        Arc::new(Certificate { der: der.into(), fingerprint: Fingerprint::of(der), facts: parse::facts(der) })
    }

    /// The facts, where the bytes could be read.
    pub fn facts(&self) -> Option<&Facts> {
        self.facts.as_ref().ok()
    }

    /// The certificate as a PEM block (RFC 7468).
    pub fn to_pem(&self) -> String {
        pem::encode_config(
            &pem::Pem::new("CERTIFICATE", &self.der[..]),
            pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF),
        )
    }
}

/// What a readable certificate says (RFC 5280, section 4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// 1, 2 or 3.
    pub version: u32,
    /// The serial number's content octets, as encoded.
    pub serial: Vec<u8>,
    /// Who it is for.
    pub subject: Name,
    /// Who signed it.
    pub issuer: Name,
    /// First second of validity.
    pub not_before: Timestamp,
    /// Last second of validity; OpenSSL already calls it expired at this very second.
    pub not_after: Timestamp,
    /// Subject alternative names, in order; `None` when the extension is absent.
    pub sans: Option<Vec<San>>,
    /// The subject's key.
    pub key: PublicKey,
    /// How it is signed.
    pub signature: SignatureAlgorithm,
    /// The signed part (`tbsCertificate`), whole.
    pub(crate) tbs: Vec<u8>,
    /// The signature's octets.
    pub(crate) signature_value: Vec<u8>,
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
    /// Extended key usage OIDs in dotted form (section 4.2.1.12).
    pub extended_key_usage: Option<Vec<String>>,
    /// Subject key identifier (section 4.2.1.2).
    pub subject_key_id: Option<Vec<u8>>,
    /// Authority key identifier: key id (section 4.2.1.1).
    pub authority_key_id: Option<Vec<u8>>,
    /// Authority key identifier: the issuer certificate's own issuer and serial.
    pub authority_issuer_serial: Option<(Vec<u8>, Vec<u8>)>,
    /// `caIssuers` URLs of the authority information access extension (section 4.2.2.1).
    pub ca_issuers: Vec<String>,
    /// OCSP URLs of the same.
    pub ocsp: Vec<String>,
    /// Netscape certificate type: bit 0 of the extension the highest (`NS_SSL_CLIENT` 0x80).
    pub netscape_type: Option<u8>,
    /// A proxy certificate (RFC 3820).
    pub proxy: bool,
    /// The certificate asks for a stapled OCSP answer (RFC 7633).
    pub must_staple: bool,
    /// Embedded signed certificate timestamps (RFC 6962).
    pub sct_count: usize,
    /// Critical extensions that nobody here handles, dotted.
    pub unhandled_critical: Vec<String>,
    /// Extensions that could not be decoded, dotted.
    pub undecodable: Vec<String>,
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
pub enum San {
    /// `dNSName`, as written.
    Dns(String),
    /// `iPAddress`: 4 or 16 octets (others are kept, and match nothing).
    Ip(Vec<u8>),
    /// Anything else: its kind and text (`email:a@b.org`, `uri:...`).
    Other(String),
}

impl fmt::Display for San {
    /// `dns:a.org`, `ip:192.0.2.1`, `email:...`; safe to print.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            San::Dns(name) => write!(f, "dns:{}", printable(name)),
            San::Ip(octets) => match (<[u8; 4]>::try_from(&octets[..]), <[u8; 16]>::try_from(&octets[..])) {
                (Ok(v4), _) => write!(f, "ip:{}", core::net::IpAddr::from(v4)),
                (_, Ok(v6)) => write!(f, "ip:{}", core::net::IpAddr::from(v6)),
                _ => write!(f, "ip:#{}", hex(octets)),
            },
            San::Other(text) => f.write_str(&printable(text)),
        }
    }
}

/// The subject's public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// Algorithm and size.
    pub kind: KeyKind,
    /// The whole SubjectPublicKeyInfo, DER.
    pub spki: Vec<u8>,
    /// The key's own octets, the BIT STRING's content.
    pub(crate) bits: Vec<u8>,
}

/// Algorithm and size of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA, modulus bits.
    Rsa(usize),
    /// RSA restricted to PSS, modulus bits.
    RsaPss(usize),
    /// DSA, bits of p.
    Dsa(usize),
    /// An elliptic curve: its usual name, or its OID in dotted form.
    Ec(String),
    /// Ed25519.
    Ed25519,
    /// Ed448.
    Ed448,
    /// ML-DSA: 44, 65 or 87.
    MlDsa(u8),
    /// Something else: the OID in dotted form.
    Other(String),
}

impl KeyKind {
    /// Strength in bits, as OpenSSL's `EVP_PKEY_get_security_bits` counts it (NIST SP 800-57, table 2). `None` if unknown.
    pub fn security_bits(&self) -> Option<u32> {
        Some(match self {
            // Rounded to the nearest multiple of 8 bits of strength: RSA 2040 counts as 2048 does.
            KeyKind::Rsa(1963..=2047) | KeyKind::RsaPss(1963..=2047) => 112,
            KeyKind::Rsa(920..=1023) | KeyKind::RsaPss(920..=1023) => 80,
            KeyKind::Rsa(bits) | KeyKind::RsaPss(bits) | KeyKind::Dsa(bits) => match bits {
                15360.. => 256,
                7680.. => 192,
                3072.. => 128,
                2048.. => 112,
                1024.. => 80,
                _ => 0,
            },
            KeyKind::Ec(curve) => match curve.as_str() {
                "P-256" | "secp256k1" | "brainpoolP256r1" => 128,
                "P-384" | "brainpoolP384r1" => 192,
                "P-521" | "brainpoolP512r1" => 256,
                "P-224" => 112,
                "P-192" => 96,
                _ => return None,
            },
            KeyKind::Ed25519 | KeyKind::MlDsa(44) => 128,
            KeyKind::Ed448 => 224,
            KeyKind::MlDsa(65) => 192,
            KeyKind::MlDsa(_) => 256,
            KeyKind::Other(_) => return None,
        })
    }
}

impl fmt::Display for KeyKind {
    /// `RSA 2048`, `EC P-256`, `Ed25519`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyKind::Rsa(bits) => write!(f, "RSA {bits}"),
            KeyKind::RsaPss(bits) => write!(f, "RSA-PSS {bits}"),
            KeyKind::Dsa(bits) => write!(f, "DSA {bits}"),
            KeyKind::Ec(curve) => write!(f, "EC {curve}"),
            KeyKind::Ed25519 => f.write_str("Ed25519"),
            KeyKind::Ed448 => f.write_str("Ed448"),
            KeyKind::MlDsa(level) => write!(f, "ML-DSA-{level}"),
            KeyKind::Other(oid) => f.write_str(oid),
        }
    }
}

impl Facts {
    /// Subject and issuer are the same name (RFC 5280, section 6.1: self-issued).
    pub fn is_self_issued(&self) -> bool {
        self.subject.canonical == self.issuer.canonical
    }

    /// Self-issued, and neither the authority key identifier nor the signature's algorithm speaks against its own key:
    /// OpenSSL's `EXFLAG_SS`. The signature itself is not looked at.
    pub fn is_self_signed(&self) -> bool {
        self.is_self_issued() && self.authority_names(self) && signature::key_fits(&self.key.kind, &self.signature)
    }

    /// Whether the authority key identifier, where there is one, agrees with `issuer` (OpenSSL's `X509_check_akid`).
    pub fn authority_names(&self, issuer: &Facts) -> bool {
        let ext = &self.extensions;
        let (wanted, has) = (&ext.authority_key_id, &issuer.extensions.subject_key_id);
        if wanted.is_some() && has.is_some() && wanted != has {
            return false;
        }
        match &ext.authority_issuer_serial {
            Some((name, serial)) => *serial == issuer.serial && *name == issuer.issuer.canonical,
            None => true,
        }
    }

    /// Whether `issuer`'s key made this certificate's signature.
    pub fn verify_signature(&self, issuer: &PublicKey) -> Result<(), SignatureFault> {
        signature::verify_certificate(self, issuer)
    }

    /// The common names of the subject, as written.
    pub fn common_names(&self) -> impl Iterator<Item = &str> {
        self.subject.common_names.iter().map(String::as_str)
    }

    /// The serial as lowercase hex, without leading zero octets (as OpenSSL prints it, in lowercase).
    pub fn serial_hex(&self) -> String {
        let start = self.serial.iter().position(|b| *b != 0).unwrap_or(self.serial.len().saturating_sub(1));
        hex(&self.serial[start..])
    }
}

/// Lowercase hex, no separators.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
