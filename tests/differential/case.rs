//! One case: what a server presents, what a client trusts, and what it asks.

use std::{fmt, path::Path};

use certvigil::{
    certificate::Certificate,
    config::trust::{self, TrustSources},
    diagnosis::{Diagnosis, Expectation, Issuers, Trust, diagnose},
    endpoint::Host,
    observation::{Chain, Handshake, Observation, Outcome, Possession},
};
use jiff::Timestamp;

use crate::{Answer, oracle};

pub(crate) struct Case {
    /// DER, the leaf first.
    pub(crate) chain: Vec<Vec<u8>>,
    pub(crate) roots: Vec<Root>,
    pub(crate) host: Option<Ask>,
    /// Seconds since 1970.
    pub(crate) at: i64,
    pub(crate) level: u8,
}

/// A certificate of the store, and its settings (OpenSSL's `CertAux`) where it has some.
#[derive(Clone)]
pub(crate) struct Root {
    pub(crate) der: Vec<u8>,
    pub(crate) settings: Option<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Name(String),
    Address(std::net::IpAddr),
}

impl Root {
    /// As it stands in a file of certificates.
    pub(crate) fn octets(&self) -> Vec<u8> {
        [&self.der[..], self.settings.as_deref().unwrap_or_default()].concat()
    }

    fn pem(&self) -> String {
        pem(if self.settings.is_some() { "TRUSTED CERTIFICATE" } else { "CERTIFICATE" }, self.octets())
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ask::Name(name) => write!(f, "n{name}"),
            Ask::Address(ip) => write!(f, "i{ip}"),
        }
    }
}

impl Ask {
    pub(crate) fn option(&self) -> &'static str {
        match self {
            Ask::Name(_) => "-verify_hostname",
            Ask::Address(_) => "-verify_ip",
        }
    }

    pub(crate) fn text(&self) -> String {
        self.to_string()[1..].to_owned()
    }
}

impl Case {
    /// What certvigil says. Settings of trust are read from a file, as users have them.
    pub(crate) fn judge(&self, scratch: &Path) -> Diagnosis {
        let chain = Chain::new(self.chain.iter().map(|der| Certificate::from_der(der)).collect()).expect("a leaf");
        let at = Timestamp::from_second(self.at).expect("within the calendar");
        let handshake = Handshake {
            chain,
            tls: std::sync::Arc::default(),
            possession: Possession::Unchecked("".into()),
            wants_client_certificate: false,
            broken_off: None,
        };
        let observation = Observation::new(None, at, Outcome::Handshake(handshake));
        let host = self.host.as_ref().map(|ask| match ask {
            Ask::Name(name) => Host::Name(name.as_str().into()),
            Ask::Address(ip) => Host::Ip(*ip),
        });
        let expectation = Expectation::at_level(host, self.level);
        diagnose(&observation, &expectation, &self.trust(scratch), &Issuers::default(), at)
    }

    fn trust(&self, scratch: &Path) -> Trust {
        if self.roots.iter().all(|root| root.settings.is_none()) {
            return Trust::new(self.roots.iter().map(|root| Certificate::from_der(&root.der)));
        }
        let file = scratch.join("trust.pem");
        std::fs::write(&file, self.roots.iter().map(Root::pem).collect::<String>()).expect("a folder of our own");
        let sources = TrustSources { system: false, mozilla: false, files: vec![file] };
        trust::load(&sources).map(|loaded| loaded.trust).unwrap_or_default()
    }

    /// Everything that is needed to ask again: the certificates, the question, both answers, the command.
    pub(crate) fn write(&self, folder: &Path, notes: &str) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let chain: Vec<String> = self.chain.iter().map(|der| pem("CERTIFICATE", der.clone())).collect();
        std::fs::write(folder.join("leaf.pem"), &chain[0])?;
        std::fs::write(folder.join("chain.pem"), chain.concat())?;
        std::fs::write(folder.join("roots.pem"), self.roots.iter().map(Root::pem).collect::<String>())?;
        let host = self.host.as_ref().map_or_else(|| "-".to_owned(), Ask::text);
        let reasons = self.chain.iter().filter_map(|der| Certificate::from_der(der).facts.clone().err());
        let notes: String = reasons.fold(notes.to_owned(), |notes, reason| notes + &format!("unreadable: {reason}\n"));
        let about =
            format!("host: {host}\ntime: {}\nlevel: {}\ncommand: {}\n{notes}", self.at, self.level, oracle::command_line(self));
        std::fs::write(folder.join("case.txt"), about)
    }
}

/// What the judge says, in the oracle's terms.
pub(crate) fn answer(diagnosis: &Diagnosis) -> Answer {
    let errors = |verdict: &certvigil::diagnosis::Verdict| verdict.errors.iter().map(|error| (error.code, error.depth)).collect();
    diagnosis
        .verdict
        .as_ref()
        .map_or(Answer::Unreadable, |verdict| Answer::Verdict { path_length: verdict.path_length, errors: errors(verdict) })
}

fn pem(label: &str, der: Vec<u8>) -> String {
    pem::encode_config(&pem::Pem::new(label, der), pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF))
}
