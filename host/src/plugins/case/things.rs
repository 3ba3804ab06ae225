//! The things of a chat in the words of a case: each is read from one, and written to one so that
//! reading it again gives the same, byte for byte.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::texts::{Body, Bytes, Document, Headers, is_written, read_bytes};
use crate::plugins::{
    Channel, Context, Draft, Entry, HttpHeaderValue, HttpRequest, HttpResponse, Member, Message,
    Post, Role, Scope, User,
};

/// A value that is kept.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KeyValue {
    #[serde(default)]
    pub scope: String,
    pub key: String,
    pub value: Option<Value>,
    pub text: Option<String>,
    pub base64: Option<String>,
    #[serde(default = "one")]
    pub version: u64,
}

impl KeyValue {
    /// The value; the error is a phrase for whoever wrote the case.
    pub fn bytes(&self) -> Result<Vec<u8>, String> {
        read_bytes(&self.value, &self.text, &self.base64)
            .map_err(|error| format!("given.kv `{}` {error}", self.key))
    }
}

/// A value as the host answers it.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GivenEntry {
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

impl From<&Entry> for GivenEntry {
    fn from(entry: &Entry) -> Self {
        let Bytes {
            value,
            text,
            base64,
        } = entry.value.as_slice().into();
        Self {
            version: entry.version,
            value,
            text,
            base64,
        }
    }
}

impl TryFrom<GivenEntry> for Entry {
    type Error = String;

    fn try_from(given: GivenEntry) -> Result<Self, String> {
        let value = read_bytes(&given.value, &given.text, &given.base64)?;
        let version = given.version;
        Ok(Self { value, version })
    }
}

/// A message that is stored. `data` is a kind's document; a text has `text` alone.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GivenMessage {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    pub from: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ts_ms: Option<u64>,
    #[serde(default = "text_kind", skip_serializing_if = "is_text")]
    pub kind: String,
    #[serde(default)]
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Document>,
    /// Of a message of the plugin's own kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Value>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub deleted: bool,
}

/// What a message says.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GivenContent {
    #[serde(default = "text_kind", skip_serializing_if = "is_text")]
    pub kind: String,
    #[serde(default)]
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Document>,
}

impl From<&Draft> for GivenContent {
    fn from(draft: &Draft) -> Self {
        let Draft { kind, text, data } = draft.clone();
        let is_own_data = is_written(&Value::from(text.as_str()), &data);
        let data = (!is_own_data).then_some(Document(data));
        Self { kind, text, data }
    }
}

/// A text is its own data.
impl From<GivenContent> for Draft {
    fn from(given: GivenContent) -> Self {
        let GivenContent { kind, text, data } = given;
        let data = data.map_or_else(|| Value::from(text.as_str()).to_string(), |data| data.0);
        Self { kind, text, data }
    }
}

impl From<&Message> for GivenMessage {
    fn from(message: &Message) -> Self {
        let GivenContent { kind, text, data } = (&message.content).into();
        Self {
            id: message.id.clone(),
            channel: Some(message.channel.clone()),
            seq: Some(message.seq),
            from: message.sender.clone(),
            ts_ms: Some(message.ts_ms),
            kind,
            text,
            data,
            state: None,
            deleted: message.deleted,
        }
    }
}

impl GivenMessage {
    /// The message as the plugin sees it; `at` is its seq where the case gives none.
    pub fn message(self, at: u64, context: &Context) -> Message {
        let Self {
            kind, text, data, ..
        } = self;
        Message {
            channel: self.channel.unwrap_or_else(|| context.channel.clone()),
            seq: self.seq.unwrap_or(at),
            sender: self.from,
            ts_ms: self.ts_ms.unwrap_or(context.now_ms),
            content: GivenContent { kind, text, data }.into(),
            deleted: self.deleted,
            id: self.id,
        }
    }
}

/// A channel that is more than its id.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GivenChannel {
    pub id: String,
    #[serde(default, rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub name: String,
    #[serde(default = "nothing")]
    pub custom: Document,
}

impl From<&Channel> for GivenChannel {
    fn from(channel: &Channel) -> Self {
        let Channel {
            id,
            kind,
            name,
            custom,
        } = channel.clone();
        let custom = Document(custom);
        Self {
            id,
            kind,
            name,
            custom,
        }
    }
}

impl From<GivenChannel> for Channel {
    fn from(given: GivenChannel) -> Self {
        let GivenChannel {
            id,
            kind,
            name,
            custom,
        } = given;
        let custom = custom.0;
        Self {
            id,
            kind,
            name,
            custom,
        }
    }
}

/// A participant.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GivenMember {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    pub user: String,
    #[serde(default = "member")]
    pub role: String,
}

impl From<&Member> for GivenMember {
    fn from(member: &Member) -> Self {
        let role = role_word(member.role).to_owned();
        let user = member.user.clone();
        Self {
            channel: None,
            user,
            role,
        }
    }
}

impl TryFrom<GivenMember> for Member {
    type Error = String;

    fn try_from(given: GivenMember) -> Result<Self, String> {
        let role = role(&given.role)?;
        Ok(Self {
            user: given.user,
            role,
        })
    }
}

/// A user of the app.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GivenUser {
    pub id: String,
    #[serde(default)]
    pub name: String,
    #[serde(default = "nothing")]
    pub custom: Document,
}

impl From<&User> for GivenUser {
    fn from(user: &User) -> Self {
        let User { id, name, custom } = user.clone();
        let custom = Document(custom);
        Self { id, name, custom }
    }
}

impl From<GivenUser> for User {
    fn from(given: GivenUser) -> Self {
        let GivenUser { id, name, custom } = given;
        let custom = custom.0;
        Self { id, name, custom }
    }
}

/// What a host outside answers.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GivenResponse {
    #[serde(default)]
    pub url: String,
    #[serde(default = "ok")]
    pub status: u16,
    #[serde(default)]
    pub headers: Headers,
    #[serde(default)]
    pub body: Body,
}

impl From<&HttpResponse> for GivenResponse {
    fn from(response: &HttpResponse) -> Self {
        Self {
            url: response.url.clone(),
            status: response.status,
            headers: response.headers.as_slice().into(),
            body: response.body.as_slice().into(),
        }
    }
}

impl TryFrom<GivenResponse> for HttpResponse {
    type Error = String;

    fn try_from(given: GivenResponse) -> Result<Self, String> {
        Ok(Self {
            body: given.body.read().map_err(|error| format!("body {error}"))?,
            url: given.url,
            status: given.status,
            headers: given.headers.into(),
        })
    }
}

/// A request to the outside. Of a secret it has the name, which is all that the plugin has of it.
pub fn request_document(request: &HttpRequest) -> Value {
    let shown = |value: &HttpHeaderValue| match value {
        HttpHeaderValue::Text(text) => text.as_str().into(),
        HttpHeaderValue::Secret(secret) => {
            json!({ "secret": secret.name, "prefix": secret.prefix })
        }
    };
    let headers = request
        .headers
        .iter()
        .map(|h| (h.name.as_str(), shown(&h.value)));
    let mut document = json!({
        "method": request.method, "url": request.url, "headers": headers_document(headers.collect()),
    });
    if !request.body.is_empty() {
        document["body"] = bytes_document(&request.body);
    }
    document
}

/// Headers for people to compare: a table, unless a name comes twice.
pub fn headers_document(headers: Vec<(&str, Value)>) -> Value {
    let table: BTreeMap<&str, &Value> =
        headers.iter().map(|(name, value)| (*name, value)).collect();
    match table.len() == headers.len() {
        true => json!(table),
        false => json!(headers),
    }
}

/// What a plugin sends, or changes a message to, with `to` saying which.
pub fn post_document(mut to: Value, post: &Post) -> Value {
    to["kind"] = post.kind.as_str().into();
    match post.kind.as_str() {
        "text" => to["text"] = post.body.as_str().into(),
        _ => to["data"] = json_or_text(&post.body),
    }
    if !post.blocks.is_empty() {
        to["blocks"] = json_or_text(&post.blocks);
    }
    to
}

/// What a plugin gave as JSON; as text if it isn't.
pub fn json_or_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

/// Bytes for people to compare: `value` for whatever is JSON, `text`, `base64`.
pub fn bytes_document(bytes: &[u8]) -> Value {
    match (
        serde_json::from_slice::<Value>(bytes),
        str::from_utf8(bytes),
    ) {
        (Ok(value), _) => json!({ "value": value }),
        (_, Ok(text)) => json!({ "text": text }),
        _ => json!({ "base64": STANDARD.encode(bytes) }),
    }
}

/// The words of `wit/types.wit`.
const ROLES: [(&str, Role); 6] = [
    ("none", Role::None),
    ("member", Role::Member),
    ("admin", Role::Admin),
    ("owner", Role::Owner),
    ("server", Role::Server),
    ("plugin", Role::Plugin),
];

/// Reads a role.
pub fn role(word: &str) -> Result<Role, String> {
    let known = ROLES.into_iter().find(|(known, _)| *known == word);
    known.map(|(_, role)| role).ok_or_else(|| {
        format!(
            "is `{word}`, which is none of: {}",
            ROLES.map(|(word, _)| word).join(", ")
        )
    })
}

/// The same the other way.
pub fn role_word(role: Role) -> &'static str {
    let known = ROLES.into_iter().find(|(_, known)| *known == role);
    known.map_or("none", |(word, _)| word)
}

/// Reads whose value it is: `channel:<id>`, `user:<id>`, `message:<id>`, or nothing for the plugin's
/// own.
pub fn scope(word: &str) -> Result<Scope, String> {
    match word.split_once(':') {
        None if word.is_empty() => Ok(Scope::Plugin),
        Some(("channel", id)) => Ok(Scope::Channel(id.into())),
        Some(("user", id)) => Ok(Scope::User(id.into())),
        Some(("message", id)) => Ok(Scope::Message(id.into())),
        _ => Err(format!(
            "the scope `{word}` is none of: channel:<id>, user:<id>, message:<id>"
        )),
    }
}

/// The same the other way; nothing for the plugin's own.
pub fn scope_word(scope: &Scope) -> String {
    match scope {
        Scope::Plugin => String::new(),
        Scope::Channel(id) => format!("channel:{id}"),
        Scope::User(id) => format!("user:{id}"),
        Scope::Message(id) => format!("message:{id}"),
    }
}

pub(super) fn one() -> u64 {
    1
}

pub(super) fn get() -> String {
    "GET".into()
}

pub(super) fn member() -> String {
    "member".into()
}

pub(super) fn nothing() -> Document {
    Document("{}".into())
}

pub(super) fn ok() -> u16 {
    200
}

fn text_kind() -> String {
    "text".into()
}

fn is_text(kind: &str) -> bool {
    kind == "text"
}

fn is_false(flag: &bool) -> bool {
    !flag
}
