//! Greets those who come into a channel, once, and those who come shortly after one another together.
//!
//! Whoever comes is noted down, and a timer that the first of them sets greets them all in one message.
//! Those with whom a channel is made are no newcomers to it.

use std::time::Duration;

use althing_plugin::chat::{self, Post};
use althing_plugin::kv::{self, Scope};
use althing_plugin::leaving::forgiving;
use althing_plugin::prelude::Event;
use althing_plugin::{Context, Error, MemberChange, timers, to_json};
use serde::{Deserialize, Serialize};

use crate::settings::Settings;

/// What the timer's name begins with.
pub const TIMER: &str = "greet";
/// Newcomers that one message names.
const NAMES_MAX: usize = 5;
/// Whoever comes again within this time is not greeted again. Each such note is one of the keys that the
/// host lets an install keep.
const GREETED: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long it is kept when a channel was made: those who came with it are seen right afterwards.
const MADE_KEPT: Duration = Duration::from_secs(10 * 60);
/// How long newcomers are kept, beyond the time that they wait, in case nobody comes to greet them.
const LATE_MS: u64 = 3600 * 1000;

const MADE: &str = "made";
const NEWCOMERS: &str = "newcomers";

/// Those who came and were not greeted yet.
#[derive(Debug, Default, PartialEq, Deserialize, Serialize)]
struct Newcomers {
    /// The first of them, by their ids.
    first: Vec<String>,
    /// How many came after those.
    others: u32,
}

impl Newcomers {
    fn add(&mut self, user: &str) {
        match self.first.len() < NAMES_MAX {
            true => self.first.push(user.to_owned()),
            false => self.others += 1,
        }
    }
}

/// Greets a newcomer, at once or soon, unless they were greeted in this channel before.
pub fn greet(
    ctx: &Context,
    settings: &Settings,
    event: &Event,
    newcomer: &MemberChange,
) -> Result<(), String> {
    let greets =
        !settings.greeting.trim().is_empty() && settings.greet_in.contains(&ctx.channel_type);
    // Whoever comes first to an empty channel owns it: nobody who would have to be welcomed.
    if !greets || came_with_channel(ctx, event)? || newcomer.role.as_deref() == Some("owner") {
        return Ok(());
    }
    // With the user, not with the channel: it goes when the user goes.
    let scope = Scope::User(newcomer.user_id.clone());
    match kv::swap_for(&scope, &note(&ctx.channel), None, b"1", GREETED) {
        Ok(()) => {}
        Err(Error::Conflict | Error::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    if settings.greeting_wait_seconds == 0 {
        let mut one = Newcomers::default();
        one.add(&newcomer.user_id);
        return Ok(post(ctx, settings, &one)?);
    }
    let scope = Scope::Channel(ctx.channel.clone());
    let mut newcomers: Newcomers = kv::get_json(&scope, NEWCOMERS)?.unwrap_or_default();
    let wait_ms = settings.greeting_wait_seconds * 1000;
    if newcomers.first.is_empty() {
        let timer = timers::name_for(TIMER, &ctx.channel);
        timers::set(&timer, ctx.now_ms + wait_ms, &ctx.channel, &())?;
    }
    newcomers.add(&newcomer.user_id);
    let kept = Duration::from_millis(wait_ms + LATE_MS);
    Ok(kv::set_for(
        &scope,
        NEWCOMERS,
        to_json(&newcomers).as_bytes(),
        kept,
    )?)
}

/// What is noted with whoever was greeted.
fn note(channel: &str) -> String {
    format!("greeted/{channel}")
}

/// Whether somebody came as the channel was made. That is the first entry of its log, and those who come with
/// it follow at the same time.
fn came_with_channel(ctx: &Context, event: &Event) -> Result<bool, Error> {
    let scope = Scope::Channel(ctx.channel.clone());
    if event.seq == 2 {
        kv::set_for(&scope, MADE, to_json(&event.ts_ms).as_bytes(), MADE_KEPT)?;
        return Ok(true);
    }
    Ok(kv::get_json(&scope, MADE)? == Some(event.ts_ms))
}

/// The timer is due: greets those who have come.
pub fn greet_all(ctx: &Context, settings: &Settings) -> Result<(), String> {
    let scope = Scope::Channel(ctx.channel.clone());
    let mut newcomers = match kv::get_json::<Newcomers>(&scope, NEWCOMERS) {
        Ok(Some(newcomers)) => newcomers,
        // Or the channel is gone.
        Ok(None) | Err(Error::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    kv::delete(&scope, NEWCOMERS)?;
    let mut here = Vec::new();
    for user in newcomers.first {
        match chat::member(&ctx.channel, &user)? {
            Some(_) => here.push(user),
            // Greeted when they come again.
            None => forgiving(kv::delete(&Scope::User(user), &note(&ctx.channel)))?,
        }
    }
    newcomers.first = here;
    match settings.greeting.trim().is_empty() {
        true => Ok(()),
        false => Ok(post(ctx, settings, &newcomers)?),
    }
}

fn post(ctx: &Context, settings: &Settings, newcomers: &Newcomers) -> Result<(), Error> {
    let mut names = Vec::new();
    for user in &newcomers.first {
        match chat::user(user) {
            Ok(found) if !found.name.trim().is_empty() => names.push(found.name),
            Ok(_) => names.push(user.clone()),
            Err(Error::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    if !names.is_empty() {
        let names = together(names, newcomers.others);
        let greeting = fill(&settings.greeting, &names, &ctx.channel);
        chat::tell(&ctx.channel, Post::text(greeting), "a greeting")?;
    }
    Ok(())
}

/// `Ann, Bob and 21 others`.
fn together(mut names: Vec<String>, others: u32) -> String {
    match others {
        0 => {}
        1 => names.push("1 other".to_owned()),
        others => names.push(format!("{others} others")),
    }
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => String::new(),
    }
}

/// Puts the names and the channel into a greeting. What is put in is not looked at again: a person
/// may be called `{channel}`.
fn fill(greeting: &str, names: &str, channel: &str) -> String {
    greeting
        .split("{name}")
        .map(|part| part.replace("{channel}", channel))
        .collect::<Vec<_>>()
        .join(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in_and_no_more() {
        assert_eq!(
            fill("Hi {name}, this is {channel}. {name}!", "Al", "general"),
            "Hi Al, this is general. Al!"
        );
        assert_eq!(fill("{name} {channel}", "{channel}", "x"), "{channel} x");
    }

    #[test]
    fn many_are_greeted_together() {
        let greeted = |many: usize| {
            let mut newcomers = Newcomers::default();
            for user in ["Ann", "Bob", "Cy", "Di", "Ed", "Flo", "Gus"]
                .iter()
                .take(many)
            {
                newcomers.add(user);
            }
            together(newcomers.first, newcomers.others)
        };
        assert_eq!(greeted(1), "Ann");
        assert_eq!(greeted(2), "Ann and Bob");
        assert_eq!(greeted(5), "Ann, Bob, Cy, Di and Ed");
        assert_eq!(greeted(6), "Ann, Bob, Cy, Di, Ed and 1 other");
        assert_eq!(greeted(7), "Ann, Bob, Cy, Di, Ed and 2 others");
    }
}
