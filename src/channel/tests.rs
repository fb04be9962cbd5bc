//! Every way out against servers of this process.

mod schema;
mod server;

use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::{
    diagnosis::{ChainStatus, Diagnosis, Expectation, Finding, Found, Issuers, Judged},
    endpoint::Endpoint,
    incident::{Cause, Incident, IncidentKey, Member, Mending, State, Step},
    lab::pki::Pki,
    monitor::{Case, NoticeKind, Policy, Watch},
    observation::{Failure, FailureKind, Observation, Outcome as Visit, Stage},
};
use server::{Server, answers};

fn now() -> Timestamp {
    "2026-11-22T09:41:07Z".parse().unwrap()
}

/// A server that cannot be reached, or could not.
fn notice(kind: NoticeKind, names: &[&str]) -> Notice {
    let failure = Failure { stage: Stage::Connect, kind: FailureKind::Refused, detail: "connection refused".into() };
    let finding = Finding::of_failure(&failure);
    let key = IncidentKey { topic: finding.topic(), cause: Cause::Endpoint(names[0].into()) };
    let since = "2026-11-20T08:00:00Z".parse().unwrap();
    let incident = Arc::new(Incident::begin(key.clone(), names[0], since));
    let case = |name: &&str| {
        let mut endpoint = Endpoint::new("shop.example:8443".parse().unwrap());
        endpoint.name = (*name).into();
        let policy = Policy { labels: [("team".into(), "shop".into())].into(), ..Policy::default() };
        let watch = Watch {
            endpoint,
            expectation: Expectation::default(),
            trust: Arc::default(),
            stores: Arc::default(),
            policy: policy.into(),
        };
        let member = Member {
            endpoint: (*name).into(),
            key: key.clone(),
            code: finding.code().into(),
            severity: finding.severity(),
            step: Step::default(),
            state: if kind == NoticeKind::Resolved { State::Mended(now(), Mending::Reached) } else { State::Open },
            summary: finding.summary(),
            addresses: vec!["192.0.2.7".into()],
            since,
            last_seen: now(),
            heard: Vec::new(),
        };
        let observation = Observation::new(Some("192.0.2.7".parse().unwrap()), now(), Visit::Failure(failure.clone()));
        let found = Found { finding: finding.clone(), accepted: false };
        let diagnosis = Diagnosis {
            verdict: None,
            chain_status: ChainStatus::None,
            findings: vec![found],
            repair: None,
            borrowed: Issuers::default(),
        };
        let seen = vec![Arc::new(Judged { observation, diagnosis: diagnosis.into() })];
        Case {
            incident: Arc::clone(&incident),
            member: Arc::new(member),
            watch: Arc::new(watch),
            seen,
            rollout: None,
            habit: None,
        }
    };
    Notice {
        id: "reachability-1.unreachable-warning.system.0".into(),
        kind,
        recipient: "channel:it".into(),
        audience: Audience::System,
        reply_to: Vec::new(),
        thread: None,
        at: now(),
        cases: names.iter().map(case).collect(),
        own: None,
        in_place_of: None,
        mended: Vec::new(),
    }
}

fn webhook(url: &str) -> Way {
    Way::Webhook(Webhook { url: url.parse().unwrap(), secret: Secret("s3cr3t".into()) })
}

/// One attempt by this way.
async fn attempt(way: Way, deadline: Duration, notice: &Notice) -> Outcome {
    let settings = Settings { name: "it".into(), way, deadline, roots: Some(Vec::new()) };
    let channels = Channels::new(&[settings]).unwrap();
    channels.deliver("it", &notice.id, &compose(notice), now()).await
}

const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_webhook_gets_the_facts_signed_and_with_a_key_against_doubling() {
    let server = Server::start(answers("204 No Content", "", "")).await;
    let notice = notice(NoticeKind::Problem, &["shop", "shop-2"]);
    assert_eq!(attempt(webhook(&server.url("/hook?a=b")), PATIENCE, &notice).await, Outcome::DELIVERED);
    let request = server.requests().pop().unwrap();
    assert_eq!(request.line, "POST /hook?a=b HTTP/1.1");
    assert_eq!(request.header("idempotency-key"), notice.id);
    assert_eq!(request.header("certvigil-timestamp"), now().as_second().to_string());
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"s3cr3t");
    let signed = [now().as_second().to_string().as_bytes(), b".", &request.body].concat();
    let signature = hex(request.header("certvigil-signature").strip_prefix("v1=").unwrap());
    assert!(aws_lc_rs::hmac::verify(&key, &signed, &signature).is_ok());
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["incidents"][0]["members"][1]["endpoint"], "shop-2");
    assert_eq!(body["title"], "critical: shop: connection refused (and 1 more)");
}

#[tokio::test]
async fn over_tls_the_roots_of_the_channel_count_and_no_others() {
    let pki = Pki::new(Timestamp::now()).unwrap();
    let stranger = Pki::named(pki.now, "Strange").unwrap();
    let leaf = |name: &str| pki.leaf([name]).signed_by(&pki.intermediate).unwrap();
    let (fit, misfit) = (leaf("127.0.0.1"), leaf("127.0.0.2"));
    let root = |of: &Pki| Some(vec![of.root.der().to_vec()]);
    for (chain, roots, is_taken) in [
        (&[&fit, &pki.intermediate][..], root(&pki), true),
        (&[&fit, &pki.intermediate], root(&stranger), false),
        (&[&fit, &pki.intermediate], Some(Vec::new()), false),
        (&[&fit, &pki.intermediate], None, false),
        (&[&misfit, &pki.intermediate], root(&pki), false),
        (&[&fit], root(&pki), false),
    ] {
        let server = Server::start_with_tls(answers("204 No Content", "", ""), chain).await;
        let way = webhook(&server.url("/hook"));
        let settings = Settings { name: "it".into(), way, deadline: PATIENCE, roots };
        let notice = notice(NoticeKind::Problem, &["shop"]);
        let outcome = Channels::new(&[settings]).unwrap().deliver("it", &notice.id, &compose(&notice), now()).await;
        let expected = if is_taken { MailResult::Delivered } else { MailResult::Deferred };
        assert_eq!((outcome.result, server.requests().len()), (expected, usize::from(is_taken)), "{}", outcome.detail);
        assert!(is_taken || outcome.detail.contains("certificate"), "{}", outcome.detail);
    }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn a_webhook_is_told_where_it_works_and_where_it_fails() {
    let schema: Value = serde_json::from_str(include_str!("../../docs/webhook.schema.json")).unwrap();
    let told = |name: &str| {
        let sample = crate::mail::samples::samples().into_iter().find(|sample| sample.name == name).unwrap();
        let body: Value = serde_json::from_slice(&compose(&sample.notice)).unwrap();
        assert_eq!(schema::faults(&schema, &body), [""; 0], "{name}");
        body["incidents"][0]["members"][0]["works_where"].clone()
    };
    let gap = told("missing_intermediate");
    assert!(gap.as_str().is_some_and(|words| words.starts_with("works in browsers, fails in Python")), "{gap}");
    assert_eq!((told("unreachable"), told("resolved")), (Value::Null, Value::Null));
}

#[test]
fn what_a_webhook_gets_keeps_to_the_published_schema() {
    let schema: Value = serde_json::from_str(include_str!("../../docs/webhook.schema.json")).unwrap();
    // What is ours goes to the operators alone, and what is held back to people.
    let told = |kind: &NoticeKind| !matches!(kind, NoticeKind::OwnFault | NoticeKind::Alive | NoticeKind::Digest);
    for kind in NoticeKind::ALL.into_iter().filter(told) {
        let body: Value = serde_json::from_slice(&compose(&notice(kind, &["a", "b"]))).unwrap();
        assert_eq!(schema::faults(&schema, &body), [""; 0], "{kind:?}");
    }
    let mut wrong: Value = serde_json::from_slice(&compose(&notice(NoticeKind::Problem, &["a"]))).unwrap();
    wrong["incidents"][0]["members"][0]["severity"] = "dreadful".into();
    wrong["id"] = Value::Null;
    assert_eq!(schema::faults(&schema, &wrong), ["id: no string", "incidents.0.members.0.severity: not one of the values"]);
}

#[tokio::test]
async fn an_answer_says_whether_it_is_over() {
    let deferred = |detail: &str, after| (MailResult::Deferred, detail.to_owned(), after);
    let cases = [
        (answers("500 Oops", "", "out of\u{1b}[2J order"), deferred("answered 500: out of\\1B[2J order", None)),
        (answers("429 Slow", "retry-after: 120\r\n", ""), deferred("answered 429", Some(120))),
        (answers("503 Later", "retry-after: Sun, 22 Nov 2026 09:42:07 GMT\r\n", ""), deferred("answered 503", Some(60))),
        (answers("408 Late", "retry-after: soon\r\n", ""), deferred("answered 408", None)),
        (
            answers("302 Found", "location: http://elsewhere.example/\r\n", ""),
            deferred("answered 302; redirects are not followed, see its url", None),
        ),
        (answers("400 Bad", "", "no s3cr3t here"), (MailResult::Refused, "answered 400: no *** here".into(), None)),
        (answers("404 Gone", "", ""), (MailResult::Refused, "answered 404".into(), None)),
        (b"220 smtp ready\r\n".to_vec(), deferred("broke the connection off", None)),
    ];
    for (reply, (result, detail, after)) in cases {
        let server = Server::start(reply).await;
        let outcome = attempt(webhook(&server.url("/")), PATIENCE, &notice(NoticeKind::Problem, &["a"])).await;
        let detail = format!("{} {detail}", server.url(""));
        assert_eq!(outcome, Outcome { result, detail, after: after.map(Duration::from_secs) });
    }
}

#[tokio::test]
async fn silence_and_absence_are_tried_again() {
    let silent = Server::start(Vec::new()).await;
    let outcome = attempt(webhook(&silent.url("/")), Duration::from_millis(1), &notice(NoticeKind::Problem, &["a"])).await;
    assert_eq!(outcome, Outcome::deferred(format!("{}: no answer within 0.001 s", silent.url(""))));
    let url = silent.url("/");
    drop(silent);
    let outcome = attempt(webhook(&url), PATIENCE, &notice(NoticeKind::Problem, &["a"])).await;
    assert_eq!(outcome.result, MailResult::Deferred);
}

#[tokio::test]
async fn what_is_no_longer_configured_is_refused() {
    let outcome = Channels::default().deliver("it", "id", b"{}", now()).await;
    assert_eq!(outcome, Outcome::refused("it is no longer configured"));
}

#[test]
fn a_url_shows_no_more_than_its_host() {
    let url: Url = "https://hooks.example/services/T0/B0/secret".parse().unwrap();
    assert_eq!(format!("{url:?}"), "https://hooks.example/***");
    for (bad, why) in [
        ("/hook", "is no URL with a scheme and a host"),
        ("hooks.example", "is neither https nor http"),
        ("ftp://hooks.example/", "is neither https nor http"),
        ("https://me:pw@hooks.example/", "names a user"),
        ("https://a b/", "is no URL"),
    ] {
        assert_eq!(bad.parse::<Url>().unwrap_err(), why, "{bad}");
    }
    for (url, exposed) in
        [("http://127.0.0.1:9/", false), ("http://[::1]/", false), ("http://a.example/", true), ("https://a/", false)]
    {
        assert_eq!(url.parse::<Url>().unwrap().is_exposed(), exposed, "{url}");
    }
}

#[tokio::test]
async fn an_alert_is_each_endpoint_and_lasts_while_it_is_told_again() {
    let server = Server::start(answers("200 OK", "", "")).await;
    let gone = Server::start(answers("503 Later", "", "")).await;
    let urls = vec![gone.url("/am/").parse().unwrap(), server.url("").parse().unwrap()];
    let way = Way::Alertmanager(Alertmanager { urls, resend: Duration::from_mins(1) });
    let open = attempt(way.clone(), PATIENCE, &notice(NoticeKind::Problem, &["shop", "shop-2"])).await;
    assert_eq!(open, Outcome::DELIVERED, "one of the cluster is enough");
    assert_eq!(attempt(way, PATIENCE, &notice(NoticeKind::Resolved, &["shop"])).await, Outcome::DELIVERED);
    assert_eq!(gone.requests()[0].line, "POST /am/api/v2/alerts HTTP/1.1");
    let requests = server.requests();
    let bodies: Vec<Value> = requests.iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect();
    let alert = &bodies[0][0];
    let labels = serde_json::json!({
        "alertname": "CertvigilUnreachable", "endpoint": "shop", "severity": "critical", "fault": alert["labels"]["fault"],
        "incident": alert["labels"]["incident"], "team": "shop",
    });
    assert_eq!(alert["labels"], labels);
    assert_eq!((&alert["startsAt"], &alert["endsAt"]), (&"2026-11-20T08:00:00Z".into(), &"2026-11-22T09:45:07Z".into()));
    assert_eq!((bodies[0].as_array().unwrap().len(), &bodies[0][1]["labels"]["endpoint"]), (2, &"shop-2".into()));
    assert_eq!((&bodies[1][0]["labels"], &bodies[1][0]["endsAt"]), (&labels, &"2026-11-22T09:41:07Z".into()));
}

#[tokio::test]
async fn a_chat_gets_words_that_call_nobody() {
    let server = Server::start(answers("200 OK", "", "ok")).await;
    let mut hostile = notice(NoticeKind::Problem, &["<!channel> @all"]);
    let chat = |dialect| Way::Chat(Chat { dialect, url: server.url("/T0/B0").parse().unwrap() });
    assert_eq!(attempt(chat(Dialect::Slack), PATIENCE, &hostile).await, Outcome::DELIVERED);
    hostile.kind = NoticeKind::Resolved;
    assert_eq!(attempt(chat(Dialect::Teams), PATIENCE, &hostile).await, Outcome::DELIVERED);
    let requests = server.requests();
    let bodies: Vec<Value> = requests.iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect();
    let text = bodies[0]["text"].as_str().unwrap();
    assert!(text.starts_with("critical: &lt;!channel&gt; @\u{200b}all: connection"), "{text}");
    assert_eq!((&bodies[0]["attachments"][0]["color"], requests[0].line.as_str()), (&"danger".into(), "POST /T0/B0 HTTP/1.1"));
    let card = &bodies[1]["attachments"][0]["content"];
    let text = card["body"][0]["text"].as_str().unwrap();
    assert!(card["type"] == "AdaptiveCard" && text.starts_with("resolved: \\<!channel\\> @all: "), "{card}");
}

#[tokio::test]
async fn pagerduty_is_triggered_and_resolved_under_the_same_key_and_its_own_key_is_told_nobody() {
    let server = Server::start(answers("202 Accepted", "", "")).await;
    let refusing = Server::start(answers("400 Bad Request", "", "invalid routing key r0ut1ng")).await;
    let way = |server: &Server| {
        Way::Pagerduty(Pagerduty { url: server.url("/v2/enqueue").parse().unwrap(), routing_key: Secret("r0ut1ng".into()) })
    };
    let (begins, ends) = (notice(NoticeKind::Problem, &["a", "b"]), notice(NoticeKind::Resolved, &["a", "b"]));
    for told in [&begins, &ends] {
        assert_eq!(attempt(way(&server), PATIENCE, told).await, Outcome::DELIVERED);
        assert!(!String::from_utf8(compose(told)).unwrap().contains("r0ut1ng"), "it is not stored");
    }
    let bodies: Vec<Value> = server.requests().iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect();
    assert_eq!([&bodies[0]["event_action"], &bodies[1]["event_action"]], ["trigger", "resolve"]);
    assert_eq!(bodies[0]["dedup_key"], bodies[1]["dedup_key"]);
    assert_eq!((&bodies[0]["routing_key"], &bodies[0]["payload"]["severity"]), (&"r0ut1ng".into(), &"critical".into()));
    let refused = attempt(way(&refusing), PATIENCE, &begins).await;
    assert_eq!(refused.result, MailResult::Refused);
    assert!(refused.detail.ends_with("invalid routing key ***"), "{}", refused.detail);
}

/// A command of the shell, which here is the program.
fn command(script: &str) -> Way {
    Way::Command(Command { program: "/bin/sh".into(), arguments: vec!["-c".into(), script.into()] })
}

#[tokio::test]
async fn a_command_reads_the_facts_and_its_exit_status_decides() {
    let facts = notice(NoticeKind::Problem, &["a"]);
    let check = "read -r line; case $line in *'\"kind\":\"problem\"'*) ;; *) exit 3;; esac; test -z \"$HOME$CARGO\" && test -n \"$CERTVIGIL_ID\"";
    assert_eq!(attempt(command(check), PATIENCE, &facts).await, Outcome::DELIVERED);
    assert_eq!(attempt(command("exec true"), PATIENCE, &facts).await, Outcome::DELIVERED, "it need not read");
    let failed = attempt(command("printf 'no \\033[2J'; echo paper >&2; exit 7"), PATIENCE, &facts).await;
    assert_eq!(failed, Outcome::deferred("/bin/sh ended with exit status: 7: no \\1B[2Jpaper".into()));
    let endless = attempt(command("head -c 100000 /dev/zero | tr '\\0' x; exit 1"), PATIENCE, &facts).await;
    assert!(endless.detail.len() < 300, "{}", endless.detail.len());
    let late = attempt(command("exec sleep 600"), Duration::from_millis(1), &facts).await;
    assert_eq!(late, Outcome::deferred("/bin/sh did not end within 0.001 s".into()));
    let absent = Way::Command(Command { program: "/nowhere/at/all".into(), arguments: Vec::new() });
    let absent = attempt(absent, PATIENCE, &facts).await;
    assert!(absent.detail.starts_with("/nowhere/at/all cannot be run: "), "{}", absent.detail);
}
