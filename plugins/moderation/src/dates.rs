//! Dates such as `2026-12-04` and `2026-12-04 12:30`. Plugins write them into what their messages show, for
//! a due date or an end: whoever looks for the digits of a phone number shall not find one there.

use std::ops::Range;

use althing_plugin::prelude::{Draft, Value};

/// Whether a part of what a message of a kind shows lies in a date that its sender didn't write into a text.
pub fn is_shown(message: &Draft, part: &Range<usize>) -> bool {
    let text = &message.text;
    message.kind != "text"
        && find(text).any(|date| date.start <= part.start && part.end <= date.end)
        && !message
            .json::<Value>()
            .is_ok_and(|data| is_written(&data, &text[part.clone()]))
}

/// Whether all of a text is a date.
pub fn is_one(text: &str) -> bool {
    end_of(text.as_bytes(), 0) == Some(text.len())
}

fn is_written(data: &Value, part: &str) -> bool {
    match data {
        Value::String(text) => text.contains(part) && !is_one(text),
        Value::Array(values) => values.iter().any(|value| is_written(value, part)),
        Value::Object(fields) => fields.values().any(|value| is_written(value, part)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn find(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    (0..bytes.len()).filter_map(move |at| {
        let before = at.checked_sub(1).map(|before| bytes[before]);
        let is_within =
            before.is_some_and(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+'));
        let end = end_of(bytes, at).filter(|_| !is_within)?;
        Some(at..end)
    })
}

/// Where a date ends that begins here.
fn end_of(bytes: &[u8], at: usize) -> Option<usize> {
    let fits = |pattern: &str, at: usize| {
        let found = bytes.get(at..at + pattern.len())?;
        let fits = |(byte, like): (&u8, u8)| match like {
            b'0' => byte.is_ascii_digit(),
            b' ' => matches!(byte, b' ' | b'T'),
            like => *byte == like,
        };
        found
            .iter()
            .zip(pattern.bytes())
            .all(fits)
            .then_some(at + pattern.len())
    };
    let number = |at: usize| (bytes[at] - b'0') * 10 + (bytes[at + 1] - b'0');
    let date = fits("0000-00-00", at)?;
    if !matches!(number(at), 19 | 20)
        || !(1..=12).contains(&number(at + 5))
        || !(1..=31).contains(&number(at + 8))
    {
        return None;
    }
    let minutes = fits(" 00:00", date).unwrap_or(date);
    let end = fits(":00", minutes)
        .filter(|_| minutes > date)
        .unwrap_or(minutes);
    let goes_on = match bytes.get(end) {
        Some(b'-') => bytes.get(end + 1).is_some_and(u8::is_ascii_digit),
        next => next.is_some_and(u8::is_ascii_digit),
    };
    (!goes_on).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_found() {
        for (text, dates) in [
            ("2026-12-04", vec!["2026-12-04"]),
            ("due 2026-12-04 17:00 UTC", vec!["2026-12-04 17:00"]),
            (
                "2026-12-04T17:00:05Z, 2026-12-05",
                vec!["2026-12-04T17:00:05", "2026-12-05"],
            ),
            ("2026-12-04 1", vec!["2026-12-04"]),
            ("5551-12-34 2026-13-04 2026-12-32 3026-12-04", vec![]),
            ("12026-12-04 +2026-12-04 2026-12-040 2026-12-04-1", vec![]),
            ("ü 2026-12-04 ü", vec!["2026-12-04"]),
        ] {
            let found: Vec<&str> = find(text).map(|date| &text[date]).collect();
            assert_eq!(found, dates, "{text}");
        }
        assert!(is_one("2026-12-04T12:30") && !is_one("on 2026-12-04") && !is_one(""));
    }
}
