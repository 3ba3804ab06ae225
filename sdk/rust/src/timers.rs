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

/// The name of a channel's own timer, such as `left/0011223344556677`: a timer's name is shorter than a
/// prefix and a channel's id may be.
pub fn name_for(prefix: &str, channel: &str) -> String {
    let hash = channel
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{prefix}/{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::name_for;

    #[test]
    fn each_channel_has_a_name_of_its_own() {
        assert_eq!(name_for("left", ""), "left/cbf29ce484222325");
        assert_ne!(name_for("left", "a"), name_for("left", "b"));
        assert!(name_for("left", &"x".repeat(1000)).len() < 128);
    }
}
