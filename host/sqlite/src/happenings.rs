//! Happenings: written with the change that they tell of, numbered per pass, and handed to those who ask.
//!
//! Owns the rows and their numbers. Does not own what is in them (`passerelle_flow::happening`) nor who asks for what (`webhooks`).

use passerelle_flow::identity::{Millis, TenantId};
use passerelle_flow::store::{Happening, HappeningKind, StoredHappening};

use crate::{Connection, Fault, Row, column, deliveries, params, statement, webhooks};

/// Writes happenings, in their order. Those of a pass get the numbers that follow, in a transaction with what they tell of: a number that is
/// missing was never there.
pub(crate) fn record(
    conn: &dyn Connection,
    tenant: &TenantId,
    happenings: &[Happening],
    now: Millis,
) -> Result<(), Fault> {
    if happenings.is_empty() {
        return Ok(());
    }
    let endpoints = webhooks::enabled(conn, tenant)?;
    for happening in happenings {
        let seq = write(conn, tenant, happening, now)?;
        for endpoint in endpoints.iter().filter(|endpoint| endpoint.asks_for(happening.kind)) {
            deliveries::want(conn, tenant, &endpoint.id, happening, seq, now)?;
        }
    }
    Ok(())
}

/// Writes one, for nobody yet; its number.
pub(crate) fn write(
    conn: &dyn Connection,
    tenant: &TenantId,
    happening: &Happening,
    now: Millis,
) -> Result<Option<i64>, Fault> {
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
    Ok(seq)
}

/// The columns of [`read`], from the table `h`.
pub(crate) const COLUMNS: &str =
    "h.id, h.type, h.at, h.operation, h.pass, h.properties, h.sealed, h.seq, h.recorded_at";

pub(crate) fn by_id(conn: &dyn Connection, tenant: &TenantId, id: &str) -> Result<Option<StoredHappening>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM happening h WHERE h.tenant = ?1 AND h.id = ?2");
    statement::one(conn, &sql, params![tenant.as_str(), id], |row| read(row, 0))
}

/// A happening whose columns begin at `from`.
/// Those that were recorded since, in that order. `after`: when and what was looked at last.
pub fn since(
    conn: &dyn Connection,
    tenant: &TenantId,
    since: Millis,
    after: Option<&(Millis, String)>,
    limit: u32,
) -> Result<Vec<StoredHappening>, Fault> {
    // Before the first of that millisecond: no id is empty.
    let (at, id) = after.map_or((since, ""), |(at, id)| (*at, id.as_str()));
    let sql = format!(
        "SELECT {COLUMNS} FROM happening h WHERE h.tenant = ?1 AND (h.recorded_at, h.id) > (?2, ?3) ORDER BY h.recorded_at, h.id LIMIT ?4"
    );
    statement::all(conn, &sql, params![tenant.as_str(), at, id, limit], |row| read(row, 0))
}

pub(crate) fn read(row: &dyn Row, from: usize) -> Result<StoredHappening, Fault> {
    let kind = HappeningKind::parse(row.get(from + 1)?).ok_or(Fault::Corrupt("happening.type"))?;
    let happening = Happening {
        id: row.get(from)?,
        kind,
        at: row.get(from + 2)?,
        operation: row.get(from + 3)?,
        pass: row.get::<Option<String>>(from + 4)?.map(column::pass_id).transpose()?,
        properties: row.get(from + 5)?,
        sealed: row.get(from + 6)?,
    };
    Ok(StoredHappening { happening, seq: row.get(from + 7)?, recorded_at: row.get(from + 8)? })
}
