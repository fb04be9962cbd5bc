//! Page, metrics and API are views of the same snapshot: they count the same.

use std::collections::BTreeMap;

use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, body::Bytes};
use serde_json::Value;

use super::{State, hostile::parse, routes, sample};
use crate::diagnosis::Status;

async fn get(state: &State, path: &str) -> String {
    let request = Request::get(path).body(Empty::<Bytes>::new()).expect("a request");
    let body = routes::answer(state, request).await.into_body().collect().await.map(|body| body.to_bytes().to_vec());
    String::from_utf8(body.unwrap_or_default()).expect("UTF-8")
}

/// What stands between the last of these words before `after` and it.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (head, _) = text.split_once(after).unwrap_or_else(|| panic!("{after} is not in {text}"));
    head.rsplit_once(before).map_or_else(|| panic!("{before} is not before {after}"), |(_, found)| found)
}

#[tokio::test]
async fn the_page_the_metrics_and_the_api_count_the_same() {
    let state = sample::state(sample::fleet());
    let (page, incidents) = (get(&state, "/").await, get(&state, "/incidents").await);
    let series = parse(&get(&state, "/metrics").await);
    let api: Value = serde_json::from_str(&get(&state, "/api/v1/status").await).expect("JSON");

    let measured = |name: &'static str| series.iter().filter(move |series| series.name == name);
    let mut of_metrics: BTreeMap<&str, u64> = Status::ALL.iter().map(|status| (status.name(), 0)).collect();
    for series in measured("certvigil_endpoint_severity") {
        let word = ["ok", "info", "warning", "critical", "unknown"][series.value.parse::<usize>().expect("a number")];
        *of_metrics.entry(word).or_default() += 1;
    }
    assert!(of_metrics.values().filter(|count| **count > 0).count() >= 3, "the sample has some of each: {of_metrics:?}");
    for (word, count) in of_metrics {
        assert_eq!(between(&page, "<b>", &format!("</b> <span>{word}</span>")), count.to_string(), "{word} on the page");
        assert_eq!(api["severities"][word], count, "{word} in the API");
    }
    let all = measured("certvigil_endpoint_info").count();
    assert_eq!(between(&page, "<b>", "</b> <span>all</span>"), all.to_string());
    assert_eq!(api["endpoints"], all);

    let open: u64 = measured("certvigil_incident_open").map(|series| series.value.parse::<u64>().expect("a number")).sum();
    assert_eq!(between(&incidents, ">", " open, "), open.to_string());
    assert_eq!(api["incidents"]["open"], open);
    assert_eq!(between(&incidents, " open, ", " suspected."), api["incidents"]["suspected"].to_string());
}
