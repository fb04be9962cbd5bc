//! `certvigil inspect`: what is in certificate files, what the chain in them is worth, and how to turn them into others.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, anyhow};
use clap::Args;

use super::{judging::Judging, now, output};
use crate::{
    certificate::printable,
    clock::Timestamp,
    config,
    diagnosis::Trust,
    inspect::{self, Contents},
    observation::{Chain, Possession},
    report::{self, Subject},
};

/// Show what is in certificate files: PEM, DER, PKCS#7, PKCS#12, Java keystores
///
/// The facts of every certificate, key and request come first, then the verdict on the chain as a server would present it, then the
/// commands that turn the file into other forms. A private key is never shown: only its kind, and to which certificate it belongs.
///
/// Exit status: 0 read, whatever the verdict; 3 a file could not be read.
#[derive(Args)]
#[command(after_help = "Examples:
  certvigil inspect fullchain.pem privkey.pem
  certvigil inspect --host shop.example --ca-file company-root.pem shop.p12 --password-file password.txt
  certvigil inspect --json request.csr")]
pub(super) struct Inspect {
    /// What to look into; the form is known by the content
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The password of PKCS#12 files, alone in this file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    judging: Judging,
}

impl Inspect {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let now = now().wall;
        let password = self.password()?;
        let mut all: Vec<(String, Contents)> = Vec::new();
        let mut whole = true;
        for path in &self.files {
            let name = path.display().to_string();
            let read = config::read_file(path, MAX_FILE).map_err(anyhow::Error::from).and_then(|content| {
                inspect::read(&content, password.as_deref()).map_err(|fault| anyhow!("{}{fault}", printable(&name)))
            });
            match read {
                Ok(contents) => all.push((name, contents)),
                // The others are shown all the same.
                Err(error) => {
                    output::error(&error);
                    whole = false;
                }
            }
        }
        let trust = self.judging.trust()?;
        let files: Vec<inspect::Read<'_>> = all.iter().map(|(name, contents)| (&name[..], contents)).collect();
        for (number, file) in files.iter().enumerate() {
            if number > 0 && !self.judging.json {
                output::say("")?;
            }
            self.show(*file, &files, &trust, now)?;
        }
        Ok(if whole { ExitCode::SUCCESS } else { ExitCode::from(super::UNKNOWN) })
    }

    fn show(&self, file: inspect::Read<'_>, all: &[inspect::Read<'_>], trust: &Trust, now: Timestamp) -> anyhow::Result<()> {
        let as_of = self.judging.at.unwrap_or(now);
        let subject = Subject::File(file.0);
        let judged = match chain(file.1) {
            Some(chain) => Some(self.judging.judge_file(chain, Possession::Unchecked("not asked".into()), trust, now)?),
            None => None,
        };
        if self.judging.json {
            let verdict = judged.as_ref().map(|judged| report::json(subject, judged, None));
            return output::say(&inspect::json(file, all, verdict.as_deref()));
        }
        let mut out = inspect::text(file, all, as_of);
        if let Some(judged) = &judged {
            out.push_str("\nAs a server would present it:\n");
            out.push_str(&if self.judging.evidence {
                report::evidence(subject, judged, as_of)
            } else {
                report::verdict(subject, judged)
            });
        }
        out.push_str(&inspect::commands(file, all));
        output::say(out.trim_end())
    }

    fn password(&self) -> anyhow::Result<Option<String>> {
        let Some(path) = &self.password_file else { return Ok(None) };
        let octets = config::read_file(path, MAX_PASSWORD)?;
        let text = String::from_utf8(octets)
            .ok()
            .with_context(|| format!("{}: is not UTF-8; write the password as text", path.display()))?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        Ok(Some(text.strip_suffix('\r').unwrap_or(text).to_owned()))
    }
}

/// What a server would present; nothing where there are but several CA certificates, as in a trust store.
fn chain(contents: &Contents) -> Option<Chain> {
    let certificates = contents.certificates();
    let is_ca = |certificate: &std::sync::Arc<crate::certificate::Certificate>| {
        certificate.facts().and_then(|facts| facts.extensions.basic_constraints).is_some_and(|bc| bc.ca)
    };
    let is_store = certificates.len() > 1 && certificates.iter().all(is_ca);
    Chain::new(certificates).filter(|_| !is_store)
}

/// Octets of a file; more than any keystore has.
const MAX_FILE: u64 = 10 * 1024 * 1024;
const MAX_PASSWORD: u64 = 64 * 1024;
