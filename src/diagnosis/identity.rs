//! Whether the leaf carries the name that was asked for, as OpenSSL's `X509_check_host` and `X509_check_ip` decide.

use core::net::IpAddr;

use crate::certificate::{Facts, San};

/// DNS names of the SAN; the common name only where there is none at all.
pub(super) fn matches_name(leaf: &Facts, asked: &str) -> bool {
    let mut dns_names = leaf.dns_names();
    match dns_names.next() {
        Some(first) => matches(&first, asked) || dns_names.any(|name| matches(&name, asked)),
        None => leaf.common_names().any(|name| matches(&name, asked)),
    }
}

/// Addresses of the SAN, octet by octet.
pub(super) fn matches_address(leaf: &Facts, asked: IpAddr) -> bool {
    let octets = match asked {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    leaf.sans().any(|san| san == San::Ip(&octets))
}

/// `equal_wildcard`: ASCII case folded; one star, in the first label, at its start or end.
pub(super) fn matches(pattern: &str, asked: &str) -> bool {
    if asked.len() > 1 && asked.starts_with('.') {
        // OpenSSL's question for any name below (`skip_prefix`): a star is then a character as any other.
        let Some((below, rest)) = pattern.len().checked_sub(asked.len()).and_then(|at| pattern.split_at_checked(at)) else {
            return false;
        };
        return !below.contains('\0') && rest.eq_ignore_ascii_case(asked);
    }
    let Some((before, after)) = star(pattern) else {
        return !pattern.is_empty() && pattern.eq_ignore_ascii_case(asked);
    };
    let Some(middle_len) = asked.len().checked_sub(before.len() + after.len()) else { return false };
    let (Some(head), Some(middle), Some(tail)) =
        (asked.get(..before.len()), asked.get(before.len()..before.len() + middle_len), asked.get(before.len() + middle_len..))
    else {
        return false;
    };
    let whole_label = before.is_empty() && after.starts_with('.');
    let partial_of_idna = !whole_label && asked.get(..4).is_some_and(is_idna);
    head.eq_ignore_ascii_case(before)
        && tail.eq_ignore_ascii_case(after)
        && !(whole_label && middle.is_empty())
        && !partial_of_idna
        && (middle == "*" || middle.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
}

fn is_idna(text: &str) -> bool {
    text.eq_ignore_ascii_case("xn--")
}

/// `valid_star`: what stands before and after the one legal star; `None` where the pattern has none.
fn star(pattern: &str) -> Option<(&str, &str)> {
    let labels: Vec<&str> = pattern.split('.').collect();
    let (first, rest) = labels.split_first()?;
    let (before, after) = first.split_once('*')?;
    let sound = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let first_is_sound = (before.is_empty() || after.is_empty())
        && !after.contains('*')
        && !before.starts_with('-')
        && ![before, after].iter().any(|part| part.ends_with('-'))
        && [before, after].iter().all(|part| part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
        && !first.get(..4).is_some_and(is_idna);
    if rest.len() < 2 || !first_is_sound || !rest.iter().all(|label| sound(label)) {
        return None;
    }
    let at = before.len();
    Some((&pattern[..at], &pattern[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn names_match_as_in_openssl() {
        for (pattern, asked, expected) in [
            ("a.example", "A.Example", true),
            ("*.example.org", "www.example.org", true),
            ("*.example.org", "a.b.example.org", false),
            ("*.example.org", "example.org", false),
            ("*.org", "example.org", false),
            ("w*.example.org", "www.example.org", true),
            ("*w.example.org", "www.example.org", true),
            ("w*w.example.org", "www.example.org", false),
            ("www.*.org", "www.example.org", false),
            ("*.*.example.org", "a.b.example.org", false),
            ("*.example.org", "xn--bcher-kva.example.org", true),
            ("x*.example.org", "xn--bcher-kva.example.org", false),
            ("w*.example.org", "wxn--b.example.org", true),
            ("a-*.example.org", "a-b.example.org", false),
            ("*-a.example.org", "b-a.example.org", true),
            ("xn--*.example.org", "xn--bcher-kva.example.org", false),
            ("*.example.org.", "www.example.org", false),
            ("a.example.", "a.example", false),
            ("", "a.example", false),
            ("a.b.example", ".example", true),
            ("*.B.example", ".b.Example", true),
            (".example", ".example", true),
            ("b.example", "b.example.", false),
            ("b.example", ".b.example", false),
            ("a\0b.example", ".example", false),
            ("*.example.org", ".www.example.org", false),
            (".", ".", true),
            ("*.exa_mple.org", "www.exa_mple.org", false),
        ] {
            assert_eq!(matches(pattern, asked), expected, "{pattern} {asked}");
        }
    }
}
