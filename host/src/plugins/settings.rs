//! Checks a tenant's settings against a manifest's schema, and puts defaults where nothing was set.
//! Settings that the schema doesn't name are refused unless it says `additionalProperties = true`.
//! Secrets are taken out first: what the plugin reads as its settings never holds one.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::schema::{properties, secrets, type_of};
use crate::secrets::Secret;

/// The longest secret, in bytes.
pub const SECRET_BYTES_MAX: usize = 2048;

/// A setting that doesn't fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingFault {
    /// Where it is, such as `words[2]`; empty for the settings as a whole.
    pub field: String,
    /// What is wrong with it, to be read after the field's name.
    pub message: String,
}

/// Settings that fit, the secrets apart from the others.
#[derive(Debug, PartialEq, Eq)]
pub struct Settings {
    /// What the plugin reads, with defaults where nothing was set: an object.
    pub plain: Value,
    /// The secrets that were given; `None` where one is to be forgotten.
    pub secrets: BTreeMap<String, Option<Secret<String>>>,
}

/// Checks settings and puts the schema's defaults where nothing was set. `is_kept` tells of a secret
/// that is not given whether it was before. All faults are told at once.
pub(super) fn complete(
    schema: &Map<String, Value>,
    settings: Value,
    is_kept: impl Fn(&str) -> bool,
) -> Result<Settings, Vec<SettingFault>> {
    let mut plain = settings;
    let mut faults = Vec::new();
    let empty = Map::from_iter([("type".to_owned(), Value::from("object"))]);
    let schema = if schema.is_empty() { &empty } else { schema };
    let given = take_secrets(schema, &mut plain, &mut faults);
    check_value("", schema, &mut plain, &mut faults);
    for name in secrets(schema).filter(|name| is_required(schema, name)) {
        let is_set = given
            .get(name)
            .map_or_else(|| is_kept(name), Option::is_some);
        let is_faulty = faults.iter().any(|fault| fault.field == name);
        if !is_set && !is_faulty {
            faults.push(must_be_set(name.to_owned()));
        }
    }
    if faults.is_empty() {
        let secrets = given;
        Ok(Settings { plain, secrets })
    } else {
        Err(faults)
    }
}

/// Takes the secrets out of the settings. What is said of one doesn't repeat it.
fn take_secrets(
    schema: &Map<String, Value>,
    settings: &mut Value,
    faults: &mut Vec<SettingFault>,
) -> BTreeMap<String, Option<Secret<String>>> {
    let mut taken = BTreeMap::new();
    let Some(settings) = settings.as_object_mut() else {
        return taken;
    };
    for (name, property) in properties(schema) {
        if !secrets(schema).any(|secret| secret == name) {
            continue;
        }
        let secret = match settings.remove(name) {
            None => continue,
            Some(Value::Null) => None,
            Some(mut value) => {
                if let Some(property) = property.as_object() {
                    check_value(name, property, &mut value, faults);
                }
                let text = value.as_str().unwrap_or_default();
                let is_shown = text.bytes().all(|byte| matches!(byte, 0x20..=0x7e));
                if value.is_string()
                    && (text.is_empty() || text.len() > SECRET_BYTES_MAX || !is_shown)
                {
                    let message =
                        format!("must have 1 to {SECRET_BYTES_MAX} bytes of printable ASCII");
                    let field = name.clone();
                    faults.push(SettingFault { field, message });
                }
                Some(Secret::new(text.to_owned()))
            }
        };
        taken.insert(name.clone(), secret);
    }
    taken
}

fn is_required(schema: &Map<String, Value>, name: &str) -> bool {
    let required = schema.get("required").and_then(Value::as_array);
    required.is_some_and(|names| names.iter().any(|required| required == name))
}

fn must_be_set(field: String) -> SettingFault {
    SettingFault {
        field,
        message: "must be set".into(),
    }
}

pub(super) fn check_value(
    at: &str,
    schema: &Map<String, Value>,
    value: &mut Value,
    faults: &mut Vec<SettingFault>,
) {
    let mut fault = |message: String| {
        let field = at.to_owned();
        faults.push(SettingFault { field, message });
    };
    let of_type = type_of(schema);
    let fits = match of_type {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => value.is_boolean(),
    };
    if !fits {
        return fault(format!("must be of the type {of_type}"));
    }
    let size = match &*value {
        Value::String(text) => Some(("minLength", "maxLength", text.chars().count() as f64)),
        Value::Array(items) => Some(("minItems", "maxItems", items.len() as f64)),
        Value::Number(number) => number.as_f64().map(|number| ("minimum", "maximum", number)),
        _ => None,
    };
    if let Some((least, most, size)) = size {
        let bound = |keyword| schema.get(keyword).and_then(Value::as_f64);
        if let Some(bound) = bound(least).filter(|bound| size < *bound) {
            fault(format!("is below {least} {bound}"));
        }
        if let Some(bound) = bound(most).filter(|bound| size > *bound) {
            fault(format!("is above {most} {bound}"));
        }
    }
    match value {
        Value::Array(items) => {
            if let Some(schema) = schema.get("items").and_then(Value::as_object) {
                for (index, item) in items.iter_mut().enumerate() {
                    check_value(&format!("{at}[{index}]"), schema, item, faults);
                }
            }
        }
        Value::Object(fields) => check_fields(at, schema, fields, faults),
        _ => {}
    }
    // With its defaults, as it is kept: it must pass again.
    if let Some(values) = schema.get("enum").and_then(Value::as_array)
        && !values.contains(value)
    {
        let known: Vec<_> = values.iter().map(Value::to_string).collect();
        faults.push(SettingFault {
            field: at.to_owned(),
            message: format!("must be one of: {}", known.join(", ")),
        });
    }
}

fn check_fields(
    at: &str,
    schema: &Map<String, Value>,
    fields: &mut Map<String, Value>,
    faults: &mut Vec<SettingFault>,
) {
    let field = |name: &str| {
        if at.is_empty() {
            name.to_owned()
        } else {
            format!("{at}.{name}")
        }
    };
    let known = |name: &str| properties(schema).any(|(property, _)| property == name);
    if schema.get("additionalProperties") != Some(&Value::Bool(true)) {
        for name in fields.keys().filter(|name| !known(name)) {
            faults.push(SettingFault {
                field: field(name),
                message: "is not a setting of this plugin".into(),
            });
        }
    }
    for (name, property) in properties(schema) {
        let Some(property) = property.as_object() else {
            continue;
        };
        if let Some(default) = property.get("default")
            && !fields.contains_key(name)
        {
            fields.insert(name.clone(), default.clone());
        }
        if let Some(value) = fields.get_mut(name) {
            check_value(&field(name), property, value, faults);
        }
    }
    let required = schema.get("required").and_then(Value::as_array);
    let is_secret = |name: &str| secrets(schema).any(|secret| secret == name);
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(name) && !is_secret(name) {
            faults.push(must_be_set(field(name)));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{SettingFault, complete};

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["channel"],
            "properties": {
                "channel": { "type": "string", "minLength": 1, "maxLength": 8 },
                "limit": { "type": "integer", "minimum": 1, "maximum": 10, "default": 3 },
                "mode": { "type": "string", "enum": ["soft", "hard"], "default": "soft" },
                "words": { "type": "array", "maxItems": 2, "items": { "type": "string" } },
            },
        })
    }

    fn completed(settings: Value) -> Result<Value, Vec<(String, String)>> {
        let pair = |fault: SettingFault| (fault.field, fault.message);
        let faults = |faults: Vec<_>| faults.into_iter().map(pair).collect();
        complete(schema().as_object().unwrap(), settings, |_| false)
            .map(|settings| settings.plain)
            .map_err(faults)
    }

    #[test]
    fn settings_are_completed() {
        let expected = json!({ "channel": "a", "limit": 3, "mode": "soft" });
        assert_eq!(completed(json!({ "channel": "a" })), Ok(expected));
        let none = serde_json::Map::new();
        let complete = |settings| complete(&none, settings, |_| false);
        assert_eq!(complete(json!({})).unwrap().plain, json!({}));
        assert!(complete(json!({ "a": 1 })).is_err());
        assert!(complete(json!(null)).is_err());
    }

    #[test]
    fn what_was_completed_is_taken_again() {
        let schema = json!({
            "type": "object",
            "properties": {
                "inner": {
                    "type": "object",
                    "enum": [{}, { "a": 1 }],
                    "properties": { "a": { "type": "integer", "default": 1 } },
                },
                "other": {
                    "type": "object",
                    "enum": [{}],
                    "properties": { "a": { "type": "integer", "default": 1 } },
                },
            },
        });
        let complete = |settings| complete(schema.as_object().unwrap(), settings, |_| false);
        let once = complete(json!({ "inner": {} })).unwrap().plain;
        assert_eq!(once, json!({ "inner": { "a": 1 } }));
        assert_eq!(complete(once.clone()).unwrap().plain, once);
        let faults = complete(json!({ "other": {} })).unwrap_err();
        assert_eq!(faults[0].field, "other");
    }

    #[test]
    fn all_faults_are_told() {
        let faults = completed(json!({
            "limit": 11, "mode": "loud", "words": ["a", 1, "c"], "colour": "red",
        }))
        .unwrap_err();
        let fields: Vec<_> = faults.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(
            fields,
            ["colour", "limit", "mode", "words", "words[1]", "channel"]
        );
        assert_eq!(faults[1].1, "is above maximum 10");
        assert_eq!(
            completed(json!({ "channel": "" })).unwrap_err()[0].1,
            "is below minLength 1"
        );
    }

    #[test]
    fn secrets_are_taken_out() {
        let schema = json!({
            "type": "object",
            "required": ["token", "colour"],
            "additionalProperties": true,
            "properties": {
                "token": { "type": "string", "secret": true, "minLength": 4 },
                "other": { "type": "string", "secret": true },
                "colour": { "type": "string" },
            },
        });
        let schema = schema.as_object().unwrap();
        let given = json!({ "token": "s3cr3t", "other": null, "colour": "red" });
        let settings = complete(schema, given, |_| false).unwrap();
        assert_eq!(settings.plain, json!({ "colour": "red" }));
        let token = settings.secrets["token"].as_ref().unwrap();
        assert_eq!(token.expose(), "s3cr3t");
        assert_eq!(settings.secrets["other"], None);
        assert!(!format!("{settings:?}").contains("s3cr3t"));

        // One that is kept need not be given again, and one that is needed can't be forgotten.
        let kept = |given| complete(schema, given, |name| name == "token");
        assert_eq!(kept(json!({ "colour": "red" })).unwrap().secrets.len(), 0);
        for (given, field, message) in [
            (json!({ "token": null }), "token", "must be set"),
            (json!({ "token": 7 }), "token", "must be of the type string"),
            (json!({ "token": "abc" }), "token", "is below minLength 4"),
            (
                json!({ "token": "s3cr3t\n" }),
                "token",
                "must have 1 to 2048 bytes of printable ASCII",
            ),
            (
                json!({ "other": "" }),
                "other",
                "must have 1 to 2048 bytes of printable ASCII",
            ),
            (
                json!({ "other": "s3cr3t".repeat(400) }),
                "other",
                "must have 1 to 2048 bytes of printable ASCII",
            ),
        ] {
            let mut given = given;
            given["colour"] = json!("red");
            let faults = kept(given).unwrap_err();
            assert_eq!(
                faults,
                [SettingFault {
                    field: field.into(),
                    message: message.into()
                }]
            );
        }
        let faults = complete(schema, json!({}), |_| false).unwrap_err();
        let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["colour", "token"]);
    }
}
