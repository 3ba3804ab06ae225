//! Which tasks there are, by person, by channel and in all: keys that sort by when a task is due.
//!
//! A task has one key in each list that it is in, and one note that says which lists those are, so
//! that it can be taken out of them again. The note is the plugin's own and outlives message and
//! channel: `tidy` finds by it what a channel left behind that was removed. A person's list is the
//! person's own and goes with the person.

use std::collections::BTreeSet;
use std::time::Duration;

use althing_plugin::kv::{self, Scope};
use althing_plugin::leaving::forgiving;
use althing_plugin::{Error, to_json};
use serde::{Deserialize, Serialize};

use crate::settings::Settings;
use crate::task::{Status, Task};

/// Unfinished tasks that one channel lists; more are only in the chat.
pub const OPEN_IN_CHANNEL_MAX: usize = 500;

/// Tasks that are not finished, the one due first before the others.
pub const UNFINISHED: &str = "o/";
/// Finished ones, the last before the others.
pub const FINISHED: &str = "d/";
const NOTE: &str = "m/";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// 13 digits of milliseconds reach beyond the year 2286.
const LAST_MS: u64 = 9_999_999_999_999;

/// Which lists a task is in, and who stands behind it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Note {
    pub channel: String,
    /// Its key in every list.
    pub key: String,
    pub assignees: BTreeSet<String>,
    pub created_by: String,
    /// Whether the plugin sent the message, for `created_by`.
    pub is_ours: bool,
}

/// The key of a task: sorts as the lists are to be read.
fn key(task: &Task, message: &str, channel: &str) -> String {
    let (list, at) = match task.status {
        Status::Done => (
            FINISHED,
            LAST_MS.saturating_sub(task.done_at_ms.unwrap_or(0)),
        ),
        _ => (UNFINISHED, task.due_at_ms.unwrap_or(LAST_MS).min(LAST_MS)),
    };
    format!("{list}{at:013}/{message}/{channel}")
}

/// The message and the channel that a key names; `None` for what is no key of a list.
pub fn read_key(key: &str) -> Option<(&str, &str)> {
    let mut parts = key.splitn(4, '/');
    let (list, at) = (parts.next()?, parts.next()?);
    let fits = matches!(list, "o" | "d") && at.len() == 13;
    fits.then_some((parts.next()?, parts.next()?))
}

/// What a task of the list `o/` is due at, by its key.
pub fn due_of_key(key: &str) -> Option<u64> {
    key.strip_prefix(UNFINISHED)?.get(..13)?.parse().ok()
}

impl Note {
    /// What is to be noted of a task.
    pub fn of(task: &Task, message: &str, channel: &str, is_ours: bool) -> Note {
        Note {
            channel: channel.to_owned(),
            key: key(task, message, channel),
            assignees: task.assignees.iter().cloned().collect(),
            created_by: task.created_by.clone(),
            is_ours,
        }
    }

    /// The lists that the task stands in.
    fn lists(&self) -> BTreeSet<List> {
        let people = self.assignees.iter().cloned().map(List::Person);
        [List::All, List::Channel(self.channel.clone())]
            .into_iter()
            .chain(people)
            .collect()
    }

    fn is_finished(&self) -> bool {
        self.key.starts_with(FINISHED)
    }
}

/// A list that tasks stand in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum List {
    All,
    Channel(String),
    Person(String),
}

impl List {
    fn scope(&self) -> Scope {
        match self {
            List::All => Scope::Plugin,
            List::Channel(channel) => Scope::Channel(channel.clone()),
            List::Person(user) => Scope::User(user.clone()),
        }
    }
}

/// What has to be done for a task that changed: the lists that its old key goes from, and those that
/// its new one comes into. Finished ones are put anew each time: they stay for so long after the last
/// change.
fn changes(before: Option<&Note>, after: Option<&Note>) -> (Vec<List>, Vec<List>) {
    let (old, new) = (
        before.map(Note::lists).unwrap_or_default(),
        after.map(Note::lists).unwrap_or_default(),
    );
    let same_key = before.map(|note| &note.key) == after.map(|note| &note.key);
    let anew = after.is_some_and(Note::is_finished);
    let gone = old.iter().filter(|list| !same_key || !new.contains(list));
    let come = new
        .iter()
        .filter(|list| !same_key || anew || !old.contains(list));
    (gone.cloned().collect(), come.cloned().collect())
}

/// What is noted of a task.
pub fn note(message: &str) -> Result<Option<Note>, Error> {
    kv::get_json(&Scope::Plugin, &note_key(message))
}

/// Puts a task into the lists that it belongs in, and takes it out of the others.
pub fn put(
    settings: &Settings,
    message: &str,
    before: Option<&Note>,
    after: &Note,
) -> Result<(), Error> {
    if before == Some(after) && !after.is_finished() {
        return Ok(());
    }
    let lifetime = DAY * u32::try_from(settings.done_days).unwrap_or(30);
    let set = |scope: &Scope, key: &str, value: &[u8]| match after.is_finished() {
        true => kv::set_for(scope, key, value, lifetime),
        false => kv::set(scope, key, value),
    };
    let (gone, come) = changes(before, Some(after));
    if let Some(before) = before {
        for list in &gone {
            forgiving(kv::delete(&list.scope(), &before.key))?;
        }
    }
    for list in &come {
        forgiving(set(&list.scope(), &after.key, b"1"))?;
    }
    set(
        &Scope::Plugin,
        &note_key(message),
        to_json(after).as_bytes(),
    )
}

/// Takes a task out of all lists.
pub fn remove(message: &str) -> Result<(), Error> {
    let Some(note) = note(message)? else {
        return Ok(());
    };
    for list in changes(Some(&note), None).0 {
        forgiving(kv::delete(&list.scope(), &note.key))?;
    }
    kv::delete(&Scope::Plugin, &note_key(message))
}

/// The notes after that of the message `after`, at most `limit`: the messages' ids.
pub fn notes(after: Option<&str>, limit: u32) -> Result<Vec<String>, Error> {
    let after = after.map(note_key);
    let keys = kv::keys(&Scope::Plugin, NOTE, after.as_deref(), limit)?;
    let ids = keys.iter().filter_map(|key| key.strip_prefix(NOTE));
    Ok(ids.map(str::to_owned).collect())
}

/// Whether a channel lists as many unfinished tasks as it may.
pub fn is_full(channel: &str) -> Result<bool, Error> {
    let list = Scope::Channel(channel.to_owned());
    let (mut count, mut after) = (0, None::<String>);
    while count < OPEN_IN_CHANNEL_MAX {
        let keys = kv::keys(&list, UNFINISHED, after.as_deref(), 100)?;
        count += keys.len();
        if keys.len() < 100 {
            break;
        }
        after = keys.into_iter().next_back();
    }
    Ok(count >= OPEN_IN_CHANNEL_MAX)
}

fn note_key(message: &str) -> String {
    format!("{NOTE}{message}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn due(at_ms: Option<u64>) -> Task {
        Task {
            due_at_ms: at_ms,
            ..Task::default()
        }
    }

    #[test]
    fn keys_sort_as_lists_are_read() {
        let keys: Vec<String> = [due(Some(5)), due(Some(1_795_176_000_000)), due(None)]
            .iter()
            .map(|task| key(task, "msg_1", "general"))
            .collect();
        assert!(keys.is_sorted(), "{keys:?}");
        assert_eq!(due_of_key(&keys[1]), Some(1_795_176_000_000));
        let done = |at_ms| Task {
            status: Status::Done,
            done_at_ms: Some(at_ms),
            ..Task::default()
        };
        assert!(
            key(&done(9), "msg_1", "a") < key(&done(8), "msg_1", "a"),
            "the last first"
        );
        assert_eq!(due_of_key(&key(&done(9), "msg_1", "a")), None);
    }

    #[test]
    fn keys_name_message_and_channel() {
        let key = key(&due(None), "msg_1", "a/b c");
        assert_eq!(read_key(&key), Some(("msg_1", "a/b c")));
        for key in ["", "o/", "m/msg_1", "o/1/msg_1/a", "x/0000000000000/m/c"] {
            assert_eq!(read_key(key), None, "{key}");
        }
        // As long as ids may be: within what the host takes as a key.
        let long = super::key(&due(None), "msg_0123456789abcdef", &"c".repeat(128));
        assert!(long.len() <= 256);
    }

    proptest! {
        /// Whatever becomes of tasks, the lists hold what they would if they were made anew.
        #[test]
        fn lists_follow_the_tasks(
            steps in prop::collection::vec((0..3usize, prop::option::of((0..3u64, 0..3u8, 0..8u8))), 0..60)
        ) {
            let mut lists: BTreeSet<(List, String)> = BTreeSet::new();
            let mut notes: [Option<Note>; 3] = [None, None, None];
            for (message, task) in steps {
                let after = task.map(|(due, status, people)| {
                    let users = ["alice", "bob", "carol"].iter().enumerate();
                    let task = Task {
                        due_at_ms: Some(due),
                        status: [Status::Open, Status::Doing, Status::Done][usize::from(status)],
                        done_at_ms: (status == 2).then_some(due),
                        assignees: users
                            .filter(|(bit, _)| people & (1 << bit) != 0)
                            .map(|(_, user)| (*user).to_owned())
                            .collect(),
                        ..Task::default()
                    };
                    Note::of(&task, &format!("msg_{message}"), "general", false)
                });
                let before = notes[message].take();
                let (gone, come) = changes(before.as_ref(), after.as_ref());
                for list in gone {
                    let key = before.as_ref().map(|note| note.key.clone()).unwrap_or_default();
                    prop_assert!(lists.remove(&(list, key)), "it was there");
                }
                for list in come {
                    lists.insert((list, after.as_ref().map(|note| note.key.clone()).unwrap_or_default()));
                }
                notes[message] = after;
                let expected: BTreeSet<(List, String)> = notes
                    .iter()
                    .flatten()
                    .flat_map(|note| note.lists().into_iter().map(|list| (list, note.key.clone())))
                    .collect();
                prop_assert_eq!(&lists, &expected);
            }
        }
    }
}
