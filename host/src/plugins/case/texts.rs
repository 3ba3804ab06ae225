//! Texts and bytes in a case: shown as what they say, and read again as they were, byte for byte.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

/// The one field of a table that stands for JSON text as it is.
const AS_IS: &str = "$json";

/// JSON text, shown as what it says. Text that would not come back the same from that (spaces, the
/// order of fields, no JSON at all) is shown as `{ "$json": "<the text>" }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document(pub String);

impl Document {
    /// What stands for the text in a case.
    pub fn shown(text: &str) -> Value {
        match serde_json::from_str::<Value>(text) {
            // A field that is null may count as left out.
            Ok(Value::Null) => json!({ AS_IS: text }),
            Ok(value) if is_written(&value, text) && as_is(&value).is_none() => value,
            _ => json!({ AS_IS: text }),
        }
    }
}

/// Whether this text, byte for byte, is what is written for the value.
pub(super) fn is_written(value: &Value, text: &str) -> bool {
    serde_json::to_string(value).is_ok_and(|written| written == text)
}

fn as_is(value: &Value) -> Option<&str> {
    let fields = value.as_object().filter(|fields| fields.len() == 1)?;
    fields.get(AS_IS)?.as_str()
}

impl From<Value> for Document {
    fn from(value: Value) -> Self {
        Self(as_is(&value).map_or_else(|| value.to_string(), str::to_owned))
    }
}

impl Default for Document {
    fn default() -> Self {
        Self("null".into())
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::shown(&self.0).serialize(serializer)
    }
}

/// Bytes: one of `value` (JSON), `text` and `base64`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Bytes {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) base64: Option<String>,
}

impl Bytes {
    /// The bytes themselves; the error is the end of a sentence.
    pub fn read(&self) -> Result<Vec<u8>, String> {
        read_bytes(&self.value, &self.text, &self.base64)
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        let mut shown = Self::default();
        match (
            serde_json::from_slice::<Value>(bytes),
            str::from_utf8(bytes),
        ) {
            // A field that is null counts as left out.
            (Ok(value), Ok(text)) if is_written(&value, text) && !value.is_null() => {
                shown.value = Some(value);
            }
            (_, Ok(text)) => shown.text = Some(text.to_owned()),
            _ => shown.base64 = Some(STANDARD.encode(bytes)),
        }
        shown
    }
}

pub(super) fn read_bytes(
    value: &Option<Value>,
    text: &Option<String>,
    base64: &Option<String>,
) -> Result<Vec<u8>, String> {
    match (value, text, base64) {
        (Some(value), None, None) => Ok(value.to_string().into_bytes()),
        (None, Some(text), None) => Ok(text.clone().into_bytes()),
        (None, None, Some(text)) => STANDARD
            .decode(text)
            .map_err(|error| format!("base64: {error}")),
        _ => Err("needs one of: value, text, base64".into()),
    }
}

/// A body of a request or of an answer: a text, or bytes.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Body {
    Text(String),
    Bytes(Bytes),
}

impl Body {
    /// The bytes themselves; the error is the end of a sentence.
    pub fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::Text(text) => Ok(text.clone().into_bytes()),
            Self::Bytes(bytes) => bytes.read(),
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl From<&[u8]> for Body {
    fn from(bytes: &[u8]) -> Self {
        match str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Bytes(bytes.into()),
        }
    }
}

/// Headers: a table, or where their order or a name that comes twice matters a list of pairs.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Headers {
    Table(BTreeMap<String, String>),
    List(Vec<(String, String)>),
}

impl Default for Headers {
    fn default() -> Self {
        Self::Table(BTreeMap::new())
    }
}

impl From<Headers> for Vec<(String, String)> {
    fn from(headers: Headers) -> Self {
        match headers {
            Headers::Table(table) => table.into_iter().collect(),
            Headers::List(list) => list,
        }
    }
}

impl From<&[(String, String)]> for Headers {
    fn from(list: &[(String, String)]) -> Self {
        let is_in_order = list.is_sorted_by(|(a, _), (b, _)| a < b);
        match is_in_order {
            true => Self::Table(list.iter().cloned().collect()),
            false => Self::List(list.to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_text_comes_back_as_it_was() {
        for text in [
            "1",
            "1.0",
            "1e3",
            " 1",
            "\"\\u0061\"",
            "{\"b\":1,\"a\":2}",
            "{\"a\": 1}",
            "",
            "no JSON",
            "{\"$json\":\"x\"}",
            "{\"$json\":1}",
            "{\"a\":{\"$json\":\"x\"}}",
            "18446744073709551615",
            "0.1",
            "100000000000000000000000001",
            "null",
        ] {
            let shown = serde_json::to_string(&Document(text.into())).unwrap();
            let read: Document = serde_json::from_str(&shown).unwrap();
            assert_eq!(read.0, text, "{shown}");
        }
        assert_eq!(Document::shown("{\"a\":1}"), json!({ "a": 1 }));
    }

    #[test]
    fn bytes_come_back_as_they_were() {
        for bytes in [
            b"".as_slice(),
            b"99",
            b" 99",
            b"x",
            b"\xff\0",
            b"{\"a\":1}",
            b"{\"a\": 1}",
        ] {
            let shown = serde_json::to_string(&Bytes::from(bytes)).unwrap();
            let read: Bytes = serde_json::from_str(&shown).unwrap();
            assert_eq!(read.read().unwrap(), bytes, "{shown}");
            let shown = serde_json::to_string(&Body::from(bytes)).unwrap();
            let read: Body = serde_json::from_str(&shown).unwrap();
            assert_eq!(read.read().unwrap(), bytes, "{shown}");
        }
    }

    #[test]
    fn headers_keep_their_order() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        for list in [
            vec![],
            vec![pair("a", "1"), pair("b", "2")],
            vec![pair("b", "1"), pair("a", "2")],
            vec![pair("a", "1"), pair("a", "2")],
        ] {
            let shown = serde_json::to_string(&Headers::from(list.as_slice())).unwrap();
            let read: Headers = serde_json::from_str(&shown).unwrap();
            assert_eq!(Vec::from(read), list, "{shown}");
        }
    }
}
