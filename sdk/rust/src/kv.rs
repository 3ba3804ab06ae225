//! Small values that outlive a call. Each install has its own; no other plugin or app sees them.
//!
//! Writes land with the call, all or none, and are read back within it. Needs the permission `kv`.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use crate::bindings::kv::{Entry, Scope};

use crate::bindings::kv;
use crate::json::parse_json;
use crate::{Error, Result, to_json};

/// The value under `key` and its version, or `None`.
pub fn get(scope: &Scope, key: &str) -> Result<Option<Entry>> {
    Ok(kv::get(scope, key)?)
}

/// The value under `key`, read as JSON. `Error::Invalid` if it doesn't fit `T`.
pub fn get_json<T: DeserializeOwned>(scope: &Scope, key: &str) -> Result<Option<T>> {
    let Some(entry) = get(scope, key)? else {
        return Ok(None);
    };
    std::str::from_utf8(&entry.value)
        .map_err(|error| error.to_string())
        .and_then(parse_json)
        .map(Some)
        .map_err(|error| Error::Invalid(format!("the value of `{key}`: {error}")))
}

/// Writes a value of at most 64 KiB under a key of at most 256 bytes.
pub fn set(scope: &Scope, key: &str, value: &[u8]) -> Result<()> {
    Ok(kv::set(scope, key, value, None)?)
}

/// The same, for a value that is gone after `lifetime`.
pub fn set_for(scope: &Scope, key: &str, value: &[u8], lifetime: Duration) -> Result<()> {
    Ok(kv::set(scope, key, value, Some(millis(lifetime)))?)
}

/// Writes a value as JSON of at most 64 KiB.
pub fn set_json<T: Serialize + ?Sized>(scope: &Scope, key: &str, value: &T) -> Result<()> {
    set(scope, key, to_json(value).as_bytes())
}

/// Writes only while the key's version is `expected` (`None`: while there is no such key), else
/// answers `Error::Conflict`.
pub fn swap(scope: &Scope, key: &str, expected: Option<u64>, value: &[u8]) -> Result<()> {
    Ok(kv::swap(scope, key, expected, value, None)?)
}

/// The same, for a value that is gone after `lifetime`.
pub fn swap_for(
    scope: &Scope,
    key: &str,
    expected: Option<u64>,
    value: &[u8],
    lifetime: Duration,
) -> Result<()> {
    Ok(kv::swap(
        scope,
        key,
        expected,
        value,
        Some(millis(lifetime)),
    )?)
}

/// Removes a key; nothing happens if there is none.
pub fn delete(scope: &Scope, key: &str) -> Result<()> {
    Ok(kv::delete(scope, key)?)
}

/// The keys that begin with `prefix`, in byte order, those after `after`, at most `limit` and never
/// more than 100.
pub fn keys(scope: &Scope, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>> {
    Ok(kv::keys(scope, prefix, after, limit)?)
}

fn millis(lifetime: Duration) -> u64 {
    u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX)
}
