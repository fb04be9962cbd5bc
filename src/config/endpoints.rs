//! The sections `defaults` and `endpoints`.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    hash::Hash,
    ops::RangeInclusive,
    path::Path,
    sync::Arc,
    time::Duration,
};

use super::{
    duration,
    fault::{Report, nearest, shorten},
    read::{self, At, Fields},
    routes::{Hearers, Routes},
    tree::{Entry, Value},
    trust::{Stores, TrustSources},
};
use crate::{
    certificate::{printable, printable_cut},
    diagnosis::{Expectation, Expiry, Finding, Rules, Stores as ClientStores, Threshold, Trust},
    endpoint::{Addresses, Endpoint, Host, Target},
    monitor::{Policy, Subscription, Watch},
};

/// All that `defaults` and an endpoint may both set.
#[derive(Clone)]
pub(super) struct Common {
    policy: Policy,
    rules: Rules,
    trust: Arc<Trust>,
    stores: Arc<ClientStores>,
    timeout: Duration,
    addresses: Addresses,
}

impl Common {
    /// What holds where nothing is written.
    pub(super) fn new(trust: Arc<Trust>, stores: Arc<ClientStores>, channels: &[Subscription]) -> Self {
        Common {
            policy: Policy { channels: channels.into(), ..Policy::default() },
            rules: Rules::default(),
            trust,
            stores,
            timeout: Duration::from_secs(10),
            addresses: Addresses::All,
        }
    }

    /// What a canary keeps to: it is visited like an endpoint, and nobody hears of it.
    pub(super) fn canary(&self, target: Target) -> Watch {
        let policy = Policy { interval: CANARY_INTERVAL, confirm: self.policy.confirm, ..Policy::default() };
        watch(
            Endpoint::named(format!("canary {target}").into(), target),
            self.clone(),
            (policy.into(), self.rules.clone().into()),
        )
    }

    /// The page of certvigil itself: it has no entry of its own, and keeps to what holds for all.
    pub(super) fn own_page(&self, endpoint: Endpoint, accepts_self_signed: bool, around: &mut Around<'_>) -> Watch {
        let mut common = self.clone();
        around.routes.apply(&endpoint.name, &mut common.policy);
        if accepts_self_signed {
            common.rules.accept.insert("self_signed".into());
        }
        let shared = around.shared(&mut common);
        watch(endpoint, common, shared)
    }

    /// Who hears of endpoints that name nobody, and in place of those who cannot be written to.
    pub(super) fn own(&mut self, operators: &[String], fallback: &[String]) {
        self.policy.fallback = fallback.into();
        if self.policy.owners.is_empty() {
            self.policy.owners = operators.to_vec();
        }
    }

    /// Reads `defaults`.
    pub(super) fn read_defaults(&mut self, at: &At<'_>, around: &mut Around<'_>, report: &mut Report) {
        if let Some(fields) = Fields::read(at, COMMON_KEYS, report) {
            self.label(&fields, report);
            self.set(&fields, around, report);
        }
    }

    /// Adds to the labels.
    fn label(&mut self, fields: &Fields<'_>, report: &mut Report) {
        if let Some(labels) = fields.get("labels") {
            read_labels(&labels, &mut self.policy.labels, report);
        }
    }

    /// Replaces what is written, but for the labels.
    fn set(&mut self, fields: &Fields<'_>, around: &mut Around<'_>, report: &mut Report) {
        let policy = &mut self.policy;
        fields.set("interval", &mut policy.interval, report, |at, report| read::duration(at, INTERVAL, report));
        fields.set("timeout", &mut self.timeout, report, |at, report| read::duration(at, TIMEOUT, report));
        fields.set("confirm", &mut policy.confirm, report, |at, report| read::duration(at, CONFIRM, report));
        let choices = [("all", Addresses::All), ("first", Addresses::First)];
        fields.set("addresses", &mut self.addresses, report, |at, report| read::choice(at, &choices, report));
        let expiry = self.rules.expiry;
        fields.set("expiry", &mut self.rules.expiry, report, |at, report| read_expiry(at, expiry, report));
        Hearers::read(fields, around, report).set(policy);
        fields.set("accept", &mut self.rules.accept, report, read_accept);
        fields.set("trust", &mut self.trust, report, |at, report| {
            let nothing = TrustSources { system: false, mozilla: false, files: Vec::new() };
            around.stores.read(at, nothing, around.directory, report)
        });
        fields.set("security_level", &mut self.rules.security_level, report, |at, report| {
            read::choice(at, &[("1", 1), ("2", 2)], report)
        });
    }
}

/// What the sections need and leave behind.
pub(super) struct Around<'a> {
    pub(super) directory: &'a Path,
    pub(super) stores: &'a mut Stores,
    /// All that there are.
    pub(super) channels: &'a [Subscription],
    pub(super) routes: Routes,
    /// Line and key of the first owner or admin, who get nothing where no mail is configured.
    pub(super) first_addressee: Option<(usize, String)>,
    /// The names that are taken, and the lines of their endpoints, faulty ones included.
    pub(super) names: HashMap<Arc<str>, usize>,
    /// Those of the endpoints: few are different.
    pub(super) policies: HashSet<Arc<Policy>>,
    /// And what they are judged by.
    pub(super) rules: HashSet<Arc<Rules>>,
}

impl Around<'_> {
    /// Tells a name that is taken.
    fn claim(&mut self, name: Arc<str>, at: &At<'_>, report: &mut Report) -> bool {
        if let Some(first) = self.names.get(&name) {
            let problem = format!("the name \"{}\" is taken by the endpoint on line {first}", shorten(&name));
            report.fault(at, problem, "give this one a name of its own, or remove one of them");
            return false;
        }
        self.names.insert(name, at.line());
        true
    }

    /// The policy and the rules, of all that are equal one.
    fn shared(&mut self, common: &mut Common) -> Shared {
        let (policy, rules) = (std::mem::take(&mut common.policy), std::mem::take(&mut common.rules));
        (one(&mut self.policies, policy), one(&mut self.rules, rules))
    }
}

type Shared = (Arc<Policy>, Arc<Rules>);

/// The one that is known already, if there is an equal one.
fn one<T: Eq + Hash>(known: &mut HashSet<Arc<T>>, new: T) -> Arc<T> {
    if let Some(known) = known.get(&new) {
        return Arc::clone(known);
    }
    let new = Arc::new(new);
    known.insert(Arc::clone(&new));
    new
}

/// Reads the inventory. Endpoints with faults are left out.
pub(super) fn read(at: &At<'_>, common: &Common, around: &mut Around<'_>, report: &mut Report) -> Vec<Arc<Watch>> {
    let items = match at.value() {
        Value::List(items) if !items.is_empty() => items,
        Value::List(_) | Value::Null => {
            report.fault(at, "there is nothing to watch", "write at least one endpoint, such as - www.example.com");
            return Vec::new();
        }
        _ => {
            report.fault(at, format!("{} is no list", at.shown()), "begin each endpoint with a dash: - www.example.com");
            return Vec::new();
        }
    };
    let mut watches = Vec::with_capacity(items.len());
    around.names.reserve(items.len());
    for at in at.items(items) {
        watches.extend(read_endpoint(&at, common, around, report).map(Arc::new));
    }
    watches
}

fn read_endpoint(at: &At<'_>, common: &Common, around: &mut Around<'_>, report: &mut Report) -> Option<Watch> {
    match at.value() {
        Value::Text(_) => {
            let target = read::target(at, report)?;
            let endpoint = Endpoint::named(read_name(at, report)?, target);
            if !around.claim(endpoint.name.clone(), at, report) {
                return None;
            }
            let mut common = common.clone();
            around.routes.apply(&endpoint.name, &mut common.policy);
            let shared = around.shared(&mut common);
            Some(watch(endpoint, common, shared))
        }
        Value::Map(entries) => {
            // `- mail.example.com: 993` is a mapping to YAML.
            if let [entry] = &entries[..]
                && let Value::Number(port) = &entry.value.value
                && format!("{}:1", entry.key).parse::<Target>().is_ok()
            {
                let remedy = format!("write {}:{} without the space", shorten(&entry.key), shorten(port));
                return read::refuse(at, "a target with a space before its port", remedy, report);
            }
            read_long(at, common, around, report)
        }
        _ => {
            let remedy = "write a target, such as www.example.com or imaps://mail.example.com";
            read::refuse(at, format!("{} is no endpoint", at.shown()), remedy, report)
        }
    }
}

fn read_long(at: &At<'_>, common: &Common, around: &mut Around<'_>, report: &mut Report) -> Option<Watch> {
    let faults_before = report.faults.len();
    let fields = Fields::read(at, ENDPOINT_KEYS, report)?;
    let written = fields.required("target", "www.example.com", report);
    let target = written.as_ref().and_then(|at| read::target(at, report));
    // By default the target as written, if it can be read at all.
    let name = fields.get("name").or(written.filter(|_| target.is_some())).and_then(|at| read_name(&at, report));
    let mut common = common.clone();
    common.label(&fields, report);
    if let Some(name) = &name {
        around.claim(name.clone(), at, report);
        around.routes.apply(name, &mut common.policy);
    }
    common.set(&fields, around, report);
    let mut server_name = None;
    fields.set("server_name", &mut server_name, report, |at, report| read::host(at, report).map(Some));
    if report.faults.len() > faults_before {
        return None;
    }
    if let Some(at) = fields.get("write_to_admin").filter(|_| common.policy.write_to_admin && common.policy.admins.is_empty()) {
        report.warn(&at, "there is no admin to write to, so that the owner gets the letter", "write admin: beside it");
    }
    let mut endpoint = Endpoint::named(name?, target?);
    endpoint.server_name = server_name.unwrap_or(endpoint.server_name);
    let shared = around.shared(&mut common);
    Some(watch(endpoint, common, shared))
}

fn watch(mut endpoint: Endpoint, common: Common, (policy, rules): Shared) -> Watch {
    endpoint.addresses = common.addresses;
    endpoint.timeout = common.timeout;
    // Most endpoints are named after what they are asked by.
    if let Host::Name(asked) = &mut endpoint.server_name
        && **asked == *endpoint.name
    {
        *asked = Arc::clone(&endpoint.name);
    }
    let expectation = Expectation { host: Some(endpoint.server_name.clone()), rules };
    Watch { endpoint, expectation, trust: common.trust, stores: common.stores, policy }
}

fn read_name(at: &At<'_>, report: &mut Report) -> Option<Arc<str>> {
    let name = read::text(at, report)?;
    if name.chars().count() > 200 {
        return read::refuse(at, "is longer than 200 characters", "write a shorter name", report);
    }
    if printable(name) != name {
        return read::refuse(at, format!("{} cannot be printed as it is", at.shown()), "write plain letters", report);
    }
    Some(name.into())
}

fn read_expiry(at: &At<'_>, inherited: Expiry, report: &mut Report) -> Option<Expiry> {
    let faults_before = report.faults.len();
    let fields = Fields::read(at, &["warning", "critical"], report)?;
    let mut expiry = inherited;
    fields.set("warning", &mut expiry.warning, report, |at, report| read_threshold(at, inherited.warning, report));
    fields.set("critical", &mut expiry.critical, report, |at, report| read_threshold(at, inherited.critical, report));
    let (warning, critical) = (expiry.warning, expiry.critical);
    let never_warns = critical.before >= warning.before && critical.lifetime_percent >= warning.lifetime_percent;
    if never_warns && report.faults.len() == faults_before {
        let problem = format!(
            "critical ({}, {}%) begins no later than warning ({}, {}%), which is never seen",
            duration::format(critical.before),
            critical.lifetime_percent,
            duration::format(warning.before),
            warning.lifetime_percent
        );
        report.warn(at, problem, "write a smaller critical");
    }
    Some(expiry)
}

fn read_threshold(at: &At<'_>, inherited: Threshold, report: &mut Report) -> Option<Threshold> {
    if let Value::Text(text) = at.value() {
        let text = shorten(text);
        let remedy = if text.ends_with('%') {
            format!("write {{lifetime: {text}}}")
        } else {
            format!("write {{before: {}}}", duration::meant(&text).unwrap_or_else(|| "21d".into()))
        };
        return read::refuse(at, format!("{} is no threshold", at.shown()), remedy, report);
    }
    let fields = Fields::read(at, &["before", "lifetime"], report)?;
    let mut threshold = inherited;
    fields.set("before", &mut threshold.before, report, |at, report| read::duration(at, BEFORE, report));
    fields.set("lifetime", &mut threshold.lifetime_percent, report, read::percent);
    Some(threshold)
}

fn read_accept(at: &At<'_>, report: &mut Report) -> Option<BTreeSet<String>> {
    let codes = read::each(at, report, |at, report| {
        let code = read::text(at, report)?;
        if matches!(code, "expired" | "expires_soon") {
            return read::refuse(at, format!("\"{code}\" cannot be accepted, as expiry is always told"), "remove it", report);
        }
        if Finding::CODES.contains(&code) {
            return Some(code.to_owned());
        }
        let acceptable = Finding::CODES.iter().copied().filter(|code| !matches!(*code, "expired" | "expires_soon"));
        let remedy = match nearest(code, acceptable.clone()) {
            Some(meant) => format!("did you mean {meant}?"),
            None => format!("write one of {}", acceptable.collect::<Vec<_>>().join(", ")),
        };
        read::refuse(at, format!("\"{}\" is no finding", shorten(code)), remedy, report)
    })?;
    Some(codes.into_iter().collect())
}

/// Label names are Prometheus's; the value is any text.
fn read_labels(at: &At<'_>, labels: &mut BTreeMap<String, String>, report: &mut Report) {
    let Value::Map(entries) = at.value() else {
        report.fault(at, format!("{} is no mapping", at.shown()), "write names and values, such as {team: mail}");
        return;
    };
    let mut lines: HashMap<&str, usize> = HashMap::new();
    for (at, entry) in at.entries(entries) {
        if check_label(&at, entry, &mut lines, report)
            && let Some(value) = read::text(&at, report)
        {
            labels.insert(entry.key.to_string(), value.to_owned());
        }
    }
}

/// Whether this entry has the name of a label, and no other before it has the same. `lines` are those of the names so far.
pub(super) fn check_label<'a>(at: &At<'_>, entry: &'a Entry, lines: &mut HashMap<&'a str, usize>, report: &mut Report) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if entry.key.is_empty() || !entry.key.chars().all(is_word) || entry.key.starts_with(|c: char| c.is_ascii_digit()) {
        let problem = format!("\"{}\" is no label's name", printable_cut(&entry.key, 40));
        report.fault(at, problem, "write letters, digits and _, a letter first");
        return false;
    }
    if let Some(first) = lines.insert(&entry.key, entry.line) {
        report.fault(at, format!("is written twice, first on line {first}"), "keep one of them");
        return false;
    }
    true
}

/// The first three are an endpoint's alone.
const ENDPOINT_KEYS: &[&str] = &[
    "target",
    "name",
    "server_name",
    "interval",
    "timeout",
    "confirm",
    "addresses",
    "expiry",
    "owner",
    "admin",
    "write_to_admin",
    "channels",
    "escalation",
    "accept",
    "labels",
    "trust",
    "security_level",
];

const COMMON_KEYS: &[&str] = ENDPOINT_KEYS.split_at(3).1;

/// While nothing is suspected.
const CANARY_INTERVAL: Duration = Duration::from_mins(15);

const INTERVAL: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(365 * 24);
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(1);
const CONFIRM: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(24);
const BEFORE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(365 * 24);

#[cfg(test)]
mod tests {
    use crate::config::{Environment, Faults, Loaded, parse};

    fn read(text: &str) -> Result<Loaded, Faults> {
        parse(text, std::path::Path::new("config.yaml"), &Environment::default())
    }

    #[test]
    fn the_name_is_the_target_as_written() {
        let text = "endpoints: [' a.example ', {target: ' a.example:443 '}, {target: 'https://a.example/', name: b}]";
        let loaded = read(text).expect("no fault");
        let names: Vec<_> = loaded.config.watches.iter().map(|watch| &*watch.endpoint.name).collect();
        assert_eq!(names, ["a.example", "a.example:443", "b"]);

        let told = |text: &str| read(text).expect_err("a fault").to_string();
        let twice = told("endpoints:\n  - a.example\n  - target: a.example\n");
        assert!(
            twice.contains("config.yaml:3: endpoints[1]: the name \"a.example\" is taken by the endpoint on line 2"),
            "{twice}"
        );
        // What nobody could show is no name, though it is a target.
        let odd =
            told(&format!("endpoints: ['https://a.example/{}', {{target: \"https://a.example/\\u202e\"}}]", "x".repeat(200)));
        assert!(odd.contains("endpoints[0]: is longer than 200 characters; write a shorter name"), "{odd}");
        assert!(
            odd.contains("endpoints[1].target: ") && odd.ends_with("cannot be printed as it is; write plain letters\n2 faults"),
            "{odd}"
        );
    }
}
