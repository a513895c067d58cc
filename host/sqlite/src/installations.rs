//! Installation status: what phones did with a pass, folded by the connector.
//!
//! Owns the version check, and that a signal counts once. Does not own what a status means: it is JSON here.

use passerelle_flow::identity::{PassId, TenantId};
use passerelle_flow::store::{Installation, SignalKey};

use crate::{Connection, Fault, params, statement};

pub fn installation(conn: &dyn Connection, tenant: &TenantId, pass: &PassId) -> Result<Option<Installation>, Fault> {
    let sql = "SELECT version, body FROM installation WHERE tenant = ?1 AND pass = ?2";
    statement::one(conn, sql, params![tenant.as_str(), pass.as_str()], |row| {
        Ok(Installation { version: row.get(0)?, body: row.get(1)? })
    })
}

pub fn new_signals(conn: &dyn Connection, tenant: &TenantId, keys: &[SignalKey]) -> Result<Vec<SignalKey>, Fault> {
    let mut new: Vec<SignalKey> = Vec::new();
    for key in keys {
        let twice = new.iter().any(|other| (&other.source, &other.event) == (&key.source, &key.event));
        if !twice && !counted(conn, tenant, key)? {
            new.push(key.clone());
        }
    }
    Ok(new)
}

fn counted(conn: &dyn Connection, tenant: &TenantId, key: &SignalKey) -> Result<bool, Fault> {
    let sql = "SELECT 1 FROM signal WHERE tenant = ?1 AND source = ?2 AND event = ?3";
    Ok(statement::one(conn, sql, params![tenant.as_str(), &key.source, &key.event], |_| Ok(()))?.is_some())
}

pub fn save(
    conn: &dyn Connection,
    tenant: &TenantId,
    pass: &PassId,
    expected: i64,
    body: &str,
    signals: &[SignalKey],
) -> Result<bool, Fault> {
    if installation(conn, tenant, pass)?.map_or(0, |known| known.version) != expected {
        return Ok(false);
    }
    for key in signals {
        // Somebody else has counted it since it was asked for: the fold must be done again without it.
        if counted(conn, tenant, key)? {
            return Ok(false);
        }
    }
    for key in signals {
        conn.run(
            "INSERT INTO signal(tenant, source, event, pass, at) VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            params![tenant.as_str(), &key.source, &key.event, pass.as_str(), key.at],
        )?;
    }
    conn.run(
        "INSERT INTO installation(tenant, pass, version, body) VALUES(?1, ?2, ?3, ?4) \
         ON CONFLICT(tenant, pass) DO UPDATE SET version = excluded.version, body = excluded.body",
        params![tenant.as_str(), pass.as_str(), expected.saturating_add(1), body],
    )?;
    Ok(true)
}
