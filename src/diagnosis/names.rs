//! How narrowly a certificate misses the name that was asked for: what was probably meant, and what to change.

use core::net::{Ipv4Addr, Ipv6Addr};
use std::borrow::Cow;

use super::identity;
use crate::{
    certificate::{Facts, San, printable_cut},
    endpoint::Host,
};

/// The nearest of what a certificate carries to what was asked for. Names are safe to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NearMiss {
    /// Nothing is near.
    Far,
    /// An address was asked for, and the certificate carries no address at all.
    NoAddresses,
    /// The address stands among the DNS names, where no client looks for it.
    AddressAsName,
    /// A name was asked for, and the certificate carries addresses only.
    OnlyAddresses,
    /// Only the CN has it, and the CN does not count beside alternative names.
    OnlyCommonName,
    /// The certificate writes the name with a dot at its end.
    TrailingDot,
    /// The name was asked for with a dot at its end.
    AskedWithDot,
    /// It carries `www.` and the name, but not the name.
    OnlyWww,
    /// It carries the name without its `www.`.
    OnlyApex,
    /// This wildcard covers every name below the one asked for, but not itself.
    WildcardAboveApex(String),
    /// This wildcard covers one label; the name has more.
    WildcardTooShort(String),
    /// This wildcard covers names one label further down.
    WildcardTooLong(String),
    /// This wildcard is one that no client accepts.
    WildcardRefused(String),
    /// Another name of the same domain.
    SameDomain(String),
}

impl NearMiss {
    /// The nearest miss of a leaf that does not carry `asked`.
    pub(super) fn of(leaf: &Facts, asked: &Host) -> Self {
        let names: Vec<Cow<'_, str>> = leaf.dns_names().collect();
        let has_address = leaf.sans().any(|san| matches!(san, San::Ip(_)));
        match asked {
            Host::Ip(ip) => {
                let written = ip.to_string();
                if names.iter().any(|name| *name == written) || leaf.common_names().any(|name| name == written) {
                    NearMiss::AddressAsName
                } else if has_address {
                    NearMiss::Far
                } else {
                    NearMiss::NoAddresses
                }
            }
            Host::Name(asked) => {
                let asked = asked.to_ascii_lowercase();
                if names.is_empty() && has_address {
                    return NearMiss::OnlyAddresses;
                }
                if !names.is_empty() && leaf.common_names().any(|name| name.eq_ignore_ascii_case(&asked)) {
                    return NearMiss::OnlyCommonName;
                }
                let names = if names.is_empty() { leaf.common_names().map(Cow::Owned).collect() } else { names };
                nearest(&asked, &names, leaf)
            }
        }
    }
}

/// The wildcards with a star within a label, where `asked` matches no other name: OpenSSL takes them (`valid_star`), clients that
/// follow RFC 6125, 6.4.3, and RFC 9525, 6.3, do not. Safe to print.
pub(super) fn partial_wildcards(leaf: &Facts, asked: &str) -> Vec<String> {
    let matching = leaf.dns_names().filter(|name| identity::matches(name, asked));
    let (partial, others): (Vec<_>, Vec<_>) =
        matching.partition(|name| name.split('.').next().is_some_and(|label| label.contains('*') && label != "*"));
    if others.is_empty() { partial.into_iter().map(|name| printable_cut(&name, 200)).collect() } else { Vec::new() }
}

/// Wildcards over all that can be registered under a suffix: `*.com`, `*.co.uk`.
pub(super) fn broad_wildcards(leaf: &Facts) -> Vec<String> {
    let is_broad = |name: &Cow<'_, str>| name.strip_prefix("*.").is_some_and(|base| !base.is_empty() && domain(base).is_none());
    leaf.dns_names().filter(is_broad).map(|name| printable_cut(&name, 200)).collect()
}

/// Names and addresses that nobody can own in public: one label, a suffix that is reserved for inside, private addresses (RFC 6762,
/// RFC 6761, RFC 8375, RFC 1918, RFC 4193; Baseline Requirements, section 1.6.1, "Internal Name").
pub(super) fn internal(leaf: &Facts) -> Vec<String> {
    let is_internal = |san: &San<'_>| match san {
        San::Dns(name) => {
            let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
            let last = name.rsplit('.').next().unwrap_or_default();
            !name.is_empty() && (last == name || INTERNAL.contains(&last) || name.ends_with(".home.arpa"))
        }
        San::Ip(octets) => match (<[u8; 4]>::try_from(*octets), <[u8; 16]>::try_from(*octets)) {
            (Ok(v4), _) => {
                let ip = Ipv4Addr::from(v4);
                ip.is_private() || ip.is_loopback() || ip.is_link_local()
            }
            (_, Ok(v6)) => {
                let ip = Ipv6Addr::from(v6);
                ip.is_unique_local() || ip.is_loopback() || ip.is_unicast_link_local()
            }
            _ => false,
        },
        San::Other(_) => false,
    };
    leaf.sans().filter(is_internal).map(|san| super::judge::plain(&san)).collect()
}

/// The nearest kind of miss first; `asked` is in lowercase.
fn nearest(asked: &str, names: &[Cow<'_, str>], leaf: &Facts) -> NearMiss {
    if let Some(bare) = asked.strip_suffix('.')
        && identity::matches_name(leaf, bare)
    {
        return NearMiss::AskedWithDot;
    }
    let lowered: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    let find = |holds: &dyn Fn(&str) -> bool| lowered.iter().find(|name| holds(name)).map(|name| printable_cut(name, 200));
    let base = |name: &str| name.strip_prefix("*.").map(str::to_owned);
    let parent = asked.split_once('.').map_or("", |(_, parent)| parent);
    if find(&|name| name.strip_suffix('.').is_some_and(|bare| bare == asked)).is_some() {
        NearMiss::TrailingDot
    } else if find(&|name| name.strip_prefix("www.") == Some(asked)).is_some() {
        NearMiss::OnlyWww
    } else if find(&|name| asked.strip_prefix("www.") == Some(name)).is_some() {
        NearMiss::OnlyApex
    } else if let Some(wildcard) = find(&|name| base(name).is_some_and(|base| base == asked)) {
        NearMiss::WildcardAboveApex(wildcard)
    } else if let Some(wildcard) = find(&|name| base(name).is_some_and(|base| base == parent && !base.contains('.'))) {
        NearMiss::WildcardRefused(wildcard)
    } else if let Some(wildcard) =
        find(&|name| base(name).is_some_and(|base| base.contains('.') && parent.ends_with(&format!(".{base}"))))
    {
        NearMiss::WildcardTooShort(wildcard)
    } else if let Some(wildcard) = find(&|name| {
        base(name).and_then(|base| base.split_once('.').map(|(_, above)| above == parent)).unwrap_or(false)
            && parent.contains('.')
    }) {
        NearMiss::WildcardTooLong(wildcard)
    } else if let Some(name) = find(&|name| !name.contains('*') && domain(name).is_some() && domain(name) == domain(asked)) {
        NearMiss::SameDomain(name)
    } else {
        NearMiss::Far
    }
}

/// The part that somebody registered, as far as it can be told without the Public Suffix List: two labels, or three where the second
/// is one of those that many countries reserve. `None` for fewer.
pub(super) fn domain(name: &str) -> Option<&str> {
    let dots: Vec<usize> = name.rmatch_indices('.').map(|(at, _)| at).collect();
    let last = *dots.first()?;
    let second = &name[dots.get(1).map_or(0, |dot| dot + 1)..last];
    let reserved = name.len() - last == 3 && RESERVED.contains(&second);
    let labels = if reserved { 3 } else { 2 };
    if dots.len() + 1 < labels {
        return None;
    }
    Some(dots.get(labels - 1).map_or(name, |dot| &name[dot + 1..]))
}

/// Last labels that are for inside.
const INTERNAL: &[&str] = &[
    "local",
    "localhost",
    "localdomain",
    "internal",
    "intranet",
    "lan",
    "home",
    "corp",
    "private",
    "test",
    "example",
    "invalid",
];

/// Second labels below which countries register names.
pub(super) const RESERVED: &[&str] =
    &["ac", "co", "com", "edu", "gob", "gov", "gv", "ltd", "mil", "ne", "net", "nom", "or", "org"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        certificate::Certificate,
        lab::pki::{Pki, Recipe},
    };

    fn of(recipe: &Recipe, asked: &str) -> NearMiss {
        let pki = Pki::new("2026-11-22T12:00:00Z".parse().expect("a timestamp")).expect("P-256");
        let leaf = Certificate::from_der(&recipe.signed_by(&pki.intermediate).expect("sound").der());
        let host = if asked.ends_with('.') { Host::Name(asked.into()) } else { asked.parse().expect("a host") };
        NearMiss::of(leaf.facts().expect("readable"), &host)
    }

    #[test]
    fn a_star_within_a_label_is_told_where_nothing_else_matches() {
        let pki = Pki::new("2026-11-22T12:00:00Z".parse().expect("a timestamp")).expect("P-256");
        for (names, asked, expected) in [
            (vec!["w*.a.example", "b.a.example"], "www.a.example", vec!["w*.a.example"]),
            (vec!["*w.a.example", "w*.a.example"], "www.a.example", vec!["*w.a.example", "w*.a.example"]),
            (vec!["w*.a.example", "*.a.example"], "www.a.example", vec![]),
            (vec!["w*.a.example", "www.a.example"], "www.a.example", vec![]),
            (vec!["w*.a.example"], "x.a.example", vec![]),
        ] {
            let leaf = Certificate::from_der(&pki.leaf(names.clone()).signed_by(&pki.intermediate).expect("sound").der());
            assert_eq!(partial_wildcards(leaf.facts().expect("readable"), asked), expected, "{names:?} for {asked}");
        }
    }

    #[test]
    fn each_kind_of_miss_is_told_from_the_others() {
        let now = "2026-11-22T12:00:00Z".parse().expect("a timestamp");
        let wildcard = |text: &str| text.to_owned();
        for (names, asked, expected) in [
            (vec!["www.a.example"], "a.example", NearMiss::OnlyWww),
            (vec!["a.example"], "www.a.example", NearMiss::OnlyApex),
            (vec!["*.a.example"], "a.example", NearMiss::WildcardAboveApex(wildcard("*.a.example"))),
            (vec!["*.a.example"], "x.y.a.example", NearMiss::WildcardTooShort(wildcard("*.a.example"))),
            (vec!["*.b.a.example"], "x.a.example", NearMiss::WildcardTooLong(wildcard("*.b.a.example"))),
            (vec!["*.example"], "a.example", NearMiss::WildcardRefused(wildcard("*.example"))),
            (vec!["*.example"], "x.a.example", NearMiss::Far),
            (vec!["a.example."], "a.example", NearMiss::TrailingDot),
            (vec!["a.example"], "a.example.", NearMiss::AskedWithDot),
            (vec!["mail.a.example"], "shop.a.example", NearMiss::SameDomain(wildcard("mail.a.example"))),
            (vec!["a.co.uk"], "b.co.uk", NearMiss::Far),
            (vec!["x.a.co.uk"], "y.a.co.uk", NearMiss::SameDomain(wildcard("x.a.co.uk"))),
            (vec!["b.example"], "a.example", NearMiss::Far),
            (vec!["a.example"], "192.0.2.1", NearMiss::NoAddresses),
            (vec!["192.0.2.2"], "192.0.2.1", NearMiss::Far),
            (vec!["192.0.2.1"], "a.example", NearMiss::OnlyAddresses),
        ] {
            assert_eq!(of(&Recipe::leaf(now, names.clone()), asked), expected, "{names:?} {asked}");
        }
        let leaf = || Recipe::leaf(now, ["b.example"]);
        assert_eq!(of(&leaf().common_name("a.example"), "a.example"), NearMiss::OnlyCommonName);
        assert_eq!(of(&leaf().common_name("192.0.2.1"), "192.0.2.1"), NearMiss::AddressAsName);
        assert_eq!(of(&leaf().no_san().common_name("www.a.example"), "a.example"), NearMiss::OnlyWww);
    }

    fn leaf_of(names: &[&str]) -> std::sync::Arc<Certificate> {
        let now = "2026-11-22T12:00:00Z".parse().expect("a timestamp");
        let made = Recipe::leaf(now, names.iter().copied()).self_signed().expect("P-256");
        Certificate::from_der(&made.der())
    }

    #[test]
    fn a_wildcard_over_a_whole_suffix_is_broad() {
        let leaf = leaf_of(&["*.com", "*.co.uk", "*.lan", "*.a.com", "*.a.co.uk", "com", "a.lan"]);
        assert_eq!(broad_wildcards(leaf.facts().expect("readable")), ["*.com", "*.co.uk", "*.lan"]);
    }

    #[test]
    fn what_nobody_can_own_is_internal() {
        let names =
            ["mail", "mail.corp", "a.home.arpa", "a.b.LOCAL", "10.1.2.3", "192.168.0.1", "172.16.0.1", "fd00::1", "127.0.0.1"];
        let public = ["a.org", "local.org", "home.arpa.org", "8.8.8.8", "172.32.0.1", "2001:db8::1", "*.a.org"];
        let leaf = leaf_of(&[&names[..], &public].concat());
        assert_eq!(internal(leaf.facts().expect("readable")), names);
    }

    #[test]
    fn a_domain_is_what_somebody_registered() {
        for (name, expected) in [
            ("www.a.example", Some("a.example")),
            ("a.example", Some("a.example")),
            ("x.y.a.co.uk", Some("a.co.uk")),
            ("a.co.uk", Some("a.co.uk")),
            ("co.uk", None),
            ("co.example", Some("co.example")),
            ("localhost", None),
        ] {
            assert_eq!(domain(name), expected, "{name}");
        }
    }
}
