//! The route that tells who has seen a story: whoever told it, and nobody else.

use althing_plugin::endpoint::{Request, Response};
use althing_plugin::{Context, Error, Role, chat, json};

use crate::media::check_id;
use crate::telling::Telling;

/// `GET /stories/{message_id}/seen`.
pub fn answer(ctx: &Context, request: &Request) -> Result<Response, String> {
    let nothing = || Ok(Response::status(404));
    let Some(message) = message_of(&request.path) else {
        return nothing();
    };
    if request.method != "GET" {
        return Ok(Response::status(405));
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

fn message_of(path: &str) -> Option<&str> {
    let id = path.strip_prefix("/stories/")?.strip_suffix("/seen")?;
    check_id("msg_", id).ok().map(|()| id)
}

#[cfg(test)]
mod tests {
    use super::*;

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
