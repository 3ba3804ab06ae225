//! What people may do with a task, and what becomes of it. Who may what stands in [`may`] alone.

mod values;

use althing_plugin::when::Clock;
use althing_plugin::{Context, Role, Value, parse_json, to_json};
use serde::Deserialize;

use crate::repeat::Repeat;
use crate::settings::Settings;
use crate::task::{
    ASSIGNEES_MAX, ITEM_CHARACTERS_MAX, ITEMS_MAX, Item, Status, TITLE_CHARACTERS_MAX, Task,
    check_line, check_notes,
};
use values::{read, rule, text, time, users};

/// The host keeps no more of a message's state than this, and shows no more of its view.
const STATE_BYTES_MAX: usize = 48_000;

/// All actions, as an error lists them.
const KNOWN: &str = "`take`, `drop`, `status`, `tick`, `assign`, `unassign`, `due`, `repeat`, \
    `snooze`, `title`, `notes`, `priority`, `add_item` and `remove_item`";

/// Who is allowed an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// Everybody in the channel.
    Anybody,
    /// Who made the task, those who have it, and the channel's admins.
    Involved,
    /// Who made it, and the channel's admins.
    InCharge,
    /// This plugin alone.
    Plugin,
}

/// The rules.
fn who(action: &str) -> Option<Who> {
    Some(match action {
        "take" | "drop" => Who::Anybody,
        "status" | "tick" | "snooze" => Who::Involved,
        "assign" | "unassign" | "due" | "repeat" | "title" | "notes" | "priority" | "add_item"
        | "remove_item" => Who::InCharge,
        "release" | "woken" => Who::Plugin,
        _ => return None,
    })
}

/// Whether the caller may do this with the task. The error is a sentence for the person.
fn may(ctx: &Context, task: &Task, action: &str) -> Result<(), String> {
    let who = who(action).ok_or_else(|| format!("A task knows {KNOWN}, not `{action}`."))?;
    let is_somebody = !ctx.actor.is_empty();
    let in_charge = ctx.may_moderate() || (is_somebody && ctx.actor == task.created_by);
    let is_involved = in_charge || task.involved().contains(&&ctx.actor);
    match who {
        Who::Plugin if ctx.actor_role == Role::Plugin => Ok(()),
        Who::Plugin => Err(format!("A task knows {KNOWN}, not `{action}`.")),
        Who::Anybody if is_somebody => Ok(()),
        Who::Anybody => Err("Name the user on whose behalf you do this.".to_owned()),
        Who::Involved if is_involved => Ok(()),
        Who::Involved => Err(
            "Only those who have the task, who made it, and the channel's admins can do this. Take it first."
                .to_owned(),
        ),
        Who::InCharge if in_charge => Ok(()),
        Who::InCharge => {
            Err("Only who made the task and the channel's admins can change this.".to_owned())
        }
    }
}

/// Which item, and whether it is done.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tick {
    item: u32,
    done: bool,
}

impl Task {
    /// Who may do what those involved may, beside the channel's admins.
    pub fn involved(&self) -> Vec<&String> {
        let mut involved: Vec<&String> = Vec::new();
        for user in std::iter::once(&self.created_by).chain(&self.assignees) {
            if !user.is_empty() && !involved.contains(&user) {
                involved.push(user);
            }
        }
        involved
    }

    /// Applies an action. The error is a sentence for the person, and changes nothing.
    pub fn act(
        &mut self,
        ctx: &Context,
        settings: &Settings,
        action: &str,
        value: &Value,
    ) -> Result<(), String> {
        may(ctx, self, action)?;
        let mut after = self.clone();
        match action {
            "take" => after.assign(&ctx.actor)?,
            "drop" => after.unassign(&ctx.actor)?,
            "assign" => {
                for user in users(value)? {
                    after.assign(&user)?;
                }
            }
            "unassign" | "release" => {
                for user in users(value)? {
                    after.unassign(&user)?;
                }
            }
            "status" => {
                let status = read("status", value, "`open`, `doing` or `done`")?;
                after.set_status(ctx, &settings.clock(ctx.now_ms), status);
            }
            "tick" => after.tick(value)?,
            "due" => after.set_due(&settings.clock(ctx.now_ms), value)?,
            "repeat" => after.set_repeat(&settings.clock(ctx.now_ms), value)?,
            "snooze" => after.snooze(&settings.clock(ctx.now_ms), value)?,
            "woken" => after.snoozed_until_ms = None,
            "title" => after.title = check_line("The title", text(value)?, TITLE_CHARACTERS_MAX)?,
            "notes" => after.notes = check_notes(text(value)?)?,
            "priority" => {
                after.priority = read("priority", value, "`low`, `normal` or `high`")?;
            }
            "add_item" => after.add_item(text(value)?)?,
            "remove_item" => {
                let id = value.as_u64().ok_or("Which item? Its `id`, a number.")?;
                after.item(u32::try_from(id).unwrap_or(0))?;
                after.items.retain(|item| u64::from(item.id) != id);
            }
            _ => unreachable!("`may` refuses what isn't known"),
        }
        let grows = to_json(&after).len() > to_json(self).len();
        if grows && to_json(&after).len() > STATE_BYTES_MAX {
            return Err("This task can't hold any more.".to_owned());
        }
        *self = after;
        Ok(())
    }

    fn assign(&mut self, user: &str) -> Result<(), String> {
        if self.assignees.iter().any(|known| known == user) {
            return Ok(());
        }
        if self.assignees.len() >= ASSIGNEES_MAX {
            return Err(format!("A task is for at most {ASSIGNEES_MAX} people."));
        }
        self.assignees.push(user.to_owned());
        Ok(())
    }

    fn unassign(&mut self, user: &str) -> Result<(), String> {
        self.assignees.retain(|known| known != user);
        Ok(())
    }

    fn set_status(&mut self, ctx: &Context, clock: &Clock, status: Status) {
        if status == Status::Done {
            self.snoozed_until_ms = None;
        }
        if status == Status::Done && self.status != Status::Done && self.repeat.is_some() {
            self.done_times = self.done_times.saturating_add(1);
            if self.open_next(clock) {
                return;
            }
        }
        if status == Status::Done && self.status != Status::Done {
            self.done_at_ms = Some(ctx.now_ms);
        } else if status != Status::Done {
            self.done_at_ms = None;
        }
        // Whoever begins with a task that nobody has, has it.
        if status == Status::Doing && self.assignees.is_empty() && !ctx.actor.is_empty() {
            self.assignees.push(ctx.actor.clone());
        }
        self.status = status;
    }

    /// Opens a task that repeats for its next date, with nothing ticked. False when there is none: then it is
    /// done for good.
    fn open_next(&mut self, clock: &Clock) -> bool {
        let Some((repeat, due)) = self.repeat.as_ref().and_then(|repeat| repeat.next(clock)) else {
            return false;
        };
        self.repeat = Some(repeat);
        self.due_at_ms = Some(due);
        self.due_set_ms = clock.now_ms().unsigned_abs();
        self.status = Status::Open;
        for item in &mut self.items {
            item.done = false;
        }
        true
    }

    fn tick(&mut self, value: &Value) -> Result<(), String> {
        let tick: Tick = parse_json(&value.to_string())
            .map_err(|_| "A tick is `{\"item\": 1, \"done\": true}`.".to_owned())?;
        self.item(tick.item)?.done = tick.done;
        Ok(())
    }

    fn item(&mut self, id: u32) -> Result<&mut Item, String> {
        let found = self.items.iter_mut().find(|item| item.id == id);
        found.ok_or_else(|| "There is no such item, or no longer.".to_owned())
    }

    fn add_item(&mut self, text: &str) -> Result<(), String> {
        if self.items.len() >= ITEMS_MAX {
            return Err(format!("A task has at most {ITEMS_MAX} items."));
        }
        let text = check_line("An item", text, ITEM_CHARACTERS_MAX)?;
        self.last_item += 1;
        self.items.push(Item {
            id: self.last_item,
            text,
            done: false,
        });
        Ok(())
    }

    /// When it is due. One that repeats is at that time once: its other dates stay where they are.
    fn set_due(&mut self, clock: &Clock, value: &Value) -> Result<(), String> {
        let due = time("A due time", value, clock)?;
        if due.is_none() && self.repeat.is_some() {
            return Err("A task that repeats needs a time: end its repeat first.".to_owned());
        }
        if due != self.due_at_ms {
            (self.due_at_ms, self.due_set_ms) = (due, clock.now_ms().unsigned_abs());
            self.snoozed_until_ms = None;
        }
        Ok(())
    }

    /// A rule, words such as `every monday`, or nothing for no more dates after this one. The first date is the one for
    /// which it is due.
    fn set_repeat(&mut self, clock: &Clock, value: &Value) -> Result<(), String> {
        let rule = rule(value)?;
        if rule.is_some() && self.status == Status::Done {
            return Err("The task is done: open it again first.".to_owned());
        }
        let repeat = rule.map(|rule| Repeat::new(rule, self.due_at_ms, clock));
        self.repeat = repeat.transpose()?;
        Ok(())
    }

    /// When those who have it are told next, and not before; nothing for the usual times. When it is due stays.
    fn snooze(&mut self, clock: &Clock, value: &Value) -> Result<(), String> {
        if self.status == Status::Done {
            return Err("The task is done: nobody is told of it any more.".to_owned());
        }
        self.snoozed_until_ms = time("The time of a reminder", value, clock)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use althing_plugin::prelude::json;
    use proptest::prelude::*;

    use super::*;
    use crate::task::{NewTask, Priority};

    fn by(user: &str, role: Role) -> Context {
        Context {
            actor: user.into(),
            actor_role: role,
            now_ms: 1_795_176_000_000,
            ..Context::default()
        }
    }

    fn task() -> Task {
        let new = NewTask {
            title: "Send the offer".into(),
            assignees: vec!["bob".into()],
            items: vec!["Ask Carol".into(), "Write it".into()],
            ..NewTask::default()
        };
        let alice = by("alice", Role::Member);
        let clock = Clock::new(alice.now_ms, 0);
        let new = new.check(&clock).unwrap();
        new.begin(&clock, "alice".into()).unwrap()
    }

    fn act(task: &mut Task, ctx: &Context, action: &str, value: Value) -> Result<(), String> {
        task.act(ctx, &Settings::default(), action, &value)
    }

    /// For each action what is valid for it.
    fn deeds() -> Vec<(&'static str, Value)> {
        vec![
            ("take", json!(null)),
            ("drop", json!(null)),
            ("status", json!("done")),
            ("tick", json!({"item": 1, "done": true})),
            ("assign", json!("carol")),
            ("unassign", json!(["bob"])),
            ("snooze", json!("tomorrow at 9")),
            ("due", json!("tomorrow at 9")),
            ("repeat", json!(null)),
            ("title", json!("Other")),
            ("notes", json!("Other")),
            ("priority", json!("high")),
            ("add_item", json!("More")),
            ("remove_item", json!(1)),
            ("release", json!(["bob"])),
        ]
    }

    #[test]
    fn the_rules_by_person() {
        let allowed = |ctx: &Context| -> Vec<&str> {
            let fits = |deed: &(&str, Value)| act(&mut task(), ctx, deed.0, deed.1.clone()).is_ok();
            deeds()
                .into_iter()
                .filter(fits)
                .map(|deed| deed.0)
                .collect()
        };
        let all: Vec<&str> = deeds().iter().map(|deed| deed.0).take(14).collect();
        assert_eq!(allowed(&by("alice", Role::Member)), all, "who made it");
        assert_eq!(allowed(&by("zoe", Role::Admin)), all, "an admin");
        assert_eq!(allowed(&by("zoe", Role::Owner)), all, "the owner");
        let has_it = ["take", "drop", "status", "tick", "snooze"];
        assert_eq!(allowed(&by("bob", Role::Member)), has_it);
        assert_eq!(allowed(&by("zoe", Role::Member)), ["take", "drop"]);
        assert_eq!(allowed(&by("", Role::Server)), &all[2..], "the backend");
        assert_eq!(
            allowed(&by("bot:task", Role::Plugin)),
            ["take", "drop", "release"]
        );
        assert!(allowed(&by("", Role::None)).is_empty());
    }

    #[test]
    fn a_task_is_taken_done_and_opened_again() {
        let mut task = task();
        let zoe = by("zoe", Role::Member);
        assert!(act(&mut task, &zoe, "status", json!("done")).is_err());
        act(&mut task, &zoe, "take", json!(null)).unwrap();
        assert_eq!(task.assignees, ["bob", "zoe"]);
        act(&mut task, &zoe, "status", json!("done")).unwrap();
        assert_eq!(task.done_at_ms, Some(zoe.now_ms));
        act(&mut task, &zoe, "status", json!("open")).unwrap();
        assert_eq!((task.status, task.done_at_ms), (Status::Open, None));
        act(&mut task, &zoe, "drop", json!(null)).unwrap();
        assert_eq!(task.assignees, ["bob"]);
        act(&mut task, &by("bob", Role::Member), "drop", json!(null)).unwrap();
        let alice = by("alice", Role::Member);
        act(&mut task, &alice, "status", json!("doing")).unwrap();
        assert_eq!(task.assignees, ["alice"], "who begins has it");
    }

    #[test]
    fn items_keep_their_ids() {
        let mut task = task();
        let alice = by("alice", Role::Member);
        act(&mut task, &alice, "remove_item", json!(1)).unwrap();
        act(&mut task, &alice, "add_item", json!("Post it")).unwrap();
        act(&mut task, &alice, "tick", json!({"item": 3, "done": true})).unwrap();
        let items: Vec<_> = task.items.iter().map(|item| (item.id, item.done)).collect();
        assert_eq!(items, [(2, false), (3, true)]);
        let gone = act(&mut task, &alice, "tick", json!({"item": 1, "done": true}));
        assert!(gone.unwrap_err().contains("no longer"));
    }

    #[test]
    fn due_times_are_numbers_or_words() {
        let mut task = task();
        let alice = by("alice", Role::Member);
        act(&mut task, &alice, "due", json!("in 2 hours")).unwrap();
        assert_eq!(task.due_at_ms, Some(alice.now_ms + 7_200_000));
        act(&mut task, &alice, "due", json!(alice.now_ms + 5)).unwrap();
        assert_eq!(task.due_at_ms, Some(alice.now_ms + 5));
        for value in [
            json!("soon"),
            json!("in 2 hours or so"),
            json!(1),
            json!(-1),
            json!([]),
        ] {
            assert!(act(&mut task, &alice, "due", value).is_err());
        }
        act(&mut task, &alice, "due", json!("")).unwrap();
        assert_eq!(task.due_at_ms, None);
    }

    #[test]
    fn a_task_that_repeats_is_open_again() {
        let mut task = task();
        let (day, alice) = (86_400_000, by("alice", Role::Member));
        let refused = act(&mut task, &alice, "repeat", json!("every week")).unwrap_err();
        assert!(refused.contains("needs a time"), "{refused}");
        act(&mut task, &alice, "due", json!("today")).unwrap();
        let due = task.due_at_ms.unwrap();
        act(&mut task, &alice, "repeat", json!("every day 3 times")).unwrap();
        act(&mut task, &alice, "tick", json!({"item": 1, "done": true})).unwrap();
        act(&mut task, &alice, "status", json!("doing")).unwrap();
        act(&mut task, &alice, "snooze", json!("in 1 hour")).unwrap();
        act(&mut task, &by("bob", Role::Member), "status", json!("done")).unwrap();
        assert_eq!(
            (task.status, task.done_times, task.done_at_ms),
            (Status::Open, 1, None)
        );
        assert_eq!(
            (task.due_at_ms, task.due_set_ms),
            (Some(due + day), alice.now_ms)
        );
        assert!(task.items.iter().all(|item| !item.done));
        assert_eq!((task.assignees.len(), task.snoozed_until_ms), (1, None));
        // One date at another time, and the next where it was.
        act(&mut task, &alice, "due", json!("tomorrow at 20:00")).unwrap();
        assert!(
            act(&mut task, &alice, "due", json!(null))
                .unwrap_err()
                .contains("repeat")
        );
        act(&mut task, &alice, "status", json!("done")).unwrap();
        assert_eq!((task.due_at_ms, task.done_times), (Some(due + 2 * day), 2));
        // The last is done for good.
        act(&mut task, &alice, "status", json!("done")).unwrap();
        assert_eq!((task.status, task.done_times), (Status::Done, 3));
        assert_eq!(task.done_at_ms, Some(alice.now_ms));
        act(&mut task, &alice, "status", json!("done")).unwrap();
        assert_eq!(task.done_times, 3, "done already");
        let rule = json!({"frequency": "daily"});
        assert!(
            act(&mut task, &alice, "repeat", rule.clone())
                .unwrap_err()
                .contains("is done")
        );
        act(&mut task, &alice, "status", json!("open")).unwrap();
        act(&mut task, &alice, "repeat", rule).unwrap();
        for value in [
            json!("sometimes"),
            json!("every day at 9"),
            json!({"frequency": "hourly"}),
            json!(5),
        ] {
            assert!(
                act(&mut task, &alice, "repeat", value.clone()).is_err(),
                "{value}"
            );
        }
        act(&mut task, &alice, "repeat", json!(null)).unwrap();
        act(&mut task, &alice, "status", json!("done")).unwrap();
        assert_eq!((task.status, task.done_times), (Status::Done, 3));
    }

    #[test]
    fn a_reminder_is_snoozed() {
        let mut task = task();
        let (alice, bob) = (by("alice", Role::Member), by("bob", Role::Member));
        for (value, at_ms) in [
            (json!("in 1 hour"), Some(alice.now_ms + 3_600_000)),
            (json!("tomorrow 9:00"), Some(alice.now_ms + 21 * 3_600_000)),
            (json!("monday 9:00"), Some(alice.now_ms + 69 * 3_600_000)),
            (json!(alice.now_ms + 1), Some(alice.now_ms + 1)),
            (json!(null), None),
        ] {
            act(&mut task, &bob, "snooze", value.clone()).unwrap();
            assert_eq!(task.snoozed_until_ms, at_ms, "{value}");
        }
        for value in [
            json!("later"),
            json!(1),
            json!([]),
            json!("in 1 hour or so"),
        ] {
            assert!(
                act(&mut task, &bob, "snooze", value.clone()).is_err(),
                "{value}"
            );
        }
        act(&mut task, &bob, "snooze", json!("in 1 hour")).unwrap();
        act(
            &mut task,
            &by("bot:task", Role::Plugin),
            "woken",
            json!(null),
        )
        .unwrap();
        assert_eq!(task.snoozed_until_ms, None);
        act(&mut task, &bob, "snooze", json!("in 1 hour")).unwrap();
        act(&mut task, &alice, "due", json!("tomorrow")).unwrap();
        assert_eq!(
            task.snoozed_until_ms, None,
            "another due time is another plan"
        );
        act(&mut task, &bob, "status", json!("done")).unwrap();
        assert!(
            act(&mut task, &bob, "snooze", json!("in 1 hour"))
                .unwrap_err()
                .contains("is done")
        );
    }

    proptest! {
        /// Whatever is sent: a refusal changes nothing, and no task outgrows what the host keeps.
        #[test]
        fn any_action_is_done_or_refused(
            steps in prop::collection::vec((0..17usize, 0..6usize, "\\PC{0,210}", any::<i64>()), 0..60)
        ) {
            let mut task = task();
            let people = [
                by("alice", Role::Member), by("bob", Role::Member), by("zoe", Role::Member),
                by("x", Role::Admin), by("", Role::Server), by("bot:task", Role::Plugin),
            ];
            for (deed, person, text, number) in steps {
                let (action, mut value) = deeds().get(deed).cloned().unwrap_or(("dance", json!(null)));
                if number % 3 == 0 { value = json!(text) } else if number % 3 == 1 { value = json!(number) }
                let before = task.clone();
                if act(&mut task, &people[person], action, value).is_err() {
                    prop_assert_eq!(&task, &before);
                }
                prop_assert!(to_json(&task).len() <= STATE_BYTES_MAX);
                prop_assert!(task.assignees.len() <= ASSIGNEES_MAX && task.items.len() <= ITEMS_MAX);
                prop_assert_eq!(task.done_at_ms.is_some(), task.status == Status::Done);
                let _ = task.priority == Priority::Low;
            }
        }
    }
}
