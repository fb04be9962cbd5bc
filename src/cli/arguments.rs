//! Values of options: each is refused with what was written and what to write instead.

use core::net::IpAddr;
use std::time::Duration;

use crate::{clock::Timestamp, config, mail::Language};

/// A deadline, `10s`: never zero, which no visit keeps.
pub(super) fn deadline(text: &str) -> Result<Duration, String> {
    match config::parse_duration(text) {
        Some(Duration::ZERO) => Err(format!("{text:?} is too short; write 1s or more")),
        Some(duration) => Ok(duration),
        None => {
            // Here, unlike in the configuration, a bare number can only mean seconds.
            let meant = config::meant_duration(text).or_else(|| config::meant_duration(&format!("{text}s")));
            let remedy = meant.unwrap_or_else(|| "a number with its unit, such as 10s or 1m".into());
            Err(format!("{text:?} is no duration; write {remedy}"))
        }
    }
}

/// A moment, `2027-01-31T12:00:00Z`.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| format!("{text:?} is no moment; write a moment as 2027-01-31T12:00:00Z"))
}

/// An address, IPv6 with or without brackets.
pub(super) fn address(text: &str) -> Result<IpAddr, String> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().map_err(|_| format!("{text:?} is no address; write one as 192.0.2.1 or 2001:db8::1"))
}

/// A language of letters, `en` or `de`.
pub(super) fn language(text: &str) -> Result<Language, String> {
    let known = Language::ALL.into_iter().find(|language| language.tag() == text);
    known.ok_or_else(|| {
        format!("{text:?} is no language that certvigil writes; write {}", Language::ALL.map(Language::tag).join(" or "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_shown_with_its_remedy() {
        assert_eq!(deadline("1m30s"), Ok(Duration::from_secs(90)));
        let refused = |text| deadline(text).expect_err(text);
        assert_eq!(refused("5"), "\"5\" is no duration; write 5s");
        assert_eq!(refused("10 min"), "\"10 min\" is no duration; write 10m");
        assert_eq!(refused("soon"), "\"soon\" is no duration; write a number with its unit, such as 10s or 1m");
        for zero in ["0s", "0ms", "0m0s"] {
            assert_eq!(refused(zero), format!("\"{zero}\" is too short; write 1s or more"));
        }
        assert_eq!(refused("0"), "\"0\" is no duration; write a number with its unit, such as 10s or 1m");
        assert!(moment("2027-01-31T12:00:00Z").is_ok());
        for wrong in ["tomorrow", "2027-02-30T00:00:00Z", "99999-01-01T00:00:00Z", "2027-01-31", ""] {
            let said = moment(wrong).expect_err(wrong);
            assert_eq!(said, format!("\"{wrong}\" is no moment; write a moment as 2027-01-31T12:00:00Z"));
        }
        assert_eq!(address("[::1]"), address("::1"));
        assert!(address("::1").is_ok_and(|address| address.is_loopback()));
        assert_eq!(address("[::1").expect_err("half"), "\"[::1\" is no address; write one as 192.0.2.1 or 2001:db8::1");
    }
}
