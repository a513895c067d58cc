//! What was sent and what waits, for those who look: pages, one delivery with its attempts, and how much there is.
//!
//! Owns reads only. Does not own what becomes of a delivery (`deliveries`).

use passerelle_flow::identity::{Millis, TenantId};
use passerelle_flow::store::{Delivery, DeliveryAttempt, DeliveryPage, DeliveryState, Depth, HappeningKind};

use crate::{Connection, Fault, Row, column, params, statement};

const COLUMNS: &str =
    "d.happening, h.type, d.pass, d.seq, d.state, d.created_at, d.run_at, d.attempts, d.ended_at, d.last_error";

fn read(row: &dyn Row) -> Result<Delivery, Fault> {
    Ok(Delivery {
        happening: row.get(0)?,
        kind: HappeningKind::parse(row.get(1)?).ok_or(Fault::Corrupt("happening.type"))?,
        pass: row.get::<Option<String>>(2)?.map(column::pass_id).transpose()?,
        seq: row.get(3)?,
        state: column::delivery_state(row.get(4)?)?,
        created_at: row.get(5)?,
        run_at: row.get(6)?,
        attempts: row.get(7)?,
        ended_at: row.get(8)?,
        error: row.get(9)?,
    })
}

pub fn page(
    conn: &dyn Connection,
    tenant: &TenantId,
    webhook: &str,
    page: &DeliveryPage,
) -> Result<Vec<Delivery>, Fault> {
    let states = page.states.as_deref().unwrap_or(&DeliveryState::ALL);
    // Words of ours, never of a caller.
    let states: Vec<String> = states.iter().map(|state| format!("'{}'", column::of_delivery_state(*state))).collect();
    let (at, id) = page.after.as_ref().map_or((Millis::MAX, ""), |(at, id)| (*at, id.as_str()));
    let sql = format!(
        "SELECT {COLUMNS} FROM delivery d JOIN happening h ON h.tenant = d.tenant AND h.id = d.happening \
         WHERE d.tenant = ?1 AND d.webhook = ?2 AND (d.created_at, d.happening) < (?3, ?4) AND d.state IN ({}) \
         ORDER BY d.created_at DESC, d.happening DESC LIMIT ?5",
        states.join(", ")
    );
    statement::all(conn, &sql, params![tenant.as_str(), webhook, at, id, page.limit], read)
}

pub fn one(
    conn: &dyn Connection,
    tenant: &TenantId,
    webhook: &str,
    happening: &str,
) -> Result<Option<(Delivery, Vec<DeliveryAttempt>)>, Fault> {
    let key = params![tenant.as_str(), webhook, happening];
    let sql = format!(
        "SELECT {COLUMNS} FROM delivery d JOIN happening h ON h.tenant = d.tenant AND h.id = d.happening \
         WHERE d.tenant = ?1 AND d.webhook = ?2 AND d.happening = ?3"
    );
    let Some(delivery) = statement::one(conn, &sql, key, read)? else { return Ok(None) };
    let attempts = statement::all(
        conn,
        "SELECT n, at, took_ms, status, error, response_sealed FROM delivery_attempt \
         WHERE tenant = ?1 AND webhook = ?2 AND happening = ?3 ORDER BY n",
        key,
        |row| {
            let status = row.get::<Option<i64>>(3)?.map(u16::try_from).transpose();
            Ok(DeliveryAttempt {
                n: row.get(0)?,
                at: row.get(1)?,
                took_ms: row.get(2)?,
                status: status.map_err(|_| Fault::Corrupt("delivery_attempt.status"))?,
                error: row.get(4)?,
                response_sealed: row.get(5)?,
            })
        },
    )?;
    Ok(Some((delivery, attempts)))
}

/// Adds the deliveries to what there is to do.
pub(crate) fn depth(conn: &dyn Connection, depth: &mut Depth) -> Result<(), Fault> {
    let number = |sql| statement::number(conn, sql, &[]);
    let time = |sql| Ok::<_, Fault>(statement::one(conn, sql, &[], |row| row.get::<Option<Millis>>(0))?.flatten());
    depth.deliveries_waiting = number("SELECT count(*) FROM delivery WHERE state IN ('ready', 'queued', 'leased')")?;
    depth.deliveries_dead = number("SELECT count(*) FROM delivery WHERE state = 'dead'")?;
    depth.webhooks_off = number("SELECT count(*) FROM webhook WHERE disabled_for IN ('failing', 'gone')")?;
    depth.oldest_delivery = time("SELECT min(created_at) FROM delivery WHERE state IN ('ready', 'queued', 'leased')")?;
    // Per endpoint, along the index; one that has asked for a pause has none due before it is over.
    let ready = time(
        "SELECT min(max((SELECT min(d.run_at) FROM delivery d WHERE d.state = 'ready' AND d.tenant = w.tenant AND d.webhook = w.id), \
         coalesce(w.not_before, 0))) FROM webhook w",
    )?;
    let leased = time("SELECT min(lease_until) FROM delivery WHERE state = 'leased'")?;
    depth.next_delivery = ready.into_iter().chain(leased).min();
    Ok(())
}
