//! What the puppet asks of the host, and how it tells what came of it: a line for each call, in words
//! that a model of the host can say too.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::Deserialize;

use crate::althing::plugin::types::Error;
use crate::althing::plugin::{
    chat_attach, chat_read, chat_write, counters, http, kv, log, metrics, timers,
};

/// One call of a function of the host.
#[derive(Deserialize)]
pub enum Ask {
    Get(kv::Scope, String),
    Set(kv::Scope, String, Vec<u8>, Option<u64>),
    Swap(kv::Scope, String, Expected, Vec<u8>, Option<u64>),
    Delete(kv::Scope, String),
    Keys(kv::Scope, String, Option<String>, u32),
    Add(String, u32, u32),
    Sum(String, u32),
    Count(String, u64),
    Gauge(String, i64),
    SetTimer(String, u64, String, String),
    CancelTimer(String),
    Send(String, chat_write::Post),
    Edit(String, chat_write::Post),
    Remove(String),
    Act(String, String, String),
    Progress(String, chat_write::Post),
    Attach(String, String),
    Read(Reading),
    Fetch(String),
}

/// The version that a swap expects.
#[derive(Deserialize)]
pub enum Expected {
    /// That of the last `get` of this key.
    Seen,
    This(Option<u64>),
}

#[derive(Deserialize)]
pub enum Reading {
    Channel(String),
    Message(String),
    State(String),
    History(String, u32),
    Members(String, u32),
    Member(String, String),
    ChannelsOf(String, u32),
    User(String),
}

/// Versions, by where they were seen.
type Seen = BTreeMap<String, Option<u64>>;

fn place(scope: &kv::Scope, key: &str) -> String {
    format!("{scope:?} {key}")
}

pub fn ask_all(asks: Vec<Ask>) {
    if asks.is_empty() {
        return;
    }
    let mut seen = Seen::new();
    let told: Vec<String> = asks.into_iter().map(|ask| answer(ask, &mut seen)).collect();
    log::log(log::Level::Info, &told.join("\n"));
}

fn answer(ask: Ask, seen: &mut Seen) -> String {
    match ask {
        Ask::Get(scope, key) => tell(kv::get(&scope, &key), |found| {
            let told = found.as_ref().map_or("none".into(), entry);
            seen.insert(place(&scope, &key), found.map(|entry| entry.version));
            told
        }),
        Ask::Set(scope, key, value, ttl_ms) => done(kv::set(&scope, &key, &value, ttl_ms)),
        Ask::Swap(scope, key, expected, value, ttl_ms) => {
            let expected = match expected {
                Expected::Seen => seen.get(&place(&scope, &key)).copied().flatten(),
                Expected::This(version) => version,
            };
            done(kv::swap(&scope, &key, expected, &value, ttl_ms))
        }
        Ask::Delete(scope, key) => done(kv::delete(&scope, &key)),
        Ask::Keys(scope, prefix, after, limit) => {
            tell(kv::keys(&scope, &prefix, after.as_deref(), limit), |keys| {
                format!("{keys:?}")
            })
        }
        Ask::Add(key, amount, window_ms) => counters::add(&key, amount, window_ms).to_string(),
        Ask::Sum(key, window_ms) => counters::sum(&key, window_ms).to_string(),
        Ask::Count(name, amount) => {
            metrics::add(&name, amount);
            "done".into()
        }
        Ask::Gauge(name, value) => {
            metrics::set(&name, value);
            "done".into()
        }
        Ask::SetTimer(name, at_ms, channel, payload) => {
            done(timers::set(&name, at_ms, &channel, &payload))
        }
        Ask::CancelTimer(name) => done(timers::cancel(&name)),
        Ask::Send(channel, post) => shown(chat_write::send(&channel, &post)),
        Ask::Edit(id, post) => done(chat_write::edit(&id, &post)),
        Ask::Remove(id) => done(chat_write::delete(&id)),
        Ask::Act(id, action, value) => done(chat_write::act(&id, &action, &value)),
        // Whether it comes too soon is a matter of time.
        Ask::Progress(id, post) => tell(chat_write::progress(&id, &post), |_| "done".into()),
        Ask::Attach(id, blocks) => done(chat_attach::attach(&id, &blocks)),
        Ask::Read(reading) => read(reading),
        Ask::Fetch(url) => tell(http::send(&request(url)), |answer| {
            answer.body.len().to_string()
        }),
    }
}

fn read(reading: Reading) -> String {
    match reading {
        Reading::Channel(id) => tell(chat_read::get_channel(&id), |channel| channel.id),
        Reading::Message(id) => tell(chat_read::get_message(&id), |message| message.id),
        Reading::State(id) => shown(chat_read::get_state(&id)),
        Reading::History(channel, limit) => {
            tell(chat_read::history(&channel, None, limit), |messages| {
                messages.len().to_string()
            })
        }
        Reading::Members(channel, limit) => {
            tell(chat_read::members(&channel, None, limit), |members| {
                members.len().to_string()
            })
        }
        Reading::Member(channel, user) => {
            tell(chat_read::get_member(&channel, &user), |member| member.user)
        }
        Reading::ChannelsOf(user, limit) => {
            tell(chat_read::channels_of(&user, None, limit), |channels| {
                format!("{channels:?}")
            })
        }
        Reading::User(id) => tell(chat_read::get_user(&id), |user| user.id),
    }
}

fn request(url: String) -> http::Request {
    http::Request {
        method: "GET".into(),
        url,
        headers: Vec::new(),
        body: Vec::new(),
        timeout_ms: None,
        body_start: None,
    }
}

fn entry(entry: &kv::Entry) -> String {
    format!("{} {:?}", entry.version, entry.value)
}

fn done(result: Result<(), Error>) -> String {
    tell(result, |()| "done".into())
}

fn shown(result: Result<impl Display, Error>) -> String {
    tell(result, |shown| shown.to_string())
}

fn tell<T>(result: Result<T, Error>, told: impl FnOnce(T) -> String) -> String {
    match result {
        Ok(value) => told(value),
        // Its sentence is for people.
        Err(error) => match error {
            Error::NotFound(_) => "not found",
            Error::Denied(_) => "denied",
            Error::Invalid(_) => "invalid",
            Error::Conflict => "conflict",
            Error::Limited(_) => "limited",
            Error::Unavailable(_) => "unavailable",
        }
        .into(),
    }
}
