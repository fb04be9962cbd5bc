#![expect(clippy::unwrap_used, reason = "tests")]

mod documented;
mod people;
mod routes;
mod show;
mod stores;
mod web;

use std::{fs, path::PathBuf, time::Duration};

use super::*;
use crate::{
    diagnosis::{Expectation, Rules, Threshold, Trust},
    endpoint::{Addresses, Endpoint},
    mail::{Login, Security},
    monitor::Policy,
};

/// A directory of its own, gone at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let directory = std::env::temp_dir().join(format!("certvigil-config-{:016x}", fastrand::u64(..)));
        fs::create_dir(&directory).unwrap();
        Scratch(directory)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn load(&self, text: &str, env: &Environment) -> Result<Loaded, Faults> {
        parse(text, &self.0.join("config.yaml"), env)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn read(text: &str) -> Result<Loaded, Faults> {
    parse(text, Path::new("config.yaml"), &Environment::default())
}

fn sound(text: &str) -> Loaded {
    read(text).unwrap_or_else(|faults| panic!("{faults}"))
}

fn faults(text: &str) -> String {
    read(text).expect_err("faults").to_string()
}

fn root(name: &str) -> rcgen::Certificate {
    let mut params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap()
}

fn holds(trust: &Trust, certificate: &rcgen::Certificate) -> bool {
    trust.contains(&crate::certificate::Certificate::from_der(certificate.der()))
}

/// Each `invalid-NAME.yaml` is refused with exactly the lines of `invalid-NAME.txt`.
#[test]
fn every_fault_has_its_exact_message() {
    let directory = Path::new("tests/fixtures/config");
    let mut names: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    names.sort();
    assert!(names.len() > 20, "the fixtures are there");
    let mut wrong = String::new();
    for path in names {
        let told = match load(&path, &Environment::default()) {
            Ok(_) => "no fault".to_owned(),
            Err(faults) => faults.to_string(),
        };
        let expected = fs::read_to_string(path.with_extension("txt")).unwrap_or_default();
        if expected.trim_end() != told {
            let _ = write!(wrong, "--- {}\n{told}\n", path.display());
        }
    }
    assert!(wrong.is_empty(), "not as in the .txt beside it:\n{wrong}");
}

#[test]
fn the_example_is_sound_and_names_every_key() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.yaml");
    let loaded = load(&path, &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(loaded.warnings, []);
    assert_eq!(summary(&loaded), format!("{}: 5 endpoints, sound", path.display()));
    let text = fs::read_to_string(&path).unwrap();
    let keys = "interval timeout confirm addresses expiry warning critical before lifetime owner admin write_to_admin escalation after accept \
                labels trust security_level system mozilla files visits visits_per_address spread resolver enabled \
                allow_private listen public_url config_file watch_certificate writers write_token probe_key directory host tls port plaintext username password credential file ca_files from to \
                target name server_name routes match endpoints continue channels canaries people \
                time_zone digest day at quiet_hours holidays last_day cap language";
    for key in keys.split_whitespace() {
        assert!(text.contains(&format!("{key}:")), "{key} is in the example");
    }
}

#[test]
fn the_example_shows_the_defaults() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.yaml");
    let example = load(&path, &Environment::default()).unwrap().config;
    let plain = sound("endpoints: [www.example.com]").config;
    assert_eq!(example.limits, plain.limits);
    assert_eq!(example.resolver, plain.resolver);
    assert_eq!(example.fetch, plain.fetch);
    assert_eq!(example.web, plain.web);
    assert_eq!(example.store, plain.store);
    let (shown, silent) = (&example.watches[0], &plain.watches[0]);
    assert_eq!(shown.endpoint, silent.endpoint);
    assert_eq!(shown.expectation.rules.expiry, silent.expectation.rules.expiry);
    assert_eq!(shown.expectation.rules.security_level, silent.expectation.rules.security_level);
    assert_eq!((shown.policy.interval, shown.policy.confirm), (silent.policy.interval, silent.policy.confirm));
    assert_eq!(shown.trust.len(), silent.trust.len());
}

#[test]
fn the_short_form_has_every_default() {
    let loaded = sound("endpoints: [API.example.com., 'submission://mail.example.com', '[2001:db8::1]:443']");
    let names: Vec<_> = loaded.config.watches.iter().map(|watch| &*watch.endpoint.name).collect();
    assert_eq!(names, ["API.example.com.", "submission://mail.example.com", "[2001:db8::1]:443"]);
    let watch = &loaded.config.watches[0];
    assert_eq!(watch.endpoint, Endpoint { name: "API.example.com.".into(), ..Endpoint::new("api.example.com".parse().unwrap()) });
    assert_eq!(watch.expectation.host, Some("api.example.com".parse().unwrap()));
    assert_eq!(*watch.policy, Policy::default());
    assert!(loaded.config.mail.is_none());
    assert_eq!(summary(&loaded), "config.yaml: 3 endpoints, sound");
}

#[test]
fn defaults_are_inherited_and_labels_merged() {
    let loaded = sound(
        "
defaults:
  interval: 2h
  timeout: 3s
  confirm: 45s
  addresses: first
  expiry: {warning: {before: 30d}, critical: {lifetime: 5%}}
  owner: all@example.com
  admin: [one@example.com, two@example.com]
  write_to_admin: true
  accept: [self_signed]
  labels: {site: main, team: web}
  security_level: 1
mail:
  server: {host: localhost, tls: none}
  from: certvigil@example.com
  to: [ops@example.com]
endpoints:
  - a.example
  - target: b.example
    server_name: www.b.example
    name: bee
    interval: 1h30m
    addresses: all
    expiry: {warning: {lifetime: 50%}}
    owner: [x@example.com, y@example.com]
    admin: []
    write_to_admin: false
    accept: root_included
    labels: {team: mail, tier: '1'}
    security_level: 2
",
    );
    assert_eq!(loaded.warnings, []);
    let (inherits, sets) = (&loaded.config.watches[0], &loaded.config.watches[1]);
    let days = |days: u64| Duration::from_secs(days * 86_400);
    let show = |watch: &Watch| {
        let Expectation { host, rules } = &watch.expectation;
        let Rules { expiry, accept, security_level } = &**rules;
        let host = host.as_ref().unwrap();
        (
            format!(
                "{} {} {host} {:?} {:?}",
                watch.endpoint.name, watch.endpoint.server_name, watch.endpoint.timeout, watch.policy
            ),
            expiry.warning,
            expiry.critical,
            accept.iter().cloned().collect::<Vec<_>>().join(","),
            *security_level,
        )
    };
    let threshold = |before, lifetime_percent| Threshold { before: days(before), lifetime_percent };
    assert_eq!(
        show(inherits),
        (
            "a.example a.example a.example 3s Policy { interval: 7200s, confirm: 45s, owners: [\"all@example.com\"], fallback: [\"ops@example.com\"], admins: \
             [\"one@example.com\", \"two@example.com\"], write_to_admin: true, escalation: [], labels: {\"site\": \"main\", \"team\": \"web\"}, channels: [] }"
                .into(),
            threshold(30, 25),
            threshold(7, 5),
            "self_signed".into(),
            1
        )
    );
    assert_eq!(
        show(sets),
        (
            "bee www.b.example www.b.example 3s Policy { interval: 5400s, confirm: 45s, owners: [\"x@example.com\", \
             \"y@example.com\"], fallback: [\"ops@example.com\"], admins: [], write_to_admin: false, escalation: [], labels: {\"site\": \"main\", \"team\": \"mail\", \"tier\": \
             \"1\"}, channels: [] }"
                .into(),
            threshold(30, 50),
            threshold(7, 5),
            "root_included".into(),
            2
        )
    );
    assert_eq!(inherits.endpoint.addresses, Addresses::First);
    assert_eq!(sets.endpoint.addresses, Addresses::All);
}

#[test]
fn operators_own_what_nobody_owns() {
    let mail = "mail: {server: {host: 127.0.0.2, tls: none}, from: a@example.com, to: [ops@example.com, b@example.com]}";
    let loaded = sound(&format!("{mail}\nendpoints: [a.example, {{target: b.example, owner: c@example.com}}]"));
    assert_eq!(loaded.config.watches[0].policy.owners, ["ops@example.com", "b@example.com"]);
    assert_eq!(loaded.config.watches[1].policy.owners, ["c@example.com"]);
}

const LOGIN: &str = "mail:
  server: {host: smtp.example.com, username: alerts, password: PASSWORD}
  from: certvigil <alerts@example.com>
  to: [ops@example.com]
endpoints: [a.example]
";

#[test]
fn secrets_come_from_files_or_credentials() {
    let scratch = Scratch::new();
    let path = scratch.write("smtp", "s3cret\r\n");
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let unit = Environment { credentials_directory: Some(scratch.0.clone()), state_directory: None };
    for (password, env) in [("{credential: smtp}", &unit), ("{file: smtp}", &Environment::default())] {
        let loaded = scratch.load(&LOGIN.replace("PASSWORD", password), env).unwrap();
        assert_eq!(loaded.warnings, []);
        let mail = loaded.config.mail.unwrap();
        assert_eq!((mail.server.port, mail.server.tls), (587, Security::Starttls));
        assert!(!format!("{mail:?}").contains("s3cret"));
        let Login { username, password } = mail.server.login.unwrap();
        assert_eq!((username.as_str(), password.0.as_str()), ("alerts", "s3cret"));
    }
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let loaded = scratch.load(&LOGIN.replace("PASSWORD", "{file: smtp}"), &Environment::default()).unwrap();
    let warning = loaded.warnings[0].to_string();
    assert!(warning.ends_with("smtp\" is readable by everybody on this machine; chmod 600 it"), "{warning}");

    let told = scratch.load(&LOGIN.replace("PASSWORD", "{credential: other}"), &unit).unwrap_err().to_string();
    assert!(told.contains("the credential \"other\" does not exist; write LoadCredential=other:PATH into the unit"), "{told}");
    scratch.write("smtp", "two\nlines\n");
    let told = scratch.load(&LOGIN.replace("PASSWORD", "{file: smtp}"), &Environment::default()).unwrap_err().to_string();
    assert!(told.contains("holds more than one line of text") && !told.contains("lines\""), "{told}");
}

#[test]
fn a_credential_outside_the_unit_is_a_warning() {
    let loaded = sound(&LOGIN.replace("PASSWORD", "{credential: smtp}"));
    assert!(loaded.config.mail.as_ref().unwrap().server.login.is_none());
    assert_eq!(
        summary(&loaded),
        "warning: config.yaml:2: mail.server.password.credential: no credential \"smtp\" outside the systemd unit, so that mail \
         would be sent without a login; in the unit, LoadCredential=smtp:PATH provides it\n\
         config.yaml: 1 endpoint, sound, 1 warning"
    );
}

#[test]
fn a_password_in_the_configuration_is_refused_and_not_shown() {
    for password in ["hunter2", "123456", "[hunter2]"] {
        let told = faults(&LOGIN.replace("PASSWORD", password));
        assert!(!told.contains("hunter2") && !told.contains("123456"), "{told}");
        assert!(told.contains("mail.server.password: a secret may not stand in the configuration"), "{told}");
    }
}

#[test]
fn plain_text_mail_stays_on_the_machine() {
    let server =
        |server: &str| format!("mail: {{server: {{{server}}}, from: a@b.example, to: c@d.example}}\nendpoints: [a.example]");
    for host in ["127.0.0.1", "127.9.9.9", "'::1'", "localhost", "'::ffff:127.0.0.1'"] {
        let mail = sound(&server(&format!("host: {host}, tls: none"))).config.mail.unwrap();
        assert_eq!((mail.server.tls, mail.server.port), (Security::None, 25), "{host}");
    }
    for host in ["mail.example.com", "10.0.0.1", "localhost.example.com", "0.0.0.0"] {
        assert!(faults(&server(&format!("host: {host}, tls: none"))).contains("plain text over the network"), "{host}");
        let mail = sound(&server(&format!("host: {host}, tls: none, plaintext: allowed"))).config.mail.unwrap();
        assert_eq!(mail.server.tls, Security::None);
    }
    let mail = sound(&server("host: mail.example.com, tls: implicit")).config.mail.unwrap();
    assert_eq!((mail.server.tls, mail.server.port), (Security::Implicit, 465));
    let mail = sound(&server("host: mail.example.com, tls: implicit, port: 4650")).config.mail.unwrap();
    assert_eq!(mail.server.port, 4650);
}

#[test]
fn the_mail_server_may_have_its_own_roots() {
    let scratch = Scratch::new();
    let one = root("one");
    scratch.write("one.pem", one.pem());
    let text = "mail: {server: {host: smtp.example.com, ca_files: [one.pem]}, from: a@b.example, to: c@d.example}\n\
                endpoints: [a.example]";
    let roots = scratch.load(text, &Environment::default()).unwrap().config.mail.unwrap().server.roots;
    assert_eq!(roots, Some(vec![one.der().to_vec()]));
}

#[test]
fn sections_replace_the_defaults() {
    let config = sound(
        "
limits: {visits: 8, visits_per_address: 2, spread: 10s}
probe: {resolver: system}
fetch: {enabled: false, allow_private: true}
web: {listen: '[::1]:0'}
state: {directory: state}
trust:
mail:
endpoints: [a.example]
",
    )
    .config;
    assert_eq!(config.limits, Limits { visits: 8, visits_per_address: 2, spread: Duration::from_secs(10) });
    assert_eq!(config.resolver, crate::probe::NameLookup::System);
    assert_eq!((config.fetch.enabled, config.fetch.allow_private), (false, true));
    assert_eq!(config.web.listen, ["[::1]:0".parse().unwrap()]);
    assert_eq!(config.store.directory, PathBuf::from("state"));
    assert!(config.mail.is_none());
    assert!(config.watches[0].trust.len() > 100);
}

#[test]
fn people_reach_the_page_by_its_public_url() {
    let web = |url: &str| sound(&format!("web: {{public_url: '{url}'}}\nendpoints: [a.example]\n"));
    let https = web("https://www.example.com/certs/");
    assert_eq!((https.config.web.public_url.as_deref(), &*https.warnings), (Some("https://www.example.com/certs"), &[][..]));
    assert_eq!(web("http://localhost:9843").warnings, []);
    let plain = summary(&web("http://certs.example.com"));
    let warning = "warning: config.yaml:1: web.public_url: answers to mails would cross the network in plain text; write https, and \
                   let a proxy hold the certificate";
    assert!(plain.starts_with(warning), "{plain}");
}

#[test]
fn systemd_says_where_the_state_is() {
    let env = Environment::new(Some("".into()), Some("/var/lib/certvigil:/var/lib/other".into()));
    let state_directory = Some(PathBuf::from("/var/lib/certvigil"));
    assert_eq!(env, Environment { credentials_directory: None, state_directory });
    let text = "state: {directory: /elsewhere}\nendpoints: [a.example]";
    let loaded = parse(text, Path::new("/etc/certvigil/config.yaml"), &env).unwrap();
    assert_eq!(loaded.config.store.directory, PathBuf::from("/var/lib/certvigil"));
    let text = "state: {directory: elsewhere}\nendpoints: [a.example]";
    let loaded = parse(text, Path::new("/etc/certvigil/config.yaml"), &Environment::default()).unwrap();
    assert_eq!(loaded.config.store.directory, PathBuf::from("/etc/certvigil/elsewhere"));
}

#[test]
fn what_is_hardly_meant_is_a_warning() {
    let loaded = sound(
        "endpoints:
  - {target: a.example, write_to_admin: true, owner: a@example.com}
  - {target: b.example, expiry: {warning: {before: 5d, lifetime: 10%}}}
",
    );
    assert_eq!(
        summary(&loaded),
        "warning: config.yaml:2: endpoints[0].write_to_admin: there is no admin to write to, so that the owner gets the letter; \
         write admin: beside it\n\
         warning: config.yaml:2: endpoints[0].owner: nobody gets mail, as there is no section mail; write one, or remove the \
         address\n\
         warning: config.yaml:3: endpoints[1].expiry: critical (7d, 10%) begins no later than warning (5d, 10%), which is never \
         seen; write a smaller critical\n\
         config.yaml: 2 endpoints, sound, 3 warnings"
    );
}

#[test]
fn anchors_and_merge_keys_work() {
    let loaded = sound(
        "endpoints:
  - &a {target: a.example, labels: &l {team: web}, interval: 5m}
  - {<<: *a, target: b.example}
  - {target: c.example, labels: {<<: *l, tier: gold}}
",
    );
    let intervals: Vec<_> = loaded.config.watches.iter().map(|watch| watch.policy.interval.as_secs()).collect();
    assert_eq!(intervals, [300, 300, 3600]);
    assert_eq!(loaded.config.watches[2].policy.labels.len(), 2);
    assert!(
        faults("endpoints:\n  - &a\n    target: a.example\n    interval: x\n\n  - <<: *a\n    name: b\n")
            .contains("config.yaml:6: endpoints[1].interval: \"x\" is no duration")
    );
}

#[test]
fn files_that_cannot_be_read_are_told() {
    let scratch = Scratch::new();
    let env = Environment::default();
    let told = |path: &Path| load(path, &env).unwrap_err().to_string().replace(&*scratch.0.to_string_lossy(), "");
    assert_eq!(told(&scratch.0.join("none.yaml")), "/none.yaml: does not exist; check the path\n1 fault");
    assert_eq!(told(&scratch.0), ": is a directory; name a file within it\n1 fault");
    let huge = scratch.write("huge.yaml", "");
    fs::File::options().write(true).open(&huge).unwrap().set_len(65 * 1024 * 1024).unwrap();
    assert_eq!(told(&huge), "/huge.yaml: is larger than 64 MB; check that it is the right file\n1 fault");
    let marked = scratch.write("marked.yaml", "\u{feff}endpoints: [a.example]\r\n");
    assert_eq!(load(&marked, &env).unwrap().config.watches.len(), 1);
}

#[test]
fn a_large_inventory_loads() {
    let mut text = String::from("endpoints:\n");
    for i in 0..20_000 {
        let _ =
            writeln!(text, "  - target: host-{i}.example:443\n    owner: team-{}@example.com\n    labels: {{n: 'x{i}'}}", i % 7);
    }
    let watches = sound(&text).config.watches;
    assert_eq!(watches.len(), 20_000);
    assert_eq!(&*watches[19_999].endpoint.name, "host-19999.example:443");
    assert!(watches.iter().all(|watch| Arc::ptr_eq(&watch.trust, &watches[0].trust)));
    let told = faults(&text.replace("443", "0"));
    assert!(told.ends_with("\n20000 faults"));
    assert!(told.contains("\nconfig.yaml:59999: endpoints[19999].target: \"0\" is no port; write a number from 1 to 65535\n"));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

    #[test]
    fn no_text_makes_it_panic(text in "[a-c:\\-\\[\\]{},&*!|>%'\"#\\\\ \n\t\u{0}-\u{fff}]{0,60}", at in 0..4000_usize, cut in 0..40_usize) {
        let _ = read(&text);
        // The example, with a piece of it replaced.
        let mut example: Vec<char> = include_str!("../../../config.example.yaml").chars().collect();
        let end = (at + cut).min(example.len());
        example.splice(at.min(end)..end, text.chars());
        let _ = read(&example.into_iter().collect::<String>());
    }
}
