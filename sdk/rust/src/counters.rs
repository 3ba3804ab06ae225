//! Counts over a sliding window, in memory: for flood control. Approximate after a restart and
//! between hosts. Guards may use them. Needs the permission `counters`.

use std::time::Duration;

use crate::bindings::counters;

/// Adds `amount` under `key` (at most 128 bytes) and gives the sum over the last `window` (at most
/// one hour), this call included.
pub fn add(key: &str, amount: u32, window: Duration) -> u32 {
    counters::add(key, amount, millis(window))
}

/// The sum under `key` over the last `window` (at most one hour).
pub fn sum(key: &str, window: Duration) -> u32 {
    counters::sum(key, millis(window))
}

fn millis(window: Duration) -> u32 {
    u32::try_from(window.as_millis()).unwrap_or(u32::MAX)
}
