//! Checks a tenant's settings against a manifest's schema, and puts defaults where nothing was set.
//! Settings that the schema doesn't name are refused unless it says `additionalProperties = true`.

use serde_json::{Map, Value};

use super::schema::{properties, type_of};

/// A setting that doesn't fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingFault {
    /// Where it is, such as `words[2]`; empty for the settings as a whole.
    pub field: String,
    /// What is wrong with it, to be read after the field's name.
    pub message: String,
}

/// Checks settings and puts the schema's defaults where nothing was set. All faults are told at
/// once.
pub(super) fn complete(
    schema: &Map<String, Value>,
    settings: Value,
) -> Result<Value, Vec<SettingFault>> {
    let mut settings = settings;
    let mut faults = Vec::new();
    let empty = Map::from_iter([("type".to_owned(), Value::from("object"))]);
    let schema = if schema.is_empty() { &empty } else { schema };
    check_value("", schema, &mut settings, &mut faults);
    if faults.is_empty() {
        Ok(settings)
    } else {
        Err(faults)
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
    if let Some(values) = schema.get("enum").and_then(Value::as_array)
        && !values.contains(value)
    {
        let known: Vec<_> = values.iter().map(Value::to_string).collect();
        fault(format!("must be one of: {}", known.join(", ")));
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
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            faults.push(SettingFault {
                field: field(name),
                message: "must be set".into(),
            });
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
        complete(schema().as_object().unwrap(), settings).map_err(faults)
    }

    #[test]
    fn settings_are_completed() {
        let expected = json!({ "channel": "a", "limit": 3, "mode": "soft" });
        assert_eq!(completed(json!({ "channel": "a" })), Ok(expected));
        let none = serde_json::Map::new();
        assert_eq!(complete(&none, json!({})), Ok(json!({})));
        assert!(complete(&none, json!({ "a": 1 })).is_err());
        assert!(complete(&none, json!(null)).is_err());
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
}
