//! `docs/findings.md` has a section for every finding, with its four parts, and for nothing else; `docs/errors.md` has every message
//! that is decoded.

use std::{collections::BTreeSet, fs, path::Path};

use certvigil::{
    diagnosis::{Finding, lints},
    explain,
};

/// What every section says, in this order.
const PARTS: [&str; 4] = ["**What it means.**", "**Who must act.**", "**How to fix it.**", "**See it.**"];

/// What is wrong with this text as a documentation of these codes.
fn faults(text: &str, codes: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let sections: Vec<(&str, &str)> =
        text.split("\n## ").skip(1).map(|section| section.split_once('\n').unwrap_or((section, ""))).collect();
    let documented: BTreeSet<&str> = sections.iter().map(|(code, _)| *code).collect();
    if documented.len() < sections.len() {
        found.push("a code has two sections".into());
    }
    found.extend(codes.iter().filter(|code| !documented.contains(*code)).map(|code| format!("{code} has no section")));
    for (code, body) in sections {
        if !codes.contains(&code) {
            found.push(format!("{code} is no finding"));
        }
        let mut rest = body;
        for (number, part) in PARTS.into_iter().enumerate() {
            let Some((_, after)) = rest.split_once(part) else {
                found.push(format!("{code} lacks {part}"));
                continue;
            };
            let end = PARTS.get(number + 1).and_then(|next| after.find(next)).unwrap_or(after.len());
            if after[..end].trim().len() < 10 {
                found.push(format!("{code} has nothing under {part}"));
            }
            rest = after;
        }
        if !rest.split("```").nth(1).is_some_and(|code| code.contains("openssl ")) || rest.matches("```").count() != 2 {
            found.push(format!("{code} shows no openssl command"));
        }
    }
    found
}

#[test]
fn every_finding_has_its_section() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/findings.md");
    let text = fs::read_to_string(path).expect("it is part of the repository");
    assert_eq!(faults(&text, Finding::CODES), [""; 0], "in docs/findings.md");
}

#[test]
fn every_lint_has_its_row() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/findings.md");
    let text = fs::read_to_string(path).expect("it is part of the repository");
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(rows.len(), lints().count());
    for lint in lints() {
        let is_row =
            |row: &&str| row.starts_with(&format!("| `{}` | ", lint.name)) && row.ends_with(&format!(" | {} |", lint.section));
        assert_eq!(rows.iter().copied().filter(is_row).count(), 1, "{}", lint.name);
    }
}

/// The test above is worth something only if it fails where it should.
#[test]
fn what_is_left_out_is_noticed() {
    let section = "\n## one\n\n**What it means.** A sentence.\n\n**Who must act.** A sentence.\n\n**How to fix it.** A sentence.\n\n\
                   **See it.**\n\n```sh\nopenssl version\n```\n";
    assert_eq!(faults(section, &["one"]), [""; 0]);
    for (text, codes, expected) in [
        (section.to_owned(), &["one", "two"][..], "two has no section"),
        (section.to_owned(), &[][..], "one is no finding"),
        (section.repeat(2), &["one"][..], "a code has two sections"),
        (section.replace("**Who must act.** A sentence.\n", ""), &["one"][..], "one lacks **Who must act.**"),
        (section.replace("act.** A sentence.", "act.**"), &["one"][..], "one has nothing under **Who must act.**"),
        (section.replace("openssl version", "true"), &["one"][..], "one shows no openssl command"),
    ] {
        assert_eq!(faults(&text, codes), [expected], "{text}");
    }
}

#[test]
fn links_lead_to_the_sections() {
    for code in Finding::CODES {
        let link = Finding::link(code);
        let (page, anchor) = link.split_once('#').expect("an anchor");
        assert!(page.starts_with(env!("CARGO_PKG_REPOSITORY")) && page.ends_with("/docs/findings.md"), "{page}");
        assert_eq!(anchor, *code);
    }
}

#[test]
fn every_message_that_is_decoded_is_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
    let text = fs::read_to_string(path).expect("it is part of the repository");
    let (_, body) = text.split_once("<!-- certvigil explain --list: begins -->\n").expect("the mark");
    let (body, _) = body.split_once("<!-- certvigil explain --list: ends -->\n").expect("the mark");
    let stale = explain::list().lines().zip(body.lines()).find(|(is, was)| is != was).map(|(is, was)| format!("{was}\n{is}"));
    assert!(explain::list() == body, "put what certvigil explain --list prints between the marks of docs/errors.md: {stale:?}");
}
