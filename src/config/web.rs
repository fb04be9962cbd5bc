//! The section `web`.

use core::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::{
    fault::Report,
    mail::{self, Surroundings},
    read::{self, At, Fields},
    tree::Value,
};
use crate::{
    channel,
    web::{Rules, Settings, Token},
};

/// What holds where nothing is written: this machine's own clients, who may look.
pub(super) fn read(at: Option<&At<'_>>, around: &Surroundings<'_>, report: &mut Report) -> Settings {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 9843));
    let mut settings = Settings { listen, public_url: None, rules: Rules::default() };
    if let Some(fields) = at.and_then(|at| Fields::read(at, &["listen", "public_url", "write_token"], report)) {
        fields.set("listen", &mut settings.listen, report, read_listen);
        fields.set("public_url", &mut settings.public_url, report, |at, report| read_public_url(at, report).map(Some));
        let slot = &mut settings.rules.write_token;
        fields.set("write_token", slot, report, |at, report| read_token(at, "nobody can write", around, report).map(Some));
    }
    settings
}

fn read_listen(at: &At<'_>, report: &mut Report) -> Option<SocketAddr> {
    if let Value::Text(text) = at.value()
        && let Ok(address) = text.trim().parse()
    {
        return Some(address);
    }
    let remedy = "write an IP address and a port, such as 127.0.0.1:9843 or [::]:9843";
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
