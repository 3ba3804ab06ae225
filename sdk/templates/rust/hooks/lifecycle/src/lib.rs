//! Looks at its settings before they are used, and notes since when it runs.

use althing_plugin::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(default)]
struct Hours {
    opens: u8,
    closes: u8,
}

impl Default for Hours {
    fn default() -> Self {
        Self { opens: 9, closes: 17 }
    }
}

struct Shop;

impl Lifecycle for Shop {
    fn check(_ctx: &Context, settings: &str) -> Vec<SettingFault> {
        match parse_json::<Hours>(settings) {
            Ok(hours) => fault(&hours).into_iter().collect(),
            Err(detail) => vec![SettingFault { setting: String::new(), detail }],
        }
    }

    fn start(ctx: &Context, previous: Option<&str>) -> Result<(), String> {
        match previous {
            None => Ok(kv::set_json(&kv::Scope::Plugin, "since_ms", &ctx.now_ms)?),
            Some(_) => Ok(()),
        }
    }
}

/// What the schema can't say: it knows each setting alone.
fn fault(hours: &Hours) -> Option<SettingFault> {
    (hours.closes <= hours.opens).then(|| SettingFault {
        setting: "closes".into(),
        detail: format!("must be later than {}", hours.opens),
    })
}

althing_plugin::plugin!(Shop: Lifecycle, manifest = "plugin.toml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_closes_after_it_opens() {
        assert!(fault(&Hours::default()).is_none());
        let detail = fault(&Hours { opens: 9, closes: 9 }).map(|fault| fault.detail);
        assert_eq!(detail.as_deref(), Some("must be later than 9"));
    }
}
