//! Public keys: algorithm, size and strength.

use std::{borrow::Cow, fmt};

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use x509_parser::x509::SubjectPublicKeyInfo;

use super::{
    Octets,
    der::{self, Elements},
};

/// The subject's public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// Algorithm and size.
    pub kind: KeyKind,
    /// The whole SubjectPublicKeyInfo, DER.
    pub spki: Octets,
    /// How many of them, at the end, are the key's own.
    length: u32,
    /// OpenSSL could make a key of it. One that it could not has no strength and has signed nothing.
    pub(crate) readable: bool,
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
    Ec(Cow<'static, str>),
    /// An elliptic curve that is described instead of named (which RFC 5480 forbids), bits of its order.
    EcExplicit(usize),
    /// Ed25519.
    Ed25519,
    /// Ed448.
    Ed448,
    /// ML-DSA: 44, 65 or 87.
    MlDsa(u8),
    /// Something else: the OID in dotted form.
    Other(Box<str>),
}

impl PublicKey {
    /// A key that stands within these octets.
    pub(super) fn read(spki: &SubjectPublicKeyInfo<'_>, whole: &Octets) -> Self {
        let algorithm = der::oid(spki.algorithm.algorithm.as_bytes()).unwrap_or_default();
        let bits = &*spki.subject_public_key.data;
        let parameters = spki.algorithm.parameters.as_ref();
        let of_length = |length: usize| bits.len() == length;
        let (kind, readable) = match &*algorithm {
            // An RSASSA-PSS key has the same form (RFC 4055).
            "1.2.840.113549.1.1.1" => rsa(bits).map_or((KeyKind::Rsa(0), false), |size| (KeyKind::Rsa(size), true)),
            "1.2.840.113549.1.1.10" => rsa(bits).map_or((KeyKind::RsaPss(0), false), |size| (KeyKind::RsaPss(size), true)),
            "1.2.840.10040.4.1" => {
                let size = parameters.and_then(|p| Elements(p.data).expect(der::INTEGER)).map_or(0, integer_bits);
                (KeyKind::Dsa(size), der::first(bits, der::INTEGER).is_some())
            }
            "1.2.840.10045.2.1" => elliptic(parameters.map(|p| (p.tag().0, p.data)), bits),
            "1.3.101.112" => (KeyKind::Ed25519, of_length(32)),
            "1.3.101.113" => (KeyKind::Ed448, of_length(57)),
            "2.16.840.1.101.3.4.3.17" => (KeyKind::MlDsa(44), of_length(1312)),
            "2.16.840.1.101.3.4.3.18" => (KeyKind::MlDsa(65), of_length(1952)),
            "2.16.840.1.101.3.4.3.19" => (KeyKind::MlDsa(87), of_length(2592)),
            X25519 => (KeyKind::Other(algorithm.into()), of_length(32)),
            X448 => (KeyKind::Other(algorithm.into()), of_length(56)),
            _ => (KeyKind::Other(algorithm.into()), false),
        };
        PublicKey { kind, spki: whole.part(spki.raw), length: length(bits), readable }
    }

    /// One of which no more than the key's own octets is known.
    pub(super) fn of_bits(kind: KeyKind, bits: Vec<u8>) -> Self {
        PublicKey { kind, length: length(&bits), spki: bits.into(), readable: true }
    }

    /// The key's own octets, the BIT STRING's content.
    pub(crate) fn bits(&self) -> &[u8] {
        &self.spki[self.spki.len().saturating_sub(self.length as usize)..]
    }

    /// Strength in bits, as OpenSSL's `EVP_PKEY_get_security_bits` counts it; `None` if unknown.
    pub fn security_bits(&self) -> Option<u32> {
        self.kind.security_bits().filter(|_| self.readable)
    }
}

impl KeyKind {
    /// Strength in bits, as OpenSSL's `EVP_PKEY_get_security_bits` counts it (NIST SP 800-57, table 2). `None` if unknown.
    pub fn security_bits(&self) -> Option<u32> {
        Some(match self {
            KeyKind::Rsa(bits) | KeyKind::RsaPss(bits) => factoring(*bits),
            KeyKind::Dsa(bits) => match bits {
                15360.. => 256,
                7680.. => 192,
                3072.. => 128,
                2048.. => 112,
                1024.. => 80,
                _ => 0,
            },
            KeyKind::Ec(curve) => of_order(CURVES.iter().find(|(_, name, _)| name == curve)?.2),
            KeyKind::EcExplicit(order) => of_order(*order),
            KeyKind::Ed25519 | KeyKind::MlDsa(44) => 128,
            KeyKind::Ed448 => 224,
            KeyKind::MlDsa(65) => 192,
            KeyKind::MlDsa(_) => 256,
            KeyKind::Other(oid) => match &**oid {
                X25519 => 128,
                X448 => 224,
                _ => return None,
            },
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
            KeyKind::EcExplicit(bits) => write!(f, "EC explicit parameters ({bits} bits)"),
            KeyKind::Ed25519 => f.write_str("Ed25519"),
            KeyKind::Ed448 => f.write_str("Ed448"),
            KeyKind::MlDsa(level) => write!(f, "ML-DSA-{level}"),
            KeyKind::Other(oid) => f.write_str(oid),
        }
    }
}

/// As [`Octets`] counts.
fn length(bits: &[u8]) -> u32 {
    u32::try_from(bits.len()).unwrap_or(u32::MAX)
}

/// Bits of the modulus, where the octets are an `RSAPublicKey`.
pub(super) fn rsa(bits: &[u8]) -> Option<usize> {
    let mut fields = der::sequence(bits)?;
    let modulus = der::integer(fields.expect(der::INTEGER)?)?;
    der::integer(fields.expect(der::INTEGER)?)?;
    fields.end()?;
    Some(integer_bits(modulus))
}

fn integer_bits(content: &[u8]) -> usize {
    let significant = &content[content.iter().take_while(|octet| **octet == 0).count()..];
    significant.first().map_or(0, |first| significant.len() * 8 - first.leading_zeros() as usize)
}

fn elliptic(parameters: Option<(u32, &[u8])>, point: &[u8]) -> (KeyKind, bool) {
    match parameters {
        Some((tag, content)) if tag == u32::from(der::OID) => {
            let oid = der::oid(content).unwrap_or_default();
            match CURVES.iter().find(|(known, ..)| *known == oid) {
                Some((_, name, order)) => (KeyKind::Ec((*name).into()), is_on_curve(name, *order, point)),
                None => (KeyKind::Ec(oid), false),
            }
        }
        // ECParameters: version, field, curve, base, order.
        Some((16, content)) => {
            let order = Elements(content).all().and_then(|fields| fields.get(4).copied()).filter(|f| f.tag == der::INTEGER);
            let bits = order.map_or(0, |order| integer_bits(order.content));
            (KeyKind::EcExplicit(bits), bits > 0 && point.len() > 1)
        }
        _ => (KeyKind::EcExplicit(0), false),
    }
}

/// Whether the octets are a point; for curves that the library lacks, whether they have the length of one.
fn is_on_curve(name: &str, order: usize, point: &[u8]) -> bool {
    let algorithm: &'static dyn VerificationAlgorithm = match name {
        "P-256" => &signature::ECDSA_P256_SHA256_ASN1,
        "P-384" => &signature::ECDSA_P384_SHA384_ASN1,
        "P-521" => &signature::ECDSA_P521_SHA512_ASN1,
        "secp256k1" => &signature::ECDSA_P256K1_SHA256_ASN1,
        _ => {
            let octets = order.div_ceil(8);
            return match point.first() {
                Some(2 | 3) => point.len() == 1 + octets,
                Some(4 | 6 | 7) => point.len() == 1 + 2 * octets,
                _ => false,
            };
        }
    };
    UnparsedPublicKey::new(algorithm, point).parse().is_ok()
}

/// The strength of a modulus: NIST SP 800-56B, appendix D, rounded to a multiple of 8.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
fn factoring(bits: usize) -> u32 {
    match bits {
        0..8 => 0,
        2048 => 112,
        3072 => 128,
        4096 => 152,
        6144 => 176,
        7680 => 192,
        8192 => 200,
        15360 => 256,
        _ => {
            let x = bits as f64 * std::f64::consts::LN_2;
            let strength = (1.923 * (x * x.ln() * x.ln()).cbrt() - 4.69) / std::f64::consts::LN_2;
            let most = if bits <= 7680 {
                192
            } else if bits <= 15360 {
                256
            } else {
                1200
            };
            ((strength as u32 + 4) & !7).min(most)
        }
    }
}

fn of_order(bits: usize) -> u32 {
    match bits {
        512.. => 256,
        384.. => 192,
        256.. => 128,
        224.. => 112,
        160.. => 80,
        _ => u32::try_from(bits / 2).unwrap_or(0),
    }
}

const X25519: &str = "1.3.101.110";
const X448: &str = "1.3.101.111";

/// OID, usual name, bits of the order.
const CURVES: &[(&str, &str, usize)] = &[
    ("1.2.840.10045.3.1.7", "P-256", 256),
    ("1.3.132.0.34", "P-384", 384),
    ("1.3.132.0.35", "P-521", 521),
    ("1.2.840.10045.3.1.1", "P-192", 192),
    ("1.3.132.0.33", "P-224", 224),
    ("1.3.132.0.10", "secp256k1", 256),
    ("1.3.36.3.3.2.8.1.1.1", "brainpoolP160r1", 160),
    ("1.3.36.3.3.2.8.1.1.3", "brainpoolP192r1", 192),
    ("1.3.36.3.3.2.8.1.1.5", "brainpoolP224r1", 224),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1", 256),
    ("1.3.36.3.3.2.8.1.1.9", "brainpoolP320r1", 320),
    ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1", 384),
    ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1", 512),
];

#[cfg(test)]
mod tests {
    use x509_parser::asn1_rs::FromDer as _;

    use super::*;

    /// A key as RSASSA-PSS has it: another algorithm around the octets of an RSA key.
    #[test]
    fn a_key_restricted_to_pss_has_the_size_of_its_modulus() {
        let key =
            rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).expect("aws-lc-rs makes it");
        let mut spki = rcgen::PublicKeyData::subject_public_key_info(&key);
        let algorithm = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
        let at = spki.windows(9).position(|window| window == algorithm).expect("rsaEncryption");
        let read = |spki: &[u8]| PublicKey::read(&SubjectPublicKeyInfo::from_der(spki).expect("sound").1, &Octets::default());
        assert_eq!(read(&spki).kind, KeyKind::Rsa(2048));
        spki[at + 8] = 0x0a;
        let pss = read(&spki);
        assert_eq!((pss.kind.clone(), pss.security_bits()), (KeyKind::RsaPss(2048), Some(112)));
        // One octet less of the sequence: no key, and no strength.
        let length = spki.len();
        spki[length - 5] = 0x7f;
        assert_eq!((read(&spki).readable, read(&spki).security_bits()), (false, None));
    }

    #[test]
    fn strength_is_counted_as_openssl_counts_it() {
        for (bits, expected) in [(512, 56), (1024, 80), (1536, 96), (2000, 112), (2048, 112), (3072, 128), (4096, 152)] {
            assert_eq!(KeyKind::Rsa(bits).security_bits(), Some(expected), "{bits}");
        }
        let curve = |name: &'static str| KeyKind::Ec(name.into()).security_bits();
        assert_eq!([curve("P-192"), curve("P-224"), curve("P-521"), curve("1.2.3")], [Some(80), Some(112), Some(256), None]);
        assert_eq!(KeyKind::EcExplicit(256).security_bits(), Some(128));
    }
}
