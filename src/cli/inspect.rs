//! `certvigil inspect`: what is in certificate files, what the chain in them is worth, and how to turn them into others.

use std::{
    path::PathBuf,
    process::ExitCode,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

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
            let read = config::read_file(path, MAX_FILE)
                .map_err(anyhow::Error::from)
                .and_then(|content| read(content, password.clone()).map_err(|problem| anyhow!("{}{problem}", printable(&name))));
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
        let options = self.judging.openssl_options()?;
        let subject = Subject::File(file.0, &options);
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

/// Reads a file's content, within [`OPENED_WITHIN`]. What is wrong is told as what follows the file's name.
pub(super) fn read(content: Vec<u8>, password: Option<String>) -> Result<Contents, String> {
    match within(OPENED_WITHIN, move || inspect::read(&content, password.as_deref())) {
        Some(read) => read.map_err(|fault| fault.to_string()),
        None => Err(format!(
            ": takes more than {} s to be opened, as a hostile archive would; openssl pkcs12 -in FILE -nodes waits longer",
            OPENED_WITHIN.as_secs()
        )),
    }
}

/// Works on a thread of its own, which is left to the end of the process where it takes longer than this; then `None`.
fn within<T: Send + 'static>(deadline: Duration, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, receiver) = mpsc::channel();
    let worker = thread::spawn(move || drop(sender.send(work())));
    match receiver.recv_timeout(deadline) {
        Ok(done) => Some(done),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => {
            let panic = worker.join().expect_err("it ended without an answer");
            std::panic::resume_unwind(panic)
        }
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
/// An archive says itself how much work its password is to cost, part by part.
const OPENED_WITHIN: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_does_not_end_is_left() {
        assert_eq!(within(OPENED_WITHIN, || 7), Some(7));
        let (release, held) = mpsc::channel::<()>();
        assert_eq!(within(Duration::ZERO, move || held.recv().is_ok()), None);
        drop(release);
    }

    #[test]
    fn what_is_no_archive_is_told_as_before() {
        assert_eq!(read(Vec::new(), None).map(drop), Err(": is empty; check that it is the right file".into()));
    }
}
