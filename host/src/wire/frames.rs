//! The socket's frames: JSON text.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Message, Raw, Time};
use crate::error::Problem;
use crate::model::{self, ChannelId, EventBody, MessageId, Millis, UserId};

/// A request: the client's own id for it, a method, and the method's parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request<'a> {
    /// 0 to 2⁵³ − 1; comes back in the reply.
    pub id: u64,
    #[serde(borrow)]
    pub method: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    pub params: Option<&'a RawValue>,
}

/// A reply.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Reply<'a, T: Serialize> {
    Result { id: u64, result: &'a T },
    Error { id: Option<u64>, error: &'a Problem },
}

/// An event of a channel: an entry of its log, or, without `seq`, something that passes.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Event)]
pub struct Event<'a> {
    /// Such as `message.new`.
    pub event: &'a str,
    /// The channel that it is of.
    pub channel_id: &'a ChannelId,
    /// Its place in the channel's log; absent for what is in no log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) ts: Time,
    /// For message events `{ "message": … }`; `docs/events.md` lists the others.
    #[schema(value_type = Object)]
    pub(crate) data: EventData<'a>,
}

/// What an event says.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum EventData<'a> {
    Message { message: Message<'a> },
    Raw(Raw<'a>),
}

impl<'a> Event<'a> {
    /// An entry of a channel's log, as everybody in it sees it.
    pub fn logged(event: &'a model::Event, channel_id: &'a ChannelId) -> Self {
        Self::for_reader(event, channel_id, None)
    }

    /// An entry of a channel's log, as `reader` sees it.
    pub fn for_reader(
        event: &'a model::Event,
        channel_id: &'a ChannelId,
        reader: Option<&UserId>,
    ) -> Self {
        let data = match &event.body {
            EventBody::Message(message) => EventData::Message {
                message: Message::for_reader(message, channel_id, reader),
            },
            EventBody::Data(data) => EventData::Raw(Raw(data)),
        };
        Self {
            event: event.kind.as_str(),
            channel_id,
            seq: Some(event.seq),
            ts: Time(event.ts),
            data,
        }
    }

    /// Something that passes. `data` is JSON text.
    pub fn passing(event: &'a str, channel_id: &'a ChannelId, at: Millis, data: &'a str) -> Self {
        Self {
            event,
            channel_id,
            seq: None,
            ts: Time(at),
            data: EventData::Raw(Raw(data)),
        }
    }

    /// The `data` alone, as plugins get it.
    pub fn data_json(&self) -> String {
        super::to_json(&self.data)
    }
}

/// What a channel's log holds after some `seq`.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Catchup)]
pub struct Catchup<'a> {
    /// True when `events` is everything since. Otherwise the log no longer reaches back that far,
    /// the epoch is another, or too much was missed: fetch the history anew.
    pub recovered: bool,
    /// The database's own random number; another one after a backup was restored.
    pub epoch: &'a str,
    /// The highest `seq` of the log.
    pub head: i64,
    /// Old to new.
    pub events: Vec<Event<'a>>,
}

/// The first request on a socket.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connect {
    /// A user token.
    pub token: String,
}

/// What a socket learns when it is connected.
#[derive(Serialize)]
pub struct Connected<'a> {
    pub user: super::User<'a>,
    pub epoch: &'a str,
    /// The host pings this often, in milliseconds; a client that hears nothing for twice as long
    /// should connect again.
    pub ping_interval_ms: u64,
    /// When the token ends.
    pub expires_at: String,
}

/// Parameters that name a channel.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InChannel {
    pub channel_id: ChannelId,
}

/// Parameters of `subscribe`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscribe {
    pub channel_id: ChannelId,
    /// The last `seq` that the client saw. Without it, events come from now on.
    pub since: Option<i64>,
    /// The epoch under which it saw that.
    pub epoch: Option<String>,
}

/// Parameters of `typing`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypingIn {
    pub channel_id: ChannelId,
    pub typing: bool,
}

/// Parameters of `read`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadIn {
    pub channel_id: ChannelId,
    pub seq: i64,
}

/// Parameters of `edit`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditMessage {
    pub message_id: model::MessageId,
    pub data: Box<RawValue>,
}

/// Parameters of `delete`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteMessage {
    pub message_id: model::MessageId,
}

/// Parameters of `act`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActOn {
    pub message_id: model::MessageId,
    pub action: String,
    pub value: Option<Box<RawValue>>,
    /// The plugin whose attachment has the block.
    pub plugin: Option<String>,
}

/// Parameters of `command` and `complete`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandIn {
    pub channel_id: ChannelId,
    pub name: String,
    #[serde(default)]
    pub text: String,
}

/// Parameters of `history`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryOf {
    pub channel_id: ChannelId,
    pub limit: Option<i64>,
    pub next: Option<String>,
    pub prev: Option<String>,
    pub around: Option<model::MessageId>,
}

/// Data of events about one user: `typing.start`, `user.presence.changed`, `message.read`.
#[derive(Serialize)]
pub struct AboutUser<'a> {
    pub user_id: &'a UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub online: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
}

/// Data of `message.progress`: what a message says so far.
#[derive(Serialize)]
pub struct Progress<'a> {
    id: MessageId,
    data: Raw<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    view: Option<Raw<'a>>,
}

impl<'a> Progress<'a> {
    /// `data` and `view` are JSON texts.
    pub fn new(id: MessageId, data: &'a str, view: Option<&'a str>) -> Self {
        Self {
            id,
            data: Raw(data),
            view: view.map(Raw),
        }
    }
}

/// No parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}
