//! The host's side of what a plugin imports. Reads go through one trait to the chat layer, which
//! alone knows what this install may see; writes are collected and come back with the outcome.
//! Every function counts against the call's budget and asks the class of the call first.

mod chat;
mod http;
mod kv;
mod local;

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use wasmtime::component::{HasSelf, Linker};

use super::bindings::althing::plugin as wit;
use super::case::Tape;
use super::counters::Counters;
use super::document::Readable;
use super::effects::{Effect, TimerWrite};
use super::fault::Limit;
use super::grants::{Grants, Permission};
use super::state::State;
use super::types::{
    Channel, Entry, HostError, HttpRequest, HttpResponse, Member, Message, Post, Scope, User,
};

/// An answer of the chat layer; the error goes to the plugin as it is.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, HostError>> + Send + 'a>>;

/// Values with their keys: how many, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Room {
    /// How many.
    pub keys: i64,
    /// Bytes of keys and values.
    pub bytes: i64,
}

/// What the chat layer does for one install. Everything is within the install's app; what the
/// plugin may not see answers `not-found`, like what isn't there. Reads see committed state.
///
/// The `prepare_` functions check access and run guards at once, and change nothing: the effect
/// they give is committed with the call's other writes, or dropped. `pending` holds the effects
/// that the same call prepared before, in order.
pub trait Chat: Send + Sync {
    /// Refuses a channel, user or message that isn't there or that the plugin may not see.
    fn owner<'a>(&'a self, scope: &'a Scope) -> Answer<'a, ()>;

    /// A committed, unexpired value. Versions are below 2^63.
    fn kv_get<'a>(&'a self, scope: &'a Scope, key: &'a str) -> Answer<'a, Option<Entry>>;

    /// The first `limit` committed, unexpired keys that begin with `prefix` and come after `after`,
    /// in byte order.
    fn kv_keys<'a>(
        &'a self,
        scope: &'a Scope,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Answer<'a, Vec<String>>;

    /// How much more the install may keep, if that is less than `wanted`.
    fn kv_room(&self, wanted: Room) -> Answer<'_, Option<Room>> {
        let _ = wanted;
        Box::pin(async { Ok(None) })
    }

    /// Refuses a timer over what the install may have, when the call has changed timers as in
    /// `pending` before.
    fn timer<'a>(&'a self, name: &'a str, pending: &'a [TimerWrite]) -> Answer<'a, ()>;

    /// A channel.
    fn channel<'a>(&'a self, id: &'a str) -> Answer<'a, Channel>;

    /// A message.
    fn message<'a>(&'a self, id: &'a str) -> Answer<'a, Message>;

    /// The private state of a message of one of the plugin's kinds.
    fn state<'a>(&'a self, id: &'a str) -> Answer<'a, String>;

    /// At most `limit` messages of a channel from new to old, those before the seq `before`.
    fn history<'a>(
        &'a self,
        channel: &'a str,
        before: Option<u64>,
        limit: u32,
    ) -> Answer<'a, Vec<Message>>;

    /// At most `limit` participants of a channel by user id, those after the user `after`.
    fn members<'a>(
        &'a self,
        channel: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Answer<'a, Vec<Member>>;

    /// A participant of a channel.
    fn member<'a>(&'a self, channel: &'a str, user: &'a str) -> Answer<'a, Member>;

    /// At most `limit` ids of the channels that a user is in, in byte order, those after `after`.
    fn channels_of<'a>(
        &'a self,
        user: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Answer<'a, Vec<String>>;

    /// A user of the app.
    fn user<'a>(&'a self, id: &'a str) -> Answer<'a, User>;

    /// Prepares a message of the plugin's bot user and gives the id that it will have.
    fn prepare_send<'a>(
        &'a self,
        channel: &'a str,
        post: Post,
        pending: &'a [Effect],
    ) -> Answer<'a, (String, Effect)>;

    /// Prepares a change of a message that the plugin sent.
    fn prepare_edit<'a>(
        &'a self,
        id: &'a str,
        post: Post,
        pending: &'a [Effect],
    ) -> Answer<'a, Effect>;

    /// Prepares a deletion: of the plugin's own message, or of anybody's if `moderates`.
    fn prepare_delete<'a>(
        &'a self,
        id: &'a str,
        moderates: bool,
        pending: &'a [Effect],
    ) -> Answer<'a, Effect>;

    /// Prepares an action on a message of one of the plugin's kinds; `value` is well-formed JSON.
    fn prepare_act<'a>(
        &'a self,
        id: &'a str,
        action: &'a str,
        value: &'a str,
        pending: &'a [Effect],
    ) -> Answer<'a, Effect>;

    /// Prepares what the plugin shows below a message; `blocks` is well-formed JSON, or empty.
    fn prepare_attach<'a>(
        &'a self,
        id: &'a str,
        blocks: &'a str,
        pending: &'a [Effect],
    ) -> Answer<'a, Effect>;

    /// Sends a request to the outside at once, if the install may reach where it goes.
    fn http(&self, request: HttpRequest) -> Answer<'_, HttpResponse>;

    /// Sends one and gives the answer as it comes, until `until` at the latest.
    fn open(&self, request: HttpRequest, until: Option<Instant>) -> Answer<'_, Box<dyn Incoming>>;

    /// Shows to those who watch what a message that the plugin sent says so far, unless it has
    /// another revision than `seen`. Gives the revision that it has.
    fn progress<'a>(&'a self, id: &'a str, post: Post, seen: Option<u64>) -> Answer<'a, u64>;

    /// Counts in the install's `counters`: adds `amount`, or only looks, and gives the sum over the
    /// window.
    fn count(
        &self,
        counters: &Counters,
        key: &str,
        amount: Option<u32>,
        window_ms: u32,
        now_ms: u64,
    ) -> u32 {
        match amount {
            Some(amount) => counters.add(key, amount, window_ms, now_ms),
            None => counters.sum(key, window_ms, now_ms),
        }
    }

    /// What notes the call, if anything does.
    fn tape(&self) -> Option<&Tape> {
        None
    }
}

/// An answer from the outside that is still coming. It is given up when it is dropped.
pub trait Incoming: Send {
    /// Its status.
    fn status(&self) -> u16;

    /// Its headers, in the order they came.
    fn headers(&self) -> Vec<(String, String)>;

    /// What comes of the body: waits up to `wait` for the first of it and `gather` more for what
    /// comes behind. Empty if nothing came, `None` after the end.
    fn read(&mut self, wait: Duration, gather: Duration) -> Answer<'_, Option<Vec<u8>>>;
}

/// Links what every plugin gets and what was granted, and nothing else.
pub(super) fn link(linker: &mut Linker<State>, grants: Grants) -> wasmtime::Result<()> {
    fn state(state: &mut State) -> &mut State {
        state
    }
    wit::log::add_to_linker::<State, HasSelf<State>>(linker, state)?;
    wit::config::add_to_linker::<State, HasSelf<State>>(linker, state)?;
    wit::metrics::add_to_linker::<State, HasSelf<State>>(linker, state)?;
    for permission in grants.iter() {
        match permission {
            Permission::Kv => wit::kv::add_to_linker::<State, HasSelf<State>>(linker, state)?,
            Permission::Counters => {
                wit::counters::add_to_linker::<State, HasSelf<State>>(linker, state)?;
            }
            Permission::ChatRead => {
                wit::chat_read::add_to_linker::<State, HasSelf<State>>(linker, state)?;
            }
            Permission::ChatWrite => {
                wit::chat_write::add_to_linker::<State, HasSelf<State>>(linker, state)?;
            }
            Permission::ChatAttach => {
                wit::chat_attach::add_to_linker::<State, HasSelf<State>>(linker, state)?;
            }
            Permission::Timers => {
                wit::timers::add_to_linker::<State, HasSelf<State>>(linker, state)?;
            }
            Permission::Http => wit::http::add_to_linker::<State, HasSelf<State>>(linker, state)?,
            Permission::ChatModerate | Permission::PublicRoutes => {}
        }
    }
    Ok(())
}

impl State {
    /// To be called first by every host function. The error ends the call.
    fn count(&self) -> Result<(), Limit> {
        let max = match self.streams.wait_long() {
            true => self.limits.stream_host_calls_max,
            false => self.limits.host_calls_max,
        };
        if self.meter.count_host_call() > max {
            return Err(Limit::HostCalls { max });
        }
        Ok(())
    }

    fn check_read(&self, function: &str) -> Result<(), HostError> {
        self.check(self.class.may_read(), function)
    }

    fn check_write(&self, function: &str) -> Result<(), HostError> {
        self.check(self.class.may_write(), function)
    }

    fn check(&self, may: bool, function: &str) -> Result<(), HostError> {
        if may {
            return Ok(());
        }
        let class = self.class.name();
        Err(HostError::Denied(format!("{function} is not for {class}")))
    }

    fn chat(&self) -> Result<std::sync::Arc<dyn Chat>, HostError> {
        let none = || HostError::Unavailable("there is no app behind this call".into());
        self.chat.clone().ok_or_else(none)
    }
}

fn invalid(detail: impl Into<String>) -> HostError {
    HostError::Invalid(detail.into())
}

fn limited(what: &str, max: impl std::fmt::Display) -> HostError {
    HostError::Limited(format!("{what}: at most {max}"))
}

/// Refuses what isn't one JSON value.
fn check_json(name: &str, text: &str) -> Result<(), HostError> {
    match serde_json::from_str::<Readable>(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(invalid(format!("{name} is not JSON: {error}"))),
    }
}
