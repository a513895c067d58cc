//! From the tree to a plan: names become columns' numbers, types are known, and what is not allowed is said with its place.
//!
//! Owns statements and operators. Does not own expressions (`expression`, `function`), aggregates (`aggregate`), joins (`join`).

mod aggregate;
mod compare;
mod expression;
mod function;
mod join;
mod names;

use self::expression::Scope;
use self::names::{Names, auto, give};
use super::error::{Checked, Fault, Span};
use super::limit;
use super::parameter::Parameters;
use super::parse::{Bound, Named, Operator, Pipeline, Query, SortKey, Source, What};
use super::plan::{Column, Expr, Literal, Order, Plan, Step};
use super::schema::Table;
use crate::identity::Millis;

pub(super) fn plan(query: &Query, parameters: &Parameters, now: Millis) -> Checked<Plan> {
    let mut checker = Checker { names: Names::new(parameters, now), operators: 0, joins: 0 };
    for named in &query.named {
        if checker.names.is_taken(&named.name) {
            return Err(Fault::new(named.span, format!("`{}` is bound already", named.name)));
        }
        match &named.bound {
            Bound::Value(tree) => {
                let value = Scope::new(&[], &checker.names).expression(tree)?;
                checker.names.bind_value(&named.name, value);
            }
            Bound::Pipeline(pipeline) => {
                let plan = checker.pipeline(pipeline)?;
                checker.names.bind_plan(&named.name, plan);
            }
        }
    }
    checker.pipeline(&query.pipeline)
}

struct Checker<'a> {
    names: Names<'a>,
    operators: usize,
    joins: usize,
}

impl Checker<'_> {
    fn pipeline(&mut self, pipeline: &Pipeline) -> Checked<Plan> {
        let mut plan = self.source(&pipeline.source)?;
        for operator in &pipeline.operators {
            self.count(operator.span, 1)?;
            self.operator(&mut plan, operator)?;
            if plan.columns.len() > limit::COLUMNS {
                return Err(Fault::new(
                    operator.span,
                    format!("the table would have more than {} columns", limit::COLUMNS),
                ));
            }
        }
        Ok(plan)
    }

    fn source(&mut self, source: &Source) -> Checked<Plan> {
        let (name, span) = match source {
            Source::Pipeline(inner) => return self.pipeline(inner),
            Source::Name(name, span) => (name, *span),
        };
        if let Some(plan) = self.names.plan(name) {
            // Counted before it is copied: names that use one another double.
            let plan = plan.clone();
            let (operators, joins) = size(&plan);
            self.count(span, operators)?;
            self.count_joins(span, joins)?;
            return Ok(plan);
        }
        let table = Table::ALL.into_iter().find(|table| table.name() == name).ok_or_else(|| {
            let known = Table::ALL.iter().map(|table| table.name()).chain(self.names.plans());
            Fault::new(span, format!("there is no table `{name}`")).known(name, known)
        })?;
        Ok(Plan { table, steps: vec![], columns: table.columns() })
    }

    fn count(&mut self, span: Span, operators: usize) -> Checked<()> {
        self.operators += operators;
        if self.operators > limit::OPERATORS {
            return Err(Fault::new(span, format!("there are more than {} operators", limit::OPERATORS)));
        }
        Ok(())
    }

    fn count_joins(&mut self, span: Span, joins: usize) -> Checked<()> {
        self.joins += joins;
        if self.joins > limit::JOINS {
            return Err(Fault::new(span, format!("there are more than {} joins", limit::JOINS)));
        }
        Ok(())
    }

    fn operator(&mut self, plan: &mut Plan, operator: &Operator) -> Checked<()> {
        let columns = std::mem::take(&mut plan.columns);
        let scope = Scope::new(&columns, &self.names);
        let mut next = None;
        match &operator.what {
            What::Where(tree) => plan.steps.push(Step::Where(scope.truth(tree)?)),
            What::Project(list) => {
                let (project, named) = scope.projected(list)?;
                plan.steps.push(Step::Project(project));
                next = Some(named);
            }
            What::ProjectAway(away) => {
                for (name, span) in away {
                    scope.column(name, *span)?;
                }
                let kept =
                    columns.iter().enumerate().filter(|(_, column)| away.iter().all(|(name, _)| *name != column.name));
                let (project, named): (Vec<Expr>, Vec<Column>) =
                    kept.map(|(at, column)| (Expr::column(at, column), column.clone())).unzip();
                if named.is_empty() {
                    return Err(Fault::new(operator.span, "no column would be left"));
                }
                plan.steps.push(Step::Project(project));
                next = Some(named);
            }
            What::ProjectRename(list) => next = Some(scope.renamed(list)?),
            What::Extend(list) => {
                let (project, named) = scope.extended(list)?;
                plan.steps.push(Step::Project(project));
                next = Some(named);
            }
            What::Summarize { aggregates, by } => next = Some(aggregate::summarize(&scope, plan, aggregates, by)?),
            What::Distinct(list) => {
                let all: Vec<Named>;
                let list = match list {
                    Some(list) => list,
                    None => {
                        all = columns.iter().map(|column| names::of_column(column, operator.span)).collect();
                        &all
                    }
                };
                next = Some(aggregate::summarize(&scope, plan, &[], list)?);
            }
            What::Sort(keys) => {
                let keys: Checked<Vec<Order>> = keys.iter().map(|key| order(&scope, key)).collect();
                plan.steps.push(Step::Sort(keys?));
            }
            What::Take(tree) => plan.steps.push(Step::Take(scope.row_count(tree)?)),
            What::Top(count, key) => {
                let count = scope.row_count(count)?;
                plan.steps.push(Step::Sort(vec![order(&scope, key)?]));
                plan.steps.push(Step::Take(count));
            }
            What::Count => next = Some(aggregate::counted(plan)),
            What::Join { kind, right, on } => {
                self.count_joins(operator.span, 1)?;
                let right = self.pipeline(right)?;
                next = Some(join::join(plan, &columns, *kind, right, on)?);
            }
        }
        plan.columns = next.unwrap_or(columns);
        Ok(())
    }
}

/// Operators and joins of a plan.
fn size(plan: &Plan) -> (usize, usize) {
    let inner = plan.steps.iter().map(|step| if let Step::Join(join) = step { size(&join.right) } else { (0, 0) });
    inner.zip(&plan.steps).fold((0, 0), |(operators, joins), ((more, within), step)| {
        (operators + 1 + more, joins + within + usize::from(matches!(step, Step::Join(_))))
    })
}

fn order(scope: &Scope<'_>, key: &SortKey) -> Checked<Order> {
    let by = scope.comparable(&key.by, "sorted by")?;
    Ok(Order { by, descending: key.descending, nulls_first: key.nulls_first.unwrap_or(!key.descending) })
}

impl Scope<'_> {
    /// Rows to take: a whole number that is known.
    fn row_count(&self, tree: &super::parse::Tree) -> Checked<u32> {
        let count = match Scope::new(&[], self.names).expression(tree)?.as_literal() {
            Some(Literal::Whole(count)) => u32::try_from(*count).ok(),
            _ => None,
        };
        count.ok_or_else(|| Fault::new(tree.span, "this is no number of rows").expected(&["a whole number such as 10"]))
    }

    fn projected(&self, list: &[Named]) -> Checked<(Vec<Expr>, Vec<Column>)> {
        let mut columns: Vec<Column> = Vec::new();
        let mut project = Vec::new();
        for named in list {
            let expr = self.expression(&named.of)?;
            give(&mut columns, named, auto(&named.of), &expr)?;
            project.push(expr);
        }
        Ok((project, columns))
    }

    /// A column of that name is replaced where it stands.
    fn extended(&self, list: &[Named]) -> Checked<(Vec<Expr>, Vec<Column>)> {
        let mut columns = self.columns.to_vec();
        let mut project: Vec<Expr> = columns.iter().enumerate().map(|(at, column)| Expr::column(at, column)).collect();
        for named in list {
            let expr = self.expression(&named.of)?;
            let replaced =
                named.name.as_ref().and_then(|(name, _)| columns.iter().position(|column| column.name == *name));
            if let Some(at) = replaced
                && let (Some(column), Some(old)) = (columns.get_mut(at), project.get_mut(at))
            {
                (column.kind, column.nullable) = (expr.kind, expr.nullable);
                *old = expr;
                continue;
            }
            give(&mut columns, named, auto(&named.of), &expr)?;
            project.push(expr);
        }
        Ok((project, columns))
    }

    fn renamed(&self, list: &[Named]) -> Checked<Vec<Column>> {
        let mut columns = self.columns.to_vec();
        for named in list {
            let (super::parse::Branch::Name(old), Some((new, span))) = (&named.of.node, &named.name) else {
                return Err(Fault::new(named.of.span, "a column gets a new name").expected(&["new = old"]));
            };
            let (at, _) = self.column(old, named.of.span)?;
            if columns.iter().enumerate().any(|(other, column)| other != at && column.name == *new) {
                return Err(Fault::new(*span, format!("there is a column `{new}` already")));
            }
            if let Some(column) = columns.get_mut(at) {
                column.name.clone_from(new);
            }
        }
        Ok(columns)
    }
}
