//! The section `channels`.

use std::{collections::HashMap, sync::Arc, time::Duration};

use super::{
    fault::{Report, shorten},
    mail::{self, Surroundings},
    read::{self, At, Fields},
    tree::Value,
};
use crate::{
    channel::{Alertmanager, Chat, Command, Dialect, Pagerduty, Settings, Url, Way, Webhook},
    diagnosis::Severity,
    mail::Secret,
    monitor::{NoticeKind, Subscription},
};

/// The channels that have no fault, and what each wants to hear. `operators` stand in for a channel that refuses a notice.
pub(super) fn read(
    at: &At<'_>,
    operators: &[String],
    around: &mut Surroundings<'_>,
    report: &mut Report,
) -> Vec<(Settings, Subscription)> {
    let Value::List(items) = at.value() else {
        report.fault(at, format!("{} is no list", at.shown()), "begin each channel with a dash: - name: hook");
        return Vec::new();
    };
    let mut lines: HashMap<String, usize> = HashMap::new();
    let mut channels = Vec::new();
    for at in at.items(items) {
        channels.extend(read_channel(&at, operators, &mut lines, around, report));
    }
    channels
}

fn read_channel(
    at: &At<'_>,
    operators: &[String],
    lines: &mut HashMap<String, usize>,
    around: &mut Surroundings<'_>,
    report: &mut Report,
) -> Option<(Settings, Subscription)> {
    let faults_before = report.faults.len();
    let Some(kind) = kind_of(at) else {
        report.fault(at, "is no channel of a known kind", format!("write kind: {}", KINDS.map(|(word, _)| word).join(" or ")));
        return None;
    };
    let own: &[&'static str] = match kind {
        Kind::Webhook => &["url", "secret"],
        Kind::Alertmanager => &["url", "resend"],
        Kind::Chat(_) => &["url"],
        Kind::Pagerduty => &["url", "routing_key"],
        Kind::Command => &["command"],
    };
    let keys = [COMMON, own].concat();
    let fields = Fields::read(at, &keys, report)?;
    let name = fields.required("name", "hook", report).and_then(|at| read_name(&at, lines, report));
    let way = match kind {
        Kind::Webhook => read_webhook(&fields, around, report).map(Way::Webhook),
        Kind::Alertmanager => read_alertmanager(&fields, report).map(Way::Alertmanager),
        Kind::Chat(dialect) => read_chat(&fields, dialect, around, report).map(Way::Chat),
        Kind::Pagerduty => read_pagerduty(&fields, around, report).map(Way::Pagerduty),
        Kind::Command => read_command(&fields, report).map(Way::Command),
    };
    let (mut least, mut kinds, mut fallback) =
        (Severity::Warning, KINDS_OF_NOTICE.map(|(_, kind)| kind).to_vec(), operators.to_vec());
    let severities = [("warning", Severity::Warning), ("critical", Severity::Critical)];
    fields.set("severity", &mut least, report, |at, report| read::choice(at, &severities, report));
    fields.set("findings", &mut kinds, report, |at, report| {
        read::each(at, report, |at, report| read::choice(at, &KINDS_OF_NOTICE, report))
    });
    fields.set("fallback", &mut fallback, report, |at, report| read::each(at, report, read::address));
    let mut deadline = Duration::from_secs(10);
    fields.set("timeout", &mut deadline, report, |at, report| read::duration(at, TIMEOUT, report));
    let mut roots = None;
    fields.set("ca_files", &mut roots, report, |at, report| mail::read_roots(at, around, report).map(Some));
    if report.faults.len() > faults_before {
        return None;
    }
    let (name, way) = (name?, way?);
    let subscription = Subscription { channel: Arc::clone(&name), audience: way.audience(), least, kinds, fallback };
    Some((Settings { name, way, deadline, roots }, subscription))
}

/// The keys that are right depend on it.
fn kind_of(at: &At<'_>) -> Option<Kind> {
    let Value::Map(entries) = at.value() else { return None };
    let word = entries.iter().find(|entry| &*entry.key == "kind").map(|entry| &entry.value.value);
    let kind = KINDS.iter().find(|(known, _)| matches!(word, Some(Value::Text(word)) if word.trim() == *known));
    kind.map(|(_, kind)| *kind)
}

fn read_name(at: &At<'_>, lines: &mut HashMap<String, usize>, report: &mut Report) -> Option<Arc<str>> {
    let name = read::text(at, report)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    if name.len() > 40 || !name.chars().all(is_plain) {
        let remedy = "write at most 40 letters, digits, _ and -";
        return read::refuse(at, format!("\"{}\" is no channel's name", shorten(name)), remedy, report);
    }
    if let Some(first) = lines.insert(name.to_owned(), at.line()) {
        let problem = format!("the name \"{name}\" is taken by the channel on line {first}");
        return read::refuse(at, problem, "give this one a name of its own", report);
    }
    Some(name.into())
}

fn read_webhook(fields: &Fields<'_>, around: &mut Surroundings<'_>, report: &mut Report) -> Option<Webhook> {
    let url = read_urls(fields, false, report);
    let secret = read_required_secret(fields, "secret", around, report);
    Some(Webhook { url: url?.pop()?, secret: secret? })
}

fn read_alertmanager(fields: &Fields<'_>, report: &mut Report) -> Option<Alertmanager> {
    let mut resend = Duration::from_mins(1);
    fields.set("resend", &mut resend, report, |at, report| read::duration(at, RESEND, report));
    Some(Alertmanager { urls: read_urls(fields, true, report)?, resend })
}

/// `url` is a secret, and stands in none but a file or a credential.
fn read_chat(fields: &Fields<'_>, dialect: Dialect, around: &mut Surroundings<'_>, report: &mut Report) -> Option<Chat> {
    let plaintext = read_plaintext(fields, report);
    let secret = read_required_secret(fields, "url", around, report)?;
    let at = fields.get("url")?;
    Some(Chat { dialect, url: read_url(&at, &secret.0, plaintext, report)? })
}

fn read_pagerduty(fields: &Fields<'_>, around: &mut Surroundings<'_>, report: &mut Report) -> Option<Pagerduty> {
    let url = match fields.get("url") {
        Some(_) => read_urls(fields, false, report).and_then(|mut urls| urls.pop()),
        None => Pagerduty::URL.parse().ok(),
    };
    let routing_key = read_required_secret(fields, "routing_key", around, report);
    Some(Pagerduty { url: url?, routing_key: routing_key? })
}

/// The program, by its absolute path, and its arguments.
fn read_command(fields: &Fields<'_>, report: &mut Report) -> Option<Command> {
    let at = fields.required("command", "[/usr/local/bin/tell, --all]", report)?;
    let mut words = read::each(&at, report, |at, report| read::text(at, report).map(str::to_owned))?.into_iter();
    match words.next().map(std::path::PathBuf::from) {
        Some(program) if program.is_absolute() => Some(Command { program, arguments: words.collect() }),
        _ => {
            let remedy = "write its absolute path and each argument apart: [/usr/local/bin/tell, --all]; there is no shell";
            read::refuse(&at, "names no program by its absolute path", remedy, report)
        }
    }
}

fn read_required_secret(fields: &Fields<'_>, key: &str, around: &mut Surroundings<'_>, report: &mut Report) -> Option<Secret> {
    let at = fields.required(key, "{credential: hook}", report)?;
    mail::read_secret(&at, "the channel is left out", around, report)
}

/// `url`: one, or a list where several are fine.
fn read_urls(fields: &Fields<'_>, several: bool, report: &mut Report) -> Option<Vec<Url>> {
    let plaintext = read_plaintext(fields, report);
    let at = fields.required("url", "https://alerts.example.com/hook", report)?;
    let urls = read::each(&at, report, |at, report| {
        let text = read::text(at, report)?;
        read_url(at, text, plaintext, report)
    })?;
    match urls.len() {
        0 => read::refuse(&at, "is empty", "write a URL", report),
        1 => Some(urls),
        _ if several => Some(urls),
        _ => read::refuse(&at, "this kind takes one URL", "write a channel for each", report),
    }
}

/// Its path may be a secret: it is not shown.
fn read_url(at: &At<'_>, text: &str, plaintext: bool, report: &mut Report) -> Option<Url> {
    let url = match text.parse::<Url>() {
        Ok(url) => url,
        Err(problem) => return read::refuse(at, problem, "write one such as https://alerts.example.com/hook", report),
    };
    if url.is_exposed() && !plaintext {
        let remedy = "write https, or plaintext: allowed beside it";
        return read::refuse(at, "http would send notices in plain text over the network", remedy, report);
    }
    Some(url)
}

fn read_plaintext(fields: &Fields<'_>, report: &mut Report) -> bool {
    let mut plaintext = false;
    fields.set("plaintext", &mut plaintext, report, |at, report| read::choice(at, &[("allowed", true)], report));
    plaintext
}

#[derive(Clone, Copy)]
enum Kind {
    Webhook,
    Alertmanager,
    Chat(Dialect),
    Pagerduty,
    Command,
}

/// Mattermost takes what Slack takes.
const KINDS: [(&str, Kind); 7] = [
    ("webhook", Kind::Webhook),
    ("alertmanager", Kind::Alertmanager),
    ("slack", Kind::Chat(Dialect::Slack)),
    ("mattermost", Kind::Chat(Dialect::Slack)),
    ("teams", Kind::Chat(Dialect::Teams)),
    ("pagerduty", Kind::Pagerduty),
    ("command", Kind::Command),
];
const KINDS_OF_NOTICE: [(&str, NoticeKind); 3] =
    [("expiry", NoticeKind::Expiry), ("chain", NoticeKind::Chain), ("problem", NoticeKind::Problem)];
const COMMON: &[&str] = &["name", "kind", "severity", "findings", "fallback", "timeout", "ca_files", "plaintext"];

const TIMEOUT: core::ops::RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_mins(1);
/// Alerts last four times as long.
const RESEND: core::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(15);
