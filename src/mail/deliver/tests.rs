//! The courier against the mailbox, over loopback.

use std::{fs, path::PathBuf, sync::Arc};

use insta::assert_snapshot;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio::net::TcpListener;

use super::*;
use crate::{
    lab::mailbox::{Fault, Mailbox, Tls},
    mail::{Login, Secret},
};

const MAIL: &[u8] =
    b"From: alerts@example.com\r\nTo: ops@example.com\r\nSubject: a test\r\n\r\n.a line with a dot\r\nthe end\r\n";

/// A certification authority, and a mail server's certificate for these names.
fn pki(names: &[&str]) -> (Vec<u8>, Arc<ServerConfig>) {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, format!("CA of {names:?}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &ca).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    (ca.der().to_vec(), Arc::new(config))
}

/// A mailbox that serves, and the settings that reach it.
struct Scene {
    folder: PathBuf,
    settings: Settings,
    serving: tokio::task::JoinHandle<io::Result<()>>,
}

impl Scene {
    async fn new(name: &str, furnish: impl FnOnce(Mailbox) -> Mailbox) -> Self {
        let folder = std::env::temp_dir().join(format!("certvigil-courier-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let mailbox = furnish(Mailbox::new(folder.clone()).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Server { host: "127.0.0.1".into(), port, tls: Security::None, login: None, roots: None };
        let settings = Settings { server, to: Vec::new(), ..crate::mail::samples::settings() };
        Scene { folder, settings, serving: tokio::spawn(mailbox.serve(listener, std::future::pending())) }
    }

    fn secured(mut self, tls: Security, root: Vec<u8>) -> Self {
        self.settings.server.tls = tls;
        self.settings.server.roots = Some(vec![root]);
        self
    }

    fn login(mut self, password: &str) -> Self {
        self.settings.server.login = Some(Login { username: "alice".into(), password: Secret(password.into()) });
        self
    }

    fn courier(&self) -> Courier {
        Courier::new(&self.settings).unwrap()
    }

    /// `deferred: detail`, the port left out.
    async fn deliver(&self) -> String {
        self.shown(&self.courier().deliver("ops@example.com", MAIL).await)
    }

    fn shown(&self, delivery: &Delivery) -> String {
        format!("{}: {}", delivery.result.name(), delivery.detail).replace(&self.settings.server.port.to_string(), "PORT")
    }

    fn mails(&self) -> Vec<String> {
        let files = fs::read_dir(&self.folder).unwrap();
        files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.serving.abort();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_written() {
    let scene = Scene::new("plain", |mailbox| mailbox).await;
    assert_snapshot!(scene.deliver().await, @"delivered: ");
    let envelope = "Return-Path: <alerts@example.com>\r\nDelivered-To: ops@example.com\r\n";
    assert_eq!(scene.mails(), [format!("{envelope}{}", String::from_utf8_lossy(MAIL))]);
}

#[tokio::test]
async fn many_may_be_under_way() {
    let scene = Scene::new("many", |mailbox| mailbox).await;
    let courier = Arc::new(scene.courier());
    let mut deliveries = tokio::task::JoinSet::new();
    for n in 0..20 {
        let courier = Arc::clone(&courier);
        deliveries.spawn(async move { courier.deliver(&format!("n{n}@example.com"), MAIL).await.result });
    }
    assert!(deliveries.join_all().await.iter().all(|result| *result == MailResult::Delivered));
    assert_eq!(scene.mails().len(), 20);
}

#[tokio::test]
async fn starttls_with_a_private_ca_and_a_login() {
    let (root, config) = pki(&["127.0.0.1"]);
    let furnish = |mailbox: Mailbox| mailbox.with_tls(Tls::Starttls(config)).with_login("alice", "s3cret");
    let scene = Scene::new("starttls", furnish).await.secured(Security::Starttls, root).login("s3cret");
    assert_snapshot!(scene.deliver().await, @"delivered: ");
    assert_eq!(scene.mails().len(), 1);
    let scene = scene.login("wrong");
    assert_snapshot!(scene.deliver().await, @"deferred: the mail server 127.0.0.1:PORT did not accept the login: 535 5.7.8 authentication failed; see mail.server.username and its password");
    let mut scene = scene;
    scene.settings.server.login = None;
    assert_snapshot!(scene.deliver().await, @"deferred: the mail server did not accept the sender alerts@example.com: 530 5.7.0 authentication required; the server wants a login: set mail.server.username and mail.server.password");
}

#[tokio::test]
async fn tls_from_the_first_octet() {
    let (root, config) = pki(&["127.0.0.1"]);
    let scene = Scene::new("implicit", |mailbox| mailbox.with_tls(Tls::Implicit(config))).await;
    let scene = scene.secured(Security::Implicit, root);
    assert_snapshot!(scene.deliver().await, @"delivered: ");
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_or_for_another_name() {
    let (_, config) = pki(&["127.0.0.1"]);
    let (another_root, _) = pki(&[]);
    let scene = Scene::new("untrusted", |mailbox| mailbox.with_tls(Tls::Starttls(config))).await;
    assert_snapshot!(scene.secured(Security::Starttls, another_root).deliver().await, @"deferred: no TLS with the mail server 127.0.0.1:PORT: invalid peer certificate: UnknownIssuer; the mail server's certificate is not trusted: put its CA under mail.server.ca_files");

    let (root, config) = pki(&["mail.example.com"]);
    let scene = Scene::new("misnamed", |mailbox| mailbox.with_tls(Tls::Starttls(config))).await;
    assert_snapshot!(scene.secured(Security::Starttls, root).deliver().await, @r#"deferred: no TLS with the mail server 127.0.0.1:PORT: invalid peer certificate: certificate not valid for name "127.0.0.1"; certificate is only valid for DnsName("mail.example.com"); the mail server's certificate is for another name: write a name that it carries as mail.server.host"#);
}

#[tokio::test]
async fn required_tls_is_never_given_up() {
    let (root, _) = pki(&[]);
    let scene = Scene::new("no-starttls", |mailbox| mailbox).await.secured(Security::Starttls, root.clone()).login("s3cret");
    assert_snapshot!(scene.deliver().await, @"deferred: no TLS with the mail server 127.0.0.1:PORT: the server does not offer STARTTLS; `tls: starttls` means required: switch STARTTLS on at the server, or write `tls: implicit` with its port (465)");
    let scene = scene.secured(Security::Implicit, root);
    assert_snapshot!(scene.deliver().await, @"deferred: cannot connect to the mail server 127.0.0.1:PORT: received corrupt message of type InvalidContentType; the port does not speak TLS from the start: write `tls: starttls`");
    assert!(scene.mails().is_empty());
}

#[tokio::test]
async fn a_server_that_has_no_auth_for_us() {
    let scene = Scene::new("no-auth", |mailbox| mailbox).await.login("s3cret");
    assert_snapshot!(scene.deliver().await, @"deferred: the mail server 127.0.0.1:PORT did not accept the login: the server offers neither AUTH PLAIN nor AUTH LOGIN here; see on which port the server takes logins (587 or 465)");
}

#[tokio::test]
async fn greylisting_is_deferred_and_then_over() {
    let fault = Fault::Answer { at: "RCPT", reply: "451 4.7.1 greylisted, come back", times: 2 };
    let scene = Scene::new("grey", |mailbox| mailbox.with_fault(fault)).await;
    assert_snapshot!(scene.deliver().await, @"deferred: the mail server did not accept the recipient: 451 4.7.1 greylisted, come back");
    assert!(scene.deliver().await.starts_with("deferred"));
    assert_snapshot!(scene.deliver().await, @"delivered: ");
    assert_eq!(scene.mails().len(), 1);
}

/// What one answer at one place makes of a delivery.
async fn answered(at: &'static str, reply: &'static str) -> String {
    let fault = Fault::Answer { at, reply, times: 1 };
    let scene = Scene::new(&format!("{at}-{}", reply.len()), |mailbox| mailbox.with_fault(fault)).await;
    let shown = scene.deliver().await;
    assert!(scene.mails().is_empty());
    shown
}

#[tokio::test]
async fn only_a_word_for_good_about_recipient_or_message_is_refused() {
    assert_snapshot!(answered("RCPT", "550 5.1.1 no such user").await, @"refused: the mail server did not accept the recipient: 550 5.1.1 no such user");
    assert_snapshot!(answered("DATA", "554 5.6.0 not wanted").await, @"refused: the mail server did not take the message: 554 5.6.0 not wanted");
    assert_snapshot!(answered(".", "552 5.3.4 too large").await, @"refused: the mail server did not take the message: 552 5.3.4 too large");
    assert_snapshot!(answered("CONNECT", "554 5.3.2 go away").await, @"deferred: cannot connect to the mail server 127.0.0.1:PORT: 554 5.3.2 go away");
    assert_snapshot!(answered("MAIL", "553 5.7.1 not owned by alice").await, @"deferred: the mail server did not accept the sender alerts@example.com: 553 5.7.1 not owned by alice; see whether mail.from is an address this login may send from");
    assert_snapshot!(answered("RCPT", "554 5.7.1 <ops@example.com>: Relay access denied").await, @"deferred: the mail server did not accept the recipient: 554 5.7.1 <ops@example.com>: Relay access denied; the server does not relay for this machine or this sender: see mail.server and mail.from");
    assert_snapshot!(answered("RCPT", "530 5.7.0 authenticate first").await, @"deferred: the mail server did not accept the recipient: 530 5.7.0 authenticate first; the server wants a login: set mail.server.username and mail.server.password");
    assert_snapshot!(answered("MAIL", "530 5.7.0 Must issue a STARTTLS command first").await, @"deferred: the mail server did not accept the sender alerts@example.com: 530 5.7.0 Must issue a STARTTLS command first; the server wants TLS: write `tls: starttls`");
    assert_snapshot!(answered(".", "451 4.3.0 disk trouble").await, @"deferred: the mail server did not take the message: 451 4.3.0 disk trouble");
    assert_snapshot!(answered("RCPT", "421 4.3.2 shutting down").await, @"deferred: the mail server did not accept the recipient: 421 4.3.2 shutting down");
}

#[tokio::test]
async fn the_servers_words_are_made_harmless() {
    let shown = answered("RCPT", "550 5.1.1 \u{1b}[31m\u{202e}no").await;
    assert_snapshot!(shown, @r"refused: the mail server did not accept the recipient: 550 5.1.1 \1B[31m\E2\80\AEno");
    assert!(!shown.contains(char::is_control));
    let long = words(&"x\u{202e}".repeat(5_000));
    assert_eq!(long.chars().count(), WORDS);
}

#[tokio::test]
async fn a_server_that_hangs_up_or_stalls() {
    for at in ["CONNECT", "EHLO", "MAIL", "BODY", "."] {
        let scene = Scene::new(&format!("hang-{}", at.len()), |mailbox| mailbox.with_fault(Fault::HangUp { at })).await;
        let shown = scene.deliver().await;
        assert!(shown.starts_with("deferred: ") && scene.mails().is_empty(), "{at}: {shown}");
    }
    for at in ["CONNECT", "RCPT", "."] {
        let scene = Scene::new(&format!("stall-{}", at.len()), |mailbox| mailbox.with_fault(Fault::Stall { at })).await;
        let mut courier = scene.courier();
        courier.deadline = Duration::from_millis(50);
        let shown = scene.shown(&courier.deliver("ops@example.com", MAIL).await);
        assert!(shown.starts_with("deferred: ") && shown.ends_with("no answer within 0.05 s"), "{at}: {shown}");
    }
}

#[tokio::test]
async fn a_slow_goodbye_costs_no_mail() {
    let scene = Scene::new("goodbye", |mailbox| mailbox.with_fault(Fault::Stall { at: "QUIT" })).await;
    let mut courier = scene.courier();
    courier.farewell = Duration::from_millis(20);
    assert_eq!(courier.deliver("ops@example.com", MAIL).await.result, MailResult::Delivered);
}

#[tokio::test]
async fn nobody_listens() {
    let scene = Scene::new("nobody", |mailbox| mailbox).await;
    scene.serving.abort();
    while TcpListener::bind(("127.0.0.1", scene.settings.server.port)).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_snapshot!(scene.deliver().await, @"deferred: cannot connect to the mail server 127.0.0.1:PORT: Connection refused (os error 111); nothing listens there: see mail.server.host and mail.server.port");
}

#[tokio::test]
async fn what_is_no_address_is_refused_at_once() {
    let scene = Scene::new("address", |mailbox| mailbox).await;
    let delivery = scene.courier().deliver("ops@example.com>\r\nRCPT TO:<x@example.com", MAIL).await;
    assert_snapshot!(scene.shown(&delivery), @r#"refused: "ops@example.com> RCPT TO:<x@example.com" is no mail address"#);
    let delivery = scene.courier().deliver("bücher@example.com", MAIL).await;
    assert_snapshot!(scene.shown(&delivery), @"refused: the mail server did not accept the recipient: an address is not ASCII and the server does not offer SMTPUTF8");
}

#[test]
fn settings_that_no_courier_can_be_had_of() {
    let server =
        Server { host: "localhost".into(), port: 25, tls: Security::Starttls, login: None, roots: Some(vec![vec![1, 2]]) };
    let mut settings = Settings { server, from: "alerts@example.com".into(), ..crate::mail::samples::settings() };
    let why = |settings: &Settings| Courier::new(settings).err().expect("a fault").to_string();
    assert_snapshot!(why(&settings), @"mail.server.ca_files: certificate 1 cannot be used as a root");
    settings.from = "alerts".into();
    assert_snapshot!(why(&settings), @r#"mail.from: "alerts" is no mail address; write alerts@example.com or "certvigil <alerts@example.com>""#);
}
