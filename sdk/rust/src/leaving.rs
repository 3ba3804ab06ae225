//! What a plugin keeps of people who left a channel: it walks through its notes of that channel, or
//! through the channel's history, a part in each call, and takes them off.
//!
//! What a plugin posted for somebody should go with that user, but nobody tells a plugin that a user
//! was erased. So the walk is made again some times: at once, and a minute, an hour and a day after
//! somebody left. Needs the permission `timers`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Context, Error, Result, chat, log, parse_json, timers};

/// When to walk after somebody left: erasing a user may take a while.
const WALKS_MS: [u64; 4] = [0, 60_000, 3_600_000, 86_400_000];

/// People that are taken off a message at once.
const LEFT_MAX: usize = 200;

/// The timer that tidies up.
const TIDY: &str = "tidy";
const TIDY_MS: u64 = 6 * 3_600_000;
/// Notes that one call looks at.
const TIDY_STEP: u32 = 100;

/// A walk through what there is of a channel: the payload of its timer. Each channel has one.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Walk {
    /// Which of `WALKS_MS` it is.
    look: usize,
    /// What was looked at last, such as a key; the walk goes on after it.
    pub after: Option<String>,
    /// To be set where somebody for whom something was posted is not in the channel, but still a
    /// user: then the walk is made again later.
    pub waits: bool,
}

impl Walk {
    /// Begins at the channel of the context, which somebody left. When the plugin has as many timers as it
    /// may, its log says that nobody walks: to fail on that would hold up its other events.
    pub fn begin(ctx: &Context) -> Result<()> {
        match Self::default().call_at(ctx, ctx.now_ms) {
            Err(Error::Limited(detail)) => {
                let channel = &ctx.channel;
                log::warn!("who left {channel} stays in what is there: {detail}");
                Ok(())
            }
            done => done,
        }
    }

    /// Goes on in another call.
    pub fn go_on(&self, ctx: &Context) -> Result<()> {
        self.call_at(ctx, ctx.now_ms)
    }

    /// At the end: walks again later if somebody `waits`, some times.
    pub fn end(self, ctx: &Context) -> Result<()> {
        let look = self.look + 1;
        match WALKS_MS.get(look).filter(|_| self.waits) {
            Some(wait) => {
                let again = Self {
                    look,
                    ..Self::default()
                };
                again.call_at(ctx, ctx.now_ms + wait)
            }
            None => Ok(()),
        }
    }

    /// Whether somebody for whom something was posted, and who is not in the channel, is no user any
    /// more. For one who still is the walk `waits`. Needs the permission `chat-read`.
    pub fn is_erased(&mut self, user: &str) -> Result<bool> {
        match chat::user(user) {
            Err(Error::NotFound(_)) => Ok(true),
            Err(error) => Err(error),
            Ok(_) => {
                self.waits = true;
                Ok(false)
            }
        }
    }

    fn call_at(&self, ctx: &Context, at_ms: u64) -> Result<()> {
        let name = timers::name_for("left", &ctx.channel);
        timers::set(&name, at_ms, &ctx.channel, self)
    }
}

/// Who is in a channel; each is looked up once. Needs the permission `chat-read`.
pub struct Here<'a> {
    channel: &'a str,
    known: BTreeMap<String, bool>,
}

impl<'a> Here<'a> {
    /// Of this channel.
    pub fn new(channel: &'a str) -> Here<'a> {
        Here {
            channel,
            known: BTreeMap::new(),
        }
    }

    /// Whether the user is a participant.
    pub fn has(&mut self, user: &str) -> Result<bool> {
        if let Some(known) = self.known.get(user) {
            return Ok(*known);
        }
        let found = chat::member(self.channel, user)?.is_some();
        self.known.insert(user.to_owned(), found);
        Ok(found)
    }

    /// How many were looked up.
    pub fn looked_up(&self) -> usize {
        self.known.len()
    }

    /// Those of `users` who are no participants, and after whom to go on if that is not all: nobody is
    /// looked up once `looked_up_max` were, and at most 200 are given. `users` are those after `from`.
    pub fn who_left<'u>(
        &mut self,
        users: impl Iterator<Item = &'u str>,
        from: &'u str,
        looked_up_max: usize,
    ) -> Result<(Vec<&'u str>, Option<&'u str>)> {
        let (mut left, mut last) = (Vec::new(), from);
        for user in users {
            if self.looked_up() >= looked_up_max || left.len() >= LEFT_MAX {
                return Ok((left, Some(last)));
            }
            if !self.has(user)? {
                left.push(user);
            }
            last = user;
        }
        Ok((left, None))
    }
}

/// Sets the timer that [`tidy`] answers.
pub fn set_tidy(ctx: &Context) -> Result<()> {
    timers::set(TIDY, ctx.now_ms + TIDY_MS, "", &Option::<&str>::None)
}

/// Drops what is noted of messages that went with their channels, of which a plugin gets no event: a
/// part in each call, and all of it again every six hours. `notes` gives ids of messages after one of
/// them, so many at most; `remove` drops what is noted of one. Needs the permission `chat-read`.
pub fn tidy(
    ctx: &Context,
    payload: &str,
    notes: impl FnOnce(Option<&str>, u32) -> Result<Vec<String>>,
    remove: impl Fn(&str) -> Result<()>,
) -> std::result::Result<(), String> {
    let after: Option<String> = parse_json(payload)?;
    let notes = notes(after.as_deref(), TIDY_STEP)?;
    for message in &notes {
        match chat::message(message) {
            Ok(known) if !known.deleted => {}
            Ok(_) | Err(Error::NotFound(_)) => remove(message)?,
            Err(error) => return Err(error.into()),
        }
    }
    let (after, wait) = match notes.len() < TIDY_STEP as usize {
        true => (None, TIDY_MS),
        false => (notes.last(), 60_000),
    };
    Ok(timers::set(TIDY, ctx.now_ms + wait, "", &after)?)
}

/// What is to be changed or deleted may be gone meanwhile: then there is nothing left to be done.
pub fn forgiving(result: Result<()>) -> Result<()> {
    match result {
        Err(Error::NotFound(_)) => Ok(()),
        other => other,
    }
}
