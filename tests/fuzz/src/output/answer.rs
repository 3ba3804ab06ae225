//! What each function of a hook returns, as the puppet reads it from its settings and as it comes back
//! from the host.

use althing::plugins::{self, Call, Draft, Fault};
use arbitrary::{Arbitrary, Result as Made, Unstructured};
use serde::Serialize;

use crate::text;

/// What a function returns, one for each function.
#[derive(Serialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum Answer {
    BeforeSend(Verdict),
    BeforeEdit(Verdict),
    BeforeDelete(Verdict),
    Event(Result<(), Sentence>),
    Run(Result<Option<View>, Sentence>),
    Complete(Vec<Choice>),
    Interaction(Result<Option<View>, Sentence>),
    Create(Result<Created, Sentence>),
    Act(Result<Shown, Sentence>),
    Timer(Result<(), Sentence>),
    BeforeSeat(Result<(), Rejection>),
    BeforeCreate(Result<(), Rejection>),
    BeforeConnect(Result<(), Rejection>),
    BeforeKeep(Result<(), Rejection>),
    Request(Result<Response, Sentence>),
    Rank(Result<Vec<u32>, Sentence>),
    Check(Vec<SettingFault>),
    Start(Result<(), Sentence>),
}

made!(Answer [
    BeforeSend(_), BeforeEdit(_), BeforeDelete(_), Event(_), Run(_), Complete(_), Interaction(_),
    Create(_), Act(_), Timer(_), BeforeSeat(_), BeforeCreate(_), BeforeConnect(_), BeforeKeep(_),
    Request(_), Rank(_), Check(_), Start(_),
]);

/// For a person to read.
pub type Sentence = Text;

/// Any text.
#[derive(Serialize, Clone, Debug, PartialEq)]
pub struct Text(pub String);

/// JSON, mostly.
#[derive(Serialize, Clone, Debug, PartialEq)]
pub struct Document(pub String);

/// A list as JSON or nothing, mostly.
#[derive(Serialize, Clone, Debug, PartialEq)]
pub struct Blocks(pub String);

#[derive(Serialize, Clone, Debug, PartialEq)]
pub enum Verdict {
    Allow,
    Change(Patch),
    Reject(Rejection),
    Hold(Sentence),
}

made!(Verdict [Allow, Change(_), Reject(_), Hold(_)]);

#[derive(Serialize, Clone, Debug, PartialEq)]
pub struct Patch {
    pub text: Option<Text>,
    pub data: Option<Document>,
}

made!(Patch { text, data });

#[derive(Serialize, Clone, Debug, PartialEq)]
pub struct Rejection {
    pub code: String,
    pub reason: Sentence,
    pub retry_after_ms: Option<u32>,
}

/// A reply has the same fields.
#[derive(Serialize, Clone, Debug, PartialEq)]
pub struct View {
    pub text: Text,
    pub blocks: Blocks,
}

made!(View { text, blocks });

#[derive(Serialize, Clone, Debug, PartialEq)]
pub struct Choice {
    pub value: Text,
    pub label: Sentence,
}

made!(Choice { value, label });

#[derive(Serialize, Clone, Debug, PartialEq)]
pub struct Created {
    pub data: Document,
    pub shown: Shown,
}

made!(Created { data, shown });

#[derive(Serialize, Clone, Debug, PartialEq)]
pub struct Shown {
    pub state: Document,
    pub view: View,
}

made!(Shown { state, view });

#[derive(Serialize, Clone, Debug, PartialEq)]
pub struct SettingFault {
    pub setting: Sentence,
    pub detail: Sentence,
}

made!(SettingFault { setting, detail });

#[derive(Serialize, Clone, Debug, PartialEq)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(Text, Text)>,
    pub body: Vec<u8>,
}

made!(Response {
    status,
    headers,
    body
});

impl<'a> Arbitrary<'a> for Text {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Made<Self> {
        text::any(bytes).map(Self)
    }
}

impl<'a> Arbitrary<'a> for Document {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Made<Self> {
        text::document(bytes).map(Self)
    }
}

impl<'a> Arbitrary<'a> for Blocks {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Made<Self> {
        text::blocks(bytes).map(Self)
    }
}

impl<'a> Arbitrary<'a> for Rejection {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Made<Self> {
        let code = match bytes.ratio(1, 4)? {
            true => text::any(bytes)?,
            false => "c".repeat(bytes.int_in_range(1..=70)?),
        };
        Ok(Self {
            code,
            reason: bytes.arbitrary()?,
            retry_after_ms: bytes.arbitrary()?,
        })
    }
}

impl Answer {
    /// Calls the function that returns it, and gives what came back.
    pub async fn call(&self, call: Call<'_>) -> Result<Self, Fault> {
        let json = || "{}".to_owned();
        let draft = Draft {
            kind: "text".into(),
            text: "a".into(),
            data: "\"a\"".into(),
        };
        let command = plugins::Command {
            name: "puppet".into(),
            text: String::new(),
        };
        let seat = plugins::Seat {
            user: "u".into(),
            before: plugins::Role::None,
            after: plugins::Role::Member,
        };
        Ok(match self {
            Self::BeforeSend(_) => {
                Self::BeforeSend(plugins::guard_send(call, &draft).await?.value.into())
            }
            Self::BeforeEdit(_) => {
                let verdict = plugins::guard_edit(call, &draft, &draft).await?.value;
                Self::BeforeEdit(verdict.into())
            }
            Self::BeforeDelete(_) => {
                Self::BeforeDelete(plugins::guard_delete(call, &draft).await?.value.into())
            }
            Self::Event(_) => {
                let event = plugins::Event {
                    kind: "message.new".into(),
                    seq: 1,
                    ts_ms: 1,
                    data: json(),
                };
                Self::Event(ended(plugins::handle_event(call, &event).await?.value))
            }
            Self::Run(_) => {
                let reply = plugins::run_command(call, &command).await?.value;
                Self::Run(ended(reply.map(|reply| reply.map(View::from))))
            }
            Self::Complete(_) => {
                let choices = plugins::complete_command(call, &command).await?.value;
                Self::Complete(choices.into_iter().map(Choice::from).collect())
            }
            Self::Interaction(_) => {
                let interaction = plugins::Interaction {
                    message_id: "m".into(),
                    action: "a".into(),
                    value: json(),
                };
                let reply = plugins::handle_interaction(call, &interaction).await?.value;
                Self::Interaction(ended(reply.map(|reply| reply.map(View::from))))
            }
            Self::Create(_) => {
                let created = plugins::kind_create(call, "puppet", &json()).await?.value;
                Self::Create(ended(created.map(Created::from)))
            }
            Self::Act(_) => {
                let act = plugins::Act {
                    kind: "puppet",
                    data: &json(),
                    state: &json(),
                    action: "a",
                    value: &json(),
                };
                let shown = plugins::kind_act(call, act).await?.value;
                Self::Act(ended(shown.map(Shown::from)))
            }
            Self::Timer(_) => {
                let waits = Default::default();
                let ran = plugins::run_schedule(call, "t", &json(), &waits).await?;
                Self::Timer(ended(ran.value))
            }
            Self::BeforeSeat(_) => {
                Self::BeforeSeat(leave(plugins::guard_seat(call, &seat).await?.value))
            }
            Self::BeforeCreate(_) => {
                let leaves =
                    plugins::guard_create(call, &json(), std::slice::from_ref(&seat)).await?;
                Self::BeforeCreate(leave(leaves.value))
            }
            Self::BeforeConnect(_) => {
                Self::BeforeConnect(leave(plugins::guard_connect(call, &json()).await?.value))
            }
            Self::BeforeKeep(_) => {
                let file = plugins::UploadedFile {
                    name: "a".into(),
                    media_type: "image/png".into(),
                    bytes: 1,
                    sha256: "0".repeat(64),
                };
                Self::BeforeKeep(leave(plugins::guard_file(call, &file, &[1]).await?.value))
            }
            Self::Request(_) => {
                let request = plugins::EndpointRequest {
                    method: "GET".into(),
                    path: "/".into(),
                    query: String::new(),
                    headers: Vec::new(),
                    body: Vec::new(),
                };
                let response = plugins::handle_request(call, &request).await?.value;
                Self::Request(ended(response.map(Response::from)))
            }
            Self::Rank(_) => {
                let places = plugins::rank_feed(call, "puppet", "", &[]).await?.value;
                Self::Rank(ended(places))
            }
            Self::Check(_) => {
                let faults = plugins::check_settings(call, &json()).await?.value;
                Self::Check(faults.into_iter().map(SettingFault::from).collect())
            }
            Self::Start(_) => Self::Start(ended(plugins::start(call, None).await?.value)),
        })
    }
}

fn ended<T>(result: Result<T, String>) -> Result<T, Sentence> {
    result.map_err(Text)
}

fn leave(result: Result<(), plugins::Rejection>) -> Result<(), Rejection> {
    result.map_err(Rejection::from)
}

impl From<plugins::Verdict> for Verdict {
    fn from(verdict: plugins::Verdict) -> Self {
        match verdict {
            plugins::Verdict::Allow => Self::Allow,
            plugins::Verdict::Change(patch) => Self::Change(Patch {
                text: patch.text.map(Text),
                data: patch.data.map(Document),
            }),
            plugins::Verdict::Reject(rejection) => Self::Reject(rejection.into()),
            plugins::Verdict::Hold(reason) => Self::Hold(Text(reason)),
        }
    }
}

impl From<plugins::Rejection> for Rejection {
    fn from(rejection: plugins::Rejection) -> Self {
        Self {
            code: rejection.code,
            reason: Text(rejection.reason),
            retry_after_ms: rejection.retry_after_ms,
        }
    }
}

impl From<plugins::Reply> for View {
    fn from(reply: plugins::Reply) -> Self {
        Self {
            text: Text(reply.text),
            blocks: Blocks(reply.blocks),
        }
    }
}

impl From<plugins::Choice> for Choice {
    fn from(choice: plugins::Choice) -> Self {
        Self {
            value: Text(choice.value),
            label: Text(choice.label),
        }
    }
}

impl From<plugins::Created> for Created {
    fn from(created: plugins::Created) -> Self {
        Self {
            data: Document(created.data),
            shown: created.shown.into(),
        }
    }
}

impl From<plugins::Shown> for Shown {
    fn from(shown: plugins::Shown) -> Self {
        Self {
            state: Document(shown.state),
            view: View {
                text: Text(shown.view.text),
                blocks: Blocks(shown.view.blocks),
            },
        }
    }
}

impl From<plugins::CheckedSetting> for SettingFault {
    fn from(fault: plugins::CheckedSetting) -> Self {
        Self {
            setting: Text(fault.setting),
            detail: Text(fault.detail),
        }
    }
}

impl From<plugins::EndpointResponse> for Response {
    fn from(response: plugins::EndpointResponse) -> Self {
        let headers = response.headers.into_iter();
        Self {
            status: response.status,
            headers: headers
                .map(|(name, value)| (Text(name), Text(value)))
                .collect(),
            body: response.body,
        }
    }
}
