use std::{collections::BTreeSet, io::Read as _};

use super::*;
use crate::{
    certificate::Fingerprint,
    diagnosis::ChainStatus,
    monitor::{EndpointView, Renewal},
    web::{
        hostile::{Series, parse},
        sample::{self, HOSTILE, saw},
    },
};

fn rendered(snapshot: Snapshot) -> String {
    scrape(Arc::new(snapshot), &OwnMetrics::new(), Format::Text).collect()
}

/// The series of this name with these labels among theirs, as `value`s.
fn values(all: &[Series], name: &str, labels: &[(&str, &str)]) -> Vec<String> {
    let has = |series: &Series| labels.iter().all(|(k, v)| series.labels.contains(&((*k).to_owned(), (*v).to_owned())));
    all.iter().filter(|series| series.name == name && has(series)).map(|series| series.value.clone()).collect()
}

#[test]
fn a_small_snapshot_word_by_word() {
    let text = rendered(sample::small());
    // What differs from run to run, or from version to version, is looked at elsewhere.
    let moving = ["# ", "process_", "certvigil_probe_duration_seconds", "certvigil_build_info"];
    let fixed = text.lines().filter(|line| !moving.iter().any(|start| line.starts_with(start)));
    let wanted: Vec<_> = include_str!("small.prom").lines().collect();
    assert_eq!(fixed.collect::<Vec<_>>(), wanted);
}

#[test]
fn no_series_comes_twice_and_every_line_can_be_read() {
    let all = parse(&rendered(sample::fleet()));
    let unique: BTreeSet<_> = all.iter().map(|series| (&series.name, &series.labels)).collect();
    assert_eq!(unique.len(), all.len());
    let evil = values(&all, "certvigil_endpoint_info", &[("endpoint", HOSTILE), ("label_a_b", "1"), ("label_a_b_2", "2")]);
    assert_eq!(evil, ["1"], "the text that was put in comes out");
}

#[test]
fn when_an_endpoint_usually_renews_is_there_once_it_is_known() {
    let chain = sample::chain("a", 2026, 4, 1);
    let seen = sample::address(Some(saw("192.0.2.1", &chain, ChainStatus::Complete, 0, Vec::new())), None);
    let mut view = EndpointView::clone(&sample::endpoint("a", "a.example", &[], vec![seen]));
    let moment = |text: &str| text.parse().expect("a moment");
    let [at, not_before, not_after] = ["2025-12-02T00:00:00Z", "2025-10-03T00:00:00Z", "2026-01-01T00:00:00Z"].map(moment);
    let renewal = |octet| Renewal::new(&Fingerprint([octet; 32]), at, not_before, not_after);
    let mut usual = |renewals| {
        view.renewals = renewals;
        let all = parse(&rendered(sample::snapshot(vec![Arc::new(view.clone())])));
        values(&all, "certvigil_endpoint_usual_renewal_seconds", &[("endpoint", "a")])
    };
    assert!(usual(vec![renewal(1)]).is_empty());
    assert_eq!(usual(vec![renewal(1), renewal(2)]), ["2592000"]);
}

#[test]
fn strangers_texts_are_tamed() {
    let all = parse(&rendered(sample::fleet()));
    for (label, text) in all.iter().filter(|s| s.name == "certvigil_certificate_info").flat_map(|s| &s.labels) {
        assert!(label == "endpoint" || !text.contains(['\n', '\u{202e}']), "{label}={text:?}");
        assert!(text.chars().count() <= 200, "{label}={text:?}");
    }
    let positions: BTreeSet<_> = values_of(&all, "long", "position");
    assert_eq!(positions.len(), 10);
    assert_eq!(values(&all, "certvigil_scrape_cut", &[("what", "certificate")]), ["31"], "41 were sent, and it says so");
}

fn values_of(all: &[Series], endpoint: &str, label: &str) -> BTreeSet<String> {
    let of = all.iter().filter(|s| s.labels.contains(&("endpoint".into(), endpoint.into())));
    of.flat_map(|s| &s.labels).filter(|(name, _)| name == label).map(|(_, value)| value.clone()).collect()
}

#[test]
fn a_failed_visit_leaves_the_last_certificate_in_place() {
    let all = parse(&rendered(sample::fleet()));
    let down = |name: &str| values(&all, name, &[("endpoint", "down"), ("address", "192.0.2.3")]);
    assert_eq!(down("certvigil_probe_success"), ["0"]);
    assert_eq!(down("certvigil_verify_code"), ["0"]);
    assert_eq!(down("certvigil_chain_complete"), ["1"]);
    assert_eq!(down("certvigil_certificate_not_after_timestamp_seconds").len(), 2);
    let failure = [("endpoint", "down"), ("stage", "connect"), ("kind", "timeout")];
    assert_eq!(values(&all, "certvigil_probe_failure", &failure), ["1"]);
    assert_eq!(values(&all, "certvigil_finding", &[("endpoint", "down"), ("code", "unreachable"), ("fault", "network")]), ["3"]);
    assert_eq!(values(&all, "certvigil_endpoint_severity", &[("endpoint", "down")]), ["4"], "as `check` has it");
}

#[test]
fn an_unresolved_name_has_an_empty_address_and_no_verdict() {
    let all = parse(&rendered(sample::fleet()));
    let gone = |name: &str| values(&all, name, &[("endpoint", "gone"), ("address", "")]);
    assert_eq!(gone("certvigil_probe_success"), ["0"]);
    assert_eq!(gone("certvigil_chain_status"), ["1"]);
    assert_eq!(values(&all, "certvigil_chain_status", &[("endpoint", "gone"), ("status", "none")]), ["1"]);
    for absent in ["certvigil_verify_code", "certvigil_chain_complete", "certvigil_last_success_timestamp_seconds"] {
        assert_eq!(gone(absent), [""; 0], "{absent}");
    }
    assert_eq!(values(&all, "certvigil_endpoint_addresses", &[("endpoint", "gone")]), ["0"]);
    assert_eq!(values(&all, "certvigil_endpoint_severity", &[("endpoint", "new")]), ["4"], "not visited yet");
}

#[test]
fn findings_are_merged_accepted_and_escalate_in_place() {
    let all = parse(&rendered(sample::fleet()));
    assert_eq!(values(&all, "certvigil_finding", &[("endpoint", HOSTILE), ("code", "weak_key")]), ["3"], "two keys, one series");
    assert_eq!(values(&all, "certvigil_finding", &[("endpoint", HOSTILE), ("code", "self_signed")]), ["1"], "accepted");
    assert_eq!(values(&all, "certvigil_verify_code", &[("endpoint", HOSTILE), ("address", "2001:db8::5")]), ["18"]);
}

#[test]
fn every_address_has_exactly_one_chain_status() {
    let all = parse(&rendered(sample::fleet()));
    let pairs: Vec<_> = all
        .iter()
        .filter(|s| s.name == "certvigil_chain_status")
        .map(|s| s.labels.iter().filter(|(name, _)| name != "status").cloned().collect::<Vec<_>>())
        .collect();
    assert_eq!(pairs.len(), 9);
    assert_eq!(pairs.iter().collect::<BTreeSet<_>>().len(), 9);
}

#[test]
fn the_daemon_tells_of_itself() {
    let all = parse(&rendered(sample::fleet()));
    assert_eq!(values(&all, "certvigil_incident_open", &[]), ["1", "1", "1"], "the suspected one is not open");
    assert_eq!(values(&all, "certvigil_incident_open", &[("code", "expires_soon"), ("severity", "critical")]), ["1"]);
    assert_eq!(values(&all, "certvigil_silences", &[]), ["1"]);
    assert_eq!(values(&all, "certvigil_acknowledged_incidents", &[]), ["1"]);
    let silenced = values(&all, "certvigil_silenced_until_timestamp_seconds", &[("endpoint", HOSTILE), ("code", "weak_key")]);
    assert_eq!(silenced.len(), 1);
    assert_eq!(values(&all, "certvigil_mails_total", &[]).len(), 24);
    assert_eq!(values(&all, "certvigil_mails_total", &[("kind", "expiry"), ("result", "delivered")]), ["3"]);
    assert_eq!(values(&all, "certvigil_notifications_total", &[("channel", "hook"), ("result", "refused")]).len(), 8);
    let refused = [("channel", "hook"), ("kind", "chain"), ("result", "refused")];
    assert_eq!(values(&all, "certvigil_notifications_total", &refused), ["2"]);
    assert_eq!(values(&all, "certvigil_outbox_length", &[]), ["1"]);
    assert_eq!(values(&all, "certvigil_config_last_reload_successful", &[]), ["0"]);
    assert_eq!(values(&all, "certvigil_troubles", &[]), ["2"]);
    assert_eq!(values(&all, "certvigil_schedule_lag_seconds_bucket", &[("le", "0.1")]), ["0"]);
    assert_eq!(values(&all, "certvigil_schedule_lag_seconds_bucket", &[("le", "+Inf")]), ["1"]);
    assert_eq!(values(&all, "certvigil_schedule_lag_seconds_sum", &[]), ["0.5"]);
    let text = rendered(sample::fleet());
    assert!(!text.contains("secret-owner"), "no mail address of ours");
    let quiet = parse(&rendered(sample::small()));
    assert_eq!(values(&quiet, "certvigil_outbox_oldest_timestamp_seconds", &[]), ["0"]);
}

#[test]
fn a_large_fleet_is_rendered_in_bounded_chunks() {
    let snapshot = Arc::new(sample::large(5000));
    let lengths = scrape(snapshot, &OwnMetrics::new(), Format::Text).chunk_lengths();
    let whole: usize = lengths.iter().sum();
    assert!(whole > 10_000_000, "{whole}");
    let longest = lengths.iter().max().copied().unwrap_or_default();
    assert!(longest < crate::web::body::CHUNK + 16 * 1024, "{longest}");
}

#[test]
fn what_strangers_send_without_end_is_cut_and_counted() {
    let long = saw("192.0.2.1", &sample::chain(&"x".repeat(60_000), 2027, 1, 1), ChainStatus::Complete, 0, Vec::new());
    let many = |i: u8| {
        let known = saw(&format!("192.0.2.{i}"), &sample::chain("a.example", 2027, 1, 1), ChainStatus::Complete, 0, Vec::new());
        sample::address(Some(known), None)
    };
    let all = parse(&rendered(sample::snapshot(vec![
        sample::endpoint("long", "long.example", &[], vec![sample::address(Some(long), None)]),
        sample::endpoint("many", "many.example", &[], (0..40).map(many).collect()),
    ])));
    assert_eq!(values(&all, "certvigil_probe_success", &[("endpoint", "many")]).len(), 32);
    assert_eq!(values(&all, "certvigil_endpoint_addresses", &[("endpoint", "many")]), ["40"]);
    let cut = |what| values(&all, "certvigil_scrape_cut", &[("what", what)]);
    assert_eq!((cut("address"), cut("certificate"), cut("text")), (vec!["8".into()], vec!["0".into()], vec!["1".into()]));
}

#[test]
fn openmetrics_says_the_same_in_its_own_form() {
    let open = scrape(Arc::new(sample::fleet()), &OwnMetrics::new(), Format::OpenMetrics).collect();
    let mut families: Vec<_> = open.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    for family in ["certvigil_mails counter", "process_cpu_seconds counter", "certvigil_endpoint info", "certvigil_build info"] {
        assert!(families.contains(&family), "{family} in {families:?}");
    }
    families.sort_unstable();
    families.dedup();
    assert_eq!(open.matches("# TYPE ").count(), families.len());
    assert!(open.contains("certvigil_mails_total{kind=\"expiry\",result=\"delivered\"} 3\n"), "{open}");
    assert!(open.contains("certvigil_schedule_lag_seconds_bucket{le=\"1.0\"} 1\n"), "{open}");
    assert!(open.contains("# UNIT certvigil_schedule_lag_seconds seconds\n") && open.ends_with("\n# EOF\n"), "{open}");
    let names = |text: &str| parse(text).into_iter().map(|series| series.name).collect::<Vec<_>>();
    assert_eq!(names(&open), names(&rendered(sample::fleet())));
}

#[test]
fn a_compressed_scrape_is_the_same_scrape() {
    let snapshot = Arc::new(sample::large(500));
    let stream = || scrape(Arc::clone(&snapshot), &OwnMetrics::new(), Format::OpenMetrics);
    let packed: Vec<u8> = stream().gzip().chunks().flatten().collect();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).expect("gzip");
    // What moves between two readings of /proc is not compared.
    let still = |text: &str| text.lines().filter(|line| !line.starts_with("process_")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(still(&text), still(&stream().collect()));
    assert!(packed.len() * 8 < text.len(), "{} of {}", packed.len(), text.len());
}

/// Name and labels of everything that is emitted, for the test of what we ship.
pub(in crate::web) fn series() -> Vec<(String, Vec<String>)> {
    let both = parse(&rendered(sample::fleet())).into_iter().chain(parse(&rendered(sample::small())));
    both.map(|series| (series.name, series.labels.into_iter().map(|(label, _)| label).collect())).collect()
}
