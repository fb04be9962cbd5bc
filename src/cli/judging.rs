//! What `check` and `verify` share: what is judged against, and how it is shown.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{arguments, output};
use crate::{
    clock::Timestamp,
    config::trust::{self, TrustSources},
    diagnosis::{Expectation, Expiry, Judged, Threshold, Trust, diagnose},
    endpoint::Host,
    observation::{Chain, Handshake, Observation, Outcome, Possession, Tls},
    visit,
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
        let handshake = Handshake { chain, tls: Tls::default(), possession, wants_client_certificate: false, broken_off: None };
        let observation = Observation::new(None, now, Outcome::Handshake(handshake));
        let diagnosis = diagnose(&observation, &self.expectation()?, trust, &issuers, as_of);
        Ok(Judged { observation, diagnosis })
    }

    /// `--host`, as a name or an address.
    pub(super) fn host(&self) -> anyhow::Result<Option<Host>> {
        Ok(self.host.as_deref().map(str::parse).transpose()?)
    }

    /// What is judged against, but for the host that `check` takes from its target.
    pub(super) fn expectation(&self) -> anyhow::Result<Expectation> {
        let (usual, mut host) = (Expectation::default(), self.host()?);
        // OpenSSL matches the name as it is written, and no certificate carries one with a trailing dot.
        if let (Some(Host::Name(name)), Some(true)) = (&mut host, self.host.as_deref().map(|host| host.ends_with('.'))) {
            *name = format!("{name}.").into();
        }
        let expiry = self.min_days.map_or(usual.expiry, |days| {
            let threshold = Threshold { before: Duration::from_hours(24 * u64::from(days)), lifetime_percent: 100 };
            Expiry { warning: threshold, critical: threshold }
        });
        Ok(Expectation { host, expiry, security_level: self.security_level.unwrap_or(usual.security_level), ..usual })
    }
}
