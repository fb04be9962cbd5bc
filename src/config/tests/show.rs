//! What `config show` makes of a configuration.

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
