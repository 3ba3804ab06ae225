//! Who shares their location in a channel, and for whom the plugin posted a place. A note of each
//! stands with the channel, and goes by itself some time after there is no more need of it.
//!
//! Whoever leaves a channel shares nothing there any more. What the plugin posted for somebody goes with
//! that user: nobody tells a plugin of that, so it looks again some times after the user left.

use std::time::Duration;

use althing_plugin::kv::{self, Scope};
use althing_plugin::leaving::{Walk, forgiving};
use althing_plugin::{Context, Error, chat, parse_json, timers, to_json};
use serde::{Deserialize, Serialize};

use crate::place::Place;

const NOTE: &str = "p/";
/// Places that `/where` shows, and notes that one look goes through.
const STEP: u32 = 100;
/// Changes of messages that one call makes; the host allows 20.
const CHANGES_MAX: u32 = 15;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long it is known for whom a place was posted.
const POSTED: Duration = Duration::from_secs(400 * 24 * 60 * 60);
/// What is noted of a place.
#[derive(Debug, Deserialize, Serialize)]
struct Note {
    created_by: String,
    live: bool,
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

fn key(message: &str) -> String {
    format!("{NOTE}{message}")
}

/// Notes a place that is live or that the plugin posted, and sees to its end.
pub fn keep_track(ctx: &Context, message: &str, place: &Place, is_ours: bool) -> Result<(), Error> {
    let live = place.live.as_ref().filter(|live| !live.ended);
    let list = Scope::Channel(ctx.channel.clone());
    match live {
        Some(live) => {
            let end = End {
                message: message.to_owned(),
            };
            timers::set(&timer(message), live.ends_at_ms, &ctx.channel, &end)?;
        }
        None if place.live.is_some() => timers::cancel(&timer(message))?,
        None => {}
    }
    if live.is_none() && !is_ours {
        return kv::delete(&list, &key(message));
    }
    let left = live.map_or(POSTED, |live| {
        DAY + Duration::from_millis(live.ends_at_ms.saturating_sub(ctx.now_ms))
    });
    let note = Note {
        created_by: place.created_by.clone(),
        live: live.is_some(),
    };
    kv::set_for(&list, &key(message), to_json(&note).as_bytes(), left)
}

/// Forgets a place that was deleted.
pub fn forget(ctx: &Context, message: &str) -> Result<(), Error> {
    timers::cancel(&timer(message))?;
    kv::delete(&Scope::Channel(ctx.channel.clone()), &key(message))
}

/// The live locations of a channel, at most 100; of one user, if one is named.
pub fn live(ctx: &Context, user: Option<&str>) -> Result<Vec<Place>, Error> {
    let list = Scope::Channel(ctx.channel.clone());
    let (mut found, mut after) = (Vec::new(), None::<String>);
    for _ in 0..5 {
        let keys = kv::keys(&list, NOTE, after.as_deref(), STEP)?;
        for key in &keys {
            let note: Option<Note> = kv::get_json(&list, key)?;
            let is_wanted = note
                .is_some_and(|note| note.live && user.is_none_or(|user| user == note.created_by));
            let message = key.strip_prefix(NOTE).filter(|_| is_wanted);
            match message.map(chat::state::<Place>) {
                Some(Ok(place)) if place.is_live(ctx.now_ms) => found.push(place),
                None | Some(Ok(_) | Err(Error::NotFound(_))) => {}
                Some(Err(error)) => return Err(error),
            }
        }
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
    let list = Scope::Channel(ctx.channel.clone());
    let keys = match kv::keys(&list, NOTE, walk.after.as_deref(), STEP) {
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
        if let (Some(note), Some(message)) = (note, key.strip_prefix(NOTE)) {
            changes += see_to(ctx, message, &note, &mut walk)?;
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
fn see_to(ctx: &Context, message: &str, note: &Note, walk: &mut Walk) -> Result<u32, Error> {
    if chat::member(&ctx.channel, &note.created_by)?.is_some() {
        return Ok(0);
    }
    let done = match note.live {
        true => chat::act(message, "stop", &()),
        false if walk.is_erased(&note.created_by)? => chat::delete(message),
        false => return Ok(0),
    };
    forgiving(done)?;
    Ok(1)
}
