//! The file that `web.config_file` names: Prometheus's web configuration, as its exporters have it too (exporter-toolkit,
//! `docs/web-configuration.md`). One file may serve them all.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use hyper::header::{HeaderName, HeaderValue};

use super::{
    fault::{Report, shorten},
    file,
    read::{self, At, Fields},
    tree::{self, Value},
    web_tls,
};
use crate::{
    certificate::printable_cut,
    web::{Pace, PasswordHash, Rules},
};

/// Reads the file into the rules. What is wrong in it is told with its own lines.
pub(super) fn read(at: &At<'_>, directory: &Path, rules: &mut Rules, report: &mut Report) {
    let Some(path) = read::path(at, directory, report) else { return };
    let shown = path.to_string_lossy();
    let mut refuse = |problem: &str, remedy: &str| report.fault(at, format!("\"{}\" {problem}", shorten(&shown)), remedy);
    let text = match file::read(&path, MAX_FILE).map(String::from_utf8) {
        Ok(Ok(text)) => text,
        Ok(Err(_)) => return refuse("is not UTF-8", "save the file in UTF-8"),
        Err(unusable) => return refuse(&unusable.problem, unusable.remedy),
    };
    let root = match tree::parse(text.strip_prefix('\u{feff}').unwrap_or(&text)) {
        Ok(root) => root,
        Err(none) => {
            let place = none.line.map_or_else(String::new, |line| format!("line {line}: "));
            return refuse(&format!("{place}{}", printable_cut(&none.problem, 300)), none.remedy);
        }
    };
    let mut inner = Report::new(&shown);
    read_root(&At::root(&root), path.parent().unwrap_or(Path::new("")), rules, &mut inner);
    report.faults.append(&mut inner.faults);
    report.warnings.append(&mut inner.warnings);
}

fn read_root(at: &At<'_>, directory: &Path, rules: &mut Rules, report: &mut Report) {
    let keys = ["tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"];
    let Some(fields) = Fields::read(at, &keys, report) else { return };
    rules.tls = fields.get("tls_server_config").and_then(|at| web_tls::read(&at, directory, report)).map(Arc::new);
    fields.set("basic_auth_users", &mut rules.users, report, read_users);
    rules.requests = fields.get("rate_limit").and_then(|at| read_pace(&at, report));
    fields.set("http_server_config", &mut rules.headers, report, read_http);
}

/// Names, and bcrypt hashes.
fn read_users(at: &At<'_>, report: &mut Report) -> Option<BTreeMap<Arc<str>, PasswordHash>> {
    let entries = match at.value() {
        Value::Null => return Some(BTreeMap::new()),
        Value::Map(entries) => entries,
        _ => return read::refuse(at, "is no mapping", "write a name and a bcrypt hash a line", report),
    };
    let mut users = BTreeMap::new();
    for (at, entry) in at.entries(entries) {
        if entry.key.is_empty() || entry.key.contains(|c: char| c == ':' || c.is_control()) {
            report.fault(&at, "is no user's name", "write one without colons (RFC 7617, section 2)");
            continue;
        }
        // The value itself must not be shown: it may be the password.
        let hash = match at.value() {
            Value::Text(text) => PasswordHash::new(text.trim()),
            _ => None,
        };
        let Some(hash) = hash else {
            report.fault(&at, "is no bcrypt hash of a password", "write what htpasswd -nBC 12 \"\" | tr -d ':\\n' prints");
            continue;
        };
        if hash.cost() > PasswordHash::SLOW {
            let problem = format!("a login takes seconds at cost {}", hash.cost());
            report.warn(&at, problem, "make the hash with cost 12: htpasswd -nBC 12 \"\"");
        }
        if users.insert(Arc::clone(&entry.key), hash).is_some() {
            report.fault(&at, "is written twice", "keep one of them");
        }
    }
    Some(users)
}

/// `None` for an interval of 0, as for none at all.
fn read_pace(at: &At<'_>, report: &mut Report) -> Option<Pace> {
    let fields = Fields::read(at, &["interval", "burst"], report)?;
    let mut every = Duration::ZERO;
    fields.set("interval", &mut every, report, |at, report| match at.value() {
        Value::Number(zero) if zero == "0" => Some(Duration::ZERO),
        _ => read::duration(at, INTERVAL, report),
    });
    if every.is_zero() {
        return None;
    }
    let burst = fields.required("burst", "20", report)?;
    let at_once = read::number(&burst, 1..=1_000_000, report).and_then(|burst| u32::try_from(burst).ok())?;
    Some(Pace { every, at_once })
}

fn read_http(at: &At<'_>, report: &mut Report) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let fields = Fields::read(at, &["http2", "headers"], report)?;
    let mut http2 = false;
    fields.set("http2", &mut http2, report, read::boolean);
    if let Some(at) = fields.get("http2").filter(|_| http2) {
        report.warn(&at, "HTTP/1.1 alone is served, which every client speaks too", "write false, or remove the key");
    }
    let mut headers = Vec::new();
    fields.set("headers", &mut headers, report, read_headers);
    Some(headers)
}

/// The five that Prometheus takes, with the values that it takes.
fn read_headers(at: &At<'_>, report: &mut Report) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let fields = Fields::read(at, &HEADERS.map(|(name, _)| name), report)?;
    let mut headers = Vec::new();
    for (name, values) in HEADERS {
        let Some(at) = fields.get(name) else { continue };
        let text = match at.value() {
            Value::Null => continue,
            Value::Text(text) if text.is_empty() => continue,
            Value::Text(text) | Value::Number(text) => text.trim(),
            _ => "",
        };
        let value = HeaderValue::from_str(text).ok().filter(|_| values.is_empty() || values.contains(&text));
        match (value, HeaderName::from_bytes(name.as_bytes())) {
            (Some(value), Ok(name)) if !text.is_empty() => headers.push((name, value)),
            _ => {
                let remedy = if values.is_empty() { "a line of ASCII".to_owned() } else { values.join(" or ") };
                report.fault(&at, format!("{} is no value of this header", at.shown()), format!("write {remedy}"));
            }
        }
    }
    Some(headers)
}

const HEADERS: [(&str, &[&str]); 5] = [
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
    ("Content-Security-Policy", &[]),
];

const MAX_FILE: u64 = 1024 * 1024;
const INTERVAL: core::ops::RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(1);
