//! Installation status: what was told of a pass in a wallet, folded by the connector.
//!
//! Owns the version check, that a signal counts once, and that one which is written is folded sometime: it is an effect that is wanted. Does
//! not own what a status means: it is JSON here.

use passerelle_flow::identity::{Millis, PassId, TenantId};
use passerelle_flow::store::{EffectKind, Installation, InstallationWrite, PendingSignal, SignalKey, Wallets};

use crate::{Connection, Fault, column, effects, happenings, params, statement, tally};

pub fn installation(conn: &dyn Connection, tenant: &TenantId, pass: &PassId) -> Result<Option<Installation>, Fault> {
    let sql = "SELECT version, body FROM installation WHERE tenant = ?1 AND pass = ?2";
    statement::one(conn, sql, params![tenant.as_str(), pass.as_str()], |row| {
        Ok(Installation { version: row.get(0)?, body: row.get(1)? })
    })
}

/// Writes a signal that is to be folded, and wants the fold. False: it is there already, and says nothing new.
pub fn signal(
    conn: &dyn Connection,
    tenant: &TenantId,
    pass: &PassId,
    signal: &PendingSignal,
    fold_at: Millis,
) -> Result<bool, Fault> {
    let written = conn.run(
        "INSERT INTO signal(tenant, source, event, pass, at, wallet, kind, active, folded) \
         VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0) ON CONFLICT DO NOTHING",
        params![
            tenant.as_str(),
            &signal.key.source,
            &signal.key.event,
            pass.as_str(),
            signal.key.at,
            column::of_wallet(signal.wallet),
            column::of_signal_kind(signal.kind),
            signal.active.map(i64::from)
        ],
    )?;
    if written == 0 {
        return Ok(false);
    }
    effects::want(conn, tenant, EffectKind::Installation, pass.as_str(), None, fold_at)?;
    Ok(true)
}

pub fn pending(
    conn: &dyn Connection,
    tenant: &TenantId,
    pass: &PassId,
    limit: u32,
) -> Result<Vec<PendingSignal>, Fault> {
    statement::all(
        conn,
        "SELECT source, event, at, wallet, kind, active FROM signal WHERE tenant = ?1 AND pass = ?2 AND folded = 0 \
         ORDER BY at, event LIMIT ?3",
        params![tenant.as_str(), pass.as_str(), limit],
        |row| {
            let active = row.get::<Option<i64>>(5)?.map(u32::try_from).transpose();
            Ok(PendingSignal {
                key: SignalKey { source: row.get(0)?, event: row.get(1)?, at: row.get(2)? },
                wallet: column::wallet(row.get(3)?)?,
                kind: column::signal_kind(row.get(4)?)?,
                active: active.map_err(|_| Fault::Corrupt("signal.active"))?,
            })
        },
    )
}

pub fn save(conn: &dyn Connection, write: &InstallationWrite) -> Result<bool, Fault> {
    let (tenant, pass) = (&write.tenant, &write.pass);
    if installation(conn, tenant, pass)?.map_or(0, |known| known.version) != write.expected {
        return Ok(false);
    }
    for key in &write.signals {
        let sql = "SELECT 1 FROM signal WHERE tenant = ?1 AND source = ?2 AND event = ?3 AND folded = 0";
        let params = params![tenant.as_str(), &key.source, &key.event];
        if statement::one(conn, sql, params, |_| Ok(()))?.is_none() {
            return Ok(false);
        }
    }
    for key in &write.signals {
        let sql = "UPDATE signal SET folded = 1 WHERE tenant = ?1 AND source = ?2 AND event = ?3";
        conn.run(sql, params![tenant.as_str(), &key.source, &key.event])?;
    }
    conn.run(
        "INSERT INTO installation(tenant, pass, version, body, changed_at) VALUES(?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT(tenant, pass) DO UPDATE SET version = excluded.version, body = excluded.body, \
         changed_at = excluded.changed_at",
        params![tenant.as_str(), pass.as_str(), write.expected.saturating_add(1), &write.body, write.changed_at],
    )?;
    let wallets = Wallets::of(write.apple_since.is_some(), write.google_since.is_some()).as_str();
    let before = tally::standing(conn, tenant, pass)?;
    conn.run(
        "UPDATE pass SET wallets = ?3, apple_since = CASE WHEN ?4 IS NOT NULL THEN coalesce(apple_since, ?4) END, \
         google_since = CASE WHEN ?5 IS NOT NULL THEN coalesce(google_since, ?5) END WHERE tenant = ?1 AND id = ?2",
        params![tenant.as_str(), pass.as_str(), wallets, write.apple_since, write.google_since],
    )?;
    if let Some(before) = before {
        tally::moved(conn, tenant, pass, &before, false, write.now)?;
    }
    happenings::record(conn, tenant, &write.happenings, write.now)?;
    for (wanted, kind) in
        [(write.references, EffectKind::SecutixReferences), (write.printed, EffectKind::SecutixPrinted)]
    {
        if wanted {
            effects::want(conn, tenant, kind, pass.as_str(), None, write.now)?;
        }
    }
    Ok(true)
}
