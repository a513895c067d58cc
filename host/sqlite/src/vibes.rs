//! Devices of passes that Vibes gives out: on each the newest event counts, and a wallet has what one of them has.
//!
//! Owns the count, and that a signal with it is written in the same transaction. Does not own the fold of signals (the connector's).

use passerelle_contract::types::Wallet;
use passerelle_flow::identity::{Millis, PassId, TenantId};
use passerelle_flow::store::{InstanceEvent, InstanceLook, PendingSignal, SignalKey, SignalKind};

use crate::{Connection, Fault, column, devices, installations, params, statement};

/// The instance of a look, which names no device. Others are MACs, and longer.
const SOMEBODY: &str = "somebody";

/// What is known of all devices of a pass in one wallet.
struct Known {
    /// Time of the newest event; none: there was none.
    newest: Option<Millis>,
    /// Rises with every event.
    revision: i64,
    active: u32,
}

pub fn event(conn: &dyn Connection, tenant: &TenantId, event: &InstanceEvent, fold_at: Millis) -> Result<bool, Fault> {
    let (pass, wallet, key) = (&event.pass, event.wallet, &event.key);
    let sql = "SELECT 1 FROM signal WHERE tenant = ?1 AND source = ?2 AND event = ?3";
    if statement::one(conn, sql, params![tenant.as_str(), &key.source, &key.event], |_| Ok(()))?.is_some() {
        return Ok(false);
    }
    let before = known(conn, tenant, pass, wallet)?;
    let revision = before.revision.saturating_add(1);
    // A device that is named speaks for itself: what a look believed of somebody before is not counted beside it.
    conn.run(
        "UPDATE vibes_instance SET installed = 0 WHERE tenant = ?1 AND pass = ?2 AND wallet = ?3 AND instance = ?4 AND at <= ?5",
        params![tenant.as_str(), pass.as_str(), column::of_wallet(wallet), SOMEBODY, key.at],
    )?;
    keep(conn, tenant, event, revision)?;
    let after = known(conn, tenant, pass, wallet)?;
    let active_now = after.active.saturating_add(ours(conn, tenant, pass, wallet)?);
    let kind = if event.installed { SignalKind::Installed } else { SignalKind::Removed };
    let late = before.newest.filter(|newest| key.at <= *newest);
    let active = if late.is_some() { None } else { Some(active_now) };
    let signal = PendingSignal { key: key.clone(), wallet, kind, active };
    installations::signal(conn, tenant, pass, &signal, fold_at)?;
    if let Some(newest) = late {
        // Behind every identifier of an event, and behind all counts before it: at the same time the last in order wins.
        let event = format!("~{revision:010}/{pass}/{}", column::of_wallet(wallet));
        let key = SignalKey { source: format!("{}-count", key.source), event, at: newest };
        let kind = if active_now > 0 { SignalKind::Present } else { SignalKind::Absent };
        let signal = PendingSignal { key, wallet, kind, active: Some(active_now) };
        installations::signal(conn, tenant, pass, &signal, fold_at)?;
    }
    Ok(true)
}

pub fn look(conn: &dyn Connection, tenant: &TenantId, look: &InstanceLook, fold_at: Millis) -> Result<bool, Fault> {
    let (pass, wallet, key) = (&look.pass, look.wallet, &look.key);
    let known = known(conn, tenant, pass, wallet)?;
    let settled = known.newest.is_none_or(|newest| newest <= look.settled);
    if look.installed == (known.active > 0) || !(settled || look.installed) {
        return Ok(false);
    }
    if look.installed {
        let event = InstanceEvent {
            pass: pass.clone(),
            wallet,
            instance: SOMEBODY.to_owned(),
            key: key.clone(),
            installed: true,
        };
        keep(conn, tenant, &event, known.revision.saturating_add(1))?;
    } else {
        conn.run(
            "UPDATE vibes_instance SET installed = 0, at = ?4, event = ?5 WHERE tenant = ?1 AND pass = ?2 AND wallet = ?3 AND at <= ?4",
            params![tenant.as_str(), pass.as_str(), column::of_wallet(wallet), key.at, &key.event],
        )?;
    }
    let kind = if look.installed { SignalKind::Present } else { SignalKind::Absent };
    let active = u32::from(look.installed).saturating_add(ours(conn, tenant, pass, wallet)?);
    let signal = PendingSignal { key: key.clone(), wallet, kind, active: Some(active) };
    installations::signal(conn, tenant, pass, &signal, fold_at)
}

/// The newest event of a device stays, whichever comes last; of two at the same time (Vibes writes some times to the minute) the removal, since an
/// installation that has ended is over. The revision is the event's in any case.
fn keep(conn: &dyn Connection, tenant: &TenantId, event: &InstanceEvent, revision: i64) -> Result<(), Fault> {
    conn.run(
        "INSERT INTO vibes_instance(tenant, pass, wallet, instance, at, event, installed, revision) \
         VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(tenant, pass, wallet, instance) DO UPDATE SET \
         revision = excluded.revision, \
         installed = CASE WHEN (excluded.at, 1 - excluded.installed, excluded.event) > \
         (vibes_instance.at, 1 - vibes_instance.installed, vibes_instance.event) \
                     THEN excluded.installed ELSE vibes_instance.installed END, \
         event = CASE WHEN (excluded.at, 1 - excluded.installed, excluded.event) > \
         (vibes_instance.at, 1 - vibes_instance.installed, vibes_instance.event) \
                 THEN excluded.event ELSE vibes_instance.event END, \
         at = max(vibes_instance.at, excluded.at)",
        params![
            tenant.as_str(),
            event.pass.as_str(),
            column::of_wallet(event.wallet),
            &event.instance,
            event.key.at,
            &event.key.event,
            i64::from(event.installed),
            revision
        ],
    )
    .map(drop)
}

/// Devices that Vibes knows to have it.
pub(crate) fn active(conn: &dyn Connection, tenant: &TenantId, pass: &PassId, wallet: Wallet) -> Result<u32, Fault> {
    Ok(known(conn, tenant, pass, wallet)?.active)
}

/// Devices that have it from us, where they are counted.
fn ours(conn: &dyn Connection, tenant: &TenantId, pass: &PassId, wallet: Wallet) -> Result<u32, Fault> {
    match wallet {
        Wallet::Apple => devices::registered(conn, tenant, pass),
        Wallet::Google => Ok(0),
    }
}

fn known(conn: &dyn Connection, tenant: &TenantId, pass: &PassId, wallet: Wallet) -> Result<Known, Fault> {
    let found = statement::one(
        conn,
        "SELECT max(at), coalesce(max(revision), 0), \
         coalesce(sum(CASE WHEN instance <> ?4 THEN installed ELSE 0 END), 0), \
         coalesce(sum(CASE WHEN instance = ?4 THEN installed ELSE 0 END), 0) FROM vibes_instance \
         WHERE tenant = ?1 AND pass = ?2 AND wallet = ?3",
        params![tenant.as_str(), pass.as_str(), column::of_wallet(wallet), SOMEBODY],
        |row| {
            // Somebody is one of those who are named, as long as one is.
            let active = row.get::<i64>(2)?.max(row.get::<i64>(3)?);
            let active = u32::try_from(active).map_err(|_| Fault::Corrupt("vibes_instance.installed"))?;
            Ok(Known { newest: row.get(0)?, revision: row.get(1)?, active })
        },
    )?;
    Ok(found.unwrap_or(Known { newest: None, revision: 0, active: 0 }))
}
