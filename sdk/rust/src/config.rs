//! The settings that the tenant chose.

use serde::de::DeserializeOwned;

use crate::bindings;
use crate::json::parse_json;

/// The settings, as the plugin's own type.
///
/// Give the type `#[serde(default)]` and the same defaults as the schema in `plugin.toml`: a tenant
/// may leave any of them out.
///
/// # Panics
/// If the settings don't fit `T`. The host has checked them against the schema, so the schema and
/// `T` disagree: the call fails, the plugin's log says why, and the install's fault policy decides.
pub fn config<T: DeserializeOwned>() -> T {
    match parse_json(&bindings::config::get()) {
        Ok(settings) => settings,
        Err(error) => panic!("the settings don't fit the plugin: {error}"),
    }
}
