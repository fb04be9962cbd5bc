//! Reading and writing before TLS: capped, and with an eye on octets that were sent too early.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::super::{
    plaintext,
    trouble::{Trouble, quoted},
};
use crate::observation::{FailureKind, Party, Said};

/// The plaintext side of a connection.
pub(super) struct Wire<'a, S> {
    stream: &'a mut S,
    peer: &'a str,
    /// What is said here, both ways, as far as it is text.
    said: &'a mut Vec<Said>,
    /// Received and not yet taken.
    held: Vec<u8>,
    lines: usize,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Wire<'a, S> {
    pub(super) fn new(stream: &'a mut S, peer: &'a str, said: &'a mut Vec<Said>) -> Self {
        Wire { stream, peer, said, held: Vec::new(), lines: 0 }
    }

    pub(super) async fn send(&mut self, octets: impl AsRef<[u8]>) -> Result<(), Trouble> {
        let sent = async {
            self.stream.write_all(octets.as_ref()).await?;
            self.stream.flush().await
        };
        sent.await.map_err(|error| Trouble::of_stream(&error, self.peer))?;
        self.note(Party::Client, &String::from_utf8_lossy(octets.as_ref()));
        Ok(())
    }

    /// Writes down what was said, where it is text and there is room.
    pub(super) fn note(&mut self, by: Party, text: &str) {
        let is_text = !text.contains(|c: char| c.is_control() && !c.is_ascii_whitespace());
        let lines = text.lines().filter(|line| is_text && !line.trim().is_empty());
        let room = MAX_SAID.saturating_sub(self.said.len());
        self.said.extend(lines.take(room).map(|line| Said::new(by, line)));
    }

    /// The next line, without its end. Octets that are no UTF-8 are replaced.
    pub(super) async fn line(&mut self) -> Result<String, Trouble> {
        self.lines += 1;
        if self.lines > MAX_LINES {
            return Err(self.violation(format!("sent more than {MAX_LINES} lines")));
        }
        let line = self.take_until(&["\n"]).await?;
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Everything up to and with the first of these marks.
    pub(super) async fn take_until(&mut self, marks: &[&str]) -> Result<String, Trouble> {
        loop {
            let ends = marks.iter().filter_map(|mark| {
                let at = self.held.windows(mark.len()).position(|window| window == mark.as_bytes())?;
                Some(at + mark.len())
            });
            if let Some(end) = ends.min() {
                let text = String::from_utf8_lossy(&self.take(end)).into_owned();
                self.note(Party::Server, &text);
                return Ok(text);
            }
            self.receive().await?;
        }
    }

    /// The next `count` octets, at most `MAX_HELD`.
    pub(super) async fn exactly(&mut self, count: usize) -> Result<Vec<u8>, Trouble> {
        if count > MAX_HELD {
            return Err(self.violation(format!("announced a message of {count} octets")));
        }
        while self.held.len() < count {
            self.receive().await?;
        }
        Ok(self.take(count))
    }

    /// Before TLS begins the server has nothing more to say. What it, or somebody on the way, has sent ahead would be taken
    /// for protected (CVE-2011-0411), so it is refused.
    pub(super) fn finish(self) -> Result<(), Trouble> {
        if self.held.is_empty() {
            return Ok(());
        }
        Err(self.violation(format!("sent {} octets of plaintext after agreeing to begin TLS", self.held.len())))
    }

    /// The server does not do TLS: its own words.
    pub(super) fn refused(&self, said: &str) -> Trouble {
        let said = quoted(said);
        let detail = if said.is_empty() {
            format!("{} refused STARTTLS", self.peer)
        } else {
            format!("{} refused STARTTLS: {said}", self.peer)
        };
        Trouble::new(FailureKind::StarttlsRefused, detail)
    }

    /// The server's list of abilities lacks it.
    pub(super) fn not_offered(&self) -> Trouble {
        Trouble::new(FailureKind::StarttlsRefused, format!("{} does not offer STARTTLS", self.peer))
    }

    /// The server said what has no place in `protocol`.
    pub(super) fn unexpected(&self, protocol: &str, said: &[u8]) -> Trouble {
        let text = quoted(&String::from_utf8_lossy(said));
        match plaintext::recognise(said) {
            "unknown" => self.violation(format!("does not speak {protocol}: {text}")),
            other if other.eq_ignore_ascii_case(protocol) => self.violation(format!("answered out of turn: {text}")),
            other => self.violation(format!("does not speak {protocol} but {other}: {text}")),
        }
    }

    pub(super) fn violation(&self, what: impl AsRef<str>) -> Trouble {
        Trouble::new(FailureKind::ProtocolViolation, format!("{} {}", self.peer, what.as_ref()))
    }

    async fn receive(&mut self) -> Result<(), Trouble> {
        if self.held.len() >= MAX_HELD {
            return Err(self.violation(format!("sent a line of more than {MAX_HELD} octets")));
        }
        // Room for more than the line, so that what was sent ahead comes with it.
        let room = MAX_HELD - self.held.len();
        self.held.reserve(room);
        let mut limited = (&mut *self.stream).take(room as u64);
        match limited.read_buf(&mut self.held).await {
            Ok(0) => {
                let detail = format!("{} closed the connection before STARTTLS", self.peer);
                Err(Trouble::new(FailureKind::ClosedEarly, detail))
            }
            Ok(_) => Ok(()),
            Err(error) => Err(Trouble::of_stream(&error, self.peer)),
        }
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        self.held.drain(..count).collect()
    }
}

/// Longest line, and longest message, in octets.
const MAX_HELD: usize = 8 * 1024;
const MAX_LINES: usize = 100;
/// Lines of a conversation that are kept.
const MAX_SAID: usize = 40;
