//! What plugins want sent, until it is sent.
//!
//! Owns the rows, and that only the holder of the delivery's lease writes them. Does not own the delivery itself (`deliveries`).

use passerelle_flow::hooks::endpoint::ID;
use passerelle_flow::identity::{Millis, TenantId};
use passerelle_flow::store::{PluginRequest, PluginRequestWrite, PluginRequests};

use crate::{Connection, Fault, params, statement};

/// The name of the row that says that the hook has decided. A request's own is a MAC in hex, and was a word before.
const DECIDED: &str = "";

/// In their order.
pub fn of(conn: &dyn Connection, tenant: &TenantId, happening: &str) -> Result<PluginRequests, Fault> {
    let sql = "SELECT name, position, sealed, sent_at, status FROM plugin_request WHERE tenant = ?1 AND happening = ?2 ORDER BY position";
    let mut requests = statement::all(conn, sql, params![tenant.as_str(), happening], |row| {
        let status: Option<i64> = row.get(4)?;
        Ok(PluginRequest {
            name: row.get(0)?,
            position: row.get(1)?,
            sealed: row.get(2)?,
            sent_at: row.get(3)?,
            status: status.and_then(|status| u16::try_from(status).ok()),
        })
    })?;
    let all = requests.len();
    requests.retain(|request| request.name != DECIDED);
    Ok(PluginRequests { decided: requests.len() < all, requests })
}

/// False: the lease was lost, and nothing was written.
pub fn keep(
    conn: &dyn Connection,
    tenant: &TenantId,
    happening: &str,
    lease_token: i64,
    requests: &[PluginRequestWrite],
    now: Millis,
) -> Result<bool, Fault> {
    if !holds(conn, tenant, happening, lease_token)? {
        return Ok(false);
    }
    let sql = "INSERT INTO plugin_request(tenant, happening, name, position, decided_at, sealed) VALUES(?1, ?2, ?3, ?4, ?5, ?6)";
    for request in requests {
        let sealed = request.sealed.as_slice();
        conn.run(sql, params![tenant.as_str(), happening, &request.name, request.position, now, sealed])?;
    }
    // It says nothing, so it counts as sent.
    let sql = "INSERT INTO plugin_request(tenant, happening, name, position, decided_at, sent_at) VALUES(?1, ?2, ?3, -1, ?4, ?4) ON CONFLICT DO NOTHING";
    conn.run(sql, params![tenant.as_str(), happening, DECIDED, now])?;
    Ok(true)
}

/// It was taken; what it said is not kept. False: the lease was lost.
pub fn sent(
    conn: &dyn Connection,
    tenant: &TenantId,
    happening: &str,
    lease_token: i64,
    (name, status): (&str, u16),
    now: Millis,
) -> Result<bool, Fault> {
    if !holds(conn, tenant, happening, lease_token)? {
        return Ok(false);
    }
    let sql = "UPDATE plugin_request SET sealed = NULL, sent_at = ?4, status = ?5 WHERE tenant = ?1 AND happening = ?2 AND name = ?3";
    conn.run(sql, params![tenant.as_str(), happening, name, now, i64::from(status)])?;
    Ok(true)
}

/// Before a delivery is wanted again: its hook decides anew. What was sent stays known, so that it is not sent twice, unless all of it is wanted again.
pub(crate) fn forget(conn: &dyn Connection, tenant: &TenantId, happening: &str, all: bool) -> Result<(), Fault> {
    let sql =
        "DELETE FROM plugin_request WHERE tenant = ?1 AND happening = ?2 AND (?3 = 1 OR sent_at IS NULL OR name = ?4)";
    conn.run(sql, params![tenant.as_str(), happening, all, DECIDED])?;
    Ok(())
}

fn holds(conn: &dyn Connection, tenant: &TenantId, happening: &str, lease_token: i64) -> Result<bool, Fault> {
    let sql = "SELECT 1 FROM delivery WHERE tenant = ?1 AND webhook = ?2 AND happening = ?3 AND state = 'leased' AND lease_token = ?4";
    let held =
        statement::one(conn, sql, params![tenant.as_str(), ID, happening, lease_token], |row| row.get::<i64>(0))?;
    Ok(held.is_some())
}
