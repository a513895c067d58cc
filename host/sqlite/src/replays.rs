//! Replays: a happening to an endpoint again, or for the first time, because somebody wants it.
//!
//! Owns which happenings those are. What is sent again keeps its id, so a receiver that has it already does nothing; and it goes out before later
//! ones of its pass, as ever.

use passerelle_flow::hooks::endpoint::ID;
use passerelle_flow::identity::{Millis, TenantId};
use passerelle_flow::store::{Happening, ReplaySince, ReplayStep, Replayed, StoredHappening};

use crate::{Connection, Fault, deliveries, happenings, params, plugin_requests, statement, webhooks};

pub fn one(
    conn: &dyn Connection,
    tenant: &TenantId,
    webhook: &str,
    happening: &str,
    now: Millis,
) -> Result<Replayed, Fault> {
    let Some(endpoint) = webhooks::one(conn, tenant, webhook)? else { return Ok(Replayed::Unknown) };
    let Some(stored) = happenings::by_id(conn, tenant, happening)? else { return Ok(Replayed::Unknown) };
    let state = state(conn, tenant, webhook, happening)?;
    // One that it never asked for may be somebody else's test.
    if state.is_none() && !endpoint.settled.asks_for(stored.happening.kind) {
        return Ok(Replayed::Unknown);
    }
    if !endpoint.settled.enabled {
        return Ok(Replayed::Disabled);
    }
    if state.as_deref() == Some("leased") {
        return Ok(Replayed::Sending);
    }
    again(conn, tenant, webhook, &stored, state.as_deref(), now)?;
    Ok(Replayed::Wanted)
}

pub fn since(
    conn: &dyn Connection,
    tenant: &TenantId,
    webhook: &str,
    step: &ReplaySince,
) -> Result<Option<ReplayStep>, Fault> {
    let Some(endpoint) = webhooks::one(conn, tenant, webhook)?.filter(|endpoint| endpoint.settled.enabled) else {
        return Ok(None);
    };
    let happenings = happenings::since(conn, tenant, step.since, step.after.as_ref(), step.limit)?;
    let full = u32::try_from(happenings.len()).is_ok_and(|count| count >= step.limit);
    let last = happenings.last().map(|stored| (stored.recorded_at, stored.happening.id.clone()));
    let mut wanted = 0_u64;
    for stored in happenings.iter().filter(|stored| endpoint.settled.asks_for(stored.happening.kind)) {
        let state = state(conn, tenant, webhook, &stored.happening.id)?;
        let again_too = match state.as_deref() {
            None | Some("dead") => true,
            Some("delivered") => step.delivered,
            // It is on its way.
            Some(_) => false,
        };
        if again_too {
            again(conn, tenant, webhook, stored, state.as_deref(), step.now)?;
            wanted = wanted.saturating_add(1);
        }
    }
    Ok(Some(ReplayStep { wanted, next: last.filter(|_| full) }))
}

/// Writes a test for this endpoint alone.
pub fn test(
    conn: &dyn Connection,
    tenant: &TenantId,
    webhook: &str,
    test: &Happening,
    now: Millis,
) -> Result<bool, Fault> {
    if webhooks::one(conn, tenant, webhook)?.is_none_or(|endpoint| !endpoint.settled.enabled) {
        return Ok(false);
    }
    let seq = happenings::write(conn, tenant, test, now)?;
    deliveries::want(conn, tenant, webhook, test, seq, now)?;
    Ok(true)
}

fn state(conn: &dyn Connection, tenant: &TenantId, webhook: &str, happening: &str) -> Result<Option<String>, Fault> {
    let sql = "SELECT state FROM delivery WHERE tenant = ?1 AND webhook = ?2 AND happening = ?3";
    statement::one(conn, sql, params![tenant.as_str(), webhook, happening], |row| row.get(0))
}

fn again(
    conn: &dyn Connection,
    tenant: &TenantId,
    webhook: &str,
    stored: &StoredHappening,
    state: Option<&str>,
    now: Millis,
) -> Result<(), Fault> {
    let happening = &stored.happening;
    if webhook == ID {
        plugin_requests::forget(conn, tenant, &happening.id, state == Some("delivered"))?;
    }
    if state.is_some() {
        conn.run(
            "UPDATE delivery SET state = 'ready', run_at = ?4, attempts = 0, expiries = 0, ended_at = NULL, last_error = NULL \
             WHERE tenant = ?1 AND webhook = ?2 AND happening = ?3",
            params![tenant.as_str(), webhook, &happening.id, now],
        )?;
    } else {
        deliveries::want(conn, tenant, webhook, happening, stored.seq, now)?;
    }
    match &happening.pass {
        Some(pass) => deliveries::line_up(conn, tenant, webhook, pass.as_str()),
        None => Ok(()),
    }
}
