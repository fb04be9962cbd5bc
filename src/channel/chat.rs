//! Chats with incoming webhooks: one message a notice, without anything that could call a person or a link of a stranger's.

use serde_json::{Value, json};

use super::{
    Outcome,
    http::{Client, Post, Url},
    payload::{Payload, Place},
};
use crate::{certificate::printable_cut, clock::Timestamp};

/// An incoming webhook.
#[derive(Clone, Debug)]
pub struct Chat {
    /// What it speaks.
    pub dialect: Dialect,
    /// Its address, a secret as a whole.
    pub url: Url,
}

/// Whose webhooks they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Slack's, which Mattermost and others understand too: text and attachments.
    Slack,
    /// Microsoft Teams' workflows: an adaptive card.
    Teams,
}

pub(super) async fn deliver(to: &Chat, client: &Client, payload: &Payload, now: Timestamp) -> Outcome {
    let message = match to.dialect {
        Dialect::Slack => slack(payload),
        Dialect::Teams => teams(payload),
    };
    client.post(&to.url, Post::json(&message), now).await
}

fn slack(payload: &Payload) -> Value {
    let attachments: Vec<Value> = shown(payload)
        .map(|place| {
            let text = [&place.summary, &place.remedy].map(|text| harmless(text)).join("\n");
            json!({
                "color": color(payload, place),
                "title": harmless(&heading(place)),
                "title_link": place.link,
                "text": text.trim(),
                "fallback": harmless(&format!("{}: {}", place.endpoint, place.summary)),
            })
        })
        .collect();
    json!({"text": harmless(&title(payload)), "attachments": attachments})
}

/// Slack's own escapes: without them `<!channel>` in a certificate's name would call everybody. Mattermost reads `@` instead.
fn harmless(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('@', "@\u{200b}")
}

fn teams(payload: &Payload) -> Value {
    let block = |text: &str, weight: &str| json!({"type": "TextBlock", "text": plain(text), "wrap": true, "weight": weight});
    let mut body = vec![block(&title(payload), "bolder")];
    for place in shown(payload) {
        body.push(block(&heading(place), "bolder"));
        body.push(block(&place.summary, "default"));
        body.extend((!place.remedy.is_empty()).then(|| block(&place.remedy, "default")));
    }
    let more =
        payload.places().next().map(|(_, place)| json!({"type": "Action.OpenUrl", "title": "More about it", "url": place.link}));
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": body,
                "actions": more.into_iter().collect::<Vec<_>>(),
            },
        }],
    })
}

/// Adaptive cards read Markdown: what would make a link, an emphasis or a list stands for itself.
fn plain(text: &str) -> String {
    let special = |c: char| "\\`*_[]()<>#".contains(c);
    text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

fn title(payload: &Payload) -> String {
    let count = payload.places().count();
    let rest = if count > SHOWN { format!(" ({} are not listed here)", count - SHOWN) } else { String::new() };
    format!("{}{rest}", printable_cut(&payload.title, 400))
}

fn heading(place: &Place) -> String {
    let target = if place.target == place.endpoint { String::new() } else { format!(" ({})", place.target) };
    printable_cut(&format!("{}{target}", place.endpoint), 200)
}

fn shown(payload: &Payload) -> impl Iterator<Item = &Place> {
    payload.places().map(|(_, place)| place).take(SHOWN)
}

fn color(payload: &Payload, place: &Place) -> &'static str {
    match (payload.status.as_str(), place.severity.as_str()) {
        ("resolved", _) => "good",
        (_, "critical") => "danger",
        _ => "warning",
    }
}

/// So many endpoints a message.
const SHOWN: usize = 10;
