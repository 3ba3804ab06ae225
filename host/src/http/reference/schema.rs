//! The shapes of an OpenAPI 3.1 document, found by name and unfolded into lists of fields.

use serde_json::Value;

use super::html::escape;
use super::markdown;
use super::types::{alternatives, bounds, description, reference, values};

/// How deep shapes are unfolded within each other.
const DEPTH_MAX: usize = 3;

/// The document, for looking names up.
#[derive(Clone, Copy)]
pub struct Document<'d>(pub &'d Value);

/// Which way a shape goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// In: what must be there matters.
    Request,
    /// Out: what may be missing matters.
    Answer,
}

/// A shape that a schema leads to, through references.
pub struct Found<'d> {
    pub name: Option<&'d str>,
    pub schema: &'d Value,
}

/// A field of a shape.
pub struct Field<'d> {
    pub name: &'d str,
    pub schema: &'d Value,
    pub required: bool,
    /// The named shape that brings it, where the shape is made of others.
    pub shape: Option<&'d str>,
}

impl<'d> Document<'d> {
    /// The named shapes, by name.
    pub fn shapes(self) -> impl Iterator<Item = (&'d str, &'d Value)> {
        let shapes = self.0["components"]["schemas"].as_object();
        shapes
            .into_iter()
            .flatten()
            .map(|(name, shape)| (name.as_str(), shape))
    }

    /// The schema itself, or the shape that it refers to.
    pub fn find(self, schema: &'d Value) -> Found<'d> {
        let mut found = Found { name: None, schema };
        // A reference to a reference to … ends somewhere, or it is no shape at all.
        for _ in 0..8 {
            let Some(name) = reference(found.schema) else {
                break;
            };
            found = Found {
                name: Some(name),
                schema: &self.0["components"]["schemas"][name],
            };
        }
        found
    }

    /// The fields of a shape as a list: its own and those of what it is made of; for one that is one
    /// of several, a list for each.
    pub fn fields(self, schema: &'d Value, direction: Use) -> String {
        self.unfold(schema, direction, &mut Vec::new())
    }

    fn unfold(self, schema: &'d Value, direction: Use, above: &mut Vec<&'d str>) -> String {
        let found = self.find(schema);
        if let Some(name) = found.name {
            // A shape within itself, or too deep, is a link only.
            if above.contains(&name) || above.len() >= DEPTH_MAX {
                return String::new();
            }
            above.push(name);
        }
        let list = match alternatives(found.schema) {
            Some(several) => self.several(several, direction, above),
            None => self.list(found.schema, direction, above),
        };
        if found.name.is_some() {
            above.pop();
        }
        list
    }

    fn several(self, several: Vec<&'d Value>, direction: Use, above: &mut Vec<&'d str>) -> String {
        if let [one] = several.as_slice() {
            return self.unfold(one, direction, above);
        }
        let lists: Vec<String> = several
            .iter()
            .map(|one| self.unfold(one, direction, above))
            .collect();
        let lists: Vec<String> = lists.into_iter().filter(|list| !list.is_empty()).collect();
        match lists.len() {
            0 => String::new(),
            _ => format!("<p class=\"either\">One of these:</p>\n{}", lists.concat()),
        }
    }

    fn list(self, schema: &'d Value, direction: Use, above: &mut Vec<&'d str>) -> String {
        let fields = self.properties(schema);
        if fields.is_empty() {
            let values = values(schema);
            let items = schema
                .get("items")
                .map(|items| self.unfold(items, direction, above));
            return if values.is_empty() {
                items.unwrap_or_default()
            } else {
                format!("<p>{values}</p>\n")
            };
        }
        let rows: String = fields
            .iter()
            .map(|field| self.row(field, direction, above))
            .collect();
        format!("<ul class=\"fields\">\n{rows}</ul>\n")
    }

    /// The fields of a shape and of all that it is made of: its id, then what must be there, then the
    /// rest.
    pub fn properties(self, schema: &'d Value) -> Vec<Field<'d>> {
        let mut fields = Vec::new();
        self.gather(schema, &mut fields, 0);
        fields.sort_by_key(|field| (field.name != "id", !field.required));
        fields
    }

    fn gather(self, schema: &'d Value, fields: &mut Vec<Field<'d>>, depth: usize) {
        let found = self.find(schema);
        let required = |name: &str| {
            found.schema["required"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one == name))
        };
        for (name, schema) in found.schema["properties"].as_object().into_iter().flatten() {
            fields.push(Field {
                name,
                schema,
                required: required(name),
                shape: found.name,
            });
        }
        if depth < DEPTH_MAX {
            for part in found.schema["allOf"].as_array().into_iter().flatten() {
                self.gather(part, fields, depth + 1);
            }
        }
    }

    fn row(self, field: &Field<'d>, direction: Use, above: &mut Vec<&'d str>) -> String {
        let Field {
            name,
            schema,
            required,
            ..
        } = *field;
        let mark = match (direction, required) {
            (Use::Request, true) => " <span class=\"must\">required</span>",
            (Use::Answer, false) => " <span class=\"may\">may be absent</span>",
            _ => "",
        };
        let mut text = markdown::blocks(description(schema), "");
        let (values, bounds) = (self.deep_values(schema), bounds(schema));
        if !values.is_empty() || !bounds.is_empty() {
            let gap = if values.is_empty() || bounds.is_empty() {
                ""
            } else {
                " "
            };
            text.push_str(&format!("<p class=\"bounds\">{values}{gap}{bounds}</p>\n"));
        }
        let inner = self.unfold(schema, direction, above);
        if inner.contains("class=\"fields\"") {
            text.push_str(&format!(
                "<details><summary>Fields of <code>{}</code></summary>\n{inner}</details>\n",
                escape(name)
            ));
        }
        format!(
            "<li><p class=\"field\"><code>{}</code> <span class=\"type\">{}</span>{mark}</p>\n{text}</li>\n",
            escape(name),
            self.type_of(schema)
        )
    }
}
