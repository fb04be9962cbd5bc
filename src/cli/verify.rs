//! `certvigil verify`: judges a chain from a file, with no network; as a last look before deployment.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{anyhow, bail};
use clap::Args;
use rustls::pki_types::{
    CertificateDer,
    pem::{Error as PemError, PemObject as _},
};

use super::{judging::Judging, now, output};
use crate::{
    certificate::{Certificate, printable},
    config,
    diagnosis::{Judged, diagnose},
    observation::{Chain, Handshake, Observation, Outcome, Possession, Tls},
    report::Subject,
    visit,
};

/// Judge a chain from a file, leaf first, with no network
///
/// Exit status: 0 ok, 1 warning, 2 critical, 3 the file could not be judged.
#[derive(Args)]
#[command(after_help = "Examples:
  certvigil verify --chain fullchain.pem --host shop.example
  certvigil verify --json --chain fullchain.pem --ca-file company-root.pem --only-ca-file --at 2027-01-31T12:00:00Z")]
pub(super) struct Verify {
    /// The chain as a server would present it: PEM certificates, leaf first
    #[arg(long, value_name = "FILE")]
    chain: PathBuf,
    #[command(flatten)]
    judging: Judging,
}

impl Verify {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let now = now().wall;
        let as_of = self.judging.at.unwrap_or(now);
        let path = self.chain.display().to_string();
        let content = config::read_file(&self.chain, MAX_CHAIN)?;
        let certificates = CertificateDer::pem_slice_iter(&content).map(|der| der.map(|der| Certificate::from_der(&der)));
        let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(|error| anyhow!("{path}: {}", words(&error)))?;
        let Some(chain) = Chain::new(certificates) else {
            bail!("{path} holds no certificate; name a file in PEM, leaf first");
        };
        let trust = self.judging.trust()?;
        let issuers = visit::issuers_offline(&chain, &trust, &visit::well_known_roots(), as_of);
        let possession = Possession::Unchecked("a file proves nothing of its key".into());
        let handshake = Handshake { chain, tls: Tls::default(), possession, wants_client_certificate: false, broken_off: None };
        let observation = Observation { address: None, at: now, outcome: Outcome::Handshake(handshake), timing: Vec::new() };
        let diagnosis = diagnose(&observation, &self.judging.expectation()?, &trust, &issuers, as_of);
        let judged = Judged { observation, diagnosis };
        output::show(Subject::File(&path), &judged, &self.judging, false)?;
        Ok(output::exit_status(judged.diagnosis.status()))
    }
}

/// What is wrong with the PEM. What is quoted of the file is printable, and short.
fn words(error: &PemError) -> String {
    let quoted = |octets: &[u8]| printable(&String::from_utf8_lossy(octets)).chars().take(60).collect::<String>();
    match error {
        PemError::MissingSectionEnd { end_marker } => {
            let label = quoted(end_marker);
            let label = label.trim_start_matches("-----END ").trim_end_matches('-');
            format!("the PEM block that begins \"-----BEGIN {label}-----\" has no end line; copy the file again")
        }
        PemError::IllegalSectionStart { line } => {
            format!("\"{}\" is no sound begin line of a PEM block; copy the file again", quoted(line))
        }
        PemError::Base64Decode(_) => "a PEM block holds something that is no Base64; copy the file again".into(),
        _ => "is no sound PEM; copy the file again".into(),
    }
}

/// Octets; far more than any chain has.
const MAX_CHAIN: u64 = 16 * 1024 * 1024;
