//! What a tenant can set. `plugin.toml` describes each setting.

use althing_plugin::SettingFault;
use althing_plugin::when::{Clock, Zone};
use serde::Deserialize;

/// All settings.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub time_zone: String,
    pub remind_minutes_before: Vec<u32>,
    pub length_minutes: u32,
    pub keep_days: u64,
    pub feed_address: String,
}

impl Settings {
    /// The tenant's clock.
    pub fn clock(&self, now_ms: u64) -> Clock {
        Clock::in_zone(now_ms, &self.time_zone)
    }

    /// What is wrong with them, beyond what the schema says.
    pub fn faults(&self) -> Vec<SettingFault> {
        let zone = Zone::setting_fault("time_zone", &self.time_zone);
        let mut faults: Vec<SettingFault> = zone.into_iter().collect();
        let is_address = self.feed_address.is_empty()
            || ["https://", "http://"]
                .iter()
                .any(|scheme| self.feed_address.starts_with(scheme));
        if !is_address || self.feed_address.contains(char::is_whitespace) {
            faults.push(SettingFault {
                setting: "feed_address".to_owned(),
                detail: "It begins with `https://`, or is empty.".to_owned(),
            });
        }
        faults
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            time_zone: "UTC".to_owned(),
            remind_minutes_before: vec![15],
            length_minutes: 60,
            keep_days: 90,
            feed_address: String::new(),
        }
    }
}
