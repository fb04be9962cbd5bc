//! Where the silences are: in the state, or with the daemon that is asked for them.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::Value;

use super::told;
use crate::{
    certificate::printable_cut,
    channel::Ask,
    cli::{
        run::environment,
        source::{Asked, Source},
    },
    clock::{Timestamp, earlier},
    config::{self, Config},
    monitor::{Glob, Selector, Silence},
    store::SilenceBook,
    web::{self, SilenceLine},
};

/// The silences, to be changed.
pub(super) enum Book {
    /// In the state that the configuration names.
    State(SilenceBook, Box<Config>),
    /// With this daemon.
    Daemon(Source),
}

/// What became of a silence.
pub(super) struct Added {
    pub(super) silence: Silence,
    /// It names so many endpoints,
    pub(super) named: usize,
    /// of so many.
    pub(super) endpoints: usize,
}

impl Book {
    /// The daemon's at the URL; else the state's, or where that is not ours to open, those of the daemon that runs on it.
    pub(super) fn open(asked: &Asked) -> anyhow::Result<Self> {
        let Some(path) = &asked.config else {
            return Ok(Book::Daemon(Source::running(asked)?.map_err(anyhow::Error::msg)?));
        };
        let config = config::load(path, &environment())?.config;
        let problem = match SilenceBook::open(&config.store) {
            Ok(book) => return Ok(Book::State(book, Box::new(config))),
            Err(problem) => problem,
        };
        Source::running(asked)?.map_or_else(|_| Err(told(problem)), |daemon| Ok(Book::Daemon(daemon)))
    }

    /// One more, which begins now.
    pub(super) fn add(&mut self, silence: Silence, now: Timestamp) -> anyhow::Result<Added> {
        match self {
            Book::State(book, config) => {
                book.add(&silence, earlier(now, KEPT)).map_err(told)?;
                let watches = &config.watches;
                let is_named = |labels, name: &str| silence.selector.matches(name, labels);
                let named = watches.iter().filter(|watch| is_named(&watch.policy.labels, &watch.endpoint.name)).count();
                Ok(Added { silence, named, endpoints: watches.len() })
            }
            Book::Daemon(daemon) => {
                let mut draft = serde_json::to_value(SilenceLine::from(&silence))?;
                if let Some(draft) = draft.as_object_mut() {
                    // The daemon's to give.
                    draft.retain(|key, _| !["id", "since"].contains(&key.as_str()));
                }
                let made = daemon.ask(Ask::Post(&draft), "/silences")?;
                let endpoints = daemon.get("/status")?["endpoints"].as_u64().unwrap_or_default();
                let named = made["named"].as_u64().unwrap_or_default();
                Ok(Added { silence: read(made)?, named: usize::try_from(named)?, endpoints: usize::try_from(endpoints)? })
            }
        }
    }

    /// All of them; with those that are over where that is asked for, which only the state has.
    pub(super) fn all(&self, with_past: bool, now: Timestamp) -> anyhow::Result<Vec<Silence>> {
        match self {
            Book::State(book, _) => {
                let mut silences = book.all().map_err(told)?;
                silences.retain(|silence| with_past || !silence.is_over(now));
                Ok(silences)
            }
            Book::Daemon(_) if with_past => {
                bail!("a daemon tells of no silence that is over; --all reads the state, as its user or root")
            }
            Book::Daemon(daemon) => {
                let list = daemon.get("/silences?limit=1000")?;
                list["items"].as_array().into_iter().flatten().cloned().map(read).collect()
            }
        }
    }

    /// Takes this one back.
    pub(super) fn remove(&mut self, id: &str) -> anyhow::Result<()> {
        let is_gone = match self {
            Book::State(book, _) => book.remove(id).map_err(told)?,
            Book::Daemon(daemon) => daemon.ask(Ask::Delete, &format!("/silences/{}", web::encode(id)))?.is_null(),
        };
        if !is_gone {
            bail!("there is no silence {:?}; certvigil silence list shows them", printable_cut(id, 40));
        }
        Ok(())
    }
}

/// A silence as the API has it.
#[derive(Deserialize)]
struct Line {
    id: String,
    endpoints: Vec<String>,
    labels: BTreeMap<String, Vec<String>>,
    findings: Vec<String>,
    since: String,
    until: String,
    but_last_day: bool,
    by: String,
    reason: String,
}

fn read(line: Value) -> anyhow::Result<Silence> {
    let line: Line = serde_json::from_value(line).context("what the daemon says is no silence")?;
    let globs = |patterns: Vec<String>| patterns.iter().map(|pattern| Glob::new(pattern)).collect::<Vec<_>>();
    Ok(Silence {
        id: line.id,
        selector: Selector {
            endpoints: globs(line.endpoints),
            labels: line.labels.into_iter().map(|(label, patterns)| (label, globs(patterns))).collect(),
        },
        findings: line.findings,
        since: line.since.parse()?,
        until: line.until.parse()?,
        but_last_day: line.but_last_day,
        by: line.by,
        reason: line.reason,
    })
}

/// What is over is kept for so long.
const KEPT: Duration = Duration::from_hours(30 * 24);
