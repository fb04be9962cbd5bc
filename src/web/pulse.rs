//! The loop's sign of life.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// When the daemon's loop last turned. The loop has to turn at least every [`Pulse::PATIENCE`], even with nothing to do.
#[derive(Debug, Default)]
pub struct Pulse(Mutex<Option<Instant>>);

impl Pulse {
    /// A loop that has not turned for longer is taken for stuck.
    pub const PATIENCE: Duration = Duration::from_mins(1);

    /// A loop that has not turned yet.
    pub fn new() -> Self {
        Pulse::default()
    }

    /// The loop turns; the first time says that a configuration is loaded.
    pub fn beat(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether a configuration is loaded and the loop turns; if not, why not.
    pub fn check(&self) -> Result<(), String> {
        self.check_at(Instant::now())
    }

    fn check_at(&self, now: Instant) -> Result<(), String> {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match last.map(|at| now.saturating_duration_since(at)) {
            None => Err("the configuration is not loaded yet".into()),
            Some(age) if age > Pulse::PATIENCE => Err(format!("the loop has not turned for {} seconds", age.as_secs())),
            Some(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_while_the_loop_turns() {
        let pulse = Pulse::new();
        assert_eq!(pulse.check(), Err("the configuration is not loaded yet".into()));
        pulse.beat();
        assert_eq!(pulse.check(), Ok(()));
        let after = |seconds| pulse.check_at(Instant::now() + Duration::from_secs(seconds));
        assert_eq!(after(59), Ok(()));
        assert!(after(67).is_err_and(|reason| reason.starts_with("the loop has not turned for 6")));
        pulse.beat();
        assert_eq!(pulse.check(), Ok(()));
    }
}
