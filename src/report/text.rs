//! A diagnosis for somebody at a terminal: the verdict, the findings with what to do, the chain.

use std::fmt::Write as _;

use super::Subject;
use crate::{
    certificate::{Certificate, hex},
    clock::{Timestamp, date, day, days_between},
    diagnosis::{Diagnosis, Finding, Judged, Repair, directives},
    observation::Chain,
};

/// Several lines, each ended; `now` is the moment judged by.
pub fn text(subject: Subject<'_>, judged: &Judged, now: Timestamp) -> String {
    let mut out = verdict(subject, judged);
    if let Some(chain) = judged.observation.chain() {
        let _ = writeln!(out, "\n  chain as presented:");
        out.push_str(&presented(chain, now, false));
    }
    out.push_str(&repair(subject, &judged.diagnosis));
    out
}

/// The chain that should be served, several lines; empty where it is.
pub(super) fn repair(subject: Subject<'_>, diagnosis: &Diagnosis) -> String {
    let mut out = String::new();
    if let Some(repair) = &diagnosis.repair {
        let _ = writeln!(out, "\n  the chain to serve ({}), as --json gives it in repaired_chain:", repair.verdict.line());
        for (depth, certificate) in repair.chain.iter().enumerate() {
            let added = repair.added.iter().any(|added| added.fingerprint == certificate.fingerprint);
            let _ = writeln!(out, "   {depth} {}{}", name(certificate), if added { "   <- missing" } else { "" });
        }
        if !repair.source.is_empty() {
            let _ = writeln!(out, "    what is missing was had so: {}", repair.source);
        }
        out.push_str(&how_to_fix(subject, repair));
    }
    out
}

/// How the server is told to serve it; empty where nobody knows.
fn how_to_fix(subject: Subject<'_>, repair: &Repair) -> String {
    let mut out = String::new();
    let lines = directives(&repair.programs(subject.protocol()));
    if lines.is_empty() {
        return out;
    }
    let _ = match &repair.server {
        Some(server) => writeln!(out, "\n  how to serve it, by {} (so the server says of itself):", server.says),
        None => writeln!(out, "\n  how to serve it, by what is likely there:"),
    };
    for line in lines {
        let _ = writeln!(out, "    {line}");
    }
    out
}

/// The headline, OpenSSL's last line and the findings: the same without the chain.
pub fn verdict(subject: Subject<'_>, judged: &Judged) -> String {
    let (observation, diagnosis) = (&judged.observation, &judged.diagnosis);
    let mut out = String::new();
    let _ = writeln!(out, "{}: {}", subject.headline(observation), diagnosis.status());
    if let Some(verdict) = &diagnosis.verdict {
        let _ = writeln!(out, "  {}", verdict.line());
    }
    let _ = writeln!(out, "  chain status: {}", diagnosis.chain_status.name());
    if let Some(handshake) = observation.handshake().filter(|handshake| !handshake.tls.version.is_empty()) {
        let tls = &handshake.tls;
        let _ = writeln!(out, "  {}, {}, {}", tls.version, tls.cipher, tls.group);
    }
    for found in &diagnosis.findings {
        let finding = &found.finding;
        let accepted = if found.accepted { ", accepted" } else { "" };
        let _ = writeln!(out, "\n  {} {} (fault: {}{accepted})", found.severity(), finding.code(), finding.fault());
        let _ = writeln!(out, "    {}", finding.summary());
        let _ = writeln!(out, "    what to do: {}", finding.hint());
        let _ = writeln!(out, "    more: {}", Finding::link(finding.code()));
    }
    out
}

/// One line, not ended, of what has no finding: `name (192.0.2.1:443): ok, 59 days left`.
pub fn line(subject: Subject<'_>, judged: &Judged, now: Timestamp) -> String {
    let leaf = judged.observation.chain().and_then(|chain| chain.leaf.facts());
    let left = leaf.map_or_else(String::new, |facts| format!(", {}", left(now, facts.not_after)));
    format!("{}: {}{left}", subject.headline(&judged.observation), judged.diagnosis.status())
}

/// The chain depth by depth, as `openssl s_client` lists it, with the dates; with the fingerprints where they are wanted.
pub(super) fn presented(chain: &Chain, now: Timestamp, with_fingerprints: bool) -> String {
    let mut out = String::new();
    for (depth, certificate) in chain.iter().enumerate() {
        match &certificate.facts {
            Err(reason) => {
                let _ = writeln!(out, "   {depth} unreadable: {reason}");
            }
            Ok(facts) => {
                let left = left(now, facts.not_after);
                let _ = writeln!(out, "   {depth} s:{}\n     i:{}", facts.subject, facts.issuer);
                let _ = writeln!(
                    out,
                    "     {}, {}; {} to {} ({left})",
                    facts.key.kind,
                    facts.signature,
                    day(facts.not_before),
                    date(facts.not_after),
                );
            }
        }
        let logs = certificate.facts().map(crate::certificate::Facts::sct_logs).unwrap_or_default();
        if with_fingerprints && !logs.is_empty() {
            let ids: Vec<_> = logs.iter().map(|log| hex(log)).collect();
            let _ = writeln!(out, "     {} CT timestamps, by the logs {}", logs.len(), ids.join(", "));
        }
        if with_fingerprints {
            let _ = writeln!(out, "     sha256 {}", certificate.fingerprint);
        }
    }
    out
}

/// How long it still lasts, or since when it no longer does.
pub(super) fn left(now: Timestamp, not_after: Timestamp) -> String {
    let (days, what) =
        if not_after > now { (days_between(now, not_after), "left") } else { (days_between(not_after, now), "ago") };
    match days {
        0 => format!("less than a day {what}"),
        1 => format!("1 day {what}"),
        _ => format!("{days} days {what}"),
    }
}

fn name(certificate: &Certificate) -> String {
    certificate.facts().map_or_else(|| certificate.fingerprint.to_string(), |facts| facts.subject.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_past_is_not_counted_as_days_left() {
        let at = |text: &str| text.parse::<Timestamp>().expect("a moment");
        let now = at("2026-11-22T09:00:00Z");
        assert_eq!(left(now, at("2026-11-24T10:00:00Z")), "2 days left");
        assert_eq!(left(now, at("2026-11-22T10:00:00Z")), "less than a day left");
        assert_eq!(left(now, now), "less than a day ago");
        assert_eq!(left(now, at("2026-11-20T10:00:00Z")), "1 day ago");
        assert_eq!(left(now, at("2026-11-20T09:00:00Z")), "2 days ago");
    }
}
