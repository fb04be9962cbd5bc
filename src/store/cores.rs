//! What a start does to everything that is stored, done on all cores.

use std::{
    iter::Flatten,
    num::NonZero,
    panic::resume_unwind,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread, vec,
};

/// Each item through `work`, in order, as `map` would do it. A panic of `work` is the caller's.
pub(crate) fn on_every_core<T: Send, U: Send>(mut items: Vec<T>, work: impl Fn(T) -> U + Sync) -> Vec<U> {
    let cores = cores();
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

/// Each item that `give` hands on, through `work`, in order; what is not done yet stays little, and what is done lies where it is. An
/// error of `give` ends it. A panic of `work` is the caller's.
pub(super) fn as_it_comes<T: Send, U: Send, E>(
    give: impl FnOnce(&mut dyn FnMut(T)) -> Result<(), E>,
    work: impl Fn(T) -> U + Sync,
) -> Result<Done<U>, E> {
    let (send, receive) = mpsc::sync_channel::<(usize, Vec<T>)>(2 * cores());
    // Gone with the last who takes from it: then nothing more is handed over either.
    let (receive, work) = (Arc::new(Mutex::new(receive)), &work);
    thread::scope(|scope| {
        let labour = |receive: Arc<Handfuls<T>>| {
            let next = || receive.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let mut done = Vec::new();
            while let Ok((number, items)) = next() {
                done.push((number, items.into_iter().map(work).collect::<Vec<_>>()));
            }
            done
        };
        let begin = |receive| scope.spawn(move || labour(receive));
        let begun: Vec<_> = std::iter::repeat_n(receive, cores()).map(begin).collect();
        let (mut open, mut number) = (Vec::with_capacity(HANDFUL), 0);
        let mut hand_over = |open: &mut Vec<T>| {
            // Nobody takes it where all have panicked, which is seen below.
            let _ = send.send((number, std::mem::replace(open, Vec::with_capacity(HANDFUL))));
            number += 1;
        };
        let given = give(&mut |item| {
            open.push(item);
            if open.len() == HANDFUL {
                hand_over(&mut open);
            }
        });
        hand_over(&mut open);
        drop(send);
        let mut done: Vec<_> =
            begun.into_iter().flat_map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect();
        done.sort_unstable_by_key(|(number, _)| *number);
        let results: Vec<Vec<U>> = done.into_iter().map(|(_, results)| results).collect();
        given.map(|()| results.into_iter().flatten())
    })
}

/// What was made of it, handful by handful.
pub(super) type Done<U> = Flatten<vec::IntoIter<Vec<U>>>;

/// What is handed over, numbered.
type Handfuls<T> = Mutex<mpsc::Receiver<(usize, Vec<T>)>>;

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// So many items are handed over together.
const HANDFUL: usize = 256;

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
    fn what_comes_bit_by_bit_stays_in_order_and_an_error_ends_it() {
        for count in [0, 1, HANDFUL, 10 * HANDFUL + 1] {
            let give = |each: &mut dyn FnMut(usize)| {
                (0..count).for_each(each);
                if count == 1 { Err("one alone") } else { Ok(()) }
            };
            let doubled: Vec<usize> = (0..count).map(|n| 2 * n).collect();
            let expected = if count == 1 { Err("one alone") } else { Ok(doubled) };
            assert_eq!(as_it_comes(give, |n| 2 * n).map(Vec::from_iter), expected);
        }
    }

    #[test]
    #[should_panic(expected = "of one that came")]
    fn a_panic_over_what_comes_is_the_callers() {
        let give = |each: &mut dyn FnMut(usize)| {
            (0..100 * HANDFUL).for_each(each);
            Ok::<_, ()>(())
        };
        let _ = as_it_comes(give, |n| assert!(n % HANDFUL != 2, "the panic of one that came")).map(Iterator::count);
    }

    #[test]
    #[should_panic(expected = "of an item")]
    fn a_panic_is_the_callers() {
        on_every_core(vec![1, 2, 3], |n| assert!(n != 2, "the panic of an item"));
    }
}
