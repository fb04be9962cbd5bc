//! When an end is near: thresholds that fit a 6-day and a 398-day certificate alike.

use std::time::Duration;

use super::Severity;
use crate::{
    certificate::Facts,
    clock::{Timestamp, earlier},
};

/// When expiry is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Expiry {
    /// The first word.
    pub warning: Threshold,
    /// The last but one.
    pub critical: Threshold,
}

/// The fewer of some days and a share of the lifetime before `notAfter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Threshold {
    /// Not earlier than this before the end.
    pub before: Duration,
    /// Nor earlier than this share of the lifetime, in percent (0 to 100).
    pub lifetime_percent: u8,
}

impl Default for Expiry {
    fn default() -> Self {
        let day = Duration::from_hours(24);
        Expiry {
            warning: Threshold { before: 21 * day, lifetime_percent: 25 },
            critical: Threshold { before: 7 * day, lifetime_percent: 10 },
        }
    }
}

impl Threshold {
    /// The moment from which it holds for this certificate.
    pub fn begins(&self, facts: &Facts) -> Timestamp {
        let lifetime = facts.not_after.as_second().saturating_sub(facts.not_before.as_second()).max(0).unsigned_abs();
        let share = Duration::from_secs(lifetime / 100 * u64::from(self.lifetime_percent.min(100)));
        earlier(facts.not_after, self.before.min(share))
    }
}

impl Expiry {
    /// Which threshold has been reached, of a certificate that is still valid.
    pub fn reached(&self, facts: &Facts, now: Timestamp) -> Option<Severity> {
        if now >= self.critical.begins(facts) {
            Some(Severity::Critical)
        } else if now >= self.warning.begins(facts) {
            Some(Severity::Warning)
        } else {
            None
        }
    }
}
