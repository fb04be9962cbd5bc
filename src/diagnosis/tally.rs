//! How much work a judgement took, counted for the tests that hold it to a bound. Outside of tests nothing is counted.

/// What costs time, and is there as often as a stranger likes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Work {
    /// A signature verified.
    Signature,
    /// Two certificates compared: may one have issued the other?
    Issuer,
    /// A name held against a name constraint.
    Name,
}

/// Counts so many more.
pub(super) fn count(work: Work, times: usize) {
    #[cfg(test)]
    counted::add(work, times);
    #[cfg(not(test))]
    let _ = (work, times);
}

#[cfg(test)]
pub(super) use counted::{Tally, of};

#[cfg(test)]
mod counted {
    use std::cell::Cell;

    use super::Work;

    /// What was counted.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(in super::super) struct Tally {
        pub(in super::super) signatures: usize,
        pub(in super::super) issuers: usize,
        pub(in super::super) names: usize,
    }

    thread_local! {
        static TALLY: Cell<Tally> = const { Cell::new(Tally { signatures: 0, issuers: 0, names: 0 }) };
    }

    pub(super) fn add(work: Work, times: usize) {
        let mut tally = TALLY.get();
        match work {
            Work::Signature => tally.signatures += times,
            Work::Issuer => tally.issuers += times,
            Work::Name => tally.names += times,
        }
        TALLY.set(tally);
    }

    /// What `work` gives, and what it took.
    pub(in super::super) fn of<T>(work: impl FnOnce() -> T) -> (T, Tally) {
        TALLY.set(Tally::default());
        let result = work();
        (result, TALLY.get())
    }
}
