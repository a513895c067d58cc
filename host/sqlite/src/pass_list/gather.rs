//! A page out of few: all that may be in the list are looked up, and sorted.

use passerelle_flow::store::{Order, PassQuery, Position, Start};

use super::Placed;
use super::condition::{Sql, since, subject_kind};
use super::driver::Driver;
use super::walk::value_of;
use crate::{Connection, Fault, Row, column, statement};

pub(super) fn page(
    conn: &dyn Connection,
    query: &PassQuery,
    driver: &Driver<'_>,
    wanted: usize,
) -> Result<Vec<Placed>, Fault> {
    let mut sql = Sql::new(&query.tenant);
    let (first, second) = keys(&mut sql, &query.order);
    sql.push(&format!("SELECT first, second, id FROM (SELECT {first} AS first, {second} AS second, p.id AS id"));
    driver.from(&mut sql);
    sql.and(driver.others(&query.conditions)).push(")");
    let (sign, direction) = if query.descending { ("<", " DESC") } else { (">", "") };
    let mut skipped = 0;
    match &query.start {
        Start::Offset(offset) => skipped = i64::try_from(*offset).unwrap_or(i64::MAX),
        Start::After(position) => {
            let place = after(&mut sql, position, sign);
            sql.push(&format!(" WHERE {place}"));
        }
    }
    let limit = sql.number(i64::try_from(wanted).unwrap_or(i64::MAX));
    let skipped = sql.number(skipped);
    let second = if query.order == Order::Template { "second" } else { "id" };
    sql.push(&format!(" ORDER BY first IS NULL, first{direction}, {second}{direction} LIMIT {limit} OFFSET {skipped}"));
    statement::all(conn, &sql.text, &sql.values(), |row| read(&query.order, row))
}

/// What is sorted by, and what by where that is equal.
fn keys(sql: &mut Sql, order: &Order) -> (String, &'static str) {
    match order {
        Order::Created => ("p.born".to_owned(), "0"),
        Order::Updated => ("p.touched".to_owned(), "0"),
        Order::Id => ("p.id".to_owned(), "0"),
        Order::Template => ("p.template".to_owned(), "p.born"),
        Order::Since(wallet) => (since(*wallet).0.to_owned(), "0"),
        Order::Subject(kind) => {
            (format!("CASE WHEN p.kind = {} THEN p.subject END", sql.string(subject_kind(*kind))), "0")
        }
        Order::Attribute(kind, name) => (value_of(sql, *kind, name), "0"),
    }
}

fn after(sql: &mut Sql, position: &Position, sign: &str) -> String {
    match position {
        Position::Line(at) => format!("first {sign} {}", sql.number(*at)),
        Position::Id(id) => format!("first {sign} {}", sql.string(id.as_str())),
        Position::Template(name, born) => {
            let (name, born) = (sql.string(name), sql.number(*born));
            format!("(first, second) {sign} ({name}, {born})")
        }
        Position::Since(at, id) => {
            let (at, id) = (sql.number(*at), sql.string(id.as_str()));
            format!("(first IS NULL OR (first, id) {sign} ({at}, {id}))")
        }
        Position::Value(value, id) => {
            let (value, id) = (sql.string(value), sql.string(id.as_str()));
            format!("(first IS NULL OR (first, id) {sign} ({value}, {id}))")
        }
        Position::Without(id) => format!("first IS NULL AND id {sign} {}", sql.string(id.as_str())),
    }
}

fn read(order: &Order, row: &dyn Row) -> Result<Placed, Fault> {
    let id = column::pass_id(row.get(2)?)?;
    let position = match order {
        Order::Created | Order::Updated => Position::Line(row.get(0)?),
        Order::Id => Position::Id(id.clone()),
        Order::Template => Position::Template(row.get(0)?, row.get(1)?),
        Order::Since(_) => match row.get(0)? {
            Some(at) => Position::Since(at, id.clone()),
            None => Position::Without(id.clone()),
        },
        Order::Subject(_) | Order::Attribute(..) => match row.get(0)? {
            Some(value) => Position::Value(value, id.clone()),
            None => Position::Without(id.clone()),
        },
    };
    Ok((position, id))
}
