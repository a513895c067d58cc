//! What is kept for Google's sake: root keys, the round of looks at what is installed, what was brought to Google, and the count
//! of notifications.
//!
//! Owns where a round stands. Does not own what a look finds (the flow's).

use passerelle_flow::identity::{Millis, PassId, TenantId};
use passerelle_flow::store::{Brought, EffectKind, KeptRoots};

use crate::{Connection, Fault, column, params, statement};

pub fn roots(conn: &dyn Connection, url: &str) -> Result<Option<KeptRoots>, Fault> {
    let sql = "SELECT document, renew_at, expires_at FROM google_roots WHERE url = ?1";
    statement::one(conn, sql, params![url], |row| {
        Ok(KeptRoots { document: row.get(0)?, renew_at: row.get(1)?, expires_at: row.get(2)? })
    })
}

pub fn keep_roots(conn: &dyn Connection, url: &str, roots: &KeptRoots) -> Result<(), Fault> {
    conn.run(
        "INSERT INTO google_roots(url, document, renew_at, expires_at) VALUES(?1, ?2, ?3, ?4) \
         ON CONFLICT(url) DO UPDATE SET document = excluded.document, renew_at = excluded.renew_at, \
         expires_at = excluded.expires_at",
        params![url, &roots.document, roots.renew_at, roots.expires_at],
    )
    .map(drop)
}

/// Where a tenant's round stands.
struct Round {
    begun_at: Millis,
    /// The last pass that was handed out; none: the round is over.
    cursor: Option<String>,
}

pub fn claim_presence(
    conn: &dyn Connection,
    now: Millis,
    every: Millis,
    limit: u32,
) -> Result<Option<(TenantId, Vec<PassId>)>, Fault> {
    if let Some((tenant, passes)) = asked(conn, now, limit)? {
        return hand_out(tenant, passes);
    }
    let mut tenant = String::new();
    while let Some(next) = next_tenant(conn, &tenant)? {
        tenant = next;
        let round = round(conn, &tenant)?;
        let (begun_at, cursor) = match round {
            // What was just saved need not be looked at: the first round begins when it would be the second one's time.
            None => {
                stand(conn, &tenant, now, None)?;
                continue;
            }
            Some(Round { begun_at, cursor: Some(cursor) }) => (begun_at, cursor),
            Some(Round { begun_at, cursor: None }) if begun_at.saturating_add(every) <= now => (now, String::new()),
            Some(_) => continue,
        };
        let passes = after(conn, &tenant, &cursor, limit)?;
        let whole = passes.len() == usize::try_from(limit).unwrap_or(usize::MAX);
        stand(conn, &tenant, begun_at, passes.last().filter(|_| whole))?;
        if !passes.is_empty() {
            return hand_out(tenant, passes);
        }
    }
    Ok(None)
}

/// Where the tenant's round stands from now on.
fn stand(conn: &dyn Connection, tenant: &str, begun_at: Millis, cursor: Option<&String>) -> Result<(), Fault> {
    conn.run(
        "INSERT INTO google_round(tenant, begun_at, position) VALUES(?1, ?2, ?3) \
         ON CONFLICT(tenant) DO UPDATE SET begun_at = excluded.begun_at, position = excluded.position",
        params![tenant, begun_at, cursor],
    )
    .map(drop)
}

pub fn end_round(conn: &dyn Connection, tenant: &TenantId) -> Result<(), Fault> {
    conn.run("UPDATE google_round SET position = NULL WHERE tenant = ?1", params![tenant.as_str()]).map(drop)
}

fn hand_out(tenant: String, passes: Vec<String>) -> Result<Option<(TenantId, Vec<PassId>)>, Fault> {
    let passes = passes.into_iter().map(column::pass_id).collect::<Result<_, _>>()?;
    Ok(Some((column::tenant(tenant)?, passes)))
}

/// Those that somebody wants looked at, of the tenant that has waited longest.
fn asked(conn: &dyn Connection, now: Millis, limit: u32) -> Result<Option<(String, Vec<String>)>, Fault> {
    let sql = "SELECT tenant FROM google_recheck WHERE at <= ?1 ORDER BY at LIMIT 1";
    let Some(tenant) = statement::one(conn, sql, params![now], |row| row.get::<String>(0))? else { return Ok(None) };
    let sql = "SELECT pass FROM google_recheck WHERE tenant = ?1 AND at <= ?2 ORDER BY at, pass LIMIT ?3";
    let passes = statement::all(conn, sql, params![&tenant, now, limit], |row| row.get::<String>(0))?;
    for pass in &passes {
        conn.run("DELETE FROM google_recheck WHERE tenant = ?1 AND pass = ?2", params![&tenant, pass])?;
    }
    Ok(Some((tenant, passes)))
}

/// The tenant after this one that Google holds objects of: one probe of the key, whatever their number.
fn next_tenant(conn: &dyn Connection, after: &str) -> Result<Option<String>, Fault> {
    let kind = column::of_effect_kind(EffectKind::GoogleObject);
    let sql = "SELECT tenant FROM effect WHERE tenant > ?1 AND kind = ?2 ORDER BY tenant LIMIT 1";
    statement::one(conn, sql, params![after, kind], |row| row.get(0))
}

fn round(conn: &dyn Connection, tenant: &str) -> Result<Option<Round>, Fault> {
    let sql = "SELECT begun_at, position FROM google_round WHERE tenant = ?1";
    statement::one(conn, sql, params![tenant], |row| Ok(Round { begun_at: row.get(0)?, cursor: row.get(1)? }))
}

/// The next passes that were brought to Google and whose facts are not erased: after its event nobody asks for a pass any more.
fn after(conn: &dyn Connection, tenant: &str, cursor: &str, limit: u32) -> Result<Vec<String>, Fault> {
    let kind = column::of_effect_kind(EffectKind::GoogleObject);
    statement::all(
        conn,
        "SELECT e.target FROM effect e JOIN sealed_part s ON s.tenant = e.tenant AND s.pass = e.target \
         WHERE e.tenant = ?1 AND e.kind = ?2 AND e.target > ?3 AND e.have > 0 ORDER BY e.target LIMIT ?4",
        params![tenant, kind, cursor, limit],
        |row| row.get(0),
    )
}

/// A look that is asked for twice is one, at the earlier time.
pub fn recheck(conn: &dyn Connection, tenant: &TenantId, pass: &PassId, at: Millis) -> Result<(), Fault> {
    conn.run(
        "INSERT INTO google_recheck(tenant, pass, at) VALUES(?1, ?2, ?3) \
         ON CONFLICT(tenant, pass) DO UPDATE SET at = min(google_recheck.at, excluded.at)",
        params![tenant.as_str(), pass.as_str(), at],
    )
    .map(drop)
}

pub fn brought(conn: &dyn Connection, tenant: &TenantId, resource: &str) -> Result<Option<Brought>, Fault> {
    let sql = "SELECT body, told, template FROM google_brought WHERE tenant = ?1 AND resource = ?2";
    statement::one(conn, sql, params![tenant.as_str(), resource], |row| {
        Ok(Brought { body: row.get(0)?, told: row.get(1)?, template: row.get(2)? })
    })
}

pub fn keep_brought(conn: &dyn Connection, tenant: &TenantId, resource: &str, brought: &Brought) -> Result<(), Fault> {
    conn.run(
        "INSERT INTO google_brought(tenant, resource, body, told, template) VALUES(?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT(tenant, resource) DO UPDATE SET body = excluded.body, told = excluded.told, \
         template = excluded.template",
        params![tenant.as_str(), resource, &brought.body, &brought.told, &brought.template],
    )
    .map(drop)
}

pub fn take_notification(
    conn: &dyn Connection,
    tenant: &TenantId,
    target: &str,
    along: Option<&str>,
    (now, window): (Millis, Millis),
    most: i64,
) -> Result<bool, Fault> {
    let tenant = tenant.as_str();
    let gone = now.saturating_sub(window);
    conn.run(
        "DELETE FROM google_notified WHERE tenant = ?1 AND target = ?2 AND at <= ?3",
        params![tenant, target, gone],
    )?;
    let sql = "SELECT coalesce(sum(times), 0) FROM google_notified \
               WHERE tenant = ?1 AND target IN (?2, ?3) AND at > ?4";
    if statement::number(conn, sql, params![tenant, target, along.unwrap_or(target), gone])? >= most {
        return Ok(false);
    }
    conn.run(
        "INSERT INTO google_notified(tenant, target, at, times) VALUES(?1, ?2, ?3, 1) \
         ON CONFLICT(tenant, target, at) DO UPDATE SET times = times + 1",
        params![tenant, target, now],
    )?;
    Ok(true)
}

pub fn give_back_notification(conn: &dyn Connection, tenant: &TenantId, target: &str, at: Millis) -> Result<(), Fault> {
    let sql =
        "UPDATE google_notified SET times = times - 1 WHERE tenant = ?1 AND target = ?2 AND at = ?3 AND times > 0";
    conn.run(sql, params![tenant.as_str(), target, at]).map(drop)
}
