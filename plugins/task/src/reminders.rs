//! Reminders: before a task is due, and when it is. A task has one timer, for the next of its
//! reminders; which have been sent stands in a value of the message. Both change in the transaction
//! that sends one, so each is sent once.

use althing_plugin::blocks::text;
use althing_plugin::chat::{self, Post};
use althing_plugin::kv::{self, Scope};
use althing_plugin::leaving::forgiving;
use althing_plugin::{Context, Error, timers};
use serde::{Deserialize, Serialize};

use crate::settings::Settings;
use crate::task::{Status, Task};
use crate::view;

const MINUTE_MS: u64 = 60_000;
/// A timer may be a year ahead: those for later are set again on the way.
const AHEAD_MS_MAX: u64 = 360 * 24 * 60 * MINUTE_MS;
/// Until when a task's reminders have been sent.
const SENT: &str = "reminded";

/// What a timer is set with.
#[derive(Deserialize, Serialize)]
pub struct Due {
    pub message: String,
}

/// The timer of a task.
pub fn timer(message: &str) -> String {
    format!("due/{message}")
}

/// When the next reminder is to be sent of which none has been since `sent_ms`; perhaps past. Of a task that is
/// snoozed that is the end of it, and those for before then are left out.
pub fn next(task: &Task, settings: &Settings, sent_ms: u64) -> Option<u64> {
    if task.status == Status::Done {
        return None;
    }
    let snoozed = task.snoozed_until_ms.filter(|until_ms| *until_ms > sent_ms);
    let after = sent_ms.max(task.due_set_ms).max(snoozed.unwrap_or(0));
    let due = task.due_at_ms;
    let before = settings.remind_minutes_before.iter();
    let before = due.into_iter().flat_map(|due| {
        before
            .clone()
            .map(move |minutes| due.saturating_sub(minutes * MINUTE_MS))
    });
    let usual = before.chain(due.filter(|_| settings.remind_when_due));
    usual.filter(|at_ms| *at_ms > after).chain(snoozed).min()
}

/// Sets the task's timer, or takes it back.
pub fn set(ctx: &Context, settings: &Settings, message: &str, task: &Task) -> Result<(), Error> {
    // Most tasks have no time: no need to look.
    let next = match task.due_at_ms.or(task.snoozed_until_ms) {
        Some(_) => next(task, settings, sent(message)?),
        None => None,
    };
    set_next(ctx, message, next)
}

fn set_next(ctx: &Context, message: &str, next: Option<u64>) -> Result<(), Error> {
    let name = timer(message);
    match next {
        Some(at_ms) => {
            let at_ms = at_ms.min(ctx.now_ms + AHEAD_MS_MAX);
            let due = Due {
                message: message.to_owned(),
            };
            timers::set(&name, at_ms, &ctx.channel, &due)
        }
        None => timers::cancel(&name),
    }
}

fn sent(message: &str) -> Result<u64, Error> {
    let scope = Scope::Message(message.to_owned());
    Ok(kv::get_json(&scope, SENT)?.unwrap_or(0))
}

/// A timer is due: tells those who have the task, and sets it for the next time.
pub fn remind(ctx: &Context, settings: &Settings, message: &str) -> Result<(), String> {
    let Some(task) = chat::find_state::<Task>(message)? else {
        return Ok(());
    };
    let Some(due) = next(&task, settings, sent(message)?) else {
        return Ok(());
    };
    if due > ctx.now_ms {
        return Ok(set_next(ctx, message, Some(due))?);
    }
    // What is refused will not go better later: the channel takes no messages, or a guard said no.
    let post = reminder(ctx, settings, &task);
    chat::tell(&ctx.channel, post, &format!("a reminder of {message}"))?;
    let scope = Scope::Message(message.to_owned());
    kv::set_json(&scope, SENT, &ctx.now_ms)?;
    // What is shown of it is no longer so.
    if task
        .snoozed_until_ms
        .is_some_and(|until_ms| until_ms <= ctx.now_ms)
    {
        forgiving(chat::act(message, "woken", &()))?;
    }
    Ok(set_next(ctx, message, next(&task, settings, ctx.now_ms))?)
}

/// `⏰ @bob: “Send the offer” is due today at 17:00 (Europe/Berlin).`
fn reminder(ctx: &Context, settings: &Settings, task: &Task) -> Post {
    let clock = settings.clock(ctx.now_ms);
    let due = task.due_at_ms.unwrap_or_default();
    let people = match task.assignees.as_slice() {
        [] if task.created_by.is_empty() => String::new(),
        [] => format!("@{}: ", task.created_by),
        people => format!("{}: ", view::names(people)),
    };
    let at = clock.describe(i64::try_from(due).unwrap_or(i64::MAX));
    let at = format!("{at} ({})", clock.zone());
    let when = match task.due_at_ms.map(|due| ctx.now_ms.checked_sub(due)) {
        None => "is still to be done".to_owned(),
        Some(None) => format!("is due {at}"),
        Some(Some(late)) if late < MINUTE_MS => "is due now".to_owned(),
        Some(Some(_)) => format!("was due {at}"),
    };
    let words = format!("⏰ {people}“{}” {when}.", task.title);
    let shown = text(&words).users(task.involved());
    let shown = match task.due_at_ms {
        Some(due) => shown.date_time(at, due),
        None => shown,
    };
    Post::text(words).with_blocks([shown])
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 60 * MINUTE_MS;

    fn due_at(due: u64) -> Task {
        Task {
            title: "Rest".into(),
            due_at_ms: Some(due),
            due_set_ms: HOUR,
            ..Task::default()
        }
    }

    fn settings(before: &[u64]) -> Settings {
        Settings {
            remind_minutes_before: before.into(),
            ..Settings::default()
        }
    }

    #[test]
    fn each_reminder_has_its_time() {
        let (task, two) = (due_at(10 * HOUR), settings(&[60, 120]));
        assert_eq!(next(&task, &two, 0), Some(8 * HOUR));
        assert_eq!(next(&task, &two, 8 * HOUR), Some(9 * HOUR));
        assert_eq!(next(&task, &two, 9 * HOUR + 1), Some(10 * HOUR));
        assert_eq!(next(&task, &two, 10 * HOUR), None);
        // What was over already when the time was set is not told.
        assert_eq!(next(&due_at(HOUR + 1), &two, 0), Some(HOUR + 1));
        assert_eq!(next(&Task::default(), &two, 0), None);
        let mut done = task.clone();
        done.status = Status::Done;
        assert_eq!(next(&done, &two, 0), None);
        let never = Settings {
            remind_when_due: false,
            ..settings(&[])
        };
        assert_eq!(next(&task, &never, 0), None);
    }

    #[test]
    fn what_is_snoozed_is_told_then_and_not_before() {
        let (mut task, two) = (due_at(10 * HOUR), settings(&[60, 120]));
        task.snoozed_until_ms = Some(9 * HOUR + 1);
        assert_eq!(next(&task, &two, 0), Some(9 * HOUR + 1));
        assert_eq!(next(&task, &two, 9 * HOUR + 1), Some(10 * HOUR));
        task.snoozed_until_ms = Some(20 * HOUR);
        assert_eq!(next(&task, &two, 8 * HOUR), Some(20 * HOUR));
        assert_eq!(next(&task, &two, 20 * HOUR), None);
        task.due_at_ms = None;
        assert_eq!(
            next(&task, &two, 0),
            Some(20 * HOUR),
            "also where there is no due time"
        );
        let ctx = Context {
            now_ms: 20 * HOUR,
            ..Context::default()
        };
        let told = reminder(&ctx, &two, &task);
        assert_eq!(told.body, "⏰ “Rest” is still to be done.");
        task.status = Status::Done;
        assert_eq!(next(&task, &two, 0), None);
    }

    #[test]
    fn reminders_name_those_who_have_it() {
        let at = |now_ms, task: &Task| {
            let ctx = Context {
                now_ms,
                ..Context::default()
            };
            reminder(&ctx, &settings(&[]), task).body
        };
        let mut task = due_at(10 * HOUR);
        assert_eq!(
            at(9 * HOUR, &task),
            "⏰ “Rest” is due today at 10:00 (UTC)."
        );
        task.created_by = "alice".into();
        assert_eq!(at(10 * HOUR, &task), "⏰ @alice: “Rest” is due now.");
        let early = reminder(&Context::default(), &settings(&[]), &task);
        let marks = r#""marks":[{"text":"@alice","user":"alice"},{"text":"today at 10:00 (UTC)","at":36000000,"show":"date_time"}]"#;
        assert!(early.blocks.contains(marks), "{}", early.blocks);
        task.assignees = vec!["bob".into(), "zoe".into()];
        assert_eq!(
            at(30 * HOUR, &task),
            "⏰ @bob and @zoe: “Rest” was due on Thursday 1970-01-01 at 10:00 (UTC)."
        );
    }
}
