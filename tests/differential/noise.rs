//! What else may be odd about a chain: changes of every kind, each of which may do harm or none.

use fastrand::Rng;

use crate::{
    case::Ask,
    certificate::{
        ALGORITHMS, Attribute, COMMON_NAME, Date, EMAIL, Extension, GENERALIZED_TIME, IA5, KEYS, Name, ORGANISATION, PRINTABLE,
        Spec, Spoil, UTC_TIME, UTF8,
    },
    der::{self, named_bits, sequence, tlv},
    goals::settings,
    plan::{
        ALTERNATIVE_NAME, AUTHORITY_KEY_ID, BASIC_CONSTRAINTS, CLIENT_AUTH, DAY, DIRECTORY_NAME, DNS_NAME, EMAIL_NAME,
        EXTENDED_KEY_USAGE, General, IP_NAME, KEY_USAGE, NAME_CONSTRAINTS, NETSCAPE_TYPE, PROXY, Plan, SERVER_AUTH,
        SUBJECT_KEY_ID, Stored, URI_NAME, basic_constraints, extension, key_usage,
    },
};

type Change = fn(&mut Plan, &mut Rng);

/// Changes a plan in one way.
pub(crate) fn add(plan: &mut Plan, rng: &mut Rng) {
    match rng.u8(0..6) {
        0 | 1 => rng.choice(ARRANGEMENTS).expect("there are some")(plan, rng),
        2 | 3 => rng.choice(CONTENTS).expect("there are some")(plan, rng),
        _ => {
            let at = plan.any(rng);
            rng.choice(CERTIFICATES).expect("there are some")(&mut plan.specs[at], rng);
        }
    }
}

/// Who presents and who trusts what.
const ARRANGEMENTS: &[Change] = &[
    |plan, rng| rng.shuffle(&mut plan.presented[1..]),
    |plan, rng| rng.shuffle(&mut plan.presented),
    |plan, rng| {
        let twice = *rng.choice(&plan.presented).expect("a leaf");
        let at = rng.usize(0..=plan.presented.len());
        plan.presented.insert(at, twice);
    },
    |plan, rng| {
        if plan.presented.len() > 1 {
            let at = rng.usize(1..plan.presented.len());
            plan.presented.remove(at);
        }
    },
    |plan, _| plan.presented.push(plan.path - 1),
    |plan, rng| {
        let any = plan.any(rng);
        plan.trust(any);
    },
    |plan, _| plan.store.clear(),
    |plan, rng| rng.shuffle(&mut plan.store),
    cross_sign,
    sibling,
    again,
    stranger,
    ring,
    self_issue,
    |plan, rng| {
        let Some(stored) = rng.choice(&mut plan.store) else { return };
        let uses = [SERVER_AUTH, CLIENT_AUTH, "2.5.29.37.0"];
        let pick = |rng: &mut Rng| -> Vec<&str> { uses.into_iter().filter(|_| rng.u8(0..3) == 0).collect() };
        stored.settings = Some(settings(&pick(rng), &pick(rng)));
    },
    |plan, rng| plan.level = rng.u8(1..3),
    |plan, rng| plan.at += [-400 * DAY, 400 * DAY, -DAY, DAY][rng.usize(0..4)],
    ask,
    ask,
];

/// What stands in the certificates.
const CONTENTS: &[Change] = &[
    |plan, rng| {
        let (at, key) = (plan.any(rng), rng.usize(0..KEYS.len()));
        plan.set_key(at, key);
    },
    // The key of another,
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

/// What stands in one of them.
const CERTIFICATES: &[fn(&mut Spec, &mut Rng)] = &[
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

/// Another certificate of the same subject and key, from another root.
fn cross_sign(plan: &mut Plan, rng: &mut Rng) {
    let at = plan.any_ca(rng);
    let name = Name::new(if rng.bool() { "Other root" } else { "Root" });
    let key = rng.usize(0..8);
    let mut other_root = Spec::new(rng, plan.at, &name, key, &name, key);
    other_root.make_ca(rng);
    let mut crossed = plan.specs[at].clone();
    let signed = Spec::new(rng, plan.at, &crossed.subject, crossed.key, &name, key);
    (crossed.serial, crossed.issuer, crossed.signer, crossed.algorithm) = (signed.serial, name, key, signed.algorithm);
    crossed.remove(AUTHORITY_KEY_ID);
    let (other_root, crossed) = (plan.add(other_root), plan.add(crossed));
    let place = rng.usize(1..=plan.presented.len());
    plan.presented.insert(place, crossed);
    match rng.u8(0..4) {
        0 => {}
        1 => plan.trust(other_root),
        2 => plan.presented.push(other_root),
        _ => plan.trust(crossed),
    }
}

/// One of the same name with other dates, another key, or another key identifier, before or after it.
fn sibling(plan: &mut Plan, rng: &mut Rng) {
    let at = plan.any_ca(rng);
    let mut sibling = plan.specs[at].clone();
    sibling.serial = vec![rng.u8(1..100)];
    match rng.u8(0..4) {
        0 => sibling.not_after = Date::of(plan.at - rng.i64(0..50) * DAY),
        1 => sibling.not_before = Date::of(plan.at + rng.i64(0..50) * DAY),
        2 => sibling.key = rng.usize(0..KEYS.len()),
        _ => sibling.not_after = Date::of(plan.at + rng.i64(0..900) * DAY),
    }
    if rng.bool() {
        sibling.remove(SUBJECT_KEY_ID);
    }
    let sibling = plan.add(sibling);
    let places = plan.presented.len();
    if rng.bool() {
        plan.presented.insert(rng.usize(0..=places).max(1), sibling);
    } else {
        plan.store.insert(rng.usize(0..=plan.store.len()), Stored { spec: sibling, settings: None });
    }
}

/// The root with another serial, in the store or presented.
fn again(plan: &mut Plan, rng: &mut Rng) {
    let mut again = plan.root().clone();
    again.serial = vec![rng.u8(1..100), 1];
    if rng.bool() {
        again.not_after = Date::of(plan.at + rng.i64(-50..500) * DAY);
    }
    let again = plan.add(again);
    if rng.bool() { plan.trust(again) } else { plan.presented.push(again) }
}

fn stranger(plan: &mut Plan, rng: &mut Rng) {
    let name = Name::new("Stranger");
    let key = rng.usize(0..8);
    let mut stranger = Spec::new(rng, plan.at, &name, key, &name, key);
    stranger.make_ca(rng);
    let stranger = plan.add(stranger);
    if rng.bool() { plan.presented.insert(rng.usize(0..=plan.presented.len()), stranger) } else { plan.trust(stranger) }
}

/// The root is signed by an intermediate, or by the leaf.
fn ring(plan: &mut Plan, rng: &mut Rng) {
    let by = rng.usize(0..plan.path - 1);
    let (name, key) = (plan.specs[by].subject.clone(), plan.specs[by].key);
    let mut root = plan.root().clone();
    let signed = Spec::new(rng, plan.at, &root.subject, root.key, &name, key);
    (root.issuer, root.signer, root.algorithm) = (name, key, signed.algorithm);
    root.remove(AUTHORITY_KEY_ID);
    let root = plan.add(root);
    plan.presented.push(root);
    if rng.bool() {
        plan.store.clear();
    }
}

/// Between two of the path, one more of the upper one's name, with a key of its own: a change of keys.
fn self_issue(plan: &mut Plan, rng: &mut Rng) {
    let at = plan.any_ca(rng);
    let upper = plan.specs[at].clone();
    let key = rng.usize(0..8);
    let mut new = Spec::new(rng, plan.at, &upper.subject, key, &upper.subject, upper.key);
    new.make_ca(rng);
    let new = plan.add(new);
    let signer = plan.specs[new].key;
    let below = &mut plan.specs[at - 1];
    below.signer = signer;
    below.algorithm = crate::certificate::Algorithm::usual(KEYS[signer].family);
    below.remove(AUTHORITY_KEY_ID);
    if rng.bool() {
        let settled = crate::plan::authority_key_id(signer);
        plan.specs[at - 1].set(settled);
    }
    plan.presented.insert(rng.usize(1..=plan.presented.len()), new);
}

fn ask(plan: &mut Plan, rng: &mut Rng) {
    plan.host = match rng.u8(0..5) {
        0 => Some(Ask::Address([192, 0, 2, rng.u8(0..2)].into())),
        1 => Some(Ask::Address([0x2001, 0xdb8, 0, 0, 0, 0, 0, rng.u16(0..2)].into())),
        _ => Some(Ask::Name(host(rng))),
    };
}

/// A name to ask for, or to be called.
fn host(rng: &mut Rng) -> String {
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
const HOSTS: &[&str] = &[
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

fn string_type(rng: &mut Rng) -> u8 {
    [UTF8, UTF8, PRINTABLE, IA5, 0x14, 0x1e, 0x1c, 0x12, 0x1a, 4, 3][rng.usize(0..11)]
}

/// The same name to a human eye, more or less.
fn fold(name: &Name, rng: &mut Rng) -> Name {
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

fn odd_name(rng: &mut Rng) -> Name {
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

fn dates(plan: &mut Plan, rng: &mut Rng) {
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

/// One name of any kind; for a constraint, an address has its mask.
fn general(rng: &mut Rng, constraint: bool) -> (u8, Vec<u8>) {
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

fn borrowed(names: &[(u8, Vec<u8>)]) -> Vec<General<'_>> {
    names.iter().map(|(tag, name)| (*tag, &name[..])).collect()
}

fn alternative_names(plan: &mut Plan, rng: &mut Rng) {
    let names: Vec<_> = (0..rng.usize(0..5)).map(|_| general(rng, false)).collect();
    let at = if rng.u8(0..4) > 0 { 0 } else { plan.any(rng) };
    plan.specs[at].set(crate::plan::alternative_name(&borrowed(&names)));
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
    plan.specs[at].set(crate::plan::name_constraints(&borrowed(&permitted), &borrowed(&excluded)));
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
