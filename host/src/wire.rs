//! Every JSON shape that crosses the edge, in REST and on the socket, made from the records of
//! `model`. Requests refuse unknown fields; documents of the app's own (`data`, `custom`) are passed
//! through as they came, never taken apart.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::clock::rfc3339;
use crate::model::{self, Millis};

mod channels;
mod feeds;
mod files;
mod frames;
mod messages;
mod plugins;
mod rollout;
mod tenants;
mod trust;

pub use channels::*;
pub use feeds::*;
pub use files::*;
pub use frames::*;
pub use messages::*;
pub use plugins::*;
pub use rollout::*;
pub use tenants::*;
pub use trust::*;

/// Serialises a time as RFC 3339.
pub(crate) struct Time(pub Millis);

impl Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc3339(self.0))
    }
}

/// JSON text that the host checked when it came in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Raw<'a>(pub &'a str);

impl Serialize for Raw<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serde_json::from_str::<&RawValue>(self.0) {
            Ok(raw) => raw.serialize(serializer),
            Err(_) => serializer.serialize_unit(),
        }
    }
}

/// Tells a field that is `null` from one that is not there.
pub(crate) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    de: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(de).map(Some)
}

/// JSON text of anything that serialises; what the host builds always does.
pub fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".into())
}

/// A page of a list.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// The cursor of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl From<model::Role> for &'static str {
    fn from(role: model::Role) -> Self {
        role.as_str()
    }
}
