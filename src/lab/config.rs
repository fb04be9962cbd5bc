//! The configuration of the demo, as text that people like to read.

use std::{collections::BTreeMap, net::SocketAddr, path::Path};

use serde::Serialize;

use super::Server;

/// Everything above the inventory.
#[derive(Serialize)]
struct Settings {
    defaults: Defaults,
    trust: Trust,
    fetch: Fetch,
    web: Web,
    state: State,
    mail: Mail,
}

#[derive(Serialize)]
struct Defaults {
    interval: &'static str,
    timeout: &'static str,
    confirm: &'static str,
}

#[derive(Serialize)]
struct Trust {
    system: bool,
    mozilla: bool,
    files: Vec<String>,
}

#[derive(Serialize)]
struct Fetch {
    enabled: bool,
    allow_private: bool,
}

#[derive(Serialize)]
struct Web {
    listen: String,
}

#[derive(Serialize)]
struct State {
    directory: String,
}

#[derive(Serialize)]
struct Mail {
    server: MailServer,
    from: &'static str,
    to: Vec<&'static str>,
}

#[derive(Serialize)]
struct MailServer {
    host: String,
    port: u16,
    tls: &'static str,
}

#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    target: &'a str,
    server_name: &'a str,
    owner: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    write_to_admin: Option<bool>,
    labels: BTreeMap<&'static str, &'a str>,
}

/// The whole file. Paths in it lie under `directory`.
pub(super) fn yaml(servers: &[Server], directory: &Path, web_port: u16, smtp: SocketAddr) -> String {
    let settings = Settings {
        defaults: Defaults { interval: "5s", timeout: "2s", confirm: "1s" },
        trust: Trust { system: false, mozilla: false, files: vec![within(directory, super::ROOT_FILE)] },
        fetch: Fetch { enabled: true, allow_private: true },
        web: Web { listen: format!("127.0.0.1:{web_port}") },
        state: State { directory: within(directory, "state") },
        mail: Mail {
            server: MailServer { host: smtp.ip().to_string(), port: smtp.port(), tls: "none" },
            from: "certvigil demo <certvigil@lab.test>",
            to: vec!["ops@lab.test"],
        },
    };
    let mut out = HEAD.to_owned();
    for line in written(&settings).lines() {
        // A blank line before each section.
        let gap = if line.starts_with(|first: char| first.is_ascii_lowercase()) { "\n" } else { "" };
        out.extend([gap, line, "\n"]);
    }
    out.push_str("\nendpoints:\n");
    for server in servers {
        out.extend(["\n  # ", server.name, " ", server.what, "\n"]);
        for line in written(&[entry(server)]).lines() {
            out.extend(["  ", line, "\n"]);
        }
    }
    out
}

fn entry(server: &Server) -> Entry<'_> {
    let name = server.name;
    // The one whose admin is written to: the broken-chain letter needs a recipient.
    let letter = server.expected.mails.contains(&"chain");
    Entry {
        name,
        target: &server.target,
        server_name: &server.server_name,
        // An owner each, so that each server's mail stands alone: one owner would get one summary of the first sweep.
        owner: format!("{name}-team@lab.test"),
        admin: letter.then(|| format!("hostmaster@{}", server.server_name)),
        write_to_admin: letter.then_some(true),
        labels: BTreeMap::from([("about", server.about)]),
    }
}

fn written(part: &impl Serialize) -> String {
    serde_yaml::to_string(part).expect("plain structs of strings, numbers and lists are always YAML")
}

fn within(directory: &Path, name: &str) -> String {
    directory.join(name).to_string_lossy().into_owned()
}

const HEAD: &str = "\
# The configuration of `certvigil demo`: made on the spot, and loaded like any other.
#
# All that is watched here are servers on this machine, each with a fault of its own, under a company root
# made for the occasion. The intervals are much shorter than anybody would want them elsewhere.
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::cases::CASES;

    #[test]
    fn it_is_pleasant_to_read() {
        let servers: Vec<Server> = CASES
            .iter()
            .filter(|case| ["healthy", "missing-intermediate"].contains(&case.name))
            .zip(4433..)
            .map(|(case, port)| Server {
                name: case.name,
                what: case.what,
                about: case.about,
                target: format!("127.0.0.1:{port}"),
                port,
                server_name: format!("{}.lab.test", case.name),
                expected: case.expected,
            })
            .collect();
        let text = yaml(&servers, Path::new("/tmp/certvigil demo"), 9843, SocketAddr::from(([127, 0, 0, 1], 2525)));
        insta::assert_snapshot!(text, @r"
# The configuration of `certvigil demo`: made on the spot, and loaded like any other.
#
# All that is watched here are servers on this machine, each with a fault of its own, under a company root
# made for the occasion. The intervals are much shorter than anybody would want them elsewhere.

defaults:
  interval: 5s
  timeout: 2s
  confirm: 1s

trust:
  system: false
  mozilla: false
  files:
  - /tmp/certvigil demo/root.pem

fetch:
  enabled: true
  allow_private: true

web:
  listen: 127.0.0.1:9843

state:
  directory: /tmp/certvigil demo/state

mail:
  server:
    host: 127.0.0.1
    port: 2525
    tls: none
  from: certvigil demo <certvigil@lab.test>
  to:
  - ops@lab.test

endpoints:

  # healthy presents a sound certificate and its intermediate
  - name: healthy
    target: 127.0.0.1:4433
    server_name: healthy.lab.test
    owner: healthy-team@lab.test
    labels:
      about: health

  # missing-intermediate presents its certificate alone, which names an address where the intermediate can be had
  - name: missing-intermediate
    target: 127.0.0.1:4434
    server_name: missing-intermediate.lab.test
    owner: missing-intermediate-team@lab.test
    admin: hostmaster@missing-intermediate.lab.test
    write_to_admin: true
    labels:
      about: chain
");
    }
}
