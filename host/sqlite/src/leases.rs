//! Leases: who may run a task, and until when.
//!
//! Owns claiming, expiry and the fencing token: it rises with every claim, and whatever a run writes is written under it or not at all.
//! Also what happens when the file of a token becomes known, because that can end a lease.

use std::collections::BTreeMap;

use passerelle_flow::identity::{Millis, TenantId};
use passerelle_flow::store::{Adoption, Hint, Quota, TaskLease, TaskSubject};

use crate::tasks::{self, Call, State};
use crate::{Connection, Fault, column, params, statement};

/// Leases that may run out before a task counts as one that kills its workers (reliability practice: three, counted apart from failures
/// that a worker lived to report).
const EXPIRIES: i64 = 3;

/// The outcome of a run whose worker was not heard of again.
const WORKER_LOST: &str = "worker-lost";

pub fn claim(conn: &dyn Connection, now: Millis, until: Millis, quota: Quota) -> Result<Vec<TaskLease>, Fault> {
    let expired = statement::all(
        conn,
        "SELECT tenant, id FROM task WHERE state = 'leased' AND lease_until <= ?1 ORDER BY lease_until, tenant, id",
        params![now],
        |row| Ok((column::tenant(row.get(0)?)?, row.get::<String>(1)?)),
    )?;
    for (tenant, task) in expired {
        expire(conn, &tenant, &task, now)?;
    }
    due(conn, now, quota)?.into_iter().map(|due| lease(conn, &due.tenant, &due.task, until)).collect()
}

pub fn claim_task(
    conn: &dyn Connection,
    tenant: &TenantId,
    id: &str,
    now: Millis,
    until: Millis,
) -> Result<Option<TaskLease>, Fault> {
    let sql = "SELECT 1 FROM task WHERE tenant = ?1 AND id = ?2 AND state = 'leased' AND lease_until <= ?3";
    if statement::one(conn, sql, params![tenant.as_str(), id, now], |_| Ok(()))?.is_some() {
        expire(conn, tenant, id, now)?;
    }
    let Some(mut task) = tasks::by_id(conn, tenant, id)? else {
        return Ok(None);
    };
    match task.state {
        State::Leased | State::Dead | State::Held => Ok(None),
        State::Ready => lease(conn, tenant, id, until).map(Some),
        State::Idle => {
            // A run that nothing asked for yet: it needs a generation of its own to answer.
            task.wanted = task.wanted.saturating_add(1);
            task.ready(now);
            tasks::save(conn, tenant, &task)?;
            lease(conn, tenant, id, until).map(Some)
        }
    }
}

/// A lease has run out: the task is ready again, or dead when that was once too often.
fn expire(conn: &dyn Connection, tenant: &TenantId, id: &str, now: Millis) -> Result<(), Fault> {
    let task = tasks::by_id(conn, tenant, id)?.ok_or(Fault::Corrupt("a leased task vanished"))?;
    conn.run(
        "INSERT INTO run(tenant, id, task, gen, lease_token, finished_at, outcome, findings, secutix_calls) \
         VALUES(?1, ?2 || '.' || ?4, ?2, ?3, ?4, ?5, ?6, '[]', 0)",
        params![tenant.as_str(), id, task.claimed, task.lease_token, now, WORKER_LOST],
    )?;
    conn.run(
        "UPDATE task SET state = CASE WHEN expiries + 1 >= ?3 THEN 'dead' ELSE 'ready' END, \
         stuck_at = CASE WHEN held = 1 THEN stuck_at WHEN expiries + 1 >= ?3 THEN ?4 END, expiries = expiries + 1, last_error = ?5, \
         run_at = lease_until, not_before = NULL, \
         priority = min(priority, coalesce(next_priority, priority)), next_priority = NULL \
         WHERE tenant = ?1 AND id = ?2",
        params![tenant.as_str(), id, EXPIRIES, now, WORKER_LOST],
    )
    .map(drop)
}

struct Due {
    tenant: TenantId,
    task: String,
    /// How many of the tenant's own go before it, those in flight included.
    turn: u32,
    priority: i64,
    run_at: Millis,
}

/// Due tasks as the quota allows. The tenant with the fewest in flight goes first, so that nobody's wave makes another's buyer wait; and
/// none has more than its share, so that a worker is free when somebody else's buyer comes. A tenant's own go by priority, then by time.
fn due(conn: &dyn Connection, now: Millis, quota: Quota) -> Result<Vec<Due>, Fault> {
    let in_flight = in_flight(conn)?;
    let mut list = Vec::new();
    for tenant in tenants(conn)? {
        let taken = in_flight.get(tenant.as_str()).copied().unwrap_or(0);
        let share = quota.limit.min(quota.per_tenant.saturating_sub(taken));
        let mut mine = Vec::new();
        for priority in 0..=2_i64 {
            let room = usize::try_from(share).unwrap_or(usize::MAX).saturating_sub(mine.len());
            if room == 0 {
                break;
            }
            mine.extend(statement::all(
                conn,
                "SELECT id, run_at FROM task WHERE state = 'ready' AND tenant = ?1 AND priority = ?2 AND run_at <= ?3 \
                 ORDER BY run_at, id LIMIT ?4",
                params![tenant.as_str(), priority, now, i64::try_from(room).unwrap_or(i64::MAX)],
                |row| Ok((priority, row.get::<String>(0)?, row.get(1)?)),
            )?);
        }
        list.extend((taken..).zip(mine).map(|(turn, (priority, task, run_at))| Due {
            tenant: tenant.clone(),
            task,
            turn,
            priority,
            run_at,
        }));
    }
    list.sort_by(|a, b| {
        (a.turn, a.priority, a.run_at, &a.tenant, &a.task).cmp(&(b.turn, b.priority, b.run_at, &b.tenant, &b.task))
    });
    list.truncate(usize::try_from(quota.limit).unwrap_or(usize::MAX));
    Ok(list)
}

/// Leases by tenant. There are no more of them than workers.
fn in_flight(conn: &dyn Connection) -> Result<BTreeMap<String, u32>, Fault> {
    let sql = "SELECT tenant, count(*) FROM task WHERE state = 'leased' GROUP BY tenant";
    let counts = statement::all(conn, sql, &[], |row| Ok((row.get::<String>(0)?, row.get::<i64>(1)?)))?;
    Ok(counts.into_iter().map(|(tenant, count)| (tenant, u32::try_from(count).unwrap_or(u32::MAX))).collect())
}

/// Tenants with a ready task: one probe of the index for each, however many tasks they have.
fn tenants(conn: &dyn Connection) -> Result<Vec<TenantId>, Fault> {
    let mut tenants: Vec<TenantId> = Vec::new();
    loop {
        let after = tenants.last().map_or("", TenantId::as_str);
        let sql = "SELECT min(tenant) FROM task WHERE state = 'ready' AND tenant > ?1";
        match statement::one(conn, sql, params![after], |row| row.get::<Option<String>>(0))?.flatten() {
            Some(next) => tenants.push(column::tenant(next)?),
            None => return Ok(tenants),
        }
    }
}

/// Leases a ready task.
fn lease(conn: &dyn Connection, tenant: &TenantId, id: &str, until: Millis) -> Result<TaskLease, Fault> {
    let claimed = statement::one(
        conn,
        "UPDATE task SET state = 'leased', claimed = wanted, lease_until = ?3, lease_token = lease_token + 1, due_by = NULL, \
         not_before = NULL, next_priority = NULL WHERE tenant = ?1 AND id = ?2 AND state = 'ready' \
         RETURNING kind, subject, token_sealed, claimed, done, lease_token, attempts, priority, released",
        params![tenant.as_str(), id, until],
        |row| {
            let lease = TaskLease {
                tenant: tenant.clone(),
                task: id.to_owned(),
                subject: column::task_subject(row.get(0)?, row.get(1)?)?,
                token_sealed: row.get(2)?,
                generation: row.get(3)?,
                lease_token: row.get(5)?,
                lease_until: until,
                attempts: row.get(6)?,
                priority: column::priority(row.get(7)?)?,
                released: row.get(8)?,
                hints: Vec::new(),
            };
            Ok((lease, row.get::<i64>(4)?))
        },
    )?;
    let (mut lease, done) = claimed.ok_or(Fault::Corrupt("a ready task vanished inside a transaction"))?;
    lease.hints = unanswered(conn, tenant, id, done)?;
    Ok(lease)
}

/// What a claim made now has to answer.
fn unanswered(conn: &dyn Connection, tenant: &TenantId, task: &str, done: i64) -> Result<Vec<Hint>, Fault> {
    statement::all(
        conn,
        "SELECT id, correlation, traceparent, state, movement, ticket, received_at FROM notification \
         WHERE tenant = ?1 AND task = ?2 AND gen > ?3 ORDER BY gen",
        params![tenant.as_str(), task, done],
        tasks::hint,
    )
}

pub fn adopt(conn: &dyn Connection, lease: &TaskLease, file: &str, now: Millis) -> Result<Adoption, Fault> {
    let tenant = &lease.tenant;
    let Some(task) = tasks::by_id(conn, tenant, &lease.task)?
        .filter(|task| task.state == State::Leased && task.lease_token == lease.lease_token)
    else {
        return Ok(Adoption::LeaseLost);
    };
    if let TaskSubject::Token(mac) = &lease.subject {
        tasks::save_alias(conn, tenant, mac, None, file)?;
    }
    let Some(mut other) = tasks::by_subject(conn, tenant, &TaskSubject::File(file.to_owned()))? else {
        let sql = "UPDATE task SET kind = 'file', subject = ?3, token_sealed = NULL WHERE tenant = ?1 AND id = ?2";
        conn.run(sql, params![tenant.as_str(), &task.id, file])?;
        return Ok(Adoption::Adopted);
    };
    if other.id == task.id {
        return Ok(Adoption::Adopted);
    }
    // What is unanswered follows what the file's task already wants, in the same order; what is answered stays answered.
    let offset = other.wanted - task.done;
    conn.run(
        "UPDATE notification SET task = ?3, gen = CASE WHEN gen > ?4 THEN gen + ?5 ELSE ?6 END WHERE tenant = ?1 AND task = ?2",
        params![tenant.as_str(), &task.id, &other.id, task.done, offset, other.done],
    )?;
    // Its runs answered what is answered: their generations were the other count's.
    let sql = "UPDATE run SET task = ?3, gen = ?4 WHERE tenant = ?1 AND task = ?2";
    conn.run(sql, params![tenant.as_str(), &task.id, &other.id, other.done])?;
    let priority = task.next_priority.map_or(task.priority, |next| next.min(task.priority));
    let generations = task.wanted - task.done;
    other.called(&Call { priority, run_at: now, due_by: now, trailing: false, generations, token_sealed: None });
    tasks::save(conn, tenant, &other)?;
    conn.run("DELETE FROM task WHERE tenant = ?1 AND id = ?2", params![tenant.as_str(), &task.id])?;
    Ok(Adoption::Merged)
}
