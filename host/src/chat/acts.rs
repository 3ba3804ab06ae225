//! What becomes of an act on a message of a plugin's kind: a vote, a tick, a new title.
//!
//! The kind's plugin says what the message is then. Words that it did not hold before are for the
//! guards to judge, as in an edit: nobody gets them past a filter, whatever the plugin does with
//! them. Acts without any, which most are, cost no call of a guard.

use std::collections::HashSet;

use serde_json::Value;

use super::chain::{self, Content};
use super::interact::{asked, failed, shown};
use super::shadow::{self, Question};
use crate::app::{App, Installed};
use crate::clock;
use crate::error::{Code, Error, Result};
use crate::model::{ChannelKey, FileId, Message, MessageId};
use crate::plugins::{self, Act, Hook};
use crate::store::MessageChange;
use crate::store::proof::Member;

/// Of more new words than this nobody looks which of them are shown: guards are given all.
const LOOKED_FOR_MAX: usize = 64;

/// Has the kind's plugin apply an action to a message, and the guards judge what it brings.
pub(super) async fn apply(
    app: &App,
    installed: &Installed,
    member: &Member,
    message: &Message,
    action: &str,
    value: &str,
) -> Result<MessageChange> {
    let context = chain::context(app, member);
    let calling = asked(app, installed, Hook::MessageKind, &context)?;
    let state = message.state.clone().unwrap_or_else(|| "null".into());
    let value = value.to_owned();
    let act = Act {
        kind: &message.kind,
        data: &message.data,
        state: &state,
        action,
        value: &value,
    };
    let outcome = plugins::kind_act(calling.with(&context), act).await;
    let hook = Hook::MessageKind;
    shadow::follow(app, installed, hook, &context, &outcome, || Question::Act {
        kind: message.kind.clone(),
        data: message.data.clone(),
        state: state.clone(),
        action: action.to_owned(),
        value: value.clone(),
    });
    let answer = calling.note(outcome).map_err(|_| failed(installed))?.value;
    let answer = answer.map_err(|sentence| Error::new(Code::ActionRefused, sentence))?;
    let shown = shown(app, installed, answer)?;
    let known = [context.channel.as_str(), context.actor.as_str()];
    let words = new_words(message, &known, &value);
    if !words.is_empty() {
        let content = Content {
            file: None,
            kind: message.kind.clone(),
            text: with_words(&shown.text, &words),
            data: message.data.clone(),
            view: Some(shown.view.clone()),
            state: Some(shown.state.clone()),
        };
        chain::guard_act(app, member, content, message).await?;
    }
    Ok(MessageChange {
        view: Some(Some(shown.view)),
        state: Some(shown.state),
        data: None,
        edited: false,
    })
}

/// The words in an act's value, each once, that the message does not hold: neither in its data nor in
/// its view nor in its state, whose words came the same way.
fn new_words(message: &Message, known: &[&str], value: &str) -> Vec<String> {
    let value = read(value);
    let mut words = Vec::new();
    strings(&value, Keys::Skipped, &mut |text| {
        let says_nothing = text.trim().is_empty()
            || known.contains(&text)
            || is_own_id(text)
            || clock::is_rfc3339(text);
        if !says_nothing {
            words.push(text);
        }
    });
    if words.is_empty() {
        return Vec::new();
    }
    let json = |json: Option<&String>| json.map(|json| read(json)).unwrap_or_default();
    let (data, view, state) = (
        read(&message.data),
        json(message.view.as_ref()),
        json(message.state.as_ref()),
    );
    let mut held = HashSet::new();
    for (value, keys) in [
        (&data, Keys::Skipped),
        (&view, Keys::Skipped),
        (&state, Keys::Taken),
    ] {
        strings(value, keys, &mut |text| {
            held.insert(text);
        });
    }
    // What is new once is held from then on.
    words.retain(|word| held.insert(word));
    words.into_iter().map(str::to_owned).collect()
}

/// Ids of ours that clients pass on: 16 digits of no meaning.
fn is_own_id(text: &str) -> bool {
    text.parse::<MessageId>().is_ok()
        || text.parse::<ChannelKey>().is_ok()
        || text.parse::<FileId>().is_ok()
}

/// What the message shows, and below that what it does not show of the new words: a plugin may keep
/// them to show them later.
fn with_words(text: &str, words: &[String]) -> String {
    let mut all = text.to_owned();
    for (at, word) in words.iter().enumerate() {
        if at >= LOOKED_FOR_MAX || !has_apart(text, word) {
            if !all.is_empty() {
                all.push('\n');
            }
            all.push_str(word);
        }
    }
    all
}

/// Whether a text has a word, and not only as a part of another one.
fn has_apart(text: &str, word: &str) -> bool {
    let ends = |c: Option<char>| !c.is_some_and(char::is_alphanumeric);
    let mut found = text.match_indices(word).take(LOOKED_FOR_MAX);
    found.any(|(at, _)| {
        ends(text[..at].chars().next_back()) && ends(text[at + word.len()..].chars().next())
    })
}

fn read(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_default()
}

/// What is done with the names of fields.
#[derive(Clone, Copy)]
enum Keys {
    Skipped,
    /// They are words like others, as in a list by user.
    Taken,
}

/// Hands on every string in a value.
fn strings<'v>(value: &'v Value, keys: Keys, each: &mut impl FnMut(&'v str)) {
    match value {
        Value::String(text) => each(text),
        Value::Array(values) => values.iter().for_each(|value| strings(value, keys, each)),
        Value::Object(fields) => {
            for (name, value) in fields {
                if matches!(keys, Keys::Taken) {
                    each(name);
                }
                strings(value, keys, each);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UserId;

    fn message(data: &str, view: &str, state: &str) -> Message {
        Message {
            id: MessageId(1),
            channel: ChannelKey(1),
            seq: 1,
            ts: 0,
            sender: UserId::stored("alice"),
            to: None,
            kind: "task".into(),
            data: data.into(),
            view: Some(view.into()),
            state: Some(state.into()),
            attachments: None,
            client_id: None,
            revision: 0,
            edited_at: None,
            deleted_at: None,
        }
    }

    #[test]
    fn what_the_message_holds_is_not_new() {
        let held = message(
            r#"{"title":"Lunch","options":["Pizza"]}"#,
            r#"{"text":"Lunch: Pizza","blocks":[{"type":"button","value":{"to":"done"}}]}"#,
            r#"{"by_user":{"carol":1},"notes":"hm"}"#,
        );
        let new = |value: &str| new_words(&held, &["general", "bob"], value).join("|");
        for value in [
            "null",
            "1",
            "true",
            r#""Pizza""#,
            r#""Lunch: Pizza""#,
            r#"{"to":"done","by":"general"}"#,
            r#"["carol","hm","bob",""," 
"]"#,
            r#"["msg_0123456789abcdef","chn_0123456789abcdef","fil_0123456789abcdef"]"#,
            r#"["2026-11-20","2026-11-20T12:00:00Z","2026-11-20T12:00:00.5+02:00"]"#,
            "no json",
        ] {
            assert_eq!(new(value), "", "{value}");
        }
        assert_eq!(new(r#"["a","b",{"a":"c","Pizza":["a"]}]"#), "a|b|c");
        for word in ["pizza", "Piz", "Pizza ", "title", "msg_1", "dave", "12:00"] {
            assert_eq!(new(&Value::from(word).to_string()), word);
        }
        // Of the names of fields only those of the state are words.
        assert_eq!(new(r#"["by_user","options"]"#), "options");
    }

    #[test]
    fn words_that_are_not_shown_are_shown_to_guards() {
        let with = |text: &str, words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            with_words(text, &words)
        };
        assert_eq!(with("○ Call Bob", &["Call Bob"]), "○ Call Bob");
        assert_eq!(with("○ Call Bob", &["Call", "me"]), "○ Call Bob\nme");
        // A part of another word is not the word.
        assert_eq!(with("classic", &["ass"]), "classic\nass");
        assert_eq!(with("classic ass", &["ass"]), "classic ass");
        assert_eq!(with("", &["über", "ber"]), "über\nber");
        let many: Vec<String> = (0..100).map(|n| n.to_string()).collect();
        let all = with_words("7 99", &many);
        assert!(all.starts_with("7 99\n0\n1\n2\n3\n4\n5\n6\n8\n"));
        assert!(all.ends_with("\n99"));
    }
}
