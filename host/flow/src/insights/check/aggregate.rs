//! `summarize`, `distinct` and `count`: groups, and what is counted in each.
//!
//! An aggregate may be part of an expression (`100.0 * countif(...) / count()`): the aggregates are counted first, and what is made of them is a
//! step of its own.

use super::super::error::{Checked, Fault, Span};
use super::super::parse::{Branch, Named, Tree};
use super::super::plan::{Aggregate, AggregateFunction, Column, Expr, Kind, Literal, Plan, Step};
use super::expression::{Scope, convert};
use super::function::AGGREGATES;
use super::names::{auto, give};

pub(super) fn counted(plan: &mut Plan) -> Vec<Column> {
    let count = Aggregate { function: AggregateFunction::Count, kind: Kind::Long, of: None, only: None };
    plan.steps.push(Step::Summarize { by: vec![], aggregates: vec![count] });
    vec![Column { name: "Count".to_owned(), kind: Kind::Long, nullable: false }]
}

pub(super) fn summarize(scope: &Scope<'_>, plan: &mut Plan, wanted: &[Named], by: &[Named]) -> Checked<Vec<Column>> {
    let mut columns: Vec<Column> = Vec::new();
    let mut groups = Vec::new();
    for named in by {
        let expr = scope.comparable(&named.of, "grouped by")?;
        give(&mut columns, named, auto(&named.of), &expr)?;
        groups.push(expr);
    }
    let mut found = Vec::new();
    let mut results = Vec::new();
    // What an expression over aggregates may name: the groups, then the aggregates under names that nobody can write.
    let mut within = columns.clone();
    for named in wanted {
        let rewritten = lift(scope, &named.of, &mut found, &mut within)?;
        let expr = Scope::new(&within, scope.names).expression(&rewritten)?;
        give(&mut columns, named, default_name(&named.of), &expr)?;
        results.push(expr);
    }
    let plain = results.iter().enumerate().all(|(at, expr)| {
        let bare = within.get(groups.len() + at).map(|column| Expr::column(groups.len() + at, column));
        bare.as_ref() == Some(expr)
    }) && results.len() == found.len();
    let project = groups
        .iter()
        .enumerate()
        .map(|(at, group)| Expr { node: super::super::plan::Node::Column(at), ..group.clone() });
    let project: Vec<Expr> = project.chain(results).collect();
    plan.steps.push(Step::Summarize { by: groups, aggregates: found });
    if !plain {
        plan.steps.push(Step::Project(project));
    }
    Ok(columns)
}

/// The tree with a name in place of each aggregate.
fn lift(scope: &Scope<'_>, tree: &Tree, found: &mut Vec<Aggregate>, within: &mut Vec<Column>) -> Checked<Tree> {
    let mut lifted = |tree: &Tree| lift(scope, tree, found, within);
    let node = match &tree.node {
        Branch::Call(name, arguments) if AGGREGATES.contains(&name.as_str()) || name == "take_any" => {
            let aggregate = aggregate(scope, name, arguments, tree.span)?;
            let nullable = aggregate.kind != Kind::Text
                && !matches!(
                    aggregate.function,
                    AggregateFunction::Count
                        | AggregateFunction::DistinctCount
                        | AggregateFunction::Sum
                        | AggregateFunction::List
                        | AggregateFunction::Set
                );
            let name = format!("\0{}", found.len());
            within.push(Column { name: name.clone(), kind: aggregate.kind, nullable });
            found.push(aggregate);
            Branch::Name(name)
        }
        Branch::Call(name, arguments) => {
            Branch::Call(name.clone(), arguments.iter().map(lifted).collect::<Checked<_>>()?)
        }
        Branch::Negate(of) => Branch::Negate(Box::new(lifted(of)?)),
        Branch::Binary(sign, place, left, right) => {
            let left = Box::new(lifted(left)?);
            Branch::Binary(sign, *place, left, Box::new(lifted(right)?))
        }
        Branch::Path(of, key) => Branch::Path(Box::new(lifted(of)?), key.clone()),
        Branch::Name(name)
            if within.iter().all(|column| column.name != *name)
                && scope.columns.iter().any(|column| column.name == *name) =>
        {
            return Err(Fault::new(tree.span, format!("`{name}` has many values here"))
                .expected(&["an aggregate such as count(), dcount(x) or max(x)", "the column behind `by`"]));
        }
        other => other.clone(),
    };
    Ok(Tree { span: tree.span, node })
}

fn aggregate(scope: &Scope<'_>, name: &str, arguments: &[Tree], span: Span) -> Checked<Aggregate> {
    use AggregateFunction as F;
    let form = |form: &str| {
        let given = arguments.len();
        Fault::new(span, format!("`{name}` does not take {given} argument{}", if given == 1 { "" } else { "s" }))
            .expected(&[form])
    };
    let (bare, conditional) = match name {
        "make_list_if" => ("make_list", true),
        "make_set_if" => ("make_set", true),
        "countif" | "sumif" | "avgif" | "minif" | "maxif" | "dcountif" => (name.trim_end_matches("if"), true),
        _ => (name, false),
    };
    let made = |function, kind, of, only| Aggregate { function, kind, of, only };
    if bare == "count" {
        return match (conditional, arguments) {
            (false, []) => Ok(made(F::Count, Kind::Long, None, None)),
            (true, [only]) => Ok(made(F::Count, Kind::Long, None, Some(scope.truth(only)?))),
            (false, _) => {
                Err(form("count()").hint("countif(condition) counts some of the rows, dcount(x) different values"))
            }
            (true, _) => Err(form("countif(condition)")),
        };
    }
    let (of, rest) = arguments.split_first().ok_or_else(|| form(&format!("{name}(x)")))?;
    let only = match (conditional, rest) {
        (true, [only]) => Some(scope.truth(only)?),
        (true, _) => return Err(form(&format!("{name}(x, condition)"))),
        (false, _) => None,
    };
    // A second argument is the percentage, or Kusto's accuracy and size, which are exact and the whole here.
    let (function, rest) = match (bare, rest) {
        ("percentile", [share]) => (F::Percentile(share_of(scope, share)?), &[] as &[Tree]),
        ("percentile", _) => return Err(form("percentile(x, 95)")),
        ("dcount", [_]) => (F::DistinctCount, &[] as &[Tree]),
        ("dcount" | "count_distinct", rest) => (F::DistinctCount, rest),
        ("sum", rest) => (F::Sum, rest),
        ("avg", rest) => (F::Average, rest),
        ("min", rest) => (F::Least, rest),
        ("max", rest) => (F::Greatest, rest),
        ("make_list", rest) => (F::List, rest),
        ("make_set", rest) => (F::Set, rest),
        (_, rest) => (F::Any, rest),
    };
    if !conditional && !rest.is_empty() {
        return Err(form(&format!("{name}(x)")));
    }
    let value = scope.expression(of)?;
    let (value, kind) = kind_of(function, value, of.span, name)?;
    Ok(made(function, kind, Some(value), only))
}

fn kind_of(function: AggregateFunction, value: Expr, span: Span, name: &str) -> Checked<(Expr, Kind)> {
    use AggregateFunction as F;
    let to_number =
        |value: Expr| if value.kind == Kind::Dynamic { convert(value, Kind::Real, span) } else { Ok(value) };
    match function {
        F::Sum | F::Average | F::Percentile(_) => {
            let value = to_number(value)?;
            let kind = match (value.kind, function) {
                (Kind::Long, F::Average) => Kind::Real,
                (kind @ (Kind::Long | Kind::Real | Kind::Timespan), _) | (kind @ Kind::Datetime, F::Percentile(_)) => {
                    kind
                }
                (other, _) => {
                    return Err(Fault::new(span, format!("`{name}` is for numbers, and this is a {}", other.name()))
                        .hint("use tolong() or todouble()"));
                }
            };
            Ok((value, kind))
        }
        F::Least | F::Greatest => match value.kind {
            Kind::Bool | Kind::Dynamic => {
                Err(Fault::new(span, format!("`{name}` of a {} says nothing", value.kind.name()))
                    .hint("say what it is: tolong(...), todatetime(...)"))
            }
            kind => Ok((value, kind)),
        },
        F::DistinctCount | F::Count => {
            let value = if value.kind == Kind::Dynamic { convert(value, Kind::Text, span)? } else { value };
            Ok((value, Kind::Long))
        }
        F::List | F::Set if value.kind == Kind::Timespan => {
            Err(Fault::new(span, "a list holds no timespans").hint("divide it by its unit: span / 1m"))
        }
        F::List | F::Set => Ok((value, Kind::Dynamic)),
        F::Any => {
            let kind = value.kind;
            Ok((value, kind))
        }
    }
}

fn share_of(scope: &Scope<'_>, tree: &Tree) -> Checked<f64> {
    let share = match scope.expression(tree)?.as_literal() {
        Some(Literal::Whole(share)) => u32::try_from(*share).ok().map(f64::from),
        Some(Literal::Real(share)) => Some(*share),
        _ => None,
    };
    let share = share.filter(|share| (0.0..=100.0).contains(share));
    share.ok_or_else(|| Fault::new(tree.span, "this is no percentage").expected(&["a known number from 0 to 100"]))
}

/// As Kusto names it.
fn default_name(tree: &Tree) -> Option<String> {
    let Branch::Call(name, arguments) = &tree.node else { return auto(tree) };
    let of = arguments.first().and_then(auto).unwrap_or_default();
    Some(match (name.as_str(), arguments.get(1).map(|tree| &tree.node)) {
        ("make_list" | "make_list_if", _) => format!("list_{of}"),
        ("make_set" | "make_set_if", _) => format!("set_{of}"),
        ("any" | "take_any", _) => of,
        ("countif", _) => "countif_".to_owned(),
        ("percentile", Some(Branch::Literal(_, Literal::Whole(share)))) => format!("percentile_{of}_{share}"),
        ("percentile", Some(Branch::Literal(_, Literal::Real(share)))) => {
            format!("percentile_{of}_{}", share.to_string().replace('.', "_"))
        }
        (name, _) if AGGREGATES.contains(&name) => format!("{name}_{of}"),
        _ => return None,
    })
}
