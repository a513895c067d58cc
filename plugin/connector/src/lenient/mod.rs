//! Lenient reading of somebody else's JSON: a part of the wrong kind is noticed where it stands and spoils nothing around it.
//!
//! Owns the reading of single values, objects and lists of a SecuTix answer without copying text. Does not own what they mean
//! (`scenario`) nor strictness (`webhook`). Only broken JSON fails, and a name that stands twice; null and absence are the same.

mod json;
mod scalar;
mod tree;

pub(crate) use json::{Broken, Json};
pub(crate) use scalar::{Scalar, parse_id};
pub(crate) use tree::{Fields, List, Node, Part, fields, read};

/// One value.
#[cfg(test)]
pub(crate) fn scalar(json: &str) -> Scalar<'_> {
    Scalar::read(&mut Json::new(json)).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    fields! {
        struct Thing<'a> {
            [a = "a"]
        }
    }

    fn part<'a, P: Part<'a> + Default>(json: &'a str) -> Result<P, Broken> {
        let mut part = P::default();
        part.read(&mut Json::new(json))?;
        Ok(part)
    }

    #[test]
    fn an_identifier_is_an_int64_as_number_or_text() {
        for (json, id) in [
            ("10228310724999", Some(10_228_310_724_999)),
            ("\"10228310724999\"", Some(10_228_310_724_999)),
            ("\" 7 \"", Some(7)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("1e3", None),
            ("1.5", None),
            ("\"+5\"", None),
            ("\"abc\"", None),
            ("\"\"", None),
            ("true", None),
            ("[1]", None),
            ("null", None),
        ] {
            assert_eq!(scalar(json).id(), id, "{json}");
        }
    }

    #[test]
    fn what_is_of_the_wrong_kind_spoils_nothing_around_it() {
        let list: List<Thing<'_>> = part("7").unwrap();
        assert!(list.is_misfit());
        let list: List<Thing<'_>> = part(r#"[{"a":1},"x",null,[2]]"#).unwrap();
        assert_eq!(list.nodes().len(), 4);
        assert_eq!(list.objects().count(), 1);
    }

    #[test]
    fn a_name_that_stands_twice_is_refused_where_it_counts() {
        assert!(read::<Thing<'_>>(r#"{"a":1,"a":2}"#).is_err());
        assert!(read::<Thing<'_>>(r#"{"b":1,"b":2}"#).is_ok());
    }

    #[test]
    fn one_object_stands_for_a_list_of_one() {
        let list: List<Thing<'_>> = part(r#"{"a":1}"#).unwrap();
        assert_eq!(list.objects().count(), 1);
    }

    #[test]
    fn text_is_what_can_be_shown() {
        assert_eq!(scalar("\" A\\u0000da\\n \"").text().as_deref(), Some("Ada"));
        assert_eq!(scalar("\"\\u0000 \"").text(), None);
        assert_eq!(scalar("12").text().as_deref(), Some("12"));
        assert_eq!(scalar("1.5").text(), None);
    }

    #[test]
    fn coordinates_come_as_numbers_or_text() {
        assert_eq!(scalar("46.2").real(), Some(46.2));
        assert_eq!(scalar("\"46.2\"").real(), Some(46.2));
        assert_eq!(scalar("46").real(), Some(46.0));
        assert_eq!(scalar("\"inf\"").real(), None);
    }
}
