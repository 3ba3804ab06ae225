//! The agent: passes questions to a language model of the tenant's choice and writes its answers,
//! as they come, into a message of the bot.
//!
//! Whoever asks gets a message at once, and a timer is set; its call asks the model (`answer`) and
//! lands the whole answer. However often that call has to run, there is one answer. A second timer
//! tidies up if it never comes to an end. `job` is what is kept meanwhile, `page` the message,
//! `prompt` what the model is told, `tools` what it may look up, `protocol` how one talks to it.

mod answer;
mod job;
mod page;
mod prompt;
mod protocol;
mod tools;

use std::time::Duration;

use althing_plugin::prelude::*;

use crate::settings::Settings;
use job::Job;
use page::Page;

/// The button that stops an answer.
pub const STOP: &str = "ai-stop";
/// The button that begins it anew.
pub const AGAIN: &str = "ai-again";

const HOUR: Duration = Duration::from_secs(3600);

/// Whether there is a model, and it may answer where the call is from.
pub fn answers(ctx: &Context, settings: &Settings) -> bool {
    let here = settings.agent_in.contains(&ctx.channel_type)
        && (settings.agent_channels.is_empty() || settings.agent_channels.contains(&ctx.channel));
    here && is_set_up(settings)
}

fn is_set_up(settings: &Settings) -> bool {
    !settings.endpoint.is_empty() && !settings.model.is_empty()
}

/// `/ai …`. The error is a sentence.
pub fn command(ctx: &Context, settings: &Settings, question: &str) -> Result<(), String> {
    if !is_set_up(settings) {
        let words = "I have no model to ask. Whoever runs this app can name one in my settings.";
        return Err(words.to_owned());
    }
    if !answers(ctx, settings) {
        return Err("I don't answer here.".to_owned());
    }
    if question.is_empty() {
        return Err("What do you want to know? `/ai how do I …`".to_owned());
    }
    count(ctx, settings).map_err(|over| over.sentence)?;
    let job = Job::of_command(ctx, question);
    let answer = chat::send(&ctx.channel, Page::waiting(&job))?;
    begin(ctx, &job, &answer)
}

/// A question in a message, which was stored as `message`.
pub fn question(
    ctx: &Context,
    settings: &Settings,
    message: &str,
    question: &str,
) -> Result<(), String> {
    match count(ctx, settings) {
        Ok(()) => {
            let job = Job::of_message(ctx, message, question);
            match chat::tell(&ctx.channel, Page::waiting(&job), "an answer")? {
                Some(answer) => begin(ctx, &job, &answer),
                None => Ok(()),
            }
        }
        // Said once: to answer each of a flood would be a flood.
        Err(over) if over.is_first => {
            let shown = blocks::text(&over.to_all).user(&ctx.actor);
            let post = Post::text(over.to_all).with_blocks([shown]);
            chat::tell(&ctx.channel, post, "a refusal")?;
            Ok(())
        }
        Err(_) => Ok(()),
    }
}

/// Whether the bot is one of the two in a direct channel.
pub fn is_with(channel: &str, bot: &str) -> Result<bool, String> {
    let members = chat::members(channel, None, 2)?;
    Ok(members.iter().any(|member| member.user == bot))
}

/// Somebody has asked more than they may.
struct Over {
    /// For whoever asked.
    sentence: String,
    /// The same where others read it.
    to_all: String,
    is_first: bool,
}

impl Over {
    /// `person` has asked `times` times, or without one the channel.
    fn new(person: Option<&str>, times: u32, is_first: bool) -> Over {
        let times = match times {
            1 => "once".to_owned(),
            times => format!("{times} times"),
        };
        let rest = format!("asked me {times} within an hour. Ask again later.");
        let (sentence, to_all) = match person {
            Some(person) => (
                format!("You have {rest}"),
                format!("@{person}, you have {rest}"),
            ),
            None => (
                format!("This channel has {rest}"),
                format!("This channel has {rest}"),
            ),
        };
        Over {
            sentence,
            to_all,
            is_first,
        }
    }
}

fn count(ctx: &Context, settings: &Settings) -> Result<(), Over> {
    let (user, channel) = (
        format!("ai/u/{}", ctx.actor),
        format!("ai/c/{}", ctx.channel),
    );
    let actor = Some(ctx.actor.as_str());
    for (key, max, person) in [
        (&user, settings.questions_per_user, actor),
        (&channel, settings.questions_per_channel, None),
    ] {
        let asked = counters::add(key, 1, HOUR);
        if asked > max {
            return Err(Over::new(person, max, asked == max + 1));
        }
    }
    Ok(())
}

fn begin(ctx: &Context, job: &Job, answer: &str) -> Result<(), String> {
    job.keep(&ctx.channel, answer)?;
    job::start(ctx, answer, ctx.now_ms)
}

/// One of the buttons was pressed. The error is a sentence.
pub fn press(
    ctx: &Context,
    settings: &Settings,
    pressed: &Interaction,
) -> Result<Option<Reply>, String> {
    let id = pressed.message_id.as_str();
    let Some(job) = Job::read(&ctx.channel, id)? else {
        return Err("I no longer know what was asked. Ask me again.".to_owned());
    };
    if ctx.actor != job.asker && !ctx.may_moderate() {
        return Err("This is for whoever asked, and for those who run the channel.".to_owned());
    }
    if pressed.action == STOP {
        // The call that writes the answer sees it, and ends with what it has.
        chat::edit(id, Page::stopping(&job))?;
        return Ok(None);
    }
    if !answers(ctx, settings) {
        return Err("I don't answer here any more.".to_owned());
    }
    count(ctx, settings).map_err(|over| over.sentence)?;
    chat::edit(id, Page::waiting(&job))?;
    job.keep(&ctx.channel, id)?;
    job::start(ctx, id, ctx.now_ms)?;
    Ok(None)
}

/// A message was deleted: nobody waits for the answer to it any more.
pub fn forget(ctx: &Context, question: &str) -> Result<(), String> {
    let Some(id) = job::answer_to(&ctx.channel, question)? else {
        return Ok(());
    };
    job::stop(&ctx.channel, &id, Some(question))?;
    match chat::delete(&id) {
        Err(error) if error.may_pass() => Err(error.into()),
        // Gone already, or a guard keeps it.
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Runs a timer, if it is one of the agent's.
pub fn run(
    ctx: &Context,
    settings: &Settings,
    timer: &str,
    payload: &str,
) -> Option<Result<(), String>> {
    if let Some(id) = timer.strip_prefix(job::ANSWER) {
        return Some(answer::run(ctx, settings, id, payload));
    }
    let id = timer.strip_prefix(job::LATE)?;
    Some(answer::give_up(ctx, id))
}

#[cfg(test)]
mod tests {
    use super::Over;

    #[test]
    fn whoever_asked_too_much_is_named_before_others() {
        let over = Over::new(Some("bob"), 20, true);
        let expected = "You have asked me 20 times within an hour. Ask again later.";
        assert_eq!(over.sentence, expected);
        assert!(over.to_all.starts_with("@bob, you have asked me 20 times"));
        assert!(
            Over::new(None, 1, true)
                .to_all
                .starts_with("This channel has asked me once")
        );
    }
}
