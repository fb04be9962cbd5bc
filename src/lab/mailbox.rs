//! A mailbox: a small SMTP server that takes every mail and writes it into a directory, a file each.
//!
//! Good enough for a mail client under test or on show, for nothing else: it relays nowhere. Whatever a client sends is held to
//! sizes and times.

use std::{
    fs,
    future::Future,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

mod session;

/// Sessions at once; one more is let in when one ends.
const SESSIONS: usize = 64;
/// The whole of one session.
const DEADLINE: Duration = Duration::from_mins(5);
/// Files in the directory; after them the answer is "insufficient storage".
const MAILS: usize = 10_000;

/// Takes mails at `listener` into `directory` (which is made), until `shutdown` comes: no TLS, no login.
pub async fn serve(listener: TcpListener, directory: PathBuf, shutdown: impl Future<Output = ()>) -> io::Result<()> {
    Mailbox::new(directory)?.serve(listener, shutdown).await
}

/// A mailbox, and how it behaves.
#[derive(Debug)]
pub struct Mailbox {
    directory: PathBuf,
    next: Mutex<usize>,
    tls: Option<Tls>,
    login: Option<(String, String)>,
    faults: Mutex<Vec<Fault>>,
}

/// How connections are protected.
#[derive(Clone, Debug)]
pub enum Tls {
    /// STARTTLS is offered (RFC 3207).
    Starttls(Arc<ServerConfig>),
    /// TLS from the first octet (RFC 8314).
    Implicit(Arc<ServerConfig>),
}

/// A misbehaviour. `at` is the command it happens at, `EHLO`, `MAIL`, `RCPT`, `DATA`; or `CONNECT` (instead of the greeting),
/// `BODY` (after the first line of a message) or `.` (after its end).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This reply instead, so many times.
    Answer {
        /// Where.
        at: &'static str,
        /// `451 4.7.1 come back later`.
        reply: &'static str,
        /// How often, before all is well.
        times: usize,
    },
    /// The connection is closed without a word.
    HangUp {
        /// Where.
        at: &'static str,
    },
    /// Nothing more is said.
    Stall {
        /// Where.
        at: &'static str,
    },
}

impl Mailbox {
    /// A mailbox that takes everything. Makes the directory; numbers go on after the files that are there.
    pub fn new(directory: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&directory)?;
        let next = Mutex::new(highest(&directory)? + 1);
        Ok(Mailbox { directory, next, tls: None, login: None, faults: Mutex::default() })
    }

    /// With TLS.
    #[must_use]
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Takes mail only after this login (AUTH PLAIN or LOGIN), offered under TLS where there is TLS.
    #[must_use]
    pub fn with_login(mut self, username: &str, password: &str) -> Self {
        self.login = Some((username.to_owned(), password.to_owned()));
        self
    }

    /// With misbehaviour.
    #[must_use]
    pub fn with_fault(self, fault: Fault) -> Self {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
        self
    }

    /// Serves until `shutdown` comes; sessions under way end with it.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let mailbox = Arc::new(self);
        let mut sessions = JoinSet::new();
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => return Ok(()),
                Some(_) = sessions.join_next() => {}
                accepted = listener.accept(), if sessions.len() < SESSIONS => match accepted {
                    Ok((stream, _)) => {
                        let mailbox = Arc::clone(&mailbox);
                        sessions.spawn(async move { timeout(DEADLINE, mailbox.receive(stream)).await });
                    }
                    // Out of file descriptors, or a client that left before it was accepted: neither ends the mailbox.
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                },
            }
        }
    }

    async fn receive(&self, stream: TcpStream) -> io::Result<()> {
        if let Some(Tls::Implicit(config)) = &self.tls {
            let stream = TlsAcceptor::from(Arc::clone(config)).accept(stream).await?;
            session::run(self, stream, true, true).await.map(drop)
        } else {
            let Some(stream) = session::run(self, stream, false, true).await? else { return Ok(()) };
            let Some(Tls::Starttls(config)) = &self.tls else { return Ok(()) };
            let stream = TlsAcceptor::from(Arc::clone(config)).accept(stream).await?;
            session::run(self, stream, true, false).await.map(drop)
        }
    }

    /// The misbehaviour that is due here, if any.
    fn fault(&self, at: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let index = faults.iter().position(|fault| match fault {
            Fault::Answer { at: place, times, .. } => *place == at && *times > 0,
            Fault::HangUp { at: place } | Fault::Stall { at: place } => *place == at,
        })?;
        if let Fault::Answer { times, .. } = &mut faults[index] {
            *times -= 1;
        }
        Some(faults[index].clone())
    }

    /// Writes a mail as `NNNN-subject.eml`, whole or not at all. `None` when the mailbox is full.
    ///
    /// A file of some kilobytes: written where it stands, without a thread of its own.
    fn keep(&self, mail: &[u8]) -> io::Result<Option<PathBuf>> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if *next > MAILS {
            return Ok(None);
        }
        let path = self.directory.join(format!("{:04}-{}.eml", *next, slug(mail)));
        let hidden = self.directory.join(format!(".{:04}.tmp", *next));
        fs::write(&hidden, mail)?;
        fs::rename(&hidden, &path)?;
        *next += 1;
        Ok(Some(path))
    }
}

/// The highest number in the directory; 0 when there is none.
fn highest(directory: &Path) -> io::Result<usize> {
    let mut highest = 0;
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.split_once('-')?.0.parse().ok());
        highest = highest.max(number.unwrap_or(0));
    }
    Ok(highest)
}

/// The subject as part of a file name: lowercase letters and digits, the rest a dash.
fn slug(mail: &[u8]) -> String {
    let head = String::from_utf8_lossy(&mail[..mail.len().min(16 * 1024)]);
    let subject = head.lines().take_while(|line| !line.is_empty()).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("subject").then(|| value.to_ascii_lowercase())
    });
    let mut slug = String::new();
    for c in subject.unwrap_or_default().chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(60);
    let slug = slug.trim_matches('-');
    if slug.is_empty() { "mail".into() } else { slug.to_owned() }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
