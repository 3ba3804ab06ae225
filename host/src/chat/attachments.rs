//! What plugins show below messages of others: whether it may be shown, and to whom its buttons go.

use serde_json::Value;

use super::chain::{self, Content, Decision};
use super::interact;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::model::Message;
use crate::store::proof::Member;
use crate::wire::{self, Attachment};

/// Fields of a block that nobody reads.
const UNREAD: [&str; 3] = ["type", "style", "action"];

/// Reads what a plugin wants to attach and has the guards look at the words in it, as at a message of
/// this plugin. What they want to change or look into is not shown: they know no blocks.
pub(super) async fn check(
    app: &App,
    member: &Member,
    plugin: &str,
    blocks: &str,
) -> Result<Attachment> {
    let limits = &app.config.limits;
    let too_large = |what: &str, max: usize| {
        let detail = format!("{what} of an attachment: at most {max} bytes");
        Err(Error::new(Code::TooLarge, detail))
    };
    if blocks.len() > limits.attachment_bytes_max {
        return too_large("the blocks", limits.attachment_bytes_max);
    }
    let invalid = || Error::invalid("blocks", "must be a list of blocks");
    let blocks = interact::blocks(blocks).ok_or_else(invalid)?;
    if !blocks.iter().all(Value::is_object) {
        return Err(invalid());
    }
    if !member.channel().active {
        let detail = "The channel takes no changes.";
        return Err(Error::new(Code::ChannelInactive, detail));
    }
    if !blocks.is_empty() {
        let text = words(&blocks);
        if text.len() > limits.text_bytes_max {
            return too_large("the words", limits.text_bytes_max);
        }
        guard(app, member, text).await?;
    }
    Ok(Attachment {
        plugin: plugin.to_owned(),
        blocks,
    })
}

/// Has the guards look at the words in the blocks of a plugin's own message, as far as they are not in
/// its text, which they see anyway.
pub(super) async fn check_beside(
    app: &App,
    member: &Member,
    text: &str,
    blocks: &[Value],
) -> Result<()> {
    let words = words(blocks);
    let more = words.lines().filter(|line| !text.contains(line.trim()));
    let more: Vec<&str> = more.collect();
    match more.is_empty() {
        true => Ok(()),
        false => guard(app, member, more.join("\n")).await,
    }
}

async fn guard(app: &App, member: &Member, text: String) -> Result<()> {
    let content = Content {
        kind: "text".into(),
        data: Value::from(text.as_str()).to_string(),
        text,
        view: None,
        state: None,
        file: None,
    };
    let refused = |reason: String| Err(Error::new(Code::MessageRejected, reason));
    match chain::guard_send(app, member, content.clone(), false).await? {
        Decision::Pass(same) if same == content => Ok(()),
        Decision::Pass(_) => refused("A plugin of the app doesn't let these words pass.".into()),
        Decision::Hold { why, .. } => refused(why.reason),
        Decision::Reject(error) => Err(error),
    }
}

/// All that a reader may see of blocks, a line each; rather too much than too little.
fn words(blocks: &[Value]) -> String {
    fn collect(value: &Value, lines: &mut Vec<String>) {
        match value {
            Value::String(text) => lines.push(text.clone()),
            Value::Number(number) => lines.push(number.to_string()),
            Value::Array(values) => values.iter().for_each(|value| collect(value, lines)),
            Value::Object(fields) => fields
                .iter()
                .filter(|(name, _)| !UNREAD.contains(&name.as_str()))
                .for_each(|(_, value)| collect(value, lines)),
            Value::Null | Value::Bool(_) => {}
        }
    }
    let mut lines = Vec::new();
    blocks.iter().for_each(|block| collect(block, &mut lines));
    lines.join("\n")
}

/// The blocks that a plugin shows below a message; none if it shows nothing there.
pub(super) fn of(message: &Message, plugin: &str) -> Vec<Value> {
    let all = wire::attachments(message.attachments.as_deref());
    all.into_iter()
        .find(|attachment| attachment.plugin == plugin)
        .map(|attachment| attachment.blocks)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_shown_is_words() {
        let blocks = serde_json::json!([
            { "type": "text", "text": "one", "style": "muted" },
            { "type": "row", "blocks": [
                { "type": "button", "text": "two", "action": "go", "value": { "deep": ["three"] } },
                { "type": "progress", "text": "four", "value": 0.5 }
            ]},
            { "type": "list", "items": ["five"] },
            { "type": "unheard of", "caption": "six" }
        ]);
        let found = words(blocks.as_array().unwrap());
        for word in ["one", "two", "three", "four", "0.5", "five", "six"] {
            assert!(found.lines().any(|line| line == word), "{word}: {found}");
        }
        for word in ["muted", "go", "row", "unheard of"] {
            assert!(!found.lines().any(|line| line == word), "{word}: {found}");
        }
    }
}
