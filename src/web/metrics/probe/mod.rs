//! `/probe`: what is known of one endpoint, in the names of another exporter, so that its users keep their rules.
//!
//! Nothing of the inventory is visited for it, and nothing else without a key: whoever may ask could otherwise have us connect to
//! wherever they like.

mod blackbox;
mod names;
mod ssl_exporter;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use super::text::{Format, Lines};
use crate::{
    certificate::{Certificate, printable_cut},
    clock::Timestamp,
    diagnosis::{self, Judged, Status},
    endpoint::{Host, Target, TargetError},
    monitor::{AddressView, EndpointView, Snapshot},
    observation::{Chain, Handshake, Stage},
};

/// Whose names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Blackbox,
    SslExporter,
}

/// What is asked for.
#[derive(Debug)]
pub(in crate::web) struct Asked {
    target: String,
    hostname: Option<Host>,
    style: Style,
}

/// What was asked for, found.
#[derive(Debug)]
pub(in crate::web) struct Probe {
    view: Arc<EndpointView>,
    style: Style,
    at: Timestamp,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::web) enum Refusal {
    /// The request says too little, or what nobody understands; the words say what to write.
    Unclear(String),
    /// No endpoint of the inventory.
    Stranger,
    /// It has not been visited yet.
    NotYet,
}

impl Asked {
    /// Reads `target=…&hostname=…&format=…`; what else exporters take (`module`, `debug`) is the inventory's business.
    pub(in crate::web) fn read(query: &str) -> Result<Self, Refusal> {
        let (mut target, mut hostname, mut style) = (None, None, Style::Blackbox);
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "target" => target = Some(value.trim().to_owned()).filter(|target| !target.is_empty()),
                "hostname" => hostname = value.parse::<Host>().ok(),
                "format" => {
                    style = match &*value {
                        "blackbox" => Style::Blackbox,
                        "ssl_exporter" => Style::SslExporter,
                        _ => return Err(Refusal::Unclear("format is blackbox or ssl_exporter\n".into())),
                    }
                }
                _ => {}
            }
        }
        let none = "no target: /probe?target=NAME, or HOST:PORT, of an endpoint of the inventory\n";
        let target = target.ok_or_else(|| Refusal::Unclear(none.into()))?;
        Ok(Asked { target, hostname, style })
    }

    /// The endpoint of the inventory that is meant.
    pub(in crate::web) fn known(&self, snapshot: &Snapshot) -> Result<Probe, Refusal> {
        let view = endpoint(snapshot, &self.target, self.hostname.as_ref()).ok_or(Refusal::Stranger)?;
        if view.addresses.is_empty() {
            return Err(Refusal::NotYet);
        }
        Ok(Probe { view: Arc::clone(view), style: self.style, at: snapshot.at })
    }

    /// Where to go and by which name to ask there, whether or not that is in the inventory.
    pub(in crate::web) fn place(&self) -> Result<(Target, Host), Refusal> {
        let target: Target = self.target.parse().map_err(|error: TargetError| Refusal::Unclear(unclear(&error)))?;
        let name = self.hostname.clone().unwrap_or_else(|| target.host.clone());
        Ok((target, name))
    }

    /// What a visit there has seen, just now.
    pub(in crate::web) fn seen(&self, view: Arc<EndpointView>) -> Probe {
        let at = view.addresses.iter().map(AddressView::last_probe).max().unwrap_or(Timestamp::UNIX_EPOCH);
        Probe { view, style: self.style, at }
    }
}

fn unclear(error: &TargetError) -> String {
    format!("{}\n", printable_cut(&error.to_string(), 200))
}

impl Probe {
    /// The answer.
    pub(in crate::web) fn render(&self, format: Format) -> String {
        let mut out = String::new();
        if let Some(seen) = Seen::worst(&self.view, self.at) {
            match self.style {
                Style::Blackbox => blackbox::render(&mut out, format, &seen),
                Style::SslExporter => ssl_exporter::render(&mut out, format, &seen),
            }
        }
        out.push_str(format.end());
        out
    }
}

/// By its name; else by where it is, whatever is spoken there. Of several at one place, the one that is asked by `hostname`, or by
/// the name in the target, or the first.
fn endpoint<'a>(snapshot: &'a Snapshot, target: &str, hostname: Option<&Host>) -> Option<&'a Arc<EndpointView>> {
    if let Some(view) = snapshot.named(target) {
        return Some(view);
    }
    let place: Target = target.parse().ok()?;
    let asked = hostname.unwrap_or(&place.host);
    let there = snapshot.at_place(&place.host, place.port);
    let found = there.min_by_key(|view| view.watch.endpoint.server_name != *asked)?;
    // A name that was asked for and that nobody watches there is not answered with another's certificate.
    hostname.is_none_or(|host| found.watch.endpoint.server_name == *host).then_some(found)
}

/// One address of the endpoint, as an exporter that knows no other would tell of it.
struct Seen<'a> {
    view: &'a EndpointView,
    address: &'a AddressView,
    at: Timestamp,
}

impl<'a> Seen<'a> {
    /// Where it does not verify, if anywhere; where the chain ends first.
    fn worst(view: &'a EndpointView, at: Timestamp) -> Option<Self> {
        let all = view.addresses.iter().map(|address| Seen { view, address, at });
        all.min_by_key(|seen| (seen.is_success(), seen.earliest_end().unwrap_or(Timestamp::MAX), seen.address.address))
    }

    fn known(&self) -> Option<&'a Judged> {
        self.address.known.as_deref()
    }

    fn handshake(&self) -> Option<&'a Handshake> {
        self.known()?.observation.handshake()
    }

    fn chain(&self) -> Option<&'a Chain> {
        self.handshake().map(|handshake| &handshake.chain)
    }

    /// The last visit saw a chain that verifies, or whose every fault is accepted.
    fn is_success(&self) -> bool {
        let is_good = |judged: &Judged| {
            judged.diagnosis.verdict.as_ref().is_some_and(|verdict| verdict.code() == 0)
                || judged.diagnosis.status() <= Status::Info
        };
        // One that wants to see a certificate of ours has shown its own.
        let went_well = |handshake: &Handshake| handshake.broken_off.is_none() || handshake.wants_client_certificate;
        self.address.failed.is_none() && self.known().is_some_and(is_good) && self.handshake().is_some_and(went_well)
    }

    /// The first end of all that was presented.
    fn earliest_end(&self) -> Option<Timestamp> {
        first_end(self.chain()?.iter())
    }

    /// The path by which it verifies, anchor included.
    fn path(&self) -> Option<Vec<Arc<Certificate>>> {
        let verdict = self.known()?.diagnosis.verdict.as_ref()?;
        let path = diagnosis::path(self.chain()?, &self.view.watch.trust, self.at)?;
        (verdict.code() == 0).then_some(path)
    }

    fn took(&self, stage: impl Fn(Stage) -> bool) -> Option<Duration> {
        let timing = &self.address.last()?.observation.timing;
        let stages = timing.iter().filter(|(of, _)| stage(*of));
        timing.total().map(|_| stages.map(|(_, took)| took).sum())
    }

    /// `TLSv1.3` as Go writes it: `TLS 1.3`.
    fn tls_version(&self) -> Option<String> {
        let version = &self.handshake()?.tls.version;
        (!version.is_empty()).then(|| version.replace("TLSv", "TLS "))
    }
}

/// A family of one gauge.
fn gauge(out: &mut String, format: Format, name: &str, help: &str, value: impl std::fmt::Display) {
    let mut lines = Lines::new(out, format, name);
    lines.head("gauge", help);
    lines.sample(&[], value);
}

/// A family of one series, 1, for the label of a stranger's.
fn info(out: &mut String, format: Format, name: &str, help: &str, labels: &[(&str, &str)]) {
    let mut lines = Lines::new(out, format, name);
    lines.head("gauge", help);
    let mut series = lines.series();
    for (label, text) in labels {
        series.strangers(label, text);
    }
    series.is(1);
}

/// When the first of them ends.
fn first_end<'a>(certificates: impl Iterator<Item = &'a Arc<Certificate>>) -> Option<Timestamp> {
    certificates.filter_map(|certificate| Some(certificate.facts()?.not_after)).min()
}
