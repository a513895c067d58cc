//! The words of a query.
//!
//! Owns literals (texts, numbers, timespans, datetimes), comments and signs. Does not own which word may stand where (`parse`).

use winnow::LocatingSlice;
use winnow::ascii::{digit0, digit1};
use winnow::combinator::{alt, delimited, not, opt, peek, preceded, repeat, terminated};
use winnow::error::{ContextError, ParserError};
use winnow::prelude::*;
use winnow::stream::Location as _;
use winnow::token::{any, none_of, one_of, take_till, take_while};

use super::error::{Checked, Fault, Span};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Lexeme {
    /// A name, a word of the language, or one with `!` or `$` before it.
    Word(String),
    /// A name in brackets and quotes.
    Quoted(String),
    Text(String),
    Long(i64),
    Real(f64),
    Timespan(Option<i64>),
    Datetime(Option<i64>),
    Sign(&'static str),
    End,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub lexeme: Lexeme,
    pub span: Span,
}

type Input<'a> = LocatingSlice<&'a str>;
type Parsed<T> = Result<T, ContextError>;

/// Longest first.
const SIGNS: [&str; 25] = [
    "==", "!=", "=~", "!~", "<=", ">=", "<>", "..", ":", "<", ">", "=", ".", ",", ";", "|", "(", ")", "[", "]", "+",
    "-", "*", "/", "%",
];

/// Units of a timespan in milliseconds. Ticks and microseconds are finer than what is kept.
const UNITS: [(&str, i64); 23] = [
    ("d", 86_400_000),
    ("day", 86_400_000),
    ("days", 86_400_000),
    ("h", 3_600_000),
    ("hr", 3_600_000),
    ("hrs", 3_600_000),
    ("hour", 3_600_000),
    ("hours", 3_600_000),
    ("m", 60_000),
    ("min", 60_000),
    ("mins", 60_000),
    ("minute", 60_000),
    ("minutes", 60_000),
    ("s", 1_000),
    ("sec", 1_000),
    ("secs", 1_000),
    ("second", 1_000),
    ("seconds", 1_000),
    ("ms", 1),
    ("milli", 1),
    ("millis", 1),
    ("millisecond", 1),
    ("milliseconds", 1),
];

pub(super) fn tokens(text: &str) -> Checked<Vec<Token>> {
    let mut input = LocatingSlice::new(text);
    let mut list = Vec::new();
    loop {
        // Cannot fail: nothing to skip is fine.
        let _: Parsed<()> = blank.parse_next(&mut input);
        let from = input.current_token_start();
        if input.is_empty() {
            list.push(Token { lexeme: Lexeme::End, span: Span { from, to: from } });
            return Ok(list);
        }
        let lexeme = lexeme.parse_next(&mut input).map_err(|_: ContextError| unreadable(text, from))?;
        let span = Span { from, to: input.previous_token_end() };
        list.push(Token { lexeme: valid(lexeme, span)?, span });
    }
}

/// Spaces, line ends and comments.
fn blank(input: &mut Input<'_>) -> Parsed<()> {
    let space = take_while(1.., char::is_whitespace).void();
    let comment = ("//", take_till(0.., '\n')).void();
    repeat(0.., alt((space, comment))).parse_next(input)
}

/// What could be read and need not be meant.
enum Read {
    Whole(Lexeme),
    /// An integer that is too large, a unit or a time that is none.
    Broken(&'static str, &'static str),
}

fn lexeme(input: &mut Input<'_>) -> Parsed<Read> {
    alt((
        written.map(|text| Read::Whole(Lexeme::Text(text))),
        delimited(("[", blank), written, (blank, "]")).map(|name| Read::Whole(Lexeme::Quoted(name))),
        number,
        time,
        word.map(|word: &str| Read::Whole(Lexeme::Word(word.to_owned()))),
        sign.map(Read::Whole),
    ))
    .parse_next(input)
}

fn sign(input: &mut Input<'_>) -> Parsed<Lexeme> {
    for sign in SIGNS {
        if opt(sign).parse_next(input)?.is_some() {
            return Ok(Lexeme::Sign(sign));
        }
    }
    Err(ParserError::from_input(input))
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn name<'a>(input: &mut Input<'a>) -> Parsed<&'a str> {
    (one_of(|c: char| c.is_ascii_alphabetic() || c == '_'), take_while(0.., is_name)).take().parse_next(input)
}

/// Words may have a hyphen in between (`project-away`), where no name could follow a minus: after `project`.
fn word<'a>(input: &mut Input<'a>) -> Parsed<&'a str> {
    let hyphened =
        (alt(("project", "make", "mv")), "-", take_while(1.., |c: char| c.is_ascii_alphabetic() || c == '-')).take();
    let folded = (name, "~", peek(not(one_of('=')))).take();
    alt((hyphened, (alt(("!", "$")), alt(((name, "~").take(), name))).take(), folded, name)).parse_next(input)
}

fn number(input: &mut Input<'_>) -> Parsed<Read> {
    let exponent = (one_of(['e', 'E']), opt(one_of(['+', '-'])), digit1).take();
    // `1..5` is a range, and `a.1` is nothing.
    let fraction = preceded((".", peek(one_of('0'..='9'))), digit0).take();
    let written = (digit1, opt(fraction), opt(exponent));
    let ((whole, fraction, exponent), text) = written.with_taken().parse_next(input)?;
    let unit = take_while(0.., is_name).parse_next(input)?;
    let real: f64 = text.parse().unwrap_or(f64::NAN);
    if unit.is_empty() {
        return Ok(match (fraction, exponent) {
            (None, None) => match whole.parse() {
                Ok(number) => Read::Whole(Lexeme::Long(number)),
                Err(_) => {
                    Read::Broken("this number is larger than a long can be", "a number up to 9223372036854775807")
                }
            },
            _ if real.is_finite() => Read::Whole(Lexeme::Real(real)),
            _ => Read::Broken("this number is larger than a real can be", "a number up to 1.7e308"),
        });
    }
    let known = UNITS.iter().find(|(name, _)| *name == unit);
    Ok(match known.and_then(|(_, millis)| milliseconds(real, *millis)) {
        Some(span) => Read::Whole(Lexeme::Timespan(Some(span))),
        None => {
            Read::Broken("this is no number and no timespan", "a number, or a timespan such as 1d, 2h, 30m, 10s, 250ms")
        }
    })
}

/// A span of up to ten thousand years: the calendar's length.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // within 3.2e14, which a double holds
pub(super) fn milliseconds(number: f64, unit: i64) -> Option<i64> {
    let span = (number * unit as f64).round();
    (span.abs() <= 10_000.0 * 366.0 * 86_400_000.0).then_some(span as i64)
}

/// `datetime(2026-03-14)` and `timespan(1.02:00:00)`: what stands in them is no sequence of words. With quotes or a name it is a call.
fn time(input: &mut Input<'_>) -> Parsed<Read> {
    let of = terminated(alt(("datetime", "timespan", "time")), (blank, "(", blank)).parse_next(input)?;
    let content = terminated(take_till(1.., [')', '"', '\'', '(', '|']), ")").parse_next(input)?.trim();
    let null = content == "null";
    if !null && content.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        // A name: a call that converts it.
        return Err(ParserError::from_input(input));
    }
    if of == "datetime" {
        return Ok(match crate::identity::moment(content) {
            _ if null => Read::Whole(Lexeme::Datetime(None)),
            Some(at) => Read::Whole(Lexeme::Datetime(Some(at))),
            None => {
                Read::Broken("this is no time", "a time such as datetime(2026-03-14) or datetime(2026-03-14T18:05:00Z)")
            }
        });
    }
    Ok(match super::parameter::timespan(content) {
        _ if null => Read::Whole(Lexeme::Timespan(None)),
        Some(span) => Read::Whole(Lexeme::Timespan(Some(span))),
        None => Read::Broken("this is no timespan", "a timespan such as timespan(1d) or timespan(1.02:30:00)"),
    })
}

/// A text in either kind of quotes; with `@` before it nothing is escaped but the quote, doubled.
fn written(input: &mut Input<'_>) -> Parsed<String> {
    alt((verbatim('"'), verbatim('\''), escaped('"'), escaped('\''))).parse_next(input)
}

fn verbatim<'a>(quote: char) -> impl Parser<Input<'a>, String, ContextError> {
    let doubled = (quote, quote).value(quote);
    delimited(('@', quote), repeat(0.., alt((doubled, none_of(quote)))), quote)
}

fn escaped<'a>(quote: char) -> impl Parser<Input<'a>, String, ContextError> {
    let plain = none_of(move |c: char| c == quote || c == '\\' || c == '\n');
    delimited(quote, repeat(0.., alt((plain, preceded('\\', escape)))), quote)
}

fn escape(input: &mut Input<'_>) -> Parsed<char> {
    let code = |digits: &str| u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
    let unicode = preceded('u', take_while(4..=4, |c: char| c.is_ascii_hexdigit())).verify_map(code);
    alt((unicode, 'n'.value('\n'), 't'.value('\t'), 'r'.value('\r'), one_of(['\\', '"', '\'', '/']))).parse_next(input)
}

fn valid(read: Read, span: Span) -> Checked<Lexeme> {
    match read {
        Read::Whole(lexeme) => Ok(lexeme),
        Read::Broken(message, expected) => Err(Fault::new(span, message).expected(&[expected])),
    }
}

/// What begins here and is no word.
fn unreadable(text: &str, from: usize) -> Fault {
    let rest = text.get(from..).unwrap_or_default();
    let line = rest.lines().next().unwrap_or_default();
    let first = rest.chars().next().unwrap_or_default();
    if matches!(first, '"' | '\'' | '@') {
        let span = Span { from, to: from + line.len() };
        return Fault::new(span, "this text does not end on its line, or has an escape that is none")
            .expected(&["the closing quotation mark"])
            .hint("a backslash is written \\\\, or the text as @\"...\"");
    }
    let mut one = any::<&str, ContextError>.take();
    let length = one.parse_peek(rest).map_or(0, |(_, taken): (&str, &str)| taken.len());
    Fault::new(Span { from, to: from + length }, format!("`{first}` begins no word of a query")).expected(&[
        "a name",
        "a value",
        "an operator such as | or ==",
    ])
}
