//! Snapshots made by hand, with real certificates, for this module's tests.

use core::net::IpAddr;
use std::{sync::Arc, time::Duration};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SerialNumber, date_time_ymd};
use tokio::sync::watch;

use super::{Desk, Locks, OwnMetrics, Pulse, Rules, Settings};
use crate::{
    certificate::{Certificate, Fingerprint},
    clock::{Timestamp, earlier, later},
    diagnosis::{
        ChainStatus, Diagnosis, Expectation, Extra, ExtraKind, Finding, Found, Issuers, Judged, Severity, Verdict, VerifyError,
    },
    endpoint::Endpoint,
    incident::{Acknowledged, Cause, Incident, IncidentKey, Member, State, Step},
    monitor::{
        AddressView, EndpointView, Glob, Histogram, IncidentView, MailResult, NoticeKind, OutboxView, Policy, ReloadView,
        Selector, Silence, Snapshot, WaitingView, Watch,
    },
    observation::{Chain, Failure, FailureKind, Handshake, Observation, Outcome, Possession, Stage, Tls},
};

/// What a stranger, or a careless owner, may put anywhere.
pub(super) const HOSTILE: &str = "<script>alert('x')</script>\"\\\n\u{202e}& {a=\"b\"} 1";

/// The moment of every sample.
pub(super) fn now() -> Timestamp {
    "2026-11-22T09:42:00Z".parse().expect("a moment")
}

/// A chain of leaf and intermediate whose every octet that we show is the same each time.
pub(super) fn chain(name: &str, year: i32, month: u8, day: u8) -> Chain {
    let ca_key = KeyPair::generate().expect("key");
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(DnType::CommonName, "Sample CA 1");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.serial_number = Some(SerialNumber::from(vec![2]));
    (ca.not_before, ca.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2030, 1, 1));
    let ca_certificate = ca.self_signed(&ca_key).expect("CA");
    let issuer = Issuer::new(ca, ca_key);
    let mut leaf = CertificateParams::new(["a.example".into()]).expect("names");
    leaf.distinguished_name.push(DnType::CommonName, name);
    leaf.serial_number = Some(SerialNumber::from(vec![0x0a, 0x0b]));
    (leaf.not_before, leaf.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(year, month, day));
    let leaf = leaf.signed_by(&KeyPair::generate().expect("key"), &issuer).expect("leaf");
    let fixed = |der: &[u8], octet| {
        let certificate = Certificate::from_der(der);
        Arc::new(Certificate { fingerprint: Fingerprint([octet; 32]), ..(*certificate).clone() })
    };
    Chain::new(vec![fixed(leaf.der(), 0xaa), fixed(ca_certificate.der(), 0xbb)]).expect("two certificates")
}

/// A visit that saw `chain`.
pub(super) fn saw(address: &str, chain: &Chain, status: ChainStatus, code: u16, findings: Vec<Finding>) -> Arc<Judged> {
    let tls = Tls {
        version: "TLSv1.3".into(),
        cipher: "TLS_AES_256_GCM_SHA384".into(),
        group: "X25519MLKEM768".into(),
        alpn: None,
        stapled: None,
    };
    let wants_client_certificate = false;
    let handshake = Handshake {
        chain: chain.clone(),
        tls: tls.into(),
        possession: Possession::Proven,
        wants_client_certificate,
        broken_off: None,
    };
    let errors = if code == 0 { Vec::new() } else { vec![VerifyError { code, depth: 0 }] };
    Arc::new(Judged {
        observation: Observation {
            address: Some(address.parse().expect("an address")),
            at: now(),
            outcome: Outcome::Handshake(handshake),
            timing: [(Stage::Connect, Duration::from_millis(3))].into_iter().collect(),
            said: [].into(),
        },
        diagnosis: Arc::new(Diagnosis {
            verdict: Some(Verdict { errors, path_length: 3 }),
            chain_status: status,
            findings: findings.into_iter().map(|finding| Found { finding, accepted: false }).collect(),
            repair: None,
            borrowed: Issuers::default(),
        }),
    })
}

/// A visit that saw none.
pub(super) fn failed(address: Option<&str>, stage: Stage, kind: FailureKind, detail: &str) -> Arc<Judged> {
    let failure = Failure { stage, kind, detail: detail.into() };
    Arc::new(Judged {
        diagnosis: Arc::new(Diagnosis {
            verdict: None,
            chain_status: ChainStatus::None,
            findings: vec![Found { finding: Finding::of_failure(&failure), accepted: false }],
            repair: None,
            borrowed: Issuers::default(),
        }),
        observation: Observation::new(address.map(|text| text.parse().expect("an address")), now(), Outcome::Failure(failure)),
    })
}

/// What is known of one address.
pub(super) fn address(known: Option<Arc<Judged>>, failed: Option<Arc<Judged>>) -> AddressView {
    let last = failed.as_ref().or(known.as_ref()).expect("a visit");
    let address = last.observation.address;
    // Before it failed.
    let aged = |mut judged: Arc<Judged>| {
        Arc::make_mut(&mut judged).observation.at = earlier(now(), Duration::from_hours(2));
        judged
    };
    let known = if failed.is_some() { known.map(aged) } else { known };
    AddressView { address, known, failed }
}

/// An endpoint of this name and target.
pub(super) fn endpoint(name: &str, target: &str, labels: &[(&str, &str)], addresses: Vec<AddressView>) -> Arc<EndpointView> {
    let endpoint = Endpoint { name: name.into(), ..Endpoint::new(target.parse().expect("a target")) };
    let labels = labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let watch = Watch {
        endpoint,
        expectation: Expectation::default(),
        trust: Arc::default(),
        stores: Arc::default(),
        policy: Policy { labels, owners: vec!["secret-owner@example.org".into()], ..Policy::default() }.into(),
    };
    Arc::new(EndpointView { watch: Arc::new(watch), addresses, renewals: Vec::new() })
}

/// A snapshot of these endpoints, with nothing else in it.
pub(super) fn snapshot(endpoints: Vec<Arc<EndpointView>>) -> Snapshot {
    let mut lag = Histogram::new(&[0.1, 1.0, 10.0]);
    lag.observe(Duration::from_millis(500));
    Snapshot {
        at: now(),
        started: earlier(now(), Duration::from_hours(1)),
        endpoints,
        index: Arc::default(),
        incidents: Vec::new(),
        silences: Vec::new(),
        held: (0, None),
        outbox: OutboxView::default(),
        reload: ReloadView { successful: true, success_at: earlier(now(), Duration::from_hours(1)) },
        lag,
        canaries: Vec::new(),
        own_faults: Vec::new(),
        lost_visits: 0,
        troubles: Vec::new(),
    }
}

/// What is served of it, by a daemon without state and without mail.
pub(super) fn state(snapshot: Snapshot) -> super::State {
    let (_, snapshots) = watch::channel(Arc::new(snapshot));
    let (_, mail) = watch::channel(None);
    let listen = vec!["127.0.0.1:0".parse().expect("a place")];
    let settings = Settings { listen, public_url: None, watch_certificate: true, rules: Rules::default() };
    let locks = Arc::new(Locks::new(&settings));
    let (own, pulse, desk) = (Arc::new(OwnMetrics::new()), Arc::new(Pulse::new()), Arc::new(Desk::new().0));
    super::State { snapshots, own, pulse, answers: None, locks, desk, strangers: None, archive: None, mail }
}

/// One sound endpoint and one whose name does not resolve.
pub(super) fn small() -> Snapshot {
    let good = saw("192.0.2.1", &chain("a.example", 2027, 1, 1), ChainStatus::Complete, 0, Vec::new());
    let gone = failed(None, Stage::Resolve, FailureKind::NameNotFound, "gone.example does not exist");
    snapshot(vec![
        endpoint("a", "a.example", &[("team", "web")], vec![address(Some(good), None)]),
        endpoint("gone.example:25", "smtp://gone.example", &[], vec![address(None, Some(gone))]),
    ])
}

/// A bit of everything that can go wrong, with hostile texts wherever texts are.
pub(super) fn fleet() -> Snapshot {
    let hostile = || HOSTILE.to_owned();
    let sound = chain("shop.example", 2027, 1, 12);
    let soon = chain("mail.example", 2026, 11, 27);
    let evil = chain(HOSTILE, 2026, 12, 9);
    let missing = || Finding::MissingIntermediate { missing: vec!["Sample CA 1".into()], after: "mail.example".into() };
    let expiring = || Finding::ExpiresSoon {
        not_after: "2026-11-27T00:00:00Z".parse().expect("a moment"),
        now: now(),
        severity: Severity::Critical,
    };
    let weak = |key: &str| Finding::WeakKey { subject: hostile(), key: key.into() };
    let timeout = |at| failed(Some(at), Stage::Connect, FailureKind::Timeout, &format!("no answer from {HOSTILE}"));
    let mut accepted =
        (*saw("2001:db8::5", &evil, ChainStatus::SelfSigned, 18, vec![Finding::SelfSigned { subject: hostile() }])).clone();
    Arc::make_mut(&mut accepted.diagnosis).findings[0].accepted = true;
    let unreadable = Chain::new(vec![Certificate::from_der(b"no certificate")]).expect("one");
    let unread = Finding::UnreadableCertificate { position: 0, reason: hostile() };
    let long = Chain { leaf: Arc::clone(&sound.leaf), rest: vec![Arc::clone(&sound.rest[0]); 40].into() };
    let extra = Finding::ExtraCertificates { extra: vec![Extra { subject: "Sample CA 1".into(), kind: ExtraKind::Unrelated }] };
    let mail = vec![
        address(Some(saw("192.0.2.7", &soon, ChainStatus::MissingIntermediate, 21, vec![missing(), expiring()])), None),
        address(Some(saw("2001:db8::7", &sound, ChainStatus::Complete, 0, Vec::new())), None),
    ];
    let mut snapshot = snapshot(vec![
        endpoint(
            "shop",
            "https://shop.example",
            &[("team", "web"), ("tier", "1")],
            vec![address(Some(saw("192.0.2.1", &sound, ChainStatus::Complete, 0, Vec::new())), None)],
        ),
        endpoint("mail", "submission://mail.example", &[("team", "mail")], mail),
        endpoint(
            "down",
            "down.example:8443",
            &[],
            vec![address(Some(saw("192.0.2.3", &sound, ChainStatus::Complete, 0, Vec::new())), Some(timeout("192.0.2.3")))],
        ),
        endpoint(
            HOSTILE,
            "evil.example",
            &[(HOSTILE, HOSTILE), ("a-b", "1"), ("a.b", "2")],
            vec![
                address(Some(saw("192.0.2.4", &evil, ChainStatus::Complete, 66, vec![weak("RSA 1024"), weak("RSA 512")])), None),
                address(Some(Arc::new(accepted)), None),
            ],
        ),
        endpoint(
            "unreadable",
            "unreadable.example",
            &[],
            vec![address(Some(saw("192.0.2.6", &unreadable, ChainStatus::UnreadableCertificate, 1, vec![unread])), None)],
        ),
        endpoint(
            "long",
            "long.example",
            &[],
            vec![address(Some(saw("192.0.2.8", &long, ChainStatus::ExtraCertificates, 0, vec![extra])), None)],
        ),
        endpoint(
            "gone",
            "gone.example",
            &[],
            vec![address(None, Some(failed(None, Stage::Resolve, FailureKind::NameNotFound, "gone.example does not exist")))],
        ),
        endpoint("new", "new.example", &[], Vec::new()),
    ]);
    let incident = |endpoint: &str, finding: &Finding, state| {
        let key = IncidentKey { topic: finding.topic(), cause: Cause::Endpoint(endpoint.into()) };
        let member = Member {
            endpoint: endpoint.into(),
            key: key.clone(),
            code: finding.code().into(),
            severity: finding.severity(),
            step: Step::default(),
            state,
            summary: finding.summary(),
            addresses: vec!["192.0.2.7".into()],
            since: earlier(now(), Duration::from_hours(24)),
            last_seen: now(),
            heard: Vec::new(),
        };
        IncidentView {
            incident: Arc::new(Incident::begin(key, endpoint, member.since)),
            silenced: [].into(),
            members: vec![Arc::new(member)],
        }
    };
    let unreachable = Finding::of_failure(timeout("192.0.2.3").observation.failure().expect("a failure"));
    snapshot.incidents = vec![
        incident("down", &unreachable, State::Suspected(2)),
        incident("mail", &missing(), State::Open),
        incident("mail", &expiring(), State::Open),
        incident(HOSTILE, &weak("RSA 512"), State::Open),
    ];
    let silence = Arc::new(Silence {
        id: "1f3a5c70".into(),
        selector: Selector { endpoints: vec![Glob::new(HOSTILE)], ..Selector::default() },
        findings: Vec::new(),
        since: now(),
        until: later(now(), Duration::from_hours(4)),
        but_last_day: false,
        by: hostile(),
        reason: hostile(),
    });
    let stage = snapshot.incidents[1].members[0].stage();
    let incident = Arc::make_mut(&mut snapshot.incidents[1].incident);
    incident.acknowledged = Some(Acknowledged { by: "mail-team@example.com".into(), at: now(), stage });
    incident.declined = vec![HOSTILE.into()];
    snapshot.incidents[3].silenced.insert(HOSTILE.into(), Arc::clone(&silence));
    snapshot.silences = vec![silence];
    snapshot.outbox = OutboxView {
        length: 1,
        oldest: Some(earlier(now(), Duration::from_mins(10))),
        sent: vec![(NoticeKind::Expiry, MailResult::Delivered, 3), (NoticeKind::Chain, MailResult::Deferred, 1)],
        channels: vec![("hook".into(), NoticeKind::Chain, MailResult::Refused, 2)],
        waiting: vec![WaitingView {
            kind: NoticeKind::Chain,
            recipient: format!("{HOSTILE}@example.org"),
            at: earlier(now(), Duration::from_mins(10)),
            deferrals: 3,
            next: Some(later(now(), Duration::from_mins(4))),
            state: "waits",
        }],
    };
    snapshot.troubles = vec!["the mail server mail.example:587 cannot be reached: connection refused".into(), hostile()];
    snapshot.reload.successful = false;
    snapshot
}

/// Many sound endpoints with two addresses each.
pub(super) fn large(count: u32) -> Snapshot {
    let sound = chain("a.example", 2027, 1, 1);
    let visit = |ip: IpAddr| address(Some(saw(&ip.to_string(), &sound, ChainStatus::Complete, 0, Vec::new())), None);
    let of = |i: u32| {
        let host = format!("host-{i}.example");
        endpoint(
            &host,
            &host,
            &[],
            vec![visit(IpAddr::from((0x0a00_0000 + i).to_be_bytes())), visit(IpAddr::from((0x0b00_0000 + i).to_be_bytes()))],
        )
    };
    snapshot((0..count).map(of).collect())
}
