//! One operation: who may call it, what it takes, what it answers, and how that looks.

use std::fmt::Write as _;

use serde_json::Value;

use super::colour::colour;
use super::example::Example;
use super::html::{escape, slug};
use super::markdown;
use super::schema::{Document, Use};

/// In the order in which a resource's life goes.
const METHODS: [&str; 5] = ["post", "get", "put", "patch", "delete"];

/// A method of a path.
pub struct Operation<'d> {
    pub tag: &'d str,
    method: &'static str,
    path: &'d str,
    spec: &'d Value,
}

impl<'d> Operation<'d> {
    /// All of the document, by path.
    pub fn all(document: &Document<'d>) -> Vec<Operation<'d>> {
        let mut all: Vec<Operation<'d>> = Vec::new();
        for (path, item) in document.0["paths"].as_object().into_iter().flatten() {
            for method in METHODS {
                let spec = &item[method];
                if spec.is_object() {
                    all.push(Operation {
                        tag: spec["tags"][0].as_str().unwrap_or("Other"),
                        method,
                        path,
                        spec,
                    });
                }
            }
        }
        // Whatever a tag is named after comes first in it.
        all.sort_by_key(|operation| {
            !operation
                .path
                .ends_with(&format!("/{}", operation.tag.to_lowercase()))
        });
        all
    }

    /// Its anchor.
    pub fn id(&self) -> String {
        slug(&format!("{} {}", self.method, self.path))
    }

    /// What it does, in a few words.
    pub fn title(&self) -> &'d str {
        self.spec["summary"].as_str().unwrap_or(self.path)
    }

    /// Its method, to be seen at a glance. HTML.
    pub fn method_badge(&self) -> String {
        format!("<span class=\"method {0}\">{0}</span> ", self.method)
    }

    /// All of it.
    pub fn html(&self, document: &Document<'d>) -> String {
        let id = self.id();
        let path = escape(self.path)
            .replace('{', "<var>{")
            .replace('}', "}</var>");
        let mut out = format!(
            "<article class=\"operation\" id=\"{id}\">\n<h3><a href=\"#{id}\">{}</a></h3>\n\
             <p class=\"path\">{}<code>{path}</code></p>\n<div class=\"sides\">\n<div>\n",
            escape(self.title()),
            self.method_badge()
        );
        out.push_str(&markdown::blocks(
            self.spec["description"].as_str().unwrap_or_default(),
            &id,
        ));
        out.push_str(&self.callers());
        out.push_str(&self.parameters(document));
        out.push_str(&self.body(document));
        out.push_str(&self.answers(document));
        let _ = write!(
            out,
            "</div>\n<div class=\"examples\">\n{}</div>\n</div>\n</article>\n",
            self.examples(document)
        );
        out
    }

    fn callers(&self) -> String {
        let callers: Vec<String> = self.spec["security"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_object)
            .flat_map(|one| one.keys().map(|name| caller(name)))
            .collect();
        match callers.len() {
            0 => "<p class=\"callers\">Anybody may call it.</p>\n".into(),
            _ => format!("<p class=\"callers\">Takes {}</p>\n", callers.join(" or ")),
        }
    }

    fn parameters(&self, document: &Document<'d>) -> String {
        let mut out = String::new();
        for (place, head) in [
            ("path", "In the path"),
            ("query", "In the query"),
            ("header", "In the headers"),
        ] {
            let found = self.spec["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|one| one["in"] == place);
            let rows: String = found.map(|one| parameter(document, one)).collect();
            if !rows.is_empty() {
                let _ = write!(out, "<h4>{head}</h4>\n<ul class=\"fields\">\n{rows}</ul>\n");
            }
        }
        out
    }

    fn body(&self, document: &Document<'d>) -> String {
        let Some((kind, content)) = content(&self.spec["requestBody"]) else {
            return String::new();
        };
        // A body with a schema that allows null may be left out.
        let optional = self.spec["requestBody"]["required"] != true;
        let note = if optional {
            " <span class=\"may\">may be left out</span>"
        } else {
            ""
        };
        let schema = &content["schema"];
        format!(
            "<h4>Body{note}</h4>\n<p class=\"kind\"><code>{}</code> <span class=\"type\">{}</span></p>\n{}",
            escape(kind),
            document.type_of(schema),
            document.fields(schema, Use::Request)
        )
    }

    fn answers(&self, document: &Document<'d>) -> String {
        let mut out = String::from("<h4>Answers</h4>\n<dl class=\"facts\">\n");
        for (status, answer) in self.spec["responses"]
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(status, _)| status.starts_with('2'))
        {
            let about = markdown::inline(answer["description"].as_str().unwrap_or_default());
            let _ = write!(
                out,
                "<dt><code class=\"status\">{}</code></dt><dd><p>{about}",
                escape(status)
            );
            match content(answer) {
                Some((_, content)) => {
                    let schema = &content["schema"];
                    let _ = write!(
                        out,
                        ": <span class=\"type\">{}</span></p>",
                        document.type_of(schema)
                    );
                    let fields = document.fields(schema, Use::Answer);
                    if !fields.is_empty() {
                        let _ = write!(
                            out,
                            "\n<details><summary>Fields</summary>\n{fields}</details>"
                        );
                    }
                }
                None => out.push_str(". No body.</p>"),
            }
            out.push_str("</dd>\n");
        }
        out.push_str("<dt>else</dt><dd><p>A <a href=\"#errors\">problem</a>.</p></dd>\n</dl>\n");
        out
    }

    fn examples(&self, document: &Document<'d>) -> String {
        let mut curl = format!(
            "<span class=\"c\">curl</span> -X {} ",
            self.method.to_uppercase()
        );
        if self.method == "get" {
            curl.truncate(curl.len() - "-X GET ".len());
        }
        let _ = write!(
            curl,
            "$ALTHING_URL{} \\\n  -H \"Authorization: Bearer $ALTHING_KEY\"",
            escape(&self.example_path(document))
        );
        if let Some((kind, content)) = content(&self.spec["requestBody"]) {
            let _ = write!(curl, " \\\n  -H \"Content-Type: {}\"", escape(kind));
            if kind == "application/json" {
                // A quote would end the shell's own.
                let body = Example::new(*document, &content["schema"], "", "")
                    .text()
                    .replace('\'', "’");
                let _ = write!(curl, " \\\n  -d '{}'", colour(&body));
            } else {
                curl.push_str(" \\\n  --data-binary @file");
            }
        }
        let mut out = format!(
            "<figure><figcaption>Request</figcaption><pre><code>{curl}</code></pre></figure>\n"
        );
        let answers = &self.spec["responses"];
        let usual = ["201", "200"]
            .into_iter()
            .find_map(|status| Some((status, content(&answers[status])?.1)));
        if let Some((status, content)) = usual {
            let body = colour(&Example::new(*document, &content["schema"], "", "").text());
            let _ = writeln!(
                out,
                "<figure><figcaption>Answer {status}</figcaption><pre><code>{body}</code></pre></figure>"
            );
        }
        out
    }

    /// The path with examples in the place of its parameters.
    fn example_path(&self, document: &Document<'d>) -> String {
        let mut path = self.path.to_owned();
        for one in self.spec["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|one| one["in"] == "path")
        {
            let name = one["name"].as_str().unwrap_or_default();
            let hole = format!("{{{name}}}");
            // What it is a name of stands before it.
            let of = self
                .path
                .split(&hole)
                .next()
                .and_then(|before| before.trim_end_matches('/').rsplit('/').next());
            let value = match Example::new(*document, &one["schema"], of.unwrap_or_default(), name)
            {
                Example::Leaf(Value::String(text)) if text != "…" => text,
                _ => format!("<{name}>"),
            };
            path = path.replace(&hole, &value);
        }
        path
    }
}

fn parameter<'d>(document: &Document<'d>, one: &'d Value) -> String {
    let mark = if one["required"] == true && one["in"] != "path" {
        " <span class=\"must\">required</span>"
    } else {
        ""
    };
    format!(
        "<li><p class=\"field\"><code>{}</code> <span class=\"type\">{}</span>{mark}</p>\n{}</li>\n",
        escape(one["name"].as_str().unwrap_or_default()),
        document.type_of_parameter(&one["schema"]),
        markdown::blocks(one["description"].as_str().unwrap_or_default(), "")
    )
}

/// A body's first media type and what it holds.
fn content(of: &Value) -> Option<(&str, &Value)> {
    of["content"]
        .as_object()?
        .iter()
        .next()
        .map(|(kind, content)| (kind.as_str(), content))
}

/// Who may call, by the name of the security scheme. HTML.
pub fn caller(scheme: &str) -> String {
    format!(
        "<a class=\"caller\" href=\"#credentials\">{}</a>",
        escape(&scheme.replace('_', " "))
    )
}
