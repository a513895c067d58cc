//! Apple devices: who has which pass, and how they are told.
//!
//! Owns registrations and push tokens, and that each change of a registration is signalled in the same transaction. A device without a
//! registration is forgotten: it is personal data, and nobody needs it any more.

use passerelle_contract::types::Wallet;
use passerelle_flow::identity::{Millis, PassId, TenantId};
use passerelle_flow::store::{
    Device, EffectKind, PendingSignal, Register, Registered, SignalKey, SignalKind, UpdatedSince,
};

use crate::{Connection, Fault, column, effects, installations, params, passes, statement, vibes};

pub fn register(conn: &dyn Connection, register: &Register) -> Result<Registered, Fault> {
    let tenant = &register.tenant;
    // The phone has just told this token, so a 410 from before says nothing about it, even when the token is the same.
    conn.run(
        "INSERT INTO device(tenant, id, push_mac, push_sealed, push_since) VALUES(?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT(tenant, id) DO UPDATE SET push_mac = excluded.push_mac, push_sealed = excluded.push_sealed, \
         push_since = max(device.push_since, excluded.push_since)",
        params![tenant.as_str(), &register.device, &register.push_mac, &register.push_sealed, register.now],
    )?;
    let created = conn.run(
        "INSERT INTO registration(tenant, device, pass, created_at, tag) VALUES(?1, ?2, ?3, ?4, 0) ON CONFLICT DO NOTHING",
        params![tenant.as_str(), &register.device, register.pass.as_str(), register.now],
    )? == 1;
    let active = active(conn, tenant, &register.pass)?;
    if created {
        catch_up(conn, register)?;
        let signal = told(conn, tenant, &register.pass, &register.signal, SignalKind::Installed, active)?;
        installations::signal(conn, tenant, &register.pass, &signal, register.now)?;
    }
    Ok(Registered { created, active })
}

/// A package is downloaded first and registered for later, be it a second or a month. Nobody knows which version this device has, so unless there
/// has been only one it is told, under a tag of its own: the device's list may be beyond the pass's. One that has the newest is answered 304.
fn catch_up(conn: &dyn Connection, register: &Register) -> Result<(), Fault> {
    let tenant = &register.tenant;
    if !passes::has_changed(conn, tenant, &register.pass)? {
        return Ok(());
    }
    let tag = passes::next_tag(conn, tenant)?;
    let sql = "UPDATE registration SET tag = ?4 WHERE tenant = ?1 AND device = ?2 AND pass = ?3";
    conn.run(sql, params![tenant.as_str(), &register.device, register.pass.as_str(), tag])?;
    effects::want(conn, tenant, EffectKind::ApplePush, &register.device, Some(tag), register.now)
}

/// Registrations are Apple's. The count is of this transaction, so its time must be after that of every count before it: calls that come at the same
/// moment are committed in an order of their own, and Apple's word that a device is gone is of an earlier time.
fn told(
    conn: &dyn Connection,
    tenant: &TenantId,
    pass: &PassId,
    key: &SignalKey,
    kind: SignalKind,
    active: u32,
) -> Result<PendingSignal, Fault> {
    let sql = "SELECT coalesce(max(at) + 1, 0) FROM signal WHERE tenant = ?1 AND pass = ?2 AND wallet = ?3";
    let next = statement::number(conn, sql, params![tenant.as_str(), pass.as_str(), column::of_wallet(Wallet::Apple)])?;
    let key = SignalKey { at: key.at.max(next), ..key.clone() };
    Ok(PendingSignal { key, wallet: Wallet::Apple, kind, active: Some(active) })
}

/// Those that Vibes gave it to count as well: one wallet, two who fill it.
fn active(conn: &dyn Connection, tenant: &TenantId, pass: &PassId) -> Result<u32, Fault> {
    let elsewhere = vibes::active(conn, tenant, pass, Wallet::Apple)?;
    Ok(registered(conn, tenant, pass)?.saturating_add(elsewhere))
}

/// Registrations of the pass with us.
pub(crate) fn registered(conn: &dyn Connection, tenant: &TenantId, pass: &PassId) -> Result<u32, Fault> {
    let sql = "SELECT count(*) FROM registration WHERE tenant = ?1 AND pass = ?2";
    let count = statement::number(conn, sql, params![tenant.as_str(), pass.as_str()])?;
    u32::try_from(count).map_err(|_| Fault::Corrupt("a count of registrations"))
}

pub fn unregister(
    conn: &dyn Connection,
    tenant: &TenantId,
    device: &str,
    pass: &PassId,
    signal: &SignalKey,
    fold_at: Millis,
) -> Result<Option<u32>, Fault> {
    let sql = "DELETE FROM registration WHERE tenant = ?1 AND device = ?2 AND pass = ?3";
    if conn.run(sql, params![tenant.as_str(), device, pass.as_str()])? == 0 {
        return Ok(None);
    }
    let sql = "SELECT count(*) FROM registration WHERE tenant = ?1 AND device = ?2";
    if statement::number(conn, sql, params![tenant.as_str(), device])? == 0 {
        forget(conn, tenant, device)?;
    }
    let active = active(conn, tenant, pass)?;
    let signal = told(conn, tenant, pass, signal, SignalKind::Removed, active)?;
    installations::signal(conn, tenant, pass, &signal, fold_at)?;
    Ok(Some(active))
}

/// Deletes the device and the push that waits for it. One that is being sent ends by itself: it finds no device.
fn forget(conn: &dyn Connection, tenant: &TenantId, device: &str) -> Result<(), Fault> {
    conn.run("DELETE FROM device WHERE tenant = ?1 AND id = ?2", params![tenant.as_str(), device])?;
    conn.run(
        "DELETE FROM effect WHERE tenant = ?1 AND kind = ?2 AND target = ?3 AND state <> 'leased'",
        params![tenant.as_str(), column::of_effect_kind(EffectKind::ApplePush), device],
    )
    .map(drop)
}

pub fn device(conn: &dyn Connection, tenant: &TenantId, device: &str) -> Result<Option<Device>, Fault> {
    let sql = "SELECT push_sealed, push_since FROM device WHERE tenant = ?1 AND id = ?2";
    statement::one(conn, sql, params![tenant.as_str(), device], |row| {
        Ok(Device { push_sealed: row.get(0)?, push_since: row.get(1)? })
    })
}

pub fn forget_device(
    conn: &dyn Connection,
    tenant: &TenantId,
    id: &str,
    at: Millis,
    source: &str,
) -> Result<Vec<(PassId, u32)>, Fault> {
    match device(conn, tenant, id)? {
        Some(known) if known.push_since <= at => {}
        _ => return Ok(Vec::new()),
    }
    let passes = statement::all(
        conn,
        "DELETE FROM registration WHERE tenant = ?1 AND device = ?2 RETURNING pass",
        params![tenant.as_str(), id],
        |row| column::pass_id(row.get(0)?),
    )?;
    forget(conn, tenant, id)?;
    let mut left = Vec::new();
    for pass in passes {
        let active = active(conn, tenant, &pass)?;
        // The same answer of the push service says it of each pass once.
        let event = format!("gone/{id}/{pass}/{at}");
        let signal = SignalKey { source: source.to_owned(), event, at };
        let signal = told(conn, tenant, &pass, &signal, SignalKind::InferredRemoval, active)?;
        installations::signal(conn, tenant, &pass, &signal, at)?;
        left.push((pass, active));
    }
    left.sort();
    Ok(left)
}

pub fn updated_since(
    conn: &dyn Connection,
    tenant: &TenantId,
    device: &str,
    tag: Option<i64>,
) -> Result<UpdatedSince, Fault> {
    // Tags begin at 1.
    let after = tag.unwrap_or(0);
    let list = passes::of_device_since(conn, tenant, device, after)?;
    let tag = list.last().map_or(after, |(_, tag)| *tag);
    Ok(UpdatedSince { serials: list.into_iter().map(|(pass, _)| pass).collect(), tag })
}
