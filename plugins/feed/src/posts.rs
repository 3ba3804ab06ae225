//! Routes about posts and reels: the comments on one, and what the reader did with some of them. Only for those
//! in the channel, and for the app's backend.

use althing_plugin::endpoint::{Request, Response};
use althing_plugin::{Context, Error, Message, Role, Value, chat, json, parse_json};

use crate::kinds::{COMMENT, Comment, POST, REEL};
use crate::media::check_id;
use crate::reactions::Reactions;

const LIMIT: usize = 20;
const LIMIT_MAX: usize = 100;
/// Messages that are read at once.
const PAGE: u32 = 100;
/// Pages of the channel's history that one answer looks through: much of it may be something else.
const PAGES_MAX: usize = 5;
/// Posts that are asked about at once.
const MINE_MAX: usize = 50;

/// `GET /posts/{message_id}/comments`: new to old.
pub fn comments(ctx: &Context, request: &Request, id: &str) -> Result<Response, String> {
    let (limit, before) = match page_of(request) {
        Ok(page) => page,
        Err(detail) => return Ok(Response::problem(400, "invalid", detail)),
    };
    let Some(post) = find(ctx, id)? else {
        let detail = "There is no such post or reel.";
        return Ok(Response::problem(404, "not_found", detail));
    };
    let (comments, next) = walk(&post, limit, before)?;
    let mut answer = json!({ "comments": comments });
    if let Some(next) = next {
        answer["next"] = next.to_string().into();
    }
    Ok(private(&answer))
}

/// `GET /mine?ids=…`: whether the reader likes, has shared and has viewed each of these.
pub fn mine(ctx: &Context, request: &Request) -> Result<Response, String> {
    if ctx.actor.is_empty() || ctx.actor_role == Role::Server {
        let detail = "This is for users: ask with a user's token.";
        return Ok(Response::problem(403, "forbidden", detail));
    }
    let ids = request.param("ids").unwrap_or_default();
    let ids: Vec<&str> = ids.split(',').filter(|id| !id.is_empty()).collect();
    if !(1..=MINE_MAX).contains(&ids.len()) {
        let detail = format!(
            "`ids` must be 1 to {MINE_MAX} ids of posts or reels, with commas between them."
        );
        return Ok(Response::problem(400, "invalid", detail));
    }
    let mut answer = json!({});
    for id in ids {
        let Some(reactions) = reactions(ctx, id)? else {
            continue;
        };
        answer[id] = json!({
            "liked": reactions.likes.has(&ctx.actor),
            "shared": reactions.shares.has(&ctx.actor),
            "viewed": reactions.views.has(&ctx.actor),
        });
    }
    Ok(private(&answer))
}

fn private(answer: &Value) -> Response {
    Response::json(answer).with_header("cache-control", "no-store")
}

/// How many, and those before which seq.
fn page_of(request: &Request) -> Result<(usize, Option<u64>), String> {
    let (mut limit, mut before) = (LIMIT, None);
    for (name, value) in request.params() {
        match name.as_str() {
            "limit" => {
                let number = value.parse().ok();
                let fits = number.filter(|limit| (1..=LIMIT_MAX).contains(limit));
                limit = fits.ok_or(format!("`limit` must be 1 to {LIMIT_MAX}."))?;
            }
            "after" => {
                let seq = value.parse().ok();
                let fault = "`after` must be the `next` of the page before.";
                before = Some(seq.ok_or(fault)?);
            }
            other => return Err(format!("There is no parameter `{other}`.")),
        }
    }
    Ok((limit, before))
}

/// The comments before a seq, and where to go on if that may not be all.
fn walk(
    post: &Message,
    limit: usize,
    before: Option<u64>,
) -> Result<(Vec<Value>, Option<u64>), Error> {
    let (mut found, mut before) = (Vec::new(), before);
    for _ in 0..PAGES_MAX {
        let page = chat::history(&post.channel, before, PAGE)?;
        let is_last = page.len() < PAGE as usize;
        for message in page {
            // A comment is younger than what it is on.
            if message.seq <= post.seq {
                return Ok((found, None));
            }
            if found.len() == limit {
                return Ok((found, before));
            }
            before = Some(message.seq);
            found.extend(shown(&message, &post.id));
        }
        if is_last {
            return Ok((found, None));
        }
    }
    Ok((found, before))
}

/// A message as it is listed, if it is a comment on this post.
fn shown(message: &Message, post: &str) -> Option<Value> {
    if message.deleted || message.content.kind != COMMENT {
        return None;
    }
    let comment: Comment = parse_json(&message.content.data).ok()?;
    (comment.on == post).then(|| {
        json!({
            "id": message.id,
            "from": message.sender,
            "text": comment.text,
            "ts_ms": message.ts_ms,
        })
    })
}

/// A post or reel that the reader may see.
fn find(ctx: &Context, id: &str) -> Result<Option<Message>, Error> {
    if check_id("msg_", id).is_err() {
        return Ok(None);
    }
    let message = match chat::message(id) {
        Ok(message) => message,
        Err(Error::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let is_one = !message.deleted && [POST, REEL].contains(&message.content.kind.as_str());
    let sees = ctx.actor_role == Role::Server
        || (!ctx.actor.is_empty() && chat::member(&message.channel, &ctx.actor)?.is_some());
    Ok((is_one && sees).then_some(message))
}

fn reactions(ctx: &Context, id: &str) -> Result<Option<Reactions>, Error> {
    if find(ctx, id)?.is_none() {
        return Ok(None);
    }
    match chat::state(id) {
        Ok(reactions) => Ok(Some(reactions)),
        // Gone meanwhile, or of another plugin.
        Err(Error::NotFound(_) | Error::Denied(_) | Error::Invalid(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Result<(usize, Option<u64>), String> {
        page_of(&Request {
            method: "GET".into(),
            path: "/".into(),
            query: query.into(),
            headers: Vec::new(),
            body: Vec::new(),
        })
    }

    #[test]
    fn pages_are_asked_for() {
        assert_eq!(asked(""), Ok((LIMIT, None)));
        assert_eq!(asked("limit=100&after=7"), Ok((100, Some(7))));
        for (query, named) in [
            ("limit=0", "`limit`"),
            ("limit=101", "`limit`"),
            ("after=x", "`after`"),
            ("before=1", "`before`"),
        ] {
            assert!(asked(query).unwrap_err().contains(named), "{query}");
        }
    }
}
