//! What the daemon measures while it works, held by the `prometheus` crate.

use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, IntGauge, Registry, TextEncoder};

use crate::{
    clock::Timestamp,
    observation::{Observation, Stage},
};

/// The daemon's own measurements: counted where they happen, read at each scrape.
#[derive(Clone, Debug)]
pub struct OwnMetrics {
    registry: Registry,
    stages: HistogramVec,
    last_proof: IntGauge,
}

impl Default for OwnMetrics {
    fn default() -> Self {
        Self::new()
    }
}

impl OwnMetrics {
    /// All at zero.
    ///
    /// # Panics
    /// Never: the names are fixed, sound and unique.
    pub fn new() -> Self {
        let options = HistogramOpts::new("certvigil_probe_duration_seconds", "How long each stage of a visit takes.")
            .buckets(vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0]);
        let stages = HistogramVec::new(options, &["stage"]).expect("the name and the label are sound");
        for stage in Stage::ALL {
            stages.with_label_values(&[stage.name()]);
        }
        let registry = Registry::new();
        registry.register(Box::new(stages.clone())).expect("an empty registry knows no family of this name");
        let help =
            "When the whole pipeline, from a visit to the letter and the disk, last did what it should; 0 before the first time.";
        let last_proof = IntGauge::new("certvigil_last_proof_timestamp_seconds", help).expect("the name is sound");
        registry.register(Box::new(last_proof.clone())).expect("no family of this name is known");
        OwnMetrics { registry, stages, last_proof }
    }

    /// The whole pipeline did what it should, then.
    pub fn proven(&self, at: Timestamp) {
        self.last_proof.set(at.as_second());
    }

    /// Counts one stage of one visit.
    pub fn observe_stage(&self, stage: Stage, took: Duration) {
        self.stages.with_label_values(&[stage.name()]).observe(took.as_secs_f64());
    }

    /// Counts every stage that a visit reached.
    pub fn observe(&self, observation: &Observation) {
        for (stage, took) in &observation.timing {
            self.observe_stage(*stage, *took);
        }
    }

    pub(super) fn render(&self, out: &mut String) {
        // The only error is a family without a series, which `new` rules out.
        if let Err(error) = TextEncoder::new().encode_utf8(&self.registry.gather(), out) {
            tracing::error!(%error, "cannot render the daemon's own metrics");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_there_before_the_first_visit() {
        let own = OwnMetrics::new();
        own.observe_stage(Stage::Connect, Duration::from_millis(3));
        let mut out = String::new();
        own.render(&mut out);
        assert!(out.contains("# TYPE certvigil_probe_duration_seconds histogram\n"), "{out}");
        assert!(out.contains("certvigil_probe_duration_seconds_bucket{stage=\"connect\",le=\"0.005\"} 1\n"), "{out}");
        assert!(out.contains("certvigil_probe_duration_seconds_bucket{stage=\"connect\",le=\"0.0025\"} 0\n"), "{out}");
        assert!(out.contains("certvigil_probe_duration_seconds_count{stage=\"handshake\"} 0\n"), "{out}");
    }
}
