//! Mails: words for a notice, and their delivery over SMTP.

mod compose;
mod deliver;
pub mod samples;
mod words;

use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::answer::Key;

pub use compose::{Attachment, Composed, Letter, Templates, Trouble, compose, gallery, letter, test_letter, test_message};
pub use deliver::{Courier, CourierError, Delivery};
pub use words::Language;

use crate::monitor::Digest;

/// How mail is sent.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The submission server.
    pub server: Server,
    /// The sender, `name <address>` or an address.
    pub from: String,
    /// The operators: who hears of endpoints without an owner, of the daemon's own troubles, and of `mail test`.
    pub to: Vec<String>,
    /// Who is written to in place of an address that the server refuses for good; by default the operators.
    pub fallback: Vec<String>,
    /// How often the operators are told that certvigil watches; `None`: never.
    pub alive: Option<Digest>,
    /// What letters are written in.
    pub language: Language,
    /// Who reads another one.
    pub languages: BTreeMap<String, Language>,
    /// What letters are made of, where it is not the built-in.
    pub templates: Templates,
    /// How people can answer, where the page can be reached by them. The daemon sets it.
    pub links: Option<Links>,
}

/// How a mail can be answered.
#[derive(Clone, Debug)]
pub struct Links {
    /// Where the page is for those who read mails, without a `/` at its end.
    pub url: Arc<str>,
    /// What links are signed with.
    pub key: Key,
}

impl Settings {
    /// What a letter to this address is written in.
    pub fn language_of(&self, recipient: &str) -> Language {
        self.languages.get(recipient).copied().unwrap_or(self.language)
    }
}

/// The submission server.
#[derive(Clone, Debug)]
pub struct Server {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Security,
    /// AUTH, where the server wants it.
    pub login: Option<Login>,
    /// Trust for the server's certificate instead of the machine's store: DER certificates.
    pub roots: Option<Vec<Vec<u8>>>,
}

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// STARTTLS, required (RFC 3207).
    Starttls,
    /// TLS from the first octet (RFC 8314).
    Implicit,
    /// None: loopback only, unless the configuration says `tls: none` together with `plaintext: allowed`.
    None,
}

/// AUTH credentials.
#[derive(Clone, Debug)]
pub struct Login {
    /// User name.
    pub username: String,
    /// Password.
    pub password: Secret,
}

/// A password. Shows itself to nobody.
#[derive(Clone)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
