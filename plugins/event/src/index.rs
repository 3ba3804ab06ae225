//! Which events there are in which channel: keys that sort by when an event is over for good. A note
//! of each says where it stands, so that it can be taken out again: the plugin's own, for it outlives
//! message and channel. Both are gone some time after the event is.

use std::time::Duration;

use althing_plugin::kv::{self, Scope};
use althing_plugin::leaving::forgiving;
use althing_plugin::{Error, to_json};
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::settings::Settings;

/// Events that one channel lists; more are only in the chat.
pub const IN_CHANNEL_MAX: usize = 300;

const LIST: &str = "e/";
const NOTE: &str = "m/";
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// 13 digits of milliseconds reach beyond the year 2286.
const LAST_MS: u64 = 9_999_999_999_999;

/// Where an event stands, and who stands behind it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Note {
    pub channel: String,
    pub key: String,
    pub created_by: String,
    /// Whether the plugin sent the message, for `created_by`.
    pub is_ours: bool,
    /// When it is over for good; `None` for a series without an end.
    pub end_ms: Option<u64>,
}

impl Note {
    /// What is to be noted of an event.
    pub fn of(event: &Event, message: &str, channel: &str, is_ours: bool) -> Note {
        let end_ms = event.end_ms().map(|ms| u64::try_from(ms).unwrap_or(0));
        Note {
            channel: channel.to_owned(),
            key: format!(
                "{LIST}{:013}/{message}",
                end_ms.unwrap_or(LAST_MS).min(LAST_MS)
            ),
            created_by: event.created_by.clone(),
            is_ours,
            end_ms,
        }
    }
}

/// What is noted of an event.
pub fn note(message: &str) -> Result<Option<Note>, Error> {
    kv::get_json(&Scope::Plugin, &note_key(message))
}

/// Puts an event where it belongs.
pub fn put(
    settings: &Settings,
    now_ms: u64,
    message: &str,
    before: Option<&Note>,
    after: &Note,
) -> Result<(), Error> {
    if before == Some(after) {
        return Ok(());
    }
    if let Some(before) = before.filter(|before| before.key != after.key) {
        forgiving(kv::delete(
            &Scope::Channel(before.channel.clone()),
            &before.key,
        ))?;
    }
    let lifetime = after.end_ms.map(|end_ms| {
        let left = (end_ms + settings.keep_days * DAY_MS).saturating_sub(now_ms);
        Duration::from_millis(left.max(1))
    });
    let set = |scope: &Scope, key: &str, value: &[u8]| match lifetime {
        Some(lifetime) => kv::set_for(scope, key, value, lifetime),
        None => kv::set(scope, key, value),
    };
    forgiving(set(
        &Scope::Channel(after.channel.clone()),
        &after.key,
        b"1",
    ))?;
    set(
        &Scope::Plugin,
        &note_key(message),
        to_json(after).as_bytes(),
    )
}

/// Takes an event out.
pub fn remove(message: &str) -> Result<(), Error> {
    if let Some(note) = note(message)? {
        forgiving(kv::delete(&Scope::Channel(note.channel), &note.key))?;
        kv::delete(&Scope::Plugin, &note_key(message))?;
    }
    Ok(())
}

/// The messages of a channel's events that are over after a time, at most `limit`.
pub fn of_channel(channel: &str, after_ms: u64, limit: usize) -> Result<Vec<String>, Error> {
    let keys = between(channel, after_ms, None, limit)?;
    let messages = keys.iter().filter_map(|key| message_of(key));
    Ok(messages.map(str::to_owned).collect())
}

/// The keys of a channel's events that are over after a time and, if there is a second, not after that; at most
/// `limit`, the first that are over.
pub fn between(
    channel: &str,
    after_ms: u64,
    until_ms: Option<u64>,
    limit: usize,
) -> Result<Vec<String>, Error> {
    let list = Scope::Channel(channel.to_owned());
    let end = until_ms.map(|until_ms| format!("{LIST}{until_ms:013}/~"));
    let (mut found, mut after) = (Vec::new(), format!("{LIST}{after_ms:013}/~"));
    while found.len() < limit {
        let keys = match kv::keys(&list, LIST, Some(&after), 100) {
            Ok(keys) => keys,
            Err(Error::NotFound(_)) => break,
            Err(error) => return Err(error),
        };
        let is_last = keys.len() < 100;
        let some = found.len();
        found.extend(keys);
        found.retain(|key| end.as_ref().is_none_or(|end| key <= end));
        match found.last() {
            Some(last) if !is_last && found.len() == some + 100 => after.clone_from(last),
            _ => break,
        }
    }
    found.truncate(limit);
    Ok(found)
}

/// The keys of a channel's events after a key, at most `limit`.
pub fn keys(channel: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>, Error> {
    kv::keys(&Scope::Channel(channel.to_owned()), LIST, after, limit)
}

/// The message that a key names.
pub fn message_of(key: &str) -> Option<&str> {
    key.strip_prefix(LIST)?
        .split_once('/')
        .map(|(_, message)| message)
}

/// The notes after that of the message `after`, at most `limit`: the messages' ids.
pub fn notes(after: Option<&str>, limit: u32) -> Result<Vec<String>, Error> {
    let after = after.map(note_key);
    let keys = kv::keys(&Scope::Plugin, NOTE, after.as_deref(), limit)?;
    let ids = keys.iter().filter_map(|key| key.strip_prefix(NOTE));
    Ok(ids.map(str::to_owned).collect())
}

fn note_key(message: &str) -> String {
    format!("{NOTE}{message}")
}
