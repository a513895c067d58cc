//! Names that a query gives, and those that are made for it.
//!
//! Owns what a name may mean: a column first, then what `let` bound, then a parameter; and the names of columns that nobody named, as Kusto makes
//! them (`count_`, `dcount_x`, `properties_device`, `Column1`).

use std::cell::Cell;
use std::collections::BTreeMap;

use super::super::error::{Checked, Fault, Span};
use super::super::limit;
use super::super::parameter::Parameters;
use super::super::parse::{Branch, Named, Tree};
use super::super::plan::{Column, Expr, Key, Plan};
use crate::identity::Millis;

pub(super) struct Names<'a> {
    pub now: Millis,
    parameters: &'a Parameters,
    values: BTreeMap<String, Expr>,
    copied: Cell<usize>,
    plans: BTreeMap<String, Plan>,
}

impl<'a> Names<'a> {
    pub fn new(parameters: &'a Parameters, now: Millis) -> Self {
        Self { now, parameters, values: BTreeMap::new(), copied: Cell::new(0), plans: BTreeMap::new() }
    }

    pub fn is_taken(&self, name: &str) -> bool {
        self.values.contains_key(name) || self.plans.contains_key(name)
    }

    pub fn bind_value(&mut self, name: &str, value: Expr) {
        self.values.insert(name.to_owned(), value);
    }

    pub fn bind_plan(&mut self, name: &str, plan: Plan) {
        self.plans.insert(name.to_owned(), plan);
    }

    pub fn value(&self, name: &str) -> Option<&Expr> {
        self.values.get(name).or_else(|| self.parameters.get(name))
    }

    pub fn copy(&self, expr: &Expr, span: Span) -> Checked<Expr> {
        let copied = self.copied.get().saturating_add(expr.size());
        if copied > limit::COPIED {
            return Err(Fault::new(span, "the query is too large when its names are written out"));
        }
        self.copied.set(copied);
        Ok(expr.clone())
    }

    pub fn plan(&self, name: &str) -> Option<&Plan> {
        self.plans.get(name)
    }

    pub fn plans(&self) -> impl Iterator<Item = &str> {
        self.plans.keys().map(String::as_str)
    }

    pub fn all_values(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str).chain(self.parameters.names())
    }
}

/// Adds a column: under the name that the query gives, which must be free, or one that is made and then numbered.
pub(super) fn give(columns: &mut Vec<Column>, named: &Named, auto: Option<String>, expr: &Expr) -> Checked<()> {
    let taken = |name: &str| columns.iter().any(|column| column.name == name);
    let name = match (&named.name, auto) {
        (Some((name, span)), _) if taken(name) => {
            return Err(Fault::new(*span, format!("there are two columns `{name}`")));
        }
        (Some((name, _)), _) => name.clone(),
        (None, Some(auto)) => free(auto, taken),
        (None, None) => numbered("Column", 1, taken),
    };
    columns.push(Column { name, kind: expr.kind, nullable: expr.nullable });
    Ok(())
}

/// The name, or with the first number that is free.
pub(super) fn free(name: String, taken: impl Fn(&str) -> bool) -> String {
    if taken(&name) { numbered(&name, 1, taken) } else { name }
}

fn numbered(name: &str, from: usize, taken: impl Fn(&str) -> bool) -> String {
    (from..).map(|n| format!("{name}{n}")).find(|name| !taken(name)).unwrap_or_default()
}

/// The name that an expression has by itself: its column's, or its path's with `_`.
pub(super) fn auto(tree: &Tree) -> Option<String> {
    match &tree.node {
        Branch::Name(name) => Some(name.clone()),
        Branch::Path(of, key) => {
            let of = auto(of)?;
            Some(match key {
                Key::Name(name) => format!("{of}_{}", name.replace(|c: char| !c.is_ascii_alphanumeric(), "_")),
                Key::Index(index) => format!("{of}_{index}"),
            })
        }
        // What keeps the meaning keeps the name.
        Branch::Call(function, arguments)
            if matches!(function.as_str(), "bin" | "floor") || function.starts_with("to") =>
        {
            arguments.first().and_then(auto)
        }
        _ => None,
    }
}

/// A column as if the query had named it.
pub(super) fn of_column(column: &Column, span: Span) -> Named {
    Named { name: None, of: Tree { span, node: Branch::Name(column.name.clone()) } }
}
