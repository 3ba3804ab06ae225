//! A case as it is written: a call, what there is when it comes, and what is expected of it. Read
//! strictly, so that a typo is no case that passes.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::plugins::{
    Candidate, Command, Context, Draft, EndpointRequest, Event, Hook, Interaction, Manifest,
    Message, Role, Scope, Seat, UploadedFile,
};

/// A call that is ready to be made.
pub struct Case {
    pub context: Context,
    /// The settings, checked and with defaults, as JSON.
    pub config: String,
    pub input: Input,
    pub given: Things,
    /// In the form of an outcome's document.
    pub expect: Value,
}

/// What a hook is called with.
pub enum Input {
    BeforeSend(Draft),
    BeforeEdit(Draft, Draft),
    BeforeDelete(Draft),
    Event(Event),
    Run(Command),
    Complete(Command),
    Interaction(Interaction),
    Create { kind: String, data: String },
    Act(Action),
    Timer { name: String, payload: String },
    Seat(Seat),
    CreateChannel { channel: String, seats: Vec<Seat> },
    Connect { user: String },
    Keep(UploadedFile, Vec<u8>),
    Request(EndpointRequest),
    Rank(Ranking),
    CheckSettings(String),
    Start { previous: Option<String> },
}

/// What there is for a feed.
pub struct Ranking {
    pub feed: String,
    pub argument: String,
    pub candidates: Vec<Candidate>,
}

/// What somebody does with a message of a kind; documents are JSON.
pub struct Action {
    pub kind: String,
    pub data: String,
    pub state: String,
    pub action: String,
    pub value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    hook: String,
    call: Option<String>,
    #[serde(default)]
    context: WrittenContext,
    #[serde(default)]
    config: Value,
    #[serde(default)]
    input: Value,
    #[serde(default)]
    given: Things,
    #[serde(default = "nothing")]
    expect: Value,
}

fn nothing() -> Value {
    json!({})
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenContext {
    now_ms: u64,
    seed: u64,
    channel: String,
    channel_type: String,
    actor: String,
    role: String,
}

impl Default for WrittenContext {
    fn default() -> Self {
        Self {
            // 2026-01-01, a Thursday.
            now_ms: 1_767_225_600_000,
            seed: 0,
            channel: "general".into(),
            channel_type: "messaging".into(),
            actor: "alice".into(),
            role: "member".into(),
        }
    }
}

/// What there is when the call comes.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Things {
    pub kv: Vec<KeyValue>,
    pub messages: Vec<GivenMessage>,
    pub channels: Vec<GivenChannel>,
    pub members: Vec<GivenMember>,
    pub users: Vec<GivenUser>,
    pub counters: Vec<Counter>,
    pub http: Vec<Response>,
}

/// A value that is kept: one of `value` (JSON), `text` and `base64`.
#[derive(Deserialize)]
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

fn one() -> u64 {
    1
}

/// A message that is stored. `data` is a kind's document; a text has `text` alone.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenMessage {
    pub id: String,
    pub channel: Option<String>,
    pub seq: Option<u64>,
    pub from: String,
    pub ts_ms: Option<u64>,
    #[serde(default = "text_kind")]
    pub kind: String,
    #[serde(default)]
    pub text: String,
    pub data: Option<Value>,
    /// Of a message of the plugin's own kinds.
    pub state: Option<Value>,
}

/// A channel that is more than its id.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenChannel {
    pub id: String,
    #[serde(default, rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub name: String,
    #[serde(default = "nothing")]
    pub custom: Value,
}

/// A participant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenMember {
    pub channel: Option<String>,
    pub user: String,
    #[serde(default = "member")]
    pub role: String,
}

/// A user of the app.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenUser {
    pub id: String,
    #[serde(default)]
    pub name: String,
    #[serde(default = "nothing")]
    pub custom: Value,
}

/// What was counted just before the call.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counter {
    pub key: String,
    pub sum: u32,
}

/// What a host outside answers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    #[serde(default = "get")]
    pub method: String,
    pub url: String,
    /// Where it comes from, after redirects.
    pub final_url: Option<String>,
    #[serde(default = "ok")]
    pub status: u16,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub body: String,
    /// The body as it comes, read by read, for what is read so.
    pub pieces: Option<Vec<String>>,
    /// Whether it breaks off at the end.
    #[serde(default)]
    pub cut: bool,
}

fn text_kind() -> String {
    "text".into()
}

fn none() -> String {
    "none".into()
}

fn member() -> String {
    "member".into()
}

fn get() -> String {
    "GET".into()
}

fn ok() -> u16 {
    200
}

/// Whether a file is a case, by its name.
pub fn is_case(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("toml" | "json"))
}

impl Case {
    /// Reads a case; the error is a phrase for whoever wrote it.
    pub fn read(path: &Path, text: &str, manifest: &Manifest) -> Result<Self, String> {
        let is_json = path
            .extension()
            .is_some_and(|extension| extension == "json");
        let written: Written = if is_json {
            serde_json::from_str(text).map_err(|error| error.to_string())?
        } else {
            toml::from_str(text).map_err(|error| error.to_string())?
        };
        let context = written.context;
        let context = Context {
            now_ms: context.now_ms,
            seed: context.seed,
            actor_role: role(&context.role).map_err(|error| format!("context.role {error}"))?,
            channel: context.channel,
            channel_type: context.channel_type,
            actor: context.actor,
        };
        let settings = match written.config {
            Value::Null => json!({}),
            settings => settings,
        };
        // A case has no secrets: what the host puts in, the plugin doesn't see.
        let settings = manifest
            .complete_config(settings, |_| true)
            .map_err(|faults| {
                let faults = faults
                    .iter()
                    .map(|f| format!("config.{} {}", f.field, f.message));
                faults.collect::<Vec<_>>().join("; ")
            })?;
        for entry in &written.given.kv {
            scope(&entry.scope)?;
            given_bytes(entry).map(drop)?;
        }
        for given in &written.given.members {
            role(&given.role).map_err(|error| format!("given.members: role {error}"))?;
        }
        let call = written.call.as_deref();
        let input = input(&written.hook, call, written.input, &context)?;
        check_expected(&written.expect)?;
        Ok(Self {
            context,
            config: settings.plain.to_string(),
            input,
            given: written.given,
            expect: written.expect,
        })
    }
}

fn check_expected(expect: &Value) -> Result<(), String> {
    const KNOWN: [&str; 6] = ["result", "error", "fault", "writes", "requests", "progress"];
    let expect = expect.as_object().ok_or("`expect` must be a table")?;
    match expect.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        Some(key) => Err(format!("expect.{key} is none of: {}", KNOWN.join(", "))),
        None => Ok(()),
    }
}

fn input(hook: &str, call: Option<&str>, input: Value, context: &Context) -> Result<Input, String> {
    let Some(hook) = Hook::ALL.into_iter().find(|known| known.name() == hook) else {
        let known = Hook::ALL.map(Hook::name).join(", ");
        return Err(format!("hook = `{hook}` is none of: {known}"));
    };
    let calls: &[&str] = match hook {
        Hook::MessageGuard => &["before-send", "before-edit", "before-delete"],
        Hook::Commands => &["run", "complete"],
        Hook::MessageKind => &["create", "act"],
        Hook::Events | Hook::Interactions | Hook::Endpoint => &["handle"],
        Hook::MembershipGuard => &["before-seat", "before-create"],
        Hook::SessionGuard => &["before-connect"],
        Hook::FileGuard => &["before-keep"],
        Hook::Feed => &["rank"],
        Hook::Lifecycle => &["start", "check"],
        Hook::Schedule => &["run"],
    };
    let call = call.unwrap_or(calls[0]);
    if !calls.contains(&call) {
        return Err(format!("call = `{call}` is none of: {}", calls.join(", ")));
    }
    let input = match input {
        Value::Null => json!({}),
        input => input,
    };
    Ok(match (hook, call) {
        (Hook::MessageGuard, "before-edit") => {
            let edit: WrittenEdit = fields(input)?;
            Input::BeforeEdit(edit.after.draft(), edit.before.draft())
        }
        (Hook::MessageGuard, "before-delete") => {
            Input::BeforeDelete(fields::<WrittenDraft>(input)?.draft())
        }
        (Hook::MessageGuard, _) => Input::BeforeSend(fields::<WrittenDraft>(input)?.draft()),
        (Hook::Events, _) => {
            let event: WrittenEvent = fields(input)?;
            Input::Event(Event {
                kind: event.kind,
                seq: event.seq,
                ts_ms: event.ts_ms.unwrap_or(context.now_ms),
                data: event.data.to_string(),
            })
        }
        (Hook::Commands, call) => {
            let command: WrittenCommand = fields(input)?;
            let command = Command {
                name: command.name,
                text: command.text,
            };
            match call {
                "complete" => Input::Complete(command),
                _ => Input::Run(command),
            }
        }
        (Hook::Interactions, _) => {
            let interaction: WrittenInteraction = fields(input)?;
            Input::Interaction(Interaction {
                message_id: interaction.message_id,
                action: interaction.action,
                value: interaction.value.to_string(),
            })
        }
        (Hook::MessageKind, "act") => {
            let act: WrittenAct = fields(input)?;
            Input::Act(Action {
                kind: act.kind,
                data: act.data.to_string(),
                state: act.state.to_string(),
                action: act.action,
                value: act.value.to_string(),
            })
        }
        (Hook::MessageKind, _) => {
            let created: WrittenCreate = fields(input)?;
            Input::Create {
                kind: created.kind,
                data: created.data.to_string(),
            }
        }
        (Hook::Schedule, _) => {
            let timer: WrittenTimer = fields(input)?;
            Input::Timer {
                name: timer.name,
                payload: timer.payload.to_string(),
            }
        }
        (Hook::MembershipGuard, "before-create") => {
            let create: WrittenChannel = fields(input)?;
            let seats = create.seats.into_iter().map(WrittenSeat::seat);
            Input::CreateChannel {
                channel: create.channel.to_string(),
                seats: seats.collect::<Result<_, _>>()?,
            }
        }
        (Hook::MembershipGuard, _) => Input::Seat(fields::<WrittenSeat>(input)?.seat()?),
        (Hook::SessionGuard, _) => Input::Connect {
            user: input.to_string(),
        },
        (Hook::FileGuard, _) => {
            let file: WrittenFile = fields(input)?;
            let head = file.head.into_bytes();
            let file = UploadedFile {
                name: file.name,
                media_type: file.media_type,
                bytes: file.bytes.unwrap_or(head.len() as u64),
                sha256: file.sha256,
            };
            Input::Keep(file, head)
        }
        (Hook::Endpoint, _) => {
            let request: WrittenRequest = fields(input)?;
            Input::Request(EndpointRequest {
                method: request.method,
                path: request.path,
                query: request.query,
                headers: request.headers.into_iter().collect(),
                body: request.body.into_bytes(),
            })
        }
        (Hook::Feed, _) => {
            let ranking: WrittenRanking = fields(input)?;
            let candidates = (1..).zip(ranking.candidates).map(|(at, of)| Candidate {
                message: message(of.message, at, context),
                state: of.state.map(|state| state.to_string()).unwrap_or_default(),
            });
            Input::Rank(Ranking {
                candidates: candidates.collect(),
                feed: ranking.feed,
                argument: ranking.argument,
            })
        }
        (Hook::Lifecycle, "check") => Input::CheckSettings(input.to_string()),
        (Hook::Lifecycle, _) => Input::Start {
            previous: fields::<WrittenStart>(input)?.previous,
        },
    })
}

/// A message as the plugin sees it; `at` is its seq where the case gives none.
pub fn message(given: GivenMessage, at: u64, context: &Context) -> Message {
    Message {
        channel: given.channel.unwrap_or_else(|| context.channel.clone()),
        seq: given.seq.unwrap_or(at),
        sender: given.from,
        ts_ms: given.ts_ms.unwrap_or(context.now_ms),
        content: draft(given.kind, given.text, given.data),
        deleted: false,
        id: given.id,
    }
}

fn fields<T: DeserializeOwned>(input: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(input).map_err(|error| {
        let path = error.path().to_string();
        match path.as_str() {
            "." => format!("input: {}", error.inner()),
            path => format!("input.{path}: {}", error.inner()),
        }
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenDraft {
    #[serde(default = "text_kind")]
    kind: String,
    #[serde(default)]
    text: String,
    data: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEdit {
    after: WrittenDraft,
    before: WrittenDraft,
}

impl WrittenDraft {
    fn draft(self) -> Draft {
        draft(self.kind, self.text, self.data)
    }
}

/// A text is its own data.
pub fn draft(kind: String, text: String, data: Option<Value>) -> Draft {
    let data = data.unwrap_or_else(|| text.as_str().into()).to_string();
    Draft { kind, text, data }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEvent {
    kind: String,
    #[serde(default = "one")]
    seq: u64,
    ts_ms: Option<u64>,
    #[serde(default = "nothing")]
    data: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCommand {
    name: String,
    #[serde(default)]
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenInteraction {
    message_id: String,
    action: String,
    #[serde(default)]
    value: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCreate {
    kind: String,
    data: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAct {
    kind: String,
    data: Value,
    state: Value,
    action: String,
    #[serde(default)]
    value: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTimer {
    name: String,
    #[serde(default)]
    payload: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSeat {
    user: String,
    #[serde(default = "none")]
    before: String,
    #[serde(default = "member")]
    after: String,
}

impl WrittenSeat {
    fn seat(self) -> Result<Seat, String> {
        Ok(Seat {
            before: role(&self.before).map_err(|error| format!("input.before {error}"))?,
            after: role(&self.after).map_err(|error| format!("input.after {error}"))?,
            user: self.user,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenChannel {
    #[serde(default = "nothing")]
    channel: Value,
    #[serde(default)]
    seats: Vec<WrittenSeat>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFile {
    #[serde(default)]
    name: String,
    media_type: String,
    bytes: Option<u64>,
    #[serde(default)]
    sha256: String,
    #[serde(default)]
    head: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRequest {
    #[serde(default = "get")]
    method: String,
    path: String,
    #[serde(default)]
    query: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRanking {
    feed: String,
    #[serde(default)]
    argument: String,
    #[serde(default)]
    candidates: Vec<WrittenCandidate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCandidate {
    message: GivenMessage,
    state: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenStart {
    previous: Option<String>,
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

/// The bytes of a value.
pub fn given_bytes(entry: &KeyValue) -> Result<Vec<u8>, String> {
    use base64::Engine as _;
    match (&entry.value, &entry.text, &entry.base64) {
        (Some(value), None, None) => Ok(value.to_string().into_bytes()),
        (None, Some(text), None) => Ok(text.clone().into_bytes()),
        (None, None, Some(text)) => base64::engine::general_purpose::STANDARD
            .decode(text)
            .map_err(|error| format!("given.kv `{}`: base64: {error}", entry.key)),
        _ => Err(format!(
            "given.kv `{}` needs one of: value, text, base64",
            entry.key
        )),
    }
}
