//! PagerDuty, Events API v2: an incident triggers an alert, its end resolves it.

use serde_json::{Value, json};

use super::{
    Outcome,
    http::{Client, Post, Url},
    payload::{Part, Payload},
};
use crate::{certificate::printable_cut, clock::Timestamp, mail::Secret};

/// A service's integration.
#[derive(Clone, Debug)]
pub struct Pagerduty {
    /// Where events are taken.
    pub url: Url,
    /// The integration key of the service.
    pub routing_key: Secret,
}

impl Pagerduty {
    /// Where PagerDuty itself takes them.
    pub const URL: &str = "https://events.pagerduty.com/v2/enqueue";
}

/// A system's notice is about one incident.
pub(super) async fn deliver(to: &Pagerduty, client: &Client, payload: &Payload, now: Timestamp) -> Outcome {
    let Some(part) = payload.incidents.first() else { return Outcome::refused("the notice is about nothing") };
    client.post(&to.url, Post::json(&event(to, payload, part)), now).await
}

fn event(to: &Pagerduty, payload: &Payload, part: &Part) -> Value {
    if payload.status == "resolved" {
        return json!({"routing_key": to.routing_key.0, "event_action": "resolve", "dedup_key": part.id});
    }
    let first = part.members.first();
    let listed: Vec<_> = part.members.iter().take(LISTED).collect();
    json!({
        "routing_key": to.routing_key.0,
        "event_action": "trigger",
        "dedup_key": part.id,
        "client": "certvigil",
        "links": first.map(|place| json!({"href": place.link, "text": "what it means, and what to do"})).into_iter().collect::<Vec<_>>(),
        "payload": {
            // PagerDuty takes 1,024 characters.
            "summary": printable_cut(&payload.title, 1000),
            "source": first.map_or("certvigil", |place| &place.endpoint),
            "severity": payload.severity,
            "timestamp": part.since,
            "component": first.map(|place| &place.target),
            "class": first.map(|place| &place.code),
            "custom_details": {"endpoints": part.members.len(), "listed": listed},
        },
    })
}

/// So many endpoints an event; PagerDuty takes 512 kB.
const LISTED: usize = 50;
