//! What changes something: silences, visits out of turn, who sees to an incident. Who asks has shown that they may.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Limited};
use hyper::{StatusCode, body::Body};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout};

use super::{JSON, Reply, desk::Desk, lines::SilenceLine, problem::Problem, render::render};
use crate::{
    answer::{Action, Answer},
    certificate::printable_cut,
    clock::{Timestamp, later, rfc3339},
    monitor::{AddressView, EndpointView, Event, Glob, IncidentView, Selector, Silence, Snapshot},
    web::Writer,
};

/// What a route changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// A silence is made.
    Silence,
    /// A silence is taken back.
    Unsilence,
    /// An endpoint is visited out of turn.
    Check,
    /// Somebody sees to an incident.
    Acknowledge,
}

/// A silence to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Draft {
    /// Patterns of which one must match the endpoint's name, `*` for any text; none: any name.
    #[serde(default)]
    endpoints: Vec<String>,
    /// For each of these labels the patterns of which one must match.
    #[serde(default)]
    labels: BTreeMap<String, Vec<String>>,
    /// Codes of findings, or `expiry` and `reachability`; none: whatever it is.
    #[serde(default)]
    findings: Vec<String>,
    /// When it is over (RFC 3339): within a year.
    #[schemars(extend("format" = "date-time"))]
    until: String,
    /// The last day of a certificate, and what comes after, is told all the same.
    #[serde(default)]
    but_last_day: bool,
    /// Why: it is shown wherever the silence is.
    #[schemars(length(min = 1))]
    reason: String,
    /// Who wants it; the token tells only that somebody may.
    #[serde(default)]
    by: Option<String>,
}

/// Who sees to it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Seen {
    /// A mail address, or a name.
    #[schemars(length(min = 1, max = 200))]
    by: String,
}

/// A silence that has just been made.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "NewSilence")]
pub(super) struct NewLine<'a> {
    #[serde(flatten)]
    silence: SilenceLine<'a>,
    /// It names so many endpoints of the inventory.
    named: usize,
}

/// A visit that is to come.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Visit")]
pub(super) struct VisitLine<'a> {
    /// The endpoint's name.
    endpoint: &'a str,
    /// When it was last visited (RFC 3339): a later `last_probe` at its addresses is the visit that was asked for.
    last_probe: Option<String>,
}

/// Somebody who may write, and the way to the brain.
pub(super) struct Author<'a> {
    pub(super) writer: Writer,
    pub(super) desk: &'a Desk,
    pub(super) snapshot: &'a Snapshot,
}

impl Author<'_> {
    /// `name` is what the path names.
    pub(super) async fn write(&self, change: Change, name: &str, body: &[u8]) -> Result<Reply, Problem> {
        match change {
            Change::Silence => self.silence(read(body)?).await,
            Change::Unsilence => self.unsilence(name).await,
            Change::Check => self.check(name).await,
            Change::Acknowledge => self.acknowledge(name, read(body)?).await,
        }
    }

    async fn silence(&self, draft: Draft) -> Result<Reply, Problem> {
        let globs = |patterns: Vec<String>| patterns.iter().map(|pattern| Glob::new(pattern)).collect::<Vec<_>>();
        let Ok(until) = draft.until.parse::<Timestamp>() else {
            return Err(Problem::bad(format!("until: {:?} is no moment; write a moment as 2027-01-31T12:00:00Z", draft.until)));
        };
        let now = self.snapshot.at;
        let silence = Silence {
            id: format!("{:08x}", fastrand::u32(..)),
            selector: Selector {
                endpoints: globs(draft.endpoints),
                labels: draft.labels.into_iter().map(|(label, patterns)| (label, globs(patterns))).collect(),
            },
            findings: draft.findings,
            since: now,
            until,
            but_last_day: draft.but_last_day,
            by: self.by(draft.by.as_deref()),
            reason: draft.reason,
        };
        let silence = silence.begin(now).map_err(Problem::bad)?;
        let what = printable_cut(&silence.to_string(), 1000);
        tracing::info!(id = silence.id, by = silence.by, what, until = rfc3339(until), "silenced through the API");
        self.ask(Event::SilencedMore(silence.clone())).await?;
        let location = Some(format!("silences/{}", silence.id));
        let is_named = |view: &&Arc<EndpointView>| silence.selector.matches(view.name(), &view.watch.policy.labels);
        let named = self.snapshot.endpoints.iter().filter(is_named).count();
        Ok(Reply { status: StatusCode::CREATED, location, ..json(&NewLine { silence: (&silence).into(), named }) })
    }

    async fn unsilence(&self, id: &str) -> Result<Reply, Problem> {
        let known = self.snapshot.silences.iter().find(|silence| silence.id == id);
        let known = known.ok_or_else(|| Problem::missing("there is no such silence; /api/v1/silences has all of them"))?;
        tracing::info!(id = known.id, by = %self.writer.name, "a silence was taken back through the API");
        self.ask(Event::SilencedNoMore(known.id.clone())).await?;
        Ok(Reply::nothing())
    }

    async fn check(&self, name: &str) -> Result<Reply, Problem> {
        let view = self.snapshot.named(name).ok_or_else(|| {
            Problem::missing("no endpoint of this name is in the configuration; /api/v1/endpoints has all of them")
        })?;
        self.desk.hasten(name, Instant::now()).map_err(Problem::too_many)?;
        tracing::info!(endpoint = %view.name(), by = %self.writer.name, "a visit was asked for through the API");
        self.ask(Event::Hastened(view.name().clone())).await?;
        let last = view.addresses.iter().map(|row: &AddressView| row.last_probe()).max();
        let line = VisitLine { endpoint: view.name(), last_probe: last.map(rfc3339) };
        Ok(Reply { status: StatusCode::ACCEPTED, ..json(&line) })
    }

    async fn acknowledge(&self, id: &str, seen: Seen) -> Result<Reply, Problem> {
        let is_it = |view: &&IncidentView| view.incident.id == id && view.is_open();
        if !self.snapshot.incidents.iter().any(|view| is_it(&view)) {
            return Err(Problem::missing("no such incident is open; /api/v1/incidents?state=open has those that are"));
        }
        let person = printable_cut(seen.by.trim(), 200);
        if person.is_empty() {
            return Err(Problem::bad("by: it is empty; write a mail address or a name"));
        }
        let by = &self.writer.name;
        tracing::info!(incident = id, person, %by, "an incident was acknowledged through the API");
        let (action, language) = (Action::Acknowledge, "en".to_owned());
        let until = later(self.snapshot.at, Duration::from_mins(1));
        self.ask(Event::Answered(Answer { action, incident: id.to_owned(), person, language, until })).await?;
        Ok(Reply::nothing())
    }

    /// Who is shown to have asked: who they say they are, and what lets them write.
    fn by(&self, said: Option<&str>) -> String {
        let said = said.map(str::trim).filter(|said| !said.is_empty());
        let writer = &self.writer.name;
        said.map_or_else(|| writer.to_string(), |said| format!("{} ({writer})", printable_cut(said, 150)))
    }

    async fn ask(&self, event: Event) -> Result<(), Problem> {
        match self.desk.ask(event).await {
            Some(true) => Ok(()),
            Some(false) => Err(Problem::unsaved()),
            None => Err(Problem::unavailable("nobody takes this now: the daemon is busy, or ends; try again")),
        }
    }
}

/// The body of a request, where it is short and comes soon.
pub(super) async fn body_of<B>(body: B) -> Result<Vec<u8>, Problem>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match timeout(PATIENCE, Limited::new(body, LONGEST).collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes().to_vec()),
        Ok(Err(_)) => Err(Problem::bad(format!("the body did not come whole, or is longer than {LONGEST} octets"))),
        Err(_) => Err(Problem::bad(format!("the body did not come within {} seconds", PATIENCE.as_secs()))),
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|problem| Problem::bad(format!("the body cannot be used: {problem}")))
}

fn json(facts: &impl Serialize) -> Reply {
    Reply { kind: JSON, body: render(facts), ..Reply::nothing() }
}

/// The longest body, in octets.
const LONGEST: usize = 64 * 1024;
/// For all of it.
const PATIENCE: Duration = Duration::from_secs(10);
