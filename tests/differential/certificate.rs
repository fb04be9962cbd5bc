//! What is to stand in a certificate, and the certificate of it.

use fastrand::Rng;

use crate::{
    der::{self, sequence, tlv},
    oracle::Oracle,
};

/// An algorithm as it is named in a certificate, and how the oracle is asked for such a signature.
#[derive(Debug)]
pub(crate) struct Algorithm {
    /// The `AlgorithmIdentifier`, hex.
    pub(crate) identifier: &'static str,
    /// The family of keys that make it.
    pub(crate) family: Family,
    pub(crate) how: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Rsa,
    RsaPss,
    Ec,
    Ed25519,
    Ed448,
}

/// The keys of the pool: what `openssl genpkey` is asked for.
pub(crate) struct Key {
    pub(crate) arguments: &'static [&'static str],
    pub(crate) family: Family,
}

const fn key(family: Family, arguments: &'static [&'static str]) -> Key {
    Key { arguments, family }
}

const P256: &[&str] = &["EC", "ec_paramgen_curve:P-256"];
const P384: &[&str] = &["EC", "ec_paramgen_curve:P-384"];
const RSA: &[&str] = &["RSA", "rsa_keygen_bits:2048"];

/// Mostly what is quick to sign with.
pub(crate) const KEYS: &[Key] = &[
    key(Family::Ec, P256),
    key(Family::Ec, P256),
    key(Family::Ec, P256),
    key(Family::Ec, P256),
    key(Family::Ec, P256),
    key(Family::Ec, P384),
    key(Family::Ec, P384),
    key(Family::Ed25519, &["ED25519"]),
    key(Family::Ed25519, &["ED25519"]),
    key(Family::Rsa, RSA),
    key(Family::Rsa, RSA),
    key(Family::Rsa, RSA),
    key(Family::Ec, &["EC", "ec_paramgen_curve:P-521"]),
    key(Family::Rsa, &["RSA", "rsa_keygen_bits:1024"]),
    key(Family::Rsa, &["RSA", "rsa_keygen_bits:1024"]),
    key(Family::Rsa, &["RSA", "rsa_keygen_bits:1536"]),
    key(Family::Ec, &["EC", "ec_paramgen_curve:P-256", "ec_param_enc:explicit"]),
    key(Family::Ec, &["EC", "ec_paramgen_curve:P-384", "ec_param_enc:explicit"]),
    key(Family::RsaPss, &["RSA-PSS", "rsa_keygen_bits:2048"]),
    key(Family::Ed448, &["ED448"]),
    key(Family::Ec, &["EC", "ec_paramgen_curve:secp256k1"]),
    key(Family::Ec, &["EC", "ec_paramgen_curve:brainpoolP256r1"]),
    key(Family::Ec, &["EC", "ec_paramgen_curve:P-192"]),
    key(Family::Rsa, &["RSA", "rsa_keygen_bits:512"]),
];
/// The first of [`KEYS`]: without fault, and of a kind that every library checks.
pub(crate) const ORDINARY: std::ops::Range<usize> = 0..13;
/// Those that security level 2 refuses.
pub(crate) const WEAK: std::ops::Range<usize> = 13..16;
pub(crate) const EXPLICIT: std::ops::Range<usize> = 16..18;

const fn algorithm(family: Family, how: &'static str, identifier: &'static str) -> Algorithm {
    Algorithm { identifier, family, how }
}

static SHA256_RSA: Algorithm = algorithm(Family::Rsa, "sha256", "300d06092a864886f70d01010b0500");
static SHA384_RSA: Algorithm = algorithm(Family::Rsa, "sha384", "300d06092a864886f70d01010c0500");
static SHA512_RSA: Algorithm = algorithm(Family::Rsa, "sha512", "300d06092a864886f70d01010d0500");
pub(crate) static SHA1_RSA: Algorithm = algorithm(Family::Rsa, "sha1", "300d06092a864886f70d0101050500");
pub(crate) static MD5_RSA: Algorithm = algorithm(Family::Rsa, "md5", "300d06092a864886f70d0101040500");
static SHA256_PSS: Algorithm = algorithm(
    Family::RsaPss,
    "pss-sha256",
    "304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120",
);
pub(crate) static SHA1_EC: Algorithm = algorithm(Family::Ec, "sha1", "300906072a8648ce3d0401");
static SHA256_EC: Algorithm = algorithm(Family::Ec, "sha256", "300a06082a8648ce3d040302");
static SHA384_EC: Algorithm = algorithm(Family::Ec, "sha384", "300a06082a8648ce3d040303");
static SHA512_EC: Algorithm = algorithm(Family::Ec, "sha512", "300a06082a8648ce3d040304");
static ED25519: Algorithm = algorithm(Family::Ed25519, "-", "300506032b6570");
static ED448: Algorithm = algorithm(Family::Ed448, "-", "300506032b6571");

pub(crate) static ALGORITHMS: [&Algorithm; 12] = [
    &SHA256_RSA,
    &SHA384_RSA,
    &SHA512_RSA,
    &SHA1_RSA,
    &MD5_RSA,
    &SHA256_PSS,
    &SHA1_EC,
    &SHA256_EC,
    &SHA384_EC,
    &SHA512_EC,
    &ED25519,
    &ED448,
];

impl Algorithm {
    /// The one that a key of this family uses where nothing else is said.
    pub(crate) fn usual(family: Family) -> &'static Algorithm {
        match family {
            Family::Rsa => &SHA256_RSA,
            Family::RsaPss => &SHA256_PSS,
            Family::Ec => &SHA256_EC,
            Family::Ed25519 => &ED25519,
            Family::Ed448 => &ED448,
        }
    }

    /// One that a key of this family uses, none of them weak.
    pub(crate) fn strong(family: Family, rng: &mut Rng) -> &'static Algorithm {
        match (family, rng.u8(0..6)) {
            (Family::Rsa, 0) => &SHA384_RSA,
            (Family::Rsa, 1) => &SHA512_RSA,
            (Family::Ec, 0) => &SHA384_EC,
            (Family::Ec, 1) => &SHA512_EC,
            _ => Algorithm::usual(family),
        }
    }

    /// Keys of this family can make such signatures.
    fn is_of(&self, family: Family) -> bool {
        self.family == family || (self.family == Family::RsaPss && family == Family::Rsa)
    }
}

/// One attribute of a name: type (dotted), string type, octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attribute(pub(crate) &'static str, pub(crate) u8, pub(crate) Vec<u8>);

pub(crate) const COMMON_NAME: &str = "2.5.4.3";
pub(crate) const ORGANISATION: &str = "2.5.4.10";
pub(crate) const EMAIL: &str = "1.2.840.113549.1.9.1";
pub(crate) const UTF8: u8 = 0x0c;
pub(crate) const PRINTABLE: u8 = 0x13;
pub(crate) const IA5: u8 = 0x16;

/// A distinguished name: relative names of one attribute or more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Name(pub(crate) Vec<Vec<Attribute>>);

impl Name {
    /// An organisation and a common name.
    pub(crate) fn new(common_name: &str) -> Self {
        let attribute = |kind, text: &str| vec![Attribute(kind, UTF8, text.into())];
        Name(vec![attribute(ORGANISATION, "Fuzz"), attribute(COMMON_NAME, common_name)])
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        let relative = |attributes: &Vec<Attribute>| {
            let each = attributes.iter().map(|Attribute(kind, tag, octets)| sequence([&der::oid(kind)[..], &tlv(*tag, octets)]));
            tlv(0x31, &each.collect::<Vec<_>>().concat())
        };
        tlv(0x30, &self.0.iter().map(relative).collect::<Vec<_>>().concat())
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Extension {
    pub(crate) oid: &'static str,
    pub(crate) critical: bool,
    pub(crate) value: Vec<u8>,
}

impl Extension {
    fn der(&self) -> Vec<u8> {
        let critical = if self.critical { der::boolean(true) } else { Vec::new() };
        sequence([&der::oid(self.oid)[..], &critical, &tlv(4, &self.value)])
    }
}

/// A date: tag and text.
#[derive(Clone, Debug)]
pub(crate) struct Date(pub(crate) u8, pub(crate) Vec<u8>);

pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;

impl Date {
    /// As RFC 5280 has it: two digits of the year up to 2049.
    pub(crate) fn of(seconds: i64) -> Self {
        let short = seconds < 2_524_608_000;
        Date::as_type(seconds, if short { UTC_TIME } else { GENERALIZED_TIME })
    }

    pub(crate) fn as_type(seconds: i64, tag: u8) -> Self {
        let moment = jiff::Timestamp::from_second(seconds).expect("within the calendar");
        let format = if tag == UTC_TIME { "%y%m%d%H%M%SZ" } else { "%Y%m%d%H%M%SZ" };
        Date(tag, moment.strftime(format).to_string().into_bytes())
    }
}

/// What is done to a signature once it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoil {
    Nothing,
    /// One bit of it is turned.
    Bit(usize),
    /// So many octets are left.
    Cut(usize),
    /// The BIT STRING claims unused bits.
    Unused,
}

/// What is to stand in a certificate.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    /// The INTEGER of the version, less one; 0 is left out.
    pub(crate) version: u8,
    pub(crate) serial: Vec<u8>,
    pub(crate) algorithm: &'static Algorithm,
    /// As named outside of the signed part, where that differs.
    pub(crate) algorithm_outside: Option<&'static Algorithm>,
    pub(crate) issuer: Name,
    pub(crate) not_before: Date,
    pub(crate) not_after: Date,
    pub(crate) subject: Name,
    pub(crate) key: usize,
    /// Another public key than that of the pool.
    pub(crate) spki: Option<Vec<u8>>,
    /// Unique identifiers.
    pub(crate) unique: Vec<u8>,
    pub(crate) extensions: Vec<Extension>,
    /// The key that signs.
    pub(crate) signer: usize,
    /// Octets of the signed part that are changed before it is signed: where (modulo its length), and to what.
    pub(crate) changed: Vec<(usize, u8)>,
    pub(crate) spoil: Spoil,
    /// Octets after the end.
    pub(crate) trailing: Vec<u8>,
}

impl Spec {
    pub(crate) fn der(&self, oracle: &mut Oracle) -> Vec<u8> {
        let version = if self.version == 0 { Vec::new() } else { tlv(0xa0, &der::small(self.version)) };
        let algorithm = der::from_hex(self.algorithm.identifier).expect("a constant");
        let validity = sequence([&tlv(self.not_before.0, &self.not_before.1)[..], &tlv(self.not_after.0, &self.not_after.1)]);
        let list: Vec<u8> = self.extensions.iter().flat_map(Extension::der).collect();
        let extensions = if list.is_empty() { Vec::new() } else { tlv(0xa3, &tlv(0x30, &list)) };
        let spki = self.spki.clone().unwrap_or_else(|| oracle.public_key(self.key).to_vec());
        let mut tbs = sequence([
            &version[..],
            &tlv(2, &self.serial),
            &algorithm,
            &self.issuer.der(),
            &validity,
            &self.subject.der(),
            &spki,
            &self.unique,
            &extensions,
        ]);
        for (at, octet) in &self.changed {
            let at = at % tbs.len();
            tbs[at] = *octet;
        }
        let family = KEYS[self.signer].family;
        let how = if self.algorithm.is_of(family) { self.algorithm } else { Algorithm::usual(family) }.how;
        let mut signature = oracle.sign(self.signer, how, &tbs);
        let mut unused = 0;
        match self.spoil {
            Spoil::Nothing => {}
            Spoil::Bit(at) => {
                let octets = signature.len();
                signature[at / 8 % octets] ^= 1 << (at % 8);
            }
            Spoil::Cut(left) => signature.truncate(left),
            Spoil::Unused => unused = 3,
        }
        let outside = self.algorithm_outside.map_or(algorithm, |other| der::from_hex(other.identifier).expect("a constant"));
        let mut whole = sequence([&tbs[..], &outside, &tlv(3, &[&[unused][..], &signature].concat())]);
        whole.extend_from_slice(&self.trailing);
        whole
    }
}
