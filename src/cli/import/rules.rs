//! Alert rules of Prometheus: how long before the end of a certificate somebody wanted to hear of it.

use std::time::Duration;

use super::inventory::{Inventory, Thresholds};
use crate::config::tree::Node;

/// Reads the thresholds of all rules about the end of certificates.
pub(super) fn read(root: &Node, inventory: &mut Inventory) {
    for rule in inventory.mappings(root, "groups").iter().filter_map(|group| group.get("rules")).flat_map(Node::items) {
        let Some((alert, expr)) = rule.text_of("alert").zip(rule.text_of("expr")) else { continue };
        if !METRICS.iter().any(|metric| expr.contains(metric)) {
            continue;
        }
        match threshold(&expr) {
            Some(before) if before.is_zero() => {}
            Some(before) => {
                let severity = rule.get("labels").and_then(|labels| labels.text_of("severity")).unwrap_or_default();
                let is_critical = ["critical", "page", "error", "high", "disaster", "emergency"].contains(&severity.as_str());
                inventory.expiry.join(match severity.as_str() {
                    _ if is_critical => Thresholds { warning: None, critical: Some(before) },
                    "" => Thresholds::of(before),
                    _ => Thresholds { warning: Some(before), critical: None },
                });
                if expr.contains('{') {
                    let said = format!("the alert \"{alert}\" is for some targets only; its threshold is taken for all");
                    inventory.note(rule.line, said);
                }
            }
            None => {
                let said = format!("the alert \"{alert}\" has a threshold that cannot be read; set `expiry` by hand");
                inventory.note(rule.line, said);
            }
        }
    }
}

/// The time that is left when the expression begins to hold: `METRIC - time() < 86400 * 14`, `(METRIC - time()) / 86400 <= 14`.
fn threshold(expr: &str) -> Option<Duration> {
    let (left, right) = expr.split_once('<')?;
    let right = right.strip_prefix('=').unwrap_or(right);
    let right = right.split(" and ").next()?.split(" or ").next()?.split(" unless ").next()?;
    let (_, after_time) = left.rsplit_once("time()")?;
    let divisor = match after_time.trim_start_matches([')', ' ', '\n']) {
        "" => 1.0,
        rest => 1.0 / product(&format!("1 {rest}"))?,
    };
    let seconds = product(right)? * divisor;
    (0.0..=3.0e8).contains(&seconds).then(|| Duration::from_secs_f64(seconds.round()))
}

/// Numbers with `*` and `/` between them; brackets around all of it, or of a part that is multiplied with, change nothing.
fn product(text: &str) -> Option<f64> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    // Behind a division a bracket changes the meaning.
    if let Some((before, divided)) = text.split_once("/(") {
        let inner = product(divided.trim_end_matches(')'))?;
        return Some(product(before)? / inner);
    }
    let flat = text.replace(['(', ')'], "");
    let (mut value, mut rest) = (1.0, format!("*{flat}"));
    while !rest.is_empty() {
        let operator = rest.remove(0);
        let end = rest.find(['*', '/']).unwrap_or(rest.len());
        let number: f64 = rest[..end].parse().ok()?;
        match operator {
            '*' => value *= number,
            _ => value /= number,
        }
        rest.drain(..end);
    }
    Some(value).filter(|value| value.is_finite())
}

const METRICS: &[&str] = &[
    "probe_ssl_earliest_cert_expiry",
    "probe_ssl_last_chain_expiry_timestamp_seconds",
    "ssl_cert_not_after",
    "ssl_verified_cert_not_after",
];
