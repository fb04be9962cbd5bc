//! One handshake under way: driven by hand over rustls, so that what was agreed and captured is known however it ends.

use std::{
    io::{self, Read as _, Write as _},
    time::Duration,
};

use rustls::{ClientConnection, InvalidMessage, NamedGroup, PeerMisbehaved, ProtocolVersion};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, timeout, timeout_at},
};

use super::{handshake::Capture, introduction::Question, plaintext, tls_error, trouble::Trouble};
use crate::observation::{Chain, FailureKind, Handshake, Outcome, Possession, Stage, Tls};

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

/// One handshake under way.
pub(super) struct Session<'a, S> {
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

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Session<'a, S> {
    pub(super) fn new(stream: &'a mut S, connection: ClientConnection, limits: Limits) -> Self {
        Session { stream, connection, limits, received: 0, buffer: vec![0; BUFFER], unsent: None }
    }

    /// Shakes hands, says goodbye, and tells what `capture` saw meanwhile. `peer` is the other side's name in messages.
    pub(super) async fn run(mut self, capture: &Capture, peer: &str) -> Shake {
        let broken = self.proceed(capture).await.err();
        self.conclude(capture, broken, peer)
    }

    /// Shakes hands, asks, says goodbye, and gives what came in return, at most [`MAX_ANSWER`] octets of it. Whatever goes wrong, there is
    /// no answer.
    pub(super) async fn ask(mut self, question: &Question) -> Vec<u8> {
        let answer = timeout_at(self.limits.deadline, self.answer(question)).await;
        self.connection.send_close_notify();
        let _ = timeout(PARTING, self.send()).await;
        answer.ok().and_then(Result::ok).unwrap_or_default()
    }

    async fn answer(&mut self, question: &Question) -> Result<Vec<u8>, Broken> {
        self.handshake().await?;
        let mut answer = Vec::new();
        let Some(request) = question.request(self.connection.alpn_protocol()) else { return Ok(answer) };
        self.connection.writer().write_all(request.as_bytes()).map_err(Broken::Io)?;
        self.send().await;
        let mut octets = [0; 1024];
        while !question.is_answered(&answer) && answer.len() < MAX_ANSWER {
            match self.connection.reader().read(&mut octets) {
                Ok(0) => break,
                Ok(count) => answer.extend(&octets[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.receive().await?,
                Err(error) => return Err(Broken::Io(error)),
            }
        }
        Ok(answer)
    }

    async fn proceed(&mut self, capture: &Capture) -> Result<(), Broken> {
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
        let mut seen = capture.seen();
        // It was we who broke off: rustls lacks RSASSA-PSS keys and Ed448 under TLS 1.2. The chain is here all the same.
        let beyond_us =
            matches!(broken, Some(Broken::Tls(rustls::Error::PeerMisbehaved(PeerMisbehaved::SignedKxWithWrongAlgorithm))));
        let broken = if beyond_us && !seen.chain.is_empty() {
            let reason = "the server's signature is of a kind that is not supported under TLS 1.2";
            seen.possession = Some(Possession::Unchecked(reason.into()));
            None
        } else {
            broken
        };
        let broken_off = broken.map(|broken| self.explain(broken, peer).at(Stage::Handshake));
        let outcome = match (Chain::new(seen.chain.clone()), broken_off) {
            (Some(chain), broken_off) => Outcome::Handshake(Handshake {
                chain,
                tls: capture.known.agreed(Tls { stapled: seen.stapled, ..self.tls() }),
                possession: seen
                    .possession
                    .clone()
                    .unwrap_or_else(|| Possession::Unchecked("the handshake ended before the server's signature".into())),
                wants_client_certificate: seen.asked_for_client,
                broken_off: broken_off.map(Box::new),
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
            stapled: None,
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

const BUFFER: usize = 8 * 1024;

/// Octets of an answer that are read.
const MAX_ANSWER: usize = 8 * 1024;

/// How long to wait for the rest of a plaintext banner's first line, and how much of it.
const LINE: Duration = Duration::from_millis(200);
const LINE_OCTETS: usize = 256;

/// How long to wait for a TLS 1.3 server's word on our client certificate.
const VERDICT: Duration = Duration::from_millis(300);

/// How long a last message may take to leave.
const PARTING: Duration = Duration::from_millis(50);
