//! `certvigil verify`: judges a chain from a file, with no network; as a last look before deployment.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{anyhow, bail};
use clap::Args;
use rustls::pki_types::{
    CertificateDer,
    pem::{Error as PemError, PemObject as _},
};

use super::{inspect::read, judging::Judging, now, output};
use crate::{
    certificate::{Certificate, KeyForm, printable},
    config::{self, trust},
    diagnosis::views,
    observation::{Chain, Possession},
    report::Subject,
};

/// Judge a chain from a file, leaf first, with no network
///
/// Exit status: 0 ok, 1 warning, 2 critical, 3 the file could not be judged.
#[derive(Args)]
#[command(after_help = "Examples:
  certvigil verify --chain fullchain.pem --host shop.example
  certvigil verify --chain fullchain.pem --key privkey.pem --host shop.example --min-days 20    # before a deployment
  certvigil verify --json --chain fullchain.pem --ca-file company-root.pem --only-ca-file --at 2027-01-31T12:00:00Z")]
pub(super) struct Verify {
    /// The chain as a server would present it: PEM certificates, leaf first
    #[arg(long, value_name = "FILE")]
    chain: PathBuf,
    /// The private key that will be deployed with it (PEM or DER): does it belong to the first certificate?
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    #[command(flatten)]
    judging: Judging,
}

impl Verify {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let now = now().wall;
        let path = self.chain.display().to_string();
        let content = config::read_file(&self.chain, MAX_CHAIN)?;
        let certificates = CertificateDer::pem_slice_iter(&content).map(|der| der.map(|der| Certificate::from_der(&der)));
        let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(|error| anyhow!("{path}: {}", words(&error)))?;
        let Some(chain) = Chain::new(certificates) else {
            bail!("{path} holds no certificate; name a file in PEM, leaf first");
        };
        let trust = self.judging.trust()?;
        let possession = self.possession(&chain)?;
        let judged = self.judging.judge_file(chain, possession, &trust, now)?;
        let (expectation, stores) = (self.judging.expectation()?, trust::of_clients());
        let as_of = self.judging.at.unwrap_or(now);
        let options = self.judging.openssl_options()?;
        output::show(Subject::File(&path, &options), &judged, &self.judging, false, || {
            views(&judged, &expectation, &trust, &stores, as_of)
        })?;
        Ok(output::exit_status(judged.diagnosis.status()))
    }

    /// Whether the key that will be deployed belongs to the leaf. What is wrong is told here, where both files are known.
    fn possession(&self, chain: &Chain) -> anyhow::Result<Possession> {
        let Some(path) = &self.key else { return Ok(Possession::Unchecked("a file proves nothing of its key".into())) };
        let name = printable(&path.display().to_string());
        let contents = read(config::read_file(path, MAX_KEY)?, None).map_err(|problem| anyhow!("{name}{problem}"))?;
        let Some(key) = contents.keys().next() else { bail!("{name} holds no private key; name its file in PEM or DER") };
        if key.form == KeyForm::Encrypted {
            bail!(
                "{name}: the private key is encrypted, so that it cannot be compared; decrypt it with openssl pkey, or leave --key out"
            );
        }
        let fits =
            |certificate: &Arc<Certificate>| certificate.facts().is_some_and(|facts| key.matches(&facts.key) == Some(true));
        if key.public.is_none() {
            bail!("{name}: the private key is of a kind that certvigil does not know; leave --key out");
        }
        if fits(&chain.leaf) {
            return Ok(Possession::Proven);
        }
        let chain_name = printable(&self.chain.display().to_string());
        let elsewhere = chain.iter().position(fits).map_or_else(String::new, |at| format!(", but to number {}", at + 1));
        output::warn(&format!("{name}: this private key does not belong to the first certificate of {chain_name}{elsewhere}"));
        Ok(Possession::Failed)
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
const MAX_KEY: u64 = 1024 * 1024;
