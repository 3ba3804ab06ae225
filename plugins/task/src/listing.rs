//! Lists of tasks: who asks sees those of the channels that they are in, the app's backend all.

use std::collections::BTreeMap;

use althing_plugin::kv::{self, Scope};
use althing_plugin::{Error, Value, chat, json, to_json};

use crate::index::{self, FINISHED, UNFINISHED};
use crate::task::{Status, Task};

/// Keys that one call looks at: a list may be full of tasks of channels that the one who asks isn't in.
const KEYS_MAX: usize = 300;
/// Keys that are read at once.
const PAGE: u32 = 100;
/// What a page may take as the routes show it; the host passes on 256 KiB. A page has one task at least.
const PAGE_BYTES_MAX: usize = 200 * 1024;

/// Whose eyes see the list.
pub enum Viewer<'a> {
    /// The app's backend.
    Backend,
    /// A user of the app.
    User(&'a str),
}

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    pub assignee: Option<String>,
    pub channel: Option<String>,
    pub status: Wish,
    /// Due before this time. Tasks without a time are then left out.
    pub before_ms: Option<u64>,
    pub limit: usize,
    /// The key after which to go on.
    pub after: Option<String>,
}

/// Which tasks, by how far they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wish {
    #[default]
    Unfinished,
    Only(Status),
    All,
}

impl Wish {
    /// Reads what stands in a query.
    pub fn read(text: &str) -> Option<Wish> {
        Some(match text {
            "unfinished" => Wish::Unfinished,
            "open" => Wish::Only(Status::Open),
            "doing" => Wish::Only(Status::Doing),
            "done" => Wish::Only(Status::Done),
            "all" => Wish::All,
            _ => return None,
        })
    }

    fn takes(self, status: Status) -> bool {
        match self {
            Wish::Unfinished => status != Status::Done,
            Wish::Only(wanted) => status == wanted,
            Wish::All => true,
        }
    }

    /// The lists to be read, in their order.
    fn prefixes(self) -> &'static [&'static str] {
        match self {
            Wish::Unfinished | Wish::Only(Status::Open | Status::Doing) => &[UNFINISHED],
            Wish::Only(Status::Done) => &[FINISHED],
            Wish::All => &[UNFINISHED, FINISHED],
        }
    }
}

impl Wanted {
    /// Whether a place in the list can be one of this list.
    pub fn fits_after(&self) -> bool {
        self.after.as_ref().is_none_or(|after| {
            let prefixes = self.status.prefixes();
            index::read_key(after).is_some() && prefixes.iter().any(|list| after.starts_with(list))
        })
    }

    /// Where the tasks stand of which some are wanted. One list is read and what else is wanted is
    /// looked for in it: a person's if one is named, for it is the shorter.
    fn list(&self) -> Scope {
        match (&self.assignee, &self.channel) {
            (Some(user), _) => Scope::User(user.clone()),
            (None, Some(channel)) => Scope::Channel(channel.clone()),
            (None, None) => Scope::Plugin,
        }
    }

    fn takes(&self, found: &Found) -> bool {
        let task = &found.task;
        self.status.takes(task.status)
            && self
                .channel
                .as_ref()
                .is_none_or(|channel| *channel == found.channel)
            && (self.assignee.as_ref()).is_none_or(|user| task.assignees.contains(user))
            && self
                .before_ms
                .is_none_or(|before| task.due_at_ms.is_some_and(|due| due < before))
    }
}

/// A task and where it stands.
pub struct Found {
    pub id: String,
    pub channel: String,
    pub task: Task,
}

impl Found {
    /// As the plugin's routes show it.
    pub fn document(&self) -> Value {
        let task = &self.task;
        json!({
            "id": self.id, "channel_id": self.channel, "title": task.title, "notes": task.notes,
            "status": task.status, "priority": task.priority, "assignees": task.assignees,
            "created_by": task.created_by, "due_at_ms": task.due_at_ms,
            "snoozed_until_ms": task.snoozed_until_ms, "done_at_ms": task.done_at_ms, "items": task.items,
            "repeat": task.repeat.as_ref().map(|repeat| &repeat.rule), "done_times": task.done_times,
        })
    }
}

/// Some of a list.
#[derive(Default)]
pub struct Page {
    pub tasks: Vec<Found>,
    /// Where to go on, if there may be more.
    pub next: Option<String>,
}

/// Reads a list. What is found to be gone is left out.
pub fn read(viewer: &Viewer<'_>, wanted: &Wanted) -> Result<Page, Error> {
    let (list, mut seen) = (wanted.list(), Seen::new(viewer));
    let keys = |prefix: &str, after: Option<&str>| kv::keys(&list, prefix, after, PAGE);
    page(wanted, keys, |key| seen.task(key))
}

/// Reads a list of which `keys` gives a part after a key, and `open` the task behind one.
fn page(
    wanted: &Wanted,
    keys: impl Fn(&str, Option<&str>) -> Result<Vec<String>, Error>,
    mut open: impl FnMut(&str) -> Result<Option<Found>, Error>,
) -> Result<Page, Error> {
    let (mut page, mut looked, mut bytes) = (Page::default(), 0, 0);
    // What was looked at last, in whichever list: a page that ends with one goes on in the other.
    let mut last = wanted.after.clone();
    'lists: for prefix in wanted.status.prefixes() {
        // That place is in the list after this one.
        if *prefix == UNFINISHED && last.as_ref().is_some_and(|last| last.starts_with(FINISHED)) {
            continue;
        }
        loop {
            let after = last.as_deref().filter(|last| last.starts_with(prefix));
            let keys = match keys(prefix, after) {
                Ok(keys) => keys,
                // No such user or channel: nothing is listed there.
                Err(Error::NotFound(_)) => return Ok(page),
                Err(error) => return Err(error),
            };
            let is_last = keys.len() < PAGE as usize;
            for key in keys {
                // They are in the order of their times.
                let due = index::due_of_key(&key);
                if due
                    .zip(wanted.before_ms)
                    .is_some_and(|(due, before)| due >= before)
                {
                    continue 'lists;
                }
                if page.tasks.len() >= wanted.limit || looked >= KEYS_MAX {
                    page.next = last;
                    return Ok(page);
                }
                looked += 1;
                if let Some(found) = open(&key)?.filter(|found| wanted.takes(found)) {
                    bytes += to_json(&found.document()).len() + 1;
                    if bytes > PAGE_BYTES_MAX && !page.tasks.is_empty() {
                        page.next = last;
                        return Ok(page);
                    }
                    page.tasks.push(found);
                }
                last = Some(key);
            }
            if is_last {
                break;
            }
        }
    }
    Ok(page)
}

/// One task, if the viewer may see it.
pub fn find(viewer: &Viewer<'_>, message: &str) -> Result<Option<Found>, Error> {
    let known = match chat::message(message) {
        Ok(known) if !known.deleted && known.content.kind == crate::task::KIND => known,
        Ok(_) | Err(Error::NotFound(_) | Error::Invalid(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    Seen::new(viewer).open(&known.id, &known.channel)
}

/// What a viewer sees; looks each channel up once.
struct Seen<'a> {
    viewer: &'a Viewer<'a>,
    channels: BTreeMap<String, bool>,
}

impl<'a> Seen<'a> {
    fn new(viewer: &'a Viewer<'a>) -> Seen<'a> {
        Seen {
            viewer,
            channels: BTreeMap::new(),
        }
    }

    fn channel(&mut self, channel: &str) -> Result<bool, Error> {
        let Viewer::User(user) = self.viewer else {
            return Ok(true);
        };
        if let Some(known) = self.channels.get(channel) {
            return Ok(*known);
        }
        let is_in_it = chat::member(channel, user)?.is_some();
        self.channels.insert(channel.to_owned(), is_in_it);
        Ok(is_in_it)
    }

    fn task(&mut self, key: &str) -> Result<Option<Found>, Error> {
        match index::read_key(key) {
            Some((message, channel)) => self.open(message, channel),
            None => Ok(None),
        }
    }

    fn open(&mut self, message: &str, channel: &str) -> Result<Option<Found>, Error> {
        if !self.channel(channel)? {
            return Ok(None);
        }
        let found = chat::find_state(message)?.map(|task| Found {
            id: message.to_owned(),
            channel: channel.to_owned(),
            task,
        });
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads all pages of a list: the keys of each, and what was asked for last.
    fn pages(mut wanted: Wanted, all: &[&str], notes: &str) -> Vec<Vec<String>> {
        let keys = |prefix: &str, after: Option<&str>| {
            let fits =
                |key: &&&str| key.starts_with(prefix) && after.is_none_or(|after| **key > after);
            let keys = all.iter().filter(fits).take(PAGE as usize);
            Ok(keys.map(|key| (*key).to_owned()).collect())
        };
        let open = |key: &str| {
            let status = match key.starts_with(FINISHED) {
                true => Status::Done,
                false => Status::Open,
            };
            Ok(Some(Found {
                id: key.to_owned(),
                channel: "general".into(),
                task: Task {
                    status,
                    notes: notes.into(),
                    ..Task::default()
                },
            }))
        };
        let mut pages = Vec::new();
        loop {
            let page = page(&wanted, keys, open).unwrap();
            pages.push(page.tasks.into_iter().map(|found| found.id).collect());
            match page.next {
                Some(next) => wanted.after = Some(next),
                None => return pages,
            }
        }
    }

    #[test]
    fn a_page_that_ends_with_a_list_goes_on_in_the_next() {
        let all = [
            "d/0000000000001/c/x",
            "o/0000000000001/a/x",
            "o/0000000000002/b/x",
        ];
        let by = |limit, status| {
            let wanted = Wanted {
                limit,
                status,
                ..Wanted::default()
            };
            let mut pages = pages(wanted, &all, "");
            pages
                .iter_mut()
                .flatten()
                .for_each(|key| drop(key.drain(1..)));
            pages
        };
        assert_eq!(by(2, Wish::All), [vec!["o", "o"], vec!["d"]]);
        assert_eq!(by(1, Wish::All), [["o"], ["o"], ["d"]]);
        assert_eq!(by(3, Wish::All), [["o", "o", "d"]]);
        assert_eq!(by(2, Wish::Unfinished), [["o", "o"]]);
        assert_eq!(by(1, Wish::Only(Status::Done)), [["d"]]);
    }

    #[test]
    fn a_page_is_no_longer_than_the_host_passes_on() {
        let all: Vec<String> = (0..40).map(|n| format!("o/{n:013}/m/general")).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let wanted = Wanted {
            limit: 50,
            ..Wanted::default()
        };
        let pages = pages(wanted, &all, &"🙂".repeat(4000));
        assert!(
            pages.len() > 1
                && pages
                    .iter()
                    .all(|page| page.len() * 16_000 <= PAGE_BYTES_MAX)
        );
        assert_eq!(pages.concat(), all);
    }
}
