//! What plugins show below messages of others. It lies with the message and goes with it.

use super::writer::Tx;
use crate::error::{Code, Error, Result};
use crate::model::{ChannelKey, EventKind, MessageId, UserId};
use crate::wire::{self, Attachment};

/// What a plugin shows below a message from now on.
#[derive(Debug, Clone)]
pub struct NewAttachment {
    /// Without blocks it shows nothing.
    pub shown: Attachment,
    /// How many plugins may show something below one message.
    pub plugins_max: usize,
}

impl NewAttachment {
    /// The attachments of a message with this one in its place; `None` when none are left.
    ///
    /// # Errors
    /// `limit_reached` when so many others show something there already.
    pub fn among(&self, attachments: Option<&str>) -> Result<Option<String>> {
        let mut all = wire::attachments(attachments);
        let own = all.iter().position(|a| a.plugin == self.shown.plugin);
        match (own, self.shown.blocks.is_empty()) {
            (Some(at), true) => drop(all.remove(at)),
            (Some(at), false) => all[at] = self.shown.clone(),
            (None, true) => {}
            (None, false) if all.len() >= self.plugins_max => {
                let detail = format!("attachments of a message: at most {}", self.plugins_max);
                return Err(Error::new(Code::LimitReached, detail));
            }
            (None, false) => all.push(self.shown.clone()),
        }
        Ok((!all.is_empty()).then(|| wire::to_json(&all)))
    }
}

impl Tx {
    /// Puts what a plugin shows below a message in place of what it showed there before, and appends
    /// `message.updated`; when it is the same, nothing happens. The message stays at its revision, so
    /// whoever changes its content meanwhile is not in the way.
    ///
    /// # Errors
    /// `conflict` when the message is gone, or has no place left: the plugin then looks again.
    pub(super) async fn attach(
        &mut self,
        channel: ChannelKey,
        id: MessageId,
        new: &NewAttachment,
        actor: UserId,
    ) -> Result<()> {
        let conflict = |detail: &str| Error::new(Code::Conflict, detail);
        let found = match self.message_of(channel, id).await {
            Err(error) if error.code() == Code::NotFound => None,
            found => Some(found?),
        };
        let Some(mut message) = found.filter(|message| message.deleted_at.is_none()) else {
            return Err(conflict("The message was deleted."));
        };
        let with = match new.among(message.attachments.as_deref()) {
            Err(error) if error.code() == Code::LimitReached => {
                return Err(conflict("Others were quicker."));
            }
            with => with?,
        };
        if with == message.attachments {
            return Ok(());
        }
        message.attachments = with;
        self.put_message(&message, EventKind::MessageUpdated, Some(actor))
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(plugin: &str, blocks: &[&str]) -> NewAttachment {
        let blocks = blocks
            .iter()
            .map(|text| serde_json::json!({ "text": text }));
        NewAttachment {
            shown: Attachment {
                plugin: plugin.into(),
                blocks: blocks.collect(),
            },
            plugins_max: 2,
        }
    }

    #[test]
    fn each_plugin_has_one_place() {
        let first = new("a", &["1"]).among(None).unwrap();
        assert_eq!(
            first.as_deref(),
            Some(r#"[{"plugin":"a","blocks":[{"text":"1"}]}]"#)
        );
        assert_eq!(new("a", &["1"]).among(first.as_deref()).unwrap(), first);
        let both = new("b", &["2"]).among(first.as_deref()).unwrap();
        let full = new("c", &["3"]).among(both.as_deref()).unwrap_err();
        assert_eq!(full.code(), Code::LimitReached);
        assert_eq!(new("c", &[]).among(both.as_deref()).unwrap(), both);
        let changed = new("a", &["4"]).among(both.as_deref()).unwrap().unwrap();
        assert!(changed.find("4").unwrap() < changed.find("2").unwrap());
        let one = new("b", &[]).among(both.as_deref()).unwrap();
        assert_eq!(one, first);
        assert_eq!(new("a", &[]).among(first.as_deref()).unwrap(), None);
    }
}
