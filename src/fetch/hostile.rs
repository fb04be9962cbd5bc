//! AIA servers that answer whatever they like.

use hyper::Uri;

use super::{answer, http};
use crate::hostile::{Script, assert_safe, at_once};

/// An HTTP answer, or what would be within one.
pub(crate) fn answer(octets: &[u8]) {
    const MAX: usize = 64 * 1024;
    let uri = Uri::from_static("http://a.example/ca.der");
    match at_once(http::exchange(Script { octets, piece: 1000 }, &uri, "a.example", MAX)) {
        Ok(http::Reply::Body(body)) => {
            assert!(body.len() <= MAX);
            answer::certificates(&body);
        }
        Ok(http::Reply::Moved(_)) => {}
        Err(reason) => assert_safe(&reason),
    }
    assert!(answer::certificates(octets).len() <= 16);
}
