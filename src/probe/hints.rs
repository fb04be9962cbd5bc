//! Which key exchange group a server chose the last time. The next time its share alone is sent, as browsers do it, which spares us the
//! making of a post-quantum share that the server does not know. Nothing else of a session is kept: every visit shakes hands anew.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustls::{
    NamedGroup,
    client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue},
    pki_types::ServerName,
};
use tokio::time::Instant;

/// Groups by server name. A hint lives for a day: a server that learns a better group without asking for it is found out then.
#[derive(Debug, Default)]
pub(super) struct Hints {
    key: RandomState,
    /// By a hash of the name: a hint that belongs to another name costs a round trip and nothing else.
    groups: Mutex<HashMap<u64, (NamedGroup, Instant)>>,
}

impl Hints {
    fn groups(&self) -> MutexGuard<'_, HashMap<u64, (NamedGroup, Instant)>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientSessionStore for Hints {
    fn set_kx_hint(&self, server_name: ServerName<'static>, group: NamedGroup) {
        let (name, now) = (self.key.hash_one(&server_name), Instant::now());
        let mut groups = self.groups();
        if groups.len() >= MOST {
            groups.retain(|_, (_, since)| now.duration_since(*since) < LIFE / 2);
        }
        // The day begins when the group was first chosen.
        let known = groups.get(&name).filter(|(known, since)| *known == group && now.duration_since(*since) < LIFE);
        if known.is_none() && groups.len() < MOST {
            groups.insert(name, (group, now));
        }
    }

    fn kx_hint(&self, server_name: &ServerName<'_>) -> Option<NamedGroup> {
        let groups = self.groups();
        let (group, since) = groups.get(&self.key.hash_one(server_name))?;
        (since.elapsed() < LIFE).then_some(*group)
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, _: Tls13ClientSessionValue) {}

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}

const LIFE: Duration = Duration::from_hours(24);
/// About 10 MB.
const MOST: usize = 250_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_group_is_remembered_for_a_day() {
        let hints = Hints::default();
        let name = |name: &'static str| ServerName::try_from(name).expect("a name");
        assert_eq!(hints.kx_hint(&name("a.test")), None);
        hints.set_kx_hint(name("a.test"), NamedGroup::X25519);
        tokio::time::advance(LIFE / 2).await;
        hints.set_kx_hint(name("a.test"), NamedGroup::X25519);
        assert_eq!((hints.kx_hint(&name("a.test")), hints.kx_hint(&name("b.test"))), (Some(NamedGroup::X25519), None));
        tokio::time::advance(LIFE / 2).await;
        assert_eq!(hints.kx_hint(&name("a.test")), None, "all groups are offered again, however often it was met");
        hints.set_kx_hint(name("a.test"), NamedGroup::X25519MLKEM768);
        assert_eq!(hints.kx_hint(&name("a.test")), Some(NamedGroup::X25519MLKEM768));
    }
}
