//! The part of Markdown that our documents and doc comments use: headings, paragraphs, lists, tables,
//! fenced code; and within a line code, bold and links. Everything else stays the text that it is.

use super::colour::colour;
use super::html::{escape, slug};

/// The documents that are parts of the page, and so their names' links.
const PARTS: [&str; 4] = ["errors", "socket", "events", "blocks"];

/// A text of several blocks. Headings get anchors that begin with `prefix`.
pub fn blocks(text: &str, prefix: &str) -> String {
    let mut lines = text.lines().peekable();
    let mut out = String::new();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let code: Vec<&str> = lines
                .by_ref()
                .take_while(|line| !line.starts_with("```"))
                .collect();
            out.push_str(&code_block(&code.join("\n"), language.trim()));
        } else if let Some((rank, head)) = heading(line) {
            let id = format!("{prefix}-{}", slug(head));
            out.push_str(&format!(
                "<h{rank} id=\"{id}\"><a href=\"#{id}\">{}</a></h{rank}>\n",
                inline(head)
            ));
        } else if line.starts_with('|') {
            let mut rows = vec![line];
            while let Some(row) = lines.next_if(|line| line.starts_with('|')) {
                rows.push(row);
            }
            out.push_str(&table(&rows));
        } else if let Some(item) = line.strip_prefix("- ") {
            let mut items = vec![item.to_owned()];
            // What is indented belongs to the item before; a code block in a list ends it.
            while let Some(line) = lines.next_if(|line| line.starts_with("- ") || goes_on(line)) {
                match (line.strip_prefix("- "), items.last_mut()) {
                    (Some(item), _) => items.push(item.to_owned()),
                    (None, Some(item)) => {
                        item.push(' ');
                        item.push_str(line.trim());
                    }
                    (None, None) => {}
                }
            }
            let items: Vec<String> = items
                .iter()
                .map(|item| format!("<li>{}</li>\n", inline(item)))
                .collect();
            out.push_str(&format!("<ul>\n{}</ul>\n", items.concat()));
        } else if !line.trim().is_empty() {
            let mut words = line.trim().to_owned();
            while let Some(line) = lines.next_if(|line| !begins_block(line)) {
                words.push(' ');
                words.push_str(line.trim());
            }
            out.push_str(&format!("<p>{}</p>\n", inline(&words)));
        }
    }
    out
}

fn goes_on(line: &str) -> bool {
    line.starts_with("  ") && !line.trim().is_empty() && !line.trim_start().starts_with("```")
}

fn begins_block(line: &str) -> bool {
    line.trim().is_empty()
        || line.starts_with("```")
        || line.starts_with('|')
        || line.starts_with("- ")
        || heading(line).is_some()
}

/// The rank of a heading within the page, and its text: `##` in a document stands below the
/// section's own.
fn heading(line: &str) -> Option<(usize, &str)> {
    let text = line.trim_start_matches('#');
    let rank = line.len() - text.len();
    Some(((rank + 1).clamp(3, 5), text.strip_prefix(' ')?)).filter(|_| (1..=4).contains(&rank))
}

/// A block of code; JSON in colours.
pub fn code_block(code: &str, language: &str) -> String {
    let html = match language {
        "json" => colour(code),
        _ => escape(code),
    };
    format!("<pre><code>{html}</code></pre>\n")
}

fn table(rows: &[&str]) -> String {
    let cells = |row: &str| -> Vec<String> {
        row.trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect()
    };
    let is_rule = |row: &str| row.chars().all(|c| matches!(c, '|' | '-' | ':' | ' '));
    let row = |row: &str, tag: &str| {
        let cells: Vec<String> = cells(row)
            .iter()
            .map(|cell| format!("<{tag}>{}</{tag}>", inline(cell)))
            .collect();
        format!("<tr>{}</tr>\n", cells.concat())
    };
    let (head, rest) = rows.split_first().unwrap_or((&"", &[]));
    let body: Vec<String> = rest
        .iter()
        .filter(|line| !is_rule(line))
        .map(|line| row(line, "td"))
        .collect();
    format!(
        "<div class=\"wide\"><table>\n<thead>{}</thead>\n<tbody>{}</tbody>\n</table></div>\n",
        row(head, "th"),
        body.concat()
    )
}

/// A line of text.
pub fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['`', '*', '[']) {
        let (before, from) = rest.split_at(at);
        out.push_str(&escape(before));
        match span(from) {
            Some((html, bytes)) => {
                out.push_str(&html);
                rest = &from[bytes..];
            }
            None => {
                out.push_str(&escape(&from[..1]));
                rest = &from[1..];
            }
        }
    }
    out.push_str(&escape(rest));
    out
}

/// Code, bold or a link that `text` begins with, and how many bytes of it that are.
fn span(text: &str) -> Option<(String, usize)> {
    if let Some(code) = text.strip_prefix('`') {
        let end = code.find('`')?;
        return Some((format!("<code>{}</code>", escape(&code[..end])), end + 2));
    }
    if let Some(bold) = text.strip_prefix("**") {
        let end = bold.find("**").filter(|end| *end > 0)?;
        return Some((
            format!("<strong>{}</strong>", inline(&bold[..end])),
            end + 4,
        ));
    }
    let words = text.strip_prefix('[')?;
    let end = words.find("](")?;
    let target = &words[end + 2..];
    let close = target.find(')')?;
    let label = inline(&words[..end]);
    let html = match link(&target[..close]) {
        Some(link) => format!("<a href=\"{}\">{label}</a>", escape(&link)),
        None => label,
    };
    Some((html, end + close + 4))
}

/// Where a link leads from the page; `None` for files that are not on it.
fn link(target: &str) -> Option<String> {
    if target.starts_with("https://") || target.starts_with('#') {
        return Some(target.to_owned());
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let part = file
        .strip_suffix(".md")
        .filter(|part| PARTS.contains(part))?;
    Some(match (part, anchor) {
        (_, "") => format!("#{part}"),
        // Errors are entries, not headings.
        ("errors", _) => format!("#{anchor}"),
        _ => format!("#{part}-{anchor}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_nest_and_are_escaped() {
        assert_eq!(
            inline("a `<b>` **c `d`** e"),
            "a <code>&lt;b&gt;</code> <strong>c <code>d</code></strong> e"
        );
        assert_eq!(
            inline("[x](errors.md), [w](blocks.md#list), [y](other.md), [z](javascript:x)"),
            "<a href=\"#errors\">x</a>, <a href=\"#blocks-list\">w</a>, y, z"
        );
        assert_eq!(inline("2 * 3 [4] `open"), "2 * 3 [4] `open");
    }

    #[test]
    fn blocks_are_told_apart() {
        let text = "## Head `x`\n\nOne\ntwo.\n- a\n  b\n- c\n\n| k | v |\n| --- | --- |\n| 1 | `2` |\n\n```sh\n<x>\n```\n";
        assert_eq!(
            blocks(text, "p"),
            "<h3 id=\"p-head-x\"><a href=\"#p-head-x\">Head <code>x</code></a></h3>\n<p>One two.</p>\n\
             <ul>\n<li>a b</li>\n<li>c</li>\n</ul>\n\
             <div class=\"wide\"><table>\n<thead><tr><th>k</th><th>v</th></tr>\n</thead>\n\
             <tbody><tr><td>1</td><td><code>2</code></td></tr>\n</tbody>\n</table></div>\n\
             <pre><code>&lt;x&gt;</code></pre>\n"
        );
    }
}
