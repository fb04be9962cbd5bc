use std::net::SocketAddr;

use hyper::Request;

use super::*;

fn settings(rules: Rules) -> Settings {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    Settings { listen, public_url: Some("https://certs.example.com".into()), rules }
}

fn with_token() -> Locks {
    Locks::new(&settings(Rules { write_token: Some(Token::new("correct horse battery")) }))
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
    locks.change(&settings(Rules { write_token: Some(Token::new("another good token")) }));
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
