//! What becomes of polls when people go.
//!
//! Whoever leaves a channel is in none of its polls any more: see `Votes::forget`. What the plugin
//! posted for somebody goes with that user: nobody tells a plugin of that, so it looks again some times
//! after the user left. Which polls there are is noted with the channel; a note goes by itself when its poll
//! is long over.

use std::ops::Bound;
use std::time::Duration;

use althing_plugin::kv::{self, Scope};
use althing_plugin::leaving::{Here, Walk, forgiving};
use althing_plugin::{Context, Error, chat, log, parse_json, to_json};
use serde::{Deserialize, Serialize};

use crate::votes::Votes;

const NOTE: &str = "p/";
/// How long a poll is noted beyond its end; one without an end, from its beginning. An install keeps so many
/// notes and no more.
const NOTED: Duration = Duration::from_secs(400 * 24 * 60 * 60);
/// Polls that one call looks at.
const STEP: u32 = 100;
/// People that one call looks up; the host allows 1,000 questions.
const PEOPLE_MAX: usize = 600;
/// Changes of messages that one call makes; the host allows 20.
const CHANGES_MAX: u32 = 15;

/// What is noted of a poll.
#[derive(Deserialize, Serialize)]
struct Note {
    /// For whom the plugin posted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked_by: Option<String>,
}

/// Notes a new poll, which closes by itself at this time, if at all.
pub fn note(
    ctx: &Context,
    message: &str,
    asked_by: Option<&str>,
    closes_at_ms: Option<u64>,
) -> Result<(), Error> {
    let note = Note {
        asked_by: asked_by.map(str::to_owned),
    };
    let open_ms = closes_at_ms.map_or(0, |at_ms| at_ms.saturating_sub(ctx.now_ms));
    let lifetime = NOTED + Duration::from_millis(open_ms);
    let list = Scope::Channel(ctx.channel.clone());
    match kv::set_for(&list, &key(message), to_json(&note).as_bytes(), lifetime) {
        Err(Error::Limited(_)) => {
            log::warn!("{message} is not noted: who leaves stays in it");
            Ok(())
        }
        done => forgiving(done),
    }
}

/// Forgets a poll that was deleted.
pub fn forget(ctx: &Context, message: &str) -> Result<(), Error> {
    forgiving(kv::delete(
        &Scope::Channel(ctx.channel.clone()),
        &key(message),
    ))
}

fn key(message: &str) -> String {
    format!("{NOTE}{message}")
}

/// One call's part of the walk.
struct Look<'a> {
    list: Scope,
    here: Here<'a>,
    changes: u32,
}

/// Goes on with it.
pub fn look(ctx: &Context, payload: &str) -> Result<(), String> {
    let mut walk: Walk = parse_json(payload)?;
    let mut look = Look {
        list: Scope::Channel(ctx.channel.clone()),
        here: Here::new(&ctx.channel),
        changes: 0,
    };
    // A poll with many voters takes several calls: a user's id has no line breaks.
    let begun = walk.after.clone();
    if let Some((key, user)) = begun.as_deref().and_then(|after| after.split_once('\n'))
        && !look.see_to(key, Some(user), &mut walk)?
    {
        return Ok(walk.go_on(ctx)?);
    }
    let keys = match kv::keys(&look.list, NOTE, walk.after.as_deref(), STEP) {
        Ok(keys) => keys,
        // The channel is gone.
        Err(Error::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for key in &keys {
        if look.changes >= CHANGES_MAX || !look.see_to(key, None, &mut walk)? {
            return Ok(walk.go_on(ctx)?);
        }
    }
    match keys.len() < STEP as usize {
        true => Ok(walk.end(ctx)?),
        false => Ok(walk.go_on(ctx)?),
    }
}

impl Look<'_> {
    /// Takes people who left off a poll, and a poll away whose asker is no user any more. False if
    /// there is more to do with it; the walk knows where to go on.
    fn see_to(&mut self, key: &str, from: Option<&str>, walk: &mut Walk) -> Result<bool, Error> {
        let note: Option<Note> = kv::get_json(&self.list, key)?;
        let message = key.strip_prefix(NOTE).unwrap_or_default();
        let asker = note.and_then(|note| note.asked_by);
        if let Some(asker) = asker.filter(|_| from.is_none())
            && !self.here.has(&asker)?
            && walk.is_erased(&asker)?
        {
            forgiving(chat::delete(message))?;
            self.changes += 1;
            walk.after = Some(key.to_owned());
            return Ok(true);
        }
        let votes: Votes = chat::find_state(message)?.unwrap_or_default();
        let from = from.unwrap_or_default();
        let voters = votes
            .by_user
            .range::<str, _>((Bound::Excluded(from), Bound::Unbounded))
            .map(|(user, _)| user.as_str());
        let (left, next) = self.here.who_left(voters, from, PEOPLE_MAX)?;
        if !left.is_empty() {
            forgiving(chat::act(message, "forget", &left))?;
            self.changes += 1;
        }
        let is_done = next.is_none();
        walk.after = Some(match next {
            Some(user) => format!("{key}\n{user}"),
            None => key.to_owned(),
        });
        Ok(is_done)
    }
}
