//! Posts, stories and reels as kinds of message, and the feeds of them.
//!
//! `kinds` (over `media`) is what clients send and see; `reactions`, `telling` (over `crowd`) the
//! private states and what people may do; `view` how it is shown; `feeds` (over `rank`) what comes
//! first; `command` the slash commands; `seen` tells who has seen a story, `posts` what was
//! said of a post and what the reader did with it; `ending` ends stories in time; `leaving` tidies up after people.

mod command;
mod crowd;
mod ending;
mod feeds;
mod kinds;
mod leaving;
mod media;
mod posts;
mod rank;
mod reactions;
mod seen;
mod settings;
mod telling;
mod view;

use std::time::Duration;

use althing_plugin::Error;
use althing_plugin::endpoint::{Request, Response};
use althing_plugin::kv::Scope;
use althing_plugin::leaving::Walk;
use althing_plugin::prelude::*;
use serde::de::DeserializeOwned;

use kinds::{COMMENT, Comment, POST, REEL, Reel, STORY, Story};
use reactions::Reactions;
use settings::Settings;
use telling::Telling;

struct Feeds;

/// How long is known which post a comment is on: a comment deleted later is not counted off.
const COMMENT_KNOWN: Duration = Duration::from_secs(7 * 24 * 60 * 60);

impl MessageKind for Feeds {
    fn create(ctx: &Context, kind: &str, data: &str) -> Result<Created, String> {
        create(ctx, &config(), kind, data)
    }

    fn act(
        ctx: &Context,
        kind: &str,
        data: &str,
        state: &str,
        action: &str,
        value: &str,
    ) -> Result<Shown, String> {
        act(ctx, &config(), kind, data, state, action, value)
    }
}

fn create(ctx: &Context, settings: &Settings, kind: &str, data: &str) -> Result<Created, String> {
    match kind {
        POST => {
            let (post, author) = read::<kinds::Post>(kind, data)?.check(ctx, settings)?;
            let state = Reactions::new(author);
            let view = view::post(&post, &state, settings);
            Ok(Created::new(&post, Shown::new(&state, view)))
        }
        REEL => {
            let (reel, author) = read::<Reel>(kind, data)?.check(ctx, settings)?;
            let state = Reactions::new(author);
            let view = view::reel(&reel, &state, settings);
            Ok(Created::new(&reel, Shown::new(&state, view)))
        }
        STORY => {
            let (story, author) = read::<Story>(kind, data)?.check(ctx, settings)?;
            let state = Telling {
                author,
                expires_at_ms: story.expires_at_ms,
                ..Telling::default()
            };
            let view = view::story(&story, false);
            Ok(Created::new(&story, Shown::new(&state, view)))
        }
        COMMENT => {
            let (comment, author) = read::<Comment>(kind, data)?.check(ctx)?;
            let view = view::comment(&comment);
            Ok(Created::new(&comment, Shown::new(&author, view)))
        }
        other => Err(format!("There is no kind `{other}`.")),
    }
}

fn read<T: DeserializeOwned>(kind: &str, data: &str) -> Result<T, String> {
    parse_json(data).map_err(|error| format!("This is not a {kind}: {error}."))
}

fn act(
    ctx: &Context,
    settings: &Settings,
    kind: &str,
    data: &str,
    state: &str,
    action: &str,
    value: &str,
) -> Result<Shown, String> {
    match kind {
        POST | REEL => {
            let mut state: Reactions = parse_json(state)?;
            state.act(ctx, action, &parse_json(value)?)?;
            let view = match kind {
                POST => view::post(&parse_json(data)?, &state, settings),
                _ => view::reel(&parse_json(data)?, &state, settings),
            };
            Ok(Shown::new(&state, view))
        }
        STORY => {
            let mut state: Telling = parse_json(state)?;
            state.act(ctx, action, &parse_json(value)?)?;
            let view = view::story(&parse_json(data)?, state.is_over(ctx.now_ms));
            Ok(Shown::new(&state, view))
        }
        _ => Err("There is nothing to do with it.".to_owned()),
    }
}

impl Feed for Feeds {
    fn rank(
        ctx: &Context,
        feed: &str,
        argument: &str,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<u32>, String> {
        feeds::order(ctx, &config(), feed, argument, &candidates)
    }
}

impl Commands for Feeds {
    fn run(ctx: &Context, command: Command) -> Result<Option<Reply>, String> {
        let settings: Settings = config();
        settings.check_poster(ctx)?;
        let posted_by = (!ctx.actor.is_empty()).then(|| ctx.actor.clone());
        // Says what is wrong in the same words as to everybody who posts.
        let post = match command.name.as_str() {
            "post" => {
                let mut post = command::post(&command.text)?;
                post.clone().check(ctx, &settings)?;
                post.posted_by = posted_by;
                Post::kind(POST, &post)
            }
            "story" => {
                let mut story = command::story(&command.text)?;
                story.clone().check(ctx, &settings)?;
                story.posted_by = posted_by;
                Post::kind(STORY, &story)
            }
            name => return Err(format!("I don't know the command /{name}.")),
        };
        chat::send(&ctx.channel, post)?;
        Ok(None)
    }

    fn complete(_ctx: &Context, command: Command) -> Vec<Choice> {
        command::complete(&command.name, &command.text)
    }
}

impl Events for Feeds {
    fn handle(ctx: &Context, event: Event) -> Result<(), String> {
        if event.kind == "member.removed" {
            return Ok(Walk::begin(ctx)?);
        }
        let message = event.message()?;
        if message.data.is_null() && event.kind != "message.deleted" {
            // Deleted meanwhile: that has an event of its own.
            return Ok(());
        }
        match (event.kind.as_str(), message.kind.as_str()) {
            ("message.new", STORY) => {
                let story: Story = parse_json(&message.data.to_string())?;
                Ok(ending::set(ctx, &message.id, story.expires_at_ms)?)
            }
            ("message.deleted", STORY) => Ok(ending::cancel(&message.id)?),
            ("message.new", COMMENT) => {
                let comment: Comment = parse_json(&message.data.to_string())?;
                if count(ctx, &comment.on, "comment")? {
                    let on = comment.on.as_bytes();
                    match kv::set_for(&Scope::Plugin, &known(&message.id), on, COMMENT_KNOWN) {
                        Ok(()) | Err(Error::Limited(_)) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                Ok(())
            }
            ("message.deleted", COMMENT) => {
                let key = known(&message.id);
                let Some(on) = kv::get(&Scope::Plugin, &key)? else {
                    return Ok(());
                };
                count(ctx, &String::from_utf8_lossy(&on.value), "uncomment")?;
                Ok(kv::delete(&Scope::Plugin, &key)?)
            }
            _ => Ok(()),
        }
    }
}

/// Counts a comment on a post, or off again. False if there is none to be counted on.
fn count(ctx: &Context, on: &str, action: &str) -> Result<bool, String> {
    match chat::act(on, action, &ctx.channel) {
        Ok(()) => Ok(true),
        Err(error @ (Error::Conflict | Error::Unavailable(_) | Error::Limited(_))) => {
            Err(error.into())
        }
        // No such post, or none of this channel.
        Err(_) => Ok(false),
    }
}

impl Schedule for Feeds {
    fn run(ctx: &Context, name: &str, payload: &str) -> Result<(), String> {
        if name.starts_with("left/") {
            return leaving::look(ctx, payload);
        }
        ending::run(payload)
    }
}

impl Endpoint for Feeds {
    fn handle(ctx: &Context, request: Request) -> Result<Response, String> {
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            return Ok(Response::status(405));
        }
        let path = request.segments().unwrap_or_default();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match path[..] {
            ["stories", id, "seen"] => seen::answer(ctx, id),
            ["posts", id, "comments"] => posts::comments(ctx, &request, id),
            ["mine"] => posts::mine(ctx, &request),
            _ => Ok(Response::status(404)),
        }
    }
}

fn known(comment: &str) -> String {
    format!("comment/{comment}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(user: &str, role: Role) -> Context {
        Context {
            actor: user.into(),
            actor_role: role,
            channel: "alice".into(),
            channel_type: "profile".into(),
            now_ms: 1_000,
            ..Context::default()
        }
    }

    #[test]
    fn the_manifest_and_the_code_have_the_same_defaults() {
        let manifest: Value = toml::from_str(include_str!("../plugin.toml")).unwrap();
        let properties = manifest["config"]["properties"].as_object().unwrap();
        let defaults: Value = properties
            .iter()
            .map(|(name, schema)| (name.clone(), schema["default"].clone()))
            .collect::<serde_json::Map<_, _>>()
            .into();
        assert_eq!(
            parse_json::<Settings>(&defaults.to_string()).unwrap(),
            Settings::default()
        );
    }

    #[test]
    fn what_was_made_can_be_made_again() {
        // As when a guard hands back what it was shown.
        let settings = Settings::default();
        let alice = by("alice", Role::Owner);
        for (kind, data) in [
            (
                POST,
                r#"{"text":"hello","link":{"url":"https://example.com"}}"#,
            ),
            (STORY, r#"{"text":"hello","lasts_s":60}"#),
            (
                REEL,
                r#"{"video":{"type":"video","url":"https://example.com/a.mp4"},"duration_s":9}"#,
            ),
            (COMMENT, r#"{"on":"msg_0123456789abcdef","text":" hello "}"#),
        ] {
            let first = create(&alice, &settings, kind, data).unwrap();
            let again = create(&alice, &settings, kind, &first.data).unwrap();
            assert_eq!(again.data, first.data);
            assert_eq!(again.shown.state, first.shown.state);
        }
    }

    #[test]
    fn a_post_lives() {
        let settings = Settings::default();
        let made = create(
            &by("alice", Role::Owner),
            &settings,
            POST,
            r#"{"text":"hi"}"#,
        )
        .unwrap();
        let bob = by("bob", Role::Member);
        let liked = act(
            &bob,
            &settings,
            POST,
            &made.data,
            &made.shown.state,
            "like",
            "null",
        );
        assert!(liked.unwrap().view.text.contains("♥ @bob\n1 like"));
        let refused = act(
            &bob,
            &settings,
            POST,
            &made.data,
            &made.shown.state,
            "seen",
            "null",
        );
        assert!(refused.is_err());
        assert!(create(&bob, &settings, POST, r#"{"text":"hi"}"#).is_err());
        let nothing = create(&bob, &settings, POST, "{").err().unwrap();
        assert!(nothing.starts_with("This is not a post: "), "{nothing}");
        let comment = r#"{"on":"msg_0123456789abcdef","text":"nice"}"#;
        let comment = create(&bob, &settings, COMMENT, comment).unwrap();
        assert_eq!(comment.shown.view.text, "💬 nice");
    }
}

althing_plugin::plugin!(
    Feeds: MessageKind + Feed + Commands + Events + Schedule + Endpoint,
    manifest = "plugin.toml"
);
