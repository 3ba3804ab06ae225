//! The route that tells who has seen a story: whoever told it, and nobody else.

use althing_plugin::endpoint::Response;
use althing_plugin::{Context, Error, Role, chat, json};

use crate::media::check_id;
use crate::telling::Telling;

/// `GET /stories/{message_id}/seen`.
pub fn answer(ctx: &Context, message: &str) -> Result<Response, String> {
    let nothing = || Ok(Response::status(404));
    if check_id("msg_", message).is_err() {
        return nothing();
    }
    let story: Telling = match chat::state(message) {
        Ok(story) => story,
        // Gone, no story, or nothing of this plugin's.
        Err(Error::NotFound(_) | Error::Denied(_) | Error::Invalid(_)) => return nothing(),
        Err(error) => return Err(error.into()),
    };
    // To everybody else there is no such thing.
    if ctx.actor_role != Role::Server && (ctx.actor.is_empty() || ctx.actor != story.author) {
        return nothing();
    }
    let answer = json!({ "count": story.seen.count, "users": story.seen.users });
    Ok(Response::json(&answer).with_header("cache-control", "no-store"))
}
