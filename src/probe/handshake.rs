//! TLS itself, by rustls: the chain is captured, the possession of its key checked, and nothing judged.
//!
//! The only place that stands in for a certificate verifier. It accepts everything, since a monitor must see what a client would
//! refuse; no application data is ever sent over these connections.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, InvalidMessage, NamedGroup, ProtocolVersion, SignatureScheme,
    client::{
        ResolvesClientCert, Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, UnixTime},
    sign::CertifiedKey,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, timeout, timeout_at},
};

use super::{ClientIdentity, plaintext, tls_error, trouble::Trouble};
use crate::{
    certificate::{Certificate, KeyKind, SignatureFault, TlsSignature, verify_tls_signature},
    endpoint::Host,
    observation::{Chain, FailureKind, Handshake, Outcome, Possession, Stage, Tls},
};

/// Which key exchange groups are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Groups {
    /// X25519MLKEM768 first; its share makes the ClientHello larger than a packet.
    PostQuantum,
    /// Elliptic curves only.
    Classic,
}

/// How long and how much.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The visit's whole time, for messages.
    pub(super) total: Duration,
    /// When it ends.
    pub(super) deadline: Instant,
    /// When it ends if nothing has been received.
    pub(super) first_octet_by: Instant,
    /// Octets to accept.
    pub(super) max_octets: usize,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Shake {
    pub(super) outcome: Outcome,
    /// Not one octet came in return, and the connection stalled or ended.
    pub(super) unanswered: bool,
}

/// The settings that all handshakes share.
pub(super) struct Handshaker {
    post_quantum: ClientConfig,
    classic: ClientConfig,
    identity: Option<Arc<CertifiedKey>>,
}

impl Handshaker {
    pub(super) fn new(identity: Option<&ClientIdentity>) -> Self {
        let mut classic = aws_lc_rs::default_provider();
        classic.kx_groups.retain(|group| !is_post_quantum(group.name()));
        Handshaker {
            post_quantum: base_config(aws_lc_rs::default_provider()),
            classic: base_config(classic),
            identity: identity.map(|identity| identity.key.clone()),
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
        let capture = Arc::new(Capture { seen: Mutex::default(), identity: self.identity.clone() });
        let mut config = match groups {
            Groups::PostQuantum => self.post_quantum.clone(),
            Groups::Classic => self.classic.clone(),
        };
        config.dangerous().set_certificate_verifier(capture.clone());
        config.client_auth_cert_resolver = capture.clone();
        let connection = match ClientConnection::new(Arc::new(config), sni(server_name)) {
            Ok(connection) => connection,
            Err(error) => {
                let trouble = Trouble::new(FailureKind::Internal, format!("cannot begin a handshake: {error}"));
                return Shake { outcome: Outcome::Failure(trouble.at(Stage::Handshake)), unanswered: false };
            }
        };
        let mut session = Session { stream, connection, limits, received: 0, buffer: vec![0; BUFFER], unsent: None };
        let broken = session.run(&capture).await.err();
        session.conclude(&capture, broken, peer)
    }
}

fn base_config(provider: rustls::crypto::CryptoProvider) -> ClientConfig {
    let placeholder = Arc::new(Capture { seen: Mutex::default(), identity: None });
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .expect("aws-lc-rs has cipher suites for TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(placeholder)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
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

/// One handshake under way.
struct Session<'a, S> {
    stream: &'a mut S,
    connection: ClientConnection,
    limits: Limits,
    received: usize,
    buffer: Vec<u8>,
    /// An error of writing. What was received before it explains it better, so reading goes on first.
    unsent: Option<io::Error>,
}

/// Why a handshake ended.
enum Broken {
    Late,
    Closed,
    TooMuch,
    Io(io::Error),
    NoTls(&'static str),
    Tls(rustls::Error),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<'_, S> {
    async fn run(&mut self, capture: &Capture) -> Result<(), Broken> {
        let deadline = self.limits.deadline;
        let shaken = timeout_at(deadline, self.handshake()).await.unwrap_or(Err(Broken::Late));
        if let Err(Broken::Tls(_)) = shaken {
            // rustls has an alert for the peer.
            let _ = timeout(PARTING, self.send()).await;
        }
        shaken?;
        let verdict = if self.is_tls13() && capture.seen().asked_for_client { self.verdict_on_client().await } else { Ok(()) };
        self.connection.send_close_notify();
        let _ = timeout(PARTING, async {
            self.send().await;
            self.stream.shutdown().await
        })
        .await;
        verdict
    }

    async fn handshake(&mut self) -> Result<(), Broken> {
        loop {
            self.send().await;
            if !self.connection.is_handshaking() {
                return Ok(());
            }
            let by = if self.received == 0 { self.limits.first_octet_by } else { self.limits.deadline };
            timeout_at(by, self.receive()).await.unwrap_or(Err(Broken::Late))?;
        }
    }

    /// In TLS 1.3 the peer judges our certificate, or that there was none, only after we are done. A ticket, octets of the
    /// application or an orderly end show that it was content.
    async fn verdict_on_client(&mut self) -> Result<(), Broken> {
        let until = self.limits.deadline.min(Instant::now() + VERDICT);
        loop {
            match timeout_at(until, self.receive()).await {
                Ok(Ok(())) => {}
                Ok(Err(broken @ (Broken::Tls(_) | Broken::Closed | Broken::Io(_)))) => return Err(broken),
                Ok(Err(_)) | Err(_) => return Ok(()),
            }
            let content = self
                .connection
                .process_new_packets()
                .is_ok_and(|state| state.plaintext_bytes_to_read() > 0 || state.peer_has_closed());
            if content || self.connection.tls13_tickets_received() > 0 {
                return Ok(());
            }
        }
    }

    async fn send(&mut self) {
        while self.connection.wants_write() && self.unsent.is_none() {
            let mut octets = Vec::with_capacity(2048);
            let written = match self.connection.write_tls(&mut octets) {
                Ok(_) => self.stream.write_all(&octets).await,
                Err(error) => Err(error),
            };
            self.unsent = written.err();
        }
    }

    async fn receive(&mut self) -> Result<(), Broken> {
        let count = match self.stream.read(&mut self.buffer).await {
            Ok(0) => return Err(self.unsent.take().map_or(Broken::Closed, Broken::Io)),
            Ok(count) => count,
            Err(error) => return Err(Broken::Io(error)),
        };
        let is_first = self.received == 0;
        self.received += count;
        if is_first && !plaintext::may_begin_tls(self.buffer[0]) {
            return Err(self.name_plaintext(count).await);
        }
        if self.received > self.limits.max_octets {
            return Err(Broken::TooMuch);
        }
        let mut octets = &self.buffer[..count];
        while !octets.is_empty() {
            // The only error of reading from memory: a message that outgrows rustls's buffer of 64 KiB.
            let too_large = |_| Broken::Tls(InvalidMessage::HandshakePayloadTooLarge.into());
            self.connection.read_tls(&mut octets).map_err(too_large)?;
            self.connection.process_new_packets().map_err(Broken::Tls)?;
        }
        Ok(())
    }

    /// Waits a moment for the rest of the first line, which may come in pieces.
    async fn name_plaintext(&mut self, mut count: usize) -> Broken {
        let until = self.limits.deadline.min(Instant::now() + LINE);
        while count < LINE_OCTETS && !self.buffer[..count].contains(&b'\n') {
            match timeout_at(until, self.stream.read(&mut self.buffer[count..LINE_OCTETS])).await {
                Ok(Ok(more @ 1..)) => count += more,
                _ => break,
            }
        }
        Broken::NoTls(plaintext::recognise(&self.buffer[..count.min(LINE_OCTETS)]))
    }

    fn is_tls13(&self) -> bool {
        self.connection.protocol_version() == Some(ProtocolVersion::TLSv1_3)
    }

    fn conclude(&self, capture: &Capture, broken: Option<Broken>, peer: &str) -> Shake {
        let unanswered = self.received == 0 && broken.is_some();
        let broken_off = broken.map(|broken| self.explain(broken, peer).at(Stage::Handshake));
        let seen = capture.seen();
        let outcome = match (Chain::new(seen.chain.clone()), broken_off) {
            (Some(chain), broken_off) => Outcome::Handshake(Handshake {
                chain,
                tls: self.tls(),
                possession: seen
                    .possession
                    .clone()
                    .unwrap_or_else(|| Possession::Unchecked("the handshake ended before the server's signature".into())),
                broken_off,
            }),
            (None, Some(failure)) => Outcome::Failure(failure),
            (None, None) => {
                let trouble = Trouble::new(FailureKind::ProtocolViolation, "the handshake ended without any certificate");
                Outcome::Failure(trouble.at(Stage::Handshake))
            }
        };
        Shake { outcome, unanswered }
    }

    fn explain(&self, broken: Broken, peer: &str) -> Trouble {
        let (received, total) = (self.received, self.limits.total);
        match broken {
            Broken::Late if received == 0 => {
                Trouble::new(FailureKind::Timeout, format!("{peer} took the connection and said nothing within {total:?}"))
            }
            Broken::Late => Trouble::new(
                FailureKind::Timeout,
                format!("{peer} did not finish the handshake within {total:?} ({received} octets received)"),
            ),
            Broken::Closed if received == 0 => {
                Trouble::new(FailureKind::ClosedEarly, format!("{peer} closed the connection in answer to the ClientHello"))
            }
            Broken::Closed if !self.connection.is_handshaking() => Trouble::new(
                FailureKind::ClosedEarly,
                format!("{peer} closed the connection after it had asked for a client certificate"),
            ),
            Broken::Closed => {
                Trouble::new(FailureKind::ClosedEarly, format!("{peer} closed the connection in the middle of the handshake"))
            }
            Broken::TooMuch => Trouble::new(
                FailureKind::TooMuchData,
                format!("{peer} sent more than {} octets of handshake", self.limits.max_octets),
            ),
            Broken::Io(error) => Trouble::of_stream(&error, peer),
            Broken::NoTls("unknown") => {
                Trouble::new(FailureKind::Plaintext("unknown".into()), "the server speaks something else where TLS was expected")
            }
            Broken::NoTls(protocol) => Trouble::new(
                FailureKind::Plaintext(protocol.into()),
                format!("the server speaks {protocol} where TLS was expected"),
            ),
            Broken::Tls(error) => tls_error::explain(&error),
        }
    }

    /// What is agreed so far.
    fn tls(&self) -> Tls {
        let connection = &self.connection;
        let version = match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2".into(),
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3".into(),
            Some(other) => format!("{other:?}"),
            None => String::new(),
        };
        let cipher =
            connection.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite()).replacen("TLS13_", "TLS_", 1));
        let group = connection.negotiated_key_exchange_group().map(|group| group_name(group.name()));
        Tls {
            version,
            cipher: cipher.unwrap_or_default(),
            group: group.unwrap_or_default(),
            alpn: connection.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
        }
    }
}

/// As IANA writes it (TLS Supported Groups).
fn group_name(group: NamedGroup) -> String {
    match group {
        NamedGroup::X25519 => "x25519".into(),
        NamedGroup::X448 => "x448".into(),
        NamedGroup::secp256r1MLKEM768 => "SecP256r1MLKEM768".into(),
        other => format!("{other:?}"),
    }
}

/// What the callbacks of one handshake saw.
#[derive(Debug)]
struct Capture {
    seen: Mutex<Seen>,
    identity: Option<Arc<CertifiedKey>>,
}

#[derive(Debug, Default)]
struct Seen {
    chain: Vec<Arc<Certificate>>,
    possession: Option<Possession>,
    asked_for_client: bool,
}

impl Capture {
    fn seen(&self) -> MutexGuard<'_, Seen> {
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
                        Possession::Unchecked(format!("signatures of {kind} keys (scheme 0x{scheme:04x}) are not supported"))
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
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.seen().chain = std::iter::once(end_entity).chain(intermediates).map(|der| Certificate::from_der(der)).collect();
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

const BUFFER: usize = 8 * 1024;

/// How long to wait for the rest of a plaintext banner's first line, and how much of it.
const LINE: Duration = Duration::from_millis(200);
const LINE_OCTETS: usize = 256;

/// How long to wait for a TLS 1.3 server's word on our client certificate.
const VERDICT: Duration = Duration::from_millis(300);

/// How long a last message may take to leave.
const PARTING: Duration = Duration::from_millis(50);
