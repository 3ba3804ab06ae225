//! Does three things for every message of a person: counts it, says the count, and sets a timer that
//! says it again. What is done twice, or not at all, shows.

use althing_plugin::prelude::*;

struct Bookkeeper;

impl Events for Bookkeeper {
    fn handle(ctx: &Context, event: Event) -> Result<(), String> {
        if event.message()?.from.starts_with("bot:") {
            return Ok(());
        }
        let scope = kv::Scope::Channel(ctx.channel.clone());
        let count = kv::get_json::<u64>(&scope, "count")?.unwrap_or(0) + 1;
        kv::set_json(&scope, "count", &count)?;
        chat::send(&ctx.channel, Post::text(format!("counted {count}")))?;
        timers::set(&count.to_string(), ctx.now_ms, &ctx.channel, &count)?;
        Ok(())
    }
}

impl Schedule for Bookkeeper {
    fn run(ctx: &Context, name: &str, _payload: &str) -> Result<(), String> {
        chat::send(&ctx.channel, Post::text(format!("again {name}")))?;
        Ok(())
    }
}

althing_plugin::plugin!(Bookkeeper: Events + Schedule, manifest = "plugin.toml");
