//! Google's own description of its resources, and whether a body is as it says.
//!
//! Owns a validator for the words that the description uses (`type`, `enum`, `pattern` of an int64, `required`, `properties`, `items`, references).
//! Does not own rules that Google only tells in prose (`resources`). A validator of the full language is what the tests use beside this one.

use std::sync::LazyLock;

use serde_json::{Map, Value};

/// Google's discovery document, converted (tests/golden/google/README.md).
static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../../../tests/golden/google/walletobjects-v1.schema.json");
    serde_json::from_str(text).unwrap_or_default()
});

/// What is wrong with a body that is to be a resource of this name, `EventTicketClass`; none: nothing.
pub(super) fn wrong(resource: &str, body: &Map<String, Value>) -> Option<String> {
    let Some(schema) = definition(resource) else { return Some(format!("{resource} is not described")) };
    of_object(schema, body, "")
}

fn definition(name: &str) -> Option<&'static Value> {
    DESCRIPTION.get("$defs")?.get(name)
}

fn of_value(schema: &Value, value: &Value, path: &str) -> Option<String> {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return match definition(reference.rsplit('/').next().unwrap_or_default()) {
            Some(schema) => of_value(schema, value, path),
            None => Some(format!("{path}: {reference} is not described")),
        };
    }
    let word = |name: &str| schema.get(name).and_then(Value::as_str);
    let fits = match word("type") {
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => true,
    };
    if !fits {
        return Some(format!("{path}: not of type {}", word("type").unwrap_or_default()));
    }
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
        && !allowed.contains(value)
    {
        return Some(format!("{path}: unknown value"));
    }
    // The only pattern of the description.
    if word("pattern") == Some("^-?[0-9]+$") && value.as_str().is_some_and(|text| text.parse::<i128>().is_err()) {
        return Some(format!("{path}: an int64 in quotes expected"));
    }
    match value {
        Value::Object(fields) => of_object(schema, fields, path),
        Value::Array(items) => {
            let schema = schema.get("items")?;
            items.iter().enumerate().find_map(|(at, item)| of_value(schema, item, &format!("{path}[{at}]")))
        }
        _ => None,
    }
}

fn of_object(schema: &Value, fields: &Map<String, Value>, path: &str) -> Option<String> {
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    for name in required {
        if !fields.contains_key(name) {
            return Some(format!("{path}.{name}: required"));
        }
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    fields.iter().find_map(|(name, value)| match properties.and_then(|known| known.get(name)) {
        Some(schema) => of_value(schema, value, &format!("{path}.{name}")),
        None if closed => Some(format!("{path}.{name}: no such field")),
        None => None,
    })
}
