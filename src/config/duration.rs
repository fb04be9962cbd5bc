//! Durations as people write them: `500ms`, `10s`, `5m`, `1h30m`, `30d`.

use std::{fmt::Write as _, time::Duration};

/// Reads a duration: whole numbers with their units, the largest first. Zero is a duration too; whoever asks sets the bounds.
pub fn parse(text: &str) -> Option<Duration> {
    let (mut rest, mut total, mut units) = (text, Duration::ZERO, UNITS);
    while !rest.is_empty() || text.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let count: u32 = rest[..digits].parse().ok()?;
        let letters = rest[digits..].len() - rest[digits..].trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (unit, after) = rest[digits..].split_at(letters);
        let position = units.iter().position(|(name, _)| *name == unit)?;
        total = total.checked_add(Duration::from_millis(units[position].1).checked_mul(count)?)?;
        units = &units[position + 1..];
        rest = after;
    }
    Some(total)
}

/// Writes a duration so that [`parse`] reads it back; below a millisecond it is cut.
pub fn format(duration: Duration) -> String {
    let mut left = duration.as_millis();
    if left == 0 {
        return "0s".into();
    }
    let mut out = String::new();
    for (unit, millis) in UNITS {
        let count = left / u128::from(*millis);
        left %= u128::from(*millis);
        if count > 0 {
            let _ = write!(out, "{count}{unit}");
        }
    }
    out
}

/// What was probably meant by `10 min`, `1.5h` or `2 weeks`, in our writing.
pub fn meant(text: &str) -> Option<String> {
    let text = text.trim();
    let number = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
    let (number, unit) = text.split_at(number);
    let millis = match unit.trim().to_ascii_lowercase().as_str() {
        "ms" | "msec" | "millis" | "milliseconds" => 1,
        "s" | "sec" | "secs" | "second" | "seconds" => 1000,
        "m" | "min" | "mins" | "minute" | "minutes" => 60_000,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        "w" | "week" | "weeks" => 7 * 86_400_000,
        _ => return None,
    };
    let duration = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * f64::from(millis) / 1000.0).ok()?;
    Some(format(duration)).filter(|_| duration >= Duration::from_millis(1))
}

/// Unit and milliseconds, the largest first.
const UNITS: &[(&str, u64)] = &[("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_units() {
        let read = |text| parse(text).map(|duration| duration.as_millis());
        assert_eq!(read("500ms"), Some(500));
        assert_eq!(read("10s"), Some(10_000));
        assert_eq!(read("5m"), Some(300_000));
        assert_eq!(read("1h30m"), Some(5_400_000));
        assert_eq!(read("30d"), Some(30 * 86_400_000));
        assert_eq!(read("1d1h1m1s1ms"), Some(90_061_001));
        assert_eq!(read("0s"), Some(0));
        for bad in ["", "10", "s", "1.5h", "10 s", "-1s", "+1s", "1m1h", "1s1s", "1w", "1S", "99999999999s", "1h-", "٣s"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_written_duration_reads_back() {
        for text in ["500ms", "10s", "1h30m", "21d", "1d1h1m1s1ms", "0s"] {
            assert_eq!(format(parse(text).expect("a duration")), text);
        }
        assert_eq!(format(Duration::MAX).matches('d').count(), 1);
    }

    #[test]
    fn other_writings_are_understood_for_the_remedy() {
        let cases = [("10 min", "10m"), ("1.5h", "1h30m"), ("2w", "14d"), ("3 Days", "3d"), ("1S", "1s")];
        for (text, meant_text) in cases {
            assert_eq!(meant(text).as_deref(), Some(meant_text));
        }
        for bad in ["soon", "", "1.2.3h", "0min", "1 month", "99999999999999999999999 weeks", "10"] {
            assert_eq!(meant(bad), None, "{bad}");
        }
    }
}
