//! The whole audit as text, fit for a ticket: the verdict step by step, the chain, the handshake, and how to see it oneself.

use std::fmt::Write as _;

use super::Subject;
use crate::{
    clock::Timestamp,
    diagnosis::Judged,
    endpoint::{Endpoint, Host, HostPort},
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
    let proxy = match subject {
        Subject::Proxied(_, proxy) => Some(proxy),
        Subject::Endpoint(_) | Subject::File(_) => None,
    };
    if let (Subject::Endpoint(endpoint) | Subject::Proxied(endpoint, _), Some(host)) =
        (subject, subject.connected_to(observation))
    {
        let _ = writeln!(out, "\n  to see it yourself:\n  {}", s_client(endpoint, &host, proxy));
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

/// The one `openssl s_client` command with which anybody can see it; `connect_to` is the address or the name to connect to,
/// through an HTTP proxy (`host:port`) where there is one.
pub fn s_client(endpoint: &Endpoint, connect_to: &Host, proxy: Option<&str>) -> String {
    let mut command = String::from("openssl s_client");
    if let Some(proxy) = proxy {
        let _ = write!(command, " -proxy {proxy}");
    }
    let _ = write!(command, " -connect {}", HostPort(connect_to, endpoint.target.port));
    if let Some(starttls) = endpoint.target.protocol.starttls() {
        let _ = write!(command, " -starttls {}", starttls.openssl_name());
        if starttls.openssl_name().starts_with("xmpp") {
            let _ = write!(command, " -xmpphost {}", endpoint.server_name);
        }
    }
    match &endpoint.server_name {
        Host::Name(name) => {
            let _ = write!(command, " -servername {name} -verify_hostname {name}");
        }
        Host::Ip(ip) => {
            let _ = write!(command, " -noservername -verify_ip {ip}");
        }
    }
    command.push_str(" -showcerts </dev/null");
    command
}
