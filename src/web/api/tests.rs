use std::{collections::BTreeMap, sync::Arc};

use http_body_util::BodyExt as _;
use hyper::Request;
use serde_json::Value;
use tokio::sync::watch;

use super::*;
use crate::{
    certificate::printable_cut,
    monitor::Event,
    web::{
        Locks, OwnMetrics, Pulse, Rules, Settings, Token,
        sample::{self, HOSTILE},
    },
};

/// An answer, read whole.
struct Answered {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answered {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

async fn ask_with(snapshot: Snapshot, method: &str, path: &str, headers: &[(&str, &str)]) -> Answered {
    send(snapshot, Arc::new(Desk::new().0), method, path, headers, "").await
}

/// Who has the token asks; a desk that takes everything says what it was asked for.
async fn write(method: &str, path: &str, body: &str) -> (Answered, Option<Event>) {
    let (desk, mut wished) = Desk::new();
    let taken = async {
        let Wish { event, done } = wished.recv().await?;
        done.send(true).ok().map(|()| event)
    };
    let token = [("authorization", "Bearer correct horse battery")];
    let desk = Arc::new(desk);
    let asked = async { send(sample::fleet(), desk, method, &format!("/api/v1{path}"), &token, body).await };
    tokio::join!(asked, taken)
}

async fn send(snapshot: Snapshot, desk: Arc<Desk>, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answered {
    let (_kept, snapshots) = watch::channel(Arc::new(snapshot));
    let (_, mail) = watch::channel(None);
    let (own, pulse) = (Arc::new(OwnMetrics::new()), Arc::new(Pulse::new()));
    let listen = vec!["127.0.0.1:0".parse().expect("a place")];
    let rules = Rules { write_token: Some(Token::new("correct horse battery")), ..Rules::default() };
    let settings = Settings { listen, public_url: None, watch_certificate: true, rules };
    let locks = Arc::new(Locks::new(&settings));
    let state = State { snapshots, own, pulse, answers: None, locks, desk, strangers: None, archive: None, mail };
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, ()) = request.body(()).expect("a request").into_parts();
    let body = Full::<hyper::body::Bytes>::from(body.as_bytes().to_vec());
    let (head, body) = answer(&state, &parts, body).await.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
    Answered { status: head.status.as_u16(), headers: head.headers, body: String::from_utf8_lossy(&body).into_owned() }
}

async fn ask(path: &str) -> Answered {
    ask_with(sample::fleet(), "GET", &format!("/api/v1{path}"), &[]).await
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().into_iter().flatten().filter_map(|item| item["endpoint"].as_str()).collect()
}

#[tokio::test]
async fn endpoints_come_as_the_page_has_them() {
    let all = ask("/endpoints").await;
    assert_eq!((all.status, all.header("content-type")), (200, "application/json"));
    let all = all.json();
    let evil = printable_cut(HOSTILE, 1000);
    assert_eq!(names(&all), ["mail", &evil, "unreadable", "down", "gone", "new", "long", "shop"]);
    assert_eq!((&all["total"], &all["next"]), (&8.into(), &Value::Null));
    let mail = serde_json::json!({
        "endpoint": "mail",
        "target": "submission://mail.example:587",
        "server_name": "mail.example",
        "severity": "critical",
        "summary": "the server does not send the intermediate \"Sample CA 1\" that issued mail.example",
        "findings": ["expires_soon", "missing_intermediate"],
        "chain_status": "missing_intermediate",
        "verify_code": 21,
        "not_after": "2026-11-27T00:00:00Z",
        "checked_at": "2026-11-22T09:42:00Z",
        "addresses": ["192.0.2.7", "2001:db8::7"],
        "owners": ["secret-owner"],
        "labels": {"team": "mail"},
    });
    assert_eq!(all["items"][0], mail);
    assert_eq!(names(&ask("/endpoints?finding=missing_intermediate&status=critical").await.json()), ["mail"]);
    assert_eq!(names(&ask("/endpoints?label=team:web&q=SHOP").await.json()), ["shop"]);
    let first = ask("/endpoints?sort=name&limit=3&offset=2").await;
    assert_eq!(names(&first.json()), ["gone", "long", "mail"]);
    assert_eq!(first.header("link"), "<?sort=name&limit=3&offset=5>; rel=\"next\"");
    assert_eq!(ask("/endpoints/mail").await.json()["incidents"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn an_endpoint_has_addresses_and_a_chain() {
    let addresses = ask("/endpoints/down/addresses").await.json();
    assert_eq!(addresses["items"][0]["known"]["verify_code"], 0);
    assert_eq!(addresses["items"][0]["failed"]["failure"]["kind"], "timeout");
    let chain = ask("/endpoints/mail/chain").await.json();
    assert_eq!((&chain["address"], &chain["chain_status"]), (&"192.0.2.7".into(), &"missing_intermediate".into()));
    assert_eq!(chain["chain"][0]["subject"], "CN=mail.example");
    let other = ask("/endpoints/mail/chain?address=2001:db8:0::7").await.json();
    assert_eq!(other["chain_status"], "complete");
    let pem = ask("/endpoints/mail/chain.pem").await;
    assert_eq!(pem.header("content-type"), "application/x-pem-file");
    assert_eq!(pem.body.matches("-----BEGIN CERTIFICATE-----").count(), 2);
    let accept = [("accept", "application/x-pem-file, application/json;q=0.5")];
    let wanted = ask_with(sample::fleet(), "GET", "/api/v1/endpoints/mail/chain", &accept).await;
    assert_eq!(wanted.header("content-type"), "application/x-pem-file");
    assert_eq!(ask("/endpoints/new/chain").await.status, 404);
}

#[tokio::test]
async fn findings_and_incidents_are_found_by_what_they_are() {
    let server = ask("/findings?fault=server&severity=critical&code=missing_intermediate").await.json();
    assert_eq!(names(&server), ["mail"]);
    assert_eq!(ask("/findings?endpoint=mail").await.json()["total"], 2);
    let incidents = ask("/incidents").await.json();
    assert_eq!(incidents["total"], 4);
    assert_eq!(incidents["items"][3]["state"], "suspected", "what is only suspected comes last");
    let seen_to = ask("/incidents?code=missing_intermediate").await.json();
    assert_eq!(seen_to["items"][0]["acknowledged"]["by"], "mail-team", "no mail address");
    let id = seen_to["items"][0]["id"].as_str().expect("an id");
    let one = ask(&format!("/incidents/{id}")).await.json();
    assert_eq!((&one["id"], &one["members"]["total"]), (&id.into(), &1.into()));
    let member = &one["members"]["items"][0];
    assert_eq!((&member["target"], &member["fault"]), (&"submission://mail.example:587".into(), &"server".into()));
    assert_eq!(names(&ask("/incidents?endpoint=mail&state=open").await.json()), ["mail", "mail"]);
}

#[tokio::test]
async fn the_daemon_tells_of_itself() {
    let status = ask("/status").await.json();
    assert_eq!((&status["endpoints"], &status["severities"]["critical"]), (&8.into(), &3.into()));
    assert_eq!(status["incidents"], serde_json::json!({"open": 3, "suspected": 1}));
    assert_eq!(status["next_expiry"]["endpoint"], "mail");
    assert_eq!((&status["outbox"]["length"], &status["reload"]["successful"]), (&1.into(), &false.into()));
    assert_eq!(ask("/silences").await.json()["items"][0]["id"], "1f3a5c70");
    assert_eq!(ask("/outbox").await.json()["items"][0]["state"], "waits");
    assert_eq!(ask("/endpoints/mail/history").await.json()["total"], 0);
}

#[tokio::test]
async fn what_goes_wrong_is_a_problem_with_words() {
    for (method, path, status, detail) in [
        ("GET", "/api", 404, "there is nothing at this path"),
        ("GET", "/api/v1/nothing", 404, "there is nothing at this path"),
        ("GET", "/api/v1/endpoints/", 404, "there is nothing at this path"),
        ("GET", "/api/v1/endpoints/nobody", 404, "no endpoint of this name"),
        ("GET", "/api/v1/endpoints/mail/chain?address=192.0.2.99", 404, "no such address"),
        ("GET", "/api/v1/incidents/nobody", 404, "no such incident"),
        ("GET", "/api/v1/endpoints?limit=1001", 400, "write a whole number from 1 to 1000"),
        ("GET", "/api/v1/status?x=1", 400, "\"x\" is no parameter here; there are: none"),
        ("PUT", "/api/v1/status", 405, "only GET, HEAD, OPTIONS here"),
    ] {
        let answered = ask_with(sample::fleet(), method, path, &[]).await;
        assert_eq!((answered.status, answered.header("content-type")), (status, "application/problem+json"), "{path}");
        let problem = answered.json();
        assert_eq!((&problem["status"], &problem["type"]), (&status.into(), &"about:blank".into()));
        assert!(problem["detail"].as_str().is_some_and(|found| found.contains(detail)), "{problem}");
    }
    let refused = ask_with(sample::fleet(), "DELETE", "/api/v1/endpoints", &[]).await;
    assert_eq!(refused.header("allow"), "GET, HEAD, OPTIONS");
    let options = ask_with(sample::fleet(), "OPTIONS", "/api/v1/endpoints", &[]).await;
    assert_eq!((options.status, options.header("allow"), &*options.body), (204, "GET, HEAD, OPTIONS", ""));
}

#[tokio::test]
async fn what_the_reader_has_is_not_sent_again() {
    let path = "/api/v1/endpoints?q=mail";
    let first = ask_with(sample::small(), "GET", path, &[]).await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with("W/\"") && tag.len() == 36, "{tag}");
    for known in [tag.clone(), format!("\"x\", {tag}"), "*".into()] {
        let again = ask_with(sample::small(), "GET", path, &[("if-none-match", &*known)]).await;
        assert_eq!((again.status, &*again.body, again.header("etag")), (304, "", &*tag), "{known}");
    }
    assert_eq!(ask_with(sample::small(), "GET", "/api/v1/endpoints", &[("if-none-match", &tag)]).await.status, 200);
    let packed = ask_with(sample::small(), "GET", path, &[("accept-encoding", "gzip")]).await;
    assert_eq!((packed.header("content-encoding"), packed.header("etag")), ("gzip", &*tag));
}

#[tokio::test]
async fn strangers_texts_are_printable_and_cut() {
    let long = format!("{HOSTILE}{}", "x".repeat(60_000));
    let mut snapshot = sample::fleet();
    snapshot.troubles.push(long);
    let mut seen = 0;
    for route in ROUTES {
        let id = &sample::fleet().incidents[3].incident.id;
        let name = crate::web::page::encode(HOSTILE);
        let id = if route.path.starts_with("/silences") { "1f3a5c70" } else { id };
        let path = format!("/api/v1{}", route.path.replace("{name}", &name).replace("{id}", id));
        if route.method != "GET" {
            continue;
        }
        let answered = ask_with(snapshot.clone(), "GET", &path, &[]).await;
        assert_eq!(answered.status, 200, "{path}: {}", answered.body);
        assert!(!answered.body.contains(['\u{202e}', '\u{1b}', '\r']), "{path}: {}", answered.body);
        let json = if answered.header("content-type") == JSON { answered.json() } else { continue };
        let evil = printable_cut(HOSTILE, 1000);
        each_text(&json, &mut |text| {
            seen += usize::from(text.contains(&evil));
            assert!(route.id == "openapi" || text.chars().count() <= 1000, "{path}: {text}");
            assert!(!text.contains("example.org"), "a mail address at {path}: {text}");
        });
    }
    assert!(seen > 10, "names, subjects, reasons, troubles: {seen}");
}

fn each_text(value: &Value, look: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => look(text),
        Value::Array(items) => items.iter().for_each(|item| each_text(item, look)),
        Value::Object(fields) => fields.iter().for_each(|(key, item)| {
            look(key);
            if key != "repaired_chain" && key != "next" {
                each_text(item, look);
            }
        }),
        _ => {}
    }
}

#[tokio::test]
async fn who_has_the_token_silences() {
    let draft = r#"{"endpoints": ["shop*"], "labels": {"team": ["web"]}, "findings": ["expiry"],
        "until": "2026-11-23T00:00:00Z", "reason": " the\u202e move ", "by": "alice"}"#;
    let (made, event) = write("POST", "/silences", draft).await;
    let Some(Event::SilencedMore(silence)) = event else { panic!("{} and {event:?}", made.body) };
    assert_eq!(silence.to_string(), "expiry at shop* with team=web");
    assert_eq!((&*silence.by, &*silence.reason), ("alice (token)", "the\\E2\\80\\AE move"));
    assert_eq!((made.status, made.header("location")), (201, &*format!("silences/{}", silence.id)));
    assert_eq!((&made.json()["id"], &made.json()["since"]), (&silence.id.into(), &"2026-11-22T09:42:00Z".into()));
    assert_eq!(made.json()["named"], 1, "{}", made.body);
    for (body, detail) in [
        ("", "the body cannot be used: EOF while parsing"),
        ("{}", "missing field `until`"),
        (r#"{"until": "2026-11-23T00:00:00Z", "reason": "x"}"#, "it would silence everything"),
        (r#"{"endpoints": ["*"], "until": "2026-11-23T00:00:00Z", "reason": " "}"#, "the reason is empty"),
        (r#"{"endpoints": ["*"], "until": "2026-11-22T00:00:00Z", "reason": "x"}"#, "is over already"),
        (r#"{"endpoints": ["*"], "until": "2028-11-22T00:00:00Z", "reason": "x"}"#, "lasts a year at most"),
        (r#"{"endpoints": ["*"], "until": "tomorrow", "reason": "x"}"#, "until: \"tomorrow\" is no moment"),
        (r#"{"findings": ["expird"], "until": "2026-11-23T00:00:00Z", "reason": "x"}"#, "\"expird\" is no finding"),
        (r#"{"endpoint": "*", "until": "2026-11-23T00:00:00Z", "reason": "x"}"#, "unknown field `endpoint`"),
    ] {
        let (refused, event) = write("POST", "/silences", body).await;
        assert_eq!((refused.status, event.is_none()), (400, true), "{body}");
        assert!(refused.body.contains(&detail.replace('"', "\\\"")), "{}", refused.body);
    }
    let (long, _) = write("POST", "/silences", &"x".repeat(70_000)).await;
    assert!(long.status == 400 && long.body.contains("longer than 65536 octets"), "{}", long.body);
    let (gone, event) = write("DELETE", "/silences/1f3a5c70", "").await;
    assert_eq!((gone.status, &*gone.body), (204, ""));
    assert!(matches!(event, Some(Event::SilencedNoMore(id)) if id == "1f3a5c70"));
    assert_eq!(write("DELETE", "/silences/nobody", "").await.0.status, 404);
}

#[tokio::test]
async fn a_visit_is_asked_for_now_and_then() {
    let (accepted, event) = write("POST", "/endpoints/mail/check", "").await;
    assert_eq!((accepted.status, &accepted.json()["last_probe"]), (202, &"2026-11-22T09:42:00Z".into()));
    assert!(matches!(event, Some(Event::Hastened(name)) if &*name == "mail"));
    assert_eq!(write("POST", "/endpoints/nobody/check", "").await.0.status, 404);
    let (desk, _wished) = Desk::new();
    desk.hasten("mail", tokio::time::Instant::now()).expect("the first");
    let token = [("authorization", "Bearer correct horse battery")];
    let again = send(sample::fleet(), Arc::new(desk), "POST", "/api/v1/endpoints/mail/check", &token, "").await;
    assert_eq!((again.status, again.header("retry-after")), (429, "10"));
}

#[tokio::test]
async fn who_sees_to_an_incident_says_so() {
    let id = sample::fleet().incidents[2].incident.id.clone();
    let (done, event) = write("POST", &format!("/incidents/{id}/acknowledge"), r#"{"by": "bob@example.org"}"#).await;
    assert_eq!(done.status, 204);
    let Some(Event::Answered(answer)) = event else { panic!("{event:?}") };
    assert_eq!((answer.incident, &*answer.person), (id, "bob@example.org"));
    assert_eq!(write("POST", "/incidents/nobody/acknowledge", r#"{"by": "bob"}"#).await.0.status, 404);
}

#[tokio::test]
async fn who_has_no_token_changes_nothing() {
    for route in ROUTES.iter().filter(|route| route.method != "GET") {
        let path = format!("/api/v1{}", route.path.replace("{name}", "mail").replace("{id}", "1f3a5c70"));
        let wrong = [("authorization", "Bearer wrong")];
        let other_site = [("authorization", "Bearer correct horse battery"), ("sec-fetch-site", "cross-site")];
        for (headers, status) in [(&[][..], 401), (&wrong, 401), (&other_site, 403)] {
            let (desk, mut wished) = Desk::new();
            let denied = send(sample::fleet(), Arc::new(desk), route.method, &path, headers, "{}").await;
            assert_eq!((denied.status, denied.header("content-type")), (status, "application/problem+json"), "{path}");
            assert_eq!(denied.header("www-authenticate").is_empty(), status == 403);
            assert!(wished.try_recv().is_err(), "{path} was done");
        }
    }
}

#[test]
fn the_document_has_every_route_and_nothing_that_leads_nowhere() {
    let document: Value = serde_json::from_str(openapi::document()).expect("JSON");
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = std::collections::BTreeSet::new();
    for route in ROUTES {
        let operation = &document["paths"][route.path][route.method.to_ascii_lowercase()];
        assert_eq!(operation["operationId"], route.id, "{}", route.path);
        assert!(ids.insert(route.id), "{} twice", route.id);
    }
    let mut references = 0;
    each_reference(&document, &mut |reference| {
        references += 1;
        let found = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
        assert!(found.is_some(), "{reference}");
    });
    assert!(references > ROUTES.len());
    let documented = include_str!("../../../docs/api.md");
    for route in ROUTES {
        let path = route.path.replace("{name}", "NAME").replace("{id}", "ID");
        let forms = [format!("`{path}`"), format!("`{} {path}`", route.method)];
        assert!(forms.iter().any(|form| documented.contains(form)), "{path} is not in docs/api.md");
    }
}

#[tokio::test]
async fn a_few_names_are_an_enumeration_and_all_that_is_said() {
    let document: Value = serde_json::from_str(openapi::document()).expect("JSON");
    // By the field: the enumerations that its schemas refer to.
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for schema in document["components"]["schemas"].as_object().expect("schemas").values() {
        for (field, of) in schema["properties"].as_object().into_iter().flatten() {
            each_reference(of, &mut |reference| {
                let words = document.pointer(&reference[1..]).and_then(|schema| schema["enum"].as_array());
                let words = words.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
                names.entry(field.clone()).or_default().extend(words);
            });
        }
    }
    let enumerated: Vec<_> = names.iter().filter(|(_, words)| !words.is_empty()).map(|(field, _)| &**field).collect();
    assert_eq!(
        enumerated,
        ["chain_status", "client", "fault", "kind", "severity", "stage", "state", "used_by", "verdict"],
        "what one of a few names may say"
    );
    let mut seen = 0;
    for path in [
        "/endpoints",
        "/endpoints/mail/addresses",
        "/endpoints/down/addresses",
        "/endpoints/mail/chain",
        "/findings",
        "/incidents",
    ] {
        each_field(&ask(path).await.json(), &mut |field, said| {
            if let Some(words) = names.get(field).filter(|words| field != "kind" && !words.is_empty()) {
                assert!(
                    said.is_null() || said.as_str().is_some_and(|said| words.iter().any(|word| word == said)),
                    "{path}: {field} {said}"
                );
                seen += 1;
            }
        });
    }
    assert!(seen > 50, "{seen}");
}

fn each_field(value: &Value, look: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| each_field(item, look)),
        Value::Object(fields) => fields.iter().for_each(|(field, item)| {
            if !item.is_array() {
                look(field, item);
            }
            each_field(item, look);
        }),
        _ => {}
    }
}

fn each_reference(value: &Value, look: &mut impl FnMut(&str)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| each_reference(item, look)),
        Value::Object(fields) => fields.iter().for_each(|(key, item)| match item.as_str() {
            Some(reference) if key == "$ref" => look(reference),
            _ => each_reference(item, look),
        }),
        _ => {}
    }
}
