//! The plugin that there is in every language: here in Rust, which the others are measured by.

use althing_plugin::prelude::*;
use althing_plugin::{kv, log};
use serde::{Deserialize, Serialize};

struct Polyglot;

#[derive(Deserialize)]
struct Settings {
    forbidden: String,
}

impl MessageGuard for Polyglot {
    fn before_send(ctx: &Context, message: Draft) -> Verdict {
        log::info!("{} sends {}", ctx.actor, message.kind);
        let settings: Settings = config();
        match message.text.as_str() {
            "trap" => panic!("as it was told"),
            "hold on" => Verdict::hold("Somebody should look at this."),
            text if text.contains(&settings.forbidden) => {
                Verdict::reject("forbidden", format!("No {} here.", settings.forbidden))
            }
            text if text.contains("teh") => Verdict::change_text(text.replace("teh", "the")),
            _ => Verdict::Allow,
        }
    }
}

impl Events for Polyglot {
    fn handle(ctx: &Context, _event: Event) -> Result<(), String> {
        if ctx.actor_role == Role::Plugin {
            return Ok(());
        }
        let scope = kv::Scope::User(ctx.actor.clone());
        let count = kv::get_json::<u64>(&scope, "said")?.unwrap_or(0) + 1;
        let version = kv::get(&scope, "said")?.map(|entry| entry.version);
        kv::swap(&scope, "said", version, count.to_string().as_bytes())?;
        if count.is_multiple_of(3) {
            let text = format!("{} has said {count} things.", ctx.actor);
            chat::send(&ctx.channel, Post::text(text))?;
        }
        Ok(())
    }
}

impl Commands for Polyglot {
    fn run(ctx: &Context, command: Command) -> Result<Option<Reply>, String> {
        let (word, rest) = command.text.split_once(' ').unwrap_or((&command.text, ""));
        let text = match word {
            // There is no other clock here than the call's.
            "clock" => "The clock shows the time of the call.".to_owned(),
            "random" => {
                let mut random = ctx.random();
                match random.next_u64() == random.next_u64() {
                    true => return Err("These are not random.".to_owned()),
                    false => "Random numbers differ.".to_owned(),
                }
            }
            "dice" => throw(ctx, rest)?,
            "fail" => return Err("This always fails.".to_owned()),
            "trap" => panic!("as it was told"),
            word => return Err(format!("I don't know `{word}`.")),
        };
        Ok(Some(Reply::text(text)))
    }

    fn complete(_ctx: &Context, command: Command) -> Vec<Choice> {
        ["clock", "random", "dice", "fail"]
            .into_iter()
            .filter(|word| word.starts_with(&command.text))
            .map(|word| Choice::new(word, format!("Probe {word}")))
            .collect()
    }
}

fn throw(ctx: &Context, dice: &str) -> Result<String, String> {
    let (count, sides) = dice
        .split_once('d')
        .and_then(|(count, sides)| Some((count.parse::<u64>().ok()?, sides.parse::<u64>().ok()?)))
        .ok_or("Say how many dice of how many sides.")?;
    let mut random = ctx.random();
    let throws: Vec<u64> = (0..count).map(|_| random.below(sides) + 1).collect();
    Ok(format!("{throws:?} = {}", throws.iter().sum::<u64>()))
}

#[derive(Serialize, Deserialize)]
struct Tally {
    title: String,
}

#[derive(Serialize, Deserialize)]
struct Count {
    count: i64,
}

fn shown(tally: &Tally, count: i64) -> Shown {
    let view = View::new(format!("{}: {count}", tally.title), []);
    Shown::new(&Count { count }, view)
}

impl MessageKind for Polyglot {
    fn create(_ctx: &Context, _kind: &str, data: &str) -> Result<Created, String> {
        let tally = parse_json::<Tally>(data).map_err(|_| "A tally needs a title.")?;
        let shown = shown(&tally, 0);
        Ok(Created::new(&tally, shown))
    }

    fn act(
        _ctx: &Context,
        _kind: &str,
        data: &str,
        state: &str,
        action: &str,
        value: &str,
    ) -> Result<Shown, String> {
        if action != "add" {
            return Err("There is no such action.".to_owned());
        }
        let count: Count = parse_json(state)?;
        let more: i64 = parse_json(value).map_err(|_| "Say how many.")?;
        Ok(shown(&parse_json(data)?, count.count + more))
    }
}

althing_plugin::plugin!(
    Polyglot: MessageGuard + Events + Commands + MessageKind,
    manifest = "plugin.toml"
);
