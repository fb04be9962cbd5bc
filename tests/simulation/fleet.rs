//! The generator: a fleet of endpoints, and all that happens to it in a year. It knows nothing of how anybody watches it.

use fastrand::Rng;

use crate::{
    line::{Line, lines},
    truth::{DAY, Deadline, HOUR, Kind, MINUTE, Moment, Span, Trouble, critical, warning},
};

/// How large, how long, and which of all possible years.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) endpoints: usize,
    pub(crate) owners: usize,
    /// A year's worth of events is packed into so many days.
    pub(crate) days: i64,
    pub(crate) seed: u64,
    /// Outages of our own network.
    pub(crate) own_outages: i64,
    /// A partial roll-out at a single address is a balancer that shows now the old certificate, now the new one.
    pub(crate) balancers: bool,
}

/// A leaf.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaf {
    pub(crate) names: Names,
    pub(crate) begins: Moment,
    pub(crate) ends: Moment,
    /// Who issued it: a number of `Fleet::authorities`.
    pub(crate) authority: usize,
}

/// For whom it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Names {
    Endpoint(usize),
    Wildcard(usize),
    /// For somebody else altogether.
    Wrong,
}

/// An issuer: two certificates of one key, the second of which takes over from the first in time, or should.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Authority {
    pub(crate) first: Span,
    pub(crate) second: Span,
}

/// What is sent after the leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Nothing,
    First,
    Second,
}

/// What a server shows: a number of `Fleet::leaves`, and what is sent after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Face {
    pub(crate) leaf: usize,
    pub(crate) sent: Sent,
}

/// From now on, until the next phase.
#[derive(Clone, Debug)]
pub(crate) struct Phase {
    pub(crate) from: Moment,
    /// One for each address.
    pub(crate) faces: Vec<Face>,
    /// A balancer shows this one instead every now and then.
    pub(crate) other: Option<Face>,
}

/// A server that cannot be reached for a while.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flap {
    pub(crate) span: Span,
    /// Only this address, or all.
    pub(crate) address: Option<usize>,
    pub(crate) how: Failing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failing {
    Silence,
    Refusal,
    /// The name does not resolve.
    Nameless,
}

/// An endpoint and its year.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) name: String,
    pub(crate) owner: usize,
    pub(crate) addresses: usize,
    pub(crate) phases: Vec<Phase>,
    pub(crate) flaps: Vec<Flap>,
}

/// The fleet and the truth.
#[derive(Clone, Debug)]
pub(crate) struct Fleet {
    pub(crate) plan: Plan,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) leaves: Vec<Leaf>,
    pub(crate) authorities: Vec<Authority>,
    /// Of our own network: nothing is reached, and no mail leaves.
    pub(crate) outages: Vec<(Span, Failing)>,
    /// Of the mail server.
    pub(crate) mail_outages: Vec<Span>,
    pub(crate) troubles: Vec<Trouble>,
}

impl Fleet {
    /// The same fleet and year for the same plan.
    pub(crate) fn generate(plan: Plan) -> Fleet {
        let mut rng = Rng::with_seed(plan.seed);
        let authorities = authorities(plan, &mut rng);
        let outages = spread(plan.own_outages, 10 * MINUTE, 8 * HOUR, plan, &mut rng);
        let mut fleet = Fleet {
            plan,
            endpoints: Vec::new(),
            leaves: Vec::new(),
            outages: outages.into_iter().zip([Failing::Nameless, Failing::Silence].into_iter().cycle()).collect(),
            mail_outages: spread(6, HOUR, DAY, plan, &mut rng),
            troubles: Vec::new(),
            authorities,
        };
        let lines = lines(&mut fleet, &mut rng);
        for line in &lines {
            for member in line.members.clone() {
                let endpoint = fleet.endpoint(line, member, &mut rng);
                fleet.endpoints.push(endpoint);
            }
        }
        fleet.flap(&mut rng);
        fleet.troubles = (0..fleet.endpoints.len()).flat_map(|at| fleet.troubles_at(at)).collect();
        fleet
    }

    pub(crate) fn horizon(&self) -> Moment {
        self.plan.days * DAY
    }

    /// 20 names answer for everything; wildcards are shared by several of them.
    fn endpoint(&self, line: &Line, member: usize, rng: &mut Rng) -> Endpoint {
        let owner = rng.usize(0..self.plan.owners);
        let addresses = line.addresses[member - line.members.start];
        let mut endpoint = Endpoint { name: line.name_of(member), owner, addresses, phases: Vec::new(), flaps: Vec::new() };
        line.serve(self, member, &mut endpoint, rng);
        endpoint
    }

    /// Two for each endpoint, of one to sixty minutes, a third of them at one address alone.
    fn flap(&mut self, rng: &mut Rng) {
        let mut left = 2 * self.endpoints.len();
        while left > 0 {
            let length = rng.i64(MINUTE..=60 * MINUTE);
            let from = rng.i64(DAY..self.horizon() - DAY);
            let at = rng.usize(0..self.endpoints.len());
            let endpoint = &mut self.endpoints[at];
            let span = Span { from, to: from + length };
            if endpoint.flaps.iter().any(|other| other.span.holds_within(span.from - 3 * HOUR, span.to + 3 * HOUR)) {
                continue;
            }
            left -= 1;
            let address = Some(rng.usize(0..endpoint.addresses)).filter(|_| rng.u8(0..3) == 0);
            let how = match address {
                None => [Failing::Silence, Failing::Refusal, Failing::Nameless][rng.usize(0..3)],
                Some(_) => [Failing::Silence, Failing::Refusal][rng.usize(0..2)],
            };
            endpoint.flaps.push(Flap { span, address, how });
        }
        self.endpoints.iter_mut().for_each(|endpoint| endpoint.flaps.sort_by_key(|flap| flap.span));
    }

    /// The truth of one endpoint, read off what it shows.
    fn troubles_at(&self, at: usize) -> Vec<Trouble> {
        let endpoint = &self.endpoints[at];
        let mut troubles: Vec<Trouble> = Vec::new();
        let ends = endpoint.phases.iter().skip(1).map(|phase| phase.from).chain([self.horizon() + DAY]);
        for (phase, to) in endpoint.phases.iter().zip(ends) {
            let span = Span { from: phase.from, to };
            let faces: Vec<Face> = phase.faces.iter().copied().chain(phase.other).collect();
            let mut found: Vec<Trouble> = faces.iter().flat_map(|face| self.troubles_of(*face, at, span)).collect();
            if faces.iter().any(|face| face.leaf != faces[0].leaf) {
                let cause = faces.iter().map(|face| face.leaf).min().unwrap_or_default();
                found.push(Trouble { kind: Kind::Rollout, endpoint: at, cause, span, deadline: Deadline::Never });
            }
            for trouble in found {
                let same = |known: &&mut Trouble| (known.kind, known.cause) == (trouble.kind, trouble.cause);
                match troubles.iter_mut().find(same) {
                    Some(known) => known.span.to = known.span.to.max(trouble.span.to),
                    None => troubles.push(trouble),
                }
            }
        }
        troubles.extend(endpoint.flaps.iter().enumerate().map(|(flap, Flap { span, .. })| {
            let cause = at * 1000 + flap;
            Trouble { kind: Kind::Network, endpoint: at, cause, span: *span, deadline: Deadline::Visits(4) }
        }));
        troubles
    }

    fn troubles_of(&self, face: Face, endpoint: usize, span: Span) -> Vec<Trouble> {
        let leaf = &self.leaves[face.leaf];
        let visits = Deadline::Visits(2);
        let mut troubles = Vec::new();
        let mut add = |kind, cause, from: Moment, deadline| {
            let span = Span { from: span.from.max(from), to: span.to };
            if span.from < span.to {
                troubles.push(Trouble { kind, endpoint, cause, span, deadline });
            }
        };
        let due = |begins, ends| (warning(begins, ends), Deadline::Moment(critical(begins, ends)));
        let (from, deadline) = due(leaf.begins, leaf.ends);
        add(Kind::Expiry, face.leaf, from, deadline);
        if matches!(leaf.names, Names::Wrong) {
            add(Kind::Name, face.leaf, span.from, visits);
        }
        let authority = &self.authorities[leaf.authority];
        let above = match face.sent {
            Sent::Nothing => {
                add(Kind::Chain, face.leaf, span.from, visits);
                return troubles;
            }
            Sent::First => authority.first,
            Sent::Second => authority.second,
        };
        let (from, deadline) = due(above.from, above.to);
        add(Kind::Intermediate, leaf.authority, from, deadline);
        troubles
    }
}

/// Six, of which the first two end within the period; the others long after.
fn authorities(plan: Plan, rng: &mut Rng) -> Vec<Authority> {
    let year = 365 * DAY;
    let ends = (0..6).map(|at| {
        let share = |percent: i64| plan.days * DAY * percent / 100;
        if at < 2 { rng.i64(share(45)..share(90)) } else { 4 * year }
    });
    let authority =
        |to| Authority { first: Span { from: to - 5 * year, to }, second: Span { from: to - 2 * year, to: to + 3 * year } };
    ends.map(authority).collect()
}

/// So many spans, at least two days apart, one in each share of the period; the first and last days are quiet.
fn spread(count: i64, shortest: Moment, longest: Moment, plan: Plan, rng: &mut Rng) -> Vec<Span> {
    let share = (plan.days * DAY - 4 * DAY) / count.max(1);
    let spans = (0..count).map(|at| {
        let length = rng.i64(shortest..=longest.min(share / 2));
        let from = 2 * DAY + at * share + rng.i64(0..share - length);
        Span { from, to: from + length }
    });
    spans.collect()
}
