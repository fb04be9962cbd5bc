//! The section `mail`.

use std::{collections::BTreeMap, path::Path};

use super::{
    Environment,
    fault::{Report, shorten},
    file,
    read::{self, At, Fields},
    tree::Value,
    trust::Stores,
};
use jiff::civil::Weekday;

use crate::{
    certificate::printable_cut,
    endpoint::Host,
    mail::{Language, Login, Secret, Security, Server, Settings, Templates},
    monitor::Digest,
};

/// What surrounds the section.
pub(super) struct Surroundings<'a> {
    pub(super) directory: &'a Path,
    pub(super) env: &'a Environment,
    pub(super) stores: &'a mut Stores,
}

/// `None` when there was a fault.
pub(super) fn read(at: &At<'_>, around: &mut Surroundings<'_>, report: &mut Report) -> Option<Settings> {
    let fields = Fields::read(at, &["server", "from", "to", "fallback", "alive", "language", "templates"], report)?;
    let server = fields.required("server", "{host: smtp.example.com}", report).and_then(|at| read_server(&at, around, report));
    let from = fields.required("from", "\"certvigil <alerts@example.com>\"", report).and_then(|at| read::mailbox(&at, report));
    let to = fields.required("to", "[ops@example.com]", report).and_then(|at| addresses(&at, report));
    let mut fallback = to.clone().unwrap_or_default();
    fields.set("fallback", &mut fallback, report, addresses);
    let mut alive = WEEKLY;
    let rhythms = [("weekly", WEEKLY), ("daily", Some(Digest::Daily)), ("never", None)];
    fields.set("alive", &mut alive, report, |at, report| read::choice(at, &rhythms, report));
    let mut language = Language::default();
    fields.set("language", &mut language, report, read_language);
    let mut templates = Templates::default();
    fields.set("templates", &mut templates, report, |at, report| read_templates(at, around.directory, report));
    Some(Settings {
        server: server?,
        from: from?,
        to: to?,
        fallback,
        alive,
        language,
        languages: BTreeMap::new(),
        templates,
        links: None,
    })
}

/// `en`, `de`.
pub(super) fn read_language(at: &At<'_>, report: &mut Report) -> Option<Language> {
    read::choice(at, &Language::ALL.map(|language| (language.tag(), language)), report)
}

/// A folder of templates, each tried on made-up facts.
fn read_templates(at: &At<'_>, directory: &Path, report: &mut Report) -> Option<Templates> {
    let folder = read::path(at, directory, report)?;
    let mut templates = Templates::default();
    for (language, name) in Templates::files() {
        let path = folder.join(language.tag()).join(name);
        let refuse = |problem: &str, remedy: &str, report: &mut Report| {
            read::refuse(at, format!("\"{}\" {problem}", shorten(&path.to_string_lossy())), remedy, report)
        };
        match file::read(&path, MAX_TEMPLATE).map(String::from_utf8) {
            Ok(Ok(text)) => templates.replace(language, name, text),
            Ok(Err(_)) => return refuse("is not UTF-8", "save the file in UTF-8", report),
            Err(_) if !path.exists() => {}
            Err(unusable) => return refuse(&unusable.problem, unusable.remedy, report),
        }
    }
    if templates == Templates::default() {
        let problem = format!("\"{}\" holds no template", shorten(&folder.to_string_lossy()));
        return read::refuse(at, problem, "put one there, such as en/expiry.txt; docs/mails.md lists them", report);
    }
    let troubles = templates.troubles();
    for trouble in &troubles {
        report.fault(at, trouble.to_string(), "correct the template; docs/mails.md lists what it can use");
    }
    troubles.is_empty().then_some(templates)
}

/// One mail address or more.
pub(super) fn addresses(at: &At<'_>, report: &mut Report) -> Option<Vec<String>> {
    let addresses = read::each(at, report, read::address)?;
    if addresses.is_empty() {
        return read::refuse(at, "is empty", "write at least one mail address, or remove the key", report);
    }
    Some(addresses)
}

fn read_server(at: &At<'_>, around: &mut Surroundings<'_>, report: &mut Report) -> Option<Server> {
    const KEYS: &[&str] = &["host", "port", "tls", "plaintext", "username", "password", "ca_files"];
    let faults_before = report.faults.len();
    let fields = Fields::read(at, KEYS, report)?;
    let host = fields.required("host", "smtp.example.com", report).and_then(|at| read::host(&at, report));
    let mut tls = Security::Starttls;
    let securities = [("starttls", Security::Starttls), ("implicit", Security::Implicit), ("none", Security::None)];
    fields.set("tls", &mut tls, report, |at, report| read::choice(at, &securities, report));
    let mut plaintext = false;
    fields.set("plaintext", &mut plaintext, report, |at, report| read::choice(at, &[("allowed", true)], report));
    let mut port = match tls {
        Security::Starttls => 587,
        Security::Implicit => 465,
        Security::None => 25,
    };
    fields.set("port", &mut port, report, |at, report| {
        read::number(at, 1..=65535, report).and_then(|port| u16::try_from(port).ok())
    });
    if tls == Security::None && !plaintext && host.as_ref().is_some_and(|host| !is_loopback(host)) {
        let here = fields.get("tls").unwrap_or(*at);
        let remedy = "write starttls or implicit, or plaintext: allowed beside it";
        report.fault(&here, "none would send mail in plain text over the network", remedy);
    }
    let login = read_login(at, &fields, around, report);
    let mut roots = None;
    fields.set("ca_files", &mut roots, report, |at, report| read_roots(at, around, report).map(Some));
    if report.faults.len() > faults_before {
        return None;
    }
    Some(Server { host: host?.to_string(), port, tls, login, roots })
}

/// The certificates of these files, in DER.
pub(super) fn read_roots(at: &At<'_>, around: &mut Surroundings<'_>, report: &mut Report) -> Option<Vec<Vec<u8>>> {
    let paths = read::each(at, report, |at, report| around.stores.read_file(at, around.directory, report))?;
    if paths.is_empty() {
        return read::refuse(at, "is empty", "name a file, or remove the key", report);
    }
    let certificates = paths.iter().filter_map(|path| around.stores.file(path).ok());
    Some(certificates.flat_map(|part| part.iter().map(|it| it.der().to_vec()).collect::<Vec<_>>()).collect())
}

/// 127/8, ::1, localhost.
fn is_loopback(host: &Host) -> bool {
    match host {
        Host::Ip(ip) => ip.to_canonical().is_loopback(),
        Host::Name(name) => &**name == "localhost",
    }
}

fn read_login(at: &At<'_>, fields: &Fields<'_>, around: &mut Surroundings<'_>, report: &mut Report) -> Option<Login> {
    match (fields.get("username"), fields.get("password")) {
        (None, None) => None,
        (Some(username), Some(password)) => {
            let username = read::text(&username, report).map(str::to_owned);
            let password = read_secret(&password, WITHOUT_LOGIN, around, report);
            Some(Login { username: username?, password: password? })
        }
        (Some(_), None) => {
            read::refuse(at, "username stands without a password", "write password: {credential: smtp} beside it", report)
        }
        (None, Some(password)) => {
            read_secret(&password, WITHOUT_LOGIN, around, report);
            read::refuse(at, "password stands without a username", "write username beside it", report)
        }
    }
}

/// `{credential: NAME}` or `{file: PATH}`. A credential outside the unit is no fault: `None`, and a warning with what `without`
/// it is the case.
pub(super) fn read_secret(at: &At<'_>, without: &str, around: &Surroundings<'_>, report: &mut Report) -> Option<Secret> {
    // The value itself must not be shown: it may be the password.
    let remedy = "write {file: PATH} or {credential: NAME}, and keep the secret there";
    match at.value() {
        Value::Map(_) => {}
        Value::Null => return read::refuse(at, "names no secret", remedy, report),
        _ => return read::refuse(at, "a secret may not stand in the configuration", remedy, report),
    }
    let fields = Fields::read(at, &["file", "credential"], report)?;
    match (fields.get("file"), fields.get("credential")) {
        (Some(file), None) => {
            let path = read::path(&file, around.directory, report)?;
            let shown = shorten(&path.to_string_lossy());
            if file::is_world_readable(&path) {
                report.warn(&file, format!("\"{shown}\" is readable by everybody on this machine"), "chmod 600 it");
            }
            match file::read_secret(&path) {
                Ok(secret) => Some(Secret(secret)),
                Err(unusable) => read::refuse(&file, format!("\"{shown}\" {}", unusable.problem), unusable.remedy, report),
            }
        }
        (None, Some(credential)) => read_credential(&credential, without, around.env, report),
        _ => read::refuse(at, "names no secret, or two", "write one of {file: PATH} and {credential: NAME}", report),
    }
}

fn read_credential(at: &At<'_>, without: &str, env: &Environment, report: &mut Report) -> Option<Secret> {
    let name = read::text(at, report)?;
    if name.contains(['/', '\0']) || matches!(name, "." | "..") {
        let remedy = "write the name that stands in LoadCredential=, without a path";
        return read::refuse(at, format!("\"{}\" is no credential's name", shorten(name)), remedy, report);
    }
    let shown = printable_cut(name, 40);
    let Some(directory) = &env.credentials_directory else {
        let problem = format!("no credential \"{shown}\" outside the systemd unit, so that {without}");
        report.warn(at, problem, format!("in the unit, LoadCredential={shown}:PATH provides it"));
        return None;
    };
    match file::read_secret(&directory.join(name)) {
        Ok(secret) => Some(Secret(secret)),
        Err(unusable) => {
            let problem = format!("the credential \"{shown}\" {}", unusable.problem);
            read::refuse(at, problem, format!("write LoadCredential={shown}:PATH into the unit"), report)
        }
    }
}

/// How often the operators are told that certvigil watches, where nothing is said.
const WEEKLY: Option<Digest> = Some(Digest::Weekly(Weekday::Monday));

const WITHOUT_LOGIN: &str = "mail would be sent without a login";

/// A letter is a page or two, and so is what it is made of.
const MAX_TEMPLATE: u64 = 64 * 1024;
