//! What `check` and `verify` share: what is judged against, and how it is shown.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{arguments, output};
use crate::{
    clock::Timestamp,
    config::trust::{self, TrustSources},
    diagnosis::{Expectation, Expiry, Judged, Rules, Threshold, Trust, diagnose},
    endpoint::Host,
    observation::{Chain, Handshake, Observation, Outcome, Possession},
    report, visit,
};

#[derive(Args)]
pub(super) struct Judging {
    /// Trust the certificates of this file too (PEM or DER; may be given more than once)
    #[arg(long, value_name = "FILE")]
    ca_file: Vec<PathBuf>,
    /// Trust nothing but the --ca-file, neither the machine's store nor Mozilla's
    #[arg(long, requires = "ca_file")]
    only_ca_file: bool,
    /// The name or address the certificate must carry; for `check` also the SNI
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// Judge as of this moment, as 2027-01-31T12:00:00Z
    #[arg(long, value_name = "RFC3339", value_parser = arguments::moment)]
    pub(super) at: Option<Timestamp>,
    /// Print one JSON object a line, one for each address
    #[arg(long)]
    pub(super) json: bool,
    /// Print the whole audit, fit for a ticket
    #[arg(long, conflicts_with = "json")]
    pub(super) evidence: bool,
    /// Call it critical when fewer than this many days are left, whatever the lifetime, and warn of nothing earlier
    #[arg(long, value_name = "N")]
    pub(super) min_days: Option<u16>,
    /// OpenSSL's security level: 2 as Debian ships it, or 1 [default: 2, or the configuration's]
    #[arg(long, value_name = "1|2", value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(super) security_level: Option<u8>,
}

impl Judging {
    /// The effective trust.
    pub(super) fn trust(&self) -> anyhow::Result<Trust> {
        let all = !self.only_ca_file;
        let loaded = trust::load(&TrustSources { system: all, mozilla: all, files: self.ca_file.clone() })?;
        for path in &loaded.empty {
            output::warn(&format!("warning: {} holds no certificate: nothing is trusted by it", path.display()));
        }
        Ok(loaded.trust)
    }

    /// Judges a chain as a server would present it, as of `--at` or `now`.
    pub(super) fn judge_file(
        &self,
        chain: Chain,
        possession: Possession,
        trust: &Trust,
        now: Timestamp,
    ) -> anyhow::Result<Judged> {
        let as_of = self.at.unwrap_or(now);
        let issuers = visit::issuers_offline(&chain, trust, &visit::well_known_roots(), as_of);
        let handshake =
            Handshake { chain, tls: std::sync::Arc::default(), possession, wants_client_certificate: false, broken_off: None };
        let observation = Observation::new(None, now, Outcome::Handshake(handshake));
        let diagnosis = diagnose(&observation, &self.expectation()?, trust, &issuers, as_of);
        Ok(Judged { observation, diagnosis: diagnosis.into() })
    }

    /// `--host`, as a name or an address.
    pub(super) fn host(&self) -> anyhow::Result<Option<Host>> {
        Ok(self.host.as_deref().map(str::parse).transpose()?)
    }

    /// The options with which `openssl verify` judges by the same, each after a space; fit for bash.
    pub(super) fn openssl_options(&self) -> anyhow::Result<String> {
        let expectation = self.expectation()?;
        let name = match &expectation.host {
            Some(Host::Name(name)) => format!(" -verify_hostname {name}"),
            Some(Host::Ip(ip)) => format!(" -verify_ip {ip}"),
            None => String::new(),
        };
        // -CAfile takes one file alone.
        let files: Vec<String> = self.ca_file.iter().map(|path| report::word(&path.display().to_string())).collect();
        let trust = match &files[..] {
            [] => String::new(),
            [file] => format!(" -CAfile {file}"),
            files => format!(" -CAfile <(cat {})", files.join(" ")),
        };
        let alone = if self.only_ca_file { " -no-CApath -no-CAstore" } else { "" };
        let moment = self.at.map_or_else(String::new, |at| format!(" -attime {}", at.as_second()));
        // Left to itself it minds no level, unlike s_client.
        Ok(format!("{name}{trust}{alone}{moment} -auth_level {}", expectation.rules.security_level))
    }

    /// What is judged against, but for the host that `check` takes from its target.
    pub(super) fn expectation(&self) -> anyhow::Result<Expectation> {
        let (usual, mut host) = (Rules::default(), self.host()?);
        // OpenSSL matches the name as it is written, and no certificate carries one with a trailing dot.
        if let (Some(Host::Name(name)), Some(true)) = (&mut host, self.host.as_deref().map(|host| host.ends_with('.'))) {
            *name = format!("{name}.").into();
        }
        let expiry = self.min_days.map_or(usual.expiry, |days| {
            let threshold = Threshold { before: Duration::from_hours(24 * u64::from(days)), lifetime_percent: 100 };
            Expiry { warning: threshold, critical: threshold }
        });
        let security_level = self.security_level.unwrap_or(usual.security_level);
        Ok(Expectation { host, rules: Rules { expiry, security_level, ..usual }.into() })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        judging: Judging,
    }

    #[test]
    fn openssl_is_told_what_was_judged_by() {
        for (given, expected) in [
            ("", " -auth_level 2"),
            ("--host shop.example --security-level 1", " -verify_hostname shop.example -auth_level 1"),
            ("--host 192.0.2.1 --ca-file it's.pem", r" -verify_ip 192.0.2.1 -CAfile 'it'\''s.pem' -auth_level 2"),
            ("--ca-file a.pem --only-ca-file", " -CAfile a.pem -no-CApath -no-CAstore -auth_level 2"),
            ("--ca-file a.pem --ca-file b.pem", " -CAfile <(cat a.pem b.pem) -auth_level 2"),
            ("--at 2027-01-31T12:00:00Z", " -attime 1801396800 -auth_level 2"),
        ] {
            let alone = Alone::parse_from(["alone"].into_iter().chain(given.split_whitespace()));
            assert_eq!(alone.judging.openssl_options().expect("a sound host"), expected, "{given}");
        }
    }
}
