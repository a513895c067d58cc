//! Values: what goes into a statement, and what comes out of a row. Lent, both ways.
//!
//! Owns the kinds that the tables have (`schema.sql`), and real numbers, which no table has and questions make (`insights`).

/// A value that somebody else holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(&'a str),
    Blob(&'a [u8]),
}

/// A value that a statement in the making owns, until it is lent.
#[derive(Clone)]
pub(crate) enum Given {
    Integer(i64),
    Real(f64),
    Text(String),
}

impl Given {
    pub(crate) fn lent(&self) -> Value<'_> {
        match self {
            Self::Integer(number) => Value::Integer(*number),
            Self::Real(number) => Value::Real(*number),
            Self::Text(text) => Value::Text(text),
        }
    }
}

/// The parameters of a statement: `params![tenant.as_str(), &write.key, now]` is `?1`, `?2`, `?3`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$($crate::Value::from($value)),*]
    };
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<f64> for Value<'_> {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<bool> for Value<'_> {
    fn from(yes: bool) -> Self {
        Self::Integer(yes.into())
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Blob(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Value<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::Blob(bytes)
    }
}

/// One by one: over all that goes into a value, an option of an option of an option … would be among them, and the compiler goes that way.
macro_rules! optional {
    ($($kind:ty),*) => {
        $(impl<'a> From<Option<$kind>> for Value<'a> {
            fn from(value: Option<$kind>) -> Self {
                value.map_or(Self::Null, Self::from)
            }
        })*
    };
}
optional!(i64, &'a str, &'a String, &'a [u8]);

impl<'a> From<&'a Option<String>> for Value<'a> {
    fn from(text: &'a Option<String>) -> Self {
        text.as_ref().into()
    }
}

/// A type that a column can be read as.
pub trait FromValue<'a>: Sized {
    /// None: the column holds another kind.
    fn from_value(value: Value<'a>) -> Option<Self>;
}

impl FromValue<'_> for i64 {
    fn from_value(value: Value<'_>) -> Option<Self> {
        if let Value::Integer(number) = value { Some(number) } else { None }
    }
}

impl FromValue<'_> for f64 {
    fn from_value(value: Value<'_>) -> Option<Self> {
        if let Value::Real(number) = value { Some(number) } else { None }
    }
}

impl FromValue<'_> for u32 {
    fn from_value(value: Value<'_>) -> Option<Self> {
        i64::from_value(value)?.try_into().ok()
    }
}

impl FromValue<'_> for bool {
    fn from_value(value: Value<'_>) -> Option<Self> {
        i64::from_value(value).map(|number| number != 0)
    }
}

impl<'a> FromValue<'a> for &'a str {
    fn from_value(value: Value<'a>) -> Option<Self> {
        if let Value::Text(text) = value { Some(text) } else { None }
    }
}

impl FromValue<'_> for String {
    fn from_value(value: Value<'_>) -> Option<Self> {
        <&str>::from_value(value).map(str::to_owned)
    }
}

impl<'a> FromValue<'a> for &'a [u8] {
    fn from_value(value: Value<'a>) -> Option<Self> {
        if let Value::Blob(bytes) = value { Some(bytes) } else { None }
    }
}

impl FromValue<'_> for Vec<u8> {
    fn from_value(value: Value<'_>) -> Option<Self> {
        <&[u8]>::from_value(value).map(<[u8]>::to_vec)
    }
}

impl<'a, T: FromValue<'a>> FromValue<'a> for Option<T> {
    fn from_value(value: Value<'a>) -> Option<Self> {
        if value == Value::Null { Some(None) } else { T::from_value(value).map(Some) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_lent_as_they_lie_and_what_is_not_there_is_null() {
        let (text, bytes, some, none) = ("a".to_owned(), vec![1_u8], Some("b".to_owned()), None::<String>);
        let bound: &[Value<'_>] =
            params![&text, text.as_str(), &bytes, &some, &none, some.as_deref(), 7_i64, 8_u32, true];
        let expected = [
            Value::Text("a"),
            Value::Text("a"),
            Value::Blob(&[1]),
            Value::Text("b"),
            Value::Null,
            Value::Text("b"),
            Value::Integer(7),
            Value::Integer(8),
            Value::Integer(1),
        ];
        assert_eq!(bound, expected);
        assert_eq!(Value::from(None::<i64>), Value::Null);
    }

    #[test]
    fn a_column_of_another_kind_is_not_read() {
        assert_eq!(i64::from_value(Value::Text("1")), None);
        assert_eq!(i64::from_value(Value::Null), None);
        assert_eq!(String::from_value(Value::Blob(b"a")), None);
        assert_eq!(Vec::<u8>::from_value(Value::Text("a")), None);
        assert_eq!(u32::from_value(Value::Integer(-1)), None);
        assert_eq!(Option::<i64>::from_value(Value::Null), Some(None));
        assert_eq!(Option::<i64>::from_value(Value::Text("1")), None);
        assert_eq!(i64::from_value(Value::Real(1.0)), None);
        assert_eq!(f64::from_value(Value::Real(1.5)), Some(1.5));
        assert_eq!(f64::from_value(Value::Integer(1)), None);
        assert_eq!(bool::from_value(Value::Integer(1)), Some(true));
    }
}
