//! The budget of calls to another system: an exact sliding window.
//!
//! Owns the count and the pause. A counter per calendar minute would let twice the limit through around the full minute, and the other
//! side counts its own minutes.

use passerelle_flow::identity::Millis;
use passerelle_flow::store::{Spend, Spent};

use crate::{Connection, Fault, params, statement};

pub fn spend(conn: &dyn Connection, spend: &Spend) -> Result<Spent, Fault> {
    if let Some(until) = paused(conn, &spend.scope, spend.now)? {
        return Ok(Spent::WaitUntil(until));
    }
    // A call at T counts until just before T + window.
    let gone = spend.now.saturating_sub(spend.window);
    conn.run("DELETE FROM spending WHERE scope = ?1 AND at <= ?2", params![&spend.scope, gone])?;
    let calls = statement::all(
        conn,
        "SELECT at, spent FROM spending WHERE scope = ?1 ORDER BY at",
        params![&spend.scope],
        |row| Ok((row.get::<Millis>(0)?, row.get::<i64>(1)?)),
    )?;
    let spent: i64 = calls.iter().map(|(_, spent)| spent).sum();
    let mut missing = spent.saturating_add(1).saturating_add(spend.reserve).saturating_sub(spend.limit);
    if missing <= 0 {
        conn.run(
            "INSERT INTO spending(scope, at, spent) VALUES(?1, ?2, 1) ON CONFLICT(scope, at) DO UPDATE SET spent = spent + 1",
            params![&spend.scope, spend.now],
        )?;
        return Ok(Spent::Granted);
    }
    // When so many of the oldest have left the window; when even an empty window is too small, ask again after a whole one.
    for (at, spent) in calls {
        missing -= spent;
        if missing <= 0 {
            return Ok(Spent::WaitUntil(at.saturating_add(spend.window)));
        }
    }
    Ok(Spent::WaitUntil(spend.now.saturating_add(spend.window)))
}

pub fn paused(conn: &dyn Connection, scope: &str, now: Millis) -> Result<Option<Millis>, Fault> {
    let sql = "SELECT until FROM pause WHERE scope = ?1 AND until > ?2";
    statement::one(conn, sql, params![scope, now], |row| row.get(0))
}

/// A shorter pause does not end a longer one.
pub fn pause(conn: &dyn Connection, scope: &str, until: Millis) -> Result<(), Fault> {
    conn.run(
        "INSERT INTO pause(scope, until) VALUES(?1, ?2) ON CONFLICT(scope) DO UPDATE SET until = max(pause.until, excluded.until)",
        params![scope, until],
    )
    .map(drop)
}
