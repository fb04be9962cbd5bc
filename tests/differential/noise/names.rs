//! Names of every kind, right, odd and wrong.

use fastrand::Rng;

use crate::{
    certificate::{Attribute, COMMON_NAME, EMAIL, IA5, Name, ORGANISATION, PRINTABLE, UTF8},
    der::{self, tlv},
    plan::{DIRECTORY_NAME, DNS_NAME, EMAIL_NAME, IP_NAME, URI_NAME},
};

/// A name to ask for, or to be called.
pub(super) fn host(rng: &mut Rng) -> String {
    let mut labels: Vec<&str> = (0..rng.usize(1..4)).map(|_| *rng.choice(LABELS).expect("some")).collect();
    if rng.u8(0..4) > 0 {
        labels.push("example");
        labels.push(if rng.bool() { "org" } else { "com" });
    }
    let mut host = labels.join(".");
    match rng.u8(0..12) {
        0 => host.push('.'),
        1 => host.insert(0, '.'),
        2 => host = host.to_uppercase(),
        _ => {}
    }
    host
}

const LABELS: &[&str] = &["www", "a", "w", "xn--bcher-kva", "XN--A", "a-b", "-a", "a-", "a_b", "0", "ww"];

const STARS: &[&str] = &["*", "*", "*", "w*", "*w", "w*w", "*.*", "xn--*", "*-a", "-*", "a*", "**", "*a-"];

pub(super) const HOSTS: &[&str] = &[
    "www.example.org",
    "WWW.Example.ORG",
    "*.example.org",
    "example.org",
    "www.example.org\0",
    "www.example.org\0.evil",
    "192.0.2.1",
    "a b",
    "w*.example.org",
    ".example.org",
    "www.example.org.",
    "",
    "b\u{fc}cher.example.org",
    "*",
    "a_b.example.org",
];

fn pattern(rng: &mut Rng) -> String {
    match rng.u8(0..3) {
        0 => format!("{}.{}", rng.choice(STARS).expect("some"), host(rng)),
        1 => host(rng),
        _ => (*rng.choice(HOSTS).expect("some")).to_owned(),
    }
}

pub(super) fn string_type(rng: &mut Rng) -> u8 {
    [UTF8, UTF8, PRINTABLE, IA5, 0x14, 0x1e, 0x1c, 0x12, 0x1a, 4, 3][rng.usize(0..11)]
}

/// The same name to a human eye, more or less.
pub(super) fn fold(name: &Name, rng: &mut Rng) -> Name {
    let mut name = name.clone();
    let Some(Attribute(_, tag, text)) = rng.choice(&mut name.0).and_then(|relative| rng.choice(relative)) else { return name };
    match rng.u8(0..9) {
        0 => text.make_ascii_uppercase(),
        1 => text.insert(0, b' '),
        2 => text.extend(b"  "),
        3 => *tag = PRINTABLE,
        4 => {
            *tag = 0x1e;
            *text = text.iter().flat_map(|octet| [0, *octet]).collect();
        }
        5 => *tag = string_type(rng),
        6 => text.push(rng.u8(..)),
        7 => text.extend("\u{c4}".as_bytes()),
        _ => {
            if let Some(space) = text.iter().position(|octet| *octet == b' ') {
                text.insert(space, b'\t');
            }
        }
    }
    name
}

pub(super) fn odd_name(rng: &mut Rng) -> Name {
    let attribute = |rng: &mut Rng| {
        let kind = [COMMON_NAME, ORGANISATION, EMAIL, "2.5.4.6", "0.9.2342.19200300.100.1.25", "1.2.3"][rng.usize(0..6)];
        let text: &[u8] = match kind {
            EMAIL => [&b"a@example.org"[..], b"nobody", b"A@Example.COM", b"a\0@example.org", b"@"][rng.usize(0..5)],
            _ => rng.choice(HOSTS).expect("some").as_bytes(),
        };
        Attribute(
            kind,
            if rng.u8(0..3) == 0 {
                string_type(rng)
            } else if kind == EMAIL {
                IA5
            } else {
                UTF8
            },
            text.to_vec(),
        )
    };
    let relative = |rng: &mut Rng| (0..[1, 1, 1, 2, 3][rng.usize(0..5)]).map(|_| attribute(rng)).collect();
    Name((0..rng.usize(0..4)).map(|_| relative(rng)).collect())
}

/// One name of any kind; for a constraint, an address has its mask.
pub(super) fn general(rng: &mut Rng, constraint: bool) -> (u8, Vec<u8>) {
    match rng.u8(0..16) {
        0..6 if constraint => (
            DNS_NAME,
            rng.choice(["", "org", "example.org", ".example.org", "www.example.org", "EXAMPLE.org", "ample.org"])
                .expect("some")
                .into(),
        ),
        0..6 => (DNS_NAME, pattern(rng).into_bytes()),
        6 | 7 => {
            let texts: [&[u8]; 9] = [
                b"a@example.org",
                b"A@EXAMPLE.ORG",
                b"b@www.example.org",
                b"example.org",
                b".example.org",
                b"@example.org",
                b"a@",
                b"",
                b"\"a@b\"@example.org",
            ];
            (EMAIL_NAME, rng.choice(texts).expect("some").to_vec())
        }
        8 | 9 => {
            let texts: [&[u8]; 11] = [
                b"https://www.example.org/",
                b"https://www.example.org:443/x",
                b"http://example.org",
                b"example.org",
                b".example.org",
                b"https:///",
                b"urn:a:b",
                b"",
                b"x://u@example.org/",
                b"ldap://[::1]/",
                b"//www.example.org",
            ];
            (URI_NAME, rng.choice(texts).expect("some").to_vec())
        }
        10 | 11 => {
            let address: &[u8] =
                if rng.bool() { &[192, 0, 2, 1] } else { &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] };
            let mut octets = address.to_vec();
            if constraint {
                octets.extend(address.iter().enumerate().map(|(at, _)| if at < 2 { 0xff } else { rng.u8(0..2) }));
            }
            if rng.u8(0..8) == 0 {
                octets.pop();
            }
            (IP_NAME, octets)
        }
        12 => (
            DIRECTORY_NAME,
            Name(Name::new(["www.example.org", "CA 1", "x"][rng.usize(0..3)]).0[..rng.usize(0..3)].to_vec()).der(),
        ),
        13 => (DIRECTORY_NAME, odd_name(rng).der()),
        14 => (
            0xa0,
            [
                der::oid(["1.2.3.4", "1.3.6.1.5.5.7.8.9"][rng.usize(0..2)]),
                tlv(0xa0, &tlv([0x0c, 0x16][rng.usize(0..2)], b"a@example.org")),
            ]
            .concat(),
        ),
        _ => [
            (0x88, vec![0x2a, 3]),
            (0x88, vec![0x80]),
            (0xa3, Vec::new()),
            (0xa5, tlv(0xa1, &tlv(0x0c, b"x"))),
            (0x8f, Vec::new()),
        ][rng.usize(0..5)]
        .clone(),
    }
}
