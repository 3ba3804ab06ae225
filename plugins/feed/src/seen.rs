//! Who has seen a story, by name. It is kept apart from the story's state, with the message, and told
//! to nobody but whoever told the story.

use althing_plugin::endpoint::{Request, Response};
use althing_plugin::kv::{self, Scope};
use althing_plugin::{Context, Error, Role, json};
use serde::{Deserialize, Serialize};

use crate::media::check_id;

/// How many are kept by name, and how much room their names have.
const NAMES_MAX: usize = 1_000;
const NAMES_BYTES_MAX: usize = 40_000;
const KEY: &str = "seen";

/// Who has seen a story.
#[derive(Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Seen {
    author: String,
    count: u64,
    /// The last of them, old to new.
    users: Vec<String>,
}

impl Seen {
    /// Of a story that nobody has seen yet.
    fn new(author: &str) -> Seen {
        Seen {
            author: author.to_owned(),
            ..Seen::default()
        }
    }

    /// Takes note of somebody. False when that changes nothing.
    fn add(&mut self, user: &str) -> bool {
        if user == self.author || self.users.iter().any(|known| known == user) {
            return false;
        }
        self.count += 1;
        self.users.push(user.to_owned());
        let bytes = |users: &[String]| users.iter().map(String::len).sum::<usize>();
        while self.users.len() > NAMES_MAX || bytes(&self.users) > NAMES_BYTES_MAX {
            self.users.remove(0);
        }
        true
    }
}

/// A story was told.
pub fn begin(message: &str, author: &str) -> Result<(), String> {
    keep(message, &Seen::new(author))
}

/// Somebody did something with a story, so has seen it.
pub fn note(message: &str, user: &str) -> Result<(), String> {
    let scope = Scope::Message(message.to_owned());
    let mut seen: Seen = match kv::get_json(&scope, KEY) {
        Ok(Some(seen)) => seen,
        // Gone meanwhile, or there was no room for it.
        Ok(None) | Err(Error::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    match seen.add(user) {
        true => keep(message, &seen),
        false => Ok(()),
    }
}

fn keep(message: &str, seen: &Seen) -> Result<(), String> {
    match kv::set_json(&Scope::Message(message.to_owned()), KEY, seen) {
        // A story without a list is better than none at all.
        Ok(()) | Err(Error::NotFound(_) | Error::Limited(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// `GET /stories/{message_id}/seen`.
pub fn answer(ctx: &Context, request: &Request) -> Result<Response, String> {
    let nothing = || Ok(Response::status(404));
    let Some(message) = message_of(&request.path) else {
        return nothing();
    };
    if request.method != "GET" {
        return Ok(Response::status(405));
    }
    let scope = Scope::Message(message.to_owned());
    let seen: Seen = match kv::get_json(&scope, KEY) {
        Ok(Some(seen)) => seen,
        Ok(None) | Err(Error::NotFound(_)) => return nothing(),
        Err(error) => return Err(error.into()),
    };
    // To everybody else there is no such thing.
    if ctx.actor_role != Role::Server && (ctx.actor.is_empty() || ctx.actor != seen.author) {
        return nothing();
    }
    let answer = json!({ "count": seen.count, "users": seen.users });
    Ok(Response::json(&answer).with_header("cache-control", "no-store"))
}

fn message_of(path: &str) -> Option<&str> {
    let id = path.strip_prefix("/stories/")?.strip_suffix("/seen")?;
    check_id("msg_", id).ok().map(|()| id)
}

#[cfg(test)]
mod tests {
    use althing_plugin::to_json;

    use super::*;

    #[test]
    fn everybody_is_named_once_and_the_last_are_kept() {
        let mut seen = Seen::new("alice");
        assert!(seen.add("bob") && !seen.add("bob") && !seen.add("alice"));
        assert_eq!(
            (seen.count, seen.users.as_slice()),
            (1, &["bob".to_owned()][..])
        );
        for number in 0..2_000 {
            seen.add(&format!("{number:0>128}"));
        }
        assert_eq!(seen.count, 2_001);
        assert!(to_json(&seen).len() < 64 * 1024);
        assert_eq!(seen.users.last(), Some(&format!("{:0>128}", 1_999)));
    }

    #[test]
    fn one_route_is_there() {
        let id = "msg_0123456789abcdef";
        assert_eq!(message_of(&format!("/stories/{id}/seen")), Some(id));
        for path in [
            "/",
            "/stories//seen",
            "/stories/x/seen",
            "/stories/msg_0123456789abcdef",
        ] {
            assert_eq!(message_of(path), None, "{path}");
        }
    }
}
