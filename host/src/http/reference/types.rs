//! What a value may be, in words: its type, the values it is one of, its limits and default.

use serde_json::{Map, Value};

use super::html::{escape, slug};
use super::schema::Document;

impl<'d> Document<'d> {
    /// The values of an enumeration, also behind a reference.
    pub fn deep_values(self, schema: &'d Value) -> String {
        let found = self.find(schema);
        match alternatives(found.schema) {
            Some(several) => several
                .into_iter()
                .map(|one| self.deep_values(one))
                .find(|text| !text.is_empty())
                .unwrap_or_default(),
            None => values(found.schema),
        }
    }

    /// The type of a parameter, which has a value or is absent: null is no word for it. HTML.
    pub fn type_of_parameter(self, schema: &'d Value) -> String {
        let words = self.type_of(schema);
        words.strip_suffix(" or null").unwrap_or(&words).to_owned()
    }

    /// A type in words, with links to named shapes; null comes last. HTML.
    pub fn type_of(self, schema: &'d Value) -> String {
        if let Some(name) = reference(schema) {
            let target = &self.0["components"]["schemas"][name];
            // A named text or number needs no page of its own.
            let plain = target["properties"].is_null()
                && alternatives(target).is_none()
                && target["allOf"].is_null();
            return match plain && !target.is_null() && values(target).is_empty() {
                true => self.type_of(target),
                false => format!("<a href=\"#schema-{}\">{}</a>", slug(name), escape(name)),
            };
        }
        if let Some(several) = alternatives(schema) {
            let nullable = is_nullable(schema);
            let mut types: Vec<String> = several.into_iter().map(|one| self.type_of(one)).collect();
            types.extend(nullable.then(|| "null".to_owned()));
            types.dedup();
            return types.join(" or ");
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one.as_str()],
            Value::Array(several) => {
                let (null, others) = several
                    .iter()
                    .filter_map(Value::as_str)
                    .partition::<Vec<_>, _>(|of| *of == "null");
                others.into_iter().chain(null).collect()
            }
            _ if !schema["properties"].is_null() || !schema["allOf"].is_null() => vec!["object"],
            _ => return "any JSON".into(),
        };
        let words: Vec<String> = types.iter().map(|of| self.word(of, schema)).collect();
        words.join(" or ")
    }

    fn word(self, of: &str, schema: &'d Value) -> String {
        match (of, schema["format"].as_str(), schema.get("items")) {
            ("array", _, Some(items)) => format!("list of {}", self.type_of(items)),
            ("string", Some("date-time"), _) => "time".into(),
            ("string", Some("binary"), _) => "bytes".into(),
            (of, ..) => escape(of),
        }
    }
}

/// What is said of a schema; for one that may be null, of what it is otherwise.
pub fn description(schema: &Value) -> &str {
    let own = schema["description"].as_str();
    let of_one = || {
        alternatives(schema)?
            .into_iter()
            .find_map(|one| one["description"].as_str())
    };
    own.or_else(of_one).unwrap_or_default()
}

/// The name that a schema refers to.
pub fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"]
        .as_str()?
        .strip_prefix("#/components/schemas/")
}

/// What a schema is one of, but for null.
pub fn alternatives(schema: &Value) -> Option<Vec<&Value>> {
    let several = schema["oneOf"]
        .as_array()
        .or_else(|| schema["anyOf"].as_array())?;
    Some(several.iter().filter(|one| one["type"] != "null").collect())
}

fn is_nullable(schema: &Value) -> bool {
    let several = schema["oneOf"]
        .as_array()
        .or_else(|| schema["anyOf"].as_array());
    several
        .into_iter()
        .flatten()
        .any(|one| one["type"] == "null")
}

/// The values of an enumeration, in words. HTML.
pub fn values(schema: &Value) -> String {
    let values: Vec<String> = schema["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        })
        .map(|value| format!("<code>{}</code>", escape(&value)))
        .collect();
    if values.is_empty() {
        String::new()
    } else {
        format!("One of {}.", values.join(", "))
    }
}

/// Limits and the default, in words.
pub fn bounds(schema: &Value) -> String {
    let empty = Map::new();
    let schema = schema.as_object().unwrap_or(&empty);
    let number = |key: &str| {
        schema
            .get(key)
            .filter(|value| value.is_number())
            .map(ToString::to_string)
    };
    let mut said = Vec::new();
    for (low, high, unit) in [
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " entries"),
    ] {
        said.extend(match (number(low).filter(|n| n != "0"), number(high)) {
            (Some(low), Some(high)) => Some(format!("{low} to {high}{unit}.")),
            (Some(low), None) => Some(format!("At least {low}{unit}.")),
            (None, Some(high)) => Some(format!("At most {high}{unit}.")),
            (None, None) => None,
        });
    }
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
        said.push(format!("Fits <code>{}</code>.", escape(pattern)));
    }
    if let Some(default) = schema.get("default") {
        said.push(format!(
            "If absent: <code>{}</code>.",
            escape(&default.to_string())
        ));
    }
    said.join(" ")
}
