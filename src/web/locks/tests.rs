use std::net::SocketAddr;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::Request;

use super::*;
use crate::web::Listen;

fn settings(rules: Rules) -> Settings {
    let listen = vec![Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)))];
    Settings { listen, public_url: Some("https://certs.example.com".into()), watch_certificate: true, rules }
}

fn with_token() -> Locks {
    Locks::new(&settings(Rules { write_token: Some(Token::new("correct horse battery")), ..Rules::default() }))
}

fn post(headers: &[(&str, &str)]) -> Parts {
    let request = headers.iter().fold(Request::post("/api/v1/silences"), |request, (name, value)| request.header(*name, *value));
    request.body(()).expect("a request").into_parts().0
}

fn denied(locks: &Locks, headers: &[(&str, &str)]) -> (u16, String) {
    let denied = locks.may_write(&post(headers)).expect_err("denied");
    (denied.status.as_u16(), denied.reason)
}

#[test]
fn nobody_writes_where_nothing_is_configured() {
    let locks = Locks::new(&settings(Rules::default()));
    for headers in [&[][..], &[("Authorization", "Bearer ")], &[("Authorization", "Bearer correct horse battery")]] {
        assert_eq!(denied(&locks, headers), (403, READ_ONLY.into()));
    }
    locks.change(&settings(Rules { write_token: Some(Token::new("another good token")), ..Rules::default() }));
    assert_eq!(locks.may_write(&post(&[("Authorization", "Bearer another good token")])), Ok(Writer { name: "token".into() }));
}

#[test]
fn the_token_lets_write() {
    let locks = with_token();
    for right in ["Bearer correct horse battery", "bearer  correct horse battery "] {
        assert!(locks.may_write(&post(&[("Authorization", right)])).is_ok(), "{right}");
    }
    let wrong = locks.may_write(&post(&[("Authorization", "Bearer correct horse batterx")])).expect_err("denied");
    assert_eq!((wrong.status.as_u16(), &*wrong.reason), (401, "this is not the write token"));
    assert_eq!(wrong.headers, [(header::WWW_AUTHENTICATE, HeaderValue::from_static(INVALID_TOKEN))]);
    for not_shown in ["", "Bearer", "Basic YTpi", "correct horse battery"] {
        assert_eq!(denied(&locks, &[("Authorization", not_shown)]), (401, NO_TOKEN.into()), "{not_shown}");
    }
    // Which of the two would count is for nobody to choose.
    let right = ("Authorization", "Bearer correct horse battery");
    assert_eq!(denied(&locks, &[right, right]), (401, NO_TOKEN.into()));
}

#[test]
fn the_token_does_not_help_another_site() {
    let (locks, right) = (with_token(), ("Authorization", "Bearer correct horse battery"));
    assert_eq!(denied(&locks, &[right, ("Sec-Fetch-Site", "cross-site")]), (403, CROSS_SITE.into()));
    assert_eq!(denied(&locks, &[right, ("Origin", "https://evil.example")]), (403, CROSS_SITE.into()));
    assert!(locks.may_write(&post(&[right, ("Origin", "https://certs.example.com")])).is_ok());
}

#[test]
fn nothing_shows_the_token() {
    let shown = format!("{:?}", with_token());
    assert!(shown.contains("***") && !shown.contains("horse"), "{shown}");
}

/// Alice may write, bob may look; both have the password "secret".
fn with_users() -> Locks {
    let hash = PasswordHash::new(&bcrypt::hash("secret", 4).expect("a hash")).expect("sound");
    let users = BTreeMap::from([("alice".into(), hash.clone()), ("bob".into(), hash)]);
    let token = Some(Token::new("correct horse battery"));
    Locks::new(&settings(Rules { users, writers: BTreeSet::from(["alice".into()]), write_token: token, ..Rules::default() }))
}

fn basic(login: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(login))
}

/// The status of entering, and then of writing.
async fn tried(locks: &Locks, from: &str, authorization: &str, path: &str) -> (u16, u16) {
    let request = Request::post(path).header("Authorization", authorization);
    let mut request = request.body(()).expect("a request").into_parts().0;
    request.extensions.insert(Peer(from.parse().ok()));
    let status = |denied: Denied| denied.status.as_u16();
    let entered = locks.enter(&mut request).await.map_or_else(status, |()| 200);
    (entered, locks.may_write(&request).map_or_else(status, |_| 200))
}

#[tokio::test]
async fn users_look_and_some_of_them_write() {
    let locks = with_users();
    assert_eq!(tried(&locks, "192.0.2.1", &basic("alice:secret"), "/").await, (200, 200));
    assert_eq!(tried(&locks, "192.0.2.1", &basic("bob:secret"), "/").await, (200, 403));
    assert_eq!(tried(&locks, "192.0.2.1", "Bearer correct horse battery", "/").await, (200, 200));
    for wrong in ["alice:Secret", "alice:", "Alice:secret", "carol:secret", ":secret", "alice"] {
        assert_eq!(tried(&locks, "192.0.2.1", &basic(wrong), "/").await, (401, 401), "{wrong}");
    }
    for wrong in ["", "Basic", "Basic !", "Digest username=alice", "Bearer wrong horse battery"] {
        assert_eq!(tried(&locks, "192.0.2.2", wrong, "/metrics").await, (401, 401), "{wrong}");
    }
    for open in ["/healthz", "/readyz", "/answer/x", "/answer/style.css"] {
        assert_eq!(tried(&locks, "192.0.2.1", "", open).await, (200, 401), "{open}");
    }
}

#[tokio::test]
async fn who_guesses_is_slowed_down_and_who_knows_is_not() {
    let locks = with_users();
    assert_eq!(tried(&locks, "192.0.2.1", &basic("bob:secret"), "/").await.0, 200);
    for n in 0..10 {
        assert_eq!(tried(&locks, "192.0.2.1", &basic(&format!("alice:{n}")), "/").await.0, 401, "{n}");
    }
    // Even the right password, for what this answer said could be guessed by.
    assert_eq!(tried(&locks, "192.0.2.1", &basic("alice:secret"), "/").await.0, 429);
    assert_eq!(tried(&locks, "192.0.2.1", "Bearer wrong horse battery", "/").await, (429, 429));
    // Who has shown theirs before, and who comes from elsewhere, does not suffer for it.
    assert_eq!(tried(&locks, "192.0.2.1", &basic("bob:secret"), "/").await.0, 200);
    assert_eq!(tried(&locks, "192.0.2.2", &basic("alice:secret"), "/").await.0, 200);
    assert_eq!(tried(&locks, "192.0.2.1", "Bearer correct horse battery", "/").await.0, 200);
}

#[tokio::test]
async fn a_changed_password_is_another() {
    let locks = with_users();
    assert_eq!(tried(&locks, "", &basic("alice:secret"), "/").await.0, 200);
    let hash = PasswordHash::new(&bcrypt::hash("other", 4).expect("a hash")).expect("sound");
    locks.change(&settings(Rules { users: BTreeMap::from([("alice".into(), hash)]), ..Rules::default() }));
    assert_eq!(tried(&locks, "", &basic("alice:secret"), "/").await.0, 401);
    assert_eq!(tried(&locks, "", &basic("alice:other"), "/").await, (200, 403));
}

#[tokio::test]
async fn all_together_may_ask_so_often() {
    let pace = Pace { every: Duration::from_mins(1), at_once: 2 };
    let locks = Locks::new(&settings(Rules { requests: Some(pace), ..Rules::default() }));
    for (path, status) in [("/metrics", 200), ("/", 200), ("/metrics", 429), ("/healthz", 200)] {
        assert_eq!(tried(&locks, "192.0.2.1", "", path).await.0, status, "{path}");
    }
    let denied = locks.enter(&mut post(&[])).await.expect_err("too many");
    assert_eq!(denied.headers, [(header::RETRY_AFTER, HeaderValue::from_static("60"))]);
}
