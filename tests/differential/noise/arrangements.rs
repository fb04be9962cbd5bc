//! Who presents and who trusts what.

use fastrand::Rng;

use super::Change;
use super::names::host;
use crate::{
    case::Ask,
    certificate::{Algorithm, Date, KEYS, Name, Spec},
    goals::settings,
    plan::{AUTHORITY_KEY_ID, CLIENT_AUTH, DAY, Plan, SERVER_AUTH, SUBJECT_KEY_ID, Stored, authority_key_id},
};

pub(super) const ARRANGEMENTS: &[Change] = &[
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
    below.algorithm = Algorithm::usual(KEYS[signer].family);
    below.remove(AUTHORITY_KEY_ID);
    if rng.bool() {
        let settled = authority_key_id(signer);
        plan.specs[at - 1].set(settled);
    }
    plan.presented.insert(rng.usize(1..=plan.presented.len()), new);
}

pub(super) fn ask(plan: &mut Plan, rng: &mut Rng) {
    plan.host = match rng.u8(0..5) {
        0 => Some(Ask::Address([192, 0, 2, rng.u8(0..2)].into())),
        1 => Some(Ask::Address([0x2001, 0xdb8, 0, 0, 0, 0, 0, rng.u16(0..2)].into())),
        _ => Some(Ask::Name(host(rng))),
    };
}
