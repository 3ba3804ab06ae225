//! Calls at a later time, through the [`Schedule`](crate::Schedule) hook. Needs the permission
//! `timers`.

use serde::Serialize;

use crate::bindings::timers;
use crate::{Result, to_json};

/// Sets the timer `name` (at most 128 bytes) for `at_ms`, milliseconds since 1970-01-01 UTC, or
/// moves it if it is set. `channel` comes back in the call's context; it may be empty. `payload`
/// comes back as JSON.
pub fn set<T: Serialize + ?Sized>(
    name: &str,
    at_ms: u64,
    channel: &str,
    payload: &T,
) -> Result<()> {
    Ok(timers::set(name, at_ms, channel, &to_json(payload))?)
}

/// Takes a timer back; nothing happens if there is none.
pub fn cancel(name: &str) -> Result<()> {
    Ok(timers::cancel(name)?)
}
