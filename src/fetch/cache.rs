//! What AIA addresses have answered, by address: bounded in number and octets; failures are kept for minutes only.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::OnceCell, time::Instant};

use crate::certificate::Certificate;

/// What came of one address: certificates, or why none.
pub(super) type Answer = Result<Vec<Arc<Certificate>>, String>;

/// Answers by address.
#[derive(Default)]
pub(super) struct Cache(Mutex<Answers>);

#[derive(Default)]
struct Answers {
    by_url: HashMap<String, Place>,
    /// Counts the uses: the order of what was used last.
    uses: u64,
}

struct Place {
    entry: Entry,
    used: u64,
}

/// Empty while it is being asked for; held by others than the cache while it is in use.
type Entry = Arc<OnceCell<Kept>>;

struct Kept {
    until: Instant,
    answer: Answer,
}

impl Cache {
    /// The answer of this address, by `ask` where it is not known. Whoever asks meanwhile waits for the same answer.
    pub(super) async fn answer(&self, url: &str, ask: impl AsyncFnOnce() -> Answer) -> Answer {
        let entry = self.lock().entry(url);
        let ask = async || {
            let answer = ask().await;
            self.lock().make_room();
            let keep = if answer.is_ok() { KEEP_ANSWER } else { KEEP_FAILURE };
            Kept { until: Instant::now() + keep, answer }
        };
        entry.get_or_init(ask).await.answer.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Answers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answers {
    fn entry(&mut self, url: &str) -> Entry {
        self.uses += 1;
        if self.by_url.get(url).is_some_and(|place| place.entry.get().is_some_and(Kept::is_stale)) {
            self.by_url.remove(url);
        }
        let place = self.by_url.entry(url.to_owned()).or_insert_with(|| Place { entry: Entry::default(), used: 0 });
        place.used = self.uses;
        Arc::clone(&place.entry)
    }

    /// Where it is full, what is stale or was given up goes, then what was used least recently, down to three quarters.
    fn make_room(&mut self) {
        let octets = |answers: &Self| answers.by_url.values().map(Place::octets).sum::<usize>();
        if self.by_url.len() <= MAX_CACHED && octets(self) <= MAX_CACHED_OCTETS {
            return;
        }
        self.by_url.retain(|_, place| place.in_use() || place.entry.get().is_some_and(|kept| !kept.is_stale()));
        let idle = self.by_url.iter().filter(|(_, place)| !place.in_use());
        let mut idle: Vec<_> = idle.map(|(url, place)| (place.used, place.octets(), url.clone())).collect();
        idle.sort_unstable();
        let mut left = octets(self);
        for (_, octets, url) in idle {
            if self.by_url.len() <= MAX_CACHED / 4 * 3 && left <= MAX_CACHED_OCTETS / 4 * 3 {
                break;
            }
            self.by_url.remove(&url);
            left -= octets;
        }
    }
}

impl Place {
    fn in_use(&self) -> bool {
        Arc::strong_count(&self.entry) > 1
    }

    fn octets(&self) -> usize {
        let answer = self.entry.get().map(|kept| &kept.answer);
        answer.into_iter().flatten().flatten().map(|certificate| certificate.der().len()).sum()
    }
}

impl Kept {
    fn is_stale(&self) -> bool {
        self.until <= Instant::now()
    }
}

const MAX_CACHED: usize = 4096;
/// Of DER, beside what the few fetches under way bring.
const MAX_CACHED_OCTETS: usize = 16 << 20;
const KEEP_ANSWER: Duration = Duration::from_hours(24);
const KEEP_FAILURE: Duration = Duration::from_mins(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn mebibyte() -> Vec<Arc<Certificate>> {
        vec![Certificate::from_der(&vec![0x30; 1 << 20])]
    }

    fn is_kept(cache: &Cache, number: usize) -> bool {
        cache.lock().by_url.contains_key(&format!("http://a.example/{number}"))
    }

    async fn ask(cache: &Cache, number: usize, answer: Answer) {
        let _ = cache.answer(&format!("http://a.example/{number}"), async || answer).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_asked_again_after_minutes_and_an_answer_after_a_day() {
        let cache = Cache::default();
        ask(&cache, 1, Err("answered 404".into())).await;
        ask(&cache, 2, Ok(mebibyte())).await;
        let unknown = async || Err("asked anew".to_owned());
        for (after, failure, answer) in
            [(Duration::from_mins(4), "answered 404", true), (Duration::from_mins(2), "asked anew", true)]
        {
            tokio::time::advance(after).await;
            assert_eq!(cache.answer("http://a.example/1", unknown).await.expect_err("a failure"), failure);
            assert_eq!(cache.answer("http://a.example/2", unknown).await.is_ok(), answer);
        }
        tokio::time::advance(KEEP_ANSWER).await;
        assert!(cache.answer("http://a.example/2", unknown).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_used_least_recently_goes_first() {
        let cache = Cache::default();
        let under_way = cache.lock().entry("http://a.example/under-way");
        for number in 0..16 {
            ask(&cache, number, Ok(mebibyte())).await;
        }
        ask(&cache, 0, Err("known".into())).await;
        // One is asked for while the cache is full and another makes it overflow.
        for number in 16..18 {
            ask(&cache, number, Ok(mebibyte())).await;
        }
        let kept: Vec<usize> = (0..18).filter(|number| is_kept(&cache, *number)).collect();
        assert_eq!(kept, [0, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]);
        assert!(cache.lock().by_url.contains_key("http://a.example/under-way"));
        drop(under_way);
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_addresses_is_bounded_too() {
        let cache = Cache::default();
        for number in 0..MAX_CACHED {
            let known = Kept { until: Instant::now() + KEEP_ANSWER, answer: Ok(Vec::new()) };
            assert!(cache.lock().entry(&format!("http://a.example/{number}")).set(known).is_ok());
        }
        ask(&cache, MAX_CACHED, Ok(mebibyte())).await;
        assert_eq!(cache.lock().by_url.len(), MAX_CACHED / 4 * 3);
        assert!(is_kept(&cache, MAX_CACHED) && is_kept(&cache, MAX_CACHED - 1) && !is_kept(&cache, 0));
    }
}
