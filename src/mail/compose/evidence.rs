//! The evidence of a case: what was presented, what OpenSSL says of it, and the command that shows it to anybody.

use super::{Attachment, layout::safe};
use crate::{
    certificate::Name,
    diagnosis::Judged,
    endpoint::{Host, HostPort},
    incident::Audience,
    monitor::{Case, Notice},
    report,
};

/// How many errors and certificates are listed.
const LISTED: usize = 10;

/// `shop.example:443`.
pub(super) fn place(case: &Case) -> String {
    let target = &case.watch.endpoint.target;
    HostPort(&target.host, target.port).to_string()
}

/// The endpoint's name with its place, or only one of them when the other says nothing more.
pub(super) fn named_place(case: &Case) -> String {
    let endpoint = &case.watch.endpoint;
    let (name, place) = (safe(&endpoint.name), place(case));
    if name == endpoint.target.to_string() {
        name
    } else if name == place || name == endpoint.target.host.to_string() {
        place
    } else {
        format!("{name} ({place})")
    }
}

/// The visit that shows the incident best: the first that has its finding.
pub(super) fn witness(case: &Case) -> Option<&Judged> {
    let shows = |judged: &&std::sync::Arc<Judged>| judged.diagnosis.finding(&case.member.code).is_some();
    case.seen.iter().find(shows).or(case.seen.first()).map(AsRef::as_ref)
}

/// OpenSSL's errors and its last line, as its command prints them.
pub(super) fn openssl(judged: &Judged) -> Vec<String> {
    let diagnosis = &judged.diagnosis;
    let served = diagnosis.repair.as_ref().filter(|repair| !repair.added.is_empty()).map(|repair| &repair.served);
    let Some(verdict) = served.or(diagnosis.verdict.as_ref()) else { return Vec::new() };
    let errors = verdict.errors.iter().take(LISTED);
    let mut lines: Vec<String> = errors.map(|error| format!("verify error:num={}:{}", error.code, error.text())).collect();
    lines.push(verdict.line());
    lines
}

/// The chain as presented, as OpenSSL's command prints it.
pub(super) fn presented(judged: &Judged) -> Vec<String> {
    let Some(chain) = judged.observation.chain() else { return Vec::new() };
    let mut lines = Vec::new();
    for (depth, certificate) in chain.iter().take(LISTED).enumerate() {
        match certificate.facts() {
            Some(facts) => {
                lines.push(format!("{depth:>2} s:{}", name(&facts.subject)));
                lines.push(format!("   i:{}", name(&facts.issuer)));
            }
            None => lines.push(format!("{depth:>2} (not readable as a certificate)")),
        }
    }
    if chain.len() > LISTED {
        lines.push(format!("   (+{})", chain.len() - LISTED));
    }
    lines
}

/// `evidence.txt`: the whole audit of the visit that shows it best. For owners: it tells what this machine trusts.
pub(super) fn attached(notice: &Notice, case: &Case) -> Vec<Attachment> {
    let witness = witness(case).filter(|judged| notice.audience == Audience::Owner && judged.observation.chain().is_some());
    let text = witness.map(|judged| report::evidence(report::Subject::Endpoint(&case.watch.endpoint), judged, notice.at));
    text.map(|text| Attachment { name: "evidence.txt".into(), text }).into_iter().collect()
}

/// The command that shows what was seen.
pub(super) fn s_client(case: &Case) -> String {
    report::s_client(&case.watch.endpoint, witness(case).and_then(|judged| judged.observation.address))
}

/// How the attached chain is verified by hand.
pub(super) fn verify(case: &Case) -> String {
    let option = match &case.watch.endpoint.server_name {
        Host::Name(name) => format!("-verify_hostname {name}"),
        Host::Ip(ip) => format!("-verify_ip {ip}"),
    };
    format!("openssl verify {option} -untrusted fullchain.pem fullchain.pem")
}

/// A name in the order in which openssl prints it, the country first: `C = DE, O = Example, CN = Example R1`.
pub(super) fn name(name: &Name) -> String {
    let rdns = split_unescaped(name.text(), ',');
    let shown = rdns.iter().rev().map(|rdn| {
        let parts = split_unescaped(rdn, '+');
        parts.iter().map(|part| part.replacen('=', " = ", 1)).collect::<Vec<_>>().join(" + ")
    });
    safe(&shown.collect::<Vec<_>>().join(", "))
}

/// Splits RFC 4514 text where `separator` is no part of a value.
fn split_unescaped(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (at, c) in text.char_indices() {
        if c == separator && !escaped {
            parts.push(&text[start..at]);
            start = at + c.len_utf8();
        }
        escaped = c == '\\' && !escaped;
    }
    parts.push(&text[start..]);
    parts
}
