//! The assistant: answers questions from what its tenant taught it or through a language model, sets
//! reminders, greets newcomers.
//!
//! `knowledge` (over `terms`) finds which known question is meant and `answering` puts it into
//! messages; `agent` asks the model; `reminders` keeps what people want to be reminded of; `greeting`
//! greets.

mod agent;
mod answering;
mod greeting;
mod knowledge;
mod reminders;
mod settings;
mod terms;

use althing_plugin::blocks::{list, muted, strong};
use althing_plugin::prelude::*;
use althing_plugin::when::Zone;
use althing_plugin::{Posted, SettingFault};

use settings::Settings;

struct Assistant;

/// The user that this plugin is.
const BOT: &str = "bot:assistant";

impl Commands for Assistant {
    fn run(ctx: &Context, command: Command) -> Result<Option<Reply>, String> {
        let settings: Settings = config();
        match command.name.as_str() {
            "ask" => answering::ask(ctx, &settings, command.text.trim()),
            "ai" => agent::command(ctx, &settings, command.text.trim()).map(|()| None),
            "remind" => {
                let clock = settings.clock(ctx.now_ms);
                reminders::run(ctx, &clock, command.text.trim()).map(Some)
            }
            "help" => Ok(Some(help(&settings))),
            name => Err(format!("I don't know the command /{name}.")),
        }
    }

    fn complete(ctx: &Context, command: Command) -> Vec<Choice> {
        let settings: Settings = config();
        match command.name.as_str() {
            "ask" => answering::complete(&settings, &command.text),
            "remind" => reminders::complete(ctx, &settings.clock(ctx.now_ms), &command.text),
            _ => Vec::new(),
        }
    }
}

impl Events for Assistant {
    fn handle(ctx: &Context, event: Event) -> Result<(), String> {
        match event.kind.as_str() {
            "member.added" => greeting::greet(ctx, &config(), &event, &event.member()?),
            // Plugins talking to each other would never end.
            "message.new" if ctx.actor_role != Role::Plugin => {
                message(ctx, &config(), &event.message()?)
            }
            "message.deleted" => agent::forget(ctx, &event.message()?.id),
            _ => Ok(()),
        }
    }
}

impl Interactions for Assistant {
    fn handle(ctx: &Context, pressed: Interaction) -> Result<Option<Reply>, String> {
        match pressed.action.as_str() {
            agent::STOP | agent::AGAIN => agent::press(ctx, &config(), &pressed),
            _ => answering::choose(ctx, &config(), &pressed),
        }
    }
}

impl Schedule for Assistant {
    fn run(ctx: &Context, name: &str, payload: &str) -> Result<(), String> {
        let settings: Settings = config();
        match name.split('/').next() {
            Some(greeting::TIMER) => greeting::greet_all(ctx, &settings),
            _ => agent::run(ctx, &settings, name, payload)
                .unwrap_or_else(|| reminders::remind(name, payload)),
        }
    }
}

impl Lifecycle for Assistant {
    fn check(_ctx: &Context, settings: &str) -> Vec<SettingFault> {
        let settings: Settings = parse_json(settings).unwrap_or_default();
        let fault = Zone::setting_fault("time_zone", &settings.time_zone);
        fault.into_iter().collect()
    }
}

/// Somebody wrote a message; perhaps to the assistant.
fn message(ctx: &Context, settings: &Settings, posted: &Posted) -> Result<(), String> {
    let text = posted.data.as_str().unwrap_or_default();
    let question = match answering::mentioned(text, &settings.mention) {
        Some("") => {
            chat::tell(&ctx.channel, Post::text(help(settings).text), "help")?;
            return Ok(());
        }
        Some(question) => question,
        // Between two, everything is for the other.
        None if ctx.channel_type == "direct"
            && !text.trim().is_empty()
            && agent::is_with(&ctx.channel, BOT)? =>
        {
            text.trim()
        }
        None => return Ok(()),
    };
    if agent::answers(ctx, settings) && !answering::is_known(settings, question) {
        return agent::question(ctx, settings, &posted.id, question);
    }
    answering::answer_message(ctx, settings, question)
}

fn help(settings: &Settings) -> Reply {
    let mut lines = vec![
        "/ask <question>: an answer, if I know one".to_owned(),
        "/remind in 10 minutes <text>: a reminder in this channel; also `at 15:30`, `tomorrow at 9`, \
         `on friday`"
            .to_owned(),
        "/remind list and /remind cancel <number>".to_owned(),
    ];
    if !settings.endpoint.is_empty() {
        lines.insert(
            1,
            "/ai <question>: an answer of my language model".to_owned(),
        );
    }
    if !settings.mention.is_empty() {
        lines.push(format!(
            "@{} <question>: the same answer, for all to see",
            settings.mention
        ));
    }
    let clock = settings.clock(0);
    let zone = format!("My clock shows {}.", clock.zone());
    Reply::text(format!("What I can do:\n• {}\n{zone}", lines.join("\n• "))).with_blocks([
        strong("What I can do"),
        list(lines),
        muted(zone),
    ])
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
            .filter(|(_, schema)| schema.get("default").is_some())
            .map(|(name, schema)| (name.clone(), schema["default"].clone()))
            .collect::<serde_json::Map<_, _>>()
            .into();
        assert_eq!(
            parse_json::<Settings>(&defaults.to_string()).unwrap(),
            Settings::default()
        );
    }

    #[test]
    fn a_wrong_time_zone_is_told() {
        let faults = |zone: &str| {
            let settings = json!({ "time_zone": zone }).to_string();
            Assistant::check(&Context::default(), &settings).len()
        };
        assert_eq!((faults("Europe/Berlin"), faults("Berlin")), (0, 1));
    }

    #[test]
    fn help_names_every_command() {
        let manifest: Value = toml::from_str(include_str!("../plugin.toml")).unwrap();
        let settings = Settings {
            endpoint: "https://models.example".to_owned(),
            ..Settings::default()
        };
        let text = help(&settings).text;
        for command in manifest["commands"].as_array().unwrap() {
            let name = command["name"].as_str().unwrap();
            assert!(name == "help" || text.contains(&format!("/{name}")));
        }
    }
}

althing_plugin::plugin!(
    Assistant: Commands + Events + Interactions + Schedule + Lifecycle,
    manifest = "plugin.toml"
);
