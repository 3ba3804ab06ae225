//! A JSON object that remembers whether a field was there twice. Readers differ in which of the
//! two they take, and an attacker picks the difference.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

/// The fields of an object.
#[derive(Debug)]
pub(super) struct Object {
    fields: BTreeMap<String, Value>,
    has_duplicate: bool,
}

impl Object {
    /// A field; one that is `null` is there.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    /// Whether any field was there twice.
    pub fn has_duplicate(&self) -> bool {
        self.has_duplicate
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut object = Object {
                    fields: BTreeMap::new(),
                    has_duplicate: false,
                };
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    object.has_duplicate |= object.fields.insert(name, value).is_some();
                }
                Ok(object)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}
