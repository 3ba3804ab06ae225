//! Places: a kind of message with a pin on a map, which may follow its sender for a while.
//!
//! `place` is what a place is, `moving` what people do with a live location, `view` how it is shown; `sharing` keeps
//! who shares their location and ends it in time; `command` reads `/here`.

mod command;
mod moving;
mod place;
mod settings;
mod sharing;
mod view;

use althing_plugin::blocks::muted;
use althing_plugin::leaving::Walk;
use althing_plugin::prelude::*;
use althing_plugin::when::Zone;
use althing_plugin::{Error, SettingFault};

use place::{KIND, NewPlace, Place};
use settings::Settings;

struct Places;

/// The plugin's own user.
const BOT: &str = "bot:place";

impl MessageKind for Places {
    fn create(ctx: &Context, _kind: &str, data: &str) -> Result<Created, String> {
        create(ctx, &config(), data)
    }

    fn act(
        ctx: &Context,
        _kind: &str,
        _data: &str,
        state: &str,
        action: &str,
        value: &str,
    ) -> Result<Shown, String> {
        let (mut place, settings): (Place, Settings) = (parse_json(state)?, config());
        place.act(ctx, &settings, action, &parse_json(value)?)?;
        Ok(Shown::new(&place, view::view(&place, &settings)))
    }
}

fn create(ctx: &Context, settings: &Settings, data: &str) -> Result<Created, String> {
    let new: NewPlace =
        parse_json(data).map_err(|error| format!("This is not a place: {error}."))?;
    // Else anybody could say that somebody else is there.
    ctx.author("created_by", new.created_by.as_deref())?;
    let (data, place) = new.begin(ctx, settings)?;
    Ok(Created::new(
        &data,
        Shown::new(&place, view::view(&place, settings)),
    ))
}

impl Commands for Places {
    fn run(ctx: &Context, command: Command) -> Result<Option<Reply>, String> {
        let text = command.text.trim();
        match command.name.as_str() {
            "here" if matches!(text, "" | "help") => Ok(Some(Reply::text(command::USAGE))),
            "here" => here(ctx, text),
            "where" => whereabouts(ctx, text).map(Some),
            name => Err(format!("I don't know the command /{name}.")),
        }
    }

    fn complete(_ctx: &Context, command: Command) -> Vec<Choice> {
        match (command.name.as_str(), command.text.trim()) {
            ("here", "") => vec![Choice::new(
                "52.52,13.405 The office",
                "52.52,13.405 The office",
            )],
            _ => Vec::new(),
        }
    }
}

/// `/here …`: posts a place for whoever typed it.
fn here(ctx: &Context, text: &str) -> Result<Option<Reply>, String> {
    let new = command::parse(text)?;
    // Says what is wrong in the same words as for everybody who sends a place.
    let (data, _) = new.begin(ctx, &config())?;
    let mut data = parse_json::<Value>(&to_json(&data))?;
    data["created_by"] = ctx.actor.as_str().into();
    chat::send(&ctx.channel, Post::kind(KIND, &data))?;
    Ok(None)
}

/// `/where`: who shares their location here, with a map for each.
fn whereabouts(ctx: &Context, text: &str) -> Result<Reply, String> {
    let user = match text.strip_prefix('@') {
        _ if text.is_empty() => None,
        Some(user) => Some(user),
        None => {
            return Err(
                "Whom do you look for? `/where @alice`, or `/where` for everybody.".to_owned(),
            );
        }
    };
    let found = sharing::live(ctx, user)?;
    Ok(where_reply(&found, ctx.now_ms))
}

/// Places that one answer shows.
const SHOWN_MAX: usize = 10;

fn where_reply(found: &[Place], now_ms: u64) -> Reply {
    let (mut lines, mut blocks) = (Vec::new(), Vec::new());
    for place in found.iter().take(SHOWN_MAX) {
        let (Some(position), Some(live)) = (&place.position, &place.live) else {
            continue;
        };
        let moved = match now_ms.saturating_sub(live.moved_at_ms) / 60_000 {
            0 => "just now".to_owned(),
            minutes => format!("{minutes} min ago"),
        };
        let line = format!("📍 @{}, {moved}", place.created_by);
        lines.push(format!("{line}: {}", position.uri()));
        let who = muted(line).user(&place.created_by);
        blocks.extend([who, view::pin(place, position)]);
    }
    match (lines.is_empty(), found.len().saturating_sub(SHOWN_MAX)) {
        (true, _) => return Reply::text("Nobody is sharing their location here."),
        (false, 0) => {}
        (false, more) => {
            lines.push(format!("and {more} more"));
            blocks.push(muted(format!("and {more} more")));
        }
    }
    Reply::text(lines.join("\n")).with_blocks(blocks)
}

impl Events for Places {
    fn handle(ctx: &Context, event: Event) -> Result<(), String> {
        if event.kind == "member.removed" {
            return Ok(Walk::begin(ctx)?);
        }
        let message = event.message()?;
        if message.kind != KIND {
            return Ok(());
        }
        // An event that is read late finds the place as it is now, and may find none.
        let found = match event.kind.as_str() {
            "message.deleted" => None,
            _ => chat::find_state::<Place>(&message.id)?,
        };
        match found {
            Some(place) => sharing::keep_track(ctx, &message.id, &place, message.from == BOT)?,
            None => sharing::forget(ctx, &message.id)?,
        }
        Ok(())
    }
}

impl Schedule for Places {
    fn run(ctx: &Context, name: &str, payload: &str) -> Result<(), String> {
        if !name.starts_with("end/") {
            return sharing::look(ctx, payload);
        }
        let end: sharing::End = parse_json(payload)?;
        match chat::act(&end.message, "stop", &Value::Null) {
            // Deleted meanwhile: there is nothing left to end.
            Ok(()) | Err(Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Lifecycle for Places {
    fn check(_ctx: &Context, settings: &str) -> Vec<SettingFault> {
        let settings: Settings = parse_json(settings).unwrap_or_default();
        match Zone::named(&settings.time_zone) {
            Some(_) => Vec::new(),
            None => vec![SettingFault {
                setting: "time_zone".to_owned(),
                detail: "There is no such time zone: write it as `Europe/Berlin` or `UTC`."
                    .to_owned(),
            }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::{Live, Position};

    #[test]
    fn the_manifest_and_the_code_have_the_same_defaults() {
        let manifest: Value = toml::from_str(include_str!("../plugin.toml")).unwrap();
        let properties = manifest["config"]["properties"].as_object().unwrap();
        let defaults: Value = properties
            .iter()
            .map(|(name, schema)| (name.clone(), schema["default"].clone()))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let settings = parse_json::<Settings>(&defaults.to_string()).unwrap();
        assert_eq!(settings, Settings::default());
        let name = manifest["name"].as_str().unwrap();
        assert_eq!(BOT, format!("bot:{name}"));
    }

    #[test]
    fn what_a_guard_changes_stays_the_place_of_the_same_person() {
        let bot = Context {
            actor: BOT.into(),
            actor_role: Role::Plugin,
            ..Context::default()
        };
        let make = |data: &str| create(&bot, &Settings::default(), data).unwrap();
        let again = make(&make(r#"{"latitude": 1, "longitude": 2, "created_by": "bob"}"#).data);
        let place: Place = parse_json(&again.shown.state).unwrap();
        assert_eq!(place.created_by, "bob");
    }

    #[test]
    fn whoever_shares_is_shown_with_a_map() {
        let place = |user: &str| Place {
            created_by: user.into(),
            position: Some(Position {
                latitude: 1.0,
                longitude: 2.0,
                accuracy_m: None,
            }),
            label: String::new(),
            address: String::new(),
            live: Some(Live {
                ends_at_ms: u64::MAX,
                moved_at_ms: 0,
                ended: false,
            }),
        };
        let reply = |found: &[Place]| where_reply(found, 600_000);
        assert_eq!(reply(&[]).text, "Nobody is sharing their location here.");
        let one = reply(&[place("alice")]);
        assert_eq!(one.text, "📍 @alice, 10 min ago: geo:1,2");
        assert!(one.blocks.contains("\"type\":\"map\""));
        let many: Vec<Place> = (0..12).map(|n| place(&format!("u{n}"))).collect();
        assert!(reply(&many).text.ends_with("and 2 more"));
    }
}

althing_plugin::plugin!(
    Places: MessageKind + Commands + Events + Schedule + Lifecycle,
    manifest = "plugin.toml"
);
