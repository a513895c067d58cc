//! Functions of a value: which there are, what they take, what they give.

use super::super::error::{Checked, Fault, Span};
use super::super::parse::Tree;
use super::super::plan::{Expr, Function, Kind, Literal, Part};
use super::compare::text_of;
use super::expression::{Scope, convert};

/// For those who mistype.
const FUNCTIONS: [&str; 44] = [
    "abs",
    "ago",
    "array_length",
    "bin",
    "case",
    "coalesce",
    "datetime",
    "dayofmonth",
    "dayofweek",
    "floor",
    "format_datetime",
    "getmonth",
    "getyear",
    "hourofday",
    "iff",
    "iif",
    "isempty",
    "isnotempty",
    "isnotnull",
    "isnull",
    "monthofyear",
    "not",
    "now",
    "parse_json",
    "round",
    "startofday",
    "startofmonth",
    "startofweek",
    "startofyear",
    "strcat",
    "strlen",
    "substring",
    "timespan",
    "tobool",
    "todatetime",
    "todouble",
    "todynamic",
    "toint",
    "tolong",
    "tolower",
    "toreal",
    "tostring",
    "totimespan",
    "toupper",
];

/// Aggregates, for the same, and to say where they belong.
pub(super) const AGGREGATES: [&str; 19] = [
    "any",
    "avg",
    "avgif",
    "count",
    "count_distinct",
    "countif",
    "dcount",
    "dcountif",
    "make_list",
    "make_list_if",
    "make_set",
    "make_set_if",
    "max",
    "maxif",
    "min",
    "minif",
    "percentile",
    "sum",
    "sumif",
];

/// The arguments of a call, not read yet.
struct Call<'a> {
    name: &'a str,
    arguments: &'a [Tree],
    span: Span,
}

impl<'a> Call<'a> {
    fn exactly<const N: usize>(&self, form: &str) -> Checked<&'a [Tree; N]> {
        self.arguments.try_into().map_err(|_| self.form(form))
    }

    fn form(&self, form: &str) -> Fault {
        let given = self.arguments.len();
        Fault::new(
            self.span,
            format!("`{}` does not take {given} argument{}", self.name, if given == 1 { "" } else { "s" }),
        )
        .expected(&[form])
    }
}

impl Scope<'_> {
    pub(super) fn call(&self, name: &str, arguments: &[Tree], span: Span) -> Checked<Expr> {
        let call = Call { name, arguments, span };
        match name {
            "now" | "ago" => self.time_of_now(&call),
            "bin" | "floor" => self.bin(&call),
            "iff" | "iif" | "case" => self.choose(&call),
            "coalesce" => self.coalesce(&call),
            "isnull" | "isnotnull" | "isempty" | "isnotempty" => self.absence(&call),
            "not" => {
                let [of] = call.exactly("not(condition)")?;
                Ok(super::compare::not(self.truth(of)?))
            }
            "tostring" => self.converted(&call, Kind::Text),
            "toint" | "tolong" => self.converted(&call, Kind::Long),
            "todouble" | "toreal" => self.converted(&call, Kind::Real),
            "tobool" => self.converted(&call, Kind::Bool),
            "todatetime" | "datetime" => self.converted(&call, Kind::Datetime),
            "totimespan" | "timespan" | "time" => self.converted(&call, Kind::Timespan),
            "parse_json" | "todynamic" => {
                let [of] = call.exactly(&format!("{name}(text)"))?;
                let of_it = self.expression(of)?;
                if of_it.kind == Kind::Dynamic {
                    return Ok(of_it);
                }
                Ok(Expr::maybe(Kind::Dynamic, Function::ParseJson, vec![text_of(of_it, of.span)?]))
            }
            "array_length" => {
                let [of] = call.exactly("array_length(list)")?;
                let list = self.of_kind(of, Kind::Dynamic)?;
                Ok(Expr::maybe(Kind::Long, Function::ArrayLength, vec![list]))
            }
            "strcat" | "strlen" | "substring" | "tolower" | "toupper" | "trim" => self.text_call(&call),
            "abs" | "round" => self.number_call(&call),
            "startofday" | "startofweek" | "startofmonth" | "startofyear" | "hourofday" | "dayofmonth"
            | "dayofweek" | "monthofyear" | "getmonth" | "getyear" | "format_datetime" => self.calendar(&call),
            _ if AGGREGATES.contains(&name) => {
                Err(Fault::new(span, format!("`{name}` counts rows, and stands in summarize alone"))
                    .hint(format!("write: | summarize {name}(...) by ...")))
            }
            _ => Err(Fault::new(span, format!("there is no function `{name}`"))
                .known(name, FUNCTIONS.into_iter().chain(AGGREGATES))),
        }
    }

    /// A known time: that of the question.
    fn time_of_now(&self, call: &Call<'_>) -> Checked<Expr> {
        let now = self.names.now;
        let span = match (call.name, call.arguments) {
            ("now", []) => 0,
            ("now", [span]) => self.known_span(span)?,
            (_, [span]) => self.known_span(span)?.saturating_neg(),
            _ => return Err(call.form("ago(timespan), for example ago(7d)")),
        };
        Ok(Expr::literal(Kind::Datetime, Literal::Whole(now.saturating_add(span))))
    }

    fn known_span(&self, tree: &Tree) -> Checked<i64> {
        let given = self.expression(tree)?;
        let given = if given.kind == Kind::Text { convert(given, Kind::Timespan, tree.span)? } else { given };
        match (given.kind, given.as_literal()) {
            (Kind::Timespan, Some(Literal::Whole(span))) => Ok(*span),
            _ => Err(Fault::new(tree.span, "this is no timespan that is known")
                .expected(&["a timespan such as 1d, 2h or 30m"])),
        }
    }

    fn bin(&self, call: &Call<'_>) -> Checked<Expr> {
        let [of, width] = call.exactly(&format!("{}(value, width), for example bin(timestamp, 1d)", call.name))?;
        let value = self.expression(of)?;
        let value = if value.kind == Kind::Dynamic { convert(value, Kind::Real, of.span)? } else { value };
        let step = self.expression(width)?;
        let timely = matches!(value.kind, Kind::Datetime | Kind::Timespan);
        let step = if timely && step.kind == Kind::Text { convert(step, Kind::Timespan, width.span)? } else { step };
        let positive = match step.as_literal() {
            Some(Literal::Whole(step)) => *step > 0,
            Some(Literal::Real(step)) => *step > 0.0,
            _ => false,
        };
        let kind = match (value.kind, step.kind) {
            (kind @ (Kind::Datetime | Kind::Timespan), Kind::Timespan) | (kind @ Kind::Long, Kind::Long) => kind,
            (Kind::Long | Kind::Real, Kind::Long | Kind::Real) => Kind::Real,
            (other, _) => {
                let expected = if timely { "a timespan such as 1h or 1d" } else { "a number" };
                return Err(
                    Fault::new(width.span, format!("a {} is not binned by this", other.name())).expected(&[expected])
                );
            }
        };
        if !positive {
            return Err(Fault::new(width.span, "the width is a known value above 0").expected(&["1d", "1h", "10"]));
        }
        Ok(Expr::call(kind, Function::Bin, vec![value, step]))
    }

    /// `iff(condition, then, else)`, `case(condition, then, ..., else)`.
    fn choose(&self, call: &Call<'_>) -> Checked<Expr> {
        let fits = call.arguments.len() >= 3
            && call.arguments.len() % 2 == 1
            && (call.name == "case" || call.arguments.len() == 3);
        let (Some(last), true) = (call.arguments.last(), fits) else {
            return Err(call.form(if call.name == "case" {
                "case(condition, value, ..., otherwise)"
            } else {
                "iff(condition, then, otherwise)"
            }));
        };
        let otherwise = self.expression(last)?;
        let mut arguments = Vec::new();
        let mut values = vec![(otherwise, last.span)];
        let mut conditions = Vec::new();
        for pair in call.arguments.chunks_exact(2) {
            if let [condition, value] = pair {
                conditions.push(self.truth(condition)?);
                values.push((self.expression(value)?, value.span));
            }
        }
        let mut values = one_kind(values)?.into_iter();
        let otherwise = values.next();
        for (condition, value) in conditions.into_iter().zip(values) {
            arguments.extend([condition, value]);
        }
        arguments.extend(otherwise);
        let kind = arguments.last().map_or(Kind::Text, |last| last.kind);
        Ok(Expr::maybe(kind, Function::Choose, arguments))
    }

    fn coalesce(&self, call: &Call<'_>) -> Checked<Expr> {
        if call.arguments.len() < 2 {
            return Err(call.form("coalesce(first, second, ...)"));
        }
        let values: Checked<Vec<_>> =
            call.arguments.iter().map(|tree| Ok((self.expression(tree)?, tree.span))).collect();
        let values = one_kind(values?)?;
        let kind = values.first().map_or(Kind::Text, |first| first.kind);
        let nullable = kind != Kind::Text && values.iter().all(|value| value.nullable);
        Ok(Expr { nullable, ..Expr::call(kind, Function::Coalesce, values) })
    }

    fn absence(&self, call: &Call<'_>) -> Checked<Expr> {
        let [of] = call.exactly(&format!("{}(value)", call.name))?;
        let value = self.expression(of)?;
        let empty = call.name.ends_with("empty");
        let absent = match value.kind {
            Kind::Text | Kind::Dynamic if empty => {
                Expr::call(Kind::Bool, Function::Equal, vec![text_of(value, of.span)?, Expr::text("")])
            }
            // A text is never null.
            Kind::Text => Expr::literal(Kind::Bool, Literal::Bool(false)),
            _ => Expr { nullable: false, ..Expr::call(Kind::Bool, Function::IsNull, vec![value]) },
        };
        Ok(if call.name.starts_with("isnot") { super::compare::not(absent) } else { absent })
    }

    fn converted(&self, call: &Call<'_>, to: Kind) -> Checked<Expr> {
        let [of] = call.exactly(&format!("{}(value)", call.name))?;
        convert(self.expression(of)?, to, of.span)
    }

    /// Of this kind, or a property read as it.
    fn of_kind(&self, tree: &Tree, kind: Kind) -> Checked<Expr> {
        let expr = self.expression(tree)?;
        match expr.kind {
            found if found == kind => Ok(expr),
            Kind::Dynamic => convert(expr, kind, tree.span),
            found => Err(Fault::new(tree.span, format!("this is a {}, and a {} is needed", found.name(), kind.name()))),
        }
    }

    fn text_call(&self, call: &Call<'_>) -> Checked<Expr> {
        let text = |tree: &Tree| text_of(self.expression(tree)?, tree.span);
        match (call.name, call.arguments) {
            ("strcat", [_, ..]) => {
                let parts = call.arguments.iter().map(|tree| convert(self.expression(tree)?, Kind::Text, tree.span));
                Ok(Expr::call(Kind::Text, Function::Concatenate, parts.collect::<Checked<_>>()?))
            }
            ("strlen", [of]) => Ok(Expr::call(Kind::Long, Function::Length, vec![text(of)?])),
            ("tolower", [of]) => Ok(Expr::call(Kind::Text, Function::Lower, vec![text(of)?])),
            ("toupper", [of]) => Ok(Expr::call(Kind::Text, Function::Upper, vec![text(of)?])),
            ("substring", [of, from]) => {
                Ok(Expr::call(Kind::Text, Function::Substring, vec![text(of)?, self.of_kind(from, Kind::Long)?]))
            }
            ("substring", [of, from, length]) => {
                let (from, length) = (self.of_kind(from, Kind::Long)?, self.of_kind(length, Kind::Long)?);
                Ok(Expr::call(Kind::Text, Function::Substring, vec![text(of)?, from, length]))
            }
            ("trim", _) => Err(Fault::new(call.span, "there is no function `trim`, which takes a regular expression")
                .expected(&["substring"])),
            ("strcat", _) => Err(call.form("strcat(first, second, ...)")),
            ("substring", _) => Err(call.form("substring(text, from, length)")),
            (name, _) => Err(call.form(&format!("{name}(text)"))),
        }
    }

    fn number_call(&self, call: &Call<'_>) -> Checked<Expr> {
        let (of, digits) = match (call.name, call.arguments) {
            (_, [of]) => (of, 0),
            ("round", [of, digits]) => {
                let known = match self.expression(digits)?.as_literal() {
                    Some(Literal::Whole(digits)) => u8::try_from(*digits).ok().filter(|digits| *digits <= 15),
                    _ => None,
                };
                (
                    of,
                    known.ok_or_else(|| {
                        Fault::new(digits.span, "this is no number of decimals").expected(&["0 to 15"])
                    })?,
                )
            }
            ("abs", _) => return Err(call.form("abs(number)")),
            _ => return Err(call.form("round(number, decimals)")),
        };
        let number = self.expression(of)?;
        let number = if number.kind == Kind::Dynamic { convert(number, Kind::Real, of.span)? } else { number };
        match (call.name, number.kind) {
            ("abs", kind @ (Kind::Long | Kind::Real | Kind::Timespan)) => {
                Ok(Expr::call(kind, Function::Absolute, vec![number]))
            }
            (_, Kind::Long) => Ok(number),
            (_, Kind::Real) => Ok(Expr::call(Kind::Real, Function::Round(digits), vec![number])),
            (_, other) => Err(Fault::new(of.span, format!("this is a {}, and a number is needed", other.name()))),
        }
    }

    fn calendar(&self, call: &Call<'_>) -> Checked<Expr> {
        if call.name == "format_datetime" {
            let [of, form] = call.exactly("format_datetime(time, 'yyyy-MM-dd HH:mm')")?;
            let pattern = match self.expression(form)?.as_literal() {
                Some(Literal::Text(text)) => pattern(text),
                _ => None,
            };
            let pattern = pattern.ok_or_else(|| {
                Fault::new(form.span, "this form cannot be written")
                    .expected(&["a known text of yyyy, MM, dd, HH, mm, ss and - / : . space"])
            })?;
            return Ok(Expr::call(Kind::Text, Function::Format(pattern), vec![self.of_kind(of, Kind::Datetime)?]));
        }
        let [of] = call.exactly(&format!("{}(time)", call.name))?;
        let time = self.of_kind(of, Kind::Datetime)?;
        let (kind, function) = match call.name {
            "startofday" => (Kind::Datetime, Function::StartOfDay),
            "startofweek" => (Kind::Datetime, Function::StartOfWeek),
            "startofmonth" => (Kind::Datetime, Function::StartOfMonth),
            "startofyear" => (Kind::Datetime, Function::StartOfYear),
            "hourofday" => (Kind::Long, Function::Part(Part::Hour)),
            "dayofmonth" => (Kind::Long, Function::Part(Part::DayOfMonth)),
            "dayofweek" => (Kind::Timespan, Function::Part(Part::DayOfWeek)),
            "getyear" => (Kind::Long, Function::Part(Part::Year)),
            _ => (Kind::Long, Function::Part(Part::Month)),
        };
        Ok(Expr::maybe(kind, function, vec![time]))
    }
}

/// Values of which one is taken are of one kind.
fn one_kind(mut values: Vec<(Expr, Span)>) -> Checked<Vec<Expr>> {
    let kinds: Vec<Kind> = values.iter().map(|(value, _)| value.kind).collect();
    let first = kinds.iter().copied().find(|kind| *kind != Kind::Dynamic).unwrap_or(Kind::Dynamic);
    let first = if first == Kind::Long && kinds.contains(&Kind::Real) { Kind::Real } else { first };
    let mut list = Vec::new();
    for (value, span) in values.drain(..) {
        let from = value.kind;
        let widens = from == first || from == Kind::Dynamic || (from == Kind::Long && first == Kind::Real);
        if !widens {
            let message = format!("this is a {}, and the other value is a {}", from.name(), first.name());
            return Err(Fault::new(span, message).hint("make them one type with tostring() or another conversion"));
        }
        list.push(convert(value, first, span)?);
    }
    Ok(list)
}

/// Kusto's letters as SQLite's.
fn pattern(text: &str) -> Option<String> {
    const LETTERS: [(&str, &str); 6] =
        [("yyyy", "%Y"), ("MM", "%m"), ("dd", "%d"), ("HH", "%H"), ("mm", "%M"), ("ss", "%S")];
    let (mut rest, mut pattern) = (text, String::new());
    while let Some(c) = rest.chars().next() {
        // The whole run: `dddd` is a day's name, and not here.
        let run = rest.len() - rest.trim_start_matches(c).len();
        if let Some((letters, code)) =
            LETTERS.iter().find(|(letters, _)| letters.starts_with(c) && letters.len() == run)
        {
            pattern.push_str(code);
            rest = rest.strip_prefix(letters).unwrap_or_default();
        } else if matches!(c, '-' | '/' | ':' | '.' | ' ' | '_' | 'T' | 'Z') {
            pattern.push(c);
            rest = rest.strip_prefix(c).unwrap_or_default();
        } else {
            return None;
        }
    }
    (text.len() <= 64).then_some(pattern)
}
