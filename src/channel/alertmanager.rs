//! Alertmanager, API v2: one alert for each endpoint of an incident.
//!
//! An alert is what its labels are. They hold nothing that differs from one certvigil to another that watches the same, so that a
//! cluster of Alertmanagers tells it once. An open alert ends in the future and is sent again long before, so that it goes out
//! by itself when nobody watches any more.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    Outcome,
    http::{Client, Post, Url},
    payload::{Part, Payload, Place},
};
use crate::{
    clock::{Timestamp, later, rfc3339},
    incident::{Member, channel_recipient},
    monitor::{EndpointView, MailResult, Snapshot},
};

/// The Alertmanagers of one cluster.
#[derive(Clone, Debug)]
pub struct Alertmanager {
    /// Each, without `/api/v2/alerts`; all of them are told.
    pub urls: Vec<Url>,
    /// What is open is told again so often.
    pub resend: Duration,
}

pub(super) async fn deliver(to: &Alertmanager, client: &Client, payload: &Payload, now: Timestamp) -> Outcome {
    post(to, client, alerts(to, payload.places(), now), now).await
}

/// Tells again what the channel has heard of: what is open goes on, what is mended has ended, and what is silenced goes out.
pub(super) async fn resend(name: &str, to: &Alertmanager, client: &Client, snapshot: &Snapshot) -> Outcome {
    let parts = standing(name, snapshot);
    let places = parts.iter().flat_map(|part| part.members.iter().map(move |place| (part, place)));
    let alerts = alerts(to, places, snapshot.at);
    if alerts.is_empty() { Outcome::DELIVERED } else { post(to, client, alerts, snapshot.at).await }
}

/// One that takes it is enough: the others hear with the next repetition.
async fn post(to: &Alertmanager, client: &Client, alerts: Vec<Value>, now: Timestamp) -> Outcome {
    let alerts = Value::Array(alerts);
    let mut worst: Option<Outcome> = None;
    let mut is_taken = false;
    for url in &to.urls {
        let outcome = client.post(&url.join("/api/v2/alerts"), Post::json(&alerts), now).await;
        match outcome.result {
            MailResult::Delivered => is_taken = true,
            // What one of them may take yet is not lost.
            MailResult::Deferred => worst = Some(outcome),
            MailResult::Refused => worst = worst.or(Some(outcome)),
        }
    }
    worst.filter(|_| !is_taken).unwrap_or(Outcome::DELIVERED)
}

fn alerts<'a>(to: &Alertmanager, places: impl Iterator<Item = (&'a Part, &'a Place)>, now: Timestamp) -> Vec<Value> {
    let until = rfc3339(later(now, to.resend.saturating_mul(RESENDS)));
    places.map(|(part, place)| alert(part, place, place.ended.as_deref().unwrap_or(&until))).collect()
}

fn alert(part: &Part, place: &Place, until: &str) -> Value {
    let mut labels = place.labels.clone();
    for (label, value) in [
        ("alertname", alertname(&place.code)),
        ("endpoint", place.endpoint.clone()),
        ("severity", place.severity.clone()),
        ("fault", place.fault.clone()),
        ("incident", part.key.clone()),
    ] {
        labels.insert(label.into(), value);
    }
    json!({
        "labels": labels,
        "annotations": {"summary": place.summary, "description": place.remedy, "runbook_url": place.link},
        "startsAt": place.since,
        "endsAt": until,
    })
}

/// `missing_intermediate`: `CertvigilMissingIntermediate`.
fn alertname(code: &str) -> String {
    let words = code.split('_').map(|word| match word.split_at_checked(1) {
        Some((first, rest)) => format!("{}{rest}", first.to_ascii_uppercase()),
        None => String::new(),
    });
    words.fold("Certvigil".to_owned(), |name, word| name + &word)
}

/// What this channel has heard of and not heard the last of.
fn standing(name: &str, snapshot: &Snapshot) -> Vec<Part> {
    let me = channel_recipient(name);
    let endpoints: HashMap<&str, &Arc<EndpointView>> =
        snapshot.endpoints.iter().map(|view| (&*view.watch.endpoint.name, view)).collect();
    let part = |view: &crate::monitor::IncidentView| {
        let heard = |member: &&Arc<Member>| member.is_known_to(&me) && !view.silenced.contains_key(&member.endpoint);
        let known = view.members.iter().filter(heard);
        let places = known.filter_map(|member| {
            let endpoint = endpoints.get(&*member.endpoint)?;
            let seen = endpoint.addresses.iter().flat_map(|address| address.failed.iter().chain(&address.known));
            Some(Place::new(member, &endpoint.watch, seen.map(Arc::as_ref)))
        });
        Part::new(&view.incident, places.collect())
    };
    snapshot.incidents.iter().map(part).filter(|part| !part.members.is_empty()).collect()
}

/// An alert lasts for so many repetitions.
const RESENDS: u32 = 4;
