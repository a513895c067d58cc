//! Expressions: names, paths, signs; and from one kind to another.

use super::super::error::{Checked, Fault, Span};
use super::super::limit;
use super::super::parameter;
use super::super::parse::{Branch, Tree};
use super::super::plan::{Column, Expr, Function, Key, Kind, Literal, Node};
use super::compare::{compare, not};
use super::names::Names;

/// Levels of a checked expression: what is written in [`limit::DEPTH`] levels, conversions included.
const LEVELS: usize = 3 * limit::DEPTH;

/// What an expression may name.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub columns: &'a [Column],
    pub names: &'a Names<'a>,
}

impl<'a> Scope<'a> {
    pub fn new(columns: &'a [Column], names: &'a Names<'a>) -> Self {
        Self { columns, names }
    }

    pub fn column(&self, name: &str, span: Span) -> Checked<(usize, &'a Column)> {
        let found = self.columns.iter().enumerate().find(|(_, column)| column.name == name);
        found.ok_or_else(|| {
            Fault::new(span, format!("there is no column `{name}` here"))
                .known(name, self.columns.iter().map(|column| column.name.as_str()))
        })
    }

    pub fn expression(&self, tree: &Tree) -> Checked<Expr> {
        let expr = self.within(tree)?;
        // What a name stands for counts as if it were written.
        if expr.depth() > LEVELS {
            return Err(Fault::new(tree.span, format!("this is nested more than {} levels deep", limit::DEPTH)));
        }
        Ok(expr)
    }

    fn within(&self, tree: &Tree) -> Checked<Expr> {
        match &tree.node {
            Branch::Name(name) => self.named(name, tree.span),
            Branch::Literal(kind, literal) => Ok(Expr::literal(*kind, literal.clone())),
            Branch::Star => Err(Fault::new(tree.span, "* cannot stand here").expected(&["a column", "a value"])),
            Branch::Path(of, key) => self.path(of, key, tree.span),
            Branch::Call(name, arguments) => self.call(name, arguments, tree.span),
            Branch::Negate(of) => negated(self.expression(of)?, of.span),
            Branch::Binary(sign, place, left, right) => {
                let (left, right) = (self.expression(left)?, self.expression(right)?);
                match *sign {
                    "+" | "-" | "*" | "/" | "%" => arithmetic(sign, left, right, *place),
                    _ => compare(sign, left, right, *place),
                }
            }
            Branch::All(terms) => self.terms(terms, Function::And),
            Branch::Any(terms) => self.terms(terms, Function::Or),
            Branch::Among { of, list, folded, negated } => self.among(of, list, *folded, *negated),
            Branch::Between { of, from, to, negated } => self.between(of, from, to, *negated),
            Branch::Text { of, what, test, folded, negated, every, .. } => {
                let test = self.text_test(of, what, *test, *folded, *every)?;
                Ok(if *negated { not(test) } else { test })
            }
        }
    }

    fn named(&self, name: &str, span: Span) -> Checked<Expr> {
        if let Some((at, column)) = self.columns.iter().enumerate().find(|(_, column)| column.name == name) {
            return Ok(Expr::column(at, column));
        }
        if let Some(value) = self.names.value(name) {
            return self.names.copy(value, span);
        }
        if name == "null" {
            return Err(Fault::new(span, "null has a type").expected(&["isnull(...)", "isempty(...)"]));
        }
        let known = self.columns.iter().map(|column| column.name.as_str()).chain(self.names.all_values());
        let what = if self.columns.is_empty() { "value" } else { "column" };
        Err(Fault::new(span, format!("there is no {what} `{name}` here")).known(name, known))
    }

    fn terms(&self, terms: &[Tree], function: Function) -> Checked<Expr> {
        let terms: Checked<Vec<Expr>> = terms.iter().map(|tree| self.truth(tree)).collect();
        Ok(Expr::call(Kind::Bool, function, terms?))
    }

    /// True or false, or a property that is read as it.
    pub fn truth(&self, tree: &Tree) -> Checked<Expr> {
        let expr = self.expression(tree)?;
        match expr.kind {
            Kind::Bool => Ok(expr),
            Kind::Dynamic => convert(expr, Kind::Bool, tree.span),
            other => {
                Err(Fault::new(tree.span, format!("a condition is true or false, and this is a {}", other.name()))
                    .expected(&["a comparison such as == or contains"]))
            }
        }
    }

    fn path(&self, of: &Tree, key: &Key, span: Span) -> Checked<Expr> {
        let within = self.expression(of)?;
        if within.kind != Kind::Dynamic {
            return Err(Fault::new(
                of.span,
                format!("only a dynamic value has properties, and this is a {}", within.kind.name()),
            )
            .hint("Events, Logs and Metrics have them in `properties`; parse_json() makes a text one"));
        }
        if let Key::Name(name) = key
            && name.contains(['"', '\\', '\0'])
        {
            return Err(Fault::new(span, "a property's name holds no quotation mark and no backslash here"));
        }
        // One path of several steps, read at once.
        if let Node::Call(Function::Path(mut keys), arguments) = within.node {
            keys.push(key.clone());
            return Ok(Expr::maybe(Kind::Dynamic, Function::Path(keys), arguments));
        }
        Ok(Expr::maybe(Kind::Dynamic, Function::Path(vec![key.clone()]), vec![within]))
    }

    /// Something that can be sorted or grouped by.
    pub fn comparable(&self, tree: &Tree, how: &str) -> Checked<Expr> {
        let expr = self.expression(tree)?;
        if expr.kind == Kind::Dynamic {
            let fault = Fault::new(tree.span, format!("a dynamic value cannot be {how}"));
            return Err(
                fault.hint("say what it is: tostring(...), tolong(...), todouble(...), todatetime(...) or tobool(...)")
            );
        }
        Ok(expr)
    }
}

fn negated(of: Expr, span: Span) -> Checked<Expr> {
    let of = if of.kind == Kind::Dynamic { convert(of, Kind::Real, span)? } else { of };
    match (of.kind, of.as_literal()) {
        (Kind::Long | Kind::Timespan, Some(Literal::Whole(number))) => {
            Ok(Expr::literal(of.kind, Literal::Whole(number.saturating_neg())))
        }
        (Kind::Real, Some(Literal::Real(number))) => Ok(Expr::literal(of.kind, Literal::Real(-number))),
        (Kind::Long | Kind::Real | Kind::Timespan, _) => Ok(Expr::call(of.kind, Function::Negate, vec![of])),
        (other, _) => {
            Err(Fault::new(span, format!("a {} has no sign", other.name())).expected(&["a number", "a timespan"]))
        }
    }
}

fn arithmetic(sign: &str, left: Expr, right: Expr, place: Span) -> Checked<Expr> {
    use Kind::{Datetime, Dynamic, Long, Real, Timespan};
    let number = |expr: Expr| if expr.kind == Dynamic { convert(expr, Real, place) } else { Ok(expr) };
    let (left, right) = (number(left)?, number(right)?);
    let numbers = if left.kind == Long && right.kind == Long { Long } else { Real };
    let kind = match (sign, left.kind, right.kind) {
        ("+" | "-" | "*" | "/" | "%", Long | Real, Long | Real) => Some(numbers),
        ("+" | "-", Timespan, Timespan) => Some(Timespan),
        ("+", Timespan, Datetime) | ("+" | "-", Datetime, Timespan) => Some(Datetime),
        ("-", Datetime, Datetime) => Some(Timespan),
        ("*" | "/", Timespan, Long | Real) | ("*", Long | Real, Timespan) => Some(Timespan),
        ("/", Timespan, Timespan) => Some(Real),
        _ => None,
    };
    let Some(kind) = kind else {
        let fault =
            Fault::new(place, format!("`{sign}` is not for a {} and a {}", left.kind.name(), right.kind.name()));
        let texts = left.kind == Kind::Text || right.kind == Kind::Text;
        return Err(if texts { fault.hint("texts are put together with strcat()") } else { fault });
    };
    let function = match sign {
        "+" => Function::Add,
        "-" => Function::Subtract,
        "*" => Function::Multiply,
        "/" => Function::Divide,
        _ => Function::Modulo,
    };
    if let Some(known) = folded(&function, kind, &left, &right) {
        return Ok(known);
    }
    // By zero is null.
    let divides = matches!(function, Function::Divide | Function::Modulo);
    Ok(if divides { Expr::maybe } else { Expr::call }(kind, function, vec![left, right]))
}

/// Of two whole values that are known: `ago(2 * 1d)` needs a known one.
fn folded(function: &Function, kind: Kind, left: &Expr, right: &Expr) -> Option<Expr> {
    let (Some(Literal::Whole(a)), Some(Literal::Whole(b))) = (left.as_literal(), right.as_literal()) else {
        return None;
    };
    let known = match function {
        Function::Add => a.checked_add(*b),
        Function::Subtract => a.checked_sub(*b),
        Function::Multiply => a.checked_mul(*b),
        _ => None,
    };
    known.map(|known| Expr::literal(kind, Literal::Whole(known)))
}

/// As another kind. A text that is known is read here, so that a wrong one is the writer's and not a null.
pub(super) fn convert(expr: Expr, to: Kind, span: Span) -> Checked<Expr> {
    use Kind::{Bool, Datetime, Dynamic, Long, Real, Text, Timespan};
    if expr.kind == to {
        return Ok(expr);
    }
    if let (Some(Literal::Text(text)), Datetime | Timespan) = (expr.as_literal(), to) {
        let (read, form) = match to {
            Datetime => (crate::identity::moment(text), "a time such as 2026-03-14 or 2026-03-14T18:05:00Z"),
            _ => (parameter::timespan(text), "a timespan such as 1d, 30m or 1.02:30:00"),
        };
        let read = read.ok_or_else(|| Fault::new(span, format!("this text is no {}", to.name())).expected(&[form]))?;
        return Ok(Expr::literal(to, Literal::Whole(read)));
    }
    match (expr.kind, to) {
        (Text | Long | Real | Bool | Datetime | Dynamic, Text)
        | (Text | Real | Bool | Dynamic, Long)
        | (Text | Long | Bool | Dynamic, Real)
        | (Text | Long | Dynamic, Bool)
        | (Text | Dynamic, Datetime) => Ok(Expr::maybe(to, Function::Convert, vec![expr])),
        (Timespan, _) => Err(Fault::new(span, "a timespan is not converted").hint("divide it by its unit: span / 1m")),
        (from, _) => Err(Fault::new(span, format!("a {} does not become a {}", from.name(), to.name()))),
    }
}
