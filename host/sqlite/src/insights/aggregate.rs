//! `summarize`: groups and aggregates as one `GROUP BY`.
//!
//! SQLite has no percentiles. Values are ranked within their group in a stage before, and the one of the rank is taken.

use std::fmt::Write as _;

use passerelle_flow::insights::plan::{Aggregate, AggregateFunction, Expr, Kind, Node};

use passerelle_flow::store::Bound;

use super::Halt;
use super::stage::{Builder, Select};
use crate::value::Given;

impl Builder<'_> {
    pub fn summarize(&mut self, select: Select, by: &[Expr], aggregates: &[Aggregate]) -> Result<Select, Halt> {
        let select = self.plain(select)?;
        let ranked = aggregates.iter().any(|aggregate| matches!(aggregate.function, AggregateFunction::Percentile(_)));
        let (select, groups) = if ranked { self.ranked(select, by, aggregates)? } else { (select, by.to_vec()) };
        let lists = self.lists(&select, aggregates)?;
        let mut columns = Vec::new();
        for group in &groups {
            columns.push(self.expression(group, &select.columns)?);
        }
        for ((at, aggregate), list_of) in aggregates.iter().enumerate().zip(&lists) {
            columns.push(match (aggregate.function, list_of) {
                (AggregateFunction::Percentile(share), _) => self.at_rank(share, at),
                (_, Some(of)) => list(aggregate, of, &self.only(aggregate, &select.columns)?),
                (_, None) => self.aggregate(aggregate, &select.columns)?,
            });
        }
        let mut body = "SELECT ".to_owned();
        for (at, column) in columns.iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = write!(body, "{}{column} AS c{at}", if at > 0 { ", " } else { "" });
        }
        let _ = write!(body, " FROM {}", select.source());
        for at in 0..groups.len() {
            let _ = write!(body, "{}{}", if at > 0 { ", " } else { " GROUP BY " }, at + 1);
        }
        self.stage(&body, columns.len(), false)
    }

    /// What goes into lists, aggregate by aggregate; and it is measured before: a list is one value, and the memory is everybody's.
    fn lists(&mut self, select: &Select, aggregates: &[Aggregate]) -> Result<Vec<Option<String>>, Halt> {
        let mut lists = Vec::new();
        for aggregate in aggregates {
            let is_list = matches!(aggregate.function, AggregateFunction::List | AggregateFunction::Set);
            lists.push(match (&aggregate.of, is_list) {
                (Some(of), true) => Some(self.expression(of, &select.columns)?),
                _ => None,
            });
        }
        let sizes: Vec<String> =
            lists.iter().flatten().map(|of| format!("coalesce(sum(coalesce(length({of}), 0) + 4), 0)")).collect();
        if !sizes.is_empty() {
            let count = format!("SELECT {} FROM {}", sizes.join(" + "), select.source());
            self.measure(&count, Bound::Listed);
        }
        Ok(lists)
    }

    fn only(&mut self, aggregate: &Aggregate, columns: &[String]) -> Result<String, Halt> {
        Ok(match &aggregate.only {
            Some(only) => format!(" FILTER (WHERE {})", self.expression(only, columns)?),
            None => String::new(),
        })
    }

    /// The columns that are there, then the groups; beside them for the percentile at place n its value (`vn`), its rank (`rn`) and how many
    /// there are (`nn`).
    fn ranked(&mut self, select: Select, by: &[Expr], aggregates: &[Aggregate]) -> Result<(Select, Vec<Expr>), Halt> {
        let mut all = select.columns.clone();
        let mut groups = Vec::new();
        for group in by {
            groups.push(Expr { node: Node::Column(all.len()), ..group.clone() });
            all.push(self.expression(group, &select.columns)?);
        }
        let mut body = "SELECT ".to_owned();
        for (at, column) in all.iter().enumerate() {
            let _ = write!(body, "{}{column} AS c{at}", if at > 0 { ", " } else { "" });
        }
        let partition = all.get(select.columns.len()..).unwrap_or_default().join(", ");
        let partition = if partition.is_empty() { partition } else { format!("PARTITION BY {partition} ") };
        for (at, aggregate) in aggregates.iter().enumerate() {
            if let (AggregateFunction::Percentile(_), Some(of)) = (aggregate.function, &aggregate.of) {
                let of = self.expression(of, &select.columns)?;
                let _ = write!(
                    body,
                    ", {of} AS v{at}, row_number() OVER ({partition}ORDER BY {of} NULLS LAST) AS r{at}, count({of}) OVER ({partition}) AS n{at}"
                );
            }
        }
        let _ = write!(body, " FROM {}", select.source());
        let width = all.len();
        Ok((self.stage(&body, width, false)?, groups))
    }

    /// The nearest rank: the first value that so much of all is not above.
    fn at_rank(&mut self, share: f64, at: usize) -> String {
        let share = self.give(Given::Real(share));
        let exact = format!("({share} * n{at} / 100.0)");
        let rank = format!("max(CAST({exact} AS INTEGER) + ({exact} > CAST({exact} AS INTEGER)), 1)");
        format!("max(CASE WHEN r{at} = {rank} THEN v{at} END)")
    }

    fn aggregate(&mut self, aggregate: &Aggregate, columns: &[String]) -> Result<String, Halt> {
        let only = self.only(aggregate, columns)?;
        let of = match &aggregate.of {
            Some(of) => self.expression(of, columns)?,
            None => return Ok(format!("count(*){only}")),
        };
        let is_text = aggregate.kind == Kind::Text;
        let text = match aggregate.function {
            AggregateFunction::Count => format!("count({of}){only}"),
            AggregateFunction::DistinctCount => format!("count(DISTINCT {of}){only}"),
            AggregateFunction::Sum if aggregate.kind == Kind::Real => format!("total({of}){only}"),
            // `sum` fails where it runs over: halves of 32 bits cannot, and what they make together is the nearest that there is.
            AggregateFunction::Sum => format!(
                "CAST(coalesce(sum(({of}) >> 32){only}, 0) * 4294967296 + coalesce(sum(({of}) & 4294967295){only}, 0) AS INTEGER)"
            ),
            AggregateFunction::Average if aggregate.kind == Kind::Timespan => {
                format!("CAST(round(avg({of}){only}) AS INTEGER)")
            }
            AggregateFunction::Average => format!("avg({of}){only}"),
            // With a filter of their own they are one argument's, whatever SQLite makes of two.
            AggregateFunction::Least | AggregateFunction::Any => format!("min({of}){only}"),
            AggregateFunction::Greatest => format!("max({of}){only}"),
            // Put together by who asked.
            AggregateFunction::List | AggregateFunction::Set | AggregateFunction::Percentile(_) => "NULL".to_owned(),
        };
        Ok(if is_text { format!("coalesce({text}, '')") } else { text })
    }
}

/// A list of what is there, as JSON.
fn list(aggregate: &Aggregate, of: &str, only: &str) -> String {
    let kind = aggregate.of.as_ref().map_or(Kind::Text, |of| of.kind);
    let member = match kind {
        Kind::Dynamic => format!("json({of})"),
        Kind::Bool => format!("json(CASE WHEN {of} THEN 'true' WHEN NOT {of} THEN 'false' END)"),
        Kind::Datetime => format!("strftime('%Y-%m-%dT%H:%M:%fZ', {of} / 1000.0, 'unixepoch')"),
        _ => of.to_owned(),
    };
    let distinct = if aggregate.function == AggregateFunction::Set { "DISTINCT " } else { "" };
    let present = match only.strip_prefix(" FILTER (WHERE ") {
        Some(condition) => format!("FILTER (WHERE {of} IS NOT NULL AND {condition}"),
        None => format!("FILTER (WHERE {of} IS NOT NULL)"),
    };
    format!("json_group_array({distinct}{member}) {present}")
}
