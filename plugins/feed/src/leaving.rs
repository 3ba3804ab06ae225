//! What becomes of posts, reels and stories when people go.
//!
//! Whoever leaves a channel is named in nothing there any more: not among those who like something, nor
//! among those who have seen a story. What the plugin posted for somebody goes with that user: nobody
//! tells a plugin of that, so it looks again some times after the user left. Posts may be many, so there
//! is no note of each: the walk goes through the channel's history.

use std::collections::BTreeSet;
use std::ops::Bound;

use althing_plugin::leaving::{Here, Walk, forgiving};
use althing_plugin::{Context, Error, Message, Value, chat, parse_json};

use crate::kinds::{POST, REEL, STORY};
use crate::reactions::Reactions;
use crate::telling::Telling;

/// Messages that are read at once.
const PAGE: u32 = 100;
/// Pages that one call reads: much of a channel may be talk.
const PAGES_MAX: u32 = 5;
/// What one call asks of the host before it leaves the rest to the next; the host allows 1,000.
const QUESTIONS_MAX: usize = 900;
/// Changes of messages that one call makes; the host allows 20.
const CHANGES_MAX: u32 = 15;

/// Where a walk is: at the message with this seq, from new to old.
#[derive(Debug, PartialEq)]
struct Place {
    seq: u64,
    /// After whom to go on with it; `None` if it is done.
    user: Option<String>,
}

impl Place {
    /// A user's id has no line breaks.
    fn read(after: &str) -> Option<Place> {
        let (seq, user) = match after.split_once('\n') {
            Some((seq, user)) => (seq, Some(user.to_owned())),
            None => (after, None),
        };
        let seq = seq.parse().ok()?;
        Some(Place { seq, user })
    }

    fn write(&self) -> String {
        match &self.user {
            Some(user) => format!("{}\n{user}", self.seq),
            None => self.seq.to_string(),
        }
    }

    /// The history goes on before this seq.
    fn before(&self) -> u64 {
        self.seq.saturating_add(u64::from(self.user.is_some()))
    }
}

/// One call's part of the walk.
struct Look<'a> {
    here: Here<'a>,
    walk: Walk,
    place: Option<Place>,
    questions: usize,
    changes: u32,
}

/// Goes on with it.
pub fn look(ctx: &Context, payload: &str) -> Result<(), String> {
    let walk: Walk = parse_json(payload)?;
    let mut look = Look {
        here: Here::new(&ctx.channel),
        place: walk.after.as_deref().and_then(Place::read),
        walk,
        questions: 0,
        changes: 0,
    };
    let at_end = look.pages(&ctx.channel)?;
    look.walk.after = look.place.as_ref().map(Place::write);
    match at_end {
        true => Ok(look.walk.end(ctx)?),
        false => Ok(look.walk.go_on(ctx)?),
    }
}

impl Look<'_> {
    /// Whether the channel's history is at its end.
    fn pages(&mut self, channel: &str) -> Result<bool, Error> {
        for _ in 0..PAGES_MAX {
            self.questions += 1;
            let before = self.place.as_ref().map(Place::before);
            let page = match chat::history(channel, before, PAGE) {
                // The channel is gone.
                Err(Error::NotFound(_)) => return Ok(true),
                page => page?,
            };
            for message in &page {
                if self.changes >= CHANGES_MAX || self.asked() >= QUESTIONS_MAX {
                    return Ok(false);
                }
                let begun = self.place.take().filter(|place| place.seq == message.seq);
                let from = begun.and_then(|place| place.user);
                let user = self.see_to(message, from.as_deref())?;
                let is_done = user.is_none();
                self.place = Some(Place {
                    seq: message.seq,
                    user,
                });
                if !is_done {
                    return Ok(false);
                }
            }
            if page.len() < PAGE as usize {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn asked(&self) -> usize {
        self.questions + self.here.looked_up()
    }

    /// Takes people who left off a message, and the message away if the plugin posted it for somebody
    /// who is no user any more. Gives after whom to go on with it, if there is more to do.
    fn see_to(&mut self, message: &Message, from: Option<&str>) -> Result<Option<String>, Error> {
        let kind = message.content.kind.as_str();
        if message.deleted || ![POST, REEL, STORY].contains(&kind) {
            return Ok(None);
        }
        if from.is_none() && self.is_nobodys(message)? {
            self.changes += 1;
            forgiving(chat::delete(&message.id))?;
            return Ok(None);
        }
        let named = self.named(&message.id, kind)?;
        let from = from.unwrap_or_default();
        let after = (Bound::Excluded(from), Bound::Unbounded);
        let users = named.range::<str, _>(after).map(String::as_str);
        let looked_up_max = QUESTIONS_MAX.saturating_sub(self.questions);
        let (left, next) = self.here.who_left(users, from, looked_up_max)?;
        if !left.is_empty() {
            self.changes += 1;
            forgiving(chat::act(&message.id, "forget", &left))?;
        }
        Ok(next.map(str::to_owned))
    }

    /// Whether the plugin posted it for somebody who is no user any more.
    fn is_nobodys(&mut self, message: &Message) -> Result<bool, Error> {
        let data: Value = parse_json(&message.content.data).unwrap_or_default();
        let Some(user) = data["posted_by"].as_str() else {
            return Ok(false);
        };
        if self.here.has(user)? {
            return Ok(false);
        }
        self.questions += 1;
        self.walk.is_erased(user)
    }

    /// Who is named in its state.
    fn named(&mut self, message: &str, kind: &str) -> Result<BTreeSet<String>, Error> {
        self.questions += 1;
        let names = match kind {
            STORY => chat::state(message).map(|story: Telling| story.seen.users),
            _ => chat::state(message).map(|state: Reactions| state.names),
        };
        match names {
            Ok(names) => Ok(names.into_iter().collect()),
            // Gone meanwhile, or nothing of this plugin's.
            Err(Error::NotFound(_) | Error::Denied(_) | Error::Invalid(_)) => Ok(BTreeSet::new()),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_goes_on_where_it_was() {
        for (after, seq, user, before) in [
            ("7", 7, None, 7),
            ("7\nbob", 7, Some("bob"), 8),
            ("7\n", 7, Some(""), 8),
        ] {
            let place = Place::read(after).unwrap();
            assert_eq!((place.seq, place.user.as_deref()), (seq, user));
            assert_eq!(place.before(), before);
            assert_eq!(place.write(), after);
        }
        assert_eq!(Place::read("bob"), None);
    }
}
