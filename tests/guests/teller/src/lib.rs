//! Counts what it is told to count, from every hook that writes, and asks the outside before it is done. An
//! order is what to count, and whom to ask. Who counts the same meanwhile, or changes the plugin, is quicker.

use althing_plugin::endpoint::{Request, Response};
use althing_plugin::prelude::*;

struct Teller;

/// Counts one more, and gives the line that says how many.
fn count(order: &str) -> Result<String, String> {
    let (what, url) = order.split_once(' ').ok_or("count what?")?;
    let count = kv::get_json::<u64>(&kv::Scope::Plugin, what)?.unwrap_or(0) + 1;
    kv::set_json(&kv::Scope::Plugin, what, &count)?;
    let answer = http::get(url).send()?.text();
    Ok(format!("{what} {count} by the first, {answer}"))
}

impl Events for Teller {
    fn handle(ctx: &Context, event: Event) -> Result<(), String> {
        let message = event.message()?;
        let text = message.data.as_str().unwrap_or_default();
        if let Some(order) = text.strip_prefix("count ") {
            chat::send(&ctx.channel, Post::text(count(order)?))?;
        }
        Ok(())
    }
}

impl Schedule for Teller {
    fn run(ctx: &Context, _: &str, payload: &str) -> Result<(), String> {
        let order = parse_json::<String>(payload)?;
        chat::send(&ctx.channel, Post::text(count(&order)?))?;
        Ok(())
    }
}

impl Commands for Teller {
    fn run(ctx: &Context, command: Command) -> Result<Option<Reply>, String> {
        if let Some(order) = command.text.strip_prefix("later ") {
            timers::set("later", ctx.now_ms, &ctx.channel, order)?;
            return Ok(None);
        }
        Ok(Some(Reply::text(count(&command.text)?)))
    }
}

impl Endpoint for Teller {
    fn handle(_: &Context, request: Request) -> Result<Response, String> {
        let order = String::from_utf8_lossy(&request.body);
        Ok(Response::text(count(&order)?))
    }
}

althing_plugin::plugin!(
    Teller: Events + Schedule + Commands + Endpoint,
    manifest = "plugin.toml"
);
