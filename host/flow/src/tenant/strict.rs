//! Reads a TOML file by the schema of its type: every unknown key, missing key and wrong value at once, each with its line.
//!
//! Owns the walk over the parsed file beside the JSON Schema that is generated from the same types, so that what editors accept and what
//! this accepts are one thing. Does not own meaning: whether an address answers or a template exists is asked later (`load`).
//! Bounded by the caller's cap on the file's size; the TOML parser bounds the nesting.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

pub use passerelle_connector::template::nearest;
use passerelle_connector::template::plain;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Fault, Hint, Place, Position, Problem};

/// A configuration file is a page or two; a megabyte is another file.
pub const FILE_LIMIT: usize = 1024 * 1024;

/// Fewer keys than this are listed when nothing resembles an unknown one; more are looked up in the documentation.
const LISTED_KEYS: usize = 16;

/// The JSON Schema of a configuration file, as it is published.
pub fn schema_of<T: JsonSchema>() -> Value {
    schemars::schema_for!(T).to_value()
}

/// Where the keys of one file are, for problems that are found after it was read.
#[derive(Clone, Debug, Default)]
pub struct Positions {
    file: String,
    keys: BTreeMap<String, Span>,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    key: Position,
    value: Position,
}

impl Positions {
    /// The value of a key such as `secutix.url` or `locales[1]`; of the nearest table that is there when the key is not.
    pub fn value(&self, key: &str) -> Place {
        let mut wanted = key;
        let position = loop {
            if let Some(span) = self.keys.get(wanted) {
                break Some(if wanted == key { span.value } else { span.key });
            }
            match wanted.rfind(['.', '[']) {
                Some(at) => wanted = wanted.get(..at).unwrap_or(""),
                None => break None,
            }
        };
        Place { file: self.file.clone(), position }
    }

    pub fn problem(&self, key: &str, fault: Fault) -> Problem {
        Problem { place: self.value(key), fault }
    }

    /// The file as a whole.
    pub fn file(&self) -> Place {
        Place::file(self.file.clone())
    }
}

/// Reads a file, or says everything that keeps it from being read.
pub fn read<T: DeserializeOwned + JsonSchema>(file: &str, content: &[u8]) -> Result<(T, Positions), Vec<Problem>> {
    let whole = |fault| vec![Problem { place: Place::file(file), fault }];
    if content.len() > FILE_LIMIT {
        return Err(whole(Fault::TooLarge { limit: FILE_LIMIT }));
    }
    let text = std::str::from_utf8(content).map_err(|_| whole(Fault::NotText))?;
    let at = |range: Option<Range<usize>>| Place {
        file: file.to_owned(),
        position: range.map(|range| Position::of(text, range.start)),
    };

    let (root, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // What the parser made of a broken file is a guess, and problems in a guess would mislead.
        let mut problems: Vec<Problem> = errors
            .iter()
            .map(|error| Problem { place: at(error.span()), fault: Fault::Syntax(one_line(error.message())) })
            .collect();
        problems.sort_by(|a, b| a.place.cmp(&b.place));
        // What follows on the same line is mostly an echo of the first.
        problems.dedup_by_key(|problem| problem.place.position.map(|position| position.line));
        return Err(problems);
    }

    let schema = schema_of::<T>();
    let positions = Positions { file: file.to_owned(), keys: BTreeMap::new() };
    let mut walk = Walk { text, schema: &schema, positions, problems: Vec::new() };
    walk.table(&schema, "", root.get_ref(), None);
    let Walk { positions, mut problems, .. } = walk;
    if !problems.is_empty() {
        problems.sort_by(|a, b| a.place.cmp(&b.place));
        return Err(problems);
    }
    match T::deserialize(toml::de::Deserializer::from(root)) {
        Ok(config) => Ok((config, positions)),
        // Its message may quote a value.
        Err(error) => Err(vec![Problem { place: at(error.span()), fault: Fault::Shape }]),
    }
}

fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

struct Walk<'a> {
    text: &'a str,
    schema: &'a Value,
    positions: Positions,
    problems: Vec<Problem>,
}

impl<'a> Walk<'a> {
    fn report(&mut self, position: Option<Position>, fault: Fault) {
        let place = Place { file: self.positions.file.clone(), position };
        self.problems.push(Problem { place, fault });
    }

    /// Follows references and drops the `null` that an optional value may be: TOML has none.
    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        // Ours nest two deep; the bound keeps a circular schema from hanging the reader.
        for _ in 0..8 {
            if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
                let Some(target) = name.strip_prefix('#').and_then(|pointer| self.schema.pointer(pointer)) else {
                    break;
                };
                schema = target;
            } else if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
                let Some(choice) =
                    choices.iter().find(|choice| choice.get("type").and_then(Value::as_str) != Some("null"))
                else {
                    break;
                };
                schema = choice;
            } else {
                break;
            }
        }
        schema
    }

    fn table(&mut self, schema: &'a Value, path: &str, table: &DeTable<'_>, own: Option<Position>) {
        let empty = serde_json::Map::new();
        let properties = schema.get("properties").and_then(Value::as_object);
        let extra = schema.get("additionalProperties");
        for (key, value) in table {
            let name: &str = key.get_ref();
            let inner = join(path, name);
            let span = Span { key: self.position(&key.span()), value: self.position(&value.span()) };
            match properties.and_then(|properties| properties.get(name)).or(extra.filter(|extra| extra.is_object())) {
                Some(schema) => {
                    self.positions.keys.insert(inner.clone(), span);
                    self.value(schema, &inner, value, span);
                }
                None => {
                    let hint = self.hint(properties.unwrap_or(&empty), path, name);
                    self.report(Some(span.key), Fault::UnknownKey { key: inner, hint });
                }
            }
        }
        let required = schema.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for name in required.iter().filter_map(Value::as_str).filter(|name| !table.contains_key(*name)) {
            let meaning =
                properties.and_then(|properties| properties.get(name)).and_then(|schema| self.meaning(schema));
            self.report(own, Fault::MissingKey { key: join(path, name), meaning });
        }
    }

    fn value(&mut self, schema: &'a Value, path: &str, value: &Spanned<DeValue<'_>>, span: Span) {
        let schema = self.resolve(schema);
        let wrong = |walk: &mut Self, expected: &str| {
            let found = kind(value.get_ref());
            walk.report(
                Some(span.value),
                Fault::WrongType { key: path.to_owned(), expected: expected.to_owned(), found },
            );
        };
        let choices = choices(schema);
        match (type_of(schema), value.get_ref()) {
            (_, DeValue::String(text)) if choices.contains(&text.as_ref()) => {}
            (_, DeValue::String(_)) if !choices.is_empty() => {
                let choices = choices.iter().map(|choice| format!("\"{choice}\"")).collect();
                self.report(Some(span.value), Fault::NoSuchChoice { key: path.to_owned(), choices });
            }
            ("object", DeValue::Table(table)) => self.table(schema, path, table, Some(span.key)),
            ("object", _) => wrong(self, "a table"),
            ("array", DeValue::Array(items)) => {
                self.not_empty(schema, "minItems", items.len(), path, span);
                let Some(schema) = schema.get("items") else { return };
                for (index, item) in items.iter().enumerate() {
                    let position = self.position(&item.span());
                    let span = Span { key: position, value: position };
                    let path = format!("{path}[{index}]");
                    self.positions.keys.insert(path.clone(), span);
                    self.value(schema, &path, item, span);
                }
            }
            ("array", _) => wrong(self, "a list in [brackets]"),
            ("string", DeValue::String(text)) => self.not_empty(schema, "minLength", text.trim().len(), path, span),
            ("string", _) => wrong(self, "a text in \"quotes\""),
            ("integer", DeValue::Integer(number)) => {
                self.range(schema, i64::from_str_radix(number.as_str(), number.radix()).ok(), path, span);
            }
            ("integer", _) => wrong(self, "a whole number"),
            // What range it has is a rule of its reader.
            ("number", DeValue::Integer(_) | DeValue::Float(_)) => {}
            ("number", _) => wrong(self, "a number, without quotes"),
            ("boolean", DeValue::Boolean(_)) => {}
            ("boolean", _) => wrong(self, "true or false"),
            _ if !choices.is_empty() => wrong(self, "a text in \"quotes\""),
            // A type that none of our files has: serde judges it.
            _ => {}
        }
    }

    fn not_empty(&mut self, schema: &Value, rule: &str, length: usize, path: &str, span: Span) {
        if length == 0 && schema.get(rule).and_then(Value::as_u64).is_some_and(|least| least > 0) {
            self.report(Some(span.value), Fault::Empty { key: path.to_owned() });
        }
    }

    fn range(&mut self, schema: &Value, number: Option<i64>, path: &str, span: Span) {
        let least = schema.get("minimum").and_then(Value::as_i64);
        let most = schema.get("maximum").and_then(Value::as_i64);
        let inside = |number: i64| least.is_none_or(|least| number >= least) && most.is_none_or(|most| number <= most);
        if number.is_some_and(inside) {
            return;
        }
        let bounds = match (least, most) {
            (Some(least), Some(most)) => format!("from {least} to {most}"),
            (Some(least), None) => format!("{least} or more"),
            (None, Some(most)) => format!("{most} or less"),
            (None, None) => "a smaller number".to_owned(),
        };
        self.report(Some(span.value), Fault::OutOfRange { key: path.to_owned(), bounds });
    }

    fn meaning(&self, schema: &'a Value) -> Option<String> {
        let own = schema.get("description").or_else(|| self.resolve(schema).get("description"))?.as_str()?;
        let text = one_line(own);
        let end = text.find(". ").map_or(text.len(), |at| at);
        Some(text.get(..end).unwrap_or(&text).trim_end_matches('.').to_owned())
    }

    fn hint(&self, properties: &serde_json::Map<String, Value>, path: &str, name: &str) -> Hint {
        if let Some(near) = nearest(name, properties.keys().map(String::as_str)) {
            return Hint::Nearest(near.to_owned());
        }
        if let Some((table, key)) = self.elsewhere(name).filter(|(table, _)| table != path) {
            return Hint::Elsewhere { key, table };
        }
        match properties.len() {
            0 => Hint::None,
            count if count <= LISTED_KEYS => Hint::Known(properties.keys().cloned().collect()),
            _ => Hint::None,
        }
    }

    /// The table whose key is spelt exactly so: a key that follows a `[table]` header belongs to that table, which surprises people.
    fn elsewhere(&self, name: &str) -> Option<(String, String)> {
        let top = self.schema.get("properties")?.as_object()?;
        let same = |key: &&String| plain(key) == plain(name);
        if let Some(key) = top.keys().find(same) {
            return Some((String::new(), key.clone()));
        }
        top.iter().find_map(|(table, schema)| {
            let keys = self.resolve(schema).get("properties")?.as_object()?;
            keys.keys().find(same).map(|key| (table.clone(), key.clone()))
        })
    }

    fn position(&self, range: &Range<usize>) -> Position {
        Position::of(self.text, range.start)
    }
}

pub(super) fn join(path: &str, name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_' || c == b'-');
    let name = if bare { Cow::Borrowed(name) } else { Cow::Owned(format!("'{}'", name.escape_debug())) };
    if path.is_empty() { name.into_owned() } else { format!("{path}.{name}") }
}

fn type_of(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(name)) => name,
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).find(|name| *name != "null").unwrap_or(""),
        _ => "",
    }
}

/// The words that an enum accepts, with or without a description each.
fn choices(schema: &Value) -> Vec<&str> {
    let plain = schema.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let described = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    plain.chain(described.filter_map(|choice| choice.get("const")).filter_map(Value::as_str)).collect()
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a decimal point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_is_not_there_falls_back_to_its_table() {
        #[derive(serde::Deserialize, JsonSchema)]
        #[allow(dead_code)] // read by the schema only
        struct Outer {
            inner: BTreeMap<String, String>,
        }
        let (_, positions) = read::<Outer>("x.toml", b"\n[inner]\na = \"b\"\n").unwrap();
        assert_eq!(positions.value("inner.a").to_string(), "x.toml:3:5");
        assert_eq!(positions.value("inner.b").to_string(), "x.toml:2:2");
        assert_eq!(positions.value("other").to_string(), "x.toml");
    }
}
