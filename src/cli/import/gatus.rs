//! A configuration of gatus.

use super::{
    inventory::{Found, Inventory, MailServer, Thresholds},
    modules,
};
use crate::{
    config::{self, tree::Node},
    endpoint::{Protocol, Target},
};

/// Whether this is one: a list of endpoints (`services`, before version 4) that have a URL.
pub(super) fn is_one(root: &Node) -> bool {
    let has_urls = |key: &str| root.get(key).is_some_and(|list| list.items().iter().any(|item| item.get("url").is_some()));
    has_urls("endpoints") || has_urls("services")
}

/// Reads all endpoints.
pub(super) fn read(root: &Node, inventory: &mut Inventory) {
    let mail = root.get("alerting").and_then(|alerting| alerting.get("email"));
    let everybody = mail.and_then(|mail| mail.text_of("to"));
    if let Some(mail) = mail {
        inventory.mail = Some(MailServer {
            host: mail.text_of("host").unwrap_or_default(),
            port: mail.text_of("port"),
            from: mail.text_of("from"),
            to: addresses(everybody.as_deref().unwrap_or_default()),
        });
    }
    for entry in root.get("alerting").map(Node::entries).unwrap_or_default() {
        if &*entry.key != "email" {
            inventory
                .note(entry.line, format!("alerting by {} is not carried over; docs/channels.md has the ways out", entry.key));
        }
    }
    for key in ["external-endpoints", "suites", "remote"] {
        if let Some(node) = root.get(key) {
            inventory.note(node.line, format!("{key} have no certificate of their own; left out"));
        }
    }
    let items: Vec<_> = ["endpoints", "services"].into_iter().flat_map(|key| inventory.mappings(root, key)).collect();
    for item in items {
        let name = item.text_of("name").unwrap_or_default();
        match read_endpoint(item, mail, inventory) {
            Ok(found) => inventory.add(found),
            Err(said) => inventory.note(item.line, format!("\"{name}\": {said}; left out")),
        }
    }
}

fn read_endpoint(item: &Node, mail: Option<&Node>, inventory: &mut Inventory) -> Result<Found, String> {
    if item.text_of("enabled").as_deref() == Some("false") {
        return Err("is not enabled".into());
    }
    let url = item.text_of("url").ok_or("has no url")?;
    if item.get("dns").is_some() {
        return Err("asks for a name, and sees no certificate".into());
    }
    let mut found = Found::new(item.line, target(&url)?);
    found.name = item.text_of("name");
    if let Some(group) = item.text_of("group") {
        found.label("group", &group);
    }
    for entry in item.get("extra-labels").map(Node::entries).unwrap_or_default() {
        found.label(&entry.key, &entry.value.text().unwrap_or_default());
    }
    found.interval = item.text_of("interval").as_deref().and_then(config::parse_duration);
    let client = item.get("client");
    found.timeout = client.and_then(|client| client.text_of("timeout")).as_deref().and_then(config::parse_duration);
    if client.is_some_and(|client| client.says("insecure")) {
        found.remarks.push("gatus did not verify this certificate; `accept: [FINDING]` mutes a known fault here".into());
    }
    if client.is_some_and(|client| client.get("tls").is_some()) {
        found.remarks.push("gatus sent a client certificate; certvigil sends none".into());
    }
    if client.is_some_and(|client| client.get("proxy-url").is_some() || client.get("tunnel").is_some()) {
        found.remarks.push("gatus went through a proxy or tunnel; certvigil connects directly".into());
    }
    for condition in item.get("conditions").map(Node::texts).unwrap_or_default() {
        let Some(rest) = condition.trim().strip_prefix("[CERTIFICATE_EXPIRATION]") else { continue };
        match config::parse_duration(rest.trim_start_matches(['>', '=', ' ']).trim()) {
            Some(before) if rest.trim_start().starts_with('>') && !before.is_zero() => found.expiry.join(Thresholds::of(before)),
            _ => inventory.note(item.line, format!("the condition \"{condition}\" cannot be read; set `expiry` by hand")),
        }
    }
    for alert in item.get("alerts").map(Node::items).unwrap_or_default() {
        if alert.text_of("type").as_deref() == Some("email") && alert.text_of("enabled").as_deref() != Some("false") {
            let own = alert.get("provider-override").and_then(|own| own.text_of("to"));
            found.owners.extend(addresses(&own.or_else(|| mail?.text_of("to")).unwrap_or_default()));
        }
    }
    found.owners.dedup();
    Ok(found)
}

/// `https`, `wss` and `grpcs` are HTTP over TLS, `starttls` is SMTP.
fn target(url: &str) -> Result<Target, String> {
    let (scheme, rest) = url.split_once("://").ok_or("its url has no scheme")?;
    let written = match scheme {
        "https" | "wss" => format!("https://{rest}"),
        "grpcs" | "tls" => rest.split('/').next().unwrap_or_default().to_owned(),
        "starttls" => {
            let host: Target = rest.parse().map_err(|error: crate::endpoint::TargetError| error.to_string())?;
            let protocol = modules::by_port(host.port).filter(|protocol| *protocol == Protocol::Submission);
            format!("{}://{rest}", protocol.unwrap_or(Protocol::Smtp).scheme())
        }
        _ => return Err(format!("{scheme}:// shows no certificate")),
    };
    written.parse().map_err(|error: crate::endpoint::TargetError| error.to_string())
}

/// Mail addresses with commas between them.
pub(super) fn addresses(text: &str) -> Vec<String> {
    text.split([',', ';', ' ']).filter(|address| address.parse::<lettre::Address>().is_ok()).map(str::to_owned).collect()
}
