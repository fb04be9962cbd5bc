//! Rows to the types of today. What cannot be understood is left out with a warning: it comes again with the next visit.

use core::net::IpAddr;
use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    path::Path,
    sync::Arc,
};

use rusqlite::{Connection, OptionalExtension as _, Params, Result, Row};
use tracing::warn;

use super::{Mail, StoreError, Stored, StoredAddress, codec, on_every_core, write};
use crate::{
    certificate::{Certificate, Fingerprint, SharedNames},
    clock::Timestamp,
    diagnosis::{Issuers, Topic},
    incident::{Cause, Incident, IncidentKey, Member, rank_of},
    monitor::{Refusal, Renewals, Tally},
    observation::{Chain, Handshake, Observation, Outcome, Tls},
};

/// The whole state.
pub(super) fn everything(db: &Connection, path: &Path) -> std::result::Result<Stored, StoreError> {
    let read = || -> Result<Stored> {
        Ok(Stored {
            addresses: addresses(db)?,
            incidents: rows(db, "SELECT * FROM incident ORDER BY topic, cause", "an incident", incident)?,
            members: rows(db, "SELECT * FROM member ORDER BY endpoint, topic, cause", "an incident at an endpoint", member)?,
            tallies: rows(db, "SELECT * FROM tally ORDER BY recipient", "who was sent how much", tally)?,
            refusals: rows(db, "SELECT * FROM refusal ORDER BY recipient", "a refusal", refusal)?,
            renewals: rows(db, "SELECT * FROM renewals ORDER BY endpoint", "when an endpoint has renewed", renewals)?,
            silences: super::silences::read(db)?,
            mails: mails(db)?,
            first_sweep_done: first_sweep_done(db)?,
            shown_alive: shown_alive(db)?,
        })
    };
    read().map_err(|error| StoreError::of(path, &error))
}

/// Every row that can be understood; the others are counted and told.
pub(super) fn rows<T>(
    db: &Connection,
    sql: &str,
    thing: &str,
    understand: impl Fn(&Row<'_>) -> Result<Option<T>>,
) -> Result<Vec<T>> {
    rows_of(db, sql, [], thing, understand)
}

/// The same, of a query with values.
pub(super) fn rows_of<T>(
    db: &Connection,
    sql: &str,
    values: impl Params,
    thing: &str,
    understand: impl Fn(&Row<'_>) -> Result<Option<T>>,
) -> Result<Vec<T>> {
    let mut understood = Vec::new();
    each_of(db, sql, values, thing, understand, |value| understood.push(value))?;
    Ok(understood)
}

/// The same, one by one.
fn each_of<T>(
    db: &Connection,
    sql: &str,
    values: impl Params,
    thing: &str,
    understand: impl Fn(&Row<'_>) -> Result<Option<T>>,
    mut take: impl FnMut(T),
) -> Result<()> {
    let mut statement = db.prepare(sql)?;
    let mut found = statement.query(values)?;
    let mut strange = 0usize;
    while let Some(row) = found.next()? {
        match understand(row) {
            Ok(Some(value)) => take(value),
            Ok(None) | Err(rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..)) => {
                strange += 1;
            }
            Err(error) => return Err(error),
        }
    }
    if strange > 0 {
        warn!(count = strange, "left out of the stored state what this version cannot understand: {thing}");
    }
    Ok(())
}

fn mails(db: &Connection) -> Result<Vec<Mail>> {
    let mut mails = rows(db, "SELECT * FROM outbox ORDER BY id", "a waiting mail", |row| {
        let kind: String = row.get("kind")?;
        let Some((kind, at)) = codec::notice_kind(&kind).zip(moment(row, "at")?) else { return Ok(None) };
        let message: Vec<u8> = row.get("message")?;
        Ok(Some(Mail { id: row.get("id")?, kind, recipient: row.get("recipient")?, at, message: message.into() }))
    })?;
    mails.sort_by_key(|mail| mail.at);
    Ok(mails)
}

fn first_sweep_done(db: &Connection) -> Result<bool> {
    db.prepare("SELECT 1 FROM meta WHERE key = ?1")?.exists([write::FIRST_SWEEP_DONE])
}

fn shown_alive(db: &Connection) -> Result<Option<Timestamp>> {
    let mut statement = db.prepare("SELECT value FROM meta WHERE key = ?1")?;
    let found: Option<String> = statement.query_row([write::SHOWN_ALIVE], |row| row.get(0)).optional()?;
    Ok(found.and_then(|at| at.parse().ok()))
}

fn incident(row: &Row<'_>) -> Result<Option<Incident>> {
    let (id, told, answers): (String, String, String) = (row.get("id")?, row.get("told")?, row.get("answers")?);
    let (key, since) = (key(row)?, moment(row, "since")?);
    Ok(key.zip(since).and_then(|(key, since)| {
        let (acknowledged, declined) = codec::answers_from_json(&answers)?;
        Some(Incident { id, key, since, told: codec::told_from_json(&told, since)?, acknowledged, declined })
    }))
}

fn member(row: &Row<'_>) -> Result<Option<Member>> {
    let (endpoint, rank, addresses, heard): (String, String, String, String) =
        (row.get("endpoint")?, row.get("severity")?, row.get("addresses")?, row.get("heard")?);
    let state: String = row.get("state")?;
    let (key, since, last_seen) = (key(row)?, moment(row, "since")?, moment(row, "last_seen")?);
    let (code, summary): (String, String) = (row.get("code")?, row.get("summary")?);
    let understand = || {
        let (severity, step) = rank_of(&code, &rank)?;
        Some(Member {
            endpoint: endpoint.into(),
            key: key?,
            code,
            severity,
            step,
            state: codec::state(&state)?,
            summary,
            addresses: codec::strings_from_json(&addresses)?,
            since: since?,
            last_seen: last_seen?,
            heard: codec::strings_from_json(&heard)?,
        })
    };
    Ok(understand())
}

fn tally(row: &Row<'_>) -> Result<Option<Tally>> {
    let (mended, last): (String, _) = (row.get("mended")?, moment(row, "last")?);
    let (recipient, day, mails) = (row.get("recipient")?, row.get("day")?, row.get("mails")?);
    let mended = codec::mended_from_json(&mended);
    Ok(mended.zip(last).map(|(mended, last)| Tally { recipient, day, mails, last, mended }))
}

fn refusal(row: &Row<'_>) -> Result<Option<Refusal>> {
    let (instead, at): (String, _) = (row.get("instead")?, moment(row, "at")?);
    let (recipient, why) = (row.get("recipient")?, row.get("why")?);
    let instead = codec::strings_from_json(&instead);
    Ok(instead.zip(at).map(|(instead, at)| Refusal { recipient, at, why, instead }))
}

fn renewals(row: &Row<'_>) -> Result<Option<Renewals>> {
    let (endpoint, place): (String, String) = (row.get("endpoint")?, row.get("place")?);
    let last = codec::renewals_from_json(&row.get::<_, String>("last")?);
    Ok(last.map(|last| Renewals { endpoint: endpoint.into(), place: place.into(), last }))
}

fn key(row: &Row<'_>) -> Result<Option<IncidentKey>> {
    let (topic, cause): (String, String) = (row.get("topic")?, row.get("cause")?);
    let parts = Topic::from_name(&topic).zip(Cause::from_text(&cause));
    Ok(parts.map(|(topic, cause)| IncidentKey { topic, cause }))
}

type Certificates = HashMap<Fingerprint, Arc<Certificate>>;

/// All that are kept. They are read some at a time, so that there is never a second copy of all of them.
fn certificates(db: &Connection) -> Result<Certificates> {
    let (mut known, mut names) = (Certificates::new(), SharedNames::default());
    let read = |(der, signed_by): (Vec<u8>, Option<String>)| {
        Certificate::signed(&der, signed_by.as_deref().and_then(Fingerprint::from_hex))
    };
    let mut keep = |stored: Vec<_>| {
        for mut certificate in on_every_core(stored, read) {
            names.share(&mut certificate);
            known.insert(certificate.fingerprint, certificate);
        }
    };
    let mut stored = Vec::new();
    let understand = |row: &Row<'_>| Ok(Some((row.get("der")?, row.get("signed_by")?)));
    each_of(db, "SELECT der, signed_by FROM certificate", [], "a certificate", understand, |certificate| {
        stored.push(certificate);
        if stored.len() == AT_ONCE {
            keep(std::mem::take(&mut stored));
        }
    })?;
    keep(stored);
    Ok(known)
}

/// Certificates read at once.
const AT_ONCE: usize = 4096;

fn addresses(db: &Connection) -> Result<Vec<StoredAddress>> {
    let certificates = certificates(db)?;
    let agreed = RefCell::default();
    let seen = rows(db, "SELECT * FROM observation ORDER BY endpoint, address, what", "an observation", |row| {
        seen(row, &certificates, &agreed)
    })?;

    let mut addresses: Vec<StoredAddress> = Vec::new();
    for Seen { endpoint, place, observation, issuers } in seen {
        let same = addresses.last().is_some_and(|last| *last.endpoint == *endpoint && last.address == observation.address);
        if !same {
            let (endpoint, address) = (endpoint.into(), observation.address);
            let fresh = StoredAddress { endpoint, address, place, known: None, failed: None };
            addresses.push(fresh);
        }
        let entry = addresses.last_mut().expect("one was just pushed");
        match observation.outcome {
            Outcome::Handshake(_) => entry.known = Some((observation, issuers)),
            Outcome::Failure(_) => entry.failed = Some(observation),
        }
    }
    Ok(addresses)
}

struct Seen {
    endpoint: String,
    place: Arc<str>,
    observation: Observation,
    issuers: Issuers,
}

fn seen(row: &Row<'_>, certificates: &Certificates, agreed: &RefCell<HashSet<Arc<Tls>>>) -> Result<Option<Seen>> {
    let address: String = row.get("address")?;
    let failure = match (row.get::<_, Option<String>>("stage")?, row.get::<_, Option<String>>("kind")?) {
        (Some(stage), Some(kind)) => {
            let detail = row.get::<_, Option<String>>("detail")?.unwrap_or_default();
            match codec::failure(&stage, &kind, row.get("kind_word")?, detail) {
                Some(failure) => Some(failure),
                None => return Ok(None),
            }
        }
        _ => None,
    };
    let (timing, chain, issuers): (String, String, String) = (row.get("timing")?, row.get("chain")?, row.get("issuers")?);
    let possession: Option<String> = row.get("possession")?;
    let unchecked: Option<String> = row.get("unchecked")?;
    let wants_client_certificate: bool = row.get("wants_client")?;
    let tls = Tls {
        version: row.get("version")?,
        cipher: row.get("cipher")?,
        group: row.get("key_group")?,
        alpn: row.get("alpn")?,
        stapled: None,
    };
    let tls = shared(tls, agreed);
    let (endpoint, place, tried) = (row.get("endpoint")?, row.get::<_, String>("place")?.into(), row.get("tried")?);
    let at = moment(row, "at")?;
    let understand = || {
        let address: Option<IpAddr> = if address.is_empty() { None } else { Some(address.parse().ok()?) };
        let outcome = match Chain::new(look_up(&chain, certificates)?) {
            Some(chain) => {
                let possession = codec::possession(&possession?, unchecked)?;
                Outcome::Handshake(Handshake {
                    chain,
                    tls,
                    possession,
                    wants_client_certificate,
                    broken_off: failure.map(Box::new),
                })
            }
            None => Outcome::Failure(failure?),
        };
        let observation = Observation { timing: codec::timing_from_json(&timing)?, ..Observation::new(address, at?, outcome) };
        let issuers = Issuers { certificates: look_up(&issuers, certificates)?, tried };
        Some(Seen { endpoint, place, observation, issuers })
    };
    Ok(understand())
}

/// One of all that are equal.
fn shared(tls: Tls, known: &RefCell<HashSet<Arc<Tls>>>) -> Arc<Tls> {
    let tls = Arc::new(tls);
    let mut known = known.borrow_mut();
    if let Some(known) = known.get(&tls) {
        return Arc::clone(known);
    }
    known.insert(Arc::clone(&tls));
    tls
}

fn look_up(fingerprints: &str, certificates: &Certificates) -> Option<Vec<Arc<Certificate>>> {
    codec::strings_from_json(fingerprints)?.iter().map(|hex| certificates.get(&Fingerprint::from_hex(hex)?).cloned()).collect()
}

pub(super) fn moment(row: &Row<'_>, column: &str) -> Result<Option<Timestamp>> {
    Ok(row.get::<_, String>(column)?.parse().ok())
}
