//! API keys as they are kept: the public part, a hash of the secret part, scopes.
//!
//! Does not own the check (`http::access`): a revoked or expired key is handed out like any other, with its times.

use passerelle_flow::identity::{Millis, TenantId};
use passerelle_flow::store::ApiKeyRow;

use crate::{Connection, Fault, Row, column, params, statement};

macro_rules! select_key {
    ($rest:literal) => {
        concat!(
            "SELECT id, tenant, secret_sha256, scopes, label, created_at, expires_at, revoked_at FROM api_key WHERE ",
            $rest
        )
    };
}

fn read(row: &dyn Row) -> Result<ApiKeyRow, Fault> {
    Ok(ApiKeyRow {
        id: row.get(0)?,
        tenant: column::tenant(row.get(1)?)?,
        secret_sha256: row.get(2)?,
        scopes: column::names(row.get(3)?)?,
        label: row.get(4)?,
        created_at: row.get(5)?,
        expires_at: row.get(6)?,
        revoked_at: row.get(7)?,
    })
}

/// Writes or replaces. The id is found before the tenant is known, so it must not move from one tenant to another.
pub fn put(conn: &dyn Connection, key: &ApiKeyRow) -> Result<(), Fault> {
    let written = conn.run(
        "INSERT INTO api_key(id, tenant, secret_sha256, scopes, label, created_at, expires_at, revoked_at) \
         VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(id) DO UPDATE SET secret_sha256 = excluded.secret_sha256, \
         scopes = excluded.scopes, label = excluded.label, created_at = excluded.created_at, \
         expires_at = excluded.expires_at, revoked_at = excluded.revoked_at WHERE api_key.tenant = excluded.tenant",
        params![
            &key.id,
            key.tenant.as_str(),
            &key.secret_sha256,
            &column::of_names(&key.scopes)?,
            &key.label,
            key.created_at,
            key.expires_at,
            key.revoked_at
        ],
    )?;
    (written == 1).then_some(()).ok_or(Fault::Refused("the id of the key belongs to another tenant"))
}

pub fn by_id(conn: &dyn Connection, id: &str) -> Result<Option<ApiKeyRow>, Fault> {
    statement::one(conn, select_key!("id = ?1"), params![id], read)
}

pub fn of_tenant(conn: &dyn Connection, tenant: &TenantId) -> Result<Vec<ApiKeyRow>, Fault> {
    statement::all(conn, select_key!("tenant = ?1 ORDER BY created_at, id"), params![tenant.as_str()], read)
}

/// The first revocation counts.
pub fn revoke(conn: &dyn Connection, tenant: &TenantId, id: &str, now: Millis) -> Result<bool, Fault> {
    let sql = "UPDATE api_key SET revoked_at = coalesce(revoked_at, ?3) WHERE tenant = ?1 AND id = ?2";
    Ok(conn.run(sql, params![tenant.as_str(), id, now])? == 1)
}
