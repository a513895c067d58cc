//! Data keys: one per retention group, wrapped by the tenant's key.
//!
//! Owns how they are kept. When they go is `retention`'s. With the row goes what it sealed, also in every backup, because nothing else can unwrap
//! it.

use passerelle_flow::identity::TenantId;
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
