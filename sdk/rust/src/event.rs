//! Reading events of the app's log.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Event;
use crate::json::parse_json;

/// The message of a `message.new`, `message.updated` or `message.deleted`, as far as plugins need
/// it; `Event::json` reads the rest.
#[derive(Clone, Debug, Deserialize)]
pub struct Posted {
    /// The message's id.
    pub id: String,
    /// The channel's id.
    pub channel_id: String,
    /// The user id of its sender.
    pub from: String,
    /// `text`, or the name of a message kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// The content: a string for `text`, else the kind's document, `null` once deleted.
    #[serde(default)]
    pub data: Value,
    /// What plugins show below it.
    #[serde(default)]
    pub attachments: Vec<Attached>,
}

/// What a plugin shows below a message.
#[derive(Clone, Debug, Deserialize)]
pub struct Attached {
    /// The plugin's name.
    pub plugin: String,
    /// A list of blocks.
    pub blocks: Value,
}

/// Whom a `member.added`, `member.updated` or `member.removed` is about.
#[derive(Clone, Debug, Deserialize)]
pub struct MemberChange {
    /// The user's id.
    pub user_id: String,
    /// `member`, `admin` or `owner`; `None` after a removal.
    #[serde(default)]
    pub role: Option<String>,
}

impl Event {
    /// The event's data, read as `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, String> {
        parse_json(&self.data).map_err(|error| format!("the data of `{}`: {error}", self.kind))
    }

    /// The message that a message event is about.
    pub fn message(&self) -> Result<Posted, String> {
        #[derive(Deserialize)]
        struct Data {
            message: Posted,
        }
        self.json::<Data>().map(|data| data.message)
    }

    /// The participant that a member event is about.
    pub fn member(&self) -> Result<MemberChange, String> {
        self.json()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_clients_get() {
        let event = Event {
            kind: "message.new".into(),
            seq: 1,
            ts_ms: 2,
            data:
                r#"{"message":{"id":"msg_1","channel_id":"c","seq":1,"from":"alice","type":"text",
                "data":"hi","ts":"2026-01-01T00:00:00.000Z"}}"#
                    .into(),
        };
        let message = event.message().unwrap();
        assert_eq!(
            (message.from.as_str(), message.kind.as_str()),
            ("alice", "text")
        );
        assert_eq!(message.data, "hi");
        assert!(
            event
                .member()
                .unwrap_err()
                .starts_with("the data of `message.new`: missing")
        );
    }
}
