//! What a scraper can read (RFC 9110, section 12.5): which of the text formats, and whether compressed.

use http_body_util::Either;
use hyper::{
    HeaderMap, Response,
    header::{self, HeaderName, HeaderValue},
};

use super::{
    body::{Answer, Stream},
    metrics::Format,
};

/// An answer of metrics, in the form that the reader prefers.
pub(super) fn exposition(headers: &HeaderMap, render: impl FnOnce(Format) -> Stream) -> Response<Answer> {
    let format = format(headers);
    let kind = match format {
        Format::Text => "text/plain; version=0.0.4; charset=utf-8",
        Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
    };
    let stream = render(format);
    let is_gzip = takes_gzip(headers);
    let mut response = Response::new(Either::Right(if is_gzip { stream.gzip() } else { stream }));
    let encoding = is_gzip.then_some((header::CONTENT_ENCODING, "gzip"));
    let fixed = [(header::CONTENT_TYPE, kind), (header::VARY, "Accept, Accept-Encoding")];
    for (name, value) in fixed.into_iter().chain(encoding) {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// OpenMetrics where it is wanted at least as much as plain text; text where nothing is said, or nothing that we have.
fn format(headers: &HeaderMap) -> Format {
    let (mut open, mut text) = (0, 0);
    for choice in choices(headers, &header::ACCEPT) {
        match choice.name.as_str() {
            // Of a version that we do not write, nothing is known.
            "application/openmetrics-text" if choice.version.as_deref().is_none_or(|version| version == "1.0.0") => {
                open = open.max(choice.weight);
            }
            "text/plain" if choice.version.as_deref().is_none_or(|version| version == "0.0.4") => text = text.max(choice.weight),
            _ => {}
        }
    }
    if open > 0 && open >= text { Format::OpenMetrics } else { Format::Text }
}

/// The first of two media types is named, and wanted at least as much as the second.
pub(super) fn prefers(headers: &HeaderMap, first: &str, second: &str) -> bool {
    let weight = |name: &str| choices(headers, &header::ACCEPT).filter(|choice| choice.name == name).map(|it| it.weight).max();
    weight(first).is_some_and(|wanted| wanted > 0 && wanted >= weight(second).unwrap_or(0))
}

/// `gzip` is named (or anything is taken), and not refused.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let (mut named, mut any) = (None, None);
    for choice in choices(headers, &header::ACCEPT_ENCODING) {
        match choice.name.as_str() {
            "gzip" | "x-gzip" => named = named.max(Some(choice.weight)),
            "*" => any = Some(choice.weight),
            _ => {}
        }
    }
    named.or(any).is_some_and(|weight| weight > 0)
}

/// One member of such a header.
struct Choice {
    /// In lowercase.
    name: String,
    version: Option<String>,
    /// In thousandths; 0 is a refusal.
    weight: u16,
}

fn choices<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = Choice> + 'a {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|member| {
        let mut parts = member.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let mut choice = Choice { name, version: None, weight: 1000 };
        for (key, value) in parts.filter_map(|part| part.split_once('=')) {
            match key.trim().to_ascii_lowercase().as_str() {
                "q" => choice.weight = weight(value.trim()),
                "version" => choice.version = Some(value.trim().trim_matches('"').to_owned()),
                _ => {}
            }
        }
        choice
    })
}

/// `0.75` as 750; what is no weight refuses nothing.
fn weight(text: &str) -> u16 {
    let thousandths = |digits: &str| format!("{digits:0<3}").get(..3)?.parse::<u16>().ok();
    match text.split_once('.') {
        Some(("0", digits)) => thousandths(digits).unwrap_or(1000),
        None if text == "0" => 0,
        _ => 1000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn the_format_is_what_the_reader_prefers() {
        let chosen = |accept| format(&headers(header::ACCEPT, accept));
        let prometheus_2 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
            text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
            application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
            text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        let text_first = "text/plain;version=0.0.4;q=0.6, application/openmetrics-text; version=\"1.0.0\"; q=0.59";
        for open in [prometheus_2, prometheus_3, "Application/OpenMetrics-Text", "application/openmetrics-text;q=0.001"] {
            assert_eq!(chosen(open), Format::OpenMetrics, "{open}");
        }
        let strange = "application/openmetrics-text;version=2.0.0, application/json";
        for text in [text_first, "", "*/*", "text/html,*/*;q=0.8", strange, "application/openmetrics-text;q=0", ";;=,"] {
            assert_eq!(chosen(text), Format::Text, "{text}");
        }
        assert_eq!(format(&HeaderMap::new()), Format::Text);
    }

    #[test]
    fn gzip_is_for_those_who_take_it() {
        let takes = |accept| takes_gzip(&headers(header::ACCEPT_ENCODING, accept));
        for yes in ["gzip", "deflate, GZIP;q=0.5", "br;q=1.0, *;q=0.1", "x-gzip", "gzip;q=nonsense", "zstd,gzip"] {
            assert!(takes(yes), "{yes}");
        }
        for no in ["", "identity", "gzip;q=0", "gzip; q=0.000, *", "*;q=0", "deflate"] {
            assert!(!takes(no), "{no}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
