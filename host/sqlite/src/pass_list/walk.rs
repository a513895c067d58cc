//! A page by walking along an order.
//!
//! Owns the parts of an order (those that have what it sorts by, and then those that have not; one per template), and the walk through each. A
//! walk reads an index in its order and leaves out what does not fit, so it costs what it skips: 0.1 µs for each pass that the index alone decides on,
//! about 1.5 µs for one that has to be looked up.

use passerelle_flow::store::{AttributeKind, Condition, Order, PassQuery, Position, Start, TextTest, TimeTest};

use super::condition::{Sql, since, subject_kind};
use super::line::{self, Stretches};
use super::{Placed, count};
use crate::tally::Line;
use crate::{Connection, Fault, Row, column, params, statement};

/// One part of an order after the other.
pub(super) fn page(conn: &dyn Connection, query: &PassQuery, wanted: usize) -> Result<Vec<Placed>, Fault> {
    let (mut offset, after) = match &query.start {
        Start::Offset(offset) => (i64::try_from(*offset).unwrap_or(i64::MAX), None),
        Start::After(position) => (0, Some(position)),
    };
    let mut found: Vec<Placed> = Vec::new();
    for part in parts(conn, query)? {
        let after = match after.map(|position| part.place(position, query.descending)) {
            Some(Place::Behind) => continue,
            Some(Place::Within) => after,
            Some(Place::Ahead) | None => None,
        };
        let missing = wanted.saturating_sub(found.len());
        let rows = part.page(conn, query, after, &mut offset, missing)?;
        found.extend(rows);
        if found.len() >= wanted {
            break;
        }
    }
    Ok(found)
}

/// Where a position is, seen from a part.
enum Place {
    /// In a later part: nothing of this one is behind it.
    Behind,
    Within,
    /// In an earlier part: all of this one is behind it.
    Ahead,
}

enum Part {
    Line(Line),
    Id,
    /// By creation, of one template.
    Template(String),
    /// Those that have it.
    With(Order),
    Without(Order),
}

fn parts(conn: &dyn Connection, query: &PassQuery) -> Result<Vec<Part>, Fault> {
    Ok(match &query.order {
        Order::Created => vec![Part::Line(Line::Born)],
        Order::Updated => vec![Part::Line(Line::Touched)],
        Order::Id => vec![Part::Id],
        Order::Template => {
            let sql = "SELECT DISTINCT template FROM pass_tally WHERE tenant = ?1 AND line = 'born' ORDER BY template";
            let mut names: Vec<String> = statement::all(conn, sql, params![query.tenant.as_str()], |row| row.get(0))?;
            if query.descending {
                names.reverse();
            }
            names.into_iter().map(Part::Template).collect()
        }
        order @ (Order::Since(_) | Order::Subject(_) | Order::Attribute(..)) => {
            vec![Part::With(order.clone()), Part::Without(order.clone())]
        }
    })
}

impl Part {
    fn place(&self, position: &Position, descending: bool) -> Place {
        match (self, position) {
            (Self::With(_), Position::Without(_)) => Place::Behind,
            (Self::Without(_), Position::Since(..) | Position::Value(..)) => Place::Ahead,
            (Self::Template(name), Position::Template(of, _)) if name != of => {
                if (name < of) != descending {
                    Place::Behind
                } else {
                    Place::Ahead
                }
            }
            _ => Place::Within,
        }
    }

    fn page(
        &self,
        conn: &dyn Connection,
        query: &PassQuery,
        after: Option<&Position>,
        offset: &mut i64,
        wanted: usize,
    ) -> Result<Vec<Placed>, Fault> {
        let Self::Template(name) = self else { return self.walk(conn, query, after, offset, wanted) };
        if !line::is_guided(Line::Born, &query.conditions) {
            return self.walk(conn, query, after, offset, wanted);
        }
        let only = Condition::Template(TextTest::In(vec![name.clone()]));
        let conditions: Vec<_> = query.conditions.iter().cloned().chain([only]).collect();
        let mut stretches = Stretches::read(conn, &query.tenant, Line::Born, &conditions)?;
        if let Some(Position::Template(_, position)) = after {
            stretches.after(*position, query.descending);
        }
        let (rows, left) = stretches.page(conn, query.descending, *offset, wanted)?;
        *offset = left;
        let placed = |(id, position)| (Position::Template(name.clone(), position), id);
        Ok(rows.into_iter().map(placed).collect())
    }

    /// Row by row.
    fn walk(
        &self,
        conn: &dyn Connection,
        query: &PassQuery,
        after: Option<&Position>,
        offset: &mut i64,
        wanted: usize,
    ) -> Result<Vec<Placed>, Fault> {
        let mut sql = Sql::new(&query.tenant);
        sql.push("SELECT ").push(self.key()).push(", p.id");
        self.from(&mut sql);
        sql.and(&query.conditions);
        let (sign, direction) = if query.descending { ("<", " DESC") } else { (">", "") };
        if let Some(after) = after {
            let place = self.after(&mut sql, after, sign);
            sql.push(&format!(" AND {place}"));
        }
        let limit = sql.number(i64::try_from(wanted).unwrap_or(i64::MAX));
        let skipped = sql.number(*offset);
        let order = match self {
            Self::Line(_) | Self::Template(_) | Self::Id | Self::Without(_) => format!("{}{direction}", self.key()),
            Self::With(Order::Subject(_)) => format!("p.subject{direction}"),
            Self::With(Order::Attribute(..)) => format!("s.value{direction}, s.pass{direction}"),
            Self::With(_) => format!("{}{direction}, p.id{direction}", self.key()),
        };
        sql.push(&format!(" ORDER BY {order} LIMIT {limit} OFFSET {skipped}"));
        let rows = statement::all(conn, &sql.text, &sql.values(), |row| self.read(row))?;
        if *offset > 0 {
            *offset = if rows.is_empty() { (*offset - self.count(conn, query)?).max(0) } else { 0 };
        }
        Ok(rows)
    }

    const fn key(&self) -> &'static str {
        match self {
            Self::Line(line) => match line {
                Line::Born => "p.born",
                Line::Touched => "p.touched",
            },
            Self::Template(_) => "p.born",
            Self::Id | Self::Without(_) => "p.id",
            Self::With(Order::Since(wallet)) => since(*wallet).0,
            Self::With(Order::Subject(_)) => "p.subject",
            Self::With(_) => "s.value",
        }
    }

    fn from(&self, sql: &mut Sql) {
        match self {
            Self::Line(of) => {
                sql.push(&line::from(*of));
            }
            Self::Template(name) => {
                let name = sql.string(name);
                sql.push(&line::from(Line::Born)).push(&format!(" AND p.template = {name}"));
            }
            Self::Id | Self::Without(_) => {
                sql.push(" FROM pass p INDEXED BY sqlite_autoindex_pass_1 WHERE p.tenant = ?1");
            }
            Self::With(Order::Since(wallet)) => {
                let (column, index) = since(*wallet);
                sql.push(&format!(" FROM pass p INDEXED BY {index} WHERE p.tenant = ?1 AND {column} IS NOT NULL"));
            }
            Self::With(Order::Subject(kind)) => {
                let kind = sql.string(subject_kind(*kind));
                sql.push(&format!(
                    " FROM pass p INDEXED BY sqlite_autoindex_pass_2 WHERE p.tenant = ?1 AND p.kind = {kind}"
                ));
            }
            Self::With(Order::Attribute(kind, name)) => {
                let (kind, name) = (sql.string(column::of_attribute_kind(*kind)), sql.string(name));
                sql.push(" FROM pass_attribute s INDEXED BY pass_attribute_value");
                sql.push(" CROSS JOIN pass p ON p.tenant = s.tenant AND p.id = s.pass");
                sql.push(&format!(
                    " WHERE s.tenant = ?1 AND s.kind = {kind} AND s.name = {name} AND s.value IS NOT NULL"
                ));
            }
            Self::With(_) => {}
        }
        if let Self::Without(order) = self {
            let lacks = lacks(sql, order);
            sql.push(&format!(" AND {lacks}"));
        }
    }

    fn after(&self, sql: &mut Sql, after: &Position, sign: &str) -> String {
        match after {
            Position::Line(position) | Position::Template(_, position) => {
                format!("{} {sign} {}", self.key(), sql.number(*position))
            }
            Position::Id(id) | Position::Without(id) => format!("p.id {sign} {}", sql.string(id.as_str())),
            Position::Since(at, id) => {
                let (at, id) = (sql.number(*at), sql.string(id.as_str()));
                format!("({}, p.id) {sign} ({at}, {id})", self.key())
            }
            Position::Value(value, id) => {
                let (value, id) = (sql.string(value), sql.string(id.as_str()));
                match self {
                    Self::With(Order::Attribute(..)) => format!("(s.value, s.pass) {sign} ({value}, {id})"),
                    _ => format!("p.subject {sign} {value}"),
                }
            }
        }
    }

    fn read(&self, row: &dyn Row) -> Result<Placed, Fault> {
        let id = column::pass_id(row.get(1)?)?;
        let position = match self {
            Self::Line(_) => Position::Line(row.get(0)?),
            Self::Id => Position::Id(id.clone()),
            Self::Template(name) => Position::Template(name.clone(), row.get(0)?),
            Self::With(Order::Since(_)) => Position::Since(row.get(0)?, id.clone()),
            Self::With(_) => Position::Value(row.get(0)?, id.clone()),
            Self::Without(_) => Position::Without(id.clone()),
        };
        Ok((position, id))
    }

    /// Those of the list that are in this part: what an offset beyond it skips.
    fn count(&self, conn: &dyn Connection, query: &PassQuery) -> Result<i64, Fault> {
        let of_part = match self {
            Self::Template(name) => Some(Condition::Template(TextTest::In(vec![name.clone()]))),
            Self::With(Order::Since(wallet)) => Some(Condition::Since(*wallet, TimeTest::NotEmpty)),
            Self::With(Order::Subject(kind)) => Some(Condition::Subject(*kind, TextTest::NotEmpty)),
            // Not by the name's counter: a sealed value has nothing to be sorted by.
            Self::With(Order::Attribute(..)) => {
                let mut sql = Sql::new(&query.tenant);
                sql.push("SELECT count(*)");
                self.from(&mut sql);
                sql.and(&query.conditions);
                return statement::number(conn, &sql.text, &sql.values());
            }
            _ => None,
        };
        let conditions: Vec<_> = query.conditions.iter().cloned().chain(of_part).collect();
        count::all(conn, &query.tenant, &conditions)
    }
}

/// The pass has nothing that the order sorts by.
pub(super) fn lacks(sql: &mut Sql, order: &Order) -> String {
    match order {
        Order::Since(wallet) => format!("{} IS NULL", since(*wallet).0),
        Order::Subject(kind) => format!("p.kind <> {}", sql.string(subject_kind(*kind))),
        Order::Attribute(kind, name) => format!("{} IS NULL", value_of(sql, *kind, name)),
        Order::Created | Order::Updated | Order::Id | Order::Template => "0".to_owned(),
    }
}

/// The clear value of an attribute of `p`, or NULL.
pub(super) fn value_of(sql: &mut Sql, kind: AttributeKind, name: &str) -> String {
    let (kind, name) = (sql.string(column::of_attribute_kind(kind)), sql.string(name));
    format!(
        "(SELECT o.value FROM pass_attribute o WHERE o.tenant = p.tenant AND o.pass = p.id AND o.kind = {kind} AND o.name = {name})"
    )
}
