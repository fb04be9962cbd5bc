//! PKCS#12 archives (RFC 7292): certificates with the key that belongs to them.

use p12_keystore::Pkcs12Archive;

use super::{Fault, Item, What, limited};
use crate::certificate::{Certificate, PrivateKey, der, printable_cut};

/// Version 3, then what is authenticated.
pub(super) fn is_archive(content: &[u8]) -> bool {
    der::sequence(content).is_some_and(|mut fields| {
        fields.expect(der::INTEGER) == Some(&[3])
            && fields.expect(der::SEQUENCE).is_some_and(|safe| der::first(safe, der::OID).is_some())
    })
}

pub(super) fn read(content: &[u8], password: Option<&str>) -> Result<Vec<Item>, Fault> {
    let archive =
        Pkcs12Archive::from_pkcs12(content, password.unwrap_or("")).map_err(|error| refused(&error, password.is_some()))?;
    let place =
        |name: &Option<String>| name.as_ref().map_or_else(String::new, |name| format!("alias \"{}\"", printable_cut(name, 60)));
    let key = |bag: &p12_keystore::PrivateKeyBag| {
        let what = PrivateKey::from_der(bag.key.as_der())
            .map_or_else(|| What::Other("private key of an unknown form".into()), What::Key);
        Item { what, place: place(&bag.friendly_name) }
    };
    let certificate = |bag: &p12_keystore::CertificateBag| Item {
        what: What::Certificate(Certificate::from_der(bag.cert.as_der())),
        place: place(&bag.friendly_name),
    };
    let secret =
        |bag: &p12_keystore::SecretBag| Item { what: What::Other("secret key".into()), place: place(&bag.friendly_name) };
    let certificates = archive.certs.iter().map(certificate);
    limited(certificates.chain(archive.keys.iter().map(key)).chain(archive.secrets.iter().map(secret)).collect())
}

/// The library's errors quote nothing of the content, but say little to a person.
fn refused(error: &p12_keystore::error::Error, with_password: bool) -> Fault {
    use p12_keystore::error::Error as E;
    Fault::whole(match error {
        E::MacError(_) | E::UnpadError | E::Pkcs5Error(_) | E::InvalidData if with_password => {
            "is PKCS#12, and the password does not open it; check the --password-file".into()
        }
        E::MacError(_) | E::UnpadError | E::Pkcs5Error(_) | E::InvalidData => {
            "is PKCS#12 with a password; give it with --password-file FILE".into()
        }
        E::UnsupportedMacAlgorithm | E::UnsupportedEncryptionScheme | E::UnsupportedContentType => {
            "is PKCS#12, protected in a way that certvigil does not know; openssl pkcs12 -in FILE -nodes may".into()
        }
        _ => "is PKCS#12 that cannot be decoded; copy the file again".to_owned(),
    })
}
