//! `certvigil status`: the fleet in a screenful, from the daemon that runs or from what the last one has left.

use std::{fmt::Write as _, process::ExitCode};

use clap::Args;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Value, json};

use super::{
    now, output,
    source::{Asked, Source},
};
use crate::{
    certificate::printable_cut,
    clock::{Timestamp, date, elapsed, span},
    diagnosis::Status as Headline,
};

/// Show how the fleet does, in a screenful: what is wrong, the most urgent first
///
/// It asks the daemon that runs, at the address of the configuration or of --url. Where none answers, the state directory is read
/// and said to be, by the user of the daemon or root.
///
/// Exit status: 0 all is well, 1 warning, 2 critical, 3 something could not be judged, or nobody could be asked; the worst counts,
/// critical > unknown > warning > ok. Trouble of the daemon itself is a warning.
#[derive(Args)]
#[command(after_help = "Examples:
  certvigil status --config /etc/certvigil/config.yaml
  certvigil status --url https://certs.example.com --json | jq .endpoints")]
pub(super) struct Status {
    #[command(flatten)]
    asked: Asked,
    /// Print one JSON object: the status and the endpoints as the API has them
    #[arg(long)]
    json: bool,
}

impl Status {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let source = Source::find(&self.asked)?;
        let (status, endpoints) = (source.get("/status")?, source.get(&format!("/endpoints?limit={ROWS}"))?);
        let fleet: Fleet = serde_json::from_value(status.clone())?;
        let list: List = serde_json::from_value(endpoints.clone())?;
        if self.json {
            output::say(&object(&source, &status, &endpoints).to_string())?;
        } else {
            output::say(&screen(&source.to_string(), &fleet, &list, now().wall))?;
        }
        Ok(output::exit_status(fleet.worst()))
    }
}

fn object(source: &Source, status: &Value, endpoints: &Value) -> Value {
    json!({"source": source.to_string(), "status": status, "endpoints": endpoints["items"]})
}

/// As much of `/api/v1/status` as a screen has room for.
#[derive(Deserialize)]
struct Fleet {
    version: String,
    #[serde(deserialize_with = "moment")]
    at: Timestamp,
    #[serde(deserialize_with = "moment")]
    started: Timestamp,
    endpoints: usize,
    severities: std::collections::BTreeMap<String, usize>,
    incidents: Incidents,
    silences: usize,
    next_expiry: Option<Expiry>,
    outbox: Outbox,
    reload: Reload,
    troubles: Vec<String>,
}

#[derive(Deserialize)]
struct Incidents {
    open: usize,
    suspected: usize,
}

#[derive(Deserialize)]
struct Expiry {
    endpoint: String,
    #[serde(deserialize_with = "moment")]
    not_after: Timestamp,
}

#[derive(Deserialize)]
struct Outbox {
    length: usize,
}

#[derive(Deserialize)]
struct Reload {
    successful: bool,
}

#[derive(Deserialize)]
struct List {
    items: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    endpoint: String,
    severity: String,
    summary: String,
    checked_at: Option<String>,
}

impl Fleet {
    fn count(&self, status: Headline) -> usize {
        self.severities.get(status.name()).copied().unwrap_or(0)
    }

    fn is_troubled(&self) -> bool {
        !self.troubles.is_empty() || !self.reload.successful
    }

    fn worst(&self) -> Headline {
        let seen = Headline::ALL.into_iter().filter(|status| self.count(*status) > 0);
        let own = self.is_troubled().then_some(Headline::Warning);
        seen.chain(own).max().unwrap_or(Headline::Ok)
    }
}

/// What fits on a screen, the most urgent first.
fn screen(source: &str, fleet: &Fleet, list: &List, now: Timestamp) -> String {
    let mut out = format!("certvigil {}, {source}\n", printable_cut(&fleet.version, 40));
    if fleet.at > fleet.started {
        let _ = writeln!(out, "up {}", elapsed(fleet.started, fleet.at));
    }
    let counts = Headline::ALL.into_iter().filter(|status| fleet.count(*status) > 0);
    let counts: Vec<_> = counts.map(|status| format!("{} {}", fleet.count(status), status.name())).collect();
    let counts = if counts.is_empty() { String::new() } else { format!(": {}", counts.join(", ")) };
    let _ = writeln!(out, "{} endpoints{counts}", fleet.endpoints);
    let _ = writeln!(
        out,
        "incidents: {} open, {} suspected; silences: {}; mails and notices that wait: {}",
        fleet.incidents.open, fleet.incidents.suspected, fleet.silences, fleet.outbox.length
    );
    if let Some(Expiry { endpoint, not_after }) = &fleet.next_expiry {
        let left = span(now, *not_after);
        let _ = writeln!(out, "next to end: {}, {} (in {left})", printable_cut(endpoint, NAME), date(*not_after));
    }
    if !fleet.reload.successful {
        out.push_str("trouble: the last reload was refused, and the configuration before it goes on; the log names its faults\n");
    }
    for trouble in fleet.troubles.iter().take(TROUBLES) {
        let _ = writeln!(out, "trouble: {}", printable_cut(trouble, 300));
    }
    let is_wrong = |row: &&Row| !["ok", "info"].contains(&&*row.severity);
    let wrong: Vec<_> = list.items.iter().filter(is_wrong).collect();
    let width = wrong.iter().map(|row| printable_cut(&row.endpoint, NAME).chars().count()).max().unwrap_or(0);
    for (at, row) in wrong.iter().enumerate() {
        let what = if row.checked_at.is_none() { "waits for its first visit" } else { &row.summary };
        let (severity, name) = (printable_cut(&row.severity, 10), printable_cut(&row.endpoint, NAME));
        let gap = if at == 0 { "\n" } else { "" };
        let _ = writeln!(out, "{gap}{severity:<8}  {name:<width$}  {}", printable_cut(what, WHAT));
    }
    let all = [Headline::Warning, Headline::Unknown, Headline::Critical].map(|status| fleet.count(status)).iter().sum::<usize>();
    if all > wrong.len() {
        let _ = writeln!(out, "and {} more; the page has all of them", all - wrong.len());
    }
    out.truncate(out.trim_end().len());
    out
}

fn moment<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}

/// So many endpoints fit beside the rest.
const ROWS: usize = 15;
const TROUBLES: usize = 5;
/// The widest name and the longest sentence, in characters.
const NAME: usize = 40;
const WHAT: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet(severities: &Value, troubles: &[&str]) -> Fleet {
        let document = json!({
            "version": "0.1.0", "at": "2026-11-22T12:00:00Z", "started": "2026-11-22T09:00:00Z", "endpoints": 20,
            "severities": severities, "incidents": {"open": 2, "suspected": 1}, "silences": 0,
            "next_expiry": {"endpoint": "mail", "not_after": "2026-11-27T00:00:00Z"}, "outbox": {"length": 3},
            "reload": {"successful": true}, "troubles": troubles,
        });
        serde_json::from_value(document).expect("a status")
    }

    #[test]
    fn the_worst_counts() {
        let worst = |severities: Value, troubles: &[&str]| fleet(&severities, troubles).worst();
        assert_eq!(worst(json!({}), &[]), Headline::Ok);
        assert_eq!(worst(json!({"ok": 3, "info": 1, "warning": 0}), &[]), Headline::Info);
        assert_eq!(worst(json!({"ok": 3}), &["the disk is full"]), Headline::Warning);
        assert_eq!(worst(json!({"warning": 3, "unknown": 1}), &["the disk is full"]), Headline::Unknown);
        assert_eq!(worst(json!({"critical": 1, "unknown": 9}), &[]), Headline::Critical);
    }

    #[test]
    fn a_screenful_says_what_is_wrong_and_how_much_more() {
        let list = json!({"items": [
            {"endpoint": "mail", "severity": "critical", "summary": "it ends\u{202e} soon", "checked_at": "2026-11-22T11:00:00Z"},
            {"endpoint": "new", "severity": "unknown", "summary": "", "checked_at": null},
            {"endpoint": "shop", "severity": "ok", "summary": "", "checked_at": "2026-11-22T11:00:00Z"},
        ]});
        let list: List = serde_json::from_value(list).expect("a list");
        let fleet = fleet(&json!({"ok": 15, "critical": 4, "unknown": 1}), &["the disk is full"]);
        insta::assert_snapshot!(screen("at http://127.0.0.1:9843", &fleet, &list, fleet.at), @r"
        certvigil 0.1.0, at http://127.0.0.1:9843
        up 3 h
        20 endpoints: 4 critical, 1 unknown, 15 ok
        incidents: 2 open, 1 suspected; silences: 0; mails and notices that wait: 3
        next to end: mail, 2026-11-27 00:00 UTC (in 4 days)
        trouble: the disk is full

        critical  mail  it ends\E2\80\AE soon
        unknown   new   waits for its first visit
        and 3 more; the page has all of them
        ");
    }
}
