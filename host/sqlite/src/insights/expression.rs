//! Expressions in SQLite's words.
//!
//! Owns KQL's meaning where SQL's differs: nulls that are compared, texts that are never null, whole division, times in milliseconds. A column is the
//! text that stands for it; a value is a parameter. Only functions that every SQLite of a host has are used.

use passerelle_flow::insights::limit;
use passerelle_flow::insights::plan::{Expr, Function, Key, Kind, Literal, Node, Part};

use super::Halt;
use super::stage::Builder;
use crate::value::Given;

const DAY: i64 = 86_400_000;
/// From the beginning of the year 1, a Monday, to 1970: bins of times are counted from there.
const YEAR_ONE: i64 = 719_162 * DAY;
/// From Sunday to the day that 1970 began with, a Thursday.
const SUNDAY: i64 = 4 * DAY;

impl Builder<'_> {
    pub fn expression(&mut self, expr: &Expr, columns: &[String]) -> Result<String, Halt> {
        let text = match &expr.node {
            Node::Column(at) => columns.get(*at).cloned().unwrap_or_else(|| "NULL".to_owned()),
            Node::Literal(literal) => self.literal(literal),
            Node::Call(function, arguments) => {
                let mut written = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    written.push(self.expression(argument, columns)?);
                }
                let text = self.call(expr, function, arguments, &written);
                // Now, and not when the whole is written: an argument that is needed twice doubles at every level.
                self.spend(text.len())?;
                text
            }
        };
        Ok(text)
    }

    fn literal(&mut self, literal: &Literal) -> String {
        match literal {
            Literal::Null => "NULL".to_owned(),
            Literal::Bool(yes) => i64::from(*yes).to_string(),
            Literal::Whole(number) => self.give(Given::Integer(*number)),
            Literal::Real(number) => self.give(Given::Real(*number)),
            Literal::Text(text) => self.give(Given::Text(text.clone())),
        }
    }

    fn call(&mut self, expr: &Expr, function: &Function, arguments: &[Expr], of: &[String]) -> String {
        let [a, b] = [of.first(), of.get(1)].map(|text| text.map_or("NULL", String::as_str));
        match function {
            Function::And => balanced(of, "AND"),
            Function::Or => balanced(of, "OR"),
            Function::Not => format!("(NOT {a})"),
            Function::Equal | Function::NotEqual => equality(*function == Function::Equal, arguments, a, b),
            Function::Less => format!("({a} < {b})"),
            Function::LessOrEqual => format!("({a} <= {b})"),
            Function::Greater => format!("({a} > {b})"),
            Function::GreaterOrEqual => format!("({a} >= {b})"),
            Function::In => {
                let found = format!("{a} IN ({})", of.get(1..).unwrap_or_default().join(", "));
                // As it is where it can be, so that an index serves.
                if arguments.iter().any(|argument| argument.nullable) {
                    format!("coalesce({found}, 0)")
                } else {
                    format!("({found})")
                }
            }
            Function::Add => arithmetic(expr.kind, &format!("({a} + {b})")),
            Function::Subtract => arithmetic(expr.kind, &format!("({a} - {b})")),
            Function::Multiply if expr.kind == Kind::Timespan => format!("CAST(round({a} * 1.0 * {b}) AS INTEGER)"),
            Function::Multiply => arithmetic(expr.kind, &format!("({a} * {b})")),
            Function::Divide => match expr.kind {
                Kind::Real => format!("({a} * 1.0 / {b})"),
                Kind::Timespan => format!("CAST(round({a} * 1.0 / {b}) AS INTEGER)"),
                _ => arithmetic(expr.kind, &format!("({a} / {b})")),
            },
            // SQLite's own is for whole numbers alone.
            Function::Modulo if expr.kind == Kind::Real => format!("({a} - {b} * CAST({a} * 1.0 / {b} AS INTEGER))"),
            Function::Modulo => format!("({a} % {b})"),
            Function::Negate => arithmetic(expr.kind, &format!("(-{a})")),
            // The smallest whole number has no counterpart, and `abs` fails at it.
            Function::Absolute => arithmetic(expr.kind, &format!("(CASE WHEN {a} < 0 THEN -{a} ELSE {a} END)")),
            Function::Round(digits) => format!("round({a}, {digits})"),
            Function::Bin => bin(expr.kind, a, b),
            Function::Choose => choose(of),
            Function::Coalesce => format!("coalesce({})", of.join(", ")),
            // Bounded, since a query can put a text to itself again and again.
            Function::Concatenate => format!("substr({}, 1, {})", balanced(of, "||"), limit::CONCATENATED),
            Function::Lower => format!("lower({a})"),
            Function::Upper => format!("upper({a})"),
            Function::Length => format!("length({a})"),
            Function::Substring => {
                let from = format!("max({b}, 0) + 1");
                let text = match of.get(2) {
                    Some(length) => format!("substr({a}, {from}, max({length}, 0))"),
                    None => format!("substr({a}, {from})"),
                };
                format!("coalesce({text}, '')")
            }
            Function::Contains => format!("(instr({a}, {b}) > 0)"),
            Function::StartsWith => format!("(substr({a}, 1, length({b})) = {b})"),
            Function::EndsWith => {
                format!("(length({a}) >= length({b}) AND substr({a}, length({a}) - length({b}) + 1) = {b})")
            }
            Function::Has => self.has(a, b, arguments.get(1)),
            Function::IsNull => format!("({a} IS NULL)"),
            Function::Path(keys) => {
                let path = self.give(Given::Text(path(keys)));
                // JSON's null is no value.
                format!("nullif({a} -> {path}, 'null')")
            }
            Function::Convert => convert(arguments.first().map_or(Kind::Text, |from| from.kind), expr.kind, a),
            Function::ParseJson => {
                format!("nullif(CASE WHEN json_valid({a}) THEN json({a}) ELSE json_quote({a}) END, 'null')")
            }
            Function::ArrayLength => format!("(CASE json_type({a}) WHEN 'array' THEN json_array_length({a}) END)"),
            Function::StartOfDay => format!("({})", floor(a, &DAY.to_string(), 0)),
            Function::StartOfWeek => format!("({})", floor(a, &(7 * DAY).to_string(), SUNDAY)),
            Function::StartOfMonth => start_of(a, "month"),
            Function::StartOfYear => start_of(a, "year"),
            Function::Part(part) => self::part(*part, a),
            Function::Format(pattern) => {
                let pattern = self.give(Given::Text(pattern.clone()));
                format!("coalesce(strftime({pattern}, {}, 'unixepoch'), '')", seconds(a))
            }
        }
    }

    /// Between characters that belong to no word: a pattern, made of a word that is known. Letters beyond ASCII belong to words.
    fn has(&mut self, text: &str, given: &str, word: Option<&Expr>) -> String {
        let Some(Literal::Text(word)) = word.and_then(Expr::as_literal) else { return "0".to_owned() };
        if word.is_empty() {
            // The parameter is there, and must be used.
            return format!("({given} = '')");
        }
        const OUTSIDE: &str = "[^0-9A-Za-z\u{80}-\u{10ffff}]";
        let mut pattern = format!("*{OUTSIDE}");
        for c in word.chars() {
            match c {
                '*' | '?' | '[' => pattern.extend(['[', c, ']']),
                other => pattern.push(other),
            }
        }
        pattern.push_str(OUTSIDE);
        pattern.push('*');
        let pattern = self.give(Given::Text(pattern));
        format!("((' ' || {text} || ' ') GLOB {pattern})")
    }
}

/// SQLite nests a chain of terms to its end, and stops at a thousand levels: halves nest less.
fn balanced(terms: &[String], between: &str) -> String {
    match terms {
        [] => "NULL".to_owned(),
        [one] => one.clone(),
        several => {
            let (left, right) = several.split_at(several.len() / 2);
            format!("({} {between} {})", balanced(left, between), balanced(right, between))
        }
    }
}

/// Null and a value are different; two nulls are neither.
fn equality(equal: bool, arguments: &[Expr], a: &str, b: &str) -> String {
    let (sign, otherwise) = if equal { ("=", 0) } else { ("<>", 1) };
    match arguments {
        [left, right] if left.nullable && right.nullable => {
            format!("(CASE WHEN ({a} IS NULL) = ({b} IS NULL) THEN {a} {sign} {b} ELSE {otherwise} END)")
        }
        [left, right] if left.nullable || right.nullable => format!("coalesce({a} {sign} {b}, {otherwise})"),
        // As it is, so that an index serves.
        _ => format!("({a} {sign} {b})"),
    }
}

/// What runs over becomes a real number in SQLite, and stays a whole one here: the nearest that there is.
fn arithmetic(kind: Kind, text: &str) -> String {
    if kind == Kind::Real { text.to_owned() } else { format!("CAST({text} AS INTEGER)") }
}

fn choose(of: &[String]) -> String {
    let mut text = "(CASE".to_owned();
    let pairs = of.chunks_exact(2);
    let otherwise = pairs.remainder().first().map_or("NULL", String::as_str);
    for pair in pairs {
        if let [condition, value] = pair {
            text.push_str(&format!(" WHEN {condition} THEN {value}"));
        }
    }
    format!("{text} ELSE {otherwise} END)")
}

/// Down to a multiple, also below zero.
fn floor(value: &str, width: &str, shift: i64) -> String {
    if shift == 0 {
        return format!("{value} - (({value} % {width}) + {width}) % {width}");
    }
    format!("{value} - ((({value} + {shift}) % {width}) + {width}) % {width}")
}

fn bin(kind: Kind, value: &str, width: &str) -> String {
    match kind {
        Kind::Datetime => format!("({})", floor(value, width, YEAR_ONE)),
        Kind::Real => {
            let share = format!("({value} * 1.0 / {width})");
            // Towards zero, and one further below it.
            format!("((CAST({share} AS INTEGER) - ({share} < CAST({share} AS INTEGER))) * 1.0 * {width})")
        }
        _ => format!("({})", floor(value, width, 0)),
    }
}

/// Whole seconds of a time, for SQLite's calendar.
fn seconds(time: &str) -> String {
    format!("(({}) / 1000)", floor(time, "1000", 0))
}

fn start_of(time: &str, unit: &str) -> String {
    format!("(CAST(strftime('%s', {}, 'unixepoch', 'start of {unit}') AS INTEGER) * 1000)", seconds(time))
}

fn part(part: Part, time: &str) -> String {
    let of = |code: &str| format!("CAST(strftime('{code}', {}, 'unixepoch') AS INTEGER)", seconds(time));
    match part {
        Part::Hour => of("%H"),
        Part::DayOfMonth => of("%d"),
        Part::DayOfWeek => format!("({} * {DAY})", of("%w")),
        Part::Month => of("%m"),
        Part::Year => of("%Y"),
    }
}

/// `$."a.b"[0]`; names hold no quotation mark (`passerelle_flow::insights`).
fn path(keys: &[Key]) -> String {
    let mut path = "$".to_owned();
    for key in keys {
        match key {
            Key::Name(name) => path.push_str(&format!(".\"{name}\"")),
            Key::Index(index) if *index < 0 => path.push_str(&format!("[#{index}]")),
            Key::Index(index) => path.push_str(&format!("[{index}]")),
        }
    }
    path
}

/// From one kind to another; what cannot be read is null, and as a text empty.
fn convert(from: Kind, to: Kind, a: &str) -> String {
    let scalar = |then: &str| format!("(CASE json_type({a}) WHEN 'text' THEN {a} ->> '$' ELSE {then} END)");
    match (from, to) {
        (Kind::Dynamic, Kind::Text) => format!("coalesce({}, '')", scalar(a)),
        // As its text: a number in quotes is one, too.
        (Kind::Dynamic, _) => convert(Kind::Text, to, &scalar(a)),
        (Kind::Bool, Kind::Text) => format!("coalesce(CASE WHEN {a} THEN 'true' WHEN NOT {a} THEN 'false' END, '')"),
        (Kind::Real, Kind::Text) => {
            format!(
                "coalesce(CASE WHEN {a} = CAST({a} AS INTEGER) THEN CAST(CAST({a} AS INTEGER) AS TEXT) ELSE CAST({a} AS TEXT) END, '')"
            )
        }
        (Kind::Datetime, Kind::Text) => {
            let whole = seconds(a);
            format!(
                "coalesce(strftime('%Y-%m-%dT%H:%M:%S', {whole}, 'unixepoch') || printf('.%03d0000Z', {a} - {whole} * 1000), '')"
            )
        }
        (_, Kind::Text) => format!("coalesce(CAST({a} AS TEXT), '')"),
        (Kind::Text, Kind::Long) => format!(
            "(CASE WHEN {a} GLOB '[0-9]*' AND {a} NOT GLOB '*[^0-9]*' AND length({a}) < 20 THEN CAST({a} AS INTEGER) \
             WHEN {a} GLOB '-[0-9]*' AND substr({a}, 2) NOT GLOB '*[^0-9]*' AND length({a}) < 21 THEN CAST({a} AS INTEGER) \
             WHEN {a} IN ('true', 'false') THEN {a} = 'true' \
             WHEN json_valid({a}) THEN CASE WHEN json_type({a}) IN ('integer', 'real') THEN CAST(CAST({a} AS REAL) AS INTEGER) END END)"
        ),
        (Kind::Text, Kind::Real) => format!(
            "(CASE WHEN {a} GLOB '[0-9]*' AND {a} NOT GLOB '*[^0-9]*' THEN CAST({a} AS REAL) \
             WHEN {a} IN ('true', 'false') THEN ({a} = 'true') * 1.0 \
             WHEN json_valid({a}) THEN CASE WHEN json_type({a}) IN ('integer', 'real') THEN CAST({a} AS REAL) END END)"
        ),
        (Kind::Text, Kind::Bool) => {
            format!("(CASE WHEN lower({a}) IN ('true', '1') THEN 1 WHEN lower({a}) IN ('false', '0') THEN 0 END)")
        }
        // What SQLite's calendar reads beyond this (a time alone, a day's number, `now`) is no time here.
        (Kind::Text, Kind::Datetime) => format!(
            "(CASE WHEN {a} GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*' \
             THEN CAST(round((julianday({a}) - 2440587.5) * 86400000.0) AS INTEGER) END)"
        ),
        (Kind::Long, Kind::Bool) => format!("({a} <> 0)"),
        (_, Kind::Real) => format!("CAST({a} AS REAL)"),
        (_, Kind::Long) => format!("CAST({a} AS INTEGER)"),
        _ => a.to_owned(),
    }
}
