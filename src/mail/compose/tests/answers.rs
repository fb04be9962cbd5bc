//! The links by which a mail can be answered: in which mails they are, and that they lead where they say.

use super::*;
use crate::{
    answer::{Action, Key},
    clock::{earlier, later},
    mail::Links,
};

fn settings_in(language: Language) -> Settings {
    let links = Links { url: "https://certs.example.com/vigil".into(), key: Key::new(&[7; Key::LENGTH]) };
    Settings { language, links: Some(links), ..samples::settings() }
}

fn sample(name: &str) -> Notice {
    samples::samples().into_iter().find(|sample| sample.name == name).unwrap().notice
}

/// The links of a letter's text.
fn links(text: &str) -> Vec<&str> {
    text.split_whitespace().filter(|word| word.starts_with("https://certs.example.com/")).collect()
}

#[test]
fn letters_with_links() {
    for (language, name) in [(Language::English, "answers-en"), (Language::German, "answers-de")] {
        let mut out = String::new();
        for sample_name in ["expires_soon", "missing_intermediate", "unreachable", "escalated", "not-mine"] {
            let letter = letter(&sample(sample_name), &settings_in(language));
            let _ = writeln!(out, "=== {sample_name}\nSubject: {}\n\n{}", letter.subject, letter.text);
        }
        let html = letter(&sample("unreachable"), &settings_in(language)).html;
        insta::with_settings!({
            snapshot_path => "../../../../tests/fixtures/letters",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            assert_snapshot!(name, out);
            assert_snapshot!(format!("{name}-html"), html);
        });
    }
}

#[test]
fn owners_get_links_about_what_is_open_and_nobody_else_does() {
    for samples::Sample { name, notice } in samples::samples() {
        let message = compose(&notice, &settings_in(Language::English)).message;
        let letter = letter(&notice, &settings_in(Language::English));
        let is_open = matches!(notice.kind, NoticeKind::Expiry | NoticeKind::Chain | NoticeKind::Problem);
        let is_operator = samples::settings().to.contains(&notice.recipient);
        let expected = if is_open && notice.audience == Audience::Owner { 3 - usize::from(is_operator) } else { 0 };
        assert_eq!(links(&letter.text).len(), expected, "{name}: {}", letter.text);
        let html = letter.html.replace("&#x2f;", "/");
        assert_eq!(html.matches("<a href=\"https://certs.example.com/vigil/answer/").count(), expected, "{name}");
        for attachment in &letter.attachments {
            assert!(!attachment.text.contains("certs.example.com"), "{name}: {} may go to strangers", attachment.name);
        }
        assert_eq!(message, compose(&notice, &settings_in(Language::English)).message, "the same octets");
    }
    let to_an_operator = letter(&sample("not-mine"), &settings_in(Language::English)).text;
    assert!(links(&to_an_operator).len() == 2 && !to_an_operator.contains("Not mine"), "{to_an_operator}");
    let without = letter(&sample("unreachable"), &samples::settings());
    assert!(!without.text.contains("Your answer") && !without.html.contains("/answer/"));
}

#[test]
fn each_link_is_that_answer_of_that_person_for_thirty_days() {
    let (notice, settings) = (sample("escalated"), settings_in(Language::German));
    let text = letter(&notice, &settings).text;
    let key = Key::new(&[7; Key::LENGTH]);
    let month = Duration::from_hours(30 * 24);
    let second = Duration::from_secs(1);
    let (last, over) = (earlier(later(notice.at, month), second), later(notice.at, month));
    for (link, action) in links(&text).into_iter().zip(Action::ALL) {
        let token = link.strip_prefix("https://certs.example.com/vigil/answer/").unwrap();
        let answer = key.open(token, last).unwrap();
        assert_eq!((answer.action, &*answer.person, &*answer.language), (action, "head-of-it@example.com", "de"));
        assert_eq!(answer.incident, notice.cases[0].incident.id);
        assert!(key.open(token, over).is_err());
    }
}
