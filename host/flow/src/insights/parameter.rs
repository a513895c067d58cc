//! Named values beside a query: they stand in it as names and are never spliced into its text.
//!
//! Owns which JSON values those may be, and how timespans are written. A text that stands where a time or a timespan is needed is read
//! as one (`check`), so a caller needs no types.

use std::collections::BTreeMap;

use serde_json::Value;

use super::limit;
use super::plan::{Expr, Kind, Literal};

/// What a caller gave is no set of named values. The text is for the caller, and holds no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    #[error("{} parameters at most", limit::PARAMETERS)]
    TooMany,
    #[error("`{0}` is no name: letters, digits and _, beginning with a letter or _")]
    Name(String),
    #[error("`{0}` is a text, a number, true or false, or null")]
    Value(String),
    #[error("`{0}` is longer than a query may be")]
    TooLong(String),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters(BTreeMap<String, Expr>);

impl Parameters {
    pub fn parse(values: &serde_json::Map<String, Value>) -> Result<Self, ParameterError> {
        if values.len() > limit::PARAMETERS {
            return Err(ParameterError::TooMany);
        }
        let read = values.iter().map(|(name, value)| {
            let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            if !begins || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Err(ParameterError::Name(name.chars().take(40).collect()));
            }
            Ok((name.clone(), literal(name, value)?))
        });
        read.collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Expr> {
        self.0.get(name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

fn literal(name: &str, value: &Value) -> Result<Expr, ParameterError> {
    Ok(match value {
        Value::Bool(yes) => Expr::literal(Kind::Bool, Literal::Bool(*yes)),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Expr::literal(Kind::Long, Literal::Whole(whole)),
            (None, Some(real)) => Expr::literal(Kind::Real, Literal::Real(real)),
            (None, None) => return Err(ParameterError::Value(name.to_owned())),
        },
        Value::String(text) if text.len() > limit::TEXT => return Err(ParameterError::TooLong(name.to_owned())),
        Value::String(text) => Expr::text(text.as_str()),
        Value::Null => Expr::literal(Kind::Dynamic, Literal::Null),
        Value::Array(_) | Value::Object(_) => return Err(ParameterError::Value(name.to_owned())),
    })
}

/// `1d`, `90m`, `-2h`; or `[-][d.]hh:mm[:ss[.fff]]`.
pub(super) fn timespan(text: &str) -> Option<i64> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let words = super::token::tokens(text).unwrap_or_default();
    if let Ok([token, _end]) = <[super::token::Token; 2]>::try_from(words)
        && let super::token::Lexeme::Timespan(Some(span)) = token.lexeme
    {
        return Some(sign * span);
    }
    let mut parts = text.split(':');
    let (first, minutes, seconds) = (parts.next()?, parts.next()?, parts.next().unwrap_or("0"));
    if parts.next().is_some() {
        return None;
    }
    let (days, hours) = first.split_once('.').unwrap_or(("0", first));
    let number = |text: &str, most: f64| {
        let digits = text.bytes().all(|c| c.is_ascii_digit() || c == b'.');
        text.parse::<f64>().ok().filter(|number| digits && *number < most)
    };
    let total = number(days, 1e7)? * 86_400.0 + number(hours, 24.0)? * 3600.0 + number(minutes, 60.0)? * 60.0;
    super::token::milliseconds(total + number(seconds, 60.0)?, 1000).map(|span| sign * span)
}
