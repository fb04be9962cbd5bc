//! One endpoint on the page: a row of headlines, and behind it everything that is known.

use std::{cmp::Reverse, fmt::Write as _};

use super::{
    clients::clients,
    html::{capitalized, count, esc, time},
    query::Query,
};
use crate::{
    certificate::{Certificate, San},
    clock::{Timestamp, span},
    diagnosis::{ChainStatus, Fault, Finding, Found},
    monitor::{AddressView, EndpointView},
    observation::Failure,
};

/// What stands above the first row.
pub(super) const TABLE: &str = "<div class=\"wide\">\n<table class=\"fleet\">\n<thead><tr><th scope=\"col\">Status</th>\
<th scope=\"col\">Endpoint</th><th scope=\"col\">Certificate ends</th><th scope=\"col\">Chain</th><th scope=\"col\">OpenSSL says</th>\
<th scope=\"col\">Last visit</th></tr></thead>\n";

/// How much of each endpoint is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(super) enum Depth {
    /// One of many: a link leads to how clients see it.
    Listed,
    /// One of a few: how clients see it as well.
    Seen,
    /// The only one: the same, unfolded.
    Alone,
}

/// Two rows in a group of their own.
pub(super) fn row(out: &mut String, view: &EndpointView, depth: Depth, now: Timestamp) {
    let endpoint = &view.watch.endpoint;
    let status = view.status().name();
    // The address that makes the headline speaks for all; the others stand in the details.
    let worst = view.addresses.iter().rev().max_by_key(|address| address.status());
    // A visit that failed leaves nothing to say here; one that is still to come, even less.
    let nothing = || format!("<span class=\"quiet\">{}</span>", if worst.is_some() { "none seen" } else { "–" });
    let target = endpoint.target.to_string();
    let target =
        if target == *endpoint.name { String::new() } else { format!("<br><span class=\"quiet\">{}</span>", esc(target)) };
    let _ = writeln!(
        out,
        "<tbody class=\"{status}\">\n<tr><td data-label=\"Status\"><span class=\"badge {status}\">{status}</span></td>\
         <th scope=\"row\">{}{target}</th><td data-label=\"Certificate ends\">{}</td><td data-label=\"Chain\">{}</td>\
         <td data-label=\"OpenSSL says\">{}</td><td data-label=\"Last visit\">{}</td></tr>",
        esc(&endpoint.name),
        view.not_after().map_or_else(nothing, |at| ends(at, now)),
        worst.map(chain_status).filter(|status| *status != ChainStatus::None).map_or_else(nothing, words),
        worst.and_then(verdict).unwrap_or_else(nothing),
        worst.map_or_else(|| "not visited yet".into(), last_visit),
    );
    details(out, view, worst, depth, now);
    out.push_str("</tbody>\n");
}

fn details(out: &mut String, view: &EndpointView, worst: Option<&AddressView>, depth: Depth, now: Timestamp) {
    // The first of the worst: findings come in the order of their weight.
    let first = worst.and_then(|address| address.findings().min_by_key(|found| Reverse(found.severity())));
    let headline = match (worst, first) {
        (None, _) => "Waits for its first visit".into(),
        (Some(_), None) => "Nothing to say".into(),
        (Some(_), Some(found)) => esc(capitalized(&found.finding.summary())).to_string(),
    };
    let others = worst.map_or(0, |address| address.findings().count().saturating_sub(1));
    let others = if others > 0 { format!("· {others} more ") } else { String::new() };
    let addresses = view.addresses.iter().filter(|address| address.address.is_some()).count();
    let _ = writeln!(
        out,
        "<tr class=\"more\"><td colspan=\"6\"><details{}><summary>{headline} <span class=\"quiet\">{others}· {}</span></summary>",
        if depth == Depth::Alone { " open" } else { "" },
        count(addresses, "address"),
    );
    for address in &view.addresses {
        one_address(out, address, now);
        // One table an endpoint: it costs signatures.
        let known = address.known.as_ref().filter(|_| worst.is_some_and(|worst| std::ptr::eq(worst, address)));
        match known {
            Some(known) if depth > Depth::Listed => {
                view.watch.views(known, now).iter().for_each(|views| clients(out, views));
            }
            Some(_) => {
                let link = Query::of(&view.watch.endpoint.name).link();
                let _ = writeln!(out, "<p><a href=\"{link}\">How clients see it</a></p>");
            }
            None => {}
        }
        out.push_str("</article>\n");
    }
    if !view.watch.policy.labels.is_empty() {
        out.push_str("<p class=\"labels\">");
        for (name, value) in &view.watch.policy.labels {
            let _ = write!(out, "<span>{}: {}</span> ", esc(name), esc(value));
        }
        out.push_str("</p>\n");
    }
    out.push_str("</details></td></tr>\n");
}

fn one_address(out: &mut String, address: &AddressView, now: Timestamp) {
    let status = address.status().name();
    let title = address.address.map_or_else(|| "The name does not resolve".into(), |ip| ip.to_string());
    let _ = writeln!(out, "<article>\n<h3>{title} <span class=\"badge {status}\">{status}</span></h3>");
    findings(out, address);
    out.push_str("<dl class=\"facts\">\n");
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = writeln!(out, "<dt>{name}</dt><dd>{value}</dd>");
        }
    };
    let failure =
        address.failure().map(|failure| format!("{} ({}, {})", esc(&failure.detail), failure.stage.name(), kind(failure)));
    fact("Failure", failure);
    fact("Last visit", Some(time(address.last_probe)));
    fact("Last certificate seen", Some(address.last_success.map_or_else(|| "never".into(), time)));
    fact("Verdict", verdict_line(address));
    let handshake = address.known.as_ref().and_then(|known| known.observation.handshake());
    fact("Chain", handshake.map(|_| words(chain_status(address))));
    let tls = handshake.map(|handshake| [&handshake.tls.version, &handshake.tls.cipher, &handshake.tls.group]);
    let tls =
        tls.map(|parts| parts.map(String::as_str).into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", "));
    fact("TLS", tls.filter(|text| !text.is_empty()).map(|text| esc(text).to_string()));
    out.push_str("</dl>\n");
    if let Some(handshake) = handshake {
        out.push_str("<ol class=\"chain\" start=\"0\">\n");
        for certificate in handshake.chain.iter().take(POSITIONS) {
            certificate_item(out, certificate, now);
        }
        out.push_str("</ol>\n");
        if handshake.chain.len() > POSITIONS {
            let _ = writeln!(out, "<p class=\"quiet\">and {} more.</p>", handshake.chain.len() - POSITIONS);
        }
    }
}

/// So many certificates of one chain are shown, as in the metrics.
const POSITIONS: usize = 10;

fn findings(out: &mut String, address: &AddressView) {
    let mut findings: Vec<&Found> = address.findings().collect();
    findings.sort_by_key(|found| Reverse(found.severity()));
    if findings.is_empty() {
        return;
    }
    out.push_str("<ul class=\"findings\">\n");
    for found in findings.iter().take(FINDINGS) {
        let severity = found.severity().name();
        let accepted = if found.accepted { " <span class=\"quiet\">accepted</span>" } else { "" };
        let _ = writeln!(
            out,
            "<li><p><span class=\"badge {severity}\">{severity}</span> <a href=\"{}\"><code>{}</code></a>{accepted}<br>{}.</p>\
             <p class=\"quiet\">To act: {}. {}.</p></li>",
            Finding::link(found.finding.code()),
            found.finding.code(),
            esc(capitalized(&found.finding.summary())),
            actor(found.finding.fault()),
            esc(capitalized(&found.finding.hint())),
        );
    }
    out.push_str("</ul>\n");
    if findings.len() > FINDINGS {
        let _ = writeln!(out, "<p class=\"quiet\">and {} more findings.</p>", findings.len() - FINDINGS);
    }
}

/// A chain of thousands of certificates may have as many findings.
const FINDINGS: usize = 20;

fn certificate_item(out: &mut String, certificate: &Certificate, now: Timestamp) {
    let body = match &certificate.facts {
        Err(unreadable) => format!("cannot be read: {}", esc(unreadable)),
        Ok(facts) => format!(
            "<b>{}</b><br><span class=\"quiet\">issued by</span> {}<br><span class=\"quiet\">valid</span> {} \
             <span class=\"quiet\">to</span> {}<br><span class=\"quiet\">{}, serial</span> <code>{}</code>",
            esc(&facts.subject),
            esc(&facts.issuer),
            time(facts.not_before),
            ends(facts.not_after, now),
            esc(&facts.key.kind),
            esc(facts.serial_hex()),
        ),
    };
    let names = certificate.facts().and_then(|facts| facts.sans.as_deref()).map_or_else(String::new, names);
    let _ =
        writeln!(out, "<li>{body}{names}<br><span class=\"quiet\">SHA-256</span> <code>{}</code></li>", certificate.fingerprint);
}

/// The names it is for; a stranger may list thousands.
fn names(sans: &[San]) -> String {
    let shown = sans.iter().take(NAMES).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let more = if sans.len() > NAMES { format!(" and {} more", sans.len() - NAMES) } else { String::new() };
    format!("<br><span class=\"quiet\">for</span> {}{more}", esc(shown))
}

const NAMES: usize = 10;

fn chain_status(address: &AddressView) -> ChainStatus {
    address.known.as_ref().map_or(ChainStatus::None, |known| known.diagnosis.chain_status)
}

/// When, and that it failed where it did: what else the row shows is then older.
fn last_visit(address: &AddressView) -> String {
    let failed = address.failed.as_ref().and_then(|failed| failed.observation.failure());
    let failed = failed.map(|failure| format!("<br><span class=\"failed\">failed: {}</span>", kind(failure)));
    format!("{}{}", time(address.last_probe), failed.unwrap_or_default())
}

fn kind(failure: &Failure) -> String {
    failure.kind.name().replace('_', " ")
}

fn words(status: ChainStatus) -> String {
    status.name().replace('_', " ")
}

/// OpenSSL's number and words, short.
fn verdict(address: &AddressView) -> Option<String> {
    let verdict = address.known.as_ref()?.diagnosis.verdict.as_ref()?;
    let line = verdict.line();
    Some(esc(line.strip_prefix("Verify return code: ").unwrap_or(&line)).to_string())
}

/// OpenSSL's last line, whole.
fn verdict_line(address: &AddressView) -> Option<String> {
    let verdict = address.known.as_ref()?.diagnosis.verdict.as_ref()?;
    Some(format!("<code>{}</code>", esc(verdict.line())))
}

fn ends(at: Timestamp, now: Timestamp) -> String {
    let left = if at <= now { format!("ended {} ago", span(at, now)) } else { format!("{} left", span(now, at)) };
    format!("{}<br class=\"narrow\"> <span class=\"quiet\">{left}</span>", time(at))
}

fn actor(fault: Fault) -> &'static str {
    match fault {
        Fault::Server => "whoever runs the server",
        Fault::Client => "whoever runs this machine, its trust store or its clock",
        Fault::Network => "whoever runs the network in between",
        Fault::Unclear => "it cannot be told who",
    }
}
