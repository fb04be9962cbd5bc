//! Letters about made-up facts: one about each finding, and one of each other kind. `mail preview` shows them, the configuration
//! tries templates on them, and tests hold every one word by word.

mod findings;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    Language, Letter, Links, Login, Secret, Security, Server, Settings, Templates, compose, letter, test_letter, test_message,
};
use crate::{
    answer::Key,
    certificate::Certificate,
    clock::{Timestamp, later},
    diagnosis::{Diagnosis, Expectation, Finding, Found, Issuers, Judged, Repair, Severity, Stores, Trust, Verdict, VerifyError},
    endpoint::Endpoint,
    incident::{Audience, Cause, Incident, IncidentKey, Member, Mending, State, Step, Told},
    monitor::{
        Alive, Case, ClockEvidence, End, Escalation, InPlaceOf, Mended, Notice, NoticeKind, Own, OwnFault, OwnKind, Policy,
        Rollout, Standing, StateTrouble, Watch,
    },
    observation::{Chain, Handshake, Observation, Outcome, Possession, Tls},
};
use findings::Seen;

/// A notice that might have been.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What it is asked for by: a finding's code, or a word for another kind of letter.
    pub name: &'static str,
    /// The notice.
    pub notice: Notice,
}

/// All of them: the findings in the order of [`Finding::CODES`], then the other kinds.
pub fn samples() -> Vec<Sample> {
    let mut samples: Vec<Sample> = findings::all().iter().map(of_finding).collect();
    samples.extend(others());
    samples
}

/// A mail that might have been.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The sample's name, or `test`.
    pub name: &'static str,
    /// To whom.
    pub recipient: String,
    /// What they read.
    pub letter: Letter,
    /// What travels.
    pub message: Vec<u8>,
}

/// Every mail by these settings: the samples, and the one that tells whether mails arrive.
pub fn mails(settings: &Settings) -> Vec<Mail> {
    let mail = |sample: Sample| Mail {
        name: sample.name,
        letter: letter(&sample.notice, settings),
        message: compose(&sample.notice, settings).message,
        recipient: sample.notice.recipient,
    };
    let mut mails: Vec<Mail> = samples().into_iter().map(mail).collect();
    let (recipient, at) = ("ops@example.com", moment("2026-11-22T09:42:00Z"));
    mails.push(Mail {
        name: "test",
        recipient: recipient.into(),
        letter: test_letter(settings, recipient, at),
        message: test_message(settings, recipient, at).message,
    });
    mails
}

/// Links that lead nowhere: nobody takes what they are signed with.
pub fn links(url: Arc<str>) -> Links {
    Links { url, key: Key::new(&[0; Key::LENGTH]) }
}

/// Settings for letters that are not sent.
pub fn settings() -> Settings {
    let login = Login { username: "alerts".into(), password: Secret("not-shown".into()) };
    let server = Server { host: "smtp.example.com".into(), port: 587, tls: Security::Starttls, login: Some(login), roots: None };
    Settings {
        server,
        from: "certvigil <alerts@example.com>".into(),
        to: vec!["ops@example.com".into()],
        fallback: Vec::new(),
        alive: None,
        language: Language::default(),
        languages: BTreeMap::new(),
        templates: Templates::default(),
        links: None,
    }
}

fn of_finding(seen: &Seen) -> Sample {
    let kind = match seen.finding.code() {
        "expired" | "expires_soon" => NoticeKind::Expiry,
        "missing_intermediate" => NoticeKind::Chain,
        _ => NoticeKind::Problem,
    };
    let at = seen.at;
    let mut notice = notice(kind, vec![seen.clone().into_case()]);
    notice.at = later(at, Duration::from_secs(53));
    Sample { name: seen.finding.code(), notice }
}

fn others() -> Vec<Sample> {
    let chain = || findings::of("missing_intermediate");
    let mended = || vec![chain().mended()];
    let several = || {
        let codes = ["missing_intermediate", "expires_soon", "wrong_order", "hostname_mismatch"];
        codes.into_iter().map(|code| findings::of(code).into_case()).collect::<Vec<_>>()
    };
    let meanwhile = Mended { code: "expired".into(), endpoint: "mail.example.com:465".into(), others: 2 };
    let written_to = || Policy { write_to_admin: true, ..policy() };
    vec![
        Sample { name: "chain-to-admin", notice: to_admin(notice(NoticeKind::Chain, vec![chain().into_case()])) },
        Sample {
            name: "chain-was-sent",
            notice: notice(NoticeKind::Chain, vec![chain().under("shop.example.com", written_to())]),
        },
        Sample {
            name: "several-endpoints",
            notice: notice(
                NoticeKind::Expiry,
                ["shop.example.com", "www.shop.example.com", "api.shop.example.com:8443"]
                    .map(|target| findings::of("expires_soon").under(target, policy()))
                    .into(),
            ),
        },
        Sample {
            name: "escalated",
            notice: escalated(notice(NoticeKind::Problem, vec![findings::of("wrong_order").into_case()])),
        },
        Sample { name: "escalated-chain", notice: escalated(notice(NoticeKind::Chain, vec![chain().into_case()])) },
        Sample { name: "roll-out", notice: notice(NoticeKind::Expiry, vec![rolled_out()]) },
        Sample { name: "overdue", notice: notice(NoticeKind::Expiry, vec![findings::overdue()]) },
        Sample { name: "not-mine", notice: declined(notice(NoticeKind::Problem, vec![findings::of("wrong_order").into_case()])) },
        Sample { name: "resolved", notice: resolved(notice(NoticeKind::Resolved, mended())) },
        Sample { name: "resolved-to-admin", notice: to_admin(resolved(notice(NoticeKind::Resolved, mended()))) },
        Sample { name: "summary", notice: notice(NoticeKind::Summary, several()) },
        Sample { name: "digest", notice: Notice { mended: vec![meanwhile], ..notice(NoticeKind::Digest, several()) } },
        Sample {
            name: "in-place-of-a-channel",
            notice: in_place_of("channel:chat", notice(NoticeKind::Problem, several()[2..3].into())),
        },
        Sample { name: "in-place-of-somebody", notice: in_place_of("team@example.com", notice(NoticeKind::Digest, several())) },
        Sample { name: "own-network", notice: ours(OwnKind::Network, None) },
        Sample {
            name: "own-clock",
            notice: clock("2028-12-01T04:00:00Z", ClockEvidence::Ended(moment("2026-11-22T09:39:00Z")), None),
        },
        Sample {
            name: "own-clock-over",
            notice: clock(
                "1970-01-01T00:00:21Z",
                ClockEvidence::BeforeBuild(moment("2026-11-01T00:00:00Z")),
                Some(moment("2026-11-22T10:24:10Z")),
            ),
        },
        Sample { name: "own-trust", notice: ours(OwnKind::Trust, None) },
        Sample { name: "own-trust-over", notice: ours(OwnKind::Trust, Some(moment("2026-11-22T10:24:10Z"))) },
        Sample { name: "own-resolver-over", notice: ours(OwnKind::Resolver, Some(moment("2026-11-22T10:24:10Z"))) },
        Sample { name: "state-trouble", notice: state(None, false) },
        Sample { name: "state-trouble-over", notice: state(Some(moment("2026-11-22T10:24:10Z")), false) },
        Sample { name: "state-set-aside", notice: state(None, true) },
        Sample { name: "alive", notice: alive(&[]) },
        Sample { name: "alive-in-trouble", notice: alive(&["the state cannot be written: the disk is full"]) },
    ]
}

/// Read by somebody who stands in.
fn in_place_of(recipient: &str, notice: Notice) -> Notice {
    let why = if recipient.contains('@') { "550 5.1.1 no such user here" } else { "it answers 404 Not Found" };
    let refused = InPlaceOf { recipient: recipient.into(), why: why.into() };
    Notice { recipient: "ops@example.com".into(), in_place_of: Some(Arc::new(refused)), ..notice }
}

/// A new certificate that was forgotten at one of four addresses.
fn rolled_out() -> Case {
    let case = findings::of("expires_soon").into_case();
    let rollout = Rollout { renewed: 3, of: 4, old: case.member.addresses.clone(), alternates: false };
    Case { rollout: Some(rollout), ..case }
}

/// Our own network or resolver is the likely fault, or was.
fn ours(kind: OwnKind, until: Option<Timestamp>) -> Notice {
    let hows = match kind {
        OwnKind::Trust => [("ISRG Root X1", 512), ("DigiCert Global Root G2", 300)],
        OwnKind::Network => [("timeout at connect", 806), ("unreachable at connect", 6)],
        _ => [("timeout at resolve", 806), ("dns failure at resolve", 6)],
    };
    let failures = hows.map(|(how, endpoints)| (how.to_owned(), endpoints)).into();
    let since = moment("2026-11-22T09:39:00Z");
    let lasted = until.map_or(Duration::ZERO, |until| until.duration_since(since).unsigned_abs());
    about_us(OwnFault { kind, since, until, lasted, lost: 812, of: 830, failures, clock: None })
}

/// The local clock is in doubt, or was.
fn clock(shows: &str, clock: ClockEvidence, until: Option<Timestamp>) -> Notice {
    let (lost, of) = if matches!(clock, ClockEvidence::NotYetValid | ClockEvidence::Ended(_)) { (24, 31) } else { (0, 0) };
    let lasted = until.map_or(Duration::ZERO, |_| Duration::from_mins(42));
    let (kind, since, failures) = (OwnKind::Clock, moment(shows), Vec::new());
    about_us(OwnFault { kind, since, until, lasted, lost, of, failures, clock: Some(clock) })
}

fn about_us(fault: OwnFault) -> Notice {
    let until = fault.until;
    Notice {
        recipient: "ops@example.com".into(),
        own: Some(Own::Fault(Arc::new(fault))),
        at: until.unwrap_or(moment("2026-11-22T09:42:00Z")),
        ..notice(NoticeKind::OwnFault, Vec::new())
    }
}

/// The state cannot be written, can be again, or was damaged.
fn state(until: Option<Timestamp>, is_set_aside: bool) -> Notice {
    let why = if is_set_aside {
        "/var/lib/certvigil/certvigil.db.damaged-1795340460"
    } else {
        "the state cannot be written: no room to write /var/lib/certvigil/certvigil.db"
    };
    let trouble = StateTrouble { since: moment("2026-11-22T09:41:00Z"), until, why: why.into(), is_set_aside };
    Notice {
        recipient: "ops@example.com".into(),
        own: Some(Own::State(Arc::new(trouble))),
        at: until.unwrap_or(moment("2026-11-22T09:42:00Z")),
        ..notice(NoticeKind::OwnFault, Vec::new())
    }
}

/// certvigil watches.
fn alive(troubles: &[&str]) -> Notice {
    let standing = |code: &str, severity, endpoint: &str, others, since| Standing {
        code: code.into(),
        severity,
        endpoint: endpoint.into(),
        others,
        since: moment(since),
    };
    let end = |at, endpoint: &str, others| End { at: moment(at), endpoint: endpoint.into(), others };
    let alive = Alive {
        endpoints: 812,
        open: BTreeMap::from([(Severity::Warning, 1), (Severity::Critical, 2)]),
        worst: vec![
            standing("expired", Severity::Critical, "mail.example.com:465", 2, "2026-11-21T04:00:00Z"),
            standing("missing_intermediate", Severity::Critical, "shop.example.com:443", 0, "2026-11-20T08:00:00Z"),
            standing("expires_soon", Severity::Warning, "www.example.com:443", 141, "2026-11-19T12:00:00Z"),
        ],
        visits: 136_416,
        mails: (9, u64::from(!troubles.is_empty())),
        since: moment("2026-11-16T08:00:00Z"),
        waiting: troubles.len(),
        silences: 1,
        ends: vec![
            end("2026-11-28T12:00:00Z", "shop.example.com:443", 0),
            end("2026-12-10T12:00:00Z", "www.example.com:443", 141),
        ],
        troubles: troubles.iter().map(ToString::to_string).collect(),
        next: moment("2026-11-30T08:00:00Z"),
    };
    Notice {
        id: "alive.20261123.owner.5c3a".into(),
        recipient: "ops@example.com".into(),
        own: Some(Own::Alive(Arc::new(alive))),
        at: moment("2026-11-23T08:00:00Z"),
        ..notice(NoticeKind::Alive, Vec::new())
    }
}

/// The same, in the thread of the letter that it ends.
fn resolved(mut notice: Notice) -> Notice {
    notice.id = "i-20261120-7.resolved.owner.5c3a".into();
    notice.thread = Some("i-20261120-7.missing-intermediate-critical.owner.5c3a".into());
    notice
}

/// The same to somebody who hears of it because nobody has mended it.
fn escalated(mut notice: Notice) -> Notice {
    let boss = "head-of-it@example.com";
    for case in &mut notice.cases {
        let watch = Arc::make_mut(&mut case.watch);
        Arc::make_mut(&mut watch.policy).escalation =
            [Escalation { after: Duration::from_hours(48), to: vec![boss.into()] }].into();
        let told = Told {
            recipient: notice.recipient.clone(),
            audience: Audience::Owner,
            stage: case.member.stage(),
            thread: notice.id.clone(),
            at: moment("2026-11-20T08:05:10Z"),
            round: 1,
        };
        Arc::make_mut(&mut case.incident).told = vec![told];
    }
    notice.recipient = boss.into();
    notice
}

/// The same to the operators, as its owner says that it is not theirs.
fn declined(mut notice: Notice) -> Notice {
    for case in &mut notice.cases {
        Arc::make_mut(&mut case.incident).declined = vec![notice.recipient.clone()];
    }
    notice.recipient = "ops@example.com".into();
    notice
}

fn to_admin(mut notice: Notice) -> Notice {
    notice.audience = Audience::Admin;
    notice.recipient = "hostmaster@example.com".into();
    notice.reply_to = vec!["shop-team@example.com".into()];
    notice
}

fn notice(kind: NoticeKind, cases: Vec<Case>) -> Notice {
    let code = cases.first().map_or_else(String::new, |case| case.member.code.replace('_', "-"));
    Notice {
        id: format!("i-20261120-7.{code}.owner.5c3a"),
        kind,
        recipient: "shop-team@example.com".into(),
        audience: Audience::Owner,
        reply_to: Vec::new(),
        thread: None,
        at: moment("2026-11-22T09:42:00Z"),
        cases,
        own: None,
        in_place_of: None,
        mended: Vec::new(),
    }
}

fn policy() -> Policy {
    Policy { owners: vec!["shop-team@example.com".into()], admins: vec!["hostmaster@example.com".into()], ..Policy::default() }
}

impl Seen {
    fn into_case(self) -> Case {
        let target = self.target;
        self.under(target, policy())
    }

    /// The case of it at this target.
    fn under(self, target: &str, policy: Policy) -> Case {
        let target = target.parse().expect("a sample's target is sound");
        let endpoint = Endpoint::new(target);
        let trust = Arc::new(Trust::new(vec![root()]));
        let watch = Watch {
            expectation: Expectation { host: Some(endpoint.server_name.clone()), ..Expectation::default() },
            endpoint,
            stores: Arc::new(Stores { system: Arc::clone(&trust), mozilla: Arc::clone(&trust) }),
            trust,
            policy: policy.into(),
        };
        let name = Arc::clone(&watch.endpoint.name);
        let key = IncidentKey { topic: self.finding.topic(), cause: Cause::Endpoint(Arc::clone(&name)) };
        let member = Member {
            endpoint: Arc::clone(&name),
            key: key.clone(),
            code: self.finding.code().into(),
            severity: self.finding.severity(),
            step: Step::default(),
            state: State::Open,
            summary: self.finding.summary(),
            addresses: self.address.iter().map(ToString::to_string).collect(),
            since: moment("2026-11-20T08:00:00Z"),
            last_seen: self.at,
            heard: Vec::new(),
        };
        Case {
            incident: Arc::new(Incident::begin(key, &name, member.since)),
            member: Arc::new(member),
            watch: Arc::new(watch),
            seen: vec![Arc::new(self.judged())],
            rollout: None,
            habit: None,
        }
    }

    /// The case after its end: the visit that proves it.
    fn mended(self) -> Case {
        let healthy = Seen { chain: full_chain(), codes: &[], ..findings::of("root_included") };
        let mut healthy = healthy.judged();
        Arc::make_mut(&mut healthy.diagnosis).findings.clear();
        let mut case = self.into_case();
        let member = Arc::make_mut(&mut case.member);
        member.last_seen = moment("2026-11-22T08:41:07Z");
        member.state = State::Mended(moment("2026-11-22T09:41:07Z"), Mending::Completed);
        case.seen = vec![Arc::new(healthy)];
        case
    }

    fn judged(self) -> Judged {
        let outcome = match (self.failure, Chain::new(self.chain.clone())) {
            (None, Some(chain)) => Outcome::Handshake(Handshake {
                chain,
                tls: Tls {
                    version: "TLSv1.3".into(),
                    cipher: "TLS_AES_256_GCM_SHA384".into(),
                    group: "X25519MLKEM768".into(),
                    ..Tls::default()
                }
                .into(),
                possession: Possession::Proven,
                wants_client_certificate: self.finding == Finding::ClientCertificateWanted,
                broken_off: None,
            }),
            (failure, _) => Outcome::Failure(failure.expect("a sample has a chain or a failure")),
        };
        let is_failure = matches!(outcome, Outcome::Failure(_));
        let errors = self.codes.iter().map(|(code, depth)| VerifyError { code: *code, depth: *depth }).collect();
        let verdict = Verdict { errors, path_length: self.chain.len() };
        let is_gap = matches!(self.finding, Finding::MissingIntermediate { .. });
        let repair = is_gap.then(|| {
            Box::new(Repair {
                chain: full_chain(),
                added: vec![intermediate()],
                source: "http://ca.example.com/r1.cer gave it".into(),
                verdict: Verdict::default(),
                served: verdict.clone(),
                server: None,
            })
        });
        Judged {
            observation: Observation::new(self.address, self.at, outcome),
            diagnosis: Arc::new(Diagnosis {
                verdict: (!is_failure).then_some(verdict),
                chain_status: self.status,
                findings: vec![Found { finding: self.finding, accepted: false }],
                repair,
                borrowed: if is_gap {
                    Issuers { certificates: vec![intermediate()], tried: String::new() }
                } else {
                    Issuers::default()
                },
            }),
        }
    }
}

fn moment(text: &str) -> Timestamp {
    text.parse().expect("a sample's moment is sound")
}

/// The leaf and its intermediate.
fn full_chain() -> Vec<Arc<Certificate>> {
    vec![leaf(), intermediate()]
}

fn leaf() -> Arc<Certificate> {
    certificate(include_str!("leaf.pem"))
}

fn intermediate() -> Arc<Certificate> {
    certificate(include_str!("intermediate.pem"))
}

fn root() -> Arc<Certificate> {
    certificate(include_str!("root.pem"))
}

fn self_signed() -> Arc<Certificate> {
    certificate(include_str!("self-signed.pem"))
}

fn certificate(text: &str) -> Arc<Certificate> {
    Certificate::from_der(pem::parse(text).expect("a sample's certificate is sound").contents())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_has_its_letter_and_every_letter_its_name() {
        let samples = samples();
        let names: Vec<_> = samples.iter().map(|sample| sample.name).collect();
        assert_eq!(names[..Finding::CODES.len()], *Finding::CODES);
        let mut unique = names.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), names.len(), "{names:?}");
        for kind in NoticeKind::ALL {
            assert!(samples.iter().any(|sample| sample.notice.kind == kind), "no sample of {kind:?}");
        }
    }

    #[test]
    fn no_sample_names_anything_that_somebody_owns() {
        for sample in samples() {
            for case in &sample.notice.cases {
                let host = case.watch.endpoint.target.host.to_string();
                assert!(host == "example.com" || host.ends_with(".example.com"), "{}: {host}", sample.name);
            }
        }
    }
}
