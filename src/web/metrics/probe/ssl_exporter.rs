//! The names and meanings of `ssl_exporter`, as far as there is something to say.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use super::{
    super::text::{Lines, Series, strangers},
    Format, Seen, gauge, info,
    names::relative_names,
};
use crate::{
    certificate::{Certificate, Facts, San},
    endpoint::Protocol,
};

pub(super) fn render(out: &mut String, format: Format, seen: &Seen<'_>) {
    let help = "1 when the last visit saw a chain that verifies, or whose every fault is accepted.";
    gauge(out, format, "ssl_probe_success", help, u8::from(seen.is_success()));
    let is_https = seen.view.watch.endpoint.target.protocol == Protocol::Https;
    let prober = if is_https { "https" } else { "tcp" };
    info(out, format, "ssl_prober", "What such an endpoint is probed by.", &[("prober", prober)]);
    let help = "When the visit was made that this tells of.";
    gauge(out, format, "ssl_visit_timestamp_seconds", help, seen.address.last_probe().as_second());
    if let Some(version) = seen.tls_version() {
        info(out, format, "ssl_tls_version_info", "The version of TLS that was negotiated.", &[("version", &version)]);
    }
    // What the staple says is not told: a 0 would say good.
    if let Some(stapled) = seen.handshake().and_then(|handshake| handshake.tls.stapled) {
        let help = "Whether an OCSP answer was stapled to the handshake.";
        gauge(out, format, "ssl_ocsp_response_stapled", help, u8::from(stapled));
    }
    if let Some(chain) = seen.chain() {
        let presented: Vec<_> = chain.iter().cloned().collect();
        validity(out, format, "cert", "of each certificate that was presented last", &[], &presented);
    }
    if let Some(path) = seen.path() {
        let chain = [("chain_no", "0")];
        validity(out, format, "verified_cert", "of each certificate on the path by which the chain verifies", &chain, &path);
    }
}

/// `ssl_…_not_after` and `ssl_…_not_before`.
fn validity(out: &mut String, format: Format, what: &str, of: &str, first: &[(&str, &str)], all: &[Arc<Certificate>]) {
    let all = distinct(all);
    let name = format!("ssl_{what}_not_after");
    let mut lines = Lines::new(out, format, &name);
    lines.head("gauge", &format!("The end {of}."));
    for facts in &all {
        labels(&mut lines.series(), first, facts).is(facts.not_after.as_second());
    }
    let name = format!("ssl_{what}_not_before");
    let mut lines = Lines::new(out, format, &name);
    lines.head("gauge", &format!("The beginning {of}."));
    for facts in &all {
        labels(&mut lines.series(), first, facts).is(facts.not_before.as_second());
    }
}

/// Those that can be read, each serial of an issuer once; so many.
fn distinct(all: &[Arc<Certificate>]) -> Vec<&Facts> {
    let mut known = BTreeSet::new();
    let readable = all.iter().filter_map(|certificate| certificate.facts());
    readable.filter(|facts| known.insert((decimal(facts.serial()), strangers(&common_name(&facts.issuer))))).take(MOST).collect()
}

/// As of a chain on `/metrics`.
const MOST: usize = 10;

fn labels<'s, 'l, 'a>(series: &'s mut Series<'l, 'a>, first: &[(&str, &str)], facts: &Facts) -> &'s mut Series<'l, 'a> {
    for (label, text) in first {
        series.label(label, text);
    }
    let ips = facts.sans().filter_map(|san| if let San::Ip(octets) = san { ip(octets) } else { None });
    let emails = facts
        .sans()
        .filter_map(|san| if let San::Other(text) = san { Some(text.strip_prefix("email:")?.to_owned()) } else { None });
    let units = relative_names(facts.subject.text()).into_iter().filter_map(|name| name.strip_prefix("OU="));
    series
        .strangers("serial_no", &decimal(facts.serial()))
        .strangers("issuer_cn", &common_name(&facts.issuer))
        .strangers("cn", &common_name(&facts.subject))
        .strangers("dnsnames", &commas(facts.dns_names()))
        .strangers("ips", &commas(ips))
        .strangers("emails", &commas(emails))
        .strangers("ou", &commas(units))
}

fn common_name(name: &crate::certificate::Name) -> String {
    name.common_names().pop().unwrap_or_default()
}

/// `,a,b,`: a pattern finds `,a,` wherever it stands. Nothing for none.
fn commas(texts: impl Iterator<Item = impl AsRef<str>>) -> String {
    let mut out = String::new();
    for text in texts {
        if out.is_empty() {
            out.push(',');
        }
        out.push_str(text.as_ref());
        out.push(',');
    }
    out
}

fn ip(octets: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok().map(|ip| ip.to_string())
}

/// A serial number as people count; hex where it is longer than any CA's (RFC 5280, section 4.1.2.2: 20 octets).
fn decimal(serial: &[u8]) -> String {
    if serial.len() > 32 {
        return format!("0x{}", crate::certificate::hex(serial));
    }
    // The least significant first.
    let mut digits: Vec<u32> = vec![0];
    for octet in serial {
        let mut carry = u32::from(*octet);
        for digit in &mut digits {
            carry += *digit * 256;
            *digit = carry % 10;
            carry /= 10;
        }
        while carry > 0 {
            digits.push(carry % 10);
            carry /= 10;
        }
    }
    digits.into_iter().rev().filter_map(|digit| char::from_digit(digit, 10)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serials_are_decimal() {
        assert_eq!(decimal(&[]), "0");
        assert_eq!(decimal(&[0, 0]), "0");
        assert_eq!(decimal(&[0x0a, 0x0b]), "2571");
        assert_eq!(decimal(&[0x3b, 0x9a, 0xca, 0x00]), "1000000000");
        assert_eq!(decimal(&[0xff; 20]), "1461501637330902918203684832716283019655932542975");
        assert_eq!(decimal(&[1; 33]), format!("0x{}", "01".repeat(33)));
    }

    #[test]
    fn lists_stand_between_commas() {
        assert_eq!(commas(["a", "b"].into_iter()), ",a,b,");
        assert_eq!(commas([""; 0].into_iter()), "");
        assert_eq!((ip(&[127, 0, 0, 1]), ip(&[0; 3])), (Some("127.0.0.1".into()), None));
    }
}
