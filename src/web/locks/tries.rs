//! How often somebody may try: so many times at once, and once more now and then. Bounded, whoever tries.

use core::net::IpAddr;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// So many at once, and one more each time that this has gone by (the generic cell rate algorithm, ITU-T I.371, annex A).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// One more after this.
    pub every: Duration,
    /// At least 1.
    pub at_once: u32,
}

impl Pace {
    /// Moves `ahead`, the moment until which all is used up, by one. Where too many were taken already: how long to wait.
    fn take(self, ahead: &mut Instant, now: Instant) -> Result<(), Duration> {
        let then = (*ahead).max(now) + self.every;
        let beyond = then.duration_since(now).saturating_sub(self.every * self.at_once);
        if !beyond.is_zero() {
            return Err(beyond);
        }
        *ahead = then;
        Ok(())
    }
}

/// The failures of each address, so that guessing is slow. Of IPv6 the network counts, as one machine has all of a /64.
#[derive(Debug, Default)]
pub(super) struct Tries(Mutex<HashMap<Option<IpAddr>, Instant>>);

impl Tries {
    /// One more try; how long to wait where there were too many.
    pub(super) fn take(&self, peer: Option<IpAddr>, now: Instant) -> Result<(), Duration> {
        let mut ahead = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ahead.len() >= ADDRESSES {
            ahead.retain(|_, until| *until > now);
        }
        let mut key = network(peer);
        if ahead.len() >= ADDRESSES && !ahead.contains_key(&key) {
            // Who comes from so many addresses shares what the sockets of this machine have.
            key = None;
        }
        FAILURES.take(ahead.entry(key).or_insert(now), now)
    }

    /// It was none.
    pub(super) fn give_back(&self, peer: Option<IpAddr>) {
        let mut ahead = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = ahead.get_mut(&network(peer)) {
            *until = until.checked_sub(FAILURES.every).unwrap_or(*until);
        }
    }
}

/// For everybody together.
#[derive(Debug)]
pub(super) struct Requests(Mutex<Instant>);

impl Requests {
    pub(super) fn new() -> Self {
        Requests(Mutex::new(Instant::now()))
    }

    pub(super) fn take(&self, pace: Pace, now: Instant) -> Result<(), Duration> {
        pace.take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner), now)
    }
}

fn network(peer: Option<IpAddr>) -> Option<IpAddr> {
    peer.map(|peer| match peer.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6((ip.to_bits() & !u128::from(u64::MAX)).into()),
        v4 @ IpAddr::V4(_) => v4,
    })
}

/// A person who mistypes gets so many tries at once.
const FAILURES: Pace = Pace { every: Duration::from_secs(6), at_once: 10 };

/// So many addresses are told apart.
const ADDRESSES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_at_once_and_one_more_now_and_then() {
        let (tries, start) = (Tries::default(), Instant::now());
        let peer = Some("192.0.2.1".parse().expect("an address"));
        for _ in 0..10 {
            assert_eq!(tries.take(peer, start), Ok(()));
        }
        assert_eq!(tries.take(peer, start), Err(Duration::from_secs(6)));
        assert_eq!(tries.take(peer, start + Duration::from_secs(4)), Err(Duration::from_secs(2)));
        // Another address is another.
        assert_eq!(tries.take(Some("192.0.2.2".parse().expect("an address")), start), Ok(()));
        assert_eq!(tries.take(peer, start + Duration::from_secs(6)), Ok(()));
        assert!(tries.take(peer, start + Duration::from_secs(6)).is_err());
        tries.give_back(peer);
        assert_eq!(tries.take(peer, start + Duration::from_secs(6)), Ok(()));
        // After a minute of peace all is forgotten.
        for _ in 0..10 {
            assert_eq!(tries.take(peer, start + Duration::from_mins(3)), Ok(()));
        }
    }

    #[test]
    fn a_network_of_ipv6_is_one() {
        let (tries, now) = (Tries::default(), Instant::now());
        let of = |text: &str| Some(text.parse::<IpAddr>().expect("an address"));
        for host in 0..10 {
            assert_eq!(tries.take(of(&format!("2001:db8::{host:x}")), now), Ok(()));
        }
        assert!(tries.take(of("2001:db8::ffff:1"), now).is_err());
        assert!(tries.take(of("2001:db8:0:1::1"), now).is_ok());
        assert_eq!(network(of("::ffff:192.0.2.1")), of("192.0.2.1"));
    }

    #[test]
    fn however_many_addresses_try_the_memory_is_bounded() {
        let (tries, now) = (Tries::default(), Instant::now());
        let tried = (0..10_000_u32).filter(|n| tries.take(Some(IpAddr::V4((*n).into())), now).is_ok()).count();
        assert_eq!(tried, ADDRESSES + 10, "the rest shares ten");
        let held = || tries.0.lock().expect("no panic").len();
        assert_eq!(held(), ADDRESSES + 1);
        assert!(tries.take(Some(IpAddr::V4(77_777.into())), now + Duration::from_mins(2)).is_ok());
        assert_eq!(held(), 1, "what is over is forgotten");
    }
}
