//! Private keys: which kind, and to which public key they belong. Nothing secret is kept, shown or quoted.

use rustls::{
    crypto::aws_lc_rs::sign::any_supported_type,
    pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer},
};

use super::{
    KeyKind, Octets, PublicKey,
    der::{self, Element, Elements},
    key, parse,
};

/// What may be told of a private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateKey {
    /// How it is written.
    pub form: KeyForm,
    /// The public key that belongs to it; `None` when it is encrypted, or of a kind that we do not know.
    pub public: Option<PublicKey>,
}

/// How a private key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyForm {
    /// RFC 8017, appendix A.1.2: `RSA PRIVATE KEY`.
    Pkcs1,
    /// RFC 5958: `PRIVATE KEY`.
    Pkcs8,
    /// RFC 5915: `EC PRIVATE KEY`.
    Sec1,
    /// RFC 5958, section 3: `ENCRYPTED PRIVATE KEY`; or OpenSSL's older way to encrypt the others.
    Encrypted,
}

impl KeyForm {
    /// `PKCS#8`, `encrypted`.
    pub fn name(self) -> &'static str {
        match self {
            KeyForm::Pkcs1 => "PKCS#1",
            KeyForm::Pkcs8 => "PKCS#8",
            KeyForm::Sec1 => "SEC1",
            KeyForm::Encrypted => "encrypted",
        }
    }
}

impl PrivateKey {
    /// One that is encrypted: all that is known of it.
    pub const ENCRYPTED: PrivateKey = PrivateKey { form: KeyForm::Encrypted, public: None };

    /// Reads a key; `None` when the octets are none.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let form = form(der)?;
        let rustls = match form {
            KeyForm::Pkcs1 => PrivateKeyDer::Pkcs1(PrivatePkcs1KeyDer::from(der)),
            KeyForm::Pkcs8 => PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der)),
            KeyForm::Sec1 => PrivateKeyDer::Sec1(PrivateSec1KeyDer::from(der)),
            KeyForm::Encrypted => return Some(PrivateKey::ENCRYPTED),
        };
        let spki = any_supported_type(&rustls).ok().and_then(|key| key.public_key().map(|spki| spki.to_vec()));
        let public = spki.and_then(|spki| parse::key(&mut Elements(&spki), &Octets::default()));
        Some(PrivateKey { form, public: public.or_else(|| rsa(der, form)) })
    }

    /// Whether it belongs to this public key; `None` when that cannot be told.
    pub fn matches(&self, public: &PublicKey) -> Option<bool> {
        self.public.as_ref().map(|own| own.bits() == public.bits())
    }
}

fn form(der: &[u8]) -> Option<KeyForm> {
    let parts = der::sequence(der)?.all()?;
    let tags: Vec<u8> = parts.iter().map(|part| part.tag).collect();
    let algorithm = |part: &Element<'_>| Elements(part.content).expect(der::OID).is_some();
    match tags[..] {
        [der::INTEGER, der::SEQUENCE, der::OCTET_STRING, ..] if algorithm(&parts[1]) => Some(KeyForm::Pkcs8),
        [der::SEQUENCE, der::OCTET_STRING] if algorithm(&parts[0]) => Some(KeyForm::Encrypted),
        [der::INTEGER, der::OCTET_STRING, ..] if parts[0].content == [1] => Some(KeyForm::Sec1),
        _ if tags.len() >= 9 && tags[..9] == [der::INTEGER; 9] => Some(KeyForm::Pkcs1),
        _ => None,
    }
}

/// The public half of an RSA key of any size: rustls takes no short ones.
fn rsa(der: &[u8], form: KeyForm) -> Option<PublicKey> {
    let key = if form == KeyForm::Pkcs1 {
        der
    } else {
        let parts = der::sequence(der)?.all()?;
        let algorithm = der::oid(Elements(parts.get(1)?.content).expect(der::OID)?)?;
        (algorithm == "1.2.840.113549.1.1.1").then_some(parts.get(2)?.content)?
    };
    let numbers = der::sequence(key)?.all()?;
    let (modulus, exponent) = (numbers.get(1)?, numbers.get(2)?);
    let bits = der::written(der::SEQUENCE, &[modulus.whole, exponent.whole].concat());
    let size = key::rsa(&bits)?;
    Some(PublicKey::of_bits(KeyKind::Rsa(size), bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_with_its_public_half_and_no_secret_is_kept() {
        for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
            let pair = rcgen::KeyPair::generate_for(algorithm).expect("a key");
            let key = PrivateKey::from_der(&pair.serialize_der()).expect("a key");
            assert_eq!(key.form, KeyForm::Pkcs8);
            let public = key.public.clone().expect("known");
            assert_eq!(public.bits(), pair.public_key_raw());
            assert_eq!(key.matches(&public), Some(true));
            let other = PrivateKey::from_der(&rcgen::KeyPair::generate_for(algorithm).expect("a key").serialize_der());
            assert_eq!(other.expect("a key").matches(&public), Some(false));
        }
    }

    #[test]
    fn other_octets_are_no_key() {
        let certificate = rcgen::generate_simple_self_signed(vec!["a.example".into()]).expect("a certificate").cert;
        for octets in [&certificate.der()[..], b"", b"\x30\x00", b"\x30\x03\x02\x01\x01", b"nothing", &[0x30, 0x80]] {
            assert_eq!(PrivateKey::from_der(octets), None, "{octets:02x?}");
        }
    }
}
