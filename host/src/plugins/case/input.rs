//! What a hook is called with, and the call itself.

use std::sync::Arc;

use serde_json::Value;

use super::told::Told;
use crate::plugins::{
    self, Act, Call, Candidate, Command, Draft, EndpointRequest, Event, Fault, Hook, Interaction,
    Output, Seat, UploadedFile,
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

    /// Makes the call. What the hook returns comes as it is told.
    pub async fn make(&self, call: Call<'_>) -> Result<Output<Value>, Fault> {
        match self {
            Self::BeforeSend(draft) => told(plugins::guard_send(call, draft).await),
            Self::BeforeEdit { after, before } => {
                told(plugins::guard_edit(call, after, before).await)
            }
            Self::BeforeDelete(draft) => told(plugins::guard_delete(call, draft).await),
            Self::Event(event) => told(plugins::handle_event(call, event).await),
            Self::Run(command) => told(plugins::run_command(call, command).await),
            Self::Complete(command) => told(plugins::complete_command(call, command).await),
            Self::Interaction(pressed) => told(plugins::handle_interaction(call, pressed).await),
            Self::Create { kind, data } => told(plugins::kind_create(call, kind, data).await),
            Self::Act(action) => told(plugins::kind_act(call, action.act()).await),
            Self::Timer { name, payload } => {
                told(plugins::run_schedule(call, name, payload, &Arc::default()).await)
            }
            Self::Seat(seat) => told(plugins::guard_seat(call, seat).await),
            Self::CreateChannel { channel, seats } => {
                told(plugins::guard_create(call, channel, seats).await)
            }
            Self::Connect { user } => told(plugins::guard_connect(call, user).await),
            Self::Keep { file, head } => told(plugins::guard_file(call, file, head).await),
            Self::Request(request) => told(plugins::handle_request(call, request).await),
            Self::Rank(Ranking {
                feed,
                argument,
                candidates,
            }) => told(plugins::rank_feed(call, feed, argument, candidates).await),
            Self::CheckSettings(settings) => told(plugins::check_settings(call, settings).await),
            Self::Start { previous } => told(plugins::start(call, previous.as_deref()).await),
        }
    }
}

fn told<T: Told>(outcome: Result<Output<T>, Fault>) -> Result<Output<Value>, Fault> {
    outcome.map(|output| Output {
        value: output.value.told(),
        effects: output.effects,
        usage: output.usage,
        log: output.log,
    })
}
