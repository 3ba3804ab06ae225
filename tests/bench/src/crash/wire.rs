//! The host's JSON, as far as it goes into a history.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::history::{Ack, Entry};

/// An entry of a log, from REST or the socket; none for events that are in no log.
pub fn entry(event: &Value) -> Result<Option<Entry>> {
    let Some(seq) = event["seq"].as_i64() else {
        return Ok(None);
    };
    let (name, message) = (text(&event["event"])?, &event["data"]["message"]);
    let entry = match message {
        Value::Null => {
            let user = event["data"]["user_id"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            let text = if user.is_empty() {
                event["data"].to_string()
            } else {
                String::new()
            };
            Entry {
                seq,
                event: name,
                id: String::new(),
                user,
                client_id: None,
                text,
            }
        }
        message => Entry {
            seq,
            event: name,
            id: text(&message["id"])?,
            user: text(&message["from"])?,
            client_id: client_id(message),
            text: text(&message["data"])?,
        },
    };
    Ok(Some(entry))
}

/// The id that the message's writer chose. The host shows it to nobody else, so the text begins with it, too.
fn client_id(message: &Value) -> Option<String> {
    let (user, text) = (message["from"].as_str()?, message["data"].as_str()?);
    let (id, _) = text.split_once(" in ")?;
    let number = id.strip_prefix(user)?;
    number.starts_with('-').then(|| id.to_owned())
}

/// What an acknowledgement says.
pub fn ack(message: &Value) -> Result<Ack> {
    let seq = message["seq"]
        .as_i64()
        .with_context(|| format!("no seq in {message}"))?;
    Ok(Ack {
        seq,
        id: text(&message["id"])?,
        text: text(&message["data"])?,
    })
}

/// Whether the same request may succeed later.
pub fn is_retryable(problem: &Value) -> bool {
    problem["retryable"].as_bool().unwrap_or(false)
}

fn text(value: &Value) -> Result<String> {
    Ok(value
        .as_str()
        .with_context(|| format!("the host said {value} instead of a text"))?
        .to_owned())
}
