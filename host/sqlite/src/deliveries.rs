//! Deliveries: one happening to one endpoint, until it was taken or given up.
//!
//! Owns who may be sent, the leases, and what an attempt leaves behind. Those of a pass go out one after the other: the one of the lowest number
//! is `ready` or `leased` and the others are `queued` behind it, so that a claim never reads what may not go yet. Does not own what is sent.

use std::collections::BTreeMap;

use passerelle_flow::identity::{Millis, TenantId};
use passerelle_flow::store::{
    DeliveryAttempt, DeliveryEnd, DeliveryFinish, DeliveryFinished, DeliveryLease, DeliveryQuota, DisabledFor,
    Happening, Webhook,
};

use crate::{Connection, Fault, column, happenings, params, statement, webhooks};

/// As with tasks: leases that may run out before a delivery counts as one that kills its workers.
const EXPIRIES: i64 = 3;

const WORKER_LOST: &str = "worker-lost";

/// An endpoint is to get a happening of now: behind the earlier ones of its pass.
pub(crate) fn want(
    conn: &dyn Connection,
    tenant: &TenantId,
    webhook: &str,
    happening: &Happening,
    seq: Option<i64>,
    now: Millis,
) -> Result<(), Fault> {
    let pass = happening.pass.as_ref().map(|pass| pass.as_str());
    conn.run(
        "INSERT INTO delivery(tenant, webhook, happening, pass, seq, state, created_at, run_at, lease_until, lease_token, attempts, expiries) \
         VALUES(?1, ?2, ?3, ?4, ?5, CASE WHEN EXISTS(SELECT 1 FROM delivery d WHERE d.tenant = ?1 AND d.webhook = ?2 AND d.pass = ?4 \
         AND d.state IN ('ready', 'queued', 'leased')) THEN 'queued' ELSE 'ready' END, ?6, ?6, 0, 0, 0, 0)",
        params![tenant.as_str(), webhook, &happening.id, pass, seq, now],
    )
    .map(drop)
}

/// Who of a pass goes next: nobody while one is under way, else the one of the lowest number.
pub(crate) fn line_up(conn: &dyn Connection, tenant: &TenantId, webhook: &str, pass: &str) -> Result<(), Fault> {
    let key = params![tenant.as_str(), webhook, pass];
    const LEASED: &str = "EXISTS(SELECT 1 FROM delivery l WHERE l.tenant = ?1 AND l.webhook = ?2 AND l.pass = ?3 AND l.state = 'leased')";
    const LOWEST: &str = "(SELECT min(f.seq) FROM delivery f WHERE f.tenant = ?1 AND f.webhook = ?2 AND f.pass = ?3 \
        AND f.state IN ('ready', 'queued', 'leased'))";
    conn.run(
        &format!(
            "UPDATE delivery SET state = 'queued' WHERE tenant = ?1 AND webhook = ?2 AND pass = ?3 AND state = 'ready' \
             AND ({LEASED} OR seq > {LOWEST})"
        ),
        key,
    )?;
    conn.run(
        &format!(
            "UPDATE delivery SET state = 'ready' WHERE tenant = ?1 AND webhook = ?2 AND pass = ?3 AND state = 'queued' \
             AND NOT {LEASED} AND seq = {LOWEST}"
        ),
        key,
    )
    .map(drop)
}

/// What waits for an endpoint is given up.
pub(crate) fn give_up(
    conn: &dyn Connection,
    tenant: &TenantId,
    webhook: &str,
    why: &str,
    now: Millis,
) -> Result<(), Fault> {
    conn.run(
        "UPDATE delivery SET ended_at = ?3, state = CASE WHEN delivered THEN 'delivered' ELSE 'dead' END, \
         last_error = CASE WHEN delivered THEN NULL ELSE ?4 END FROM (SELECT d.happening AS id, EXISTS (SELECT 1 FROM delivery_attempt a \
         WHERE a.tenant = d.tenant AND a.webhook = d.webhook AND a.happening = d.happening AND a.status BETWEEN 200 AND 299) AS delivered \
         FROM delivery d WHERE d.tenant = ?1 AND d.webhook = ?2 AND d.state IN ('ready', 'queued')) AS waiting \
         WHERE tenant = ?1 AND webhook = ?2 AND happening = waiting.id",
        params![tenant.as_str(), webhook, now, why],
    )
    .map(drop)
}

/// An endpoint for which something waits.
struct Lane {
    webhook: Webhook,
    /// Under way to it.
    taken: u32,
    due: std::vec::IntoIter<String>,
}

impl Lane {
    fn fails(&self) -> bool {
        self.webhook.failing_since.is_some()
    }
}

pub fn claim(
    conn: &dyn Connection,
    now: Millis,
    until: Millis,
    quota: DeliveryQuota,
) -> Result<Vec<DeliveryLease>, Fault> {
    expire(conn, now)?;
    let in_flight = in_flight(conn)?;
    let mut under_way: u32 = in_flight.values().map(|(count, _)| *count).sum();
    let mut failing: u32 = in_flight.values().filter(|(_, fails)| *fails).map(|(count, _)| *count).sum();
    let mut lanes = lanes(conn, now, &quota, &in_flight)?;
    // Who has nothing under way first, then who was due first.
    lanes.sort_by_key(|(oldest, lane)| (lane.taken, *oldest));
    let mut lanes: Vec<Lane> = lanes.into_iter().map(|(_, lane)| lane).collect();
    let mut leases = Vec::new();
    let full = |leases: &Vec<DeliveryLease>| leases.len() >= usize::try_from(quota.limit).unwrap_or(usize::MAX);
    // Round by round, so that nobody's tenth is before another's first.
    loop {
        let mut found = false;
        for lane in &mut lanes {
            let most = if lane.fails() { 1 } else { quota.per_endpoint };
            let shut = (lane.fails() && failing >= quota.failing) || (lane.taken > 0 && under_way >= quota.shared);
            if full(&leases) || lane.taken >= most || shut {
                continue;
            }
            let Some(happening) = lane.due.next() else { continue };
            leases.push(lease(conn, &lane.webhook, &happening, until)?);
            lane.taken = lane.taken.saturating_add(1);
            under_way = under_way.saturating_add(1);
            failing = failing.saturating_add(u32::from(lane.fails()));
            found = true;
        }
        if !found {
            return Ok(leases);
        }
    }
}

/// A lease that has run out: the delivery goes out again, unless it has cost three workers.
fn expire(conn: &dyn Connection, now: Millis) -> Result<(), Fault> {
    let lost = statement::all(
        conn,
        "SELECT tenant, webhook, happening, pass, expiries, lease_until FROM delivery WHERE state = 'leased' AND lease_until <= ?1",
        params![now],
        |row| {
            Ok((
                column::tenant(row.get(0)?)?,
                row.get::<String>(1)?,
                row.get::<String>(2)?,
                row.get::<Option<String>>(3)?,
                row.get::<i64>(4)?,
                row.get::<Millis>(5)?,
            ))
        },
    )?;
    for (tenant, webhook, happening, pass, expiries, lease_until) in lost {
        let enabled = webhooks::one(conn, &tenant, &webhook)?.is_some_and(|webhook| webhook.settled.enabled);
        let dead = !enabled || expiries + 1 >= EXPIRIES;
        let ended = dead.then_some(now);
        conn.run(
            "UPDATE delivery SET state = ?4, ended_at = ?5, expiries = expiries + 1, attempts = attempts + 1, run_at = ?6, last_error = ?7 \
             WHERE tenant = ?1 AND webhook = ?2 AND happening = ?3",
            params![
                tenant.as_str(),
                &webhook,
                &happening,
                if dead { "dead" } else { "ready" },
                ended,
                lease_until,
                WORKER_LOST
            ],
        )?;
        if let Some(pass) = pass {
            line_up(conn, &tenant, &webhook, &pass)?;
        }
    }
    Ok(())
}

type Key = (String, String);

/// Leases by endpoint, and whether it fails. There are no more of them than workers.
fn in_flight(conn: &dyn Connection) -> Result<BTreeMap<Key, (u32, bool)>, Fault> {
    let sql = "SELECT d.tenant, d.webhook, count(*), max(w.failing_since IS NOT NULL) FROM delivery d \
         JOIN webhook w ON w.tenant = d.tenant AND w.id = d.webhook WHERE d.state = 'leased' GROUP BY d.tenant, d.webhook";
    let lanes = statement::all(conn, sql, &[], |row| {
        Ok(((row.get::<String>(0)?, row.get::<String>(1)?), (row.get::<u32>(2)?, row.get::<bool>(3)?)))
    })?;
    Ok(lanes.into_iter().collect())
}

fn lanes(
    conn: &dyn Connection,
    now: Millis,
    quota: &DeliveryQuota,
    in_flight: &BTreeMap<Key, (u32, bool)>,
) -> Result<Vec<(Millis, Lane)>, Fault> {
    let mut lanes = Vec::new();
    let mut last = (String::new(), String::new());
    loop {
        let sql = "SELECT tenant, webhook FROM delivery WHERE state = 'ready' AND (tenant, webhook) > (?1, ?2) ORDER BY tenant, webhook LIMIT 1";
        let next = statement::one(conn, sql, params![&last.0, &last.1], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let Some(next) = next else { return Ok(lanes) };
        last = next;
        let tenant = column::tenant(last.0.clone())?;
        let webhook =
            webhooks::one(conn, &tenant, &last.1)?.ok_or(Fault::Corrupt("a delivery without its endpoint"))?;
        if webhook.not_before.is_some_and(|at| at > now) {
            continue;
        }
        let taken = in_flight.get(&last).map_or(0, |(count, _)| *count);
        let share = quota.limit.min(quota.per_endpoint.saturating_sub(taken));
        let due = statement::all(
            conn,
            "SELECT happening, run_at FROM delivery WHERE state = 'ready' AND tenant = ?1 AND webhook = ?2 AND run_at <= ?3 \
             ORDER BY run_at, happening LIMIT ?4",
            params![&last.0, &last.1, now, share],
            |row| Ok((row.get::<String>(0)?, row.get::<Millis>(1)?)),
        )?;
        let Some((_, oldest)) = due.first() else { continue };
        let oldest = *oldest;
        let due = due.into_iter().map(|(happening, _)| happening).collect::<Vec<_>>().into_iter();
        lanes.push((oldest, Lane { webhook, taken, due }));
    }
}

fn lease(conn: &dyn Connection, webhook: &Webhook, happening: &str, until: Millis) -> Result<DeliveryLease, Fault> {
    let (tenant, id) = (webhook.tenant.as_str(), webhook.settled.id.as_str());
    let gone = Fault::Corrupt("a delivery vanished inside a transaction");
    let leased = statement::one(
        conn,
        "UPDATE delivery SET state = 'leased', lease_until = ?4, lease_token = lease_token + 1 \
         WHERE tenant = ?1 AND webhook = ?2 AND happening = ?3 RETURNING lease_token, attempts",
        params![tenant, id, happening, until],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let (lease_token, attempts) = leased.ok_or(gone)?;
    let happening = happenings::by_id(conn, &webhook.tenant, happening)?;
    let happening = happening.ok_or(Fault::Corrupt("a delivery without its happening"))?;
    Ok(DeliveryLease { webhook: webhook.clone(), happening, lease_token, attempts })
}

pub fn finish(conn: &dyn Connection, finish: &DeliveryFinish) -> Result<DeliveryFinished, Fault> {
    let (tenant, id, now) = (&finish.tenant, finish.webhook.as_str(), finish.now);
    let row = statement::one(
        conn,
        "SELECT pass, attempts FROM delivery WHERE tenant = ?1 AND webhook = ?2 AND happening = ?3 AND state = 'leased' AND lease_token = ?4",
        params![tenant.as_str(), id, &finish.happening, finish.lease_token],
        |row| Ok((row.get::<Option<String>>(0)?, row.get::<i64>(1)?)),
    )?;
    let Some((pass, attempts)) = row else { return Ok(DeliveryFinished::Lost) };
    let webhook = webhooks::one(conn, tenant, id)?.ok_or(Fault::Corrupt("a delivery without its endpoint"))?;
    if let Some(attempt) = &finish.attempt {
        record(conn, finish, attempt)?;
    }
    let more = attempts.saturating_add(1);
    let (state, run_at, attempts, error) = match &finish.end {
        DeliveryEnd::Delivered => ("delivered", now, attempts, None),
        // Off since it was claimed: nothing is tried again.
        DeliveryEnd::Retry { error, .. } if !webhook.settled.enabled => ("dead", now, more, Some(error)),
        DeliveryEnd::Wait { error, .. } if !webhook.settled.enabled => ("dead", now, attempts, Some(error)),
        DeliveryEnd::Retry { at, error, .. } => ("ready", *at, more, Some(error)),
        DeliveryEnd::Wait { at, error } => ("ready", *at, attempts, Some(error)),
        DeliveryEnd::Dead { error, .. } | DeliveryEnd::Gone { error } => ("dead", now, more, Some(error)),
        DeliveryEnd::Pointless { error } => ("dead", now, attempts, Some(error)),
    };
    let ended = (state != "ready").then_some(now);
    conn.run(
        "UPDATE delivery SET state = ?4, run_at = ?5, attempts = ?6, expiries = 0, last_error = ?7, ended_at = ?8 \
         WHERE tenant = ?1 AND webhook = ?2 AND happening = ?3",
        params![tenant.as_str(), id, &finish.happening, state, run_at, attempts, error, ended],
    )?;
    if let Some(pass) = &pass {
        line_up(conn, tenant, id, pass)?;
    }
    let disabled = blame(conn, finish, &webhook)?;
    if let Some(why) = disabled {
        webhooks::switch_off(conn, tenant, id, why, now)?;
        happenings::record(conn, tenant, std::slice::from_ref(&finish.notice), now)?;
        return Ok(DeliveryFinished::Disabled(why));
    }
    Ok(DeliveryFinished::Recorded)
}

/// What an attempt says of its endpoint. Some: it is to be switched off.
fn blame(conn: &dyn Connection, finish: &DeliveryFinish, webhook: &Webhook) -> Result<Option<DisabledFor>, Fault> {
    let (tenant, id, now) = (&finish.tenant, finish.webhook.as_str(), finish.now);
    if !webhook.settled.enabled {
        return Ok(None);
    }
    let pause = match &finish.end {
        DeliveryEnd::Delivered => {
            // One that was under way when another failed says nothing of the time after it; and a pause that was asked for runs out.
            let begun = finish.attempt.as_ref().map_or(now, |attempt| attempt.at);
            conn.run(
                "UPDATE webhook SET failing_since = NULL, failed_at = NULL WHERE tenant = ?1 AND id = ?2 AND failed_at < ?3",
                params![tenant.as_str(), id, begun],
            )?;
            return Ok(None);
        }
        DeliveryEnd::Gone { .. } => return Ok(Some(DisabledFor::Gone)),
        DeliveryEnd::Wait { .. } | DeliveryEnd::Pointless { .. } => return Ok(None),
        DeliveryEnd::Retry { pause, .. } | DeliveryEnd::Dead { pause, .. } => *pause,
    };
    let since = statement::one(
        conn,
        "UPDATE webhook SET failing_since = CASE WHEN failed_at IS NULL OR failed_at < ?3 THEN ?4 ELSE failing_since END, failed_at = ?4, \
         not_before = max(coalesce(not_before, 0), ?5) WHERE tenant = ?1 AND id = ?2 RETURNING failing_since",
        params![tenant.as_str(), id, finish.failed_before, now, pause],
        |row| row.get::<Millis>(0),
    )?;
    Ok(since.filter(|since| *since <= finish.failing_before).map(|_| DisabledFor::Failing))
}

fn record(conn: &dyn Connection, finish: &DeliveryFinish, attempt: &DeliveryAttempt) -> Result<(), Fault> {
    conn.run(
        "INSERT INTO delivery_attempt(tenant, webhook, happening, n, at, took_ms, status, error, response_sealed) \
         VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            finish.tenant.as_str(),
            &finish.webhook,
            &finish.happening,
            attempt.n,
            attempt.at,
            attempt.took_ms,
            attempt.status.map(i64::from),
            &attempt.error,
            attempt.response_sealed.as_deref()
        ],
    )
    .map(drop)
}
