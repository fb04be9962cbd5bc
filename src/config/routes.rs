//! Who hears of an endpoint: what `defaults`, `routes` and the endpoint itself may say of it.

use std::{
    collections::{BTreeMap, HashMap},
    ops::RangeInclusive,
    time::Duration,
};

use super::{
    endpoints::{Around, check_label},
    fault::{Report, nearest, shorten},
    mail,
    read::{self, At, Fields},
    tree::Value,
};
use crate::monitor::{Escalation, Glob, Policy, Selector, Subscription};

/// The keys of who hears of it.
pub(super) const HEARER_KEYS: &[&str] = &["owner", "admin", "write_to_admin", "channels", "escalation"];

/// Who hears of it, as far as it is said.
#[derive(Clone, Debug, Default)]
pub(super) struct Hearers {
    owners: Option<Vec<String>>,
    admins: Option<Vec<String>>,
    write_to_admin: Option<bool>,
    channels: Option<Vec<Subscription>>,
    escalation: Option<Vec<Escalation>>,
}

impl Hearers {
    /// Reads [`HEARER_KEYS`].
    pub(super) fn read(fields: &Fields<'_>, around: &mut Around<'_>, report: &mut Report) -> Self {
        for key in ["owner", "admin", "escalation"] {
            if let (Some(at), true) = (fields.get(key), around.first_addressee.is_none()) {
                around.first_addressee = Some((at.line(), at.key()));
            }
        }
        let mut hearers = Hearers::default();
        fields.set("owner", &mut hearers.owners, report, |at, report| mail::addresses(at, report).map(Some));
        // No admin at all is a fair wish where `defaults` names one.
        fields.set("admin", &mut hearers.admins, report, |at, report| read::each(at, report, read::address).map(Some));
        fields.set("write_to_admin", &mut hearers.write_to_admin, report, |at, report| read::boolean(at, report).map(Some));
        fields.set("channels", &mut hearers.channels, report, |at, report| {
            read::each(at, report, |at, report| channel(at, around.channels, report)).map(Some)
        });
        fields.set("escalation", &mut hearers.escalation, report, |at, report| read_escalation(at, report).map(Some));
        hearers
    }

    /// Replaces what is said.
    pub(super) fn set(self, policy: &mut Policy) {
        policy.owners = self.owners.unwrap_or_else(|| std::mem::take(&mut policy.owners));
        policy.admins = self.admins.unwrap_or_else(|| std::mem::take(&mut policy.admins));
        policy.write_to_admin = self.write_to_admin.unwrap_or(policy.write_to_admin);
        if let Some(channels) = self.channels {
            policy.channels = channels.into();
        }
        if let Some(mut escalation) = self.escalation {
            escalation.sort_by_key(|step| step.after);
            policy.escalation = escalation.into();
        }
    }

    /// Those of a later route hear of it too.
    fn add(&mut self, later: &Hearers) {
        add(&mut self.owners, later.owners.as_ref());
        add(&mut self.admins, later.admins.as_ref());
        add(&mut self.channels, later.channels.as_ref());
        add(&mut self.escalation, later.escalation.as_ref());
        self.write_to_admin = later.write_to_admin.or(self.write_to_admin);
    }
}

fn add<T: Clone + PartialEq>(all: &mut Option<Vec<T>>, more: Option<&Vec<T>>) {
    let Some(more) = more else { return };
    let all = all.get_or_insert_default();
    for one in more {
        if !all.contains(one) {
            all.push(one.clone());
        }
    }
}

fn channel(at: &At<'_>, channels: &[Subscription], report: &mut Report) -> Option<Subscription> {
    let name = read::text(at, report)?;
    if let Some(known) = channels.iter().find(|known| *known.channel == *name) {
        return Some(known.clone());
    }
    let names = || channels.iter().map(|known| &*known.channel);
    let remedy = match nearest(name, names()) {
        Some(meant) => format!("did you mean {meant}?"),
        None if channels.is_empty() => "write a section channels that has it".into(),
        None => format!("write one of {}", names().collect::<Vec<_>>().join(", ")),
    };
    read::refuse(at, format!("there is no channel \"{}\"", shorten(name)), remedy, report)
}

/// `[{after: 2d, to: boss@example.com}]`; none at all is a fair wish where `defaults` names one.
fn read_escalation(at: &At<'_>, report: &mut Report) -> Option<Vec<Escalation>> {
    let Value::List(items) = at.value() else {
        let remedy = "write its steps, such as [{after: 2d, to: boss@example.com}]";
        return read::refuse(at, format!("{} is no list", at.shown()), remedy, report);
    };
    let steps: Vec<_> = at.items(items).map(|at| read_step(&at, report)).collect();
    steps.into_iter().collect()
}

fn read_step(at: &At<'_>, report: &mut Report) -> Option<Escalation> {
    let fields = Fields::read(at, &["after", "to"], report)?;
    let after = fields.required("after", "2d", report).and_then(|at| read::duration(&at, AFTER, report));
    let to = fields.required("to", "boss@example.com", report).and_then(|at| mail::addresses(&at, report));
    Some(Escalation { after: after?, to: to? })
}

const AFTER: RangeInclusive<Duration> = Duration::from_mins(1)..=Duration::from_hours(365 * 24);

/// The section `routes`, in its order.
#[derive(Debug, Default)]
pub(super) struct Routes(Vec<Route>);

#[derive(Debug)]
struct Route {
    selector: Selector,
    hearers: Hearers,
    /// Later routes are looked at too.
    goes_on: bool,
    line: usize,
    key: String,
    /// An endpoint has come here.
    is_used: bool,
}

impl Routes {
    /// Routes with faults are left out.
    pub(super) fn read(at: &At<'_>, around: &mut Around<'_>, report: &mut Report) -> Self {
        let Value::List(items) = at.value() else {
            report.fault(at, format!("{} is no list", at.shown()), "begin each route with a dash: - match: {team: mail}");
            return Routes::default();
        };
        Routes(at.items(items).filter_map(|at| read_route(&at, around, report)).collect())
    }

    /// What the first route that matches says, and the next ones as long as it says `continue`.
    pub(super) fn apply(&mut self, name: &str, policy: &mut Policy) {
        let mut hearers = Hearers::default();
        for route in &mut self.0 {
            if !route.selector.matches(name, &policy.labels) {
                continue;
            }
            route.is_used = true;
            hearers.add(&route.hearers);
            if !route.goes_on {
                break;
            }
        }
        hearers.set(policy);
    }

    /// Tells of routes that no endpoint has taken.
    pub(super) fn warn_unused(self, report: &mut Report) {
        for route in self.0.into_iter().filter(|route| !route.is_used) {
            let remedy = "check names and values, or write it before the route that takes its endpoints";
            report.warn_at(route.line, route.key, "no endpoint takes this route", remedy);
        }
    }
}

fn read_route(at: &At<'_>, around: &mut Around<'_>, report: &mut Report) -> Option<Route> {
    let faults_before = report.faults.len();
    let keys = [&["match", "endpoints", "continue"][..], HEARER_KEYS].concat();
    let fields = Fields::read(at, &keys, report)?;
    let mut selector = Selector::default();
    fields.set("match", &mut selector.labels, report, read_labels);
    fields.set("endpoints", &mut selector.endpoints, report, read_globs);
    let mut goes_on = false;
    fields.set("continue", &mut goes_on, report, read::boolean);
    let hearers = Hearers::read(&fields, around, report);
    let is_sound = report.faults.len() == faults_before;
    if is_sound && HEARER_KEYS.iter().all(|key| fields.get(key).is_none()) {
        report.fault(at, "says nobody who hears of it", format!("write one of {}", HEARER_KEYS.join(", ")));
    }
    let (line, key) = (at.line(), at.key());
    (report.faults.len() == faults_before).then_some(Route { selector, hearers, goes_on, line, key, is_used: false })
}

/// `{team: mail, site: [eu-*, us-1]}`
fn read_labels(at: &At<'_>, report: &mut Report) -> Option<BTreeMap<String, Vec<Glob>>> {
    let Value::Map(entries) = at.value() else {
        let remedy = "write names and values of labels, such as {team: mail}";
        return read::refuse(at, format!("{} is no mapping", at.shown()), remedy, report);
    };
    let mut labels = BTreeMap::new();
    let mut lines = HashMap::new();
    for (at, entry) in at.entries(entries) {
        if check_label(&at, entry, &mut lines, report)
            && let Some(globs) = read_globs(&at, report)
        {
            labels.insert(entry.key.to_string(), globs);
        }
    }
    Some(labels)
}

fn read_globs(at: &At<'_>, report: &mut Report) -> Option<Vec<Glob>> {
    let globs = read::each(at, report, |at, report| read::text(at, report).map(Glob::new))?;
    if globs.is_empty() {
        return read::refuse(at, "is empty, and matches nothing", "write a pattern such as eu-*, or remove the key", report);
    }
    Some(globs)
}
