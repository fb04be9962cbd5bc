//! Which addresses a stranger's certificate may make us connect to.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is on the public Internet (IANA special-purpose registries, RFC 6890): not private, loopback, link-local,
/// shared, multicast, reserved, nor an IPv6 address that stands for such an IPv4 one.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => embedded_v4(v6).map_or_else(|| is_public_v6(v6), is_public_v4),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = a == 0
        || (a == 100 && (64..128).contains(&b)) // shared, RFC 6598
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19)) // benchmarks, RFC 2544
        || a >= 224; // multicast and reserved
    !(special || ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_documentation())
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [first, second, ..] = ip.segments();
    let global_unicast = first & 0xe000 == 0x2000;
    let special = match first {
        0x2001 => second < 0x200 || second == 0xdb8, // protocols, Teredo among them (RFC 2928, RFC 4380); documentation
        0x3fff => second < 0x1000,                   // documentation, RFC 9637
        _ => false,
    };
    global_unicast && !special
}

/// IPv4-mapped, NAT64 (RFC 6052) and 6to4 (RFC 3056) addresses lead to the IPv4 address within them.
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let [s0, s1, s2, s3, s4, s5, s6, s7] = ip.segments();
    let low = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match (s0, s1, s2, s3, s4, s5) {
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => Some(low(s6, s7)),
        (0x2002, ..) => Some(low(s1, s2)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::is_public;

    #[test]
    fn only_public_addresses_pass() {
        for public in
            ["1.1.1.1", "193.99.144.80", "2606:4700::1111", "2001:200::1", "3fff:1000::1", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"]
        {
            assert!(is_public(public.parse().expect("address")), "{public}");
        }
        for special in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.1.1",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "2001:db8::1",
            "2001:0:4136:e378:8000:63bf:f5ff:fffe",
            "2001:1ff:ffff::1",
            "3fff:fff::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "2002:0a00:0001::1",
        ] {
            assert!(!is_public(special.parse().expect("address")), "{special}");
        }
    }
}
