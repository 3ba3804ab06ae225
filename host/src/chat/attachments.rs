//! What plugins show below messages of others: whether it may be shown, and to whom its buttons go.

use serde_json::Value;

use super::chain::{self, Content, Decision};
use super::{interact, words};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::model::Message;
use crate::store::proof::Member;
use crate::wire::{self, Attachment};

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
        let text = words::in_blocks(&blocks).join("\n");
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

async fn guard(app: &App, member: &Member, text: String) -> Result<()> {
    let content = Content {
        kind: "text".into(),
        data: Value::from(text.as_str()).to_string(),
        text,
        words: Vec::new(),
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

/// The blocks that a plugin shows below a message; none if it shows nothing there.
pub(super) fn of(message: &Message, plugin: &str) -> Vec<Value> {
    let all = wire::attachments(message.attachments.as_deref());
    all.into_iter()
        .find(|attachment| attachment.plugin == plugin)
        .map(|attachment| attachment.blocks)
        .unwrap_or_default()
}
