//! The configuration as it works: after defaults, routes and what the files say, in the words of the configuration itself.

use serde_yaml::{Mapping, Value};

use super::{Config, duration};
use crate::{
    channel::{self, Dialect, Way},
    diagnosis::{Severity, Threshold},
    endpoint::Addresses,
    mail::{Language, Security, Settings as Mail},
    monitor::{Digest, Glob, Person, Policy, Subscription, Watch},
    probe::NameLookup,
};

/// The whole of it as YAML, with those endpoints whose names match, if any are asked for. No secret is in it: not a password, nor
/// the paths of URLs, nor what a command is given. Where trust comes from files, it is the number of certificates that counts.
pub fn effective(config: &Config, endpoints: &[Glob]) -> String {
    let wanted = |name: &str| endpoints.is_empty() || endpoints.iter().any(|glob| glob.matches(name));
    let watches = config.watches.iter().filter(|watch| wanted(&watch.endpoint.name));
    let limits = config.limits;
    let resolver = match config.resolver {
        NameLookup::Dns => "dns",
        NameLookup::System => "system",
    };
    let canaries: Vec<String> = config.canaries.iter().map(|watch| watch.endpoint.target.to_string()).collect();
    let shown = map([
        (
            "limits",
            map([
                ("visits", limits.visits.into()),
                ("visits_per_address", limits.visits_per_address.into()),
                ("spread", span(limits.spread)),
            ]),
        ),
        ("probe", map([("resolver", resolver.into())])),
        ("fetch", map([("enabled", config.fetch.enabled.into()), ("allow_private", config.fetch.allow_private.into())])),
        (
            "web",
            map([
                ("listen", config.web.listen.iter().map(|place| Value::from(place.to_string())).collect::<Vec<_>>().into()),
                ("public_url", config.web.public_url.as_deref().map_or(Value::Null, Value::from)),
                ("write_token", config.web.rules.write_token.as_ref().map_or(Value::Null, |_| MASK.into())),
                ("probe_key", config.web.rules.probe_key.as_ref().map_or(Value::Null, |_| MASK.into())),
                ("tls", config.web.rules.tls.is_some().into()),
                ("users", config.web.rules.users.keys().map(|user| Value::from(&**user)).collect::<Vec<_>>().into()),
                ("writers", config.web.rules.writers.iter().map(|user| Value::from(&**user)).collect::<Vec<_>>().into()),
            ]),
        ),
        ("state", map([("directory", config.store.directory.to_string_lossy().into_owned().into())])),
        ("mail", config.mail.as_ref().map_or(Value::Null, mail)),
        ("channels", config.channels.iter().map(channel).collect::<Vec<_>>().into()),
        ("people", people(config)),
        ("canaries", canaries.into()),
        ("endpoints", watches.map(|watch| endpoint(watch)).collect::<Vec<_>>().into()),
    ]);
    // Texts, numbers and lists of them can always be written.
    serde_yaml::to_string(&shown).unwrap_or_default()
}

fn endpoint(watch: &Watch) -> Value {
    let (endpoint, policy, expectation) = (&watch.endpoint, &watch.policy, &watch.expectation);
    let addresses = match endpoint.addresses {
        Addresses::All => "all".to_owned(),
        Addresses::First => "first".to_owned(),
        Addresses::Only(address) => address.to_string(),
    };
    let expiry = expectation.rules.expiry;
    let mut entries = vec![
        ("name", Value::from(&*endpoint.name)),
        ("target", endpoint.target.to_string().into()),
        ("server_name", endpoint.server_name.to_string().into()),
        ("interval", span(policy.interval)),
        ("timeout", span(endpoint.timeout)),
        ("confirm", span(policy.confirm)),
        ("addresses", addresses.into()),
        ("expiry", map([("warning", threshold(expiry.warning)), ("critical", threshold(expiry.critical))])),
        ("accept", expectation.rules.accept.iter().cloned().collect::<Vec<_>>().into()),
        ("trust", map([("certificates", watch.trust.len().into())])),
        ("security_level", expectation.rules.security_level.into()),
    ];
    entries.extend(heard_by(policy));
    let labels: Mapping = policy.labels.iter().map(|(label, value)| (label.as_str().into(), value.as_str().into())).collect();
    entries.push(("labels", Value::Mapping(labels)));
    map(entries)
}

fn threshold(threshold: Threshold) -> Value {
    map([("before", span(threshold.before)), ("lifetime", format!("{}%", threshold.lifetime_percent).into())])
}

fn heard_by(policy: &Policy) -> [(&'static str, Value); 6] {
    let steps = policy.escalation.iter().map(|step| map([("after", span(step.after)), ("to", step.to.clone().into())]));
    [
        ("owner", policy.owners.clone().into()),
        ("admin", policy.admins.clone().into()),
        ("write_to_admin", policy.write_to_admin.into()),
        ("fallback", policy.fallback.to_vec().into()),
        ("escalation", steps.collect::<Vec<_>>().into()),
        ("channels", policy.channels.iter().map(subscription).collect::<Vec<_>>().into()),
    ]
}

fn subscription(subscription: &Subscription) -> Value {
    let severity = if subscription.least == Severity::Critical { "critical" } else { "warning" };
    map([
        ("name", Value::from(&*subscription.channel)),
        ("severity", severity.into()),
        ("findings", subscription.kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().into()),
        ("fallback", subscription.fallback.clone().into()),
    ])
}

fn mail(mail: &Mail) -> Value {
    let server = &mail.server;
    let tls = match server.tls {
        Security::Starttls => "starttls",
        Security::Implicit => "implicit",
        Security::None => "none",
    };
    let mut entries = vec![("host", Value::from(server.host.as_str())), ("port", server.port.into()), ("tls", tls.into())];
    if let Some(login) = &server.login {
        entries.extend([("username", login.username.as_str().into()), ("password", MASK.into())]);
    }
    if let Some(roots) = &server.roots {
        entries.push(("ca_files", map([("certificates", roots.len().into())])));
    }
    map([
        ("server", map(entries)),
        ("from", mail.from.as_str().into()),
        ("to", mail.to.clone().into()),
        ("fallback", mail.fallback.clone().into()),
        ("alive", rhythm(mail.alive, "never").into()),
        ("language", mail.language.tag().into()),
    ])
}

fn channel(settings: &channel::Settings) -> Value {
    let mut entries = vec![("name", Value::from(&*settings.name))];
    entries.extend(match &settings.way {
        Way::Webhook(hook) => vec![("kind", Value::from("webhook")), ("url", masked(&hook.url.place())), ("secret", MASK.into())],
        Way::Alertmanager(to) => vec![
            ("kind", Value::from("alertmanager")),
            ("url", to.urls.iter().map(|url| masked(&url.place())).collect::<Vec<_>>().into()),
            ("resend", span(to.resend)),
        ],
        Way::Chat(chat) => {
            let kind = match chat.dialect {
                Dialect::Slack => "slack",
                Dialect::Teams => "teams",
            };
            vec![("kind", Value::from(kind)), ("url", masked(&chat.url.place()))]
        }
        Way::Pagerduty(to) => {
            vec![("kind", Value::from("pagerduty")), ("url", masked(&to.url.place())), ("routing_key", MASK.into())]
        }
        Way::Command(command) => vec![("kind", Value::from("command")), ("command", masked(&command.program.to_string_lossy()))],
    });
    entries.push(("timeout", span(settings.deadline)));
    map(entries)
}

/// Its beginning is shown, the rest may be a secret.
fn masked(beginning: &str) -> Value {
    format!("{beginning} {MASK}").into()
}

fn people(config: &Config) -> Value {
    let all = std::iter::once(("*", &config.people.others));
    let named = config.people.named.iter().map(|(address, person)| (address.as_str(), person));
    let language = |address: &str| config.mail.as_ref().map_or_else(Language::default, |mail| mail.language_of(address));
    Value::Mapping(all.chain(named).map(|(address, wishes)| (address.into(), person(wishes, language(address)))).collect())
}

fn person(person: &Person, language: Language) -> Value {
    let quiet = person.quiet.map(|(from, to)| format!("{}-{}", from.strftime("%H:%M"), to.strftime("%H:%M")));
    let weekdays = person.free_weekdays.iter().map(|day| format!("{day:?}").to_lowercase());
    let holidays: Vec<String> = weekdays.chain(person.holidays.iter().map(ToString::to_string)).collect();
    let mut entries = vec![
        ("time_zone", Value::from(person.zone.iana_name().unwrap_or("UTC"))),
        ("quiet_hours", quiet.map_or(Value::Null, Value::from)),
        ("holidays", holidays.into()),
        ("last_day", if person.last_day_waits { "waits" } else { "passes" }.into()),
        ("cap", person.cap.into()),
        ("digest", rhythm(person.digest, "none").into()),
    ];
    if let Some(Digest::Weekly(day)) = person.digest {
        entries.push(("day", format!("{day:?}").to_lowercase().into()));
    }
    entries.extend([("at", person.at.strftime("%H:%M").to_string().into()), ("language", language.tag().into())]);
    map(entries)
}

fn rhythm(digest: Option<Digest>, never: &'static str) -> &'static str {
    match digest {
        Some(Digest::Daily) => "daily",
        Some(Digest::Weekly(_)) => "weekly",
        None => never,
    }
}

fn span(span: std::time::Duration) -> Value {
    duration::format(span).into()
}

fn map(entries: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Mapping(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

const MASK: &str = "***";
