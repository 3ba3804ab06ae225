//! What is kept of a question until it is answered, and for a while longer so that it can be asked
//! again: the question under the answer's id, and the answer's id under the question's.

use std::time::Duration;

use althing_plugin::kv::{self, Scope};
use althing_plugin::{Context, timers, to_json};
use serde::{Deserialize, Serialize};

/// The timer that answers, followed by the answer's id.
pub const ANSWER: &str = "answer/";
/// The timer that tidies up after an answer that doesn't come.
pub const LATE: &str = "late/";

/// When an answer that hasn't come doesn't come any more.
const LATE_MS: u64 = 10 * 60 * 1000;
const LIFETIME: Duration = Duration::from_secs(3600);
/// The most characters of a question.
const QUESTION_CHARACTERS_MAX: usize = 4_000;

/// Somebody's question.
#[derive(Debug, Deserialize, Serialize)]
pub struct Job {
    pub asker: String,
    pub question: String,
    /// The message that it was in; none for a command.
    pub message: Option<String>,
}

/// How often the model was asked before.
#[derive(Default, Deserialize, Serialize)]
pub struct Tries {
    pub tries: u32,
}

impl Job {
    pub fn of_command(ctx: &Context, question: &str) -> Job {
        Job {
            asker: ctx.actor.clone(),
            question: cut(question),
            message: None,
        }
    }

    pub fn of_message(ctx: &Context, message: &str, question: &str) -> Job {
        Job {
            message: Some(message.to_owned()),
            ..Job::of_command(ctx, question)
        }
    }

    /// The one that the message `answer` answers.
    pub fn read(channel: &str, answer: &str) -> Result<Option<Job>, String> {
        Ok(kv::get_json(&scope(channel), &job_key(answer))?)
    }

    pub fn keep(&self, channel: &str, answer: &str) -> Result<(), String> {
        let value = to_json(self);
        kv::set_for(
            &scope(channel),
            &job_key(answer),
            value.as_bytes(),
            LIFETIME,
        )?;
        if let Some(message) = &self.message {
            let key = asked_key(message);
            kv::set_for(&scope(channel), &key, answer.as_bytes(), LIFETIME)?;
        }
        Ok(())
    }
}

fn cut(question: &str) -> String {
    match question.char_indices().nth(QUESTION_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &question[..end]),
        None => question.to_owned(),
    }
}

fn scope(channel: &str) -> Scope {
    Scope::Channel(channel.to_owned())
}

fn job_key(answer: &str) -> String {
    format!("job/{answer}")
}

fn asked_key(message: &str) -> String {
    format!("asked/{message}")
}

/// The answer that is under way to a message.
pub fn answer_to(channel: &str, message: &str) -> Result<Option<String>, String> {
    let entry = kv::get(&scope(channel), &asked_key(message))?;
    Ok(entry.map(|entry| String::from_utf8_lossy(&entry.value).into_owned()))
}

/// Sets the timers of an answer.
pub fn start(ctx: &Context, answer: &str, at_ms: u64) -> Result<(), String> {
    ask_again(ctx, answer, at_ms, 0)?;
    let late = format!("{LATE}{answer}");
    Ok(timers::set(&late, at_ms + LATE_MS, &ctx.channel, &())?)
}

/// Has the model asked at another time.
pub fn ask_again(ctx: &Context, answer: &str, at_ms: u64, tries: u32) -> Result<(), String> {
    let timer = format!("{ANSWER}{answer}");
    Ok(timers::set(&timer, at_ms, &ctx.channel, &Tries { tries })?)
}

/// Takes the timers of an answer back: it is done, or nobody waits for it.
pub fn stop(channel: &str, answer: &str, question: Option<&str>) -> Result<(), String> {
    timers::cancel(&format!("{ANSWER}{answer}"))?;
    timers::cancel(&format!("{LATE}{answer}"))?;
    if let Some(question) = question {
        kv::delete(&scope(channel), &asked_key(question))?;
    }
    Ok(())
}
