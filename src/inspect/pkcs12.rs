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

/// Encrypted with RC2 or RC4 (RFC 7292, appendix C), which OpenSSL 3 has in its legacy provider only.
pub(super) fn is_legacy(content: &[u8]) -> bool {
    // 1.2.840.113549.1.12.1, and of that: 128 and 40 bits of RC4, 128 and 40 bits of RC2.
    const PBE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1];
    content.windows(PBE.len() + 1).any(|window| window.strip_prefix(PBE).is_some_and(|last| [1, 2, 5, 6].contains(&last[0])))
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
        E::InvalidParameters => {
            "is PKCS#12 whose password would cost more work than certvigil does: over 1,000,000 iterations, or over 1 GiB; \
             openssl pkcs12 -in FILE -nodes may"
                .into()
        }
        _ => "is PKCS#12 that cannot be decoded; copy the file again".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use der::{INTEGER, OCTET_STRING, OID, SEQUENCE, written};

    const NULL: &[u8] = &[0x05, 0];
    const DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
    const ENCRYPTED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x06";
    const SHA256: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x02\x01";
    const PBES2: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d";
    const PBKDF2: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c";
    const HMAC_SHA256: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x02\x09";
    const AES256_CBC: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x01\x2a";

    fn sequence(parts: &[&[u8]]) -> Vec<u8> {
        written(SEQUENCE, &parts.concat())
    }

    fn content(kind: &[u8], what: &[u8]) -> Vec<u8> {
        sequence(&[&written(OID, kind), &written(der::constructed(0), what)])
    }

    /// RFC 7292, section 4: version, what is authenticated, MAC.
    fn archive(safes: &[&[u8]], mac: &[u8]) -> Vec<u8> {
        sequence(&[&written(INTEGER, &[3]), &content(DATA, &written(OCTET_STRING, &sequence(safes))), mac])
    }

    fn mac(iterations: &[u8]) -> Vec<u8> {
        let digest = sequence(&[&sequence(&[&written(OID, SHA256), NULL]), &written(OCTET_STRING, &[7; 32])]);
        sequence(&[&digest, &written(OCTET_STRING, &[7; 8]), &written(INTEGER, iterations)])
    }

    /// RFC 8018, appendix A: PBES2 with PBKDF2.
    fn encrypted(iterations: &[u8]) -> Vec<u8> {
        let prf = sequence(&[&written(OID, HMAC_SHA256), NULL]);
        let costs = sequence(&[&written(OCTET_STRING, &[7; 8]), &written(INTEGER, iterations), &prf]);
        let derivation = sequence(&[&written(OID, PBKDF2), &costs]);
        let cipher = sequence(&[&written(OID, AES256_CBC), &written(OCTET_STRING, &[7; 16])]);
        let scheme = sequence(&[&written(OID, PBES2), &sequence(&[&derivation, &cipher])]);
        let inner = sequence(&[&written(OID, DATA), &scheme, &written(der::primitive(0), &[7; 32])]);
        content(ENCRYPTED_DATA, &sequence(&[&written(INTEGER, &[0]), &inner]))
    }

    #[test]
    fn an_archive_cannot_ask_for_endless_work() {
        let told = |archive: &[u8]| read(archive, Some("guess")).map(drop).map_err(|fault| fault.problem);
        let (few, endless) = (&[0x08, 0x00][..], &[0x7f, 0xff, 0xff, 0xff][..]);
        let wrong = Err("is PKCS#12, and the password does not open it; check the --password-file".to_owned());
        assert!(is_archive(&archive(&[], &mac(few))));
        assert_eq!(told(&archive(&[], &mac(few))), wrong);
        assert_eq!(told(&archive(&[&encrypted(few)], &[])), wrong);
        for endless in [archive(&[], &mac(endless)), archive(&[&encrypted(endless)], &[])] {
            let problem = told(&endless).expect_err("too much work");
            assert!(problem.contains("over 1,000,000 iterations"), "{problem}");
        }
    }
}
