//! What a start does to everything that is stored, done on all cores.

use std::{num::NonZero, panic::resume_unwind, thread};

/// Each item through `work`, in order, as `map` would do it. A panic of `work` is the caller's.
pub(crate) fn on_every_core<T: Send, U: Send>(mut items: Vec<T>, work: impl Fn(T) -> U + Sync) -> Vec<U> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let share = items.len().div_ceil(cores).max(1);
    let mut shares = Vec::with_capacity(cores);
    while items.len() > share {
        shares.push(items.split_off(items.len() - share));
    }
    shares.push(items);
    let work = &work;
    thread::scope(|scope| {
        let begin = |share: Vec<T>| scope.spawn(move || share.into_iter().map(work).collect::<Vec<_>>());
        // The last share was split off first.
        let begun: Vec<_> = shares.into_iter().rev().map(begin).collect();
        begun.into_iter().flat_map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_and_the_order_stays() {
        for count in [0, 1, 2, 3, 1000, 1001] {
            let doubled: Vec<usize> = (0..count).map(|n| 2 * n).collect();
            assert_eq!(on_every_core((0..count).collect(), |n| 2 * n), doubled);
        }
    }

    #[test]
    #[should_panic(expected = "of an item")]
    fn a_panic_is_the_callers() {
        on_every_core(vec![1, 2, 3], |n| assert!(n != 2, "the panic of an item"));
    }
}
