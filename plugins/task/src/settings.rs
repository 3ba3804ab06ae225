//! What a tenant can set. `plugin.toml` describes each setting.

use althing_plugin::when::{Clock, Zone};
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
        // `check` has refused other names.
        Clock::of(
            now_ms,
            Zone::named(&self.time_zone).unwrap_or(Zone::Fixed(0)),
        )
    }

    /// What is wrong with the zone, if something is.
    pub fn zone_fault(&self) -> Option<String> {
        Zone::named(&self.time_zone)
            .is_none()
            .then(|| "There is no such time zone: write it as `Europe/Berlin` or `UTC`.".to_owned())
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
