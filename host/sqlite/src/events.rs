//! Facts of events: versions, witnesses, and which classes show them.
//!
//! Owns the rule by which a fetch may replace what another has shown. Does not own who is told (`finish`, `effects`).

use std::cmp::Ordering;

use passerelle_flow::identity::{PassId, TenantId};
use passerelle_flow::store::{EventWrite, StoredEvent};

use crate::{Connection, Fault, Row, params, statement};

/// `SELECT` of a [`StoredEvent`], ended by the given clauses.
macro_rules! select_event {
    ($rest:literal) => {
        concat!("SELECT e.key, e.version, e.body, e.digest, e.observed_at, e.witnesses, e.ends_at FROM event e ", $rest)
    };
}

fn read(row: &dyn Row) -> Result<StoredEvent, Fault> {
    Ok(StoredEvent {
        key: row.get(0)?,
        version: row.get(1)?,
        body: row.get(2)?,
        digest: row.get(3)?,
        observed_at: row.get(4)?,
        witnesses: row.get(5)?,
        ends_at: row.get(6)?,
    })
}

/// Records what a fetch showed. True: the event has another version now.
pub(crate) fn save(conn: &dyn Connection, tenant: &TenantId, write: &EventWrite) -> Result<bool, Fault> {
    let sql = select_event!("WHERE e.tenant = ?1 AND e.key = ?2");
    let known = statement::one(conn, sql, params![tenant.as_str(), &write.key], read)?;
    let (version, witnesses) = match &known {
        None => (1, 1),
        Some(known) if known.digest == write.digest => (known.version, known.witnesses.saturating_add(1)),
        Some(known) if write.observed_at > known.observed_at => (known.version.saturating_add(1), 1),
        // An older fetch, or one of the same moment, never overwrites.
        Some(_) => return Ok(false),
    };
    let newest = known.as_ref().is_none_or(|known| write.observed_at >= known.observed_at);
    let (observed_at, ends_at) = match &known {
        Some(known) if !newest => (known.observed_at, known.ends_at),
        _ => (write.observed_at, write.ends_at),
    };
    conn.run(
        "INSERT INTO event(tenant, key, version, body, digest, observed_at, witnesses, ends_at) \
         VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(tenant, key) DO UPDATE SET version = excluded.version, \
         body = excluded.body, digest = excluded.digest, observed_at = excluded.observed_at, \
         witnesses = excluded.witnesses, ends_at = excluded.ends_at",
        params![tenant.as_str(), &write.key, version, &write.body, &write.digest, observed_at, witnesses, ends_at],
    )?;
    let before = known.map_or(0, |known| known.version);
    Ok(version.cmp(&before) == Ordering::Greater)
}

/// The events that a pass shows, in its order; those that are known.
pub(crate) fn of_pass(conn: &dyn Connection, tenant: &TenantId, pass: &PassId) -> Result<Vec<StoredEvent>, Fault> {
    let sql = select_event!(
        "JOIN pass_event s ON s.tenant = e.tenant AND s.event = e.key WHERE s.tenant = ?1 AND s.pass = ?2 ORDER BY s.position"
    );
    statement::all(conn, sql, params![tenant.as_str(), pass.as_str()], read)
}

/// The events that the passes of a file show, each once.
pub(crate) fn of_file(conn: &dyn Connection, tenant: &TenantId, file: &str) -> Result<Vec<StoredEvent>, Fault> {
    let sql = select_event!(
        "WHERE e.tenant = ?1 AND e.key IN (SELECT s.event FROM pass p JOIN pass_event s ON s.tenant = p.tenant \
         AND s.pass = p.id WHERE p.tenant = ?1 AND p.file = ?2) ORDER BY e.key"
    );
    statement::all(conn, sql, params![tenant.as_str(), file], read)
}

/// The Google classes of the passes that show the event: one probe of the index for each class, however many passes it has.
pub(crate) fn classes(conn: &dyn Connection, tenant: &TenantId, event: &str) -> Result<Vec<String>, Fault> {
    let mut classes: Vec<String> = Vec::new();
    loop {
        let after = classes.last().map_or("", String::as_str);
        let sql = "SELECT min(google_class) FROM pass_event WHERE tenant = ?1 AND event = ?2 AND google_class > ?3";
        let params = params![tenant.as_str(), event, after];
        match statement::one(conn, sql, params, |row| row.get::<Option<String>>(0))?.flatten() {
            Some(next) => classes.push(next),
            None => return Ok(classes),
        }
    }
}
