//! Comparisons: what two kinds have in common.

use super::super::error::{Checked, Fault, Span};
use super::super::parse::{TextTest, Tree};
use super::super::plan::{Expr, Function, Kind, Literal, Node};
use super::expression::{Scope, convert};

/// Two values as one kind, where KQL compares them: a property as what it is compared with, a text that is known as a time.
pub(super) fn alike(left: Expr, right: Expr, place: Span) -> Checked<(Expr, Expr)> {
    let known_text = |expr: &Expr| matches!(expr.node, Node::Literal(Literal::Text(_)));
    match (left.kind, right.kind) {
        (Kind::Dynamic, Kind::Dynamic) => Ok((convert(left, Kind::Text, place)?, convert(right, Kind::Text, place)?)),
        (Kind::Dynamic, Kind::Long) => Ok((convert(left, Kind::Real, place)?, right)),
        (Kind::Long, Kind::Dynamic) => Ok((left, convert(right, Kind::Real, place)?)),
        (Kind::Dynamic, kind) => Ok((convert(left, kind, place)?, right)),
        (kind, Kind::Dynamic) => Ok((left, convert(right, kind, place)?)),
        (a, b) if a == b || (a.is_number() && b.is_number()) => Ok((left, right)),
        (kind @ (Kind::Datetime | Kind::Timespan), Kind::Text) if known_text(&right) => {
            Ok((left, convert(right, kind, place)?))
        }
        (Kind::Text, kind @ (Kind::Datetime | Kind::Timespan)) if known_text(&left) => {
            Ok((convert(left, kind, place)?, right))
        }
        (a, b) => Err(Fault::new(place, format!("a {} and a {} cannot be compared", a.name(), b.name()))
            .hint("make them one type with tostring(), tolong(), todouble(), todatetime() or tobool()")),
    }
}

/// `==` and its like.
pub(super) fn compare(sign: &str, left: Expr, right: Expr, place: Span) -> Checked<Expr> {
    let function = match sign {
        "=~" | "!~" => {
            let (left, right) = (text_of(left, place)?, text_of(right, place)?);
            let function = if sign == "=~" { Function::Equal } else { Function::NotEqual };
            return Ok(Expr::call(Kind::Bool, function, vec![lower(left), lower(right)]));
        }
        "==" => Function::Equal,
        "!=" => Function::NotEqual,
        "<" => Function::Less,
        "<=" => Function::LessOrEqual,
        ">" => Function::Greater,
        _ => Function::GreaterOrEqual,
    };
    let (left, right) = alike(left, right, place)?;
    let equality = matches!(function, Function::Equal | Function::NotEqual);
    if !equality && matches!(left.kind, Kind::Text | Kind::Bool) {
        return Err(Fault::new(place, format!("a {} has no order", left.kind.name())).expected(&["==", "!="]));
    }
    Ok(Expr::call(Kind::Bool, function, vec![left, right]))
}

/// A text, or a property as one.
pub(super) fn text_of(expr: Expr, place: Span) -> Checked<Expr> {
    match expr.kind {
        Kind::Text => Ok(expr),
        Kind::Dynamic => convert(expr, Kind::Text, place),
        other => {
            Err(Fault::new(place, format!("this is for a string, and it is a {}", other.name())).hint("use tostring()"))
        }
    }
}

pub(super) fn lower(expr: Expr) -> Expr {
    Expr::call(Kind::Text, Function::Lower, vec![expr])
}

pub(super) fn not(expr: Expr) -> Expr {
    Expr::call(Kind::Bool, Function::Not, vec![expr])
}

impl Scope<'_> {
    pub(super) fn among(&self, of: &Tree, list: &[Tree], folded: bool, negated: bool) -> Checked<Expr> {
        let mut first = self.expression(of)?;
        let mut values = Vec::new();
        for tree in list {
            let value = self.expression(tree)?;
            if value.as_literal().is_none() {
                return Err(
                    Fault::new(tree.span, "a list holds values that are known").expected(&["a value", "a parameter"])
                );
            }
            let (left, value) = alike(first, value, tree.span)?;
            first = left;
            values.push(value);
        }
        if folded {
            first = lower(text_of(first, of.span)?);
            values = values.into_iter().map(lower).collect();
        }
        let found = Expr::call(Kind::Bool, Function::In, std::iter::once(first).chain(values).collect());
        Ok(if negated { not(found) } else { found })
    }

    pub(super) fn between(&self, of: &Tree, from: &Tree, to: &Tree, negated: bool) -> Checked<Expr> {
        let value = self.expression(of)?;
        let first = compare(">=", self.names.copy(&value, of.span)?, self.expression(from)?, from.span)?;
        // `between (start .. 7d)`: from a time, so long.
        let mut last = self.expression(to)?;
        if value.kind == Kind::Datetime && last.kind == Kind::Timespan {
            last = Expr::call(Kind::Datetime, Function::Add, vec![self.expression(from)?, last]);
        }
        let last = compare("<=", value, last, to.span)?;
        let within = Expr::call(Kind::Bool, Function::And, vec![first, last]);
        Ok(if negated { not(within) } else { within })
    }

    pub(super) fn text_test(
        &self,
        of: &Tree,
        what: &[Tree],
        test: TextTest,
        folded: bool,
        every: bool,
    ) -> Checked<Expr> {
        let fold = |expr| if folded { lower(expr) } else { expr };
        let text = fold(text_of(self.expression(of)?, of.span)?);
        let mut tests = Vec::new();
        for tree in what {
            let sought = text_of(self.expression(tree)?, tree.span)?;
            let function = match test {
                TextTest::Contains => Function::Contains,
                TextTest::StartsWith => Function::StartsWith,
                TextTest::EndsWith => Function::EndsWith,
                TextTest::Has => Function::Has,
            };
            let sought = match (&function, sought.as_literal()) {
                // A pattern is made of it.
                (Function::Has, Some(Literal::Text(word))) if word.len() <= 1_000 => {
                    Expr::text(if folded { word.to_ascii_lowercase() } else { word.clone() })
                }
                (Function::Has, _) => {
                    return Err(Fault::new(tree.span, "has looks for a word that is known")
                        .expected(&["a text of 1000 bytes at most", "a parameter"])
                        .hint("contains takes any text"));
                }
                _ => fold(sought),
            };
            tests.push(Expr::call(Kind::Bool, function, vec![self.names.copy(&text, of.span)?, sought]));
        }
        let all = if every { Function::And } else { Function::Or };
        Ok(match <[Expr; 1]>::try_from(tests) {
            Ok([one]) => one,
            Err(several) => Expr::call(Kind::Bool, all, several),
        })
    }
}
