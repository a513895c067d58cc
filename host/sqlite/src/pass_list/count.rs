//! How many passes a list has: exactly, and from the counters where they know it.

use passerelle_flow::identity::TenantId;
use passerelle_flow::store::{AttributeKind, Condition, TextTest};

use super::condition::{Sql, bounds, is_counted};
use super::driver::Driver;
use super::line::{self, Stretches};
use crate::tally::Line;
use crate::{Connection, Fault, column, params, statement};

/// The counters know it; `None`: they do not.
pub(super) fn kept(conn: &dyn Connection, tenant: &TenantId, conditions: &[Condition]) -> Result<Option<i64>, Fault> {
    // An attribute's name alone is counted by name.
    if let [Condition::Attribute { kind, name, test, .. }] = conditions {
        return match test {
            TextTest::NotEmpty => with(conn, tenant, *kind, name).map(Some),
            TextTest::Empty => {
                let all = kept(conn, tenant, &[])?.unwrap_or(0);
                Ok(Some(all - with(conn, tenant, *kind, name)?))
            }
            _ => Ok(None),
        };
    }
    let mut line = None;
    for condition in conditions {
        match bounds(condition) {
            Some((of, ..)) if line.is_none_or(|line| line == of) => line = Some(of),
            None if is_counted(condition) => {}
            _ => return Ok(None),
        }
    }
    let stretches = Stretches::read(conn, tenant, line.unwrap_or(Line::Born), conditions)?;
    stretches.count(conn).map(Some)
}

fn with(conn: &dyn Connection, tenant: &TenantId, kind: AttributeKind, name: &str) -> Result<i64, Fault> {
    let sql = "SELECT passes FROM pass_attribute_tally WHERE tenant = ?1 AND kind = ?2 AND name = ?3";
    let kind = column::of_attribute_kind(kind);
    Ok(statement::one(conn, sql, params![tenant.as_str(), kind, name], |row| row.get(0))?.unwrap_or(0))
}

/// Exactly, whatever it takes.
pub(super) fn all(conn: &dyn Connection, tenant: &TenantId, conditions: &[Condition]) -> Result<i64, Fault> {
    if let Some(kept) = kept(conn, tenant, conditions)? {
        return Ok(kept);
    }
    let mut sql = Sql::new(tenant);
    sql.push("SELECT count(*)");
    match Driver::of(conditions) {
        Some(driver) if conditions.len() == 1 => driver.entries(&mut sql),
        Some(driver) => {
            driver.from(&mut sql);
            sql.and(driver.others(conditions));
        }
        None => {
            sql.push(&line::from(Line::Born)).and(conditions);
        }
    }
    statement::number(conn, &sql.text, &sql.values())
}
