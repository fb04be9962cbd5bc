//! What `config show` makes of a configuration; what packages bring along.

use super::*;
use crate::monitor::Glob;

#[test]
fn everything_is_shown_as_it_works_and_no_secret() {
    let scratch = Scratch::new();
    scratch.write("smtp", "mail-secret\n");
    scratch.write("hook", "hook-secret\n");
    scratch.write("chat", "https://chat.example/chat-secret\n");
    scratch.write("root.pem", root("Show").pem());
    let text = "
defaults: {interval: 2h, labels: {site: main}}
trust: {system: false, mozilla: false, files: [root.pem]}
canaries: [one.example]
web: {public_url: 'https://certs.example'}
mail:
  server: {host: smtp.example, username: alerts, password: {file: smtp}}
  from: a@example.org
  to: [ops@example.org]
channels:
  - {name: hook, kind: webhook, url: 'https://hook.example/path-secret', secret: {file: hook}}
  - {name: chat, kind: mattermost, url: {file: chat}, severity: critical}
  - {name: script, kind: command, command: [/usr/local/bin/tell, argument-secret]}
people:
  boss@example.org: {digest: weekly, quiet_hours: '22:00-07:00', time_zone: Europe/Berlin, holidays: [saturday, 2026-12-25], language: de}
routes:
  - match: {team: mail}
    owner: mail@example.org
    channels: [hook]
endpoints:
  - www.example
  - {target: submission://mail.example, name: mail, labels: {team: mail}, accept: [root_included], expiry: {warning: {before: 14d}}}
";
    let loaded = scratch.load(text, &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"));
    let shown = effective(&loaded.config, &[]);
    assert!(!shown.contains("secret\n") && !shown.contains("-secret"), "{shown}");
    insta::assert_snapshot!(shown);
    let one = effective(&loaded.config, &[Glob::new("ma*")]);
    assert!(one.contains("name: mail\n") && !one.contains("www.example"), "{one}");
}

/// The part of a file between two lines, without its indentation.
fn block(text: &str, from: &str, to: &str) -> String {
    let lines = text.lines().skip_while(|line| *line != from).skip(1).take_while(|line| *line != to);
    lines.map(|line| line.strip_prefix("    ").unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_packages_bring_along_is_sound() {
    let debian = include_str!("../../../packaging/debian/config.yaml");
    assert_eq!(sound(debian).warnings, []);
    let with_mail = debian.split("# mail:\n").nth(1).expect("a section mail, commented out");
    let mail = with_mail.lines().map_while(|line| line.strip_prefix("#   ")).map(|line| format!("  {line}\n"));
    let whole = format!("{debian}\nmail:\n{}", mail.take(3).collect::<String>());
    assert!(sound(&whole).config.mail.is_some_and(|mail| mail.to == ["ops@example.com"]));

    let scratch = Scratch::new();
    let secret = scratch.write("smtp", "change-me\n");
    let cluster = block(include_str!("../../../packaging/kubernetes/certvigil.yaml"), "  config.yaml: |", "---");
    let cluster = cluster.replace("/etc/certvigil-secrets/smtp", &secret.to_string_lossy());
    let loaded = scratch.load(&cluster, &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!((loaded.config.watches.len(), loaded.config.web.listen[0].to_string().as_str()), (2, "0.0.0.0:9843"));
}
