//! Insights: questions in KQL over what happened, what was logged and hourly figures.
//!
//! Owns the dialect: the text becomes tokens (`token`), a tree (`parse`), and a checked plan (`check`, `plan`) in which every name is a column's
//! number, every value a literal and every type is known. Does not own rows: a store answers a plan (`store::insights`), for one tenant, which
//! no plan can name. Pure, so the same text gives the same plan on every host; `now()` and `ago()` are the caller's time. `docs/insights.md` is
//! the dialect for people.
//!
//! Bounds: everything in [`limit`], so that the largest text makes a small plan.

pub mod answer;
mod check;
mod error;
pub mod parameter;
mod parse;
pub mod plan;
pub mod schema;
mod token;

pub use self::error::QueryError;
use self::parameter::Parameters;
use self::plan::Plan;
use crate::identity::Millis;

/// How large a question and its answer may be.
pub mod limit {
    /// Bytes of a query's text: five screens. The queries of a report have a few hundred.
    pub const TEXT: usize = 16 * 1024;
    /// Operators, those of joined and named pipelines included.
    pub const OPERATORS: usize = 50;
    /// Levels of parentheses, calls and operators within one another. SQLite stops at 1000 levels, and one here is five there at most.
    pub const DEPTH: usize = 32;
    /// Terms of one `and`, one list, one call.
    pub const TERMS: usize = 250;
    /// Calls, values and columns that are copied because a name stands for them, or because they are needed twice: without it thirty lines that
    /// double make more than a memory holds.
    pub const COPIED: usize = 20_000;
    /// Columns of a table on the way.
    pub const COLUMNS: usize = 100;
    /// Joins of a query.
    pub const JOINS: usize = 4;
    /// Rows of an answer; what is beyond is cut, and the answer says so.
    pub const ROWS: usize = 10_000;
    /// Bytes of an answer's texts, for the same reason.
    pub const BYTES: usize = 8 * 1024 * 1024;
    /// Rows that one join may make on the way: a second's work.
    pub const JOINED: i64 = 1_000_000;
    /// Bytes of a row of a join; a larger one counts as several. A million of them are 128 MB, what two questions at once may cost twice over.
    pub const ROW: i64 = 128;
    /// Bytes that one `summarize` may put into lists: as much as half of an answer.
    pub const LISTED: i64 = 4 * 1024 * 1024;
    /// Characters of a text that a query puts together: each row may have one, and a stage may hold all rows.
    pub const CONCATENATED: usize = 4_000;
    /// Named values beside a query.
    pub const PARAMETERS: usize = 50;
}

/// The plan of a query, or what is wrong with it and where.
pub fn prepare(text: &str, parameters: &Parameters, now: Millis) -> Result<Plan, QueryError> {
    if text.len() > limit::TEXT {
        return Err(QueryError::whole(format!(
            "the query has {} bytes, and {} at most are read",
            text.len(),
            limit::TEXT
        )));
    }
    let query = parse::query(text).map_err(|fault| fault.told(text))?;
    check::plan(&query, parameters, now).map_err(|fault| fault.told(text))
}

#[cfg(test)]
mod tests;
