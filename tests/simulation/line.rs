//! Lines of certificates: each is renewed as usual, or forgotten, and serves one endpoint or, as a wildcard, several.

use std::{collections::BTreeMap, ops::Range};

use fastrand::Rng;

use crate::{
    fleet::{Endpoint, Face, Fleet, Leaf, Names, Phase, Sent},
    truth::{DAY, HOUR, MINUTE, Moment, critical, warning},
};

/// One certificate after another for the same endpoints.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Numbers of endpoints.
    pub(crate) members: Range<usize>,
    /// Of each member, how many it has.
    pub(crate) addresses: Vec<usize>,
    number: usize,
    authority: usize,
    /// When each certificate is rolled out, and its number; the first one was before the period.
    renewals: Vec<(Moment, usize)>,
    /// What goes wrong at a member's renewal.
    mishaps: BTreeMap<(usize, usize), Mishap>,
}

#[derive(Clone, Copy, Debug)]
enum Mishap {
    BrokenChain,
    /// With the certificate that was made by mistake.
    WrongName(usize),
    Partial,
}

/// In equal parts.
const LIFETIMES: [i64; 4] = [6, 47, 90, 398];

/// Every line of the fleet: their certificates are made, and all that goes wrong with them is decided.
pub(crate) fn lines(fleet: &mut Fleet, rng: &mut Rng) -> Vec<Line> {
    let count = fleet.plan.endpoints;
    let mut lines = Vec::new();
    let mut next = 0;
    while next < count {
        let number = lines.len();
        // One line in ten is a wildcard's.
        let size = if number % 10 == 9 { rng.usize(3..=12) } else { 1 };
        let members = next..count.min(next + size);
        next = members.end;
        let addresses = members.clone().map(|_| [1, 1, 2, 2, 3, 4][rng.usize(0..6)]).collect();
        let authority = rng.usize(0..fleet.authorities.len());
        let line = Line { members, addresses, number, authority, renewals: Vec::new(), mishaps: BTreeMap::new() };
        lines.push((line, LIFETIMES[number % 4] * DAY, Rng::with_seed(rng.u64(..))));
    }
    let horizon = fleet.horizon();
    let usual: Vec<usize> =
        lines.iter().map(|(_, lifetime, dice)| moments(*lifetime, horizon, &[], &mut dice.clone()).len()).collect();
    let mut forgotten: Vec<Vec<usize>> = vec![Vec::new(); lines.len()];
    let owners_of: Vec<usize> =
        lines.iter().enumerate().flat_map(|(at, (line, ..))| line.members.clone().map(move |_| at)).collect();
    let mut left = i64::try_from(count / 5).unwrap_or(i64::MAX);
    for _ in 0..20 * count {
        let at = owners_of[rng.usize(0..count)];
        // The first certificate is never a mishap: it was rolled out before the period.
        let renewal = rng.usize(0..usual[at].max(1));
        if left <= 0 || renewal == 0 || forgotten[at].contains(&renewal) {
            continue;
        }
        forgotten[at].push(renewal);
        left -= i64::try_from(lines[at].0.members.len()).unwrap_or(1);
    }
    for (at, (line, lifetime, dice)) in lines.iter_mut().enumerate() {
        let names = if line.members.len() > 1 { Names::Wildcard(line.number) } else { Names::Endpoint(line.members.start) };
        for moment in moments(*lifetime, horizon, &forgotten[at], dice) {
            let begins = moment - HOUR;
            line.renewals.push((moment, fleet.leaves.len()));
            fleet.leaves.push(Leaf { names, begins, ends: begins + *lifetime, authority: line.authority });
        }
    }
    let mut lines: Vec<Line> = lines.into_iter().map(|(line, ..)| line).collect();
    mishaps(fleet, &mut lines, &owners_of, rng);
    lines
}

/// When certificates are rolled out: usually with a third of the lifetime left, or 30 days; now and then too late.
fn moments(lifetime: Moment, horizon: Moment, forgotten: &[usize], rng: &mut Rng) -> Vec<Moment> {
    let usual = (lifetime * 2 / 3).max(lifetime - 30 * DAY);
    let mut at = -rng.i64(0..usual);
    let mut moments = vec![at];
    loop {
        let renewal = moments.len();
        let early = rng.i64(0..lifetime / 40);
        let (warning, critical, end) = (warning(0, lifetime), critical(0, lifetime), lifetime);
        // Drawn always, so that one that is forgotten changes no other.
        let late = [rng.i64(warning + HOUR..critical - HOUR), rng.i64(critical + HOUR..end - HOUR), end + rng.i64(HOUR..5 * DAY)]
            [rng.usize(0..3)];
        at += if forgotten.contains(&renewal) { late } else { usual - early };
        if at >= horizon {
            return moments;
        }
        moments.push(at);
    }
}

/// A year brings each endpoint on average 0.2 broken chains after a renewal, 0.05 wrong names and 0.3 partial roll-outs.
fn mishaps(fleet: &mut Fleet, lines: &mut [Line], owners_of: &[usize], rng: &mut Rng) {
    let count = owners_of.len();
    let mut wanted = [(count / 5, 0_u8), (count / 20, 1), (count * 3 / 10, 2)];
    for (left, which) in &mut wanted {
        for _ in 0..20 * count {
            let member = rng.usize(0..count);
            let line = &mut lines[owners_of[member]];
            let renewal = rng.usize(0..line.renewals.len());
            let (moment, leaf) = line.renewals[renewal];
            if *left == 0 || renewal == 0 || moment < 2 * DAY || line.mishaps.contains_key(&(member, renewal)) {
                continue;
            }
            let mishap = match which {
                0 => Mishap::BrokenChain,
                1 => {
                    fleet.leaves.push(Leaf { names: Names::Wrong, ..fleet.leaves[leaf] });
                    Mishap::WrongName(fleet.leaves.len() - 1)
                }
                _ => Mishap::Partial,
            };
            line.mishaps.insert((member, renewal), mishap);
            *left -= 1;
        }
    }
}

impl Line {
    pub(crate) fn name_of(&self, member: usize) -> String {
        if self.members.len() > 1 { format!("host-{member}.w{}.test", self.number) } else { format!("host-{member}.test") }
    }

    /// Writes down what this member shows, from the first day to the last.
    pub(crate) fn serve(&self, fleet: &Fleet, member: usize, endpoint: &mut Endpoint, rng: &mut Rng) {
        let authority = fleet.authorities[self.authority];
        // For some time both certificates of the issuer are about, then only the second is handed out.
        let handed = |at| if at >= authority.first.to - 60 * DAY { Sent::Second } else { Sent::First };
        let mut changes: Vec<(Moment, Change)> = Vec::new();
        for (renewal, (moment, leaf)) in self.renewals.iter().copied().enumerate() {
            let next = self.renewals.get(renewal + 1).map_or(fleet.horizon(), |next| next.0);
            let room = (next - moment).max(HOUR) * 9 / 10;
            let face = Face { leaf, sent: handed(moment) };
            let all = Change::All(face);
            match self.mishaps.get(&(member, renewal)) {
                None => changes.push((moment, all)),
                Some(Mishap::BrokenChain) => {
                    changes.push((moment, Change::All(Face { sent: Sent::Nothing, ..face })));
                    changes.push((moment + room.min(rng.i64(6 * HOUR..10 * DAY)), all));
                }
                Some(Mishap::WrongName(wrong)) => {
                    changes.push((moment, Change::All(Face { leaf: *wrong, ..face })));
                    changes.push((moment + room.min(rng.i64(6 * HOUR..5 * DAY)), all));
                }
                Some(Mishap::Partial) => {
                    let lasts = [
                        rng.i64(5 * MINUTE..12 * HOUR),
                        rng.i64(5 * MINUTE..12 * HOUR),
                        rng.i64(DAY..8 * DAY),
                        rng.i64(DAY..40 * DAY),
                    ][rng.usize(0..4)];
                    let alternates = fleet.plan.balancers;
                    let partly = if endpoint.addresses > 1 {
                        Some(Change::Some(face))
                    } else {
                        alternates.then_some(Change::Alternating(face))
                    };
                    changes.extend(partly.map(|change| (moment, change)));
                    changes.push((moment + room.min(lasts), all));
                }
            }
        }
        // Somebody who has not renewed in time takes the second certificate by itself: from three weeks before to a day after.
        changes.push((authority.first.to + rng.i64(-20 * DAY..DAY), Change::Intermediate));
        changes.sort_by_key(|change| change.0);
        for (from, change) in changes.into_iter().filter(|change| change.0 < fleet.horizon()) {
            change.apply(from, endpoint);
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Change {
    All(Face),
    /// All but the last address.
    Some(Face),
    /// Now this one, now the former.
    Alternating(Face),
    Intermediate,
}

impl Change {
    fn apply(self, from: Moment, endpoint: &mut Endpoint) {
        let last = endpoint.phases.last();
        let mut faces = last.map(|phase| phase.faces.clone()).unwrap_or_default();
        let mut other = None;
        match self {
            Change::All(face) => faces = vec![face; endpoint.addresses],
            Change::Some(face) => {
                let new = endpoint.addresses - 1;
                faces[..new].fill(face);
            }
            Change::Alternating(face) => other = Some(face),
            Change::Intermediate => {
                other = last.and_then(|phase| phase.other);
                let old = faces.iter_mut().chain(&mut other).filter(|face| face.sent == Sent::First);
                old.for_each(|face| face.sent = Sent::Second);
            }
        }
        endpoint.phases.push(Phase { from, faces, other });
    }
}
