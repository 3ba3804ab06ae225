//! JSON in colours.

use super::html::escape;

/// Text that looks like JSON, in colours; nothing of it is changed. HTML.
pub fn colour(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '"' => string_end(rest),
            c if c.is_ascii_alphanumeric() || c == '-' => rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.')))
                .unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(end);
        let class = match first {
            '"' if after.trim_start().starts_with(':') => "k",
            '"' => "s",
            c if c.is_ascii_alphanumeric() || c == '-' => "n",
            _ => "",
        };
        match class {
            "" => out.push_str(&escape(token)),
            class => out.push_str(&format!("<span class=\"{class}\">{}</span>", escape(token))),
        }
        rest = after;
    }
    out
}

/// Where a string literal ends; at the end of the text if it is not closed.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_change_nothing_but_the_look() {
        let html = colour("{ \"a<\": [\"x\\\"\", -1.5, true, \"open");
        assert_eq!(
            html,
            "{ <span class=\"k\">&quot;a&lt;&quot;</span>: [<span class=\"s\">&quot;x\\&quot;&quot;</span>, \
             <span class=\"n\">-1.5</span>, <span class=\"n\">true</span>, <span class=\"s\">&quot;open</span>"
        );
    }
}
