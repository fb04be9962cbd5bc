//! The section `web`.

use core::net::{Ipv4Addr, SocketAddr};
use std::{collections::BTreeSet, sync::Arc};

use super::{
    fault::{Report, nearest, shorten},
    mail::{self, Surroundings},
    read::{self, At, Fields},
    tree::Value,
    web_file,
};
use crate::{
    channel,
    web::{Listen, Rules, Settings, Token},
};

/// What holds where nothing is written: this machine's own clients, who may look.
pub(super) fn read(at: Option<&At<'_>>, around: &Surroundings<'_>, report: &mut Report) -> Settings {
    let listen = vec![Listen::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 9843)))];
    let mut settings = Settings { listen, public_url: None, watch_certificate: true, rules: Rules::default() };
    if let Some(fields) = at.and_then(|at| Fields::read(at, KEYS, report)) {
        fields.set("listen", &mut settings.listen, report, read_listen);
        fields.set("public_url", &mut settings.public_url, report, |at, report| read_public_url(at, report).map(Some));
        fields.set("watch_certificate", &mut settings.watch_certificate, report, read::boolean);
        let slot = &mut settings.rules.write_token;
        fields.set("write_token", slot, report, |at, report| read_token(at, "nobody can write", around, report).map(Some));
        fields.set("probe_key", &mut settings.rules.probe_key, report, |at, report| {
            read_token(at, "nobody has targets outside the inventory visited", around, report).map(Some)
        });
        if let Some(at) = fields.get("config_file") {
            web_file::read(&at, around.directory, &mut settings.rules, report);
            let is_exposed =
                |listen: &Listen| matches!(listen, Listen::Tcp(address) if !address.ip().to_canonical().is_loopback());
            let rules = &settings.rules;
            if !rules.users.is_empty() && rules.tls.is_none() && settings.listen.iter().any(is_exposed) {
                let remedy = "write tls_server_config into it, or listen on loopback behind a proxy with TLS";
                report.warn(&at, "passwords would cross the network in plain text", remedy);
            }
        }
        if let Some(at) = fields.get("writers") {
            settings.rules.writers = read_writers(&at, &settings.rules, report).unwrap_or_default();
        }
    }
    settings
}

/// One place, or several.
fn read_listen(at: &At<'_>, report: &mut Report) -> Option<Vec<Listen>> {
    match at.value() {
        Value::List(items) if items.is_empty() => read::refuse(at, "is empty", "write 127.0.0.1:9843", report),
        Value::List(_) => read::each(at, report, read_place),
        _ => read_place(at, report).map(|place| vec![place]),
    }
}

fn read_place(at: &At<'_>, report: &mut Report) -> Option<Listen> {
    if let Value::Text(text) = at.value()
        && let Ok(place) = text.trim().parse()
    {
        return Some(place);
    }
    let remedy = "write an IP address and a port, such as 127.0.0.1:9843 or [::]:9843, or unix:/PATH";
    read::refuse(at, format!("{} is nowhere to listen", at.shown()), remedy, report)
}

/// Where people who read mails find the page, without a `/` at its end.
fn read_public_url(at: &At<'_>, report: &mut Report) -> Option<Arc<str>> {
    let text = read::text(at, report)?.trim();
    let is_plain = text.len() <= 200 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:/[]%".contains(&b));
    let url =
        text.parse::<channel::Url>().and_then(|url| if is_plain { Ok(url) } else { Err("has more than a host and a path") });
    match url {
        Ok(url) if url.is_exposed() => {
            let remedy = "write https, and let a proxy hold the certificate";
            report.warn(at, "answers to mails would cross the network in plain text", remedy);
        }
        Ok(_) => {}
        Err(problem) => return read::refuse(at, problem, "write one such as https://certs.example.com", report),
    }
    Some(text.trim_end_matches('/').into())
}

/// Those of the users who may write.
fn read_writers(at: &At<'_>, rules: &Rules, report: &mut Report) -> Option<BTreeSet<Arc<str>>> {
    let writers = read::each(at, report, |at, report| {
        let name = read::text(at, report)?;
        if let Some((user, _)) = rules.users.get_key_value(name) {
            return Some(Arc::clone(user));
        }
        let remedy = match nearest(name, rules.users.keys().map(|user| &**user)) {
            Some(meant) => format!("did you mean {}?", shorten(meant)),
            None => "write it into basic_auth_users of web.config_file".into(),
        };
        read::refuse(at, format!("{} is no user", at.shown()), remedy, report)
    })?;
    Some(writers.into_iter().collect())
}

/// A secret that a program sends in a header.
fn read_token(at: &At<'_>, without: &str, around: &Surroundings<'_>, report: &mut Report) -> Option<Token> {
    let text = mail::read_secret(at, without, around, report)?.0;
    let remedy = "put a longer one there: openssl rand -base64 32";
    if text.chars().count() < Token::LEAST {
        return read::refuse(at, format!("the token is shorter than {} characters", Token::LEAST), remedy, report);
    }
    // RFC 6750, section 2.1, knows fewer; these are what any program can put into a header.
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return read::refuse(at, "the token has more than ASCII letters, digits and signs, without spaces", remedy, report);
    }
    Some(Token::new(&text))
}

const KEYS: &[&str] = &["listen", "public_url", "config_file", "watch_certificate", "writers", "write_token", "probe_key"];
