//! For every code that OpenSSL can say: ways to a chain of which it says that first, or last.

use fastrand::Rng;

use crate::{
    case::Ask,
    certificate::{Date, EXPLICIT, Family, KEYS, MD5_RSA, Name, ORDINARY, SHA1_EC, SHA1_RSA, Spec, Spoil, WEAK},
    der::{self, sequence, tlv},
    plan::{
        ALTERNATIVE_NAME, AUTHORITY_KEY_ID, BASIC_CONSTRAINTS, CLIENT_AUTH, DAY, DIRECTORY_NAME, DNS_NAME, EMAIL_NAME, General,
        IP_NAME, NAME_CONSTRAINTS, NETSCAPE_TYPE, PROXY, Plan, SERVER_AUTH, SUBJECT_KEY_ID, URI_NAME, alternative_name,
        authority_key_id, basic_constraints, extended_key_usage, extension, key_usage, name_constraints, subject_key_id,
    },
};

pub(crate) struct Goal {
    pub(crate) code: u16,
    pub(crate) make: fn(&mut Rng) -> Plan,
}

const fn goal(code: u16, make: fn(&mut Rng) -> Plan) -> Goal {
    Goal { code, make }
}

pub(crate) const GOALS: &[Goal] = &[
    goal(0, Plan::new),
    goal(1, bomb),
    goal(2, ends_in_the_store),
    goal(7, bad_signature),
    goal(9, |rng| dated(rng, |at, rng| (at + rng.i64(0..3), at + 9 * DAY))),
    goal(10, |rng| dated(rng, |at, rng| (at - 9 * DAY, at - rng.i64(0..3)))),
    goal(18, lone_self_signed),
    goal(19, untrusted_root),
    goal(20, no_issuer),
    goal(22, too_deep),
    goal(25, too_long_a_path),
    goal(26, other_purpose),
    goal(28, rejected),
    goal(34, unknown_critical),
    goal(38, proxies_of_proxies),
    goal(40, proxy),
    goal(47, outside_of_the_permitted),
    goal(48, within_the_excluded),
    goal(49, minimum),
    goal(51, unsupported_constraint),
    goal(53, malformed_name),
    goal(62, other_host),
    goal(64, other_address),
    goal(66, |rng| weak_key(rng, true)),
    goal(67, |rng| weak_key(rng, false)),
    goal(68, weak_signature),
    goal(79, no_ca),
    goal(79, ca_by_key_usage),
    goal(40, quiet_proxy),
    goal(94, explicit_curve),
];

/// More names than may be compared.
fn bomb(rng: &mut Rng) -> Plan {
    let mut plan = Plan::new(rng);
    let numbered = |count: usize| (0..count).map(|number| format!("n{number}")).collect::<Vec<_>>();
    let (names, subtrees) = (numbered(rng.usize(1018..1030)), numbered(1024));
    let list = |names: &[String]| names.iter().map(|name| (DNS_NAME, name.clone().into_bytes())).collect::<Vec<_>>();
    let (names, subtrees) = (list(&names), list(&subtrees));
    let borrowed =
        |list: &[(u8, Vec<u8>)]| -> Vec<General<'static>> { list.iter().map(|(t, n)| (*t, &*n.clone().leak())).collect() };
    plan.leaf().set(alternative_name(&borrowed(&names)));
    plan.host = None;
    let at = plan.any_ca(rng);
    plan.specs[at].set(name_constraints(&[], &borrowed(&subtrees)));
    plan
}

fn ends_in_the_store(rng: &mut Rng) -> Plan {
    let mut plan = Plan::with_intermediates(rng, 1);
    let last = plan.any_intermediate(rng);
    plan.store.clear();
    plan.trust(last);
    plan.presented.truncate(if rng.bool() { last } else { last + 1 });
    plan
}

fn bad_signature(rng: &mut Rng) -> Plan {
    let mut plan = Plan::new(rng);
    let at = plan.any(rng);
    match rng.u8(0..4) {
        0 => {
            let signer = plan.specs[at].signer;
            let family = KEYS[signer].family;
            let other = { ORDINARY }.find(|key| *key != signer && KEYS[*key].family == family);
            plan.specs[at].signer = other.unwrap_or(signer);
            plan.specs[at].spoil = if other.is_some() { Spoil::Nothing } else { Spoil::Bit(9) };
        }
        1 => plan.specs[at].spoil = Spoil::Cut(rng.usize(0..70)),
        2 => plan.specs[at].spoil = Spoil::Unused,
        _ => plan.specs[at].spoil = Spoil::Bit(rng.usize(0..600)),
    }
    plan
}

fn dated(rng: &mut Rng, dates: fn(i64, &mut Rng) -> (i64, i64)) -> Plan {
    let mut plan = Plan::new(rng);
    let at = plan.any(rng);
    let (not_before, not_after) = dates(plan.at, rng);
    plan.specs[at].not_before = Date::of(not_before);
    plan.specs[at].not_after = Date::of(not_after);
    plan
}

fn lone_self_signed(rng: &mut Rng) -> Plan {
    let mut plan = Plan::new(rng);
    let (key, name) = (plan.specs[0].key, plan.specs[0].subject.clone());
    let mut leaf = Spec::new(rng, plan.at, &name, key, &name, key);
    leaf.make_leaf(rng);
    plan.specs[0] = leaf;
    plan.presented.truncate(rng.usize(1..3));
    if rng.bool() {
        plan.store.clear();
    }
    plan
}

fn untrusted_root(rng: &mut Rng) -> Plan {
    let mut plan = Plan::new(rng);
    plan.presented.push(plan.path - 1);
    plan.store.clear();
    // Another root of the same name and key, or of another.
    let name = Name::new("Another root");
    let mut other = if rng.bool() { plan.root().clone() } else { Spec::new(rng, plan.at, &name, 0, &name, 0) };
    other.serial = vec![77];
    let other = plan.add(other);
    if rng.bool() {
        plan.trust(other);
    }
    plan
}

fn no_issuer(rng: &mut Rng) -> Plan {
    let mut plan = Plan::new(rng);
    if plan.path > 2 && rng.bool() {
        let gap = rng.usize(1..plan.path - 1);
        plan.presented.retain(|at| *at != gap);
    } else {
        plan.store.clear();
    }
    plan
}

/// More certificates than OpenSSL climbs: two names that sign each other by turns.
fn too_deep(rng: &mut Rng) -> Plan {
    let mut plan = Plan::new(rng);
    let length = rng.usize(98..106);
    let names = [plan.specs[0].issuer.clone(), Name::new("The other")];
    let key = plan.specs[0].signer;
    plan.presented.truncate(1);
    for at in 0..length {
        let (name, issuer) = (&names[at % 2], &names[(at + 1) % 2]);
        let mut spec = Spec::new(rng, plan.at, name, key, issuer, key);
        spec.algorithm = crate::certificate::Algorithm::usual(KEYS[key].family);
        spec.serial = vec![1, u8::try_from(at).expect("few")];
        spec.set(basic_constraints(true, None));
        let spec = plan.add(spec);
        plan.presented.push(spec);
    }
    plan.store.clear();
    plan
}

fn too_long_a_path(rng: &mut Rng) -> Plan {
    let mut plan = Plan::with_intermediates(rng, 1);
    let at = rng.usize(2..plan.path);
    plan.specs[at].set(basic_constraints(true, Some(rng.u8(0..u8::try_from(at).expect("short")))));
    plan
}

fn other_purpose(rng: &mut Rng) -> Plan {
    let mut plan = Plan::new(rng);
    match rng.u8(0..4) {
        0 => {
            let at = plan.any(rng);
            plan.specs[at].set(extended_key_usage(&[CLIENT_AUTH]));
        }
        1 => plan.leaf().set(key_usage(&[5])),
        2 => {
            let at = plan.any(rng);
            plan.specs[at].set(extended_key_usage(&["2.5.29.37.0"]));
        }
        _ => plan.leaf().set(extension(NETSCAPE_TYPE, false, der::named_bits(&[0]))),
    }
    plan
}

/// The settings of a certificate in the store: what it is trusted for, and what not.
pub(crate) fn settings(trusted: &[&str], rejected: &[&str]) -> Vec<u8> {
    let list = |tag, uses: &[&str]| match uses {
        [] => Vec::new(),
        uses => tlv(tag, &uses.iter().flat_map(|oid| der::oid(oid)).collect::<Vec<_>>()),
    };
    sequence([&list(0x30, trusted)[..], &list(0xa0, rejected)])
}

fn rejected(rng: &mut Rng) -> Plan {
    let mut plan = Plan::new(rng);
    plan.store[0].settings = Some(match rng.u8(0..3) {
        0 => settings(&[CLIENT_AUTH], &[]),
        1 => settings(&[], &[SERVER_AUTH]),
        _ => settings(&[SERVER_AUTH], &["2.5.29.37.0"]),
    });
    plan
}

fn unknown_critical(rng: &mut Rng) -> Plan {
    let mut plan = Plan::new(rng);
    let at = plan.any(rng);
    let oid = ["1.2.3.4", "2.5.29.9", "1.3.6.1.5.5.7.1.1", SUBJECT_KEY_ID, AUTHORITY_KEY_ID, "2.5.29.18"][rng.usize(0..6)];
    let value = match oid {
        SUBJECT_KEY_ID => subject_key_id(plan.specs[at].key).value,
        AUTHORITY_KEY_ID => authority_key_id(plan.specs[at].signer).value,
        _ => sequence([]),
    };
    plan.specs[at].set(extension(oid, true, value));
    plan
}

fn proxy_information() -> Vec<u8> {
    sequence([&sequence([&der::oid("1.3.6.1.5.5.7.21.1")[..]])[..]])
}

fn proxy(rng: &mut Rng) -> Plan {
    let mut plan = Plan::new(rng);
    let at = if rng.bool() { 0 } else { plan.any(rng) };
    plan.specs[at].remove(ALTERNATIVE_NAME);
    plan.specs[at].remove(BASIC_CONSTRAINTS);
    plan.specs[at].set(extension(PROXY, rng.bool(), proxy_information()));
    if rng.bool() {
        let mut subject = plan.specs[at].issuer.clone();
        subject.0.push(Name::new("proxy").0.remove(1));
        plan.set_subject(at, subject);
    }
    if rng.bool() {
        plan.host = None;
    }
    plan
}

const ORG: General<'_> = (DNS_NAME, b"example.org");
const COM: General<'_> = (DNS_NAME, b"example.com");

fn outside_of_the_permitted(rng: &mut Rng) -> Plan {
    let mut plan = Plan::new(rng);
    let at = plan.any_ca(rng);
    let (net, network): (&[u8], &[u8]) = (&[192, 0, 2, 1], &[10, 0, 0, 0, 255, 0, 0, 0]);
    let directory = Name::new("Elsewhere").der();
    let (name, permitted): (General<'_>, General<'_>) = match rng.u8(0..5) {
        0 => (ORG, (DIRECTORY_NAME, &directory)),
        1 => ((EMAIL_NAME, b"a@example.org"), (EMAIL_NAME, b"example.com")),
        2 => ((URI_NAME, b"https://a.example.org/"), (URI_NAME, b".example.com")),
        3 => ((IP_NAME, net), (IP_NAME, network)),
        _ => (ORG, COM),
    };
    plan.leaf().set(alternative_name(&[(DNS_NAME, b"www.example.org"), name]));
    plan.specs[at].set(name_constraints(&[permitted], &[]));
    plan
}

fn within_the_excluded(rng: &mut Rng) -> Plan {
    let mut plan = Plan::new(rng);
    let at = plan.any_ca(rng);
    let directory = Name(Name::new("").0[..1].to_vec()).der();
    let excluded: General<'_> = match rng.u8(0..4) {
        0 => (DIRECTORY_NAME, &directory),
        1 => (DNS_NAME, b""),
        2 => (DNS_NAME, b"www.example.org"),
        _ => ORG,
    };
    plan.specs[at].set(name_constraints(&[], &[excluded]));
    plan
}

/// A subtree with a minimum or a maximum.
fn minimum(rng: &mut Rng) -> Plan {
    let mut plan = Plan::new(rng);
    let at = plan.any_ca(rng);
    let bound = [tlv(0x80, &[1]), tlv(0x81, &[3]), [tlv(0x80, &[0]), tlv(0x81, &[0])].concat()][rng.usize(0..3)].clone();
    let subtree = sequence([&tlv(DNS_NAME, b"example.org")[..], &bound]);
    let tag = if rng.bool() { 0xa0 } else { 0xa1 };
    plan.specs[at].set(extension(NAME_CONSTRAINTS, true, sequence([&tlv(tag, &subtree)[..]])));
    plan
}

fn unsupported_constraint(rng: &mut Rng) -> Plan {
    let mut plan = Plan::new(rng);
    let at = plan.any_ca(rng);
    let other = [der::oid("1.2.3.4"), tlv(0xa0, &tlv(0x0c, b"x"))].concat();
    let registered = der::oid("1.2.3.4")[2..].to_vec();
    let name: General<'_> = if rng.bool() { (0xa0, &other) } else { (0x88, &registered) };
    plan.leaf().set(alternative_name(&[(DNS_NAME, b"www.example.org"), name]));
    plan.specs[at].set(if rng.bool() { name_constraints(&[name], &[]) } else { name_constraints(&[], &[name]) });
    plan
}

fn malformed_name(rng: &mut Rng) -> Plan {
    let mut plan = Plan::new(rng);
    let at = plan.any_ca(rng);
    let (name, constraint): (General<'_>, General<'_>) = match rng.u8(0..6) {
        0 => ((EMAIL_NAME, b"nobody"), (EMAIL_NAME, b"example.org")),
        1 => ((URI_NAME, b"example.org"), (URI_NAME, b"example.org")),
        2 => ((URI_NAME, b"https:///x"), (URI_NAME, b"example.org")),
        3 => ((URI_NAME, b"https:example.org"), (URI_NAME, b"example.org")),
        4 => ((IP_NAME, &[1, 2, 3]), (IP_NAME, &[1, 2, 3, 4, 0, 0, 0, 0])),
        _ => ((IP_NAME, &[1, 2, 3, 4]), (IP_NAME, &[1, 2, 3])),
    };
    plan.leaf().set(alternative_name(&[(DNS_NAME, b"www.example.org"), name]));
    plan.specs[at].set(if rng.bool() { name_constraints(&[constraint], &[]) } else { name_constraints(&[], &[constraint]) });
    plan
}

fn other_host(rng: &mut Rng) -> Plan {
    let mut plan = Plan::new(rng);
    let asked = ["example.org", "a.www.example.org", "www.example.org.", "ww.example.org", "www-example.org", "w"];
    plan.host = Some(Ask::Name(rng.choice(asked).expect("some").into()));
    plan
}

fn other_address(rng: &mut Rng) -> Plan {
    let mut plan = Plan::new(rng);
    plan.host = Some(Ask::Address(if rng.bool() { [192, 0, 2, rng.u8(..)].into() } else { [rng.u16(..); 8].into() }));
    if rng.bool() {
        let octets = [192, 0, 3, rng.u8(..)];
        plan.leaf().set(alternative_name(&[(IP_NAME, &octets), (DNS_NAME, b"192.0.2.1"), (DNS_NAME, b"www.example.org")]));
    }
    plan
}

fn weak_key(rng: &mut Rng, of_the_leaf: bool) -> Plan {
    let mut plan = Plan::new(rng);
    let at = if of_the_leaf { 0 } else { plan.any_ca(rng) };
    plan.set_key(at, rng.usize(WEAK));
    plan.level = 2;
    plan
}

fn weak_signature(rng: &mut Rng) -> Plan {
    loop {
        let mut plan = Plan::new(rng);
        let at = rng.usize(0..plan.path - 1);
        let family = KEYS[plan.specs[at].signer].family;
        plan.specs[at].algorithm = match family {
            Family::Rsa if rng.bool() => &MD5_RSA,
            Family::Rsa => &SHA1_RSA,
            Family::Ec => &SHA1_EC,
            _ => continue,
        };
        return plan;
    }
}

fn no_ca(rng: &mut Rng) -> Plan {
    let mut plan = Plan::new(rng);
    let at = plan.any_ca(rng);
    match rng.u8(0..3) {
        0 => plan.specs[at].remove(BASIC_CONSTRAINTS),
        1 => plan.specs[at].set(basic_constraints(false, None)),
        _ => plan.specs[at].set(key_usage(&[0, 6])),
    }
    plan
}

/// A CA by its key usage alone: enough for a root, and for the purpose.
fn ca_by_key_usage(rng: &mut Rng) -> Plan {
    let mut plan = Plan::with_intermediates(rng, 1);
    let at = plan.any_intermediate(rng);
    plan.specs[at].remove(BASIC_CONSTRAINTS);
    plan.specs[at].set(key_usage(&[5, 6]));
    plan
}

fn quiet_proxy(rng: &mut Rng) -> Plan {
    quiet_proxies(rng, &[proxy_information()])
}

/// The upper one lets none follow.
fn proxies_of_proxies(rng: &mut Rng) -> Plan {
    let limit = [der::small(0), tlv(2, &[0xfe])][rng.usize(0..2)].clone();
    let policy = sequence([&der::oid("1.3.6.1.5.5.7.21.1")[..]]);
    quiet_proxies(rng, &[proxy_information(), sequence([&limit[..], &policy])])
}

/// Proxy certificates, the leaf first, above which is the root by its settings, which is no CA: nothing else is wrong with them.
fn quiet_proxies(rng: &mut Rng, informations: &[Vec<u8>]) -> Plan {
    let mut plan = Plan::new(rng);
    let (mut name, key) = (plan.root().subject.clone(), plan.root().key);
    let mut root = Spec::new(rng, plan.at, &name, key, &name, key);
    root.set(key_usage(&[0]));
    plan.specs = vec![root];
    for information in informations.iter().rev() {
        let mut subject = name.clone();
        subject.0.push(Name::new("proxy").0.remove(1));
        let mut proxy = Spec::new(rng, plan.at, &subject, key, &name, key);
        proxy.set(extension(PROXY, true, information.clone()));
        plan.specs.insert(0, proxy);
        name = subject;
    }
    plan.path = plan.specs.len();
    plan.presented = (0..informations.len()).collect();
    plan.store = vec![crate::plan::Stored { spec: informations.len(), settings: None }];
    plan.host = None;
    plan
}

fn explicit_curve(rng: &mut Rng) -> Plan {
    let mut plan = Plan::new(rng);
    let at = plan.any(rng);
    plan.set_key(at, rng.usize(EXPLICIT));
    plan
}
