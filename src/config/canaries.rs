//! The section `canaries`: hosts that tell whether a failure is ours.

use std::{collections::HashMap, sync::Arc};

use super::{
    endpoints::Common,
    fault::Report,
    read::{self, At},
    tree::Value,
};
use crate::{endpoint::HostPort, monitor::Watch};

/// Reads a host, or a list of hosts, each written as an endpoint's target is. One that is an endpoint too is none the worse for it.
pub(super) fn read(at: &At<'_>, common: &Common, report: &mut Report) -> Vec<Arc<Watch>> {
    let Some(items) = read::list(at, report) else { return Vec::new() };
    let mut lines: HashMap<String, usize> = HashMap::new();
    let mut canaries = Vec::with_capacity(items.len());
    for at in &items {
        if !matches!(at.value(), Value::Text(_)) {
            report.fault(at, format!("{} is no canary", at.shown()), "write a host alone, or host:port");
            continue;
        }
        let Some(target) = read::target(at, report) else { continue };
        let place = HostPort(&target.host, target.port).to_string();
        if let Some(first) = lines.insert(place.clone(), at.line()) {
            report.fault(at, format!("{place} is a canary already, on line {first}"), "remove one of them");
            continue;
        }
        canaries.push(Arc::new(common.canary(target)));
    }
    canaries
}
