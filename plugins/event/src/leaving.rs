//! What becomes of events when people and channels go.
//!
//! Whoever leaves a channel comes to none of its events any more; a place that gets free goes to
//! whoever waits. What the plugin posted for somebody goes with that user: nobody tells a plugin of
//! that, so it looks again some times after the user left. And what a removed channel left behind is
//! found by walking through the notes, a part at a time.

use althing_plugin::leaving::{Here, Walk, forgiving};
use althing_plugin::{Context, Error, Value, chat, parse_json, timers};

use crate::event::Event;
use crate::index;

/// Events that one call looks at.
const STEP: u32 = 50;
/// People that one call looks up; the host allows 1,000 questions.
const PEOPLE_MAX: usize = 600;
/// Changes of messages that one call makes; the host allows 20.
const CHANGES_MAX: u32 = 15;

/// The timer that walks through all notes.
pub const TIDY: &str = "tidy";
const TIDY_MS: u64 = 6 * 3_600_000;
const TIDY_STEP: u32 = 100;

/// Goes on with it.
pub fn look(ctx: &Context, payload: &str) -> Result<(), String> {
    let mut walk: Walk = parse_json(payload)?;
    let (mut here, mut changes) = (Here::new(&ctx.channel), 0);
    let keys = match index::keys(&ctx.channel, walk.after.as_deref(), STEP) {
        Ok(keys) => keys,
        // The channel is gone.
        Err(Error::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for (at, key) in keys.iter().enumerate() {
        if changes >= CHANGES_MAX || (at > 0 && here.looked_up() > PEOPLE_MAX) {
            return Ok(walk.go_on(ctx)?);
        }
        if let Some(message) = index::message_of(key) {
            changes += see_to(message, &mut here, &mut walk)?;
        }
        walk.after = Some(key.clone());
    }
    match keys.len() < STEP as usize {
        true => Ok(walk.end(ctx)?),
        false => Ok(walk.go_on(ctx)?),
    }
}

/// Takes people who left off an event, and an event away whose maker is no user any more.
fn see_to(message: &str, here: &mut Here, walk: &mut Walk) -> Result<u32, Error> {
    let Some(note) = index::note(message)? else {
        return Ok(0);
    };
    if note.is_ours && !here.has(&note.created_by)? {
        match chat::user(&note.created_by) {
            Err(Error::NotFound(_)) => {
                forgiving(chat::delete(message))?;
                return Ok(1);
            }
            Ok(_) => walk.waits = true,
            Err(error) => return Err(error),
        }
    }
    let event: Event = match chat::state(message) {
        Ok(event) => event,
        Err(Error::NotFound(_)) => return Ok(0),
        Err(error) => return Err(error),
    };
    let answers = &event.answers;
    let lists = [
        &answers.going,
        &answers.waiting,
        &answers.maybe,
        &answers.no,
    ];
    let mut left = Vec::new();
    for user in lists.into_iter().flatten() {
        if !here.has(user)? {
            left.push(user);
        }
    }
    if left.is_empty() {
        return Ok(0);
    }
    forgiving(chat::act(message, "forget", &left))?;
    Ok(1)
}

/// Sets the timer that tidies up.
pub fn set_tidy(ctx: &Context) -> Result<(), Error> {
    timers::set(TIDY, ctx.now_ms + TIDY_MS, "", &Value::Null)
}

/// Drops the notes of events that are gone with their channels.
pub fn tidy(ctx: &Context, payload: &str) -> Result<(), String> {
    let after: Option<String> = parse_json(payload)?;
    let notes = index::notes(after.as_deref(), TIDY_STEP)?;
    for message in &notes {
        match chat::message(message) {
            Ok(known) if !known.deleted => {}
            Ok(_) | Err(Error::NotFound(_)) => index::remove(message)?,
            Err(error) => return Err(error.into()),
        }
    }
    let (after, wait) = match notes.len() < TIDY_STEP as usize {
        true => (None, TIDY_MS),
        false => (notes.last(), 60_000),
    };
    Ok(timers::set(TIDY, ctx.now_ms + wait, "", &after)?)
}
