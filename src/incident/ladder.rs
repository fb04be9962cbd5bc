//! The ladder of reminders about an end: warning, critical, the last day, the end itself, then every day for a week, then every
//! week. Each step is told once.

use std::{fmt, time::Duration};

use crate::{
    certificate::Facts,
    clock::{Timestamp, earlier, later},
    diagnosis::{Expiry, Finding, Threshold, Topic},
};

/// How far an end has come. Ordered: what comes later is greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Nothing that the severity does not say: the thresholds for warning and critical, and whatever is no matter of time.
    #[default]
    Threshold,
    /// The last day; of a certificate of less than 20 days, the last twentieth of its lifetime.
    LastDay,
    /// The end has come.
    Ended,
    /// So many days ago, one to seven.
    Daily(u16),
    /// So many weeks ago, two or more.
    Weekly(u16),
}

impl Step {
    /// Where `finding` stands at `now`; `facts` are those of the certificate that ends, where it is at hand.
    pub fn of(finding: &Finding, facts: Option<&Facts>, now: Timestamp) -> Self {
        match finding {
            Finding::ExpiresSoon { not_after, .. } | Finding::IntermediateExpiresSoon { not_after, .. } => {
                let begins = facts.map_or_else(|| earlier(*not_after, DAY), |facts| LAST_DAY.begins(facts));
                if now >= begins { Step::LastDay } else { Step::Threshold }
            }
            Finding::Expired { not_after, .. } | Finding::IntermediateExpired { not_after, .. } => {
                let days = now.as_second().saturating_sub(not_after.as_second()) / 86_400;
                let days = u16::try_from(days).unwrap_or(if days < 0 { 0 } else { u16::MAX });
                match days {
                    0 => Step::Ended,
                    1..14 => Step::Daily(days.min(7)),
                    _ => Step::Weekly(days / 7),
                }
            }
            _ => Step::Threshold,
        }
    }

    /// The step of this text, as [`fmt::Display`] writes it; `None` when it is none that has a name.
    pub fn from_text(text: &str) -> Option<Self> {
        let count = |prefix| text.strip_prefix(prefix).and_then(|count: &str| count.parse().ok());
        match text {
            "last-day" => Some(Step::LastDay),
            _ => count("daily-").map(Step::Daily).or_else(|| count("weekly-").map(Step::Weekly)),
        }
    }

    /// It has a name that says more than a severity does.
    pub fn is_named(self) -> bool {
        !matches!(self, Step::Threshold | Step::Ended)
    }
}

impl fmt::Display for Step {
    /// `last-day`, `daily-3`, `weekly-2`; nothing where the severity says all.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Threshold | Step::Ended => Ok(()),
            Step::LastDay => f.write_str("last-day"),
            Step::Daily(days) => write!(f, "daily-{days}"),
            Step::Weekly(weeks) => write!(f, "weekly-{weeks}"),
        }
    }
}

/// Incidents of this topic begin and get worse by time alone, whether anybody looks or not.
pub fn is_of_time(topic: Topic) -> bool {
    matches!(topic, Topic::Expiry | Topic::Code("intermediate_expired"))
}

/// The first moment after `now` at which this certificate takes a step: it begins, reaches a threshold, its last day or its end,
/// or another day or week has passed since.
pub fn next_step(facts: &Facts, expiry: &Expiry, now: Timestamp) -> Timestamp {
    let thresholds = [expiry.warning, expiry.critical, LAST_DAY].map(|threshold| threshold.begins(facts));
    let before = thresholds.into_iter().chain([facts.not_before, facts.not_after]).filter(|moment| *moment > now).min();
    before.unwrap_or_else(|| {
        let days = now.as_second().saturating_sub(facts.not_after.as_second()).unsigned_abs() / 86_400;
        let next = if days < 7 { days + 1 } else { (days / 7 + 1) * 7 };
        later(facts.not_after, Duration::from_secs(next * 86_400))
    })
}

const DAY: Duration = Duration::from_hours(24);

/// When the last day begins.
const LAST_DAY: Threshold = Threshold { before: DAY, lifetime_percent: 5 };

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    #[test]
    fn after_the_end_each_day_of_a_week_is_a_step_and_then_each_week() {
        let not_after = at("2026-11-01T00:00:00Z");
        let finding = Finding::Expired { not_after, now: not_after };
        let hours = (0..40 * 24).map(|hour| Step::of(&finding, None, later(not_after, Duration::from_hours(hour))));
        let mut steps: Vec<_> = hours.collect();
        assert!(steps.is_sorted());
        steps.dedup();
        let expected = [Step::Ended].into_iter().chain((1..=7).map(Step::Daily)).chain((2..=5).map(Step::Weekly));
        assert_eq!(steps, expected.collect::<Vec<_>>());
    }

    #[test]
    fn a_step_is_read_back_as_it_was_written() {
        for step in [Step::LastDay, Step::Daily(3), Step::Weekly(52)] {
            assert_eq!(Step::from_text(&step.to_string()), Some(step));
        }
        for text in ["", "critical", "daily-", "daily-x", "weekly--1"] {
            assert_eq!(Step::from_text(text), None, "{text}");
        }
    }
}
