//! The whole audit as text, fit for a ticket: the verdict step by step, the chain, the handshake, and how to see it oneself.

use core::net::IpAddr;
use std::fmt::Write as _;

use super::Subject;
use crate::{
    clock::Timestamp,
    diagnosis::Judged,
    endpoint::{Endpoint, Host, HostPort, StartTls},
};

/// Everything [`super::text`] says, and the proof of it. Never a secret.
pub fn evidence(subject: Subject<'_>, judged: &Judged, now: Timestamp) -> String {
    let (observation, diagnosis) = (&judged.observation, &judged.diagnosis);
    let mut out = super::text(subject, judged, now);
    let _ = writeln!(out, "\n  observed at {}, judged as of {}", observation.at, now);
    for error in diagnosis.verdict.iter().flat_map(|verdict| &verdict.errors) {
        let _ = writeln!(out, "  verify error:num={}:{} (depth {})", error.code, error.text(), error.depth);
    }
    for (stage, took) in &observation.timing {
        let _ = writeln!(out, "  {stage}: {:.1} ms", took.as_secs_f64() * 1000.0);
    }
    if let (Subject::Endpoint(endpoint) | Subject::Proxied(endpoint, _), Some(host)) =
        (subject, subject.connected_to(observation))
    {
        let proxy = match subject {
            Subject::Proxied(_, proxy) => Some(proxy),
            Subject::Endpoint(_) | Subject::File(_) => None,
        };
        let _ = writeln!(out, "\n  to see it yourself:\n  {}", command(endpoint, &host, proxy));
    }
    if let Some(chain) = observation.chain() {
        out.push_str("\n  the certificates as presented:\n");
        for certificate in chain.iter() {
            let _ = writeln!(out, "  SHA-256 {}", certificate.fingerprint);
            out.push_str(&certificate.to_pem());
        }
    }
    out
}

/// `openssl s_client ...` as a shell takes it, with which anybody can see what was seen at this address, or without one at the
/// target itself. Host names and addresses are of checked types, so nothing needs quoting.
pub fn s_client(endpoint: &Endpoint, address: Option<IpAddr>) -> String {
    let host = address.map_or_else(|| endpoint.target.host.clone(), Host::Ip);
    command(endpoint, &host, None)
}

/// The same, connecting to `host`, through this HTTP proxy (`host:port`) where there is one.
fn command(endpoint: &Endpoint, host: &Host, proxy: Option<&str>) -> String {
    let Endpoint { target, server_name, .. } = endpoint;
    let proxy = proxy.map_or_else(String::new, |proxy| format!(" -proxy {proxy}"));
    let mut command = format!("openssl s_client{proxy} -connect {}", HostPort(host, target.port));
    if let Some(starttls) = target.protocol.starttls() {
        let _ = write!(command, " -starttls {}", starttls.openssl_name());
        if let (StartTls::Xmpp | StartTls::XmppServer, Host::Name(name)) = (starttls, server_name) {
            let _ = write!(command, " -xmpphost {name}");
        }
    }
    match server_name {
        Host::Name(name) => format!("{command} -servername {name} -verify_hostname {name} </dev/null"),
        Host::Ip(ip) => format!("{command} -noservername -verify_ip {ip} </dev/null"),
    }
}
