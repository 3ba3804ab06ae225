//! Numbers that the tenant and the host's operator see beside the plugin's own figures. They land at
//! once, also when the call fails, and count from the host's start on. All calls may use them.

use crate::bindings::metrics;

/// Adds to a counter. A name is 1 to 64 lower-case letters, digits and `_`; a plugin has at most 32.
/// What doesn't fit is dropped, and the plugin's log says so.
pub fn add(name: &str, amount: u64) {
    metrics::add(name, amount);
}

/// Sets a gauge. A name is one or the other.
pub fn set(name: &str, value: i64) {
    metrics::set(name, value);
}
