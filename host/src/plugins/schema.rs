//! Settings: the part of JSON Schema that a manifest's `[config]` may use, and the check of a
//! tenant's settings against it. Small on purpose: what a form can show and a plugin can rely on.
//! Keywords outside it are refused, since a schema that is half understood promises too much.

use serde_json::{Map, Value};

use super::refusal::Refusal;

/// The schema's size as JSON.
const SCHEMA_BYTES_MAX: usize = 16 << 10;

/// How deep objects and arrays may lie in each other.
const DEPTH_MAX: usize = 4;

const KEYWORDS: [&str; 18] = [
    "$schema",
    "type",
    "title",
    "description",
    "default",
    "enum",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "format",
    "examples",
];

const TYPES: [&str; 6] = ["object", "array", "string", "integer", "number", "boolean"];

/// Checks the `[config]` of a manifest. An empty one allows no settings.
pub(super) fn check_schema(schema: &Map<String, Value>) -> Result<(), Refusal> {
    let refuse = |detail: &str| Err(Refusal::manifest("config", detail));
    if schema.is_empty() {
        return Ok(());
    }
    if schema.get("type") != Some(&Value::from("object")) {
        return refuse("must be a schema with `type = \"object\"`");
    }
    let bytes = serde_json::to_string(schema).map_or(usize::MAX, |text| text.len());
    if bytes > SCHEMA_BYTES_MAX {
        return refuse(&format!(
            "has {bytes} bytes as JSON; at most {SCHEMA_BYTES_MAX}"
        ));
    }
    check_node("config", schema, 0)
}

fn check_node(at: &str, schema: &Map<String, Value>, depth: usize) -> Result<(), Refusal> {
    if depth > DEPTH_MAX {
        return Err(Refusal::manifest(
            at,
            format!("nests deeper than {DEPTH_MAX}"),
        ));
    }
    let of_type = schema.get("type").and_then(Value::as_str);
    if !of_type.is_some_and(|name| TYPES.contains(&name)) {
        return Err(Refusal::manifest(
            format!("{at}.type"),
            format!("must be one of: {}", TYPES.join(", ")),
        ));
    }
    for (keyword, value) in schema {
        let fits = match keyword.as_str() {
            "$schema" | "title" | "description" | "type" | "format" => value.is_string(),
            "default" => true,
            "enum" | "examples" => value.is_array(),
            "required" => value
                .as_array()
                .is_some_and(|names| names.iter().all(Value::is_string)),
            "additionalProperties" => value.is_boolean(),
            "minItems" | "maxItems" | "minLength" | "maxLength" => value.is_u64(),
            "minimum" | "maximum" => value.is_number(),
            "properties" | "items" => value.is_object(),
            _ => {
                let known = KEYWORDS.join(", ");
                let detail = format!("is a keyword that settings can't use; there are: {known}");
                return Err(Refusal::manifest(format!("{at}.{keyword}"), detail));
            }
        };
        if !fits {
            let detail = "has a value of the wrong type";
            return Err(Refusal::manifest(format!("{at}.{keyword}"), detail));
        }
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        let at = format!("{at}.properties.{name}");
        match property.as_object() {
            Some(property) => check_node(&at, property, depth + 1)?,
            None => return Err(Refusal::manifest(at, "must be a table")),
        }
    }
    match schema.get("items").and_then(Value::as_object) {
        Some(items) => check_node(&format!("{at}.items"), items, depth + 1),
        None => Ok(()),
    }
}
