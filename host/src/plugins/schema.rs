//! The part of JSON Schema that a manifest's `[config]` may use. Small on purpose: what a form can
//! show and a plugin can rely on. Keywords outside it are refused, since a schema that is half
//! understood promises too much.

use serde_json::{Map, Value};

use super::refusal::Refusal;
use super::settings::{SettingFault, check_value};

/// The schema's size as JSON.
const SCHEMA_BYTES_MAX: usize = 16 << 10;

/// How deep objects and arrays may lie in each other.
const DEPTH_MAX: usize = 4;

/// What a schema may say of any value.
const KEYWORDS: [&str; 18] = [
    "type",
    "title",
    "description",
    "format",
    "default",
    "examples",
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
    "secret",
];

const TYPES: [&str; 6] = ["object", "array", "string", "integer", "number", "boolean"];

/// Checks the `[config]` of a manifest. An empty one allows no settings.
pub(super) fn check_schema(schema: &Map<String, Value>) -> Result<(), Refusal> {
    if schema.is_empty() {
        return Ok(());
    }
    if schema.get("type") != Some(&Value::from("object")) {
        return Err(Refusal::manifest("config.type", "must be `object`"));
    }
    let bytes = serde_json::to_string(schema).map_or(usize::MAX, |text| text.len());
    if bytes > SCHEMA_BYTES_MAX {
        let detail = format!("has {bytes} bytes as JSON; at most {SCHEMA_BYTES_MAX}");
        return Err(Refusal::manifest("config", detail));
    }
    if schema.values().any(has_null) {
        let detail = "has `nan` or `inf`, which are no numbers in JSON";
        return Err(Refusal::manifest("config", detail));
    }
    check_node("config", schema, 0)
}

/// TOML has no null: it is what becomes of a number that JSON doesn't have.
fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(fields) => fields.values().any(has_null),
        _ => false,
    }
}

fn check_node(at: &str, schema: &Map<String, Value>, depth: usize) -> Result<(), Refusal> {
    if depth > DEPTH_MAX {
        return Err(Refusal::manifest(
            at,
            format!("nests deeper than {DEPTH_MAX}"),
        ));
    }
    if !TYPES.contains(&type_of(schema)) {
        let detail = format!("must be one of: {}", TYPES.join(", "));
        return Err(Refusal::manifest(format!("{at}.type"), detail));
    }
    for (keyword, value) in schema {
        check_keyword(at, keyword, value)?;
    }
    if schema.contains_key("secret") {
        check_secret(at, schema, depth)?;
    }
    for (name, property) in properties(schema) {
        let at = format!("{at}.properties.{name}");
        match property.as_object() {
            Some(property) => check_node(&at, property, depth + 1)?,
            None => return Err(Refusal::manifest(at, "must be a table")),
        }
    }
    if let Some(items) = schema.get("items").and_then(Value::as_object) {
        check_node(&format!("{at}.items"), items, depth + 1)?;
    }
    if let Some(default) = schema.get("default") {
        let mut default = default.clone();
        let mut faults = Vec::new();
        check_value("", schema, &mut default, &mut faults);
        if let Some(fault) = faults.first() {
            let SettingFault { field, message } = fault;
            return Err(Refusal::manifest(format!("{at}.default{field}"), message));
        }
    }
    Ok(())
}

fn check_keyword(at: &str, keyword: &str, value: &Value) -> Result<(), Refusal> {
    let refuse = |detail: String| Err(Refusal::manifest(format!("{at}.{keyword}"), detail));
    if !KEYWORDS.contains(&keyword) {
        let known = KEYWORDS.join(", ");
        return refuse(format!("is not understood here; there are: {known}"));
    }
    let fits = match keyword {
        "type" | "title" | "description" | "format" => value.is_string(),
        "enum" | "examples" => value.as_array().is_some_and(|values| !values.is_empty()),
        "required" => value
            .as_array()
            .is_some_and(|names| names.iter().all(Value::is_string)),
        "additionalProperties" | "secret" => value.is_boolean(),
        "minItems" | "maxItems" | "minLength" | "maxLength" => value.is_u64(),
        "minimum" | "maximum" => value.is_number(),
        "properties" | "items" => value.is_object(),
        _ => true,
    };
    if fits {
        Ok(())
    } else {
        refuse("has a value of the wrong kind".into())
    }
}

/// A secret is one text at the top, and nobody knows it in advance.
fn check_secret(at: &str, schema: &Map<String, Value>, depth: usize) -> Result<(), Refusal> {
    let is_setting = depth == 1 && at.starts_with("config.properties.");
    let is_known = ["default", "enum", "examples"]
        .iter()
        .any(|keyword| schema.contains_key(*keyword));
    if is_setting && type_of(schema) == "string" && !is_known {
        return Ok(());
    }
    let detail =
        "is for a setting at the top, of the type string, without default, enum and examples";
    Err(Refusal::manifest(format!("{at}.secret"), detail))
}

/// The names of the settings that are secret.
pub fn secrets(schema: &Map<String, Value>) -> impl Iterator<Item = &str> {
    properties(schema)
        .filter(|(_, property)| property.get("secret") == Some(&Value::Bool(true)))
        .map(|(name, _)| name.as_str())
}

pub(super) fn type_of(schema: &Map<String, Value>) -> &str {
    schema
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

pub(super) fn properties(schema: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::check_schema;

    fn refused(schema: &Value) -> String {
        let refusal = check_schema(schema.as_object().unwrap()).unwrap_err();
        refusal.field.unwrap()
    }

    #[test]
    fn schemas_are_understood_whole_or_refused() {
        let good = json!({
            "type": "object",
            "required": ["words"],
            "properties": {
                "words": { "type": "array", "maxItems": 2, "items": { "type": "string" } },
                "mode": { "type": "string", "enum": ["soft", "hard"], "default": "soft" },
            },
        });
        assert_eq!(check_schema(good.as_object().unwrap()), Ok(()));
        assert_eq!(refused(&json!({ "type": "array" })), "config.type");
        assert_eq!(
            refused(&json!({ "type": "object", "patternProperties": {} })),
            "config.patternProperties"
        );
        let with = |property: Value| json!({ "type": "object", "properties": { "a": property } });
        assert_eq!(refused(&with(json!(1))), "config.properties.a");
        assert_eq!(refused(&with(json!({}))), "config.properties.a.type");
        assert_eq!(
            refused(&with(json!({ "type": "string", "maxLength": -1 }))),
            "config.properties.a.maxLength"
        );
        assert_eq!(
            refused(&with(json!({ "type": "string", "default": 1 }))),
            "config.properties.a.default"
        );
        let secret = |more: Value| {
            let mut secret = json!({ "type": "string", "secret": true });
            secret
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            secret
        };
        let good = with(secret(json!({ "minLength": 8 })));
        assert_eq!(check_schema(good.as_object().unwrap()), Ok(()));
        for bad in [
            secret(json!({ "type": "integer" })),
            secret(json!({ "default": "x" })),
            secret(json!({ "enum": ["x"] })),
            secret(json!({ "examples": ["x"] })),
            secret(json!({ "secret": "yes" })),
        ] {
            assert_eq!(refused(&with(bad)), "config.properties.a.secret");
        }
        let inside = json!({ "type": "object", "properties": { "b": secret(json!({})) } });
        assert_eq!(
            refused(&with(inside)),
            "config.properties.a.properties.b.secret"
        );
        let list = json!({ "type": "array", "items": secret(json!({})) });
        assert_eq!(refused(&with(list)), "config.properties.a.items.secret");
        assert_eq!(
            refused(&json!({ "type": "object", "secret": true })),
            "config.secret"
        );
        let null = json!({ "type": "string", "examples": [["a", null]] });
        assert_eq!(refused(&with(null)), "config");
        let mut deep = json!({ "type": "string" });
        for _ in 0..6 {
            deep = json!({ "type": "array", "items": deep });
        }
        assert!(refused(&with(deep)).ends_with("items"));
        let long = json!({ "type": "object", "title": "x".repeat(20_000) });
        assert_eq!(refused(&long), "config");
    }
}
