//! The command line: what is refused, with which status, and what a sweep shows.

use std::{
    fmt::Write as _,
    fs::{self, File},
    path::Path,
    process::{Child, Stdio},
};

use certvigil::{diagnosis::Finding, lab::Lab};
use jiff::Timestamp;

use crate::support::{
    program::{certvigil, command, wait_for},
    scratch::Scratch,
};

#[test]
fn misuse_is_told_with_its_status_and_remedy() {
    let scratch = Scratch::new();
    let cut = scratch.file("cut.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n").display().to_string();
    let directory = scratch.path().display().to_string();
    let no_config = ["--config", "/nowhere.yaml"];
    for (status, arguments, expected) in [
        (3, vec!["check"], "required arguments were not provided:\n  <TARGET|--config <FILE>>"),
        (3, vec!["check", "gopher://example.org"], "is no protocol certvigil knows"),
        (3, vec!["check", "example.org:70000"], "is no port"),
        (3, vec!["check", "--ca-file", "/nowhere.pem", "example.org"], "/nowhere.pem: does not exist"),
        (3, vec!["check", "--timeout", "5", "example.org"], "\"5\" is no duration; write 5s"),
        (3, vec!["check", "--timeout", "0s", "example.org"], "\"0s\" is too short; write 1s or more"),
        (3, vec!["check", "--address", "[::1", "example.org"], "\"[::1\" is no address; write one as"),
        (3, vec!["check", "--starttls", "imap", "smtp://example.org"], "smtp://example.org says what is spoken there"),
        (3, vec!["check", "--starttls", "gopher", "example.org"], "\"gopher\" has no STARTTLS"),
        (3, vec!["check", "--client-cert", "/dev/zero", "--client-key", "/dev/zero", "a.org"], "/dev/zero: is larger than 1 MB"),
        (3, [&["check", "--starttls", "imap"], &no_config[..]].concat(), "cannot be used with"),
        (3, [&["check", "--address", "::1"], &no_config[..]].concat(), "cannot be used with"),
        (3, [&["check", "example.org"], &no_config[..]].concat(), "cannot be used with"),
        (3, vec!["chekc", "example.org"], "check"),
        (3, vec!["verify", "--chain", "/nowhere.pem"], "/nowhere.pem: does not exist; check the path"),
        (3, vec!["verify", "--chain", &directory], "is a directory; name a file within it"),
        (3, vec!["verify", "--chain", "/dev/zero"], "/dev/zero: is larger than 16 MB"),
        (3, vec!["verify", "--chain", "/dev/null"], "holds no certificate"),
        (3, vec!["verify", "--chain", &cut], "the PEM block that begins \"-----BEGIN CERTIFICATE-----\" has no end line"),
        (3, vec!["verify", "--chain", "/dev/null", "--at", "tomorrow"], "write a moment as 2027-01-31T12:00:00Z"),
        (3, vec!["verify", "--chain", "/dev/null", "--at", "99999-01-01T00:00:00Z"], "write a moment as 2027-01-31T12:00:00Z"),
        (3, vec!["explain"], "required arguments were not provided:\n  <TEXT>"),
        (
            3,
            vec!["explain", "out of memory"],
            "error: this message is not known\nhint: look at the server itself with certvigil check",
        ),
        (3, vec!["explain", "unabel to get locl issuer certificat"], "perhaps you mean\n  "),
        (3, vec!["explain", "--json", "777"], "this message is not known"),
        (1, vec!["run"], "--config <FILE>"),
        (1, vec!["validate", "--confg", "x"], "--confg"),
        (1, vec!["mail", "test"], "--config <FILE>"),
        (1, vec!["mail", "preview", "expird"], "error: no mail is called \"expird\"\nThe mails that there are:\n  expired\n"),
        (1, vec!["mail", "preview", "--all"], "--folder <DIR>"),
        (1, vec!["mail", "preview", "expired", "--html", "/nowhere/a.html"], "cannot write /nowhere/a.html"),
        (1, vec!["demo", "--port", "many"], "--port"),
    ] {
        let said = certvigil(&arguments);
        assert_eq!(said.status, status, "{arguments:?}: {}", said.err);
        assert!(said.err.contains(expected), "{arguments:?}: {}", said.err);
        assert_eq!(said.out, "", "{arguments:?}");
    }
}

#[test]
fn mails_are_shown_before_anything_is_wrong() {
    let said = certvigil(&["mail", "preview", "expires_soon"]);
    let start = "From: certvigil <alerts@example.com>\nTo: shop-team@example.com\nSubject: shop.example.com:443: expires in";
    assert!(said.status == 0 && said.out.starts_with(start), "{}", said.out);

    let scratch = Scratch::new();
    let config = "{mail: {server: {host: localhost, tls: none}, from: us@a.example, to: [b@a.example]}, endpoints: [a.example]}";
    let config = scratch.file("config.yaml", config).display().to_string();
    let file = |name: &str| scratch.path().join(name).display().to_string();
    let (html, folder) = (file("mail.html"), file("gallery"));
    let said = certvigil(&["mail", "preview", "expired", "--config", &config, "--eml", &file(""), "--html", &html]);
    assert_eq!((said.status, &*said.out, &*said.err), (0, "", ""));
    let read = |path: &str| fs::read_to_string(path).expect("it was written");
    assert!(read(&file("expired.eml")).starts_with("From: us@a.example\r\n"));
    assert!(read(&html).starts_with("<!DOCTYPE html>"));

    let said = certvigil(&["mail", "preview", "--all", "--folder", &folder]);
    assert_eq!((said.status, &*said.err), (0, ""));
    let index = read(&format!("{folder}/index.html"));
    for code in Finding::CODES.iter().chain(&["summary", "resolved", "test"]) {
        for ending in ["html", "eml", "txt"] {
            assert!(index.contains(&format!("\"{code}.{ending}\"")), "{code}.{ending} is not listed");
            assert!(fs::metadata(format!("{folder}/{code}.{ending}")).is_ok_and(|file| file.len() > 200), "{code}.{ending}");
        }
    }
}

#[test]
fn silences_are_made_shown_and_taken_back() {
    let scratch = Scratch::new();
    let state = scratch.path().display().to_string();
    let endpoints = "[shop.example, {target: mail.example, labels: {team: mail}}]";
    let web = format!("{{listen: 'unix:{state}/nobody.socket'}}");
    let config = format!("{{web: {web}, state: {{directory: {state}}}, endpoints: {endpoints}}}");
    let config = scratch.file("config.yaml", config).display().to_string();
    let silence = |arguments: &[&str]| certvigil(&[&["silence"], arguments, &["--config", &config]].concat());
    let add = ["add", "--endpoint", "shop*", "--finding", "expiry", "--reason", " moves \u{1b}[31m", "--by", "ada"];
    let said = silence(&[&add[..], &["--for", "7d"]].concat());
    assert!(said.status == 1 && said.err.contains("there is no state in") && said.err.contains("hint: "), "{}", said.err);

    // A daemon runs, as far as its lock can tell.
    let settings = certvigil::store::Settings { directory: scratch.path().to_owned() };
    let (_store, _) = certvigil::store::Store::open(&settings).expect("a fresh state");
    let said = silence(&[&add[..], &["--for", "7d"]].concat());
    assert_eq!((said.status, &*said.err), (0, ""), "{}", said.out);
    assert!(said.out.contains(": expiry at shop*; moves \\1B[31m (ada)\n1 of 2 endpoints; take it back with: "), "{}", said.out);
    let listed = silence(&["list"]);
    let (id, rest) = listed.out.split_once(' ').expect("an id first");
    assert!(rest.starts_with("until 20") && said.out.contains(id), "{}", listed.out);
    let label = ["add", "--label", "team=web", "--until", "2999-01-01T00:00:00Z", "--reason", "r"];
    assert!(silence(&label).err.contains("a silence lasts a year at most"));
    let nobody = silence(&[&label[..3], &["--for", "1h", "--reason", "r", "--but-last-day"]].concat());
    assert!(nobody.err.contains("warning: no endpoint of the configuration is meant by it"), "{}", nobody.err);
    assert_eq!(silence(&["list", "--json"]).out.lines().count(), 2);
    assert_eq!(silence(&["remove", id]).status, 0);
    assert!(silence(&["remove", id]).err.contains("there is no silence"));
    assert!(!silence(&["list"]).out.contains(id));
    for (arguments, expected) in [
        (vec!["add", "--for", "1h", "--reason", "r"], "required arguments were not provided"),
        (vec!["add", "--endpoint", "*", "--reason", "r"], "required arguments were not provided"),
        (vec!["add", "--endpoint", "*", "--for", "1h"], "--reason <TEXT>"),
        (vec!["add", "--endpoint", "*", "--for", "1h", "--reason", " "], "the reason is empty"),
        (vec!["add", "--label", "team", "--for", "1h", "--reason", "r"], "write one as team=mail"),
        (vec!["add", "--finding", "expird", "--for", "1h", "--reason", "r"], "\"expird\" is no finding"),
    ] {
        let said = silence(&arguments);
        assert!(said.status == 1 && said.err.contains(expected), "{arguments:?}: {} {}", said.status, said.err);
    }
}

#[test]
fn a_daemon_that_runs_is_asked_for_silences() {
    let scratch = Scratch::new();
    let place = scratch.path().display().to_string();
    scratch.file("token", "correct-horse-battery");
    // The demo's daemon, by a socket; what is below `state` is its own, what is below `elsewhere` nobody has written.
    let config = |state: &str| {
        let web = format!("{{listen: 'unix:{place}/web.socket', write_token: {{file: {place}/token}}}}");
        let state = format!("{{directory: {place}/{state}}}");
        let endpoints = "[{target: 127.0.0.1:9, name: shop, interval: 1d, labels: {team: web}}, {target: 127.0.0.1:9, name: mail, interval: 1d}]";
        format!("{{web: {web}, state: {state}, trust: {{system: false, mozilla: true}}, endpoints: {endpoints}}}")
    };
    for state in ["state", "elsewhere"] {
        fs::create_dir(scratch.path().join(state)).expect("the temporary directory is writable");
    }
    let (ours, theirs) = (scratch.file("ours.yaml", config("state")), scratch.file("theirs.yaml", config("elsewhere")));
    let mut daemon =
        Killed(command(&["run", "--config", &ours.display().to_string()]).stderr(Stdio::null()).spawn().expect("it runs"));
    let theirs = theirs.display().to_string();
    let silence = |arguments: &[&str]| certvigil(&[&["silence"], arguments, &["--config", &theirs]].concat());
    let listed = wait_for("the daemon to answer", || Some(silence(&["list"])).filter(|said| said.status == 0));
    assert_eq!(listed.out, "nothing is silenced\n");

    let token = scratch.path().join("token").display().to_string();
    let add = ["add", "--label", "team=web", "--for", "4h", "--reason", "moves \u{1b}[31m", "--by", "ada", "--but-last-day"];
    let said = silence(&add);
    assert!(said.status == 1 && said.err.contains("does not let us in: "), "{}", said.err);
    let said = silence(&[&add[..], &["--token-file", &token]].concat());
    assert_eq!((said.status, &*said.err), (0, ""), "{}", said.out);
    let shown = ": everything at every endpoint with team=web, but for the last day; moves \\1B[31m (ada (token))\n";
    assert!(said.out.contains(&format!("{shown}1 of 2 endpoints; take it back with: ")), "{}", said.out);
    let listed = silence(&["list"]);
    let (id, rest) = listed.out.split_once(' ').expect("an id first");
    assert!(rest.ends_with(shown) && said.out.contains(id), "{}", listed.out);
    let line: serde_json::Value = serde_json::from_str(&silence(&["list", "--json"]).out).expect("a JSON object");
    assert_eq!((&line["id"], &line["labels"]["team"][0]), (&id.into(), &"web".into()));
    // It is the daemon's own state that has it.
    let read = certvigil(&["silence", "list", "--all", "--config", &ours.display().to_string()]);
    assert_eq!(read.out, listed.out, "{}", read.err);
    assert!(silence(&["list", "--all"]).err.contains("a daemon tells of no silence that is over"));

    assert!(silence(&["remove", id]).err.contains("does not let us in: "));
    assert_eq!(silence(&["remove", id, "--token-file", &token]).status, 0);
    assert!(silence(&["remove", id, "--token-file", &token]).err.contains("answers 404: there is no such silence"));
    assert_eq!(silence(&["list"]).out, "nothing is silenced\n");
    assert!(daemon.0.try_wait().is_ok_and(|ended| ended.is_none()), "it runs on");
}

/// Killed when dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_device_is_no_success() {
    let lab = Lab::start(Timestamp::now()).await.expect("loopback has free ports");
    let scratch = Scratch::new();
    let root = scratch.file("root.pem", lab.root_pem()).display().to_string();
    let config = scratch.file("config.yaml", "endpoints: [a.example]").display().to_string();
    let healthy = lab.server("healthy").expect("a server of the lab");
    let check = ["check", "--ca-file", &root, "--only-ca-file", "--host", &healthy.server_name, &healthy.target];
    for (arguments, status) in [
        (&check[..], 3),
        (&["verify", "--chain", &root, "--ca-file", &root], 3),
        (&["validate", "--config", &config], 1),
        (&["run", "--help"], 1),
    ] {
        let full = File::options().write(true).open("/dev/full").expect("Linux has it");
        let output = tokio::task::block_in_place(|| command(arguments).stdin(Stdio::null()).stdout(full).output());
        let output = output.expect("the program runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
        assert!(said.contains("error: cannot write to standard output"), "{arguments:?}: {said}");
    }
}

/// A configuration of these servers of the lab, whose timeout is for nobody to wait for.
fn config(lab: &Lab, scratch: &Scratch, names: &[&str]) -> String {
    scratch.file("root.pem", lab.root_pem());
    let mut text =
        String::from("trust: {system: false, mozilla: false, files: [root.pem]}\ndefaults: {timeout: 1h}\nendpoints:\n");
    for name in names {
        let server = lab.server(name).expect("a server of the lab");
        let _ = writeln!(text, "  - {{name: {name}, target: '{}', server_name: {}}}", server.target, server.server_name);
    }
    scratch.file("config.yaml", text).display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_is_brief_about_what_is_sound() {
    let lab = Lab::start(Timestamp::now()).await.expect("loopback has free ports");
    let scratch = Scratch::new();
    let sweep = |names: &[&str], more: &[&str]| {
        let config = config(&lab, &scratch, names);
        let arguments = [&["check", "--config", &config], more].concat();
        tokio::task::block_in_place(|| certvigil(&arguments))
    };
    let said = sweep(&["healthy", "expired"], &[]);
    assert_eq!(said.status, 2, "{}", said.err);
    let (first, rest) = said.out.split_once('\n').expect("lines");
    let healthy = format!("healthy ({}): ok, ", lab.server("healthy").expect("a server of the lab").target);
    assert!(first.starts_with(&healthy) && first.ends_with(" days left"), "{first}");
    assert!(rest.starts_with("expired (") && rest.contains("Verify return code: 10"), "{rest}");
    assert!(sweep(&["healthy"], &["--evidence"]).out.contains("to see it yourself"));

    // The command line wins over the configuration's hour.
    let said = sweep(&["stalling"], &["--timeout", "300ms"]);
    assert_eq!(said.status, 3, "{}", said.err);
    assert!(said.out.contains("said nothing within"), "{}", said.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_refuses_is_not_the_servers_fault() {
    let lab = Lab::start(Timestamp::now()).await.expect("loopback has free ports");
    let proxy = lab.server("refused").expect("a server of the lab").target.clone();
    let check = |form: &str| tokio::task::block_in_place(|| certvigil(&["check", form, "--proxy", &proxy, "a.example"]));
    let said = check("--json");
    assert_eq!(said.status, 3, "{}", said.err);
    let line: serde_json::Value = serde_json::from_str(&said.out).expect("a JSON object");
    assert_eq!(line["failure"]["kind"], "proxy_refused");
    assert_eq!(line["findings"][0]["fault"], "network");
    assert!(line["findings"][0]["hint"].as_str().is_some_and(|hint| hint.contains("whether the proxy runs")), "{line}");
    let said = check("--evidence").out;
    assert!(said.starts_with(&format!("a.example (a.example:443 by the proxy {proxy}): unknown\n")), "{said}");
    assert!(said.contains(&format!("openssl s_client -proxy {proxy} -connect a.example:443 -servername a.example ")), "{said}");
}

#[test]
fn messages_are_decoded() {
    let said = certvigil(&["explain", "curl: (60) SSL certificate problem: self-signed certificate"]);
    assert_eq!(said.status, 0, "{}", said.err);
    insta::assert_snapshot!(said.out, @r#"
    "SSL certificate problem: self-signed certificate" (curl and git)

    It means:

    self_signed: the server presents a certificate that it signed itself, often the placeholder of its software.
       who must act: whoever runs the server
       what to do: get a certificate from a CA; if this one is meant to be, put it into the client's store.
       more: https://github.com/certvigil/certvigil/blob/main/docs/findings.md#self_signed

    To see whether it is so: certvigil check HOST
    "#);
    // Unquoted, and as JSON.
    let said = certvigil(&["explain", "--json", "verify", "error:num=20:unable"]);
    let line: serde_json::Value = serde_json::from_str(&said.out).expect("a JSON object");
    assert_eq!(line["messages"][0]["code"], 20, "{line}");
    assert_eq!(line["diagnoses"][0]["name"], "missing_intermediate");
    assert_eq!(line["diagnoses"][0]["liability"], "server");
    let said = certvigil(&["explain", "--json", "missing_intermediate"]);
    let line: serde_json::Value = serde_json::from_str(&said.out).expect("a JSON object");
    assert_eq!(line["finding"]["code"], "missing_intermediate");
    // From a pipe.
    let scratch = Scratch::new();
    let log = scratch.file("log", "10:00 INFO up\n10:01 ERROR x509: certificate is valid for a.org, not b.org\n");
    let mut explain = command(&["explain", "-"]);
    let output = explain.stdin(File::open(log).expect("just written")).output().expect("the program runs");
    assert!(String::from_utf8_lossy(&output.stdout).contains("hostname_mismatch"), "{output:?}");
}

#[test]
fn a_demo_leaves_another_one_alone() {
    let scratch = Scratch::new();
    let refused = |directory: &Path| {
        let said = certvigil(&["demo", "--port", "0", "--directory", &directory.display().to_string()]);
        assert_eq!(said.status, 1, "{}", said.out);
        assert!(said.err.contains("holds a demo already: choose an empty directory, or remove it"), "{}", said.err);
    };
    for (number, name) in ["config.yaml", "root.pem", "mailbox", "state"].into_iter().enumerate() {
        let directory = scratch.path().join(number.to_string());
        fs::create_dir(&directory).expect("the temporary directory is writable");
        fs::write(directory.join(name), "another's").expect("the temporary directory is writable");
        refused(&directory);
        let left: Vec<_> =
            fs::read_dir(&directory).expect("still there").map(|entry| entry.expect("readable").file_name()).collect();
        assert_eq!(left, [name]);
        assert_eq!(fs::read(directory.join(name)).expect("still there"), b"another's");
    }
}
