//! How the clients see a chain: a table, the paths, and what follows.

use std::fmt::Write as _;

use crate::{
    clock::date,
    diagnosis::{Client, TrustPath, View, Views},
};

/// Several lines, each ended; to be put under [`super::text`].
pub fn clients(views: &Views) -> String {
    let mut out = String::from("\n  how clients see it:\n");
    for view in &views.clients {
        let line = format!("   {:<34} {:<12} {}", client(view), view.answer.name().replace('_', " "), view.answer.reason());
        let _ = writeln!(out, "{}", line.trim_end());
    }
    let _ = writeln!(out, "   => {}", views.works_where);
    if views.paths.len() > 1 {
        out.push_str("\n  paths to an anchor:\n");
        for path in &views.paths {
            let (subjects, ends) = (path.subjects.join(" <- "), date(path.not_after));
            let _ = writeln!(out, "   {subjects}\n     ends {ends}; taken by {}", takers(path));
        }
    }
    out
}

/// `curl (system's store)`: who, and what it trusts.
pub fn client(view: &View) -> String {
    format!("{} ({})", label(view.client), store(view.store))
}

/// `curl, browser`, or `nobody`: the clients that take this path.
pub fn takers(path: &TrustPath) -> String {
    let takers: Vec<_> = path.used_by.iter().map(|client| label(*client)).collect();
    if takers.is_empty() { "nobody".to_owned() } else { takers.join(", ") }
}

fn label(client: Client) -> &'static str {
    match client {
        Client::Curl => "curl",
        Client::Python => "Python requests",
        Client::Company => "OpenSSL",
        Client::Browser => "browser",
        Client::Rustls => "rustls",
    }
}

fn store(name: &str) -> &'static str {
    match name {
        "system" => "system's store",
        "mozilla" => "Mozilla's",
        "mozilla+configured" => "Mozilla's and configured",
        _ => "configured trust",
    }
}
