//! `make bench`: what a visit, ten thousand endpoints, a scrape and an event of the brain cost on this machine.
//!
//! It measures and judges nothing; the numbers go into `benches/RESULTS.md`. A real nginx is the server, on loopback, at a port
//! that happens to be free. The same program is started a second time as the client, pinned to one core.

#![expect(clippy::print_stdout, reason = "a bench speaks to the person who started it")]

mod brain;
mod client;
mod daemon;
mod machine;
mod micro;
mod nginx;
mod process;
mod results;
mod soak;
mod stage;
mod start;
mod table;

use std::time::Instant;

use stage::Stage;
use table::Table;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Cargo adds `--bench`.
    match arguments.iter().map(String::as_str).filter(|argument| *argument != "--bench").collect::<Vec<_>>()[..] {
        [client::VERB, directory, port] => client::run(directory.as_ref(), port.parse()?),
        [start::VERB, endpoints] => start(endpoints.parse()?),
        [soak::VERB, visits, endpoints] => soak(visits.parse()?, endpoints.parse()?),
        [] => everything(),
        ref other => anyhow::bail!("{other:?} is not understood; either nothing, soak VISITS ENDPOINTS, or start ENDPOINTS"),
    }
}

fn everything() -> anyhow::Result<()> {
    let started = Instant::now();
    nginx::ensure_installed()?;
    let machine = machine::describe()?;
    let stage = Stage::build(ENDPOINTS)?;
    let mut tables = Vec::new();
    let mut show = |table: Table| {
        println!("{table}");
        tables.push(table.to_string());
    };

    client::measure(&stage)?.into_iter().for_each(&mut show);
    daemon::measure(&stage)?.into_iter().for_each(&mut show);
    show(brain::measure(&stage)?);

    let took = format!("The run took {} s.\n", started.elapsed().as_secs());
    let head = format!("{HEAD}\n{machine}\n{took}");
    results::write(&[head, tables.join("\n"), NOTES.to_owned()].join("\n"), &[soak::HEADING, start::HEADING])
}

fn soak(visits: usize, endpoints: usize) -> anyhow::Result<()> {
    let tables: Vec<String> = soak::measure(visits, endpoints)?.iter().map(ToString::to_string).collect();
    results::put(soak::HEADING, &tables.join("\n"))
}

fn start(endpoints: usize) -> anyhow::Result<()> {
    let tables: Vec<String> = start::measure(endpoints)?.iter().map(ToString::to_string).collect();
    results::put(start::HEADING, &tables.join("\n"))
}

/// How many endpoints the daemon is given.
const ENDPOINTS: usize = 10_000;

const HEAD: &str = "# What it costs

Written by `make bench`, which needs nginx and about three minutes; to repeat, run it again on a machine with nothing else to
do. It measures; it has no opinion yet about what the numbers should be.
";

const NOTES: &str = "
## What to know when reading
- In the first two tables the client has the last core and nginx the first; in those of the daemon both use all of them.
- Client, daemon and nginx share one machine and speak over loopback, where a packet costs the sender part of the receiver's
  work: the kernel's share is higher than over a network card, and the same for all that are compared.
- CPU is the kernel's own count of user and system time of the client or the daemon alone; nginx is another process and not in
  it. Ratios come from batches that alternate within one process on one core, so they hold better than the absolute numbers: on
  a machine that is shared or changes its clock those move by a tenth or more from run to run. The quartiles tell.
- The handshake is TLS 1.3 with X25519 beside an X25519MLKEM768 share that this nginx does not know: the bare handshakes pay
  for both key shares each time, probes and visits only for the one that the server chose before. No session is resumed, no ticket waited for.
- The times of the brain's events are wall time, since one event is too short for the kernel's count: where something else
  wants the core, p99 and the longest are the scheduler's. So is the schedule's lag on a machine that is busy already.
- A visit of an unchanged chain neither reads nor judges it again, and offers only the key share that the server chose before; a
  first sweep of the daemon is all new chains, the second all unchanged ones.
- Endpoints have addresses, not names: the resolver is not in these numbers.
- Every endpoint has a certificate of its own, the intermediate is the same for all, and all chains are sound.
- How many threads the daemon runs on is in its CPU a visit: waking another core costs. It has one for the loop, and one for
  each further core.
- \"Idle\" is a daemon whose next visit is an hour away; what it does is to turn its loop and publish a snapshot.
";
