//! What stands in one certificate.

use fastrand::Rng;

use super::names::{HOSTS, fold};
use crate::{
    certificate::{ALGORITHMS, Attribute, COMMON_NAME, Extension, KEYS, Spec, Spoil, UTF8},
    der::{self, named_bits, sequence, tlv},
    plan::{
        ALTERNATIVE_NAME, BASIC_CONSTRAINTS, CLIENT_AUTH, EXTENDED_KEY_USAGE, KEY_USAGE, NAME_CONSTRAINTS, NETSCAPE_TYPE, PROXY,
        SERVER_AUTH, SUBJECT_KEY_ID, basic_constraints, extension, key_usage,
    },
};

pub(super) const CERTIFICATES: &[fn(&mut Spec, &mut Rng)] = &[
    damaged_extension,
    damaged_extension,
    damaged_extension,
    |spec, rng| spec.key = rng.usize(0..KEYS.len()),
    |spec, rng| spec.signer = rng.usize(0..KEYS.len()),
    |spec, rng| spec.algorithm = ALGORITHMS[rng.usize(0..ALGORITHMS.len())],
    |spec, rng| spec.algorithm_outside = Some(ALGORITHMS[rng.usize(0..ALGORITHMS.len())]),
    |spec, rng| spec.version = [0, 0, 0, 1, 3, 100][rng.usize(0..6)],
    |spec, _| {
        spec.version = 0;
        spec.extensions.clear();
    },
    |spec, rng| {
        spec.serial.clone_from(
            &[vec![0], vec![0xff], vec![0x80, 1], vec![0, 0x80], vec![1; 30], Vec::new(), vec![0, 1]][rng.usize(0..7)],
        );
    },
    |spec, rng| {
        spec.unique.clone_from(
            &[tlv(0x81, &[0, 1, 2]), tlv(0x82, &[0]), [tlv(0x81, &[0, 9]), tlv(0x82, &[0, 8])].concat()][rng.usize(0..3)],
        );
    },
    |spec, rng| {
        spec.spoil = [Spoil::Bit(rng.usize(0..2000)), Spoil::Cut(rng.usize(0..100)), Spoil::Unused][rng.usize(0..3)];
    },
    |spec, rng| spec.subject = fold(&spec.subject, rng),
    |spec, rng| spec.issuer = fold(&spec.issuer, rng),
    |spec, rng| {
        let attributes = &mut spec.subject.0;
        attributes.push(vec![Attribute(COMMON_NAME, UTF8, rng.choice(HOSTS).expect("some").as_bytes().to_vec())]);
    },
    |spec, rng| {
        let limit = [None, Some(0), Some(1), Some(0x7f), Some(0xff)][rng.usize(0..5)];
        spec.set(basic_constraints(rng.u8(0..4) > 0, limit));
    },
    |spec, rng| {
        let odd: [&[u8]; 8] = [
            &[0x30, 3, 1, 1, 0],
            &[0x30, 3, 1, 1, 1],
            &[0x30, 3, 2, 1, 1],
            &[0x30, 6, 1, 1, 0, 2, 1, 0],
            &[0x30, 6, 1, 1, 0xff, 2, 1, 0xff],
            &[0x30, 4, 1, 2, 0xff, 0xff],
            &[0x30, 8, 1, 1, 0xff, 2, 3, 0x7f, 0xff, 0xff],
            &[0x30, 3, 1, 1, 0xff, 5, 0],
        ];
        spec.set(extension(BASIC_CONSTRAINTS, rng.bool(), rng.choice(odd).expect("some").to_vec()));
    },
    |spec, rng| {
        let bits: Vec<u8> = (0..9).filter(|_| rng.u8(0..3) == 0).collect();
        spec.set(key_usage(&bits));
    },
    |spec, rng| {
        let odd: [&[u8]; 6] =
            [&[3, 1, 0], &[3, 2, 0, 0], &[3, 3, 0, 0, 0x80], &[3, 2, 2, 0xff], &[3, 2, 8, 4], &[3, 4, 0, 4, 0, 0]];
        spec.set(extension(KEY_USAGE, rng.bool(), rng.choice(odd).expect("some").to_vec()));
    },
    |spec, rng| {
        let uses =
            [SERVER_AUTH, CLIENT_AUTH, "2.5.29.37.0", "1.3.6.1.4.1.311.10.3.3", "2.16.840.1.113730.4.1", "1.3.6.1.5.5.7.3.8"];
        let some: Vec<u8> = uses.iter().filter(|_| rng.u8(0..4) == 0).flat_map(|oid| der::oid(oid)).collect();
        spec.set(extension(EXTENDED_KEY_USAGE, rng.bool(), tlv(0x30, &some)));
    },
    |spec, rng| {
        let bits: Vec<u8> = (0..8).filter(|_| rng.u8(0..3) == 0).collect();
        spec.set(extension(NETSCAPE_TYPE, rng.u8(0..4) == 0, named_bits(&bits)));
    },
    |spec, rng| {
        let id = [vec![], vec![1], vec![9; 20], vec![u8::try_from(spec.key).expect("few"); 20]][rng.usize(0..4)].clone();
        spec.set(extension(SUBJECT_KEY_ID, rng.u8(0..6) == 0, tlv(4, &id)));
    },
    |spec, rng| {
        let limit = [Vec::new(), der::small(0), der::small(5), tlv(2, &[0xff]), tlv(2, &[])][rng.usize(0..5)].clone();
        let policy = [
            sequence([&der::oid("1.3.6.1.5.5.7.21.1")[..]]),
            sequence([&der::oid("1.3.6.1.5.5.7.21.2")[..], &tlv(4, b"x")]),
            sequence([]),
            sequence([&tlv(4, b"x")[..]]),
        ][rng.usize(0..4)]
        .clone();
        spec.set(extension(PROXY, rng.bool(), sequence([&limit[..], &policy])));
        if rng.bool() {
            spec.remove(ALTERNATIVE_NAME);
            spec.remove(BASIC_CONSTRAINTS);
        }
    },
    |spec, rng| {
        let oid = *rng.choice(OTHERS).expect("some");
        let value =
            [sequence([]), tlv(5, &[]), Vec::new(), tlv(4, b"x"), tlv(0x30, &[1, 2, 3]), tlv(2, &[1])][rng.usize(0..6)].clone();
        spec.set(extension(oid, rng.bool(), value));
    },
    |spec, rng| {
        if let Some(extension) = rng.choice(&mut spec.extensions) {
            extension.critical = !extension.critical;
        }
    },
    |spec, rng| {
        if let Some(extension) = rng.choice(&spec.extensions).cloned() {
            spec.extensions.push(extension);
        }
    },
    |spec, rng| {
        if !spec.extensions.is_empty() {
            spec.extensions.remove(rng.usize(0..spec.extensions.len()));
        }
    },
    |spec, rng| rng.shuffle(&mut spec.extensions),
    |spec, rng| spec.changed.push((rng.usize(0..4000), rng.u8(..))),
    |spec, rng| spec.changed.push((rng.usize(0..4000), [0, 1, 2, 4, 0x30, 0x7f, 0x80, 0xff][rng.usize(0..8)])),
    |spec, rng| {
        if rng.u8(0..4) == 0 {
            spec.trailing = vec![0; rng.usize(1..4)];
        }
    },
];

/// One octet of an extension's value is another, or missing, or too much.
fn damaged_extension(spec: &mut Spec, rng: &mut Rng) {
    let Some(Extension { value, .. }) = rng.choice(&mut spec.extensions) else { return };
    if value.is_empty() {
        return;
    }
    let at = rng.usize(0..value.len());
    match rng.u8(0..4) {
        0 => value[at] = rng.u8(..),
        1 => value.truncate(at),
        2 => value.push(0),
        _ => value[at] ^= 1 << rng.u8(0..8),
    }
}

/// Extensions that are looked at in passing, or not at all.
const OTHERS: &[&str] = &[
    "2.5.29.18",
    "2.5.29.31",
    "2.5.29.32",
    "2.5.29.33",
    "2.5.29.36",
    "2.5.29.54",
    "1.3.6.1.5.5.7.1.1",
    "1.3.6.1.5.5.7.1.7",
    "1.3.6.1.5.5.7.1.8",
    "1.3.6.1.5.5.7.1.24",
    "1.3.6.1.5.5.7.48.1.5",
    "1.3.6.1.4.1.11129.2.4.2",
    "1.2.3.4",
    NAME_CONSTRAINTS,
    ALTERNATIVE_NAME,
    "2.5.29.46",
    "2.5.29.9",
    "2.16.840.1.113730.1.13",
];
