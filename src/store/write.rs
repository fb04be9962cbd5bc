//! Records and mails to rows, within the transaction of the caller.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Result, ToSql, params};

use super::{Mail, codec, history, silences};
use crate::{
    certificate::Certificate,
    diagnosis::Judged,
    incident::{Incident, IncidentKey, Member},
    monitor::{Record, Refusal, Renewals, Tally},
    observation::{Handshake, Outcome},
};

/// Writes one record; says how many rows let go of certificates by it.
pub(super) fn record(db: &Connection, record: &Record) -> Result<usize> {
    match record {
        Record::Observed { endpoint, place, judged } => observed(db, endpoint, place, judged),
        Record::AddressGone { endpoint, address } => {
            let address = address.map(|ip| ip.to_string()).unwrap_or_default();
            run(db, "DELETE FROM observation WHERE endpoint = ?1 AND address = ?2", params![&**endpoint, address])
        }
        Record::EndpointGone(endpoint) => {
            run(db, "DELETE FROM member WHERE endpoint = ?1", params![&**endpoint])?;
            run(db, "DELETE FROM history WHERE endpoint = ?1", params![&**endpoint])?;
            run(db, "DELETE FROM renewals WHERE endpoint = ?1", params![&**endpoint])?;
            run(db, "DELETE FROM observation WHERE endpoint = ?1", params![&**endpoint])
        }
        Record::Incident(incident) => save_incident(db, incident).map(|()| 0),
        Record::IncidentGone(IncidentKey { topic, cause }) => {
            run(db, "DELETE FROM incident WHERE topic = ?1 AND cause = ?2", params![topic.name(), cause.to_string()]).map(|_| 0)
        }
        Record::Member(member) => save_member(db, member).map(|()| 0),
        Record::MemberGone { endpoint, key: IncidentKey { topic, cause } } => run(
            db,
            "DELETE FROM member WHERE endpoint = ?1 AND topic = ?2 AND cause = ?3",
            params![&**endpoint, topic.name(), cause.to_string()],
        )
        .map(|_| 0),
        Record::MailGone(id) => run(db, "DELETE FROM outbox WHERE id = ?1", params![id]).map(|_| 0),
        Record::Tally(Tally { recipient, day, mails, last, mended }) => run(
            db,
            "INSERT OR REPLACE INTO tally (recipient, day, mails, last, mended) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![recipient, day, mails, last.to_string(), codec::mended_to_json(mended)],
        )
        .map(|_| 0),
        Record::Refused(Refusal { recipient, at, why, instead }) => run(
            db,
            "INSERT OR REPLACE INTO refusal (recipient, at, why, instead) VALUES (?1, ?2, ?3, ?4)",
            params![recipient, at.to_string(), why, codec::strings_to_json(instead)],
        )
        .map(|_| 0),
        Record::RefusedNoMore(recipient) => run(db, "DELETE FROM refusal WHERE recipient = ?1", params![recipient]).map(|_| 0),
        Record::Renewed(Renewals { endpoint, place, last }) => run(
            db,
            "INSERT OR REPLACE INTO renewals (endpoint, place, last) VALUES (?1, ?2, ?3)",
            params![&**endpoint, &**place, codec::renewals_to_json(last)],
        )
        .map(|_| 0),
        Record::SilencedNoMore(id) => run(db, "DELETE FROM silence WHERE id = ?1", params![id]).map(|_| 0),
        Record::Silenced(silence) => silences::insert(db, silence).map(|()| 0),
        Record::Proven(at) => {
            run(db, "INSERT OR REPLACE INTO meta VALUES ('last_proof', ?1)", params![at.to_string()]).map(|_| 0)
        }
        Record::ShownAlive(at) => {
            run(db, "INSERT OR REPLACE INTO meta VALUES (?1, ?2)", params![SHOWN_ALIVE, at.to_string()]).map(|_| 0)
        }
        Record::FirstSweepDone => {
            run(db, "INSERT OR REPLACE INTO meta VALUES (?1, 'true')", params![FIRST_SWEEP_DONE]).map(|_| 0)
        }
    }
}

/// A mail for the outbox. The same id again is the same mail.
pub(super) fn mail(db: &Connection, mail: &Mail) -> Result<()> {
    run(
        db,
        "INSERT OR REPLACE INTO outbox (id, kind, recipient, at, message) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![mail.id, mail.kind.name(), mail.recipient, mail.at.to_string(), &mail.message[..]],
    )?;
    Ok(())
}

fn observed(db: &Connection, endpoint: &str, place: &str, judged: &Judged) -> Result<usize> {
    let observation = &judged.observation;
    let address = observation.address.map(|ip| ip.to_string()).unwrap_or_default();
    let (what, chain) = match &observation.outcome {
        Outcome::Handshake(Handshake { chain, .. }) => ("known", chain.iter().cloned().collect::<Vec<_>>()),
        Outcome::Failure(_) => ("failed", Vec::new()),
    };
    history::note(db, endpoint, judged)?;
    let (at, timing) = (observation.at.to_string(), codec::timing_to_json(&observation.timing));
    let sql = "INSERT INTO visit (endpoint, address, what, at, timing) VALUES (?1, ?2, ?3, ?4, ?5)";
    run(db, sql, params![endpoint, address, what, at, timing])?;

    let issuers = &judged.diagnosis.borrowed;
    let held = (fingerprints(&chain), fingerprints(&issuers.certificates));
    let handshake = observation.handshake();
    let tls = handshake.map(|handshake| Arc::clone(&handshake.tls)).unwrap_or_default();
    let possession = handshake.map(|handshake| codec::possession_parts(&handshake.possession));
    let wants_client = handshake.is_some_and(|handshake| handshake.wants_client_certificate);
    let failure = observation.failure();
    let seen: [&dyn ToSql; 18] = [
        &endpoint,
        &address,
        &what,
        &place,
        &held.0,
        &held.1,
        &issuers.tried,
        &tls.version,
        &tls.cipher,
        &tls.group,
        &tls.alpn,
        &possession.map(|(name, _)| name),
        &possession.and_then(|(_, reason)| reason),
        &wants_client,
        &failure.map(|failure| failure.stage.name()),
        &failure.map(|failure| failure.kind.name()),
        &failure.and_then(|failure| codec::kind_word(&failure.kind)),
        &failure.map(|failure| &failure.detail),
    ];
    // Most visits see what the last one saw: then no page of the large tables needs to be written.
    if db.prepare_cached(SEEN_BEFORE)?.exists(&seen[..])? {
        return Ok(0);
    }
    // What was seen at another place says nothing about this one, and shall not come back with the old configuration.
    let left = run(db, "DELETE FROM observation WHERE endpoint = ?1 AND place <> ?2", params![endpoint, place])?;
    let mut select =
        db.prepare_cached("SELECT chain, issuers FROM observation WHERE endpoint = ?1 AND address = ?2 AND what = ?3")?;
    let before: Option<(String, String)> =
        select.query_row(params![endpoint, address, what], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let unchanged = before.as_ref() == Some(&held);
    if !unchanged {
        for certificate in chain.iter().chain(&issuers.certificates) {
            let fingerprint = certificate.fingerprint.to_string();
            let sql = "INSERT OR IGNORE INTO certificate (fingerprint, der, signed_by) VALUES (?1, ?2, ?3)";
            let signed_by = certificate.signed_by().map(|issuer| issuer.to_string());
            run(db, sql, params![fingerprint, certificate.der(), signed_by])?;
        }
    }
    let sql =
        "INSERT OR REPLACE INTO observation (endpoint, address, what, place, chain, issuers, tried, version, cipher, key_group,
            alpn, possession, unchecked, wants_client, stage, kind, kind_word, detail, at, timing)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)";
    let moment: [&dyn ToSql; 2] = [&at, &timing];
    run(db, sql, &[&seen[..], &moment[..]].concat()[..])?;
    if what == "known" {
        let sql = "DELETE FROM observation WHERE endpoint = ?1 AND address = ?2 AND what = 'failed'";
        run(db, sql, params![endpoint, address])?;
    }
    Ok(left + usize::from(before.is_some() && !unchanged))
}

fn save_incident(db: &Connection, incident: &Incident) -> Result<()> {
    let Incident { id, key, since, told, acknowledged, declined } = incident;
    run(
        db,
        "INSERT OR REPLACE INTO incident (topic, cause, id, since, told, answers) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            key.topic.name(),
            key.cause.to_string(),
            id,
            since.to_string(),
            codec::told_to_json(told),
            codec::answers_to_json(acknowledged.as_ref(), declined),
        ],
    )?;
    Ok(())
}

fn save_member(db: &Connection, member: &Member) -> Result<()> {
    run(
        db,
        "INSERT OR REPLACE INTO member
            (endpoint, topic, cause, code, severity, state, summary, addresses, since, last_seen, heard)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            &*member.endpoint,
            member.key.topic.name(),
            member.key.cause.to_string(),
            member.code,
            member.rank(),
            codec::state_text(member.state),
            member.summary,
            codec::strings_to_json(&member.addresses),
            member.since.to_string(),
            member.last_seen.to_string(),
            codec::strings_to_json(&member.heard),
        ],
    )?;
    Ok(())
}

fn fingerprints(certificates: &[Arc<Certificate>]) -> String {
    codec::strings_to_json(&certificates.iter().map(|certificate| certificate.fingerprint.to_string()).collect::<Vec<_>>())
}

fn run(db: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<usize> {
    db.prepare_cached(sql)?.execute(values)
}

/// Keys in `meta`.
pub(super) const SHOWN_ALIVE: &str = "shown_alive";
pub(super) const FIRST_SWEEP_DONE: &str = "first_sweep_done";

/// Whether what was seen stands there already, and nothing that this visit has put an end to.
const SEEN_BEFORE: &str = "
    SELECT 1 FROM observation
    WHERE endpoint = ?1 AND address = ?2 AND what = ?3 AND place = ?4 AND chain = ?5 AND issuers = ?6 AND tried = ?7
        AND version = ?8 AND cipher = ?9 AND key_group = ?10 AND alpn IS ?11 AND possession IS ?12 AND unchecked IS ?13
        AND wants_client = ?14 AND stage IS ?15 AND kind IS ?16 AND kind_word IS ?17 AND detail IS ?18
        AND NOT EXISTS (
            SELECT 1 FROM observation
            WHERE endpoint = ?1 AND (place <> ?4 OR ?3 = 'known' AND address = ?2 AND what = 'failed')
        )";
