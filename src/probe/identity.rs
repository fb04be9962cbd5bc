//! The client certificate that `check --client-cert` presents.

use std::{fmt, sync::Arc};

use rustls::{
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};

use crate::certificate::Certificate;

/// A certificate chain and its key, to present to servers that ask.
#[derive(Clone)]
pub struct ClientIdentity {
    pub(super) key: Arc<CertifiedKey>,
}

impl ClientIdentity {
    /// From PEM: the certificates, leaf first, and the private key (PKCS#8, PKCS#1 or SEC1).
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, IdentityError> {
        let chain: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(certificates).collect::<Result<_, _>>().map_err(|_| IdentityError::NoCertificate)?;
        let leaf = chain.first().map(|der| Certificate::from_der(der)).ok_or(IdentityError::NoCertificate)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| IdentityError::NoKey)?;
        let key = aws_lc_rs::default_provider().key_provider.load_private_key(key).map_err(|_| IdentityError::UnusableKey)?;
        // Compared here and not by rustls, which would also ask the certificate to be one that webpki reads.
        let of_leaf = leaf.facts().map(|facts| &*facts.key.spki);
        let of_key = key.public_key();
        if of_leaf.is_some() && of_key.is_some() && of_leaf != of_key.as_deref() {
            return Err(IdentityError::Mismatch);
        }
        Ok(ClientIdentity { key: Arc::new(CertifiedKey::new(chain, key)) })
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientIdentity({} certificates, key not shown)", self.key.cert.len())
    }
}

/// Why a client certificate cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Nothing between `BEGIN CERTIFICATE` and `END CERTIFICATE`.
    #[error("no PEM certificate found")]
    NoCertificate,
    /// No private key block.
    #[error("no PEM private key found (an encrypted key must be decrypted first)")]
    NoKey,
    /// A key of a kind that cannot sign here.
    #[error("the private key is of no kind that can be used in TLS")]
    UnusableKey,
    /// The key belongs to another certificate.
    #[error("the private key does not belong to the first certificate")]
    Mismatch,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificate_and_key_must_belong_together_and_the_key_stays_hidden() {
        let own = rcgen::generate_simple_self_signed(vec!["client.example".into()]).expect("certificate");
        let other = rcgen::KeyPair::generate().expect("key");
        let from = |cert: &str, key: &str| ClientIdentity::from_pem(cert.as_bytes(), key.as_bytes());
        let identity = from(&own.cert.pem(), &own.signing_key.serialize_pem()).expect("identity");
        assert_eq!(format!("{identity:?}"), "ClientIdentity(1 certificates, key not shown)");
        assert_eq!(from(&own.cert.pem(), &other.serialize_pem()).err(), Some(IdentityError::Mismatch));
        assert_eq!(from("", &other.serialize_pem()).err(), Some(IdentityError::NoCertificate));
        assert_eq!(from(&own.cert.pem(), "nothing").err(), Some(IdentityError::NoKey));
    }
}
