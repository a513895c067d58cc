//! Endpoints of others that are told what happens.
//!
//! Owns the rows, and that one which is switched off gives up what waits for it. Does not own what an endpoint may be
//! (`passerelle_flow::webhook`) nor its deliveries.

use passerelle_flow::identity::{Millis, TenantId};
use passerelle_flow::store::{DisabledFor, Webhook, WebhookMade, WebhookWrite};
use passerelle_flow::webhook::endpoint::Settings;
use passerelle_flow::webhook::pattern::Patterns;

use crate::{Connection, Fault, Row, column, deliveries, params, statement};

/// Why a delivery to an endpoint that is off was given up.
pub(crate) const SWITCHED_OFF: &str = "the endpoint was switched off";

const COLUMNS: &str = "w.tenant, w.id, w.version, w.events, w.settings, w.sealed, w.enabled, w.created_at, w.updated_at, \
     w.failing_since, w.not_before, w.disabled_at, w.disabled_for";

pub(crate) fn read(row: &dyn Row) -> Result<Webhook, Fault> {
    let disabled = match (row.get::<Option<Millis>>(11)?, row.get::<Option<String>>(12)?) {
        (None, None) => None,
        (Some(at), Some(why)) => Some((at, disabled_for(&why)?)),
        _ => return Err(Fault::Corrupt("webhook.disabled_at")),
    };
    Ok(Webhook {
        tenant: column::tenant(row.get(0)?)?,
        settled: WebhookWrite {
            id: row.get(1)?,
            events: Patterns::of_column(row.get(3)?).ok_or(Fault::Corrupt("webhook.events"))?,
            settings: Settings::of_column(row.get(4)?).ok_or(Fault::Corrupt("webhook.settings"))?,
            sealed: row.get(5)?,
            enabled: row.get(6)?,
        },
        version: row.get(2)?,
        created_at: row.get(7)?,
        updated_at: row.get(8)?,
        failing_since: row.get(9)?,
        not_before: row.get(10)?,
        disabled,
    })
}

fn disabled_for(text: &str) -> Result<DisabledFor, Fault> {
    DisabledFor::ALL.into_iter().find(|why| why.name() == text).ok_or(Fault::Corrupt("webhook.disabled_for"))
}

pub fn one(conn: &dyn Connection, tenant: &TenantId, id: &str) -> Result<Option<Webhook>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM webhook w WHERE w.tenant = ?1 AND w.id = ?2");
    statement::one(conn, &sql, params![tenant.as_str(), id], read)
}

pub fn all(conn: &dyn Connection, tenant: &TenantId) -> Result<Vec<Webhook>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM webhook w WHERE w.tenant = ?1 ORDER BY w.created_at, w.id");
    statement::all(conn, &sql, params![tenant.as_str()], read)
}

/// Those that get what happens now.
pub(crate) fn enabled(conn: &dyn Connection, tenant: &TenantId) -> Result<Vec<WebhookWrite>, Fault> {
    let rows = all(conn, tenant)?;
    Ok(rows.into_iter().map(|row| row.settled).filter(|settled| settled.enabled).collect())
}

pub fn create(
    conn: &dyn Connection,
    tenant: &TenantId,
    write: &WebhookWrite,
    most: u32,
    now: Millis,
) -> Result<WebhookMade, Fault> {
    let count = statement::number(conn, "SELECT count(*) FROM webhook WHERE tenant = ?1", params![tenant.as_str()])?;
    if count >= i64::from(most) {
        return Ok(WebhookMade::Full);
    }
    let off = (!write.enabled).then_some(now);
    let made = conn.run(
        "INSERT INTO webhook(tenant, id, version, events, settings, sealed, enabled, created_at, updated_at, disabled_at, disabled_for) \
         VALUES(?1, ?2, 1, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9) ON CONFLICT DO NOTHING",
        params![
            tenant.as_str(),
            &write.id,
            &write.events.column(),
            &write.settings.column(),
            &write.sealed,
            write.enabled,
            now,
            off,
            off.map(|_| DisabledFor::Person.name())
        ],
    )?;
    Ok(if made == 0 { WebhookMade::Taken } else { WebhookMade::Made })
}

pub fn update(
    conn: &dyn Connection,
    tenant: &TenantId,
    expected: i64,
    write: &WebhookWrite,
    now: Millis,
) -> Result<bool, Fault> {
    let Some(known) = one(conn, tenant, &write.id)?.filter(|known| known.version == expected) else {
        return Ok(false);
    };
    conn.run(
        "UPDATE webhook SET version = version + 1, events = ?3, settings = ?4, sealed = ?5, updated_at = ?6 WHERE tenant = ?1 AND id = ?2",
        params![
            tenant.as_str(),
            &write.id,
            &write.events.column(),
            &write.settings.column(),
            &write.sealed,
            now
        ],
    )?;
    match (known.settled.enabled, write.enabled) {
        (true, false) => switch_off(conn, tenant, &write.id, DisabledFor::Person, now)?,
        (false, true) => {
            conn.run(
                "UPDATE webhook SET enabled = 1, disabled_at = NULL, disabled_for = NULL, failing_since = NULL, failed_at = NULL, \
                 not_before = NULL WHERE tenant = ?1 AND id = ?2",
                params![tenant.as_str(), &write.id],
            )?;
        }
        (true, true) | (false, false) => {}
    }
    Ok(true)
}

/// It gets nothing from here on, and what waits for it is given up. What is under way ends as it ends.
pub(crate) fn switch_off(
    conn: &dyn Connection,
    tenant: &TenantId,
    id: &str,
    why: DisabledFor,
    now: Millis,
) -> Result<(), Fault> {
    conn.run(
        "UPDATE webhook SET enabled = 0, disabled_at = ?3, disabled_for = ?4 WHERE tenant = ?1 AND id = ?2",
        params![tenant.as_str(), id, now, why.name()],
    )?;
    deliveries::give_up(conn, tenant, id, SWITCHED_OFF, now)
}

/// One statement each: what a deleted endpoint leaves behind would be found by nobody.
pub fn delete(conn: &dyn Connection, tenant: &TenantId, id: &str) -> Result<bool, Fault> {
    let key = params![tenant.as_str(), id];
    conn.run("DELETE FROM delivery_attempt WHERE tenant = ?1 AND webhook = ?2", key)?;
    conn.run("DELETE FROM delivery WHERE tenant = ?1 AND webhook = ?2", key)?;
    Ok(conn.run("DELETE FROM webhook WHERE tenant = ?1 AND id = ?2", key)? > 0)
}
