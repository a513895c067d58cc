//! Stages: a pipeline as a row of `WITH` tables, each a plain `SELECT` over the one before.
//!
//! What can stand in one `SELECT` does: conditions, then columns. A stage that others read and that computes something is materialised: put together,
//! SQLite would copy a computed column to every place that names it, and a query that doubles a text fifty times would fill the memory.
//! A sort becomes a column of row numbers (`o`), which later stages carry on, because the order of a subselect means nothing in SQL.

use std::fmt::Write as _;

use passerelle_flow::insights::limit;
use passerelle_flow::insights::plan::{Node, Order, Plan, Step};
use passerelle_flow::insights::schema::{LOGS, Table};
use passerelle_flow::store::{Bound, Question};

use super::table::subselect;
use super::{Halt, LENGTH};
use crate::value::Given;

/// The parameter of every question that is its tenant.
const TENANT: &str = "?1";

pub(super) struct Builder<'a> {
    question: &'a Question,
    /// The first is the tenant.
    pub given: Vec<Given>,
    /// The parameter before which `Logs` tells nothing, once a query has asked for it: one that no statement names must not be given.
    since: Option<String>,
    /// `s0 AS MATERIALIZED (...)`, in order.
    stages: Vec<String>,
    length: usize,
    /// Statements that measure what a step would make, how many parameters they have, and the limit that they are held to.
    pub measures: Vec<(String, usize, Bound)>,
}

/// A `SELECT` that is being put together.
pub(super) struct Select {
    pub from: String,
    pub conditions: Vec<String>,
    /// What each column of the pipeline is, in terms of `from`.
    pub columns: Vec<String>,
    /// One of them is more than a column of `from`.
    pub computed: bool,
    /// The column of row numbers.
    pub order: Option<String>,
}

impl<'a> Builder<'a> {
    pub fn new(question: &'a Question) -> Self {
        let given = vec![Given::Text(question.tenant.as_str().to_owned())];
        Self { question, given, since: None, stages: vec![], length: 0, measures: vec![] }
    }

    /// The number of a parameter with this value.
    pub fn give(&mut self, value: Given) -> String {
        self.given.push(value);
        format!("?{}", self.given.len())
    }

    /// To be asked before the question itself.
    pub fn measure(&mut self, sql: &str, bound: Bound) {
        self.measures.push((self.with(sql), self.given.len(), bound));
    }

    /// Bounds what is written for the whole question.
    pub fn spend(&mut self, bytes: usize) -> Result<(), Halt> {
        self.length = self.length.saturating_add(bytes);
        // SQLite's most parameters.
        if self.length > LENGTH || self.given.len() > 32_000 {
            return Err(Halt::Beyond(Bound::Length));
        }
        Ok(())
    }

    pub fn plan(&mut self, plan: &Plan) -> Result<Select, Halt> {
        let mut select = Select {
            from: self.table(plan.table),
            conditions: vec![],
            columns: plan.table.columns().iter().enumerate().map(|(at, _)| format!("c{at}")).collect(),
            computed: false,
            order: None,
        };
        for step in &plan.steps {
            select = self.step(select, step)?;
        }
        Ok(select)
    }

    fn table(&mut self, table: Table) -> String {
        let since = match (&self.since, table) {
            (Some(since), _) => since.clone(),
            (None, Table::Logs) => self.give(Given::Integer(self.question.now.saturating_sub(LOGS))),
            (None, Table::Events | Table::Metrics) => return subselect(table, TENANT, ""),
        };
        self.since = Some(since.clone());
        subselect(table, TENANT, &since)
    }

    fn step(&mut self, select: Select, step: &Step) -> Result<Select, Halt> {
        match step {
            Step::Where(condition) => {
                let mut select = self.plain(select)?;
                select.conditions.push(self.expression(condition, &select.columns)?);
                Ok(select)
            }
            Step::Project(columns) => {
                let mut select = self.plain(select)?;
                let written: Result<Vec<String>, Halt> =
                    columns.iter().map(|expr| self.expression(expr, &select.columns)).collect();
                select.computed = columns.iter().any(|expr| !matches!(expr.node, Node::Column(_)));
                select.columns = written?;
                Ok(select)
            }
            Step::Summarize { by, aggregates } => self.summarize(select, by, aggregates),
            Step::Sort(keys) => {
                let mut select = self.plain(select)?;
                let keys = self.order(keys, &select)?;
                select.order = Some(format!("row_number() OVER (ORDER BY {keys})"));
                self.close(select, None)
            }
            Step::Take(count) => self.close(select, Some(*count)),
            Step::Join(join) => self.join(select, join),
        }
    }

    fn order(&mut self, keys: &[Order], select: &Select) -> Result<String, Halt> {
        let mut text = String::new();
        for Order { by, descending, nulls_first } in keys {
            let by = self.expression(by, &select.columns)?;
            let direction = if *descending { "DESC" } else { "ASC" };
            let nulls = if *nulls_first { "FIRST" } else { "LAST" };
            // Writing to a String cannot fail.
            let _ = write!(text, "{}{by} {direction} NULLS {nulls}", if text.is_empty() { "" } else { ", " });
        }
        // What is equal stays as it was.
        if let Some(before) = &select.order {
            let _ = write!(text, ", {before}");
        }
        Ok(text)
    }

    /// The same with nothing computed, so that what comes next may name a column as often as it likes.
    pub fn plain(&mut self, select: Select) -> Result<Select, Halt> {
        if select.computed { self.close(select, None) } else { Ok(select) }
    }

    /// Makes a stage of it, and begins the next one.
    pub fn close(&mut self, select: Select, most: Option<u32>) -> Result<Select, Halt> {
        let (width, ordered) = (select.columns.len(), select.order.is_some());
        let limit = most.map(|most| format!(" LIMIT {most}")).unwrap_or_default();
        let body = format!("{}{limit}", written(&select, most.is_some()));
        self.stage(&body, width, ordered)
    }

    /// A stage of this body, whose columns are `c0`, …, and `o` if it is ordered.
    pub fn stage(&mut self, body: &str, width: usize, ordered: bool) -> Result<Select, Halt> {
        self.spend(body.len())?;
        let name = format!("s{}", self.stages.len());
        self.stages.push(format!("{name} AS MATERIALIZED ({body})"));
        Ok(Select {
            from: name,
            conditions: vec![],
            columns: (0..width).map(|at| format!("c{at}")).collect(),
            computed: false,
            order: ordered.then(|| "o".to_owned()),
        })
    }

    /// A statement over the stages so far.
    pub fn with(&self, body: &str) -> String {
        if self.stages.is_empty() { body.to_owned() } else { format!("WITH {} {body}", self.stages.join(", ")) }
    }

    /// The statement that answers. One row more than an answer holds tells whether there are more.
    pub fn whole(&mut self, select: Select) -> Result<String, Halt> {
        let body = format!("{} LIMIT {}", written(&select, true), limit::ROWS + 1);
        self.spend(body.len())?;
        Ok(self.with(&body))
    }
}

/// `SELECT` and its parts.
fn written(select: &Select, sorted: bool) -> String {
    let mut text = "SELECT ".to_owned();
    for (at, column) in select.columns.iter().enumerate() {
        let _ = write!(text, "{}{column} AS c{at}", if at > 0 { ", " } else { "" });
    }
    if let Some(order) = &select.order {
        let _ = write!(text, ", {order} AS o");
    }
    let _ = write!(text, " FROM {}", select.from);
    for (at, condition) in select.conditions.iter().enumerate() {
        let _ = write!(text, "{}{condition}", if at > 0 { " AND " } else { " WHERE " });
    }
    if sorted && select.order.is_some() {
        text.push_str(" ORDER BY o");
    }
    text
}

impl Select {
    /// For a body that is written otherwise.
    pub fn source(&self) -> String {
        let conditions = self.conditions.join(" AND ");
        let conditions = if conditions.is_empty() { conditions } else { format!(" WHERE {conditions}") };
        format!("{}{conditions}", self.from)
    }
}
