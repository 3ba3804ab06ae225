//! What people and programs read: results on standard output, words about them on standard error.
//! Texts that come from a host or a plugin are shown without control characters, so that they can't
//! steer the terminal.

use std::io::{self, Write};

use serde_json::Value;

/// Where paragraphs are wrapped.
const WIDTH: usize = 96;

/// Where a command writes.
pub struct Screen<'w> {
    out: &'w mut dyn Write,
    notes: &'w mut dyn Write,
    /// Whether a program reads the output.
    pub json: bool,
}

impl<'w> Screen<'w> {
    /// Writes results to `out` and words about them to `notes`.
    pub fn new(out: &'w mut dyn Write, notes: &'w mut dyn Write, json: bool) -> Self {
        Self { out, notes, json }
    }

    /// Writes a result, with an end of line unless it has one.
    pub fn print(&mut self, text: &str) -> io::Result<()> {
        write_line(self.out, text)
    }

    /// Writes words about a result, or on the way to one.
    pub fn note(&mut self, text: &str) -> io::Result<()> {
        self.out.flush()?;
        write_line(self.notes, text)
    }

    /// Writes a document for programs.
    pub fn print_json(&mut self, value: &Value) -> io::Result<()> {
        let text = serde_json::to_string_pretty(value)?;
        self.print(&text)
    }

    /// Writes a document for programs, or for people the text that `text` makes.
    pub fn show(&mut self, value: &Value, text: impl FnOnce() -> String) -> io::Result<()> {
        if self.json {
            self.print_json(value)
        } else {
            self.print(&text())
        }
    }
}

fn write_line(to: &mut dyn Write, text: &str) -> io::Result<()> {
    to.write_all(text.as_bytes())?;
    if !text.ends_with('\n') && !text.is_empty() {
        to.write_all(b"\n")?;
    }
    to.flush()
}

/// The text on one line, without characters that steer a terminal or turn the order of others.
pub fn plain(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
    };
    text.replace('\n', " ")
        .chars()
        .map(|c| if steers(c) { '\u{fffd}' } else { c })
        .collect()
}

/// A paragraph in lines of at most 96 characters, each behind `indent` spaces. It is made plain.
pub fn wrap(indent: usize, text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in plain(text).split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("{}{word}", " ".repeat(indent))),
        }
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Rows in aligned columns, two spaces apart, each line behind `indent` spaces. Cells are made
/// plain.
pub fn table<const N: usize>(indent: usize, rows: &[[String; N]]) -> String {
    let rows: Vec<[String; N]> = rows
        .iter()
        .map(|row| row.each_ref().map(|cell| plain(cell)))
        .collect();
    let width = |cell: &String| cell.chars().count();
    let mut widths = [0; N];
    for row in &rows {
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = width(cell).max(*widest);
        }
    }
    let mut text = String::new();
    for row in &rows {
        let mut line = " ".repeat(indent);
        for (at, cell) in row.iter().enumerate() {
            line.push_str(cell);
            if at + 1 < N {
                line.extend(std::iter::repeat_n(' ', widths[at] - width(cell) + 2));
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_wrapped_between_words() {
        let text = wrap(2, &"word ".repeat(30));
        assert_eq!(text.lines().count(), 2);
        assert!(
            text.lines()
                .all(|line| line.starts_with("  word") && line.len() <= WIDTH)
        );
        assert_eq!(wrap(2, ""), "");
    }

    #[test]
    fn columns_are_aligned_and_lines_end_clean() {
        let rows = [["NAME", "WHY"], ["kv", "ünï\u{1b}[1m"], ["chat-read", ""]];
        let rows = rows.map(|row| row.map(str::to_owned));
        assert_eq!(
            table(2, &rows),
            "  NAME       WHY\n  kv         ünï\u{fffd}[1m\n  chat-read\n"
        );
    }
}
