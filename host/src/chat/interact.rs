//! What people do with plugins: messages of a kind, buttons, slash commands.

use std::sync::Arc;

use super::access::{self, Caller};
use super::calls::{asked, at_fault, failed};
use super::chain::{self, Content};
use super::handlers::commit;
use super::words::{self, Made};
use super::{acts, attachments, messages};
use crate::app::{App, Installed};
use crate::error::{Code, Error, Result};
use crate::model::{ChannelId, Message, MessageId};
use crate::plugins::{self, Command, Context, Fault, Hook, Interaction, Shown};
use crate::store::proof::Member;
use crate::store::{Cause, Landed};
use crate::wire::{self, View};

/// How often something is tried again because somebody else was quicker.
const TRIES: usize = 8;

/// Has the kind's plugin check the data of a new message.
pub(super) async fn create(
    app: &App,
    installed: &Installed,
    context: &Context,
    kind: &str,
    data: &str,
) -> Result<Content> {
    let calling = asked(app, installed, Hook::MessageKind, &context.actor)?;
    let written = data;
    let data = data.to_owned();
    let created = plugins::kind_create(calling.with(context), kind, &data).await;
    let created = calling.note(created);
    let created = created.map_err(|fault| at_fault(installed, &fault))?.value;
    let created = created.map_err(|sentence| Error::invalid("data", sentence))?;
    let limits = &app.config.limits;
    if created.data.len() > limits.data_bytes_max {
        return Err(failed(installed));
    }
    let shown = shown(app, installed, created.shown)?;
    let known = [context.channel.as_str(), context.actor.as_str()];
    let made = Made {
        data: &created.data,
        view: &shown.view,
        state: &shown.state,
    };
    Ok(Content {
        file: None,
        kind: kind.into(),
        words: words::of_new(&known, written, made),
        text: shown.text,
        data: created.data,
        view: Some(shown.view),
        state: Some(shown.state),
    })
}

pub(super) struct Checked {
    pub text: String,
    pub view: String,
    pub state: String,
}

/// What a plugin shows, in the form that clients get it.
pub(super) fn shown(app: &App, installed: &Installed, shown: Shown) -> Result<Checked> {
    let blocks = blocks(&shown.view.blocks).ok_or_else(|| failed(installed))?;
    let view = wire::to_json(&View {
        text: shown.view.text.clone(),
        blocks,
    });
    let max = app.config.limits.data_bytes_max;
    if view.len() > 4 * max || shown.state.len() > 4 * max {
        return Err(Error::new(
            Code::LimitReached,
            "The message can't take any more.",
        ));
    }
    Ok(Checked {
        text: shown.view.text,
        view,
        state: shown.state,
    })
}

/// A list of blocks; `None` when it is none.
pub(super) fn blocks(json: &str) -> Option<Vec<serde_json::Value>> {
    if json.is_empty() {
        Some(Vec::new())
    } else {
        serde_json::from_str(json).ok()
    }
}

/// The words in a stored message.
pub(super) fn text_of(message: &Message) -> String {
    match &message.view {
        Some(view) if message.kind != "text" => serde_json::from_str::<View>(view)
            .map(|view| view.text)
            .unwrap_or_default(),
        _ => serde_json::from_str(&message.data).unwrap_or_default(),
    }
}

/// Somebody presses a button, votes, fills a form in.
pub async fn act(
    app: &Arc<App>,
    caller: &Caller,
    id: MessageId,
    act: wire::Act,
) -> Result<wire::Answer> {
    let (_, mut member) = messages::get(app, caller, id).await?;
    if let Some(user) = &act.actor {
        member = access::on_behalf(app, member, user).await?;
    }
    if member.user().is_none() {
        return Err(Error::invalid(
            "as",
            "is missing: with a server key, say which user acts",
        ));
    }
    super::valid::name("action", &act.action, 128)?;
    let value = act.value.as_ref().map_or("null", |value| value.get());
    if value.len() > app.config.limits.data_bytes_max {
        return Err(Error::new(Code::TooLarge, "`value` is too large."));
    }
    super::valid::json("value", value)?;
    if !member.channel().active {
        return Err(Error::new(
            Code::ChannelInactive,
            "The channel takes no changes.",
        ));
    }
    let place = chain::place(app, member.channel()).await?;
    let _turn = app.turns.take(id).await;
    for _ in 0..TRIES {
        let loadout = app.loadout(member.tenant().app());
        let (message, _) = messages::get(app, caller, id).await?;
        if message.deleted_at.is_some() {
            return Err(Error::new(Code::Conflict, "The message was deleted."));
        }
        if act.plugin.is_none()
            && let Some(installed) = loadout.kind(&message.kind, place.as_str())
        {
            let change = acts::apply(app, installed, &member, &message, &act.action, value).await?;
            match app
                .store
                .change_message(&member, id, message.revision, change)
                .await
            {
                Ok(_) => return Ok(wire::Answer::default()),
                Err(error) if error.code() == Code::Conflict => continue,
                Err(error) => return Err(error),
            }
        }
        let found = loadout.serving(place.as_str()).find(|installed| {
            let is_whose = match &act.plugin {
                Some(name) => *installed.name == **name,
                None => installed.bot == message.sender,
            };
            is_whose && installed.has(Hook::Interactions)
        });
        let blocks = match &act.plugin {
            Some(name) => attachments::of(&message, name),
            None => own_blocks(&message),
        };
        let Some(installed) = found else {
            return Err(Error::new(Code::Conflict, "The message takes no actions."));
        };
        // Looked at anew each time: of two who press the last button, the second is too late.
        if !offers(&blocks, &act.action) {
            let detail = "The message offers no such action, or no longer.";
            return Err(Error::new(Code::Conflict, detail));
        }
        let interaction = Interaction {
            message_id: id.to_string(),
            action: act.action.clone(),
            value: value.to_owned(),
        };
        if let Some(answer) = interaction_once(app, installed, &member, &interaction).await? {
            return Ok(answer);
        }
    }
    Err(Error::new(Code::Conflict, "Too many do this at the same time.").retry_after_ms(500))
}

/// The blocks that a message was sent with.
fn own_blocks(message: &Message) -> Vec<serde_json::Value> {
    let view = message.view.as_deref().unwrap_or_default();
    serde_json::from_str::<View>(view)
        .map(|view| view.blocks)
        .unwrap_or_default()
}

/// Whether one of the blocks, at any depth, has this action.
fn offers(blocks: &[serde_json::Value], action: &str) -> bool {
    fn has(block: &serde_json::Value, action: &str) -> bool {
        match block {
            serde_json::Value::Array(blocks) => blocks.iter().any(|block| has(block, action)),
            serde_json::Value::Object(fields) => {
                fields.get("action").is_some_and(|name| name == action)
                    || fields.values().any(|inner| has(inner, action))
            }
            _ => false,
        }
    }
    blocks.iter().any(|block| has(block, action))
}

async fn interaction_once(
    app: &Arc<App>,
    installed: &Installed,
    member: &Member,
    interaction: &Interaction,
) -> Result<Option<wire::Answer>> {
    let context = chain::context(app, member);
    let calling = asked(app, installed, Hook::Interactions, &context.actor)?;
    let output = plugins::handle_interaction(calling.with(&context), interaction).await;
    finish(app, installed, calling.note(output), Cause::Request).await
}

/// The slash commands of the caller's app, by name.
pub fn commands(app: &App, caller: &Caller) -> Result<wire::Commands> {
    let tenant = access::actor(caller)?.tenant();
    let loadout = app.loadout(tenant.app());
    let mut commands: Vec<wire::Command> = loadout
        .commands
        .iter()
        .filter_map(|(name, installed)| {
            let commands = &installed.manifest()?.commands;
            let info = commands.iter().find(|command| command.name == *name)?;
            Some(super::plugins::command(info, &installed.name))
        })
        .collect();
    commands.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(wire::Commands { commands })
}

/// Runs a slash command in a channel.
pub async fn run_command(
    app: &Arc<App>,
    caller: &Caller,
    channel: &ChannelId,
    run: wire::RunCommand,
) -> Result<wire::Answer> {
    // Most commands post something: nobody is to send more by them than by hand.
    app.rates.message(&access::actor(caller)?.whose())?;
    for _ in 0..TRIES {
        let (installed, member, command) = command_call(app, caller, channel, &run).await?;
        if !member.channel().active {
            return Err(Error::new(
                Code::ChannelInactive,
                "The channel takes no commands.",
            ));
        }
        let context = chain::context(app, &member);
        let calling = asked(app, &installed, Hook::Commands, &context.actor)?;
        let output = plugins::run_command(calling.with(&context), &command).await;
        // For whom it sends what it sends is not the plugin's to say.
        let cause = member
            .user()
            .cloned()
            .map_or(Cause::Request, Cause::Command);
        if let Some(answer) = finish(app, &installed, calling.note(output), cause).await? {
            return Ok(answer);
        }
    }
    Err(Error::new(Code::Conflict, "Too many do this at the same time.").retry_after_ms(500))
}

/// Ways to go on typing a command.
pub async fn complete(
    app: &Arc<App>,
    caller: &Caller,
    channel: &ChannelId,
    run: wire::RunCommand,
) -> Result<wire::Choices> {
    let (installed, member, command) = command_call(app, caller, channel, &run).await?;
    let context = chain::context(app, &member);
    let calling = asked(app, &installed, Hook::Commands, &context.actor)?;
    let choices = plugins::complete_command(calling.with(&context), &command).await;
    let choices = calling.note(choices);
    let choices = choices.map_err(|fault| at_fault(&installed, &fault))?.value;
    let choices = choices
        .into_iter()
        .take(20)
        .map(|c| wire::Choice {
            value: c.value,
            label: c.label,
        })
        .collect();
    Ok(wire::Choices { choices })
}

async fn command_call(
    app: &App,
    caller: &Caller,
    channel: &ChannelId,
    run: &wire::RunCommand,
) -> Result<(Arc<Installed>, Member, Command)> {
    let mut member = access::member(app, &access::actor(caller)?, channel).await?;
    if let Some(user) = &run.actor {
        member = access::on_behalf(app, member, user).await?;
    }
    if member.user().is_none() {
        return Err(Error::invalid(
            "as",
            "is missing: with a server key, say which user types",
        ));
    }
    if run.text.len() > app.config.limits.text_bytes_max {
        return Err(Error::invalid(
            "text",
            format!(
                "must have at most {} bytes",
                app.config.limits.text_bytes_max
            ),
        ));
    }
    let name = run.name.trim_start_matches('/').to_owned();
    let loadout = app.loadout(member.tenant().app());
    let place = chain::place(app, member.channel()).await?;
    let installed = loadout.command(&name, place.as_str()).cloned();
    let installed = installed.ok_or_else(|| Error::not_found("command"))?;
    Ok((
        installed,
        member,
        Command {
            name,
            text: run.text.trim().to_owned(),
        },
    ))
}

/// Commits what a handler did and gives its answer; `None` when it has to run again.
async fn finish(
    app: &Arc<App>,
    installed: &Installed,
    output: Result<plugins::Output<Result<Option<plugins::Reply>, String>>, Fault>,
    cause: Cause,
) -> Result<Option<wire::Answer>> {
    let output = match output {
        Ok(output) => output,
        Err(fault) => return Err(at_fault(installed, &fault)),
    };
    let reply = output
        .value
        .map_err(|sentence| Error::new(Code::ActionRefused, sentence))?;
    if commit(app, installed, cause, 1, output.effects).await? != Landed::Done {
        return Ok(None);
    }
    let reply = match reply {
        None => None,
        Some(reply) => {
            let blocks = blocks(&reply.blocks).ok_or_else(|| failed(installed))?;
            Some(View {
                text: reply.text,
                blocks,
            })
        }
    };
    Ok(Some(wire::Answer { reply }))
}
