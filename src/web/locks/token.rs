//! A token that opens something: only its digest is kept.

use std::fmt;

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use hyper::{HeaderMap, header};

/// What a program sends as `Authorization: Bearer TOKEN` (RFC 6750, section 2.1). Shows itself to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; 32]);

impl Token {
    /// A shorter one could be guessed.
    pub const LEAST: usize = 16;

    /// What `text` opens.
    pub fn new(text: &str) -> Self {
        Token(sha256(text.as_bytes()))
    }

    /// In a time that tells nothing of the token.
    pub(super) fn is(&self, text: &str) -> bool {
        verify_slices_are_equal(&self.0, &sha256(text.as_bytes())).is_ok()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

fn sha256(octets: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, octets).as_ref());
    out
}

/// What follows this scheme in the one header `Authorization`.
pub(super) fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(only), None) = (all.next(), all.next()) else { return None };
    let (written, rest) = only.to_str().ok()?.split_once(' ')?;
    written.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}
