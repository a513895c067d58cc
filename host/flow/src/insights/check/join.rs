//! Joins: keys of both sides, and the columns that come out.

use super::super::error::{Checked, Fault, Span};
use super::super::parse::On;
use super::super::plan::{Column, Join, JoinKind, Kind, Plan, Step};
use super::names::free;

/// Adds the step. A column of the right whose name is taken gets a number, as in Kusto.
pub(super) fn join(plan: &mut Plan, left: &[Column], kind: JoinKind, right: Plan, on: &[On]) -> Checked<Vec<Column>> {
    let mut keys = Vec::new();
    for On { left: left_key, right: right_key } in on {
        let at_left = find(left, left_key, "left")?;
        let at_right = find(&right.columns, right_key, "right")?;
        let of = |columns: &[Column], at: usize| columns.get(at).map_or(Kind::Text, |column| column.kind);
        let (a, b) = (of(left, at_left), of(&right.columns, at_right));
        if a != b || a == Kind::Dynamic {
            return Err(Fault::new(
                right_key.1,
                format!("the key is a {} on the left and a {} on the right", a.name(), b.name()),
            )
            .hint("extend both sides with a column of one type, for example by tostring()"));
        }
        keys.push((at_left, at_right));
    }
    let mut columns = left.to_vec();
    match kind {
        JoinKind::LeftSemi | JoinKind::LeftAnti => {}
        JoinKind::Inner | JoinKind::InnerUnique | JoinKind::LeftOuter | JoinKind::RightOuter | JoinKind::FullOuter => {
            let left_may_lack = matches!(kind, JoinKind::RightOuter | JoinKind::FullOuter);
            let right_may_lack = matches!(kind, JoinKind::LeftOuter | JoinKind::FullOuter);
            // A text that is not there is empty.
            let lacking = |column: &Column, lacks: bool| column.nullable || (lacks && column.kind != Kind::Text);
            for column in &mut columns {
                column.nullable = lacking(column, left_may_lack);
            }
            for column in &right.columns {
                let taken = |name: &str| columns.iter().any(|column| column.name == name);
                let name = free(column.name.clone(), taken);
                columns.push(Column { name, kind: column.kind, nullable: lacking(column, right_may_lack) });
            }
        }
    }
    plan.steps.push(Step::Join(Box::new(Join {
        kind,
        left: left.iter().map(|column| column.kind).collect(),
        right,
        on: keys,
    })));
    Ok(columns)
}

fn find(columns: &[Column], (name, span): &(String, Span), side: &str) -> Checked<usize> {
    columns.iter().position(|column| column.name == *name).ok_or_else(|| {
        Fault::new(*span, format!("there is no column `{name}` on the {side} side"))
            .known(name, columns.iter().map(|column| column.name.as_str()))
    })
}
