//! Tasks: a kind of message that people have, work on and finish, with reminders and lists.
//!
//! `task` is what a task is and `repeat` how it repeats, `actions` what people may do with it, `view` how it is shown. `index`
//! keeps which tasks there are and `listing` reads it, for `/tasks` (`lists`) and for the plugin's own routes
//! (`routes`); `reminders` tells people in time; `leaving` tidies up after people and channels.
//! `command` reads `/task`.

mod actions;
mod command;
mod index;
mod leaving;
mod listing;
mod lists;
mod reminders;
mod repeat;
mod routes;
mod settings;
mod task;
mod view;

use althing_plugin::endpoint::{Request, Response};
use althing_plugin::leaving::{Here, Walk};
use althing_plugin::prelude::*;
use althing_plugin::when::Zone;

use settings::Settings;
use task::{KIND, NewTask, Task};

struct Tasks;

impl MessageKind for Tasks {
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
        let (mut task, settings): (Task, Settings) = (parse_json(state)?, config());
        task.act(ctx, &settings, action, &parse_json(value)?)?;
        Ok(Shown::new(&task, view::view(&task, &settings)))
    }
}

fn create(ctx: &Context, settings: &Settings, data: &str) -> Result<Created, String> {
    let new: NewTask = parse_json(data).map_err(|error| format!("This is not a task: {error}."))?;
    let created_by = ctx.author("created_by", new.created_by.as_deref())?;
    let clock = settings.clock(ctx.now_ms);
    let new = new.check(&clock)?;
    let task = new.begin(&clock, created_by)?;
    let view = view::view(&task, settings);
    Ok(Created::new(&new, Shown::new(&task, view)))
}

impl Commands for Tasks {
    fn run(ctx: &Context, command: Command) -> Result<Option<Reply>, String> {
        let settings: Settings = config();
        match command.name.as_str() {
            "task" => make(ctx, &settings, command.text.trim()),
            "tasks" => lists::reply(ctx, &settings, command.text.trim()).map(Some),
            name => Err(format!("I don't know the command /{name}.")),
        }
    }

    fn complete(ctx: &Context, command: Command) -> Vec<Choice> {
        match command::half_mention(&command.text) {
            Some((before, begun)) => lists::people(ctx, before, begun),
            None if command.name == "task" => {
                let settings: Settings = config();
                command::complete(&command.text, &settings.clock(ctx.now_ms))
            }
            None => lists::complete(&command.text),
        }
    }
}

/// `/task …`: posts a task for whoever typed it.
fn make(ctx: &Context, settings: &Settings, text: &str) -> Result<Option<Reply>, String> {
    if matches!(text, "" | "help") {
        return Ok(Some(Reply::text(command::USAGE)));
    }
    let clock = settings.clock(ctx.now_ms);
    // Says what is wrong in the same words as for everybody who sends a task.
    let new = command::parse(text, &clock)?.check(&clock)?;
    let mut here = Here::new(&ctx.channel);
    for user in &new.assignees {
        if !here.has(user)? {
            return Err(format!("@{user} is not in this channel."));
        }
    }
    if index::is_full(&ctx.channel)? {
        let most = index::OPEN_IN_CHANNEL_MAX;
        return Err(format!(
            "This channel has {most} open tasks. Finish one first."
        ));
    }
    let mut data = parse_json::<Value>(&to_json(&new))?;
    data["created_by"] = ctx.actor.as_str().into();
    chat::send(&ctx.channel, Post::kind(KIND, &data))?;
    let doubt = command::doubt(text).filter(|_| new.due_at_ms.is_none());
    Ok(doubt.map(Reply::text))
}

impl Events for Tasks {
    fn handle(ctx: &Context, event: Event) -> Result<(), String> {
        if event.kind == "member.removed" {
            return Ok(Walk::begin(ctx)?);
        }
        let message = event.message()?;
        if message.kind != KIND {
            return Ok(());
        }
        // An event that is read late finds the task as it is now, and may find none.
        let found = match event.kind.as_str() {
            "message.deleted" => None,
            _ => chat::find_state::<Task>(&message.id)?,
        };
        let Some(task) = found else {
            timers::cancel(&reminders::timer(&message.id))?;
            return Ok(index::remove(&message.id)?);
        };
        let is_ours = message.from == BOT;
        keep_track(ctx, &config(), &message.id, &task, is_ours)
    }
}

/// The plugin's own user.
const BOT: &str = "bot:task";

/// Puts a task where it belongs: into the lists of those who have it and are here.
fn keep_track(
    ctx: &Context,
    settings: &Settings,
    id: &str,
    task: &Task,
    is_ours: bool,
) -> Result<(), String> {
    let before = index::note(id)?;
    let mut after = index::Note::of(task, id, &ctx.channel, is_ours);
    // Only who is new has to be looked up: whoever leaves is taken off then.
    let known = before.as_ref().map(|note| note.assignees.clone());
    let is_new = |user: &&String| known.as_ref().is_none_or(|known| !known.contains(*user));
    let mut strangers = Vec::new();
    for user in task.assignees.iter().filter(is_new) {
        if chat::member(&ctx.channel, user)?.is_none() {
            after.assignees.remove(user);
            strangers.push(user.clone());
        }
    }
    if !strangers.is_empty() {
        chat::act(id, "release", &strangers)?;
    }
    match before.is_none() && index::is_full(&ctx.channel)? {
        true => log::warn!("{id} is not listed: its channel has too many open tasks"),
        false => index::put(settings, id, before.as_ref(), &after)?,
    }
    Ok(reminders::set(ctx, settings, id, task)?)
}

impl Schedule for Tasks {
    fn run(ctx: &Context, name: &str, payload: &str) -> Result<(), String> {
        match name.split('/').next() {
            Some("due") => {
                let due: reminders::Due = parse_json(payload)?;
                reminders::remind(ctx, &config(), &due.message)
            }
            Some("left") => leaving::look(ctx, payload),
            _ => leaving::tidy(ctx, payload),
        }
    }
}

impl Endpoint for Tasks {
    fn handle(ctx: &Context, request: Request) -> Result<Response, String> {
        routes::answer(ctx, &config(), &request)
    }
}

impl Lifecycle for Tasks {
    fn check(_ctx: &Context, settings: &str) -> Vec<SettingFault> {
        let settings: Settings = parse_json(settings).unwrap_or_default();
        let fault = Zone::setting_fault("time_zone", &settings.time_zone);
        fault.into_iter().collect()
    }

    fn start(ctx: &Context, _previous: Option<&str>) -> Result<(), String> {
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
        let name = manifest["name"].as_str().unwrap();
        assert_eq!(BOT, format!("bot:{name}"));
    }

    #[test]
    fn a_task_is_made_of_its_data() {
        let alice = Context {
            actor: "alice".into(),
            actor_role: Role::Member,
            ..Context::default()
        };
        let make =
            |ctx: &Context, data: Value| create(ctx, &Settings::default(), &data.to_string());
        let data =
            json!({"title": " Send  it", "assignees": ["bob"], "due_at_ms": 5, "items": ["a"]});
        let created = make(&alice, data).unwrap();
        let expected = json!({"title": "Send it", "assignees": ["bob"], "due_at_ms": 5,
            "priority": "normal", "items": ["a"]});
        assert_eq!(parse_json::<Value>(&created.data).unwrap(), expected);
        let task: Task = parse_json(&created.shown.state).unwrap();
        assert_eq!((task.created_by.as_str(), task.last_item), ("alice", 1));
        let error = |data: Value| make(&alice, data).err().unwrap();
        assert!(error(json!({})).contains("`title`"));
        assert!(error(json!({"title": "x", "colour": 1})).contains("`colour`"));
        assert!(error(json!({"title": "x", "created_by": "bob"})).contains("created_by"));
        let bot = Context {
            actor: BOT.into(),
            actor_role: Role::Plugin,
            ..Context::default()
        };
        let created = make(&bot, json!({"title": "x", "created_by": "bob"})).unwrap();
        let task: Task = parse_json(&created.shown.state).unwrap();
        assert_eq!(task.created_by, "bob");
        // A guard that changes the data has it looked at anew: it is still the task of the same person.
        let again = make(&bot, parse_json(&created.data).unwrap()).unwrap();
        let task: Task = parse_json(&again.shown.state).unwrap();
        assert_eq!(task.created_by, "bob");
    }
}

althing_plugin::plugin!(
    Tasks: MessageKind + Commands + Events + Schedule + Endpoint + Lifecycle,
    manifest = "plugin.toml"
);
