//! When stories end: a timer for each, which deletes it.
//!
//! A host lets a plugin set so many timers (`plugins.timers_max`). A story for which none is left waits in a list,
//! by when it is over, and gets the timer of one that has ended before. Meanwhile no feed shows it once it is over.

use std::time::Duration;

use althing_plugin::kv::{self, Scope};
use althing_plugin::{Context, Error, Value, chat, log, parse_json, timers};
use serde::{Deserialize, Serialize};

const WAITING: &str = "waiting/";
/// How long a story waits at most. It lasts for a week at most.
const WAITING_KEPT: Duration = Duration::from_secs(60 * 24 * 60 * 60);
/// How many get a timer when one has ended: more than one, so that the list comes to an end whatever fails.
const TAKEN_MAX: u32 = 2;

/// What the timer of a story is set with.
#[derive(Deserialize, Serialize)]
struct Ending {
    story: String,
}

/// Sees to the end of a new story.
pub fn set(ctx: &Context, story: &str, at_ms: u64) -> Result<(), Error> {
    match set_timer(&ctx.channel, story, at_ms) {
        Err(Error::Limited(_)) => {}
        done => return done,
    }
    // As wide for all, so that the order of the keys is that of time.
    let key = format!("{WAITING}{at_ms:0>20}/{story}");
    match kv::set_for(&Scope::Plugin, &key, ctx.channel.as_bytes(), WAITING_KEPT) {
        Err(Error::Limited(detail)) => {
            log::warn!("{story} stays in its channel's history when it is over: {detail}");
            Ok(())
        }
        done => done,
    }
}

/// A story is gone before its time.
pub fn cancel(story: &str) -> Result<(), Error> {
    timers::cancel(&timer(story))?;
    take_up()
}

/// The time of a story is over.
pub fn run(payload: &str) -> Result<(), String> {
    let Ending { story } = parse_json(payload)?;
    let ended = match chat::delete(&story) {
        // Not granted: then nobody is shown it any more.
        Err(Error::Denied(_)) => chat::act(&story, "end", &Value::Null),
        done => done,
    };
    match ended {
        // Deleted meanwhile.
        Ok(()) | Err(Error::NotFound(_)) => {}
        Err(error) => return Err(error.into()),
    }
    // The timer that runs counts as set until the call is over, unless it is cancelled.
    Ok(cancel(&story)?)
}

/// Gives timers to stories that wait, as far as there are any.
fn take_up() -> Result<(), Error> {
    for key in kv::keys(&Scope::Plugin, WAITING, None, TAKEN_MAX)? {
        let channel = kv::get(&Scope::Plugin, &key)?.map(|entry| entry.value);
        let channel = String::from_utf8_lossy(channel.as_deref().unwrap_or_default()).into_owned();
        if let Some((at_ms, story)) = read(&key) {
            match set_timer(&channel, story, at_ms) {
                Err(Error::Limited(_)) => return Ok(()),
                // Its channel is gone, and it with it.
                Ok(()) | Err(Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        kv::delete(&Scope::Plugin, &key)?;
    }
    Ok(())
}

fn set_timer(channel: &str, story: &str, at_ms: u64) -> Result<(), Error> {
    let payload = Ending {
        story: story.to_owned(),
    };
    timers::set(&timer(story), at_ms, channel, &payload)
}

fn timer(story: &str) -> String {
    format!("end/{story}")
}

/// When which story is over, by the key under which it waits.
fn read(key: &str) -> Option<(u64, &str)> {
    let (at_ms, story) = key.strip_prefix(WAITING)?.split_once('/')?;
    Some((at_ms.parse().ok()?, story))
}
