//! What the samples are about: each finding once, with a chain that it might be found in.

use core::net::{IpAddr, Ipv4Addr};
use std::{sync::Arc, time::Duration};

use super::{full_chain, intermediate, leaf, moment, root, self_signed};
use crate::{
    certificate::{Certificate, Fingerprint, HashAlgorithm},
    clock::{Timestamp, earlier},
    diagnosis::{Broken, ChainStatus, Extra, ExtraKind, Finding, NearMiss, Severity, lints, makers},
    monitor::{Case, Habit, Renewal},
    observation::{Failure, FailureKind, Stage},
};

/// A finding, and the visit that it comes from.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) finding: Finding,
    pub(super) target: &'static str,
    /// Where; `None` when the name did not resolve.
    pub(super) address: Option<IpAddr>,
    /// When.
    pub(super) at: Timestamp,
    pub(super) chain: Vec<Arc<Certificate>>,
    pub(super) status: ChainStatus,
    /// OpenSSL's errors: code and depth.
    pub(super) codes: &'static [(u16, usize)],
    pub(super) failure: Option<Failure>,
}

/// The one of this code.
pub(super) fn of(code: &str) -> Seen {
    all().into_iter().find(|seen| seen.finding.code() == code).expect("every finding has its sample")
}

/// A certificate that would have been renewed by now, as it was twice before.
pub(super) fn overdue() -> Case {
    let case = of("expires_soon").into_case();
    let days = |days: u8| Duration::from_hours(24 * u64::from(days));
    let leaf = case.seen.iter().find_map(|judged| judged.observation.chain()?.leaf.facts());
    let habit = leaf.and_then(|leaf| {
        let renewal = |ago: u8| {
            let (not_before, not_after) = (earlier(leaf.not_before, days(ago)), earlier(leaf.not_after, days(ago)));
            Renewal::new(&Fingerprint([ago; 32]), earlier(not_after, days(30)), not_before, not_after)
        };
        Habit::of(&[120, 60].map(renewal), leaf)
    });
    Case { habit, ..case }
}

/// One of each code, in the order of [`Finding::CODES`].
pub(super) fn all() -> Vec<Seen> {
    let (subject, issuer, root_name) = ("CN=shop.example.com", ISSUER, ROOT);
    let not_after = moment("2026-11-28T12:00:00Z");
    let now = moment("2026-11-22T09:41:07Z");
    let after = moment("2026-12-01T09:41:07Z");
    let fingerprint = intermediate().fingerprint;
    let lone = || vec![leaf()];
    let maker = makers().find(|maker| maker.software == "Traefik").expect("a row of the table");
    let lint = lints().find(|lint| lint.name == "authority_key_identifier_missing").expect("a row of the table");
    vec![
        Seen { at: after, codes: &[(10, 0)], ..seen(Finding::Expired { not_after, now: after }) },
        Seen { codes: &[(9, 0)], ..seen(Finding::NotYetValid { not_before: moment("2026-11-24T00:00:00Z") }) },
        seen(Finding::ExpiresSoon { not_after, now, severity: Severity::Critical }),
        Seen {
            chain: lone(),
            status: ChainStatus::MissingIntermediate,
            codes: &[(20, 0), (21, 0)],
            ..seen(Finding::MissingIntermediate { missing: vec![issuer.into()], after: subject.into() })
        },
        Seen {
            chain: lone(),
            status: ChainStatus::IssuerUnknown,
            codes: &[(20, 0), (21, 0)],
            ..seen(Finding::IssuerUnknown { issuer: issuer.into(), tried: "http://ca.example.com/r1.cer answered 404".into() })
        },
        Seen { chain: vec![leaf(), root(), intermediate()], status: ChainStatus::WrongOrder, ..seen(Finding::WrongOrder) },
        Seen {
            chain: vec![leaf(), intermediate(), self_signed()],
            status: ChainStatus::ExtraCertificates,
            ..seen(Finding::ExtraCertificates { extra: vec![Extra { subject: subject.into(), kind: ExtraKind::Unrelated }] })
        },
        Seen {
            chain: vec![leaf(), intermediate(), root()],
            status: ChainStatus::RootIncluded,
            ..seen(Finding::RootIncluded { root: root_name.into() })
        },
        Seen {
            chain: vec![self_signed()],
            status: ChainStatus::SelfSigned,
            codes: &[(18, 0)],
            ..seen(Finding::SelfSigned { subject: subject.into() })
        },
        Seen {
            status: ChainStatus::UnknownCa,
            codes: &[(20, 1)],
            ..seen(Finding::UnknownCa { root: root_name.into(), presented: false })
        },
        Seen {
            target: "shop2.example.com",
            codes: &[(62, 0)],
            ..seen(Finding::HostnameMismatch {
                asked: "shop2.example.com".into(),
                carries: vec!["shop.example.com".into(), "www.shop.example.com".into()],
                near: NearMiss::SameDomain("shop.example.com".into()),
            })
        },
        Seen {
            status: ChainStatus::IntermediateExpired,
            codes: &[(10, 1)],
            ..seen(Finding::IntermediateExpired {
                subject: issuer.into(),
                not_before: moment("2021-11-20T00:00:00Z"),
                not_after: moment("2026-11-20T00:00:00Z"),
                now,
                is_anchor: false,
            })
        },
        seen(Finding::KeyPossessionFailed),
        Seen {
            chain: vec![Certificate::from_der(b"no certificate")],
            status: ChainStatus::UnreadableCertificate,
            codes: &[(6, 0)],
            ..seen(Finding::UnreadableCertificate { position: 0, reason: "it is no DER".into() })
        },
        Seen { codes: &[(7, 0)], ..seen(Finding::BadSignature { subject: subject.into() }) },
        Seen { codes: &[(66, 0)], ..seen(Finding::WeakKey { subject: subject.into(), key: "RSA 1024".into() }) },
        Seen {
            codes: &[(68, 0)],
            ..seen(Finding::WeakSignature {
                subject: subject.into(),
                algorithm: "sha1WithRSAEncryption".into(),
                hash: Some(HashAlgorithm::Sha1),
            })
        },
        seen(Finding::IntermediateExpiresSoon {
            subject: issuer.into(),
            fingerprint,
            not_after: moment("2026-12-06T00:00:00Z"),
            now,
            severity: Severity::Warning,
            is_anchor: false,
        }),
        seen(Finding::OutlivesIssuer {
            subject: issuer.into(),
            fingerprint,
            not_after: moment("2026-11-27T00:00:00Z"),
            leaf_ends: not_after,
            is_anchor: false,
        }),
        seen(Finding::UnusualKey { subject: subject.into(), key: "EC secp256k1".into() }),
        seen(Finding::MissingSan { common_names: vec!["shop.example.com".into()] }),
        Seen {
            codes: &[(26, 0)],
            ..seen(Finding::MissingServerAuth { subject: subject.into(), uses: vec!["clientAuth".into()] })
        },
        seen(Finding::CaAsLeaf { subject: subject.into(), self_signed: false }),
        seen(Finding::LifetimeTooLong { days: 398, limit: 200 }),
        seen(Finding::FewScts { count: 1, least: 2 }),
        seen(Finding::InternalNames { names: vec!["shop.internal".into(), "10.0.0.7".into()] }),
        seen(Finding::BroadWildcard { names: vec!["*.com".into()] }),
        seen(Finding::PartialWildcard { asked: "shop.example.com".into(), names: vec!["sh*.example.com".into()] }),
        seen(Finding::MustStaple { stapled: Some(false) }),
        Seen {
            chain: vec![self_signed()],
            status: ChainStatus::SelfSigned,
            codes: &[(18, 0)],
            ..seen(Finding::DefaultCertificate { subject: "CN=TRAEFIK DEFAULT CERT".into(), maker })
        },
        seen(Finding::Lint { broken: vec![Broken { lint: lint.name, section: lint.section, subject: subject.into() }] }),
        seen(Finding::SignatureUnchecked {
            subject: subject.into(),
            algorithm: "a signature of the algorithm 1.2.840.113549.1.1.99".into(),
        }),
        Seen { codes: &[(47, 0)], ..seen(Finding::Refused { code: 47, depth: 0 }) },
        failed(&Failure {
            stage: Stage::Handshake,
            kind: FailureKind::Plaintext("http".into()),
            detail: "the server answered in plain HTTP where TLS was expected".into(),
        }),
        failed(&Failure {
            stage: Stage::Connect,
            kind: FailureKind::Refused,
            detail: "connection refused by 192.0.2.10:443".into(),
        }),
        seen(Finding::ClientCertificateWanted),
    ]
}

fn seen(finding: Finding) -> Seen {
    Seen {
        finding,
        target: "shop.example.com",
        address: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10))),
        at: moment("2026-11-22T09:41:07Z"),
        chain: full_chain(),
        status: ChainStatus::Complete,
        codes: &[],
        failure: None,
    }
}

fn failed(failure: &Failure) -> Seen {
    Seen { chain: Vec::new(), status: ChainStatus::None, failure: Some(failure.clone()), ..seen(Finding::of_failure(failure)) }
}

/// As findings name the intermediate.
const ISSUER: &str = "CN=Example Intermediate R1,O=Example Trust,C=DE";
/// And its issuer.
const ROOT: &str = "CN=Example Root X1,O=Example Trust,C=DE";
