//! The names and meanings of `blackbox_exporter`, as far as there is something to say.

use std::net::IpAddr;

use super::{Format, Seen, first_end, gauge, info, names::as_in_go};
use crate::observation::Stage;

pub(super) fn render(out: &mut String, format: Format, seen: &Seen<'_>) {
    let help = "1 when the last visit saw a chain that verifies, or whose every fault is accepted.";
    gauge(out, format, "probe_success", help, u8::from(seen.is_success()));
    if let Some(took) = seen.took(|_| true) {
        gauge(out, format, "probe_duration_seconds", "How long the last visit took.", took.as_secs_f64());
    }
    if let Some(took) = seen.took(|stage| stage == Stage::Resolve) {
        gauge(out, format, "probe_dns_lookup_time_seconds", "How long it took to resolve the name.", took.as_secs_f64());
    }
    if let Some(address) = seen.address.address {
        let version = if address.is_ipv4() { 4 } else { 6 };
        gauge(out, format, "probe_ip_protocol", "The version of IP by which it was visited.", version);
        gauge(out, format, "probe_ip_addr_hash", "A hash of its address, to see when that changes.", hash(address));
    }
    gauge(out, format, "probe_failed_due_to_regex", "Nothing is expected by a pattern here: always 0.", 0);
    let help = "When the visit was made that this tells of.";
    gauge(out, format, "probe_visit_timestamp_seconds", help, seen.address.last_probe().as_second());
    certificate(out, format, seen);
}

fn certificate(out: &mut String, format: Format, seen: &Seen<'_>) {
    if let Some(end) = seen.earliest_end() {
        let help = "The first end of all certificates that were presented last.";
        gauge(out, format, "probe_ssl_earliest_cert_expiry", help, end.as_second());
    }
    if let Some(end) = seen.path().and_then(|path| first_end(path.iter())) {
        let help = "The first end on the path by which the chain verifies.";
        gauge(out, format, "probe_ssl_last_chain_expiry_timestamp_seconds", help, end.as_second());
    }
    if let Some(chain) = seen.chain()
        && let Some(leaf) = chain.leaf.facts()
    {
        let serial = leaf.serial_hex();
        let labels = [
            ("fingerprint_sha256", &*chain.leaf.fingerprint.to_string()),
            ("subject", &as_in_go(leaf.subject.text())),
            ("issuer", &as_in_go(leaf.issuer.text())),
            ("subjectalternative", &leaf.dns_names().collect::<Vec<_>>().join(",")),
            // A number in Go has no zero in front.
            ("serialnumber", if serial.len() > 1 { serial.trim_start_matches('0') } else { &serial }),
        ];
        info(out, format, "probe_ssl_last_chain_info", "The leaf that was presented last.", &labels);
    }
    if let Some(version) = seen.tls_version() {
        info(out, format, "probe_tls_version_info", "The version of TLS that was negotiated.", &[("version", &version)]);
    }
    if let Some(cipher) = seen.handshake().map(|handshake| &*handshake.tls.cipher).filter(|cipher| !cipher.is_empty()) {
        info(out, format, "probe_tls_cipher_info", "The cipher suite that was negotiated.", &[("cipher", cipher)]);
    }
}

/// FNV-1a over the address's octets, 32 bits.
fn hash(address: IpAddr) -> u32 {
    let octets = match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    octets.iter().fold(0x811c_9dc5, |hash, octet| (hash ^ u32::from(*octet)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_hash() {
        let of = |text: &str| hash(text.parse().expect("an address"));
        assert_eq!(of("127.0.0.1"), 0xdaaf_40ed);
        assert_ne!(of("::1"), of("::2"));
    }
}
