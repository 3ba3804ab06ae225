//! What a hook is called with, as a case has it: read and written.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::input::{Action, Input, Ranking};
use super::texts::{Body, Document, Headers};
use super::things::{GivenContent, GivenMessage, get, member, nothing, one, role, role_word};
use crate::plugins::{
    Candidate, Command, Context, Draft, EndpointRequest, Event, Hook, Interaction, Seat,
    UploadedFile,
};

/// The functions of a hook; a case that names none means the first.
fn functions(hook: Hook) -> &'static [&'static str] {
    match hook {
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
    }
}

impl Input {
    /// Reads what a case has; the error is a phrase for whoever wrote it.
    pub(super) fn read(
        hook: &str,
        call: Option<&str>,
        input: Value,
        context: &Context,
    ) -> Result<Self, String> {
        let Some(hook) = Hook::ALL.into_iter().find(|known| known.name() == hook) else {
            let known = Hook::ALL.map(Hook::name).join(", ");
            return Err(format!("hook = `{hook}` is none of: {known}"));
        };
        let calls = functions(hook);
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
                let (after, before) = (edit.after.into(), edit.before.into());
                Self::BeforeEdit { after, before }
            }
            (Hook::MessageGuard, "before-delete") => Self::BeforeDelete(draft(input)?),
            (Hook::MessageGuard, _) => Self::BeforeSend(draft(input)?),
            (Hook::Events, _) => Self::Event(fields::<WrittenEvent>(input)?.event(context)),
            (Hook::Commands, "complete") => {
                Self::Complete(fields::<WrittenCommand>(input)?.command())
            }
            (Hook::Commands, _) => Self::Run(fields::<WrittenCommand>(input)?.command()),
            (Hook::Interactions, _) => {
                Self::Interaction(fields::<WrittenInteraction>(input)?.interaction())
            }
            (Hook::MessageKind, "act") => Self::Act(fields::<WrittenAct>(input)?.action()),
            (Hook::MessageKind, _) => {
                let WrittenCreate { kind, data } = fields(input)?;
                Self::Create { kind, data: data.0 }
            }
            (Hook::Schedule, _) => {
                let WrittenTimer { name, payload } = fields(input)?;
                Self::Timer {
                    name,
                    payload: payload.0,
                }
            }
            (Hook::MembershipGuard, "before-create") => {
                let WrittenChannel { channel, seats } = fields(input)?;
                let seats = seats
                    .into_iter()
                    .map(WrittenSeat::seat)
                    .collect::<Result<_, _>>()?;
                Self::CreateChannel {
                    channel: channel.0,
                    seats,
                }
            }
            (Hook::MembershipGuard, _) => Self::Seat(fields::<WrittenSeat>(input)?.seat()?),
            (Hook::SessionGuard, _) => Self::Connect {
                user: Document::from(input).0,
            },
            (Hook::FileGuard, _) => fields::<WrittenFile>(input)?.keep()?,
            (Hook::Endpoint, _) => Self::Request(fields::<WrittenRequest>(input)?.request()?),
            (Hook::Feed, _) => Self::Rank(fields::<WrittenRanking>(input)?.ranking(context)),
            (Hook::Lifecycle, "check") => Self::CheckSettings(Document::from(input).0),
            (Hook::Lifecycle, _) => {
                let WrittenStart { previous } = fields(input)?;
                Self::Start { previous }
            }
        })
    }

    /// What a case has for it.
    pub(super) fn write(&self) -> Value {
        let content = |draft: &Draft| json!(GivenContent::from(draft));
        match self {
            Self::BeforeSend(draft) | Self::BeforeDelete(draft) => content(draft),
            Self::BeforeEdit { after, before } => {
                json!({ "after": content(after), "before": content(before) })
            }
            Self::Event(event) => json!({
                "kind": event.kind, "seq": event.seq, "ts_ms": event.ts_ms,
                "data": Document::shown(&event.data),
            }),
            Self::Run(command) | Self::Complete(command) => {
                json!({ "name": command.name, "text": command.text })
            }
            Self::Interaction(pressed) => json!({
                "message_id": pressed.message_id, "action": pressed.action,
                "value": Document::shown(&pressed.value),
            }),
            Self::Create { kind, data } => json!({ "kind": kind, "data": Document::shown(data) }),
            Self::Act(act) => json!({
                "kind": act.kind, "data": Document::shown(&act.data),
                "state": Document::shown(&act.state), "action": act.action,
                "value": Document::shown(&act.value),
            }),
            Self::Timer { name, payload } => {
                json!({ "name": name, "payload": Document::shown(payload) })
            }
            Self::Seat(seat) => json!(WrittenSeat::from(seat)),
            Self::CreateChannel { channel, seats } => json!({
                "channel": Document::shown(channel),
                "seats": seats.iter().map(WrittenSeat::from).collect::<Vec<_>>(),
            }),
            Self::Connect { user: document } | Self::CheckSettings(document) => {
                Document::shown(document)
            }
            Self::Keep { file, head } => json!({
                "name": file.name, "media_type": file.media_type, "bytes": file.bytes,
                "sha256": file.sha256, "head": Body::from(head.as_slice()),
            }),
            Self::Request(request) => json!({
                "method": request.method, "path": request.path, "query": request.query,
                "headers": Headers::from(request.headers.as_slice()),
                "body": Body::from(request.body.as_slice()),
            }),
            Self::Rank(ranking) => json!({
                "feed": ranking.feed, "argument": ranking.argument,
                "candidates": ranking.candidates.iter().map(candidate).collect::<Vec<_>>(),
            }),
            Self::Start { previous } => json!({ "previous": previous }),
        }
    }
}

fn draft(input: Value) -> Result<Draft, String> {
    fields::<GivenContent>(input).map(Draft::from)
}

fn candidate(candidate: &Candidate) -> Value {
    let mut document = json!({ "message": GivenMessage::from(&candidate.message) });
    if !candidate.state.is_empty() {
        document["state"] = Document::shown(&candidate.state);
    }
    document
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
struct WrittenEdit {
    after: GivenContent,
    before: GivenContent,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEvent {
    kind: String,
    #[serde(default = "one")]
    seq: u64,
    ts_ms: Option<u64>,
    #[serde(default = "nothing")]
    data: Document,
}

impl WrittenEvent {
    fn event(self, context: &Context) -> Event {
        Event {
            kind: self.kind,
            seq: self.seq,
            ts_ms: self.ts_ms.unwrap_or(context.now_ms),
            data: self.data.0,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCommand {
    name: String,
    #[serde(default)]
    text: String,
}

impl WrittenCommand {
    fn command(self) -> Command {
        let Self { name, text } = self;
        Command { name, text }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenInteraction {
    message_id: String,
    action: String,
    #[serde(default)]
    value: Document,
}

impl WrittenInteraction {
    fn interaction(self) -> Interaction {
        Interaction {
            message_id: self.message_id,
            action: self.action,
            value: self.value.0,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCreate {
    kind: String,
    data: Document,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAct {
    kind: String,
    data: Document,
    state: Document,
    action: String,
    #[serde(default)]
    value: Document,
}

impl WrittenAct {
    fn action(self) -> Action {
        Action {
            kind: self.kind,
            data: self.data.0,
            state: self.state.0,
            action: self.action,
            value: self.value.0,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTimer {
    name: String,
    #[serde(default)]
    payload: Document,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WrittenSeat {
    user: String,
    #[serde(default = "none")]
    before: String,
    #[serde(default = "member")]
    after: String,
}

fn none() -> String {
    "none".into()
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

impl From<&Seat> for WrittenSeat {
    fn from(seat: &Seat) -> Self {
        Self {
            user: seat.user.clone(),
            before: role_word(seat.before).to_owned(),
            after: role_word(seat.after).to_owned(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenChannel {
    #[serde(default = "nothing")]
    channel: Document,
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
    head: Body,
}

impl WrittenFile {
    fn keep(self) -> Result<Input, String> {
        let head = self.head.read();
        let head = head.map_err(|error| format!("input.head {error}"))?;
        let file = UploadedFile {
            name: self.name,
            media_type: self.media_type,
            bytes: self.bytes.unwrap_or(head.len() as u64),
            sha256: self.sha256,
        };
        Ok(Input::Keep { file, head })
    }
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
    headers: Headers,
    #[serde(default)]
    body: Body,
}

impl WrittenRequest {
    fn request(self) -> Result<EndpointRequest, String> {
        Ok(EndpointRequest {
            body: self
                .body
                .read()
                .map_err(|error| format!("input.body {error}"))?,
            method: self.method,
            path: self.path,
            query: self.query,
            headers: self.headers.into(),
        })
    }
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

impl WrittenRanking {
    fn ranking(self, context: &Context) -> Ranking {
        let candidates = (1..).zip(self.candidates).map(|(at, of)| Candidate {
            message: of.message.message(at, context),
            state: of.state.map(|state| state.0).unwrap_or_default(),
        });
        Ranking {
            candidates: candidates.collect(),
            feed: self.feed,
            argument: self.argument,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCandidate {
    message: GivenMessage,
    state: Option<Document>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenStart {
    previous: Option<String>,
}
