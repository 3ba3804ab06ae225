//! What a tenant can set. `plugin.toml` describes each setting.

use althing_plugin::when::Clock;
use serde::Deserialize;

/// All settings.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub time_zone: String,
    pub remind_minutes_before: Vec<u64>,
    pub remind_when_due: bool,
    pub done_days: u64,
}

impl Settings {
    /// The tenant's clock.
    pub fn clock(&self, now_ms: u64) -> Clock {
        Clock::in_zone(now_ms, &self.time_zone)
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            time_zone: "UTC".to_owned(),
            remind_minutes_before: vec![60],
            remind_when_due: true,
            done_days: 30,
        }
    }
}
