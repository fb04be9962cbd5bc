use super::*;
use crate::{
    certificate::Certificate,
    diagnosis::{ChainStatus, Issuers, Judged, Stores, Trust, diagnose},
    lab::pki::Pki,
    monitor::Watch,
    observation::Chain,
    web::{
        hostile::assert_balanced,
        sample::{self, HOSTILE},
    },
};

fn page(snapshot: Snapshot, query: &str) -> String {
    render(&Arc::new(snapshot), query).collect()
}

/// The order in which the endpoints stand.
fn order(html: &str) -> Vec<String> {
    let (_, fleet) = html.split_once("class=\"fleet\"").expect("a table");
    let rows = fleet.split("<th scope=\"row\">").skip(1);
    rows.map(|row| row.split('<').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn hostile_texts_stay_texts() {
    let query = "q=%3Cscript%3E%22%27%26%E2%80%AE";
    for html in [page(sample::fleet(), ""), page(sample::fleet(), query)] {
        assert_balanced(&html);
        assert!(!html.contains("<script"), "{html}");
        assert!(!html.contains('\u{202e}'), "{html}");
        assert!(!html.contains("alert('x')"), "{html}");
    }
    let html = page(sample::fleet(), "");
    let escaped = html::esc(HOSTILE).to_string();
    let places = "name, labels, subject, findings, incident, failure, trouble, silence";
    assert!(html.matches(&escaped).count() >= 13, "{places}: {html}");
    assert!(!html.contains("secret-owner"), "no mail address on a page without a login");
}

#[test]
fn the_most_urgent_comes_first() {
    let html = page(sample::fleet(), "");
    let evil = html::esc(HOSTILE).to_string();
    let wanted = ["mail", &evil, "unreadable", "down", "gone", "new", "long", "shop"];
    assert_eq!(order(&html), wanted);
}

#[test]
fn what_is_silenced_is_shown_with_its_end_and_its_reason() {
    let html = page(sample::fleet(), "");
    let (_, incident) = html.split_once("silenced until ").expect("beside the incident");
    assert!(incident.contains(&html::esc(HOSTILE).to_string()), "{incident}");
    let (_, section) = html.split_once("id=\"silences\"").expect("a section of its own");
    assert!(section.contains("<summary>1 silence</summary>") && section.contains("1f3a5c70"), "{section}");
    assert!(!page(sample::small(), "").contains("silence"));
}

#[test]
fn a_status_is_told_in_words_with_what_to_do() {
    let html = page(sample::fleet(), "q=MAIL");
    assert_eq!(order(&html), ["mail"]);
    for words in [
        "<span class=\"badge critical\">critical</span>",
        "21 (unable to verify the first certificate)",
        "Verify return code: 21 (unable to verify the first certificate)",
        "missing intermediate",
        "4 days left",
        "To act: whoever runs the server. Serve the full chain, the leaf first",
        "The server does not send the intermediate &quot;Sample CA 1&quot;",
        "· 2 addresses",
        "1 mail waiting, the oldest since",
        "3 delivered, 1 put off, 0 refused",
        "The last reload was refused",
        "3 open, 1 suspected",
        "seen 2 times so far",
    ] {
        assert!(html.contains(words), "{words} is not in {html}");
    }
}

#[test]
fn a_failed_visit_shows_the_failure_and_the_last_certificate() {
    let html = page(sample::fleet(), "q=down");
    assert!(html.contains("(connect, timeout)"), "{html}");
    assert!(html.contains("2027-01-12 00:00"), "{html}");
    assert!(html.contains("<dt>Last certificate seen</dt><dd><time datetime=\"2026-11-22T07:42:00Z\">"), "{html}");
}

#[test]
fn endpoints_can_be_filtered_by_status() {
    assert_eq!(order(&page(sample::fleet(), "status=unknown")), ["down", "gone", "new"]);
    let none = page(sample::fleet(), "status=warning");
    assert!(none.contains("No endpoint matches."), "{none}");
    assert_balanced(&none);
    assert_balanced(&page(sample::snapshot(Vec::new()), ""));
}

#[test]
fn ten_thousand_endpoints_come_in_pages_of_five_hundred() {
    let snapshot = Arc::new(sample::large(10_000));
    let first: String = render(&snapshot, "").collect();
    assert_eq!(order(&first).len(), 500);
    assert!(first.contains("1 to 500 of 10000 endpoints") && first.contains("Page 1 of 20") && !first.contains("rel=\"prev\""));
    let last: String = render(&snapshot, "page=99&q=host").collect();
    assert!(last.contains("9501 to 10000 of 10000 endpoints") && !last.contains("rel=\"next\""), "beyond the end is the end");
    assert!(last.contains("<a rel=\"prev\" href=\"?q=host&amp;page=19\">"));
    assert_balanced(&last);
    let longest = render(&snapshot, "").chunk_lengths().into_iter().max().unwrap_or_default();
    assert!(longest < crate::web::body::CHUNK + 16 * 1024, "{longest}");
}

#[test]
fn refreshing_is_asked_for() {
    assert!(!page(sample::small(), "").contains("http-equiv"));
    assert!(page(sample::small(), "refresh=30").contains("<meta http-equiv=\"refresh\" content=\"30\">"));
}

/// A server that leaves out its intermediate, which was fetched.
fn gap() -> Arc<EndpointView> {
    let pki = Pki::new(sample::now()).expect("P-256");
    let leaf = pki.leaf(["a.example"]).aia("http://ca.test/i.der").signed_by(&pki.intermediate).expect("sound");
    let [leaf, intermediate, root] = [&leaf, &pki.intermediate, &pki.root].map(|made| Certificate::from_der(&made.der()));
    let roots = Arc::new(Trust::new([root]));
    let mut watch = Watch::clone(&sample::endpoint("a", "a.example", &[], Vec::new()).watch);
    watch.expectation.host = Some(watch.endpoint.server_name.clone());
    watch.trust = Arc::clone(&roots);
    watch.stores = Arc::new(Stores { system: Arc::clone(&roots), mozilla: roots });
    let chain = Chain::new(vec![leaf]).expect("a leaf");
    let mut judged = Judged::clone(&sample::saw("192.0.2.1", &chain, ChainStatus::Complete, 0, Vec::new()));
    let issuers = Issuers { certificates: vec![intermediate], tried: String::new() };
    judged.diagnosis = diagnose(&judged.observation, &watch.expectation, &watch.trust, &issuers, sample::now()).into();
    let addresses = vec![sample::address(Some(Arc::new(judged)), None)];
    Arc::new(EndpointView { watch: Arc::new(watch), addresses })
}

#[test]
fn a_few_endpoints_are_shown_as_clients_see_them() {
    let alone = page(sample::snapshot(vec![gap()]), "");
    assert_balanced(&alone);
    for words in [
        "<details open>",
        "<p>Works in browsers, fails in Python, curl and Java: the server leaves out the intermediate.</p>",
        "<dt>curl (system&#39;s store)</dt><dd><span class=\"badge critical\">refuses</span> SSL certificate problem: unable to get \
         local issuer certificate</dd>",
        "<dt>browser (Mozilla&#39;s)</dt><dd><span class=\"badge ok\">accepts</span> </dd>",
    ] {
        assert!(alone.contains(words), "{words} is not in {alone}");
    }
    let fleet = |others| sample::snapshot(sample::large(others).endpoints.into_iter().chain([gap()]).collect());
    let few = page(fleet(19), "");
    assert_eq!(few.matches("How clients see it").count(), 20);
    assert!(few.contains("Works in browsers") && !few.contains("<details open>"), "{few}");
    let many = page(fleet(20), "");
    assert!(many.contains("<a href=\"?name=a\">How clients see it</a>") && !many.contains("Works in browsers"), "{many}");
    let chosen = page(fleet(20), "name=a");
    assert_eq!(order(&chosen), ["a"]);
    assert!(chosen.contains("Works in browsers"), "{chosen}");
}
