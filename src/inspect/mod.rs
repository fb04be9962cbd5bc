//! What is in a file: certificates, keys, requests; in PEM, DER, PKCS#7, PKCS#12 or a Java keystore. Pure: octets in, facts out.
//! The form is known by the content, never by the name.

mod convert;
mod jks;
mod pem_blocks;
mod pkcs12;
mod render;

use std::{fmt, sync::Arc};

use crate::certificate::{Certificate, PrivateKey, Request, der, pkcs7};

use convert::conversions;
pub use render::{Read, commands, json, text};

/// What a file holds.
#[derive(Clone, Debug)]
pub struct Contents {
    /// How it is written.
    pub format: Format,
    /// What is in it, in order.
    pub items: Vec<Item>,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 7468.
    Pem,
    /// One thing, DER.
    Der,
    /// PKCS#7 without the PEM around it.
    Pkcs7,
    /// PKCS#7 with the PEM around it.
    Pkcs7Pem,
    /// RFC 7292.
    Pkcs12,
    /// PKCS#12, encrypted as OpenSSL 3 does on request only.
    Pkcs12Legacy,
    /// Java's own, version 1 or 2.
    Jks,
}

/// One thing in a file.
#[derive(Clone, Debug)]
pub struct Item {
    /// What it is.
    pub what: What,
    /// Where: `line 12`, `alias "web"`; empty when it is all there is.
    pub place: String,
}

/// What a thing is.
#[derive(Clone, Debug)]
pub enum What {
    /// A certificate.
    Certificate(Arc<Certificate>),
    /// A private key, of which nothing secret is kept.
    Key(PrivateKey),
    /// A certificate signing request.
    Request(Box<Request>),
    /// Something else, by its label: `DH PARAMETERS`. Printable.
    Other(String),
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where in the file.
    pub place: Place,
    /// What is wrong, and what to do: a fragment, printable.
    pub problem: String,
}

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole.
    Whole,
    /// A line of text; 1 is the first.
    Line(usize),
    /// An octet; 0 is the first.
    Offset(usize),
}

impl Format {
    /// `PEM`, `PKCS#12`.
    pub fn name(self) -> &'static str {
        match self {
            Format::Pem => "PEM",
            Format::Der => "DER",
            Format::Pkcs7 | Format::Pkcs7Pem => "PKCS#7",
            Format::Pkcs12 | Format::Pkcs12Legacy => "PKCS#12",
            Format::Jks => "JKS",
        }
    }
}

impl Contents {
    /// The certificates, as a server would present them: the one that a key of the file belongs to first.
    pub fn certificates(&self) -> Vec<Arc<Certificate>> {
        let mut found: Vec<Arc<Certificate>> = self.items.iter().filter_map(Item::certificate).cloned().collect();
        let is_keys = |certificate: &Arc<Certificate>| {
            certificate.facts().is_some_and(|facts| self.keys().any(|key| key.matches(&facts.key) == Some(true)))
        };
        if let Some(at) =
            found.iter().position(is_keys).filter(|_| matches!(self.format, Format::Pkcs12 | Format::Pkcs12Legacy | Format::Jks))
        {
            let leaf = found.remove(at);
            found.insert(0, leaf);
        }
        found
    }

    /// The private keys.
    pub fn keys(&self) -> impl Iterator<Item = &PrivateKey> {
        self.items.iter().filter_map(Item::key)
    }
}

impl Item {
    fn certificate(&self) -> Option<&Arc<Certificate>> {
        if let What::Certificate(certificate) = &self.what { Some(certificate) } else { None }
    }

    fn key(&self) -> Option<&PrivateKey> {
        if let What::Key(key) = &self.what { Some(key) } else { None }
    }
}

impl Fault {
    fn whole(problem: impl Into<String>) -> Self {
        Fault { place: Place::Whole, problem: problem.into() }
    }
}

impl fmt::Display for Fault {
    /// What follows the file's name: `:12: the PEM block has no end line`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Whole => write!(f, ": {}", self.problem),
            Place::Line(line) => write!(f, ":{line}: {}", self.problem),
            Place::Offset(offset) => write!(f, ": at octet {offset}: {}", self.problem),
        }
    }
}

/// Reads a file's content. `password` opens PKCS#12; without one, only an archive that has an empty password opens.
pub fn read(content: &[u8], password: Option<&str>) -> Result<Contents, Fault> {
    if content.is_empty() {
        return Err(Fault::whole("is empty; check that it is the right file"));
    }
    if jks::is_keystore(content) {
        return Ok(Contents { format: Format::Jks, items: jks::read(content)? });
    }
    if pem_blocks::is_pem(content) {
        let format = if pem_blocks::is_pkcs7(content) { Format::Pkcs7Pem } else { Format::Pem };
        return Ok(Contents { format, items: pem_blocks::read(content)? });
    }
    if pkcs12::is_archive(content) {
        let format = if pkcs12::is_legacy(content) { Format::Pkcs12Legacy } else { Format::Pkcs12 };
        return Ok(Contents { format, items: pkcs12::read(content, password)? });
    }
    let certificate = Certificate::from_der(content);
    if certificate.facts().is_some() {
        return Ok(alone(Format::Der, What::Certificate(certificate)));
    }
    if let Some(certificates) = pkcs7::certificates(content) {
        let items = certificates.into_iter().map(|der| Item::of(Certificate::from_der(der))).collect();
        return limited(items).map(|items| Contents { format: Format::Pkcs7, items });
    }
    if let Some(key) = PrivateKey::from_der(content) {
        return Ok(alone(Format::Der, What::Key(key)));
    }
    if let Some(request) = Request::from_der(content) {
        return Ok(alone(Format::Der, What::Request(Box::new(request))));
    }
    Err(unknown(content, &certificate))
}

fn alone(format: Format, what: What) -> Contents {
    Contents { format, items: vec![Item { what, place: String::new() }] }
}

impl Item {
    fn of(certificate: Arc<Certificate>) -> Self {
        Item { what: What::Certificate(certificate), place: String::new() }
    }
}

/// Why it is nothing that we know: by what it looks like.
fn unknown(content: &[u8], certificate: &Certificate) -> Fault {
    let start = content.trim_ascii_start();
    let looks = match (start.first(), &certificate.facts) {
        (Some(0x30), Err(reason)) if content[0] == 0x30 => {
            let whole = der::sequence(content).is_some();
            let cut = if whole { "" } else { "; it ends before its own length says" };
            return Fault { place: Place::Offset(0), problem: format!("is DER, but {reason}{cut}; copy the file again") };
        }
        (Some(b'<'), _) => "looks like HTML or XML",
        (Some(b'{' | b'['), _) => "looks like JSON",
        (Some(b'P'), _) if content.starts_with(b"PK\x03\x04") => "is a ZIP archive",
        (Some(_), _) if content.starts_with(b"ssh-") || content.starts_with(b"ecdsa-sha2") => "is a key of SSH",
        _ => "is nothing that certvigil knows",
    };
    Fault::whole(format!("{looks}; name a file of certificates, keys or requests in PEM, DER, PKCS#7, PKCS#12 or JKS"))
}

/// No file holds more than that many things for good reasons.
fn limited(items: Vec<Item>) -> Result<Vec<Item>, Fault> {
    if items.len() > MAX_ITEMS {
        return Err(Fault::whole(format!("holds more than {MAX_ITEMS} things; check that it is the right file")));
    }
    Ok(items)
}

const MAX_ITEMS: usize = 10_000;
