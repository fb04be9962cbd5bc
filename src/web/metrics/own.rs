//! What the daemon measures while it works, held by the `prometheus` crate.

use std::time::Duration;

use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry,
    proto::{Histogram, MetricType},
};

use super::text::{Format, Lines};
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
    verdicts: IntCounterVec,
    web_certificate: IntGauge,
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
        let options = Opts::new(
            "certvigil_verdicts_total",
            "Verdicts on visits: judged, or remembered since neither chain, name nor trust had changed.",
        );
        let verdicts = IntCounterVec::new(options, &["source"]).expect("the name and the label are sound");
        for source in ["judged", "remembered"] {
            verdicts.with_label_values(&[source]);
        }
        registry.register(Box::new(verdicts.clone())).expect("no family of this name is known");
        let help = "Whether the certificate that the page serves is the one on disk; 0 when a newer one there cannot be used.";
        let web_certificate = IntGauge::new("certvigil_web_certificate_reload_successful", help).expect("the name is sound");
        web_certificate.set(1);
        registry.register(Box::new(web_certificate.clone())).expect("no family of this name is known");
        OwnMetrics { registry, stages, last_proof, verdicts, web_certificate }
    }

    /// The whole pipeline did what it should, then.
    pub fn proven(&self, at: Timestamp) {
        self.last_proof.set(at.as_second());
    }

    /// Whether what the page serves is what is on disk.
    pub fn web_certificate(&self, is_fresh: bool) {
        self.web_certificate.set(is_fresh.into());
    }

    /// Counts the verdicts of a visit: so many of `all` were remembered.
    pub fn count_verdicts(&self, remembered: usize, all: usize) {
        for (source, count) in [("remembered", remembered), ("judged", all.saturating_sub(remembered))] {
            self.verdicts.with_label_values(&[source]).inc_by(u64::try_from(count).unwrap_or(u64::MAX));
        }
    }

    /// Counts one stage of one visit.
    pub fn observe_stage(&self, stage: Stage, took: Duration) {
        self.stages.with_label_values(&[stage.name()]).observe(took.as_secs_f64());
    }

    /// Counts every stage that a visit reached.
    pub fn observe(&self, observation: &Observation) {
        for (stage, took) in observation.timing.iter() {
            self.observe_stage(stage, took);
        }
    }

    pub(super) fn render(&self, out: &mut String, format: Format) {
        for family in self.registry.gather() {
            let mut lines = Lines::new(out, format, family.name());
            let kind = family.get_field_type();
            lines.head(
                match kind {
                    MetricType::HISTOGRAM => "histogram",
                    MetricType::COUNTER => "counter",
                    _ => "gauge",
                },
                family.help(),
            );
            for metric in family.get_metric() {
                let labels: Vec<_> = metric.get_label().iter().map(|pair| (pair.name(), pair.value())).collect();
                match kind {
                    MetricType::HISTOGRAM => histogram(&mut lines, &labels, metric.get_histogram()),
                    MetricType::COUNTER => lines.sample(&labels, metric.get_counter().get_value()),
                    _ => lines.sample(&labels, metric.get_gauge().get_value()),
                }
            }
        }
    }
}

fn histogram(lines: &mut Lines<'_>, labels: &[(&str, &str)], counts: &Histogram) {
    let finite = counts.get_bucket().iter().map(|one| (lines.bound(one.upper_bound()), one.cumulative_count()));
    let buckets: Vec<_> = finite.chain([("+Inf".to_owned(), counts.get_sample_count())]).collect();
    for (bound, count) in &buckets {
        lines.suffixed("_bucket", &[labels, &[("le", bound)]].concat(), count);
    }
    lines.suffixed("_sum", labels, counts.get_sample_sum());
    lines.suffixed("_count", labels, counts.get_sample_count());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_there_before_the_first_visit() {
        let own = OwnMetrics::new();
        own.observe_stage(Stage::Connect, Duration::from_millis(3));
        let mut out = String::new();
        own.render(&mut out, Format::Text);
        assert!(out.contains("# TYPE certvigil_probe_duration_seconds histogram\n"), "{out}");
        assert!(out.contains("certvigil_probe_duration_seconds_bucket{stage=\"connect\",le=\"0.005\"} 1\n"), "{out}");
        assert!(out.contains("certvigil_probe_duration_seconds_bucket{stage=\"connect\",le=\"0.0025\"} 0\n"), "{out}");
        assert!(out.contains("certvigil_probe_duration_seconds_count{stage=\"handshake\"} 0\n"), "{out}");
    }
}
