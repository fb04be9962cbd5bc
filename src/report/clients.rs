//! How the clients see a chain: a table, the paths, and what follows.

use std::fmt::Write as _;

use crate::{
    clock::date,
    diagnosis::{Client, Views},
};

/// Several lines, each ended; to be put under [`super::text`].
pub fn clients(views: &Views) -> String {
    let mut out = String::from("\n  how clients see it:\n");
    for view in &views.clients {
        let client = format!("{} ({})", label(view.client), store(view.store));
        let answer = view.answer.name().replace('_', " ");
        let line = format!("   {client:<34} {answer:<12} {}", view.answer.reason());
        let _ = writeln!(out, "{}", line.trim_end());
    }
    let _ = writeln!(out, "   => {}", views.works_where);
    if views.paths.len() > 1 {
        out.push_str("\n  paths to an anchor:\n");
        for path in &views.paths {
            let used_by: Vec<_> = path.used_by.iter().map(|client| label(*client)).collect();
            let used_by = if used_by.is_empty() { "nobody".to_owned() } else { used_by.join(", ") };
            let _ = writeln!(out, "   {}\n     ends {}; taken by {used_by}", path.subjects.join(" <- "), date(path.not_after));
        }
    }
    out
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
