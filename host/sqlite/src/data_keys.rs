//! Data keys: one per retention group, wrapped by the tenant's key.
//!
//! Owns when they go. With the row goes what it sealed, also in every backup, because nothing else can unwrap it.

use passerelle_flow::identity::{Millis, TenantId};
use passerelle_flow::store::DataKey;

use crate::{Connection, Fault, params, statement};

pub fn data_key(conn: &dyn Connection, tenant: &TenantId, candidate: DataKey) -> Result<DataKey, Fault> {
    let key = statement::one(
        conn,
        "INSERT INTO data_key(tenant, id, wrapped, wrapped_by, erase_at) VALUES(?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT(tenant, id) DO UPDATE SET erase_at = max(data_key.erase_at, excluded.erase_at) \
         RETURNING id, wrapped, wrapped_by, erase_at",
        params![tenant.as_str(), &candidate.id, &candidate.wrapped, &candidate.wrapped_by, candidate.erase_at],
        |row| Ok(DataKey { id: row.get(0)?, wrapped: row.get(1)?, wrapped_by: row.get(2)?, erase_at: row.get(3)? }),
    )?;
    key.ok_or(Fault::Corrupt("a data key was not written"))
}

pub fn erase(conn: &dyn Connection, now: Millis) -> Result<u64, Fault> {
    conn.run(
        "DELETE FROM sealed_part WHERE EXISTS (SELECT 1 FROM data_key k WHERE k.tenant = sealed_part.tenant \
         AND k.id = sealed_part.data_key AND k.erase_at <= ?1)",
        params![now],
    )?;
    let keys = conn.run("DELETE FROM data_key WHERE erase_at <= ?1", params![now])?;
    Ok(u64::try_from(keys).unwrap_or(u64::MAX))
}
