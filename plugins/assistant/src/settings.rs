//! What a tenant can set. `plugin.toml` describes each setting.

use althing_plugin::when::Clock;
use serde::Deserialize;

/// All settings.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub answers: Vec<Answer>,
    pub mention: String,
    pub greeting: String,
    pub greet_in: Vec<String>,
    pub greeting_wait_seconds: u64,
    pub time_zone: String,
    /// Empty for no model. The key that goes with it is the host's to keep.
    pub endpoint: String,
    pub model: String,
    pub system_prompt: String,
    pub temperature: Option<f64>,
    pub max_tokens: u32,
    pub max_tokens_name: String,
    pub agent_in: Vec<String>,
    pub agent_channels: Vec<String>,
    pub history_messages: u32,
    pub tool_rounds: u32,
    pub questions_per_user: u32,
    pub questions_per_channel: u32,
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

impl Settings {
    /// The tenant's clock.
    pub fn clock(&self, now_ms: u64) -> Clock {
        Clock::in_zone(now_ms, &self.time_zone)
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            answers: Vec::new(),
            mention: "assistant".to_owned(),
            greeting: "Welcome, {name}! Type /help to see what I can do for you.".to_owned(),
            greet_in: vec!["messaging".to_owned()],
            greeting_wait_seconds: 15,
            time_zone: "UTC".to_owned(),
            endpoint: String::new(),
            model: String::new(),
            system_prompt: "You are a helpful assistant.".to_owned(),
            temperature: None,
            max_tokens: 1_024,
            max_tokens_name: "max_tokens".to_owned(),
            agent_in: vec!["messaging".to_owned(), "direct".to_owned()],
            agent_channels: Vec::new(),
            history_messages: 20,
            tool_rounds: 4,
            questions_per_user: 20,
            questions_per_channel: 100,
        }
    }
}
