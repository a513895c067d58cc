//! Installation status: what phones did with a pass, folded by the connector.
//!
//! Owns the version check, that a signal counts once, and that one which is written is folded sometime: it is an effect that is wanted. Does
//! not own what a status means: it is JSON here.

use passerelle_flow::identity::{PassId, TenantId};
use passerelle_flow::store::{EffectKind, Installation, PendingSignal, SignalKey, SignalKind};

use crate::{Connection, Fault, column, effects, params, statement};

pub fn installation(conn: &dyn Connection, tenant: &TenantId, pass: &PassId) -> Result<Option<Installation>, Fault> {
    let sql = "SELECT version, body FROM installation WHERE tenant = ?1 AND pass = ?2";
    statement::one(conn, sql, params![tenant.as_str(), pass.as_str()], |row| {
        Ok(Installation { version: row.get(0)?, body: row.get(1)? })
    })
}

/// Writes a signal that is to be folded, and wants the fold. One that is there already says nothing new.
pub(crate) fn pend(
    conn: &dyn Connection,
    tenant: &TenantId,
    pass: &PassId,
    key: &SignalKey,
    kind: SignalKind,
    active: u32,
) -> Result<(), Fault> {
    let written = conn.run(
        "INSERT INTO signal(tenant, source, event, pass, at, kind, active, folded) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, 0) \
         ON CONFLICT DO NOTHING",
        params![
            tenant.as_str(),
            &key.source,
            &key.event,
            pass.as_str(),
            key.at,
            column::of_signal_kind(kind),
            i64::from(active)
        ],
    )?;
    if written == 0 {
        return Ok(());
    }
    effects::want(conn, tenant, EffectKind::Installation, pass.as_str(), None, key.at)
}

pub fn pending(
    conn: &dyn Connection,
    tenant: &TenantId,
    pass: &PassId,
    limit: u32,
) -> Result<Vec<PendingSignal>, Fault> {
    statement::all(
        conn,
        "SELECT source, event, at, kind, active FROM signal WHERE tenant = ?1 AND pass = ?2 AND folded = 0 \
         ORDER BY at, event LIMIT ?3",
        params![tenant.as_str(), pass.as_str(), limit],
        |row| {
            let active = u32::try_from(row.get::<i64>(4)?).map_err(|_| Fault::Corrupt("signal.active"))?;
            let key = SignalKey { source: row.get(0)?, event: row.get(1)?, at: row.get(2)? };
            Ok(PendingSignal { key, kind: column::signal_kind(row.get(3)?)?, active })
        },
    )
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
    let sql = "SELECT 1 FROM signal WHERE tenant = ?1 AND source = ?2 AND event = ?3 AND folded = 1";
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
        // Somebody else has folded it since it was asked for: the fold must be done again without it.
        if counted(conn, tenant, key)? {
            return Ok(false);
        }
    }
    for key in signals {
        conn.run(
            "INSERT INTO signal(tenant, source, event, pass, at, folded) VALUES(?1, ?2, ?3, ?4, ?5, 1) \
             ON CONFLICT(tenant, source, event) DO UPDATE SET folded = 1",
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
