//! Happenings: written with the change that they tell of, and numbered per pass.
//!
//! Owns the rows and their numbers. Does not own what is in them (`passerelle_flow::happening`) nor who is told.

use passerelle_flow::identity::{Millis, TenantId};
use passerelle_flow::store::Happening;

use crate::{Connection, Fault, params, statement};

/// Writes happenings, in their order. Those of a pass get the numbers that follow, in a transaction with what they tell of: a number that is
/// missing was never there.
pub(crate) fn record(
    conn: &dyn Connection,
    tenant: &TenantId,
    happenings: &[Happening],
    now: Millis,
) -> Result<(), Fault> {
    for happening in happenings {
        let seq = match &happening.pass {
            None => None,
            Some(pass) => {
                let sql = "SELECT coalesce(max(seq), 0) + 1 FROM happening WHERE tenant = ?1 AND pass = ?2";
                Some(statement::number(conn, sql, params![tenant.as_str(), pass.as_str()])?)
            }
        };
        conn.run(
            "INSERT INTO happening(tenant, id, type, at, recorded_at, pass, seq, operation, properties, sealed) \
             VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                tenant.as_str(),
                &happening.id,
                happening.kind.name(),
                happening.at,
                now,
                happening.pass.as_ref().map(|pass| pass.as_str()),
                seq,
                &happening.operation,
                &happening.properties,
                happening.sealed.as_deref()
            ],
        )?;
    }
    Ok(())
}
