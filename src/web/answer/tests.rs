//! A link shows what it would do, and does it when that is confirmed; nothing else does anything.

use std::sync::Arc;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    clock::{Timestamp, later},
    incident::Acknowledged,
    web::{
        Listen, Locks, OwnMetrics, Pulse, Rules, Settings, State,
        hostile::assert_balanced,
        sample::{self, HOSTILE},
        serve,
    },
};

const KEY: [u8; Key::LENGTH] = [7; Key::LENGTH];

fn key() -> Key {
    Key::new(&KEY)
}

/// With one open incident.
fn snapshot() -> Snapshot {
    let mut snapshot = sample::fleet();
    let mut view = snapshot.incidents.swap_remove(1);
    let incident = Arc::make_mut(&mut view.incident);
    (incident.acknowledged, incident.declined) = (None, Vec::new());
    Arc::make_mut(&mut view.members[0]).heard = vec!["o@example.com".into()];
    snapshot.incidents = vec![view];
    snapshot
}

fn link(action: Action, language: &str, until: Timestamp) -> String {
    let incident = snapshot().incidents[0].incident.id.clone();
    key().seal(&Answer { action, incident, person: "o@example.com".into(), language: language.into(), until })
}

fn tomorrow() -> Timestamp {
    later(sample::now(), Duration::from_hours(24))
}

/// What a reader is answered while the brain says of what is asked that it is on the disk, or not, or nothing.
async fn respond(method: Method, link: &str, snapshot: &Snapshot, saved: Option<bool>) -> (u16, String, Vec<Answer>) {
    let (answers, mut asked) = Answers::new(key());
    let brain = async {
        let mut all = Vec::new();
        while let Some(Asked { answer, done }) = asked.recv().await {
            all.push(answer);
            if let Some(saved) = saved {
                done.send(saved).expect("somebody waits");
            }
        }
        all
    };
    let reader = async {
        let response = answers.respond(&method, link, snapshot).await;
        drop(answers);
        response
    };
    let ((status, page), all) = tokio::join!(reader, brain);
    assert_balanced(&page);
    assert!(page.contains("<title>"), "the layout is sound");
    (status.as_u16(), page, all)
}

#[tokio::test]
async fn a_look_changes_nothing_and_a_confirmation_is_done() {
    for action in Action::ALL {
        let link = link(action, "en", tomorrow());
        for method in [Method::GET, Method::HEAD] {
            let (status, page, asked) = respond(method, &link, &snapshot(), Some(true)).await;
            assert_eq!((status, asked), (200, Vec::new()));
            assert!(page.contains("<form method=\"post\"><button>"), "{page}");
        }
        let (status, page, asked) = respond(Method::POST, &link, &snapshot(), Some(true)).await;
        assert_eq!((status, asked.len(), asked[0].action), (200, 1, action));
        assert!(page.contains("It is done.") && !page.contains("<form"), "{page}");
    }
}

#[tokio::test]
async fn a_page_says_what_it_is_about_in_the_language_of_the_mail() {
    let (_, page, _) = respond(Method::GET, &link(Action::Snooze, "en", tomorrow()), &snapshot(), None).await;
    insta::assert_snapshot!(page, @r#"
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <title>Snooze it for 7 days? - certvigil</title>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta name="robots" content="noindex">
    <link rel="stylesheet" href="style.css">
    </head>
    <body>
    <main>
    <p class="quiet">certvigil</p>
    <h1>Snooze it for 7 days?</h1>
    <p class="what">the server does not send the intermediate &quot;Sample CA 1&quot; that issued mail.example</p>
    <ul>
    <li>mail</li>
    </ul>
    <p>For 7 days nobody hears of this finding at these endpoints. A certificate&#x27;s last day and its end are told all the same. The silence stands on the status page, and can be taken back with certvigil silence remove.</p>
    <form method="post"><button>Snooze it</button></form>
    <p class="quiet">This is the answer of o@example.com.</p>
    </main>
    </body>
    </html>
    "#);
    let (_, page, _) = respond(Method::GET, &link(Action::Decline, "de", tomorrow()), &snapshot(), None).await;
    assert!(page.starts_with("<!DOCTYPE html>\n<html lang=\"de\">"), "{page}");
    assert!(page.contains("<button>Nicht zuständig</button>") && page.contains("Antwort von o@example.com."), "{page}");
}

#[tokio::test]
async fn what_cannot_be_done_is_told_apart() {
    let good = link(Action::Acknowledge, "en", tomorrow());
    let status = |method, link: &str, snapshot: Snapshot, saved| {
        let link = link.to_owned();
        async move { respond(method, &link, &snapshot, saved).await }
    };
    let (code, page, asked) = status(Method::POST, &good, snapshot(), Some(false)).await;
    assert!(code == 507 && page.contains("not written down") && asked.len() == 1, "{page}");
    let (code, page, _) = status(Method::POST, &link(Action::Acknowledge, "en", sample::now()), snapshot(), Some(true)).await;
    assert!(code == 410 && page.contains("It was good until 2026-11-22 09:42 UTC."), "{page}");
    let (code, page, _) = status(Method::POST, &good, sample::small(), Some(true)).await;
    assert!(code == 410 && page.contains("It is over"), "{page}");
    for wrong in ["", "x", "a.b", &good[1..], &good[..good.len() - 1], &format!("{good}/"), "../metrics"] {
        let (code, page, asked) = status(Method::POST, wrong, snapshot(), Some(true)).await;
        assert!(code == 404 && asked.is_empty() && page.contains("none of ours"), "{wrong}: {page}");
    }
    let (answers, asked) = Answers::new(key());
    drop(asked);
    let (code, page) = answers.respond(&Method::POST, &good, &snapshot()).await;
    assert!(code == StatusCode::SERVICE_UNAVAILABLE && page.contains("Nothing was changed"), "{page}");
}

#[tokio::test(start_paused = true)]
async fn who_tries_wrong_links_is_sent_away_and_a_good_one_always_works() {
    let (answers, _asked) = Answers::new(key());
    let snapshot = snapshot();
    let mut codes = Vec::new();
    for _ in 0..25 {
        codes.push(answers.respond(&Method::GET, "wrong.link", &snapshot).await.0.as_u16());
    }
    assert_eq!(codes, [[404; 20].as_slice(), &[429; 5]].concat());
    let good = link(Action::Snooze, "en", tomorrow());
    assert_eq!(answers.respond(&Method::GET, &good, &snapshot).await.0, StatusCode::OK);
    tokio::time::advance(EVERY).await;
    assert_eq!(answers.respond(&Method::GET, "wrong.link", &snapshot).await.0, StatusCode::NOT_FOUND);
    assert_eq!(answers.respond(&Method::GET, "wrong.link", &snapshot).await.0, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn what_is_so_already_is_not_asked_again() {
    let mut known = snapshot();
    let view = &mut known.incidents[0];
    let stage = view.members[0].stage();
    let incident = Arc::make_mut(&mut view.incident);
    incident.acknowledged = Some(Acknowledged { by: "o@example.com".into(), at: sample::now(), stage });
    incident.declined.push("o@example.com".into());
    for action in [Action::Acknowledge, Action::Decline] {
        let (status, page, _) = respond(Method::GET, &link(action, "en", tomorrow()), &known, None).await;
        assert!(status == 200 && page.contains("It is done.") && !page.contains("<form"), "{page}");
    }
}

#[tokio::test]
async fn a_stranger_s_text_is_text() {
    let mut hostile = snapshot();
    Arc::make_mut(&mut hostile.incidents[0].members[0]).summary = HOSTILE.into();
    let (_, page, _) = respond(Method::GET, &link(Action::Snooze, "en", tomorrow()), &hostile, None).await;
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"), "{page}");
}

#[tokio::test]
async fn over_http_it_is_a_path_of_its_own() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let address = listener.local_addr().expect("address");
    let (_sender, snapshots) = watch::channel(Arc::new(snapshot()));
    let (answers, mut asked) = Answers::new(key());
    let answers = Some(Arc::new(answers));
    let (_, mail) = watch::channel(None);
    let (own, pulse) = (Arc::new(OwnMetrics::new()), Arc::new(Pulse::new()));
    let settings =
        Settings { listen: vec![Listen::Tcp(address)], public_url: None, watch_certificate: true, rules: Rules::default() };
    let locks = Arc::new(Locks::new(&settings));
    let state = State {
        snapshots,
        own,
        pulse,
        answers,
        locks,
        desk: Arc::new(crate::web::Desk::new().0),
        strangers: None,
        archive: None,
        mail,
    };
    let shutdown = CancellationToken::new();
    let server = tokio::spawn(serve(vec![listener.into()], state, shutdown.clone()));
    let brain = tokio::spawn(async move {
        let Asked { answer, done } = asked.recv().await.expect("it is asked");
        done.send(true).expect("somebody waits");
        answer
    });
    let ask = async |request: String| {
        let mut stream = TcpStream::connect(address).await.expect("connect");
        let request = format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\na=b");
        stream.write_all(request.as_bytes()).await.expect("write");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("text");
        answer
    };
    let link = link(Action::Acknowledge, "en", tomorrow());
    let look = ask(format!("GET /answer/{link}")).await;
    assert!(look.starts_with("HTTP/1.1 200") && look.contains("cache-control: no-store\r\n"), "{look}");
    assert!(look.contains("form-action 'self'") && look.contains("referrer-policy: no-referrer\r\n"), "{look}");
    assert!(ask(format!("PUT /answer/{link}")).await.contains("allow: GET, HEAD, POST\r\n"));
    assert!(ask("GET /answer/style.css".into()).await.contains("content-type: text/css"));
    assert!(ask("GET /answer".into()).await.starts_with("HTTP/1.1 404"));
    let done = ask(format!("POST /answer/{link}")).await;
    assert!(done.starts_with("HTTP/1.1 200") && done.contains("It is done."), "{done}");
    assert_eq!(brain.await.expect("no panic").action, Action::Acknowledge);
    shutdown.cancel();
    server.await.expect("no panic").expect("no error");
}
