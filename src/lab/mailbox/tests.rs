//! The mailbox as a client meets it, over loopback.

use std::path::Path;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::*;

/// A directory of this test's own, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("certvigil-mailbox-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Says all of `lines` at once and returns everything the mailbox answers until it hangs up.
async fn converse(mailbox: Mailbox, lines: &[u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(mailbox.serve(listener, std::future::pending()));
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(lines).await.unwrap();
    let mut answer = Vec::new();
    // A mailbox that hangs up with octets unread resets the connection: what came before counts.
    let _ = client.read_to_end(&mut answer).await;
    serving.abort();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_mail_becomes_a_file() {
    let folder = Folder::new("file");
    let lines = b"EHLO me\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n\
        Subject: Hello, World! 100%\r\n\r\n..dotted\r\n.\r\nQUIT\r\n";
    let answer = converse(Mailbox::new(folder.0.clone()).unwrap(), lines).await;
    assert!(answer.ends_with("250 2.0.0 kept\r\n221 2.0.0 bye\r\n"), "{answer}");
    assert_eq!(names(&folder.0), ["0001-hello-world-100.eml"]);
    let mail = fs::read_to_string(folder.0.join("0001-hello-world-100.eml")).unwrap();
    assert_eq!(
        mail,
        "Return-Path: <a@example.org>\r\nDelivered-To: b@example.org\r\nSubject: Hello, World! 100%\r\n\r\n.dotted\r\n"
    );

    let again = Mailbox::new(folder.0.clone()).unwrap();
    again.keep(b"Subject: ../../x\r\n\r\n").unwrap();
    again.keep(b"no subject").unwrap();
    assert_eq!(names(&folder.0)[1..], ["0002-x.eml", "0003-mail.eml"]);
}

#[tokio::test]
async fn commands_out_of_order_are_refused() {
    let folder = Folder::new("order");
    let lines = b"DATA\r\nRCPT TO:<b@example.org>\r\nMAIL FROM:nobody\r\nMAIL FROM:<>\r\nDATA\r\nRSET\r\nWHAT\r\nSTARTTLS\r\nAUTH PLAIN\r\nQUIT\r\n";
    let answer = converse(Mailbox::new(folder.0.clone()).unwrap(), lines).await;
    let codes: Vec<&str> = answer.lines().map(|line| &line[..3]).collect();
    assert_eq!(codes, ["220", "503", "503", "501", "250", "503", "250", "502", "502", "502", "221"]);
}

#[tokio::test]
async fn without_a_login_nothing_is_taken() {
    let folder = Folder::new("login");
    let mailbox = Mailbox::new(folder.0.clone()).unwrap().with_login("alice", "secret");
    let lines = b"MAIL FROM:<>\r\nAUTH PLAIN AGFsaWNlAHdyb25n\r\nMAIL FROM:<>\r\nAUTH PLAIN AGFsaWNlAHNlY3JldA==\r\nMAIL FROM:<>\r\nQUIT\r\n";
    let codes: Vec<String> = converse(mailbox, lines).await.lines().map(|line| line[..3].to_owned()).collect();
    assert_eq!(codes, ["220", "530", "535", "530", "235", "250", "221"]);
}

#[tokio::test]
async fn a_line_without_end_is_not_kept_in_memory() {
    let folder = Folder::new("endless");
    let answer = converse(Mailbox::new(folder.0.clone()).unwrap(), &b"x".repeat(100_000)).await;
    assert!(answer.len() < 100, "{answer}");
}

#[tokio::test]
async fn it_ends_when_it_is_told() {
    let folder = Folder::new("ends");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    serve(listener, folder.0.clone(), std::future::ready(())).await.unwrap();
    assert!(names(&folder.0).is_empty());
}
