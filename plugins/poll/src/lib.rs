//! Polls: a kind of message with options, votes and an end.
//!
//! `poll` is what clients send and see, `votes` the private state and what people may do, `view` how
//! it is shown, `command` the slash command. A timer closes polls whose time is over; `leaving` tidies up
//! after people.

mod command;
mod leaving;
mod poll;
mod view;
mod votes;

use althing_plugin::Error;
use althing_plugin::leaving::Walk;
use althing_plugin::prelude::*;
use serde::{Deserialize, Serialize};

use poll::{KIND, NewPoll, Poll};
use votes::Votes;

struct Polls;

impl MessageKind for Polls {
    fn create(ctx: &Context, _kind: &str, data: &str) -> Result<Created, String> {
        let new: NewPoll =
            parse_json(data).map_err(|error| format!("This is not a poll: {error}."))?;
        let author = ctx.author("asked_by", new.asked_by.as_deref())?;
        let poll = new.check(ctx.now_ms)?;
        let votes = Votes::new(&author);
        let view = view::view(&poll, &votes, ctx.now_ms);
        Ok(Created::new(&poll, Shown::new(&votes, view)))
    }

    fn act(
        ctx: &Context,
        _kind: &str,
        data: &str,
        state: &str,
        action: &str,
        value: &str,
    ) -> Result<Shown, String> {
        let poll: Poll = parse_json(data)?;
        let mut votes: Votes = parse_json(state)?;
        votes.act(ctx, &poll, action, &parse_json(value)?)?;
        let view = view::view(&poll, &votes, ctx.now_ms);
        Ok(Shown::new(&votes, view))
    }
}

impl Commands for Polls {
    fn run(ctx: &Context, command: Command) -> Result<Option<Reply>, String> {
        if matches!(command.text.trim(), "" | "help") {
            return Ok(Some(Reply::text(command::USAGE)));
        }
        let mut new = command::parse(&command.text)?;
        if !ctx.actor.is_empty() {
            new.asked_by = Some(ctx.actor.clone());
        }
        // Says what is wrong in the same words as for everybody who sends a poll.
        new.clone().check(ctx.now_ms)?;
        chat::send(&ctx.channel, Post::kind(KIND, &new))?;
        Ok(None)
    }

    fn complete(_ctx: &Context, command: Command) -> Vec<Choice> {
        command::complete(&command.text)
    }
}

impl Events for Polls {
    fn handle(ctx: &Context, event: Event) -> Result<(), String> {
        if event.kind == "member.removed" {
            return Ok(Walk::begin(ctx)?);
        }
        let message = event.message()?;
        if message.kind != KIND {
            return Ok(());
        }
        let timer = timer(&message.id);
        match event.kind.as_str() {
            "message.new" => {
                let asked_by = message.data["asked_by"].as_str();
                let closes_at_ms = message.data["closes_at_ms"].as_u64();
                leaving::note(ctx, &message.id, asked_by, closes_at_ms)?;
                match closes_at_ms {
                    Some(at_ms) => close_at(ctx, message.id, at_ms),
                    None => Ok(()),
                }
            }
            "message.deleted" => {
                leaving::forget(ctx, &message.id)?;
                Ok(timers::cancel(&timer)?)
            }
            _ => Ok(()),
        }
    }
}

impl Schedule for Polls {
    fn run(ctx: &Context, name: &str, payload: &str) -> Result<(), String> {
        if name.starts_with("left/") {
            return leaving::look(ctx, payload);
        }
        let closing: Closing = parse_json(payload)?;
        match chat::act(&closing.message, "close", &Value::Null) {
            // Deleted meanwhile: there is nothing left to close.
            Ok(()) | Err(Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// What a poll's timer is set with.
#[derive(Deserialize, Serialize)]
struct Closing {
    message: String,
}

/// Sees to the end of a poll. Without a timer it ends all the same: no vote counts from then on, but what is
/// shown stays as it was until somebody closes it.
fn close_at(ctx: &Context, message: String, at_ms: u64) -> Result<(), String> {
    let (timer, payload) = (timer(&message), Closing { message });
    match timers::set(&timer, at_ms, &ctx.channel, &payload) {
        Err(Error::Limited(detail)) => {
            log::warn!(
                "{} will not show its end by itself: {detail}",
                payload.message
            );
            Ok(())
        }
        done => Ok(done?),
    }
}

fn timer(message: &str) -> String {
    format!("close/{message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(user: &str, role: Role) -> Context {
        Context {
            actor: user.into(),
            actor_role: role,
            now_ms: 1_000,
            ..Context::default()
        }
    }

    #[test]
    fn a_poll_lives_from_question_to_outcome() {
        let data = r#"{"question":"Lunch?","options":["Pizza","Sushi"],"closes_in_s":60}"#;
        let alice = by("alice", Role::Member);
        let created = Polls::create(&alice, KIND, data).unwrap();
        let poll: Value = parse_json(&created.data).unwrap();
        assert_eq!(
            poll,
            json!({"question": "Lunch?", "options": ["Pizza", "Sushi"], "multiple": false,
                "anonymous": false, "closes_at_ms": 61_000})
        );
        let act = |shown: &Shown, ctx: &Context, action: &str, value: &str| {
            Polls::act(ctx, KIND, &created.data, &shown.state, action, value)
        };
        let voted = act(&created.shown, &by("bob", Role::Member), "vote", "1").unwrap();
        assert!(voted.view.text.contains("Sushi 1"));
        let closed = act(&voted, &alice, "close", "null").unwrap();
        assert!(closed.view.text.ends_with("Sushi wins with 1 of 1 vote."));
        assert!(act(&closed, &by("bob", Role::Member), "vote", "0").is_err());
    }

    #[test]
    fn what_is_no_poll_is_refused_with_a_reason() {
        let error = |data: &str| {
            Polls::create(&by("alice", Role::Member), KIND, data)
                .err()
                .unwrap()
        };
        assert_eq!(error("{}"), "This is not a poll: missing field `question`.");
        assert!(error(r#"{"question":"x","options":["a","b"],"colour":1}"#).contains("`colour`"));
        assert!(
            error(r#"{"question":"x","options":["a","b"],"asked_by":"bob"}"#).contains("asked_by")
        );
    }

    #[test]
    fn the_plugin_asks_for_whoever_asked_it() {
        let data = r#"{"question":"x","options":["a","b"],"asked_by":"bob"}"#;
        let created = Polls::create(&by("bot", Role::Plugin), KIND, data).unwrap();
        let votes: Votes = parse_json(&created.shown.state).unwrap();
        assert_eq!(votes.author, "bob");
        let close = Polls::act(
            &by("bob", Role::Member),
            KIND,
            &created.data,
            &created.shown.state,
            "close",
            "null",
        );
        assert!(close.is_ok());
    }
}

althing_plugin::plugin!(
    Polls: MessageKind + Commands + Events + Schedule,
    manifest = "plugin.toml"
);
