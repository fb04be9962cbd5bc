//! What of the fleet is asked for: `?status=critical&q=mail&page=2&refresh=30`, `?name=shop`. What cannot be read is left out.

use std::fmt::Write as _;

use crate::{diagnosis::Status, monitor::EndpointView};

/// A view of the endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    /// Only those with this headline.
    pub(super) status: Option<Status>,
    /// Only the one of this name.
    pub(super) name: Option<String>,
    /// Only those whose name or target has this, in any case; lowercase.
    pub(super) search: String,
    /// From 1; 0 counts as 1.
    pub(super) page: usize,
    /// Seconds until the browser asks again; off unless asked for, since it closes what one has opened.
    pub(super) refresh: Option<u32>,
}

/// Every headline, the most urgent first.
pub(super) const STATUSES: [Status; 5] = [Status::Critical, Status::Unknown, Status::Warning, Status::Info, Status::Ok];

impl Query {
    pub(super) fn parse(query: &str) -> Self {
        let mut view = Query { page: 1, ..Query::default() };
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = decode(value);
            match key {
                "status" => view.status = STATUSES.into_iter().find(|status| status.name() == value),
                "q" => view.search = value.trim().to_lowercase().chars().take(LONGEST_SEARCH).collect(),
                "name" => view.name = Some(value).filter(|name| !name.is_empty()),
                "page" => view.page = value.parse().unwrap_or(1).max(1),
                "refresh" => view.refresh = value.parse().ok().filter(|seconds| (5..=3600).contains(seconds)),
                _ => {}
            }
        }
        view
    }

    /// The endpoint of this name alone.
    pub(super) fn of(name: &str) -> Self {
        Query { name: Some(name.into()), page: 1, ..Query::default() }
    }

    pub(super) fn matches(&self, view: &EndpointView, status: Status) -> bool {
        let endpoint = &view.watch.endpoint;
        let has = |text: &str| text.to_lowercase().contains(&self.search);
        self.status.is_none_or(|wanted| wanted == status)
            && self.name.as_deref().is_none_or(|name| name == &*endpoint.name)
            && (self.search.is_empty() || has(&endpoint.name) || has(&endpoint.target.to_string()))
    }

    /// The relative link to this view: safe in a quoted attribute, and below any prefix of a proxy.
    pub(super) fn link(&self) -> String {
        let mut parts = Vec::new();
        if let Some(status) = self.status {
            parts.push(format!("status={}", status.name()));
        }
        if let Some(name) = &self.name {
            parts.push(format!("name={}", encode(name)));
        }
        if !self.search.is_empty() {
            parts.push(format!("q={}", encode(&self.search)));
        }
        if self.page > 1 {
            parts.push(format!("page={}", self.page));
        }
        if let Some(seconds) = self.refresh {
            parts.push(format!("refresh={seconds}"));
        }
        format!("?{}", parts.join("&amp;"))
    }
}

/// `application/x-www-form-urlencoded`; broken escapes stand for themselves.
fn decode(text: &str) -> String {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        let escaped = after.get(..2).and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match (first, escaped) {
            (b'%', Some(octet)) => {
                octets.push(octet);
                rest = &after[2..];
            }
            (b'+', _) => octets.push(b' '),
            (octet, _) => octets.push(*octet),
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, octet| {
        if octet.is_ascii_alphanumeric() || b"-._".contains(&octet) {
            out.push(char::from(octet));
        } else {
            let _ = write!(out, "%{octet:02X}");
        }
        out
    })
}

const LONGEST_SEARCH: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_survive_the_way_there_and_back() {
        let view = Query::parse("status=critical&q=%22%3Cm%C3%9Cl+x&name=%C3%9C%22&page=3&refresh=30&junk&other=1");
        let (status, name) = (Some(Status::Critical), Some("Ü\"".into()));
        let wanted = Query { status, name, search: "\"<mül x".into(), page: 3, refresh: Some(30) };
        assert_eq!(view, wanted);
        assert_eq!(view.link(), "?status=critical&amp;name=%C3%9C%22&amp;q=%22%3Cm%C3%BCl%20x&amp;page=3&amp;refresh=30");
        assert_eq!(Query::parse(&view.link()[1..].replace("&amp;", "&")), view);
    }

    #[test]
    fn nonsense_is_left_out() {
        let nothing = Query { page: 1, ..Query::default() };
        assert_eq!(Query::parse("status=great&page=-1&refresh=0&q=&name="), nothing);
        assert_eq!(Query::parse("page=0&q=%"), Query { search: "%".into(), ..nothing });
    }
}
