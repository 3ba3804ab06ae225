//! A task: what may be in a new one, and what it becomes. The message's data is the task as it was
//! made; what it is now is the private state, which the view and the plugin's routes show.

use althing_plugin::recurrence::Rule;
use althing_plugin::when::Clock;
use serde::{Deserialize, Serialize};

use crate::repeat::Repeat;

/// The name of the message kind.
pub const KIND: &str = "task";

pub const ASSIGNEES_MAX: usize = 10;
pub const ITEMS_MAX: usize = 50;
pub const TITLE_CHARACTERS_MAX: usize = 200;
pub const NOTES_CHARACTERS_MAX: usize = 4000;
pub const ITEM_CHARACTERS_MAX: usize = 200;
/// The host's own limit on user ids.
const USER_BYTES_MAX: usize = 128;
/// Ten years.
const AHEAD_MS_MAX: u64 = 3650 * 24 * 60 * 60 * 1000;

/// How far a task is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    #[default]
    Open,
    Doing,
    Done,
}

/// How much it matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    Low,
    #[default]
    Normal,
    High,
}

/// One line of a task's checklist.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Item {
    /// From 1, never used twice in a task.
    pub id: u32,
    pub text: String,
    pub done: bool,
}

/// The data of a new task, as its author writes it; filled in, the message's data.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NewTask {
    pub title: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
    #[serde(default)]
    pub assignees: Vec<String>,
    /// Milliseconds since 1970-01-01 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at_ms: Option<u64>,
    /// Once it is done it is due again, by this rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Rule>,
    #[serde(default)]
    pub priority: Priority,
    #[serde(default)]
    pub items: Vec<String>,
    /// For whom the plugin posts it. Nobody else may say so. Part of the data, which guards may change and
    /// which is then looked at anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
}

/// A task as it is now.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Task {
    pub created_by: String,
    pub title: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
    pub status: Status,
    pub priority: Priority,
    pub assignees: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at_ms: Option<u64>,
    /// When that was last set: reminders for before then are not sent.
    #[serde(default)]
    pub due_set_ms: u64,
    /// When those who have it want to be told next, and not before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snoozed_until_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Repeat>,
    /// How often one that repeats was done.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub done_times: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at_ms: Option<u64>,
    pub items: Vec<Item>,
    /// The id of the last item that was added.
    #[serde(default)]
    pub last_item: u32,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl NewTask {
    /// Checks it and tidies its texts. The error is a sentence for its author.
    pub fn check(mut self, clock: &Clock) -> Result<NewTask, String> {
        self.title = check_line("The title", &self.title, TITLE_CHARACTERS_MAX)?;
        self.notes = check_notes(&self.notes)?;
        let mut assignees: Vec<String> = Vec::with_capacity(self.assignees.len());
        for user in self.assignees {
            let user = check_user(&user)?;
            if !assignees.contains(&user) {
                assignees.push(user);
            }
        }
        self.assignees = assignees;
        if self.assignees.len() > ASSIGNEES_MAX {
            return Err(format!("A task is for at most {ASSIGNEES_MAX} people."));
        }
        if self.items.len() > ITEMS_MAX {
            return Err(format!("A task has at most {ITEMS_MAX} items."));
        }
        for item in &mut self.items {
            *item = check_line("An item", item, ITEM_CHARACTERS_MAX)?;
        }
        if let Some(due) = self.due_at_ms {
            check_due(due, clock.now_ms().unsigned_abs())?;
        }
        self.repeat = self.repeat(clock)?.map(|repeat| repeat.rule);
        Ok(self)
    }

    fn repeat(&self, clock: &Clock) -> Result<Option<Repeat>, String> {
        let rule = self.repeat.clone();
        let repeat = rule.map(|rule| Repeat::new(rule, self.due_at_ms, clock));
        repeat.transpose()
    }

    /// The task that begins with it; checked before.
    pub fn begin(&self, clock: &Clock, created_by: String) -> Result<Task, String> {
        let items = (1..).zip(&self.items).map(|(id, text)| Item {
            id,
            text: text.clone(),
            done: false,
        });
        Ok(Task {
            created_by,
            title: self.title.clone(),
            notes: self.notes.clone(),
            status: Status::Open,
            priority: self.priority,
            assignees: self.assignees.clone(),
            due_at_ms: self.due_at_ms,
            due_set_ms: clock.now_ms().unsigned_abs(),
            snoozed_until_ms: None,
            repeat: self.repeat(clock)?,
            done_times: 0,
            done_at_ms: None,
            items: items.collect(),
            last_item: self.items.len() as u32,
        })
    }
}

/// One line of text, without space around it.
pub fn check_line(what: &str, text: &str, characters_max: usize) -> Result<String, String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let characters = text.chars().count();
    if characters == 0 {
        return Err(format!("{what} is empty."));
    }
    if characters > characters_max {
        return Err(format!(
            "{what} has {characters} characters; {characters_max} are the most."
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("{what} has control characters in it."));
    }
    Ok(text)
}

/// Any text of bounded length, line breaks and all.
pub fn check_notes(text: &str) -> Result<String, String> {
    let text = text.trim();
    let characters = text.chars().count();
    if characters > NOTES_CHARACTERS_MAX {
        return Err(format!(
            "The notes have {characters} characters; {NOTES_CHARACTERS_MAX} are the most."
        ));
    }
    if text
        .chars()
        .any(|char| char.is_control() && char != '\n' && char != '\t')
    {
        return Err("The notes have control characters in them.".to_owned());
    }
    Ok(text.to_owned())
}

/// What may be a user's id. Whether there is such a participant is looked up when the task is there.
pub fn check_user(user: &str) -> Result<String, String> {
    let user = user.trim().trim_start_matches('@');
    if user.is_empty() || user.len() > USER_BYTES_MAX || user.chars().any(char::is_control) {
        return Err("That is no user's id.".to_owned());
    }
    Ok(user.to_owned())
}

/// Refuses a due time that is over or too far away.
pub fn check_due(due_at_ms: u64, now_ms: u64) -> Result<(), String> {
    check_time("The time at which the task is due", due_at_ms, now_ms)
}

/// Refuses a time that is over or too far away.
pub fn check_time(what: &str, at_ms: u64, now_ms: u64) -> Result<(), String> {
    match at_ms.checked_sub(now_ms) {
        None | Some(0) => Err(format!("{what} is over.")),
        Some(1..=AHEAD_MS_MAX) => Ok(()),
        Some(_) => Err(format!("{what} is at most ten years ahead.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(title: &str) -> NewTask {
        NewTask {
            title: title.into(),
            ..NewTask::default()
        }
    }

    #[test]
    fn texts_and_lists_are_bounded() {
        let clock = Clock::new(1_000, 0);
        let error = |task: NewTask| task.check(&clock).unwrap_err();
        assert_eq!(new(" Send \n it ").check(&clock).unwrap().title, "Send it");
        assert_eq!(error(new(" ")), "The title is empty.");
        assert!(error(new(&"x".repeat(201))).contains("201 characters; 200"));
        let mut task = new("x");
        task.items = vec!["y".into(); ITEMS_MAX + 1];
        assert!(error(task).contains("50 items"));
        let mut task = new("x");
        task.assignees = (0..11).map(|n| format!("u{n}")).collect();
        assert!(error(task).contains("10 people"));
        for user in ["", "@", "a\nb", &"x".repeat(129)] {
            let mut task = new("x");
            task.assignees = vec![user.into()];
            assert!(error(task).contains("no user's id"), "{user:?}");
        }
        let mut task = new("x");
        task.notes = "a\u{7}".into();
        assert!(error(task).contains("control"));
        for due in [0, 1_000, u64::MAX] {
            let mut task = new("x");
            task.due_at_ms = Some(due);
            assert!(task.check(&clock).is_err());
        }
    }

    #[test]
    fn a_person_is_named_once() {
        let mut task = new("x");
        task.assignees = ["bob", "@bob", " carol "].map(str::to_owned).into();
        let checked = task.check(&Clock::new(0, 0)).unwrap();
        assert_eq!(checked.assignees, ["bob", "carol"]);
    }
}
