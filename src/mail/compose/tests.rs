//! Every letter word by word (`tests/fixtures/letters`), and what strangers' names cannot do to it.

macro_rules! golden {
    ($name:expr, $text:expr) => {
        insta::with_settings!({
            snapshot_path => "../../../tests/fixtures/letters",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, { assert_snapshot!($name, $text) });
    };
}

mod answers;
mod clients;
mod every;
mod forward;
mod hostile;

use std::{fmt::Write as _, sync::Arc, time::Duration};

use insta::assert_snapshot;

use super::*;
use crate::{
    certificate::Certificate,
    diagnosis::{
        ChainStatus, Diagnosis, Expectation, Finding, Found, Issuers, Judged, NearMiss, Repair, Severity, Verdict, VerifyError,
    },
    endpoint::Endpoint,
    incident::{Audience, Cause, Incident, IncidentKey, Member, State, Step},
    mail::{Login, Secret, samples},
    monitor::{Mended, Policy, Watch},
    observation::{Chain, Failure, FailureKind, Handshake, Observation, Outcome, Possession, Stage},
};

const PASSWORD: &str = "correct-horse-battery";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-11-22T09:42:00Z")
}

fn settings() -> Settings {
    let mut settings = crate::mail::samples::settings();
    settings.server.login = Some(Login { username: "alerts".into(), password: Secret(PASSWORD.into()) });
    settings
}

fn fixture(pem_text: &str) -> Arc<Certificate> {
    Certificate::from_der(pem::parse(pem_text).unwrap().contents())
}

fn leaf() -> Arc<Certificate> {
    fixture(include_str!("../../../tests/fixtures/certs/shop-leaf.pem"))
}

fn intermediate() -> Arc<Certificate> {
    fixture(include_str!("../../../tests/fixtures/certs/shop-intermediate.pem"))
}

fn observed(address: &str, chain: Vec<Arc<Certificate>>) -> Observation {
    let handshake = Handshake {
        chain: Chain::new(chain).unwrap(),
        tls: Arc::default(),
        possession: Possession::Proven,
        wants_client_certificate: false,
        broken_off: None,
    };
    Observation::new(Some(address.parse().unwrap()), at("2026-11-22T09:41:07Z"), Outcome::Handshake(handshake))
}

fn judged(observation: Observation, codes: &[u16], findings: Vec<Finding>) -> Judged {
    let errors = codes.iter().map(|code| VerifyError { code: *code, depth: 0 }).collect();
    let verdict = observation.chain().is_some().then_some(Verdict { errors, path_length: 1 });
    let findings = findings.into_iter().map(|finding| Found { finding, accepted: false }).collect();
    Judged {
        observation,
        diagnosis: Arc::new(Diagnosis {
            verdict,
            chain_status: ChainStatus::Complete,
            findings,
            repair: None,
            borrowed: Issuers::default(),
        }),
    }
}

fn watch(target: &str, policy: Policy) -> Arc<Watch> {
    let mut endpoint = Endpoint::new(target.parse().unwrap());
    if target == "shop.example" {
        endpoint.name = "shop.example".into();
    }
    Arc::new(Watch {
        endpoint,
        expectation: Expectation::default(),
        trust: Arc::default(),
        stores: Arc::default(),
        policy: policy.into(),
    })
}

/// The case of `seen`'s first finding.
fn case(watch: &Arc<Watch>, seen: Vec<Judged>) -> Case {
    let finding = &seen[0].diagnosis.findings[0].finding;
    let key = IncidentKey { topic: finding.topic(), cause: Cause::Endpoint(Arc::clone(&watch.endpoint.name)) };
    let member = Member {
        endpoint: Arc::clone(&watch.endpoint.name),
        key: key.clone(),
        code: finding.code().into(),
        severity: finding.severity(),
        step: Step::default(),
        state: State::Open,
        summary: finding.summary(),
        addresses: seen.iter().filter_map(|judged| Some(judged.observation.address?.to_string())).collect(),
        since: at("2026-11-20T08:00:00Z"),
        last_seen: at("2026-11-22T09:41:07Z"),
        heard: Vec::new(),
    };
    let (incident, member) = (Arc::new(Incident::begin(key, &member.endpoint, member.since)), Arc::new(member));
    Case {
        incident,
        member,
        watch: Arc::clone(watch),
        seen: seen.into_iter().map(Arc::new).collect(),
        rollout: None,
        habit: None,
    }
}

fn notice(kind: NoticeKind, cases: Vec<Case>) -> Notice {
    Notice {
        id: "n-20261122.1".into(),
        kind,
        recipient: "shop-team@example.com".into(),
        audience: Audience::Owner,
        reply_to: Vec::new(),
        thread: None,
        at: now(),
        cases,
        own: None,
        in_place_of: None,
        mended: Vec::new(),
    }
}

/// What a client with the roots alone says of a lone leaf.
fn broken() -> Verdict {
    Verdict { errors: vec![VerifyError { code: 20, depth: 0 }, VerifyError { code: 21, depth: 0 }], path_length: 1 }
}

fn broken_chain(watch: &Arc<Watch>) -> Case {
    let missing = Finding::MissingIntermediate {
        missing: vec!["CN=Example Intermediate R1,O=Example Trust,C=DE".into()],
        after: "CN=shop.example".into(),
    };
    let mut judged = judged(observed("192.0.2.10", vec![leaf()]), &[20, 21], vec![missing]);
    let diagnosis = Arc::make_mut(&mut judged.diagnosis);
    diagnosis.chain_status = ChainStatus::MissingIntermediate;
    diagnosis.repair = Some(Box::new(Repair {
        chain: vec![leaf(), intermediate()],
        added: vec![intermediate()],
        source: "http://a.example/ca.der gave it".into(),
        verdict: Verdict::default(),
        served: broken(),
        server: None,
    }));
    case(watch, vec![judged])
}

fn expiring(severity: Severity) -> Case {
    let not_after = leaf().facts().unwrap().not_after;
    let finding = Finding::ExpiresSoon { not_after, now: now(), severity };
    let seen = ["192.0.2.10", "2001:db8::10"]
        .map(|address| judged(observed(address, vec![leaf(), intermediate()]), &[], vec![finding.clone()]));
    case(&watch("shop.example", Policy::default()), seen.into())
}

fn admin(mut notice: Notice) -> Notice {
    notice.audience = Audience::Admin;
    notice.recipient = "hostmaster@shop.example".into();
    notice.reply_to = vec!["shop-team@example.com".into()];
    notice
}

/// Subject, text and attachments as people see them.
fn shown(notice: &Notice) -> String {
    written(letter(notice, &settings()))
}

fn written(letter: Letter) -> String {
    assert_eq!(letter.trouble, None);
    assert!(letter.subject.chars().count() <= 60, "{}", letter.subject);
    for line in letter.text.lines().filter(|line| !line.starts_with("    ")) {
        assert!(line.chars().count() <= 76 || line.starts_with("SHA-256 ") || line.contains(" https://"), "too wide: {line}");
    }
    let mut out = format!("Subject: {}\n\n{}", letter.subject, letter.text);
    for attachment in letter.attachments {
        let certificates = attachment.text.matches("BEGIN CERTIFICATE").count();
        match certificates {
            0 => writeln!(out, "\n[{}]", attachment.name).unwrap(),
            _ => writeln!(out, "\n[{}: {certificates} certificates]", attachment.name).unwrap(),
        }
    }
    out
}

#[test]
fn every_letter_in_every_language() {
    for language in Language::ALL {
        let settings = Settings { language, ..settings() };
        let mut all = String::new();
        for mail in samples::mails(&settings) {
            writeln!(all, "=== {}\n{}", mail.name, written(mail.letter)).unwrap();
        }
        golden!(format!("all-{}", language.tag()), all);
    }
}

#[test]
fn the_broken_chain_letter() {
    let watch = watch("shop.example", Policy::default());
    golden!("chain-to-admin", shown(&admin(notice(NoticeKind::Chain, vec![broken_chain(&watch)]))));
    golden!("chain-to-owner", shown(&notice(NoticeKind::Chain, vec![broken_chain(&watch)])));
}

#[test]
fn the_owner_hears_that_the_admin_was_written_to() {
    let policy = Policy { admins: vec!["hostmaster@shop.example".into()], write_to_admin: true, ..Policy::default() };
    let text = letter(&notice(NoticeKind::Chain, vec![broken_chain(&watch("shop.example", policy))]), &settings()).text;
    assert!(text.starts_with("Nothing is to be done by you for now: the letter below has been sent to"), "{text}");
    assert!(text.contains("hostmaster@shop.example"));
}

#[test]
fn a_second_flaw_is_told_and_proves_less() {
    let mut case = broken_chain(&watch("shop.example", Policy::default()));
    let judged = Arc::make_mut(&mut case.seen[0]);
    let expired = Finding::Expired { not_after: at("2026-11-21T00:00:00Z"), now: now() };
    let diagnosis = Arc::make_mut(&mut judged.diagnosis);
    diagnosis.findings.push(Found { finding: expired, accepted: false });
    diagnosis.repair.as_mut().expect("repaired").verdict.errors = vec![VerifyError { code: 10, depth: 0 }];
    let text = letter(&admin(notice(NoticeKind::Chain, vec![case])), &settings()).text;
    assert!(text.contains("Beside the chain we see 1 flaw more:\n- the certificate expired on"), "{text}");
    let prose = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(prose.contains("named above, with Verify return code: 10 (certificate has expired)"), "{text}");
    assert!(!prose.contains("it verifies"), "{text}");
    assert!(!text.contains("code: 0 (ok)"), "{text}");
}

#[test]
fn a_server_that_says_what_it_is_gets_its_own_directive() {
    let mut case = broken_chain(&watch("submission://mail.example", Policy::default()));
    let told = |case: &Case| letter(&admin(notice(NoticeKind::Chain, vec![case.clone()])), &settings()).text;
    let usual = told(&case);
    assert!(usual.contains("smtpd_tls_chain_files") && usual.contains("systemctl reload exim4"), "{usual}");
    let repair = Arc::make_mut(&mut Arc::make_mut(&mut case.seen[0]).diagnosis).repair.as_mut().expect("repaired");
    repair.server = crate::diagnosis::recognise("220 mail.example ESMTP Exim 4.96");
    let known = told(&case);
    assert!(known.contains("The server says it is Exim 4.96.") && known.contains("systemctl reload exim4"), "{known}");
    assert!(!known.contains("smtpd_tls_chain_files"), "{known}");
}

#[test]
fn the_letter_says_where_the_missing_certificate_was_had_from_and_names_no_other_server() {
    let mut case = broken_chain(&watch("shop.example", Policy::default()));
    let mut told = |source: &str| {
        Arc::make_mut(&mut Arc::make_mut(&mut case.seen[0]).diagnosis).repair.as_mut().expect("repaired").source = source.into();
        let text = letter(&admin(notice(NoticeKind::Chain, vec![case.clone()])), &settings()).text;
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let learnt = told("the chain of other.example has it");
    assert!(learnt.contains("What the server leaves out was had from another server, which sends it."), "{learnt}");
    assert!(!learnt.contains("other.example"), "{learnt}");
    let stored = told("the local trust store has it");
    assert!(stored.contains("was had from the trust store of the machine that certvigil runs on."), "{stored}");
    assert!(!told("").contains("What the server leaves out was had"));
}

#[test]
fn nothing_of_our_inside_reaches_an_admin() {
    let labels = [("team".to_owned(), "label-of-ours".to_owned())].into();
    let policy = Policy { owners: vec!["owner@inside.example".into()], labels, ..Policy::default() };
    let mut watch = Arc::unwrap_or_clone(watch("shop.example", policy));
    watch.endpoint.name = "inside-name".into();
    let watch = Arc::new(watch);
    for kind in [NoticeKind::Chain, NoticeKind::Resolved] {
        let message = String::from_utf8(compose(&admin(notice(kind, vec![broken_chain(&watch)])), &settings()).message).unwrap();
        for secret in [PASSWORD, "label-of-ours", "inside-name", "owner@inside", "smtp.example.com", "PRIVATE"] {
            assert!(!message.contains(secret), "{kind:?} tells {secret}");
        }
    }
}

#[test]
fn the_command_fits_the_protocol() {
    let command = |target: &str| evidence::s_client(&broken_chain(&watch(target, Policy::default())));
    assert_snapshot!(command("submission://mail.example"), @"openssl s_client -connect 192.0.2.10:587 -starttls smtp -servername mail.example -verify_hostname mail.example </dev/null");
    assert_snapshot!(command("xmpp://chat.example"), @"openssl s_client -connect 192.0.2.10:5222 -starttls xmpp -xmpphost chat.example -servername chat.example -verify_hostname chat.example </dev/null");
    assert_snapshot!(command("xmpp://192.0.2.1"), @"openssl s_client -connect 192.0.2.10:5222 -starttls xmpp -noservername -verify_ip 192.0.2.1 </dev/null");
    assert_snapshot!(command("[2001:db8::1]:8443"), @"openssl s_client -connect 192.0.2.10:8443 -noservername -verify_ip 2001:db8::1 </dev/null");
    let mut unresolved = broken_chain(&watch("[2001:db8::1]:8443", Policy::default()));
    Arc::make_mut(&mut unresolved.seen[0]).observation.address = None;
    assert_snapshot!(evidence::s_client(&unresolved), @"openssl s_client -connect [2001:db8::1]:8443 -noservername -verify_ip 2001:db8::1 </dev/null");
}

#[test]
fn the_expiry_letter_in_three_stages() {
    golden!("expiry-warning", shown(&notice(NoticeKind::Expiry, vec![expiring(Severity::Warning)])));
    let critical = letter(&notice(NoticeKind::Expiry, vec![expiring(Severity::Critical)]), &settings());
    assert_eq!(critical.subject, "shop.example: expires in 6 days (2026-11-28)");
    assert!(critical.text.starts_with("Renew the certificate of shop.example:443 now and reload"), "{}", critical.text);

    let finding = Finding::Expired { not_after: leaf().facts().unwrap().not_after, now: at("2026-12-01T09:42:00Z") };
    let expired = judged(observed("192.0.2.10", vec![leaf(), intermediate()]), &[10], vec![finding]);
    let mut expired = notice(NoticeKind::Expiry, vec![case(&watch("shop.example", Policy::default()), vec![expired])]);
    expired.at = at("2026-12-01T09:42:00Z");
    golden!("expiry-expired", shown(&expired));
}

#[test]
fn two_certificates_that_end_are_told_apart() {
    let mut case = expiring(Severity::Warning);
    let other = observed("2001:db8::10", vec![intermediate()]);
    Arc::make_mut(&mut case.seen[1]).observation = other;
    let text = letter(&notice(NoticeKind::Expiry, vec![case]), &settings()).text;
    assert_eq!(text.matches("Served at").count(), 2, "{text}");
    assert!(
        text.find("192.0.2.10\nSubject").unwrap() < text.find("2001:db8::10\nSubject").unwrap(),
        "the first end first: {text}"
    );
}

#[test]
fn the_problem_letter() {
    let mismatch = Finding::HostnameMismatch {
        asked: "www2.shop.example".into(),
        carries: vec!["shop.example".into(), "www.shop.example".into()],
        near: NearMiss::SameDomain("shop.example".into()),
    };
    let seen = judged(observed("192.0.2.10", vec![leaf(), intermediate()]), &[62], vec![mismatch]);
    let wrong_name = case(&watch("www2.shop.example", Policy::default()), vec![seen]);
    golden!("problem-hostname", shown(&notice(NoticeKind::Problem, vec![wrong_name])));

    let failure = Failure { stage: Stage::Resolve, kind: FailureKind::NameNotFound, detail: "no such name: gone.example".into() };
    let finding = Finding::of_failure(&failure);
    let observation = Observation {
        timing: [(Stage::Resolve, Duration::ZERO)].into_iter().collect(),
        ..Observation::new(None, now(), Outcome::Failure(failure))
    };
    let gone = case(&watch("gone.example", Policy::default()), vec![judged(observation, &[], vec![finding])]);
    golden!("problem-unresolved", shown(&notice(NoticeKind::Problem, vec![gone])));
}

#[test]
fn the_all_clear() {
    let watch = watch("shop.example", Policy::default());
    let mut case = broken_chain(&watch);
    case.seen = vec![Arc::new(judged(observed("192.0.2.10", vec![leaf(), intermediate()]), &[], vec![]))];
    Arc::make_mut(&mut case.member).last_seen = at("2026-11-22T08:41:07Z");
    let mut resolved = notice(NoticeKind::Resolved, vec![case]);
    resolved.thread = Some("n-20261120.7".into());
    golden!("resolved-to-owner", shown(&resolved));
    golden!("resolved-to-admin", shown(&admin(resolved)));
}

#[test]
fn the_summary_of_a_first_sweep() {
    let shop = watch("shop.example", Policy::default());
    let mail = watch("submission://mail.example", Policy::default());
    let unsorted = judged(observed("192.0.2.20", vec![leaf()]), &[], vec![Finding::WrongOrder]);
    let cases = vec![case(&mail, vec![unsorted]), expiring(Severity::Warning), broken_chain(&shop), broken_chain(&mail)];
    golden!("summary", shown(&notice(NoticeKind::Summary, cases)));
}

#[test]
fn a_digest_tells_what_was_held_back() {
    let cases = vec![expiring(Severity::Warning), broken_chain(&watch("shop.example", Policy::default()))];
    let mended = vec![Mended { code: "expired".into(), endpoint: "mail.example:465".into(), others: 2 }];
    golden!("digest", shown(&Notice { mended: mended.clone(), ..notice(NoticeKind::Digest, cases) }));
    let over = shown(&Notice { mended, ..notice(NoticeKind::Digest, Vec::new()) });
    assert!(over.starts_with("Subject: Digest: 0 findings, 1 mended\n\nNothing is to be done: this is mended."), "{over}");
}

#[test]
fn a_large_summary_is_held_small() {
    let cases = (0..400).map(|n| broken_chain(&watch(&format!("h{n}.example"), Policy::default()))).collect();
    let letter = letter(&notice(NoticeKind::Summary, cases), &settings());
    assert_eq!(letter.subject, "First sweep: 400 findings at 400 endpoints");
    let of = |stem: &str| letter.attachments.iter().filter(|attachment| attachment.name.starts_with(stem)).count();
    assert_eq!((of("fullchain-"), of("letter-"), letter.attachments.len()), (20, 10, 30));
    assert!(letter.text.contains("- and 350 more, which the status page lists"));
    assert!(letter.text.len() < 20_000, "{}", letter.text.len());
}

#[test]
fn a_summary_of_thousands_of_remedies_is_held_small() {
    let mismatch = |n: usize| {
        let asked = format!("h{n}.example");
        let finding = Finding::HostnameMismatch { asked: asked.clone(), carries: Vec::new(), near: NearMiss::OnlyCommonName };
        case(&watch(&asked, Policy::default()), vec![judged(observed("192.0.2.10", vec![leaf()]), &[62], vec![finding])])
    };
    let cases: Vec<Case> = (0..50)
        .map(|n| broken_chain(&watch(&format!("b{n}.example"), Policy::default())))
        .chain((0..2000).map(mismatch))
        .collect();
    let letter = letter(&notice(NoticeKind::Summary, cases), &settings());
    assert_eq!((&*letter.subject, &letter.trouble), ("First sweep: 2050 findings at 2050 endpoints", &None));
    assert!(letter.text.contains("\nAnd 1901 findings more, which the status page lists.\n"), "{}", letter.text);
    assert!(letter.text.len() < 60_000 && letter.html.len() < 120_000, "{} {}", letter.text.len(), letter.html.len());
    assert!(letter.html.contains("<h2"), "the layout has room for it");
}

#[test]
fn attachments_have_harmless_and_unique_names() {
    let named = |name: &str| {
        let mut watch = Arc::unwrap_or_clone(watch("shop.example", Policy::default()));
        watch.endpoint.name = name.into();
        broken_chain(&Arc::new(watch))
    };
    let cases = vec![named("../../etc/passwd"), named("a/b"), named("a\\b"), named("a\r\nb"), named("\u{202e}"), named("...")];
    let letter = letter(&notice(NoticeKind::Summary, cases), &settings());
    let (letters, chains): (Vec<_>, Vec<_>) =
        letter.attachments.into_iter().map(|attachment| attachment.name).partition(|name| name.starts_with("letter-"));
    assert_eq!(letters[..3], ["letter-etc-passwd.eml", "letter-a-b.eml", "letter-a-b-2.eml"]);
    assert_eq!(
        chains,
        [
            "fullchain-etc-passwd.pem",
            "fullchain-a-b.pem",
            "fullchain-a-b-2.pem",
            "fullchain-a-0D-0Ab.pem",
            "fullchain-E2-80-AE.pem",
            "fullchain-endpoint.pem"
        ]
    );
}

#[test]
fn the_message_as_it_travels() {
    let mut notice = admin(notice(NoticeKind::Chain, vec![broken_chain(&watch("shop.example", Policy::default()))]));
    notice.thread = Some("n-20261120.7".into());
    let message = compose(&notice, &settings()).message;
    assert_eq!(message, compose(&notice, &settings()).message, "the same notice gives the same octets");
    assert!(message.is_ascii());
    let message = String::from_utf8(message).unwrap();
    assert!(message.ends_with("--\r\n") && !message.replace("\r\n", "").contains(['\r', '\n']), "lines end with CRLF");
    golden!("message-chain", message.replace("\r\n", "\n"));
}

#[test]
fn a_test_mail_tells_no_password() {
    let message = String::from_utf8(test_message(&settings(), "ops@example.com", now()).message).unwrap();
    assert!(
        message.contains("\r\nTo: ops@example.com\r\n") && message.contains("Subject: [certvigil] test mail\r\n"),
        "{message}"
    );
    assert!(message.contains("smtp.example.com:587") && !message.contains(PASSWORD));
}

#[test]
fn a_subject_tells_all_in_60_characters() {
    let long = format!("{}.example", "payments-".repeat(20));
    let watch = watch(&format!("{}.example", "a".repeat(60)), Policy::default());
    let mut case = broken_chain(&watch);
    Arc::make_mut(&mut case.watch).endpoint.name = long.into();
    for code in Finding::CODES {
        Arc::make_mut(&mut case.member).code = (*code).into();
        for kind in NoticeKind::ALL {
            for notice in [notice(kind, vec![case.clone()]), admin(notice(kind, vec![case.clone()]))] {
                let subject = letter(&notice, &settings()).subject;
                assert!(subject.chars().count() <= 60, "{subject}");
                if matches!(kind, NoticeKind::Problem | NoticeKind::Resolved) {
                    assert!(subject.contains(&Language::English.title(code)), "{code}: {subject}");
                }
            }
        }
    }
}

#[test]
fn the_evidence_goes_with_it_to_owners_alone() {
    let expiring = notice(NoticeKind::Expiry, vec![expiring(Severity::Warning)]);
    let attachments = letter(&expiring, &settings()).attachments;
    assert_eq!(attachments[0].name, "evidence.txt");
    assert!(attachments[0].text.contains("chain as presented:"), "{}", attachments[0].text);
    assert!(letter(&admin(expiring), &settings()).attachments.is_empty());
}
