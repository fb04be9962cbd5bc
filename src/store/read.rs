//! Rows to the types of today. What cannot be understood is left out with a warning: it comes again with the next visit.

use core::net::IpAddr;
use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher as _, RandomState},
    iter::Flatten,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use rusqlite::{Connection, OptionalExtension as _, Params, Result, Row};
use tracing::warn;

use super::{
    Mail, StoreError, Stored, StoredAddress, codec,
    cores::{Done, as_it_comes},
    write,
};
use crate::{
    certificate::{Certificate, Fingerprint, Octets, SharedNames},
    clock::Timestamp,
    diagnosis::{Issuers, Topic},
    incident::{Cause, Incident, IncidentKey, Member, rank_of},
    monitor::{Refusal, Renewals, Tally},
    observation::{Chain, Handshake, Observation, Outcome, Timing, Tls},
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
            renewals: renewals(db)?,
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
    let mut statement = db.prepare(sql)?;
    let mut found = statement.query(values)?;
    let mut understood = Vec::new();
    let mut strange = 0usize;
    while let Some(row) = found.next()? {
        match understand(row) {
            Ok(Some(value)) => understood.push(value),
            Ok(None) => strange += 1,
            Err(error) if is_strange(&error) => strange += 1,
            Err(error) => return Err(error),
        }
    }
    tell(strange, thing);
    Ok(understood)
}

/// What a column holds is not what this version writes there.
fn is_strange(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..))
}

fn tell(strange: usize, thing: &str) {
    if strange > 0 {
        warn!(count = strange, "left out of the stored state what this version cannot understand: {thing}");
    }
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

fn renewals(db: &Connection) -> Result<Vec<Renewals>> {
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let understand = |(endpoint, place, last): (String, String, String)| {
        Some(Renewals { endpoint: endpoint.into(), place: place.into(), last: codec::renewals_from_json(&last)? })
    };
    let sql = "SELECT endpoint, place, last FROM renewals ORDER BY endpoint";
    Ok(many_rows(db, sql, "when an endpoint has renewed", read, understand)?.collect())
}

fn key(row: &Row<'_>) -> Result<Option<IncidentKey>> {
    let (topic, cause): (String, String) = (row.get("topic")?, row.get("cause")?);
    let parts = Topic::from_name(&topic).zip(Cause::from_text(&cause));
    Ok(parts.map(|(topic, cause)| IncidentKey { topic, cause }))
}

/// Every row that can be understood, most of the work done on all cores; the others are counted and told.
fn many_rows<R: Send, T: Send>(
    db: &Connection,
    sql: &str,
    thing: &str,
    read: impl Fn(&Row<'_>) -> Result<R>,
    understand: impl Fn(R) -> Option<T> + Sync,
) -> Result<Flatten<Done<Option<T>>>> {
    let mut statement = db.prepare(sql)?;
    let mut found = statement.query([])?;
    let (mut strange, nothing) = (0, AtomicUsize::new(0));
    let understand = |row| {
        understand(row).or_else(|| {
            nothing.fetch_add(1, Ordering::Relaxed);
            None
        })
    };
    let give = |each: &mut dyn FnMut(R)| {
        while let Some(row) = found.next()? {
            match read(row) {
                Ok(raw) => each(raw),
                Err(error) if is_strange(&error) => strange += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    };
    let understood = as_it_comes(give, understand)?;
    tell(strange + nothing.into_inner(), thing);
    Ok(understood.flatten())
}

type Certificates = HashMap<Fingerprint, Arc<Certificate>>;

fn certificates(db: &Connection) -> Result<Certificates> {
    let read = |row: &Row<'_>| Ok((Octets::from(row.get_ref(0)?.as_blob()?), row.get::<_, Option<String>>(1)?));
    let names = Mutex::new(SharedNames::default());
    let understand = |(der, signed_by): (Octets, Option<String>)| {
        let mut certificate = Certificate::signed(&der, signed_by.as_deref().and_then(Fingerprint::from_hex));
        names.lock().unwrap_or_else(PoisonError::into_inner).share(&mut certificate);
        Some((certificate.fingerprint, certificate))
    };
    let found = many_rows(db, "SELECT der, signed_by FROM certificate", "a certificate", read, understand)?;
    Ok(found.collect())
}

fn addresses(db: &Connection) -> Result<Vec<StoredAddress>> {
    let (certificates, visits) = (certificates(db)?, visits(db)?);
    let agreed = Mutex::default();
    let understand = |row: RawSeen| row.understood(&certificates, &visits, &agreed);
    let mut addresses: Vec<StoredAddress> = Vec::new();
    for Seen { endpoint, place, observation, issuers } in
        many_rows(db, OBSERVATIONS, "an observation", RawSeen::read, understand)?
    {
        let same = addresses.last().is_some_and(|last| *last.endpoint == *endpoint && last.address == observation.address);
        if !same {
            let (endpoint, address) = (endpoint.into(), observation.address);
            let fresh = StoredAddress { endpoint, address, place, known: None, failed: None };
            addresses.push(fresh);
        }
        let entry = addresses.last_mut().expect("one was just pushed");
        match observation.outcome {
            Outcome::Handshake(_) => entry.known = Some((observation, issuers)),
            Outcome::Failure(_) => entry.failed = Some(observation.into()),
        }
    }
    Ok(addresses)
}

/// When the last visit was made, and how long it took, by a hash of endpoint, address and what, since there are many: of two that
/// have it in common one would have the other's time, until its next visit.
struct Visits {
    keys: RandomState,
    last: HashMap<u64, (Timestamp, Timing)>,
}

fn visits(db: &Connection) -> Result<Visits> {
    let keys = RandomState::new();
    let read = |row: &Row<'_>| Ok(([row.get(0)?, row.get(1)?, row.get(2)?], row.get(3)?, row.get(4)?));
    let understand = |(of, at, timing): ([String; 3], String, String)| {
        Some((keys.hash_one(&of), (at.parse().ok()?, codec::timing_from_json(&timing)?)))
    };
    let found = many_rows(db, "SELECT endpoint, address, what, at, timing FROM visit ORDER BY id", "a visit", read, understand)?;
    // Of equal keys the last one stays.
    let last = found.collect();
    Ok(Visits { keys, last })
}

const OBSERVATIONS: &str = "
    SELECT endpoint, address, what, place, at, timing, chain, issuers, tried, version, cipher, key_group, alpn, possession, unchecked,
        wants_client, stage, kind, kind_word, detail
    FROM observation ORDER BY endpoint, address, what";

/// A row of them.
struct RawSeen {
    /// Endpoint, address and what.
    of: [String; 3],
    place: String,
    at: String,
    timing: String,
    chain: String,
    issuers: String,
    tried: String,
    tls: Tls,
    possession: Option<String>,
    unchecked: Option<String>,
    wants_client_certificate: bool,
    stage: Option<String>,
    kind: Option<String>,
    kind_word: Option<String>,
    detail: Option<String>,
}

struct Seen {
    endpoint: String,
    place: Arc<str>,
    observation: Observation,
    issuers: Issuers,
}

impl RawSeen {
    fn read(row: &Row<'_>) -> Result<Self> {
        Ok(RawSeen {
            of: [row.get(0)?, row.get(1)?, row.get(2)?],
            place: row.get(3)?,
            at: row.get(4)?,
            timing: row.get(5)?,
            chain: row.get(6)?,
            issuers: row.get(7)?,
            tried: row.get(8)?,
            tls: Tls { version: row.get(9)?, cipher: row.get(10)?, group: row.get(11)?, alpn: row.get(12)?, stapled: None },
            possession: row.get(13)?,
            unchecked: row.get(14)?,
            wants_client_certificate: row.get(15)?,
            stage: row.get(16)?,
            kind: row.get(17)?,
            kind_word: row.get(18)?,
            detail: row.get(19)?,
        })
    }

    fn understood(self, certificates: &Certificates, visits: &Visits, agreed: &Mutex<HashSet<Arc<Tls>>>) -> Option<Seen> {
        let failure = match (self.stage, self.kind) {
            (Some(stage), Some(kind)) => Some(codec::failure(&stage, &kind, self.kind_word, self.detail.unwrap_or_default())?),
            _ => None,
        };
        let (at, timing) = match visits.last.get(&visits.keys.hash_one(&self.of)) {
            Some(last) => *last,
            None => (self.at.parse().ok()?, codec::timing_from_json(&self.timing)?),
        };
        let [endpoint, address, _] = self.of;
        let address: Option<IpAddr> = if address.is_empty() { None } else { Some(address.parse().ok()?) };
        let outcome = match Chain::new(look_up(&self.chain, certificates)?) {
            Some(chain) => Outcome::Handshake(Handshake {
                chain,
                tls: shared(self.tls, agreed),
                possession: codec::possession(&self.possession?, self.unchecked)?,
                wants_client_certificate: self.wants_client_certificate,
                broken_off: failure.map(Box::new),
            }),
            None => Outcome::Failure(failure?),
        };
        let observation = Observation { timing, ..Observation::new(address, at, outcome) };
        let issuers = Issuers { certificates: look_up(&self.issuers, certificates)?, tried: self.tried };
        Some(Seen { endpoint, place: self.place.into(), observation, issuers })
    }
}

/// One of all that are equal.
fn shared(tls: Tls, known: &Mutex<HashSet<Arc<Tls>>>) -> Arc<Tls> {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = known.get(&tls) {
        return Arc::clone(known);
    }
    let tls = Arc::new(tls);
    known.insert(Arc::clone(&tls));
    tls
}

fn look_up(fingerprints: &str, certificates: &Certificates) -> Option<Vec<Arc<Certificate>>> {
    let known = |hex: &String| certificates.get(&Fingerprint::from_hex(hex)?).cloned();
    codec::strings_from_json(fingerprints)?.iter().map(known).collect()
}

pub(super) fn moment(row: &Row<'_>, column: &str) -> Result<Option<Timestamp>> {
    Ok(row.get::<_, String>(column)?.parse().ok())
}
