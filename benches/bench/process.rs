//! What the kernel counted for a process: CPU and memory, from `/proc`.

use std::{fs, time::Duration};

use anyhow::Context as _;

/// User and system time of all threads that are alive, in nanoseconds' grain; what is running now is counted up to its last
/// switch or tick, so read it of a process that sleeps. Only for spans in which no thread ends.
pub(crate) fn cpu_fine(pid: u32) -> anyhow::Result<Duration> {
    let mut sum = Duration::ZERO;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(thread?.path().join("schedstat")).context("the kernel keeps no schedstat")?;
        sum += nanoseconds(&text)?;
    }
    Ok(sum)
}

/// The same of our own main thread.
pub(crate) fn cpu_of_main_thread() -> anyhow::Result<Duration> {
    // Whoever sleeps is counted to the end.
    std::thread::sleep(Duration::from_millis(1));
    nanoseconds(&fs::read_to_string("/proc/self/schedstat").context("the kernel keeps no schedstat")?)
}

/// User and system time of the whole process, threads that have ended included, in ticks of 10 ms.
pub(crate) fn cpu(pid: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // Numbered as in proc_pid_stat(5); what follows the name, which may hold anything, is field 3.
    let (_, fields) = stat.rsplit_once(") ").context("an odd /proc/PID/stat")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let ticks: u64 = fields[14 - 3].parse::<u64>()? + fields[15 - 3].parse::<u64>()?;
    Ok(Duration::from_millis(10 * ticks))
}

/// Resident memory now and at its highest, in MiB.
pub(crate) fn memory(pid: u32) -> anyhow::Result<[f64; 2]> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let mebibytes = |key: &str| -> anyhow::Result<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(key)).with_context(|| format!("no {key} in status"))?;
        Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
    };
    Ok([mebibytes("VmRSS:")?, mebibytes("VmHWM:")?])
}

/// Octets that it had the disk write.
pub(crate) fn written(pid: u32) -> anyhow::Result<usize> {
    let io = fs::read_to_string(format!("/proc/{pid}/io"))?;
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).context("no write_bytes in io")?;
    Ok(line.parse()?)
}

fn nanoseconds(schedstat: &str) -> anyhow::Result<Duration> {
    Ok(Duration::from_nanos(schedstat.split(' ').next().unwrap_or_default().parse()?))
}
