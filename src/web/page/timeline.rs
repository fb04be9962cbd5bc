//! What an endpoint has shown, as a timeline.

use std::collections::HashMap;

use serde::Serialize;

use super::parts::{Moment, ago, moment};
use crate::{clock::Timestamp, monitor::Chapter};

/// A change, the latest first.
#[derive(Debug, Serialize)]
pub(super) struct Change {
    at: Moment,
    ago: String,
    address: String,
    status: &'static str,
    findings: Vec<String>,
    /// What became of the certificate, in words; empty where it is the same.
    certificate: String,
    end: Option<Moment>,
}

/// Of what is remembered, the latest first.
pub(super) fn timeline(chapters: &[Chapter], now: Timestamp) -> Vec<Change> {
    let mut last = HashMap::new();
    let mut changes: Vec<Change> = chapters
        .iter()
        .rev()
        .map(|chapter| {
            let leaf = chapter.leaf.map(|(fingerprint, _)| fingerprint);
            let before = leaf.and_then(|leaf| last.insert(chapter.address, leaf));
            let short = leaf.map(|leaf| leaf.to_string().chars().take(16).collect::<String>()).unwrap_or_default();
            let certificate = match (leaf, before) {
                (None, _) => "no certificate".to_owned(),
                (Some(_), None) => format!("certificate {short}"),
                (Some(leaf), Some(before)) if leaf == before => String::new(),
                (Some(_), Some(_)) => format!("another certificate, {short}"),
            };
            Change {
                at: moment(chapter.since),
                ago: ago(chapter.since, now),
                address: chapter.address.map_or_else(|| "the name does not resolve".into(), |ip| ip.to_string()),
                status: chapter.status.name(),
                findings: chapter.findings.clone(),
                end: chapter.leaf.and_then(|(_, end)| end).filter(|_| !certificate.is_empty()).map(moment),
                certificate,
            }
        })
        .collect();
    changes.reverse();
    changes
}
