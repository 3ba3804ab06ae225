//! The reference page: the API's description as one HTML document that needs no script and nothing
//! from elsewhere. All that comes out of the description is escaped; the rest is our own documents.
//!
//! Anchors are stable: `#<code>` for each error, which problem details point to, `#schema-<Name>`
//! for each shape, `#socket`, `#events` and `#blocks` for the documents, and `#<method>-<path>`, with
//! dashes for all that is neither letter nor digit, for each operation.

mod colour;
mod errors;
mod example;
mod html;
mod markdown;
mod operation;
mod schema;
#[cfg(test)]
mod tests;
mod types;
mod words;

use std::fmt::Write as _;

use serde_json::Value;

use html::{escape, slug};
use operation::Operation;
use schema::Document;

const STYLE: &str = include_str!("reference/style.css");
const SOCKET: &str = include_str!("../../../docs/socket.md");
const EVENTS: &str = include_str!("../../../docs/events.md");
const BLOCKS: &str = include_str!("../../../docs/blocks.md");

/// A part of the page with a place in the navigation.
struct Section {
    id: String,
    title: String,
    /// What stands under it in the navigation: id and label, as HTML.
    entries: Vec<(String, String)>,
    body: String,
}

/// The page for an OpenAPI 3.1 document. What the document lacks is left out.
pub fn page(openapi: &Value) -> String {
    let document = Document(openapi);
    let title = openapi["info"]["title"].as_str().unwrap_or("API");
    let version = openapi["info"]["version"].as_str().unwrap_or_default();
    let mut sections = vec![introduction(&document)];
    sections.extend(operations(&document));
    sections.push(prose("socket", "The socket", SOCKET));
    sections.push(prose("events", "Events", EVENTS));
    sections.push(prose("blocks", "Blocks", BLOCKS));
    sections.push(errors::section());
    sections.push(shapes(&document));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{0} API</title>\n<style>\n{STYLE}</style>\n\
         </head>\n<body>\n<a class=\"skip\" href=\"#content\">To the content</a>\n",
        escape(title)
    );
    page.push_str(&navigation(title, version, &sections));
    page.push_str("<main id=\"content\">\n");
    for Section {
        id, title, body, ..
    } in &sections
    {
        let _ = write!(
            page,
            "<section id=\"{id}\">\n<h2><a href=\"#{id}\">{}</a></h2>\n{body}</section>\n",
            escape(title)
        );
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn navigation(title: &str, version: &str, sections: &[Section]) -> String {
    let mut list = String::new();
    for Section {
        id, title, entries, ..
    } in sections
    {
        let _ = write!(list, "<li><a href=\"#{id}\">{}</a>", escape(title));
        if !entries.is_empty() {
            list.push_str("\n<ul>\n");
            for (id, label) in entries {
                let _ = writeln!(list, "<li><a href=\"#{id}\">{label}</a></li>");
            }
            list.push_str("</ul>");
        }
        list.push_str("</li>\n");
    }
    format!(
        "<header>\n<p class=\"name\"><a href=\"#introduction\">{}</a> <span>{}</span></p>\n\
         <nav aria-label=\"Contents\">\n<ul>\n{list}</ul>\n</nav>\n</header>\n",
        escape(title),
        escape(version)
    )
}

fn introduction(document: &Document<'_>) -> Section {
    let mut body = markdown::blocks(
        document.0["info"]["description"]
            .as_str()
            .unwrap_or_default(),
        "introduction",
    );
    let schemes = document.0["components"]["securitySchemes"].as_object();
    if let Some(schemes) = schemes {
        body.push_str("<h3 id=\"credentials\"><a href=\"#credentials\">Credentials</a></h3>\n");
        body.push_str("<p>Each request carries one, as <code>Authorization: Bearer …</code>.</p>\n<dl class=\"facts\">\n");
        for (name, scheme) in schemes {
            let about = markdown::inline(scheme["description"].as_str().unwrap_or_default());
            let _ = writeln!(body, "<dt>{}</dt><dd>{about}</dd>", operation::caller(name));
        }
        body.push_str("</dl>\n");
    }
    body.push_str("<p>The same as JSON, for tools: <a href=\"/v1/openapi.json\"><code>/v1/openapi.json</code></a>.</p>\n");
    let entries = schemes.map(|_| ("credentials".to_owned(), "Credentials".to_owned()));
    Section {
        id: "introduction".into(),
        title: "Introduction".into(),
        entries: entries.into_iter().collect(),
        body,
    }
}

/// A section for each tag: those that the document lists in its order, then others as they come.
fn operations(document: &Document<'_>) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let section = |tag: &str, about: &str| Section {
        id: format!("tag-{}", slug(tag)),
        title: tag.to_owned(),
        entries: Vec::new(),
        body: markdown::blocks(about, &slug(tag)),
    };
    for tag in document.0["tags"].as_array().into_iter().flatten() {
        let name = tag["name"].as_str().unwrap_or_default();
        sections.push(section(
            name,
            tag["description"].as_str().unwrap_or_default(),
        ));
    }
    for operation in Operation::all(document) {
        let found = sections
            .iter()
            .position(|section| section.title == operation.tag);
        let at = found.unwrap_or_else(|| {
            sections.push(section(operation.tag, ""));
            sections.len() - 1
        });
        let label = format!("{}{}", operation.method_badge(), escape(operation.title()));
        sections[at].entries.push((operation.id(), label));
        sections[at].body.push_str(&operation.html(document));
    }
    sections.retain(|section| !section.entries.is_empty());
    sections
}

/// One of our own documents. Its title is the section's; its second-rank headings are in the
/// navigation.
fn prose(id: &str, title: &str, text: &str) -> Section {
    let text = text
        .split_once('\n')
        .filter(|(first, _)| first.starts_with("# "))
        .map_or(text, |(_, rest)| rest);
    let heads = text.lines().filter_map(|line| line.strip_prefix("## "));
    let entries = heads
        .map(|head| (format!("{id}-{}", slug(head)), markdown::inline(head)))
        .collect();
    Section {
        id: id.into(),
        title: title.into(),
        entries,
        body: markdown::blocks(text, id),
    }
}

fn shapes(document: &Document<'_>) -> Section {
    let mut body = String::from("<p>What requests and answers are made of, by name.</p>\n");
    for (name, shape) in document.shapes() {
        let id = format!("schema-{}", slug(name));
        let _ = write!(
            body,
            "<article class=\"shape\" id=\"{id}\">\n<h3><a href=\"#{id}\">{}</a></h3>\n{}{}</article>\n",
            escape(name),
            markdown::blocks(shape["description"].as_str().unwrap_or_default(), &id),
            document.fields(shape, schema::Use::Answer)
        );
    }
    Section {
        id: "shapes".into(),
        title: "Shapes".into(),
        entries: Vec::new(),
        body,
    }
}
