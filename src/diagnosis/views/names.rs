//! Whether a leaf carries the name that is asked for, by the rules of clients that do not leave this to OpenSSL's defaults.

use core::net::IpAddr;
use std::borrow::Cow;

use crate::{
    certificate::{Facts, San, printable_cut},
    diagnosis::identity,
    endpoint::Host,
};

/// curl's words where the name does not fit (`Curl_ossl_verifyhost`). Where the leaf has neither a DNS name nor an address, its last
/// common name is matched, for an address too.
pub(super) fn curl(leaf: &Facts, asked: &Host) -> Option<String> {
    let shown = |text: &str| printable_cut(text, 200);
    let target = format!("target host name '{}'", shown(&asked.to_string()));
    if leaf.sans().any(|san| matches!(san, San::Dns(_) | San::Ip(_))) {
        let fits = match asked {
            Host::Name(name) => leaf.dns_names().any(|pattern| curl_matches(&pattern, name)),
            Host::Ip(ip) => identity::matches_address(leaf, *ip),
        };
        return (!fits).then(|| format!("SSL: no alternative certificate subject name matches {target}"));
    }
    let Some(name) = leaf.common_names().last() else {
        return Some("SSL: unable to obtain common name from peer certificate".into());
    };
    (!curl_matches(&name, &asked.to_string()))
        .then(|| format!("SSL: certificate subject name '{}' does not match {target}", shown(&name)))
}

/// Python with urllib3 2 (`X509_CHECK_FLAG_NEVER_CHECK_SUBJECT`, `X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS`) and browsers: alternative
/// names only, and a star only in place of a whole label (RFC 9525, sections 2 and 6.3).
pub(super) fn strict(leaf: &Facts, asked: &Host) -> bool {
    let is_whole = |pattern: &Cow<'_, str>| !pattern.contains('*') || pattern.starts_with("*.");
    match asked {
        Host::Name(name) => leaf.dns_names().filter(is_whole).any(|pattern| identity::matches(&pattern, name)),
        Host::Ip(ip) => identity::matches_address(leaf, *ip),
    }
}

/// `hostmatch`: a last dot counts on neither side; a star only as the whole first label, over two labels at least.
fn curl_matches(pattern: &str, asked: &str) -> bool {
    let [pattern, asked] = [pattern, asked].map(|name| name.strip_suffix('.').unwrap_or(name));
    let Some(base) = pattern.strip_prefix("*.").filter(|base| base.contains('.')) else {
        return pattern.eq_ignore_ascii_case(asked);
    };
    let parent = asked.split_once('.').map(|(_, parent)| parent);
    asked.parse::<IpAddr>().is_err() && parent.is_some_and(|parent| parent.eq_ignore_ascii_case(base))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        certificate::Certificate,
        lab::pki::{Pki, Recipe},
    };

    /// What OpenSSL, curl and the strict say, as the real ones do (OpenSSL 3.0, curl 7.88, Python 3.11).
    fn said(recipe: &Recipe, asked: &str) -> [bool; 3] {
        let pki = Pki::new("2026-11-22T12:00:00Z".parse().expect("a timestamp")).expect("P-256");
        let leaf = Certificate::from_der(&recipe.signed_by(&pki.intermediate).expect("sound").der());
        let (leaf, host) = (leaf.facts().expect("readable"), asked.parse().expect("a host"));
        let openssl = match &host {
            Host::Name(name) => identity::matches_name(leaf, name),
            Host::Ip(ip) => identity::matches_address(leaf, *ip),
        };
        [openssl, curl(leaf, &host).is_none(), strict(leaf, &host)]
    }

    #[test]
    fn each_client_has_its_own_rule() {
        let now = "2026-11-22T12:00:00Z".parse().expect("a timestamp");
        for (name, asked, expected) in [
            ("www.a.test", "WWW.a.test", [true, true, true]),
            ("*.a.test", "www.a.test", [true, true, true]),
            ("*.a.test", "a.test", [false, false, false]),
            ("*.a.test", "x.www.a.test", [false, false, false]),
            ("*.test", "a.test", [false, false, false]),
            ("w*.a.test", "www.a.test", [true, false, false]),
            ("*w.a.test", "www.a.test", [true, false, false]),
            ("*.a_b.test", "www.a_b.test", [false, true, false]),
            ("www.a.test.", "www.a.test", [false, true, false]),
            ("127.0.0.1", "127.0.0.1", [true, true, true]),
        ] {
            assert_eq!(said(&Recipe::leaf(now, [name]), asked), expected, "{name} {asked}");
        }
        let common_name = |name: &str, sans: &[&str]| Recipe::leaf(now, sans.iter().copied()).common_name(name);
        for (recipe, asked, expected) in [
            (common_name("www.a.test", &[]).no_san(), "www.a.test", [true, true, false]),
            (common_name("*.a.test", &[]).no_san(), "www.a.test", [true, true, false]),
            (common_name("127.0.0.1", &[]).no_san(), "127.0.0.1", [false, true, false]),
            (common_name("*.0.0.1", &[]).no_san(), "127.0.0.1", [false, false, false]),
            (common_name("www.a.test", &["192.0.2.1"]), "www.a.test", [true, false, false]),
            (common_name("www.a.test", &["b.test"]), "www.a.test", [false, false, false]),
        ] {
            assert_eq!(said(&recipe, asked), expected, "{recipe:?} {asked}");
        }
    }
}
