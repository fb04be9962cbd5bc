//! Name constraints (RFC 5280, section 4.2.1.10) as OpenSSL's `check_name_constraints` and `nc_match` apply them: from the top of
//! the path down to the leaf, every certificate against every CA above it.
//!
//! The work is bounded: for one certificate and one CA, names times constraints may not exceed [`MOST_COMPARISONS`], and for the
//! whole path [`MOST_IN_ALL`].

use super::{VerifyError, tally};
use crate::certificate::{
    Facts, Name,
    der::Element,
    general::{self, GeneralName, NameConstraints, Subtree},
};

/// OpenSSL's `NAME_CHECK_MAX`: beyond it nothing is compared, and the verdict is 1.
const MOST_COMPARISONS: usize = 1 << 20;

/// OpenSSL has no such limit; no path that is meant to work comes near. What is beyond it is refused in the same way.
const MOST_IN_ALL: usize = 1 << 22;

/// What OpenSSL's name constraints say along the path, leaf first.
pub(super) fn errors(chain: &[&Facts]) -> Vec<VerifyError> {
    let mut left = MOST_IN_ALL;
    let constraints: Vec<Option<NameConstraints<'_>>> =
        chain.iter().map(|ca| ca.extensions.rare().name_constraints.as_deref().and_then(general::constraints)).collect();
    let mut errors = Vec::new();
    for (depth, certificate) in chain.iter().enumerate().rev() {
        if depth > 0 && certificate.is_self_issued() {
            continue;
        }
        if certificate.extensions.proxy && !extends_its_issuer(certificate) {
            errors.push(VerifyError { code: SUBJECT_OF_PROXY, depth });
        }
        if constraints[depth + 1..].iter().all(Option::is_none) {
            continue;
        }
        let names = Names::of(certificate, depth == 0);
        for ca in constraints[depth + 1..].iter().rev().flatten() {
            if let Err(code) = names.check(ca, &mut left) {
                errors.push(VerifyError { code, depth });
            }
        }
    }
    errors
}

/// A proxy certificate's subject is its issuer's and one common name more (RFC 3820, section 3.4).
fn extends_its_issuer(proxy: &Facts) -> bool {
    let (subject, issuer) = (&proxy.subject, &proxy.issuer);
    let shape = subject.shape();
    shape.attributes > 1
        && shape.attributes == issuer.shape().attributes + 1
        && shape.ends_with_common_name
        && subject.canonical()[..shape.last] == *issuer.canonical()
}

/// All that a certificate is called, in the order in which it is held against the constraints.
struct Names<'a> {
    subject: &'a Name,
    attributes: usize,
    emails: Vec<Option<&'a [u8]>>,
    alternative: Vec<GeneralName<'a>>,
    /// The leaf's common names count as DNS names where it has no others.
    common: Vec<String>,
}

impl<'a> Names<'a> {
    fn of(certificate: &'a Facts, is_leaf: bool) -> Self {
        let alternative = certificate.alternative_names().and_then(general::names).unwrap_or_default();
        let has_dns = alternative.iter().any(|name| matches!(name, GeneralName::Dns(_)));
        let common = if is_leaf && !has_dns { certificate.subject.common_names() } else { Vec::new() };
        let (subject, emails) = (&certificate.subject, certificate.subject_emails());
        Names { subject, attributes: subject.shape().attributes, emails, alternative, common }
    }

    /// The first objection; `left` is how many comparisons may still be made.
    fn check(&self, constraints: &NameConstraints<'_>, left: &mut usize) -> Result<(), u16> {
        let names = self.attributes + self.alternative.len();
        let subtrees = constraints.permitted.len() + constraints.excluded.len();
        let comparisons = names.saturating_mul(subtrees);
        if comparisons > MOST_COMPARISONS {
            return Err(UNSPECIFIED);
        }
        *left = left.checked_sub(comparisons).ok_or(UNSPECIFIED)?;
        let admit = |name: &Called<'_>, constraints| {
            tally::count(tally::Work::Name, subtrees);
            admit(name, constraints)
        };
        if self.attributes > 0 {
            admit(&Called::Directory(self.subject), constraints)?;
            for email in &self.emails {
                admit(&Called::Email(email.ok_or(NAME_SYNTAX)?), constraints)?;
            }
        }
        for name in &self.alternative {
            admit(&Called::of(name), constraints)?;
        }
        for name in &self.common {
            if let Some(dns) = as_dns_name(name)? {
                admit(&Called::Dns(dns.as_bytes()), constraints)?;
            }
        }
        Ok(())
    }
}

/// A name that is held against constraints, by the kind of the constraints that apply to it.
enum Called<'a> {
    Other(&'a str),
    /// The other name of RFC 8398, to which the constraints on email apply.
    InternationalEmail(Element<'a>),
    Email(&'a [u8]),
    Dns(&'a [u8]),
    Directory(&'a Name),
    Uri(&'a [u8]),
    Ip(&'a [u8]),
    Rare(u8),
}

impl<'a> Called<'a> {
    fn of(name: &'a GeneralName<'a>) -> Self {
        match name {
            GeneralName::OtherName(kind, value) if kind == SMTP_UTF8_MAILBOX => Called::InternationalEmail(*value),
            GeneralName::OtherName(kind, _) => Called::Other(kind),
            GeneralName::Email(octets) => Called::Email(octets),
            GeneralName::Dns(octets) => Called::Dns(octets),
            GeneralName::Directory(name) => Called::Directory(name),
            GeneralName::Uri(octets) => Called::Uri(octets),
            GeneralName::Ip(octets) => Called::Ip(octets),
            GeneralName::Rare(number, _) => Called::Rare(*number),
        }
    }

    /// Whether the name lies below `base`; `None` where the constraint is of another kind.
    fn lies_below(&self, base: &GeneralName<'_>) -> Option<Result<bool, u16>> {
        Some(match (self, base) {
            (Called::Other(kind), GeneralName::OtherName(of, _)) if kind == of => Err(UNSUPPORTED_TYPE),
            (Called::Rare(number), GeneralName::Rare(of, _)) if number == of => Err(UNSUPPORTED_TYPE),
            (Called::InternationalEmail(value), GeneralName::Email(base)) => international_email(*value, base),
            (Called::Email(name), GeneralName::Email(base)) => email(name, base),
            (Called::Dns(name), GeneralName::Dns(base)) => Ok(dns(name, base)),
            (Called::Directory(name), GeneralName::Directory(base)) => Ok(name.canonical().starts_with(base.canonical())),
            (Called::Uri(name), GeneralName::Uri(base)) => uri(name, base),
            (Called::Ip(name), GeneralName::Ip(base)) => ip(name, base),
            _ => return None,
        })
    }
}

/// One of the permitted subtrees of the name's kind, where there are any, and none of the excluded ones.
fn admit(name: &Called<'_>, constraints: &NameConstraints<'_>) -> Result<(), u16> {
    let mut permitted = None;
    for subtree in &constraints.permitted {
        let Some(below) = below(name, subtree, permitted != Some(true))? else { continue };
        permitted = Some(permitted == Some(true) || below);
    }
    if permitted == Some(false) {
        return Err(PERMITTED_VIOLATION);
    }
    for subtree in &constraints.excluded {
        if below(name, subtree, true)? == Some(true) {
            return Err(EXCLUDED_VIOLATION);
        }
    }
    Ok(())
}

/// `lies_below`, once the subtree's own form is found sound; not `compare`d where the answer is not needed any more.
fn below(name: &Called<'_>, subtree: &Subtree<'_>, compare: bool) -> Result<Option<bool>, u16> {
    match name.lies_below(&subtree.base) {
        None => Ok(None),
        Some(_) if !subtree.plain => Err(MINIMUM_OR_MAXIMUM),
        Some(_) if !compare => Ok(Some(false)),
        Some(result) => result.map(Some),
    }
}

/// Whole labels may stand before the base; a base that starts with a dot asks for at least one.
fn dns(name: &[u8], base: &[u8]) -> bool {
    let Some(at) = name.len().checked_sub(base.len()) else { return false };
    let at_label = base.is_empty() || at == 0 || base[0] == b'.' || name[at - 1] == b'.';
    at_label && name[at..].eq_ignore_ascii_case(base)
}

/// A host, the hosts below `.host`, or one mailbox.
fn email(name: &[u8], base: &[u8]) -> Result<bool, u16> {
    let (local, host) = split_at_last(name, b'@').ok_or(NAME_SYNTAX)?;
    let Some((base_local, base_host)) = split_at_last(base, b'@') else {
        return Ok(if base.first() == Some(&b'.') { is_longer_suffix(name, base) } else { host.eq_ignore_ascii_case(base) });
    };
    if !base_local.is_empty() {
        if local.len() == base_local.len() && (local.contains(&0) || base_local.contains(&0)) {
            return Err(NAME_SYNTAX);
        }
        if local != base_local {
            return Ok(false);
        }
    }
    Ok(host.eq_ignore_ascii_case(base_host))
}

/// RFC 8398, section 6, for hosts in ASCII: a UTF8String against a host, or against the hosts below `.host`.
fn international_email(value: Element<'_>, base: &[u8]) -> Result<bool, u16> {
    const UTF8_STRING: u8 = 0x0c;
    let name = if value.tag == UTF8_STRING { value.content } else { return Err(NAME_SYNTAX) };
    let (_, host) = split_at_last(name, b'@').ok_or(NAME_SYNTAX)?;
    Ok(if base.first() == Some(&b'.') { is_longer_suffix(name, base) } else { host == base })
}

/// The host between `//` and the port or path: that host, or the hosts below `.host`.
fn uri(name: &[u8], base: &[u8]) -> Result<bool, u16> {
    let colon = position(name, b':').ok_or(NAME_SYNTAX)?;
    let rest = name[colon + 1..].strip_prefix(b"//").ok_or(NAME_SYNTAX)?;
    let end = position(rest, b':').or_else(|| position(rest, b'/')).unwrap_or(rest.len());
    let host = &rest[..end];
    if host.is_empty() {
        return Err(NAME_SYNTAX);
    }
    Ok(if base.first() == Some(&b'.') { is_longer_suffix(host, base) } else { host.eq_ignore_ascii_case(base) })
}

/// Address and mask.
fn ip(name: &[u8], base: &[u8]) -> Result<bool, u16> {
    if !matches!(name.len(), 4 | 16) || !matches!(base.len(), 8 | 32) {
        return Err(NAME_SYNTAX);
    }
    let (address, mask) = base.split_at(base.len() / 2);
    Ok(name.len() == address.len() && name.iter().zip(address).zip(mask).all(|((name, base), mask)| (name ^ base) & mask == 0))
}

/// `cn2dnsid`: a common name of two labels or more, of letters, digits, `-` and `_`, counts as a host name.
fn as_dns_name(common_name: &str) -> Result<Option<&str>, u16> {
    let name = common_name.trim_end_matches('\0');
    let octets = name.as_bytes();
    if octets.contains(&0) {
        return Err(NAME_SYNTAX);
    }
    let sound = |(at, octet): (usize, &u8)| match octet {
        b'_' => true,
        octet if octet.is_ascii_alphanumeric() => true,
        _ if at == 0 || at + 1 == octets.len() => false,
        b'-' => true,
        b'.' => !matches!(octets[at + 1], b'.' | b'-') && octets[at - 1] != b'-',
        _ => false,
    };
    Ok((octets.contains(&b'.') && octets.iter().enumerate().all(sound)).then_some(name))
}

fn is_longer_suffix(name: &[u8], suffix: &[u8]) -> bool {
    name.len() > suffix.len() && name[name.len() - suffix.len()..].eq_ignore_ascii_case(suffix)
}

fn split_at_last(text: &[u8], octet: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().rposition(|one| *one == octet)?;
    Some((&text[..at], &text[at + 1..]))
}

fn position(text: &[u8], octet: u8) -> Option<usize> {
    text.iter().position(|one| *one == octet)
}

const UNSPECIFIED: u16 = 1;
const PERMITTED_VIOLATION: u16 = 47;
const EXCLUDED_VIOLATION: u16 = 48;
const MINIMUM_OR_MAXIMUM: u16 = 49;
const UNSUPPORTED_TYPE: u16 = 51;
const NAME_SYNTAX: u16 = 53;
const SUBJECT_OF_PROXY: u16 = 72;
/// `id-on-SmtpUTF8Mailbox` (RFC 8398).
const SMTP_UTF8_MAILBOX: &str = "1.3.6.1.5.5.7.8.9";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        certificate::{Certificate, der},
        lab::pki::{Issued, Pki, Recipe},
    };

    fn facts(issued: &Issued) -> Facts {
        Certificate::from_der(&issued.der()).facts().expect("readable").clone()
    }

    /// So many excluded subtrees, DNS names below `none`.
    fn subtrees(count: usize) -> Box<[u8]> {
        let names = (0..count).map(|number| der::written(der::primitive(2), format!("n{number}.none").as_bytes()));
        let subtrees: Vec<u8> = names.flat_map(|name| der::written(der::SEQUENCE, &name)).collect();
        der::written(der::SEQUENCE, &der::written(der::constructed(1), &subtrees)).into()
    }

    /// A leaf with so many names below CAs, the lowest with so many excluded subtrees.
    fn bomb(names: usize, subtrees: usize, cas: usize) -> (Vec<VerifyError>, usize) {
        let now = "2026-11-22T12:00:00Z".parse().expect("a timestamp");
        let pki = Pki::new(now).expect("P-256");
        let names: Vec<_> = (0..names).map(|number| format!("n{number}.test")).collect();
        let leaf = facts(&pki.leaf(names.iter().map(|name| &**name)).signed_by(&pki.intermediate).expect("sound"));
        let mut ca = facts(&Recipe::ca(now, "CA").signed_by(&pki.root).expect("sound"));
        // So that no name is excluded, and every one is held against all.
        ca.extensions.rare_mut().name_constraints = Some((&*self::subtrees(subtrees)).into());
        let mut chain = vec![&leaf];
        chain.extend(std::iter::repeat_n(&ca, cas));
        let (errors, work) = tally::of(|| errors(&chain));
        (errors, work.names)
    }

    #[test]
    fn bombs_are_refused_before_they_go_off() {
        let unspecified = VerifyError { code: 1, depth: 0 };
        assert_eq!(bomb(10_000, 10_000, 1), (vec![unspecified], 0));
        // Organisation, common name and 1022 names: just not too many for 1024 constraints.
        let (errors, work) = bomb(1022, 1024, 1);
        assert_eq!((errors, work), (Vec::new(), 1023 * 1024));
        assert_eq!(bomb(1023, 1024, 1), (vec![unspecified], 0));
        // Each of eight CAs alone would do.
        let (errors, work) = bomb(1022, 1024, 8);
        assert!(errors.len() > 3 && errors.iter().all(|error| *error == unspecified), "{errors:?}");
        assert!(work > 3 << 20 && work <= MOST_IN_ALL, "{work}");
    }

    #[test]
    fn the_work_grows_with_what_is_there_and_no_faster() {
        let (errors, work) = bomb(10, 10, 100);
        assert!(errors.is_empty());
        // The leaf's ten names and its subject below every CA; each CA's subject below those above it.
        assert_eq!(work, 11 * 10 * 100 + 10 * (99 * 100 / 2));
    }

    #[test]
    fn what_looks_like_a_host_name_in_a_common_name() {
        for (name, expected) in [
            ("a.test", Ok(Some("a.test"))),
            ("a_b.te-st", Ok(Some("a_b.te-st"))),
            ("a.test\0\0", Ok(Some("a.test"))),
            ("a\0.test", Err(53)),
            ("test", Ok(None)),
            ("a b.test", Ok(None)),
            ("-a.test", Ok(None)),
            ("a.test.", Ok(None)),
            ("a..test", Ok(None)),
            ("a-.test", Ok(None)),
            ("a.-test", Ok(None)),
            ("*.test", Ok(None)),
            ("", Ok(None)),
        ] {
            assert_eq!(as_dns_name(name), expected, "{name:?}");
        }
    }
}
