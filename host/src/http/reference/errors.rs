//! The error codes: what the code itself knows of each, and what `docs/errors.md` says of it.

use std::fmt::Write as _;

use super::html::escape;
use super::{Section, markdown};
use crate::error::Code;

const TEXT: &str = include_str!("../../../../docs/errors.md");

/// The section. Each code's anchor is the code itself: problem details point there.
pub fn section() -> Section {
    let (about, _) = TEXT.split_once("\n## Codes\n").unwrap_or((TEXT, ""));
    let about = about.split_once('\n').map_or("", |(_, rest)| rest);
    let mut body = markdown::blocks(about, "errors");
    for code in Code::ALL {
        let (name, retry) = (
            escape(code.as_str()),
            if code.retryable() {
                "retryable"
            } else {
                "not retryable"
            },
        );
        let _ = write!(
            body,
            "<article class=\"error\" id=\"{name}\">\n<h3><a href=\"#{name}\"><code>{name}</code></a></h3>\n\
             <p class=\"meta\"><code class=\"status\">{}</code> {} <span class=\"may\">{retry}</span></p>\n{}</article>\n",
            code.status(),
            escape(code.title()),
            markdown::blocks(&explanation(*code).unwrap_or_default(), "errors")
        );
    }
    let entries = Code::ALL.iter().map(|code| {
        (
            code.as_str().to_owned(),
            format!("<code>{}</code>", code.as_str()),
        )
    });
    Section {
        id: "errors".into(),
        title: "Errors".into(),
        entries: entries.collect(),
        body,
    }
}

/// What the document says of a code, without the line that repeats its status.
pub fn explanation(code: Code) -> Option<String> {
    let (_, rest) = TEXT.split_once(&format!("\n### `{}`\n\n{}\n", code.as_str(), facts(code)))?;
    let end = rest.find("\n### ").unwrap_or(rest.len());
    Some(rest[..end].trim().to_owned())
}

/// The line of the document that says what the code says.
fn facts(code: Code) -> String {
    format!(
        "Status {}. {}",
        code.status(),
        if code.retryable() {
            "Retryable."
        } else {
            "Not retryable."
        }
    )
}
