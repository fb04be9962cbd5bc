//! Servers and proxies that say whatever they like.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    connect,
    handshake::{Groups, Handshaker},
    introduction::Question,
    session::Limits,
    starttls::{Talk, upgrade},
    trouble::Trouble,
};
use crate::{
    endpoint::{Endpoint, Host, StartTls},
    hostile::{Script, assert_safe, at_once},
    observation::Outcome,
};

fn assert_told(result: Result<(), Trouble>) {
    if let Err(trouble) = result {
        assert!(!trouble.detail.is_empty() && trouble.detail.chars().count() < 1000, "{}", trouble.detail);
        assert_safe(&trouble.detail);
    }
}

/// A conversation before TLS: the protocol, the length of the pieces, what the server says.
pub(crate) fn starttls(octets: &[u8]) {
    let [protocol, piece, octets @ ..] = octets else { return };
    let protocol = ALL[usize::from(*protocol) % ALL.len()];
    let domain = Host::Name("a.example".into());
    let talk = Talk { peer: "192.0.2.1:25", domain: &domain, local: None };
    let mut said = Vec::new();
    assert_told(at_once(upgrade(protocol, &mut Script { octets, piece: 1 + usize::from(*piece) }, &talk, &mut said)));
    assert!(said.len() <= 40 && said.iter().all(|said| said.text.chars().count() <= 200), "{said:?}");
    for said in &said {
        assert_safe(&said.text);
    }
}

/// An answer in HTTP: a proxy's, or that of a server which is asked what it is.
pub(crate) fn proxy(octets: &[u8]) {
    let proxy = ([192, 0, 2, 1], 3128).into();
    assert_told(at_once(connect::ask_proxy(&mut Script { octets, piece: 100 }, proxy, "a.example:443")));
    let endpoint = Endpoint::new("https://a.example".parse().expect("a target"));
    for said in Question::to(&endpoint).expect("HTTP").told(octets) {
        assert_safe(&said.text);
    }
}

/// A TLS server: the length of the pieces, what the server says.
pub(crate) fn tls(octets: &[u8]) {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        static HANDSHAKER: Handshaker = Handshaker::new(None);
    }
    let [piece, octets @ ..] = octets else { return };
    let host = Host::Name("a.example".into());
    let outcome = HANDSHAKER.with(|handshaker| {
        RUNTIME.with(|runtime| {
            runtime.block_on(async {
                let total = Duration::from_mins(1);
                let deadline = Instant::now() + total;
                let limits = Limits { total, deadline, first_octet_by: deadline, max_octets: 64 * 1024 };
                let mut script = Script { octets, piece: 1 + usize::from(*piece) * 16 };
                handshaker.shake(Groups::Classic, &host, &mut script, "192.0.2.1:443", limits).await.outcome
            })
        })
    });
    match outcome {
        Outcome::Handshake(handshake) => assert!(handshake.chain.iter().count() > 0),
        Outcome::Failure(failure) => assert_safe(&failure.detail),
    }
}

const ALL: [StartTls; 13] = [
    StartTls::Smtp,
    StartTls::Lmtp,
    StartTls::Imap,
    StartTls::Pop3,
    StartTls::Sieve,
    StartTls::Ftp,
    StartTls::Ldap,
    StartTls::Xmpp,
    StartTls::XmppServer,
    StartTls::Postgres,
    StartTls::Mysql,
    StartTls::Nntp,
    StartTls::Irc,
];
