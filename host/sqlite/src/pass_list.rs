//! Lists of passes: a page, its total, and what is shown of each pass.
//!
//! Owns the way to a page. There are three: along a line by the counters (`line`), out of few (`gather`), row by row (`walk`). All give the same
//! page; which of them is fast depends on how many passes there are, and is decided by counting (`driver`). Does not own the counters (`tally`) nor
//! what an order promises (`passerelle_flow::store`).

mod condition;
mod count;
mod driver;
mod gather;
mod line;
mod walk;

use passerelle_flow::identity::{PassId, TenantId};
use passerelle_flow::store::{Count, ListedPass, Order, PassPage, PassQuery, Position, Start, Wallets};

use self::driver::Driver;
use self::line::Stretches;
use crate::tally::{Line, date_of};
use crate::{Connection, Fault, attributes, column, params, statement};

/// A pass, and its place in the order.
type Placed = (Position, PassId);

pub fn list(conn: &dyn Connection, query: &PassQuery) -> Result<PassPage, Fault> {
    if query.conditions.iter().any(condition::is_impossible) {
        let total = (query.count != Count::Never).then_some(0);
        return Ok(PassPage { passes: vec![], more: false, total });
    }
    // One more than is shown: whether there are more.
    let wanted = usize::try_from(query.limit).unwrap_or(usize::MAX).saturating_add(1);
    let (total, mut placed) = match guided(conn, query, wanted)? {
        Some((total, placed)) => ((query.count != Count::Never).then_some(total), placed),
        None => {
            let total = match query.count {
                Count::Never => None,
                Count::IfKept => count::kept(conn, &query.tenant, &query.conditions)?,
                Count::Always => Some(count::all(conn, &query.tenant, &query.conditions)?),
            };
            // Nobody looks for what is not there.
            let none = total == Some(0);
            (total, if none { vec![] } else { page(conn, query, wanted)? })
        }
    };
    let more = placed.len() >= wanted;
    placed.truncate(wanted - 1);
    let mut passes = Vec::with_capacity(placed.len());
    for (position, id) in placed {
        passes.push((position, listed(conn, &query.tenant, &id)?));
    }
    Ok(PassPage { passes, more, total: total.map(|total| u64::try_from(total).unwrap_or(0)) })
}

/// Where the counters lead to the page, they know the total as well: both with one look at them.
fn guided(conn: &dyn Connection, query: &PassQuery, wanted: usize) -> Result<Option<(i64, Vec<Placed>)>, Fault> {
    let line = match query.order {
        Order::Created => Line::Born,
        Order::Updated => Line::Touched,
        _ => return Ok(None),
    };
    if !line::is_guided(line, &query.conditions) {
        return Ok(None);
    }
    let mut stretches = Stretches::read(conn, &query.tenant, line, &query.conditions)?;
    let total = stretches.count(conn)?;
    let offset = match &query.start {
        Start::Offset(offset) => i64::try_from(*offset).unwrap_or(i64::MAX),
        Start::After(Position::Line(position)) => {
            stretches.after(*position, query.descending);
            0
        }
        Start::After(_) => return Ok(None),
    };
    let (rows, _) = stretches.page(conn, query.descending, offset, wanted)?;
    Ok(Some((total, rows.into_iter().map(|(id, position)| (Position::Line(position), id)).collect())))
}

fn page(conn: &dyn Connection, query: &PassQuery, wanted: usize) -> Result<Vec<Placed>, Fault> {
    if let Some(driver) = Driver::of(&query.conditions)
        && driver.is_selective(conn, &query.tenant)?
    {
        return gather::page(conn, query, &driver, wanted);
    }
    walk::page(conn, query, wanted)
}

fn listed(conn: &dyn Connection, tenant: &TenantId, id: &PassId) -> Result<ListedPass, Fault> {
    let sql = "SELECT kind, subject, version, state, template, successor, wallets, apple_since, google_since, born, touched \
               FROM pass WHERE tenant = ?1 AND id = ?2";
    let pass = statement::one(conn, sql, params![tenant.as_str(), id.as_str()], |row| {
        let successor: Option<String> = row.get(5)?;
        Ok(ListedPass {
            id: id.clone(),
            subject: column::pass_subject(row.get(0)?, row.get(1)?)?,
            version: row.get(2)?,
            state: column::pass_state(row.get(3)?)?,
            template: row.get(4)?,
            successor: successor.map(column::pass_id).transpose()?,
            wallets: Wallets::parse(row.get(6)?).ok_or(Fault::Corrupt("pass.wallets"))?,
            apple_since: row.get(7)?,
            google_since: row.get(8)?,
            created_at: date_of(row.get(9)?),
            updated_at: date_of(row.get(10)?),
            attributes: vec![],
        })
    })?;
    let mut pass = pass.ok_or(Fault::PASS_VANISHED)?;
    pass.attributes = attributes::of_pass(conn, tenant, id)?;
    Ok(pass)
}
