//! What a tenant can set. `plugin.toml` describes each setting.

use serde::Deserialize;

/// All settings.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub answers: Vec<Answer>,
    pub mention: String,
    pub greeting: String,
    pub greet_in: Vec<String>,
    pub utc_offset_minutes: i32,
}

/// A question that the assistant can answer.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    pub question: String,
    pub answer: String,
    #[serde(default)]
    pub keywords: Vec<String>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            answers: Vec::new(),
            mention: "assistant".to_owned(),
            greeting: "Welcome, {name}! Type /help to see what I can do for you.".to_owned(),
            greet_in: vec!["messaging".to_owned()],
            utc_offset_minutes: 0,
        }
    }
}
