//! What becomes of events when people and channels go.
//!
//! Whoever leaves a channel comes to none of its events any more; a place that gets free goes to
//! whoever waits. What the plugin posted for somebody goes with that user: nobody tells a plugin of
//! that, so it looks again some times after the user left. And what a removed channel left behind is
//! found by walking through the notes, a part at a time.

use althing_plugin::leaving::{self, Here, Walk, forgiving};
use althing_plugin::{Context, Error, chat, parse_json};

use crate::event::Event;
use crate::index;

/// Events that one call looks at.
const STEP: u32 = 50;
/// People that one call looks up; the host allows 1,000 questions.
const PEOPLE_MAX: usize = 600;
/// Changes of messages that one call makes; the host allows 20.
const CHANGES_MAX: u32 = 15;

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
    if note.is_ours && !here.has(&note.created_by)? && walk.is_erased(&note.created_by)? {
        forgiving(chat::delete(message))?;
        return Ok(1);
    }
    let Some(event) = chat::find_state::<Event>(message)? else {
        return Ok(0);
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

/// Drops the notes of events that are gone with their channels.
pub fn tidy(ctx: &Context, payload: &str) -> Result<(), String> {
    leaving::tidy(ctx, payload, index::notes, index::remove)
}
