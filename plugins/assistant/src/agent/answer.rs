//! Asks the model and writes its answer, until there is one or it is clear that there is none.

use std::time::Duration;

use althing_plugin::http::Incoming;
use althing_plugin::prelude::*;
use althing_plugin::sse::Parser;
use althing_plugin::{Error, json};

use super::job::{self, Job, Tries};
use super::page::{Page, Watch};
use super::prompt::{self, Names};
use super::protocol::{self, Fault, Model, Turn};
use super::tools;
use crate::settings::Settings;

/// How long to wait for more before looking whether anybody still waits.
const WAIT: Duration = Duration::from_secs(2);
/// What comes within this time is shown together.
const GATHER: Duration = Duration::from_millis(200);
/// How often a model that is busy or has a fault is asked again.
const TRIES_MAX: u32 = 2;
/// How long to wait before that, unless the model says, and the longest that it may say.
const PAUSE_MS: u64 = 3_000;
const PAUSE_MS_MAX: u64 = 30_000;
/// The most bytes of an answer that doesn't come as a stream, or says what is wrong.
const WHOLE_BYTES_MAX: usize = 256 << 10;

/// How asking the model once ended.
enum End {
    Said(Turn),
    /// Nobody waits any more.
    Watch(Watch),
    /// It may go better a little later.
    Later {
        pause_ms: u64,
        sentence: String,
    },
    /// The question and what goes along are more than the model takes.
    TooLong,
    Failed(String),
}

const TOO_LONG: &str = "That is more than my model can take at once.";

/// A timer's call: the answer `id` is due.
pub fn run(ctx: &Context, settings: &Settings, id: &str, payload: &str) -> Result<(), String> {
    let Tries { tries } = parse_json(payload)?;
    let message = match chat::message(id) {
        Ok(message) => message,
        Err(Error::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let Some(job) = Job::read(&ctx.channel, id)? else {
        return give_up(ctx, id);
    };
    let mut page = Page::new(&ctx.channel, id, job);
    match Page::watch(&message) {
        Some(Watch::GoOn) => {}
        Some(Watch::Stopped) => return page.finish(Some("(Stopped.)")),
        Some(Watch::Gone) | None => return Ok(()),
    }
    match talk(settings, &message, &mut page)? {
        End::Said(turn) => page.finish(match turn.finish.as_deref() {
            Some("length") => Some("(That is as much as I may say at once.)"),
            Some("content_filter") => Some("(My model may not say more.)"),
            _ => None,
        }),
        End::Watch(Watch::Stopped) => page.finish(Some("(Stopped.)")),
        End::Watch(_) => Ok(()),
        End::Later { pause_ms, .. } if tries < TRIES_MAX => {
            let pause_ms = pause_ms.min(PAUSE_MS_MAX) << tries;
            job::ask_again(ctx, id, ctx.now_ms + pause_ms, tries + 1)
        }
        End::Later { sentence, .. } | End::Failed(sentence) => page.finish(Some(&sentence)),
        End::TooLong => page.finish(Some(TOO_LONG)),
    }
}

/// An answer that did not come.
pub fn give_up(ctx: &Context, id: &str) -> Result<(), String> {
    let message = match chat::message(id) {
        Ok(message) => message,
        Err(Error::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if !matches!(Page::watch(&message), Some(Watch::GoOn | Watch::Stopped)) {
        return Ok(());
    }
    let job = Job::read(&ctx.channel, id)?.unwrap_or_else(|| Job::of_command(ctx, ""));
    Page::new(&ctx.channel, id, job).finish(Some("I could not answer. Please ask again."))
}

/// Asks, and looks up what the model wants looked up, until it answers.
fn talk(settings: &Settings, answer: &Message, page: &mut Page<'_>) -> Result<End, String> {
    // From here on it is noticed when somebody changes the message.
    let watch = page.show()?;
    if watch != Watch::GoOn {
        return Ok(End::Watch(watch));
    }
    let mut names = Names::default();
    let Some(mut messages) = prompt::begin(settings, page.job(), answer, &mut names)? else {
        return Ok(End::Watch(Watch::Gone));
    };
    let tools = match settings.tool_rounds {
        0 => Vec::new(),
        _ => tools::all(),
    };
    let (mut has_key, question) = (true, messages.len() - 1);
    let mut is_whole = true;
    for round in 0..=settings.tool_rounds {
        let may_call = round < settings.tool_rounds;
        let body = protocol::body(&model(settings), &messages, &tools, may_call);
        let mut end = ask(settings, &body, &mut has_key, page)?;
        if matches!(end, End::TooLong) && is_whole && question > 1 {
            is_whole = false;
            prompt::halve(&mut messages, question);
            let body = protocol::body(&model(settings), &messages, &tools, may_call);
            end = ask(settings, &body, &mut has_key, page)?;
        }
        let turn = match end {
            End::Said(turn) => turn,
            end => return Ok(end),
        };
        if turn.calls.is_empty() || !may_call {
            let is_silent = page.said.trim().is_empty();
            return Ok(
                match is_silent && turn.finish.as_deref() != Some("content_filter") {
                    true => End::Failed("My model said nothing.".to_owned()),
                    false => End::Said(turn),
                },
            );
        }
        messages.push(turn.as_message());
        for call in &turn.calls {
            let found = tools::run(&answer.channel, call, &mut names);
            messages.push(json!({ "role": "tool", "tool_call_id": call.id, "content": found }));
        }
        page.pause();
    }
    Ok(End::Failed("My model said nothing.".to_owned()))
}

fn model(settings: &Settings) -> Model<'_> {
    Model {
        name: &settings.model,
        temperature: settings.temperature,
        max_tokens: settings.max_tokens,
        max_tokens_name: &settings.max_tokens_name,
    }
}

/// Asks once. `has_key` is false once it is known that there is no key.
fn ask(
    settings: &Settings,
    body: &Value,
    has_key: &mut bool,
    page: &mut Page<'_>,
) -> Result<End, String> {
    let url = format!(
        "{}/chat/completions",
        settings.endpoint.trim_end_matches('/')
    );
    let request = || {
        http::post(url.as_str())
            .json(body)
            .header("accept", "text/event-stream")
    };
    let opened = match *has_key {
        true => request()
            .secret("authorization", "Bearer ", "api_key")
            .open(),
        false => request().open(),
    };
    let opened = match opened {
        // Models on one's own machines need none.
        Err(Error::NotFound(_)) if *has_key => {
            *has_key = false;
            request().open()
        }
        opened => opened,
    };
    let answer = match opened {
        Ok(answer) => answer,
        Err(error) => {
            log::warn!("the model can't be asked: {error}");
            return Ok(match error {
                Error::Unavailable(_) => End::Later {
                    pause_ms: PAUSE_MS,
                    sentence: "I can't reach my model. Try again in a while.".to_owned(),
                },
                _ => End::Failed(
                    "I may not ask my model. Whoever runs this app finds out why in my log."
                        .to_owned(),
                ),
            });
        }
    };
    if !answer.is_ok() {
        return Ok(refused(settings, &answer));
    }
    let kind = answer.header("content-type").unwrap_or_default();
    match kind.starts_with("application/json") {
        true => Ok(whole(&answer, page)),
        false => stream(&answer, page),
    }
}

/// What a status other than 200 means.
fn refused(settings: &Settings, answer: &Incoming) -> End {
    let status = answer.status();
    let body = answer.rest(WHOLE_BYTES_MAX).unwrap_or_default();
    let body: Value = parse_json(&String::from_utf8_lossy(&body)).unwrap_or_default();
    log::warn!(
        "the model answered {status}: {}",
        protocol::told(&body["error"])
    );
    if protocol::is_too_long(status, &body["error"]) {
        return End::TooLong;
    }
    let retry_s = answer
        .header("retry-after")
        .and_then(|value| value.trim().parse().ok());
    refusal(&settings.model, status, retry_s)
}

fn refusal(model: &str, status: u16, retry_s: Option<u64>) -> End {
    let pause_ms = retry_s.map_or(PAUSE_MS, |seconds: u64| seconds.saturating_mul(1_000));
    let sentence = match status {
        401 | 403 => {
            "My model refuses my key. Whoever runs this app can enter another in my settings."
                .to_owned()
        }
        404 => format!("There is no model `{model}` where I ask for it."),
        429 => {
            let when = retry_s.map_or("a while".to_owned(), |seconds| format!("{seconds} s"));
            let sentence = format!("My model has too much to do. Try again in {when}.");
            // To wait for longer than a little is up to whoever asked.
            return match pause_ms <= PAUSE_MS_MAX {
                true => End::Later { pause_ms, sentence },
                false => End::Failed(sentence),
            };
        }
        500.. => {
            let sentence = "My model has a fault. Try again in a while.".to_owned();
            return End::Later { pause_ms, sentence };
        }
        _ => format!("My model does not take the question ({status})."),
    };
    End::Failed(sentence)
}

/// An answer of a model that doesn't know streams.
fn whole(answer: &Incoming, page: &mut Page<'_>) -> End {
    let mut turn = Turn::default();
    let body = match answer.rest(WHOLE_BYTES_MAX) {
        Ok(body) => body,
        Err(error) => return broken(&error, page),
    };
    match turn.take_whole(&body) {
        Ok(said) => {
            page.say(&said);
            End::Said(turn)
        }
        Err(fault) => nonsense(fault),
    }
}

/// An answer that is shown as it comes.
fn stream(answer: &Incoming, page: &mut Page<'_>) -> Result<End, String> {
    let mut turn = Turn::default();
    let mut parser = Parser::new();
    loop {
        let piece = match answer.read(WAIT, GATHER) {
            Ok(Some(piece)) => piece,
            Ok(None) => break,
            Err(error) => return Ok(broken(&error, page)),
        };
        let events = match parser.push(&piece) {
            Ok(events) => events,
            Err(_) => return Ok(nonsense(Fault::Nonsense)),
        };
        for event in events {
            match turn.take(&event.data) {
                Ok(said) => page.say(&said),
                Err(fault) => return Ok(nonsense(fault)),
            }
        }
        let watch = page.show()?;
        if watch != Watch::GoOn {
            return Ok(End::Watch(watch));
        }
        if page.is_full() {
            turn.calls.clear();
            return Ok(End::Said(turn));
        }
    }
    if let Some(event) = parser.finish() {
        match turn.take(&event.data) {
            Ok(said) => page.say(&said),
            Err(fault) => return Ok(nonsense(fault)),
        }
    }
    Ok(
        match (&turn.finish, turn.said.is_empty() && turn.calls.is_empty()) {
            (Some(_), _) => End::Said(turn),
            (None, true) => nonsense(Fault::Nonsense),
            // It did not say that this was all.
            (None, false) => broken(&Error::Unavailable("the answer has no end".into()), page),
        },
    )
}

fn broken(error: &Error, page: &Page<'_>) -> End {
    log::warn!("the model's answer broke off: {error}");
    End::Failed(match page.said.trim() {
        "" => "My model broke off. Try again in a while.".to_owned(),
        _ => "(My model broke off here.)".to_owned(),
    })
}

fn nonsense(fault: Fault) -> End {
    End::Failed(match fault {
        Fault::Nonsense => {
            log::warn!("the model's answer can't be read");
            "I don't understand what my model says.".to_owned()
        }
        Fault::Told(words) => {
            log::warn!("the model stopped: {words}");
            "My model has a fault. Try again in a while.".to_owned()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_one_sentence() {
        let sentence = |status, retry| match refusal("gpt", status, retry) {
            End::Failed(sentence) => (false, sentence),
            End::Later { sentence, .. } => (true, sentence),
            _ => panic!("no refusal"),
        };
        assert!(sentence(401, None).1.contains("key"));
        assert!(sentence(404, None).1.contains("`gpt`"));
        assert!(sentence(400, None).1.contains("400"));
        let (later, words) = sentence(429, Some(20));
        assert!(later && words.contains("20 s"));
        assert!(!sentence(429, Some(3600)).0 && sentence(429, None).0);
        assert!(sentence(503, None).0 && !sentence(422, None).0);
    }
}
