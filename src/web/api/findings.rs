//! What is found across the fleet.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Call,
    paging::{List, Window},
};
use crate::diagnosis::{Fault, Finding, Found, Severity};

/// A finding at an address of an endpoint.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Finding")]
pub(super) struct FindingLine<'a> {
    /// The endpoint's name.
    endpoint: &'a str,
    /// Null while the name does not resolve.
    address: Option<String>,
    code: &'static str,
    #[schemars(with = "Severity")]
    severity: &'static str,
    #[schemars(with = "Fault")]
    fault: &'static str,
    /// What is wrong, in a sentence.
    summary: String,
    /// What to do about it.
    hint: String,
    /// Where it is explained.
    link: String,
    /// It is muted by the configuration.
    accepted: bool,
}

pub(super) fn list<'a>(call: &Call<'a>) -> List<FindingLine<'a>> {
    let asked = &call.asked;
    let is_wanted = |found: &Found| {
        asked.allows("code", found.finding.code())
            && asked.allows("severity", found.severity().name())
            && asked.allows("fault", found.finding.fault().name())
    };
    let views = call.snapshot.endpoints.iter().filter(|view| asked.allows("endpoint", view.name()));
    let rows = views.flat_map(|view| view.addresses.iter().map(move |row| (view, row)));
    let findings = rows.flat_map(|(view, row)| row.findings().map(move |found| (view, row, found)));
    Window::of(asked).list(asked, findings.filter(|(_, _, found)| is_wanted(found)), |(view, row, found)| {
        let finding: &Finding = &found.finding;
        FindingLine {
            endpoint: view.name(),
            address: row.address.map(|address| address.to_string()),
            code: finding.code(),
            severity: found.severity().name(),
            fault: finding.fault().name(),
            summary: finding.summary(),
            hint: finding.hint(),
            link: Finding::link(finding.code()),
            accepted: found.accepted,
        }
    })
}
