//! Who shares their location in a channel, and for whom the plugin posted a place. A note of each
//! stands with the channel, and goes by itself some time after there is no more need of it. Live locations
//! are few and `/where` looks at all of them; of the others there may be hundreds, so they stand apart.
//!
//! Whoever leaves a channel shares nothing there any more. What the plugin posted for somebody goes with
//! that user: nobody tells a plugin of that, so it looks again some times after the user left.

use std::time::Duration;

use althing_plugin::kv::{self, Scope};
use althing_plugin::leaving::{Walk, forgiving};
use althing_plugin::{Context, Error, chat, log, parse_json, timers, to_json};
use serde::{Deserialize, Serialize};

use crate::place::Place;

const LIVE: &str = "live/";
const POSTED: &str = "posted/";
/// Notes that are listed at once.
const STEP: u32 = 100;
/// Live locations that `/where` looks at: two questions each, and the host allows 1,000.
const LIVE_MAX: usize = 400;
/// Changes of messages that one call makes; the host allows 20.
const CHANGES_MAX: u32 = 15;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long it is known for whom a place was posted.
const POSTED_KNOWN: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// What is noted of a place.
#[derive(Debug, Deserialize, Serialize)]
struct Note {
    created_by: String,
}

/// What a timer is set with.
#[derive(Deserialize, Serialize)]
pub struct End {
    pub message: String,
}

/// The timer of a live location.
pub fn timer(message: &str) -> String {
    format!("end/{message}")
}

fn key(prefix: &str, message: &str) -> String {
    format!("{prefix}{message}")
}

fn list(ctx: &Context) -> Scope {
    Scope::Channel(ctx.channel.clone())
}

/// Notes a place that is live or that the plugin posted, and sees to its end.
pub fn keep_track(ctx: &Context, message: &str, place: &Place, is_ours: bool) -> Result<(), Error> {
    match &place.live {
        Some(live) if !live.ended => {
            let end = End {
                message: message.to_owned(),
            };
            match timers::set(&timer(message), live.ends_at_ms, &ctx.channel, &end) {
                // Then nobody would take the position away in time.
                Err(Error::Limited(detail)) => {
                    log::warn!("{message} is ended at once: {detail}");
                    return forgiving(chat::act(message, "stop", &()));
                }
                done => done?,
            }
            let left = Duration::from_millis(live.ends_at_ms.saturating_sub(ctx.now_ms));
            note(ctx, &key(LIVE, message), place, DAY + left)
        }
        Some(_) => {
            timers::cancel(&timer(message))?;
            kv::delete(&list(ctx), &key(LIVE, message))
        }
        None if is_ours => note(ctx, &key(POSTED, message), place, POSTED_KNOWN),
        None => Ok(()),
    }
}

/// An install keeps so much and no more: a place that is not noted is shown like any other, and ends in time.
fn note(ctx: &Context, key: &str, place: &Place, lifetime: Duration) -> Result<(), Error> {
    let note = Note {
        created_by: place.created_by.clone(),
    };
    match kv::set_for(&list(ctx), key, to_json(&note).as_bytes(), lifetime) {
        Err(Error::Limited(detail)) => {
            log::warn!("can't note `{key}`: /where and who leaves pass it over: {detail}");
            Ok(())
        }
        done => done,
    }
}

/// Forgets a place that was deleted.
pub fn forget(ctx: &Context, message: &str) -> Result<(), Error> {
    timers::cancel(&timer(message))?;
    for prefix in [LIVE, POSTED] {
        kv::delete(&list(ctx), &key(prefix, message))?;
    }
    Ok(())
}

/// The live locations of a channel that are somewhere; of one user, if one is named.
pub fn live(ctx: &Context, user: Option<&str>) -> Result<Vec<Place>, Error> {
    let list = list(ctx);
    let (mut found, mut looked_at, mut after) = (Vec::new(), 0, None::<String>);
    while looked_at < LIVE_MAX {
        let keys = kv::keys(&list, LIVE, after.as_deref(), STEP)?;
        for key in &keys {
            let note: Option<Note> = kv::get_json(&list, key)?;
            let is_wanted =
                note.is_some_and(|note| user.is_none_or(|user| user == note.created_by));
            let message = key.strip_prefix(LIVE).filter(|_| is_wanted);
            let place = message.map(chat::find_state::<Place>).transpose()?;
            found.extend(
                place
                    .flatten()
                    .filter(|place| place.is_live(ctx.now_ms) && place.position.is_some()),
            );
        }
        looked_at += keys.len();
        match keys.into_iter().nth(STEP as usize - 1) {
            Some(last) => after = Some(last),
            None => break,
        }
    }
    Ok(found)
}

/// Goes on with it.
pub fn look(ctx: &Context, payload: &str) -> Result<(), String> {
    let mut walk: Walk = parse_json(payload)?;
    let list = list(ctx);
    // Of both sorts: there is nothing else with a channel.
    let keys = match kv::keys(&list, "", walk.after.as_deref(), STEP) {
        Ok(keys) => keys,
        // The channel is gone.
        Err(Error::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let mut changes = 0;
    for key in &keys {
        if changes >= CHANGES_MAX {
            return Ok(walk.go_on(ctx)?);
        }
        let note: Option<Note> = kv::get_json(&list, key)?;
        if let Some(note) = note {
            changes += see_to(ctx, key, &note, &mut walk)?;
        }
        walk.after = Some(key.clone());
    }
    match keys.len() < STEP as usize {
        true => Ok(walk.end(ctx)?),
        false => Ok(walk.go_on(ctx)?),
    }
}

/// Ends what somebody shares who is not here any more, and deletes what was posted for somebody who
/// is no user any more.
fn see_to(ctx: &Context, key: &str, note: &Note, walk: &mut Walk) -> Result<u32, Error> {
    if chat::member(&ctx.channel, &note.created_by)?.is_some() {
        return Ok(0);
    }
    let done = match (key.strip_prefix(LIVE), key.strip_prefix(POSTED)) {
        (Some(message), _) => chat::act(message, "stop", &()),
        (_, Some(message)) if walk.is_erased(&note.created_by)? => chat::delete(message),
        _ => return Ok(0),
    };
    forgiving(done)?;
    Ok(1)
}
