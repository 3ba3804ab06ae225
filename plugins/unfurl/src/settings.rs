//! What a tenant sets, with the defaults of `plugin.toml`.

use althing_plugin::{SettingFault, Value};
use serde::Deserialize;
use url::{Host, Url};

/// The settings, complete: the host fills in the defaults.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    pub max_previews: usize,
    pub allowed_domains: Vec<String>,
    pub blocked_domains: Vec<String>,
    pub channel_types: Vec<String>,
    pub images: bool,
    pub timeout_ms: u64,
    pub user_agent: String,
    pub plain_http: bool,
    pub user_links_per_minute: u32,
    pub channel_links_per_minute: u32,
    pub requests_per_hour: u32,
}

impl Settings {
    /// Whether there are previews in channels of this type.
    pub fn cover(&self, channel_type: &str) -> bool {
        self.channel_types.is_empty() || self.channel_types.iter().any(|kind| kind == channel_type)
    }

    /// Whether links to this place may have a preview.
    pub fn allow(&self, url: &Url) -> bool {
        let is_secure = url.scheme() == "https" || (self.plain_http && url.scheme() == "http");
        let Some(Host::Domain(host)) = url.host() else {
            return false;
        };
        let named = self.allowed_domains.is_empty() || is_listed(host, &self.allowed_domains);
        is_secure && named && !is_listed(host, &self.blocked_domains)
    }
}

/// Whether `host` is one of `domains` or below one.
fn is_listed(host: &str, domains: &[String]) -> bool {
    let host = host.trim_end_matches('.');
    domains
        .iter()
        .filter_map(|written| domain(written))
        .any(|domain| {
            host.strip_suffix(domain.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
}

/// A domain in the form in which hosts are compared; `None` if it is none.
fn domain(written: &str) -> Option<String> {
    let name = written
        .trim()
        .trim_start_matches("*.")
        .trim_end_matches('.');
    match Host::parse(name).ok()? {
        Host::Domain(domain) if !domain.is_empty() => Some(domain),
        _ => None,
    }
}

/// Domains that can't be read would quietly match nothing.
pub fn faults(settings: &Value) -> Vec<SettingFault> {
    let lists = ["allowed_domains", "blocked_domains"];
    let mut faults = Vec::new();
    for setting in lists {
        let domains = settings[setting].as_array().into_iter().flatten();
        let wrong = domains
            .filter_map(Value::as_str)
            .find(|written| domain(written).is_none());
        if let Some(written) = wrong {
            faults.push(SettingFault {
                setting: setting.into(),
                detail: format!("has `{written}`, which is no domain such as example.com"),
            });
        }
    }
    faults
}

#[cfg(test)]
pub fn defaults() -> Settings {
    let manifest: Value = toml::from_str(include_str!("../plugin.toml")).unwrap();
    let properties = manifest["config"]["properties"].as_object().unwrap();
    let defaults = properties
        .iter()
        .map(|(name, of)| (name.clone(), of["default"].clone()));
    serde_json::from_value(Value::Object(defaults.collect())).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(settings: &Settings, url: &str) -> bool {
        settings.allow(&Url::parse(url).unwrap())
    }

    #[test]
    fn lists_hold_what_is_below_them() {
        let mut settings = defaults();
        assert!(allows(&settings, "https://example.org/"));
        settings.blocked_domains = vec!["Example.org.".into(), "*.bücher.example".into()];
        for url in [
            "https://example.org/",
            "https://a.b.example.org/",
            "https://EXAMPLE.org./",
            "https://xn--bcher-kva.example/",
            "https://www.bücher.example/",
        ] {
            assert!(!allows(&settings, url), "{url}");
        }
        assert!(allows(&settings, "https://notexample.org/"));
        assert!(allows(&settings, "https://example.org.other.test/"));
        settings.allowed_domains = vec!["test".into(), "example.org".into()];
        assert!(allows(&settings, "https://example.org.other.test/"));
        assert!(!allows(&settings, "https://elsewhere.net/"));
        assert!(!allows(&settings, "https://example.org/"), "blocked wins");
    }

    #[test]
    fn only_names_and_only_encrypted() {
        let mut settings = defaults();
        for url in [
            "http://example.org/",
            "https://10.0.0.1/",
            "https://[::1]/",
            "ftp://example.org/",
        ] {
            assert!(!allows(&settings, url), "{url}");
        }
        settings.plain_http = true;
        assert!(allows(&settings, "http://example.org/"));
        assert!(!allows(&settings, "ftp://example.org/"));
    }

    #[test]
    fn domains_that_are_none_are_told() {
        let faults = faults(&serde_json::json!({
            "allowed_domains": ["example.org", "https://example.org/"],
            "blocked_domains": ["*.example.org", "bücher.example"],
        }));
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].setting, "allowed_domains");
    }
}
