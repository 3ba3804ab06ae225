//! The misbehaviours. Each takes one number and gives a report of what the host let it do; an empty
//! report means that all went as asked.

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::althing::plugin::types::Error;
use crate::althing::plugin::{
    chat_attach, chat_read, chat_write, config, counters, http, kv, log, metrics, timers,
};

/// Survives for as long as the instance does.
static REMEMBERED: AtomicU32 = AtomicU32::new(0);

/// Does what the first word of `order` says, as often or as much as the number after it says.
pub fn commit(order: &str) -> String {
    let mut words = order.split(' ');
    let deed = words.next().unwrap_or_default();
    let number: usize = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
    let second: usize = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
    match deed {
        "loop" => endless(),
        "spin" => spin(number),
        "recurse" => format!("{}", recurse(number as u64)),
        "trap" => trap(),
        "allocate" => allocate(number),
        "calls" => calls(number),
        "return" => "x".repeat(number),
        "pass" => pass(number),
        "logs" => logs(number, second),
        "get" => report(kv::get(&kv::Scope::Plugin, "key").map(drop)),
        "hang" => report(kv::get(&kv::Scope::Plugin, "hang").map(drop)),
        "set" => set(number, second),
        "write-read" => write_read(number, second),
        "swap" => swap(),
        "swap-twice" => swap_twice(),
        "stray" => report(kv::set(
            &kv::Scope::Channel("nowhere".into()),
            "key",
            b"v",
            None,
        )),
        "key" => report(kv::set(&kv::Scope::Plugin, &"k".repeat(number), b"v", None)),
        // Of a message whose id follows.
        "note" => report(kv::set(
            &kv::Scope::Message(order.split_once(' ').unwrap_or_default().1.into()),
            "note",
            b"v",
            None,
        )),
        "list" => list(),
        "keys" => match kv::keys(&kv::Scope::Plugin, "", None, 100) {
            Ok(keys) => keys.join(","),
            Err(error) => format!("{error:?}"),
        },
        "grow" => report(grow()),
        "sends" => sends(number),
        "deletes" => repeat(number, |_| chat_write::delete("msg_1")),
        "attach" => {
            // The message's id, then the blocks, if any.
            let rest = order.split_once(' ').unwrap_or_default().1;
            let (id, blocks) = rest.split_once(' ').unwrap_or((rest, ""));
            report(chat_attach::attach(id, blocks))
        }
        "act" => {
            // The message's id, then the words.
            let rest = order.split_once(' ').unwrap_or_default().1;
            let (id, words) = rest.split_once(' ').unwrap_or((rest, ""));
            report(chat_write::act(id, "it", &format!("\"{words}\"")))
        }
        "tell" => {
            let text = order.split_once(' ').unwrap_or_default().1;
            let post = chat_write::Post {
                kind: "text".into(),
                body: text.into(),
                blocks: String::new(),
            };
            report(chat_write::send("general", &post).map(drop))
        }
        "delete" => report(chat_write::delete(
            order.split_once(' ').unwrap_or_default().1,
        )),
        "post" => {
            let blocks = order.split_once(' ').unwrap_or_default().1;
            let post = chat_write::Post {
                kind: "text".into(),
                body: "posted".into(),
                blocks: blocks.into(),
            };
            report(chat_write::send("general", &post).map(drop))
        }
        "attachments" => repeat(number, |_| chat_attach::attach("msg_1", "[]")),
        "timers" => repeat(number, |at| {
            timers::set(&format!("timer {at}"), 1, "", "{}")
        }),
        "timed" => timed(number, order.rsplit(' ').next().unwrap_or_default()),
        "payload" => report(timers::set("big", 1, "", &format!("{:>number$}", 1))),
        "name" => report(timers::set(&"n".repeat(number), 1, "", "1")),
        "far" => report(timers::set("far", u64::MAX, "", "{}")),
        "count" => format!("{}", counters::add("key", number as u32, 60_000)),
        "sum" => format!("{}", counters::sum("key", 60_000)),
        "history" => report(chat_read::history("general", None, number as u32).map(drop)),
        "look-around" => look_around().unwrap_or_else(|error| format!("{error:?}")),
        "meddle" => report(meddle()),
        "config" => config::get(),
        "metrics" => {
            (0..number).for_each(|at| metrics::add(&format!("metric_{at}"), at as u64));
            metrics::set("metric_0", 1);
            metrics::add("Bad name", 1);
            String::new()
        }
        "say-back" => order.to_owned(),
        "requests" => repeat(number, |_| {
            http::send(&request("https://localhost:10000/")).map(drop)
        }),
        "wait" => report(http::send(&request("hang")).map(drop)),
        "stream" => stream(order.rsplit(' ').next().unwrap_or_default()),
        "leak" => repeat(number, |_| {
            http::open(&request("endless")).map(core::mem::forget)
        }),
        "linger" => match http::open(&request("silent")) {
            Ok(answer) => report(answer.read(number as u32, 0).map(drop)),
            Err(error) => format!("{error:?}"),
        },
        "progress" => progress(number),
        "remember" => format!("{}", REMEMBERED.fetch_add(1, Ordering::Relaxed) + 1),
        _ => String::new(),
    }
}

/// Timers that do the deed once each, as soon as they can.
fn timed(number: usize, deed: &str) -> String {
    repeat(number, |at| {
        timers::set(&format!("{deed} {}", at + 1), 1, "", "{}")
    })
}

fn endless() -> String {
    let mut turns = 0u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

fn spin(million_turns: usize) -> String {
    for turn in 0..million_turns * 1_000_000 {
        black_box(turn);
    }
    String::new()
}

fn recurse(left: u64) -> u64 {
    if left == 0 {
        0
    } else {
        black_box(recurse(black_box(left - 1)) + 1)
    }
}

fn trap() -> String {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    std::process::abort()
}

fn allocate(mebibytes: usize) -> String {
    let mut kept = Vec::new();
    for _ in 0..mebibytes {
        kept.push(black_box(vec![1u8; 1 << 20]));
    }
    String::new()
}

fn calls(number: usize) -> String {
    for _ in 0..number {
        counters::sum("key", 1_000);
    }
    String::new()
}

fn pass(bytes: usize) -> String {
    log::log(log::Level::Info, &"x".repeat(bytes));
    String::new()
}

fn logs(lines: usize, bytes: usize) -> String {
    let line = "é".repeat(bytes / 2);
    for _ in 0..lines {
        log::log(log::Level::Warn, &line);
    }
    String::new()
}

fn set(keys: usize, bytes: usize) -> String {
    let value = vec![7u8; bytes];
    repeat(keys, |at| {
        kv::set(
            &kv::Scope::Channel("general".into()),
            &format!("k{at}"),
            &value,
            None,
        )
    })
}

fn write_read(times: usize, bytes: usize) -> String {
    let value = vec![7u8; bytes];
    repeat(times, |_| {
        kv::set(&kv::Scope::Plugin, "same", &value, None)?;
        kv::get(&kv::Scope::Plugin, "same").map(drop)
    })
}

fn swap() -> String {
    let scope = kv::Scope::Plugin;
    let found = match kv::get(&scope, "key") {
        Ok(entry) => entry.map(|entry| entry.version),
        Err(error) => return format!("{error:?}"),
    };
    report(kv::swap(&scope, "key", found, b"mine", Some(5_000)))
}

/// A swap on top of a swap, and one that must fail.
fn swap_twice() -> String {
    let scope = kv::Scope::Plugin;
    let swap = |expected| kv::swap(&scope, "twice", expected, b"v", None);
    let done = swap(None).and_then(|()| {
        let version = kv::get(&scope, "twice")?.map(|entry| entry.version);
        swap(version)
    });
    match (done, swap(None)) {
        (Ok(()), Err(Error::Conflict)) => String::new(),
        other => format!("{other:?}"),
    }
}

fn list() -> String {
    let scope = kv::Scope::Plugin;
    let listed = kv::set(&scope, "k1", b"v", None)
        .and_then(|()| kv::set(&scope, "k3", b"v", None))
        .and_then(|()| kv::delete(&scope, "k2"))
        .and_then(|()| kv::keys(&scope, "k", None, 100));
    match listed {
        Ok(keys) => keys.join(","),
        Err(error) => format!("{error:?}"),
    }
}

/// One key more than there are: whoever sees another number of them writes another one.
fn grow() -> Result<(), Error> {
    let scope = kv::Scope::Plugin;
    let known = kv::keys(&scope, "grown", None, 100)?.len();
    kv::set(&scope, &format!("grown {known}"), b"v", None)
}

fn sends(number: usize) -> String {
    let post = chat_write::Post {
        kind: "text".into(),
        body: "spam".into(),
        blocks: String::new(),
    };
    repeat(number, |_| chat_write::send("general", &post).map(drop))
}

fn request(url: &str) -> http::Request {
    http::Request {
        method: "GET".into(),
        url: url.into(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout_ms: None,
        body_start: None,
    }
}

fn repeat(times: usize, mut deed: impl FnMut(usize) -> Result<(), Error>) -> String {
    for at in 0..times {
        if let Err(error) = deed(at) {
            return format!("{at}: {error:?}");
        }
    }
    String::new()
}

/// What comes of an answer that is read as it comes, and of two reads after its end.
fn stream(url: &str) -> String {
    let answer = match http::open(&request(url)) {
        Ok(answer) => answer,
        Err(error) => return format!("{error:?}"),
    };
    let mut told = vec![answer.status().to_string()];
    for _ in 0..4 {
        told.push(match answer.read(10, 0) {
            Ok(Some(piece)) => String::from_utf8_lossy(&piece).into_owned(),
            Ok(None) => "end".into(),
            Err(error) => format!("{error:?}"),
        });
    }
    told.join(",")
}

/// How many of the texts were shown, or what was wrong with one.
fn progress(number: usize) -> String {
    let post = chat_write::Post {
        kind: "text".into(),
        body: "so far".into(),
        blocks: String::new(),
    };
    let mut shown = 0;
    for at in 0..number {
        match chat_write::progress("msg_1", &post) {
            Ok(was_shown) => shown += usize::from(was_shown),
            Err(error) => return format!("{at}: {error:?}"),
        }
    }
    format!("{shown} shown")
}

/// Everything there is to read, each once.
fn look_around() -> Result<String, Error> {
    let channel = chat_read::get_channel("general")?;
    let message = chat_read::get_message("msg_1")?;
    let history = chat_read::history("general", Some(message.seq), 10)?;
    let members = chat_read::members("general", None, 10)?;
    let member = chat_read::get_member("general", "alice")?;
    let channels = chat_read::channels_of("alice", None, 10)?;
    let user = chat_read::get_user("alice")?;
    Ok([
        format!("{} {} {}", channel.kind, channel.name, channel.custom),
        format!("{} {}", message.sender, message.content.text),
        chat_read::get_state("msg_2")?,
        format!("{} before", history.len()),
        format!("{} members", members.len()),
        format!("{:?}", member.role),
        channels.join(","),
        format!("{} {}", user.name, user.custom),
    ]
    .join("; "))
}

/// What changes things that are there, each once.
fn meddle() -> Result<(), Error> {
    let post = chat_write::Post {
        kind: "text".into(),
        body: "changed".into(),
        blocks: String::new(),
    };
    chat_write::edit("msg_3", &post)?;
    chat_write::act("msg_2", "remember", "1")?;
    timers::cancel("timer 0")
}

fn report(result: Result<(), Error>) -> String {
    match result {
        Ok(()) => String::new(),
        Err(error) => format!("{error:?}"),
    }
}
