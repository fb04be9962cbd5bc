//! What strangers' names cannot do to a mail.

use rcgen::{CertificateParams, DnType, KeyPair, SanType};

use super::*;

/// The header lines of a message, folded lines joined.
fn headers(message: &[u8]) -> Vec<String> {
    let text = String::from_utf8(message.to_vec()).unwrap();
    let head = text.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ").replace("\r\n\t", " ");
    head.split("\r\n").map(str::to_owned).collect()
}

const HOSTILE: &str = "a\r\nBcc: victim@example.org\r\n\r\nbody\0\x1b[31m\u{202e}\u{200b}gpj.exe";

fn hostile_leaf(common_name: &str) -> Arc<Certificate> {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.subject_alt_names = vec![
        SanType::DnsName(HOSTILE.replace(|c: char| !c.is_ascii(), "").try_into().unwrap()),
        SanType::URI("javascript:alert(1)\r\nX: y".try_into().unwrap()),
    ];
    Certificate::from_der(params.self_signed(&KeyPair::generate().unwrap()).unwrap().der())
}

#[test]
fn the_page_fetches_nothing_and_says_what_the_text_says() {
    let watch = watch("shop.example", Policy::default());
    let mail = letter(&notice(NoticeKind::Chain, vec![broken_chain(&watch)]), &settings());
    for fetched in ["src=", "url(", "@import", "<link", "<img", "<script", "<table"] {
        assert!(!mail.html.contains(fetched), "{fetched} in {}", mail.html);
    }
    for part in ["color-scheme: light dark", "prefers-color-scheme: dark", "max-width: 40em"] {
        assert!(mail.html.contains(part), "{part} is not in {}", mail.html);
    }
    for line in mail.text.lines().filter_map(|line| line.strip_prefix("    ")).filter(|line| *line != "- - -") {
        let escaped = line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('/', "&#x2f;");
        assert!(mail.html.contains(escaped.trim_end()), "{escaped} is not in {}", mail.html);
    }
}

#[test]
fn strangers_cannot_write_html() {
    let leaf = hostile_leaf("<b>bold</b><img src=http://a.example/x.png>");
    for notice in every_letter(&leaf, "<i>name</i>\" onload=\"x") {
        let html = letter(&notice, &settings()).html;
        for tag in ["<b>", "<i>", "<img", "\" onload"] {
            assert!(!html.contains(tag), "{tag} in {html}");
        }
    }
}

/// Every kind of letter about this certificate and this endpoint name.
fn every_letter(leaf: &Arc<Certificate>, name: &str) -> Vec<Notice> {
    let mut watch = Arc::unwrap_or_clone(watch("shop.example", Policy::default()));
    watch.endpoint.name = name.into();
    let watch = Arc::new(watch);
    let subject = leaf.facts().unwrap().subject.to_string();
    let said = subject.clone();
    let findings = [
        Finding::MissingIntermediate { missing: vec![subject.clone()], after: subject.clone() },
        Finding::SelfSigned { subject: subject.clone() },
        Finding::ExpiresSoon { not_after: at("2026-11-28T12:00:00Z"), now: now(), severity: Severity::Warning },
        Finding::HostnameMismatch { asked: "shop.example".into(), carries: vec![subject], near: NearMiss::Far },
    ];
    let cases = findings.map(|finding| {
        let mut judged = judged(observed("192.0.2.10", vec![Arc::clone(leaf)]), &[21], vec![finding]);
        Arc::make_mut(&mut judged.diagnosis).repair = Some(Box::new(Repair {
            chain: vec![Arc::clone(leaf)],
            added: vec![Arc::clone(leaf)],
            source: "http://a.example/ca.der gave it".into(),
            verdict: Verdict::default(),
            served: broken(),
            server: crate::diagnosis::recognise(&format!("nginx/{said}")),
        }));
        case(&watch, vec![judged])
    });
    let mut notices = Vec::new();
    for kind in NoticeKind::ALL {
        for case in &cases {
            notices.push(notice(kind, vec![case.clone()]));
            notices.push(admin(notice(kind, vec![case.clone()])));
        }
    }
    notices.push(notice(NoticeKind::Summary, cases.into()));
    notices
}

#[test]
fn strangers_cannot_write_headers_or_control_characters() {
    let leaf = hostile_leaf(HOSTILE);
    for mut notice in every_letter(&leaf, HOSTILE) {
        notice.id = format!("x{HOSTILE}");
        notice.thread = Some(HOSTILE.into());
        notice.reply_to = vec![HOSTILE.into(), "good@example.com".into()];
        let letter = letter(&notice, &settings());
        let unsafe_to_print = |c: char| (c.is_control() && c != '\n') || ('\u{200b}'..='\u{202e}').contains(&c);
        assert!(
            !letter.text.contains(unsafe_to_print) && !letter.subject.contains(|c| c == '\n' || unsafe_to_print(c)),
            "{letter:?}"
        );
        assert!(!letter.text.lines().any(|line| line.starts_with("Bcc:")));
        let names: Vec<String> = headers(&compose(&notice, &settings()).message)
            .iter()
            .map(|line| line.split_once(':').expect("a header line").0.to_owned())
            .collect();
        let known = ["From", "Subject", "Date", "Message-ID", "To", "Reply-To", "In-Reply-To", "References", "Auto-Submitted"];
        let known =
            [&known[..], &["X-Auto-Response-Suppress", "X-Certvigil-Kind", "List-Unsubscribe", "MIME-Version", "Content-Type"]]
                .concat();
        for name in &names {
            assert!(known.contains(&name.as_str()) || name == "Content-Transfer-Encoding", "{name} in {names:?}");
        }
    }
}

#[test]
fn a_name_of_60_kilobytes_makes_no_long_letter() {
    let leaf = hostile_leaf(&"x\u{202e},\"".repeat(10_000));
    assert!(leaf.der().len() > 60_000);
    for notice in every_letter(&leaf, &"n".repeat(5_000)) {
        let letter = letter(&notice, &settings());
        assert!(letter.subject.chars().count() <= 60, "{}", letter.subject);
        assert!(letter.text.len() < 12_000, "{:?}: {}", notice.kind, letter.text.len());
        let message = compose(&notice, &settings()).message;
        assert!(message.split(|b| *b == b'\n').all(|line| line.len() <= 998), "RFC 5322, section 2.1.1");
    }
}

#[test]
fn names_beyond_ascii_travel_as_quoted_printable() {
    let leaf = hostile_leaf("Bücher 株式会社");
    let message = compose(&every_letter(&leaf, "bücher")[0], &settings()).message;
    let text = String::from_utf8(message).unwrap();
    assert!(text.is_ascii() && text.contains("Content-Transfer-Encoding: quoted-printable"), "{text}");
    assert!(headers(text.as_bytes()).iter().any(|line| line.starts_with("Subject: ") && line.contains("=?utf-8?")), "{text}");
}

#[test]
fn an_unusable_sender_or_recipient_still_gives_a_message() {
    let mut settings = settings();
    settings.from = "no address at all".into();
    let mut notice = notice(NoticeKind::Problem, vec![]);
    notice.recipient = "nor this\r\nBcc: x@y".into();
    let lines = headers(&compose(&notice, &settings).message);
    assert!(lines.contains(&"To: undisclosed-recipients:;".to_owned()), "{lines:?}");
    assert!(
        lines.iter().any(|line| line.starts_with("From: ")) && !lines.iter().any(|line| line.starts_with("Bcc")),
        "{lines:?}"
    );
}
