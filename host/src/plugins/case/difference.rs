//! Where what came of a call differs from what was expected, by place.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Without what is empty: fields that are null, an empty text, list or table.
pub fn compact(value: Value) -> Value {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    match value {
        Value::Object(fields) => {
            let fields = fields
                .into_iter()
                .map(|(name, value)| (name, compact(value)));
            Value::Object(
                fields
                    .filter(|(_, value)| !is_empty(value))
                    .collect::<Map<_, _>>(),
            )
        }
        Value::Array(items) => items.into_iter().map(compact).collect(),
        value => value,
    }
}

/// A place where two documents differ.
#[derive(Debug, PartialEq)]
pub struct Difference {
    /// Such as `writes[0].text`.
    pub place: String,
    pub expected: Option<Value>,
    pub came: Option<Value>,
}

impl Difference {
    /// For programs.
    pub fn document(&self) -> Value {
        json!({ "place": self.place, "expected": self.expected, "came": self.came })
    }
}

/// Where what came differs from what was expected, by place.
pub fn differences(expected: Value, came: Value) -> Vec<Difference> {
    let (expected, came) = (leaves(expected), leaves(came));
    let places: std::collections::BTreeSet<&Vec<Step>> =
        expected.keys().chain(came.keys()).collect();
    places
        .into_iter()
        .filter(|place| expected.get(*place) != came.get(*place))
        .map(|place| Difference {
            place: shown(place),
            expected: expected.get(place).cloned(),
            came: came.get(place).cloned(),
        })
        .collect()
}

/// A way into a document; lists are in the order of their numbers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Item(usize),
    Field(String),
}

fn shown(place: &[Step]) -> String {
    let mut text = String::new();
    for step in place {
        match step {
            Step::Item(at) => text.push_str(&format!("[{at}]")),
            Step::Field(name) if text.is_empty() => text.push_str(name),
            Step::Field(name) => text.push_str(&format!(".{name}")),
        }
    }
    text
}

fn leaves(value: Value) -> BTreeMap<Vec<Step>, Value> {
    fn walk(at: &mut Vec<Step>, value: Value, found: &mut BTreeMap<Vec<Step>, Value>) {
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                for (name, value) in fields {
                    at.push(Step::Field(name));
                    walk(at, value, found);
                    at.pop();
                }
            }
            Value::Array(items) if !items.is_empty() => {
                for (place, value) in items.into_iter().enumerate() {
                    at.push(Step::Item(place));
                    walk(at, value, found);
                    at.pop();
                }
            }
            // An empty document has no leaf.
            Value::Object(_) if at.is_empty() => {}
            leaf => {
                found.insert(at.clone(), leaf);
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&mut Vec::new(), value, &mut found);
    found
}
