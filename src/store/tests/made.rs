//! Things to store.

use std::{sync::Arc, time::Duration};

use crate::{
    certificate::{Certificate, Fingerprint},
    clock::Timestamp,
    diagnosis::{ChainStatus, Diagnosis, Issuers, Judged, Severity, Topic},
    incident::{Acknowledged, Audience, Cause, Incident, IncidentKey, Member, State, Step, Told},
    monitor::{NoticeKind, Record},
    observation::{Chain, Failure, FailureKind, Handshake, Observation, Outcome, Possession, Stage, Tls},
    store::Mail,
};

pub(super) fn moment(text: &str) -> Timestamp {
    text.parse().expect("RFC 3339")
}

/// A real certificate for this name.
pub(super) fn certificate(name: &str) -> Arc<Certificate> {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).expect("a plain name");
    Certificate::from_der(made.cert.der())
}

pub(super) fn handshake(address: &str, at: &str, chain: Vec<Arc<Certificate>>) -> Observation {
    Observation {
        address: Some(address.parse().expect("an address")),
        at: moment(at),
        outcome: Outcome::Handshake(Handshake {
            chain: Chain::new(chain).expect("not empty"),
            tls: Tls {
                version: "TLSv1.3".into(),
                cipher: "TLS_AES_256_GCM_SHA384".into(),
                group: "X25519MLKEM768".into(),
                alpn: Some("h2".into()),
                stapled: None,
            }
            .into(),
            possession: Possession::Proven,
            wants_client_certificate: false,
            broken_off: None,
        }),
        timing: [(Stage::Resolve, Duration::from_micros(1)), (Stage::Handshake, Duration::from_millis(20))].into_iter().collect(),
        said: [].into(),
    }
}

pub(super) fn failure(address: Option<&str>, at: &str, kind: FailureKind) -> Observation {
    Observation {
        address: address.map(|address| address.parse().expect("an address")),
        at: moment(at),
        outcome: Outcome::Failure(Failure { stage: Stage::Connect, kind, detail: "refused by 192.0.2.1:443".into() }),
        timing: [(Stage::Connect, Duration::from_micros(7))].into_iter().collect(),
        said: [].into(),
    }
}

/// The observation as a visit brings it: of the diagnosis only what was borrowed matters here.
pub(super) fn judged(observation: Observation, borrowed: Issuers) -> Arc<Judged> {
    let (findings, chain_status) = (Vec::new(), ChainStatus::None);
    let diagnosis = Diagnosis { verdict: None, chain_status, findings, repair: None, borrowed };
    Arc::new(Judged { observation, diagnosis: diagnosis.into() })
}

pub(super) fn observed(endpoint: &str, observation: &Observation) -> Record {
    let judged = judged(observation.clone(), Issuers::default());
    Record::Observed { endpoint: endpoint.into(), place: PLACE.into(), judged }
}

pub(super) fn key(topic: Topic) -> IncidentKey {
    IncidentKey { topic, cause: Cause::Certificate(Fingerprint::of(b"its DER")) }
}

pub(super) fn member(endpoint: &str, topic: Topic, state: State) -> Member {
    Member {
        endpoint: endpoint.into(),
        key: key(topic),
        code: "expires_soon".into(),
        severity: Severity::Warning,
        step: Step::default(),
        state,
        summary: "it ends \"soon\"; DROP TABLE incident".into(),
        addresses: vec!["192.0.2.1".into(), "2001:db8::1".into()],
        since: moment("2026-11-01T00:00:00Z"),
        last_seen: moment("2026-11-22T10:00:00.123456789Z"),
        heard: vec!["ops@example.com".into()],
    }
}

pub(super) fn incident(topic: Topic) -> Incident {
    Incident {
        id: format!("{}-1", topic.name()),
        key: key(topic),
        since: moment("2026-11-01T00:00:00Z"),
        told: vec![
            Told {
                recipient: "ops@example.com".into(),
                audience: Audience::Owner,
                stage: "expires_soon/warning".into(),
                thread: "t1".into(),
                at: moment("2026-11-01T00:05:00Z"),
                round: 1,
            },
            Told {
                recipient: "a@example.org".into(),
                audience: Audience::Admin,
                stage: "x/critical".into(),
                thread: "t2".into(),
                at: moment("2026-11-03T00:00:00Z"),
                round: 3,
            },
        ],
        acknowledged: Some(Acknowledged {
            by: "ops@example.com".into(),
            at: moment("2026-11-05T10:00:00Z"),
            stage: "expires_soon/warning".into(),
        }),
        declined: vec!["a@example.org".into()],
    }
}

pub(super) fn mail(id: &str, kind: NoticeKind, at: &str) -> Mail {
    let message = Arc::from(&b"From: a@example.com\r\n\r\n\xc3\xa4\x00\r\n"[..]);
    Mail { id: id.into(), kind, recipient: "ops@example.com".into(), at: moment(at), message }
}

/// Where everything made here was seen.
pub(super) const PLACE: &str = "a.example:443|a.example|all";
