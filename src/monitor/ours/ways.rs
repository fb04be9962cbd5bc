//! What visits prove about the ways out of this machine: whether a server is down, or we are cut off.
//!
//! A failure is believed when somebody else was reached by the same way meanwhile. Where nobody was, up to three others are
//! asked, canaries and then far ones first; if none of them can be reached either, or more than half of all fail at once, we doubt
//! ourselves. Where all canaries are reached, it is not us, however many fail.

use core::net::IpAddr;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crate::{
    clock::Now,
    monitor::crowd::Spot,
    observation::{FailureKind, Observation},
};

/// What an outage takes away at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::monitor) enum Way {
    /// From names to addresses.
    Resolver,
    /// To addresses of this family (4 or 6) and reach.
    Network(u8, Reach),
}

/// How far away an address may be. To be cut off from the Internet is not to be cut off from the machine next to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::monitor) enum Reach {
    Machine,
    Site,
    World,
}

/// Somewhere that can be reached, or not, as the brain's memory has it.
pub(in crate::monitor) struct Stock {
    pub(super) spot: Spot,
    pub(super) endpoint: Arc<str>,
    pub(super) is_canary: bool,
    pub(super) is_down: bool,
}

/// What to think of a failure.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opinion {
    /// It is the server's, as far as anybody can say, once these have been asked.
    Believed(Vec<Arc<str>>),
    /// It is ours.
    Doubted,
}

/// What a proof does to a doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relief {
    /// Those that fail are worth another look.
    LookAgain(Way),
    /// The doubt is over.
    Over(Way),
}

/// By way.
#[derive(Debug, Default)]
pub(in crate::monitor) struct Ways {
    ways: BTreeMap<Way, Traffic>,
}

#[derive(Debug, Default)]
struct Traffic {
    posts: BTreeMap<Spot, Post>,
    doubt: Option<Doubt>,
    /// In uptime: what was begun before the last doubt was over counts for nothing.
    since: Duration,
}

/// Somewhere that can be reached, or not.
#[derive(Debug)]
struct Post {
    /// An endpoint there.
    endpoint: Arc<str>,
    is_canary: bool,
    /// When the last visit was begun that reached it, and the last that did not, in uptime.
    reached: Option<Duration>,
    failed: Option<Duration>,
    /// Since when its failure is believed: it can bear no witness.
    down: Option<Duration>,
}

#[derive(Debug)]
struct Doubt {
    begun: Now,
    /// These are looked at again and again until one is reached.
    scouts: BTreeSet<Arc<str>>,
    looked_again: Option<Duration>,
}

/// What canaries say together: the last of these that any of them does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Canaries {
    /// The way is open.
    Reached,
    /// Nothing yet.
    Unasked,
    /// It may not be.
    Failed,
}

impl Way {
    pub(super) fn of(spot: &Spot) -> Way {
        match spot {
            Spot::Name(_) => Way::Resolver,
            Spot::Address(ip) => Way::Network(if ip.is_ipv4() { 4 } else { 6 }, reach(*ip)),
        }
    }
}

impl Ways {
    /// The posts as they are now; what is known of those that stay is kept.
    pub(super) fn are(&mut self, posts: impl Iterator<Item = Stock>) {
        let mut old = std::mem::take(&mut self.ways);
        for Stock { spot, endpoint, is_canary, is_down } in posts {
            let way = Way::of(&spot);
            let posts = &mut self.ways.entry(way).or_default().posts;
            let known = || old.get_mut(&way).and_then(|traffic| traffic.posts.remove(&spot));
            let new = || Post { down: is_down.then_some(Duration::ZERO), ..Post::new(endpoint, is_canary) };
            // The canaries come last: where one is an endpoint too, it is both.
            let post = posts.remove(&spot).or_else(known).unwrap_or_else(new);
            posts.insert(spot, Post { is_canary, ..post });
        }
        for (way, traffic) in &mut self.ways {
            if let Some(old) = old.remove(way) {
                (traffic.doubt, traffic.since) = (old.doubt, old.since);
            }
        }
    }

    /// There is something to reach, or not, at an address that may be new.
    pub(super) fn met(&mut self, spot: &Spot, endpoint: &Arc<str>, is_canary: bool) {
        let post = self.ways.entry(Way::of(spot)).or_default().post(spot, endpoint);
        post.is_canary |= is_canary;
    }

    /// A visit that was begun then has reached it.
    pub(super) fn reached(&mut self, spot: &Spot, endpoint: &Arc<str>, begun: Duration, now: Duration) -> Option<Relief> {
        let way = Way::of(spot);
        let traffic = self.ways.entry(way).or_default();
        let post = traffic.post(spot, endpoint);
        let was_failing = post.is_failing();
        post.reached = Some(begun);
        post.down = None;
        // Counting takes a look at every post: not while all is well.
        traffic.doubt.as_ref()?;
        let is_mostly_lost = traffic.is_mostly_lost(now);
        let since = traffic.doubt.as_ref()?.begun.uptime;
        let is_mostly_lost = is_mostly_lost && traffic.canaries(since) != Some(Canaries::Reached);
        let doubt = traffic.doubt.as_mut()?;
        if !is_mostly_lost {
            traffic.doubt = None;
            traffic.since = now;
            return Some(Relief::Over(way));
        }
        let is_due = doubt.looked_again.is_none_or(|before| before + PATIENCE <= now);
        (was_failing && is_due).then(|| {
            doubt.looked_again = Some(now);
            Relief::LookAgain(way)
        })
    }

    /// A visit that was begun then has not reached it.
    pub(super) fn failed(&mut self, spot: &Spot, endpoint: &Arc<str>, begun: Duration) {
        let traffic = self.ways.entry(Way::of(spot)).or_default();
        traffic.post(spot, endpoint).failed = Some(begun);
    }

    /// It is no longer the endpoint's.
    pub(in crate::monitor) fn left(&mut self, spot: &Spot, endpoint: &Arc<str>) {
        if let Some(traffic) = self.ways.get_mut(&Way::of(spot)) {
            traffic.posts.retain(|known, post| known != spot || post.endpoint != *endpoint);
        }
    }

    /// Whether a failure there, of a visit that was begun then, says anything about the server.
    pub(in crate::monitor) fn counts(&self, spot: &Spot, begun: Duration) -> bool {
        self.ways.get(&Way::of(spot)).is_none_or(|traffic| traffic.doubt.is_none() && traffic.since <= begun)
    }

    /// Whether this endpoint need not be looked at again soon for the sake of a failure there.
    pub(in crate::monitor) fn is_hushed(&self, spot: &Spot, endpoint: &Arc<str>) -> bool {
        let doubt = self.ways.get(&Way::of(spot)).and_then(|traffic| traffic.doubt.as_ref());
        doubt.is_some_and(|doubt| !doubt.scouts.contains(endpoint))
    }

    /// What to think of a failure at `spot`, one of the endpoint's `own`, that the looks begun at `before` and since have met.
    pub(super) fn opinion(&mut self, spot: &Spot, own: &[Spot], endpoint: &Arc<str>, before: Duration, now: Now) -> Opinion {
        let Some(traffic) = self.ways.get_mut(&Way::of(spot)) else { return Opinion::Believed(Vec::new()) };
        let is_proven = traffic.posts.iter().any(|(other, post)| other != spot && post.reached >= Some(before));
        let witnesses = || traffic.posts.iter().filter(|(other, post)| post.down.is_none() && !own.contains(other));
        let (mut silent, mut unasked): (Vec<_>, Vec<_>) = witnesses().partition(|(_, post)| post.failed >= Some(before));
        let is_lost = if is_proven {
            traffic.is_mostly_lost(now.uptime)
        } else {
            !silent.is_empty() && silent.len() >= WITNESSES.min(silent.len() + unasked.len())
        };
        let canaries = traffic.canaries(before);
        if is_lost && canaries == Some(Canaries::Unasked) {
            unasked.retain(|(_, post)| post.is_canary);
        } else if is_lost && canaries != Some(Canaries::Reached) {
            silent.sort_by_key(|(_, post)| !post.is_canary);
            let scouts = silent.iter().map(|(_, post)| &post.endpoint).take(WITNESSES).chain([endpoint]).cloned().collect();
            traffic.doubt = Some(Doubt { begun: now, scouts, looked_again: None });
            return Opinion::Doubted;
        } else if is_proven {
            return Opinion::Believed(Vec::new());
        }
        unasked.sort_by_key(|(other, post)| (!post.is_canary, is_near(spot, other), std::cmp::Reverse(post.reached)));
        Opinion::Believed(unasked.into_iter().take(WITNESSES).map(|(_, post)| post.endpoint.clone()).collect())
    }

    /// A failure there is believed.
    pub(super) fn is_down(&mut self, spot: &Spot, now: Duration) {
        let traffic = self.ways.get_mut(&Way::of(spot));
        if let Some(post) = traffic.and_then(|traffic| traffic.posts.get_mut(spot)) {
            post.down = Some(now);
        }
    }

    /// Those that are in doubt, and since when.
    pub(super) fn doubted(&self) -> impl Iterator<Item = (Way, Now)> {
        self.ways.iter().filter_map(|(way, traffic)| Some((*way, traffic.doubt.as_ref()?.begun)))
    }

    /// How many places by this way cannot be reached now, and how many there are; those that are known to be down do not count.
    pub(super) fn lost(&self, way: Way) -> (usize, usize) {
        self.ways.get(&way).map_or((0, 0), Traffic::lost)
    }
}

impl Traffic {
    fn post(&mut self, spot: &Spot, endpoint: &Arc<str>) -> &mut Post {
        self.posts.entry(spot.clone()).or_insert_with(|| Post::new(Arc::clone(endpoint), false))
    }

    /// What the canaries say by visits begun at `since` or later; those that are known to be down say nothing.
    fn canaries(&self, since: Duration) -> Option<Canaries> {
        let canaries = self.posts.values().filter(|post| post.is_canary && post.down.is_none());
        let words = canaries.map(|post| match () {
            () if post.reached.max(post.failed) < Some(since) => Canaries::Unasked,
            () if post.is_failing() => Canaries::Failed,
            () => Canaries::Reached,
        });
        words.max()
    }

    fn lost(&self) -> (usize, usize) {
        let up = || self.posts.values().filter(|post| post.down.is_none());
        (up().filter(|post| post.is_failing()).count(), up().count())
    }

    /// Of those that were visited lately, but for those that have been down for longer.
    fn is_mostly_lost(&self, now: Duration) -> bool {
        let is_late = |at: Option<Duration>| at.is_some_and(|at| at + WINDOW >= now);
        let visited = self.posts.values().filter(|post| is_late(post.reached.max(post.failed)));
        let visited: Vec<_> = visited.filter(|post| post.down.is_none() || is_late(post.down)).collect();
        let lost = visited.iter().filter(|post| post.is_failing()).count();
        lost >= MANY && 2 * lost > visited.len()
    }
}

impl Post {
    fn new(endpoint: Arc<str>, is_canary: bool) -> Self {
        Post { endpoint, is_canary, reached: None, failed: None, down: None }
    }

    fn is_failing(&self) -> bool {
        self.failed > self.reached
    }
}

/// Somebody answered, with a certificate or otherwise: the way there is open.
pub(super) fn has_reached(observation: &Observation) -> bool {
    observation.chain().is_some()
        || observation.failure().is_some_and(|failure| {
            matches!(
                failure.kind,
                FailureKind::Alert(_)
                    | FailureKind::NoCommonVersion
                    | FailureKind::NoCommonCipher
                    | FailureKind::Plaintext(_)
                    | FailureKind::TooMuchData
                    | FailureKind::ProtocolViolation
                    | FailureKind::StarttlsRefused
            )
        })
}

fn reach(ip: IpAddr) -> Reach {
    let ip = ip.to_canonical();
    let is_site = match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    };
    match ip {
        _ if ip.is_loopback() => Reach::Machine,
        _ if is_site => Reach::Site,
        _ => Reach::World,
    }
}

/// In the same network, as far as can be told from outside: the first 24 bits of IPv4, the first 48 of IPv6.
fn is_near(one: &Spot, other: &Spot) -> bool {
    match (one, other) {
        (Spot::Address(IpAddr::V4(one)), Spot::Address(IpAddr::V4(other))) => one.octets()[..3] == other.octets()[..3],
        (Spot::Address(IpAddr::V6(one)), Spot::Address(IpAddr::V6(other))) => one.octets()[..6] == other.octets()[..6],
        _ => false,
    }
}

/// So many others are asked; if all of them are silent, it is us.
const WITNESSES: usize = 3;

/// Fewer failures at once than this are no outage, whatever their share.
const MANY: usize = 5;

/// How far back the share of those that fail is taken.
const WINDOW: Duration = Duration::from_mins(2);

/// From one new look at everything to the next while most of it is lost.
const PATIENCE: Duration = Duration::from_mins(1);
