//! Servers that are asked what they are.

use std::sync::Mutex;

use super::*;

/// A server that says `greeting` after the handshake and answers every request with `answer`; what it was asked.
async fn talkative(alpn: &[&str], greeting: &'static str, answer: &'static str) -> (SocketAddr, Arc<Mutex<Vec<u8>>>) {
    let pki = pki();
    let mut config = config(&[&TLS12, &TLS13], vec![pki.leaf.clone()], &pki.leaf_key, None);
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let (acceptor, asked) = (TlsAcceptor::from(Arc::new(config)), Arc::new(Mutex::new(Vec::new())));
    let heard = asked.clone();
    let address = server(move |stream| {
        let (acceptor, heard) = (acceptor.clone(), heard.clone());
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let _ = stream.write_all(greeting.as_bytes()).await;
            let mut octets = [0; 1024];
            while let Ok(count @ 1..) = stream.read(&mut octets).await {
                heard.lock().expect("no panic").extend(&octets[..count]);
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        }
    })
    .await;
    (address, asked)
}

async fn said(scheme: &str, address: SocketAddr, timeout: Duration) -> Vec<String> {
    let target = format!("{scheme}://{address}").parse().expect("target");
    let endpoint = Endpoint { server_name: "a.example".parse().expect("name"), timeout, ..Endpoint::new(target) };
    let said = Prober::new(Settings::default()).introduction(&endpoint, address.ip()).await;
    said.into_iter().map(|said| said.text).collect()
}

#[tokio::test]
async fn a_web_server_is_asked_for_its_head() {
    let answer = "HTTP/1.1 404 Not Found\r\nServer: nginx/1.22.1\r\n\r\n";
    let told = ["HEAD / HTTP/1.1", "HTTP/1.1 404 Not Found", "Server: nginx/1.22.1"];
    for (scheme, alpn) in [("https", &[][..]), ("https", &["h2", "http/1.1"]), ("tls", &["http/1.1"])] {
        let (address, asked) = talkative(alpn, "", answer).await;
        assert_eq!(said(scheme, address, LONG).await, told, "{scheme} {alpn:?}");
        let asked = String::from_utf8(asked.lock().expect("no panic").clone()).expect("text");
        assert!(asked.starts_with(&format!("HEAD / HTTP/1.1\r\nHost: a.example:{}\r\nUser-Agent: certvigil/", address.port())));
        assert!(asked.ends_with("\r\nConnection: close\r\n\r\n"), "{asked}");
    }
}

#[tokio::test]
async fn who_does_not_say_that_it_speaks_http_is_asked_nothing() {
    for (scheme, alpn) in [("tls", &[][..]), ("tls", &["h2"]), ("https", &["h2"]), ("mqtts", &[])] {
        let (address, asked) = talkative(alpn, "", "HTTP/1.1 200 OK\r\nServer: nginx\r\n\r\n").await;
        assert_eq!(said(scheme, address, LONG).await, [""; 0], "{scheme} {alpn:?}");
        assert_eq!(asked.lock().expect("no panic").as_slice(), b"", "{scheme} {alpn:?}");
    }
}

#[tokio::test]
async fn who_speaks_first_is_listened_to() {
    let (address, asked) = talkative(&[], "* OK [CAPABILITY IMAP4rev1] Dovecot (Debian) ready.\r\n* more", "").await;
    assert_eq!(said("imaps", address, LONG).await, ["* OK [CAPABILITY IMAP4rev1] Dovecot (Debian) ready."]);
    assert_eq!(asked.lock().expect("no panic").as_slice(), b"");
}

#[tokio::test]
async fn floods_silence_and_other_tongues_give_nothing_or_little() {
    let flood: &str = Box::leak("x".repeat(300_000).into_boxed_str());
    let (address, _) = talkative(&[], flood, "").await;
    let told = said("imaps", address, LONG).await;
    assert_eq!(told.iter().map(|line| line.chars().count()).collect::<Vec<_>>(), [200]);
    assert_eq!(said("https", address, LONG).await, [""; 0]);

    let (silent, _) = talkative(&[], "", "").await;
    assert_eq!(said("imaps", silent, SHORT).await, [""; 0]);
    let plain = server(|mut stream| async move { drop(stream.write_all(b"* OK ready\r\n").await) }).await;
    assert_eq!(said("imaps", plain, LONG).await, [""; 0]);
}
