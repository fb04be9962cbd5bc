//! `make simulate`: a year of a fleet in virtual time, for certvigil and two straw men. A test with exact expectations.

#![expect(clippy::print_stdout, reason = "it speaks to the person who started it")]

mod fleet;
mod letter;
mod line;
mod mint;
mod run;
mod score;
mod straw;
mod table;
#[cfg(test)]
mod tests;
mod truth;
mod witness;
mod world;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;

use fleet::Plan;
use run::{Outcome, run};

/// `simulate [SEEDS [FIRST [HOURS]]]`: so many years of 1,000 endpoints, each visited every so many hours.
fn main() -> anyhow::Result<()> {
    let mut arguments =
        std::env::args().skip(1).map(|text| text.parse::<u64>().with_context(|| format!("{text:?} is no number")));
    let seeds = arguments.next().transpose()?.unwrap_or(20);
    let first = arguments.next().transpose()?.unwrap_or(1);
    let interval = Duration::from_hours(arguments.next().transpose()?.unwrap_or(2));
    let begun = Instant::now();
    let outcomes = on_every_core(first..first + seeds, interval)?;
    let visits: u64 = outcomes.iter().map(|outcome| outcome.visits).sum();
    let total = Outcome::total(outcomes);
    println!("{}", table::of(&total));
    println!("{seeds} years, {visits} visits, {:.0} s on this machine.", begun.elapsed().as_secs_f64());
    let faults = total.certvigil.faults.iter().chain(&total.straw_faults()).take(SHOWN).cloned().collect::<Vec<_>>();
    anyhow::ensure!(faults.is_empty(), "it is not as it should be:\n{}", faults.join("\n"));
    Ok(())
}

/// The outcome of each seed, in their order.
fn on_every_core(seeds: std::ops::Range<u64>, interval: Duration) -> anyhow::Result<Vec<Outcome>> {
    let next = AtomicU64::new(seeds.start);
    let work = || {
        let mut done = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return anyhow::Ok(done);
            }
            let mut outcome = run(Plan { seed, ..YEAR }, interval)?;
            outcome.certvigil.faults.iter_mut().for_each(|fault| fault.insert_str(0, &format!("year {seed}: ")));
            done.push((seed, outcome));
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut all = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().map(|worker| worker.join().map_err(|_| anyhow::anyhow!("a year panicked"))?);
        joined.collect::<anyhow::Result<Vec<_>>>()
    })?
    .concat();
    all.sort_by_key(|(seed, _)| *seed);
    Ok(all.into_iter().map(|(_, outcome)| outcome).collect())
}

/// What a year is made of.
const YEAR: Plan = Plan { endpoints: 1000, owners: 20, days: 365, seed: 1, own_outages: 4, balancers: true };

/// So many faults are told in full.
const SHOWN: usize = 40;
