//! What a file holds, for people and for programs. All of it safe to print, and nothing secret.

use std::{fmt::Write as _, sync::Arc};

use serde::Serialize;

use super::{Contents, Item, What, conversions};
use crate::{
    certificate::{Certificate, Facts, Request, San, hex, printable},
    clock::{Timestamp, date, day, span},
    report,
};

/// A file and what is in it.
pub type Read<'a> = (&'a str, &'a Contents);

/// The facts of `file`, several lines, each ended. `all` are the files that were named with it: keys are sought for in each.
pub fn text(file: Read<'_>, all: &[Read<'_>], now: Timestamp) -> String {
    let (path, contents) = file;
    let mut out = format!("{}: {}, {}\n", printable(path), contents.format.name(), inventory(contents));
    for (at, item) in contents.items.iter().enumerate() {
        let place = if item.place.is_empty() { String::new() } else { format!(" ({})", item.place) };
        let _ = writeln!(out, "\n  {} {}{place}", at + 1, kind(&item.what));
        for (name, value) in rows(item, file, all, now) {
            let _ = writeln!(out, "    {name:<13}{value}");
        }
    }
    out
}

/// The commands that turn the file into other forms, several lines, each ended; empty when there are none.
pub fn commands(file: Read<'_>, all: &[Read<'_>]) -> String {
    let commands = conversions(file.0, file.1, key_file(file, all));
    let lines = commands.iter().map(|(to, command)| format!("  # {to}\n  {command}\n"));
    lines.fold(String::new(), |out, line| if out.is_empty() { format!("\nTo convert it:\n{line}") } else { out + &line })
}

/// Another file, with the private key of the first certificate.
fn key_file<'a>(file: Read<'_>, all: &[Read<'a>]) -> Option<&'a str> {
    let leaf = file.1.items.iter().find_map(Item::certificate)?.facts()?;
    all.iter().find(|(_, contents)| contents.keys().any(|key| key.matches(&leaf.key) == Some(true))).map(|(path, _)| *path)
}

/// `2 certificates, 1 private key`.
fn inventory(contents: &Contents) -> String {
    let kinds = ["certificate", "private key", "certificate request", "other thing"];
    let count = |kind: &str| {
        contents
            .items
            .iter()
            .filter(|item| self::kind(&item.what) == kind || kind == "other thing" && matches!(item.what, What::Other(_)))
            .count()
    };
    let counted = kinds.iter().map(|kind| (count(kind), kind)).filter(|(count, _)| *count > 0);
    let words: Vec<String> =
        counted.map(|(count, kind)| format!("{count} {kind}{}", if count == 1 { "" } else { "s" })).collect();
    if words.is_empty() { "nothing".into() } else { words.join(", ") }
}

fn kind(what: &What) -> &str {
    match what {
        What::Certificate(_) => "certificate",
        What::Key(_) => "private key",
        What::Request(_) => "certificate request",
        What::Other(label) => label,
    }
}

fn rows(item: &Item, file: Read<'_>, all: &[Read<'_>], now: Timestamp) -> Vec<(&'static str, String)> {
    match &item.what {
        What::Certificate(certificate) => match &certificate.facts {
            Ok(facts) => of_certificate(certificate, facts, now),
            Err(reason) => vec![("unreadable", reason.to_string()), ("sha256", certificate.fingerprint.to_string())],
        },
        What::Key(key) => {
            let kind = key.public.as_ref().map_or_else(|| "unknown".into(), |public| public.kind.to_string());
            vec![("form", key.form.name().into()), ("key", kind), ("belongs to", belongs(item, file, all))]
        }
        What::Request(request) => of_request(request),
        What::Other(_) => Vec::new(),
    }
}

fn of_certificate(certificate: &Certificate, facts: &Facts, now: Timestamp) -> Vec<(&'static str, String)> {
    let left = if facts.not_after <= now {
        format!("ended {} ago", span(facts.not_after, now))
    } else if facts.not_before > now {
        "not yet valid".into()
    } else {
        format!("{} left", span(now, facts.not_after))
    };
    let mut rows = vec![
        ("role", role(facts).into()),
        ("subject", facts.subject.to_string()),
        ("issuer", facts.issuer.to_string()),
        ("names", names(facts.sans())),
        ("valid", format!("{} to {} ({left})", day(facts.not_before), date(facts.not_after))),
        ("key", facts.key.kind.to_string()),
        ("signature", facts.signature.to_string()),
        ("serial", facts.serial_hex()),
        ("sha256", certificate.fingerprint.to_string()),
    ];
    rows.extend(facts.subject_key_id().map(|id| ("key id", hex(id))));
    rows.extend(facts.authority_key_id().map(|id| ("issuer's id", hex(id))));
    rows
}

fn role(facts: &Facts) -> &'static str {
    let is_ca = facts.extensions.basic_constraints.is_some_and(|bc| bc.ca);
    match (is_ca, facts.is_self_signed()) {
        (true, true) => "root, or a self-signed certificate that may sign others",
        (true, false) => "intermediate CA",
        (false, true) => "self-signed",
        (false, false) => "end entity, such as a server",
    }
}

fn of_request(request: &Request) -> Vec<(&'static str, String)> {
    let signed = match request.signed {
        Ok(()) => "good: made by the key it is for",
        Err(crate::certificate::SignatureFault::Unsupported) => "could not be checked",
        Err(_) => "bad: not made by the key it is for",
    };
    vec![
        ("subject", request.subject.to_string()),
        ("names", names(request.sans())),
        ("key", request.key.kind.to_string()),
        ("signature", format!("{}, {signed}", request.signature)),
    ]
}

/// A stranger may list thousands.
fn names<'a>(sans: impl Iterator<Item = San<'a>> + Clone) -> String {
    let shown: Vec<String> = sans.clone().take(NAMES).map(|san| san.to_string()).collect();
    match sans.count() {
        0 => "none".into(),
        1..=NAMES => shown.join(", "),
        more => format!("{} and {} more", shown.join(", "), more - NAMES),
    }
}

const NAMES: usize = 100;

/// To which certificates a key belongs.
fn belongs(item: &Item, file: Read<'_>, all: &[Read<'_>]) -> String {
    let owned = owned(item, all);
    match owned {
        None => "cannot be told without the key itself".into(),
        Some(owned) if owned.is_empty() => {
            let any = all.iter().any(|(_, contents)| contents.items.iter().any(|item| item.certificate().is_some()));
            if any { "none of the certificates" } else { "no certificate is here to compare" }.into()
        }
        Some(owned) => {
            let place = |(path, number): &(&str, usize)| {
                let within = if *path == file.0 { String::new() } else { format!(" of {}", printable(path)) };
                format!("certificate {number}{within}")
            };
            owned.iter().map(place).collect::<Vec<_>>().join(", ")
        }
    }
}

/// File and number of each certificate with this key; `None` when it cannot be told.
fn owned<'a>(item: &Item, all: &[Read<'a>]) -> Option<Vec<(&'a str, usize)>> {
    let key = item.key()?;
    key.public.as_ref()?;
    let is_its = |certificate: &Arc<Certificate>| certificate.facts().is_some_and(|facts| key.matches(&facts.key) == Some(true));
    let mut owned = Vec::new();
    for (path, contents) in all {
        for (at, item) in contents.items.iter().enumerate() {
            if item.certificate().is_some_and(is_its) {
                owned.push((*path, at + 1));
            }
        }
    }
    Some(owned)
}

/// One JSON object; `verdict` is what [`report::json`] says of the chain in it, where there is one.
pub fn json(file: Read<'_>, all: &[Read<'_>], verdict: Option<&str>) -> String {
    let line = Line {
        schema: 1,
        file: file.0,
        format: file.1.format.name(),
        items: file.1.items.iter().map(|item| thing(item, all)).collect(),
        verdict: verdict.and_then(|verdict| serde_json::from_str(verdict).ok()),
        conversions: conversions(file.0, file.1, key_file(file, all))
            .into_iter()
            .map(|(to, command)| Conversion { to, command })
            .collect(),
    };
    serde_json::to_string(&line).unwrap_or_default()
}

fn thing<'a>(item: &'a Item, all: &[Read<'a>]) -> Thing<'a> {
    let place = &item.place;
    match &item.what {
        What::Certificate(certificate) => {
            let facts = certificate.facts();
            Thing::Certificate {
                place,
                certificate: Box::new(report::certificate(certificate)),
                role: facts.map(role),
                subject_key_id: facts.and_then(Facts::subject_key_id).map(hex),
                authority_key_id: facts.and_then(Facts::authority_key_id).map(hex),
            }
        }
        What::Key(key) => {
            let belongs_to = owned(item, all);
            Thing::PrivateKey {
                place,
                form: key.form.name(),
                key: key.public.as_ref().map(|public| public.kind.to_string()),
                belongs_to: belongs_to.map(|owned| owned.into_iter().map(|(file, item)| Owned { file, item }).collect()),
            }
        }
        What::Request(request) => Thing::Request {
            place,
            subject: request.subject.to_string(),
            sans: request.sans().map(|san| san.to_string()).collect(),
            key: request.key.kind.to_string(),
            signature: request.signature.to_string(),
            signed: match request.signed {
                Ok(()) => Some(true),
                Err(crate::certificate::SignatureFault::Unsupported) => None,
                Err(_) => Some(false),
            },
        },
        What::Other(label) => Thing::Other { place, label },
    }
}

#[derive(Serialize)]
struct Line<'a> {
    schema: u8,
    file: &'a str,
    format: &'static str,
    items: Vec<Thing<'a>>,
    verdict: Option<serde_json::Value>,
    conversions: Vec<Conversion>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Thing<'a> {
    Certificate {
        place: &'a str,
        #[serde(flatten)]
        certificate: Box<report::CertificateLine>,
        role: Option<&'static str>,
        subject_key_id: Option<String>,
        authority_key_id: Option<String>,
    },
    PrivateKey {
        place: &'a str,
        form: &'static str,
        key: Option<String>,
        belongs_to: Option<Vec<Owned<'a>>>,
    },
    Request {
        place: &'a str,
        subject: String,
        sans: Vec<String>,
        key: String,
        signature: String,
        signed: Option<bool>,
    },
    Other {
        place: &'a str,
        label: &'a str,
    },
}

#[derive(Serialize)]
struct Owned<'a> {
    file: &'a str,
    item: usize,
}

#[derive(Serialize)]
struct Conversion {
    to: &'static str,
    command: String,
}
