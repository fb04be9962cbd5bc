//! The letter about every finding, and of every other kind, in every language.

use super::*;
use crate::mail::samples::Sample;

fn settings_in(language: Language) -> Settings {
    Settings { language, ..samples::settings() }
}

#[test]
fn the_first_line_is_what_to_do() {
    for Sample { name, notice } in samples::samples() {
        let letter = letter(&notice, &settings());
        let first = letter.text.split("\n\n").next().unwrap().replace('\n', " ");
        let finding = notice.cases.first().and_then(evidence::witness).and_then(|judged| judged.diagnosis.finding(name));
        match finding.map(|found| &found.finding) {
            Some(Finding::Expired { .. }) => assert!(first.starts_with("Replace the certificate of shop.example.com:443 now: ")),
            Some(Finding::ExpiresSoon { .. }) => assert!(first.starts_with("Renew the certificate of shop.example.com:443 ")),
            Some(Finding::MissingIntermediate { .. }) => assert!(first.starts_with("Please forward this letter to whoever runs")),
            Some(finding) => assert_eq!(first, layout::full(&finding.hint()), "{name}"),
            None => assert!(notice.kind == NoticeKind::Resolved || !Finding::CODES.contains(&name), "{name}"),
        }
    }
}

#[test]
fn nothing_english_is_left_in_a_german_letter_but_quotes_and_commands() {
    const ENGLISH: &[&str] = &[
        "the",
        "and",
        "is",
        "are",
        "of",
        "not",
        "to",
        "with",
        "for",
        "that",
        "it",
        "your",
        "certificate",
        "certificates",
        "chain",
        "seen",
        "expires",
        "valid",
        "none",
        "more",
        "unreadable",
        "critical",
        "warning",
    ];
    for Sample { name, notice } in samples::samples() {
        let letter = letter(&notice, &settings_in(Language::German));
        assert!(letter.html.starts_with("<!DOCTYPE html>\n<html lang=\"de\">"), "{name}");
        let prose: Vec<&str> = letter.text.split("\n\n").filter(|piece| !piece.starts_with("    ")).collect();
        let mut prose = format!("{}\n{}", letter.subject, prose.join("\n"));
        prose = prose.split_whitespace().collect::<Vec<_>>().join(" ").replace("Certificate Transparency", "");
        while let (Some(start), Some(end)) = (prose.find('„'), prose.find('“')) {
            assert!(start < end, "{name}: a quote that does not end: {prose}");
            prose.replace_range(start..end + '“'.len_utf8(), "");
        }
        let words = prose.split(|c: char| !(c.is_alphanumeric() || "_-./:#".contains(c))).map(str::to_lowercase);
        let english: Vec<String> = words.filter(|word| ENGLISH.contains(&word.trim_matches([':', '.']))).collect();
        assert_eq!(english, [""; 0], "{name}: {}", letter.text);
        assert!(!prose.contains("2026-1"), "{name}: a date in English: {prose}");
    }
}

#[test]
fn a_recipient_reads_their_own_language() {
    let mut settings = settings();
    settings.languages.insert("shop-team@example.com".into(), Language::German);
    let notice = samples::samples().swap_remove(0).notice;
    assert!(letter(&notice, &settings).subject.contains("ABGELAUFEN am 28.11.2026"));
    assert!(
        letter(&Notice { recipient: "else@example.com".into(), ..notice }, &settings).subject.contains("EXPIRED on 2026-11-28")
    );
}

#[test]
fn a_template_that_fails_costs_no_letter() {
    let mut own = settings();
    own.templates.replace(Language::English, "expiry.txt", "Subject: {{ name }} ends\n\nHurry.\n".into());
    let notice = samples::samples().swap_remove(0).notice;
    let letter_of = |settings: &Settings| letter(&notice, settings);
    let written = letter_of(&own);
    assert_eq!((&*written.subject, &*written.text, &written.trouble), ("shop.example.com:443 ends", "Hurry.\n", &None));
    assert!(written.html.contains("Hurry."), "both parts are made of it");
    assert_eq!(own.templates.troubles(), []);

    own.templates.replace(Language::English, "expiry.txt", "Subject: {{ nmae }} ends\n".into());
    let fallen_back = letter_of(&own);
    let trouble = fallen_back.trouble.clone().expect("the template is wrong");
    assert_eq!((&*trouble.template, trouble.line), ("en/expiry.txt", 1));
    assert_eq!(Letter { trouble: None, ..fallen_back }, letter_of(&settings()));
    assert_eq!(own.templates.troubles(), [trouble]);
}

#[test]
fn every_fact_is_in_the_documentation() {
    let manual = include_str!("../../../../docs/mails.md");
    for (_, name) in Templates::files() {
        assert!(manual.contains(&format!("`{name}`")), "{name} is not in docs/mails.md");
    }
    let notice = samples::samples().swap_remove(0).notice;
    let facts = facts::Facts::of(&notice, &notice.cases[0], &[], &settings(), Language::English);
    let serde_json::Value::Object(facts) = serde_json::to_value(facts).unwrap() else { panic!("facts have names") };
    for name in facts.keys() {
        assert!(manual.contains(&format!("`{name}`")) || manual.contains(&format!("`{name}.")), "{name} is not in docs/mails.md");
    }
}

#[test]
fn the_gallery_in_the_documentation_is_what_people_get() {
    let manual = include_str!("../../../../docs/mails.md");
    for (language, name) in [
        (Language::English, "expires_soon"),
        (Language::English, "hostname_mismatch"),
        (Language::English, "chain-to-admin"),
        (Language::German, "resolved"),
    ] {
        let mail = samples::mails(&settings_in(language)).into_iter().find(|mail| mail.name == name).unwrap();
        let shown = format!("```text\nSubject: {}\n\n{}```\n", mail.letter.subject, mail.letter.text);
        assert!(manual.contains(&shown), "docs/mails.md should have\n{shown}");
    }
}

#[test]
fn the_example_in_the_documentation_is_sound() {
    let manual = include_str!("../../../../docs/mails.md");
    let example = manual.split("```").find_map(|block| block.strip_prefix("text\n")).expect("the manual has an example");
    let mut own = settings();
    own.templates.replace(Language::English, "expiry.txt", example.to_owned());
    assert_eq!(own.templates.troubles(), []);
    let notice = &samples::samples()[0].notice;
    let letter = letter(notice, &own);
    assert_eq!(letter.trouble, None);
    assert!(letter.text.contains("\n- the wiki, page \"Certificates\"\n- https://"), "{}", letter.text);
}

#[test]
fn a_digest_says_how_to_be_left_out_and_an_alarm_does_not() {
    for Sample { name, notice } in samples::samples() {
        let message = String::from_utf8(compose(&notice, &settings()).message).unwrap().replace("\r\n ", " ");
        let line = message.lines().find_map(|line| line.strip_prefix("List-Unsubscribe: "));
        let reader = notice.recipient.replace('@', "%40");
        let expected = format!("<mailto:ops@example.com?subject=unsubscribe%20{reader}>");
        assert_eq!(line, notice.kind.is_of_many().then_some(&*expected), "{name}");
    }
}
