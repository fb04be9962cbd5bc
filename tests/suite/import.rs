//! `certvigil import`, through the binary: five formats, what is written, and what is refused.

use std::{
    fs::{self, File},
    io::Write as _,
    process::Stdio,
};

use crate::support::{
    program::{Said, certvigil, command},
    scratch::Scratch,
};

const FORMATS: &[(&str, &[&str], usize)] = &[
    ("prometheus", &["prometheus.yml", "blackbox.yml", "web-1.json", "rules.yml"], 13),
    ("ssl_exporter", &["ssl_prometheus.yml", "ssl_exporter.yml"], 4),
    ("hosts", &["hosts.txt"], 11),
    ("gatus", &["gatus.yaml"], 5),
    ("uptime-kuma", &["uptime-kuma.json"], 4),
];

fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/import/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn import(arguments: &[&str]) -> Said {
    certvigil(&[&["import"], arguments].concat())
}

/// `certvigil import ARGUMENTS -` with this on standard input.
fn piped(text: &[u8], arguments: &[&str]) -> Said {
    let mut import = command(&[&["import"], arguments, &["-"]].concat());
    let mut child = import.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
    child.stdin.take().expect("is piped").write_all(text).expect("it reads to the end");
    let output = child.wait_with_output().expect("it ends");
    let text = |octets| String::from_utf8(octets).expect("UTF-8");
    Said { status: output.status.code().expect("no signal"), out: text(output.stdout), err: text(output.stderr) }
}

#[test]
fn each_format_becomes_a_configuration_that_is_sound() {
    let scratch = Scratch::new();
    for (format, files, endpoints) in FORMATS {
        let files: Vec<_> = files.iter().map(|name| fixture(name)).collect();
        let files: Vec<_> = files.iter().map(String::as_str).collect();
        let output = scratch.path().join(format).with_extension("yaml").display().to_string();
        let said = import(&[&files[..], &["--from", format, "-o", &output]].concat());
        assert_eq!((said.status, &*said.out), (0, ""), "{format}: {}", said.err);
        let last = said.err.lines().last().expect("a summary");
        assert!(last.starts_with(&format!("{endpoints} endpoints and ")), "{format}: {last}");

        let checked = certvigil(&["validate", "--config", &output]);
        assert_eq!(checked.status, 0, "{format}: {}", checked.err);
        let shown = certvigil(&["config", "show", "--config", &output]);
        assert_eq!(shown.status, 0, "{format}: {}", shown.err);

        // The format is recognised, and what would be written can be shown.
        let written = fs::read_to_string(&output).expect("it was written");
        assert_eq!(import(&files).out, written, "{format}");
    }
}

#[test]
fn a_file_that_is_there_is_overwritten_only_by_force() {
    let scratch = Scratch::new();
    let hosts = scratch.file("hosts.txt", "a.example\n").display().to_string();
    let output = scratch.file("certvigil.yaml", "endpoints: [mine.example]\n").display().to_string();
    let said = import(&[&hosts, "-o", &output]);
    assert_eq!(said.status, 1);
    assert!(
        said.err.contains("certvigil.yaml is there already; write to another file, or overwrite it with --force"),
        "{}",
        said.err
    );
    assert_eq!(fs::read_to_string(&output).expect("there"), "endpoints: [mine.example]\n");

    // A dangling link is there as well, and is not written through.
    let link = scratch.path().join("link.yaml");
    std::os::unix::fs::symlink(scratch.path().join("elsewhere.yaml"), &link).expect("links exist");
    let said = import(&[&hosts, "-o", &link.display().to_string()]);
    assert!(said.status == 1 && said.err.contains("is there already"), "{}", said.err);
    assert!(!scratch.path().join("elsewhere.yaml").exists());

    assert_eq!(import(&[&hosts, "-o", &output, "--force"]).status, 0);
    assert!(fs::read_to_string(&output).expect("there").contains("\n  - a.example\n"));
    let nowhere = scratch.path().join("none/certvigil.yaml").display().to_string();
    let said = import(&[&hosts, "-o", &nowhere]);
    assert!(said.status == 1 && said.err.contains("cannot write") && said.err.contains("No such file"), "{}", said.err);
    assert!(import(&[&hosts, "--force"]).err.contains("--output <FILE>"));
}

#[test]
fn standard_input_is_a_file_like_others() {
    for (format, files, endpoints) in FORMATS.iter().filter(|(_, files, _)| files.len() == 1) {
        let text = fs::read(fixture(files[0])).expect("a fixture");
        let said = piped(&text, &[]);
        assert_eq!(said.status, 0, "{format}: {}", said.err);
        assert!(said.err.contains(&format!("{endpoints} endpoints and ")), "{format}: {}", said.err);
        assert!(said.out.starts_with("# The inventory, made by `certvigil import` from standard input.\n"), "{}", said.out);
    }
    let marked = piped(b"\xef\xbb\xbfa.example\r\nb.example\r\n", &[]);
    assert!(marked.out.ends_with("\nendpoints:\n  - a.example\n  - b.example\n"), "{}", marked.out);
    let latin = piped(b"a.example\n# caf\xe9\n", &[]);
    assert!(latin.status == 1 && latin.err.contains("standard input: is not UTF-8; save the file in UTF-8"), "{}", latin.err);
}

#[test]
fn what_is_too_large_is_refused_before_it_is_read() {
    let endless = import(&["/dev/zero"]);
    assert!(endless.status == 1 && endless.err.contains("/dev/zero: is larger than 64 MB"), "{}", endless.err);
    let output = command(&["import", "-"]).stdin(File::open("/dev/zero").expect("is there")).output().expect("the program runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("standard input is larger than 64 MB; import it in parts"), "{told}");
}

#[test]
fn a_truncated_file_is_told_with_its_line() {
    // The last line of each lacks its end: no list, no mapping, no quote is closed.
    for (format, text, line) in [
        ("prometheus", "scrape_configs:\n  - job_name: probes\n    static_configs: [{targets: [\"a.exa", 3),
        ("ssl_exporter", "modules:\n  https: {prober: https, timeout", 2),
        ("gatus", "endpoints:\n  - name: a\n    url: \"https://a.exam", 3),
        ("uptime-kuma", "{\n  \"monitorList\": [\n    {\"id\": 1, \"name\": \"a\", \"type\": \"ht", 3),
    ] {
        for arguments in [&[][..], &["--from", format]] {
            let said = piped(text.as_bytes(), arguments);
            assert_eq!((said.status, &*said.out), (1, ""), "{format}: {}", said.err);
            let place = said.err.split("standard input:").nth(1).and_then(|rest| rest.split(':').next()).unwrap_or_default();
            let told: usize = place.parse().unwrap_or_else(|_| panic!("{format}: no line in {}", said.err));
            // Where a parser sees that something is missing: at the place that was opened, or at the end.
            assert!((line..=line + 1).contains(&told), "{format}: {}", said.err);
            assert!(said.err.contains("check the indentation, the quotes and the brackets there"), "{format}: {}", said.err);
        }
    }
}

#[test]
fn a_value_of_the_wrong_type_is_told_with_its_line() {
    for (text, expected) in [
        ("# jobs\nscrape_configs: 7\n", "standard input:2: scrape_configs is no list; left out"),
        ("scrape_configs:\n  - 7\n", "standard input:2: scrape_configs holds something that is no mapping; left out"),
        (
            "scrape_configs:\n  - job_name: j\n    params: {target: [a]}\n    static_configs: {targets: [a]}\n",
            "standard input:4: static_configs is no list; left out",
        ),
        (
            "scrape_configs:\n  - job_name: j\n    params: {target: [a]}\n    static_configs:\n      - targets: a.example\n",
            "standard input:5: targets is no list; left out",
        ),
        (
            "groups:\n  - rules: [{alert: a, expr: up}]\n  - 7\n",
            "standard input:3: groups holds something that is no mapping; left out",
        ),
        (
            "endpoints:\n  - {name: a, url: [1]}\n  - {name: b, url: 7}\n",
            "standard input:3: \"b\": its url has no scheme; left out",
        ),
        ("endpoints:\n  - {name: a, url: [1]}\n", "standard input:2: \"a\": has no url; left out"),
        (
            "{\"monitorList\": [\n{\"name\": \"a\", \"type\": \"http\", \"url\": {\"x\": 1}}]}",
            "standard input:2: the monitor \"a\" has no url; left out",
        ),
        (
            "{\"monitorList\": [\n{\"name\": \"a\", \"type\": \"port\", \"hostname\": \"a.example\", \"port\": 99999999999999999999}]}",
            "standard input:2: the monitor \"a\" connects by TCP:99999999999999999999 without TLS; left out",
        ),
    ] {
        let said = piped(text.as_bytes(), &[]);
        assert_eq!((said.status, &*said.out), (1, ""), "{text}: {}", said.err);
        assert!(said.err.contains(expected), "{text}: {}", said.err);
        assert!(said.err.contains("there is no endpoint with a certificate in these files"), "{text}: {}", said.err);
    }
}

#[test]
fn a_sentence_is_no_host() {
    let text = "a.example\nnot a host!\nthe old server\nweb1 ansible_host=192.0.2.7\nweb2 8443\nb.example has words\n- web3\n\"web4\",the fourth\n";
    let said = piped(text.as_bytes(), &[]);
    assert!(said.err.contains("standard input:2: \"not a host!\" is a sentence and no host; left out\n"), "{}", said.err);
    assert!(said.err.contains("standard input:3: \"the old server\" is a sentence and no host; left out\n"), "{}", said.err);
    assert!(said.err.contains("standard input:6: b.example: \"has words\" means nothing here; left out\n"), "{}", said.err);
    let endpoints = said.out.split("\nendpoints:\n").nth(1);
    assert_eq!(endpoints, Some("  - a.example\n  - web1\n  - web2:8443\n  - b.example\n  - web3\n  - web4\n"));

    let said = piped(b"not a host!\nnor this one\n", &[]);
    assert!(
        said.status == 1 && said.err.contains("is nothing that can be imported; name its format with --from"),
        "{}",
        said.err
    );
}

/// Numbers beyond all measure are neither believed nor waited for.
#[test]
fn immense_claims_cost_nothing() {
    let relabelled = |step: &str| {
        format!(
            "scrape_configs:\n  - job_name: j\n    metrics_path: /probe\n    params: {{module: [tls_connect]}}\n    \
             scrape_interval: 999999999999999999999h\n    static_configs: [{{targets: [\"a.example:443\"]}}]\n    relabel_configs:\n      \
             - {{source_labels: [__address__], target_label: __param_target}}\n      - {step}\n"
        )
    };
    for (text, expected) in [
        (relabelled("{regex: \"((a{1000}){1000}){1000}\"}"), "cannot be read; this step is left out"),
        (relabelled("{action: hashmod, modulus: 1e999}"), "the targets are sharded by hashmod; those of all shards are taken"),
        (
            "endpoints:\n  - name: a\n    url: https://a.example\n    interval: 99999999999999999999999999h\n    \
             client: {timeout: 1e300s}\n    conditions: [\"[CERTIFICATE_EXPIRATION] > 99999999999999999999h\"]\n"
                .to_owned(),
            "cannot be read; set `expiry` by hand",
        ),
        (
            "{\"monitorList\": [{\"name\": \"a\", \"type\": \"http\", \"url\": \"https://a.example\", \"interval\": 1e308},\n\
             {\"name\": \"b\", \"type\": \"http\", \"url\": \"https://b.example:1000000000\"}]}"
                .to_owned(),
            "standard input:2: the monitor \"b\" \"1000000000\" is no port",
        ),
        (
            format!("a.example\nb.example:1000000000\n{}.example\n", "x".repeat(1_000_000)),
            "standard input:2: \"1000000000\" is no port",
        ),
    ] {
        let said = piped(text.as_bytes(), &[]);
        assert_eq!(said.status, 0, "{}", said.err);
        assert!(said.err.contains(expected), "{}", said.err);
        assert!(said.out.len() < 2_000 && said.err.len() < 5_000, "{}{}", said.out, said.err);
        assert!(!said.out.contains("interval:") && !said.out.contains("timeout:"), "{}", said.out);
    }
}

/// What a stranger wrote reaches neither the terminal nor the configuration as it is.
#[test]
fn hostile_strings_are_shown_printable() {
    let hostile = "a\\u001b[31m\\u202e\\n# x: {y}\\u0000\\\" '";
    let job = format!(
        "{{\"scrape_configs\": [{{\"job_name\": \"{hostile}\", \"params\": {{\"module\": [\"{hostile}\"]}}, \
         \"static_configs\": [{{\"targets\": [\"a.example:443\", \"{hostile}\"], \"labels\": {{\"{hostile}\": \"{hostile}\"}}}}], \
         \"relabel_configs\": [{{\"source_labels\": [\"__address__\"], \"target_label\": \"__param_target\"}}]}}]}}"
    );
    let modules = format!(
        "{{\"modules\": {{\"{hostile}\": {{\"prober\": \"https\", \"target\": \"{hostile}\"}}, \"b\": {{\"prober\": \"https\", \"target\": \"https://b.example\"}}}}}}"
    );
    let gatus = format!(
        "{{\"endpoints\": [{{\"name\": \"{hostile}\", \"group\": \"{hostile}\", \"url\": \"https://a.example\", \
         \"extra-labels\": {{\"{hostile}\": \"{hostile}\"}}}}, {{\"name\": \"{hostile}\", \"url\": \"{hostile}://{hostile}\"}}], \
         \"alerting\": {{\"{hostile}\": {{}}, \"email\": {{\"host\": \"{hostile}\", \"from\": \"{hostile}\", \"to\": \"{hostile}\"}}}}}}"
    );
    let kuma = format!(
        "{{\"monitorList\": [{{\"name\": \"{hostile}\", \"type\": \"http\", \"url\": \"https://a.example\", \
         \"tags\": [{{\"name\": \"{hostile}\", \"value\": \"{hostile}\"}}]}}, {{\"name\": \"{hostile}\", \"type\": \"{hostile}\"}}], \
         \"notificationList\": [{{\"id\": 1, \"name\": \"{hostile}\", \"config\": \"{{}}\"}}]}}"
    );
    let hosts = "[\u{1b}[31m]\na.example\nb.example \u{1b}]0;x\u{7} \u{202e}\n\u{1b}[2Jc.example\n".to_owned();
    let scratch = Scratch::new();
    for (format, text) in
        [("prometheus", job), ("ssl_exporter", modules), ("gatus", gatus), ("uptime-kuma", kuma), ("hosts", hosts)]
    {
        let said = piped(text.as_bytes(), &["--from", format]);
        assert_eq!(said.status, 0, "{format}: {}", said.err);
        for shown in [&said.out, &said.err] {
            assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}', '\0']), "{format}: {shown:?}");
            assert!(!shown.contains("\n# x"), "{format}: {shown}");
        }
        let config = scratch.file("certvigil.yaml", &said.out).display().to_string();
        let checked = certvigil(&["validate", "--config", &config]);
        assert_eq!(checked.status, 0, "{format}: {}{}", checked.err, said.out);
    }
}
