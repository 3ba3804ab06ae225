//! Lists of tasks: who asks sees those of the channels that they are in, the app's backend all.

use std::collections::BTreeMap;

use althing_plugin::kv::{self, Scope};
use althing_plugin::{Error, Value, chat, json};

use crate::index::{self, FINISHED, UNFINISHED};
use crate::task::{Status, Task};

/// Keys that one call looks at: a list may be full of tasks of channels that the one who asks isn't in.
const KEYS_MAX: usize = 300;
/// Keys that are read at once.
const PAGE: u32 = 100;

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
            "done_at_ms": task.done_at_ms, "items": task.items,
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
    let (mut page, mut looked) = (Page::default(), 0);
    'lists: for prefix in wanted.status.prefixes() {
        let mut after = match wanted.after.as_deref() {
            Some(after) if after.starts_with(prefix) => Some(after.to_owned()),
            // That place is in the list after this one.
            Some(after) if *prefix == UNFINISHED && after.starts_with(FINISHED) => continue,
            _ => None,
        };
        loop {
            let keys = match kv::keys(&list, prefix, after.as_deref(), PAGE) {
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
                    page.next = after;
                    return Ok(page);
                }
                looked += 1;
                if let Some(found) = seen.task(&key)?.filter(|found| wanted.takes(found)) {
                    page.tasks.push(found);
                }
                after = Some(key);
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
        match chat::state(message) {
            Ok(task) => Ok(Some(Found {
                id: message.to_owned(),
                channel: channel.to_owned(),
                task,
            })),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
