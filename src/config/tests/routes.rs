use super::*;
use crate::monitor::Watch;

/// Owners, admins, whether they are written to, and channels of this endpoint.
fn hearers(loaded: &Loaded, name: &str) -> String {
    let is_it = |watch: &&Arc<Watch>| *watch.endpoint.name == *name;
    let policy = &loaded.config.watches.iter().find(is_it).unwrap().policy;
    let channels: Vec<_> = policy.channels.iter().map(|channel| &*channel.channel).collect();
    let admins = if policy.write_to_admin { policy.admins.join("+") } else { format!("({})", policy.admins.join("+")) };
    format!("{} {admins} {}", policy.owners.join("+"), channels.join("+")).trim_end().to_owned()
}

#[test]
fn the_first_route_that_matches_stands_between_the_defaults_and_the_endpoint() {
    let loaded = sound(
        "
mail: {server: {host: localhost, tls: none}, from: c@a.org, to: ops@a.org}
channels:
  - {name: chat, kind: command, command: [/bin/true]}
  - {name: pager, kind: command, command: [/bin/true]}
defaults: {channels: chat, labels: {site: eu-1}}
routes:
  - match: {team: mail}
    owner: mail@a.org
    admin: postmaster@a.org
    write_to_admin: true
  - {match: {team: [mail, web], site: 'eu-*'}, channels: [chat, pager]}
  - {endpoints: 'c.*', owner: c@a.org}
endpoints:
  - a.org
  - {target: b.org, labels: {team: mail}}
  - {target: c.org, labels: {team: web}}
  - {target: d.org, labels: {team: web, site: us}}
  - {target: c.net, owner: net@a.org}
  - {target: e.org, labels: {team: mail}, write_to_admin: false, channels: []}
  - c.com
",
    );
    assert_eq!(loaded.warnings, []);
    assert_eq!(hearers(&loaded, "a.org"), "ops@a.org () chat");
    assert_eq!(hearers(&loaded, "b.org"), "mail@a.org postmaster@a.org chat");
    assert_eq!(hearers(&loaded, "c.org"), "ops@a.org () chat+pager", "the third is not asked");
    assert_eq!(hearers(&loaded, "d.org"), "ops@a.org () chat");
    assert_eq!(hearers(&loaded, "c.net"), "net@a.org () chat", "the endpoint has the last word");
    assert_eq!(hearers(&loaded, "e.org"), "mail@a.org (postmaster@a.org)");
    assert_eq!(hearers(&loaded, "c.com"), "c@a.org () chat", "the short form takes routes too");
}

#[test]
fn those_of_routes_that_go_on_hear_of_it_together() {
    let loaded = sound(
        "
mail: {server: {host: localhost, tls: none}, from: c@a.org, to: ops@a.org}
routes:
  - {match: {team: mail}, owner: [mail@a.org, all@a.org], write_to_admin: true, continue: true}
  - {match: {team: other}, owner: other@a.org}
  - {match: {site: eu}, owner: [all@a.org, eu@a.org], admin: eu@a.org}
  - {owner: rest@a.org}
endpoints:
  - {target: a.org, labels: {team: mail, site: eu}}
  - {target: b.org, labels: {team: mail}}
  - {target: c.org, labels: {site: eu}}
",
    );
    assert_eq!(hearers(&loaded, "a.org"), "mail@a.org+all@a.org+eu@a.org eu@a.org");
    assert_eq!(hearers(&loaded, "b.org"), "mail@a.org+all@a.org+rest@a.org");
    assert_eq!(hearers(&loaded, "c.org"), "all@a.org+eu@a.org (eu@a.org)");
    let told = summary(&loaded);
    assert!(
        told.contains(
            "warning: config.yaml:5: routes[1]: no endpoint takes this route; check names and values, or write it before the \
             route that takes its endpoints"
        ),
        "{told}"
    );
}

#[test]
fn an_escalation_is_a_hearer_like_the_others() {
    let loaded = sound(
        "
mail: {server: {host: localhost, tls: none}, from: c@a.org, to: ops@a.org}
defaults: {escalation: [{after: 2d, to: boss@a.org}]}
routes:
  - {match: {team: mail}, escalation: [{after: 5d, to: [b@a.org, c@a.org]}, {after: 12h, to: a@a.org}], continue: true}
  - {match: {site: eu}, escalation: [{after: 1d, to: eu@a.org}]}
endpoints:
  - a.org
  - {target: b.org, labels: {team: mail, site: eu}}
  - {target: c.org, labels: {team: mail}, escalation: []}
",
    );
    let steps = |at: usize| {
        let steps = loaded.config.watches[at].policy.escalation.iter();
        steps.map(|step| format!("{}h {}", step.after.as_secs() / 3600, step.to.join("+"))).collect::<Vec<_>>()
    };
    assert_eq!(steps(0), ["48h boss@a.org"]);
    assert_eq!(steps(1), ["12h a@a.org", "24h eu@a.org", "120h b@a.org+c@a.org"], "in the order of their time");
    assert_eq!(steps(2), [""; 0]);
}
