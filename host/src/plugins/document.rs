//! JSON that a guest gives. Skipping over a document takes more for JSON than reading it does: numbers
//! that no machine holds, halves of characters, any depth. What passes here can be read by whoever gets
//! it later: the host, other plugins, clients.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// One JSON value that can be read. Takes no memory for it.
pub(super) struct Readable;

impl<'de> Deserialize<'de> for Readable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Readable {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self, A::Error> {
        while fields.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::Readable;

    #[test]
    fn what_passes_is_what_can_be_read() {
        let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        let texts = [
            "",
            "null",
            "[1, -2, 3.5, true, \"é\\u00e9\", {\"a\": {\"b\": []}}]",
            "{\"a\": 1, \"a\": 2}",
            "18446744073709551616",
            "1e308",
            "1e309",
            "-1e999",
            "47e12079",
            "\"\\ud83d\\ude00\"",
            "\"\\ud83d\"",
            "{\"\\ude00\": 1}",
            "[1,]",
            "{} {}",
            &deep(100),
            &deep(200),
        ];
        for text in texts {
            let reads = serde_json::from_str::<Value>(text).is_ok();
            let passes = serde_json::from_str::<Readable>(text).is_ok();
            assert_eq!(passes, reads, "{text}");
        }
        assert!(serde_json::from_str::<Readable>("1e309").is_err());
    }
}
