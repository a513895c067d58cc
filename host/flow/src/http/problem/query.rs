//! Problems of a question: where in the query, what is too large, who asks too often.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Serialize;

use super::Problem;
use crate::insights::QueryError;
use crate::store::Bound;

/// A place in a query, and what could stand there.
#[derive(Clone, Debug, Serialize)]
pub struct Place {
    /// From 1, as the column, which counts characters.
    pub line: usize,
    pub column: usize,
    /// The text that is meant; empty at the query's end.
    pub near: String,
    pub expected: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    /// A query that cannot be read, or names what is not there.
    pub fn query(error: QueryError) -> Self {
        let text = error.to_string();
        let mut problem = Self::new(StatusCode::BAD_REQUEST, "invalid-query", "The query is not valid", text.clone());
        problem.errors = BTreeMap::from([("query".to_owned(), vec![text])]);
        let QueryError { line, column, near, expected, hint, .. } = error;
        problem.position = (line > 0).then(|| Box::new(Place { line, column, near, expected, hint }));
        problem
    }

    /// A query that is understood, and is more than is worked at.
    pub fn query_beyond(bound: Bound) -> Self {
        let detail = match bound {
            Bound::Time => "It took longer than a query may. Ask for less time, or join less.",
            Bound::Joined => {
                "A join makes more than a million rows, or fewer that hold much. Filter, project or summarize both sides before it."
            }
            Bound::Listed => "A list would be larger than four megabytes. Filter before it, or count instead.",
            Bound::Length => "It is too long or too deeply nested for the store. Take it apart.",
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "query-too-large", "The query is too large", detail)
    }

    pub fn too_many_calls(per_minute: i64, seconds: u32) -> Self {
        let mut problem = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-calls",
            "Too many calls",
            format!("This path takes {per_minute} calls a minute for a tenant."),
        );
        problem.retry_after = Some(seconds);
        problem
    }
}
