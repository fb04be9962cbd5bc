//! What addresses have shown, change by change: bounded, and read when somebody asks.

use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};

use super::{Settings, StoreError, codec, database::Database, read};
use crate::{
    certificate::Fingerprint,
    clock::{earlier, rfc3339},
    diagnosis::{Judged, Status},
    monitor::Chapter,
};

/// Everything that is remembered of this endpoint, the latest first, from the state of a daemon that has run before, whether it
/// runs now or not. Blocks.
pub fn history(settings: &Settings, endpoint: &str) -> std::result::Result<Vec<Chapter>, StoreError> {
    let (connection, path) = Database::of_any_daemon(&settings.directory)?;
    of(&connection, endpoint).map_err(|error| StoreError::of(&path, &error))
}

/// Everything that is remembered of this endpoint, the latest first.
pub(super) fn of(db: &Connection, endpoint: &str) -> Result<Vec<Chapter>> {
    let sql = "SELECT * FROM history WHERE endpoint = ?1 ORDER BY since DESC, address";
    read::rows_of(db, sql, [endpoint], "a change of an endpoint", understood)
}

/// Notes what a visit saw, where that is a change.
pub(super) fn note(db: &Connection, endpoint: &str, judged: &Judged) -> Result<()> {
    let chapter = Chapter::of(judged);
    let address = address_text(&chapter);
    let mut last = db.prepare_cached("SELECT * FROM history WHERE endpoint = ?1 AND address = ?2 ORDER BY since DESC LIMIT 1")?;
    // What this version cannot understand is followed by what it can.
    let before = last.query_row(params![endpoint, address], |row| Ok(understood(row).unwrap_or_default())).optional()?.flatten();
    if before.is_some_and(|before| chapter.continues(&before)) {
        return Ok(());
    }
    let (leaf, end) = chapter.leaf.map_or((None, None), |(leaf, end)| (Some(leaf.to_string()), end.map(rfc3339)));
    let since = rfc3339(chapter.since);
    db.prepare_cached(
        "INSERT OR REPLACE INTO history (endpoint, address, since, status, findings, leaf, not_after)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        endpoint,
        address,
        since,
        chapter.status.name(),
        codec::strings_to_json(&chapter.findings),
        leaf,
        end
    ])?;
    let oldest = rfc3339(earlier(chapter.since, KEPT));
    db.prepare_cached(
        "DELETE FROM history WHERE endpoint = ?1 AND (since < ?2 OR since <
            (SELECT since FROM history WHERE endpoint = ?1 ORDER BY since DESC LIMIT 1 OFFSET ?3))",
    )?
    .execute(params![endpoint, oldest, MOST - 1])?;
    Ok(())
}

fn address_text(chapter: &Chapter) -> String {
    chapter.address.map(|ip| ip.to_string()).unwrap_or_default()
}

fn understood(row: &Row<'_>) -> Result<Option<Chapter>> {
    let address: String = row.get("address")?;
    let (status, findings): (String, String) = (row.get("status")?, row.get("findings")?);
    let (leaf, end): (Option<String>, Option<String>) = (row.get("leaf")?, row.get("not_after")?);
    let since = read::moment(row, "since")?;
    let understand = || {
        Some(Chapter {
            address: if address.is_empty() { None } else { Some(address.parse().ok()?) },
            since: since?,
            status: Status::ALL.into_iter().find(|known| known.name() == status)?,
            findings: codec::strings_from_json(&findings)?,
            leaf: match leaf {
                Some(leaf) => Some((Fingerprint::from_hex(&leaf)?, end.and_then(|end| end.parse().ok()))),
                None => None,
            },
        })
    };
    Ok(understand())
}

/// So many changes of an endpoint are kept.
const MOST: i64 = 200;
/// And none for longer than two years.
const KEPT: std::time::Duration = std::time::Duration::from_hours(2 * 365 * 24);
