use std::{fmt::Write as _, path::Path};

use super::{Format, Source, collect, settled};
use crate::config::{self, Environment};

macro_rules! fixture {
    ($name:literal) => {
        ($name, include_str!(concat!("../../../tests/fixtures/import/", $name)))
    };
}

/// What is told, then what is written, which is a sound configuration; or the error.
fn import(files: &[(&str, &str)], from: Option<Format>) -> String {
    let sources: Vec<_> = files.iter().map(|(name, text)| Source { name: (*name).into(), text: (*text).into() }).collect();
    let inventory = match collect(&sources, from) {
        Ok(inventory) => inventory,
        Err(error) => return format!("error: {error}"),
    };
    let mut out = String::new();
    for note in &inventory.notes {
        writeln!(out, "{note}").expect("a String takes all");
    }
    if inventory.found.is_empty() {
        return out + "nothing";
    }
    let names: Vec<_> = sources.iter().map(|source| source.name.clone()).collect();
    let rendered = settled(&inventory, &names, Path::new("out.yaml")).expect("sound");
    let loaded = config::parse(&rendered, Path::new("out.yaml"), &Environment::default()).expect("sound");
    assert_eq!(loaded.config.watches.len(), inventory.found.len());
    out + "---\n" + &rendered
}

#[test]
fn a_scrape_configuration_is_relabelled_as_prometheus_does_it() {
    let files = [fixture!("prometheus.yml"), fixture!("blackbox.yml"), fixture!("web-1.json"), fixture!("rules.yml")];
    insta::assert_snapshot!(import(&files, None));
}

#[test]
fn ssl_exporter_has_its_own_words() {
    insta::assert_snapshot!(import(&[fixture!("ssl_prometheus.yml"), fixture!("ssl_exporter.yml")], Some(Format::SslExporter)));
}

#[test]
fn a_list_of_hosts_is_read_line_by_line() {
    insta::assert_snapshot!(import(&[fixture!("hosts.txt")], None));
}

#[test]
fn gatus_gives_groups_owners_and_thresholds() {
    insta::assert_snapshot!(import(&[fixture!("gatus.yaml")], None));
}

#[test]
fn uptime_kuma_gives_groups_owners_and_tags() {
    insta::assert_snapshot!(import(&[fixture!("uptime-kuma.json")], None));
}

#[test]
fn no_secret_is_carried_over() {
    for file in [fixture!("gatus.yaml"), fixture!("uptime-kuma.json")] {
        assert!(file.1.contains("hunter2"));
        assert!(!import(&[file], None).contains("hunter2"));
    }
}

#[test]
fn what_is_not_recognised_is_told_with_its_remedy() {
    let told = |text: &str, from| import(&[("f", text)], from);
    assert_eq!(
        told("a: {b: 1}", None),
        "error: f: is nothing that can be imported; name its format with --from, or list its hosts in a file"
    );
    assert!(told("endpoints: [a.example]", None).starts_with("error: f: is a configuration of certvigil itself"));
    assert!(told("scrape_configs: [", None).starts_with("error: f:"), "{}", told("scrape_configs: [", None));
    assert_eq!(
        told("groups: 7", Some(Format::Gatus)),
        "error: f: is no configuration of gatus: it has no endpoints, each with a url; leave out --from to have it recognised"
    );
    assert_eq!(
        told("", None),
        "error: f: is nothing that can be imported; name its format with --from, or list its hosts in a file"
    );
    assert_eq!(told("scrape_configs: 7", None), "f:1: scrape_configs is no list; left out\nnothing");
    assert_eq!(told("scrape_configs: [7, [], {job_name: [x]}, null]", None).lines().last(), Some("nothing"));
}

#[test]
fn hostile_files_end_quickly_and_show_nothing_raw() {
    let mut bomb = String::from("a0: &a0 [x]\n");
    for level in 1..=30 {
        writeln!(bomb, "a{level}: &a{level} [{}]", vec![format!("*a{}", level - 1); 10].join(", ")).expect("a String takes all");
    }
    assert_eq!(
        import(&[("f", &bomb)], None),
        "error: f: holds more than 10000000 values once its aliases are followed; write out what the aliases repeat"
    );
    assert!(import(&[("f", &"[".repeat(100_000))], None).contains("nested more than 128 levels deep"));

    // Each step doubles the value; it is dropped long before it fills the memory.
    let steps = "      - {source_labels: [__param_target], target_label: __param_target, replacement: \"$1$1\"}\n".repeat(64);
    let growing = format!(
        "scrape_configs:\n  - job_name: j\n    static_configs: [{{targets: [a.example]}}]\n    relabel_configs:\n      \
         - {{source_labels: [__address__], target_label: __param_target}}\n{steps}"
    );
    let told = import(&[("f", &growing)], None);
    assert_eq!(told, "f:2: the relabelling of the job \"j\" drops 1 of its targets; left out here too\nnothing");

    let gatus = "endpoints:\n  - {name: \"a\\e[31m\\u202e\\n# x\", group: \"\\0\", url: 'https://a.example'}\n  \
                 - {name: \"\\e]0;x\\a\", url: \"icmp://\\e[2J\"}\n";
    let shown = import(&[("f", gatus)], None);
    assert!(!shown.contains(['\u{1b}', '\u{202e}', '\0']), "{shown}");
    assert_eq!(shown.matches("\n# x").count(), 0, "{shown}");
}
