//! The modules of `blackbox_exporter` and `ssl_exporter`: what a module speaks to its targets.

use std::{collections::BTreeMap, time::Duration};

use super::inventory::{Found, Inventory};
use crate::{
    config::{self, tree::Node},
    endpoint::{Protocol, Target},
};

/// The two exporters that are probed with `target` and `module`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exporter {
    Blackbox,
    Ssl,
}

/// What a module speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Spoken {
    /// HTTP, over TLS where the URL says so.
    Http,
    /// HTTP over TLS.
    Https,
    Tls,
    StartTls(Option<Protocol>),
    /// Something that shows no certificate.
    Without(&'static str),
    /// Not known, as the modules' file is not.
    Unknown,
}

/// A module, as far as it says something about certificates.
#[derive(Clone, Debug)]
pub(super) struct Module {
    name: String,
    spoken: Spoken,
    ca_file: Option<String>,
    server_name: Option<String>,
    timeout: Option<Duration>,
    remarks: Vec<String>,
    /// The target that it always visits, and its line.
    pub(super) target: Option<(usize, String)>,
}

/// Modules by their names.
pub(super) type Modules = BTreeMap<String, Module>;

/// Whose modules these are: only one of the two has these words.
pub(super) fn exporter(root: &Node) -> Exporter {
    let modules = root.get("modules").map(Node::entries).unwrap_or_default();
    let is_ssl = |module: &Node| {
        let prober = module.text_of("prober").unwrap_or_default();
        ["https", "file", "http_file", "kubernetes", "kubeconfig"].contains(&prober.as_str())
            || module.get("tls_config").is_some()
            || module.get("tcp").is_some_and(|tcp| tcp.get("starttls").is_some())
    };
    let is_ssl = root.get("default_module").is_some() || modules.iter().any(|entry| is_ssl(&entry.value));
    if is_ssl { Exporter::Ssl } else { Exporter::Blackbox }
}

/// Reads a file of modules.
pub(super) fn read(root: &Node, exporter: Exporter) -> Modules {
    let modules = root.get("modules").map(Node::entries).unwrap_or_default();
    modules.iter().map(|entry| (entry.key.to_string(), read_module(&entry.key, &entry.value, exporter))).collect()
}

fn read_module(name: &str, node: &Node, exporter: Exporter) -> Module {
    let prober = node.text_of("prober").unwrap_or_default();
    let section = node.get(&prober);
    // blackbox_exporter has it below the prober, ssl_exporter beside it.
    let tls = section.and_then(|section| section.get("tls_config")).or_else(|| node.get("tls_config"));
    let mut remarks = Vec::new();
    if tls.is_some_and(|tls| tls.says("insecure_skip_verify")) {
        remarks.push(format!("the module {name} did not verify the certificate; `accept: [FINDING]` mutes a known fault here"));
    }
    if tls.is_some_and(|tls| tls.get("cert_file").is_some()) {
        remarks.push(format!("the module {name} sent a client certificate; certvigil sends none"));
    }
    if section.is_some_and(|section| section.get("proxy_url").is_some()) {
        remarks.push(format!("the module {name} used a proxy; certvigil connects directly"));
    }
    Module {
        name: name.to_owned(),
        spoken: spoken(&prober, section, exporter),
        ca_file: tls.and_then(|tls| tls.text_of("ca_file")),
        server_name: tls.and_then(|tls| tls.text_of("server_name")),
        timeout: node.text_of("timeout").as_deref().and_then(config::parse_duration),
        remarks,
        target: node.get("target").and_then(|target| Some((target.line, target.text()?))),
    }
}

fn spoken(prober: &str, section: Option<&Node>, exporter: Exporter) -> Spoken {
    match (prober, exporter) {
        ("http", _) => Spoken::Http,
        ("https", _) => Spoken::Https,
        ("tcp", Exporter::Ssl) => match section.and_then(|tcp| tcp.text_of("starttls")) {
            Some(protocol) => Spoken::StartTls(Protocol::from_starttls(&protocol)),
            None => Spoken::Tls,
        },
        ("tcp", Exporter::Blackbox) => {
            let dialogue = section.and_then(|tcp| tcp.get("query_response")).map(Node::items).unwrap_or_default();
            if dialogue.iter().any(|step| step.says("starttls")) {
                Spoken::StartTls(spoken_in(dialogue))
            } else if section.is_some_and(|tcp| tcp.says("tls")) {
                Spoken::Tls
            } else {
                Spoken::Without("connects by TCP without TLS")
            }
        }
        ("grpc", _) if section.is_some_and(|grpc| grpc.says("tls")) => Spoken::Tls,
        ("grpc", _) => Spoken::Without("speaks gRPC without TLS"),
        ("icmp", _) => Spoken::Without("pings"),
        ("dns", _) => Spoken::Without("asks for names"),
        ("file" | "http_file" | "kubernetes" | "kubeconfig", _) => {
            Spoken::Without("reads certificates from files or secrets, and `certvigil verify` judges files")
        }
        _ => Spoken::Without("has a prober that is not known"),
    }
}

/// The protocol of a dialogue that leads to STARTTLS.
fn spoken_in(dialogue: &[Node]) -> Option<Protocol> {
    let said: String = dialogue.iter().flat_map(|step| [step.text_of("send"), step.text_of("expect")]).flatten().collect();
    let said = said.to_ascii_uppercase();
    let signs = [
        ("EHLO", Protocol::Smtp),
        ("HELO", Protocol::Smtp),
        ("STLS", Protocol::Pop3),
        ("AUTH TLS", Protocol::Ftp),
        ("JABBER:SERVER", Protocol::XmppServer),
        ("JABBER:CLIENT", Protocol::Xmpp),
        (". STARTTLS", Protocol::Imap),
        ("IMAP", Protocol::Imap),
        ("A1 STARTTLS", Protocol::Imap),
    ];
    signs.into_iter().find(|(sign, _)| said.contains(sign)).map(|(_, protocol)| protocol)
}

/// A module of which only the name is known: those that the exporters come with, or one that is called after what it does.
pub(super) fn guess(name: &str, exporter: Exporter) -> Module {
    let has = |word: &str| name.contains(word);
    let spoken = match name {
        "" | "tcp" if exporter == Exporter::Ssl => Spoken::Tls,
        "https" => Spoken::Https,
        _ if has("starttls") => Spoken::StartTls(
            ["smtp", "imap", "pop3", "ftp", "ldap", "postgres"]
                .into_iter()
                .find(|word| has(word))
                .and_then(Protocol::from_starttls),
        ),
        _ if has("icmp") || has("ping") => Spoken::Without("pings"),
        _ if has("dns") => Spoken::Without("asks for names"),
        _ if has("ssh") => Spoken::Without("speaks SSH"),
        _ if has("file") || has("kube") => {
            Spoken::Without("reads certificates from files or secrets, and `certvigil verify` judges files")
        }
        _ if name.is_empty() || has("http") => Spoken::Http,
        _ if has("pop3s") || has("imaps") || has("smtps") || has("tls") || has("ssl") => Spoken::Tls,
        _ if has("tcp") && exporter == Exporter::Ssl => Spoken::Tls,
        "tcp_connect" | "irc_banner" => Spoken::Without("connects by TCP without TLS"),
        _ => Spoken::Unknown,
    };
    Module { name: name.to_owned(), spoken, ca_file: None, server_name: None, timeout: None, remarks: Vec::new(), target: None }
}

impl Module {
    /// The endpoint that this module visits at a target, or why there is none.
    pub(super) fn visit(&self, line: usize, written: &str, inventory: &mut Inventory) -> Result<Found, String> {
        let mut remarks = self.remarks.clone();
        let target = self.target_of(written, &mut remarks)?;
        let mut found = Found::new(line, target);
        found.server_name = match self.server_name.as_deref().map(str::parse) {
            Some(Err(_)) => {
                inventory.note(line, format!("the server name of the module {} is no name of a host; left out", self.name));
                None
            }
            Some(Ok(host)) => Some(host),
            None => None,
        };
        found.timeout = self.timeout;
        found.trust = self.ca_file.clone().into_iter().collect();
        found.remarks = remarks;
        Ok(found)
    }

    fn target_of(&self, written: &str, remarks: &mut Vec<String>) -> Result<Target, String> {
        if written.starts_with("http://") {
            return Err(format!("{written} is plain HTTP, which has no certificate; left out"));
        }
        let with = |scheme: &str| format!("{scheme}://{written}");
        let has_scheme = written.contains("://");
        let url = match &self.spoken {
            Spoken::Without(what) => return Err(format!("{written}: the module {} {what}; left out", self.name)),
            _ if has_scheme => written.to_owned(),
            Spoken::Https => with("https"),
            Spoken::Http => {
                let target = parse(&with("https"))?;
                if target.port != 443 {
                    return Err(format!("{written} without https:// is plain HTTP to the module {}; left out", self.name));
                }
                remarks.push(format!("{written} was asked for by plain HTTP; its HTTPS is watched now"));
                return Ok(target);
            }
            Spoken::Tls => written.to_owned(),
            Spoken::StartTls(protocol) => {
                let port = parse(written)?.port;
                let protocol = protocol.or_else(|| by_port(port));
                let protocol = protocol.ok_or_else(|| {
                    format!(
                        "{written}: which protocol leads to STARTTLS here is not known; write it as smtp://{written} or the like"
                    )
                })?;
                with(if port == 587 && protocol == Protocol::Smtp { "submission" } else { protocol.scheme() })
            }
            Spoken::Unknown => {
                remarks.push(format!("what the module {} speaks is not known; TLS is taken. Import its file too", self.name));
                written.to_owned()
            }
        };
        parse(&url)
    }
}

fn parse(text: &str) -> Result<Target, String> {
    text.parse().map_err(|error| format!("{error}; left out"))
}

/// The protocol with STARTTLS that usually answers at a port.
pub(super) fn by_port(port: u16) -> Option<Protocol> {
    const USUAL: &[Protocol] = &[
        Protocol::Smtp,
        Protocol::Submission,
        Protocol::Imap,
        Protocol::Pop3,
        Protocol::Ftp,
        Protocol::Ldap,
        Protocol::Xmpp,
        Protocol::XmppServer,
        Protocol::Postgres,
        Protocol::Mysql,
        Protocol::Sieve,
        Protocol::Nntp,
    ];
    USUAL.iter().copied().find(|protocol| protocol.port() == port)
}
