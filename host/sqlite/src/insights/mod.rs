//! A question's plan as one statement, and its rows.
//!
//! Owns the translation. Does not own names, types or what is allowed (`passerelle_flow::insights`), nor how long a statement may run (a host).
//!
//! The tenant is bound here, in the subselect that stands for a table (`table`), and nowhere in a plan: no query reaches another tenant's rows.
//! No text of a query becomes part of a statement: columns are numbers, values are parameters.
//!
//! Bounds: rows and bytes of the answer; the statement's length, since some functions need their argument twice; and the rows that a join makes,
//! counted before it is used, so that on a host that cannot stop a statement none runs away.

mod aggregate;
mod expression;
mod join;
mod stage;
mod table;

use passerelle_flow::insights::limit;
use passerelle_flow::store::{Bound, Cell, Outcome, Question, Rows};

use self::stage::Builder;
use crate::value::Given;
use crate::{Connection, Fault, Value, statement};

/// Bytes of a statement. SQLite takes a million; what is this long is slow to prepare.
const LENGTH: usize = 256 * 1024;

/// Why a plan is not asked as it is.
enum Halt {
    Fault(Fault),
    Beyond(Bound),
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

pub fn ask(conn: &dyn Connection, question: &Question) -> Result<Outcome, Fault> {
    match asked(conn, question) {
        Ok(rows) => Ok(Outcome::Rows(rows)),
        Err(Halt::Beyond(bound)) => Ok(Outcome::Beyond(bound)),
        Err(Halt::Fault(fault)) => Err(fault),
    }
}

fn asked(conn: &dyn Connection, question: &Question) -> Result<Rows, Halt> {
    let mut builder = Builder::new(question);
    let select = builder.plan(&question.plan)?;
    let sql = builder.whole(select)?;
    for (sql, params, bound) in &builder.measures {
        let most = if *bound == Bound::Listed { limit::LISTED } else { limit::JOINED };
        if statement::number(conn, sql, &builder.params(*params))? > most {
            return Err(Halt::Beyond(*bound));
        }
    }
    let width = question.plan.columns.len();
    let (mut rows, mut bytes) = (Rows::default(), 0);
    let ended = conn.rows(&sql, &builder.params(usize::MAX), &mut |row| {
        let cells: Vec<Cell> = (0..width).map(|at| cell(row.value(at)?)).collect::<Result<_, _>>()?;
        bytes += cells.iter().map(|cell| if let Cell::Text(text) = cell { text.len() } else { 8 }).sum::<usize>();
        if rows.rows.len() >= limit::ROWS || bytes > limit::BYTES {
            rows.truncated = true;
            return Err(Fault::Refused("the answer is full"));
        }
        rows.rows.push(cells);
        Ok(())
    });
    match ended {
        // The statement was ended from here.
        Err(Fault::Refused(_)) if rows.truncated => Ok(rows),
        ended => Ok(ended.map(|()| rows)?),
    }
}

fn cell(value: Value<'_>) -> Result<Cell, Fault> {
    match value {
        Value::Null => Ok(Cell::Null),
        Value::Integer(number) => Ok(Cell::Integer(number)),
        Value::Real(number) => Ok(Cell::Real(number)),
        Value::Text(text) => Ok(Cell::Text(text.to_owned())),
        Value::Blob(_) => Err(Fault::OTHER_TYPE),
    }
}

impl Builder<'_> {
    /// The first of them, as a statement binds them.
    fn params(&self, first: usize) -> Vec<Value<'_>> {
        self.given.iter().take(first).map(Given::lent).collect()
    }
}
