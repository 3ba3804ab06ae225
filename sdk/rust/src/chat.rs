//! Reads from and writes to the app's channels, as the plugin's own bot user.
//!
//! Reading needs the permission `chat-read`, writing `chat-write`, deleting what others wrote
//! `chat-moderate`, adding to what others wrote `chat-attach`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::{chat_attach, chat_read, chat_write};
use crate::blocks::Block;
use crate::{Error, Message, Result, blocks, log, parse_json, to_json};

pub use crate::bindings::chat_read::{Channel, Member, User};
pub use crate::bindings::chat_write::Post;

impl Post {
    /// A text message.
    pub fn text(text: impl Into<String>) -> Post {
        Post {
            kind: "text".to_owned(),
            body: text.into(),
            blocks: String::new(),
        }
    }

    /// A message of one of this plugin's kinds.
    pub fn kind<T: Serialize + ?Sized>(kind: &str, data: &T) -> Post {
        Post {
            kind: kind.to_owned(),
            body: to_json(data),
            blocks: String::new(),
        }
    }

    /// The same text message, shown with `blocks` by the clients that know them.
    pub fn with_blocks(mut self, blocks: impl IntoIterator<Item = Block>) -> Post {
        self.blocks = blocks::to_json(blocks);
        self
    }
}

/// Sends a message and gives its id. Guards see it like anybody's.
pub fn send(channel: &str, post: Post) -> Result<String> {
    Ok(chat_write::send(channel, &post)?)
}

/// Sends what nobody waits for an answer to: a reminder, a greeting. What is refused for good, because a
/// guard says no or the channel takes no messages, is left out, and the plugin's log says so under the
/// name `what`; the id is then `None`. An error is worth another try.
pub fn tell(channel: &str, post: Post, what: &str) -> Result<Option<String>> {
    match send(channel, post) {
        Err(error) if !error.may_pass() => {
            log::warn!("{what} was not posted: {error}");
            Ok(None)
        }
        sent => sent.map(Some),
    }
}

/// Changes a message that this plugin sent.
pub fn edit(id: &str, post: Post) -> Result<()> {
    Ok(chat_write::edit(id, &post)?)
}

/// Shows those who watch the channel what a message that this plugin sent says so far, at once. Nothing
/// is stored; what counts is the [`edit`] at the end. Guards see it as they see an edit, and what they
/// refuse is not shown. False if it was passed over, because it came too soon after the last one.
/// `Error::Conflict` once if somebody changed the message since this call's last progress of it.
pub fn progress(id: &str, post: &Post) -> Result<bool> {
    Ok(chat_write::progress(id, post)?)
}

/// Deletes a message: the plugin's own, or with the permission `chat-moderate` anybody's.
pub fn delete(id: &str) -> Result<()> {
    Ok(chat_write::delete(id)?)
}

/// Applies an action to a message of one of this plugin's kinds, as the plugin.
pub fn act<T: Serialize + ?Sized>(id: &str, action: &str, value: &T) -> Result<()> {
    Ok(chat_write::act(id, action, &to_json(value))?)
}

/// Shows blocks below anybody's message, in place of what this plugin put there before; none takes
/// that away. What the sender wrote stays as it is. Guards may refuse the words in the blocks.
pub fn attach(message_id: &str, blocks: impl IntoIterator<Item = Block>) -> Result<()> {
    Ok(chat_attach::attach(message_id, &blocks::to_json(blocks))?)
}

/// One channel.
pub fn channel(id: &str) -> Result<Channel> {
    Ok(chat_read::get_channel(id)?)
}

/// What people call each of these channels: its name, `a direct chat` for one between two, or else its id.
pub fn channel_names<'a>(
    ids: impl IntoIterator<Item = &'a str>,
) -> Result<BTreeMap<&'a str, String>> {
    let mut names = BTreeMap::new();
    for id in ids {
        if names.contains_key(id) {
            continue;
        }
        let name = match channel(id) {
            Ok(channel) => name_of(channel),
            Err(Error::NotFound(_)) => id.to_owned(),
            Err(error) => return Err(error),
        };
        names.insert(id, name);
    }
    Ok(names)
}

fn name_of(channel: Channel) -> String {
    match (channel.name.trim(), channel.kind.as_str()) {
        ("", "direct") => "a direct chat".to_owned(),
        ("", _) => channel.id,
        (name, _) => name.to_owned(),
    }
}

/// One message.
pub fn message(id: &str) -> Result<Message> {
    Ok(chat_read::get_message(id)?)
}

/// The private state of a message of one of this plugin's kinds, as it is now.
/// `Error::NotFound` once the message is deleted.
pub fn state<T: DeserializeOwned>(id: &str) -> Result<T> {
    let state = chat_read::get_state(id)?;
    parse_json(&state).map_err(|error| Error::Invalid(format!("the state of `{id}`: {error}")))
}

/// The same for what may be gone: `None` once the message or its channel is deleted.
pub fn find_state<T: DeserializeOwned>(id: &str) -> Result<Option<T>> {
    match state(id) {
        Ok(state) => Ok(Some(state)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Messages of a channel from new to old, those before the seq `before` if given, at most 100.
pub fn history(channel: &str, before: Option<u64>, limit: u32) -> Result<Vec<Message>> {
    Ok(chat_read::history(channel, before, limit)?)
}

/// The participants of a channel by user id, those after the id `after` if given, at most 100.
pub fn members(channel: &str, after: Option<&str>, limit: u32) -> Result<Vec<Member>> {
    Ok(chat_read::members(channel, after, limit)?)
}

/// One participant of a channel, or `None` for whoever isn't in it.
pub fn member(channel: &str, user: &str) -> Result<Option<Member>> {
    match chat_read::get_member(channel, user).map_err(Error::from) {
        Ok(member) => Ok(Some(member)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The ids of the channels that a user is in, in byte order, those after `after` if given, at most
/// 100.
pub fn channels_of(user: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>> {
    Ok(chat_read::channels_of(user, after, limit)?)
}

/// One user.
pub fn user(id: &str) -> Result<User> {
    Ok(chat_read::get_user(id)?)
}

#[cfg(test)]
mod tests {
    use super::{Channel, name_of};

    #[test]
    fn a_channel_is_called_by_its_name() {
        let called = |kind: &str, name: &str| {
            name_of(Channel {
                id: "chn_1".into(),
                kind: kind.into(),
                name: name.into(),
                custom: "{}".into(),
            })
        };
        assert_eq!(called("messaging", " Lunch "), "Lunch");
        assert_eq!(called("direct", ""), "a direct chat");
        assert_eq!(called("messaging", ""), "chn_1");
    }
}
