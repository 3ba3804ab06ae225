//! Sends the requests that it is told to send, from every hook, and tells what came back. What it
//! can read of its settings it tells as well.

use std::time::Duration;

use althing_plugin::chat::{self, Post};
use althing_plugin::prelude::*;

struct Courier;

/// Does what an order says: `<method> <url> [secret]`, or `config`. The method `STREAM` gets an answer
/// as it comes.
fn carry(order: &str) -> String {
    if order == "config" {
        return config::<Value>().to_string();
    }
    let mut words = order.split(' ');
    let (method, url) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let mut request = http::request(method, url);
    if let Some(secret) = words.next() {
        request = request.secret("authorization", "Bearer ", secret);
    }
    if method == "STREAM" {
        return stream(http::get(url));
    }
    match request.send() {
        Ok(answer) => format!("{} {}", answer.status(), answer.text()),
        Err(error) => format!("{error:?}"),
    }
}

/// What comes of an answer that is read as it comes, and how it ends.
fn stream(request: http::Request) -> String {
    let answer = match request.open() {
        Ok(answer) => answer,
        Err(error) => return format!("{error:?}"),
    };
    let mut told = format!("{} ", answer.status());
    loop {
        match answer.read(Duration::from_secs(10), Duration::ZERO) {
            Ok(Some(piece)) => told.extend(String::from_utf8_lossy(&piece).chars().take(20)),
            Ok(None) => return told,
            Err(error) => return format!("{told} {error:?}"),
        }
    }
}

/// What follows `fetch ` in a text.
fn order(text: &str) -> Option<&str> {
    text.strip_prefix("fetch ")
}

impl Commands for Courier {
    fn run(ctx: &Context, command: Command) -> Result<Option<Reply>, String> {
        if let Some(order) = command.text.strip_prefix("later ") {
            timers::set("later", ctx.now_ms, &ctx.channel, order)?;
            return Ok(None);
        }
        Ok(Some(Reply::text(carry(&command.text))))
    }

    fn complete(_: &Context, command: Command) -> Vec<Choice> {
        let told = carry(&command.text);
        vec![Choice {
            value: told.clone(),
            label: told,
        }]
    }
}

impl MessageGuard for Courier {
    fn before_send(_: &Context, message: Draft) -> Verdict {
        match message.text.strip_prefix("guard ") {
            Some(order) => Verdict::reject("told", carry(order)),
            None => Verdict::Allow,
        }
    }
}

impl MessageKind for Courier {
    fn create(_: &Context, _: &str, data: &str) -> Result<Created, String> {
        Err(carry(&parse_json::<String>(data)?))
    }

    fn act(_: &Context, _: &str, _: &str, _: &str, _: &str, _: &str) -> Result<Shown, String> {
        Err("Nothing to be done.".into())
    }
}

impl Events for Courier {
    fn handle(ctx: &Context, event: Event) -> Result<(), String> {
        let text = event
            .message()?
            .data
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if let Some(order) = order(&text) {
            chat::send(&ctx.channel, Post::text(carry(order)))?;
        }
        Ok(())
    }
}

impl Schedule for Courier {
    fn run(ctx: &Context, _: &str, payload: &str) -> Result<(), String> {
        let order = parse_json::<String>(payload)?;
        chat::send(&ctx.channel, Post::text(carry(&order)))?;
        Ok(())
    }
}

althing_plugin::plugin!(
    Courier: Commands + MessageGuard + MessageKind + Events + Schedule,
    manifest = "plugin.toml"
);
