//! `certvigil verify`: judges a chain from a file, with no network; as a last look before deployment.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail};
use clap::Args;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use super::{Judging, now, output};
use crate::{
    certificate::Certificate,
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
        let now = now(self.judging.at).wall;
        let path = self.chain.display().to_string();
        let content = std::fs::read(&self.chain).with_context(|| format!("cannot read {path}"))?;
        let certificates = CertificateDer::pem_slice_iter(&content).map(|der| der.map(|der| Certificate::from_der(&der)));
        let certificates = certificates.collect::<Result<Vec<_>, _>>().with_context(|| format!("{path} is no sound PEM"))?;
        let Some(chain) = Chain::new(certificates) else {
            bail!("{path} holds no certificate; name a file in PEM, leaf first");
        };
        let trust = self.judging.trust()?;
        let issuers = visit::issuers_offline(&chain, &trust, &visit::well_known_roots(), now);
        let possession = Possession::Unchecked("a file proves nothing of its key".into());
        let handshake = Handshake { chain, tls: Tls::default(), possession, wants_client_certificate: false, broken_off: None };
        let observation = Observation { address: None, at: now, outcome: Outcome::Handshake(handshake), timing: Vec::new() };
        let diagnosis = diagnose(&observation, &self.judging.expectation()?, &trust, &issuers, now);
        let judged = Judged { observation, diagnosis };
        output::show(Subject::File(&path), &judged, &self.judging, now);
        Ok(output::exit_status(judged.diagnosis.status()))
    }
}
