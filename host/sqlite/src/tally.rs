//! Where passes stand on their two lines, and how many stand where.
//!
//! Owns positions and the counters. Every write of what a list shows goes through [`enter`] or [`moved`], in its own transaction, so that the
//! counters are those of the rows at any moment. Does not own the lists (`pass_list`).
//!
//! A position is only ever given at the end of a line: nothing is put in between, so a stretch never has to be split. It can run empty,
//! because a pass that changes leaves its place; neighbours that have run low are joined whenever a new stretch is begun, which keeps their
//! number at about twice what the passes need.

use passerelle_flow::identity::{Millis, PassId, TenantId};

use crate::{Connection, Fault, Row, params, statement};

/// Positions of a millisecond, as a power of two: a million changes fit, more than any disk commits, and dates until 2248.
const WITHIN: u32 = 20;
/// Passes of a stretch. A page skips whole stretches and walks within one: 4,096 index entries take about 0.3 ms, as long as it takes to
/// read the counters of a million passes, which is the balance.
pub(crate) const STRETCH: i64 = 4_096;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    Born,
    Touched,
}

impl Line {
    pub(crate) const fn column(self) -> &'static str {
        match self {
            Self::Born => "born",
            Self::Touched => "touched",
        }
    }

    pub(crate) const fn index(self) -> &'static str {
        match self {
            Self::Born => "pass_born",
            Self::Touched => "pass_touched",
        }
    }
}

/// The first position of a millisecond.
pub(crate) const fn position_at(at: Millis) -> i64 {
    at.saturating_mul(1 << WITHIN)
}

/// When a position was given.
pub(crate) const fn date_of(position: i64) -> Millis {
    position >> WITHIN
}

/// What is counted of a pass, and where.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    born: i64,
    touched: i64,
    template: String,
    state: String,
    wallets: String,
    apple_since: Option<i64>,
    google_since: Option<i64>,
    successor: Option<String>,
}

impl Standing {
    fn counted(&self) -> (&str, &str, &str) {
        (&self.template, &self.state, &self.wallets)
    }
}

/// To be read before the pass is written; none: there is no such pass.
pub(crate) fn standing(conn: &dyn Connection, tenant: &TenantId, pass: &PassId) -> Result<Option<Standing>, Fault> {
    let sql = "SELECT born, touched, template, state, wallets, apple_since, google_since, successor FROM pass WHERE tenant = ?1 AND id = ?2";
    let read = |row: &dyn Row| {
        Ok(Standing {
            born: row.get(0)?,
            touched: row.get(1)?,
            template: row.get(2)?,
            state: row.get(3)?,
            wallets: row.get(4)?,
            apple_since: row.get(5)?,
            google_since: row.get(6)?,
            successor: row.get(7)?,
        })
    };
    statement::one(conn, sql, params![tenant.as_str(), pass.as_str()], read)
}

/// A pass that was inserted at no position gets its first one on both lines.
pub(crate) fn enter(conn: &dyn Connection, tenant: &TenantId, pass: &PassId, now: Millis) -> Result<(), Fault> {
    let position = next(conn, tenant, now)?;
    let sql = "UPDATE pass SET born = ?3, touched = ?3 WHERE tenant = ?1 AND id = ?2";
    conn.run(sql, params![tenant.as_str(), pass.as_str(), position])?;
    let Some(after) = standing(conn, tenant, pass)? else { return Err(Fault::PASS_VANISHED) };
    for line in [Line::Born, Line::Touched] {
        let start = tail(conn, tenant, line, position)?;
        add(conn, tenant, line, start, &after)?;
    }
    Ok(())
}

/// The pass was written. It goes to the end of the line of changes if a list shows a difference, or if `shown` says so of what stands elsewhere.
pub(crate) fn moved(
    conn: &dyn Connection,
    tenant: &TenantId,
    pass: &PassId,
    before: &Standing,
    shown: bool,
    now: Millis,
) -> Result<(), Fault> {
    let Some(mut after) = standing(conn, tenant, pass)? else { return Err(Fault::PASS_VANISHED) };
    if !shown && after == *before {
        return Ok(());
    }
    after.touched = next(conn, tenant, now)?;
    let sql = "UPDATE pass SET touched = ?3 WHERE tenant = ?1 AND id = ?2";
    conn.run(sql, params![tenant.as_str(), pass.as_str(), after.touched])?;
    let same = after.counted() == before.counted();
    if !same {
        let start = stretch(conn, tenant, Line::Born, before.born)?;
        add(conn, tenant, Line::Born, start, &after)?;
        take(conn, tenant, Line::Born, start, before)?;
    }
    let from = stretch(conn, tenant, Line::Touched, before.touched)?;
    let last = last(conn, tenant, Line::Touched)?;
    if same && last == Some(from) {
        // It was in the last stretch and stays there: a burst of changes counts nothing.
        return Ok(());
    }
    // Taken first: a stretch that is begun joins others, and this one may be among them.
    take(conn, tenant, Line::Touched, from, before)?;
    let to = tail(conn, tenant, Line::Touched, after.touched)?;
    add(conn, tenant, Line::Touched, to, &after)
}

/// There is one writer, so positions rise in commit order, also when the clock goes back.
fn next(conn: &dyn Connection, tenant: &TenantId, now: Millis) -> Result<i64, Fault> {
    let sql = "INSERT INTO pass_clock(tenant, value) VALUES(?1, ?2) \
               ON CONFLICT(tenant) DO UPDATE SET value = max(value + 1, excluded.value) RETURNING value";
    statement::one(conn, sql, params![tenant.as_str(), position_at(now)], |row| row.get(0))?
        .ok_or(Fault::Corrupt("a position was not given"))
}

fn last(conn: &dyn Connection, tenant: &TenantId, line: Line) -> Result<Option<i64>, Fault> {
    let sql = "SELECT start FROM pass_tally WHERE tenant = ?1 AND line = ?2 ORDER BY start DESC LIMIT 1";
    statement::one(conn, sql, params![tenant.as_str(), line.column()], |row| row.get(0))
}

/// The stretch that a position is in.
fn stretch(conn: &dyn Connection, tenant: &TenantId, line: Line, position: i64) -> Result<i64, Fault> {
    let sql =
        "SELECT start FROM pass_tally WHERE tenant = ?1 AND line = ?2 AND start <= ?3 ORDER BY start DESC LIMIT 1";
    statement::one(conn, sql, params![tenant.as_str(), line.column(), position], |row| row.get(0))?
        .ok_or(Fault::Corrupt("pass_tally.start"))
}

/// The last stretch; a new one, from this position on, when it is full.
fn tail(conn: &dyn Connection, tenant: &TenantId, line: Line, position: i64) -> Result<i64, Fault> {
    let Some(start) = last(conn, tenant, line)? else { return Ok(position) };
    let sql = "SELECT sum(passes) FROM pass_tally WHERE tenant = ?1 AND line = ?2 AND start = ?3";
    if statement::number(conn, sql, params![tenant.as_str(), line.column(), start])? < STRETCH {
        return Ok(start);
    }
    join(conn, tenant, line)?;
    Ok(position)
}

/// Makes one of neighbours that have run low.
fn join(conn: &dyn Connection, tenant: &TenantId, line: Line) -> Result<(), Fault> {
    let sql = "SELECT start, sum(passes) FROM pass_tally WHERE tenant = ?1 AND line = ?2 GROUP BY start ORDER BY start";
    let starts: Vec<(i64, i64)> =
        statement::all(conn, sql, params![tenant.as_str(), line.column()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut kept: Option<(i64, i64)> = None;
    for (start, passes) in starts {
        match &mut kept {
            Some((into, sum)) if *sum + passes <= STRETCH => {
                conn.run(
                    "INSERT INTO pass_tally(tenant, line, start, template, state, wallets, passes) \
                     SELECT tenant, line, ?4, template, state, wallets, passes FROM pass_tally \
                     WHERE tenant = ?1 AND line = ?2 AND start = ?3 \
                     ON CONFLICT(tenant, line, start, template, state, wallets) DO UPDATE SET passes = passes + excluded.passes",
                    params![tenant.as_str(), line.column(), start, *into],
                )?;
                let sql = "DELETE FROM pass_tally WHERE tenant = ?1 AND line = ?2 AND start = ?3";
                conn.run(sql, params![tenant.as_str(), line.column(), start])?;
                *sum += passes;
            }
            other => *other = Some((start, passes)),
        }
    }
    Ok(())
}

fn add(conn: &dyn Connection, tenant: &TenantId, line: Line, start: i64, of: &Standing) -> Result<(), Fault> {
    conn.run(
        "INSERT INTO pass_tally(tenant, line, start, template, state, wallets, passes) VALUES(?1, ?2, ?3, ?4, ?5, ?6, 1) \
         ON CONFLICT(tenant, line, start, template, state, wallets) DO UPDATE SET passes = passes + 1",
        params![tenant.as_str(), line.column(), start, &of.template, &of.state, &of.wallets],
    )
    .map(drop)
}

/// One less; a row of none is none.
fn take(conn: &dyn Connection, tenant: &TenantId, line: Line, start: i64, of: &Standing) -> Result<(), Fault> {
    let row = params![tenant.as_str(), line.column(), start, &of.template, &of.state, &of.wallets];
    let of_row = "tenant = ?1 AND line = ?2 AND start = ?3 AND template = ?4 AND state = ?5 AND wallets = ?6";
    if conn.run(&format!("DELETE FROM pass_tally WHERE {of_row} AND passes = 1"), row)? == 0
        && conn.run(&format!("UPDATE pass_tally SET passes = passes - 1 WHERE {of_row}"), row)? == 0
    {
        return Err(Fault::Corrupt("pass_tally.passes"));
    }
    Ok(())
}

/// One more, or one less, of those that have an attribute of that name.
pub(crate) fn attribute(
    conn: &dyn Connection,
    tenant: &TenantId,
    kind: &str,
    name: &str,
    by: i64,
) -> Result<(), Fault> {
    conn.run(
        "INSERT INTO pass_attribute_tally(tenant, kind, name, passes) VALUES(?1, ?2, ?3, ?4) \
         ON CONFLICT(tenant, kind, name) DO UPDATE SET passes = passes + excluded.passes",
        params![tenant.as_str(), kind, name, by],
    )
    .map(drop)
}
