//! What of the fleet is asked for: `?status=critical&fault=server&owner=ops&q=mail&sort=name&page=2`. What cannot be read is left
//! out.

use std::{cmp::Reverse, sync::Arc};

use super::parts::{decode, encode, owners};
use crate::{
    certificate::{Certificate, Facts},
    clock::Timestamp,
    diagnosis::{Fault, Found, Severity, Status},
    monitor::{AddressView, EndpointView},
};

/// A view of the endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::web) struct Query {
    /// Only those with this headline.
    pub(in crate::web) status: Option<Status>,
    /// Only those with a finding for which this one must act.
    pub(super) fault: Option<Fault>,
    /// Only those with a finding of this code.
    pub(super) finding: String,
    /// Only those of this owner.
    pub(super) owner: String,
    /// Only those with this label, `name:value`.
    pub(super) label: String,
    /// Only those that have this in their names, addresses or certificates, in any case; lowercase.
    pub(super) search: String,
    pub(in crate::web) sort: Sort,
    /// From 1.
    pub(super) page: usize,
    /// Seconds until the browser asks again; off unless asked for.
    pub(super) refresh: Option<u32>,
}

/// The order of the endpoints; where that does not tell two apart, the most urgent is first, then the name decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::web) enum Sort {
    /// The most urgent first, of those the one that ends first.
    #[default]
    Urgency,
    Name,
    /// The one first that ends first.
    Ends,
    /// The one first that was not visited for the longest time.
    Visit,
}

impl Sort {
    pub(in crate::web) const ALL: [Sort; 4] = [Sort::Urgency, Sort::Name, Sort::Ends, Sort::Visit];

    pub(in crate::web) fn name(self) -> &'static str {
        match self {
            Sort::Urgency => "urgency",
            Sort::Name => "name",
            Sort::Ends => "ends",
            Sort::Visit => "visit",
        }
    }
}

impl Query {
    pub(super) fn parse(query: &str) -> Self {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        Query::asked(pairs.map(|(key, value)| (key, decode(value, true))))
    }

    /// Of names and values.
    pub(in crate::web) fn asked<'a>(pairs: impl Iterator<Item = (&'a str, impl AsRef<str>)>) -> Self {
        let mut view = Query { page: 1, ..Query::default() };
        for (key, value) in pairs {
            let value = value.as_ref().trim();
            let short = || value.chars().take(LONGEST).collect::<String>();
            match key {
                "status" => view.status = Status::ALL.into_iter().find(|status| status.name() == value),
                "fault" => view.fault = Fault::ALL.into_iter().find(|fault| fault.name() == value),
                "finding" => view.finding = short(),
                "owner" => view.owner = short(),
                "label" => view.label = short(),
                "q" => view.search = short().to_lowercase(),
                "sort" => view.sort = Sort::ALL.into_iter().find(|sort| sort.name() == value).unwrap_or_default(),
                "page" => view.page = value.parse().unwrap_or(1).max(1),
                "refresh" => view.refresh = value.parse().ok().filter(|seconds| (5..=3600).contains(seconds)),
                _ => {}
            }
        }
        view
    }

    /// Whether it is among those asked for, whatever its headline.
    pub(in crate::web) fn matches(&self, view: &EndpointView) -> bool {
        let policy = &view.watch.policy;
        let findings = || view.addresses.iter().flat_map(AddressView::findings);
        let is_to_blame = |found: &Found, fault| found.severity() > Severity::Info && found.finding.fault() == fault;
        self.fault.is_none_or(|fault| findings().any(|found| is_to_blame(found, fault)))
            && (self.finding.is_empty() || findings().any(|found| found.finding.code() == self.finding))
            && (self.owner.is_empty() || owners(&view.watch).any(|owner| owner == self.owner))
            && (self.label.is_empty() || policy.labels.iter().any(|(name, value)| is_label(&self.label, name, value)))
            && (self.search.is_empty() || self.finds(view))
    }

    fn finds(&self, view: &EndpointView) -> bool {
        let endpoint = &view.watch.endpoint;
        let has = |text: &str| text.to_lowercase().contains(&self.search);
        let is_in = |certificate: &Certificate| {
            let is_called = |facts: &Facts| {
                has(facts.subject.text()) || has(facts.issuer.text()) || facts.sans().take(SANS).any(|san| has(&san.to_string()))
            };
            certificate.facts().is_some_and(is_called) || certificate.fingerprint.to_string().starts_with(&self.search)
        };
        let shown = |row: &AddressView| row.known.as_ref().and_then(|known| known.observation.chain()).cloned();
        has(&endpoint.name)
            || has(&endpoint.target.to_string())
            || view.addresses.iter().any(|row| row.address.is_some_and(|ip| ip.to_string() == self.search))
            || view.addresses.iter().filter_map(shown).any(|chain| is_in(&chain.leaf))
    }

    /// Whether anything but the headline, the order and the place in it is asked for.
    pub(super) fn is_narrow(&self) -> bool {
        self.fault.is_some() || [&self.finding, &self.owner, &self.label, &self.search].iter().any(|text| !text.is_empty())
    }

    /// What a form has to keep, and a link to say: name and value.
    pub(super) fn parts(&self) -> Vec<(&'static str, String)> {
        let name = |name: Option<&'static str>| name.unwrap_or_default().to_owned();
        let number = |number: Option<usize>| number.map(|number| number.to_string()).unwrap_or_default();
        let parts = [
            ("status", name(self.status.map(Status::name))),
            ("fault", name(self.fault.map(Fault::name))),
            ("finding", self.finding.clone()),
            ("owner", self.owner.clone()),
            ("label", self.label.clone()),
            ("q", self.search.clone()),
            ("sort", name(Some(self.sort).filter(|sort| *sort != Sort::default()).map(Sort::name))),
            ("page", number(Some(self.page).filter(|page| *page > 1))),
            ("refresh", number(self.refresh.and_then(|seconds| usize::try_from(seconds).ok()))),
        ];
        parts.into_iter().filter(|(_, value)| !value.is_empty()).collect()
    }

    /// The query of a link to this view, below any prefix of a proxy.
    pub(super) fn link(&self) -> String {
        let parts: Vec<_> = self.parts().iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        format!("?{}", parts.join("&"))
    }
}

/// One of those asked for.
pub(in crate::web) struct Match<'a> {
    pub(in crate::web) status: Status,
    pub(in crate::web) ends: Timestamp,
    pub(in crate::web) view: &'a Arc<EndpointView>,
}

impl<'a> Match<'a> {
    pub(in crate::web) fn of(view: &'a Arc<EndpointView>) -> Self {
        Match { status: view.status(), ends: view.not_after().unwrap_or(Timestamp::MAX), view }
    }
}

/// Only the first `shown` of them need be in order: the others come after those, as it happens.
pub(in crate::web) fn in_order(found: &mut [Match<'_>], by: Sort, shown: usize) {
    let urgency = |found: &Match<'_>| (Reverse(found.status), found.ends);
    let visit = |found: &Match<'_>| found.view.addresses.iter().map(AddressView::last_probe).min();
    let order = |one: &Match<'_>, other: &Match<'_>| {
        let first = match by {
            Sort::Urgency | Sort::Name => std::cmp::Ordering::Equal,
            Sort::Ends => one.ends.cmp(&other.ends),
            Sort::Visit => visit(one).cmp(&visit(other)),
        };
        let last = one.view.name().cmp(other.view.name());
        if by == Sort::Name { last } else { first.then(urgency(one).cmp(&urgency(other))).then(last) }
    };
    if shown < found.len() {
        found.select_nth_unstable_by(shown, order);
    }
    let shown = shown.min(found.len());
    found[..shown].sort_by(order);
}

/// The value of this key in a query.
pub(super) fn decoded(query: &str, key: &str) -> Option<String> {
    let pair = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == key);
    pair.map(|(_, value)| decode(value, true))
}

/// `wanted` is this label, `name:value`.
fn is_label(wanted: &str, name: &str, value: &str) -> bool {
    wanted.strip_prefix(name).and_then(|rest| rest.strip_prefix(':')) == Some(value)
}

const LONGEST: usize = 100;
/// So many names of a certificate are searched.
const SANS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_survive_the_way_there_and_back() {
        let asked = "status=critical&fault=server&finding=expired&owner=o%2Bps&label=a%3Ab&q=%22%3Cm%C3%9Cl+x&sort=ends&page=3\
            &refresh=30&junk&other=1";
        let view = Query::parse(asked);
        let wanted = Query {
            status: Some(Status::Critical),
            fault: Some(Fault::Server),
            finding: "expired".into(),
            owner: "o+ps".into(),
            label: "a:b".into(),
            search: "\"<mül x".into(),
            sort: Sort::Ends,
            page: 3,
            refresh: Some(30),
        };
        assert_eq!(view, wanted);
        let link = view.link();
        let end = "&owner=o%2Bps&label=a%3Ab&q=%22%3Cm%C3%BCl%20x&sort=ends&page=3&refresh=30";
        assert!(link.starts_with("?status=critical&fault=server&finding=expired") && link.ends_with(end), "{link}");
        assert_eq!(Query::parse(&link[1..]), view);
    }

    #[test]
    fn nonsense_is_left_out() {
        let nothing = Query { page: 1, ..Query::default() };
        assert_eq!(Query::parse("status=great&fault=mine&sort=x&page=-1&refresh=0&q=&owner="), nothing);
        assert_eq!(nothing.link(), "?");
        assert_eq!(Query::parse("page=0&q=%"), Query { search: "%".into(), ..nothing });
    }

    #[test]
    fn what_is_shown_is_in_order_however_much_follows() {
        let fleet = crate::web::sample::fleet();
        let names = |by: Sort, shown: usize| {
            let mut found: Vec<_> = fleet.endpoints.iter().map(Match::of).collect();
            in_order(&mut found, by, shown);
            found.iter().map(|found| found.view.name().to_string()).collect::<Vec<_>>()
        };
        for by in Sort::ALL {
            let all = names(by, usize::MAX);
            for shown in 0..=all.len() + 1 {
                let (seen, head) = (names(by, shown), shown.min(all.len()));
                assert_eq!(seen[..head], all[..head], "{by:?} {shown}");
                assert_eq!(seen.len(), all.len());
            }
        }
    }

    #[test]
    fn a_label_is_its_name_and_its_value() {
        assert!(is_label("team:web", "team", "web") && is_label("a:b:c", "a:b", "c") && is_label("a:b:c", "a", "b:c"));
        assert!(!is_label("team:web", "tea", "web") && !is_label("team", "team", ""));
    }
}
