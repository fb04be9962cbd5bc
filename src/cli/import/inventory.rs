//! What was found, and the inventory that is made of it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use lettre::Address;

use crate::{
    certificate::{printable, printable_cut},
    config::{self, tree::Node},
    endpoint::{Host, Protocol, Target},
};

/// An endpoint as another program had it.
#[derive(Debug)]
pub(super) struct Found {
    /// Where it stood, counted from 1; 0 is unknown.
    pub(super) line: usize,
    pub(super) target: Target,
    /// What people know it by; by default its target.
    pub(super) name: Option<String>,
    pub(super) server_name: Option<Host>,
    pub(super) interval: Option<Duration>,
    pub(super) timeout: Option<Duration>,
    pub(super) expiry: Thresholds,
    pub(super) owners: Vec<String>,
    pub(super) labels: BTreeMap<String, String>,
    /// Files of roots.
    pub(super) trust: Vec<String>,
    /// What a person should decide.
    pub(super) remarks: Vec<String>,
}

impl Found {
    pub(super) fn new(line: usize, target: Target) -> Self {
        Found {
            line,
            target,
            name: None,
            server_name: None,
            interval: None,
            timeout: None,
            expiry: Thresholds::default(),
            owners: Vec::new(),
            labels: BTreeMap::new(),
            trust: Vec::new(),
            remarks: Vec::new(),
        }
    }

    /// Adds a label; a value that is a mail address below a name that says so is an owner's.
    pub(super) fn label(&mut self, name: &str, value: &str) {
        let means_owner = ["owner", "email", "mail", "contact", "owner_email", "email_to"].contains(&name);
        if means_owner && value.parse::<Address>().is_ok() {
            self.owners.push(value.to_owned());
            return;
        }
        let mut key: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(100).collect();
        if key.is_empty() || key.starts_with(|c: char| c.is_ascii_digit()) {
            key.insert(0, '_');
        }
        let value = printable_cut(value.trim(), 200);
        if !value.is_empty() {
            self.labels.insert(key, value);
        }
    }
}

/// How long before the end somebody wanted to hear of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Thresholds {
    pub(super) warning: Option<Duration>,
    pub(super) critical: Option<Duration>,
}

impl Thresholds {
    /// A threshold of which nobody says what it is: a short one is the last call.
    pub(super) fn of(before: Duration) -> Self {
        if before > Duration::from_hours(7 * 24) {
            Thresholds { warning: Some(before), critical: None }
        } else {
            Thresholds { warning: None, critical: Some(before) }
        }
    }

    /// The earlier of the two, each.
    pub(super) fn join(&mut self, other: Thresholds) {
        self.warning = self.warning.max(other.warning);
        self.critical = self.critical.max(other.critical);
    }

    /// Nothing where nothing was said.
    fn written(self) -> Option<String> {
        let one = |name: &str, before: Option<Duration>| {
            before.map(|before| before.min(YEAR)).map(|before| format!("{name}: {{before: {}}}", config::format_duration(before)))
        };
        let both: Vec<_> = [one("warning", self.warning), one("critical", self.critical)].into_iter().flatten().collect();
        (!both.is_empty()).then(|| format!("{{{}}}", both.join(", ")))
    }
}

/// How mail was sent. No secret is carried over.
#[derive(Clone, Debug, Default)]
pub(super) struct MailServer {
    pub(super) host: String,
    pub(super) port: Option<String>,
    pub(super) from: Option<String>,
    pub(super) to: Vec<String>,
}

/// Something that was not carried over, or not as it was.
#[derive(Debug)]
pub(super) struct Note {
    file: Arc<str>,
    line: usize,
    said: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}", self.said)
    }
}

/// All that was found, in the order in which it was.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    pub(super) file: Arc<str>,
    pub(super) found: Vec<Found>,
    pub(super) notes: Vec<Note>,
    /// For every endpoint that has none of its own.
    pub(super) expiry: Thresholds,
    pub(super) mail: Option<MailServer>,
    /// Places and names so far, each with the endpoint that has it.
    places: HashMap<(Target, Option<Host>), usize>,
    names: HashSet<String>,
}

impl Inventory {
    /// Tells of something in the file that is being read. `said` may have been written by a stranger.
    pub(super) fn note(&mut self, line: usize, said: impl AsRef<str>) {
        let said = printable_cut(said.as_ref(), 400);
        self.notes.push(Note { file: self.file.clone(), line, said });
    }

    /// The mappings of the list below a key. What else is there is told, once a list.
    pub(super) fn mappings<'a>(&mut self, node: &'a Node, key: &str) -> &'a [Node] {
        let Some(list) = node.get(key) else { return &[] };
        if let Some((line, is)) = list.no_mappings() {
            self.note(line, format!("{key} {is}; left out"));
        }
        list.items()
    }

    /// Takes an endpoint in. One that is visited already adds its labels and owners to the first; names become unique.
    pub(super) fn add(&mut self, mut found: Found) {
        let place = (found.target.clone(), found.server_name.clone());
        if let Some(first) = self.places.get(&place) {
            let first = &mut self.found[*first];
            for (name, value) in found.labels {
                first.labels.entry(name).or_insert(value);
            }
            for owner in found.owners {
                if !first.owners.contains(&owner) {
                    first.owners.push(owner);
                }
            }
            first.expiry.join(found.expiry);
            let said = format!("{} is there already, as \"{}\"; watched once", short(&found.target), shown(first));
            self.note(found.line, said);
            return;
        }
        let wanted = found.name.take().unwrap_or_else(|| short(&found.target));
        let wanted = printable_cut(wanted.trim(), 150);
        let wanted = if wanted.is_empty() { short(&found.target) } else { wanted };
        let mut name = wanted.clone();
        let mut count = 1;
        while !self.names.insert(name.clone()) {
            name = if count == 1 {
                printable_cut(&format!("{wanted} {}", short(&found.target)), 190)
            } else {
                format!("{wanted} {count}")
            };
            count += 1;
        }
        if name != wanted {
            self.note(found.line, format!("the name \"{wanted}\" is taken; this endpoint is called \"{name}\""));
        }
        found.name = Some(name);
        // More often than this is for those who ask whether a server is up.
        found.interval = found.interval.filter(|interval| (Duration::from_mins(10)..=YEAR).contains(interval));
        let sound_timeout = Duration::from_millis(1)..=Duration::from_hours(1);
        found.timeout = found.timeout.filter(|timeout| sound_timeout.contains(timeout));
        self.places.insert(place, self.found.len());
        self.found.push(found);
    }

    /// The configuration. `trust`: files of roots are used, and not only mentioned.
    pub(super) fn render(&self, files: &[String], trust: bool) -> String {
        let mut out = String::new();
        let files = files.iter().map(|file| printable(file)).collect::<Vec<_>>().join(", ");
        let _ = writeln!(out, "# The inventory, made by `certvigil import` from {files}.");
        let _ = writeln!(
            out,
            "# Lines that begin with \"# decide:\" need a person's decision. What was left out stands on standard error."
        );
        let _ = writeln!(out, "# `certvigil validate --config FILE` checks this file; docs/operating.md says how to go on.");
        if let Some(expiry) = self.expiry.written() {
            let _ = writeln!(out, "\ndefaults:\n  expiry: {expiry}   # as the alert rules had it");
        }
        self.render_mail(&mut out);
        out.push_str("\nendpoints:\n");
        for found in &self.found {
            render_endpoint(found, trust, &mut out);
        }
        out
    }

    /// A section to be completed, as no secret is carried over.
    fn render_mail(&self, out: &mut String) {
        if self.mail.is_none() && self.found.iter().all(|found| found.owners.is_empty()) {
            return;
        }
        let mail = self.mail.clone().unwrap_or_default();
        let host = if mail.host.is_empty() { "smtp.example.com".to_owned() } else { scalar(&mail.host) };
        let port = mail.port.as_deref().filter(|port| port.parse::<u16>().is_ok()).unwrap_or("587");
        let tls = if port == "465" { "implicit" } else { "starttls" };
        let from = mail.from.as_deref().unwrap_or("certvigil@example.com");
        let to = if mail.to.is_empty() { vec!["ops@example.com".to_owned()] } else { mail.to };
        let _ =
            writeln!(out, "\n# decide: mail goes out once this section stands here; the password goes into a file of its own.");
        let _ = writeln!(out, "# mail:\n#   server: {{host: {host}, port: {port}, tls: {tls}}}");
        let _ = writeln!(out, "#   # and in it, for a login: username: NAME, password: {{file: /etc/certvigil/smtp-password}}");
        let _ = writeln!(out, "#   from: {}\n#   to: {}", scalar(from), list(&to));
    }
}

fn shown(found: &Found) -> String {
    found.name.clone().unwrap_or_else(|| short(&found.target))
}

fn render_endpoint(found: &Found, trust: bool, out: &mut String) {
    let target = short(&found.target);
    let mut lines = vec![format!("target: {}", scalar(&target))];
    if let Some(name) = found.name.as_ref().filter(|name| **name != target) {
        lines.push(format!("name: {}", scalar(name)));
    }
    if let Some(host) = found.server_name.as_ref().filter(|host| **host != found.target.host) {
        lines.push(format!("server_name: {}", scalar(&host.to_string())));
    }
    for (key, value) in [("interval", found.interval), ("timeout", found.timeout)] {
        if let Some(value) = value {
            lines.push(format!("{key}: {}", config::format_duration(value)));
        }
    }
    if let Some(expiry) = found.expiry.written() {
        lines.push(format!("expiry: {expiry}"));
    }
    if !found.owners.is_empty() {
        lines.push(format!("owner: {}", list(&found.owners)));
    }
    if !found.labels.is_empty() {
        let labels: Vec<_> = found.labels.iter().map(|(name, value)| format!("{name}: {}", scalar(value))).collect();
        lines.push(format!("labels: {{{}}}", labels.join(", ")));
    }
    if !found.trust.is_empty() && trust {
        lines.push(format!("trust: {{files: {}}}", list(&found.trust)));
    } else if !found.trust.is_empty() {
        lines.push(format!(
            "# decide: trusted these roots alone, which could not be read here: trust: {{files: {}}}",
            list(&found.trust)
        ));
    }
    for remark in &found.remarks {
        let _ = writeln!(out, "  # decide: {}", printable_cut(remark, 300));
    }
    match &lines[..] {
        [_] => {
            let _ = writeln!(out, "  - {}", scalar(&target));
        }
        lines => {
            let _ = writeln!(out, "  - {}", lines.join("\n    "));
        }
    }
}

/// The target without the port that its protocol has anyway.
pub(super) fn short(target: &Target) -> String {
    let written = target.to_string();
    let bare = written.strip_suffix(&format!(":{}", target.protocol.port())).unwrap_or(&written);
    match (&target.host, target.protocol) {
        // `[::1]` is a list to YAML, and needs its brackets in a URL.
        (Host::Ip(ip), Protocol::Tls) if target.port == 443 => ip.to_string(),
        _ => bare.to_owned(),
    }
}

/// A text as YAML, in quotes where it could be taken for something else.
fn scalar(text: &str) -> String {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-._/@:".contains(c))
        && !text.ends_with(':');
    let reserved = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    if is_word && !reserved.contains(&text.to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    // A string of JSON is one of YAML.
    serde_json::Value::from(printable(text)).to_string()
}

fn list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| scalar(text)).collect::<Vec<_>>().join(", "))
}

/// The configuration takes no longer durations.
const YEAR: Duration = Duration::from_hours(365 * 24);
