//! TLS itself, by rustls: the chain is captured, the possession of its key checked, and nothing judged.
//!
//! The only place that stands in for a certificate verifier. It accepts everything, since a monitor must see what a client would
//! refuse. No application data is ever sent over these connections, but for the one question of [`super::introduction`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, NamedGroup, SignatureScheme,
    client::{
        ResolvesClientCert, Resumption, Tls12Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, UnixTime},
    sign::CertifiedKey,
};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    ClientIdentity,
    hints::Hints,
    introduction::Question,
    known::KnownCertificates,
    p521::SECP521R1,
    session::{Limits, Session, Shake},
    trouble::Trouble,
};
use crate::{
    certificate::{Certificate, KeyKind, SignatureFault, TlsSignature, verify_tls_signature},
    endpoint::Host,
    observation::{FailureKind, Outcome, Possession, Said, Stage},
};

/// Which key exchange groups are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Groups {
    /// X25519MLKEM768 first; its share makes the ClientHello larger than a packet.
    PostQuantum,
    /// Elliptic curves only.
    Classic,
}

/// The settings that all handshakes share.
pub(super) struct Handshaker {
    post_quantum: ClientConfig,
    classic: ClientConfig,
    identity: Option<Arc<CertifiedKey>>,
    pub(super) known: KnownCertificates,
}

impl Handshaker {
    pub(super) fn new(identity: Option<&ClientIdentity>) -> Self {
        let mut all = aws_lc_rs::default_provider();
        all.kx_groups.push(SECP521R1);
        let mut classic = all.clone();
        classic.kx_groups.retain(|group| !is_post_quantum(group.name()));
        Handshaker {
            post_quantum: base_config(all),
            classic: base_config(classic),
            identity: identity.map(|identity| identity.key.clone()),
            known: KnownCertificates::default(),
        }
    }

    /// Shakes hands over `stream`; `peer` is its name in messages. Ends by `limits` whatever the peer does.
    pub(super) async fn shake<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        groups: Groups,
        server_name: &Host,
        stream: &mut S,
        peer: &str,
        limits: Limits,
    ) -> Shake {
        let capture = self.capture();
        let connection = match self.connection(groups, server_name, &capture, Vec::new()) {
            Ok(connection) => connection,
            Err(error) => {
                let trouble = Trouble::new(FailureKind::Internal, format!("cannot begin a handshake: {error}"));
                return Shake { outcome: Outcome::Failure(trouble.at(Stage::Handshake)), unanswered: false };
            }
        };
        Session::new(stream, connection, limits).run(&capture, peer).await
    }

    /// Asks the server behind `stream` what it is. With the small ClientHello, which everybody answers.
    pub(super) async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        question: &Question,
        server_name: &Host,
        stream: &mut S,
        limits: Limits,
    ) -> Vec<Said> {
        let connection = self.connection(Groups::Classic, server_name, &self.capture(), question.alpn());
        let Ok(connection) = connection else { return Vec::new() };
        question.told(&Session::new(stream, connection, limits).ask(question).await)
    }

    fn capture(&self) -> Arc<Capture> {
        Arc::new(Capture { seen: Mutex::default(), identity: self.identity.clone(), known: self.known.clone() })
    }

    fn connection(
        &self,
        groups: Groups,
        server_name: &Host,
        capture: &Arc<Capture>,
        alpn: Vec<Vec<u8>>,
    ) -> Result<ClientConnection, rustls::Error> {
        let mut config = match groups {
            Groups::PostQuantum => self.post_quantum.clone(),
            Groups::Classic => self.classic.clone(),
        };
        config.dangerous().set_certificate_verifier(capture.clone());
        config.client_auth_cert_resolver = capture.clone();
        config.alpn_protocols = alpn;
        ClientConnection::new(Arc::new(config), sni(server_name))
    }
}

fn base_config(provider: rustls::crypto::CryptoProvider) -> ClientConfig {
    let placeholder = Arc::new(Capture { seen: Mutex::default(), identity: None, known: KnownCertificates::default() });
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .expect("aws-lc-rs has cipher suites for TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(placeholder)
        .with_no_client_auth();
    config.resumption = Resumption::store(Arc::new(Hints::default())).tls12_resumption(Tls12Resumption::Disabled);
    config
}

fn is_post_quantum(group: NamedGroup) -> bool {
    format!("{group:?}").contains("MLKEM")
}

/// The name to send. Addresses are not sent (RFC 6066, section 3), nor is the odd name that rustls takes for none: without SNI
/// there is at least the default certificate to see.
fn sni(host: &Host) -> ServerName<'static> {
    let unsent = ServerName::IpAddress(core::net::IpAddr::from([0, 0, 0, 0]).into());
    match host {
        Host::Name(name) => ServerName::try_from(name.to_string()).unwrap_or(unsent),
        Host::Ip(address) => ServerName::IpAddress((*address).into()),
    }
}

/// What the callbacks of one handshake saw.
#[derive(Debug)]
pub(super) struct Capture {
    seen: Mutex<Seen>,
    identity: Option<Arc<CertifiedKey>>,
    pub(super) known: KnownCertificates,
}

#[derive(Debug, Default)]
pub(super) struct Seen {
    /// As sent, leaf first; empty until the Certificate message.
    pub(super) chain: Vec<Arc<Certificate>>,
    /// `None` until the server's signature.
    pub(super) possession: Option<Possession>,
    /// Whether an OCSP answer came along with the chain.
    pub(super) stapled: Option<bool>,
    /// The server wants a certificate of ours.
    pub(super) asked_for_client: bool,
}

impl Capture {
    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down whether the leaf's key made the handshake's signature. rustls's own check would parse the certificate as
    /// strictly as a client does, and call a good signature bad because of an odd certificate around the key.
    fn check(&self, message: &[u8], signed: &DigitallySignedStruct) {
        let scheme = u16::from(signed.scheme);
        let mut seen = self.seen();
        let possession = match seen.chain.first().map(|leaf| &leaf.facts) {
            Some(Ok(facts)) => {
                let result = verify_tls_signature(&facts.key, TlsSignature { scheme, message, value: signed.signature() });
                match (result, &facts.key.kind) {
                    (Ok(()), _) => Possession::Proven,
                    (Err(SignatureFault::Unsupported), kind) | (Err(SignatureFault::KeyMismatch), kind @ KeyKind::Other(_)) => {
                        Possession::Unchecked(
                            format!("signatures of {kind} keys (scheme 0x{scheme:04x}) are not supported").into(),
                        )
                    }
                    (Err(SignatureFault::Bad | SignatureFault::KeyMismatch), _) => Possession::Failed,
                }
            }
            _ => Possession::Unchecked("the certificate cannot be read".into()),
        };
        seen.possession = Some(possession);
    }
}

impl ServerCertVerifier for Capture {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let mut seen = self.seen();
        seen.chain = std::iter::once(end_entity).chain(intermediates).map(|der| self.known.read(der)).collect();
        seen.stapled = Some(!ocsp_response.is_empty());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        _cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.check(message, signed);
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        _cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.check(message, signed);
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.iter().map(|code| SignatureScheme::from(*code)).collect()
    }
}

impl ResolvesClientCert for Capture {
    fn resolve(&self, _root_hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.seen().asked_for_client = true;
        self.identity.clone()
    }

    fn has_certs(&self) -> bool {
        self.identity.is_some()
    }
}

/// Every SignatureScheme a server may have a certificate for, best first (IANA, TLS SignatureScheme). Those that cannot be checked
/// are here all the same: a server that has nothing else would answer with an alert instead of its certificate.
const SCHEMES: &[u16] = &[
    0x0403, 0x0503, 0x0603, // ecdsa_secp256r1_sha256, ecdsa_secp384r1_sha384, ecdsa_secp521r1_sha512
    0x0807, 0x0808, // ed25519, ed448
    0x0804, 0x0805, 0x0806, // rsa_pss_rsae_sha256, _sha384, _sha512
    0x0809, 0x080a, 0x080b, // rsa_pss_pss_sha256, _sha384, _sha512
    0x0401, 0x0501, 0x0601, // rsa_pkcs1_sha256, _sha384, _sha512
    0x0904, 0x0905, 0x0906, // mldsa44, mldsa65, mldsa87
    0x081a, 0x081b, 0x081c, // ecdsa_brainpoolP256r1tls13_sha256, P384r1 _sha384, P512r1 _sha512
    0x0203, 0x0201, // ecdsa_sha1, rsa_pkcs1_sha1
];
