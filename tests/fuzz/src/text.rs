//! Texts as guests may give them: short ones, long ones of few bytes of input, and JSON, more or less.

use std::fmt::Write as _;

use arbitrary::{Result, Unstructured};

/// Any text, perhaps a long one.
pub fn any(bytes: &mut Unstructured<'_>) -> Result<String> {
    if bytes.ratio(3, 4)? {
        return bytes.arbitrary();
    }
    let (start, repeated): (String, char) = bytes.arbitrary()?;
    let times = bytes.int_in_range(0..=600)?;
    Ok(start + &repeated.to_string().repeat(times))
}

/// A document, mostly well-formed.
pub fn document(bytes: &mut Unstructured<'_>) -> Result<String> {
    if bytes.ratio(1, 8)? {
        return any(bytes);
    }
    let mut text = String::new();
    value(bytes, &mut text, 0)?;
    Ok(text)
}

/// A list, mostly, or nothing.
pub fn blocks(bytes: &mut Unstructured<'_>) -> Result<String> {
    match bytes.int_in_range(0..=5)? {
        0 => Ok(String::new()),
        1 => document(bytes),
        _ => {
            let mut text = "[".to_owned();
            for at in 0..bytes.int_in_range(0..=3)? {
                text.push_str(if at == 0 { "" } else { "," });
                value(bytes, &mut text, 0)?;
            }
            Ok(text + "]")
        }
    }
}

fn value(bytes: &mut Unstructured<'_>, text: &mut String, depth: u32) -> Result<()> {
    match bytes.int_in_range(0..=if depth < 4 { 8 } else { 5 })? {
        0 => text.push_str(bytes.choose(&["null", "true", "false", "{}", "[]", "\"\""])?),
        1 => text.push_str(&bytes.arbitrary::<i64>()?.to_string()),
        // Larger than what holds numbers, and smaller.
        2 => drop(write!(
            text,
            "{}e{}",
            bytes.arbitrary::<i8>()?,
            bytes.arbitrary::<i16>()?
        )),
        3 => text.push_str(&serde_json::Value::from(any(bytes)?).to_string()),
        4 => drop(write!(text, "\"\\u{:04x}\"", bytes.arbitrary::<u16>()?)),
        5 => {
            let deep = bytes.int_in_range(0..=200)?;
            let _ = write!(text, "{}{}", "[".repeat(deep), "]".repeat(deep));
            if deep == 0 {
                text.push('0');
            }
        }
        6 => {
            text.push('[');
            value(bytes, text, depth + 1)?;
            text.push(',');
            value(bytes, text, depth + 1)?;
            text.push(']');
        }
        7 => {
            text.push('{');
            text.push_str(&serde_json::Value::from(any(bytes)?).to_string());
            text.push(':');
            value(bytes, text, depth + 1)?;
            text.push('}');
        }
        _ => {
            text.push_str("{\"type\":\"text\",\"text\":");
            value(bytes, text, depth + 1)?;
            text.push('}');
        }
    }
    Ok(())
}
