//! Example documents made from schemas, to look like what a client really sees.

use serde_json::Value;

use super::schema::{Document, Field};
use super::types::alternatives;
use super::words;

const DEPTH_MAX: usize = 6;

/// An example, with its fields in the order in which they are shown.
pub enum Example {
    Object(Vec<(String, Example)>),
    List(Vec<Example>),
    Leaf(Value),
}

impl Example {
    /// One that fits the schema of the field `name` of the shape `of`.
    pub fn new<'d>(document: Document<'d>, schema: &'d Value, of: &str, name: &str) -> Self {
        make(document, schema, of, name, 0)
    }

    /// Its text, indented.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, 0);
        text
    }

    fn write(&self, text: &mut String, depth: usize) {
        let (brackets, count) = match self {
            Example::Leaf(value) => return text.push_str(&value.to_string()),
            Example::Object(fields) => (['{', '}'], fields.len()),
            Example::List(items) => (['[', ']'], items.len()),
        };
        text.push(brackets[0]);
        for at in 0..count {
            text.push_str(if at == 0 { "\n" } else { ",\n" });
            text.push_str(&"  ".repeat(depth + 1));
            match self {
                Example::Object(fields) => {
                    text.push_str(&format!("{}: ", Value::from(fields[at].0.as_str())));
                    fields[at].1.write(text, depth + 1);
                }
                Example::List(items) => items[at].write(text, depth + 1),
                Example::Leaf(_) => {}
            }
        }
        if count > 0 {
            text.push('\n');
            text.push_str(&"  ".repeat(depth));
        }
        text.push(brackets[1]);
    }
}

fn make<'d>(
    document: Document<'d>,
    schema: &'d Value,
    of: &str,
    name: &str,
    depth: usize,
) -> Example {
    let found = document.find(schema);
    if let Some(given) = given(schema).or_else(|| given(found.schema)) {
        return Example::Leaf(given.clone());
    }
    // What a shape is made of goes by the name of the shape.
    let (schema, shape) = (found.schema, found.name.unwrap_or(of));
    if let Some(first) = alternatives(schema).and_then(|several| several.first().copied()) {
        return make(document, first, shape, name, depth);
    }
    if depth >= DEPTH_MAX {
        return Example::Leaf(Value::Null);
    }
    let properties = document.properties(schema);
    if !properties.is_empty() {
        let shape = if found.name.is_none() && depth > 0 {
            ""
        } else {
            shape
        };
        let shown = properties
            .iter()
            .filter(|field| field.required || !words::is_rare(shape, field.name));
        let make = |field: &Field<'d>| {
            make(
                document,
                field.schema,
                field.shape.unwrap_or(shape),
                field.name,
                depth + 1,
            )
        };
        return Example::Object(
            shown
                .map(|field| (field.name.to_owned(), make(field)))
                .collect(),
        );
    }
    let kind = match &schema["type"] {
        Value::Array(several) => several
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| *kind != "null"),
        one => one.as_str(),
    };
    let leaf: Value = match kind {
        Some("array") => {
            let items = schema
                .get("items")
                .map(|items| make(document, items, of, name, depth + 1));
            return Example::List(items.into_iter().collect());
        }
        Some("string") => words::text(schema, of, name).into(),
        Some("integer") => words::number(name).into(),
        Some("number") => 0.5.into(),
        Some("boolean") => true.into(),
        Some(_) if name == "blocks" => {
            let field = |name: &str, text: &str| (name.to_owned(), Example::Leaf(text.into()));
            return Example::Object(vec![field("type", "text"), field("text", "Pizza: 2 votes")]);
        }
        Some(_) => return Example::Object(Vec::new()),
        // Any JSON: for most messages a text.
        None => words::text(schema, of, if name == "data" { "text" } else { name }).into(),
    };
    Example::Leaf(leaf)
}

/// What the schema itself gives as an example.
fn given(schema: &Value) -> Option<&Value> {
    let first = |key: &str| schema[key].as_array().and_then(|values| values.first());
    schema
        .get("example")
        .or_else(|| first("examples"))
        .or_else(|| schema.get("default"))
        .or_else(|| first("enum"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn examples_end_even_if_shapes_do_not() {
        let document = json!({ "components": { "schemas": {
            "Tree": { "type": "object", "required": ["leaf"], "properties": {
                "children": { "type": "array", "items": { "$ref": "#/components/schemas/Tree" } },
                "id": { "type": "string", "pattern": "^msg_[0-9a-f]{16}$" },
                "leaf": { "type": "boolean" } } },
            "Loop": { "$ref": "#/components/schemas/Loop" },
        } } });
        let of = |name: &str| {
            let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
            Example::new(Document(&document), &schema, "", "").text()
        };
        let tree = of("Tree");
        assert!(
            tree.starts_with(
                "{\n  \"id\": \"msg_19ca9450a0020a31\",\n  \"leaf\": true,\n  \"children\": ["
            ),
            "{tree}"
        );
        assert!(serde_json::from_str::<Value>(&tree).is_ok());
        assert_eq!((of("Loop"), of("Absent")), ("\"…\"".into(), "\"…\"".into()));
    }
}
