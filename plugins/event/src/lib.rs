//! Events with a date: a kind of message that people answer, are reminded of, and find in their own
//! calendars.
//!
//! `new` is what makes an event and `event` what it is (over `answers`, who comes, and
//! `exceptions`, which dates are not as its rule has them), `actions` what
//! people may do with it, `view` how it is shown. `index` keeps which events there are and `listing`
//! reads it, for `/calendar` (`lists`) and for the plugin's own routes (`routes`), with `range` for the dates
//! between two times, `ics` for calendar files and `subscription` for those who follow one. `reminders` tells
//! people in time, `leaving` tidies up after people and channels. `command` reads `/event`.

mod actions;
mod answers;
mod changing;
mod command;
mod event;
mod exceptions;
mod ics;
mod index;
mod leaving;
mod listing;
mod lists;
mod new;
mod range;
mod reminders;
mod routes;
mod settings;
mod subscription;
mod view;

use althing_plugin::endpoint::{Request, Response};
use althing_plugin::leaving::{Walk, forgiving};
use althing_plugin::prelude::{Event as Entry, *};

use event::{Event, KIND};
use new::NewEvent;
use settings::Settings;

struct Calendar;

/// The plugin's own user.
const BOT: &str = "bot:event";

impl MessageKind for Calendar {
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
        let mut event: Event = parse_json(state)?;
        event.act(ctx, &config(), action, &parse_json(value)?)?;
        Ok(Shown::new(&event, view::view(&event, ctx.now_ms)))
    }
}

fn create(ctx: &Context, settings: &Settings, data: &str) -> Result<Created, String> {
    let new: NewEvent =
        parse_json(data).map_err(|error| format!("This is not an event: {error}."))?;
    let created_by = ctx.author("created_by", new.created_by.as_deref())?;
    let plan = new.check(settings, ctx.now_ms)?;
    let data = NewEvent {
        created_by: new.created_by,
        ..plan.data()
    };
    let event = Event::new(ctx, plan, created_by);
    Ok(Created::new(
        &data,
        Shown::new(&event, view::view(&event, ctx.now_ms)),
    ))
}

impl Commands for Calendar {
    fn run(ctx: &Context, command: Command) -> Result<Option<Reply>, String> {
        let settings: Settings = config();
        match command.name.as_str() {
            "event" => make(ctx, &settings, command.text.trim()),
            "calendar" => match changing::Verb::read(command.text.trim()) {
                Some((verb, text)) => changing::run(ctx, &settings, verb, text).map(|()| None),
                None => lists::reply(ctx, &settings, command.text.trim()).map(Some),
            },
            name => Err(format!("I don't know the command /{name}.")),
        }
    }

    fn complete(ctx: &Context, command: Command) -> Vec<Choice> {
        match command.name.as_str() {
            "event" => command::complete(&command.text, &config(), ctx.now_ms),
            _ => match changing::Verb::read(command.text.trim_start()) {
                Some((verb, text)) => changing::complete(ctx, verb, text).unwrap_or_default(),
                None => lists::complete(&command.text),
            },
        }
    }
}

/// `/event …`: posts an event for whoever typed it.
fn make(ctx: &Context, settings: &Settings, text: &str) -> Result<Option<Reply>, String> {
    if matches!(text, "" | "help") {
        return Ok(Some(Reply::text(command::USAGE)));
    }
    let new = command::parse(text, settings, ctx.now_ms)?;
    // Says what is wrong in the same words as for everybody who sends an event.
    let plan = new.check(settings, ctx.now_ms)?;
    let most = index::IN_CHANNEL_MAX;
    if index::of_channel(&ctx.channel, ctx.now_ms, most)?.len() >= most {
        return Err(format!(
            "This channel has {most} events. Cancel and delete one first."
        ));
    }
    let mut data = json!(plan.data());
    data["created_by"] = ctx.actor.as_str().into();
    chat::send(&ctx.channel, Post::kind(KIND, &data))?;
    Ok(None)
}

impl Events for Calendar {
    fn handle(ctx: &Context, entry: Entry) -> Result<(), String> {
        if entry.kind == "member.removed" {
            return Ok(Walk::begin(ctx)?);
        }
        let message = entry.message()?;
        if message.kind != KIND {
            return Ok(());
        }
        // What is read late is the event as it is now, and may be none.
        let found = match entry.kind.as_str() {
            "message.deleted" => None,
            _ => chat::find_state::<Event>(&message.id)?,
        };
        let Some(event) = found else {
            timers::cancel(&reminders::timer(&message.id))?;
            return Ok(index::remove(&message.id)?);
        };
        keep_track(ctx, &config(), &message.id, &event, message.from == BOT)
    }
}

/// Puts an event where it belongs, and tells those who have got a place.
fn keep_track(
    ctx: &Context,
    settings: &Settings,
    id: &str,
    event: &Event,
    is_ours: bool,
) -> Result<(), String> {
    let before = index::note(id)?;
    let most = index::IN_CHANNEL_MAX;
    if before.is_none() && index::of_channel(&ctx.channel, ctx.now_ms, most)?.len() >= most {
        log::warn!("{id} is in no calendar: its channel has too many events");
    } else {
        let after = index::Note::of(event, id, &ctx.channel, is_ours);
        index::put(settings, ctx.now_ms, id, before.as_ref(), &after)?;
    }
    let moved_up = &event.answers.moved_up;
    if !moved_up.is_empty() {
        let verb = if moved_up.len() == 1 { "has" } else { "have" };
        let names = view::names(moved_up);
        let text = format!("🎟 {names} {verb} got a place: “{}”.", event.plan.title);
        // Told or refused for good: nobody is told twice, and no later answer waits for it.
        let shown = althing_plugin::blocks::text(&text).users(view::named(moved_up));
        let post = Post::text(text).with_blocks([shown]);
        chat::tell(&ctx.channel, post, "who has got a place")?;
        forgiving(chat::act(id, "told", moved_up))?;
    }
    Ok(reminders::set(ctx, id, event)?)
}

impl Schedule for Calendar {
    fn run(ctx: &Context, name: &str, payload: &str) -> Result<(), String> {
        match name.split('/').next() {
            Some("remind") => {
                let due: reminders::Due = parse_json(payload)?;
                reminders::remind(ctx, &due.message)
            }
            Some("left") => leaving::look(ctx, payload),
            _ => leaving::tidy(ctx, payload),
        }
    }
}

impl Endpoint for Calendar {
    fn handle(ctx: &Context, request: Request) -> Result<Response, String> {
        routes::answer(ctx, &config(), &request)
    }
}

impl Lifecycle for Calendar {
    fn check(_ctx: &Context, settings: &str) -> Vec<SettingFault> {
        let settings: Settings = parse_json(settings).unwrap_or_default();
        settings.faults()
    }

    fn start(ctx: &Context, _previous: Option<&str>) -> Result<(), String> {
        subscription::stir(ctx)?;
        Ok(althing_plugin::leaving::set_tidy(ctx)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(settings.faults().is_empty());
        let name = manifest["name"].as_str().unwrap();
        assert_eq!(BOT, format!("bot:{name}"));
    }

    #[test]
    fn an_event_is_made_of_its_data() {
        let alice = Context {
            actor: "alice".into(),
            actor_role: Role::Member,
            now_ms: 1_795_176_000_000,
            ..Context::default()
        };
        let make = |data: Value| create(&alice, &Settings::default(), &data.to_string());
        let created = make(json!({"title": " Lunch ", "starts": "2026-12-04T12:30"})).unwrap();
        let expected = json!({"title": "Lunch", "starts": "2026-12-04T12:30", "ends": "2026-12-04T13:30",
            "time_zone": "UTC", "remind_minutes_before": [15]});
        assert_eq!(parse_json::<Value>(&created.data).unwrap(), expected);
        let event: Event = parse_json(&created.shown.state).unwrap();
        assert_eq!(event.created_by, "alice");
        let error = |data: Value| make(data).err().unwrap();
        assert!(error(json!({})).contains("`title`"));
        assert!(
            error(json!({"title": "x", "starts": "2026-12-04", "colour": 1})).contains("`colour`")
        );
        let for_bob = json!({"title": "x", "starts": "2026-12-04", "created_by": "bob"});
        assert!(error(for_bob.clone()).contains("created_by"));
        // A guard that changes the data has it looked at anew: it is still the event of the same person.
        let bot = Context {
            actor: BOT.into(),
            actor_role: Role::Plugin,
            ..alice.clone()
        };
        let make = |data: &str| create(&bot, &Settings::default(), data).unwrap();
        let again = make(&make(&for_bob.to_string()).data);
        let event: Event = parse_json(&again.shown.state).unwrap();
        assert_eq!(event.created_by, "bob");
    }

    #[test]
    fn wrong_settings_are_told_by_name() {
        let settings = r#"{"time_zone": "Berlin", "feed_address": "chat.example"}"#;
        let faults = Calendar::check(&Context::default(), settings);
        let names: Vec<&str> = faults.iter().map(|fault| fault.setting.as_str()).collect();
        assert_eq!(names, ["time_zone", "feed_address"]);
    }
}

althing_plugin::plugin!(
    Calendar: MessageKind + Commands + Events + Schedule + Endpoint + Lifecycle,
    manifest = "plugin.toml"
);
