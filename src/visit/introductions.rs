//! What servers said they are, remembered: while its chain is broken, a server is asked once an hour and not at every visit.

use core::net::IpAddr;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    endpoint::{Endpoint, Host},
    observation::Said,
};

/// Shared by all visits; bounded.
#[derive(Clone, Default)]
pub(super) struct Introductions(Arc<Mutex<HashMap<Place, Introduction>>>);

/// A server: one address may serve many names, each by another program.
type Place = (IpAddr, u16, Host);

/// When it was asked, and what it said.
type Introduction = (Instant, Vec<Said>);

impl Introductions {
    /// What the server said within the last hour, or says when it is asked now.
    pub(super) async fn of(&self, endpoint: &Endpoint, address: IpAddr, ask: impl Future<Output = Vec<Said>>) -> Vec<Said> {
        let place = (address, endpoint.target.port, endpoint.server_name.clone());
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&place).cloned();
        if let Some((_, said)) = known.filter(|(at, _)| at.elapsed() < FRESH) {
            return said;
        }
        let said = ask.await;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_PLACES {
            all.retain(|_, (at, _)| at.elapsed() < FRESH);
        }
        if all.len() < MAX_PLACES {
            all.insert(place, (Instant::now(), said.clone()));
        }
        said
    }
}

const FRESH: Duration = Duration::from_hours(1);
const MAX_PLACES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::Party;

    #[tokio::test(start_paused = true)]
    async fn a_server_is_asked_once_an_hour() {
        let (introductions, asked) = (Introductions::default(), Mutex::new(0));
        let ask = async |target: &str| {
            let endpoint = Endpoint::new(target.parse().expect("a target"));
            let answer = async {
                let mut asked = asked.lock().expect("no panic");
                *asked += 1;
                vec![Said::new(Party::Server, &asked.to_string())]
            };
            introductions.of(&endpoint, "192.0.2.1".parse().expect("an address"), answer).await[0].text.clone()
        };
        assert_eq!(ask("a.example").await, "1");
        assert_eq!(ask("b.example").await, "2");
        tokio::time::advance(FRESH / 2).await;
        assert_eq!(ask("a.example").await, "1");
        tokio::time::advance(FRESH / 2).await;
        assert_eq!(ask("a.example").await, "3");
    }
}
