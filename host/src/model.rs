//! The records of the product and their identifiers. Plain data: no SQL text, no HTTP, no I/O.
//!
//! Identifiers of our own are a prefix and 16 hex digits of a 64-bit time-ordered number; those of
//! the app (users, and channels when it wishes) are its own strings.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds since 1970-01-01 UTC. Stored as BIGINT everywhere: text times sort wrongly on SQLite.
pub type Millis = i64;

/// A text that is not one of our identifiers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected `{prefix}_` and 16 hexadecimal digits")]
pub struct BadId {
    /// The prefix that was expected.
    pub prefix: &'static str,
}

macro_rules! own_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type)]
        #[sqlx(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{:016x}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                let bad = BadId { prefix: $prefix };
                let hex = text.strip_prefix(concat!($prefix, "_")).ok_or_else(|| bad.clone())?;
                let canonical = hex.len() == 16
                    && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
                if !canonical {
                    return Err(bad);
                }
                i64::from_str_radix(hex, 16).map(Self).map_err(|_| bad)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some(concat!("^", $prefix, "_[0-9a-f]{16}$")))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}

own_id!(
    /// An org: who owns apps.
    OrgId, "org"
);
own_id!(
    /// An app: an isolated world.
    AppId, "app"
);
own_id!(
    /// A credential of an org or app (not the secret itself).
    KeyId, "key"
);
own_id!(
    /// A message.
    MessageId, "msg"
);
own_id!(
    /// An uploaded file.
    FileId, "fil"
);
own_id!(
    /// A message held back for review.
    HeldId, "hld"
);
own_id!(
    /// What a plugin decided once.
    DecisionId, "dec"
);
own_id!(
    /// A recorded call of a plugin.
    CallId, "cal"
);
own_id!(
    /// A channel's number inside the store; also its public id when the app gave none.
    ChannelKey, "chn"
);
own_id!(
    /// A plugin enabled for an app.
    InstallId, "ins"
);

/// Reads a type from a text column that the host itself wrote.
macro_rules! text_in_store {
    ($name:ty, |$text:ident| $from:expr) => {
        impl<DB: sqlx::Database> sqlx::Type<DB> for $name
        where
            String: sqlx::Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                <String as sqlx::Type<DB>>::type_info()
            }

            fn compatible(info: &DB::TypeInfo) -> bool {
                <String as sqlx::Type<DB>>::compatible(info)
            }
        }

        impl<'r, DB: sqlx::Database> sqlx::Decode<'r, DB> for $name
        where
            &'r str: sqlx::Decode<'r, DB>,
        {
            fn decode(value: DB::ValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                let $text = <&'r str as sqlx::Decode<'r, DB>>::decode(value)?;
                Ok($from)
            }
        }
    };
}

/// Why a user or channel id of the app's own is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to 128 bytes without control characters or surrounding white space")]
pub struct BadName;

macro_rules! app_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// An id that was checked before it was stored.
            pub(crate) fn stored(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, BadName> {
                let fits = !text.is_empty()
                    && text.len() <= 128
                    && text.trim() == text
                    && !text.chars().any(char::is_control);
                if fits { Ok(Self(text.into())) } else { Err(BadName) }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        text_in_store!($name, |text| $name::stored(text));

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .min_length(Some(1))
                    .max_length(Some(128))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}

app_id!(
    /// A user's id: the app's own string, 1 to 128 bytes.
    UserId
);
app_id!(
    /// A channel's public id: the app's own string, or `chn_` and 16 hex digits.
    ChannelId
);

/// Draws 64-bit time-ordered numbers: 43 bits of milliseconds, then 20 bits that begin at random in
/// each millisecond and count up, so that ids tell nothing about how many there are.
#[derive(Debug, Default)]
pub struct IdSource {
    last: std::sync::Mutex<i64>,
}

impl IdSource {
    /// The next number at `now`, greater than any that this source gave before. `noise` is any
    /// random number.
    pub fn next(&self, now: Millis, noise: u32) -> i64 {
        let mut last = self
            .last
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        // Half of the low bits are left for counting within the millisecond.
        let fresh = (now << 20) | i64::from(noise & 0x7_ffff);
        *last = fresh.max(*last + 1);
        *last
    }
}

/// What a participant may do in a channel.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sends and receives, privately too, and leaves.
    Member,
    /// Also adds and removes members.
    Admin,
    /// Also makes and unmakes admins. Exactly one in each channel.
    Owner,
}

impl Role {
    /// The word for it, in JSON and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Member => "member",
            Role::Admin => "admin",
            Role::Owner => "owner",
        }
    }

    pub(crate) fn stored(text: &str) -> Role {
        match text {
            "owner" => Role::Owner,
            "admin" => Role::Admin,
            _ => Role::Member,
        }
    }
}

text_in_store!(Role, |text| Role::stored(text));

/// A list of short texts, kept as a JSON array.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct Texts(pub Vec<String>);

text_in_store!(Texts, |text| Texts(serde_json::from_str(text)?));

impl Texts {
    /// As it is kept.
    pub(crate) fn to_json(&self) -> String {
        serde_json::Value::from(self.0.clone()).to_string()
    }
}

/// An owner of apps.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Org {
    pub id: OrgId,
    pub name: String,
    pub email: String,
    pub banner: Option<String>,
    pub created_at: Millis,
}

/// An isolated world of users, channels and plugins.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct App {
    pub id: AppId,
    pub org_id: OrgId,
    pub name: String,
    /// CIDR ranges from which server keys work.
    pub allowed_ips: Texts,
    /// Origins from which browsers may use user tokens.
    pub allowed_origins: Texts,
    /// User tokens issued before this are refused.
    pub tokens_valid_from: Millis,
    /// When set, the `aud` that every user token must name.
    pub audience: Option<String>,
    /// Where the app publishes further keys for its user tokens.
    pub jwks_url: Option<String>,
    pub created_at: Millis,
}

/// What a stored credential opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOwner {
    Org(OrgId),
    App(AppId),
}

/// A credential as it is kept: never the secret.
#[derive(Debug, Clone)]
pub struct Key {
    pub id: KeyId,
    pub owner: KeyOwner,
    pub name: String,
    /// The last four characters of the secret, to tell keys apart.
    pub hint: String,
    pub created_at: Millis,
    /// From when on it no longer works; set by a rotation or a revocation.
    pub expires_at: Option<Millis>,
}

/// A key that verifies the user tokens of one app.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SigningKey {
    /// The `kid` that tokens name.
    pub kid: String,
    /// `HS256`, `EdDSA`, `ES256` or `RS256`.
    pub algorithm: String,
    /// A sealed secret for HS256, else the public key as JWK text.
    pub material: Vec<u8>,
    /// True for the one with which the host itself signs sessions.
    pub own: bool,
    pub created_at: Millis,
}

/// A person of an app, or the bot of one of its plugins.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct User {
    pub id: UserId,
    pub name: Option<String>,
    pub image: Option<String>,
    /// The app's own data: a JSON object as text.
    pub custom: String,
    /// The plugin whose bot it is.
    pub plugin: Option<String>,
    pub created_at: Millis,
    pub updated_at: Millis,
    pub deactivated_at: Option<Millis>,
    /// Tokens issued before this are refused.
    pub tokens_valid_from: Millis,
}

/// Where messages are.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Channel {
    pub key: ChannelKey,
    pub app_id: AppId,
    pub id: ChannelId,
    /// `messaging`, `direct`, `side`, or a type of the app's.
    pub kind: String,
    pub name: Option<String>,
    pub icon: Option<String>,
    pub active: bool,
    pub tags: Texts,
    /// The app's own data: a JSON object as text.
    pub custom: String,
    /// The channel that this is a side channel of.
    pub parent: Option<ChannelKey>,
    pub created_at: Millis,
    pub updated_at: Millis,
    /// The highest `seq` of its log; 0 while it is empty.
    pub head: i64,
    /// The `seq` of its newest message; 0 for none.
    pub last_message_seq: i64,
    pub last_message_at: Option<Millis>,
    pub participants: i64,
}

/// A user in a channel.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Participant {
    pub user_id: UserId,
    pub role: Role,
    pub joined_at: Millis,
    /// Everything up to this `seq` was read.
    pub last_read_seq: i64,
}

/// The kinds of entry in a channel's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[repr(i16)]
pub enum EventKind {
    MessageNew = 1,
    MessageUpdated = 2,
    MessageDeleted = 3,
    MemberAdded = 4,
    MemberUpdated = 5,
    MemberRemoved = 6,
    ChannelCreated = 7,
    ChannelUpdated = 8,
}

impl EventKind {
    /// All of them.
    pub const ALL: [EventKind; 8] = [
        EventKind::MessageNew,
        EventKind::MessageUpdated,
        EventKind::MessageDeleted,
        EventKind::MemberAdded,
        EventKind::MemberUpdated,
        EventKind::MemberRemoved,
        EventKind::ChannelCreated,
        EventKind::ChannelUpdated,
    ];

    /// The name that clients and plugins see.
    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::MessageNew => "message.new",
            EventKind::MessageUpdated => "message.updated",
            EventKind::MessageDeleted => "message.deleted",
            EventKind::MemberAdded => "member.added",
            EventKind::MemberUpdated => "member.updated",
            EventKind::MemberRemoved => "member.removed",
            EventKind::ChannelCreated => "channel.created",
            EventKind::ChannelUpdated => "channel.updated",
        }
    }
}

/// A message as it is now.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Message {
    pub id: MessageId,
    pub channel: ChannelKey,
    pub seq: i64,
    pub ts: Millis,
    pub sender: UserId,
    /// For a private message, the other of the pair.
    pub to: Option<UserId>,
    /// `text`, or a kind of one of the app's plugins.
    pub kind: String,
    /// JSON text; `null` once deleted.
    pub data: String,
    /// How it is shown, where a plugin says so: JSON text of a view.
    pub view: Option<String>,
    /// The kind's private state: JSON text. Never leaves the host.
    pub state: Option<String>,
    /// What plugins show below it: JSON text, a list of `wire::Attachment`.
    pub attachments: Option<String>,
    pub client_id: Option<String>,
    /// How often its content was changed.
    pub revision: i64,
    pub edited_at: Option<Millis>,
    pub deleted_at: Option<Millis>,
}

impl Message {
    /// About how many bytes its content takes on the wire.
    pub fn size_hint(&self) -> usize {
        let bytes = |json: &Option<String>| json.as_ref().map_or(0, String::len);
        self.data.len() + bytes(&self.view) + bytes(&self.attachments)
    }
}

/// A message that a feed may show.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Candidate {
    /// Its place in the log of the whole store; for cursors, never shown.
    pub position: i64,
    /// The channel that it is in.
    pub channel_id: ChannelId,
    #[sqlx(flatten)]
    pub message: Message,
}

/// One entry of a channel's log.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its place in the log of the whole store; for cursors, never shown.
    pub position: i64,
    pub app_id: AppId,
    pub channel: ChannelKey,
    pub seq: i64,
    pub ts: Millis,
    pub kind: EventKind,
    pub actor: Option<UserId>,
    /// How many plugins in a row led to it; 0 for what people did.
    pub depth: i16,
    pub body: EventBody,
}

impl Event {
    /// About how many bytes its frame takes.
    pub fn size_hint(&self) -> usize {
        256 + match &self.body {
            EventBody::Message(message) => message.size_hint(),
            EventBody::Data(data) => data.len(),
        }
    }
}

/// What an entry says.
#[derive(Debug, Clone)]
pub enum EventBody {
    /// For the three kinds of message event: the message as it is now.
    Message(Arc<Message>),
    /// For the others: JSON text of what clients get as `data`.
    Data(String),
}

/// What a plugin decided about what somebody did, other than to let it be.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Decision {
    pub id: DecisionId,
    pub plugin: String,
    /// The version that decided: the SHA-256 of its component, in hex.
    pub digest: String,
    pub hook: String,
    /// The channel's public id.
    pub channel: Option<String>,
    /// Whose doing it was.
    pub actor: Option<UserId>,
    /// `changed`, `rejected`, `held` or `failed`.
    pub outcome: String,
    /// The plugin's code for a rejection.
    pub code: Option<String>,
    /// What the sender was told, or how it failed.
    pub reason: Option<String>,
    pub created_at: Millis,
}

/// The kinds of message that show a file.
pub const FILE_KINDS: [&str; 4] = ["image", "video", "audio", "file"];

/// What guards of messages see a channel's name and the like as; no message is of this kind.
pub const CHANNEL_KIND: &str = "channel";

/// An uploaded file.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct File {
    pub id: FileId,
    /// Who uploaded it; empty for the app's backend.
    pub owner: String,
    /// As it was called there; perhaps empty.
    pub name: String,
    /// What its first bytes say it is, else what its sender said.
    pub media_type: String,
    pub bytes: i64,
    /// 64 hexadecimal digits.
    pub sha256: String,
    pub created_at: Millis,
}

/// A message that waits.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Held {
    pub id: HeldId,
    pub channel: ChannelKey,
    pub sender: UserId,
    #[sqlx(rename = "type")]
    pub kind: String,
    pub data: String,
    pub view: Option<String>,
    pub state: Option<String>,
    pub to_user: Option<UserId>,
    pub client_id: Option<String>,
    pub client_hash: Option<i64>,
    /// The plugin that held it, or refused it before its sender appealed.
    pub plugin: String,
    /// Why, in the plugin's words for the sender.
    pub reason: String,
    /// What the plugin says to reviewers alone.
    pub details: Option<String>,
    /// What the sender says to reviewers.
    pub appeal: Option<String>,
    pub created_at: Millis,
}

/// A channel in somebody's list.
#[derive(Debug, Clone)]
pub struct ChannelListing {
    pub channel: Channel,
    /// The role of the user whose list it is.
    pub role: Option<Role>,
    /// How many messages of others that user has not read, counted up to 100.
    pub unread: Option<i64>,
    pub last_read_seq: Option<i64>,
    pub last_message: Option<Message>,
}

/// A hook of a plugin that is not called any more, for it failed too often.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Quarantine {
    /// The hook's name.
    pub hook: String,
    /// Since when.
    pub since: Millis,
    /// The last fault.
    pub detail: String,
}

/// How a version is tried beside the one that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RolloutMode {
    /// It is asked what the other one is asked, and nothing comes of it.
    Shadow,
    /// It serves so many of a hundred channels: 1 to 99.
    Canary(u8),
}

/// A version of a plugin that is tried beside the one that runs, and how it is run.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Rollout {
    /// The SHA-256 of its component, in hex.
    pub digest: String,
    /// The permissions it has.
    pub grants: Vec<String>,
    /// Its settings: JSON text of an object.
    pub config: String,
    /// Its secret settings, sealed: JSON text of an object.
    pub secrets: String,
    /// The hooks that it has.
    pub hooks: Vec<String>,
    pub mode: RolloutMode,
    /// Since when, in this mode.
    pub since: Millis,
    /// Whether its start has run, and what it did there has landed.
    pub started: bool,
    /// Why it is not tried any more.
    pub ended: Option<RolloutEnd>,
}

/// Whose plugins an app takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PluginTrust {
    /// Whether a version must be signed with a key of the list.
    pub required: bool,
    pub keys: Vec<TrustedKey>,
    /// By plugin, the lowest version.
    pub least_versions: std::collections::BTreeMap<String, String>,
}

/// A key that an app knows.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TrustedKey {
    /// Ed25519, base64.
    pub key: String,
    /// Whose it is, in the tenant's words.
    pub name: String,
    /// The plugins that it may sign: names, perhaps with `*` at the end; all if there are none.
    pub plugins: Vec<String>,
    /// What it signs is refused.
    pub revoked: bool,
}

/// Why a version is not tried any more.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RolloutEnd {
    pub at: Millis,
    /// The hook that failed too often; empty if it ended for want of a permission.
    pub hook: String,
    /// The last fault, or what was missing.
    pub detail: String,
}

/// The version of a plugin that ran before the one that does, and how.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Previous {
    /// The SHA-256 of its component, in hex.
    pub digest: String,
    /// The permissions it had.
    pub grants: Vec<String>,
    /// Its settings: JSON text of an object.
    pub config: String,
    /// Its secret settings, sealed: JSON text of an object.
    pub secrets: String,
    /// When the other took its place.
    pub replaced_at: Millis,
}
