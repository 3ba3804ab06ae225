//! What the puppet asks, as it reads it from its settings. Names are few, so that asks meet.

use althing::plugins::{Entry, Scope};
use arbitrary::{Arbitrary, Result, Unstructured};
use serde::Serialize;

use crate::text;
use crate::world::{CHANNEL, MESSAGE, USER};

/// One call of a function of the host; see the puppet.
#[derive(Serialize, Debug)]
pub enum Ask {
    Get(Place, Key),
    Set(Place, Key, Bytes, Option<u64>),
    Swap(Place, Key, Expected, Bytes, Option<u64>),
    Delete(Place, Key),
    Keys(Place, Key, Option<Key>, u32),
    Add(Key, u32, u32),
    Sum(Key, u32),
    Count(Key, u64),
    Gauge(Key, i64),
    SetTimer(Key, Time, Id, Document),
    CancelTimer(Key),
    Send(Id, Post),
    Edit(Id, Post),
    Remove(Id),
    Act(Id, Key, Document),
    Progress(Id, Post),
    Attach(Id, Document),
    Read(Reading),
    Fetch(Key),
}

made!(Ask [
    Get(_, _), Set(_, _, _, _), Swap(_, _, _, _, _), Delete(_, _), Keys(_, _, _, _), Add(_, _, _),
    Sum(_, _), Count(_, _), Gauge(_, _), SetTimer(_, _, _, _), CancelTimer(_), Send(_, _), Edit(_, _),
    Remove(_), Act(_, _, _), Progress(_, _), Attach(_, _), Read(_), Fetch(_),
]);

#[derive(Serialize, Debug)]
pub enum Expected {
    Seen,
    This(Option<u64>),
}

made!(Expected [Seen, This(_)]);

#[derive(Serialize, Debug)]
pub enum Reading {
    Channel(Id),
    Message(Id),
    State(Id),
    History(Id, u32),
    Members(Id, u32),
    Member(Id, Id),
    ChannelsOf(Id, u32),
    User(Id),
}

made!(Reading [
    Channel(_), Message(_), State(_), History(_, _), Members(_, _), Member(_, _), ChannelsOf(_, _),
    User(_),
]);

/// Whose value it is.
#[derive(Serialize, Debug, Clone)]
pub enum Place {
    Plugin,
    Channel(Id),
    User(Id),
    Message(Id),
}

made!(Place [Plugin, Channel(_), User(_), Message(_)]);

/// A channel, user or message that there is, or something else.
#[derive(Serialize, Debug, Clone)]
pub struct Id(pub &'static str);

/// A key or a name: mostly one of a few.
#[derive(Serialize, Debug, Clone)]
pub struct Key(pub String);

/// A value.
#[derive(Serialize, Debug, Clone)]
pub struct Bytes(pub Vec<u8>);

/// When a timer is due.
#[derive(Serialize, Debug)]
pub struct Time(pub u64);

/// JSON, mostly.
#[derive(Serialize, Debug)]
pub struct Document(pub String);

#[derive(Serialize, Debug)]
pub struct Post {
    kind: &'static str,
    body: &'static str,
    blocks: &'static str,
}

/// A value that was there before.
#[derive(Debug)]
pub struct Committed {
    place: Place,
    key: Key,
    value: Bytes,
    version: u64,
}

made!(Committed {
    place,
    key,
    value,
    version
});

impl Committed {
    /// As the chat layer has it: with a key, a version below 2^63 and a value within its limit.
    pub fn entry(&self) -> ((Scope, String), Entry) {
        let key = match self.key.0.as_str() {
            "" => "a".to_owned(),
            key => key.chars().take(2).collect(),
        };
        let value = self.value.0.iter().copied().take(16).collect();
        let version = self.version >> 1;
        ((self.place.scope(), key), Entry { value, version })
    }
}

impl Place {
    pub fn scope(&self) -> Scope {
        match self {
            Self::Plugin => Scope::Plugin,
            Self::Channel(id) => Scope::Channel(id.0.into()),
            Self::User(id) => Scope::User(id.0.into()),
            Self::Message(id) => Scope::Message(id.0.into()),
        }
    }

    /// Whether its owner is there.
    pub fn is_owned(&self) -> bool {
        match self {
            Self::Plugin => true,
            Self::Channel(id) => id.0 == CHANNEL,
            Self::User(id) => id.0 == USER,
            Self::Message(id) => id.0 == MESSAGE,
        }
    }
}

impl<'a> Arbitrary<'a> for Id {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let known = [CHANNEL, USER, MESSAGE, ""];
        bytes.choose(&known).copied().map(Self)
    }
}

impl<'a> Arbitrary<'a> for Key {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self(match bytes.int_in_range(0..=7)? {
            0 => text::any(bytes)?,
            1 => String::new(),
            2 => "eight by".into(),
            3 => "nine byte".into(),
            4 => "ab".into(),
            5 => "aé".into(),
            6 => "b".into(),
            _ => "a".into(),
        }))
    }
}

impl<'a> Arbitrary<'a> for Bytes {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let length = bytes.int_in_range(0..=18)?;
        Ok(Self(vec![bytes.arbitrary()?; length]))
    }
}

impl<'a> Arbitrary<'a> for Time {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let edge = crate::puppet::context().now_ms + (1 << 20);
        Ok(Self(match bytes.ratio(1, 4)? {
            true => bytes.arbitrary()?,
            false => edge - 2 + bytes.int_in_range(0..=4)?,
        }))
    }
}

impl<'a> Arbitrary<'a> for Document {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        text::blocks(bytes).map(Self)
    }
}

impl<'a> Arbitrary<'a> for Post {
    fn arbitrary(_: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self {
            kind: "text",
            body: "a",
            blocks: "",
        })
    }
}
