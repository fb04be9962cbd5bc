//! The `process_*` families that every Prometheus client has, read by hand from `/proc/self`.
//!
//! The start time comes from the daemon: systemd's `ProcSubset=pid` hides `/proc/stat`, and with it the time of boot.

use std::{fs, io, time::Duration};

use super::text::{Format, Lines};
use crate::clock::Timestamp;

/// What the kernel says of this process; `None` where it says nothing (no Linux, no `/proc`).
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Process {
    cpu_seconds: Option<f64>,
    threads: Option<u64>,
    virtual_bytes: Option<u64>,
    resident_bytes: Option<u64>,
    open_fds: Option<usize>,
    max_fds: Option<u64>,
}

pub(super) fn read() -> Process {
    let file = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    let mut process = parse(&file("stat"), &file("status"), &file("limits"));
    process.open_fds = open_fds().ok();
    process
}

pub(super) fn render(out: &mut String, format: Format, process: &Process, started: Timestamp) {
    let mut family = |name, kind, help, value: Option<String>| {
        if let Some(value) = value {
            let mut lines = Lines::new(out, format, name);
            lines.head(kind, help);
            lines.sample(&[], value);
        }
    };
    let cpu = process.cpu_seconds.map(|v| v.to_string());
    family("process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.", cpu);
    let resident = process.resident_bytes.map(|v| v.to_string());
    family("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", resident);
    let size = process.virtual_bytes.map(|v| v.to_string());
    family("process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.", size);
    family("process_open_fds", "gauge", "Number of open file descriptors.", process.open_fds.map(|v| v.to_string()));
    family("process_max_fds", "gauge", "Maximum number of open file descriptors.", process.max_fds.map(|v| v.to_string()));
    family("process_threads", "gauge", "Number of OS threads in the process.", process.threads.map(|v| v.to_string()));
    let help = "Start time of the process since unix epoch in seconds.";
    family("process_start_time_seconds", "gauge", help, Some(started.as_second().to_string()));
}

fn parse(stat: &str, status: &str, limits: &str) -> Process {
    // The second field, the program's name, stands in parentheses and may hold spaces and parentheses of its own.
    let fields: Vec<&str> = stat.rsplit_once(") ").map_or_else(Vec::new, |(_, rest)| rest.split(' ').collect());
    // Numbered as in proc_pid_stat(5), where what follows the name is field 3.
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let cpu_ticks = field(14).zip(field(15)).map(|(user, system)| user.saturating_add(system));
    let line = |text: &str, key: &str| Some(text.lines().find_map(|line| line.strip_prefix(key))?.trim().to_owned());
    let kilobytes = |key| Some(line(status, key)?.strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024);
    Process {
        cpu_seconds: cpu_ticks.map(|ticks| Duration::from_millis(ticks.saturating_mul(MILLISECONDS_A_TICK)).as_secs_f64()),
        threads: field(20),
        virtual_bytes: kilobytes("VmSize:"),
        resident_bytes: kilobytes("VmRSS:"),
        open_fds: None,
        max_fds: line(limits, "Max open files").and_then(|rest| rest.split_whitespace().next()?.parse().ok()),
    }
}

fn open_fds() -> io::Result<usize> {
    // The listing itself holds one open.
    Ok(fs::read_dir("/proc/self/fd")?.count().saturating_sub(1))
}

/// `USER_HZ`, in which the kernel counts for user space, is 100 a second on Linux.
const MILLISECONDS_A_TICK: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_files_are_read() {
        let stat = "42 (a) b (c)) S 1 42 42 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 7 0 99 1000 20 18446744073709551615\n";
        let status = "Name:\ta\nVmSize:\t    2048 kB\nVmRSS:\t     512 kB\n";
        let limits =
            "Limit   Soft Limit  Hard Limit  Units\nMax open files            1024                 4096                 files\n";
        let wanted = Process {
            cpu_seconds: Some(2.0),
            threads: Some(7),
            virtual_bytes: Some(2048 * 1024),
            resident_bytes: Some(512 * 1024),
            open_fds: None,
            max_fds: Some(1024),
        };
        assert_eq!(parse(stat, status, limits), wanted);
        assert_eq!(parse("", "", "Max open files unlimited unlimited files"), Process::default());
    }

    #[test]
    fn this_process_is_read() {
        let process = read();
        assert!(process.resident_bytes.is_some_and(|bytes| bytes > 1024 * 1024), "{process:?}");
        assert!(process.open_fds.is_some_and(|fds| fds >= 3), "{process:?}");
        assert!(process.threads.is_some_and(|threads| threads >= 1), "{process:?}");
    }
}
