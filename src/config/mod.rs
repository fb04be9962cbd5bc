//! The configuration: a YAML file as people write it, resolved into what the daemon needs. Every fault is told at once, each
//! with its line, its key and what to write instead; unknown keys are refused.

mod canaries;
mod channels;
mod duration;
mod endpoints;
mod fault;
mod file;
mod mail;
mod people;
mod read;
mod routes;
mod show;
pub(crate) mod tree;
pub mod trust;
mod web;
mod web_file;
mod web_own;
mod web_tls;

#[cfg(test)]
mod tests;

use core::net::{IpAddr, Ipv4Addr};
use std::{
    collections::{HashMap, HashSet},
    ffi::OsString,
    fmt::Write as _,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

pub use duration::{format as format_duration, meant as meant_duration, parse as parse_duration};
pub use fault::{Fault, Faults};
pub use file::{FileError, read_file};
pub use show::effective;

use self::{
    endpoints::{Around, Common},
    fault::Report,
    read::{At, Fields},
    routes::Routes,
    tree::Value,
    trust::{Stores, TrustSources},
};
use crate::{
    certificate::printable_cut,
    channel,
    endpoint::{Host, Protocol, Target},
    fetch, mail as mailing,
    monitor::{Limits, People, Watch},
    probe::NameLookup,
    store, web as serving,
};

/// A configuration that can be used.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it says.
    pub config: Config,
    /// What is hardly as it was meant, in the order of the lines.
    pub warnings: Vec<Fault>,
    /// The file, as messages name it.
    pub file: Arc<str>,
}

/// The configuration, resolved.
#[derive(Clone, Debug)]
pub struct Config {
    /// The inventory, in the order of the file; names are unique, and at least one is there.
    pub watches: Vec<Arc<Watch>>,
    /// Hosts that tell whether a failure is ours: no endpoints, though visited like them. Their names differ from those of the
    /// endpoints.
    pub canaries: Vec<Arc<Watch>>,
    /// What holds for a target that is no endpoint; where it points to means nothing.
    pub strangers: Arc<Watch>,
    /// What the whole daemon keeps to.
    pub limits: Limits,
    /// Who resolves names.
    pub resolver: NameLookup,
    /// What may be fetched.
    pub fetch: fetch::Settings,
    /// Where the page and the metrics are served.
    pub web: serving::Settings,
    /// Where the state is kept.
    pub store: store::Settings,
    /// How mail is sent; metrics alone are a fair use.
    pub mail: Option<mailing::Settings>,
    /// When people want to be written to.
    pub people: Arc<People>,
    /// The other ways out.
    pub channels: Vec<channel::Settings>,
}

/// What systemd provides; read by whoever starts us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// Where the unit's credentials are; `None` outside of one.
    pub credentials_directory: Option<PathBuf>,
    /// Where the state goes, whatever the configuration says.
    pub state_directory: Option<PathBuf>,
}

impl Environment {
    /// From the values of `$CREDENTIALS_DIRECTORY` and `$STATE_DIRECTORY`. systemd separates several state directories by
    /// colons; the first is meant.
    pub fn new(credentials_directory: Option<OsString>, state_directory: Option<OsString>) -> Self {
        let first =
            |list: OsString| list.as_bytes().split(|byte| *byte == b':').next().map(|dir| OsString::from_vec(dir.to_vec()));
        let path = |directory: Option<OsString>| directory.filter(|directory| !directory.is_empty()).map(PathBuf::from);
        Environment { credentials_directory: path(credentials_directory), state_directory: path(state_directory.and_then(first)) }
    }
}

/// Loads the configuration, and all files that it names.
pub fn load(path: &Path, env: &Environment) -> Result<Loaded, Faults> {
    let report = Report::new(&path.to_string_lossy());
    let content = match file::read(path, MAX_FILE) {
        Ok(content) => content,
        Err(unusable) => return Err(report.refuse(None, unusable.problem, unusable.remedy)),
    };
    match String::from_utf8(content) {
        Ok(text) => parse(&text, path, env),
        Err(error) => {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = good.split(|byte| *byte == b'\n').count();
            Err(report.refuse(Some(line), "is not UTF-8", "save the file in UTF-8"))
        }
    }
}

/// The same for a text that has been read already. `path` names it in messages, and relative paths in it begin at its directory.
pub fn parse(text: &str, path: &Path, env: &Environment) -> Result<Loaded, Faults> {
    parse_with(&mut Stores::default(), text, path, env)
}

/// The same with what others have read of stores before.
fn parse_with(stores: &mut Stores, text: &str, path: &Path, env: &Environment) -> Result<Loaded, Faults> {
    let mut report = Report::new(&path.to_string_lossy());
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let root = match tree::parse(text) {
        Ok(root) => root,
        Err(none) => return Err(report.refuse(none.line, printable_cut(&none.problem, 300), none.remedy)),
    };
    if root.value == Value::Null {
        return Err(report.refuse(None, "is empty", EXAMPLE));
    }
    let at = At::root(&root);
    if !matches!(root.value, Value::Map(_)) {
        let problem = format!("holds {} instead of a mapping", at.shown());
        return Err(report.refuse(Some(root.line), problem, EXAMPLE));
    }
    let config = resolve(&at, path.parent().unwrap_or(Path::new("")), env, stores, &mut report);
    let file = Arc::clone(report.file());
    let place = |fault: &Fault| (fault.file != file, fault.line);
    report.faults.sort_by_key(place);
    report.warnings.sort_by_key(place);
    match config {
        Some(config) if report.faults.is_empty() => Ok(Loaded { config, file: report.file().clone(), warnings: report.warnings }),
        _ => Err(Faults(report.faults)),
    }
}

/// What `validate` prints of a configuration that can be used: its warnings, then one line. No newline at the end.
pub fn summary(loaded: &Loaded) -> String {
    let mut out = String::new();
    for warning in &loaded.warnings {
        let _ = writeln!(out, "warning: {warning}");
    }
    let count = loaded.config.watches.len();
    let _ = write!(out, "{}: {count} endpoint{}, sound", loaded.file, if count == 1 { "" } else { "s" });
    match loaded.warnings.len() {
        0 => {}
        1 => out.push_str(", 1 warning"),
        warnings => {
            let _ = write!(out, ", {warnings} warnings");
        }
    }
    out
}

/// Reads every section, whatever the faults of the others.
fn resolve(at: &At<'_>, directory: &Path, env: &Environment, stores: &mut Stores, report: &mut Report) -> Option<Config> {
    const KEYS: &[&str] = &[
        "defaults",
        "trust",
        "limits",
        "probe",
        "fetch",
        "web",
        "state",
        "mail",
        "channels",
        "people",
        "routes",
        "endpoints",
        "canaries",
    ];
    let fields = Fields::read(at, KEYS, report)?;
    let section = |key: &str| fields.get(key).filter(|at| *at.value() != Value::Null);

    let mut mail = None;
    if let Some(at) = section("mail") {
        let mut around = mail::Surroundings { directory, env, stores: &mut *stores };
        mail = mail::read(&at, &mut around, report);
    }
    let (people, languages) = section("people").map(|at| people::read(&at, report)).unwrap_or_default();
    if let Some(mail) = &mut mail {
        mail.languages = languages;
    }
    let operators = mail.as_ref().map_or(&[][..], |mail| &mail.to);
    let (mut channels, mut subscriptions) = (Vec::new(), Vec::new());
    if let Some(at) = section("channels") {
        let mut around = mail::Surroundings { directory, env, stores: &mut *stores };
        (channels, subscriptions) = channels::read(&at, operators, &mut around, report).into_iter().unzip();
    }
    let trust = match section("trust") {
        Some(at) => stores.read(&at, TrustSources::default(), directory, report).unwrap_or_default(),
        None => stores.trust(&TrustSources::default()),
    };
    let mut common = Common::new(trust, Arc::new(stores.of_clients()), &subscriptions);
    let routes = Routes::default();
    let mut around = Around {
        directory,
        stores,
        channels: &subscriptions,
        routes,
        first_addressee: None,
        names: HashMap::new(),
        policies: HashSet::new(),
        rules: HashSet::new(),
    };
    if let Some(at) = section("defaults") {
        common.read_defaults(&at, &mut around, report);
    }
    common.own(operators, mail.as_ref().map_or(&[], |mail| &mail.fallback));
    if let Some(at) = section("routes") {
        around.routes = Routes::read(&at, &mut around, report);
    }
    let mut watches = match fields.required("endpoints", "[www.example.com]", report) {
        Some(at) => endpoints::read(&at, &common, &mut around, report),
        None => Vec::new(),
    };
    let web = web::read(section("web").as_ref(), &mail::Surroundings { directory, env, stores: &mut *around.stores }, report);
    if let Some(tls) = web.rules.tls.as_ref().filter(|_| web.watch_certificate) {
        watches.extend(web_own::watch(&web, tls, &watches, &common, &mut around).map(Arc::new));
    }
    let canaries = section("canaries").map_or_else(Vec::new, |at| canaries::read(&at, &common, report));
    if let (None, Some((line, key))) = (section("mail"), around.first_addressee) {
        report.warn_at(line, key, "nobody gets mail, as there is no section mail", "write one, or remove the address");
    }
    around.routes.warn_unused(report);

    Some(Config {
        watches,
        canaries,
        strangers: Arc::new(common.canary(HERE)),
        limits: section("limits").map_or_else(Limits::default, |at| read_limits(&at, report)),
        resolver: section("probe").map_or_else(NameLookup::default, |at| read_resolver(&at, report)),
        fetch: section("fetch").map_or_else(fetch::Settings::default, |at| read_fetch(&at, report)),
        web,
        store: read_state(section("state").as_ref(), directory, env, report),
        mail,
        people,
        channels,
    })
}

fn read_limits(at: &At<'_>, report: &mut Report) -> Limits {
    let mut limits = Limits::default();
    if let Some(fields) = Fields::read(at, &["visits", "visits_per_address", "spread"], report) {
        fields.set("visits", &mut limits.visits, report, |at, report| read::number(at, 1..=10_000, report));
        let slot = &mut limits.visits_per_address;
        fields.set("visits_per_address", slot, report, |at, report| read::number(at, 1..=10_000, report));
        fields.set("spread", &mut limits.spread, report, |at, report| read::duration(at, SPREAD, report));
    }
    limits
}

fn read_resolver(at: &At<'_>, report: &mut Report) -> NameLookup {
    let mut resolver = NameLookup::default();
    if let Some(fields) = Fields::read(at, &["resolver"], report) {
        let choices = [("dns", NameLookup::Dns), ("system", NameLookup::System)];
        fields.set("resolver", &mut resolver, report, |at, report| read::choice(at, &choices, report));
    }
    resolver
}

fn read_fetch(at: &At<'_>, report: &mut Report) -> fetch::Settings {
    let mut settings = fetch::Settings::default();
    if let Some(fields) = Fields::read(at, &["enabled", "allow_private"], report) {
        fields.set("enabled", &mut settings.enabled, report, read::boolean);
        fields.set("allow_private", &mut settings.allow_private, report, read::boolean);
    }
    settings
}

fn read_state(at: Option<&At<'_>>, directory: &Path, env: &Environment, report: &mut Report) -> store::Settings {
    let mut state = PathBuf::from("/var/lib/certvigil");
    if let Some(fields) = at.and_then(|at| Fields::read(at, &["directory"], report)) {
        fields.set("directory", &mut state, report, |at, report| read::path(at, directory, report));
    }
    store::Settings { directory: env.state_directory.clone().unwrap_or(state) }
}

/// Stands where a target will be.
const HERE: Target = Target { protocol: Protocol::Tls, host: Host::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST)), port: 443 };

const EXAMPLE: &str = "write at least endpoints: [www.example.com]";

const MAX_FILE: u64 = 64 * 1024 * 1024;

/// Visits after a start may be spread over a day.
const SPREAD: core::ops::RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(24);
