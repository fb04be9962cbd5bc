use std::sync::Arc;

use super::*;
use crate::{
    certificate::{Certificate, Fingerprint},
    diagnosis::{ChainStatus, Issuers, Judged, Status, Stores, Trust, diagnose},
    lab::pki::Pki,
    monitor::{EndpointView, Watch},
    observation::Chain,
    web::{
        body::CHUNK,
        hostile::assert_balanced,
        sample::{self, HOSTILE},
    },
};

fn at(snapshot: &Snapshot, path: &str, query: &str) -> String {
    let html = answer(snapshot, &Beside::default(), path, query).into_text();
    assert_balanced(&html);
    html
}

fn page(snapshot: &Snapshot, query: &str) -> String {
    at(snapshot, "/", query)
}

/// The order in which the endpoints stand.
fn order(html: &str) -> Vec<String> {
    let Some((_, fleet)) = html.split_once("class=\"fleet\"") else { return Vec::new() };
    let rows = fleet.split("<th scope=\"row\"><a href=").skip(1);
    rows.map(|row| row.split(['<', '>']).nth(1).unwrap_or_default().to_owned()).collect()
}

#[test]
fn hostile_texts_stay_texts() {
    let query = "q=%3Cscript%3E%22%27%26%E2%80%AE&owner=%3Cscript%3E&label=%22%3E&finding=%3Cb%3E";
    for html in [page(&sample::fleet(), ""), page(&sample::fleet(), query)] {
        assert!(!html.contains("<script") && !html.contains("<b>\""), "{html}");
        assert!(!html.contains('\u{202e}'), "{html}");
        assert!(!html.contains("alert('x')"), "{html}");
    }
    let html = page(&sample::fleet(), "");
    let escaped = render::escaped(HOSTILE);
    let places = "name, label, finding, trouble";
    assert!(html.matches(&escaped).count() >= 4, "{places}: {html}");
    assert!(!html.contains("example.org"), "no mail address on a page without a login");
}

#[test]
fn the_most_urgent_comes_first_unless_asked_otherwise() {
    let fleet = sample::fleet();
    let evil = render::escaped(HOSTILE);
    assert_eq!(order(&page(&fleet, "")), ["mail", &evil, "unreadable", "down", "gone", "new", "long", "shop"]);
    assert_eq!(order(&page(&fleet, "sort=name")), [&evil, "down", "gone", "long", "mail", "new", "shop", "unreadable"]);
    assert_eq!(order(&page(&fleet, "sort=ends"))[..2], ["mail", &*evil]);
    assert_eq!(order(&page(&fleet, "sort=visit"))[0], "new", "nobody was there yet");
    let html = page(&fleet, "sort=ends&q=mail");
    assert!(
        html.contains("<th scope=\"col\" aria-sort=\"ascending\"><a href=\"?q=mail&amp;sort=ends\">Ends (UTC)</a>"),
        "{html}"
    );
}

#[test]
fn a_row_tells_in_words_what_is_wrong() {
    let html = page(&sample::fleet(), "q=MAIL");
    assert_eq!(order(&html), ["mail"]);
    for words in [
        "<span class=\"badge critical\">critical</span>",
        "<a href=\"endpoint/mail\">mail</a><br> <span class=\"quiet\">submission://mail.example:587</span>",
        "The server does not send the intermediate &quot;Sample CA 1&quot;",
        "<span class=\"quiet\">+ 1 more</span>",
        "21 (unable to verify the first certificate)",
        "missing intermediate",
        "<span class=\"left critical\">4 days left</span>",
        "1 mail waiting; since the start 3 delivered, 1 put off, 0 refused",
        "The last reload was refused",
    ] {
        assert!(html.contains(words), "{words} is not in {html}");
    }
    let down = page(&sample::fleet(), "q=down");
    assert!(down.contains("failed: timeout") && down.contains("2027-01-12 00:00"), "the last certificate is there: {down}");
    let silenced = page(&sample::fleet(), "q=evil");
    assert!(silenced.contains("<span class=\"tag\">silenced</span>"), "{silenced}");
}

#[test]
fn endpoints_can_be_searched_and_filtered() {
    let fleet = sample::fleet();
    let evil = render::escaped(HOSTILE);
    let found = |query: &str| order(&page(&fleet, query));
    assert_eq!(found("status=unknown"), ["down", "gone", "new"]);
    assert_eq!(found("fault=server"), ["mail", &evil, "unreadable"]);
    assert_eq!(found("finding=missing_intermediate"), ["mail"]);
    assert_eq!(found("label=team:web"), ["shop"]);
    assert_eq!(found("owner=secret-owner").len(), 8);
    assert_eq!(found("owner=secret-owner@example.org"), [""; 0], "nobody can be asked for by a mail address");
    assert_eq!(found("q=192.0.2.8"), ["long"]);
    assert_eq!(found("q=sample%20ca&status=unknown"), ["down"], "by the issuer of the leaf");
    assert_eq!(found("fault=server&label=team:web"), [""; 0]);
    let none = page(&fleet, "status=warning");
    assert!(none.contains("No endpoint matches."), "{none}");
    assert!(page(&sample::snapshot(Vec::new()), "").contains("names no endpoint yet"));
    let html = page(&fleet, "fault=server&owner=nobody");
    for words in [
        "<option selected value=\"server\">server</option>",
        "<option selected value=\"nobody\">nobody</option>",
        "<option value=\"team:web\">team:web</option>",
        "<option value=\"missing_intermediate\">missing_intermediate</option>",
        "<a class=\"reset\" href=\"?\">Show all</a>",
    ] {
        assert!(html.contains(words), "{words} is not in {html}");
    }
}

#[test]
fn ten_thousand_endpoints_come_in_pages_of_a_hundred() {
    let snapshot = sample::large(10_000);
    let first = page(&snapshot, "");
    assert_eq!(order(&first).len(), 100);
    assert!(first.contains("1 to 100 of 10000 endpoints") && first.contains("Page 1 of 100") && !first.contains("rel=\"prev\""));
    let last = page(&snapshot, "page=999&q=host");
    assert!(last.contains("9901 to 10000 of 10000 endpoints") && !last.contains("rel=\"next\""), "beyond the end is the end");
    assert!(last.contains("<a rel=\"prev\" href=\"?q=host&amp;page=99\">"), "{last}");
    assert!(first.len() < 2 * CHUNK, "{}", first.len());
}

#[test]
fn a_fleet_without_trouble_is_told_as_such() {
    let html = page(&sample::large(3), "");
    let words = "All is well. The next certificate to end is that of host-0.example, in 39 days.";
    assert!(html.contains(words) && html.contains("nothing is wrong"), "{html}");
    let others = [page(&sample::fleet(), ""), page(&sample::fleet(), "q=nobody"), page(&sample::snapshot(Vec::new()), "")];
    assert!(others.iter().all(|html| !html.contains("All is well")));
}

#[test]
fn every_name_has_a_page_of_its_own() {
    let names = [".", "..", "~..", "a/b", "%", "%2E", "?", "#x", "a b", "Ü", &"x".repeat(200)];
    let endpoints = names.iter().map(|name| sample::endpoint(name, "a.example", &[], Vec::new())).collect();
    let snapshot = sample::snapshot(endpoints);
    let html = page(&snapshot, "sort=name");
    let links = html.split("<th scope=\"row\"><a href=\"").skip(1).map(|row| row.split('"').next().unwrap_or_default());
    let title = |link: &str| {
        let html = at(&snapshot, &format!("/{link}"), "");
        let head = html.split(" · ").next().unwrap_or_default();
        head.split("<title>").nth(1).unwrap_or_default().to_owned()
    };
    let mut titles: Vec<_> = links.map(title).collect();
    titles.sort_unstable();
    let mut wanted = names.map(str::to_owned);
    wanted.sort_unstable();
    assert_eq!(titles, wanted);
}

#[test]
fn refreshing_is_asked_for() {
    assert!(!page(&sample::small(), "").contains("http-equiv"));
    assert!(page(&sample::small(), "refresh=30").contains("<meta http-equiv=\"refresh\" content=\"30\">"));
}

#[test]
fn what_is_not_there_is_said() {
    let nowhere = answer(&sample::small(), &Beside::default(), "/nowhere", "");
    assert!(matches!(&nowhere, Answer::Missing(html) if html.contains("There is nothing here")), "{nowhere:?}");
    for path in ["/endpoint/none", "/endpoint/none/evidence.txt", "/endpoint/a/fullchain.pem", "/incident/none"] {
        assert!(matches!(answer(&sample::small(), &Beside::default(), path, ""), Answer::Missing(_)), "{path}");
    }
    assert!(is_page("/") && is_page("/endpoint/a%2Fb"));
    assert!(
        ["/nowhere", "/metrics", "", "/endpoint", "/endpoint/", "/endpoint/a/b", "/incidents/"].iter().all(|path| !is_page(path))
    );
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
    Arc::new(EndpointView { watch: Arc::new(watch), addresses, renewals: Vec::new() })
}

#[test]
fn an_endpoint_is_told_of_in_a_sentence_a_picture_and_words() {
    let snapshot = sample::snapshot(vec![gap()]);
    let html = at(&snapshot, "/endpoint/a", "");
    for words in [
        "<p class=\"sentence\">The server does not send the intermediate &quot;Lab Issuing CA&quot; that issued a.example.</p>",
        "<p class=\"follows\">Works in browsers, fails in Python, curl and Java: the server leaves out the intermediate.</p>",
        "a.example (the server&#39;s own), issued by Lab Issuing CA (intermediate, not sent), issued by Lab Root CA (root, in the \
         trust store)</title>",
        "<dt>curl (system&#39;s store)</dt><dd><span class=\"badge critical\">refuses</span> SSL certificate problem: unable to get \
         local issuer certificate</dd>",
        "<dt>browser (Mozilla&#39;s)</dt><dd><span class=\"badge ok\">accepts</span> </dd>",
        "<span class=\"tag critical\">left out by the server</span>",
        "<a class=\"button\" href=\"a/fullchain.pem?address=192.0.2.1\" download>",
        "To act: whoever runs the server",
        "verify error:num=21",
    ] {
        assert!(html.contains(words), "{words} is not in {html}");
    }
    let Answer::File { text, disposition, .. } = answer(&snapshot, &Beside::default(), "/endpoint/a/fullchain.pem", "") else {
        panic!("a file")
    };
    assert_eq!((text.matches("BEGIN CERTIFICATE").count(), disposition), (2, "attachment; filename=\"fullchain.pem\""));
    let evidence = answer(&snapshot, &Beside::default(), "/endpoint/a/evidence.txt", "address=192.0.2.1").into_text();
    assert!(evidence.contains("Verify return code: 21") && evidence.contains("BEGIN CERTIFICATE"), "{evidence}");
}

#[test]
fn addresses_stand_beside_one_another() {
    let html = at(&sample::fleet(), "/endpoint/mail", "");
    assert!(html.contains("All 2 addresses serve the same certificate.") && !html.contains("differs"), "{html}");
    assert!(html.contains("<a href=\"?address=192.0.2.7\" aria-current=\"true\">192.0.2.7</a>"), "the worst is told of: {html}");
    assert!(html.contains("Findings at 192.0.2.7"), "{html}");
    let other = at(&sample::fleet(), "/endpoint/mail", "address=2001%3Adb8%3A%3A7");
    assert!(other.contains("Findings at 2001:db8::7") && other.contains("Nothing to say against it."), "{other}");
    let down = at(&sample::fleet(), "/endpoint/down", "");
    assert!(down.contains("The last visit failed: ") && down.contains("What follows was last seen"), "{down}");
    assert!(at(&sample::fleet(), "/endpoint/new", "").contains("It waits for its first visit."));
    assert!(
        at(&sample::fleet(), "/endpoint/shop", "").contains("All is well: what is served is trusted, and lasts 50 days more.")
    );
}

#[test]
fn an_address_that_serves_another_certificate_stands_out() {
    let served = |address: &str, fingerprint| {
        let mut chain = sample::chain("a.example", 2027, 1, 1);
        Arc::make_mut(&mut chain.leaf).fingerprint = fingerprint;
        sample::address(Some(sample::saw(address, &chain, ChainStatus::Complete, 0, Vec::new())), None)
    };
    let [old, new] = [Fingerprint([1; 32]), Fingerprint([2; 32])];
    let rows = vec![served("192.0.2.1", old), served("192.0.2.2", new), served("192.0.2.3", new)];
    let html = at(&sample::snapshot(vec![sample::endpoint("a", "a.example", &[], rows)]), "/endpoint/a", "");
    assert!(html.contains("1 of 3 addresses serve another certificate than the rest."), "{html}");
    let (before, after) = html.split_once("<span class=\"tag warning\">differs</span>").expect("it is marked");
    assert!(before.ends_with("<code class=\"differs\">0101010101010101</code> ") && !after.contains("differs"), "{html}");
}

#[test]
fn hostile_texts_stay_texts_on_every_page() {
    let fleet = sample::fleet();
    let evil = format!("/endpoint/{}", parts::encode(HOSTILE));
    let incidents: Vec<_> = fleet.incidents.iter().map(|view| format!("/incident/{}", view.incident.id)).collect();
    let pages = ["/", "/endpoint/unreadable", "/endpoint/long", "/endpoint/gone", "/incidents", "/silences", "/outbox"];
    for path in pages.iter().copied().chain([&*evil]).chain(incidents.iter().map(String::as_str)) {
        let html = at(&fleet, path, "");
        assert!(!html.contains("<script") && !html.contains('\u{202e}') && !html.contains("alert('x')"), "{path}: {html}");
        let attributes = html.split('<').skip(1).filter_map(|tag| tag.split('>').next()).flat_map(|tag| tag.split_whitespace());
        let is_barred = |text: &str| text.starts_with("style=") || text.starts_with("on") && text.contains('=');
        assert!(!attributes.into_iter().any(is_barred) && !html.contains("<style"), "the policy allows none: {path}");
        assert!(!html.contains("example.org"), "no mail address on a page without a login: {path}: {html}");
        assert!(html.contains("<h1") && html.contains("<main id=\"main\">"), "{path}");
    }
    let html = at(&fleet, &evil, "");
    assert!(html.matches(&render::escaped(HOSTILE)).count() >= 4, "{html}");
}

#[test]
fn what_is_open_silenced_and_waiting_has_a_page_of_its_own() {
    let fleet = sample::fleet();
    let incidents = at(&fleet, "/incidents", "");
    assert!(incidents.contains("3 open, 1 suspected.") && incidents.contains("suspected, seen 2 of 3 times"), "{incidents}");
    assert!(incidents.contains("silenced until <time"), "{incidents}");
    let missing = fleet.incidents.iter().find(|view| view.members[0].code == "missing_intermediate").expect("one");
    let one = at(&fleet, &format!("/incident/{}", missing.incident.id), "");
    assert!(incidents.contains("open, seen to by mail-team"), "{incidents}");
    assert!(one.contains("<dt>Seen to</dt><dd>by mail-team, who said so <time") && one.contains("<dt>Not theirs</dt>"), "{one}");
    assert!(one.contains("<a href=\"../endpoint/mail\">mail</a>") && one.contains("1 endpoint</p>"), "{one}");
    let silences = at(&fleet, "/silences", "");
    assert!(silences.contains("1f3a5c70") && silences.contains("4 h left"), "{silences}");
    let outbox = at(&fleet, "/outbox", "");
    for words in ["1 notice waiting", "<td data-label=\"Put off\">3 ×</td>", "channel hook"] {
        assert!(outbox.contains(words), "{words} is not in {outbox}");
    }
    let small = sample::small();
    let calm = ["/incidents", "/silences", "/outbox"].map(|path| at(&small, path, ""));
    assert!(
        calm.iter()
            .zip(["No incident is open.", "Nothing is silenced.", "Nothing waits."])
            .all(|(html, words)| html.contains(words))
    );
}

#[test]
fn letters_and_history_stand_on_the_endpoint_s_page() {
    let fleet = sample::fleet();
    let leaf = |octet| Some((Fingerprint([octet; 32]), Some(sample::now())));
    let address = "192.0.2.7".parse().ok();
    let chapter = |since: &str, status, findings: &[&str], leaf| Chapter {
        address,
        since: since.parse().expect("a moment"),
        status,
        findings: findings.iter().map(|code| (*code).to_owned()).collect(),
        leaf,
    };
    let history = Ok(vec![
        chapter("2026-11-20T00:00:00Z", Status::Critical, &["expires_soon", HOSTILE], leaf(2)),
        chapter("2026-11-02T00:00:00Z", Status::Unknown, &["unreachable"], None),
        chapter("2026-11-01T00:00:00Z", Status::Ok, &[], leaf(1)),
    ]);
    let mail = Some(Arc::new(crate::mail::samples::settings()));
    let html = answer(&fleet, &Beside { history, mail }, "/endpoint/mail", "").into_text();
    assert_balanced(&html);
    for words in [
        "another certificate, 0202020202020202, ends <time",
        "<code>unreachable</code> <span class=\"quiet\">no certificate</span>",
        "certificate 0101010101010101, ends",
        "To secret-owner (owner): ",
        "The letter, as it would go out now",
    ] {
        assert!(html.contains(words), "{words} is not in {html}");
    }
    assert!(!html.contains("secret-owner@example.org") && !html.contains("<script"), "{html}");
    let unread = Beside { history: Err("the disk is <gone>".into()), mail: None };
    assert!(answer(&fleet, &unread, "/endpoint/mail", "").into_text().contains("It cannot be read: the disk is &lt;gone&gt;."));
    assert_eq!((remembered("/endpoint/a%2Fb").as_deref(), remembered("/")), (Some("a/b"), None));
}
