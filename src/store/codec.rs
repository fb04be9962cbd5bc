//! Enums and lists as they stand in the database: stable names there, types here. A name that is not known gives `None`.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    incident::{Acknowledged, Audience, Mending, State, Told},
    monitor::{Mended, NoticeKind, Renewal},
    observation::{Failure, FailureKind, Possession, Stage, Timing},
};

/// The word that some kinds carry.
pub(super) fn kind_word(kind: &FailureKind) -> Option<&str> {
    match kind {
        FailureKind::Alert(word) | FailureKind::Plaintext(word) => Some(word),
        _ => None,
    }
}

pub(super) fn failure(stage: &str, kind: &str, word: Option<String>, detail: String) -> Option<Failure> {
    let stage = stage_named(stage)?;
    let kind = match kind {
        "alert" => FailureKind::Alert(word?),
        "plaintext" => FailureKind::Plaintext(word?),
        name => PLAIN_KINDS.iter().find(|kind| kind.name() == name)?.clone(),
    };
    Some(Failure { stage, kind, detail })
}

const PLAIN_KINDS: [FailureKind; 14] = [
    FailureKind::NameNotFound,
    FailureKind::DnsFailure,
    FailureKind::Refused,
    FailureKind::Unreachable,
    FailureKind::Timeout,
    FailureKind::Reset,
    FailureKind::ClosedEarly,
    FailureKind::NoCommonVersion,
    FailureKind::NoCommonCipher,
    FailureKind::TooMuchData,
    FailureKind::ProtocolViolation,
    FailureKind::StarttlsRefused,
    FailureKind::ProxyRefused,
    FailureKind::Internal,
];

pub(super) fn stage_named(name: &str) -> Option<Stage> {
    Stage::ALL.into_iter().find(|stage| stage.name() == name)
}

pub(super) fn possession_parts(possession: &Possession) -> (&'static str, Option<&str>) {
    match possession {
        Possession::Proven => ("proven", None),
        Possession::Failed => ("failed", None),
        Possession::Unchecked(reason) => ("unchecked", Some(reason)),
    }
}

pub(super) fn possession(name: &str, reason: Option<String>) -> Option<Possession> {
    match name {
        "proven" => Some(Possession::Proven),
        "failed" => Some(Possession::Failed),
        "unchecked" => Some(Possession::Unchecked(reason?.into())),
        _ => None,
    }
}

/// Stages with nanoseconds.
pub(super) fn timing_to_json(timing: &Timing) -> String {
    let pairs = timing.iter().map(|(stage, took)| (stage.name(), u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)));
    json(&pairs.collect::<Vec<_>>())
}

pub(super) fn timing_from_json(text: &str) -> Option<Timing> {
    let pairs: Vec<(String, u64)> = serde_json::from_str(text).ok()?;
    pairs.into_iter().map(|(stage, nanos)| Some((stage_named(&stage)?, Duration::from_nanos(nanos)))).collect()
}

/// `suspected 2`, `open`, `mended 2026-11-22T10:00:00Z reached`.
pub(super) fn state_text(state: State) -> String {
    match state {
        State::Suspected(looks) => format!("suspected {looks}"),
        State::Open => "open".into(),
        State::Mended(at, how) => format!("mended {at} {how}"),
    }
}

pub(super) fn state(text: &str) -> Option<State> {
    match text.split_once(' ') {
        None => (text == "open").then_some(State::Open),
        Some(("suspected", looks)) => looks.parse().ok().map(State::Suspected),
        // Before it was kept how, there was no more than when.
        Some(("mended", rest)) => match rest.split_once(' ') {
            None => rest.parse().ok().map(|at| State::Mended(at, Mending::Gone)),
            Some((at, how)) => Some(State::Mended(at.parse().ok()?, Mending::from_text(how)?)),
        },
        Some(_) => None,
    }
}

/// `[[leaf, [at, not_before, not_after]], ..]`.
pub(super) fn renewals_to_json(renewals: &[Renewal]) -> String {
    let moment = |second| Timestamp::from_second(second).unwrap_or(Timestamp::MAX).to_string();
    let moments = |it: &Renewal| [it.at, it.not_before, it.not_after].map(moment);
    json(&renewals.iter().map(|it| (format!("{:016x}", it.leaf), moments(it))).collect::<Vec<_>>())
}

pub(super) fn renewals_from_json(text: &str) -> Option<Vec<Renewal>> {
    let rows: Vec<(String, [String; 3])> = serde_json::from_str(text).ok()?;
    let second = |text: &str| Some(text.parse::<Timestamp>().ok()?.as_second());
    let renewal = |(leaf, [at, not_before, not_after]): &(String, [String; 3])| {
        // Of the whole fingerprint, which was written before, the beginning.
        let leaf = u64::from_str_radix(leaf.get(..16)?, 16).ok()?;
        Some(Renewal { leaf, at: second(at)?, not_before: second(not_before)?, not_after: second(not_after)? })
    };
    // Without room for more.
    rows.iter().map(renewal).collect::<Option<Box<[_]>>>().map(Vec::from)
}

pub(super) fn notice_kind(name: &str) -> Option<NoticeKind> {
    NoticeKind::ALL.into_iter().find(|kind| kind.name() == name)
}

#[derive(Serialize, Deserialize)]
struct ToldEntry {
    recipient: String,
    audience: String,
    stage: String,
    thread: String,
    /// Before it was kept, the incident's beginning.
    #[serde(default)]
    at: Option<String>,
    #[serde(default = "first")]
    round: u32,
}

fn first() -> u32 {
    1
}

pub(super) fn told_to_json(told: &[Told]) -> String {
    let entries = told.iter().map(|told| ToldEntry {
        recipient: told.recipient.clone(),
        audience: told.audience.name().to_owned(),
        stage: told.stage.clone(),
        thread: told.thread.clone(),
        at: Some(told.at.to_string()),
        round: told.round,
    });
    json(&entries.collect::<Vec<_>>())
}

/// `since`: the beginning of the incident.
pub(super) fn told_from_json(text: &str, since: Timestamp) -> Option<Vec<Told>> {
    let entries: Vec<ToldEntry> = serde_json::from_str(text).ok()?;
    let told = entries.into_iter().map(|entry| {
        let audience = Audience::ALL.into_iter().find(|audience| audience.name() == entry.audience)?;
        let at = entry.at.map_or(Some(since), |at| at.parse().ok())?;
        Some(Told { recipient: entry.recipient, audience, stage: entry.stage, thread: entry.thread, at, round: entry.round })
    });
    told.collect()
}

#[derive(Serialize, Deserialize, Default)]
struct Answers {
    /// By whom, when, at which stage.
    acknowledged: Option<(String, String, String)>,
    #[serde(default)]
    declined: Vec<String>,
}

pub(super) fn answers_to_json(acknowledged: Option<&Acknowledged>, declined: &[String]) -> String {
    let acknowledged = acknowledged.map(|known| (known.by.clone(), known.at.to_string(), known.stage.clone()));
    json(&Answers { acknowledged, declined: declined.to_vec() })
}

pub(super) fn answers_from_json(text: &str) -> Option<(Option<Acknowledged>, Vec<String>)> {
    let Answers { acknowledged, declined } = serde_json::from_str(text).ok()?;
    let acknowledged = match acknowledged {
        Some((by, at, stage)) => Some(Acknowledged { by, at: at.parse().ok()?, stage }),
        None => None,
    };
    Some((acknowledged, declined))
}

pub(super) fn strings_to_json(strings: &[String]) -> String {
    json(&strings)
}

pub(super) fn strings_from_json(text: &str) -> Option<Vec<String>> {
    serde_json::from_str(text).ok()
}

/// Code, endpoint, and at how many others.
pub(super) fn mended_to_json(mended: &[Mended]) -> String {
    json(&mended.iter().map(|it| (&it.code, &it.endpoint, it.others)).collect::<Vec<_>>())
}

pub(super) fn mended_from_json(text: &str) -> Option<Vec<Mended>> {
    let entries: Vec<(String, String, usize)> = serde_json::from_str(text).ok()?;
    Some(entries.into_iter().map(|(code, endpoint, others)| Mended { code, endpoint, others }).collect())
}

pub(super) fn lists_to_json(lists: &BTreeMap<String, Vec<String>>) -> String {
    json(lists)
}

pub(super) fn lists_from_json(text: &str) -> Option<BTreeMap<String, Vec<String>>> {
    serde_json::from_str(text).ok()
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings and numbers always make JSON")
}
