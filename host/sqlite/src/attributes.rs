//! Attributes of passes: identifiers and metadata.
//!
//! Owns the rows. Does not own which values may stand in the clear (`passerelle_flow::attribute`).

use passerelle_flow::identity::{PassId, TenantId};
use passerelle_flow::store::{Attribute, AttributeKind, KeptValue};

use crate::{Connection, Fault, column, params, statement};

pub fn of_pass(conn: &dyn Connection, tenant: &TenantId, pass: &PassId) -> Result<Vec<Attribute>, Fault> {
    statement::all(
        conn,
        "SELECT kind, name, value, mac, sealed FROM pass_attribute WHERE tenant = ?1 AND pass = ?2 ORDER BY kind, name",
        params![tenant.as_str(), pass.as_str()],
        |row| {
            let (value, mac, sealed) = (row.get::<Option<String>>(2)?, row.get::<Option<String>>(3)?, row.get(4)?);
            Ok(Attribute {
                kind: column::attribute_kind(row.get(0)?)?,
                name: row.get(1)?,
                value: match (value, mac, sealed) {
                    (Some(value), None, None) => KeptValue::Clear(value),
                    (None, Some(mac), Some(sealed)) => KeptValue::Sealed { mac, sealed },
                    _ => return Err(Fault::Corrupt("pass_attribute.value")),
                },
            })
        },
    )
}

pub fn set(
    conn: &dyn Connection,
    tenant: &TenantId,
    pass: &PassId,
    attributes: &[Attribute],
    without: &[(AttributeKind, String)],
) -> Result<bool, Fault> {
    let sql = "SELECT 1 FROM pass WHERE tenant = ?1 AND id = ?2";
    if statement::one(conn, sql, params![tenant.as_str(), pass.as_str()], |_| Ok(()))?.is_none() {
        return Ok(false);
    }
    for (kind, name) in without {
        conn.run(
            "DELETE FROM pass_attribute WHERE tenant = ?1 AND pass = ?2 AND kind = ?3 AND name = ?4",
            params![tenant.as_str(), pass.as_str(), column::of_attribute_kind(*kind), name],
        )?;
    }
    for attribute in attributes {
        let (value, mac, sealed) = match &attribute.value {
            KeptValue::Clear(value) => (Some(value.as_str()), None, None),
            KeptValue::Sealed { mac, sealed } => (None, Some(mac.as_str()), Some(sealed.as_slice())),
        };
        conn.run(
            "INSERT INTO pass_attribute(tenant, pass, kind, name, value, mac, sealed) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) \
             ON CONFLICT(tenant, pass, kind, name) DO UPDATE SET value = excluded.value, mac = excluded.mac, \
             sealed = excluded.sealed",
            params![
                tenant.as_str(),
                pass.as_str(),
                column::of_attribute_kind(attribute.kind),
                &attribute.name,
                value,
                mac,
                sealed
            ],
        )?;
    }
    Ok(true)
}
