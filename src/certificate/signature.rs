//! Signatures: which algorithm, and whether a key made them. One table over `aws_lc_rs::signature`.
//!
//! What the library lacks (MD5, DSA, Ed448, brainpool) is `Unsupported`, never "bad": an accusation needs proof.

use std::fmt;

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use x509_parser::{signature_algorithm, x509::AlgorithmIdentifier};

use super::{Facts, KeyKind, PublicKey, der};

/// The signature algorithm a certificate names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5.
    RsaPkcs1(HashAlgorithm),
    /// RSASSA-PSS, the salt as long as the digest and the mask made with the same digest.
    RsaPss(HashAlgorithm),
    /// RSASSA-PSS with another salt or mask, which the library does not verify.
    RsaPssUnusual(HashAlgorithm),
    /// ECDSA.
    Ecdsa(HashAlgorithm),
    /// DSA.
    Dsa(HashAlgorithm),
    /// Ed25519.
    Ed25519,
    /// Ed448.
    Ed448,
    /// ML-DSA: 44, 65 or 87.
    MlDsa(u8),
    /// Something else: the OID in dotted form.
    Other(Box<str>),
}

/// The digest a signature is made over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the algorithm of its name")]
pub enum HashAlgorithm {
    Md2,
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// Why a signature was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureFault {
    /// The key did not make it, or its encoding is broken.
    Bad,
    /// The key is of another kind than the algorithm needs.
    KeyMismatch,
    /// We cannot check this algorithm or key.
    Unsupported,
}

/// A signature made within a TLS handshake (CertificateVerify or ServerKeyExchange).
#[derive(Clone, Copy, Debug)]
pub struct TlsSignature<'a> {
    /// The SignatureScheme's code point (RFC 8446, section 4.2.3).
    pub scheme: u16,
    /// What was signed.
    pub message: &'a [u8],
    /// The signature's octets.
    pub value: &'a [u8],
}

impl HashAlgorithm {
    /// Length of the digest.
    fn octets(self) -> u32 {
        match self {
            HashAlgorithm::Md2 | HashAlgorithm::Md5 => 16,
            HashAlgorithm::Sha1 => 20,
            HashAlgorithm::Sha224 => 28,
            HashAlgorithm::Sha256 => 32,
            HashAlgorithm::Sha384 => 48,
            HashAlgorithm::Sha512 => 64,
        }
    }

    /// Collision strength in bits, as OpenSSL counts it: half the digest's length, MD5 39 and SHA-1 63.
    pub fn security_bits(self) -> u32 {
        match self {
            HashAlgorithm::Md2 => 0,
            HashAlgorithm::Md5 => 39,
            HashAlgorithm::Sha1 => 63,
            HashAlgorithm::Sha224 => 112,
            HashAlgorithm::Sha256 => 128,
            HashAlgorithm::Sha384 => 192,
            HashAlgorithm::Sha512 => 256,
        }
    }
}

impl SignatureAlgorithm {
    pub(super) fn read(id: &AlgorithmIdentifier<'_>) -> Self {
        use HashAlgorithm::{Md2, Md5, Sha1, Sha224, Sha256, Sha384, Sha512};
        use SignatureAlgorithm as A;
        match &*der::oid(id.algorithm.as_bytes()).unwrap_or_default() {
            "1.2.840.113549.1.1.2" => A::RsaPkcs1(Md2),
            "1.2.840.113549.1.1.4" => A::RsaPkcs1(Md5),
            "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => A::RsaPkcs1(Sha1),
            "1.2.840.113549.1.1.14" => A::RsaPkcs1(Sha224),
            "1.2.840.113549.1.1.11" => A::RsaPkcs1(Sha256),
            "1.2.840.113549.1.1.12" => A::RsaPkcs1(Sha384),
            "1.2.840.113549.1.1.13" => A::RsaPkcs1(Sha512),
            "1.2.840.113549.1.1.10" => match signature_algorithm::SignatureAlgorithm::try_from(id) {
                Ok(signature_algorithm::SignatureAlgorithm::RSASSA_PSS(params)) => {
                    let digest = der::oid(params.hash_algorithm_oid().as_bytes()).unwrap_or_default();
                    let mask = params.mask_gen_algorithm().map(|mask| der::oid(mask.hash.as_bytes()).unwrap_or_default());
                    let variant = |hash: HashAlgorithm| {
                        let usual = params.salt_length() == hash.octets() && mask.is_ok_and(|mask| mask == digest);
                        if usual { A::RsaPss(hash) } else { A::RsaPssUnusual(hash) }
                    };
                    match &*digest {
                        "1.3.14.3.2.26" => variant(Sha1),
                        "2.16.840.1.101.3.4.2.4" => variant(Sha224),
                        "2.16.840.1.101.3.4.2.1" => variant(Sha256),
                        "2.16.840.1.101.3.4.2.2" => variant(Sha384),
                        "2.16.840.1.101.3.4.2.3" => variant(Sha512),
                        other => A::Other(format!("RSASSA-PSS with {other}").into()),
                    }
                }
                _ => A::Other("RSASSA-PSS with unreadable parameters".into()),
            },
            "1.2.840.10045.4.1" => A::Ecdsa(Sha1),
            "1.2.840.10045.4.3.1" => A::Ecdsa(Sha224),
            "1.2.840.10045.4.3.2" => A::Ecdsa(Sha256),
            "1.2.840.10045.4.3.3" => A::Ecdsa(Sha384),
            "1.2.840.10045.4.3.4" => A::Ecdsa(Sha512),
            "1.2.840.10040.4.3" => A::Dsa(Sha1),
            "2.16.840.1.101.3.4.3.1" => A::Dsa(Sha224),
            "2.16.840.1.101.3.4.3.2" => A::Dsa(Sha256),
            "1.3.101.112" => A::Ed25519,
            "1.3.101.113" => A::Ed448,
            "2.16.840.1.101.3.4.3.17" => A::MlDsa(44),
            "2.16.840.1.101.3.4.3.18" => A::MlDsa(65),
            "2.16.840.1.101.3.4.3.19" => A::MlDsa(87),
            other => A::Other(other.into()),
        }
    }

    /// The digest, where the algorithm takes one of its own.
    pub fn hash(&self) -> Option<HashAlgorithm> {
        match self {
            Self::RsaPkcs1(hash) | Self::RsaPss(hash) | Self::RsaPssUnusual(hash) | Self::Ecdsa(hash) | Self::Dsa(hash) => {
                Some(*hash)
            }
            _ => None,
        }
    }

    /// Strength in bits, by the digest; `None` if unknown.
    pub fn security_bits(&self) -> Option<u32> {
        match self {
            Self::Ed25519 | Self::MlDsa(44) => Some(128),
            Self::Ed448 => Some(224),
            Self::MlDsa(65) => Some(192),
            Self::MlDsa(_) => Some(256),
            Self::Other(_) => None,
            with_hash => with_hash.hash().map(HashAlgorithm::security_bits),
        }
    }
}

impl fmt::Display for SignatureAlgorithm {
    /// OpenSSL's long names: `sha256WithRSAEncryption`, `ecdsa-with-SHA384`, `ED25519`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RsaPkcs1(hash) => write!(f, "{}WithRSAEncryption", format!("{hash:?}").to_lowercase()),
            Self::RsaPss(hash) | Self::RsaPssUnusual(hash) => write!(f, "rsassaPss-with-{}", format!("{hash:?}").to_uppercase()),
            Self::Ecdsa(hash) => write!(f, "ecdsa-with-{}", format!("{hash:?}").to_uppercase()),
            Self::Dsa(HashAlgorithm::Sha1) => f.write_str("dsaWithSHA1"),
            Self::Dsa(hash) => write!(f, "dsa_with_{}", format!("{hash:?}").to_uppercase()),
            Self::Ed25519 => f.write_str("ED25519"),
            Self::Ed448 => f.write_str("ED448"),
            Self::MlDsa(level) => write!(f, "ML-DSA-{level}"),
            Self::Other(oid) => f.write_str(oid),
        }
    }
}

/// OpenSSL's `check_sig_alg_match`.
pub(super) fn key_fits(key: &KeyKind, signature: &SignatureAlgorithm) -> bool {
    match signature {
        SignatureAlgorithm::RsaPkcs1(_) => matches!(key, KeyKind::Rsa(_)),
        SignatureAlgorithm::RsaPss(_) | SignatureAlgorithm::RsaPssUnusual(_) => {
            matches!(key, KeyKind::Rsa(_) | KeyKind::RsaPss(_))
        }
        SignatureAlgorithm::Ecdsa(_) => matches!(key, KeyKind::Ec(_) | KeyKind::EcExplicit(_)),
        SignatureAlgorithm::Dsa(_) => matches!(key, KeyKind::Dsa(_)),
        SignatureAlgorithm::Ed25519 => *key == KeyKind::Ed25519,
        SignatureAlgorithm::Ed448 => *key == KeyKind::Ed448,
        SignatureAlgorithm::MlDsa(level) => *key == KeyKind::MlDsa(*level),
        SignatureAlgorithm::Other(_) => false,
    }
}

pub(super) fn verify_certificate(subject: &Facts, issuer: &PublicKey) -> Result<(), SignatureFault> {
    let value = subject.signature_value().ok_or(SignatureFault::Bad)?;
    verify_signed(&subject.signature, issuer, subject.tbs(), value)
}

/// Whether `key` made the signature `value` over `message`.
pub(super) fn verify_signed(
    wanted: &SignatureAlgorithm,
    key: &PublicKey,
    message: &[u8],
    value: &[u8],
) -> Result<(), SignatureFault> {
    verify(algorithm(wanted, &key.kind)?, key, message, value)
}

/// Whether we can tell a good signature from a bad one.
pub(super) fn can_check(wanted: &SignatureAlgorithm, issuer: &PublicKey) -> bool {
    !matches!(algorithm(wanted, &issuer.kind), Err(SignatureFault::Unsupported))
}

fn algorithm(wanted: &SignatureAlgorithm, key: &KeyKind) -> Result<Algorithm, SignatureFault> {
    match wanted {
        SignatureAlgorithm::RsaPkcs1(hash) => rsa_pkcs1(*hash, key),
        SignatureAlgorithm::RsaPss(hash) => rsa_pss(*hash, key),
        SignatureAlgorithm::Ecdsa(hash) => ecdsa(*hash, key),
        SignatureAlgorithm::Ed25519 => expect_key(key, &KeyKind::Ed25519, &signature::ED25519),
        SignatureAlgorithm::MlDsa(level) => ml_dsa(*level, key),
        SignatureAlgorithm::RsaPssUnusual(_)
        | SignatureAlgorithm::Dsa(_)
        | SignatureAlgorithm::Ed448
        | SignatureAlgorithm::Other(_) => Err(SignatureFault::Unsupported),
    }
}

/// Whether the key in `key` made a handshake's signature. Done on the SPKI alone: the certificate around it may be as odd as
/// it likes (a v1 leaf, RSA-1024), which is the judge's business and not the proof of possession's.
pub fn verify_tls_signature(key: &PublicKey, signed: TlsSignature<'_>) -> Result<(), SignatureFault> {
    use HashAlgorithm::{Sha1, Sha256, Sha384, Sha512};
    let algorithm = match signed.scheme {
        0x0201 => rsa_pkcs1(Sha1, &key.kind)?,
        0x0401 => rsa_pkcs1(Sha256, &key.kind)?,
        0x0501 => rsa_pkcs1(Sha384, &key.kind)?,
        0x0601 => rsa_pkcs1(Sha512, &key.kind)?,
        0x0804 | 0x0809 => rsa_pss(Sha256, &key.kind)?,
        0x0805 | 0x080a => rsa_pss(Sha384, &key.kind)?,
        0x0806 | 0x080b => rsa_pss(Sha512, &key.kind)?,
        0x0203 => ecdsa(Sha1, &key.kind)?,
        0x0403 => ecdsa(Sha256, &key.kind)?,
        0x0503 => ecdsa(Sha384, &key.kind)?,
        0x0603 => ecdsa(Sha512, &key.kind)?,
        0x0807 => expect_key(&key.kind, &KeyKind::Ed25519, &signature::ED25519)?,
        0x0904 => ml_dsa(44, &key.kind)?,
        0x0905 => ml_dsa(65, &key.kind)?,
        0x0906 => ml_dsa(87, &key.kind)?,
        _ => return Err(SignatureFault::Unsupported),
    };
    verify(algorithm, key, signed.message, signed.value)
}

type Algorithm = &'static dyn VerificationAlgorithm;

fn verify(algorithm: Algorithm, key: &PublicKey, message: &[u8], value: &[u8]) -> Result<(), SignatureFault> {
    UnparsedPublicKey::new(algorithm, key.bits()).verify(message, value).map_err(|_| SignatureFault::Bad)
}

fn rsa_pkcs1(hash: HashAlgorithm, key: &KeyKind) -> Result<Algorithm, SignatureFault> {
    let KeyKind::Rsa(bits) = key else { return Err(SignatureFault::KeyMismatch) };
    if !(1024..=8192).contains(bits) {
        return Err(SignatureFault::Unsupported);
    }
    Ok(match hash {
        HashAlgorithm::Sha1 => &signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        HashAlgorithm::Sha256 => &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        HashAlgorithm::Sha384 if *bits >= 2048 => &signature::RSA_PKCS1_2048_8192_SHA384,
        HashAlgorithm::Sha512 => &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        _ => return Err(SignatureFault::Unsupported),
    })
}

fn rsa_pss(hash: HashAlgorithm, key: &KeyKind) -> Result<Algorithm, SignatureFault> {
    let (KeyKind::Rsa(bits) | KeyKind::RsaPss(bits)) = key else { return Err(SignatureFault::KeyMismatch) };
    if !(2048..=8192).contains(bits) {
        return Err(SignatureFault::Unsupported);
    }
    Ok(match hash {
        HashAlgorithm::Sha256 => &signature::RSA_PSS_2048_8192_SHA256,
        HashAlgorithm::Sha384 => &signature::RSA_PSS_2048_8192_SHA384,
        HashAlgorithm::Sha512 => &signature::RSA_PSS_2048_8192_SHA512,
        _ => return Err(SignatureFault::Unsupported),
    })
}

fn ecdsa(hash: HashAlgorithm, key: &KeyKind) -> Result<Algorithm, SignatureFault> {
    let curve = match key {
        KeyKind::Ec(curve) => curve,
        KeyKind::EcExplicit(_) => return Err(SignatureFault::Unsupported),
        _ => return Err(SignatureFault::KeyMismatch),
    };
    Ok(match (&**curve, hash) {
        ("P-256", HashAlgorithm::Sha1) => &signature::ECDSA_P256_SHA1_ASN1,
        ("P-256", HashAlgorithm::Sha256) => &signature::ECDSA_P256_SHA256_ASN1,
        ("P-256", HashAlgorithm::Sha384) => &signature::ECDSA_P256_SHA384_ASN1,
        ("P-256", HashAlgorithm::Sha512) => &signature::ECDSA_P256_SHA512_ASN1,
        ("P-384", HashAlgorithm::Sha256) => &signature::ECDSA_P384_SHA256_ASN1,
        ("P-384", HashAlgorithm::Sha384) => &signature::ECDSA_P384_SHA384_ASN1,
        ("P-384", HashAlgorithm::Sha512) => &signature::ECDSA_P384_SHA512_ASN1,
        ("P-521", HashAlgorithm::Sha1) => &signature::ECDSA_P521_SHA1_ASN1,
        ("P-521", HashAlgorithm::Sha224) => &signature::ECDSA_P521_SHA224_ASN1,
        ("P-521", HashAlgorithm::Sha256) => &signature::ECDSA_P521_SHA256_ASN1,
        ("P-521", HashAlgorithm::Sha384) => &signature::ECDSA_P521_SHA384_ASN1,
        ("P-521", HashAlgorithm::Sha512) => &signature::ECDSA_P521_SHA512_ASN1,
        ("secp256k1", HashAlgorithm::Sha256) => &signature::ECDSA_P256K1_SHA256_ASN1,
        _ => return Err(SignatureFault::Unsupported),
    })
}

fn ml_dsa(level: u8, key: &KeyKind) -> Result<Algorithm, SignatureFault> {
    let algorithm: Algorithm = match level {
        44 => &signature::ML_DSA_44,
        65 => &signature::ML_DSA_65,
        _ => &signature::ML_DSA_87,
    };
    expect_key(key, &KeyKind::MlDsa(level), algorithm)
}

fn expect_key(has: &KeyKind, wants: &KeyKind, algorithm: Algorithm) -> Result<Algorithm, SignatureFault> {
    if has == wants { Ok(algorithm) } else { Err(SignatureFault::KeyMismatch) }
}
