//! Certificates out of a few octets.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

use crate::certificate::der;

/// Each with its length in two octets before it; what is left at the end is one more.
pub(super) fn list(mut octets: &[u8]) -> Vec<&[u8]> {
    let mut out = Vec::new();
    while let Some((length, rest)) = octets.split_first_chunk::<2>() {
        let (one, after) = rest.split_at(rest.len().min(usize::from(u16::from_be_bytes(*length))));
        out.push(one);
        octets = after;
    }
    out
}

/// Octets of a recipe for [`signed`].
pub(super) const RECIPE: usize = 8;

/// A certificate with a sound signature: names, key and signer, and every extension that paths depend on, each out of a few.
pub(super) fn signed(recipe: &[u8]) -> Vec<u8> {
    let at = |place: usize| recipe.get(place).copied().unwrap_or(0);
    let (names, keys, ids) = (at(0), at(1), at(2));
    let mut extensions = Vec::new();
    match at(3) & 7 {
        0 => {}
        1 => extensions.push(extension(BASIC_CONSTRAINTS, &tlv(der::SEQUENCE, &[]))),
        2 => extensions
            .push(extension(BASIC_CONSTRAINTS, &tlv(der::SEQUENCE, &[der::BOOLEAN, 1, 0xff, der::INTEGER, 1, at(3) >> 6]))),
        3 => extensions.push(extension(BASIC_CONSTRAINTS, &[at(3)])),
        _ => extensions.push(extension(BASIC_CONSTRAINTS, &tlv(der::SEQUENCE, &[der::BOOLEAN, 1, 0xff]))),
    }
    if at(3) & 8 != 0 {
        extensions.push(extension(KEY_USAGE, &[der::BIT_STRING, 2, 0, at(4)]));
    }
    if at(3) & 16 != 0 {
        extensions
            .push(extension(EXTENDED_KEY_USAGE, &tlv(der::SEQUENCE, &[der::OID, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1 + (at(4) & 1)])));
    }
    if ids & 1 != 0 {
        extensions.push(extension(SUBJECT_KEY_ID, &tlv(der::OCTET_STRING, &[ids >> 1 & 3])));
    }
    if ids & 8 != 0 {
        extensions.push(extension(AUTHORITY_KEY_ID, &tlv(der::SEQUENCE, &tlv(der::primitive(0), &[ids >> 4 & 3]))));
    }
    let dns: &[u8] = if at(6) & 4 == 0 { b"a.example" } else { b"b.example" };
    if at(6) & 1 != 0 {
        extensions.push(extension(ALTERNATIVE_NAMES, &tlv(der::SEQUENCE, &tlv(der::primitive(2), dns))));
    }
    if at(6) & 2 != 0 {
        let kind = der::constructed(at(6) >> 3 & 1);
        let base = tlv(der::SEQUENCE, &tlv(der::primitive(2), &dns[2..]));
        extensions.push(extension(NAME_CONSTRAINTS, &tlv(der::SEQUENCE, &tlv(kind, &base))));
    }
    if at(6) & 16 != 0 {
        extensions.push(extension(PROXY, &tlv(der::SEQUENCE, &tlv(der::SEQUENCE, &[der::OID, 1, 0x2a]))));
    }
    let years = [b"24", b"26", b"27", b"28"];
    let date = |year: u8| tlv(0x17, &[&years[usize::from(year & 3)][..], b"0101000000Z"].concat());
    let validity = [date(at(5)), date(at(5) >> 2)].concat();
    let names =
        [(names >> 3) & 7, names & 7].map(|name| name_of(["a.example", "A", "B", "C", "D", "E", "F", ""][usize::from(name)]));
    let pairs = [keys & 3, keys >> 2 & 3].map(|seed| Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("32 octets"));
    let serial = [at(7) & 0x7f];
    let fields =
        [&[0xa0, 3, der::INTEGER, 1, if keys & 64 == 0 { 2 } else { 0 }][..], &tlv(der::INTEGER, &serial), &ED25519, &names[0]];
    let spki = tlv(der::SEQUENCE, &[&ED25519[..], &bit_string(pairs[0].public_key().as_ref())].concat());
    let list =
        if extensions.is_empty() { Vec::new() } else { tlv(der::constructed(3), &tlv(der::SEQUENCE, &extensions.concat())) };
    let tbs = [&fields.concat()[..], &tlv(der::SEQUENCE, &validity), &names[1], &spki, &list].concat();
    let tbs = tlv(der::SEQUENCE, &tbs);
    let mut signature = pairs[1].sign(&tbs).as_ref().to_vec();
    // One in eight is broken.
    signature[0] ^= u8::from(at(7) & 0x80 != 0 && keys & 0x30 == 0);
    tlv(der::SEQUENCE, &[&tbs[..], &ED25519, &bit_string(&signature)].concat())
}

/// A certificate of `a.example` for this name, which is also among its alternative ones.
pub(super) fn named(name: &str) -> Vec<u8> {
    let sans = [tlv(der::primitive(2), name.as_bytes()), tlv(der::primitive(6), name.as_bytes())].concat();
    let list = tlv(der::constructed(3), &tlv(der::SEQUENCE, &extension(ALTERNATIVE_NAMES, &tlv(der::SEQUENCE, &sans))));
    let name = name_of(name);
    let validity = tlv(der::SEQUENCE, &[tlv(0x17, b"260101000000Z"), tlv(0x17, b"270101000000Z")].concat());
    let spki = tlv(der::SEQUENCE, &[&ED25519[..], &bit_string(&[7; 32])].concat());
    let tbs = [&[0xa0, 3, der::INTEGER, 1, 2, der::INTEGER, 1, 1][..], &ED25519, &name, &validity, &name, &spki, &list].concat();
    tlv(der::SEQUENCE, &[&tlv(der::SEQUENCE, &tbs)[..], &ED25519, &bit_string(&[0; 64])].concat())
}

/// Tag, length in four octets, content.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("less than four gigabytes").to_be_bytes();
    [&[tag, 0x84][..], &length, content].concat()
}

fn bit_string(octets: &[u8]) -> Vec<u8> {
    tlv(der::BIT_STRING, &[&[0][..], octets].concat())
}

fn extension(oid: [u8; 3], value: &[u8]) -> Vec<u8> {
    let oid: &[u8] = if oid == PROXY { &[0x2b, 6, 1, 5, 5, 7, 1, 14] } else { &oid };
    tlv(der::SEQUENCE, &[tlv(der::OID, oid), tlv(der::OCTET_STRING, value)].concat())
}

/// One common name, or none at all.
fn name_of(common_name: &str) -> Vec<u8> {
    if common_name.is_empty() {
        return tlv(der::SEQUENCE, &[]);
    }
    let attribute = tlv(der::SEQUENCE, &[tlv(der::OID, &[0x55, 4, 3]), tlv(0x0c, common_name.as_bytes())].concat());
    tlv(der::SEQUENCE, &tlv(der::SET, &attribute))
}

const ED25519: [u8; 7] = [der::SEQUENCE, 5, der::OID, 3, 0x2b, 0x65, 0x70];
const SUBJECT_KEY_ID: [u8; 3] = [0x55, 0x1d, 0x0e];
const KEY_USAGE: [u8; 3] = [0x55, 0x1d, 0x0f];
const ALTERNATIVE_NAMES: [u8; 3] = [0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: [u8; 3] = [0x55, 0x1d, 0x13];
const NAME_CONSTRAINTS: [u8; 3] = [0x55, 0x1d, 0x1e];
const AUTHORITY_KEY_ID: [u8; 3] = [0x55, 0x1d, 0x23];
const EXTENDED_KEY_USAGE: [u8; 3] = [0x55, 0x1d, 0x25];
/// Stands for the longer one of RFC 3820.
const PROXY: [u8; 3] = [0; 3];
