//! What a tenant can set. `plugin.toml` describes each setting.

use althing_plugin::when::{Clock, Zone};
use serde::Deserialize;

/// All settings.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub live_minutes_max: u64,
    pub move_seconds_min: u64,
    pub keep_last_position: bool,
    pub time_zone: String,
}

impl Settings {
    /// The tenant's clock.
    pub fn clock(&self, now_ms: u64) -> Clock {
        // `check` has refused other names.
        Clock::of(
            now_ms,
            Zone::named(&self.time_zone).unwrap_or(Zone::Fixed(0)),
        )
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            live_minutes_max: 480,
            move_seconds_min: 10,
            keep_last_position: false,
            time_zone: "UTC".to_owned(),
        }
    }
}
