//! A webhook: the facts as they are, signed.
//!
//! `Certvigil-Signature: v1=HEX` is the HMAC-SHA256 (RFC 2104) of `TIMESTAMP.BODY` with the shared secret, where TIMESTAMP is the
//! value of `Certvigil-Timestamp`, the seconds since 1970 of this very attempt. `Idempotency-Key` is the same for every attempt.

use std::fmt::Write as _;

use aws_lc_rs::hmac;

use super::{
    Outcome,
    http::{Client, Post, Url},
};
use crate::{clock::Timestamp, mail::Secret};

/// Where to, and what it is signed with.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Where to post.
    pub url: Url,
    /// Known to both sides.
    pub secret: Secret,
}

pub(super) async fn deliver(hook: &Webhook, client: &Client, id: &str, body: &[u8], now: Timestamp) -> Outcome {
    let timestamp = now.as_second().to_string();
    let headers = vec![
        ("idempotency-key", id.to_owned()),
        ("certvigil-signature", format!("v1={}", signature(&hook.secret, &timestamp, body))),
        ("certvigil-timestamp", timestamp),
    ];
    client.post(&hook.url, Post { headers, body: body.to_vec() }, now).await
}

fn signature(secret: &Secret, timestamp: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.0.as_bytes());
    let mut context = hmac::Context::with_key(&key);
    for part in [timestamp.as_bytes(), b".", body] {
        context.update(part);
    }
    context.sign().as_ref().iter().fold(String::new(), |mut hex, octet| {
        let _ = write!(hex, "{octet:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_openssl_computes() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key
        let signed = signature(&Secret("key".into()), "1700000000", b"{\"a\":1}");
        assert_eq!(signed, "a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03");
        assert_ne!(signature(&Secret("key".into()), "1700000001", b"{\"a\":1}"), signed);
    }
}
