//! One SMTP conversation, in plaintext or within TLS.

use std::io;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};

use super::{Fault, Mailbox, Tls};

/// A command line; AUTH may carry a long one (RFC 4954, section 4).
const LINE: u64 = 12_288;
/// A message.
const MESSAGE: usize = 10 * 1024 * 1024;
/// Recipients of one message (RFC 5321, section 4.5.3.1.8).
const RECIPIENTS: usize = 100;
/// Commands of one session.
const COMMANDS: usize = 10_000;

/// Speaks until QUIT (`None`), or until STARTTLS is agreed: then the stream comes back, to be protected.
pub(super) async fn run<S>(mailbox: &Mailbox, stream: S, protected: bool, greet: bool) -> io::Result<Option<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut session =
        Session { mailbox, stream: BufReader::new(stream), protected, known: false, sender: None, recipients: Vec::new() };
    if greet && session.misbehaves("CONNECT").await?.is_none() {
        session.say("220 mailbox.localhost ESMTP").await?;
    }
    for _ in 0..COMMANDS {
        let Some(line) = session.line().await? else { return Ok(None) };
        let (verb, argument) = line.split_once(' ').unwrap_or((&line, ""));
        let verb = verb.to_ascii_uppercase();
        if session.misbehaves(&verb).await?.is_some() {
            continue;
        }
        match verb.as_str() {
            "STARTTLS" if session.offers_starttls() => {
                session.say("220 2.0.0 go ahead").await?;
                // What came in the clear behind STARTTLS must not be taken for protected (RFC 3207, section 4.2).
                return Ok(session.stream.buffer().is_empty().then(|| session.stream.into_inner()));
            }
            "QUIT" => {
                session.say("221 2.0.0 bye").await?;
                return Ok(None);
            }
            verb => session.command(verb, argument).await?,
        }
    }
    Ok(None)
}

struct Session<'a, S> {
    mailbox: &'a Mailbox,
    stream: BufReader<S>,
    protected: bool,
    known: bool,
    sender: Option<String>,
    recipients: Vec<String>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<'_, S> {
    async fn command(&mut self, verb: &str, argument: &str) -> io::Result<()> {
        match verb {
            "EHLO" => self.ehlo().await,
            "HELO" => self.say("250 mailbox.localhost").await,
            "NOOP" => self.say("250 2.0.0 ok").await,
            "RSET" => {
                self.reset();
                self.say("250 2.0.0 ok").await
            }
            "AUTH" if self.offers_login() => self.login(argument).await,
            "MAIL" if self.mailbox.login.is_some() && !self.known => self.say("530 5.7.0 authentication required").await,
            "MAIL" => match address(argument, "FROM:") {
                Some(sender) => {
                    self.reset();
                    self.sender = Some(sender);
                    self.say("250 2.1.0 ok").await
                }
                None => self.say("501 5.5.4 MAIL FROM:<address>").await,
            },
            "RCPT" if self.sender.is_none() => self.say("503 5.5.1 MAIL first").await,
            "RCPT" if self.recipients.len() >= RECIPIENTS => self.say("452 4.5.3 too many recipients").await,
            "RCPT" => match address(argument, "TO:").filter(|address| !address.is_empty()) {
                Some(recipient) => {
                    self.recipients.push(recipient);
                    self.say("250 2.1.5 ok").await
                }
                None => self.say("501 5.5.4 RCPT TO:<address>").await,
            },
            "DATA" if self.recipients.is_empty() => self.say("503 5.5.1 RCPT first").await,
            "DATA" => self.data().await,
            _ => self.say("502 5.5.2 command not known here").await,
        }
    }

    async fn ehlo(&mut self) -> io::Result<()> {
        let mut lines = vec!["mailbox.localhost", "8BITMIME", "ENHANCEDSTATUSCODES", "SIZE 10485760"];
        if self.offers_starttls() {
            lines.push("STARTTLS");
        }
        if self.offers_login() {
            lines.push("AUTH PLAIN LOGIN");
        }
        for (index, line) in lines.iter().enumerate() {
            let between = if index + 1 == lines.len() { ' ' } else { '-' };
            self.say(&format!("250{between}{line}")).await?;
        }
        Ok(())
    }

    async fn login(&mut self, argument: &str) -> io::Result<()> {
        let Some((username, password)) = self.mailbox.login.clone() else { return Ok(()) };
        let (mechanism, initial) = argument.split_once(' ').unwrap_or((argument, ""));
        self.known = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => {
                let given = if initial.is_empty() { self.challenge("").await? } else { initial.to_owned() };
                given == base64(format!("\0{username}\0{password}").as_bytes())
            }
            "LOGIN" => {
                let name = self.challenge("Username:").await?;
                let word = self.challenge("Password:").await?;
                name == base64(username.as_bytes()) && word == base64(password.as_bytes())
            }
            _ => return self.say("504 5.5.4 PLAIN or LOGIN").await,
        };
        self.say(if self.known { "235 2.7.0 welcome" } else { "535 5.7.8 authentication failed" }).await
    }

    async fn challenge(&mut self, words: &str) -> io::Result<String> {
        self.say(&format!("334 {}", base64(words.as_bytes()))).await?;
        Ok(self.line().await?.unwrap_or_default())
    }

    /// The message up to the lone dot, with the doubled dots made single again (RFC 5321, section 4.5.2).
    async fn data(&mut self) -> io::Result<()> {
        self.say("354 end with a dot").await?;
        let mut mail = format!("Return-Path: <{}>\r\n", self.sender.as_deref().unwrap_or_default()).into_bytes();
        for recipient in &self.recipients {
            mail.extend_from_slice(format!("Delivered-To: {recipient}\r\n").as_bytes());
        }
        let (mut size, mut first) = (0, true);
        loop {
            let mut line = Vec::new();
            (&mut self.stream).take(MESSAGE as u64).read_until(b'\n', &mut line).await?;
            if !line.ends_with(b"\n") {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line == b".\r\n" {
                break;
            }
            size += line.len();
            if size <= MESSAGE {
                mail.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
            }
            if std::mem::take(&mut first) {
                self.misbehaves("BODY").await?;
            }
        }
        self.reset();
        if self.misbehaves(".").await?.is_some() {
            return Ok(());
        }
        if size > MESSAGE {
            return self.say("552 5.3.4 message too large").await;
        }
        match self.mailbox.keep(&mail)? {
            Some(_) => self.say("250 2.0.0 kept").await,
            None => self.say("452 4.3.1 the mailbox is full").await,
        }
    }

    /// Plays the fault that is due here: `Some` when an answer was given in place of the right one.
    async fn misbehaves(&mut self, at: &str) -> io::Result<Option<()>> {
        match self.mailbox.fault(at) {
            None => Ok(None),
            Some(Fault::Answer { reply, .. }) => self.say(reply).await.map(Some),
            Some(Fault::HangUp { .. }) => Err(io::ErrorKind::ConnectionAborted.into()),
            Some(Fault::Stall { .. }) => std::future::pending().await,
        }
    }

    fn offers_starttls(&self) -> bool {
        !self.protected && matches!(self.mailbox.tls, Some(Tls::Starttls(_)))
    }

    fn offers_login(&self) -> bool {
        self.mailbox.login.is_some() && (self.protected || self.mailbox.tls.is_none())
    }

    fn reset(&mut self) {
        self.sender = None;
        self.recipients.clear();
    }

    /// The next line; `None` at the end. A line that never ends, or is no text, ends the session.
    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        (&mut self.stream).take(LINE).read_until(b'\n', &mut line).await?;
        if line.is_empty() {
            return Ok(None);
        }
        let Some(line) = line.strip_suffix(b"\n") else { return Err(io::ErrorKind::InvalidData.into()) };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        String::from_utf8(line.to_vec()).map(Some).map_err(|_| io::ErrorKind::InvalidData.into())
    }

    async fn say(&mut self, line: &str) -> io::Result<()> {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).await?;
        self.stream.flush().await
    }
}

/// The address of `FROM:<a@b> ..` or `TO:<a@b> ..`; the empty one is the null sender.
fn address(argument: &str, keyword: &str) -> Option<String> {
    let start = argument.get(..keyword.len()).filter(|start| start.eq_ignore_ascii_case(keyword))?;
    let rest = argument[start.len()..].trim_start().strip_prefix('<')?;
    let address = rest.split_once('>')?.0;
    (address.len() <= 320 && !address.chars().any(char::is_control)).then(|| address.to_owned())
}

/// RFC 4648, section 4. Only the expected answers are encoded; nothing that a client sends is decoded.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().chain(&[0, 0]).take(3).fold(0usize, |word, byte| word << 8 | usize::from(*byte));
        for digit in 0..4 {
            let index = word >> (18 - 6 * digit) & 63;
            out.push(if digit <= chunk.len() { char::from(ALPHABET[index]) } else { '=' });
        }
    }
    out
}
