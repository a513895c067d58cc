//! A page along one of the two lines, found by the counters.
//!
//! Owns how a page is reached without walking to it: stretches whose passes are all skipped, or of which none fits, are stepped over. Only
//! conditions on what is counted, and bounds on the line itself, can be answered so.

use passerelle_flow::identity::{PassId, TenantId};
use passerelle_flow::store::Condition;

use super::condition::{Sql, bounds, is_counted};
use crate::tally::Line;
use crate::{Connection, Fault, column, statement};

/// ` FROM … WHERE` the tenant: the index of a line, which has all that is counted.
pub(super) fn from(line: Line) -> String {
    format!(" FROM pass p INDEXED BY {} WHERE p.tenant = ?1", line.index())
}

/// One can step along this line by the counters.
pub(super) fn is_guided(line: Line, conditions: &[Condition]) -> bool {
    let on_line = |condition| bounds(condition).is_some_and(|(of, ..)| of == line);
    conditions.iter().all(|condition| is_counted(condition) || on_line(condition))
}

pub(super) struct Stretches<'q> {
    tenant: &'q TenantId,
    line: Line,
    counted: Vec<&'q Condition>,
    /// From, and below.
    from: i64,
    below: i64,
    /// Start, end and how many passes fit: first to last.
    list: Vec<(i64, i64, i64)>,
}

impl<'q> Stretches<'q> {
    pub(super) fn read(
        conn: &dyn Connection,
        tenant: &'q TenantId,
        line: Line,
        conditions: &'q [Condition],
    ) -> Result<Self, Fault> {
        let counted: Vec<_> = conditions.iter().filter(|condition| is_counted(condition)).collect();
        let limits = conditions.iter().filter_map(bounds);
        let (from, below) = limits.fold((i64::MIN, i64::MAX), |(from, below), (_, f, b)| (from.max(f), below.min(b)));
        let mut sql = Sql::new(tenant);
        sql.push("SELECT p.start, sum(CASE WHEN 1").and(counted.iter().copied());
        let of = sql.string(line.column());
        sql.push(&format!(
            " THEN p.passes ELSE 0 END) FROM pass_tally p WHERE p.tenant = ?1 AND p.line = {of} GROUP BY p.start ORDER BY p.start"
        ));
        let starts: Vec<(i64, i64)> =
            statement::all(conn, &sql.text, &sql.values(), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let ends = starts.iter().skip(1).map(|(start, _)| *start).chain([i64::MAX]);
        let list = starts.iter().zip(ends).map(|((start, fit), end)| (*start, end, *fit));
        let list = list.filter(|(start, end, fit)| *fit > 0 && *end > from && *start < below).collect();
        Ok(Self { tenant, line, counted, from, below, list })
    }

    /// Leaves out what is not behind this place.
    pub(super) fn after(&mut self, position: i64, descending: bool) {
        if descending {
            self.below = self.below.min(position);
        } else {
            self.from = self.from.max(position.saturating_add(1));
        }
        let (from, below) = (self.from, self.below);
        self.list.retain(|(start, end, _)| *end > from && *start < below);
    }

    /// How many of a stretch are within the bounds: counted if a bound cuts it.
    fn fitting(&self, conn: &dyn Connection, (start, end, fit): (i64, i64, i64)) -> Result<i64, Fault> {
        if start >= self.from && end <= self.below {
            return Ok(fit);
        }
        let mut sql = self.statement("SELECT count(*)", start, end);
        sql.and(self.counted.iter().copied());
        statement::number(conn, &sql.text, &sql.values())
    }

    fn statement(&self, select: &str, start: i64, end: i64) -> Sql {
        let mut sql = Sql::new(self.tenant);
        sql.push(select).push(&from(self.line));
        let column = self.line.column();
        let (start, end) = (sql.number(start.max(self.from)), sql.number(end.min(self.below)));
        sql.push(&format!(" AND p.{column} >= {start} AND p.{column} < {end}"));
        sql
    }

    pub(super) fn count(&self, conn: &dyn Connection) -> Result<i64, Fault> {
        self.list.iter().try_fold(0, |sum, stretch| Ok(sum + self.fitting(conn, *stretch)?))
    }

    /// The ids behind `offset` of them, with their positions. What is left of the offset if it leads beyond the end.
    pub(super) fn page(
        &self,
        conn: &dyn Connection,
        descending: bool,
        mut offset: i64,
        wanted: usize,
    ) -> Result<(Vec<(PassId, i64)>, i64), Fault> {
        let mut found: Vec<(PassId, i64)> = Vec::new();
        let mut stretches = self.list.clone();
        if descending {
            stretches.reverse();
        }
        let direction = if descending { " DESC" } else { "" };
        for stretch in stretches {
            if offset > 0 {
                let fitting = self.fitting(conn, stretch)?;
                if offset >= fitting {
                    offset -= fitting;
                    continue;
                }
            }
            let column = self.line.column();
            let mut sql = self.statement(&format!("SELECT p.id, p.{column}"), stretch.0, stretch.1);
            sql.and(self.counted.iter().copied());
            let limit = sql.number(i64::try_from(wanted - found.len()).unwrap_or(i64::MAX));
            let skipped = sql.number(offset);
            sql.push(&format!(" ORDER BY p.{column}{direction} LIMIT {limit} OFFSET {skipped}"));
            let rows =
                statement::all(conn, &sql.text, &sql.values(), |row| Ok((column::pass_id(row.get(0)?)?, row.get(1)?)))?;
            offset = 0;
            found.extend(rows);
            if found.len() >= wanted {
                break;
            }
        }
        Ok((found, offset))
    }
}
