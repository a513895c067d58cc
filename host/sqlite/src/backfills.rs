//! Backfills: the passes that are compared with the other side, and where a comparison stands.

use passerelle_flow::identity::{Millis, PassId, TenantId};
use passerelle_flow::store::{BackfillState, EffectKind, HappeningKind, StoredHappening};

use crate::{Connection, Fault, column, happenings, params, statement};

pub fn changed(
    conn: &dyn Connection,
    tenant: &TenantId,
    since: Millis,
    after: Option<&PassId>,
    limit: u32,
) -> Result<Vec<PassId>, Fault> {
    statement::all(
        conn,
        "SELECT pass FROM installation WHERE tenant = ?1 AND pass > ?3 AND changed_at >= ?2 ORDER BY pass LIMIT ?4",
        params![tenant.as_str(), since, after.map_or("", PassId::as_str), limit],
        |row| column::pass_id(row.get(0)?),
    )
}

pub fn count(conn: &dyn Connection, tenant: &TenantId, since: Millis, after: Option<&PassId>) -> Result<u64, Fault> {
    let sql = "SELECT count(*) FROM installation WHERE tenant = ?1 AND pass > ?3 AND changed_at >= ?2";
    let count = statement::number(conn, sql, params![tenant.as_str(), since, after.map_or("", PassId::as_str)])?;
    u64::try_from(count).map_err(|_| Fault::Corrupt("a count of installations"))
}

pub fn last_happening(
    conn: &dyn Connection,
    tenant: &TenantId,
    pass: &PassId,
    kinds: &[HappeningKind],
) -> Result<Option<StoredHappening>, Fault> {
    // Names of ours, so they may stand in a statement.
    let names: Vec<String> = kinds.iter().map(|kind| format!("'{}'", kind.name())).collect();
    let sql = format!(
        "SELECT {} FROM happening h WHERE h.tenant = ?1 AND h.pass = ?2 AND h.type IN ({}) ORDER BY h.seq DESC LIMIT 1",
        happenings::COLUMNS,
        names.join(", ")
    );
    statement::one(conn, &sql, params![tenant.as_str(), pass.as_str()], |row| happenings::read(row, 0))
}

pub fn report_waits(conn: &dyn Connection, tenant: &TenantId, pass: &PassId) -> Result<bool, Fault> {
    let (references, printed) =
        (column::of_effect_kind(EffectKind::SecutixReferences), column::of_effect_kind(EffectKind::SecutixPrinted));
    let sql = "SELECT 1 FROM effect WHERE tenant = ?1 AND kind IN (?2, ?3) AND target = ?4 AND state IN ('ready', 'leased') LIMIT 1";
    let params = params![tenant.as_str(), references, printed, pass.as_str()];
    Ok(statement::one(conn, sql, params, |_| Ok(()))?.is_some())
}

pub fn state(conn: &dyn Connection, tenant: &TenantId, target: &str) -> Result<Option<BackfillState>, Fault> {
    statement::one(
        conn,
        "SELECT since, begun_at, position, looked, repaired, ended_at FROM backfill WHERE tenant = ?1 AND target = ?2",
        params![tenant.as_str(), target],
        |row| {
            Ok(BackfillState {
                since: row.get(0)?,
                begun_at: row.get(1)?,
                position: row.get::<Option<String>>(2)?.map(column::pass_id).transpose()?,
                looked: row.get(3)?,
                repaired: row.get(4)?,
                ended_at: row.get(5)?,
            })
        },
    )
}

pub fn keep(conn: &dyn Connection, tenant: &TenantId, target: &str, state: &BackfillState) -> Result<(), Fault> {
    conn.run(
        "INSERT INTO backfill(tenant, target, since, begun_at, position, looked, repaired, ended_at) \
         VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
         ON CONFLICT(tenant, target) DO UPDATE SET since = excluded.since, begun_at = excluded.begun_at, \
         position = excluded.position, looked = excluded.looked, repaired = excluded.repaired, ended_at = excluded.ended_at",
        params![
            tenant.as_str(),
            target,
            state.since,
            state.begun_at,
            state.position.as_ref().map(PassId::as_str),
            state.looked,
            state.repaired,
            state.ended_at
        ],
    )
    .map(drop)
}
