use std::collections::BTreeMap;

use super::*;
use crate::{
    diagnosis::{ChainStatus, Finding, Trust},
    web::{
        hostile::{Series, parse},
        sample::{self, HOSTILE, failed, saw},
    },
};

fn find(snapshot: &Snapshot, query: &str) -> Result<Probe, Refusal> {
    Asked::read(query)?.known(snapshot)
}

/// The answer, by name; a series of labels by their texts.
fn asked(snapshot: &Snapshot, query: &str) -> BTreeMap<String, Vec<Series>> {
    let probe = find(snapshot, query).expect("an answer");
    let mut all: BTreeMap<String, Vec<Series>> = BTreeMap::new();
    for series in parse(&probe.render(Format::Text)) {
        all.entry(series.name.clone()).or_default().push(series);
    }
    let open = parse(&probe.render(Format::OpenMetrics));
    assert_eq!(open.len(), all.values().map(Vec::len).sum::<usize>(), "both formats say the same");
    all
}

fn value<'a>(all: &'a BTreeMap<String, Vec<Series>>, name: &str) -> &'a str {
    all.get(name).map_or("", |series| &series[0].value)
}

fn label<'a>(series: &'a Series, name: &str) -> &'a str {
    series.labels.iter().find(|(label, _)| label == name).map_or("no such label", |(_, text)| text)
}

#[test]
fn a_sound_endpoint_in_the_words_of_blackbox() {
    let all = asked(&sample::fleet(), "target=https://shop.example&module=http_2xx");
    for (name, wanted) in [
        ("probe_success", "1"),
        ("probe_duration_seconds", "0.003"),
        ("probe_dns_lookup_time_seconds", "0"),
        ("probe_ip_protocol", "4"),
        ("probe_failed_due_to_regex", "0"),
        ("probe_visit_timestamp_seconds", "1795340520"),
        ("probe_ssl_earliest_cert_expiry", "1799712000"),
    ] {
        assert_eq!(value(&all, name), wanted, "{name}");
    }
    let leaf = &all["probe_ssl_last_chain_info"][0];
    assert_eq!((label(leaf, "subject"), label(leaf, "issuer")), ("CN=shop.example", "CN=Sample CA 1"));
    assert_eq!((label(leaf, "subjectalternative"), label(leaf, "serialnumber")), ("a.example", "a0b"));
    assert_eq!(label(leaf, "fingerprint_sha256"), "aa".repeat(32));
    assert_eq!(label(&all["probe_tls_version_info"][0], "version"), "TLS 1.3");
    assert_eq!(label(&all["probe_tls_cipher_info"][0], "cipher"), "TLS_AES_256_GCM_SHA384");
}

#[test]
fn the_verified_path_is_told_where_there_is_one() {
    let chain = sample::chain("a.example", 2027, 1, 12);
    let good = saw("192.0.2.1", &chain, ChainStatus::Complete, 0, Vec::new());
    let mut view = (*sample::endpoint("a", "a.example", &[], vec![sample::address(Some(good), None)])).clone();
    let mut watch = (*view.watch).clone();
    watch.trust = Arc::new(Trust::new([Arc::clone(&chain.rest[0])]));
    view.watch = Arc::new(watch);
    let snapshot = sample::snapshot(vec![Arc::new(view)]);
    assert_eq!(value(&asked(&snapshot, "target=a"), "probe_ssl_last_chain_expiry_timestamp_seconds"), "1799712000");
    let verified = &asked(&snapshot, "target=a&format=ssl_exporter")["ssl_verified_cert_not_after"];
    assert_eq!(verified.iter().map(|one| label(one, "cn")).collect::<Vec<_>>(), ["a.example", "Sample CA 1"]);
    assert!(verified.iter().all(|one| label(one, "chain_no") == "0"));
    // It verifies nothing where nothing is trusted.
    assert_eq!(value(&asked(&sample::fleet(), "target=shop"), "probe_ssl_last_chain_expiry_timestamp_seconds"), "");
}

#[test]
fn a_sound_endpoint_in_the_words_of_ssl_exporter() {
    let all = asked(&sample::fleet(), "target=shop.example:443&format=ssl_exporter");
    assert_eq!(value(&all, "ssl_probe_success"), "1");
    assert_eq!(label(&all["ssl_prober"][0], "prober"), "https");
    assert_eq!(label(&all["ssl_tls_version_info"][0], "version"), "TLS 1.3");
    let presented = &all["ssl_cert_not_after"];
    assert_eq!(presented.iter().map(|one| &*one.value).collect::<Vec<_>>(), ["1799712000", "1893456000"]);
    let leaf = &presented[0];
    let labels = ["serial_no", "issuer_cn", "cn", "dnsnames", "ips", "emails", "ou"].map(|name| label(leaf, name));
    assert_eq!(labels, ["2571", "Sample CA 1", "shop.example", ",a.example,", "", "", ""]);
    assert_eq!(all["ssl_cert_not_before"].len(), 2);
    assert!(!all.contains_key("ssl_verified_cert_not_after") && !all.contains_key("ssl_ocsp_response_stapled"), "{all:?}");
}

#[test]
fn the_certificate_stays_while_it_does_not_verify_or_visits_fail() {
    let fleet = sample::fleet();
    let broken = asked(&fleet, "target=submission://mail.example");
    assert_eq!(value(&broken, "probe_success"), "0", "the worst of its addresses");
    assert_eq!(value(&broken, "probe_ssl_earliest_cert_expiry"), "1795737600");
    let down = asked(&fleet, "target=down");
    assert_eq!((value(&down, "probe_success"), value(&down, "probe_ssl_earliest_cert_expiry")), ("0", "1799712000"));
    let gone = asked(&fleet, "target=gone&format=ssl_exporter");
    assert_eq!(value(&gone, "ssl_probe_success"), "0");
    assert!(!gone.contains_key("ssl_cert_not_after"));
}

#[test]
fn what_is_accepted_is_a_success() {
    let chain = sample::chain("a.example", 2027, 1, 1);
    let mut seen =
        (*saw("192.0.2.1", &chain, ChainStatus::SelfSigned, 18, vec![Finding::SelfSigned { subject: "a".into() }])).clone();
    let of = |seen: &Judged| {
        let address = sample::address(Some(Arc::new(seen.clone())), None);
        let snapshot = sample::snapshot(vec![sample::endpoint("a", "a.example", &[], vec![address])]);
        value(&asked(&snapshot, "target=a"), "probe_success").to_owned()
    };
    assert_eq!(of(&seen), "0");
    Arc::make_mut(&mut seen.diagnosis).findings[0].accepted = true;
    assert_eq!(of(&seen), "1");
}

#[test]
fn only_the_inventory_is_answered_for() {
    let found = |snapshot: &Snapshot, query: &str| find(snapshot, query).map(|probe| probe.view.watch.endpoint.name.to_string());
    let fleet = sample::fleet();
    for target in ["shop", "shop.example", "shop.example:443", "https%3A%2F%2FSHOP.example%2Fpath%3Fx", "tls://shop.example"] {
        assert_eq!(found(&fleet, &format!("module=x&target={target}")), Ok("shop".into()), "{target}");
    }
    for target in ["shop.example:8443", "other.example", "127.0.0.1:22", "%00", "ftp://shop.example"] {
        assert_eq!(found(&fleet, &format!("target={target}")), Err(Refusal::Stranger), "{target}");
    }
    assert_eq!(found(&fleet, "target=new"), Err(Refusal::NotYet));
    for unclear in ["", "target=", "module=http_2xx", "target=shop&format=json"] {
        assert!(matches!(found(&fleet, unclear), Err(Refusal::Unclear(_))), "{unclear}");
    }
}

#[test]
fn of_several_at_one_place_the_one_that_is_asked_by_the_name() {
    let at = |name: &str, server_name: &str| {
        let gone =
            failed(Some("192.0.2.1"), crate::observation::Stage::Connect, crate::observation::FailureKind::Timeout, "no answer");
        let mut view = (*sample::endpoint(name, "lb.example", &[], vec![sample::address(None, Some(gone))])).clone();
        let mut watch = (*view.watch).clone();
        watch.endpoint.server_name = server_name.parse().expect("a name");
        view.watch = Arc::new(watch);
        Arc::new(view)
    };
    let snapshot = sample::snapshot(vec![at("one", "one.example"), at("two", "two.example"), at("lb", "lb.example")]);
    let found = |query: &str| find(&snapshot, query).map(|probe| probe.view.watch.endpoint.name.to_string());
    assert_eq!(found("target=lb.example:443&hostname=two.example"), Ok("two".into()));
    assert_eq!(found("target=lb.example:443"), Ok("lb".into()));
    assert_eq!(found("target=lb.example:443&hostname=three.example"), Err(Refusal::Stranger));
}

#[test]
fn hostile_texts_stay_in_their_labels() {
    let fleet = sample::fleet();
    let evil: String = form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect();
    for format in ["blackbox", "ssl_exporter"] {
        for series in asked(&fleet, &format!("target={evil}&format={format}")).into_values().flatten() {
            for (label, text) in &series.labels {
                assert!(text.chars().count() <= 200 && !text.contains(['\n', '\u{202e}']), "{label}={text}");
            }
        }
        let long = asked(&fleet, &format!("target=long&format={format}"));
        assert!(long.values().all(|series| series.len() <= 10), "{long:?}");
    }
}

#[test]
fn a_stranger_is_where_the_target_says() {
    let place = |query: &str| Asked::read(query).and_then(|asked| asked.place()).map(|(target, name)| format!("{target} {name}"));
    assert_eq!(place("target=a.example"), Ok("a.example:443 a.example".into()));
    assert_eq!(place("target=smtp%3A%2F%2F192.0.2.1&hostname=mail.example"), Ok("smtp://192.0.2.1:25 mail.example".into()));
    for unclear in
        ["target=%00", "target=gopher%3A%2F%2Fa.example", "target=a%20b", "target=a.example:99999", "target=u@a.example"]
    {
        assert!(matches!(place(unclear), Err(Refusal::Unclear(words)) if words.ends_with('\n')), "{unclear}");
    }
}
