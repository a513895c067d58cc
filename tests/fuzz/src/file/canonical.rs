//! Whether bytes are canonical JSON: sorted names, no insignificant space.
//!
//! Owns a reading that keeps the order of names, which a tree forgets.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

pub fn is_canonical(json: &[u8]) -> bool {
    serde_json::from_slice::<Sorted>(json).is_ok() && has_no_space(json)
}

/// Outside of texts.
fn has_no_space(json: &[u8]) -> bool {
    let (mut within, mut escaped) = (false, false);
    json.iter().all(|byte| {
        let was_escaped = std::mem::take(&mut escaped);
        match byte {
            b'"' if !was_escaped => within = !within,
            b'\\' => escaped = !was_escaped,
            _ => {}
        }
        within || !byte.is_ascii_whitespace()
    })
}

/// Any value whose objects have each name once, and in order.
struct Sorted;

impl<'de> Deserialize<'de> for Sorted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Sorted {
    type Value = Self;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }
    fn visit_unit<E: Error>(self) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_i64<E: Error>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_u64<E: Error>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut last: Option<String> = None;
        while let Some((name, _)) = map.next_entry::<String, Self>()? {
            if last.is_some_and(|last| last >= name) {
                return Err(A::Error::custom("names out of order"));
            }
            last = Some(name);
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_out_of_order_twice_or_apart_are_found() {
        for good in [r#"{"a":[1,{"b":"x \" y","c":null}],"b":-0.5}"#, "{}"] {
            assert!(is_canonical(good.as_bytes()), "{good}");
        }
        for bad in
            [r#"{"b":1,"a":2}"#, r#"{"a":1,"a":2}"#, r#"{"a": 1}"#, r#"{"a":[{"c":1,"b":2}]}"#, "{", r#"{"a":"\\" }"#]
        {
            assert!(!is_canonical(bad.as_bytes()), "{bad}");
        }
    }
}
