//! Level effects: what another system is to reach, and what it has.
//!
//! Owns `have <= want`, equal at rest, and the leases of those who send. Does not own what is sent: it is read when it is sent.

use std::collections::BTreeMap;

use passerelle_flow::identity::{Millis, PassId, TenantId};
use passerelle_flow::store::{EffectKind, EffectLease, EffectNext, Quota};

use crate::{Connection, Fault, column, params, statement};

/// As with tasks: leases that may run out before an effect counts as one that kills its workers.
const EXPIRIES: i64 = 3;

const WORKER_LOST: &str = "worker-lost";

/// Every device that has the pass is to be told of this tag.
pub(crate) fn want_pushes(
    conn: &dyn Connection,
    tenant: &TenantId,
    pass: &PassId,
    tag: i64,
    now: Millis,
) -> Result<(), Fault> {
    conn.run(
        "INSERT INTO effect(tenant, kind, target, want, have, state, run_at, lease_until, lease_token, attempts, expiries) \
         SELECT tenant, ?3, device, ?4, 0, 'ready', ?5, 0, 0, 0, 0 FROM registration WHERE tenant = ?1 AND pass = ?2 \
         ON CONFLICT(tenant, kind, target) DO UPDATE SET want = max(effect.want, excluded.want), \
         state = CASE WHEN state IN ('idle', 'dead') THEN 'ready' ELSE state END, \
         run_at = CASE WHEN state IN ('idle', 'dead') THEN excluded.run_at ELSE run_at END, \
         attempts = CASE WHEN state IN ('idle', 'dead') THEN 0 ELSE attempts END",
        params![tenant.as_str(), pass.as_str(), column::of_effect_kind(EffectKind::ApplePush), tag, now],
    )
    .map(drop)
}

/// Wants a level of a target, or without one the next that it has not; makes the row.
pub(crate) fn want(
    conn: &dyn Connection,
    tenant: &TenantId,
    kind: EffectKind,
    target: &str,
    level: Option<i64>,
    now: Millis,
) -> Result<(), Fault> {
    conn.run(
        "INSERT INTO effect(tenant, kind, target, want, have, state, run_at, lease_until, lease_token, attempts, expiries) \
         VALUES(?1, ?2, ?3, coalesce(?4, 1), 0, 'ready', ?5, 0, 0, 0, 0) ON CONFLICT DO NOTHING",
        params![tenant.as_str(), column::of_effect_kind(kind), target, level, now],
    )
    .and_then(|made| if made == 0 { want_known(conn, tenant, kind, target, level, now) } else { Ok(()) })
}

/// Wants a level, or one more than now, of a target whose row exists. One without a row has never been shown to anybody.
pub(crate) fn want_known(
    conn: &dyn Connection,
    tenant: &TenantId,
    kind: EffectKind,
    target: &str,
    level: Option<i64>,
    now: Millis,
) -> Result<(), Fault> {
    conn.run(
        "UPDATE effect SET want = max(want, coalesce(?4, want + 1)), \
         state = CASE WHEN state IN ('idle', 'dead') THEN 'ready' ELSE state END, \
         run_at = CASE WHEN state IN ('idle', 'dead') THEN ?5 ELSE run_at END, \
         attempts = CASE WHEN state IN ('idle', 'dead') THEN 0 ELSE attempts END \
         WHERE tenant = ?1 AND kind = ?2 AND target = ?3 AND want < coalesce(?4, want + 1)",
        params![tenant.as_str(), column::of_effect_kind(kind), target, level, now],
    )
    .map(drop)
}

pub fn claim(conn: &dyn Connection, now: Millis, until: Millis, quota: Quota) -> Result<Vec<EffectLease>, Fault> {
    conn.run(
        "UPDATE effect SET state = CASE WHEN have = want THEN 'idle' WHEN expiries + 1 >= ?2 THEN 'dead' ELSE 'ready' END, \
         expiries = expiries + 1, attempts = attempts + 1, last_error = ?3, run_at = lease_until \
         WHERE state = 'leased' AND lease_until <= ?1",
        params![now, EXPIRIES, WORKER_LOST],
    )?;
    let in_flight = in_flight(conn)?;
    let mut tenants: BTreeMap<String, u32> = BTreeMap::new();
    for ((tenant, _), count) in &in_flight {
        let sum = tenants.entry(tenant.clone()).or_default();
        *sum = sum.saturating_add(*count);
    }
    let mut due = Vec::new();
    for lane in lanes(conn)? {
        let taken = in_flight.get(&lane).copied().unwrap_or(0);
        let (tenant, kind) = lane;
        let share = quota.limit.min(quota.per_kind.saturating_sub(taken));
        if share == 0 {
            continue;
        }
        let list = statement::all(
            conn,
            "SELECT target, run_at FROM effect WHERE state = 'ready' AND tenant = ?1 AND kind = ?2 AND run_at <= ?3 \
             ORDER BY run_at, target LIMIT ?4",
            params![&tenant, &kind, now, share],
            |row| Ok((row.get::<String>(0)?, row.get::<Millis>(1)?)),
        )?;
        let lane = (taken..).zip(list);
        due.extend(lane.map(|(turn, (target, run_at))| (turn, run_at, tenant.clone(), kind.clone(), target)));
    }
    due.sort();
    let mut leases = Vec::new();
    for (_, _, tenant, kind, target) in due {
        if leases.len() >= usize::try_from(quota.limit).unwrap_or(usize::MAX) {
            break;
        }
        let taken = tenants.entry(tenant.clone()).or_default();
        if *taken < quota.per_tenant {
            *taken += 1;
            leases.push(lease(conn, &tenant, &kind, target, until)?);
        }
    }
    Ok(leases)
}

/// Leases by tenant and kind. There are no more of them than workers.
fn in_flight(conn: &dyn Connection) -> Result<BTreeMap<(String, String), u32>, Fault> {
    let sql = "SELECT tenant, kind, count(*) FROM effect WHERE state = 'leased' GROUP BY tenant, kind";
    let lanes = statement::all(conn, sql, &[], |row| Ok(((row.get(0)?, row.get(1)?), row.get::<i64>(2)?)))?;
    Ok(lanes.into_iter().map(|(lane, count)| (lane, u32::try_from(count).unwrap_or(u32::MAX))).collect())
}

/// Where effects wait: a tenant and a kind, so that neither another tenant's wave nor another provider's outage is in the way.
fn lanes(conn: &dyn Connection) -> Result<Vec<(String, String)>, Fault> {
    let mut lanes: Vec<(String, String)> = Vec::new();
    loop {
        let (tenant, kind) = lanes.last().map_or(("", ""), |(tenant, kind)| (tenant, kind));
        let sql = "SELECT tenant, kind FROM effect WHERE state = 'ready' AND (tenant, kind) > (?1, ?2) ORDER BY tenant, kind LIMIT 1";
        match statement::one(conn, sql, params![tenant, kind], |row| Ok((row.get(0)?, row.get(1)?)))? {
            Some(next) => lanes.push(next),
            None => return Ok(lanes),
        }
    }
}

fn lease(conn: &dyn Connection, tenant: &str, kind: &str, target: String, until: Millis) -> Result<EffectLease, Fault> {
    let leased = statement::one(
        conn,
        "UPDATE effect SET state = 'leased', lease_until = ?4, lease_token = lease_token + 1 \
         WHERE tenant = ?1 AND kind = ?2 AND target = ?3 RETURNING want, lease_token, attempts",
        params![tenant, kind, &target, until],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let (want, lease_token, attempts) = leased.ok_or(Fault::Corrupt("an effect vanished inside a transaction"))?;
    let tenant = column::tenant(tenant.to_owned())?;
    Ok(EffectLease { tenant, kind: column::effect_kind(kind)?, target, want, lease_token, attempts })
}

pub fn finish(conn: &dyn Connection, lease: &EffectLease, next: &EffectNext, now: Millis) -> Result<bool, Fault> {
    let kind = column::of_effect_kind(lease.kind);
    let row = statement::one(
        conn,
        "SELECT want, have, attempts FROM effect WHERE tenant = ?1 AND kind = ?2 AND target = ?3 AND state = 'leased' \
         AND lease_token = ?4",
        params![lease.tenant.as_str(), kind, &lease.target, lease.lease_token],
        |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?, row.get::<i64>(2)?)),
    )?;
    let Some((want, had, attempts)) = row else {
        return Ok(false);
    };
    let newer = want > lease.want;
    let have = if let EffectNext::Have(level) = next { had.max((*level).min(want)) } else { had };
    let (state, run_at, attempts, error) = match next {
        // Gone for good, as of what was wanted when it was found out. Something newer is judged again.
        EffectNext::Gone if !newer => {
            let sql = "DELETE FROM effect WHERE tenant = ?1 AND kind = ?2 AND target = ?3";
            conn.run(sql, params![lease.tenant.as_str(), kind, &lease.target])?;
            return Ok(true);
        }
        // Also when it was reached in passing while it was being sent.
        _ if have == want => ("idle", now, 0, None),
        EffectNext::Have(_) | EffectNext::Gone => ("ready", now, 0, None),
        EffectNext::Retry { at, error } => ("ready", *at, attempts.saturating_add(1), Some(error)),
        EffectNext::Wait { at } => ("ready", *at, attempts, None),
        EffectNext::Dead { error } if newer => ("ready", now, 0, Some(error)),
        EffectNext::Dead { error } => ("dead", now, attempts, Some(error)),
    };
    conn.run(
        "UPDATE effect SET have = ?4, state = ?5, run_at = ?6, attempts = ?7, expiries = 0, last_error = ?8 \
         WHERE tenant = ?1 AND kind = ?2 AND target = ?3",
        params![lease.tenant.as_str(), kind, &lease.target, have, state, run_at, attempts, error],
    )?;
    Ok(true)
}

pub fn reached(
    conn: &dyn Connection,
    tenant: &TenantId,
    kind: EffectKind,
    target: &str,
    have: i64,
    now: Millis,
) -> Result<(), Fault> {
    conn.run(
        "INSERT INTO effect(tenant, kind, target, want, have, state, run_at, lease_until, lease_token, attempts, expiries) \
         VALUES(?1, ?2, ?3, ?4, ?4, 'idle', ?5, 0, 0, 0, 0) \
         ON CONFLICT(tenant, kind, target) DO UPDATE SET \
         want = max(effect.want, excluded.want), have = max(effect.have, excluded.have), \
         state = CASE WHEN effect.state = 'leased' THEN 'leased' \
           WHEN max(effect.have, excluded.have) >= max(effect.want, excluded.want) THEN 'idle' \
           ELSE effect.state END",
        params![tenant.as_str(), column::of_effect_kind(kind), target, have, now],
    )
    .map(drop)
}

pub fn level(conn: &dyn Connection, tenant: &TenantId, kind: EffectKind, target: &str) -> Result<Option<i64>, Fault> {
    let sql = "SELECT have FROM effect WHERE tenant = ?1 AND kind = ?2 AND target = ?3";
    let params = params![tenant.as_str(), column::of_effect_kind(kind), target];
    statement::one(conn, sql, params, |row| row.get(0))
}
