//! Checks of what comes in, each with the field it is about.

use serde_json::value::RawValue;

use crate::app::App;
use crate::error::{Error, Result};

/// A name or title: 1 to `max` bytes, without control characters.
pub fn name(field: &str, text: &str, max: usize) -> Result<()> {
    if text.trim().is_empty() {
        return Err(Error::invalid(field, "must not be empty"));
    }
    plain(field, text, max)
}

/// Text that may be empty: at most `max` bytes, without control characters.
pub fn plain(field: &str, text: &str, max: usize) -> Result<()> {
    if text.len() > max {
        return Err(Error::invalid(
            field,
            format!("must have at most {max} bytes"),
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::invalid(field, "must not have control characters"));
    }
    Ok(())
}

/// A picture's address: `https` or `http`, or a path on the app's own site.
pub fn link(field: &str, text: &str) -> Result<()> {
    plain(field, text, 2048)?;
    let known = ["https://", "http://", "/"]
        .iter()
        .any(|start| text.starts_with(start));
    if !known || text.contains(char::is_whitespace) {
        return Err(Error::invalid(
            field,
            "must be an http(s) address, or a path that begins with `/`",
        ));
    }
    Ok(())
}

/// An app's own document: an object of at most `custom_bytes_max` bytes.
pub fn custom(app: &App, field: &str, raw: &RawValue) -> Result<String> {
    object(field, raw, app.config.limits.custom_bytes_max)
}

/// A JSON object of at most `max` bytes, nested at most 32 deep.
pub fn object(field: &str, raw: &RawValue, max: usize) -> Result<String> {
    let text = raw.get();
    if text.len() > max {
        return Err(Error::invalid(
            field,
            format!("must have at most {max} bytes"),
        ));
    }
    if !text.starts_with('{') {
        return Err(Error::invalid(field, "must be an object"));
    }
    json(field, text)?;
    Ok(text.to_owned())
}

/// JSON that everything downstream can hold: nested at most 32 deep, no NUL, which Postgres and C
/// programs can't store.
pub fn json(field: &str, text: &str) -> Result<()> {
    let (mut depth, mut in_string, mut escaped) = (0u32, false, false);
    for byte in text.bytes() {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (true, b'"') => in_string = false,
            (true, _) => {}
            (false, b'"') => in_string = true,
            (false, b'{' | b'[') => {
                depth += 1;
                if depth > 32 {
                    return Err(Error::invalid(field, "is nested too deep"));
                }
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// Tags for finding a channel.
pub fn tags(tags: &[String]) -> Result<()> {
    if tags.len() > 32 {
        return Err(Error::invalid("tags", "must be at most 32"));
    }
    for (at, tag) in tags.iter().enumerate() {
        name(&format!("tags[{at}]"), tag, 64)?;
    }
    Ok(())
}

/// A channel type of the app's own.
pub fn channel_type(kind: &str) -> Result<()> {
    let word = !kind.is_empty()
        && kind.len() <= 64
        && kind
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !word || matches!(kind, "direct" | "side") {
        return Err(Error::invalid(
            "type",
            "must be 1 to 64 of a–z, 0–9 and -, but not `direct` or `side`",
        ));
    }
    Ok(())
}

/// How many items a page shall have: more than the maximum is refused, not cut.
pub fn limit(app: &App, limit: Option<i64>, default: i64) -> Result<i64> {
    let max = app.config.limits.page_max as i64;
    match limit {
        None => Ok(default.min(max)),
        Some(limit) if (1..=max).contains(&limit) => Ok(limit),
        Some(_) => Err(Error::invalid("limit", format!("must be from 1 to {max}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_structure_and_not_text() {
        assert!(json("data", &format!("\"{}\"", "[".repeat(100))).is_ok());
        assert!(json("data", &format!("{}{}", "[".repeat(32), "]".repeat(32))).is_ok());
        assert!(json("data", &format!("{}{}", "[".repeat(33), "]".repeat(33))).is_err());
        assert!(json("data", r#"{"a":"\"[[","b":[]}"#).is_ok());
    }

    #[test]
    fn links_are_links() {
        assert!(link("icon", "https://a.example/x.png").is_ok() && link("icon", "/x.png").is_ok());
        for bad in ["javascript:alert(1)", "data:text/html,x", "https://a b", ""] {
            assert!(link("icon", bad).is_err(), "{bad}");
        }
    }
}
