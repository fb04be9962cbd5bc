//! One sentence from the differences between clients, and who must act by it.

use std::sync::Arc;

use super::{Answer, Client, Scene, View};
use crate::{
    certificate::{Certificate, Facts},
    diagnosis::{ChainStatus, Diagnosis, Fault, Finding, Severity},
};

pub(super) fn of(clients: &[View], scene: &Scene<'_>, diagnosis: &Diagnosis) -> (String, Option<Fault>) {
    let accepts = |client| clients.iter().find(|view| view.client == client).is_some_and(|view| view.answer == Answer::Accepts);
    let names = |answer: &str| {
        let names = clients.iter().filter(|view| view.answer.name() == answer).map(|view| called(view.client));
        names.collect::<Vec<_>>()
    };
    let (works, fails) = (names("accepts"), names("refuses"));
    let [curl, python, company, browser, rustls] =
        [Client::Curl, Client::Python, Client::Company, Client::Browser, Client::Rustls].map(accepts);
    if fails.is_empty() {
        let nobody = works.is_empty();
        let sentence = if nobody { "nothing can be told: there is no store to judge by" } else { "works everywhere" };
        return (sentence.into(), None);
    }
    let differs = |why: &str| format!("works in {}, fails in {}: {why}", list(&works), list(&fails));
    // Who must act by the gravest finding: where everybody fails, there is no difference to conclude from.
    let grave = diagnosis.findings.iter().find(|found| found.finding.severity() == Severity::Critical);
    let fault = grave.map_or(Fault::Unclear, |found| found.finding.fault());
    // Only OpenSSL's own rule is as wide as that.
    let is_loose = scene.carries_name() && !scene.carries_name_strictly();
    let has_dns_name = scene.leaf().dns_names().next().is_some();
    if is_loose && has_dns_name && grave.is_none() {
        let why = "its wildcard stands for part of a label, which OpenSSL alone still matches";
        let sentence = if works.is_empty() { format!("fails in {}: {why}", list(&fails)) } else { differs(why) };
        return (sentence, Some(Fault::Server));
    }
    if works.is_empty() {
        let why = match fault {
            Fault::Server => "it is the server, not the clients",
            Fault::Client => "it is your trust store, or the CA is a private one that nobody knows",
            Fault::Network | Fault::Unclear => "whose fault it is cannot be told from here",
        };
        let all = clients.iter().all(|view| matches!(view.answer, Answer::Refuses(_)));
        let place = if all { "everywhere".to_owned() } else { format!("in {}", list(&fails)) };
        return (format!("fails {place}: {why}"), Some(fault));
    }
    if diagnosis.chain_status == ChainStatus::MissingIntermediate {
        let is_several = |finding: &Finding| matches!(finding, Finding::MissingIntermediate { missing, .. } if missing.len() > 1);
        let several = diagnosis.findings.iter().any(|found| is_several(&found.finding));
        let why = if several { "the server leaves out the intermediates" } else { "the server leaves out the intermediate" };
        // Java has no way to the issuer either.
        let usual = browser && !python && !curl && !company && !rustls;
        let sentence = if usual { format!("works in browsers, fails in Python, curl and Java: {why}") } else { differs(why) };
        return (sentence, Some(Fault::Server));
    }
    if is_loose && !has_dns_name {
        return (differs("the certificate has its name in the common name only, where few still look"), Some(Fault::Server));
    }
    if company && !curl && !python && !rustls {
        let but = if browser { ", and nowhere else but in browsers that have it" } else { ", and nowhere else" };
        let why = "a private CA, or one the others do not know";
        return (format!("works where the configured CA is trusted{but}: {why}"), None);
    }
    let is_root = |certificate: &Arc<Certificate>| certificate.facts().is_some_and(Facts::is_self_signed);
    let ends_early = |view: &View| view.client == Client::Curl && view.path.last().is_some_and(|last| !is_root(last));
    if curl && !python && clients.iter().any(ends_early) {
        let why = "the system's store has an intermediate, which is enough for curl alone";
        return (differs(why), grave.map(|found| found.finding.fault()));
    }
    // Where a CA is configured, the browser has it too.
    if curl != python && rustls == python && (browser == python || company) {
        let (with, without) = if curl { ("the system's", "Mozilla's") } else { ("Mozilla's", "the system's") };
        let refuses = if curl { Client::Python } else { Client::Curl };
        let code = clients.iter().find(|view| view.client == refuses).and_then(|view| view.verify_code);
        let why = match code {
            Some(2 | 18..=21) => Some("the root is missing from that store"),
            Some(10) => Some("the path by that store has ended"),
            _ => None,
        };
        if let Some(why) = why {
            return (format!("works with {with} store, but not with {without}: {why}"), Some(Fault::Client));
        }
    }
    (differs("the clients' rules differ; the table has each one's reason"), grave.map(|found| found.finding.fault()))
}

fn called(client: Client) -> &'static str {
    match client {
        Client::Curl => "curl",
        Client::Python => "Python",
        Client::Company => "clients with the configured CA",
        Client::Browser => "browsers",
        Client::Rustls => "rustls",
    }
}

/// `a, b and c`.
fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}
