//! Reminders: kept with their user until they are due, each with a timer of its own.
//!
//! A reminder is a value of the user's, so that it goes when the user goes. Its key holds a small
//! number, by which people name it.

use althing_plugin::chat::{self, Post};
use althing_plugin::kv::{self, Scope};
use althing_plugin::when::{self, Clock};
use althing_plugin::{Choice, Context, Error, Reply, blocks, parse_json, timers, to_json};
use serde::{Deserialize, Serialize};

/// How many reminders one person may have.
const COUNT_MAX: usize = 50;
const TEXT_CHARACTERS_MAX: usize = 500;
const PREFIX: &str = "reminder/";

#[derive(Debug, Deserialize, Serialize)]
struct Reminder {
    at_ms: i64,
    channel: String,
    text: String,
    /// The timer that is for this one, and not for another that had the same number before.
    timer: String,
}

/// What a timer is set with.
#[derive(Deserialize, Serialize)]
struct Due {
    user: String,
    key: String,
}

/// `/remind …`. The error is a sentence.
pub fn run(ctx: &Context, clock: &Clock, text: &str) -> Result<Reply, String> {
    if ctx.actor.is_empty() {
        return Err("Reminders are for people: name the user on whose behalf you ask.".to_owned());
    }
    let mut words = text.split_whitespace();
    match (
        words.next().map(str::to_lowercase).as_deref(),
        words.next(),
        words.next(),
    ) {
        (None, ..) | (Some("help"), None, _) => Ok(Reply::text(USAGE)),
        (Some("list"), None, _) => list(ctx, clock),
        (Some("cancel"), Some(number), None) => cancel(ctx, clock, number),
        (Some("cancel"), None, _) => {
            Err("Which one? `/remind list` shows their numbers.".to_owned())
        }
        _ => add(ctx, clock, text),
    }
}

const USAGE: &str = "Say when and what: `/remind in 10 minutes stretch`, `/remind at 15:30 call Bob`, \
    `/remind tomorrow at 9 water the plants`, `/remind on friday pay the rent`. `/remind list` shows \
    your reminders, `/remind cancel 2` takes one back.";

fn add(ctx: &Context, clock: &Clock, text: &str) -> Result<Reply, String> {
    let when = when::parse(text, clock)?;
    if when.text.is_empty() {
        return Err("What should I remind you of? Say it after the time.".to_owned());
    }
    let characters = when.text.chars().count();
    if characters > TEXT_CHARACTERS_MAX {
        return Err(format!(
            "That has {characters} characters; {TEXT_CHARACTERS_MAX} are the most."
        ));
    }
    let timer = format!("{PREFIX}{}", ctx.random().id());
    let reminder = Reminder {
        at_ms: when.at_ms,
        channel: ctx.channel.clone(),
        text: when.text.to_owned(),
        timer,
    };
    let scope = Scope::User(ctx.actor.clone());
    let key = keep(&scope, &reminder)?;
    let due = Due {
        user: ctx.actor.clone(),
        key,
    };
    timers::set(
        &reminder.timer,
        when.at_ms.unsigned_abs(),
        &ctx.channel,
        &due,
    )?;
    let at = format!("{} ({})", clock.describe(when.at_ms), clock.zone());
    let words = format!("I'll remind you {at}: {}", when.text);
    let shown = blocks::text(&words).date_time(at, when.at_ms.unsigned_abs());
    Ok(Reply::text(words).with_blocks([shown]))
}

/// Stores a reminder under the first free number and gives its key.
fn keep(scope: &Scope, reminder: &Reminder) -> Result<String, String> {
    let taken = kv::keys(scope, PREFIX, None, 100)?;
    for number in 1..=COUNT_MAX {
        let key = format!("{PREFIX}{number:02}");
        if taken.contains(&key) {
            continue;
        }
        match kv::swap(scope, &key, None, to_json(reminder).as_bytes()) {
            Ok(()) => return Ok(key),
            // Somebody else's call for the same person took it meanwhile.
            Err(Error::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(format!(
        "You have {COUNT_MAX} reminders, and those are the most. Cancel one first."
    ))
}

fn list(ctx: &Context, clock: &Clock) -> Result<Reply, String> {
    let reminders = of_user(&ctx.actor)?;
    if reminders.is_empty() {
        return Ok(Reply::text("You have no reminders."));
    }
    let lines: Vec<String> = reminders
        .iter()
        .map(|(number, reminder)| format!("{number}. {}", line(reminder, clock)))
        .collect();
    let text = format!("Your reminders ({}):\n{}", clock.zone(), lines.join("\n"));
    let lines = reminders.iter().map(|(number, reminder)| {
        let at = time_and_zone(reminder, clock);
        format!("{number}. {at}: {}", reminder.text)
    });
    let shown = reminders
        .iter()
        .fold(blocks::list(lines), |shown, (_, reminder)| {
            shown.date_time(
                time_and_zone(reminder, clock),
                reminder.at_ms.unsigned_abs(),
            )
        });
    Ok(Reply::text(text).with_blocks([
        blocks::strong("Your reminders"),
        shown,
        blocks::muted("`/remind cancel` and a number takes one back."),
    ]))
}

fn cancel(ctx: &Context, clock: &Clock, number: &str) -> Result<Reply, String> {
    let unknown = || format!("You have no reminder {number}. `/remind list` shows their numbers.");
    let number: usize = number
        .trim_start_matches('#')
        .parse()
        .map_err(|_| unknown())?;
    let key = format!("{PREFIX}{number:02}");
    let scope = Scope::User(ctx.actor.clone());
    let reminder: Reminder = kv::get_json(&scope, &key)?.ok_or_else(unknown)?;
    timers::cancel(&reminder.timer)?;
    kv::delete(&scope, &key)?;
    let text = format!("Cancelled: {}", line(&reminder, clock));
    let at = time_and_zone(&reminder, clock);
    let shown = blocks::text(format!("Cancelled: {at}: {}", reminder.text));
    Ok(Reply::text(text).with_blocks([shown.date_time(at, reminder.at_ms.unsigned_abs())]))
}

/// Completions for what follows `/remind`.
pub fn complete(ctx: &Context, clock: &Clock, text: &str) -> Vec<Choice> {
    let typed = text.to_lowercase();
    if let Some(number) = typed.strip_prefix("cancel") {
        let reminders = of_user(&ctx.actor).unwrap_or_default();
        return reminders
            .iter()
            .filter(|(at, _)| at.to_string().starts_with(number.trim()))
            .map(|(at, reminder)| {
                Choice::new(
                    format!("cancel {at}"),
                    format!("{at}. {}", line(reminder, clock)),
                )
            })
            .collect();
    }
    // What is understood so far, for whoever has typed that much.
    if let Ok(when) = when::parse(text, clock) {
        let what = if when.text.is_empty() {
            "…"
        } else {
            when.text
        };
        let label = format!("{} ({}): {what}", clock.describe(when.at_ms), clock.zone());
        return vec![Choice::new(text, label)];
    }
    [
        ("in 10 minutes ", "in 10 minutes …"),
        ("in 1 hour ", "in 1 hour …"),
        ("at 15:30 ", "at 15:30 …"),
        ("tomorrow at 9:00 ", "tomorrow at 9:00 …"),
        ("on friday ", "on friday …"),
        ("list", "list: show my reminders"),
        ("cancel ", "cancel: take one back"),
    ]
    .into_iter()
    .filter(|(value, _)| value.starts_with(&typed))
    .map(|(value, label)| Choice::new(value, label))
    .collect()
}

/// A timer is due: reminds whoever is still in the channel, and forgets.
pub fn remind(name: &str, payload: &str) -> Result<(), String> {
    let due: Due = parse_json(payload)?;
    let scope = Scope::User(due.user.clone());
    let reminder = match kv::get_json::<Reminder>(&scope, &due.key) {
        Ok(Some(reminder)) if reminder.timer == name => reminder,
        // Cancelled, or the user is gone.
        Ok(_) | Err(Error::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    // Whoever has left is told nothing there, and the others are not to read it.
    if chat::member(&reminder.channel, &due.user)?.is_some() {
        let words = format!("⏰ @{}: {}", due.user, reminder.text);
        let shown = blocks::text(&words).user(&due.user);
        let post = Post::text(words).with_blocks([shown]);
        chat::tell(
            &reminder.channel,
            post,
            &format!("a reminder for {}", due.user),
        )?;
    }
    Ok(kv::delete(&scope, &due.key)?)
}

/// A person's reminders by their numbers, the next one first.
fn of_user(user: &str) -> Result<Vec<(usize, Reminder)>, String> {
    let scope = Scope::User(user.to_owned());
    let mut reminders = Vec::new();
    for key in kv::keys(&scope, PREFIX, None, 100)? {
        let number = key
            .strip_prefix(PREFIX)
            .and_then(|number| number.parse().ok());
        if let (Some(number), Some(reminder)) = (number, kv::get_json(&scope, &key)?) {
            reminders.push((number, reminder));
        }
    }
    reminders.sort_by_key(|(number, reminder): &(usize, Reminder)| (reminder.at_ms, *number));
    Ok(reminders)
}

/// `tomorrow at 09:00: text`.
fn line(reminder: &Reminder, clock: &Clock) -> String {
    format!("{}: {}", clock.describe(reminder.at_ms), reminder.text)
}

/// `tomorrow at 09:00 Europe/Berlin`: what stands alone says where.
fn time_and_zone(reminder: &Reminder, clock: &Clock) -> String {
    format!("{} {}", clock.describe(reminder.at_ms), clock.zone())
}
