//! Whether the page and the metrics are what they should be, whatever the texts in them: held to their formats by the letter.

use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
};

use super::{
    OwnMetrics,
    metrics::{self, Format},
    page,
};
use crate::{hostile::assert_safe, monitor::Snapshot};

/// Panics where a text got out of its place.
pub(crate) fn assert_sound(snapshot: &Arc<Snapshot>, query: &str) {
    static OWN: LazyLock<OwnMetrics> = LazyLock::new(OwnMetrics::new);
    let of_each = snapshot
        .endpoints
        .iter()
        .map(|view| page::segment(view.name()))
        .flat_map(|name| ["", "/fullchain.pem"].map(|what| format!("/endpoint/{name}{what}")));
    for path in ["/", "/incidents", "/silences", "/outbox"].map(str::to_owned).into_iter().chain(of_each) {
        let answer = page::answer(snapshot, &page::Beside::default(), &path, query);
        let (page::Answer::Page(html) | page::Answer::Missing(html)) = answer else { continue };
        assert_safe(&html);
        assert_balanced(&html);
        assert!(!html.contains("<script"), "{path}: {html}");
    }
    let series = [Format::Text, Format::OpenMetrics].map(|format| {
        let series = parse(&metrics::scrape(Arc::clone(snapshot), &OWN, format).collect());
        let unique: BTreeSet<_> = series.iter().map(|series| (&series.name, &series.labels)).collect();
        assert_eq!(unique.len(), series.len(), "a series comes twice");
        series.len()
    });
    assert_eq!(series[0], series[1], "both formats say the same");
}

/// Every element of ours is closed in order: a text that got through unescaped would break it.
pub(super) fn assert_balanced(html: &str) {
    let mut open = Vec::new();
    for tag in html.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("a closed tag");
        let name = tag.split([' ', '\n']).next().unwrap_or_default();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "in {html}"),
            None if matches!(name, "!DOCTYPE" | "meta" | "link" | "br" | "input") || tag.ends_with('/') => {}
            None => open.push(name),
        }
    }
    assert_eq!(open, [""; 0]);
}

/// One line of the format, taken apart by the letter: name, labels, value.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) labels: BTreeSet<(String, String)>,
    pub(super) value: String,
}

/// A second implementation of both formats, strict where Prometheus is.
pub(super) fn parse(text: &str) -> Vec<Series> {
    let (mut families, mut series) = (BTreeSet::new(), Vec::new());
    let (mut family, mut kind) = (String::new(), String::new());
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(head) = line.strip_prefix("# ") else {
            let one = parse_line(line);
            assert!(
                suffixes(&kind).iter().any(|suffix| one.name.strip_suffix(suffix) == Some(&*family)),
                "{line} under {family}"
            );
            series.push(one);
            continue;
        };
        if head == "EOF" {
            assert!(lines.peek().is_none() && text.ends_with("# EOF\n"), "nothing follows the end");
            break;
        }
        let [keyword, name, rest] = head.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        if name != family {
            assert!(families.insert(name.to_owned()), "{name} stands in two pieces");
            (family, kind) = (name.to_owned(), String::new());
        }
        match keyword {
            "TYPE" if kind.is_empty() => rest.clone_into(&mut kind),
            "UNIT" => assert!(name.ends_with(&format!("_{rest}")), "{line}"),
            "HELP" => assert!(!rest.is_empty(), "{line}"),
            _ => panic!("{line}"),
        }
    }
    series
}

/// What a series of such a family may add to its name.
fn suffixes(kind: &str) -> &'static [&'static str] {
    match kind {
        "histogram" => &["_bucket", "_sum", "_count"],
        "counter" => &["", "_total"],
        "info" => &["_info"],
        "gauge" => &[""],
        _ => panic!("a family of the kind {kind:?}"),
    }
}

fn parse_line(line: &str) -> Series {
    let end = line.find(['{', ' ']).expect("a value");
    let (name, mut rest) = line.split_at(end);
    let is_name = |text: &str| {
        !text.is_empty()
            && !text.starts_with(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    assert!(is_name(name), "{line}");
    let (mut labels, mut names) = (BTreeSet::new(), BTreeSet::new());
    while let Some(inner) = rest.strip_prefix(['{', ',']) {
        let (label, quoted) = inner.split_once("=\"").expect("a label");
        assert!(is_name(label) && names.insert(label.to_owned()), "label {label:?} in {line}");
        let mut value = String::new();
        let mut chars = quoted.char_indices();
        let close = loop {
            match chars.next().expect("a closing quote") {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next().expect("an escaped character").1 {
                    'n' => '\n',
                    c @ ('\\' | '"') => c,
                    c => panic!("\\{c} in {line}"),
                }),
                (_, c) => value.push(c),
            }
        };
        labels.insert((label.to_owned(), value));
        rest = &quoted[close + 1..];
    }
    let value = rest.strip_prefix('}').unwrap_or(rest).strip_prefix(' ').expect("a value").to_owned();
    assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
    Series { name: name.into(), labels, value }
}
