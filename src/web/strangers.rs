//! Targets that are in no inventory, visited once for who has the key: a few at a time, and for no longer than the asker waits.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use hyper::HeaderMap;
use tokio::{sync::Semaphore, time::timeout};

use crate::{
    endpoint::{Host, Target},
    monitor::EndpointView,
};

/// Visits what it is told.
pub trait Visiting: Send + Sync {
    /// One visit, by the rules that hold for all endpoints. `within` is for each address, from the name to the end of the handshake.
    fn visit(&self, target: Target, name: Host, within: Duration) -> Pin<Box<dyn Future<Output = EndpointView> + Send>>;
}

/// The way to who visits.
pub struct Strangers {
    visiting: Box<dyn Visiting>,
    places: Semaphore,
}

impl fmt::Debug for Strangers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Strangers").field("places", &self.places).finish_non_exhaustive()
    }
}

/// Why nothing came of a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unvisited {
    /// Too many others are under way.
    Busy,
    /// The asker would wait no longer.
    Late,
}

impl Strangers {
    /// By this one.
    pub fn new(visiting: impl Visiting + 'static) -> Self {
        Strangers { visiting: Box::new(visiting), places: Semaphore::new(AT_ONCE) }
    }

    /// Who goes away while it lasts ends it.
    pub(super) async fn visit(&self, target: Target, name: Host, patience: Duration) -> Result<Arc<EndpointView>, Unvisited> {
        let _place = self.places.try_acquire().map_err(|_| Unvisited::Busy)?;
        // What is left is for an issuer that has to be fetched.
        let visit = self.visiting.visit(target, name, patience.mul_f64(0.8));
        timeout(patience, visit).await.map(Arc::new).map_err(|_| Unvisited::Late)
    }
}

/// How long the asker waits: what Prometheus says, less what the answer needs on its way.
pub(super) fn patience(headers: &HeaderMap) -> Duration {
    let said = headers.get(SCRAPE_TIMEOUT).and_then(|value| value.to_str().ok()?.parse::<f64>().ok());
    let seconds = said.filter(|seconds| seconds.is_finite() && *seconds > 0.0).unwrap_or(USUAL);
    Duration::from_secs_f64((seconds - ON_ITS_WAY).clamp(0.5, LONGEST))
}

const SCRAPE_TIMEOUT: &str = "x-prometheus-scrape-timeout-seconds";
/// Prometheus's own default, in seconds.
const USUAL: f64 = 10.0;
/// As long as an answer may take at all.
const LONGEST: f64 = 50.0;
/// What blackbox_exporter takes off too.
const ON_ITS_WAY: f64 = 0.5;
/// Visits at once.
const AT_ONCE: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_asker_says_how_long_it_waits() {
        let of = |said: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(said) = said {
                headers.insert(SCRAPE_TIMEOUT, said.parse().expect("a value"));
            }
            patience(&headers).as_secs_f64()
        };
        let close = |seconds: f64, wanted: f64| (seconds - wanted).abs() < 1e-6;
        for (said, wanted) in [(None, 9.5), (Some("3.25"), 2.75), (Some("0.1"), 0.5), (Some("1e9"), 50.0)] {
            assert!(close(of(said), wanted), "{said:?}");
        }
        for nonsense in ["", "-1", "NaN", "inf", "ten"] {
            assert!(close(of(Some(nonsense)), 9.5), "{nonsense}");
        }
    }
}
