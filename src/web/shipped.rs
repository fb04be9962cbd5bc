//! What we ship for Prometheus and Grafana speaks of series that exist.

use std::collections::BTreeSet;

use serde_json::Value;

use super::metrics::tests::series;

const DASHBOARDS: [&str; 3] = [
    include_str!("../../grafana/fleet.json"),
    include_str!("../../grafana/endpoint.json"),
    include_str!("../../grafana/daemon.json"),
];
const RULES: &str = include_str!("../../grafana/alerts.yml");
const RULES_TEST: &str = include_str!("../../grafana/alerts_test.yml");

/// Every word of `text` that starts like one of our metrics.
fn named(text: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words = text.split(|c| !is_word(c));
    words.filter(|word| word.starts_with("certvigil_") || word.starts_with("process_")).map(str::to_owned).collect()
}

/// Those of `names` that no scrape has.
fn strangers(names: BTreeSet<String>) -> Vec<String> {
    let emitted: BTreeSet<String> = series().into_iter().map(|(name, _)| name).collect();
    names.into_iter().filter(|name| !emitted.contains(name)).collect()
}

#[test]
fn every_metric_that_we_name_is_emitted() {
    let of_dashboards: BTreeSet<_> = DASHBOARDS.into_iter().flat_map(named).collect();
    assert!(of_dashboards.len() > 30 && named(RULES).len() > 10, "the scan finds names");
    assert_eq!(strangers(of_dashboards), [""; 0]);
    assert_eq!(strangers(named(RULES)), [""; 0]);
    assert_eq!(strangers(named(RULES_TEST)), [""; 0]);
    let seeded = "sum by (code) (rate(certvigil_misnamed_total{x=\"certvigil_verify_code\"}[5m]))";
    assert_eq!(strangers(named(seeded)), ["certvigil_misnamed_total"], "and the test can fail");
}

#[test]
fn every_promised_metric_is_emitted() {
    let promised = "certvigil_probe_success certvigil_verify_code certvigil_chain_complete certvigil_chain_status \
        certvigil_certificate_not_after_timestamp_seconds certvigil_certificate_not_before_timestamp_seconds \
        certvigil_certificate_info certvigil_finding certvigil_incident_open certvigil_probe_failure certvigil_tls_info \
        certvigil_last_probe_timestamp_seconds certvigil_last_success_timestamp_seconds \
        certvigil_endpoint_not_after_timestamp_seconds certvigil_endpoint_severity certvigil_endpoint_addresses \
        certvigil_endpoint_info certvigil_probe_duration_seconds_bucket certvigil_mails_total certvigil_outbox_length \
        certvigil_outbox_oldest_timestamp_seconds certvigil_config_last_reload_successful \
        certvigil_config_last_reload_success_timestamp_seconds certvigil_build_info certvigil_last_proof_timestamp_seconds certvigil_schedule_lag_seconds_bucket \
        process_start_time_seconds process_resident_memory_bytes";
    assert_eq!(strangers(named(promised)), [""; 0]);
}

#[test]
fn every_alert_has_its_section_in_the_runbook() {
    let runbook = include_str!("../../docs/operating.md");
    let alerts: Vec<_> = RULES.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 10, "{alerts:?}");
    let sections: Vec<_> = runbook.lines().filter_map(|line| line.strip_prefix("### Certvigil")).collect();
    assert_eq!(
        sections,
        alerts.iter().map(|alert| &alert["Certvigil".len()..]).collect::<Vec<_>>(),
        "one a section, in their order"
    );
    for alert in alerts {
        let link = format!("/blob/main/docs/operating.md#{}\n", alert.to_lowercase());
        let of_rule = RULES.split_once(&format!("- alert: {alert}\n")).expect("it was found there").1;
        let url = of_rule.split_once("runbook_url: ").expect("a link").1;
        assert!(url.starts_with(&format!("{}{link}", env!("CARGO_PKG_REPOSITORY"))), "{alert}");
    }
}

/// What stands between each `open` and the next `close`, split at commas.
fn between<'a>(text: &'a str, open: &str, close: &str) -> BTreeSet<&'a str> {
    let inner = text.split(open).skip(1).filter_map(|rest| Some(rest.split_once(close)?.0));
    inner.flat_map(|labels| labels.split(',')).map(str::trim).collect()
}

#[test]
fn every_label_that_we_group_by_is_there() {
    let mut labels: BTreeSet<String> = series().into_iter().flat_map(|(_, labels)| labels).collect();
    labels.extend(["job", "instance", "le"].map(str::to_owned));
    for text in DASHBOARDS.into_iter().chain([RULES]) {
        let grouped = between(text, "by (", ")").into_iter().chain(between(text, "on (", ")"));
        let legends = between(text, "{{", "}}").into_iter().chain(between(text, "$labels.", " }}"));
        // A comment of the rules shows how to join a label of one's own; what begins with a dollar is a variable.
        let is_ours = |label: &&str| *label != "label_team" && !label.starts_with('$');
        let used: Vec<&str> = grouped.chain(legends).filter(is_ours).collect();
        assert!(used.len() > 5, "{used:?}");
        for label in used {
            assert!(labels.contains(label), "no series has the label {label:?}");
        }
    }
}

#[test]
fn the_dashboards_are_whole() {
    let mut uids = BTreeSet::new();
    for text in DASHBOARDS {
        let dashboard: Value = serde_json::from_str(text).expect("JSON");
        let panels = dashboard["panels"].as_array().expect("panels");
        let ids: BTreeSet<u64> = panels.iter().filter_map(|panel| panel["id"].as_u64()).collect();
        assert_eq!(ids.len(), panels.len(), "every panel has an id of its own");
        for panel in panels.iter().filter(|panel| panel["type"] != "row") {
            let title = &panel["title"];
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
            let targets = panel["targets"].as_array().expect("targets");
            assert!(targets.iter().all(|target| target["expr"].as_str().is_some_and(|expr| !expr.is_empty())), "{title}");
        }
        let taken = |panel: &Value| {
            let at = |key: &str| panel["gridPos"][key].as_u64().expect("a position");
            (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y))).collect::<Vec<_>>()
        };
        let cells: Vec<_> = panels.iter().flat_map(taken).collect();
        assert_eq!(cells.iter().collect::<BTreeSet<_>>().len(), cells.len(), "no panel lies on another");
        assert!(cells.iter().all(|(x, _)| *x < 24), "none leaves the grid");
        uids.insert(dashboard["uid"].as_str().expect("a uid").to_owned());
    }
    assert_eq!(uids.len(), DASHBOARDS.len());
    for link in DASHBOARDS.into_iter().flat_map(|text| between(text, "\"url\": \"/d/", "?")) {
        assert!(uids.contains(link), "a link to the dashboard {link:?}");
    }
}
