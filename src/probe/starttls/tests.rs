//! Scripted conversations: the client must say exactly what the script says, and the servers are of all sorts.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;
use crate::observation::{FailureKind, Party};

/// A turn of the script.
#[derive(Clone, Copy)]
enum Turn<'a> {
    Server(&'a [u8]),
    Client(&'a [u8]),
}
use Turn::{Client as C, Server as S};

/// Plays the script and then closes. What came of the upgrade, and the octets that were left for TLS.
async fn play(protocol: StartTls, script: &[Turn<'_>]) -> (Result<(), Trouble>, Vec<u8>) {
    let (result, rest, _) = overheard(protocol, script).await;
    (result, rest)
}

/// The same, and the conversation as it was written down: `S:` and `C:`.
async fn overheard(protocol: StartTls, script: &[Turn<'_>]) -> (Result<(), Trouble>, Vec<u8>, Vec<String>) {
    let (mut ours, theirs) = duplex(64 * 1024);
    let domain = "a.example".parse().expect("host");
    let talk = Talk { peer: "192.0.2.1:25", domain: &domain, local: Some("192.0.2.9".parse().expect("ip")) };
    let client = async {
        let mut said = Vec::new();
        let result = upgrade(protocol, &mut ours, &talk, &mut said).await;
        let mut rest = Vec::new();
        if result.is_ok() {
            ours.read_to_end(&mut rest).await.expect("rest");
        }
        drop(ours);
        (result, rest, said.iter().map(line).collect())
    };
    tokio::join!(client, serve(theirs, script)).0
}

fn line(said: &Said) -> String {
    format!("{}: {}", if said.by == Party::Server { "S" } else { "C" }, said.text)
}

async fn serve(mut stream: DuplexStream, script: &[Turn<'_>]) {
    for turn in script {
        match turn {
            S(octets) => stream.write_all(octets).await.expect("the client listens"),
            C(expected) => {
                let mut said = vec![0; expected.len()];
                let _ = stream.read_exact(&mut said).await;
                assert_eq!(String::from_utf8_lossy(&said), String::from_utf8_lossy(expected));
            }
        }
    }
}

async fn trouble(protocol: StartTls, script: &[Turn<'_>]) -> Trouble {
    play(protocol, script).await.0.expect_err("no upgrade")
}

/// The octets of an LDAP ExtendedResponse with this result code and text.
fn ldap_response(code: u8, text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("short");
    let mut octets = vec![0x30, 12 + length, 2, 1, 1, 0x78, 7 + length, 0x0a, 1, code, 4, 0, 4, length];
    octets.extend(text.as_bytes());
    octets
}

fn mysql_greeting(flags: [u8; 2]) -> Vec<u8> {
    let mut body = b"\x0a8.0.36\0".to_vec();
    body.extend([0x2a; 4 + 8]);
    body.push(0);
    body.extend(flags);
    body.extend([33, 2, 0, 0xff, 0xdf]);
    let mut packet = vec![u8::try_from(body.len()).expect("short"), 0, 0, 0];
    packet.extend(body);
    packet
}

const LDAP_REQUEST: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
const MYSQL_REQUEST: &[u8] = b"\x20\0\0\x01\x00\x8a\0\0\0\0\0\x01\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
const XMPP_OPEN: &[u8] = b"<?xml version='1.0'?><stream:stream to='a.example' xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
const XMPP_SERVER_OPEN: &[u8] = b"<?xml version='1.0'?><stream:stream to='a.example' xmlns='jabber:server' \
    xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
const XMPP_HEADER: &[u8] = b"<?xml version='1.0'?><stream:stream id='1' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
const XMPP_FEATURES: &[u8] =
    b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>";
const XMPP_STARTTLS: &[u8] = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const PG_REQUEST: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";

/// A conversation with each protocol that ends well.
fn good() -> Vec<(StartTls, Vec<Turn<'static>>)> {
    let leak = |octets: Vec<u8>| -> &'static [u8] { octets.leak() };
    vec![
        (
            StartTls::Smtp,
            vec![
                S(b"220-mail.example ESMTP\r\n220 no spam\r\n"),
                C(b"EHLO [192.0.2.9]\r\n"),
                S(b"250-mail.example hello\r\n250-SIZE 1000\r\n250-StartTLS\r\n250 HELP\r\n"),
                C(b"STARTTLS\r\n"),
                S(b"220 2.0.0 Ready to start TLS\r\n"),
            ],
        ),
        (
            StartTls::Lmtp,
            vec![
                S(b"220 lmtp.example\r\n"),
                C(b"LHLO [192.0.2.9]\r\n"),
                S(b"250-lmtp.example\r\n250 STARTTLS\r\n"),
                C(b"STARTTLS\r\n"),
                S(b"220\r\n"),
            ],
        ),
        (
            StartTls::Imap,
            vec![
                S(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n"),
                C(b"c1 STARTTLS\r\n"),
                S(b"* CAPABILITY IMAP4rev1\r\nc1 OK begin\r\n"),
            ],
        ),
        (StartTls::Pop3, vec![S(b"+OK ready <1@x>\r\n"), C(b"STLS\r\n"), S(b"+OK begin\r\n")]),
        (
            StartTls::Sieve,
            vec![
                S(b"\"IMPLEMENTATION\" \"x\"\r\n\"STARTTLS\"\r\n\"VERSION\" \"1.0\"\r\nOK \"ready\"\r\n"),
                C(b"STARTTLS\r\n"),
                S(b"OK \"begin\"\r\n"),
            ],
        ),
        (
            StartTls::Ftp,
            vec![S(b"220-Welcome\r\n to this\r\n331 server\r\n220 ready\r\n"), C(b"AUTH TLS\r\n"), S(b"234 begin\r\n")],
        ),
        (StartTls::Ldap, vec![C(LDAP_REQUEST), S(leak(ldap_response(0, "")))]),
        (
            StartTls::Xmpp,
            vec![
                C(XMPP_OPEN),
                S(XMPP_HEADER),
                S(XMPP_FEATURES),
                C(XMPP_STARTTLS),
                S(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
            ],
        ),
        (
            StartTls::XmppServer,
            vec![
                C(XMPP_SERVER_OPEN),
                S(XMPP_HEADER),
                S(XMPP_FEATURES),
                C(XMPP_STARTTLS),
                S(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'></proceed>"),
            ],
        ),
        (StartTls::Postgres, vec![C(PG_REQUEST), S(b"S")]),
        (StartTls::Mysql, vec![S(leak(mysql_greeting([0xff, 0xff]))), C(MYSQL_REQUEST)]),
        (StartTls::Nntp, vec![S(b"201 news.example\r\n"), C(b"STARTTLS\r\n"), S(b"382 begin\r\n")]),
        (
            StartTls::Irc,
            vec![
                C(b"STARTTLS\r\n"),
                S(b":irc.example NOTICE * :*** Looking up your hostname...\r\nPING :1234\r\n"),
                C(b"PONG :1234\r\n"),
                S(b":irc.example 670 * :STARTTLS successful, go ahead\r\n"),
            ],
        ),
    ]
}

#[tokio::test]
async fn what_is_text_is_written_down() {
    let mut all = String::new();
    for (protocol, script) in good() {
        let (_, _, said) = overheard(protocol, &script).await;
        all.extend([format!("{protocol:?}:")].into_iter().chain(said).map(|line| line + "\n"));
    }
    insta::assert_snapshot!(all);
    let refused = [S(b"220 mail.example ESMTP \x1b[2J\r\n"), C(b"EHLO [192.0.2.9]\r\n"), S(b"502 no\r\n")];
    let (result, _, said) = overheard(StartTls::Smtp, &refused).await;
    assert!(result.is_err());
    assert_eq!(said, ["C: EHLO [192.0.2.9]", "S: 502 no"], "control characters are no text");
}

#[tokio::test]
async fn a_database_tells_its_version() {
    let of_mariadb = |text: &[u8]| {
        let mut packet = mysql_greeting([0xff, 0xff]);
        packet.splice(5..11, text.iter().copied());
        packet[0] += u8::try_from(text.len() - 6).expect("short");
        packet
    };
    for (greeting, version) in [
        (mysql_greeting([0xff, 0xff]), "S: 8.0.36"),
        (of_mariadb(b"5.5.5-10.11.6-MariaDB-0+deb12u1"), "S: MariaDB 10.11.6-MariaDB-0+deb12u1"),
        (of_mariadb(b"11.8.3-MariaDB"), "S: MariaDB 11.8.3-MariaDB"),
    ] {
        let (result, _, said) = overheard(StartTls::Mysql, &[S(&greeting), C(MYSQL_REQUEST)]).await;
        assert_eq!((result, said), (Ok(()), vec![version.to_owned()]));
    }
}

#[tokio::test]
async fn every_protocol_reaches_tls_and_leaves_its_octets() {
    for (protocol, script) in good() {
        assert_eq!(play(protocol, &script).await, (Ok(()), Vec::new()), "{protocol:?}");
    }
}

#[tokio::test]
async fn what_comes_after_the_upgrade_is_left_in_the_stream() {
    let (mut ours, mut theirs) = duplex(1024);
    let domain = "a.example".parse().expect("host");
    let talk = Talk { peer: "p", domain: &domain, local: None };
    let server = async {
        theirs.write_all(b"+OK\r\n").await.expect("write");
        theirs.read_exact(&mut [0; 6]).await.expect("STLS");
        theirs.write_all(b"+OK\r\n").await.expect("write");
    };
    let mut said = Vec::new();
    let (result, ()) = tokio::join!(upgrade(StartTls::Pop3, &mut ours, &talk, &mut said), server);
    assert_eq!(result, Ok(()));
    theirs.write_all(b"\x16\x03\x03").await.expect("write");
    let mut tls = [0; 3];
    ours.read_exact(&mut tls).await.expect("read");
    assert_eq!(&tls, b"\x16\x03\x03");
}

#[tokio::test]
async fn octets_sent_ahead_of_tls_are_refused() {
    for (protocol, script) in good() {
        // Glued to the server's last word.
        let last = script.iter().rposition(|turn| matches!(turn, S(_))).expect("the server speaks");
        let S(word) = script[last] else { unreachable!("found as such") };
        let mut glued = word.to_vec();
        glued.extend(b"250 injected\r\n");
        let mut script = script.clone();
        script[last] = S(&glued);
        let trouble = trouble(protocol, &script).await;
        assert_eq!(trouble.kind, FailureKind::ProtocolViolation, "{protocol:?}");
        assert_eq!(trouble.detail, "192.0.2.1:25 sent 14 octets of plaintext after agreeing to begin TLS", "{protocol:?}");
    }
}

#[tokio::test]
async fn a_server_that_closes_is_told_from_one_that_refuses() {
    for (protocol, script) in good() {
        for length in 0..script.len() {
            if matches!(script[length], C(_)) {
                continue;
            }
            let trouble = trouble(protocol, &script[..length]).await;
            assert!(
                matches!(trouble.kind, FailureKind::ClosedEarly | FailureKind::Reset),
                "{protocol:?} after {length} turns: {trouble:?}"
            );
        }
    }
}

#[tokio::test]
async fn refusals_are_quoted() {
    let ldap = ldap_response(2, "unsupported extended operation");
    let no_ssl = mysql_greeting([0xff, 0xf7]);
    let ehlo = C(b"EHLO [192.0.2.9]\r\n");
    let table: Vec<(StartTls, Vec<Turn<'_>>, &str)> = vec![
        (StartTls::Smtp, vec![S(b"554 5.7.1 not you\r\n")], "refused STARTTLS: 554 5.7.1 not you"),
        (StartTls::Smtp, vec![S(b"220 x\r\n"), ehlo, S(b"502 what?\r\n")], "refused STARTTLS: 502 what?"),
        (StartTls::Smtp, vec![S(b"220 x\r\n"), ehlo, S(b"250-STARTTLS\r\n250 HELP\r\n")], "does not offer STARTTLS"),
        (
            StartTls::Smtp,
            vec![
                S(b"220 x\r\n"),
                ehlo,
                S(b"250-x\r\n250 STARTTLS\r\n"),
                C(b"STARTTLS\r\n"),
                S(b"454-4.7.0 TLS\r\n454 \x1bbroken\r\n"),
            ],
            "refused STARTTLS: 454 4.7.0 TLS / \\1Bbroken",
        ),
        (StartTls::Imap, vec![S(b"* PREAUTH hello\r\n")], "refused STARTTLS: * PREAUTH hello"),
        (StartTls::Imap, vec![S(b"* OK\r\n"), C(b"c1 STARTTLS\r\n"), S(b"c1 BAD no TLS\r\n")], "refused STARTTLS: BAD no TLS"),
        (StartTls::Pop3, vec![S(b"+OK\r\n"), C(b"STLS\r\n"), S(b"-ERR unknown\r\n")], "refused STARTTLS: -ERR unknown"),
        (StartTls::Sieve, vec![S(b"\"VERSION\" \"1.0\"\r\nOK\r\n")], "does not offer STARTTLS"),
        (
            StartTls::Sieve,
            vec![S(b"\"STARTTLS\"\r\nOK\r\n"), C(b"STARTTLS\r\n"), S(b"NO \"not today\"\r\n")],
            "refused STARTTLS: NO \"not today\"",
        ),
        (
            StartTls::Ftp,
            vec![S(b"220 x\r\n"), C(b"AUTH TLS\r\n"), S(b"530 log in first\r\n")],
            "refused STARTTLS: 530 log in first",
        ),
        (StartTls::Ldap, vec![C(LDAP_REQUEST), S(&ldap)], "refused STARTTLS: protocolError unsupported extended operation"),
        (
            StartTls::Xmpp,
            vec![C(XMPP_OPEN), S(XMPP_HEADER), S(b"<stream:features><mechanisms/></stream:features>")],
            "does not offer STARTTLS",
        ),
        (
            StartTls::Xmpp,
            vec![C(XMPP_OPEN), S(XMPP_HEADER), S(b"<stream:error><host-unknown/></stream:error></stream:stream>")],
            "refused STARTTLS: <stream:error><host-unknown/></stream:error>",
        ),
        (
            StartTls::Xmpp,
            vec![C(XMPP_OPEN), S(XMPP_HEADER), S(XMPP_FEATURES), C(XMPP_STARTTLS), S(b"<failure xmlns='x'/></stream:stream>")],
            "refused STARTTLS: <failure xmlns='x'/>",
        ),
        (StartTls::Postgres, vec![C(PG_REQUEST), S(b"N")], "does not offer STARTTLS"),
        (StartTls::Postgres, vec![C(PG_REQUEST), S(b"E\0\0\0\x19SFATAL\0Mno more room\0\0")], "refused STARTTLS: no more room"),
        (StartTls::Mysql, vec![S(&no_ssl)], "does not offer STARTTLS"),
        (StartTls::Mysql, vec![S(b"\x0b\0\0\0\xff\x10\x04Too many")], "refused STARTTLS: Too many"),
        (StartTls::Nntp, vec![S(b"400 closed\r\n")], "refused STARTTLS: 400 closed"),
        (StartTls::Nntp, vec![S(b"200 x\r\n"), C(b"STARTTLS\r\n"), S(b"580 no\r\n")], "refused STARTTLS: 580 no"),
        (StartTls::Irc, vec![C(b"STARTTLS\r\n"), S(b":irc.example 691 * :no\r\n")], "refused STARTTLS: :irc.example 691 * :no"),
        (StartTls::Irc, vec![C(b"STARTTLS\r\n"), S(b"ERROR :Closing Link\r\n")], "refused STARTTLS: ERROR :Closing Link"),
    ];
    for (protocol, script, detail) in table {
        let trouble = trouble(protocol, &script).await;
        assert_eq!(trouble, Trouble::new(FailureKind::StarttlsRefused, format!("192.0.2.1:25 {detail}")), "{protocol:?}");
    }
}

#[tokio::test]
async fn garbage_and_other_protocols_are_violations() {
    for protocol in good().into_iter().map(|(protocol, _)| protocol) {
        for garbage in [&b"\x16\x03\x01\x00\x02\x01\x28\n"[..], b"HTTP/1.1 400 Bad Request\r\n\r\n<html></html>\r\n", &[0xff; 64]]
        {
            let trouble = trouble(protocol, &[S(garbage)]).await;
            // A binary protocol may take a little garbage for the beginning of a message.
            let kinds = [FailureKind::ProtocolViolation, FailureKind::ClosedEarly, FailureKind::StarttlsRefused];
            assert!(kinds.contains(&trouble.kind), "{protocol:?}: {trouble:?}");
        }
    }
    let http = [S(b"HTTP/1.1 400 Bad Request\r\n")];
    assert_eq!(
        trouble(StartTls::Smtp, &http).await.detail,
        "192.0.2.1:25 does not speak smtp but http: HTTP/1.1 400 Bad Request"
    );
    assert_eq!(trouble(StartTls::Imap, &[S(b"\xff\x00hi\n")]).await.detail, "192.0.2.1:25 does not speak imap: \u{fffd}\\00hi");
}

#[tokio::test]
async fn endless_talk_is_cut() {
    let long = [b'x'; 9000];
    let many = b"220-and\r\n".repeat(200);
    for protocol in good().into_iter().map(|(protocol, _)| protocol) {
        let line = trouble(protocol, &[S(&long)]).await;
        assert!(matches!(line.kind, FailureKind::ProtocolViolation), "{protocol:?}: {line:?}");
    }
    assert_eq!(trouble(StartTls::Smtp, &[S(&long)]).await.detail, "192.0.2.1:25 sent a line of more than 8192 octets");
    assert_eq!(trouble(StartTls::Smtp, &[S(&many)]).await.detail, "192.0.2.1:25 sent more than 100 lines");
    let huge = [S(b"\x30\x84\xff\xff\xff\xff"), S(b"x")];
    assert_eq!(trouble(StartTls::Ldap, &huge).await.detail, "192.0.2.1:25 announced a message of 4294967295 octets");
}
