//! What stands in the certificates of a path.

use fastrand::Rng;

use super::Change;
use super::arrangements::ask;
use super::names::{general, host, odd_name, string_type};
use crate::{
    certificate::{Attribute, COMMON_NAME, Date, GENERALIZED_TIME, KEYS, Name, UTC_TIME},
    der::{sequence, tlv},
    plan::{
        ALTERNATIVE_NAME, AUTHORITY_KEY_ID, DAY, DIRECTORY_NAME, DNS_NAME, General, Plan, alternative_name, extension,
        name_constraints,
    },
};

pub(super) const CONTENTS: &[Change] = &[
    |plan, rng| {
        let (at, key) = (plan.any(rng), rng.usize(0..KEYS.len()));
        plan.set_key(at, key);
    },
    dates,
    dates,
    |plan, rng| {
        let at = plan.any(rng);
        let name = odd_name(rng);
        plan.set_subject(at, name);
    },
    |plan, rng| {
        let host = host(rng);
        plan.leaf().remove(ALTERNATIVE_NAME);
        let name = Name(vec![vec![Attribute(COMMON_NAME, string_type(rng), host.into_bytes())]]);
        plan.set_subject(0, name);
    },
    alternative_names,
    alternative_names,
    alternative_names,
    constraints,
    constraints,
    constraints,
    authority,
    authority,
];

pub(super) fn dates(plan: &mut Plan, rng: &mut Rng) {
    let at = plan.any(rng);
    let now = plan.at;
    let moment = |rng: &mut Rng| now + [-1, 0, 1, -DAY, DAY, 40 * 365 * DAY, -60 * 365 * DAY, 400 * 365 * DAY][rng.usize(0..8)];
    let date = |rng: &mut Rng| {
        let moment = moment(rng);
        match rng.u8(0..8) {
            0 => Date::as_type(moment, UTC_TIME),
            1 => Date::as_type(moment, GENERALIZED_TIME),
            2 => {
                let odd: [(u8, &[u8]); 10] = [
                    (UTC_TIME, b"261122120000"),
                    (UTC_TIME, b"2611221200Z"),
                    (UTC_TIME, b"261122120000+0100"),
                    (UTC_TIME, b"261322120000Z"),
                    (UTC_TIME, b"260230000000Z"),
                    (UTC_TIME, b"261122120060Z"),
                    (UTC_TIME, b""),
                    (GENERALIZED_TIME, b"20261122120000.5Z"),
                    (GENERALIZED_TIME, b"99991231235959Z"),
                    (GENERALIZED_TIME, b"00000101000000Z"),
                ];
                let (tag, text) = odd[rng.usize(0..10)];
                Date(tag, text.to_vec())
            }
            _ => Date::of(moment),
        }
    };
    if rng.bool() {
        plan.specs[at].not_before = date(rng);
    } else {
        plan.specs[at].not_after = date(rng);
    }
}

fn alternative_names(plan: &mut Plan, rng: &mut Rng) {
    let names: Vec<_> = (0..rng.usize(0..5)).map(|_| general(rng, false)).collect();
    let at = if rng.u8(0..4) > 0 { 0 } else { plan.any(rng) };
    plan.specs[at].set(alternative_name(&borrowed(&names)));
    if rng.bool() {
        ask(plan, rng);
    }
    if rng.u8(0..4) == 0 {
        plan.specs[at].subject = odd_name(rng);
    }
}

fn constraints(plan: &mut Plan, rng: &mut Rng) {
    let at = if rng.u8(0..6) > 0 { plan.any_ca(rng) } else { 0 };
    let some = |rng: &mut Rng| (0..[0, 0, 1, 1, 2, 3][rng.usize(0..6)]).map(|_| general(rng, true)).collect::<Vec<_>>();
    let (permitted, excluded) = (some(rng), some(rng));
    plan.specs[at].set(name_constraints(&borrowed(&permitted), &borrowed(&excluded)));
    if rng.bool() {
        alternative_names(plan, rng);
    }
}

/// An authority key identifier with serial and issuer, right or wrong.
fn authority(plan: &mut Plan, rng: &mut Rng) {
    let at = plan.any(rng);
    let above = plan.specs[(at + 1).min(plan.path - 1)].clone();
    let key = [Vec::new(), tlv(0x80, &[u8::try_from(above.key).expect("few"); 20]), tlv(0x80, b"other"), tlv(0x80, b"")]
        [rng.usize(0..4)]
    .clone();
    let name = if rng.u8(0..3) > 0 { above.issuer.clone() } else { odd_name(rng) };
    let names = [Vec::new(), tlv(0xa1, &tlv(DIRECTORY_NAME, &name.der())), tlv(0xa1, &tlv(DNS_NAME, b"x")), tlv(0xa1, &[])]
        [rng.usize(0..4)]
    .clone();
    let serial = [Vec::new(), tlv(0x82, &above.serial), tlv(0x82, &[0x55]), tlv(0x82, &[])][rng.usize(0..4)].clone();
    plan.specs[at].set(extension(AUTHORITY_KEY_ID, rng.u8(0..8) == 0, sequence([&key[..], &names, &serial])));
}

fn borrowed(names: &[(u8, Vec<u8>)]) -> Vec<General<'_>> {
    names.iter().map(|(tag, name)| (*tag, &name[..])).collect()
}
