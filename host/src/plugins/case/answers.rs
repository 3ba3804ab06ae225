//! What the host answers, as it is noted and read again.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::things::{
    GivenChannel, GivenEntry, GivenMember, GivenMessage, GivenResponse, GivenUser,
};
use crate::plugins::{
    Channel, Context, Effect, Entry, HostError, HttpResponse, Member, Message, Role, Room, User,
};

/// How the id of a message begins that only seems to be sent.
pub(super) const SEEMS_SENT: &str = "sent_";

/// A kind of answer.
pub(super) trait Answered: Sized {
    /// Whether the same question, asked once more, has the same answer.
    const AGAIN: bool = true;

    /// As it is noted.
    fn write(&self) -> Value;

    /// From what was noted; the error is a phrase.
    fn read(noted: Value) -> Result<Self, String>;

    /// The answer to a write that nothing is known of: it is taken. `number` counts them from 1.
    fn taken(_number: usize) -> Option<Self> {
        None
    }
}

/// Why a host function refused, as `wit/types.wit` has it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Error {
    Denied(String),
    NotFound(String),
    Invalid(String),
    Conflict,
    Limited(String),
    Unavailable(String),
}

impl From<&HostError> for Error {
    fn from(error: &HostError) -> Self {
        match error.clone() {
            HostError::Denied(detail) => Self::Denied(detail),
            HostError::NotFound(detail) => Self::NotFound(detail),
            HostError::Invalid(detail) => Self::Invalid(detail),
            HostError::Conflict => Self::Conflict,
            HostError::Limited(detail) => Self::Limited(detail),
            HostError::Unavailable(detail) => Self::Unavailable(detail),
        }
    }
}

impl From<&Error> for HostError {
    fn from(error: &Error) -> Self {
        match error.clone() {
            Error::Denied(detail) => Self::Denied(detail),
            Error::NotFound(detail) => Self::NotFound(detail),
            Error::Invalid(detail) => Self::Invalid(detail),
            Error::Conflict => Self::Conflict,
            Error::Limited(detail) => Self::Limited(detail),
            Error::Unavailable(detail) => Self::Unavailable(detail),
        }
    }
}

fn read<T: DeserializeOwned>(noted: Value) -> Result<T, String> {
    T::deserialize(noted).map_err(|error| error.to_string())
}

impl Answered for () {
    fn write(&self) -> Value {
        Value::Null
    }

    fn read(_: Value) -> Result<Self, String> {
        Ok(())
    }

    fn taken(_: usize) -> Option<Self> {
        Some(())
    }
}

impl Answered for Effect {
    fn write(&self) -> Value {
        Value::Null
    }

    fn read(_: Value) -> Result<Self, String> {
        Ok(Box::new(()))
    }

    fn taken(_: usize) -> Option<Self> {
        Some(Box::new(()))
    }
}

impl Answered for (String, Effect) {
    fn write(&self) -> Value {
        self.0.as_str().into()
    }

    fn read(noted: Value) -> Result<Self, String> {
        Ok((read(noted)?, Box::new(())))
    }

    fn taken(number: usize) -> Option<Self> {
        Some((format!("{SEEMS_SENT}{number}"), Box::new(())))
    }
}

impl Answered for u32 {
    const AGAIN: bool = false;

    fn write(&self) -> Value {
        json!(self)
    }

    fn read(noted: Value) -> Result<Self, String> {
        read(noted)
    }
}

/// A message's revision.
impl Answered for u64 {
    const AGAIN: bool = false;

    fn write(&self) -> Value {
        json!(self)
    }

    fn read(noted: Value) -> Result<Self, String> {
        read(noted)
    }

    fn taken(_: usize) -> Option<Self> {
        Some(1)
    }
}

impl Answered for String {
    fn write(&self) -> Value {
        self.as_str().into()
    }

    fn read(noted: Value) -> Result<Self, String> {
        read(noted)
    }
}

impl Answered for Option<Entry> {
    fn write(&self) -> Value {
        json!(self.as_ref().map(GivenEntry::from))
    }

    fn read(noted: Value) -> Result<Self, String> {
        read::<Option<GivenEntry>>(noted)?
            .map(Entry::try_from)
            .transpose()
    }
}

impl Answered for Option<Room> {
    fn write(&self) -> Value {
        json!(self)
    }

    fn read(noted: Value) -> Result<Self, String> {
        read(noted)
    }
}

impl Answered for Channel {
    fn write(&self) -> Value {
        json!(GivenChannel::from(self))
    }

    fn read(noted: Value) -> Result<Self, String> {
        read::<GivenChannel>(noted).map(Self::from)
    }
}

impl Answered for User {
    fn write(&self) -> Value {
        json!(GivenUser::from(self))
    }

    fn read(noted: Value) -> Result<Self, String> {
        read::<GivenUser>(noted).map(Self::from)
    }
}

impl Answered for Message {
    fn write(&self) -> Value {
        json!(GivenMessage::from(self))
    }

    fn read(noted: Value) -> Result<Self, String> {
        // All that the context would give is noted.
        let nowhere = Context {
            now_ms: 0,
            seed: 0,
            channel: String::new(),
            channel_type: String::new(),
            actor: String::new(),
            actor_role: Role::None,
        };
        Ok(read::<GivenMessage>(noted)?.message(0, &nowhere))
    }
}

impl Answered for Member {
    fn write(&self) -> Value {
        json!(GivenMember::from(self))
    }

    fn read(noted: Value) -> Result<Self, String> {
        read::<GivenMember>(noted)?.try_into()
    }
}

impl<T: Answered> Answered for Vec<T> {
    fn write(&self) -> Value {
        self.iter().map(T::write).collect()
    }

    fn read(noted: Value) -> Result<Self, String> {
        read::<Vec<Value>>(noted)?
            .into_iter()
            .map(T::read)
            .collect()
    }
}

impl Answered for HttpResponse {
    const AGAIN: bool = false;

    fn write(&self) -> Value {
        json!(GivenResponse::from(self))
    }

    fn read(noted: Value) -> Result<Self, String> {
        read::<GivenResponse>(noted)?.try_into()
    }
}
