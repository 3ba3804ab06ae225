//! What a hook is called with: read from a case, written to one, and called.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::recorded::Recorded;
use super::tape::Tape;
use super::texts::{Body, Document, Headers};
use super::things::{GivenContent, GivenMessage, get, member, nothing, one, role, role_word};
use crate::plugins::{
    self, Act, Call, Candidate, Command, Context, Draft, EndpointRequest, Event, Hook, Interaction,
    Seat, UploadedFile,
};

/// What a hook is called with.
#[derive(Clone)]
pub enum Input {
    BeforeSend(Draft),
    BeforeEdit { after: Draft, before: Draft },
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
    Keep { file: UploadedFile, head: Vec<u8> },
    Request(EndpointRequest),
    Rank(Ranking),
    CheckSettings(String),
    Start { previous: Option<String> },
}

/// What there is for a feed.
#[derive(Clone)]
pub struct Ranking {
    pub feed: String,
    pub argument: String,
    pub candidates: Vec<Candidate>,
}

/// What somebody does with a message of a kind; documents are JSON.
#[derive(Clone)]
pub struct Action {
    pub kind: String,
    pub data: String,
    pub state: String,
    pub action: String,
    pub value: String,
}

impl From<Act<'_>> for Action {
    fn from(act: Act<'_>) -> Self {
        Self {
            kind: act.kind.to_owned(),
            data: act.data.clone(),
            state: act.state.clone(),
            action: act.action.to_owned(),
            value: act.value.clone(),
        }
    }
}

impl Action {
    fn act(&self) -> Act<'_> {
        Act {
            kind: &self.kind,
            data: &self.data,
            state: &self.state,
            action: &self.action,
            value: &self.value,
        }
    }
}

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
    /// What a feed is asked.
    pub(in crate::plugins) fn rank(feed: &str, argument: &str, candidates: &[Candidate]) -> Self {
        Self::Rank(Ranking {
            feed: feed.to_owned(),
            argument: argument.to_owned(),
            candidates: candidates.to_vec(),
        })
    }

    /// The hook, and which of its functions it is.
    pub fn function(&self) -> (Hook, &'static str) {
        match self {
            Self::BeforeSend(_) => (Hook::MessageGuard, "before-send"),
            Self::BeforeEdit { .. } => (Hook::MessageGuard, "before-edit"),
            Self::BeforeDelete(_) => (Hook::MessageGuard, "before-delete"),
            Self::Event(_) => (Hook::Events, "handle"),
            Self::Run(_) => (Hook::Commands, "run"),
            Self::Complete(_) => (Hook::Commands, "complete"),
            Self::Interaction(_) => (Hook::Interactions, "handle"),
            Self::Create { .. } => (Hook::MessageKind, "create"),
            Self::Act(_) => (Hook::MessageKind, "act"),
            Self::Timer { .. } => (Hook::Schedule, "run"),
            Self::Seat(_) => (Hook::MembershipGuard, "before-seat"),
            Self::CreateChannel { .. } => (Hook::MembershipGuard, "before-create"),
            Self::Connect { .. } => (Hook::SessionGuard, "before-connect"),
            Self::Keep { .. } => (Hook::FileGuard, "before-keep"),
            Self::Request(_) => (Hook::Endpoint, "handle"),
            Self::Rank(_) => (Hook::Feed, "rank"),
            Self::CheckSettings(_) => (Hook::Lifecycle, "check"),
            Self::Start { .. } => (Hook::Lifecycle, "start"),
        }
    }

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

    /// Makes the call, through the tape that `call` speaks to.
    pub async fn make(&self, call: Call<'_>, tape: &Tape) -> Recorded {
        match self {
            Self::BeforeSend(draft) => tape.end(&plugins::guard_send(call, draft).await),
            Self::BeforeEdit { after, before } => {
                tape.end(&plugins::guard_edit(call, after, before).await)
            }
            Self::BeforeDelete(draft) => tape.end(&plugins::guard_delete(call, draft).await),
            Self::Event(event) => tape.end(&plugins::handle_event(call, event).await),
            Self::Run(command) => tape.end(&plugins::run_command(call, command).await),
            Self::Complete(command) => tape.end(&plugins::complete_command(call, command).await),
            Self::Interaction(pressed) => {
                tape.end(&plugins::handle_interaction(call, pressed).await)
            }
            Self::Create { kind, data } => tape.end(&plugins::kind_create(call, kind, data).await),
            Self::Act(action) => tape.end(&plugins::kind_act(call, action.act()).await),
            Self::Timer { name, payload } => {
                tape.end(&plugins::run_schedule(call, name, payload, &Arc::default()).await)
            }
            Self::Seat(seat) => tape.end(&plugins::guard_seat(call, seat).await),
            Self::CreateChannel { channel, seats } => {
                tape.end(&plugins::guard_create(call, channel, seats).await)
            }
            Self::Connect { user } => tape.end(&plugins::guard_connect(call, user).await),
            Self::Keep { file, head } => tape.end(&plugins::guard_file(call, file, head).await),
            Self::Request(request) => tape.end(&plugins::handle_request(call, request).await),
            Self::Rank(Ranking {
                feed,
                argument,
                candidates,
            }) => tape.end(&plugins::rank_feed(call, feed, argument, candidates).await),
            Self::CheckSettings(settings) => {
                tape.end(&plugins::check_settings(call, settings).await)
            }
            Self::Start { previous } => tape.end(&plugins::start(call, previous.as_deref()).await),
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
