//! Time as an argument: the clock is read by `daemon` and `cli`, once an event, and handed down.

use std::time::Duration;

pub use jiff::Timestamp;

/// One reading of both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Civil time (UTC): what certificates and people are judged by. May jump.
    pub wall: Timestamp,
    /// Monotonic time since the process started: what schedules are kept by. Never jumps.
    pub uptime: Duration,
}

impl Now {
    /// `by` later on both clocks; used by schedules and by tests in virtual time.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        Now { wall: later(self.wall, by), uptime: self.uptime.saturating_add(by) }
    }
}

/// When this program was built, by `SOURCE_DATE_EPOCH` (seconds since 1970), or else when it was written at the earliest: no clock
/// that is right shows less.
#[must_use]
pub fn built() -> Timestamp {
    let told = option_env!("SOURCE_DATE_EPOCH").and_then(|seconds| seconds.parse().ok());
    told.and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or(WRITTEN)
}

/// 2026-11-01.
const WRITTEN: Timestamp = Timestamp::constant(1_793_491_200, 0);

/// `at` plus `by`, held at the end of time instead of overflowing (year 9999).
#[must_use]
pub fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// `at` minus `by`, held at the beginning of time.
#[must_use]
pub fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}

/// Whole days from `now` until `then`, rounded down: 0 on the last day, negative when past.
#[must_use]
pub fn days_between(now: Timestamp, then: Timestamp) -> i64 {
    (then.as_second() - now.as_second()).div_euclid(86_400)
}

/// A moment for people: `2026-11-22 09:42 UTC`.
#[must_use]
pub fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A moment's day (UTC): `2026-11-22`.
#[must_use]
pub fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// A moment for machines: `2026-11-22T09:42:07Z`.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The days from one moment to a later one, for people: `6 days`, `1 day`, `less than a day`.
#[must_use]
pub fn span(from: Timestamp, to: Timestamp) -> String {
    match days_between(from, to) {
        ..1 => "less than a day".into(),
        1 => "1 day".into(),
        days => format!("{days} days"),
    }
}

/// From one moment to a later one, for people, in its two largest units: `2 d 3 h`, `41 min`, `5 s`.
#[must_use]
pub fn elapsed(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.as_second().saturating_sub(from.as_second()).max(0);
    let units = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let first = units.iter().position(|(unit, _)| seconds >= *unit).unwrap_or(units.len() - 1);
    let mut left = seconds;
    let mut parts = Vec::new();
    for (unit, name) in &units[first..units.len().min(first + 2)] {
        let count = left / unit;
        left %= unit;
        if count > 0 || parts.is_empty() {
            parts.push(format!("{count} {name}"));
        }
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_no_older_than_its_source() {
        assert_eq!(rfc3339(WRITTEN), "2026-11-01T00:00:00Z");
        assert!(option_env!("SOURCE_DATE_EPOCH").is_some() || built() == WRITTEN);
    }

    #[test]
    fn a_time_is_told_in_its_two_largest_units() {
        let of = |seconds| elapsed(Timestamp::UNIX_EPOCH, later(Timestamp::UNIX_EPOCH, Duration::from_secs(seconds)));
        let told = [0, 5, 60, 61, 2460, 3600, 3660, 183_600, 172_800, 172_859].map(of);
        assert_eq!(told, ["0 s", "5 s", "1 min", "1 min 1 s", "41 min", "1 h", "1 h 1 min", "2 d 3 h", "2 d", "2 d"]);
        assert_eq!(elapsed(later(Timestamp::UNIX_EPOCH, Duration::from_secs(9)), Timestamp::UNIX_EPOCH), "0 s");
    }
}
