//! Delivery over SMTP (RFC 5321, 3207, 8314, 4954): one session a mail, and what became of it in words.

use std::{error::Error as _, io, net::Ipv4Addr, time::Duration};

use lettre::{
    Address,
    message::Mailbox,
    transport::smtp::{
        Error as SmtpError,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::{ClientId, Extension, MailParameter},
    },
};
use rustls::{RootCertStore, pki_types::CertificateDer};
use tokio::time::timeout;

use super::{Security, Server, Settings};
use crate::{
    certificate::{printable, printable_cut},
    endpoint::Host,
    monitor::MailResult,
};

/// The whole of one delivery.
const DEADLINE: Duration = Duration::from_mins(1);
/// TCP to one address of the server.
const CONNECT: Duration = Duration::from_secs(10);
/// The answer to QUIT, which changes nothing any more.
const FAREWELL: Duration = Duration::from_secs(2);
/// How much of the server's words is kept, in characters.
const WORDS: usize = 300;

/// Carries mails to the submission server. Each delivery is a session of its own, so any number may be under way.
pub struct Courier {
    server: Server,
    from: Address,
    hello: ClientId,
    tls: Option<TlsParameters>,
    deadline: Duration,
    farewell: Duration,
}

/// What became of one mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Whether it is over, and how.
    pub result: MailResult,
    /// What went wrong, with the server's words and what to do where we know; safe to print, empty when delivered.
    pub detail: String,
}

/// Why no courier can be had of these settings.
#[derive(Debug, thiserror::Error)]
pub enum CourierError {
    /// `mail.from` is no address.
    #[error("mail.from: \"{0}\" is no mail address; write alerts@example.com or \"certvigil <alerts@example.com>\"")]
    From(String),
    /// The roots cannot be used.
    #[error("mail.server.ca_files: certificate {position} cannot be used as a root")]
    Root {
        /// Counted from 1.
        position: usize,
        /// Why not.
        source: rustls::Error,
    },
    /// TLS cannot be set up.
    #[error("mail.server: TLS cannot be set up")]
    Tls(#[source] SmtpError),
}

/// How far a delivery came: it decides whose fault a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Connect,
    Starttls,
    Login,
    Sender,
    Recipient,
    Content,
}

/// Why a delivery did not come about.
enum Trouble {
    Smtp(SmtpError),
    NoStarttls,
    NoCommonLogin,
    NoUtf8,
    Late,
}

impl From<SmtpError> for Trouble {
    fn from(error: SmtpError) -> Self {
        Trouble::Smtp(error)
    }
}

impl Courier {
    /// A courier for these settings. Reads the machine's trust store when the settings bring no roots of their own.
    pub fn new(settings: &Settings) -> Result<Self, CourierError> {
        let from: Mailbox = settings.from.parse().map_err(|_| CourierError::From(printable(&settings.from)))?;
        Ok(Courier {
            tls: tls_parameters(&settings.server)?,
            server: settings.server.clone(),
            from: from.email,
            hello: hello(),
            deadline: DEADLINE,
            farewell: FAREWELL,
        })
    }

    /// Hands one mail to the server: `message` as `compose` made it.
    ///
    /// Refused is only what the server says for good of this recipient or this message. Everything else, above all a fault of
    /// our own configuration (login, TLS, sender), is deferred, so that no mail is lost to it.
    pub async fn deliver(&self, recipient: &str, message: &[u8]) -> Delivery {
        let Ok(recipient) = recipient.parse::<Mailbox>() else {
            return Delivery { result: MailResult::Refused, detail: format!("\"{}\" is no mail address", words(recipient)) };
        };
        let mut step = Step::Connect;
        let mut connection = None;
        let attempt = self.attempt(&mut connection, &mut step, recipient.email, message);
        let outcome = timeout(self.deadline, attempt).await.unwrap_or(Err(Trouble::Late));
        let answers = match &outcome {
            Ok(()) | Err(Trouble::NoStarttls | Trouble::NoCommonLogin | Trouble::NoUtf8) => true,
            // Without a reply the stream is not to be used again: after a failed STARTTLS the client library has none.
            Err(Trouble::Smtp(error)) => error.status().is_some(),
            Err(Trouble::Late) => false,
        };
        if let Some(connection) = connection.as_mut().filter(|_| answers) {
            // The mail is taken or not: a server that is slow to say goodbye changes nothing.
            let _ = timeout(self.farewell, connection.quit()).await;
        }
        match outcome {
            Ok(()) => Delivery { result: MailResult::Delivered, detail: String::new() },
            Err(trouble) => self.describe(step, &trouble),
        }
    }

    async fn attempt(
        &self,
        connection: &mut Option<AsyncSmtpConnection>,
        step: &mut Step,
        recipient: Address,
        message: &[u8],
    ) -> Result<(), Trouble> {
        let host = self.server.host.trim_start_matches('[').trim_end_matches(']');
        let implicit = self.tls.clone().filter(|_| self.server.tls == Security::Implicit);
        let connected =
            AsyncSmtpConnection::connect_tokio1((host, self.server.port), Some(CONNECT), &self.hello, implicit, None).await?;
        let connection = connection.insert(connected);

        if let (Security::Starttls, Some(tls)) = (self.server.tls, &self.tls) {
            *step = Step::Starttls;
            if !connection.can_starttls() {
                return Err(Trouble::NoStarttls);
            }
            connection.starttls(tls.clone(), &self.hello).await?;
        }
        if let Some(login) = &self.server.login {
            *step = Step::Login;
            if connection.server_info().get_auth_mechanism(DEFAULT_MECHANISMS).is_none() {
                return Err(Trouble::NoCommonLogin);
            }
            let credentials = Credentials::new(login.username.clone(), login.password.0.clone());
            connection.auth(DEFAULT_MECHANISMS, &credentials).await?;
        }
        *step = Step::Recipient;
        let utf8 = !AsRef::<str>::as_ref(&recipient).is_ascii() || !AsRef::<str>::as_ref(&self.from).is_ascii();
        if utf8 && !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(Trouble::NoUtf8);
        }
        let parameters = if utf8 { vec![MailParameter::SmtpUtfEight] } else { Vec::new() };
        *step = Step::Sender;
        connection.command(Mail::new(Some(self.from.clone()), parameters)).await?;
        *step = Step::Recipient;
        connection.command(Rcpt::new(recipient, Vec::new())).await?;
        *step = Step::Content;
        connection.command(Data).await?;
        // The line end before the final dot is written by the client library.
        connection.message(message.strip_suffix(b"\r\n").unwrap_or(message)).await?;
        Ok(())
    }

    /// What a person is told of it, and whether it is worth another try.
    fn describe(&self, step: Step, trouble: &Trouble) -> Delivery {
        let what = self.what(step);
        let (result, cause) = match trouble {
            Trouble::Late => (MailResult::Deferred, format!("no answer within {} s", self.deadline.as_secs_f32())),
            Trouble::NoStarttls => (MailResult::Deferred, "the server does not offer STARTTLS".into()),
            Trouble::NoCommonLogin => (MailResult::Deferred, "the server offers neither AUTH PLAIN nor AUTH LOGIN here".into()),
            Trouble::NoUtf8 => (MailResult::Refused, "an address is not ASCII and the server does not offer SMTPUTF8".into()),
            Trouble::Smtp(error) => {
                let cause = words(&cause(error));
                let for_good = error.is_permanent() && matches!(step, Step::Recipient | Step::Content);
                let result =
                    if for_good && !is_our_configuration(error, &cause) { MailResult::Refused } else { MailResult::Deferred };
                (result, cause)
            }
        };
        let hint = self.hint(step, trouble, &cause).map(|hint| format!("; {hint}")).unwrap_or_default();
        Delivery { result, detail: format!("{what}: {cause}{hint}") }
    }

    fn what(&self, step: Step) -> String {
        let Server { host, port, .. } = &self.server;
        match step {
            Step::Connect => format!("cannot connect to the mail server {host}:{port}"),
            Step::Starttls => format!("no TLS with the mail server {host}:{port}"),
            Step::Login => format!("the mail server {host}:{port} did not accept the login"),
            Step::Sender => format!("the mail server did not accept the sender {}", words(self.from.as_ref())),
            Step::Recipient => "the mail server did not accept the recipient".into(),
            Step::Content => "the mail server did not take the message".into(),
        }
    }

    fn hint(&self, step: Step, trouble: &Trouble, cause: &str) -> Option<String> {
        let error = match trouble {
            Trouble::NoStarttls if self.server.tls == Security::Starttls => {
                let cure = "switch STARTTLS on at the server, or write `tls: implicit` with its port (465)";
                return Some(format!("`tls: starttls` means required: {cure}"));
            }
            Trouble::NoCommonLogin => return Some("see on which port the server takes logins (587 or 465)".into()),
            Trouble::Late if step == Step::Connect && self.server.port == 465 && self.server.tls != Security::Implicit => {
                return Some("port 465 speaks TLS from the start: write `tls: implicit`".into());
            }
            Trouble::NoStarttls | Trouble::NoUtf8 | Trouble::Late => return None,
            Trouble::Smtp(error) => error,
        };
        if let Some(hint) = tls_error(error).and_then(tls_hint) {
            return Some(hint.into());
        }
        if wants_login(error) {
            let tls = cause.to_ascii_lowercase().contains("starttls");
            let hint = if tls {
                "the server wants TLS: write `tls: starttls`"
            } else {
                "the server wants a login: set mail.server.username and mail.server.password"
            };
            return Some(hint.into());
        }
        let hint = match (step, error.status()) {
            (Step::Login, Some(_)) if error.is_permanent() => "see mail.server.username and its password",
            (Step::Sender, Some(_)) if error.is_permanent() => "see whether mail.from is an address this login may send from",
            (Step::Recipient | Step::Content, Some(_)) if is_our_configuration(error, cause) => {
                "the server does not relay for this machine or this sender: see mail.server and mail.from"
            }
            (Step::Connect, None) => match io_kind(error) {
                Some(io::ErrorKind::ConnectionRefused) => "nothing listens there: see mail.server.host and mail.server.port",
                Some(io::ErrorKind::TimedOut) => "see whether a firewall drops the connection",
                _ => return None,
            },
            _ => return None,
        };
        Some(hint.into())
    }
}

/// This machine's name for EHLO; an address literal where it has none that a server would take (RFC 5321, section 4.1.4).
fn hello() -> ClientId {
    match ClientId::default() {
        ClientId::Domain(name) if name.parse::<Host>().is_err() => ClientId::Ipv4(Ipv4Addr::LOCALHOST),
        name => name,
    }
}

fn tls_parameters(server: &Server) -> Result<Option<TlsParameters>, CourierError> {
    if server.tls == Security::None {
        return Ok(None);
    }
    let host = server.host.trim_start_matches('[').trim_end_matches(']');
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(roots) = &server.roots {
        builder = builder.certificate_store(CertificateStore::None);
        for (index, root) in roots.iter().enumerate() {
            // The client library reads roots only all together; one by one the fault has its place.
            let usable = RootCertStore::empty().add(CertificateDer::from(root.as_slice()));
            usable.map_err(|source| CourierError::Root { position: index + 1, source })?;
            builder = builder.add_root_certificate(Certificate::from_der(root.clone()).map_err(CourierError::Tls)?);
        }
    }
    builder.build_rustls().map(Some).map_err(CourierError::Tls)
}

/// A permanent refusal at RCPT or DATA that speaks of us, not of the recipient: servers that put all checks off until RCPT
/// (Postfix's `smtpd_delay_reject`) tell a missing login or a refused sender only there.
fn is_our_configuration(error: &SmtpError, cause: &str) -> bool {
    let text = cause.to_ascii_lowercase();
    let phrases = ["relay", "client host rejected", "sender address rejected", "authentication required", "not authenticated"];
    wants_login(error) || phrases.iter().any(|phrase| text.contains(phrase))
}

/// "Authentication required", "encryption required for it" (RFC 4954, section 6).
fn wants_login(error: &SmtpError) -> bool {
    error.status().is_some_and(|code| matches!(code.to_string().as_str(), "530" | "538"))
}

/// The server's reply with its code, or the innermost reason.
fn cause(error: &SmtpError) -> String {
    match (error.status(), error.source()) {
        (Some(code), Some(reply)) => format!("{code} {reply}"),
        (Some(code), None) => code.to_string(),
        (None, _) => chain(error).last().map_or_else(|| error.to_string(), ToString::to_string),
    }
}

/// The errors below, the innermost last.
fn chain<'a>(error: &'a SmtpError) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |&error| error.source())
}

fn io_kind(error: &SmtpError) -> Option<io::ErrorKind> {
    chain(error).find_map(|error| error.downcast_ref::<io::Error>()).map(io::Error::kind)
}

/// The TLS error within: an `io::Error` hides it from `source()`.
fn tls_error(error: &SmtpError) -> Option<&rustls::Error> {
    chain(error).find_map(|error| error.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref::<rustls::Error>())
}

fn tls_hint(error: &rustls::Error) -> Option<&'static str> {
    use rustls::{CertificateError as Bad, Error};
    Some(match error {
        // The latter: another CA of the same name.
        Error::InvalidCertificate(Bad::UnknownIssuer | Bad::BadSignature) => {
            "the mail server's certificate is not trusted: put its CA under mail.server.ca_files"
        }
        Error::InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
            "the mail server's certificate is for another name: write a name that it carries as mail.server.host"
        }
        Error::InvalidCertificate(Bad::Expired | Bad::ExpiredContext { .. }) => {
            "the mail server's own certificate has expired: renew it"
        }
        Error::InvalidCertificate(Bad::Other(other)) if other.to_string().contains("CaUsedAsEndEntity") => {
            "the mail server presents a CA certificate as its own: give it one that this CA has issued"
        }
        Error::InvalidMessage(_) => "the port does not speak TLS from the start: write `tls: starttls`",
        _ => return None,
    })
}

/// A stranger's words on one line: printable, and cut.
fn words(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    printable_cut(&line, WORDS)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
