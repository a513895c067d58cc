//! Attributes of passes: identifiers and metadata.
//!
//! Owns the rows. Does not own which values may stand in the clear (`passerelle_flow::attribute`).

use passerelle_flow::identity::{Millis, PassId, TenantId};
use passerelle_flow::store::{Attribute, AttributeKind, KeptValue};

use crate::{Connection, Fault, column, params, statement, tally};

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

/// Sets and takes away; the pass counts as changed. False: there is no such pass.
pub fn set(
    conn: &dyn Connection,
    tenant: &TenantId,
    pass: &PassId,
    attributes: &[Attribute],
    without: &[(AttributeKind, String)],
    now: Millis,
) -> Result<bool, Fault> {
    let Some(before) = tally::standing(conn, tenant, pass)? else {
        return Ok(false);
    };
    let given = write(conn, tenant, pass, attributes, without)?;
    tally::moved(conn, tenant, pass, &before, given, now)?;
    Ok(true)
}

/// The rows alone. True: something was set or taken away that a list shows otherwise now.
pub(crate) fn write(
    conn: &dyn Connection,
    tenant: &TenantId,
    pass: &PassId,
    attributes: &[Attribute],
    without: &[(AttributeKind, String)],
) -> Result<bool, Fault> {
    let mut given = false;
    for (kind, name) in without {
        let kind = column::of_attribute_kind(*kind);
        let sql = "DELETE FROM pass_attribute WHERE tenant = ?1 AND pass = ?2 AND kind = ?3 AND name = ?4";
        if conn.run(sql, params![tenant.as_str(), pass.as_str(), kind, name])? > 0 {
            tally::attribute(conn, tenant, kind, name, -1)?;
            given = true;
        }
    }
    for attribute in attributes {
        let kind = column::of_attribute_kind(attribute.kind);
        let (value, mac, sealed) = match &attribute.value {
            KeptValue::Clear(value) => (Some(value.as_str()), None, None),
            KeptValue::Sealed { mac, sealed } => (None, Some(mac.as_str()), Some(sealed.as_slice())),
        };
        let name = &attribute.name;
        let sql = "SELECT value, mac FROM pass_attribute WHERE tenant = ?1 AND pass = ?2 AND kind = ?3 AND name = ?4";
        let known = statement::one(conn, sql, params![tenant.as_str(), pass.as_str(), kind, name], |row| {
            Ok((row.get::<Option<String>>(0)?, row.get::<Option<String>>(1)?))
        })?;
        match known {
            // Sealed anew, it is another ciphertext of the same.
            Some((old, old_mac)) if old.as_deref() == value && old_mac.as_deref() == mac => continue,
            Some(_) => {}
            None => tally::attribute(conn, tenant, kind, name, 1)?,
        }
        given = true;
        conn.run(
            "INSERT INTO pass_attribute(tenant, pass, kind, name, value, mac, sealed) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) \
             ON CONFLICT(tenant, pass, kind, name) DO UPDATE SET value = excluded.value, mac = excluded.mac, \
             sealed = excluded.sealed",
            params![tenant.as_str(), pass.as_str(), kind, name, value, mac, sealed],
        )?;
    }
    Ok(given)
}
