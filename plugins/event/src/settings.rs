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
        // `faults` has refused other names.
        Clock::of(
            now_ms,
            Zone::named(&self.time_zone).unwrap_or(Zone::Fixed(0)),
        )
    }

    /// What is wrong with them, beyond what the schema says.
    pub fn faults(&self) -> Vec<SettingFault> {
        let mut faults = Vec::new();
        let mut fault = |setting: &str, detail: &str| {
            faults.push(SettingFault {
                setting: setting.to_owned(),
                detail: detail.to_owned(),
            });
        };
        if Zone::named(&self.time_zone).is_none() {
            let detail = "There is no such time zone: write it as `Europe/Berlin` or `UTC`.";
            fault("time_zone", detail);
        }
        let is_address = self.feed_address.is_empty()
            || ["https://", "http://"]
                .iter()
                .any(|scheme| self.feed_address.starts_with(scheme));
        if !is_address || self.feed_address.contains(char::is_whitespace) {
            fault("feed_address", "It begins with `https://`, or is empty.");
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
