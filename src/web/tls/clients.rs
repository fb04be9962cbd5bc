//! The certificates of clients: as Go's `crypto/tls` takes them, and with the names that are allowed.

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, UnixTime},
    server::{
        WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};

use super::{ClientAuth, TlsSettings, Unservable};
use crate::certificate::{Certificate, Facts};

/// `None`: clients are not asked.
pub(super) fn verifier(
    settings: &TlsSettings,
    roots: Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, Unservable> {
    let is_mandatory = match settings.client_auth {
        ClientAuth::NoClientCert => return Ok(None),
        ClientAuth::RequestClientCert | ClientAuth::VerifyClientCertIfGiven => false,
        ClientAuth::RequireAnyClientCert | ClientAuth::RequireAndVerifyClientCert => true,
    };
    let chain = match settings.client_auth {
        ClientAuth::VerifyClientCertIfGiven | ClientAuth::RequireAndVerifyClientCert => {
            let built = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider)).build();
            Some(built.map_err(|error| Unservable {
                key: "client_ca",
                problem: format!("clients cannot be verified: {error}"),
                remedy: "name the certificate of the authority that signs the clients' as client_ca_file",
            })?)
        }
        _ => None,
    };
    let (provider, sans) = (Arc::clone(provider), settings.client_sans.clone());
    Ok(Some(Arc::new(Clients { is_mandatory, chain, sans, provider })))
}

#[derive(Debug)]
struct Clients {
    is_mandatory: bool,
    /// Verifies the chain, where it counts.
    chain: Option<Arc<dyn ClientCertVerifier>>,
    sans: Vec<String>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for Clients {
    fn client_auth_mandatory(&self) -> bool {
        self.is_mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.as_ref().map_or(&[], |chain| chain.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = match &self.chain {
            Some(chain) => chain.verify_client_cert(leaf, rest, now)?,
            None => ClientCertVerified::assertion(),
        };
        if self.sans.is_empty() || names(leaf).iter().any(|name| self.sans.contains(name)) {
            return Ok(verified);
        }
        Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, leaf, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The alternative names without their kinds: `a.org`, `192.0.2.1`, `a@b.org`, `spiffe://a/b`.
fn names(leaf: &CertificateDer<'_>) -> Vec<String> {
    let leaf = Certificate::from_der(leaf);
    let bare = |name: String| name.split_once(':').map_or(name.clone(), |(_, bare)| bare.to_owned());
    leaf.facts().into_iter().flat_map(Facts::sans).map(|name| bare(name.to_string())).collect()
}
