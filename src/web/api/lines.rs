//! What the API and the command line say in JSON of what is no report of a visit. Within a version fields are only added.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    clock::rfc3339,
    diagnosis::Status,
    incident::channel_of,
    monitor::{Chapter, Glob, Silence},
};

/// From this moment on an address of an endpoint has shown something else than before.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Change")]
pub struct ChapterLine<'a> {
    /// Of this format: 1.
    schema: u8,
    /// The endpoint's name.
    endpoint: &'a str,
    /// Null where the name did not resolve.
    address: Option<String>,
    /// Since when (RFC 3339).
    since: String,
    /// The headline.
    #[schemars(with = "Status")]
    severity: &'static str,
    /// The codes of the findings.
    findings: &'a [String],
    /// Of the leaf; null where none was seen.
    fingerprint_sha256: Option<String>,
    /// When the leaf ends (RFC 3339).
    not_after: Option<String>,
}

impl<'a> ChapterLine<'a> {
    /// Of the endpoint of this name.
    pub fn of(endpoint: &'a str, chapter: &'a Chapter) -> Self {
        let Chapter { address, since, status, findings, leaf } = chapter;
        ChapterLine {
            schema: 1,
            endpoint,
            address: address.map(|address| address.to_string()),
            since: rfc3339(*since),
            severity: status.name(),
            findings,
            fingerprint_sha256: leaf.map(|(fingerprint, _)| fingerprint.to_string()),
            not_after: leaf.and_then(|(_, end)| end).map(rfc3339),
        }
    }
}

/// What nobody is told of for a while, and why.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Silence")]
pub struct SilenceLine<'a> {
    /// Unique.
    id: &'a str,
    /// Patterns of which one must match the endpoint's name; none: any.
    endpoints: Vec<String>,
    /// For each of these labels the patterns of which one must match.
    labels: BTreeMap<&'a str, Vec<String>>,
    /// Codes of findings, or `expiry` and `reachability`; none: whatever it is.
    findings: &'a [String],
    /// When it was made (RFC 3339).
    since: String,
    /// When it is over (RFC 3339).
    until: String,
    /// The last day of a certificate, and what comes after, is told all the same.
    but_last_day: bool,
    /// Who made it.
    by: &'a str,
    /// Why.
    reason: &'a str,
}

impl<'a> From<&'a Silence> for SilenceLine<'a> {
    fn from(silence: &'a Silence) -> Self {
        let texts = |globs: &[Glob]| globs.iter().map(ToString::to_string).collect::<Vec<_>>();
        SilenceLine {
            id: &silence.id,
            endpoints: texts(&silence.selector.endpoints),
            labels: silence.selector.labels.iter().map(|(label, globs)| (&**label, texts(globs))).collect(),
            findings: &silence.findings,
            since: rfc3339(silence.since),
            until: rfc3339(silence.until),
            but_last_day: silence.but_last_day,
            by: &silence.by,
            reason: &silence.reason,
        }
    }
}

/// A person, by what stands before the @, or a channel: whoever may read this is told no mail address.
pub(super) fn whom(recipient: &str) -> String {
    let handle = || crate::web::page::handle(recipient).to_owned();
    channel_of(recipient).map_or_else(handle, |name| format!("channel {name}"))
}
