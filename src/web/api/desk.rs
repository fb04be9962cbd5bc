//! The way of wishes to the brain: what somebody who may write wants done.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout},
};

use crate::monitor::Event;

/// Takes wishes, one by one, and so many visits.
#[derive(Debug)]
pub struct Desk {
    wishes: mpsc::Sender<Wish>,
    /// When each endpoint was last to be visited now.
    hastened: Mutex<HashMap<String, Instant>>,
}

/// What somebody wants done.
#[derive(Debug)]
pub struct Wish {
    /// It, as the brain hears of it.
    pub event: Event,
    /// Told when it is done: whether it is on the disk.
    pub done: oneshot::Sender<bool>,
}

impl Desk {
    /// With the end where the wishes come out.
    pub fn new() -> (Self, mpsc::Receiver<Wish>) {
        let (wishes, wished) = mpsc::channel(WAITING);
        (Desk { wishes, hastened: Mutex::default() }, wished)
    }

    /// Whether it is done and on the disk; `None`: nobody takes it now.
    pub(super) async fn ask(&self, event: Event) -> Option<bool> {
        let (done, saved) = oneshot::channel();
        self.wishes.try_send(Wish { event, done }).ok()?;
        timeout(PATIENCE, saved).await.ok()?.ok()
    }

    /// Whether the endpoint may be visited now, out of turn; otherwise how long to wait.
    pub(super) fn hasten(&self, endpoint: &str, now: Instant) -> Result<(), Duration> {
        let mut hastened = self.hastened.lock().unwrap_or_else(PoisonError::into_inner);
        hastened.retain(|_, at| now.saturating_duration_since(*at) < BETWEEN);
        let is_full = hastened.len() >= AT_ONCE;
        let before = hastened.get(endpoint).or_else(|| hastened.values().min().filter(|_| is_full));
        if let Some(before) = before {
            return Err(BETWEEN.saturating_sub(now.saturating_duration_since(*before)));
        }
        hastened.insert(endpoint.to_owned(), now);
        Ok(())
    }
}

/// Wishes that wait for the brain.
const WAITING: usize = 16;
/// How long somebody waits for the disk.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two visits of an endpoint that are asked for.
const BETWEEN: Duration = Duration::from_secs(10);
/// So many endpoints can be asked for within that time.
const AT_ONCE: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visits_out_of_turn_are_few() {
        let (desk, _wished) = Desk::new();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(desk.hasten("a", at(0)), Ok(()));
        assert_eq!(desk.hasten("a", at(4)), Err(Duration::from_secs(6)));
        assert_eq!(desk.hasten("a", at(10)), Ok(()));
        for name in 1..AT_ONCE {
            assert_eq!(desk.hasten(&name.to_string(), at(12)), Ok(()));
        }
        assert_eq!(desk.hasten("b", at(13)), Err(Duration::from_secs(7)));
        assert_eq!(desk.hasten("b", at(20)), Ok(()));
    }

    #[tokio::test]
    async fn a_wish_comes_back_when_it_is_done() {
        let (desk, mut wished) = Desk::new();
        let taken = async {
            let wish = wished.recv().await.expect("a wish");
            wish.done.send(true).expect("somebody waits");
        };
        assert_eq!(tokio::join!(desk.ask(Event::Woke), taken).0, Some(true));
        drop(wished);
        assert_eq!(desk.ask(Event::Woke).await, None);
    }
}
