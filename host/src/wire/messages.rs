//! Messages, going in and coming out.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Raw, Time};
use crate::model::{self, ChannelId, MessageId, UserId};

/// A message to be sent.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// The channel.
    pub channel_id: ChannelId,
    /// `*` for everybody in the channel, or the id of one participant for a private message, which
    /// then stands in the side channel of the two.
    #[serde(default = "everybody")]
    pub to: String,
    /// `text`; `image`, `video`, `audio` or `file` for an uploaded file; or a message kind of one of
    /// the app's plugins.
    #[serde(rename = "type")]
    pub kind: String,
    /// For `text` a string; for a file an object with `file_id`, and perhaps a caption as `text`;
    /// for a kind what that kind defines.
    #[schema(value_type = serde_json::Value)]
    pub data: Box<RawValue>,
    /// An id of the client's own choice, unique for this sender in this channel, 1 to 128 bytes. A
    /// retry with the same id gets the first message instead of sending another. Nobody else sees it.
    pub client_id: Option<String>,
    /// Should a plugin refuse or hold the message, a person shall look at it, and this is what to
    /// tell that person, such as why it should be sent. A refusal that can be appealed has
    /// `appealable`; the message then waits for review, as one that a plugin held. Of a message that
    /// waits already under the same `client_id` it changes the note.
    pub appeal: Option<String>,
    /// With a server key: the participant who sends.
    #[serde(rename = "as")]
    pub sender: Option<UserId>,
}

fn everybody() -> String {
    "*".into()
}

/// A message.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Message)]
pub struct Message<'a> {
    /// `msg_` and 16 hex digits.
    pub id: MessageId,
    /// The channel that it is in.
    pub channel_id: &'a ChannelId,
    /// Its place in the channel's log, from 1, without gaps.
    pub seq: i64,
    /// The user who sent it.
    pub from: &'a UserId,
    /// `*`, or for a private message the other of the pair.
    pub to: &'a str,
    /// `text`, a kind of file, or a message kind of a plugin.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// For `text` a string; for a file an object with `file_id`, `name`, `media_type`, `bytes`, and
    /// `text` if there is a caption; `null` once the message is deleted.
    #[schema(value_type = serde_json::Value)]
    pub(crate) data: Raw<'a>,
    /// How to show it, where a plugin says so: `text`, and `blocks` for clients that know them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<View>)]
    pub(crate) view: Option<Raw<'a>>,
    /// What plugins show below it, each in its own name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Attachment>>)]
    pub(crate) attachments: Option<Raw<'a>>,
    /// When it was stored. Only `seq` orders messages.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) ts: Time,
    /// When it was edited last; absent if it never was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) edited_at: Option<Time>,
    /// When it was deleted; absent if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) deleted_at: Option<Time>,
    /// The id that the sender's client chose. For the sender only: in the answer to what it sends, and where
    /// it reads; events that come by themselves, which are the same for all, don't have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<&'a str>,
}

impl<'a> Message<'a> {
    /// The message as everybody in its channel sees it.
    pub fn new(message: &'a model::Message, channel: &'a ChannelId) -> Self {
        Self::for_reader(message, channel, None)
    }

    /// The message as `reader` sees it: its sender is shown the id that its client chose. That is text which no
    /// guard has seen.
    pub fn for_reader(
        message: &'a model::Message,
        channel: &'a ChannelId,
        reader: Option<&UserId>,
    ) -> Self {
        let is_own = reader == Some(&message.sender);
        Self {
            id: message.id,
            channel_id: channel,
            seq: message.seq,
            from: &message.sender,
            to: message.to.as_ref().map_or("*", UserId::as_str),
            kind: &message.kind,
            data: Raw(&message.data),
            view: message.view.as_deref().map(Raw),
            attachments: message.attachments.as_deref().map(Raw),
            ts: Time(message.ts),
            edited_at: message.edited_at.map(Time),
            deleted_at: message.deleted_at.map(Time),
            client_id: message.client_id.as_deref().filter(|_| is_own),
        }
    }
}

/// How a message is shown.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct View {
    /// Plain text that says the same.
    pub text: String,
    /// Blocks, for clients that know them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub blocks: Vec<serde_json::Value>,
}

/// What a plugin shows below a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Attachment {
    /// The plugin's name.
    pub plugin: String,
    /// Blocks, for clients that know them.
    #[schema(value_type = Vec<Object>)]
    pub blocks: Vec<serde_json::Value>,
}

/// The attachments of a message, as the store has them.
pub fn attachments(json: Option<&str>) -> Vec<Attachment> {
    // The host itself wrote them.
    json.and_then(|json| serde_json::from_str(json).ok())
        .unwrap_or_default()
}

/// What became of a message that was sent.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Sent)]
#[serde(untagged)]
pub enum SendOutcome<'a> {
    /// It is stored.
    Stored {
        #[serde(flatten)]
        message: Message<'a>,
        /// True when this is the first message of the same `client_id`.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        replayed: bool,
    },
    /// It waits for a person's decision.
    Held {
        /// Always true.
        held: bool,
        /// Names it in the review queue.
        id: crate::model::HeldId,
        /// Why, for the sender.
        reason: Cow<'a, str>,
    },
}

/// An edit.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The new data; only `text` messages can be edited.
    #[schema(value_type = serde_json::Value)]
    pub data: Box<RawValue>,
}

/// An action on a message: a button pressed, a vote.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// The block's `action`, 1 to 128 bytes.
    pub action: String,
    /// The block's `value`, or what was entered.
    #[schema(value_type = Option<serde_json::Value>)]
    pub value: Option<Box<RawValue>>,
    /// The plugin whose attachment has the block. Without it, the block is the message's own.
    pub plugin: Option<String>,
    /// With a server key: the participant who acts.
    #[serde(rename = "as")]
    pub actor: Option<UserId>,
}

/// A slash command.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunCommand {
    /// Its name, without the slash.
    pub name: String,
    /// What follows the name.
    #[serde(default)]
    pub text: String,
    /// With a server key: the participant who types.
    #[serde(rename = "as")]
    pub actor: Option<UserId>,
}

/// An answer that only the person who asked sees.
#[derive(Debug, Clone, Default, Serialize, utoipa::ToSchema)]
pub struct Answer {
    /// Absent when there is nothing to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<View>,
}

/// Ways to go on typing.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Choices {
    /// The best first.
    pub choices: Vec<Choice>,
}

/// One way to go on typing.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Choice {
    /// What replaces the arguments typed so far.
    pub value: String,
    /// What a person reads.
    pub label: String,
}

/// A page of a channel's messages.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = History)]
pub struct History<'a> {
    /// Old to new.
    pub messages: Vec<Message<'a>>,
    /// The cursor of newer messages; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The cursor of older messages; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prev: Option<String>,
}

/// A message that waits for a person's decision.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = HeldMessage)]
pub struct Held<'a> {
    /// Names it in the review queue.
    pub id: crate::model::HeldId,
    /// Where it shall go.
    pub channel_id: &'a ChannelId,
    /// Who sent it.
    pub from: &'a UserId,
    /// Its type, as that of a message.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// Its content, as that of a message.
    #[schema(value_type = serde_json::Value)]
    pub(crate) data: Raw<'a>,
    /// The plugin that held it, or that refused it before its sender appealed.
    pub plugin: &'a str,
    /// Why, in the plugin's words for the sender.
    pub reason: &'a str,
    /// What the plugin says to reviewers alone, such as which rule it was. For the backend only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<&'a str>,
    /// What the sender says to reviewers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub appeal: Option<&'a str>,
    /// The id that the sender's client chose. For the sender only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<&'a str>,
    /// When it was held back.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Time,
}

impl<'a> Held<'a> {
    /// As reviewers see it, or as its sender does.
    pub fn new(held: &'a model::Held, channel: &'a ChannelId, for_sender: bool) -> Self {
        Self {
            id: held.id,
            channel_id: channel,
            from: &held.sender,
            kind: &held.kind,
            data: Raw(&held.data),
            plugin: &held.plugin,
            reason: &held.reason,
            details: held.details.as_deref().filter(|_| !for_sender),
            appeal: held.appeal.as_deref(),
            client_id: held.client_id.as_deref().filter(|_| for_sender),
            created_at: Time(held.created_at),
        }
    }
}

/// A decision against a held message.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
#[schema(as = RejectHeldMessage)]
#[serde(deny_unknown_fields)]
pub struct RejectHeld {
    /// A sentence for its sender, 1 to 1000 bytes unless the host's operator says otherwise.
    pub reason: Option<String>,
}

/// The review queue, old to new.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = HeldMessages)]
pub struct HeldPage<'a> {
    /// Old to new.
    pub held: Vec<Held<'a>>,
    /// The cursor of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A page of messages as `reader` sees them.
pub fn history<'a>(
    messages: &'a [model::Message],
    channel: &'a ChannelId,
    reader: Option<&UserId>,
    next: Option<String>,
    prev: Option<String>,
) -> History<'a> {
    History {
        messages: messages
            .iter()
            .map(|message| Message::for_reader(message, channel, reader))
            .collect(),
        next,
        prev,
    }
}
