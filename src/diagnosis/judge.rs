//! From a handshake to its diagnosis: every finding judged on its own, so that none masks another.

use std::sync::Arc;

use super::{
    ChainStatus, Diagnosis, Expectation, Finding, Found, Issuers, NearMiss, Trust, Verdict,
    chain::{Gap, Shape},
    checks, defaults, ends, identity, keys, lints, names,
    path::{Path, Store, facts},
    public,
    repair::Court,
    signatures::Signatures,
    strangers,
};
use crate::{
    certificate::{Certificate, Facts, San, printable, printable_cut},
    clock::Timestamp,
    endpoint::Host,
    observation::{FailureKind, Handshake, Possession},
};

pub(super) fn handshake(
    handshake: &Handshake,
    expectation: &Expectation,
    trust: &Trust,
    issuers: &Issuers,
    now: Timestamp,
) -> Diagnosis {
    let presented: Vec<_> = handshake.chain.iter().cloned().collect();
    let mut findings = of_handshake(handshake);
    if let Some(leaf) = handshake.chain.leaf.facts() {
        findings.extend(of_leaf(leaf, expectation, now));
        if leaf.extensions.must_staple {
            findings.push(Finding::MustStaple { stapled: handshake.tls.stapled });
        }
    }
    if let Some((position, reason)) = unreadable(&presented) {
        findings.push(Finding::UnreadableCertificate { position, reason });
        let findings = ranked(findings, expectation);
        let (chain_status, borrowed) = (ChainStatus::UnreadableCertificate, Issuers::default());
        return Diagnosis { verdict: None, chain_status, findings, repair: None, borrowed };
    }
    let signatures = Signatures::default();
    let path = Path::build(&presented, trust, Store::Whole, now);
    let errors = checks::errors(&path, expectation, &signatures, now);
    let verdict = Verdict { errors, path_length: path.length() };
    let shape = Shape::of(&presented, trust, issuers, &signatures, now);
    findings.extend(of_shape(&shape, &presented, issuers, now));
    findings.extend(of_verdict(&verdict, &path));
    findings.extend(ends::of(&shape, &presented, expectation, trust, issuers, now));
    findings.extend(keys::of(&shape.path));
    let leaf = facts(&presented[0]);
    let is_public = public::is_public(&shape.path, &signatures);
    // What is asked of a server's certificate is not asked of a CA's that stands in its place.
    if is_public && !is_ca(leaf) {
        findings.extend(public::of_leaf(leaf));
    }
    if let Some(maker) = defaults::maker(leaf).filter(|_| !is_public) {
        findings.push(Finding::DefaultCertificate { subject: name(&presented[0]), maker });
    }
    let broken = lints::of(&shape.path, is_public);
    if !broken.is_empty() {
        findings.push(Finding::Lint { broken });
    }
    let (chain_status, court) = (shape.status(), Court { expectation, trust, signatures: &signatures, now });
    let repair = if chain_status == ChainStatus::Complete { None } else { court.repair(&presented, issuers).map(Box::new) };
    let added = repair.iter().flat_map(|repair| &repair.added);
    let borrowed = borrowed(shape.path.certificates.iter().take(shape.path.untrusted).chain(added), &presented, issuers);
    Diagnosis { chain_status, repair, verdict: Some(verdict), findings: ranked(findings, expectation), borrowed }
}

/// What of these, the path but for its anchor and the repaired chain, is not presented.
fn borrowed<'a>(
    needed: impl Iterator<Item = &'a Arc<Certificate>>,
    presented: &[Arc<Certificate>],
    issuers: &Issuers,
) -> Issuers {
    let mut certificates: Vec<Arc<Certificate>> = Vec::new();
    for certificate in needed {
        if !presented.iter().chain(&certificates).any(|known| known.fingerprint == certificate.fingerprint) {
            certificates.push(Arc::clone(certificate));
        }
    }
    Issuers { certificates, tried: issuers.tried.clone() }
}

/// The worst first, else in the order found; accepted ones marked. Expiry cannot be accepted.
pub(super) fn ranked(findings: Vec<Finding>, expectation: &Expectation) -> Vec<Found> {
    let is_accepted = |code| expectation.rules.accept.contains(code) && code != "expired" && code != "expires_soon";
    let mut found: Vec<Found> =
        findings.into_iter().map(|finding| Found { accepted: is_accepted(finding.code()), finding }).collect();
    found.sort_by_key(|found| std::cmp::Reverse(found.severity()));
    found
}

fn unreadable(presented: &[Arc<Certificate>]) -> Option<(usize, String)> {
    presented.iter().enumerate().find_map(|(position, certificate)| match &certificate.facts {
        Ok(_) => None,
        Err(reason) => Some((position, reason.to_string())),
    })
}

fn of_handshake(handshake: &Handshake) -> Vec<Finding> {
    let mut findings = Vec::new();
    if handshake.possession == Possession::Failed {
        findings.push(Finding::KeyPossessionFailed);
    }
    match handshake.broken_off.as_deref() {
        Some(failure) if handshake.wants_client_certificate && is_refusal(&failure.kind) => {
            findings.push(Finding::ClientCertificateWanted);
        }
        Some(failure) => findings.push(Finding::HandshakeFailed { failure: failure.clone() }),
        None => {}
    }
    findings
}

/// How servers turn away a client that has no certificate for them.
fn is_refusal(kind: &FailureKind) -> bool {
    matches!(kind, FailureKind::Alert(_) | FailureKind::ClosedEarly | FailureKind::Reset)
}

fn of_leaf(leaf: &Facts, expectation: &Expectation, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    let not_after = leaf.not_after;
    if not_after <= now {
        findings.push(Finding::Expired { not_after, now });
    } else if leaf.not_before > now {
        findings.push(Finding::NotYetValid { not_before: leaf.not_before });
    } else if let Some(severity) = expectation.rules.expiry.reached(leaf, now) {
        findings.push(Finding::ExpiresSoon { not_after, now, severity });
    }
    let carried = match &expectation.host {
        Some(Host::Name(name)) => identity::matches_name(leaf, name),
        Some(Host::Ip(ip)) => identity::matches_address(leaf, *ip),
        None => true,
    };
    if let (false, Some(asked)) = (carried, &expectation.host) {
        findings.push(Finding::HostnameMismatch {
            asked: asked.to_string(),
            carries: names_of(leaf),
            near: NearMiss::of(leaf, asked),
        });
    }
    if let (true, Some(Host::Name(asked))) = (carried, &expectation.host) {
        let names = names::partial_wildcards(leaf, asked);
        if !names.is_empty() {
            findings.push(Finding::PartialWildcard { asked: asked.to_string(), names });
        }
    }
    let has_names = leaf.sans().any(|san| matches!(san, San::Dns(_) | San::Ip(_)));
    if !has_names && (!is_ca(leaf) || leaf.is_self_signed()) {
        findings.push(Finding::MissingSan { common_names: leaf.common_names().map(|name| short(&name)).collect() });
    }
    let names = names::broad_wildcards(leaf);
    if !names.is_empty() {
        findings.push(Finding::BroadWildcard { names });
    }
    findings
}

fn is_ca(certificate: &Facts) -> bool {
    certificate.extensions.basic_constraints.is_some_and(|bc| bc.ca)
}

/// The names of the SAN, else the common names.
fn names_of(leaf: &Facts) -> Vec<String> {
    let sans: Vec<String> = leaf.sans().map(|san| plain(&san)).collect();
    if sans.is_empty() { leaf.common_names().map(|name| short(&name)).collect() } else { sans }
}

/// As one would write it in an address: without the `dns:` and `ip:` of the JSON.
pub(super) fn plain(san: &San<'_>) -> String {
    let san = san.to_string();
    short(san.strip_prefix("dns:").or(san.strip_prefix("ip:")).unwrap_or(&san))
}

fn of_shape(shape: &Shape, presented: &[Arc<Certificate>], issuers: &Issuers, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    let top = facts(shape.path.top());
    match &shape.gap {
        Gap::None => {}
        Gap::SelfSigned => findings.push(Finding::SelfSigned { subject: name(shape.path.top()) }),
        Gap::Missing(added) => {
            let at = shape.path.certificates.iter().position(|c| added.iter().any(|a| a.fingerprint == c.fingerprint));
            let after = at.map_or_else(String::new, |at| name(&shape.path.certificates[at - 1]));
            findings.push(Finding::MissingIntermediate { missing: added.iter().map(name).collect(), after });
        }
        Gap::IssuerUnknown => {
            let tried = if issuers.tried.is_empty() { "none was looked for".to_owned() } else { printable(&issuers.tried) };
            findings.push(Finding::IssuerUnknown { issuer: short(&top.issuer.short()), tried });
        }
        Gap::UnknownCa { presented } => findings.push(Finding::UnknownCa { root: name(shape.path.top()), presented: *presented }),
    }
    for certificate in &shape.outside_validity {
        let of = facts(certificate);
        let is_anchor = shape.path.anchored && certificate.fingerprint == shape.path.top().fingerprint;
        let (not_before, not_after) = (of.not_before, of.not_after);
        findings.push(Finding::IntermediateExpired { subject: name(certificate), not_before, not_after, now, is_anchor });
    }
    if shape.wrong_order {
        findings.push(Finding::WrongOrder);
    }
    if let Some(root) = &shape.root {
        findings.push(Finding::RootIncluded { root: name(root) });
    }
    if !shape.extra.is_empty() {
        findings.push(Finding::ExtraCertificates { extra: strangers::of(shape, presented, now) });
    }
    let leaf = facts(&presented[0]);
    // A CA that stands first by mistake is told as the wrong order.
    if is_ca(leaf) && !shape.wrong_order {
        findings.push(Finding::CaAsLeaf { subject: name(&presented[0]), self_signed: leaf.is_self_signed() });
    }
    findings
}

/// What OpenSSL says beyond gap, dates and name, each of which has a finding of its own.
fn of_verdict(verdict: &Verdict, path: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    for error in &verdict.errors {
        let certificate = &path.certificates[error.depth];
        let finding = match error.code {
            2 | 9 | 10 | 18 | 19 | 20 | 21 | 62 | 64 => continue,
            // Above the leaf it only stands for the missing anchor.
            66 if error.depth > 0 => continue,
            7 => Finding::BadSignature { subject: name(certificate) },
            66 | 67 => Finding::WeakKey { subject: name(certificate), key: short(&facts(certificate).key.kind.to_string()) },
            68 => Finding::WeakSignature {
                subject: name(certificate),
                algorithm: short(&facts(certificate).signature.to_string()),
                hash: facts(certificate).signature.hash(),
            },
            26 if let Some(uses) = keys::lacks_server_auth(facts(certificate)) => {
                Finding::MissingServerAuth { subject: name(certificate), uses }
            }
            code => Finding::Refused { code, depth: error.depth },
        };
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    for pair in path.certificates.windows(2) {
        let (subject, issuer) = (facts(&pair[0]), facts(&pair[1]));
        if !subject.can_check_signature(&issuer.key) {
            let algorithm = short(&format!("{} by a key of {}", subject.signature, issuer.key.kind));
            findings.push(Finding::SignatureUnchecked { subject: name(&pair[0]), algorithm });
        }
    }
    findings
}

pub(super) fn name(certificate: &Arc<Certificate>) -> String {
    short(&facts(certificate).subject.short())
}

/// Strangers' names are cut at 200 characters.
pub(super) fn short(text: &str) -> String {
    printable_cut(text, 200)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::{Fault, Severity};
    use crate::observation::{Chain, Failure, Stage};

    fn kinds() -> [FailureKind; 5] {
        let alert = FailureKind::Alert("handshake_failure".into());
        [alert, FailureKind::ClosedEarly, FailureKind::Reset, FailureKind::Timeout, FailureKind::Internal]
    }

    /// What is said of a server that showed its certificate and then broke the handshake off.
    fn said(wants_client_certificate: bool, kind: FailureKind) -> Finding {
        let made = rcgen::generate_simple_self_signed(vec!["a.org".to_owned()]).expect("a certificate");
        let chain = Chain::new(vec![Certificate::from_der(made.cert.der())]).expect("one");
        let broken_off = Some(Box::new(Failure { stage: Stage::Handshake, kind, detail: "broken off".into() }));
        let (tls, possession) = (Arc::default(), Possession::Proven);
        let findings = of_handshake(&Handshake { chain, tls, possession, wants_client_certificate, broken_off });
        <[Finding; 1]>::try_from(findings).expect("one finding")[0].clone()
    }

    #[test]
    fn a_server_that_asked_in_vain_for_a_client_certificate_is_well() {
        for (kind, expected) in kinds().into_iter().zip([
            "client_certificate_wanted",
            "client_certificate_wanted",
            "client_certificate_wanted",
            "handshake_failed",
            "handshake_failed",
        ]) {
            assert_eq!(said(true, kind.clone()).code(), expected, "{kind:?}");
        }
        assert_eq!(said(true, FailureKind::Reset).severity(), Severity::Info);
    }

    #[test]
    fn a_server_that_breaks_off_without_having_asked_is_not() {
        for (kind, fault) in kinds().into_iter().zip([Fault::Unclear, Fault::Server, Fault::Server, Fault::Server, Fault::Client])
        {
            let finding = said(false, kind.clone());
            assert_eq!(
                (finding.code(), finding.severity(), finding.fault()),
                ("handshake_failed", Severity::Critical, fault),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn names_are_written_as_in_an_address() {
        let sans = [San::Dns("*.a.example".into()), San::Ip(&[192, 0, 2, 1]), San::Other("email:a@b.example".into())];
        assert_eq!(sans.iter().map(plain).collect::<Vec<_>>(), ["*.a.example", "192.0.2.1", "email:a@b.example"]);
        assert_eq!(plain(&San::Dns("a\u{202e}b".into())), "a\\E2\\80\\AEb");
    }
}
