//! What becomes of tasks when people and channels go.
//!
//! Whoever leaves a channel has none of its tasks any more. What the plugin posted for somebody goes
//! with that user: nobody tells a plugin of that, so it looks again some times after the user left.
//! And what a removed channel left behind is found by walking through the notes, a part at a time.

use althing_plugin::kv::{self, Scope};
use althing_plugin::leaving::{self, Here, Walk, forgiving};
use althing_plugin::{Context, Error, chat, parse_json};

use crate::index::{self, FINISHED, UNFINISHED};

/// Tasks that one call looks at.
const STEP: u32 = 100;
/// Changes of messages that one call makes; the host allows 20.
const CHANGES_MAX: u32 = 15;

/// Goes on with it.
pub fn look(ctx: &Context, payload: &str) -> Result<(), String> {
    let mut walk: Walk = parse_json(payload)?;
    let list = Scope::Channel(ctx.channel.clone());
    let (mut here, mut changes) = (Here::new(&ctx.channel), 0);
    let keys = match next_keys(&list, walk.after.as_deref()) {
        Ok(keys) => keys,
        // The channel is gone.
        Err(Error::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for key in &keys {
        if changes >= CHANGES_MAX {
            return Ok(walk.go_on(ctx)?);
        }
        if let Some((message, _)) = index::read_key(key) {
            changes += see_to(message, &mut here, &mut walk)?;
        }
        walk.after = Some(key.clone());
    }
    match keys.len() < STEP as usize {
        true => Ok(walk.end(ctx)?),
        false => Ok(walk.go_on(ctx)?),
    }
}

/// Takes people who left off a task, and a task away whose maker is no user any more.
fn see_to(message: &str, here: &mut Here, walk: &mut Walk) -> Result<u32, Error> {
    let Some(note) = index::note(message)? else {
        return Ok(0);
    };
    if note.is_ours && !here.has(&note.created_by)? && walk.is_erased(&note.created_by)? {
        forgiving(chat::delete(message))?;
        return Ok(1);
    }
    let mut left = Vec::new();
    for user in &note.assignees {
        if !here.has(user)? {
            left.push(user);
        }
    }
    if left.is_empty() {
        return Ok(0);
    }
    forgiving(chat::act(message, "release", &left))?;
    Ok(1)
}

/// Some keys of a channel's lists, the unfinished before the finished.
fn next_keys(list: &Scope, after: Option<&str>) -> Result<Vec<String>, Error> {
    let mut keys = Vec::new();
    // The lists in the order of their keys, so that one place says how far the walk is.
    for prefix in [FINISHED, UNFINISHED] {
        let left = STEP - keys.len() as u32;
        if left > 0 && after.is_none_or(|after| after < prefix || after.starts_with(prefix)) {
            keys.extend(kv::keys(
                list,
                prefix,
                after.filter(|a| a.starts_with(prefix)),
                left,
            )?);
        }
    }
    Ok(keys)
}

/// Drops the notes of tasks that are gone with their channels.
pub fn tidy(ctx: &Context, payload: &str) -> Result<(), String> {
    leaving::tidy(ctx, payload, index::notes, index::remove)
}
