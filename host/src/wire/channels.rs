//! Users, channels and participants.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Message, Raw, Time};
use crate::model::{self, ChannelId, Role, UserId};

/// A user.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = User)]
pub struct User<'a> {
    /// The app's own id.
    pub id: &'a UserId,
    /// What to call the user.
    pub name: Option<&'a str>,
    /// The address of a picture.
    pub image: Option<&'a str>,
    /// The app's own data, an object.
    #[schema(value_type = Object)]
    pub(crate) custom: Raw<'a>,
    /// The plugin whose bot this is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<&'a str>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Time,
    /// When it was changed last.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) updated_at: Time,
    /// Since when the user may not come in; absent if it may.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) deactivated_at: Option<Time>,
}

impl<'a> From<&'a model::User> for User<'a> {
    fn from(user: &'a model::User) -> Self {
        Self {
            id: &user.id,
            name: user.name.as_deref(),
            image: user.image.as_deref(),
            custom: Raw(&user.custom),
            plugin: user.plugin.as_deref(),
            created_at: Time(user.created_at),
            updated_at: Time(user.updated_at),
            deactivated_at: user.deactivated_at.map(Time),
        }
    }
}

/// Users by id.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Users)]
pub struct Users<'a> {
    /// In the order of their ids.
    pub users: Vec<User<'a>>,
    /// The cursor of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A user to be made, or changed where it is there: absent fields stay, `null` clears.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetUser {
    /// The app's own id.
    pub id: UserId,
    /// What to call the user.
    #[serde(default, deserialize_with = "super::present")]
    #[schema(value_type = Option<String>)]
    pub name: Option<Option<String>>,
    /// The address of a picture.
    #[serde(default, deserialize_with = "super::present")]
    #[schema(value_type = Option<String>)]
    pub image: Option<Option<String>>,
    /// An object; it replaces the one before.
    #[schema(value_type = Option<Object>)]
    pub custom: Option<Box<RawValue>>,
}

/// Users to be made or changed, all or none.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetUsers {
    /// 1 to 100.
    pub users: Vec<SetUser>,
}

/// What to change of one user: absent fields stay, `null` clears.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeUser {
    /// What to call the user.
    #[serde(default, deserialize_with = "super::present")]
    #[schema(value_type = Option<String>)]
    pub name: Option<Option<String>>,
    /// The address of a picture.
    #[serde(default, deserialize_with = "super::present")]
    #[schema(value_type = Option<String>)]
    pub image: Option<Option<String>>,
    /// An object; it replaces the one before.
    #[schema(value_type = Option<Object>)]
    pub custom: Option<Box<RawValue>>,
}

/// A channel.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Channel)]
pub struct Channel<'a> {
    /// The app's own id, or `chn_` and 16 hex digits.
    pub id: &'a ChannelId,
    /// `direct` for the channel of two, `side` for the private messages of two within another
    /// channel, else a type of the app's, such as `messaging`.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// What to call the channel.
    pub name: Option<&'a str>,
    /// The address of a picture.
    pub icon: Option<&'a str>,
    /// An inactive channel can be read but takes no messages.
    pub active: bool,
    /// For finding it.
    pub tags: &'a [String],
    /// The app's own data, an object.
    #[schema(value_type = Object)]
    pub(crate) custom: Raw<'a>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Time,
    /// When it was changed last.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) updated_at: Time,
    /// The highest `seq` of its log.
    pub head: i64,
    /// When its newest message was sent; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) last_message_at: Option<Time>,
    /// How many are in it.
    pub participants_count: i64,
    /// What the caller is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_role: Option<Role>,
    /// What the caller may do in it.
    pub own_capabilities: Vec<&'static str>,
    /// How many messages of others the caller has not read; 100 stands for more, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<i64>,
    /// Up to which `seq` the caller has read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_read_seq: Option<i64>,
    /// Its newest message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_message: Option<Message<'a>>,
}

impl<'a> Channel<'a> {
    /// The channel as somebody with `role` sees it, who may do what `capabilities` lists.
    pub fn new(
        channel: &'a model::Channel,
        role: Option<Role>,
        capabilities: Vec<&'static str>,
    ) -> Self {
        Self {
            id: &channel.id,
            kind: &channel.kind,
            name: channel.name.as_deref(),
            icon: channel.icon.as_deref(),
            active: channel.active,
            tags: &channel.tags.0,
            custom: Raw(&channel.custom),
            created_at: Time(channel.created_at),
            updated_at: Time(channel.updated_at),
            head: channel.head,
            last_message_at: channel.last_message_at.map(Time),
            participants_count: channel.participants,
            own_role: role,
            own_capabilities: capabilities,
            unread: None,
            last_read_seq: None,
            last_message: None,
        }
    }

    /// The same with what a list knows more.
    pub fn listed(listing: &'a model::ChannelListing, capabilities: Vec<&'static str>) -> Self {
        Self {
            unread: listing.unread,
            last_read_seq: listing.last_read_seq,
            last_message: listing
                .last_message
                .as_ref()
                .map(|m| Message::new(m, &listing.channel.id)),
            ..Self::new(&listing.channel, listing.role, capabilities)
        }
    }
}

/// Channels, those with the newest activity first.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Channels)]
pub struct Channels<'a> {
    /// Those with the newest messages first.
    pub channels: Vec<Channel<'a>>,
    /// The cursor of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A channel to be made.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewChannel {
    /// The app's own id for it; one is drawn if absent. Ids that begin with `chn_` are the host's.
    pub id: Option<ChannelId>,
    /// 1 to 64 of `a`–`z`, `0`–`9`, `-`; not `direct` or `side`.
    #[serde(rename = "type", default = "messaging")]
    pub kind: String,
    /// What to call the channel.
    pub name: Option<String>,
    /// The address of a picture.
    pub icon: Option<String>,
    /// For finding it.
    #[serde(default)]
    pub tags: Vec<String>,
    /// An object.
    #[schema(value_type = Option<Object>)]
    pub custom: Option<Box<RawValue>>,
    /// Users to begin with, as members.
    #[serde(default)]
    pub members: Vec<UserId>,
    /// With a server key: whose channel it is. A user's own channel is that user's.
    pub owner: Option<UserId>,
}

fn messaging() -> String {
    "messaging".into()
}

/// The two users of a direct channel.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDirectChannel {
    /// The two, in any order. A user token may name the other one alone.
    pub user_ids: Vec<UserId>,
}

/// What to change of a channel: absent fields stay, `null` clears.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeChannel {
    /// A type of the app's.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// What to call the channel.
    #[serde(default, deserialize_with = "super::present")]
    #[schema(value_type = Option<String>)]
    pub name: Option<Option<String>>,
    /// The address of a picture.
    #[serde(default, deserialize_with = "super::present")]
    #[schema(value_type = Option<String>)]
    pub icon: Option<Option<String>>,
    /// An inactive channel can be read but takes no messages.
    pub active: Option<bool>,
    /// For finding it; they replace those before.
    pub tags: Option<Vec<String>>,
    /// An object; it replaces the one before.
    #[schema(value_type = Option<Object>)]
    pub custom: Option<Box<RawValue>>,
}

/// A user in a channel.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Participant)]
pub struct Participant<'a> {
    /// Who it is.
    pub user_id: &'a UserId,
    /// The user's name, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// The address of the user's picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<&'a str>,
    /// What the user is in the channel.
    pub role: Role,
    /// When the user came in.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) joined_at: Time,
    /// Everything up to this `seq` was read.
    pub last_read_seq: i64,
    /// Whether the user has the channel open now.
    pub online: bool,
}

/// Participants by user id.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Participants)]
pub struct Participants<'a> {
    /// In the order of their ids.
    pub participants: Vec<Participant<'a>>,
    /// The cursor of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A seat in a channel: added, or its role changed.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetParticipant {
    /// `member` or `admin`. Absent adds a member, and leaves the role of one who is there.
    pub role: Option<Role>,
}

/// Names one user.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OneUser {
    /// Who.
    pub user_id: UserId,
}

/// Up to where somebody has read.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRead {
    /// A `seq` of the channel.
    pub seq: i64,
}

/// Where a read mark is now.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ReadMark {
    /// Everything up to this `seq` is read.
    pub seq: i64,
}

/// Whether somebody is typing.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetTyping {
    /// True when typing begins or goes on, false when it ends.
    pub typing: bool,
}

/// Who has a channel open.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Presence {
    /// User ids.
    pub online: Vec<UserId>,
}
