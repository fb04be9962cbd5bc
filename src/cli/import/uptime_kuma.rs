//! The backup of Uptime Kuma, or the list of monitors that its API gives.

use std::{collections::HashMap, time::Duration};

use super::{
    document,
    gatus::addresses,
    inventory::{Found, Inventory, MailServer},
};
use crate::{
    config::tree::{Node, Value},
    endpoint::{Target, TargetError},
};

/// Whether this is one.
pub(super) fn is_one(root: &Node) -> bool {
    let mut monitors = monitors(root).into_iter().peekable();
    monitors.peek().is_some() && monitors.all(|monitor| monitor.get("type").is_some() && monitor.get("name").is_some())
}

/// A backup has them in a list, the API in a mapping by their numbers.
fn monitors(root: &Node) -> Vec<&Node> {
    let list = root.get("monitorList").or_else(|| root.get("monitors")).unwrap_or(root);
    match &list.value {
        Value::Map(entries) => entries.iter().map(|entry| &entry.value).collect(),
        _ => list.items().iter().collect(),
    }
}

/// Reads all monitors.
pub(super) fn read(root: &Node, inventory: &mut Inventory) {
    let mut hearers: HashMap<String, Vec<String>> = HashMap::new();
    for notification in root.get("notificationList").map(Node::items).unwrap_or_default() {
        if let Some(id) = notification.text_of("id") {
            hearers.insert(id, read_notification(notification, inventory));
        }
    }
    let monitors = monitors(root);
    let groups: HashMap<String, String> = monitors
        .iter()
        .filter(|monitor| monitor.text_of("type").as_deref() == Some("group"))
        .filter_map(|monitor| Some((monitor.text_of("id")?, monitor.text_of("name")?)))
        .collect();
    for monitor in monitors {
        let name = monitor.text_of("name").unwrap_or_default();
        match read_monitor(monitor, &groups, &hearers) {
            Ok(Some(found)) => inventory.add(found),
            Ok(None) => {}
            Err(said) => inventory.note(monitor.line, format!("the monitor \"{name}\" {said}; left out")),
        }
    }
}

/// Who gets the mails of a notification; its settings are JSON within JSON.
fn read_notification(notification: &Node, inventory: &mut Inventory) -> Vec<String> {
    let within = notification.text_of("config").and_then(|text| document::parse(&text).ok());
    let config = within.as_ref().or_else(|| notification.get("config")).unwrap_or(notification);
    let kind = config.text_of("type").unwrap_or_default();
    if kind != "smtp" {
        let name = notification.text_of("name").unwrap_or_default();
        let said = format!("the notification \"{name}\" by {kind} is not carried over; docs/channels.md has the ways out");
        inventory.note(notification.line, said);
        return Vec::new();
    }
    let to = addresses(&config.text_of("smtpTo").unwrap_or_default());
    inventory.mail.get_or_insert_with(|| MailServer {
        host: config.text_of("smtpHost").unwrap_or_default(),
        port: config.text_of("smtpPort"),
        from: config.text_of("smtpFrom"),
        to: to.clone(),
    });
    to
}

fn read_monitor(
    monitor: &Node,
    groups: &HashMap<String, String>,
    hearers: &HashMap<String, Vec<String>>,
) -> Result<Option<Found>, String> {
    let kind = monitor.text_of("type").unwrap_or_default();
    if kind == "group" {
        return Ok(None);
    }
    if monitor.text_of("active").is_some_and(|active| active == "false" || active == "0") {
        return Err("is paused".into());
    }
    let mut found = Found::new(monitor.line, target(monitor, &kind)?);
    found.name = monitor.text_of("name");
    if let Some(group) = monitor.text_of("parent").and_then(|parent| groups.get(&parent)) {
        found.label("group", group);
    }
    for tag in monitor.get("tags").map(Node::items).unwrap_or_default() {
        if let Some(name) = tag.text_of("name") {
            found.label(&name, &tag.text_of("value").unwrap_or_else(|| "true".into()));
        }
    }
    let seconds = |key: &str| monitor.text_of(key).and_then(|text| text.parse().ok()).map(Duration::from_secs);
    found.interval = seconds("interval").filter(|interval| *interval <= Duration::from_hours(365 * 24));
    if monitor.says("ignoreTls") {
        found.remarks.push("Uptime Kuma ignored faults of this certificate; `accept: [FINDING]` mutes a known one here".into());
    }
    if monitor.text_of("authMethod").as_deref() == Some("mtls") {
        found.remarks.push("Uptime Kuma sent a client certificate; certvigil sends none".into());
    }
    if monitor.get("proxyId").is_some() {
        found.remarks.push("Uptime Kuma went through a proxy; certvigil connects directly".into());
    }
    for entry in monitor.get("notificationIDList").map(Node::entries).unwrap_or_default() {
        for owner in hearers.get(&*entry.key).into_iter().flatten() {
            if entry.value.text().as_deref() == Some("true") && !found.owners.contains(owner) {
                found.owners.push(owner.clone());
            }
        }
    }
    Ok(Some(found))
}

/// Where a monitor sees a certificate.
fn target(monitor: &Node, kind: &str) -> Result<Target, String> {
    let host = || monitor.text_of("hostname").ok_or("has no hostname");
    let port = monitor.text_of("port").map(|port| format!(":{port}")).unwrap_or_default();
    let written = match kind {
        "http" | "keyword" | "json-query" | "real-browser" | "websocket-upgrade" => {
            let url = monitor.text_of("url").ok_or("has no url")?;
            match url.split_once("://") {
                Some(("https" | "wss", rest)) => format!("https://{rest}"),
                _ => return Err("is plain HTTP, which has no certificate".into()),
            }
        }
        "grpc-keyword" if monitor.says("grpcEnableTls") => monitor.text_of("grpcUrl").ok_or("has no address")?,
        "smtp" => match monitor.text_of("smtpSecurity").as_deref() {
            Some("secure") => format!("smtps://{}{port}", host()?),
            Some("nostarttls") => return Err("speaks SMTP without TLS".into()),
            _ if port == ":587" => format!("submission://{}", host()?),
            _ => format!("smtp://{}{port}", host()?),
        },
        "port" => match port.as_str() {
            ":443" | ":465" | ":563" | ":636" | ":853" | ":989" | ":990" | ":993" | ":995" | ":5061" | ":5671" | ":6697"
            | ":8443" | ":8883" => format!("{}{port}", host()?),
            _ => return Err(format!("connects by TCP{port} without TLS")),
        },
        _ => return Err(format!("is of the type {kind}, which shows no certificate")),
    };
    written.parse().map_err(|error: TargetError| error.to_string())
}
